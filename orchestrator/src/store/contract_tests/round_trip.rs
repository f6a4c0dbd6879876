//! What goes in comes out.

use agents_domain::aggregate::First;
use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::attempt::{AttemptProgress, AttemptReport};
use agents_domain::decision::{Decision, Place};
use agents_domain::harness::ProcessEnd;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{AttemptRecord, Change, JobDetail};
use agents_domain::usage::{CostSource, MicroUsd, TokenUsage};
use uuid::Uuid;

use super::env::{Env, namespace, report, runner};

on_every_engine!(
    hostile_texts_come_out_as_they_went_in,
    a_job_keeps_what_it_was_given,
    what_is_not_there_is_none,
    an_attempt_keeps_all_its_fields,
    an_attempt_that_tells_nothing_has_nothing,
    a_staged_decision_is_kept_with_its_jobs,
    a_namespace_keeps_the_folder_that_it_was_first_used_in,
    two_assignments_cannot_have_one_id,
);

async fn hostile_texts_come_out_as_they_went_in(env: Env) {
    let texts = [
        "x".repeat(5 * 1024 * 1024),
        "'; DROP TABLE jobs; -- \" ` $1 %s \\ {{ x }}".to_owned(),
        "before\0after: SQLite keeps what follows a NUL".to_owned(),
        "🦀👩‍👩‍👧‍👦 e\u{301} \u{202e}right to left\u{202c} שלום عربى".to_owned(),
        "\u{feff}line\r\nline\u{2028}line\u{1}\u{7f}\u{ffff}".to_owned(),
    ];
    for text in texts {
        let mut job = env.job("implement");
        job.context.clone_from(&text);
        let mut new = env.new_assignment(First::Job(job));
        new.north_star.clone_from(&text);
        let id = new.id;
        env.execute(Change::Create(new)).await.unwrap();
        let claimed = env.claim_one().await;
        assert!(claimed.context == text && claimed.assignment.north_star == text, "as claimed");
        env.finish(&claimed, Outcome::success(text.clone())).await.unwrap();
        let stored = env.all_of(id).await;
        assert!(stored.assignment.north_star == text, "the north star");
        assert!(stored.jobs[0].context == text, "the context");
        assert!(stored.jobs[0].job.progress().result.as_deref() == Some(text.as_str()), "the answer");
        env.cancel(id).await;
    }
}

async fn a_job_keeps_what_it_was_given(env: Env) {
    let mut job = env.job("review");
    job.harness = Some("my-own".to_owned());
    job.model = Some("large".to_owned());
    job.timeout_ms = Some(90_000);
    let id = job.id;
    let new = env.new_assignment(First::Job(job));
    let receipt = env.execute(Change::Create(new.clone())).await.unwrap();
    assert_eq!((receipt.status, receipt.has_ready), (AssignmentStatus::Active, true));
    let (assignment, detail) = env.store.job(id).await.unwrap().unwrap();
    let shown = |a: &Assignment| (a.id, a.namespace.clone(), a.workspace.clone(), a.max_jobs, a.created_at);
    assert_eq!(shown(&assignment), (new.id, new.namespace, new.workspace, 50, env.now()));
    let JobDetail { job, context, attempts } = detail;
    assert_eq!((job.harness.as_str(), job.model.as_deref()), ("my-own", Some("large")));
    assert_eq!((job.timeout_ms, job.shadow, job.created_at), (Some(90_000), false, env.now()));
    assert_eq!((context.as_str(), attempts.len()), ("do the review", 0));
    assert_eq!(env.all_of(new.id).await.assignment, assignment);
}

async fn what_is_not_there_is_none(env: Env) {
    let nobody = Uuid::from_u128(404);
    assert_eq!(env.store.assignment(AssignmentId::new(nobody)).await.unwrap(), None);
    assert_eq!(env.store.job(JobId::new(nobody)).await.unwrap(), None);
    assert_eq!(env.store.job_details(AssignmentId::new(nobody)).await.unwrap(), []);
    assert_eq!(env.store.history(AssignmentId::new(nobody)).await.unwrap(), []);
    assert_eq!(env.store.namespace_root(&namespace("nowhere")).await.unwrap(), None);
}

