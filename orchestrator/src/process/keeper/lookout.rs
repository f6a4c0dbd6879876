//! What a keeper waits for: the end of a child, a word in its FIFO, a signal, the end of its lease. Nothing is polled.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::control::{self, Message};
use super::exit::EndReason;

/// Milliseconds of the machine's monotonic clock: the same for every process of this boot, never set, and at rest while
/// the machine sleeps, as all its processes are.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Where a keeper hears what happens.
pub struct Lookout {
    control: File,
    heard: String,
    children: UnixStream,
    terminated: UnixStream,
    /// Signals that are meant for a runner and mean nothing here.
    _ignored: UnixStream,
    deadline: u64,
    lease: u64,
}

impl Lookout {
    /// Listens from now on, under a lease until this moment.
    pub fn new(control: &Path, deadline: u64) -> io::Result<Self> {
        let (children, on_child) = UnixStream::pair()?;
        let (terminated, on_term) = UnixStream::pair()?;
        let (ignored, on_ignored) = UnixStream::pair()?;
        for stream in [&children, &terminated, &on_ignored] {
            stream.set_nonblocking(true)?;
        }
        signal_hook::low_level::pipe::register(SIGCHLD, on_child)?;
        signal_hook::low_level::pipe::register(SIGTERM, on_term)?;
        signal_hook::low_level::pipe::register(SIGINT, on_ignored.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGHUP, on_ignored)?;
        Ok(Self {
            control: control::listen(control)?,
            heard: String::new(),
            children,
            terminated,
            _ignored: ignored,
            deadline,
            lease: deadline.saturating_sub(now()),
        })
    }

    /// Whether no runner has renewed the lease in time.
    pub fn is_over(&self) -> bool {
        now() >= self.deadline
    }

    /// How long the agent's last grace may be when the lease is over: nobody else may start the job before.
    pub fn last_grace(&self) -> Duration {
        Duration::from_millis(self.lease / 8)
    }

    /// Waits until something happens, for so long at most, not past the lease. Gives the reason to end the agent, if
    /// there is one.
    pub fn pause(&mut self, most: Duration) -> Option<EndReason> {
        let left = match self.deadline.saturating_sub(now()) {
            // The lease is over already, and what follows takes its time.
            0 => most,
            left => most.min(Duration::from_millis(left)),
        };
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut waiting = [
            PollFd::new(&self.children, PollFlags::IN),
            PollFd::new(&self.terminated, PollFlags::IN),
            PollFd::new(&self.control, PollFlags::IN),
        ];
        // Interrupted by a signal, it has something to look at.
        let polled = poll(&mut waiting, Some(&timeout));
        debug_assert!(polled.is_ok() || polled == Err(rustix::io::Errno::INTR), "{polled:?}");
        empty(&mut self.children);
        let is_terminated = empty(&mut self.terminated);
        self.listen().or(is_terminated.then_some(EndReason::Terminated))
    }

    /// Takes the messages that are there.
    fn listen(&mut self) -> Option<EndReason> {
        let mut piece = [0; 512];
        while let Ok(count @ 1..) = self.control.read(&mut piece) {
            self.heard.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        let mut reason = None;
        while let Some((line, rest)) = self.heard.split_once('\n') {
            match Message::read(line) {
                Some(Message::Renew { deadline }) => {
                    self.lease = deadline.saturating_sub(now());
                    self.deadline = deadline;
                }
                Some(Message::End { reason: asked }) => reason = reason.or(Some(asked)),
                None => {}
            }
            self.heard = rest.to_owned();
        }
        reason
    }
}

/// Empties a wake-up pipe; tells whether there was anything in it.
fn empty(stream: &mut UnixStream) -> bool {
    let mut bytes = [0; 64];
    let mut was_full = false;
    while let Ok(1..) = stream.read(&mut bytes) {
        was_full = true;
    }
    was_full
}
