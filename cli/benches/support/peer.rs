//! task-spooler (`tsp`), the peer in local start latency: a server in memory that stores nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A task-spooler server of our own. It ends when this is dropped.
pub struct TaskSpooler {
    folder: PathBuf,
}

impl TaskSpooler {
    /// Starts one; `None` if it is not installed.
    pub fn start(folder: &Path) -> Option<Self> {
        let spooler = Self { folder: folder.to_owned() };
        std::fs::create_dir_all(folder).unwrap();
        spooler.command().arg("true").stdout(Stdio::null()).status().ok()?;
        Some(spooler)
    }

    /// The client. Job output goes to files, as by default.
    #[allow(clippy::disallowed_methods, reason = "a peer is measured by starting it")]
    pub fn command(&self) -> Command {
        let mut command = Command::new("tsp");
        command.env("TS_SOCKET", self.folder.join("socket")).env("TMPDIR", &self.folder);
        command
    }

    /// The server's process.
    pub fn pid(&self) -> i32 {
        let socket = self.folder.join("socket").display().to_string();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let is_server = |pid: &i32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == format!("TS_SOCKET={socket}").as_bytes())
        };
        pids.filter(is_server).min().unwrap()
    }
}

impl Drop for TaskSpooler {
    fn drop(&mut self) {
        self.command().arg("-K").status().unwrap();
    }
}
