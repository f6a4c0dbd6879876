//! One run of a check, in the same custody as an agent: its tree ends, its time and its output are bounded, and it does
//! not outlive its runner for longer than a lease.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_domain::evidence::{Check, CheckEnd, TestCounts};
use agents_domain::id::AttemptId;
use agents_domain::invocation::{Invocation, StopSignal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::output;
use crate::attempt::StopReason;
use crate::process::custody::Custody;
use crate::process::keeper::exit::{EndReason, Exit};
use crate::process::{AttemptFiles, SpawnError, Terms, stop};

/// How much a check may print, in bytes. Its output is evidence to be read, not a work to be kept.
pub(super) const OUTPUT_MOST: u64 = 64 << 20;

/// How long a keeper may take beyond the grace until it is not believed in any more: it kills for 10 s at most.
const KEEPER_PATIENCE: Duration = Duration::from_secs(15);

/// Variables that a check does not get: the way to the store and the names of jobs, the marks of agents that may have
/// started the runner, and what leads git elsewhere.
const ENV_REMOVE: [&str; 15] = [
    "AGENTS_*",
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE_*",
    "CODEX_CI",
    "CODEX_MANAGED_*",
    "CODEX_SANDBOX*",
    "CODEX_THREAD_ID",
    "GEMINI_CLI*",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
];

/// Who a check says that it is: to `agents`, which then refuses what is a person's to decide.
const JOB_TYPE: (&str, &str) = ("AGENTS_JOB_TYPE", "check");

/// A check that is to be run.
pub(super) struct Run<'a> {
    pub check: &'a Check,
    pub attempt: AttemptId,
    /// The top of the workspace.
    pub folder: &'a Path,
    pub files: AttemptFiles,
    pub limit: Duration,
    pub terms: Terms,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    pub end: CheckEnd,
    pub duration: Duration,
    pub output_hash: String,
    pub output_bytes: u64,
    pub tail: String,
    pub counts: Option<TestCounts>,
}

impl Run<'_> {
    /// Runs it to its end, which `stop` may bring about.
    pub async fn ended(self, stop: watch::Receiver<Option<StopReason>>) -> Ran {
        let began = Instant::now();
        let (grace, most) = (self.terms.grace, self.terms.max_output);
        let started = std::fs::create_dir_all(&self.files.folder)
            .map_err(|why| SpawnError::Files { path: self.files.folder.clone(), why })
            .and_then(|()| {
                Custody::start(self.attempt, (&self.invocation(), &self.files), self.terms.clone())
            });
        let end = match started {
            Ok((custody, _)) => ended(custody, (began + self.limit, grace), stop).await,
            Err(error) => {
                let why = error.to_string();
                return Ran::not_started(began.elapsed(), why);
            }
        };
        let duration = began.elapsed();
        let stdout = self.files.stdout();
        let read = tokio::task::spawn_blocking(move || output::read(&stdout, most)).await;
        match read.map_err(std::io::Error::other).and_then(|read| read) {
            Ok(read) => {
                let has_overflown = read.bytes > most && matches!(end, CheckEnd::Exit(_));
                let end = if has_overflown { CheckEnd::Overflow } else { end };
                let (output_hash, output_bytes) = (read.hash, read.bytes);
                Ran { end, duration, output_hash, output_bytes, tail: read.tail, counts: read.counts }
            }
            Err(error) => Ran::not_started(duration, format!("its output can't be read: {error}")),
        }
    }

    /// The outer shell joins both outputs in the order in which they come, and becomes the check.
    fn invocation(&self) -> Invocation {
        let mut args = ["-c", "exec \"$@\" 2>&1", "sh"].map(str::to_owned).to_vec();
        args.extend(self.check.argv());
        Invocation {
            program: "sh".to_owned(),
            args,
            env: vec![
                (stop::MARKER.to_owned(), self.attempt.to_string()),
                (JOB_TYPE.0.to_owned(), JOB_TYPE.1.to_owned()),
            ],
            env_remove: ENV_REMOVE.map(str::to_owned).to_vec(),
            env_keep: Vec::new(),
            cwd: PathBuf::from(self.folder),
            stdin: String::new(),
            files: Vec::new(),
            stop: StopSignal::TerminateGroup,
        }
    }
}

impl Ran {
    fn not_started(duration: Duration, why: String) -> Self {
        Self {
            end: CheckEnd::NotStarted,
            duration,
            output_hash: output::hash_of_nothing(),
            output_bytes: 0,
            tail: why,
            counts: None,
        }
    }
}

