//! What a keeper leaves behind when the whole tree of its agent is gone: the exit status, written atomically.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use agents_domain::harness::ProcessEnd;
use serde::{Deserialize, Serialize};

use crate::crash_point;

/// Why an agent was ended before it ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A person wants it.
    Cancelled,
    /// A person has paused the assignment.
    Paused,
    /// The runner shuts down.
    Shutdown,
    /// Another runner owns the job now.
    LeaseLost,
    /// No runner has renewed the keeper's lease.
    LeaseOver,
    /// Somebody outside has ended the keeper, as a machine does that goes down.
    Terminated,
    Timeout,
    StartTimeout,
    SilenceTimeout,
    /// It has printed more than it may.
    OutputOverflow,
    /// Waiting for it any longer is hopeless.
    Hopeless,
    /// It has used more than it may.
    OverBudget,
}

impl EndReason {
    const ALL: [EndReason; 12] = [
        EndReason::Cancelled,
        EndReason::Paused,
        EndReason::Shutdown,
        EndReason::LeaseLost,
        EndReason::LeaseOver,
        EndReason::Terminated,
        EndReason::Timeout,
        EndReason::StartTimeout,
        EndReason::SilenceTimeout,
        EndReason::OutputOverflow,
        EndReason::Hopeless,
        EndReason::OverBudget,
    ];

    /// The name in the control FIFO and in the exit file.
    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::Cancelled => "cancelled",
            EndReason::Paused => "paused",
            EndReason::Shutdown => "shutdown",
            EndReason::LeaseLost => "lease_lost",
            EndReason::LeaseOver => "lease_over",
            EndReason::Terminated => "terminated",
            EndReason::Timeout => "timeout",
            EndReason::StartTimeout => "start_timeout",
            EndReason::SilenceTimeout => "silence_timeout",
            EndReason::OutputOverflow => "output_overflow",
            EndReason::Hopeless => "hopeless",
            EndReason::OverBudget => "over_budget",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<EndReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A process that was still there and had to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub pid: i32,
    pub name: String,
}

/// Why the agent's program did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotStarted {
    /// The number of the system's error.
    pub errno: i32,
}

/// How an attempt's processes ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exit {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Why it was ended, if it did not end by itself.
    pub reason: Option<EndReason>,
    pub not_started: Option<NotStarted>,
    /// Processes besides the agent that had to be ended, the first ones; and how many there were.
    pub ended: Vec<Ended>,
    pub ended_count: usize,
    /// Processes that did not even end by SIGKILL (the kernel holds them).
    pub survivors: Vec<Ended>,
    /// Nothing is known: the keeper itself was killed.
    #[serde(skip)]
    pub is_unknown: bool,
}

impl Exit {
    /// The exit of an attempt whose keeper left no word.
    pub fn unknown() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// How the agent's own process ended.
    pub fn process(&self) -> ProcessEnd {
        match (self.exit_code, self.signal) {
            (Some(code), _) => ProcessEnd::Exited(code),
            (None, Some(signal)) => ProcessEnd::Signaled(signal),
            (None, None) => ProcessEnd::Unknown,
        }
    }

    /// Writes it whole or not at all.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        crash_point::pass("exit half written");
        fs::rename(&unfinished, path)
    }

    /// Reads what a keeper has left. `None`: nothing, or nothing that can be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_read_as_it_was_written_and_rubbish_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exit.json");
        assert_eq!(Exit::read(&path), None);
        for reason in EndReason::ALL {
            assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
            let exit = Exit {
                signal: Some(9),
                reason: Some(reason),
                ended: vec![Ended { pid: 7, name: "sleep".to_owned() }],
                ended_count: 1,
                ..Exit::default()
            };
            exit.write(&path).unwrap();
            assert_eq!(Exit::read(&path), Some(exit));
        }
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Exit::read(&path), None);
    }
}
