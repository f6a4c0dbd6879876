//! An import is stored as a whole or not at all.

use std::time::Duration;

use agents_domain::definition::NewDefinition;
use agents_domain::id::{IdSource, ScheduleId};
use agents_domain::import::{ImportOutcome, ImportWrite, ImportedRun, ImportedRunFilter};
use agents_domain::run::{RunStatus, TriggerKind};
use agents_domain::schedule::entry::{PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;

use super::env::{Env, namespace};

on_every_engine!(
    an_import_is_stored_as_a_whole,
    an_import_of_which_one_thing_has_changed_meanwhile_stores_nothing,
    imported_runs_are_listed_by_what_they_were,
    a_run_that_is_imported_again_takes_its_own_place,
);

fn definition(name: &str, over: Option<u32>) -> NewDefinition {
    NewDefinition {
        namespace: namespace("shop"),
        name: name.to_owned(),
        text: "exec: { command: \"true\" }\n".to_owned(),
        workspace: "/srv/shop".to_owned(),
        over,
    }
}

fn schedule(env: &Env, name: &str, replaces: Option<u32>) -> ScheduleWrite {
    let schedule = Schedule {
        id: ScheduleId::new(env.ids.next()),
        namespace: namespace("shop"),
        name: name.to_owned(),
        terms: Terms {
            kind: PatternKind::Cron,
            pattern: "@daily".to_owned(),
            zone: "UTC".to_owned(),
            start: Start::Definition { name: name.to_owned(), params: "{}".to_owned() },
            missed: MissedPolicy::Skip,
            overlap: Overlap::Skip,
            jitter: Duration::ZERO,
            from: None,
            until: None,
            auto_pause_after: None,
        },
        standing: Standing::On,
        progress: Progress::begin(env.now(), None),
        created_at: env.now(),
        updated_at: env.now(),
        revision: 1,
    };
    ScheduleWrite { schedule, replaces, begins_anew: true }
}

fn run(env: &Env, key: &str, (status, ago): (RunStatus, i64)) -> ImportedRun {
    let started_at = Timestamp::from_millis(env.now().as_millis() - ago);
    ImportedRun {
        namespace: namespace("shop"),
        key: key.to_owned(),
        definition: "backup".to_owned(),
        status,
        trigger: TriggerKind::Schedule,
        schedule: Some("nightly".to_owned()),
        started_at,
        ended_at: Some(env.now()),
        input: Some("{\"a\":1}".to_owned()),
        output: Some("result.md".to_owned()),
        error: None,
        imported_at: env.now(),
    }
}

async fn stored(env: &Env) -> (Vec<String>, Vec<String>, Vec<ImportedRun>) {
    let of = namespace("shop");
    let definitions = env.store.definitions(&of).await.unwrap();
    let schedules = env.store.schedules(&ScheduleFilter::default()).await.unwrap();
    (
        definitions.into_iter().map(|one| one.name).collect(),
        schedules.into_iter().map(|one| one.name).collect(),
        env.store.imported_runs(&ImportedRunFilter::default()).await.unwrap(),
    )
}

async fn an_import_is_stored_as_a_whole(env: Env) {
    let runs = vec![run(&env, "b-1", (RunStatus::Completed, 5))];
    let write = ImportWrite {
        definitions: vec![definition("backup", None)],
        schedules: vec![schedule(&env, "nightly", None)],
        runs: runs.clone(),
    };
    assert_eq!(env.store.import(write).await.unwrap(), ImportOutcome::Done);
    let names = |name: &str| vec![name.to_owned()];
    assert_eq!(stored(&env).await, (names("backup"), names("nightly"), runs));
}

async fn an_import_of_which_one_thing_has_changed_meanwhile_stores_nothing(env: Env) {
    let first = ImportWrite {
        definitions: vec![definition("backup", None)],
        schedules: vec![schedule(&env, "nightly", None)],
        runs: Vec::new(),
    };
    env.store.import(first).await.unwrap();
    let before = stored(&env).await;
    let changes = [
        (vec![definition("new", None), definition("backup", None)], vec![], "backup"),
        (vec![definition("new", None), definition("backup", Some(7))], vec![], "backup"),
        (vec![definition("new", None), definition("gone", Some(1))], vec![], "gone"),
        (vec![definition("new", None)], vec![schedule(&env, "nightly", None)], "nightly"),
        (vec![definition("new", None)], vec![schedule(&env, "other", Some(1))], "other"),
    ];
    for (definitions, schedules, name) in changes {
        let runs = vec![run(&env, "b-1", (RunStatus::Completed, 5))];
        let outcome = env.store.import(ImportWrite { definitions, schedules, runs }).await.unwrap();
        assert_eq!(outcome, ImportOutcome::Changed { name: name.to_owned() });
        assert_eq!(stored(&env).await, before);
    }
}

async fn imported_runs_are_listed_by_what_they_were(env: Env) {
    let runs = [
        run(&env, "old", (RunStatus::Completed, 3000)),
        run(&env, "failed", (RunStatus::Failed, 2000)),
        run(&env, "new", (RunStatus::Completed, 1000)),
    ];
    let write = ImportWrite { runs: runs.to_vec(), ..ImportWrite::default() };
    env.store.import(write).await.unwrap();
    let check = async |filter: ImportedRunFilter, expected: &[&str]| {
        let found = env.store.imported_runs(&filter).await.unwrap();
        assert_eq!(found.iter().map(|run| &*run.key).collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let all = ImportedRunFilter::default;
    check(all(), &["new", "failed", "old"]).await;
    check(ImportedRunFilter { status: vec![RunStatus::Completed], ..all() }, &["new", "old"]).await;
    check(ImportedRunFilter { since: Some(runs[1].started_at), ..all() }, &["new", "failed"]).await;
    check(ImportedRunFilter { limit: Some(1), ..all() }, &["new"]).await;
    check(ImportedRunFilter { definition: Some("other".to_owned()), ..all() }, &[]).await;
    check(ImportedRunFilter { namespace: Some(namespace("other")), ..all() }, &[]).await;
}

async fn a_run_that_is_imported_again_takes_its_own_place(env: Env) {
    let first = run(&env, "b-1", (RunStatus::Completed, 5));
    let second = ImportedRun { error: Some("no".to_owned()), status: RunStatus::Failed, ..first.clone() };
    for one in [first, second.clone()] {
        env.store.import(ImportWrite { runs: vec![one], ..ImportWrite::default() }).await.unwrap();
    }
    assert_eq!(stored(&env).await.2, [second]);
}
