//! What people tell runs: yes, no, go on, again.

use serde_json::json;

use crate::stage::Stage;
use crate::support::text;

const ASKS: &str = "\
name: Asks
steps:
  - id: ask
    approval: { question: \"Release {{ run.id | length }}?\" }
    timeout: TIME
    onSuccess: go
    onTimeout: late
    onOutcome: { rejected: no }
  - id: go
    exec: { shell: sh, command: \"echo yes {{ steps.ask.outputs.comment }} >> said\" }
  - id: no
    exec: { shell: sh, command: \"echo {{ error.class }} >> said\" }
  - id: late
    exec: { shell: sh, command: echo late >> said }
";

fn asks(timeout: &str) -> Stage {
    Stage::new(&[("asks", &ASKS.replace("TIME", timeout))])
}

#[test]
fn an_approval_waits_for_a_person_who_says_yes_or_no() {
    let stage = asks("1h");
    let (yes, no) = (stage.run(&["asks"]), stage.run(&["asks"]));
    let waits = &stage.status(&yes)["waits"];
    assert_eq!(
        json!([waits["for"], waits["step"], waits["question"]]),
        json!(["person", "ask", "Release 36?"])
    );
    let shown = stage.agents(&["workflow", "status", &yes]).ok().stdout;
    assert!(shown.contains("Release 36?") && shown.contains("agents workflow approve"), "{shown}");
    let told = stage.json(&["workflow", "approve", &yes, "--comment", "good"]);
    assert_eq!(json!([told["id"], told["status"], told["at"]]), json!([yes, "running", "go"]));
    // It is not asked any more: nothing changes, and nothing is told.
    stage.agents(&["workflow", "reject", &yes]).fails(5, &["asks nothing"]);
    let history = stage.json(&["history", &yes]);
    let answers = |event: &&serde_json::Value| event["kind"] == "step_answered";
    let answers: Vec<_> = history["events"].as_array().unwrap().iter().filter(answers).collect();
    assert_eq!(answers.len(), 1, "{history:#}");
    assert_eq!(answers[0]["details"], json!({"answer": "approved", "comment": "good"}));
    stage.json(&["workflow", "reject", &no, "--comment", "not now"]);
    stage.once();
    let mut said = stage.lines("said");
    said.sort();
    assert_eq!(said, ["rejected", "yes good"]);
    assert_eq!(
        (stage.end(&yes)[0].clone(), stage.end(&no)[0].clone()),
        (json!("completed"), json!("completed"))
    );
    stage.agents(&["workflow", "approve", &yes]).fails(5, &["asks nothing", "agents workflow status"]);
    // Nothing would come next.
    stage.agents(&["update-assignment", &yes, "--status", "active"]).fails(5, &["agents workflow replay"]);
    assert_eq!(stage.end(&yes)[0], "completed");
}

#[test]
fn an_approval_that_nobody_gives_takes_its_route_when_its_time_is_up() {
    let stage = asks("50ms");
    let run = stage.begin(&["asks"]);
    let runner = stage.runner();
    stage.until_ended(&run, "completed");
    runner.kill();
    assert_eq!(stage.lines("said"), ["late"]);
    assert_eq!(stage.steps(&run), ["ask failed 1 onTimeout: late", "late completed 1 onSuccess: end"]);
}

const MENDED: &str = "\
name: Mended
steps:
  - id: build
    exec: { shell: sh, command: echo build >> done }
    onSuccess: test
  - id: test
    exec: { shell: sh, command: \"echo test >> done; test -e mended\" }
    onSuccess: ship
  - id: ship
    exec: { shell: sh, command: echo ship >> done }
";

#[test]
fn a_run_that_has_failed_goes_on_where_it_stopped_and_does_nothing_twice_that_is_done() {
    let stage = Stage::new(&[("mended", MENDED)]);
    let run = stage.run(&["mended"]);
    assert_eq!(
        (stage.end(&run)[0].clone(), stage.lines("done")),
        (json!("failed"), vec!["build".into(), "test".into()])
    );
    stage
        .agents(&["workflow", "resume", &run, "--from", "tset"])
        .fails(5, &["there is no step `tset`", "test"]);
    stage.write("shop/mended", "");
    let told = stage.json(&["workflow", "resume", &run]);
    assert_eq!(json!([told["status"], told["at"], told["changed"]]), json!(["running", "test", true]));
    stage.once();
    assert_eq!(stage.lines("done"), ["build", "test", "test", "ship"]);
    assert_eq!(stage.end(&run)[0], "completed");
    stage.agents(&["workflow", "resume", &run]).fails(5, &["complete"]);
}

#[test]
fn a_run_goes_on_from_a_step_that_a_person_names() {
    let stage = Stage::new(&[("mended", MENDED)]);
    let run = stage.run(&["mended"]);
    stage.write("shop/mended", "");
    stage.json(&["workflow", "retry-step", &run, "build"]);
    stage.once();
    assert_eq!(stage.lines("done"), ["build", "test", "build", "test", "ship"]);
}

#[test]
fn a_replay_takes_the_definition_of_then_or_of_now() {
    let flow = |word: &str| {
        format!(
            "name: Word\nparams:\n  n: {{ type: integer, default: 1 }}\nsteps:\n  - id: say\n    exec: {{ shell: sh, command: \"echo {word} {{{{ params.n }}}} >> said\" }}\n"
        )
    };
    let stage = Stage::new(&[("word", &flow("then"))]);
    let run = stage.run(&["word", "--param", "n=7"]);
    stage.flow("word", &flow("now"));
    let mut made = Vec::new();
    for definition in ["then", "now"] {
        let again = stage.json(&["workflow", "replay", &run, "--definition", definition]);
        stage.once();
        made.push(again);
    }
    assert_eq!(stage.lines("said"), ["then 7", "then 7", "now 7"]);
    assert_eq!(json!([made[0]["replays"], made[1]["replays"]]), json!([run, run]));
    let snapshot = |id: &str| text(&stage.status(id)["snapshot"]);
    assert_eq!(snapshot(&run), snapshot(&text(&made[0]["id"])));
    assert_ne!(snapshot(&run), snapshot(&text(&made[1]["id"])));
    stage.json(&["replay", &run]);
    stage.once();
    assert_eq!(stage.lines("said").last().unwrap(), "then 7");
}

#[test]
fn a_person_ends_a_loop_and_the_run_goes_on_behind_it() {
    let flow = "name: L\nsteps:\n  - id: round\n    loop: { while: \"{{ true }}\", maxIterations: 1000, delay: 1h }\n    steps:\n      - id: tick\n        exec: { shell: sh, command: echo x >> ticks }\n    onSuccess: after\n  - id: after\n    exec: { shell: sh, command: echo after >> ticks }\n";
    let stage = Stage::new(&[("rounds", flow)]);
    let run = stage.begin(&["rounds"]);
    let runner = stage.runner();
    stage.until_waits(&run, "retry");
    stage.json(&["workflow", "break", &run, "--reason", "enough"]);
    stage.until_ended(&run, "completed");
    runner.kill();
    assert_eq!(stage.lines("ticks"), ["x", "after"]);
    stage.agents(&["workflow", "break", &run]).fails(5, &[]);
}

#[test]
fn agents_can_tell_runs_nothing() {
    let stage = asks("1h");
    let run = stage.run(&["asks"]);
    for args in [vec!["run", "asks"], vec!["approve", &run], vec!["cancel", &run], vec!["resume", &run]] {
        let args = [vec!["workflow"], args].concat();
        let run = stage.agents(&args).env("AGENTS_JOB_ID", "x").env("AGENTS_JOB_TYPE", "implement");
        run.fails(5, &["this is the agent of a implement job"]);
    }
}
