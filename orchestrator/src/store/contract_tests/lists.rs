//! What people look at.

use agents_domain::aggregate::First;
use agents_domain::assignment::AssignmentStatus;
use agents_domain::attempt::AttemptProgress;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::job::{JobState, JobStatus};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{AssignmentFilter, Change, JobFilter, JobLine, Queue};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;

use super::env::{Env, failure, limit, namespace, report, runner_record};

on_every_engine!(
    assignments_are_listed_the_latest_first_by_namespace_and_status,
    an_assignments_line_counts_its_jobs_and_adds_up_its_cost,
    jobs_are_listed_the_latest_first_by_every_filter,
    a_jobs_line_shows_its_latest_attempt,
    the_queue_tells_apart_what_runs_what_is_ready_and_what_waits,
    the_queue_of_a_namespace_shows_only_that_one,
    the_queue_keeps_to_its_limit_and_shows_what_is_ready_first,
    the_next_moment_is_the_earliest_of_those_that_may_run,
);

fn ids(lines: &[JobLine]) -> Vec<JobId> {
    lines.iter().map(|line| line.job.id).collect()
}

async fn assignments_are_listed_the_latest_first_by_namespace_and_status(env: Env) {
    let (one, _) = env.create_in("a", "implement").await;
    let (two, _) = env.create_in("b", "implement").await;
    let (three, _) = env.create_in("a", "implement").await;
    env.block(two).await;
    env.cancel(three).await;
    let check = async |in_namespace: Option<&str>, status: &[AssignmentStatus], limit, expected: &[_]| {
        let status = status.to_vec();
        let filter = AssignmentFilter { namespace: in_namespace.map(namespace), status, limit };
        let found = env.store.assignments(&filter).await.unwrap();
        let found: Vec<AssignmentId> = found.iter().map(|line| line.assignment.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    };
    use AssignmentStatus::{Active, Blocked, Cancelled, Complete};
    check(None, &[], None, &[three, two, one]).await;
    check(None, &[], Some(2), &[three, two]).await;
    check(None, &[], Some(0), &[]).await;
    check(Some("a"), &[], None, &[three, one]).await;
    check(None, &[Active, Blocked], None, &[two, one]).await;
    check(Some("a"), &[Cancelled], Some(9), &[three]).await;
    check(Some("elsewhere"), &[], None, &[]).await;
    check(None, &[Complete], None, &[]).await;
}

async fn an_assignments_line_counts_its_jobs_and_adds_up_its_cost(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let line = async || env.store.assignments(&AssignmentFilter::default()).await.unwrap().remove(0);
    let fresh = line().await;
    assert_eq!((fresh.jobs, fresh.finished_jobs, fresh.cost), (1, 0, None));
    for micros in [100, 20] {
        let claimed = env.claim_one().await;
        let mut end = report(claimed.attempt.id, Outcome::success("done"));
        end.progress = AttemptProgress { cost: Some(MicroUsd::from_micros(micros)), ..Default::default() };
        env.execute(Change::Finish { assignment, report: Box::new(end) }).await.unwrap();
    }
    env.insert(assignment, "review").await;
    let later = line().await;
    let cost = Some(MicroUsd::from_micros(120));
    assert_eq!((later.jobs, later.finished_jobs, later.cost), (2, 1, cost), "the PM's jobs do not count");
    assert_eq!(later.assignment, env.all_of(assignment).await.assignment);
}

async fn jobs_are_listed_the_latest_first_by_every_filter(env: Env) {
    let (first, one) = env.create_in("a", "implement").await;
    let two = env.insert(first, "review").await;
    let (_, three) = env.create_in("b", "implement").await;
    let claimed = env.claim(1).await;
    assert_eq!(claimed[0].job.id, one);
    let check = async |filter: JobFilter, expected: &[JobId]| {
        assert_eq!(ids(&env.store.jobs(&filter).await.unwrap()), expected, "{filter:?}");
    };
    let all = JobFilter::default;
    check(all(), &[three, two, one]).await;
    check(JobFilter { limit: Some(1), ..all() }, &[three]).await;
    check(JobFilter { namespace: Some(namespace("a")), ..all() }, &[two, one]).await;
    check(JobFilter { assignment: Some(first), ..all() }, &[two, one]).await;
    check(JobFilter { status: vec![JobStatus::Running, JobStatus::Failed], ..all() }, &[one]).await;
    check(JobFilter { job_type: Some("implement".to_owned()), ..all() }, &[three, one]).await;
    check(JobFilter { job_type: Some("' OR 1=1 --".to_owned()), ..all() }, &[]).await;
    let narrow = JobFilter {
        namespace: Some(namespace("a")),
        assignment: Some(first),
        status: vec![JobStatus::Pending],
        job_type: Some("review".to_owned()),
        limit: Some(5),
    };
    check(narrow, &[two]).await;
}

async fn a_jobs_line_shows_its_latest_attempt(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let first = env.claim_one().await;
    env.finish(&first, limit(&env, 10)).await.unwrap();
    env.later(10);
    let second = env.claim_one().await;
    let line = env.store.jobs(&JobFilter::default()).await.unwrap().remove(0);
    let attempt = line.attempt.as_ref().unwrap();
    assert_eq!((attempt.id, attempt.number), (second.attempt.id, 2));
    let stored = env.all_of(assignment).await;
    assert_eq!(
        (&line.namespace, &line.north_star),
        (&stored.assignment.namespace, &stored.assignment.north_star)
    );
    assert_eq!((line.assignment_status, &line.job), (AssignmentStatus::Active, &stored.jobs[0].job));
}

async fn the_queue_tells_apart_what_runs_what_is_ready_and_what_waits(env: Env) {
    let (running, running_job) = env.create("implement").await;
    let behind = env.insert(running, "review").await;
    env.claim_one().await;
    let (_, parked) = env.create_for("codex").await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, limit(&env, 60)).await.unwrap();
    let (blocked, of_blocked) = env.create("implement").await;
    env.block(blocked).await;
    let (cancelled, _) = env.create("implement").await;
    env.cancel(cancelled).await;
    let (done, _) = env.create("implement").await;
    env.finish(&env.claim_one().await, failure()).await.unwrap();
    env.cancel(done).await;
    let (_, ready) = env.create("implement").await;
    let held = env.new_assignment(First::Hold);
    let held_id = held.id;
    env.execute(Change::Create(held)).await.unwrap();
    env.store.register(&runner_record(1, None, env.now())).await.unwrap();

    let queue = env.queue(None, 100).await;
    assert_eq!(ids(&queue.running), [running_job]);
    assert_eq!(ids(&queue.ready), [ready]);
    assert_eq!(ids(&queue.waiting), [parked, behind, of_blocked]);
    let of = |list: &[agents_domain::assignment::Assignment]| list.iter().map(|a| a.id).collect::<Vec<_>>();
    assert_eq!((of(&queue.blocked), of(&queue.held)), (vec![blocked], vec![held_id]));
    assert_eq!(queue.blocked[0].reason(), Some("wait"));
    assert_eq!(queue.runners, [runner_record(1, None, env.now())]);
    env.later(60);
    assert_eq!(ids(&env.queue(None, 100).await.ready), [parked, ready]);
}

