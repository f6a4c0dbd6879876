//! Ids by a part of them.

use agents_domain::aggregate::First;
use agents_domain::id::{AssignmentId, JobId};
use agents_domain::store::Change;

use super::env::Env;

on_every_engine!(
    an_assignment_is_found_by_a_beginning_or_an_end_of_its_id,
    a_job_is_found_by_a_beginning_or_an_end_of_its_id,
    at_most_three_ids_are_found,
    garbage_finds_nothing,
);

const ONE: &str = "0190aaaa-1111-7abc-8def-00000000cafe";
const TWO: &str = "0190aaab-2222-7abc-8def-00000001cafe";

fn assignment(id: &str) -> AssignmentId {
    id.parse().unwrap()
}

async fn create(env: &Env, id: &str) {
    let mut job = env.job("implement");
    job.id = id.parse().unwrap();
    let mut new = env.new_assignment(First::Job(job));
    new.id = assignment(id);
    env.execute(Change::Create(new)).await.unwrap();
}

/// Parts, and which of the two ids begin or end with them.
const PARTS: [(&str, &[&str]); 16] = [
    (ONE, &[ONE]),
    ("0190AAAA-1111-7ABC-8DEF-00000000CAFE", &[ONE]),
    ("0190aaaa11117abc8def00000000cafe", &[ONE]),
    ("0190aaaa", &[ONE]),
    ("0190aaaa-", &[ONE]),
    ("0190aaaa-1", &[ONE]),
    ("0190aaaa1", &[ONE]),
    ("0190aaab-2222-7abc-8def", &[TWO]),
    ("01-90-aa-ab", &[TWO]),
    ("00cafe", &[ONE]),
    ("00000001CAFE", &[TWO]),
    ("8def-00000001cafe", &[TWO]),
    ("cafe", &[ONE, TWO]),
    ("0190aaa", &[ONE, TWO]),
    ("0190aaac", &[]),
    ("7abc", &[]),
];

async fn an_assignment_is_found_by_a_beginning_or_an_end_of_its_id(env: Env) {
    create(&env, ONE).await;
    create(&env, TWO).await;
    for (part, expected) in PARTS {
        let expected: Vec<AssignmentId> = expected.iter().map(|id| assignment(id)).collect();
        assert_eq!(env.store.assignments_like(part).await.unwrap(), expected, "{part}");
    }
}

async fn a_job_is_found_by_a_beginning_or_an_end_of_its_id(env: Env) {
    create(&env, ONE).await;
    create(&env, TWO).await;
    for (part, expected) in PARTS {
        let expected: Vec<JobId> = expected.iter().map(|id| id.parse().unwrap()).collect();
        assert_eq!(env.store.jobs_like(part).await.unwrap(), expected, "{part}");
    }
}

async fn at_most_three_ids_are_found(env: Env) {
    for _ in 0..5 {
        env.create("implement").await;
    }
    assert_eq!(env.store.jobs_like("0").await.unwrap().len(), 3);
    assert_eq!(env.store.assignments_like("0190").await.unwrap().len(), 3);
}

async fn garbage_finds_nothing(env: Env) {
    create(&env, ONE).await;
    let too_long = "0".repeat(33);
    let parts = [
        "",
        "-",
        "----",
        " ",
        "%",
        "_",
        "0190%",
        "0_90",
        "'",
        "' OR 1=1 --",
        "\0",
        "é",
        "0190g",
        "~",
        &too_long,
    ];
    for part in parts {
        assert_eq!(env.store.assignments_like(part).await.unwrap(), [], "{part:?}");
        assert_eq!(env.store.jobs_like(part).await.unwrap(), [], "{part:?}");
    }
}
