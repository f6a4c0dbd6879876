//! The keeper of one attempt: a small process between a runner and its agent. It starts the agent in a session of its own,
//! inherits every orphan below it, ends the whole tree when told or when no runner renews its lease, and writes down how
//! it ended. It outlives its runner.
//!
//! While it lives it holds the lock on the attempt's lock file, which its runner took before it was started; so whoever
//! gets that lock knows that nothing of the attempt runs.

mod above;
pub mod cgroup;
pub mod control;
pub mod exit;
mod launch;
mod lookout;
pub mod mark;
pub mod program;
pub mod terms;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, WaitOptions, WaitStatus, wait};

pub use above::attempts_above;
pub use launch::launch;
pub use lookout::now;

use super::{AttemptFiles, own_program, stop, tree};
use crate::crash_point;
use exit::{EndReason, Ended, Exit, NotStarted};
use lookout::Lookout;
use terms::{LAUNCH, Terms};

/// After so long an agent gets a control group of its own. To enter one waits for every processor of the machine, 5 ms and
/// more, which an agent that lives for minutes does not notice and one that lives for a moment would.
const GROUP_AFTER: Duration = Duration::from_millis(250);
/// How often the size of the agent's output is looked at.
const OUTPUT_CHECK: Duration = Duration::from_secs(1);
/// How long is waited between two rounds of SIGKILL.
const ROUND: Duration = Duration::from_millis(2);
/// How long the kernel may take to end a process that was killed. One that it holds longer is named and left.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// How many of the processes that had to be ended are named.
const NAMED: usize = 20;
/// The pause before the exit status is written again where it could not be.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

struct Keeper {
    terms: Terms,
    files: AttemptFiles,
    began: u64,
    lookout: Lookout,
    group: Option<PathBuf>,
    agent: i32,
    agent_end: Option<WaitStatus>,
    /// Whether anything is left below us.
    has_children: bool,
    exit: Exit,
    /// What was written down already: number and start time.
    noted: HashSet<(i32, u64)>,
}

/// Keeps one attempt, to the end of all its processes. Gives the exit code.
pub fn keep(args: &[OsString]) -> u8 {
    let Some(terms) = Terms::from_args(args) else { return 2 };
    match Keeper::begin(terms) {
        Ok(mut keeper) => {
            keeper.watch();
            crash_point::pass("agent ended");
            keeper.end_tree();
            crash_point::pass("tree ended");
            keeper.leave();
            crash_point::pass("exit written");
            0
        }
        Err(_) => 1,
    }
}

impl Keeper {
    /// What may fail without a word comes before the mark is written: then nothing runs, and no mark says so. A start that
    /// fails is told by the exit status.
    fn begin(terms: Terms) -> io::Result<Self> {
        let began = now();
        let files = AttemptFiles { folder: terms.folder.clone() };
        let lookout = Lookout::new(&files.control(), terms.deadline)?;
        become_subreaper();
        mark::write(began, None)?;
        crash_point::pass("mark written");
        let mut keeper = Self {
            terms,
            files,
            began,
            lookout,
            group: None,
            agent: 0,
            agent_end: None,
            has_children: false,
            exit: Exit::default(),
            noted: HashSet::new(),
        };
        if keeper.lookout.is_over() {
            keeper.exit.reason = Some(EndReason::LeaseOver);
        } else if let Err(error) = keeper.start() {
            keeper.exit.not_started = Some(NotStarted { errno: error.raw_os_error().unwrap_or_default() });
        }
        // The folder that the agent works in is nothing to us, and should not be held; no agent is ended for that.
        if let Err(error) = std::env::set_current_dir("/") {
            tracing::debug!(%error, "the working folder is held");
        }
        Ok(keeper)
    }

    #[allow(clippy::disallowed_methods, reason = "this module is part of the one that spawns")]
    fn start(&mut self) -> io::Result<()> {
        let stdout = OpenOptions::new().create(true).append(true).mode(0o600).open(self.files.stdout())?;
        let mut command = Command::new(own_program());
        if cfg!(debug_assertions) {
            command.env_remove(crash_point::OF_RUNNER).env_remove(crash_point::OF_KEEPER);
        }
        command.arg(LAUNCH).arg(std::process::id().to_string()).arg(&self.terms.folder);
        command.args(&self.terms.command);
        // Standard input is the prompt and standard error its file: both were given to us for the agent.
        let child = command.stdout(Stdio::from(stdout)).spawn()?;
        self.agent = child.id().cast_signed();
        self.has_children = true;
        crash_point::pass("agent started");
        Ok(())
    }

    /// Until the agent has ended, or is to be ended.
    fn watch(&mut self) {
        self.pause_while(now() + millis(GROUP_AFTER), Self::goes_on);
        if self.goes_on() {
            self.make_group();
        }
        let mut check = OUTPUT_CHECK / 20;
        while self.goes_on() {
            let before = self.files.output();
            self.pause(check);
            if !self.goes_on() {
                return;
            }
            let output = self.files.output();
            if self.lookout.is_over() {
                self.exit.reason = Some(EndReason::LeaseOver);
            } else if output > self.terms.max_output {
                self.exit.reason = Some(EndReason::OutputOverflow);
            }
            // Who prints fast is looked at often.
            let is_fast = output - before.min(output) > self.terms.max_output / 100;
            check = if is_fast { OUTPUT_CHECK / 20 } else { OUTPUT_CHECK };
        }
    }

