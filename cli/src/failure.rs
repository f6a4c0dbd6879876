//! What a command says when it does not do what it was asked: the kind picks the exit code, hints say what to
//! do next. Nothing here prints or exits.

use std::fmt::Display;
use std::io;

use agents_domain::aggregate::Rejection;
use agents_domain::start::StartError;
use agents_domain::store::StoreError;

/// How the program ends. Documented in `docs/cli.md`; scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Ambiguous = 4,
    Rejected = 5,
    BadInput = 6,
    StoreUnavailable = 7,
    Missing = 8,
    /// For commands that wait for an assignment.
    Blocked = 9,
    Interrupted = 130,
}

impl ExitCode {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// What kind of failure it is. The name is in the JSON form of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The operation itself failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// There is no such assignment, job or attempt.
    NotFound,
    /// Several things fit the id.
    Ambiguous,
    /// The state does not allow it: closed, stale, in conflict, already there.
    Rejected,
    /// A config, template, context or folder is not as it must be.
    BadInput,
    /// The database can't be used.
    StoreUnavailable,
    /// An agent CLI or something else that the work needs is missing.
    Missing,
    /// The assignment that was waited for is blocked.
    #[allow(dead_code, reason = "for commands that wait for an assignment")]
    Blocked,
    /// A person stopped the program.
    #[allow(dead_code, reason = "for commands that run until they are stopped")]
    Interrupted,
    /// The reader of our output has gone: not an error, and nobody is left to tell.
    OutputClosed,
}

impl FailureKind {
    /// The name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Failed => "failed",
            FailureKind::Usage => "usage",
            FailureKind::NotFound => "not_found",
            FailureKind::Ambiguous => "ambiguous",
            FailureKind::Rejected => "rejected",
            FailureKind::BadInput => "bad_input",
            FailureKind::StoreUnavailable => "store_unavailable",
            FailureKind::Missing => "missing",
            FailureKind::Blocked => "blocked",
            FailureKind::Interrupted => "interrupted",
            FailureKind::OutputClosed => "output_closed",
        }
    }

    /// How the program ends.
    pub fn exit_code(self) -> ExitCode {
        match self {
            FailureKind::Failed => ExitCode::Failed,
            FailureKind::Usage => ExitCode::Usage,
            FailureKind::NotFound => ExitCode::NotFound,
            FailureKind::Ambiguous => ExitCode::Ambiguous,
            FailureKind::Rejected => ExitCode::Rejected,
            FailureKind::BadInput => ExitCode::BadInput,
            FailureKind::StoreUnavailable => ExitCode::StoreUnavailable,
            FailureKind::Missing => ExitCode::Missing,
            FailureKind::Blocked => ExitCode::Blocked,
            FailureKind::Interrupted => ExitCode::Interrupted,
            FailureKind::OutputClosed => ExitCode::Ok,
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// A fragment that reads after "error: ".
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without hints.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with a hint if there is one.
    #[must_use]
    pub fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// What it says and what to do, in one line.
    pub fn in_a_line(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("; {hint}"));
        std::iter::once(self.message.clone()).chain(hints).collect()
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A file or another input is not as it must be.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(FailureKind::BadInput, message)
    }

    /// The state does not allow it.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Rejected, message)
    }

    /// A file could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::bad_input(format!("can't {doing} {}: {error}", path.display()))
    }

    /// Our own output could not be written.
    pub fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(FailureKind::OutputClosed, "the reader of the output has gone")
        } else {
            Self::new(FailureKind::Failed, format!("can't write the output: {error}"))
        }
    }

    /// Anything else that went wrong while doing something.
    pub fn failed(doing: &str, error: impl Display) -> Self {
        Self::new(FailureKind::Failed, format!("{doing}: {error}"))
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        rejected(&rejection)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let kind = if error.is_unknown { FailureKind::NotFound } else { FailureKind::BadInput };
        let mut problems = error.problems.into_iter();
        let first = Failure::new(kind, problems.next().unwrap_or_default());
        let failure = problems.fold(first, |failure, problem| failure.hint(problem));
        failure.hint_if(
            error
                .is_unknown
                .then_some("`agents definition list` and `agents workflow list` list what there is"),
        )
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = |kind| Failure::new(kind, error.to_string());
        match &error {
            StoreError::Rejected(rejection) => rejected(rejection),
            StoreError::NoAssignment(_) => failure(FailureKind::NotFound)
                .hint("`agents assignments --all-namespaces` lists what there is"),
            StoreError::LostRace { .. } => failure(FailureKind::Rejected).hint("run the same command again"),
            StoreError::Locked { .. } => failure(FailureKind::StoreUnavailable)
                .hint("close the program that holds it (a database browser, a backup), then try again"),
            StoreError::ReadOnly { .. } => failure(FailureKind::StoreUnavailable)
                .hint("make the file and its folder writable, or set databaseUrl to another place"),
            StoreError::Full { .. } => failure(FailureKind::StoreUnavailable)
                .hint("free some space; `agents gc --dry-run` says what old logs take")
                .hint("a runner goes on by itself"),
            StoreError::Corrupt { .. } => failure(FailureKind::StoreUnavailable)
                .hint("nothing was changed; `agents doctor` says how to save what is in it"),
            StoreError::Truncated { path } => failure(FailureKind::StoreUnavailable)
                .hint(format!(
                    "nothing was changed; put a backup of {path} back, with {path}-wal beside it as it is"
                ))
                .hint(format!("to begin anew, move {path}-wal and {path}-shm away too")),
            StoreError::Newer { .. } => failure(FailureKind::StoreUnavailable)
                .hint("update agents, or set databaseUrl to another file for this version"),
            StoreError::Unreachable { .. } => failure(FailureKind::StoreUnavailable)
                .hint("set AGENTS_DATA_DIR to a folder that can be written, or databaseUrl to another file")
                .hint("`agents config show` says where databaseUrl comes from"),
            StoreError::BadRow { .. } | StoreError::Database { .. } => {
                failure(FailureKind::StoreUnavailable).hint("`agents doctor` checks the database")
            }
            StoreError::BadUrl { .. } => {
                failure(FailureKind::BadInput).hint("`agents config show` says where databaseUrl comes from")
            }
        }
    }
}

