//! What `cancel`, `pause`, `resume` and `retry` say of ids and states that they can do nothing with, and who may.

mod support;

use serde_json::{Value, json};
use support::{World, short, text};

fn first_job(world: &World, assignment: &str) -> String {
    text(&world.json(&["assignment", assignment])["jobs"][0]["id"])
}

#[test]
fn ids_that_do_not_fit_are_refused_with_where_to_look() {
    let world = World::new();
    let id = world.create(&["Something", "--first", "implement"]);
    let job = first_job(&world, &id);
    let check = |args: &[&str], code, said: &[&str]| world.agents(args).fails(code, said);
    check(&["cancel"], 2, &["<JOB|ASSIGNMENT>"]);
    check(&["cancel", "nonsense"], 3, &["`nonsense` is not the id of any job"]);
    check(&["cancel", "abc"], 2, &["too short"]);
    check(&["cancel", "00000000"], 3, &["no job or assignment", "agents jobs", "agents assignments"]);
    check(&["cancel", &id[..8]], 4, &["fits several jobs or assignments", &format!("one is job {job}"), &id]);
    check(&["pause", &job], 3, &["no assignment", &format!("use {}", short(&id))]);
    check(&["resume", "00000000"], 3, &["no assignment"]);
    check(&["retry", &id], 3, &["no job", &format!("agents assignment {}", short(&id))]);
    check(&["cancel", &job, "00000000"], 3, &["00000000"]);
    assert_eq!(world.json(&["job", &job])["status"], "pending", "one wrong id, and nothing is cancelled");
}

#[tokio::test]
async fn states_that_do_not_fit_are_refused_with_the_command_that_helps() {
    let world = World::new();
    let id = world.create(&["Something", "--first", "implement"]);
    let job = first_job(&world, &id);
    world.claim().await;
    let check = |args: &[&str], said: &[&str]| world.agents(args).fails(5, said);
    let end = format!("agents cancel {}", short(&job));
    check(&["retry", &job], &["is running", &end]);
    world.json(&["cancel", &id]);
    let open = format!("agents update-assignment {} --status active", short(&id));
    check(&["pause", &id], &["is cancelled", &open]);
    let told = world.agents(&["resume", &id]).ok().stdout;
    assert_eq!(told, format!("assignment {} is not paused (cancelled); nothing has changed\n", short(&id)));
    let told = world.agents(&["cancel", &job]).ok().stdout;
    assert_eq!(told, format!("implement {} is being ended already; nothing has changed\n", short(&job)));
}

#[test]
fn a_job_is_repeated_once_and_within_the_limit() {
    let world = World::new();
    let id = world.create(&["Something", "--first", "implement", "--max-jobs", "1"]);
    let job = first_job(&world, &id);
    world.json(&["cancel", &job]);
    let again = world.json(&["retry", &job]);
    let by = text(&again["id"]);
    assert_eq!((&again["repeats"], &again["reopened"]), (&json!(job), &json!(false)));
    world.agents(&["retry", &job]).fails(5, &["done again already", &format!("agents job {}", short(&by))]);
    world.json(&["cancel", &by]);
    world.json(&["insert-job", &id, "--type", "review"]);
    world.agents(&["retry", &by]).fails(5, &["already has its 1 jobs", "--max-jobs 2"]);
}

#[test]
fn several_things_are_cancelled_at_once_and_each_is_told_of() {
    let world = World::new();
    let one = world.create(&["One", "--first", "implement"]);
    let two = world.create(&["Two", "--first", "plan"]);
    let job = first_job(&world, &one);
    let said = world.agents(&["cancel", &job, &two]).ok().stdout;
    let expected = format!(
        "implement {} is cancelled\nthe PM is asked what comes next\nassignment {} is cancelled, with 1 job\n",
        short(&job),
        short(&two)
    );
    assert_eq!(said, expected);
}

#[test]
fn a_paused_assignment_says_so_wherever_something_is_done_to_it() {
    let world = World::new();
    let id = world.create(&["Something", "--first", "implement"]);
    let paused = world.json(&["pause", &id]);
    let expected = json!({
        "id": id, "status": "active", "paused": true, "changed": true, "ending": [], "running": [], "warnings": [],
    });
    assert_eq!(paused, expected);
    let warning =
        json!(format!("assignment {0} is paused: it goes on after `agents resume {0}`", short(&id)));
    let warned = |args: &[&str]| {
        let warnings = world.json(args)["warnings"].clone();
        assert!(warnings.as_array().is_some_and(|all| all.contains(&warning)), "{args:?}: {warnings}");
    };
    warned(&["insert-job", &id, "--type", "review"]);
    warned(&["update-assignment", &id, "--status", "active", "--note", "Go on."]);
    world.json(&["update-assignment", &id, "--status", "blocked", "--reason", "wait"]);
    let said = world.agents(&["resume", &id]).ok().stdout;
    assert!(said.contains("no longer paused, but still blocked: wait"), "{said}");
    assert_eq!(world.json(&["assignment", &id])["paused"], Value::Bool(false));
}

#[tokio::test]
async fn only_a_person_may_cancel_pause_resume_and_retry() {
    let world = World::new();
    let id = world.create(&["Something"]);
    let pm = world.claim().await;
    for command in ["cancel", "pause", "resume", "retry"] {
        let run = world.agents(&[command, &id]).inside(&pm);
        run.fails(5, &["a PM can't", "agents insert-job"]);
        let agent = world.agents(&[command, &id]).inside(&pm).env("AGENTS_JOB_TYPE", "review");
        agent.fails(5, &["only the PM and people can", "final answer"]);
    }
}
