//! Which program keeps attempts: a small one that has nothing else to do, or else the whole one.
//!
//! A keeper of the small program holds less memory and starts sooner. Where `agents` was copied alone, it keeps attempts
//! itself, by its hidden commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::terms::{KEEP, LAUNCH};
use super::{keep, launch};

/// The small program. The number is that of what runner and keeper say to each other: the arguments, the lines of the
/// FIFO, the mark and the exit status. It is counted up with every change that an older one would not understand, so that a
/// runner never starts a keeper of another kind, whatever was installed meanwhile.
pub const SMALL: &str = "agents-keeper-1";

/// The program to start as the keeper: the small one, if it lies beside the whole one and can be run.
pub fn beside(whole: &Path) -> PathBuf {
    let small = whole.with_file_name(SMALL);
    if small.is_file() && access(&small, Access::EXEC_OK).is_ok() { small } else { whole.to_owned() }
}

/// Does what the two hidden commands of a keeper say, and gives the exit code. `None`: these arguments are none of them.
pub fn obey(args: impl Iterator<Item = OsString>) -> Option<u8> {
    let mut args = args;
    let command = args.next()?;
    let rest = || args.collect::<Vec<_>>();
    match command.to_str()? {
        KEEP => Some(keep(&rest())),
        LAUNCH => Some(launch(&rest())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_small_program_is_taken_only_if_it_lies_there_and_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, small) = (folder.path().join("agents"), folder.path().join(SMALL));
        assert_eq!(beside(&whole), whole, "there is none");
        fs::create_dir(&small).unwrap();
        assert_eq!(beside(&whole), whole, "a folder");
        fs::remove_dir(&small).unwrap();
        fs::write(&small, "").unwrap();
        fs::set_permissions(&small, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(beside(&whole), whole, "it is not executable");
        fs::set_permissions(&small, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(beside(&whole), small);
        assert_eq!(
            beside(Path::new("/proc/self/exe")),
            Path::new("/proc/self/exe"),
            "a program that was replaced"
        );
    }

    #[test]
    fn other_arguments_are_no_command_of_a_keeper() {
        for line in [&[][..], &["runner"], &["Keep-attempt"]] {
            assert_eq!(obey(line.iter().map(OsString::from)), None, "{line:?}");
        }
        assert_eq!(obey([OsString::from(KEEP)].into_iter()), Some(2), "a keeper without its terms");
    }
}
