//! Steps of workflows' runs that were closed long ago go in pieces, and with the last one what no other run has started with.

use agents_domain::id::AssignmentId;
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::OldHistory;

use super::env::{Env, namespace};

on_every_engine!(
    only_closed_runs_of_workflows_have_old_steps,
    steps_go_in_pieces_and_a_snapshot_with_the_last_run_that_has_it,
);

/// A run with so many steps, as a workflow would have left it.
async fn run(env: &Env, snapshot: &str, steps: u32) -> AssignmentId {
    let (id, _) = env.create("implement").await;
    env.sql(&format!(
        "INSERT INTO workflow_snapshots VALUES ('{snapshot}', '{{}}', 1) ON CONFLICT (hash) DO NOTHING; \
         INSERT INTO workflow_runs (assignment_id, namespace, workflow, version, snapshot, facts, state) VALUES \
         ('{id}', 'repo', 'w', '1', '{snapshot}', \
         '{{\"workflow\": \"w\", \"version\": \"1\", \"params\": \"{{}}\", \"trigger\": \"manual\", \"startedAt\": 1}}', '')"
    ))
    .await
    .unwrap();
    for number in 1..=steps {
        env.sql(&format!(
            "INSERT INTO workflow_steps (assignment_id, number, step, path, attempt, status, inputs, started_at, ended_at) \
             VALUES ('{id}', {number}, 's', 's', 1, 'completed', '{{}}', 1, 2)"
        ))
        .await
        .unwrap();
    }
    id
}

async fn forget(env: &Env, of: &[(AssignmentId, Timestamp)], limit: u32) -> Vec<(AssignmentId, u64)> {
    env.store.forget_steps(of.to_vec(), limit).await.unwrap().into_iter().collect()
}

async fn only_closed_runs_of_workflows_have_old_steps(env: Env) {
    env.cancel(env.create("implement").await.0).await;
    run(&env, "a", 1).await;
    let closed = run(&env, "a", 2).await;
    env.cancel(closed).await;
    let closed_at = env.now();
    let old = OldHistory {
        assignment: closed,
        namespace: namespace("repo"),
        workspace: "/repo".to_owned(),
        closed_at,
        events: 2,
    };
    assert_eq!(env.store.old_flows(closed_at, None, 10).await.unwrap(), [old]);
    assert_eq!(env.store.old_flows(closed_at, Some(closed), 10).await.unwrap(), []);
    let before = Timestamp::from_millis(closed_at.as_millis() - 1);
    assert_eq!(env.store.old_flows(before, None, 10).await.unwrap(), []);
}

async fn steps_go_in_pieces_and_a_snapshot_with_the_last_run_that_has_it(env: Env) {
    let (first, second) = (run(&env, "shared", 3).await, run(&env, "shared", 1).await);
    let open = run(&env, "open", 1).await;
    env.cancel(first).await;
    env.cancel(second).await;
    let at = env.now();
    env.later(1);
    assert_eq!(forget(&env, &[(open, at), (first, env.now())], 100).await, [], "open, or changed since");
    assert_eq!(forget(&env, &[(first, at)], 2).await, [(first, 2)]);
    let left = env.store.workflow_steps(first, 0, 10).await.unwrap();
    assert_eq!(left.iter().map(|step| step.number).collect::<Vec<_>>(), [3]);
    assert_eq!(forget(&env, &[(first, at)], 100).await, [(first, 1)]);
    let snapshot = async |hash: &str| env.store.workflow_snapshot(hash).await.unwrap();
    assert!(snapshot("shared").await.is_some(), "the other run has it too");
    assert_eq!(forget(&env, &[(first, at), (second, at)], 100).await, [(second, 1)]);
    assert_eq!(snapshot("shared").await, None);
    assert!(snapshot("open").await.is_some());
    assert_eq!(env.store.old_flows(at, None, 10).await.unwrap(), []);
    let run = env.store.workflow_run(first).await.unwrap().unwrap();
    assert_eq!((run.workflow.as_str(), run.snapshot.as_str()), ("w", ""), "the run itself stays");
    assert_eq!(env.store.workflow_steps(open, 0, 10).await.unwrap().len(), 1);
}