    fn goes_on(&self) -> bool {
        self.agent_end.is_none() && self.has_children && self.exit.reason.is_none()
    }

    /// What the agent starts from now on is in its group, and what it has started so far.
    fn make_group(&mut self) {
        let attempt = self.terms.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.group = cgroup::make(&attempt);
        let Some(group) = &self.group else { return };
        for seen in self.below() {
            cgroup::add(group, seen.pid);
        }
        if let Err(error) = mark::write(self.began, Some(group)) {
            tracing::debug!(%error, "the control group could not be written down");
        }
    }

    /// Waits until something happens, for so long at most.
    fn pause(&mut self, most: Duration) {
        let asked = self.lookout.pause(most);
        self.exit.reason = self.exit.reason.or(asked);
        self.reap();
    }

    fn pause_while(&mut self, until: u64, goes_on: impl Fn(&Self) -> bool) {
        while goes_on(self) && now() < until {
            self.pause(Duration::from_millis(until - now()));
        }
    }

    fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid.as_raw_pid() == self.agent => self.agent_end = Some(status),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => {
                    self.has_children = true;
                    return;
                }
                Err(_) => {
                    self.has_children = false;
                    return;
                }
            }
        }
    }

    /// The signal that the agent stops on cleanly; when it is gone, SIGTERM for what it has left; when the grace is over,
    /// SIGKILL for all.
    fn end_tree(&mut self) {
        let grace = match self.exit.reason {
            // The lease has a share for this.
            Some(EndReason::LeaseOver) => self.terms.grace.min(self.lookout.last_grace()),
            Some(_) | None => self.terms.grace,
        };
        let over = now() + millis(grace);
        if self.agent_end.is_none() && self.has_children {
            stop::ask(self.agent, self.terms.stop);
            self.tell_all(Signal::CONT);
            self.pause_while(over, |keeper| keeper.agent_end.is_none() && keeper.has_children);
        }
        self.reap();
        if self.has_children && now() < over {
            self.note(&self.below());
            self.tell_all(Signal::TERM);
            self.tell_all(Signal::CONT);
            self.pause_while(over, |keeper| keeper.has_children);
        }
        self.kill_all();
        if let Some(group) = &self.group {
            cgroup::remove(group);
        }
    }

    fn kill_all(&mut self) {
        let give_up = now() + millis(KILL_PATIENCE);
        let mut is_first = true;
        loop {
            self.reap();
            if !self.has_children {
                self.kill_group();
                return;
            }
            let found = if is_first { self.below() } else { tree::freeze(own_pid()) };
            is_first = false;
            self.note(&found);
            if let Some(group) = &self.group {
                cgroup::kill(group);
            }
            for seen in &found {
                tree::signal(seen, Signal::KILL);
            }
            if now() > give_up {
                let left = self.below().into_iter().filter(|seen| !seen.is_zombie()).take(NAMED);
                self.exit.survivors = left.map(|seen| Ended { pid: seen.pid, name: seen.name }).collect();
                return;
            }
            self.pause(ROUND);
        }
    }

    /// Where orphans do not come to us, the group is all that is known of them.
    fn kill_group(&self) {
        if cfg!(not(target_os = "linux")) && self.agent > 0 {
            stop::kill_group(self.agent);
        }
    }

    fn below(&self) -> Vec<tree::Seen> {
        tree::below(own_pid())
    }

    fn tell_all(&self, signal: Signal) {
        for seen in self.below().iter().filter(|seen| !seen.is_zombie()) {
            tree::signal(seen, signal);
        }
    }

    /// Writes down what else than the agent has to be ended.
    fn note(&mut self, found: &[tree::Seen]) {
        for seen in found {
            let is_new = !seen.is_zombie() && self.noted.insert((seen.pid, seen.start_time));
            if !is_new || seen.pid == self.agent {
                continue;
            }
            self.exit.ended_count += 1;
            if self.exit.ended.len() < NAMED {
                self.exit.ended.push(Ended { pid: seen.pid, name: seen.name.clone() });
            }
        }
    }

    /// Writes the exit status. A full disk may be mended while a runner still waits for us.
    fn leave(&mut self) {
        if let Some(status) = self.agent_end {
            self.exit.exit_code = status.exit_status();
            self.exit.signal = status.terminating_signal();
        }
        let errno = std::fs::read_to_string(self.terms.folder.join(launch::NOT_STARTED)).ok();
        let told = errno.and_then(|errno| Some(NotStarted { errno: errno.parse().ok()? }));
        self.exit.not_started = told.or(self.exit.not_started.take());
        while self.exit.write(&self.files.exit()).is_err()
            && !self.lookout.is_over()
            && self.terms.folder.exists()
        {
            self.pause(WRITE_AGAIN);
        }
    }
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 2)
}

/// Orphans below us become our children, wherever they have gone.
fn become_subreaper() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "orphans go elsewhere");
    }
}