async fn an_attempt_keeps_all_its_fields(env: Env) {
    let (_, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let started_at = env.now();
    env.later(3);
    let progress = AttemptProgress {
        session_id: Some("s-1".to_owned()),
        model: Some("large-2".to_owned()),
        cli_version: Some("1.2.3".to_owned()),
        usage: Some(TokenUsage { input: 1000, cached: 900, written: 50, output: 50, reasoning: Some(20) }),
        cost: Some(MicroUsd::from_micros(123_456)),
        cost_source: Some(CostSource::Prices),
        tool_calls: 7,
        last_activity: Some("edits a file".to_owned()),
    };
    let end = AttemptReport {
        process: Some(ProcessEnd::Signaled(9)),
        progress: progress.clone(),
        unknown_lines: 2,
        bad_lines: 3,
        ..report(claimed.attempt.id, Outcome::failure(OutcomeClass::Stopped, "shut down"))
    };
    env.execute(Change::Finish { assignment: claimed.assignment.id, report: Box::new(end) }).await.unwrap();
    let expected = AttemptRecord {
        id: claimed.attempt.id,
        job,
        number: 1,
        runner: runner(1),
        harness: "claude".to_owned(),
        started_at,
        ended_at: Some(env.now()),
        outcome: Some(OutcomeClass::Stopped),
        message: Some("shut down".to_owned()),
        exit_code: None,
        signal: Some(9),
        session_id: progress.session_id,
        resumes: None,
        model: progress.model,
        cli_version: progress.cli_version,
        usage: progress.usage,
        cost: progress.cost,
        cost_source: progress.cost_source,
        tool_calls: 7,
        last_activity: progress.last_activity,
        unknown_lines: 2,
        bad_lines: 3,
        cancel_requested: false,
        pause_requested: false,
    };
    let again = env.claim_one().await;
    assert_eq!((again.attempt.number, again.attempt.resumes.as_deref()), (2, Some("s-1")));
    let attempts = env.store.job(job).await.unwrap().unwrap().1.attempts;
    assert_eq!(attempts[0], expected);
    assert_eq!((attempts[1].id, attempts[1].resumes.as_deref()), (again.attempt.id, Some("s-1")));
}

async fn an_attempt_that_tells_nothing_has_nothing(env: Env) {
    let (_, job) = env.create("implement").await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, Outcome::success("done")).await.unwrap();
    let attempt = env.store.job(job).await.unwrap().unwrap().1.attempts.remove(0);
    assert_eq!((attempt.usage, attempt.cost, attempt.session_id), (None, None, None));
    assert_eq!((attempt.exit_code, attempt.signal, attempt.message), (Some(0), None, None));
}

async fn a_staged_decision_is_kept_with_its_jobs(env: Env) {
    let (assignment, first) = env.create("implement").await;
    env.finish(&env.claim_one().await, Outcome::success("done")).await.unwrap();
    let pm = env.claim_one().await;
    let mut one = env.job("review");
    one.model = Some("large".to_owned());
    one.timeout_ms = Some(5);
    let jobs = vec![(one, Place::First), (env.job("uat"), Place::End), (env.job("fix"), Place::After(first))];
    for job in jobs {
        let decision = Decision::InsertJobs { reason: "so".to_owned(), jobs: vec![job], accept: Vec::new() };
        env.execute(Change::Stage { assignment, attempt: pm.attempt.id, decision }).await.unwrap();
    }
    env.finish(&pm, Outcome::success("done")).await.unwrap();
    let jobs = env.store.job_details(assignment).await.unwrap();
    let types: Vec<&str> = jobs.iter().map(|detail| detail.job.job_type.as_str()).collect();
    // `fix` was to follow a job that is over: it goes where the first of those that wait would go.
    assert_eq!(types, ["implement", "pm", "fix", "review", "uat"]);
    let review = &jobs[3];
    assert_eq!((review.job.model.as_deref(), review.job.timeout_ms), (Some("large"), Some(5)));
    assert_eq!(review.context, "do the review");
}

async fn a_namespace_keeps_the_folder_that_it_was_first_used_in(env: Env) {
    env.create("implement").await;
    let mut elsewhere = env.new_assignment(First::Hold);
    elsewhere.workspace = "/elsewhere".to_owned();
    env.execute(Change::Create(elsewhere)).await.unwrap();
    assert_eq!(env.store.namespace_root(&namespace("repo")).await.unwrap().as_deref(), Some("/repo"));
}

async fn two_assignments_cannot_have_one_id(env: Env) {
    let (assignment, _) = env.create("implement").await;
    let before = env.all_of(assignment).await;
    let mut again = env.new_assignment(First::Hold);
    again.id = assignment;
    env.execute(Change::Create(again)).await.unwrap_err();
    assert_eq!(env.all_of(assignment).await, before);
}
