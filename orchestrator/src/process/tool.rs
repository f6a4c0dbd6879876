//! Runs a short program to its end and takes what it prints: for git, for gh, for the commands of `setup`.
//!
//! It has a group of its own, which is ended when its time is over or when nobody waits for it any more. What it prints is
//! read to its end, and kept up to a limit.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::stop;

/// How much of each stream is kept, unless it is said otherwise.
pub const OUTPUT_MAX: usize = 16 * 1024 * 1024;

/// How long the streams of a program that has ended may stay open: what it has left running holds them.
const DRAIN: Duration = Duration::from_secs(1);

/// A program to be run.
#[derive(Debug)]
pub struct Tool {
    pub program: String,
    pub args: Vec<String>,
    pub folder: PathBuf,
    pub env: Vec<(String, String)>,
    /// Variables of ours that it does not get.
    pub env_remove: Vec<String>,
    pub stdin: Vec<u8>,
    pub limit: Duration,
    /// How much of each stream is kept, in bytes.
    pub output_max: usize,
    /// Both streams are also written here as they come.
    pub log: Option<File>,
}

/// What a program has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether it printed more to its standard output than was kept.
    pub is_cut: bool,
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    /// How it ended, in words.
    pub status: String,
}

/// Why a program did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("`{program}` is not installed or not on PATH")]
    Missing { program: String },
    #[error("`{program}` can't be run: {why}")]
    NotRunnable { program: String, why: String },
    #[error("`{program}` did not end within {} s", limit.as_secs_f32())]
    TimedOut { program: String, limit: Duration },
}

impl Tool {
    /// A program without input, in this folder.
    pub fn new(program: &str, args: &[&str], folder: impl Into<PathBuf>, limit: Duration) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            folder: folder.into(),
            env: Vec::new(),
            env_remove: Vec::new(),
            stdin: Vec::new(),
            limit,
            output_max: OUTPUT_MAX,
            log: None,
        }
    }

    /// Runs it to its end.
    pub async fn run(self) -> Result<Ended, ToolError> {
        let mut child = self.command().spawn().map_err(|error| self.refused(&error))?;
        let group = Group(child.id());
        let input = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (limit, program) = (self.limit, self.program.clone());
        let log = |file: &Option<File>| file.as_ref().and_then(|file| file.try_clone().ok());
        let (log_out, log_err) = (log(&self.log), log(&self.log));
        let mut kept = (Kept::new(self.output_max, log_out), Kept::new(self.output_max, log_err));
        let ended = tokio::time::timeout(limit, async {
            let feed = async {
                if let Some(mut input) = input {
                    // A program that does not want its input closes it.
                    input.write_all(&self.stdin).await.ok();
                }
            };
            let read = async { tokio::join!(feed, kept.0.read(stdout), kept.1.read(stderr)) };
            tokio::pin!(read);
            let status = tokio::select! {
                status = child.wait() => {
                    // What it has left running may hold the streams; nobody waits for that.
                    tokio::time::timeout(DRAIN, &mut read).await.ok();
                    status
                }
                _ = &mut read => child.wait().await,
            };
            status
        })
        .await;
        match ended {
            Err(_) => Err(ToolError::TimedOut { program, limit }),
            Ok(Err(error)) => Err(ToolError::NotRunnable { program, why: error.to_string() }),
            Ok(Ok(status)) => {
                group.has_ended();
                let (stdout, stderr) = kept;
                Ok(Ended {
                    is_cut: stdout.is_cut,
                    stdout: stdout.bytes,
                    stderr: stderr.bytes,
                    code: status.code(),
                    status: status.to_string(),
                })
            }
        }
    }

    #[allow(clippy::disallowed_methods, reason = "this module is one of those that spawn")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder).process_group(0).kill_on_drop(true);
        for name in &self.env_remove {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn refused(&self, error: &std::io::Error) -> ToolError {
        let program = self.program.clone();
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        if is_missing && self.folder.is_dir() {
            return ToolError::Missing { program };
        }
        let why = match is_missing {
            true => format!("the folder {} is not there", self.folder.display()),
            false => error.to_string(),
        };
        ToolError::NotRunnable { program, why }
    }
}

