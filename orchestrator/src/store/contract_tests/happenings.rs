//! What happens is kept in order, told with the history that it is of, and forgotten when it is old.

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::director::Director;
use agents_domain::happening::{
    EventName, EventPattern, Happening, HappeningFilter, HappeningSource, NewHappening,
};
use agents_domain::id::{AssignmentId, HappeningId, IdSource};
use agents_domain::outcome::Outcome;
use agents_domain::run::{RunOrigin, Trigger};
use agents_domain::store::Change;
use agents_domain::timestamp::Timestamp;
use serde_json::{Value, json};

use super::env::{Env, failure, limit, namespace};

on_every_engine!(
    what_was_emitted_reads_back_in_order,
    a_list_takes_a_pattern_a_time_a_place_and_a_limit,
    an_assignment_tells_of_its_life,
    a_run_tells_of_its_end_with_what_it_was,
    a_harness_that_begins_to_cool_down_is_told_of,
    what_an_agent_emits_is_as_deep_as_its_run,
    what_is_old_is_forgotten,
);

pub fn new(env: &Env, name: &str) -> NewHappening {
    NewHappening {
        id: HappeningId::new(env.ids.next()),
        namespace: namespace("repo"),
        name: EventName::new(name).unwrap(),
        data: r#"{"branch":"main"}"#.to_owned(),
        source: HappeningSource::Person,
        cause: None,
        depth: 0,
    }
}

pub async fn emit(env: &Env, name: &str) -> Happening {
    env.store.emit(new(env, name), &[]).await.unwrap()
}

/// A run of the definition `nightly`.
pub async fn run_of(env: &Env, depth: u32) -> AssignmentId {
    let new = env.new_assignment(First::Job(env.job("implement")));
    let id = new.id;
    let run = RunOrigin {
        definition: Some("nightly".to_owned()),
        worker: "exec".to_owned(),
        trigger: Trigger::Manual,
        params: r#"{"who":"you"}"#.to_owned(),
        input: None,
        depth,
        replays: None,
    };
    env.execute(Change::Create(NewAssignment { director: Director::None, run: Some(Box::new(run)), ..new }))
        .await
        .unwrap();
    id
}

async fn all(env: &Env) -> Vec<Happening> {
    env.store.happenings(&HappeningFilter::default()).await.unwrap()
}

fn names(of: &[Happening]) -> Vec<&str> {
    of.iter().map(|happening| happening.what.name.as_str()).collect()
}

fn data(of: &Happening) -> Value {
    serde_json::from_str(&of.what.data).unwrap()
}

async fn what_was_emitted_reads_back_in_order(env: Env) {
    let first = emit(&env, "deploy.begun").await;
    env.later(1);
    let second = emit(&env, "deploy.done").await;
    assert!(first.seq < second.seq && first.at < second.at);
    assert_eq!(all(&env).await, [first, second]);
}

async fn a_list_takes_a_pattern_a_time_a_place_and_a_limit(env: Env) {
    let mut kept = Vec::new();
    for name in ["a.one", "b.one", "a.two", "b.two"] {
        kept.push(emit(&env, name).await);
        env.later(1);
    }
    let elsewhere = NewHappening { namespace: namespace("other"), ..new(&env, "a.three") };
    env.store.emit(elsewhere, &[]).await.unwrap();
    let check = async |filter: HappeningFilter, expected: &[&str]| {
        let found = env.store.happenings(&filter).await.unwrap();
        assert_eq!(names(&found), expected, "{filter:?}");
    };
    let repo = || HappeningFilter { namespace: Some(namespace("repo")), ..Default::default() };
    check(repo(), &["a.one", "b.one", "a.two", "b.two"]).await;
    let pattern = Some(EventPattern::new("a.*").unwrap());
    check(HappeningFilter { pattern: pattern.clone(), ..repo() }, &["a.one", "a.two"]).await;
    check(HappeningFilter { since: Some(kept[2].at), ..repo() }, &["a.two", "b.two"]).await;
    check(HappeningFilter { after: Some(kept[2].seq), ..repo() }, &["b.two"]).await;
    check(HappeningFilter { limit: Some(3), ..repo() }, &["b.one", "a.two", "b.two"]).await;
    check(HappeningFilter { pattern, limit: Some(1), ..repo() }, &["a.two"]).await;
}

