//! What is done with the due times of one schedule at one look: a pure function of the schedule, its calendar, what is
//! open, and the time. It is asked before runs are made, to know which ones, and again in the transaction that stores
//! them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::AssignmentId;
use crate::run::RunStatus;
use crate::timestamp::Timestamp;

use super::calendar::Calendar;
use super::due::DueTimes;
use super::entry::{Progress, Schedule, Standing};
use super::firing::Decision;
use super::missed::GRACE;
use super::overlap::OverlapRuling;

/// A schedule is looked at once a day at least: the rules of its zone may have changed.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// So many due times of a schedule wait at most. More of them would never be done.
pub const QUEUE_MAX: usize = 100;

/// What the store knows of a schedule's firings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Its runs that have not ended, the oldest first.
    pub open: Vec<AssignmentId>,
    /// Due times that wait, the oldest first.
    pub waiting: Vec<Timestamp>,
    /// Due times after `decided_until` that were decided all the same: somebody has set the schedule back.
    pub decided: BTreeSet<Timestamp>,
}

/// One look at one schedule.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a calendar has nothing to show")]
pub struct Look<'a> {
    pub schedule: &'a Schedule,
    pub calendar: &'a dyn Calendar,
    /// How long after a due time its run begins.
    pub delay: &'a dyn Fn(Timestamp) -> Duration,
    pub record: &'a Record,
    /// Due times whose runs can't be made, and why.
    pub refused: &'a BTreeMap<Timestamp, String>,
    pub now: Timestamp,
}

/// What is decided for a due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub due: Timestamp,
    pub decision: Decision,
    /// It is not new: it has waited.
    pub has_waited: bool,
    pub count: u64,
    pub reason: Option<String>,
}

/// What comes of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In the order of the due times.
    pub decided: Vec<Decided>,
    /// Runs that are to be cancelled.
    pub cancels: Vec<AssignmentId>,
    pub progress: Progress,
    pub standing: Standing,
}

impl Verdict {
    /// The due times whose runs are to be made.
    pub fn starts(&self) -> impl Iterator<Item = Timestamp> {
        self.decided.iter().filter(|one| one.decision == Decision::Started).map(|one| one.due)
    }
}

/// Decides.
pub fn decide(look: Look<'_>) -> Verdict {
    let (schedule, now) = (look.schedule, look.now);
    if !schedule.standing.is_on() {
        let progress = Progress { look_at: None, ..schedule.progress.clone() };
        let standing = schedule.standing.clone();
        return Verdict { decided: Vec::new(), cancels: Vec::new(), progress, standing };
    }
    let since = schedule.progress.decided_until;
    let until = ready_until(&look);
    let mut line = Line::new(&look);
    line.go_on_with_waiting();
    if until > since {
        let grace = GRACE + schedule.terms.jitter;
        // One more than can be fired: the latest that is not.
        let wanted = schedule.terms.missed.wanted(grace).saturating_add(1);
        let due = look.calendar.due_between(since, until, wanted);
        let ruling = schedule.terms.missed.rule(&due, since, now, grace);
        line.pass_over(&due, &ruling.fire, (ruling.passed_over, ruling.notice));
        for due in ruling.fire {
            if !look.record.decided.contains(&due) {
                line.fire(due);
            }
        }
    }
    line.verdict(until)
}

/// The last due time that is to be decided now, or where the decided ones end.
fn ready_until(look: &Look<'_>) -> Timestamp {
    let (jitter, since) = (look.schedule.terms.jitter, look.schedule.progress.decided_until);
    // What is due before was put off for long enough, whatever its jitter.
    let certain = Timestamp::from_millis(look.now.as_millis().saturating_sub(millis(jitter)));
    let mut until = since.max(certain);
    while let Some(due) = look.calendar.next_after(until).filter(|due| is_ready(*due, look)) {
        until = due;
    }
    until
}

fn is_ready(due: Timestamp, look: &Look<'_>) -> bool {
    due.after((look.delay)(due)) <= look.now
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The due times of a schedule, one after the other, and what stands before them.
struct Line<'a> {
    look: &'a Look<'a>,
    open: Vec<AssignmentId>,
    /// One of this look was started.
    has_started: bool,
    waiting: VecDeque<Timestamp>,
    decided: Vec<Decided>,
    cancels: Vec<AssignmentId>,
    failures: u32,
}

impl<'a> Line<'a> {
    fn new(look: &'a Look<'a>) -> Self {
        Self {
            look,
            open: look.record.open.clone(),
            has_started: false,
            waiting: look.record.waiting.iter().copied().collect(),
            decided: Vec::new(),
            cancels: Vec::new(),
            failures: look.schedule.progress.failures,
        }
    }