impl Ended {
    /// Whether it ended well.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// What it printed, without the end of the last line.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// What it complained of, in short.
    pub fn complaint(&self) -> String {
        const MOST: usize = 600;
        let said = if self.stderr.trim_ascii().is_empty() { &self.stdout } else { &self.stderr };
        let said = String::from_utf8_lossy(said);
        let said = said.trim();
        match said.char_indices().rev().nth(MOST - 1) {
            Some((place, _)) if place > 0 => format!("…{}", &said[place..]),
            _ => said.to_owned(),
        }
    }
}

/// What is kept of a stream.
struct Kept {
    most: usize,
    bytes: Vec<u8>,
    is_cut: bool,
    log: Option<File>,
}

impl Kept {
    fn new(most: usize, log: Option<File>) -> Self {
        Self { most, bytes: Vec::new(), is_cut: false, log }
    }

    /// To its end; past the limit it is read and forgotten, so that nobody waits for us.
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let room = self.most.saturating_sub(self.bytes.len());
            let taken = &buffer[..count.min(room)];
            self.is_cut |= taken.len() < count;
            self.bytes.extend_from_slice(taken);
            if let Some(Err(error)) = self.log.as_mut().map(|log| log.write_all(taken)) {
                tracing::warn!(%error, "a log could not be written");
                self.log = None;
            }
        }
    }
}

/// The group of a program. Dropped before the program has ended, it ends all of it.
struct Group(Option<u32>);

impl Group {
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()) {
            stop::kill_group(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Tool {
        Tool::new("sh", &["-c", script], std::env::temp_dir(), LONG)
    }

    #[tokio::test]
    async fn a_program_tells_both_its_streams_and_its_exit_code() {
        let ended = shell("echo out; echo err >&2; exit 3").run().await.unwrap();
        let expected = Ended {
            stdout: b"out\n".to_vec(),
            stderr: b"err\n".to_vec(),
            is_cut: false,
            code: Some(3),
            status: "exit status: 3".to_owned(),
        };
        assert_eq!(ended, expected);
        assert_eq!((ended.text(), ended.complaint()), ("out".to_owned(), "err".to_owned()));
    }

    #[tokio::test]
    async fn its_input_is_what_it_is_given() {
        let tool = Tool { stdin: b"hello".to_vec(), ..shell("cat") };
        assert_eq!(tool.run().await.unwrap().text(), "hello");
        assert_eq!(shell("cat").run().await.unwrap().text(), "", "without input there is an end of it");
    }

    #[tokio::test]
    async fn more_than_the_limit_is_read_and_forgotten_also_in_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let tool = Tool {
            output_max: 10,
            log: Some(log.reopen().unwrap()),
            ..shell("head -c 1000000 /dev/zero | tr '\\0' x")
        };
        let ended = tool.run().await.unwrap();
        assert_eq!((ended.text(), ended.is_cut, ended.code), ("x".repeat(10), true, Some(0)));
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "x".repeat(10));
    }

    #[tokio::test]
    async fn past_its_time_it_is_ended_with_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", pid.display());
        let tool = Tool { limit: Duration::from_millis(500), ..shell(&script) };
        let error = tool.run().await.unwrap_err();
        assert_eq!(error.to_string(), "`sh` did not end within 0.5 s");
        let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let is_gone = || super::super::tree::look(child).is_none_or(|seen| seen.is_zombie());
        while !is_gone() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_it_leaves_running_keeps_nobody_waiting() {
        let ended = shell("sleep 1000 & echo $!").run().await.unwrap();
        let left: i32 = ended.text().parse().unwrap();
        assert_eq!(ended.code, Some(0));
        let seen = super::super::tree::look(left).unwrap();
        assert!(super::super::tree::signal(&seen, rustix::process::Signal::KILL));
    }

    #[tokio::test]
    async fn a_program_or_folder_that_is_not_there_is_named() {
        let missing = Tool::new("no-such-program-anywhere", &[], "/", LONG).run().await.unwrap_err();
        assert_eq!(missing.to_string(), "`no-such-program-anywhere` is not installed or not on PATH");
        let nowhere = Tool::new("sh", &[], "/no/such/folder", LONG).run().await.unwrap_err();
        assert_eq!(nowhere.to_string(), "`sh` can't be run: the folder /no/such/folder is not there");
    }
}
