//! Reads along with a running agent: its stream becomes events, and they become what people see live.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agents_domain::agent_event::AgentEvent;
use agents_domain::attempt::AttemptProgress;
use agents_domain::harness::{StreamEnd, StreamReader, StreamSummary};
use agents_domain::timestamp::Timestamp;
use tokio::time::Instant;

use super::account::Account;
use super::activity::describe;
use super::splitter::Line;
use super::tail::Tail;
use crate::process::Streams;

/// The first pause after an agent has said something; it doubles while the agent is silent.
const PAUSE_SHORTEST: Duration = Duration::from_millis(10);
/// The longest pause: how late an agent's words may be seen.
const PAUSE_LONGEST: Duration = Duration::from_millis(200);
/// How much of the end of standard error is looked at.
const STDERR_TAIL: u64 = 64 << 10;
/// Pieces that are read in one go before other tasks get their turn.
const PIECES_AT_ONCE: usize = 4;
/// How long they may take: other attempts of this runner wait meanwhile.
const READ_LONGEST: Duration = Duration::from_millis(20);
/// After so much there is no pause: there will be more.
const ENOUGH_TO_GO_ON: usize = PIECES_AT_ONCE * (64 << 10);

/// What is seen of a running attempt from outside.
#[derive(Debug, Clone, Default)]
pub struct Live {
    pub progress: AttemptProgress,
    /// Whether it has changed since it was last written to the store.
    pub is_new: bool,
}

/// How much an agent has printed, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Printed {
    pub stdout: u64,
    pub stderr: u64,
}

/// Reads along with one agent.
pub(super) struct Observer {
    tail: Tail,
    reader: Box<dyn StreamReader>,
    stderr: File,
    /// The same file again, read line by line as it grows.
    complaints: Option<Tail>,
    live: Arc<Mutex<Live>>,
    account: Account,
    /// All that the stream has told so far.
    told: AttemptProgress,
    pause: Duration,
}

impl Observer {
    pub fn new(
        reader: Box<dyn StreamReader>,
        streams: Streams,
        (live, account): (&Arc<Mutex<Live>>, Account),
    ) -> Self {
        Self {
            tail: Tail::of(streams.stdout),
            reader,
            complaints: streams.stderr.try_clone().ok().map(Tail::of),
            stderr: streams.stderr,
            live: Arc::clone(live),
            account,
            told: AttemptProgress::default(),
            pause: PAUSE_SHORTEST,
        }
    }

    /// Reads what there is, up to a bound, and tells how long to wait before reading on.
    pub fn read_on(&mut self) -> Duration {
        let mut total = 0;
        let began = Instant::now();
        for _ in 0..PIECES_AT_ONCE {
            match self.read_piece() {
                Ok(0) => break,
                Ok(count) if began.elapsed() > READ_LONGEST => {
                    total += count.max(ENOUGH_TO_GO_ON);
                    break;
                }
                Ok(count) => total += count,
                Err(error) => {
                    tracing::warn!(%error, "an agent's output can't be read; trying again");
                    break;
                }
            }
        }
        self.pause = match total {
            0 => (self.pause * 2).min(PAUSE_LONGEST),
            _ => PAUSE_SHORTEST,
        };
        if total >= ENOUGH_TO_GO_ON { Duration::ZERO } else { self.pause }
    }

    /// Whether the CLI goes on and will get nowhere, by all that it has said on both streams until `now`.
    pub fn is_hopeless(&mut self, now: Timestamp) -> bool {
        let reader = &mut self.reader;
        let read = self.complaints.as_mut().map(|tail| {
            tail.read(&mut |line| {
                if let Line::Whole(line) = line {
                    reader.stderr_line(&String::from_utf8_lossy(line), now);
                }
            })
        });
        if let Some(Err(error)) = read {
            tracing::warn!(%error, "an agent's standard error can't be read");
            self.complaints = None;
        }
        self.reader.is_hopeless()
    }

