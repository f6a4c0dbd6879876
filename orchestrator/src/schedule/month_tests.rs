//! Thirty days by a clock that is moved by hand: three runners on one database look at schedules, sleep, and die in the
//! middle of a look. Afterwards what is stored is held against the calendar's own list of due times: none is missed, none
//! is doubled, and each policy has kept its word.
//!
//! Another seed: `AGENTS_MONTH_SEED=7 cargo test -p agents-orchestrator thirty_days -- --nocapture`

#![allow(clippy::print_stdout, reason = "whoever sees it fail needs the seed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::StatusChange;
use agents_domain::id::{AssignmentId, IdSource, ScheduleId};
use agents_domain::run::{RunFilter, RunStatus, Trigger};
use agents_domain::schedule::entry::{Schedule, Terms};
use agents_domain::schedule::firing::{Decision, Firing};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite, Written};
use agents_domain::schedule::{GRACE, MissedPolicy, Overlap};
use agents_domain::store::{Change, Command, Store};
use agents_domain::timestamp::{Clock, Timestamp};

use super::fakes::{HandClock, NoSettings, firer, schedule};
use super::{Firer, More, timetable};
use crate::settings::SettingsSource;
use crate::store::SqlStore;
use crate::system::SystemIds;

/// 2026-10-10, so that both Europe and America set their clocks back within the month.
const BEGINNING: Timestamp = Timestamp::from_seconds(1_791_590_400);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

const HOUR: u64 = 3600;

/// xorshift64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn seed() -> u64 {
    let told = std::env::var("AGENTS_MONTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let random = u64::from_le_bytes(SystemIds.next().as_bytes()[8..].try_into().unwrap());
    told.unwrap_or(random | 1)
}

struct World {
    path: String,
    clock: Arc<HandClock>,
    ids: Arc<dyn IdSource>,
    runners: Vec<Firer>,
    dice: Dice,
    deaths: u32,
}

impl World {
    async fn new(folder: &Path, seed: u64) -> Self {
        let clock = Arc::new(HandClock(Mutex::new(BEGINNING)));
        let path = format!("sqlite:{}", folder.join("agents.db").display());
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let mut world = Self { path, clock, ids, runners: Vec::new(), dice: Dice(seed), deaths: 0 };
        for _ in 0..3 {
            let runner = world.runner().await;
            world.runners.push(runner);
        }
        world
    }

