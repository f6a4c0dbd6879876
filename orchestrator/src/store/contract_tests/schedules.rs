//! Schedules read back as they were written, and each due time is decided once, whoever looks.

use std::sync::Arc;
use std::time::Duration;

use agents_domain::aggregate::StatusChange;
use agents_domain::id::{AssignmentId, IdSource, ScheduleId};
use agents_domain::outcome::Outcome;
use agents_domain::run::{RunFilter, RunStatus, Trigger};
use agents_domain::schedule::entry::{Progress, Schedule, Standing};
use agents_domain::schedule::firing::{Decision, Firing};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite, Written};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::store::Store;
use agents_domain::timestamp::{Clock, Timestamp};

use super::env::{Env, failure};
use crate::schedule::{Firer, Looked, fakes};

on_every_engine!(
    a_schedule_reads_back_as_it_was_written,
    writes_are_all_or_none_and_a_name_is_taken_once,
    two_runners_that_look_at_once_start_one_run,
    the_due_time_is_the_runs_identity,
    a_broken_definition_is_refused_pauses_its_schedule_and_holds_nobody_up,
    what_waits_is_started_one_after_the_other_when_the_run_before_has_ended,
    the_run_before_is_cancelled_in_the_same_transaction,
    what_waits_is_dropped_when_the_schedule_is_switched_off,
    runs_that_fail_pause_their_schedule_and_one_that_succeeds_forgives,
    nothing_fires_twice_when_clock_and_schedule_are_set_back,
    a_changed_schedule_is_not_fired_by_what_was_prepared_before,
    a_look_is_needed_only_when_something_is_due,
);

fn firer(env: &Env, store: &Arc<dyn Store>) -> Firer {
    let clock: Arc<dyn Clock> = env.clock.clone();
    let ids: Arc<dyn IdSource> = env.ids.clone();
    fakes::firer(store, &clock, &ids)
}

fn minutely(env: &Env) -> Schedule {
    fakes::schedule(ScheduleId::new(env.ids.next()), "1m", env.now())
}

async fn add(env: &Env, schedule: &Schedule) {
    let write = ScheduleWrite { schedule: schedule.clone(), replaces: None, begins_anew: true };
    assert_eq!(env.store.write_schedules(vec![write]).await.unwrap(), Written::Done);
}

async fn look(env: &Env) -> Looked {
    firer(env, &env.store).look(None).await.unwrap()
}

async fn stored(env: &Env, id: ScheduleId) -> Schedule {
    let all = env.store.schedules(&ScheduleFilter::default()).await.unwrap();
    all.into_iter().find(|schedule| schedule.id == id).unwrap()
}

/// The firings, the earliest first.
async fn firings(env: &Env, id: ScheduleId) -> Vec<Firing> {
    let mut firings = env.store.firings(id, 1000).await.unwrap();
    firings.reverse();
    firings
}

async fn decisions(env: &Env, id: ScheduleId) -> Vec<&'static str> {
    firings(env, id).await.iter().map(|firing| firing.decision.as_str()).collect()
}

async fn end(env: &Env, run: AssignmentId) {
    let to = StatusChange::Complete {
        reason: Some("done".to_owned()),
        ties: Default::default(),
        tree: None,
        force: true,
    };
    env.update(run, to).await;
}

