//! Other people's processes: the only place that starts one.
//!
//! An agent's standard streams are regular files in its attempt's folder: a CLI that drops what a pipe has not
//! taken loses nothing, an agent outlives its reader, and a grandchild that keeps the file open delays nobody.

pub mod custody;
pub mod editor;
pub mod identity;
pub mod keeper;
pub mod probe;
mod start;
pub mod stop;
pub mod tool;
pub mod tree;

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use agents_domain::id::ReceiptId;

pub use start::{SpawnError, Streams, Terms, refused, start};

/// The folder, in that of an attempt, of the checks that were run after it.
pub const CHECKS: &str = "checks";

/// The files of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFiles {
    pub folder: PathBuf,
}

impl AttemptFiles {
    /// What the agent is told.
    pub fn prompt(&self) -> PathBuf {
        self.folder.join("prompt.md")
    }

    /// The agent's stream as it printed it.
    pub fn stdout(&self) -> PathBuf {
        self.folder.join("stdout")
    }

    /// What it said beside it.
    pub fn stderr(&self) -> PathBuf {
        self.folder.join("stderr")
    }

    /// Held by the attempt's keeper as long as anything of the attempt lives.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("keeper.lock")
    }

    /// How the keeper is spoken to.
    pub fn control(&self) -> PathBuf {
        self.folder.join("control")
    }

    /// How it ended, written when nothing of it lives any more.
    pub fn exit(&self) -> PathBuf {
        self.folder.join("exit.json")
    }

    /// The files of one run of a check after it.
    pub fn check(&self, receipt: ReceiptId) -> AttemptFiles {
        AttemptFiles { folder: self.folder.join(CHECKS).join(receipt.to_string()) }
    }

    /// The files of every run of a check after it.
    pub fn checks(&self) -> Vec<AttemptFiles> {
        let Ok(entries) = std::fs::read_dir(self.folder.join(CHECKS)) else { return Vec::new() };
        entries.flatten().map(|entry| AttemptFiles { folder: entry.path() }).collect()
    }

    /// How much has been printed, in bytes.
    pub fn output(&self) -> u64 {
        let length = |path: PathBuf| std::fs::metadata(path).map_or(0, |found| found.len());
        length(self.stdout()).saturating_add(length(self.stderr()))
    }
}

/// This program's own file, also after a newer version has taken its place on the disk: a keeper is of the same version as
/// its runner.
pub fn own_program() -> PathBuf {
    let linked = PathBuf::from("/proc/self/exe");
    // Without a name nothing can be started at all.
    let named = std::env::current_exe().unwrap_or_default();
    let file = |path: &PathBuf| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    match file(&linked) {
        // By its name it is found by `ps` and `pgrep`.
        Some(own) if file(&named) == Some(own) => named,
        Some(_) => linked,
        None => named,
    }
}