async fn an_assignment_tells_of_its_life(env: Env) {
    let (id, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, failure()).await.unwrap();
    env.block(id).await;
    env.cancel(id).await;
    let told = all(&env).await;
    assert_eq!(
        names(&told),
        ["assignment.created", "job.failed", "assignment.blocked", "assignment.cancelled"]
    );
    assert_eq!(
        data(&told[1]),
        json!({
            "assignment": id.to_string(), "northStar": "make it so", "director": "pm", "costUsd": 0.0,
            "job": job.to_string(), "jobType": "implement", "harness": "claude", "outcome": "refusal", "reason": "no",
        })
    );
    assert_eq!(data(&told[2])["reason"], "wait");
    let from = |happening: &Happening| {
        let what = &happening.what;
        (what.source, what.cause.clone(), what.depth, what.namespace.clone())
    };
    let expected = (HappeningSource::Orchestrator, Some(id.to_string()), 0, namespace("repo"));
    assert_eq!(told.iter().map(from).collect::<Vec<_>>(), vec![expected; 4]);
}

async fn a_run_tells_of_its_end_with_what_it_was(env: Env) {
    let id = run_of(&env, 3).await;
    let claimed = env.claim_one().await;
    env.later(7);
    env.finish(&claimed, failure()).await.unwrap();
    let told = all(&env).await;
    assert_eq!(names(&told), ["assignment.created", "job.failed", "assignment.failed", "run.failed"]);
    assert_eq!(told.iter().map(|happening| happening.what.depth).collect::<Vec<_>>(), [3; 4]);
    let end = data(&told[3]);
    let part: Vec<&Value> = ["run", "definition", "worker", "trigger", "params", "outcome", "durationMs"]
        .iter()
        .map(|key| &end[key])
        .collect();
    assert_eq!(
        json!(part),
        json!([id.to_string(), "nightly", "exec", "manual", {"who": "you"}, "refusal", 7000])
    );
    let done = run_of(&env, 0).await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, Outcome::success("fine")).await.unwrap();
    let told = all(&env).await;
    assert_eq!(names(&told[4..]), ["assignment.created", "assignment.completed", "run.completed"]);
    assert_eq!(data(&told[6])["run"], done.to_string());
    assert_eq!(data(&told[6])["outcome"], "success");
}

async fn a_harness_that_begins_to_cool_down_is_told_of(env: Env) {
    env.create_for("claude").await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, limit(&env, 600)).await.unwrap();
    let told = all(&env).await;
    assert_eq!(names(&told), ["assignment.created", "harness.cooled_down"]);
    let data = data(&told[1]);
    let until = Timestamp::from_millis(1_700_000_600_000).to_string();
    assert_eq!((&data["harness"], &data["until"]), (&json!("claude"), &json!(until)));
}

async fn what_an_agent_emits_is_as_deep_as_its_run(env: Env) {
    run_of(&env, 5).await;
    let claimed = env.claim_one().await;
    let told = env.store.emit(new(&env, "x.y"), &[claimed.attempt.id]).await.unwrap();
    assert_eq!(told.what.depth, 5);
    assert_eq!(emit(&env, "x.y").await.what.depth, 0);
}

async fn what_is_old_is_forgotten(env: Env) {
    emit(&env, "old.one").await;
    emit(&env, "old.two").await;
    env.later(100);
    let kept = emit(&env, "new.one").await;
    assert_eq!(env.store.forget_happenings(kept.at, 1).await.unwrap(), 1);
    assert_eq!(names(&all(&env).await), ["old.two", "new.one"]);
    assert_eq!(env.store.forget_happenings(kept.at, 10).await.unwrap(), 1);
    assert_eq!(all(&env).await, [kept]);
}
