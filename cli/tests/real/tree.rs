//! What is left of an agent's process tree, and a bell that a tool inside of it can ring.

use std::fs;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use super::Desk;

/// Longer than any CLI takes to its first tool call.
const PATIENCE: Duration = Duration::from_secs(60);

/// A named pipe in the repository: whoever writes to it rings.
pub struct Bell(Receiver);

impl Bell {
    pub async fn rung(&mut self) {
        let rung = tokio::time::timeout(PATIENCE, self.0.readable()).await;
        rung.expect("the tool is called in time").unwrap();
    }
}

impl Desk {
    pub fn hang_bell(&self, name: &str) -> Bell {
        let path = self.repo().join(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Bell(OpenOptions::new().read_write(true).open_receiver(path).unwrap())
    }

    /// The command lines of the processes that carry the mark of an attempt of this assignment.
    pub fn survivors(&self, assignment: &Value) -> Vec<String> {
        let jobs = assignment["jobs"].as_array().unwrap();
        let attempts = jobs.iter().flat_map(|job| job["attempts"].as_array().unwrap());
        let marks: Vec<String> = attempts
            .map(|attempt| format!("AGENTS_ATTEMPT_ID={}", attempt["id"].as_str().unwrap()))
            .collect();
        assert!(!marks.is_empty(), "no attempt to look for: {assignment:#}");
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        // A process that ends while it is looked at has no environment any more.
        let read = |path: std::path::PathBuf| {
            String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
        };
        let is_marked = |path: &std::path::PathBuf| {
            let environment = read(path.join("environ"));
            environment.split('\0').any(|variable| marks.iter().any(|mark| mark == variable))
        };
        processes.filter(is_marked).map(|path| read(path.join("cmdline")).replace('\0', " ")).collect()
    }
}