async fn ended(
    mut custody: Custody,
    (deadline, grace): (Instant, Duration),
    mut stop: watch::Receiver<Option<StopReason>>,
) -> CheckEnd {
    let mut asked: Option<(EndReason, Instant)> = None;
    loop {
        let give_up = asked.map_or(deadline, |(_, since)| since + grace + KEEPER_PATIENCE);
        tokio::select! {
            exit = custody.ended() => return end(&exit, asked.map(|(reason, _)| reason)),
            () = stopped(&mut stop), if asked.is_none() => {
                custody.ask_end(EndReason::Shutdown);
                asked = Some((EndReason::Shutdown, Instant::now()));
            }
            () = tokio::time::sleep_until(give_up) => match asked {
                None => {
                    custody.ask_end(EndReason::Timeout);
                    asked = Some((EndReason::Timeout, Instant::now()));
                }
                Some((reason, _)) => {
                    custody.force_end();
                    asked = Some((reason, Instant::now()));
                }
            },
        }
    }
}

/// Waits until somebody wants the end of the attempt, whoever it is.
async fn stopped(stop: &mut watch::Receiver<Option<StopReason>>) {
    if stop.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn end(exit: &Exit, asked: Option<EndReason>) -> CheckEnd {
    match exit.reason.or(asked.filter(|_| exit.is_unknown)) {
        Some(EndReason::Timeout | EndReason::StartTimeout | EndReason::SilenceTimeout) => CheckEnd::Timeout,
        Some(EndReason::OutputOverflow) => CheckEnd::Overflow,
        Some(
            EndReason::Cancelled
            | EndReason::Paused
            | EndReason::Shutdown
            | EndReason::LeaseLost
            | EndReason::LeaseOver
            | EndReason::Terminated
            | EndReason::Hopeless
            | EndReason::OverBudget,
        ) => CheckEnd::Stopped,
        None if exit.not_started.is_some() => CheckEnd::NotStarted,
        None => match (exit.exit_code, exit.signal) {
            (Some(code), _) => CheckEnd::Exit(code),
            (None, Some(signal)) => CheckEnd::Signal(signal),
            // Its keeper was killed, and it with it.
            (None, None) => CheckEnd::Stopped,
        },
    }
}

/// Ends checks that a runner which is gone has left behind. Nothing of them lives when this returns.
pub(super) async fn end_left_behind(attempt: AttemptId, files: &AttemptFiles) {
    for check in files.checks() {
        match Custody::adopt(attempt, &check) {
            Ok(Some(mut custody)) => {
                tracing::info!(%attempt, "a check of a runner that is gone is ended");
                custody.ask_end(EndReason::LeaseLost);
                while tokio::time::timeout(KEEPER_PATIENCE, custody.ended()).await.is_err() {
                    custody.force_end();
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, %attempt, "a check that was left behind can't be looked at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_whose_folder_is_gone_is_not_started_and_says_why() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("gone");
        let terms = Terms {
            keeper: PathBuf::from("/bin/sh"),
            lease: Duration::from_secs(2),
            grace: Duration::from_secs(1),
            max_output: OUTPUT_MOST,
        };
        let run = Run {
            check: &Check::of_command("true"),
            attempt: AttemptId::new(uuid::Uuid::nil()),
            folder: &folder,
            files: AttemptFiles { folder: temp.path().join("attempt/checks/1") },
            limit: Duration::from_secs(1),
            terms,
        };
        let (_stop, stopped) = watch::channel(None);
        let ran = run.ended(stopped).await;
        assert_eq!((ran.end, ran.output_bytes), (CheckEnd::NotStarted, 0));
        assert!(ran.tail.contains("the folder to work in") && ran.tail.contains("gone"), "{}", ran.tail);
    }

    #[test]
    fn the_end_of_a_check_is_what_the_keeper_says_or_what_was_asked() {
        let check = |exit: Exit, asked: Option<EndReason>, expected: CheckEnd| {
            assert_eq!(end(&exit, asked), expected, "{exit:?}");
        };
        let code = |code| Exit { exit_code: Some(code), ..Exit::default() };
        let ended = |reason| Exit { reason: Some(reason), signal: Some(15), ..Exit::default() };
        check(code(0), None, CheckEnd::Exit(0));
        check(code(0), Some(EndReason::Timeout), CheckEnd::Exit(0));
        check(Exit { signal: Some(9), ..Exit::default() }, None, CheckEnd::Signal(9));
        check(ended(EndReason::Timeout), None, CheckEnd::Timeout);
        check(ended(EndReason::OutputOverflow), None, CheckEnd::Overflow);
        check(ended(EndReason::LeaseOver), None, CheckEnd::Stopped);
        check(Exit::unknown(), None, CheckEnd::Stopped);
        check(Exit::unknown(), Some(EndReason::Timeout), CheckEnd::Timeout);
    }
}