    fn is_busy(&self) -> bool {
        self.has_started || !self.open.is_empty()
    }

    fn go_on_with_waiting(&mut self) {
        while !self.is_busy()
            && let Some(due) = self.waiting.pop_front()
        {
            self.start(due, true);
        }
    }

    /// Several are told in one: after a year there may be half a million.
    fn pass_over(&mut self, due: &DueTimes, fired: &[Timestamp], (count, notice): (u64, Option<String>)) {
        let latest = due.latest.iter().rev().find(|due| !fired.contains(due));
        let Some(latest) = latest.filter(|due| count > 0 && !self.look.record.decided.contains(due)) else {
            return;
        };
        self.note(*latest, Decision::Missed, (count, notice));
    }

    fn fire(&mut self, due: Timestamp) {
        let is_open = self.is_busy() || !self.waiting.is_empty();
        match self.look.schedule.terms.overlap.rule(is_open) {
            OverlapRuling::Start => self.start(due, false),
            OverlapRuling::PassOver => {
                let why = "the run before had not ended".to_owned();
                self.note(due, Decision::Overlap, (1, Some(why)));
            }
            OverlapRuling::Wait if self.waiting.len() >= QUEUE_MAX => {
                let why = format!("{QUEUE_MAX} due times waited already");
                self.note(due, Decision::Overlap, (1, Some(why)));
            }
            OverlapRuling::Wait => {
                self.waiting.push_back(due);
                self.note(due, Decision::Waiting, (1, None));
            }
            OverlapRuling::CancelAndStart => self.cancel_and_start(due),
        }
    }

    fn cancel_and_start(&mut self, due: Timestamp) {
        if !self.look.refused.contains_key(&due) {
            self.cancels.append(&mut self.open);
            // Those of this look would be cancelled before they begin.
            for earlier in &mut self.decided {
                if earlier.decision == Decision::Started {
                    earlier.decision = Decision::Overlap;
                    earlier.reason = Some("the next one was due already".to_owned());
                }
            }
        }
        self.start(due, false);
    }

    fn start(&mut self, due: Timestamp, has_waited: bool) {
        let refusal = self.look.refused.get(&due);
        let decision = if refusal.is_some() { Decision::Refused } else { Decision::Started };
        self.has_started |= refusal.is_none();
        self.failures = self.failures.saturating_add(u32::from(refusal.is_some()));
        self.decided.push(Decided { due, decision, has_waited, count: 1, reason: refusal.cloned() });
    }

    fn note(&mut self, due: Timestamp, decision: Decision, (count, reason): (u64, Option<String>)) {
        self.decided.push(Decided { due, decision, has_waited: false, count, reason });
    }

    fn verdict(mut self, until: Timestamp) -> Verdict {
        let (schedule, now) = (self.look.schedule, self.look.now);
        let standing = schedule.standing_after(self.failures, now);
        if !standing.is_on() {
            self.drop_waiting();
        }
        let next_due = self.look.calendar.next_after(until);
        let look_at = next_due.map(|due| due.after((self.look.delay)(due)).min(now.after(LONGEST_SLEEP)));
        let has_failed = self.failures > schedule.progress.failures;
        let progress = Progress {
            decided_until: until,
            next_due,
            look_at: look_at.filter(|_| standing.is_on()),
            last_run_at: if self.has_started { Some(now) } else { schedule.progress.last_run_at },
            last_outcome: if has_failed { Some(RunStatus::Failed) } else { schedule.progress.last_outcome },
            failures: self.failures,
        };
        Verdict { decided: self.decided, cancels: self.cancels, progress, standing }
    }

    /// Nothing goes on by itself while the schedule is paused.
    fn drop_waiting(&mut self) {
        let why = || Some(DROPPED_BY_PAUSE.to_owned());
        for one in self.decided.iter_mut().filter(|one| one.decision == Decision::Waiting) {
            (one.decision, one.reason) = (Decision::Dropped, why());
        }
        let is_new = |due: &Timestamp| self.decided.iter().any(|one| one.due == *due);
        let old: Vec<Timestamp> = self.waiting.iter().filter(|due| !is_new(due)).copied().collect();
        for due in old {
            let decision = Decision::Dropped;
            self.decided.push(Decided { due, decision, has_waited: true, count: 1, reason: why() });
        }
    }
}

/// Why a due time that waited is not done.
pub const DROPPED_BY_PAUSE: &str = "the schedule has paused itself";
