//! What a keeper is told when it is started: its own arguments, then the agent's.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use agents_domain::invocation::StopSignal;

/// The hidden command of a keeper.
pub const KEEP: &str = "keep-attempt";
/// The hidden command of the short step between a keeper and its agent.
pub const LAUNCH: &str = "launch-agent";

/// What a keeper is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The attempt's folder.
    pub folder: PathBuf,
    /// The moment on the monotonic clock at which it ends the agent unless it is renewed before, in milliseconds.
    pub deadline: u64,
    pub stop: StopSignal,
    /// The time between the first signal and SIGKILL.
    pub grace: Duration,
    /// How much the agent may print, in bytes.
    pub max_output: u64,
    /// The agent's program and arguments.
    pub command: Vec<OsString>,
}

impl Terms {
    /// The arguments after the hidden command.
    pub fn into_args(self) -> Vec<OsString> {
        let stop = match self.stop {
            StopSignal::Terminate => "term",
            StopSignal::Interrupt => "int",
            StopSignal::TerminateGroup => "term-group",
        };
        let mut args: Vec<OsString> = vec![
            self.folder.into_os_string(),
            self.deadline.to_string().into(),
            stop.into(),
            self.grace.as_millis().to_string().into(),
            self.max_output.to_string().into(),
            "--".into(),
        ];
        args.extend(self.command);
        args
    }

    /// The terms out of those arguments.
    pub fn from_args(args: &[OsString]) -> Option<Self> {
        let [folder, deadline, stop, grace, max_output, dashes, command @ ..] = args else { return None };
        let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
        let stop = match stop.to_str()? {
            "term" => StopSignal::Terminate,
            "int" => StopSignal::Interrupt,
            "term-group" => StopSignal::TerminateGroup,
            _ => return None,
        };
        if dashes != "--" || command.is_empty() {
            return None;
        }
        Some(Self {
            folder: folder.into(),
            deadline: number(deadline)?,
            stop,
            grace: Duration::from_millis(number(grace)?),
            max_output: number(max_output)?,
            command: command.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_come_out_as_they_went_in() {
        let terms = Terms {
            folder: "/data/a b".into(),
            deadline: 77,
            stop: StopSignal::TerminateGroup,
            grace: Duration::from_millis(1500),
            max_output: 1 << 30,
            command: vec!["claude".into(), "--".into(), "".into()],
        };
        assert_eq!(Terms::from_args(&terms.clone().into_args()), Some(terms.clone()));
        let nothing = Terms { command: Vec::new(), ..terms };
        assert_eq!(Terms::from_args(&nothing.into_args()), None);
        assert_eq!(Terms::from_args(&["x".into()]), None);
    }
}
