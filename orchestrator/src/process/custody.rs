//! A runner's hold on a running attempt: through its keeper, whether this runner has started it or has taken it over.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use agents_domain::attempt::ProcessMark;
use agents_domain::id::AttemptId;
use agents_domain::invocation::Invocation;
use rustix::process::Signal;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::identity::{self, Life};
use super::keeper::control::{self, Message};
use super::keeper::exit::{EndReason, Exit};
use super::keeper::mark::{self, Mark};
use super::keeper::{cgroup, now};
use super::{AttemptFiles, SpawnError, Streams, Terms, start, stop, tree};
use crate::crash_point;

/// How often the lock of a keeper is tried that tells us nothing else.
const LOCK_CHECK: Duration = Duration::from_millis(50);

/// How long a keeper may take until it has started its agent.
const KEEPER_START: Duration = Duration::from_secs(2);

/// A running attempt's keeper.
#[derive(Debug)]
pub struct Custody {
    attempt: AttemptId,
    files: AttemptFiles,
    waiter: Waiter,
}

/// How its end is noticed.
#[derive(Debug)]
enum Waiter {
    /// Our own child.
    Child(Child),
    /// Another runner's child: a handle that tells when it ends.
    Handle(AsyncFd<OwnedFd>),
    /// All that is known is that somebody holds the lock.
    Lock,
}

impl Custody {
    /// Starts an attempt.
    pub fn start(
        attempt: AttemptId,
        (invocation, files): (&Invocation, &AttemptFiles),
        terms: Terms,
    ) -> Result<(Self, Streams), SpawnError> {
        let (child, streams) = start(invocation, files, terms)?;
        Ok((Self { attempt, files: files.clone(), waiter: Waiter::Child(child) }, streams))
    }

    /// Takes over an attempt that another runner has started. `None`: no keeper lives, and none ever will.
    pub fn adopt(attempt: AttemptId, files: &AttemptFiles) -> io::Result<Option<Self>> {
        if mark::revoke(&files.lock())? {
            return Ok(None);
        }
        let waiter = handle(files).map_or(Waiter::Lock, Waiter::Handle);
        Ok(Some(Self { attempt, files: files.clone(), waiter }))
    }

    /// Waits until nothing of the attempt lives any more, and tells how it ended. What a keeper that was killed has left
    /// is ended here.
    pub async fn ended(&mut self) -> Exit {
        match &mut self.waiter {
            Waiter::Child(child) => {
                if let Err(error) = child.wait().await {
                    tracing::warn!(%error, "the end of a keeper could not be seen");
                }
            }
            Waiter::Handle(handle) => {
                if let Err(error) = handle.readable().await {
                    tracing::warn!(%error, "the end of a keeper could not be seen");
                }
            }
            Waiter::Lock => {
                while matches!(mark::take(&self.files.lock()), Ok(mark::Taken::Held)) {
                    tokio::time::sleep(LOCK_CHECK).await;
                }
            }
        }
        crash_point::pass("end noticed");
        left_behind(self.attempt, &self.files)
    }

    /// Asks the keeper to end the agent with all that it has started. One that is stopped goes on for this.
    pub fn ask_end(&self, reason: EndReason) {
        if let Err(error) = control::tell(&self.files.control(), Message::End { reason }) {
            tracing::warn!(%error, attempt = %self.attempt, "a keeper could not be told");
        }
        if let Some(keeper) = self.keeper() {
            tree::signal(&keeper, Signal::CONT);
        }
    }

    /// Ends everything without the keeper, which does not answer.
    pub fn force_end(&self) {
        tracing::warn!(attempt = %self.attempt, "its keeper does not answer and is killed");
        if let Some(keeper) = self.keeper() {
            let below = tree::below(keeper.pid);
            tree::signal(&keeper, Signal::KILL);
            for seen in &below {
                tree::signal(seen, Signal::KILL);
            }
        }
        sweep(self.attempt, mark::read(&self.files.lock()).as_ref());
    }

    /// The processor time of the agent and of all that it has started, in clock ticks.
    pub fn cpu_ticks(&self) -> u64 {
        self.keeper().map_or(0, |keeper| tree::cpu_ticks_below(keeper.pid))
    }

    /// Whether the keeper lives and nothing below it does.
    pub fn is_agent_gone(&self) -> bool {
        self.keeper().is_some_and(|keeper| tree::below(keeper.pid).iter().all(tree::Seen::is_zombie))
            && self.age() > KEEPER_START
    }

    /// Since when the attempt runs.
    pub fn age(&self) -> Duration {
        let began = mark::read(&self.files.lock()).map_or_else(now, |mark| mark.began);
        Duration::from_millis(now().saturating_sub(began))
    }

    fn keeper(&self) -> Option<tree::Seen> {
        let mark = mark::read(&self.files.lock())?;
        tree::look(mark.pid).filter(|seen| seen.start_time == mark.start_time)
    }
}

/// Renews the lease of an attempt's keeper. `false`: none lives.
pub fn renew(files: &AttemptFiles, lease: Duration) -> io::Result<bool> {
    let deadline = now() + u64::try_from(lease.as_millis()).unwrap_or(u64::MAX / 2);
    control::tell(&files.control(), Message::Renew { deadline })
}

/// How an attempt ended of which no keeper lives. What a killed keeper has left is ended.
pub fn left_behind(attempt: AttemptId, files: &AttemptFiles) -> Exit {
    if let Some(exit) = Exit::read(&files.exit()) {
        return exit;
    }
    sweep(attempt, mark::read(&files.lock()).as_ref());
    Exit::unknown()
}

/// Ends what carries the attempt's mark, and what is in its control group.
fn sweep(attempt: AttemptId, mark: Option<&Mark>) {
    let group = mark.and_then(|mark| mark.cgroup.as_deref());
    if let Some(group) = group.filter(|group| group.exists()) {
        cgroup::kill(group);
        cgroup::remove(group);
    }
    let killed = stop::kill_marked(attempt);
    if killed > 0 {
        tracing::info!(%attempt, killed, "ended what a killed keeper had left running");
    }
}

/// A handle on the keeper's process, if it is there.
#[cfg(target_os = "linux")]
#[allow(
    deprecated,
    reason = "what the successor leaves to unsafe code holds here: the handle owns its descriptor"
)]
fn handle(files: &AttemptFiles) -> Option<AsyncFd<OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let mark = mark::read(&files.lock())?;
    let handle = pidfd_open(Pid::from_raw(mark.pid)?, PidfdFlags::NONBLOCK).ok()?;
    // Who has the number now is the keeper if the keeper has not ended before.
    is_alive(&mark.process()).then(|| AsyncFd::new(handle).ok())?
}

#[cfg(not(target_os = "linux"))]
fn handle(_: &AttemptFiles) -> Option<AsyncFd<OwnedFd>> {
    None
}

fn is_alive(process: &ProcessMark) -> bool {
    identity::life(process) == Life::Alive
}

/// The attempt's streams. One that was given up before it was started gets empty ones.
pub fn streams(files: &AttemptFiles) -> io::Result<Streams> {
    let open = |path: PathBuf| OpenOptions::new().create(true).append(true).read(true).open(path);
    Ok(Streams { stdout: open(files.stdout())?, stderr: open(files.stderr())? })
}
