//! Whether this process runs below a keeper, whatever its environment says.
//!
//! A keeper inherits all the orphans below it, so it is above every process that its agent has started, however that one was
//! detached. An agent that has somebody else start a process (a service manager, a container engine) is not seen, nor is a
//! keeper outside of the process namespace that we are in.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use agents_domain::id::AttemptId;

use super::terms::KEEP;
use crate::process::tree;

/// The attempts whose keepers are above this process, the nearest first. Of a check it is the attempt that it is about.
pub fn attempts_above() -> Vec<AttemptId> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut pid = std::process::id().cast_signed();
    while let Some(parent) = tree::look(pid).map(|one| one.parent).filter(|parent| *parent > 0) {
        if !seen.insert(parent) {
            break;
        }
        let command = std::fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
        found.extend(attempt_of(&command));
        pid = parent;
    }
    found
}

/// The attempt that a command line keeps, if it is a keeper's. What a check's keeper keeps is in a folder below that of the
/// attempt.
fn attempt_of(command: &[u8]) -> Option<AttemptId> {
    let mut words = command.split(|byte| *byte == 0).skip(1);
    if words.next()? != KEEP.as_bytes() {
        return None;
    }
    let folder = Path::new(OsStr::from_bytes(words.next()?));
    let mut names = folder.iter().skip_while(|name| *name != "attempts").skip(2);
    names.find_map(|name| name.to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_known_by_its_command_line_that_of_a_check_too() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let kept = |folder: &str| attempt_of(format!("agents\0{KEEP}\0{folder}\x009\0").as_bytes());
        let attempt = Some(id.parse().unwrap());
        assert_eq!(kept(&format!("/data/attempts/57/{id}")), attempt);
        let receipt = "01890a5d-ac96-774b-bcce-b302099a0000";
        assert_eq!(kept(&format!("/data/attempts/57/{id}/checks/{receipt}")), attempt);
        assert_eq!(kept("/data/attempts/57"), None);
        assert_eq!(attempt_of(format!("vi\0/data/attempts/57/{id}\0").as_bytes()), None);
        assert_eq!(attempt_of(b""), None);
    }
}