async fn a_schedule_reads_back_as_it_was_written(env: Env) {
    let plain = minutely(&env);
    let mut rich = fakes::schedule(ScheduleId::new(env.ids.next()), "0 9 * * 1", env.now());
    rich.terms.start =
        Start::NorthStar { template: "Tidy {{ params.x }}".to_owned(), params: r#"{"x":"it"}"#.to_owned() };
    rich.terms.missed = MissedPolicy::Catchup { cap: 7, window: Some(Duration::from_secs(60)) };
    rich.terms.overlap = Overlap::CancelPrevious;
    rich.terms.jitter = Duration::from_millis(1500);
    rich.terms.from = Some(env.now());
    rich.terms.until = Some(env.now().after(Duration::from_secs(1_000_000)));
    rich.terms.auto_pause_after = None;
    rich.standing = Standing::Paused { at: env.now(), reason: "why".to_owned() };
    rich.progress = Progress {
        look_at: None,
        last_run_at: Some(env.now()),
        last_outcome: Some(RunStatus::Failed),
        failures: 4,
        ..rich.progress
    };
    add(&env, &plain).await;
    add(&env, &rich).await;
    assert_eq!(stored(&env, plain.id).await, plain);
    assert_eq!(stored(&env, rich.id).await, rich);
    assert!(env.store.delete_schedule(rich.id).await.unwrap());
    assert!(!env.store.delete_schedule(rich.id).await.unwrap());
    assert_eq!(env.store.schedules(&ScheduleFilter::default()).await.unwrap(), [plain]);
}

async fn writes_are_all_or_none_and_a_name_is_taken_once(env: Env) {
    let (first, second) = (minutely(&env), minutely(&env));
    add(&env, &first).await;
    let new =
        |schedule: &Schedule| ScheduleWrite { schedule: schedule.clone(), replaces: None, begins_anew: true };
    let taken = Schedule { name: first.name.clone(), ..minutely(&env) };
    let written = env.store.write_schedules(vec![new(&second), new(&taken)]).await.unwrap();
    assert_eq!(written, Written::NameTaken { name: first.name.clone() });
    assert_eq!(env.store.schedules(&ScheduleFilter::default()).await.unwrap(), std::slice::from_ref(&first));
    let change = |replaces| ScheduleWrite {
        schedule: Schedule { name: "other".to_owned(), ..first.clone() },
        replaces: Some(replaces),
        begins_anew: false,
    };
    let written = env.store.write_schedules(vec![change(2)]).await.unwrap();
    assert_eq!(written, Written::Changed { name: "other".to_owned() });
    assert_eq!(env.store.write_schedules(vec![change(1)]).await.unwrap(), Written::Done);
    let after = stored(&env, first.id).await;
    assert_eq!((after.name.as_str(), after.revision), ("other", 2));
}

async fn two_runners_that_look_at_once_start_one_run(env: Env) {
    let schedule = minutely(&env);
    add(&env, &schedule).await;
    let other = env.another_store().await;
    let (one, two) = (firer(&env, &env.store), firer(&env, &other));
    for _ in 0..5 {
        env.later(60);
        let (first, second) = tokio::join!(one.look(None), two.look(None));
        let started = |looked: Looked| {
            looked.fired.schedules.into_iter().flat_map(|one| one.started).collect::<Vec<_>>()
        };
        let all = [started(first.unwrap()), started(second.unwrap())].concat();
        assert_eq!(all.len(), 1, "{all:?}");
        end(&env, all[0]).await;
    }
    assert_eq!(decisions(&env, schedule.id).await, ["started"; 5]);
    assert_eq!(env.store.runs(&RunFilter::default()).await.unwrap().len(), 5);
}

async fn the_due_time_is_the_runs_identity(env: Env) {
    let schedule = minutely(&env);
    add(&env, &schedule).await;
    let due = env.now().after(Duration::from_secs(60));
    env.later(77);
    let looked = look(&env).await;
    assert_eq!(looked.next, Some(due.after(Duration::from_secs(60))));
    let runs = env.store.runs(&RunFilter::default()).await.unwrap();
    let origins: Vec<Trigger> = runs.iter().map(|run| run.origin.trigger.clone()).collect();
    assert_eq!(origins, [Trigger::Schedule { schedule: schedule.id, due }]);
    let expected = Firing {
        schedule: schedule.id,
        due,
        decision: Decision::Started,
        decided_at: env.now(),
        count: 1,
        run: Some(runs[0].assignment.id),
        outcome: None,
        ended_at: None,
        reason: None,
    };
    assert_eq!(firings(&env, schedule.id).await, [expected]);
}

async fn a_broken_definition_is_refused_pauses_its_schedule_and_holds_nobody_up(env: Env) {
    let mut broken = minutely(&env);
    broken.terms.start = Start::Definition { name: "broken".to_owned(), params: "{}".to_owned() };
    let sound = minutely(&env);
    add(&env, &broken).await;
    add(&env, &sound).await;
    for _ in 0..4 {
        env.later(60);
        for schedule in look(&env).await.fired.schedules {
            for run in schedule.started {
                end(&env, run).await;
            }
        }
    }
    assert_eq!(decisions(&env, sound.id).await, ["started"; 4]);
    let refused = firings(&env, broken.id).await;
    assert_eq!(decisions(&env, broken.id).await, ["refused"; 3]);
    assert_eq!(refused[0].reason.as_deref(), Some("there is no definition `broken`"));
    let after = stored(&env, broken.id).await;
    let reason = "its last 3 runs have failed".to_owned();
    assert!(matches!(&after.standing, Standing::Paused { reason: said, .. } if *said == reason), "{after:?}");
    assert_eq!((after.progress.failures, after.progress.look_at), (3, None));
    assert_eq!(after.progress.last_outcome, Some(RunStatus::Failed));
}

async fn what_waits_is_started_one_after_the_other_when_the_run_before_has_ended(env: Env) {
    let mut schedule = minutely(&env);
    schedule.terms.overlap = Overlap::Queue;
    add(&env, &schedule).await;
    for _ in 0..3 {
        env.later(60);
        look(&env).await;
    }
    assert_eq!(decisions(&env, schedule.id).await, ["started", "waiting", "waiting"]);
    for ended in 0..3 {
        let all = firings(&env, schedule.id).await;
        end(&env, all[ended].run.unwrap()).await;
        // The end itself has made it due.
        look(&env).await;
        let started = firings(&env, schedule.id).await.iter().filter(|one| one.run.is_some()).count();
        assert_eq!(started, (ended + 2).min(3));
    }
    let all = firings(&env, schedule.id).await;
    assert!(all.iter().all(|one| one.outcome == Some(RunStatus::Completed)), "{all:?}");
    assert_eq!(stored(&env, schedule.id).await.progress.last_outcome, Some(RunStatus::Completed));
}

async fn the_run_before_is_cancelled_in_the_same_transaction(env: Env) {
    let mut schedule = minutely(&env);
    schedule.terms.overlap = Overlap::CancelPrevious;
    add(&env, &schedule).await;
    env.later(60);
    look(&env).await;
    env.later(60);
    let looked = look(&env).await;
    let all = firings(&env, schedule.id).await;
    assert_eq!(looked.fired.schedules[0].cancelled, [all[0].run.unwrap()]);
    let ends: Vec<_> = all.iter().map(|one| (one.decision, one.outcome)).collect();
    assert_eq!(ends, [(Decision::Started, Some(RunStatus::Cancelled)), (Decision::Started, None)]);
    let line = env.store.run(all[0].run.unwrap()).await.unwrap().unwrap();
    assert_eq!(line.status, RunStatus::Cancelled);
    assert_eq!(stored(&env, schedule.id).await.progress.failures, 0);
}

async fn what_waits_is_dropped_when_the_schedule_is_switched_off(env: Env) {
    let mut schedule = minutely(&env);
    schedule.terms.overlap = Overlap::Queue;
    add(&env, &schedule).await;
    for _ in 0..2 {
        env.later(60);
        look(&env).await;
    }
    let before = stored(&env, schedule.id).await;
    let off = Schedule { standing: Standing::Off, updated_at: env.now(), ..before };
    let write = ScheduleWrite { schedule: off, replaces: Some(1), begins_anew: false };
    assert_eq!(env.store.write_schedules(vec![write]).await.unwrap(), Written::Done);
    let run = firings(&env, schedule.id).await[0].run.unwrap();
    end(&env, run).await;
    env.later(600);
    look(&env).await;
    assert_eq!(decisions(&env, schedule.id).await, ["started", "dropped"]);
}

async fn runs_that_fail_pause_their_schedule_and_one_that_succeeds_forgives(env: Env) {
    let schedule = minutely(&env);
    add(&env, &schedule).await;
    for fails in [true, true, false, true, true, true, true] {
        env.later(60);
        look(&env).await;
        let Some(claimed) = env.claim(1).await.pop() else { break };
        let outcome = if fails { failure() } else { Outcome::success("done") };
        env.finish(&claimed, outcome).await.unwrap();
    }
    let after = stored(&env, schedule.id).await;
    assert_eq!((after.progress.failures, after.standing.as_str()), (3, "paused"));
    assert_eq!(decisions(&env, schedule.id).await, ["started"; 6]);
    assert_eq!(env.store.next_look_at(None).await.unwrap(), None);
}

async fn nothing_fires_twice_when_clock_and_schedule_are_set_back(env: Env) {
    let schedule = minutely(&env);
    add(&env, &schedule).await;
    let began = env.now();
    for _ in 0..3 {
        env.later(60);
        for one in look(&env).await.fired.schedules {
            end(&env, one.started[0]).await;
        }
    }
    env.set_back(180);
    assert_eq!(look(&env).await.fired.schedules, []);
    // As `enable` does: due times count from now on, and three of them are decided already.
    let before = stored(&env, schedule.id).await;
    let progress = Progress::begin(env.now(), Some(began.after(Duration::from_secs(60))));
    let write =
        ScheduleWrite { schedule: Schedule { progress, ..before }, replaces: Some(1), begins_anew: true };
    assert_eq!(env.store.write_schedules(vec![write]).await.unwrap(), Written::Done);
    for _ in 0..4 {
        env.later(60);
        look(&env).await;
    }
    assert_eq!(decisions(&env, schedule.id).await, ["started"; 4]);
    let due: Vec<Timestamp> = firings(&env, schedule.id).await.iter().map(|one| one.due).collect();
    let expected: Vec<Timestamp> = (1..=4).map(|nth| began.after(Duration::from_secs(60 * nth))).collect();
    assert_eq!(due, expected);
}

async fn a_changed_schedule_is_not_fired_by_what_was_prepared_before(env: Env) {
    use agents_domain::schedule::schedules::{FireRequest, Fired, Prepared};
    let schedule = minutely(&env);
    add(&env, &schedule).await;
    env.later(60);
    let prepared = |revision| Prepared {
        schedule: schedule.id,
        revision,
        calendar: crate::schedule::calendar(&schedule).map_err(|error| error.to_string()),
        runs: Default::default(),
        delay: crate::schedule::delay,
    };
    let request = |revision| FireRequest {
        actor: agents_domain::actor::Actor::Person,
        now: env.now(),
        schedules: vec![prepared(revision)],
    };
    assert_eq!(env.store.fire(request(2)).await.unwrap(), Fired::default());
    let unfit = Fired { unfit: vec![schedule.id], ..Fired::default() };
    assert_eq!(env.store.fire(request(1)).await.unwrap(), unfit);
    assert_eq!(stored(&env, schedule.id).await, schedule);
}

async fn a_look_is_needed_only_when_something_is_due(env: Env) {
    let mut schedule = fakes::schedule(ScheduleId::new(env.ids.next()), "0 0 1 1 *", env.now());
    schedule.progress.look_at = Some(env.now());
    add(&env, &schedule).await;
    let looked = look(&env).await;
    assert_eq!(looked.fired.schedules, []);
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(looked.next, Some(env.now().after(day)), "the rules of its zone may change");
    let week = env.now().after(7 * day);
    let mut last = fakes::schedule(ScheduleId::new(env.ids.next()), "1m", env.now());
    last.terms.until = Some(week);
    add(&env, &last).await;
    env.later(8 * 24 * 3600);
    look(&env).await;
    let after = stored(&env, last.id).await;
    assert_eq!((after.progress.next_due, after.progress.look_at), (None, None));
    let counts: Vec<(Decision, u64)> =
        firings(&env, last.id).await.iter().map(|one| (one.decision, one.count)).collect();
    assert_eq!(counts, [(Decision::Missed, 7 * 24 * 60 - 2), (Decision::Started, 1)]);
}