    /// A runner with a store of its own, as a process has it.
    async fn runner(&self) -> Firer {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let store = SqlStore::open(&self.path, Arc::clone(&clock), Arc::clone(&self.ids)).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        firer(&store, &clock, &self.ids)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn set(&self, now: Timestamp) {
        *self.clock.0.lock().unwrap() = now;
    }

    /// A look of one runner, or of two at once, one of which may die in the middle of it.
    async fn look(&mut self) {
        let one = self.dice.below(3) as usize;
        let other = (one + 1 + self.dice.below(2) as usize) % 3;
        match self.dice.below(10) {
            0..6 => to_the_end(self.runners[one].clone()).await,
            6..8 => {
                tokio::join!(to_the_end(self.runners[one].clone()), to_the_end(self.runners[other].clone()));
            }
            _ => {
                let dying = tokio::spawn(to_the_end(self.runners[one].clone()));
                for _ in 0..self.dice.below(40) {
                    tokio::task::yield_now().await;
                }
                dying.abort();
                drop(dying.await);
                self.runners[one] = self.runner().await;
                self.deaths += 1;
                to_the_end(self.runners[other].clone()).await;
            }
        }
    }

    /// Some of the runs that are open end.
    async fn end_runs(&mut self) {
        let store = Arc::clone(&self.runners[0].store);
        let status = vec![RunStatus::Pending];
        let open = store.runs(&RunFilter { status, ..RunFilter::default() }).await.unwrap();
        for run in open {
            if self.dice.below(3) > 0 {
                end(&*store, run.assignment.id).await;
            }
        }
    }
}

async fn to_the_end(runner: Firer) {
    let mut behind = None;
    loop {
        match runner.look(behind).await.unwrap().more {
            More::Nothing => break,
            More::Behind(at, id) => behind = Some((at, id)),
            More::Again => behind = None,
        }
    }
}

async fn end(store: &dyn Store, run: AssignmentId) {
    let to = StatusChange::Complete {
        reason: Some("done".to_owned()),
        ties: Default::default(),
        tree: None,
        force: true,
    };
    let harness_defaults = NoSettings.last_harness_defaults(Path::new("/")).unwrap();
    let change = Change::Update { assignment: run, to };
    store.execute(Command { actor: Actor::Person, harness_defaults, change }).await.unwrap();
}

/// Every policy with every rule, at rhythms that meet each other, gaps and folds.
fn schedules(ids: &dyn IdSource) -> Vec<Schedule> {
    let catchup =
        |cap, hours: u64| MissedPolicy::Catchup { cap, window: Some(Duration::from_secs(hours * HOUR)) };
    let rows = [
        ("*/30 * * * *", "Europe/Berlin", MissedPolicy::Skip, Overlap::Skip),
        ("30 2 * * *", "Europe/Berlin", MissedPolicy::Last, Overlap::Skip),
        ("30 1 * * *", "America/New_York", catchup(3, 48), Overlap::CancelPrevious),
        ("7 * * * *", "America/New_York", MissedPolicy::Last, Overlap::CancelPrevious),
        ("97m", "UTC", catchup(5, 24), Overlap::Queue),
        ("0 */4 * * *", "Australia/Lord_Howe", catchup(1000, 1000), Overlap::Skip),
        ("41m", "UTC", MissedPolicy::Skip, Overlap::Queue),
        ("0 9 * * MON", "Asia/Tokyo", MissedPolicy::Last, Overlap::Queue),
    ];
    let one = |(place, (pattern, zone, missed, overlap)): (usize, (&str, &str, MissedPolicy, Overlap))| {
        let mut one = schedule(ScheduleId::new(ids.next()), pattern, BEGINNING);
        let jitter = Duration::from_secs(if place % 2 == 0 { 0 } else { 90 });
        one.terms = Terms { zone: zone.to_owned(), missed, overlap, jitter, ..one.terms };
        one
    };
    rows.into_iter().enumerate().map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_thirty_days_no_due_time_is_missed_and_none_is_doubled() {
    let seed = seed();
    println!("AGENTS_MONTH_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path(), seed).await;
    let store = Arc::clone(&world.runners[0].store);
    let all = schedules(&*world.ids);
    let write =
        |schedule: &Schedule| ScheduleWrite { schedule: schedule.clone(), replaces: None, begins_anew: true };
    assert_eq!(store.write_schedules(all.iter().map(write).collect()).await.unwrap(), Written::Done);
    let end = BEGINNING.after(MONTH);
    while world.now() < end {
        let store = Arc::clone(&world.runners[0].store);
        let next = store.next_look_at(None).await.unwrap().unwrap_or(end).max(world.now());
        // A runner wakes when something is due, or a little late; now and then everybody sleeps.
        let late = match world.dice.below(60) {
            0 => world.dice.below(5 * 24 * HOUR) * 1000,
            1..4 => world.dice.below(3 * HOUR) * 1000,
            _ => world.dice.below(20_000),
        };
        world.set(next.after(Duration::from_millis(late)).min(end));
        world.look().await;
        world.end_runs().await;
    }
    world.set(end);
    to_the_end(world.runners[1].clone()).await;
    println!("{} deaths", world.deaths);
    assert!(world.deaths > 50, "too few runners have died: {}", world.deaths);
    for schedule in &all {
        hold_against_the_calendar(&*world.runners[2].store, schedule, end).await;
    }
}

async fn hold_against_the_calendar(store: &dyn Store, schedule: &Schedule, end: Timestamp) {
    let what = format!("{:?}", schedule.terms);
    let times = timetable(&schedule.terms, schedule.created_at).unwrap();
    let stored = store.schedules(&ScheduleFilter::default()).await.unwrap();
    let decided_until = stored.iter().find(|one| one.id == schedule.id).unwrap().progress.decided_until;
    assert!(decided_until >= times.preview(BEGINNING, 1)[0], "{what}");
    let mut due = BTreeSet::new();
    let mut next = times.next_after(BEGINNING);
    while let Some(at) = next.filter(|at| *at <= decided_until) {
        due.insert(at);
        next = times.next_after(at);
    }
    // What is not decided at the end was put off by its jitter.
    assert!(next.is_none_or(|at| at.after(schedule.terms.jitter) > end), "{what}: {next:?} is not decided");
    let mut firings = store.firings(schedule.id, 100_000).await.unwrap();
    firings.reverse();
    for firing in &firings {
        assert!(due.contains(&firing.due), "{what}: {firing:?} was never due");
    }
    let told: u64 = firings.iter().map(|firing| firing.count).sum();
    assert_eq!(told, due.len() as u64, "{what}: each due time is decided once");
    assert_eq!(
        runs(store, schedule.id).await,
        started(&firings),
        "{what}: the runs are those of the firings"
    );
    match schedule.terms.overlap {
        Overlap::Queue => one_after_the_other(&firings, &what),
        Overlap::Skip | Overlap::CancelPrevious => policy_is_kept(&schedule.terms, (&due, &firings), &what),
    }
}

async fn runs(store: &dyn Store, schedule: ScheduleId) -> BTreeMap<Timestamp, AssignmentId> {
    let filter = RunFilter { started_by: Some(schedule.to_string()), ..RunFilter::default() };
    let runs = store.runs(&filter).await.unwrap();
    let count = runs.len();
    let by_due = |run: agents_domain::run::RunLine| match run.origin.trigger {
        Trigger::Schedule { schedule: _, due } => (due, run.assignment.id),
        other @ (Trigger::Manual | Trigger::Api | Trigger::Event { .. } | Trigger::Webhook { .. }) => {
            panic!("{other:?}")
        }
    };
    let by_due: BTreeMap<_, _> = runs.into_iter().map(by_due).collect();
    assert_eq!(by_due.len(), count, "two runs of one due time");
    by_due
}

fn started(firings: &[Firing]) -> BTreeMap<Timestamp, AssignmentId> {
    firings.iter().filter_map(|firing| Some((firing.due, firing.run?))).collect()
}

/// Each run began when the one before had ended.
fn one_after_the_other(firings: &[Firing], what: &str) {
    let runs: Vec<&Firing> = firings.iter().filter(|firing| firing.run.is_some()).collect();
    for pair in runs.windows(2) {
        let ended = pair[0].ended_at.unwrap_or_else(|| panic!("{what}: {pair:?}"));
        assert!(pair[1].decided_at >= ended, "{what}: {pair:?} overlap");
    }
    let open = firings.iter().filter(|firing| firing.decision == Decision::Waiting);
    assert!(open.clone().all(|one| runs.last().is_none_or(|last| one.due > last.due)), "{what}");
}

/// Worked out anew from when each due time was looked at: those on time are never missed, and of the others those that the
/// policy names are.
fn policy_is_kept(terms: &Terms, (due, firings): (&BTreeSet<Timestamp>, &[Firing]), what: &str) {
    let grace = GRACE + terms.jitter;
    let looked_at =
        |at: &Timestamp| firings.iter().find(|firing| firing.due >= *at).map(|firing| firing.decided_at);
    let mut by_look: BTreeMap<Timestamp, Vec<Timestamp>> = BTreeMap::new();
    for at in due {
        by_look.entry(looked_at(at).unwrap()).or_default().push(*at);
    }
    for (look, due) in by_look {
        let (late, on_time): (Vec<Timestamp>, Vec<Timestamp>) =
            due.into_iter().partition(|at| look.since(*at) > grace);
        let late: Vec<Timestamp> = match terms.missed {
            MissedPolicy::Skip => Vec::new(),
            MissedPolicy::Last => late.into_iter().rev().take(1).collect(),
            MissedPolicy::Catchup { cap, window } => {
                let young = |at: &Timestamp| window.is_none_or(|window| look.since(*at) <= window);
                late.into_iter().rev().filter(young).take(cap as usize).collect()
            }
        };
        let expected: BTreeSet<Timestamp> = late.into_iter().chain(on_time).collect();
        let fired: BTreeSet<Timestamp> = firings
            .iter()
            .filter(|firing| firing.decided_at == look && firing.decision != Decision::Missed)
            .map(|firing| firing.due)
            .collect();
        assert_eq!(fired, expected, "{what}: at {look}");
    }
}
