//! How a keeper is spoken to: lines in a FIFO in the attempt's folder. Any runner of the machine can write them, a full disk
//! does not keep them back, and where nobody reads there is no keeper.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::exit::EndReason;

/// What a keeper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The agent may go on until this moment of the monotonic clock, in milliseconds.
    Renew { deadline: u64 },
    /// End the agent and all that it has started.
    End { reason: EndReason },
}

impl Message {
    fn line(self) -> String {
        match self {
            Message::Renew { deadline } => format!("renew {deadline}\n"),
            Message::End { reason } => format!("end {}\n", reason.as_str()),
        }
    }

    /// Reads a line. One that is not understood is of a newer version, and means nothing here.
    pub fn read(line: &str) -> Option<Message> {
        match line.split_once(' ')? {
            ("renew", deadline) => Some(Message::Renew { deadline: deadline.parse().ok()? }),
            ("end", reason) => Some(Message::End { reason: EndReason::from_name(reason)? }),
            _ => None,
        }
    }
}

/// Makes the FIFO.
pub fn make(path: &Path) -> io::Result<()> {
    #[cfg(not(target_vendor = "apple"))]
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::from_raw_mode(0o600))?;
    #[cfg(target_vendor = "apple")]
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    Ok(())
}

/// The keeper's end. Open for writing too, so that it never sees an end of file between two writers.
pub fn listen(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags()).open(path)
}

/// Tells the keeper. `false`: there is none.
pub fn tell(path: &Path, message: Message) -> io::Result<bool> {
    let opened = OpenOptions::new().write(true).custom_flags(flags()).open(path);
    match opened {
        // Shorter than PIPE_BUF, so it is written whole or not at all (pipe(7)).
        Ok(mut control) => control.write_all(message.line().as_bytes()).map(|()| true),
        Err(error) if is_nobody(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Nobody has the other end open, or there is no FIFO.
fn is_nobody(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

fn flags() -> i32 {
    OFlags::NONBLOCK.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written_and_nonsense_is_none() {
        for message in [Message::Renew { deadline: 7 }, Message::End { reason: EndReason::Cancelled }] {
            assert_eq!(Message::read(message.line().trim_end()), Some(message));
        }
        for nonsense in ["", "end", "end x", "renew -1", "hello 7"] {
            assert_eq!(Message::read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn where_nobody_listens_there_is_no_keeper() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let end = Message::End { reason: EndReason::Cancelled };
        assert!(!tell(&path, end).unwrap(), "no FIFO");
        make(&path).unwrap();
        assert!(!tell(&path, end).unwrap(), "no keeper");
        let mut keeper = listen(&path).unwrap();
        assert!(tell(&path, end).unwrap());
        let mut heard = [0; 64];
        let count = keeper.read(&mut heard).unwrap();
        assert_eq!(&heard[..count], b"end cancelled\n");
    }
}
