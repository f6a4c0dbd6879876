//! What always holds of the looks at one schedule, whatever its rules, its clock, its runs and its luck.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agents_domain::id::{AssignmentId, ScheduleId};
use agents_domain::namespace::Namespace;
use agents_domain::run::RunStatus;
use agents_domain::schedule::decide::{Look, QUEUE_MAX, Record, decide};
use agents_domain::schedule::entry::{PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::firing::Decision;
use agents_domain::schedule::{Calendar, DueTimes, MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

/// Due every so many milliseconds after zero.
struct Every(i64);

impl Calendar for Every {
    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        Some(Timestamp::from_millis((after.as_millis().div_euclid(self.0) + 1) * self.0))
    }

    fn due_between(&self, after: Timestamp, until: Timestamp, most: usize) -> DueTimes {
        let next = |at: &Timestamp| self.next_after(*at);
        let all: Vec<Timestamp> =
            std::iter::successors(self.next_after(after), next).take_while(|at| *at <= until).collect();
        let latest = all[all.len().saturating_sub(most)..].to_vec();
        DueTimes { total: all.len() as u64, latest }
    }
}

/// What happens between two looks.
#[derive(Debug, Clone)]
enum Step {
    Passes(i64),
    /// The oldest open run ends.
    Ends(RunStatus),
    /// From now on, runs can be made or not.
    Breaks(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![Just(RunStatus::Completed), Just(RunStatus::Failed), Just(RunStatus::Cancelled)];
    let step = prop_oneof![
        6 => (0..90_000_i64).prop_map(Step::Passes),
        1 => (0..40_000_000_i64).prop_map(Step::Passes),
        1 => (-2_000_000..0_i64).prop_map(Step::Passes),
        4 => end.prop_map(Step::Ends),
        1 => any::<bool>().prop_map(Step::Breaks),
    ];
    prop::collection::vec(step, 1..80)
}

fn missed() -> impl Strategy<Value = MissedPolicy> {
    let window = prop::option::of((0..100_000_u64).prop_map(Duration::from_secs));
    prop_oneof![
        Just(MissedPolicy::Last),
        Just(MissedPolicy::Skip),
        (1..20_u32, window).prop_map(|(cap, window)| MissedPolicy::Catchup { cap, window }),
    ]
}

fn overlap() -> impl Strategy<Value = Overlap> {
    prop::sample::select(Overlap::ALL.to_vec())
}

/// The schedule, and what a store would know of it.
struct World {
    schedule: Schedule,
    calendar: Every,
    now: Timestamp,
    broken: bool,
    open: BTreeMap<Timestamp, AssignmentId>,
    waiting: BTreeSet<Timestamp>,
    /// Each decided due time, with how many it stands for.
    decided: BTreeMap<Timestamp, u64>,
    made: u128,
}

/// Spread by the due time, below the limit.
fn delay(due: Timestamp, jitter: Duration) -> Duration {
    let limit = jitter.as_millis().max(1);
    Duration::from_millis((u128::from(due.as_millis().unsigned_abs()) * 7919 % limit) as u64)
}

impl World {
    fn new(
        period: i64,
        (missed, overlap): (MissedPolicy, Overlap),
        jitter: Duration,
        pause: Option<u32>,
    ) -> Self {
        let calendar = Every(period);
        let now = Timestamp::from_millis(500);
        let terms = Terms {
            kind: PatternKind::Every,
            pattern: "1m".to_owned(),
            zone: "UTC".to_owned(),
            start: Start::Definition { name: "job".to_owned(), params: "{}".to_owned() },
            missed,
            overlap,
            jitter,
            from: None,
            until: None,
            auto_pause_after: pause,
        };
        let schedule = Schedule {
            id: ScheduleId::new(Uuid::from_u128(1)),
            namespace: Namespace::new("repo").unwrap(),
            name: "job".to_owned(),
            terms,
            standing: Standing::On,
            progress: Progress::begin(now, calendar.next_after(now)),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let (open, waiting, decided) = Default::default();
        Self { schedule, calendar, now, broken: false, open, waiting, decided, made: 10 }
    }

    /// A look, as the store carries it out.
    fn look(&mut self) -> Result<(), TestCaseError> {
        let record = Record {
            open: self.open.values().copied().collect(),
            waiting: self.waiting.iter().copied().collect(),
            decided: BTreeSet::new(),
        };
        let jitter = self.schedule.terms.jitter;
        let delay = |due| delay(due, jitter);
        let mut refused = BTreeMap::new();
        let verdict = loop {
            let (schedule, calendar, now) = (&self.schedule, &self.calendar, self.now);
            let look = Look { schedule, calendar, delay: &delay, record: &record, refused: &refused, now };
            let verdict = decide(look);
            let missing: Vec<Timestamp> = verdict.starts().filter(|_| self.broken).collect();
            if missing.is_empty() {
                break verdict;
            }
            refused.extend(missing.into_iter().map(|due| (due, "broken".to_owned())));
        };
        for cancelled in &verdict.cancels {
            self.open.retain(|_, run| run != cancelled);
        }
        for one in &verdict.decided {
            prop_assert!(one.due.as_millis() % self.calendar.0 == 0, "{one:?} was never due");
            // The clock may have been set back while it waited.
            prop_assert!(one.has_waited || one.due <= self.now, "{one:?} is decided before it is due");
            let before = self.decided.insert(one.due, one.count);
            prop_assert_eq!(before.is_some(), one.has_waited, "{:?} is decided twice", one);
            prop_assert_eq!(self.waiting.remove(&one.due), one.has_waited);
            match one.decision {
                Decision::Started => {
                    let is_early = !one.has_waited && one.due.after(delay(one.due)) > self.now;
                    prop_assert!(!is_early, "{one:?} starts before its jitter is over");
                    prop_assert!(self.open.is_empty(), "{one:?} starts beside {:?}", self.open);
                    self.made += 1;
                    self.open.insert(one.due, AssignmentId::new(Uuid::from_u128(self.made)));
                }
                Decision::Waiting => {
                    self.waiting.insert(one.due);
                }
                Decision::Missed | Decision::Overlap | Decision::Refused | Decision::Dropped => {}
            }
        }
        prop_assert!(verdict.progress.decided_until >= self.schedule.progress.decided_until);
        (self.schedule.progress, self.schedule.standing) = (verdict.progress, verdict.standing);
        self.holds()
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        let (progress, terms) = (&self.schedule.progress, &self.schedule.terms);
        prop_assert!(self.waiting.len() <= QUEUE_MAX);
        let until = progress.decided_until.as_millis();
        let due = until.div_euclid(self.calendar.0) - 500_i64.div_euclid(self.calendar.0);
        let told: u64 = self.decided.values().sum();
        prop_assert_eq!(told, due as u64, "each due time up to {} is decided", progress.decided_until);
        prop_assert!(progress.next_due.unwrap() > progress.decided_until);
        prop_assert_eq!(progress.look_at.is_some(), self.schedule.standing.is_on());
        let is_due = |most: u32| progress.failures >= most;
        prop_assert_eq!(!self.schedule.standing.is_on(), terms.auto_pause_after.is_some_and(is_due));
        if !self.schedule.standing.is_on() {
            prop_assert!(self.waiting.is_empty(), "nothing waits for a schedule that is paused");
        } else if self.open.is_empty() {
            prop_assert!(self.waiting.is_empty(), "what waits is started when nothing is open");
        }
        Ok(())
    }

    fn end(&mut self, status: RunStatus) {
        if self.open.pop_first().is_none() {
            return;
        }
        let before = self.schedule.standing.clone();
        (self.schedule.progress, self.schedule.standing) = self.schedule.after_end(status, true, self.now);
        if before != self.schedule.standing {
            self.waiting.clear();
        }
    }
}

proptest! {
    #[test]
    fn each_due_time_is_decided_once_and_runs_do_not_overlap(
        period in prop::sample::select(vec![1000_i64, 7000, 60_000, 3_600_000]),
        rules in (missed(), overlap()),
        jitter in (0..900_u64).prop_map(Duration::from_millis),
        pause in prop::option::of(1..5_u32),
        steps in steps(),
    ) {
        let mut world = World::new(period, rules, jitter, pause);
        for step in steps {
            match step {
                Step::Passes(millis) => {
                    world.now = Timestamp::from_millis((world.now.as_millis() + millis).max(500));
                }
                Step::Ends(status) => world.end(status),
                Step::Breaks(broken) => world.broken = broken,
            }
            if world.schedule.standing.is_on() {
                world.look()?;
            }
        }
    }
}