fn rejected(rejection: &Rejection) -> Failure {
    let failure = Failure::rejected(rejection.to_string());
    match rejection {
        Rejection::EmptyNorthStar => Failure::usage(rejection.to_string())
            .hint("say what you want: agents create \"Add a --dry-run flag to the importer\""),
        Rejection::FolderTaken { folder: _, by } => failure
            .hint("give this one a worktree of its own: --workspace worktree")
            .hint(format!(
                "or end the other one first: agents update-assignment {} --status complete",
                by.short()
            )),
        Rejection::Closed { assignment, status: _ } => failure.hint(format!(
            "open it again with `agents update-assignment {} --status active --note \"what is still to do\"`",
            assignment.short()
        )),
        Rejection::NotInAssignment { job: _, assignment } => {
            failure.hint(format!("`agents assignment {}` lists its jobs", assignment.short()))
        }
        Rejection::TooManyJobs { assignment, limit } => failure.hint(format!(
            "allow more with `agents update-assignment {} --status active --max-jobs {}`",
            assignment.short(),
            limit.saturating_mul(2)
        )),
        Rejection::StaleAttempt { .. } => {
            failure.hint("the job was ended or taken over in between; what it decides has no effect any more")
        }
        Rejection::NotThePm { .. } => {
            failure.hint("report what should follow in the final answer; the PM reads it")
        }
        Rejection::NotReady { .. } => failure.hint("`agents queue` says what it waits for"),
        Rejection::StillRunning { job } => failure.hint(format!(
            "end it first: agents cancel {0}; then agents retry {0} goes on in its session",
            job.short()
        )),
        Rejection::AlreadyDone { job } => failure.hint(format!(
            "`agents job {}` shows what it did; `agents insert-job` adds a job for what is still missing",
            job.short()
        )),
        Rejection::AlreadyRepeated { job: _, by } => {
            failure.hint(format!("`agents job {}` shows it", by.short()))
        }
        Rejection::Directed { .. } => failure,
        Rejection::Undirected { assignment } => {
            failure.hint(format!("`agents assignment {}` says what it is", assignment.short()))
        }
        Rejection::NotNow { .. } => failure.hint("`agents workflow status` says where it stands"),
        Rejection::IsQuestion { .. } => failure.hint("ask it again with `agents chat`"),
        Rejection::ReasonNeeded { .. } => failure.hint("add --reason \"why\""),
        Rejection::EmptyCriterion => Failure::usage(rejection.to_string())
            .hint("say what must hold: --accept \"`importer --dry-run` writes nothing\""),
        Rejection::NoCriterion { assignment, number: _ } => {
            failure.hint(format!("`agents evidence {}` lists its criteria", assignment.short()))
        }
        Rejection::EmptyCheck => Failure::usage(rejection.to_string()).hint("--add-check \"cargo test\""),
        Rejection::CheckTwice { name } => {
            failure.hint(format!("drop that one in the same call: --drop-check \"{name}\""))
        }
        Rejection::NoCheck { assignment, name: _ } => {
            failure.hint(format!("`agents evidence {}` lists its checks", assignment.short()))
        }
        Rejection::OutOfBudget { .. } => failure.hint(
            "raise it: agents update-assignment <assignment> --status active --max-cost …; the day's limit is limits.day of the config",
        ),
        Rejection::WrapsUp { .. } => failure.hint(
            "agents update-assignment self --status complete --reason \"…\", or --status blocked --reason \"what is left to do\"",
        ),
        Rejection::NotShown { .. } => failure
            .hint("`agents evidence <assignment>` shows what was measured")
            .hint("accept it all the same with --force --reason \"why\"; it is recorded as forced"),
        Rejection::Conflict(_) => {
            failure.hint("a PM job makes one decision; what it decided first stands, so end your turn now")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_but_a_closed_output_ends_with_its_own_code() {
        let kinds = [
            (FailureKind::Failed, 1),
            (FailureKind::Usage, 2),
            (FailureKind::NotFound, 3),
            (FailureKind::Ambiguous, 4),
            (FailureKind::Rejected, 5),
            (FailureKind::BadInput, 6),
            (FailureKind::StoreUnavailable, 7),
            (FailureKind::Missing, 8),
            (FailureKind::Blocked, 9),
            (FailureKind::Interrupted, 130),
            (FailureKind::OutputClosed, 0),
        ];
        for (kind, number) in kinds {
            assert_eq!(kind.exit_code().number(), number, "{}", kind.as_str());
        }
    }
}