    /// How far the attempt is.
    pub fn progress(&self) -> AttemptProgress {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).progress.clone()
    }

    /// How much the agent has printed so far on both of its streams, as far as it was looked at.
    pub fn printed(&self) -> Printed {
        let beside = self.stderr.metadata().map_or(0, |found| found.len());
        Printed { stdout: self.tail.offset(), stderr: beside }
    }

    /// How much of its stream is there and was not read yet, in bytes.
    pub fn unread(&self) -> u64 {
        self.tail.unread()
    }

    fn read_rest(&mut self) {
        loop {
            match self.read_piece() {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the rest of an agent's output can't be read");
                    return;
                }
            }
        }
    }

    fn read_piece(&mut self) -> io::Result<usize> {
        let mut seen = Seen::default();
        let reader = &mut self.reader;
        if let Some(enough) = reader.enough() {
            self.tail.skip_to_last(enough)?;
        }
        let count = self.tail.read(&mut |line| read_line(reader.as_mut(), line, &mut seen))?;
        self.show(seen);
        Ok(count)
    }

    /// The process has ended: reads the rest, and lets the reader sum up. With it, the attempt's own progress.
    pub fn finish(mut self, end: &StreamEnd<'_>) -> (StreamSummary, AttemptProgress) {
        self.read_rest();
        let mut seen = Seen::default();
        let reader = &mut self.reader;
        self.tail.finish(&mut |line| read_line(reader.as_mut(), line, &mut seen));
        self.show(seen);
        let stderr_tail = tail_of(&self.stderr).unwrap_or_default();
        let summary = self.reader.finish(&StreamEnd { stderr_tail: &stderr_tail, ..end.clone() });
        let told = AttemptProgress {
            session_id: summary.session_id.clone(),
            model: summary.model.clone(),
            cli_version: summary.cli_version.clone(),
            usage: summary.usage,
            cost: summary.cost,
            cost_source: None,
            tool_calls: summary.tool_calls,
            last_activity: self.told.last_activity.take(),
        };
        (summary, self.account.own(told))
    }

    fn show(&mut self, seen: Seen) {
        if seen.is_empty() {
            return;
        }
        seen.add_to(&mut self.told);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.progress = self.account.own(self.told.clone());
        live.is_new = true;
    }
}

/// What one piece of the stream has told.
#[derive(Default)]
struct Seen {
    progress: AttemptProgress,
}

impl Seen {
    fn is_empty(&self) -> bool {
        self.progress == AttemptProgress::default()
    }

    fn take(&mut self, event: &AgentEvent<'_>) {
        let progress = &mut self.progress;
        match event {
            AgentEvent::Started { session_id, model, cli_version } => {
                set(&mut progress.session_id, session_id.as_deref());
                set(&mut progress.model, model.as_deref());
                set(&mut progress.cli_version, cli_version.as_deref());
            }
            AgentEvent::Usage { usage } => progress.usage = Some(*usage),
            AgentEvent::Final(last) => {
                progress.usage = last.usage.or(progress.usage);
                progress.cost = last.cost.or(progress.cost);
            }
            AgentEvent::ToolCall { .. } => progress.tool_calls += 1,
            AgentEvent::Text { .. }
            | AgentEvent::Thinking { .. }
            | AgentEvent::ToolResult { .. }
            | AgentEvent::Retry { .. }
            | AgentEvent::RateLimit { .. }
            | AgentEvent::Denied { .. }
            | AgentEvent::Notice { .. }
            | AgentEvent::Unrecognized { .. } => {}
        }
        if let Some(activity) = describe(event) {
            progress.last_activity = Some(activity);
        }
    }

    fn add_to(self, whole: &mut AttemptProgress) {
        let seen = self.progress;
        whole.session_id = seen.session_id.or(whole.session_id.take());
        whole.model = seen.model.or(whole.model.take());
        whole.cli_version = seen.cli_version.or(whole.cli_version.take());
        whole.usage = seen.usage.or(whole.usage);
        whole.cost = seen.cost.or(whole.cost);
        whole.tool_calls += seen.tool_calls;
        whole.last_activity = seen.last_activity.or(whole.last_activity.take());
    }
}

fn set(to: &mut Option<String>, value: Option<&str>) {
    if let Some(value) = value {
        *to = Some(value.to_owned());
    }
}

fn read_line(reader: &mut dyn StreamReader, line: Line<'_>, seen: &mut Seen) {
    match line {
        Line::Whole([]) => {}
        Line::Whole(line) => reader.line(line, &mut |event| seen.take(&event)),
        Line::TooLong { head, bytes } => reader.overlong_line(head, bytes),
    }
}

/// The end of a file, decoded lossily.
fn tail_of(file: &File) -> io::Result<String> {
    let length = file.metadata()?.len();
    let mut bytes = vec![0; usize::try_from(length.min(STDERR_TAIL)).unwrap_or(0)];
    let count = file.read_at(&mut bytes, length.saturating_sub(STDERR_TAIL))?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}