async fn the_queue_of_a_namespace_shows_only_that_one(env: Env) {
    let (blocked, _) = env.create_in("a", "implement").await;
    env.block(blocked).await;
    env.create_in("a", "implement").await;
    let (_, ready) = env.create_in("b", "implement").await;
    for (number, of) in [(1, None), (2, Some("a")), (3, Some("b"))] {
        env.store.register(&runner_record(number, of, env.now())).await.unwrap();
    }
    let queue = env.queue(Some(&namespace("b")), 100).await;
    let runners = vec![runner_record(1, None, env.now()), runner_record(3, Some("b"), env.now())];
    assert_eq!(ids(&queue.ready), [ready]);
    assert_eq!(Queue { ready: vec![], ..queue }, Queue { runners, ..Queue::default() });
}

async fn the_queue_keeps_to_its_limit_and_shows_what_is_ready_first(env: Env) {
    let (_, parked) = env.create_for("codex").await;
    env.finish(&env.claim_one().await, limit(&env, 60)).await.unwrap();
    let mut ready = Vec::new();
    for _ in 0..3 {
        ready.push(env.create("implement").await.1);
    }
    let queue = env.queue(None, 2).await;
    assert_eq!((ids(&queue.ready), ids(&queue.waiting)), (ready[..2].to_vec(), vec![parked]));
    let queue = env.queue(None, 4).await;
    assert_eq!((ids(&queue.ready), ids(&queue.waiting)), (ready, vec![parked]));
}

async fn the_next_moment_is_the_earliest_of_those_that_may_run(env: Env) {
    let next = async |of: Option<&str>| {
        let of = of.map(namespace);
        env.next_ready_at(of.as_ref()).await
    };
    assert_eq!(next(None).await, None);
    let mut again: Vec<Timestamp> = Vec::new();
    for (name, seconds) in [("a", 5), ("b", 0)] {
        let (assignment, _) = env.create_in(name, "implement").await;
        env.later(seconds);
        let overloaded = Outcome::failure(OutcomeClass::Overloaded, "later");
        env.finish(&env.claim_one().await, overloaded).await.unwrap();
        env.insert(assignment, "review").await;
        let job = env.all_of(assignment).await.jobs.remove(0).job;
        let JobState::Pending { ready_at, .. } = *job.state() else { panic!("{:?}", job.state()) };
        again.push(ready_at);
    }
    let earliest = again[0].min(again[1]);
    assert_eq!(next(None).await, Some(earliest), "what is behind another job does not count");
    assert_eq!((next(Some("a")).await, next(Some("c")).await), (Some(again[0]), None));
    env.create_in("a", "implement").await;
    assert_eq!(next(None).await, Some(env.now()), "what is ready already counts too");
}
