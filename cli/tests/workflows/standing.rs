//! Runs that stand still, are ended, or lose their runner.

use serde_json::json;

use crate::stage::Stage;
use crate::support::text;

/// Each step waits until the test lets it go on.
const GATED: &str = "\
name: Gated
steps:
  - id: one
    exec: { shell: sh, command: echo one >> done }
    onSuccess: two
  - id: two
    exec: { shell: sh, command: \"echo two >> done; while ! test -e gate; do sleep 0.02; done\" }
    onSuccess: three
  - id: three
    exec: { shell: sh, command: echo three >> done }
";

#[test]
fn a_paused_run_starts_no_step_until_it_is_resumed() {
    let stage = Stage::new(&[("gated", GATED)]);
    let run = stage.begin(&["gated"]);
    let runner = stage.runner();
    stage.until_lines("done", 2);
    stage.json(&["workflow", "pause", &run, "--after-step"]);
    stage.write("shop/gate", "");
    stage.until(&run, "at the third step", |status| status["at"] == "three");
    stage.agents(&["runner", "--once"]).ok();
    assert_eq!(stage.lines("done"), ["one", "two"]);
    let shown = stage.agents(&["workflow", "status", &run]).ok().stdout;
    assert!(shown.contains("paused"), "{shown}");
    stage.json(&["workflow", "resume", &run]);
    stage.until_ended(&run, "completed");
    runner.kill();
    assert_eq!(stage.lines("done"), ["one", "two", "three"]);
}

#[test]
fn a_cancelled_run_ends_its_step_and_goes_on_only_when_a_person_says_so() {
    let stage = Stage::new(&[("gated", GATED)]);
    let run = stage.begin(&["gated"]);
    let runner = stage.runner();
    stage.until_lines("done", 2);
    let told = stage.json(&["workflow", "cancel", &run, "--reason", "not wanted"]);
    assert_eq!(
        json!([told["cancelled"][0]["id"], told["cancelled"][0]["status"]]),
        json!([run, "cancelled"])
    );
    stage.until_ended(&run, "cancelled");
    stage.until(&run, "its step has ended", |status| {
        status["steps"].as_array().unwrap().iter().all(|step| !step["endedAt"].is_null())
    });
    assert_eq!(stage.end(&run), json!(["cancelled", "not wanted"]));
    assert_eq!(stage.steps(&run)[1].split(' ').nth(1), Some("cancelled"));
    stage.write("shop/gate", "");
    stage.json(&["workflow", "resume", &run]);
    stage.until_ended(&run, "completed");
    runner.kill();
    assert_eq!(stage.lines("done"), ["one", "two", "two", "three"]);
}

#[test]
fn a_killed_runner_loses_nothing_and_no_finished_step_runs_again() {
    let stage = Stage::new(&[("gated", GATED)]);
    let run = stage.begin(&["gated"]);
    let runner = stage.runner();
    stage.until_lines("done", 2);
    runner.kill();
    stage.write("shop/gate", "");
    let other = stage.runner();
    stage.until_ended(&run, "completed");
    other.kill();
    let done = stage.lines("done");
    assert_eq!(
        (done.iter().filter(|step| *step == "one").count(), done.last().unwrap().as_str()),
        (1, "three")
    );
    assert_eq!(done.iter().filter(|step| *step == "three").count(), 1);
    let steps: Vec<String> =
        stage.steps(&run).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(steps, ["one", "two", "three"]);
}

const DELAYED: &str = "\
name: Delayed
steps:
  - id: before
    exec: { shell: sh, command: echo before >> done }
    onSuccess: rest
  - id: rest
    delay: 200ms
    onSuccess: after
  - id: after
    exec: { shell: sh, command: echo after >> done }
";

#[test]
fn a_delay_goes_on_when_its_time_has_come_also_after_the_end_of_its_runner() {
    let stage = Stage::new(&[("delayed", DELAYED), ("long", &DELAYED.replace("200ms", "1h"))]);
    let run = stage.begin(&["delayed"]);
    let long = stage.begin(&["long"]);
    let runner = stage.runner();
    stage.until_ended(&run, "completed");
    let waits = stage.until_waits(&long, "time");
    runner.kill();
    assert_eq!(stage.lines("done").iter().filter(|line| *line == "after").count(), 1);
    assert_eq!(waits["steps"][1]["status"], "waiting");
    let shown = stage.agents(&["workflow", "status", &long]).ok().stdout;
    assert!(shown.contains("goes on in 59m"), "{shown}");
    let later = stage.agents(&["runner"]).env("AGENTS_CLOCK_SHIFT_MS", 3_700_000);
    let mut later = later.start(std::process::Stdio::null(), std::process::Stdio::null());
    stage.until_ended(&long, "completed");
    later.kill().unwrap();
    later.wait().unwrap();
}

#[test]
fn following_a_run_tells_each_step_and_ends_with_it() {
    let stage = Stage::new(&[("delayed", DELAYED)]);
    let runner = stage.runner();
    let followed = stage.agents(&["workflow", "run", "delayed", "--follow", "--json"]).ok().stdout;
    let events: Vec<serde_json::Value> =
        followed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended: Vec<String> = events
        .iter()
        .filter(|event| event["event"] == "step" && !event["step"]["endedAt"].is_null())
        .map(|event| format!("{} {}", text(&event["step"]["path"]), text(&event["step"]["status"])))
        .collect();
    assert_eq!(ended, ["before completed", "rest completed", "after completed"]);
    let last = events.last().unwrap();
    assert_eq!(json!([last["event"], last["run"]["status"]]), json!(["end", "completed"]));
    let said = stage.agents(&["workflow", "run", "delayed", "--follow"]).ok().stdout;
    assert!(said.contains("completed  after") && said.contains("onSuccess: rest"), "{said}");
    runner.kill();
}
