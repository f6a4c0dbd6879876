//! Counting that survives the process: how often a job type ran in its assignment, how often a job was tried, how
//! often a reply was given. Every count is a row of files made with `O_EXCL`, so processes beside each other
//! never take the same number, and no lock is needed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

/// The folder that holds the counts of one script.
#[derive(Debug)]
pub(crate) struct Tally {
    folder: PathBuf,
}

impl Tally {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The number of this job among those of its type in its assignment, from 1. A job that was counted before
    /// keeps its number; without a job id every run counts.
    pub(crate) fn nth(&self, assignment: &str, job_type: &str, job: Option<&str>) -> io::Result<u32> {
        self.number(&format!("{}.{}", as_file_name(assignment), as_file_name(job_type)), job)
    }

    /// The number of this try of the job, from 1.
    pub(crate) fn attempt(&self, job: Option<&str>) -> io::Result<u32> {
        match job {
            Some(job) => self.number(&format!("{}.attempt", as_file_name(job)), None),
            None => Ok(1),
        }
    }

    /// Takes one of the `limit` uses of a reply; `false` when all of them are taken.
    pub(crate) fn take_use(&self, reply: usize, limit: u32) -> io::Result<bool> {
        for n in 1..=limit {
            if self.took(&format!("reply-{reply}.{n}"), "")? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn number(&self, row: &str, owner: Option<&str>) -> io::Result<u32> {
        let mut n = 1;
        loop {
            let name = format!("{row}.{n}");
            if self.took(&name, owner.unwrap_or_default())? {
                return Ok(n);
            }
            if let Some(owner) = owner
                && fs::read_to_string(self.folder.join(&name))? == owner
            {
                return Ok(n);
            }
            n += 1;
        }
    }

    /// Whether this call, and no other, made the file.
    fn took(&self, name: &str, content: &str) -> io::Result<bool> {
        match OpenOptions::new().write(true).create_new(true).open(self.folder.join(name)) {
            Ok(mut file) => file.write_all(content.as_bytes()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The id with whatever cannot stand in a file name replaced, so that no id leaves the folder.
fn as_file_name(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn tally() -> (tempfile::TempDir, Tally) {
        let folder = tempfile::tempdir().unwrap();
        let tally = Tally::open(folder.path().join("script.state")).unwrap();
        (folder, tally)
    }

    #[test]
    fn jobs_of_a_type_are_numbered_within_their_assignment() {
        let (_folder, tally) = tally();
        assert_eq!(tally.nth("a", "pm", Some("j1")).unwrap(), 1);
        assert_eq!(tally.nth("a", "pm", Some("j2")).unwrap(), 2);
        assert_eq!(tally.nth("a", "plan", Some("j3")).unwrap(), 1);
        assert_eq!(tally.nth("b", "pm", Some("j4")).unwrap(), 1);
    }

    #[test]
    fn another_try_of_a_job_keeps_its_number_and_counts_as_an_attempt() {
        let (_folder, tally) = tally();
        assert_eq!((tally.nth("a", "pm", Some("j1")).unwrap(), tally.attempt(Some("j1")).unwrap()), (1, 1));
        assert_eq!((tally.nth("a", "pm", Some("j2")).unwrap(), tally.attempt(Some("j2")).unwrap()), (2, 1));
        assert_eq!((tally.nth("a", "pm", Some("j1")).unwrap(), tally.attempt(Some("j1")).unwrap()), (1, 2));
    }

    #[test]
    fn without_a_job_id_every_run_counts() {
        let (_folder, tally) = tally();
        assert_eq!(tally.nth("a", "pm", None).unwrap(), 1);
        assert_eq!(tally.nth("a", "pm", None).unwrap(), 2);
        assert_eq!((tally.attempt(None).unwrap(), tally.attempt(None).unwrap()), (1, 1));
    }

    #[test]
    fn a_reply_is_given_no_more_often_than_its_times() {
        let (_folder, tally) = tally();
        let given: Vec<bool> = (0..3).map(|_| tally.take_use(0, 2).unwrap()).collect();
        assert_eq!(given, [true, true, false]);
        assert!(tally.take_use(1, 1).unwrap());
    }

    #[test]
    fn runs_side_by_side_never_get_the_same_number() {
        let (_folder, tally) = tally();
        let numbers: BTreeSet<u32> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..32)
                .map(|job| {
                    let tally = &tally;
                    scope.spawn(move || tally.nth("a", "pm", Some(&format!("j{job}"))).unwrap())
                })
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(numbers, (1..=32).collect());
    }

    #[test]
    fn an_id_cannot_leave_the_folder() {
        let (folder, tally) = tally();
        tally.nth("../../x", "a/b", Some("j")).unwrap();
        assert!(folder.path().join("script.state/______x.a_b.1").exists());
    }
}
