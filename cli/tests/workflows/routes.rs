//! Where runs go: outputs, routes, retries, conditions, loops, other workflows.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::text;

const LINEAR: &str = "\
name: Two steps
params:
  who: { default: world }
steps:
  - id: greet
    exec: { shell: sh, command: \"echo ::set-output name=greeting::hello {{ params.who }}\" }
    outputs:
      - { name: greeting, type: string }
    onSuccess: repeat
  - id: repeat
    exec: { argv: [printf, \"%s again\", \"{{ steps.greet.outputs.greeting }}\"] }
    outputs:
      - { name: said, type: string, text: true }
";

#[test]
fn what_a_step_puts_out_is_handed_on_and_the_run_answers_it() {
    let stage = Stage::new(&[("two", LINEAR)]);
    let runner = stage.runner();
    let ended =
        stage.agents(&["workflow", "run", "two", "--param", "who=shop", "--wait", "--json"]).ok().json();
    runner.kill();
    assert_eq!(
        json!([ended["status"], ended["definition"], ended["worker"], ended["params"], ended["output"]]),
        json!(["completed", "two", "workflow", {"who": "shop"}, "{\"said\":\"hello shop again\"}"])
    );
    let status = stage.status(&text(&ended["id"]));
    let steps: Vec<Value> = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            json!([
                step["path"],
                step["does"],
                step["status"],
                step["attempt"],
                step["outputs"],
                step["route"]
            ])
        })
        .collect();
    assert_eq!(
        json!(steps),
        json!([
            ["greet", "exec echo ::set-output name=greeting::hello {{ params.who }}", "completed", 1, {"greeting": "hello shop"}, "onSuccess: repeat"],
            ["repeat", "exec printf %s again {{ steps.greet.outputs.greeting }}", "completed", 1, {"said": "hello shop again"}, "onSuccess: end"],
        ])
    );
    let shown = stage.agents(&["workflow", "status", &text(&ended["id"])]).ok().stdout;
    for part in ["of two 1", "greet", "completed", "1/1", "onSuccess: repeat", "hello shop again"] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    let shown = stage.agents(&["run-show", &text(&ended["id"])]).ok().stdout;
    assert!(shown.contains("steps") && shown.contains("repeat"), "{shown}");
}

const FAILS: &str = "\
name: Failure
steps:
  - id: burst
    exec: { shell: sh, command: \"echo broken >&2; exit 3\" }
    onSuccess: never
    onFailure: mend
  - id: mend
    exec: { shell: sh, command: \"echo {{ error.class }} {{ error.step }} {{ error.attempt }} >> errors\" }
    onSuccess: end
  - id: never
    exec: { argv: [\"true\"] }
";

#[test]
fn a_failure_takes_its_route_and_the_handler_sees_the_error() {
    let stage = Stage::new(&[("fails", FAILS)]);
    let run = stage.run(&["fails"]);
    assert_eq!(stage.lines("errors"), ["command_failed burst 1"]);
    assert_eq!(stage.steps(&run), ["burst failed 1 onFailure: mend", "mend completed 1 onSuccess: end"]);
    assert_eq!(stage.end(&run)[0], "completed");
    let error = &stage.status(&run)["steps"][0]["error"];
    assert_eq!((&error["class"], &error["step"]), (&json!("command_failed"), &json!("burst")));
    assert!(text(&error["tail"]).contains("broken"), "{error:#}");
}

#[test]
fn a_failure_without_a_route_ends_the_run_and_waiting_for_it_ends_with_1() {
    let stage = Stage::new(&[("fails", "name: F\nsteps:\n  - id: burst\n    exec: { argv: [\"false\"] }\n")]);
    let runner = stage.runner();
    stage.agents(&["workflow", "run", "fails", "--follow", "--json"]).run();
    let ended = stage.agents(&["workflow", "run", "fails", "--wait"]).run();
    runner.kill();
    assert_eq!(ended.code, 1, "{ended:?}");
    for part in ["failed", "burst", "agents workflow status"] {
        assert!(ended.stderr.contains(part), "`{part}` is not in {}", ended.stderr);
    }
}

const FLAKY: &str = "\
name: Flaky
steps:
  - id: flaky
    exec: { shell: sh, command: \"echo try >> tries; test $(wc -l < tries) -ge 3\" }
    retry: { max: 3, backoff: 50ms, factor: 2 }
";

#[test]
fn a_step_is_tried_again_after_a_while_that_grows() {
    let stage = Stage::new(&[("flaky", FLAKY)]);
    let run = stage.begin(&["flaky"]);
    let runner = stage.runner();
    stage.until_ended(&run, "completed");
    runner.kill();
    assert_eq!(stage.lines("tries"), ["try", "try", "try"]);
    let attempts: Vec<Value> = stage.status(&run)["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| json!([step["step"], step["status"], step["attempt"], step["attempts"]]))
        .collect();
    assert_eq!(
        json!(attempts),
        json!([["flaky", "failed", 1, 4], ["flaky", "failed", 2, 4], ["flaky", "completed", 3, 4]])
    );
}

const CHOICES: &str = "\
name: Choices
params:
  size: { type: integer, required: true }
  kind: { default: small }
steps:
  - id: is-large
    condition: { if: \"{{ params.size > 10 }}\", then: large, else: choose }
  - id: large
    exec: { shell: sh, command: echo large >> went }
  - id: choose
    switch:
      on: \"{{ params.kind }}\"
      cases: { small: small, odd: odd }
      default: other
  - id: small
    exec: { shell: sh, command: echo small >> went }
  - id: odd
    exec: { shell: sh, command: echo odd >> went }
  - id: other
    exec: { shell: sh, command: echo other >> went }
";

#[test]
fn a_condition_and_a_switch_choose_what_is_done() {
    let stage = Stage::new(&[("choices", CHOICES)]);
    for params in
        [["size=11", "kind=odd"], ["size=1", "kind=odd"], ["size=2", "kind=small"], ["size=3", "kind=x"]]
    {
        stage.run(&["choices", "--param", params[0], "--param", params[1]]);
    }
    assert_eq!(stage.lines("went"), ["large", "odd", "small", "other"]);
}

const LOOPS: &str = "\
name: Loops
steps:
  - id: each
    forEach: \"{{ ['a', 'b', 'c', 'd'] }}\"
    as: letter
    steps:
      - id: say
        exec: { shell: sh, command: \"echo {{ index }}{{ letter }} >> said\" }
        onSuccess: { condition: \"{{ letter == 'c' }}\", then: break, else: continue }
    onSuccess: count
  - id: count
    loop: { until: \"{{ steps.tick.outputs.n >= 3 }}\", maxIterations: 10 }
    steps:
      - id: tick
        exec: { shell: sh, command: \"echo x >> ticks; echo ::set-output name=n::$(wc -l < ticks)\" }
        outputs: [ { name: n, type: integer } ]
    onSuccess: twice
  - id: twice
    loop: { times: 2 }
    steps:
      - id: once
        exec: { shell: sh, command: echo y >> ticks }
";

#[test]
fn loops_go_round_until_their_end_and_a_break_ends_them() {
    let stage = Stage::new(&[("loops", LOOPS)]);
    let run = stage.run(&["loops"]);
    assert_eq!(stage.end(&run)[0], "completed", "{:#}", stage.status(&run));
    assert_eq!(stage.lines("said"), ["0a", "1b", "2c"]);
    assert_eq!(stage.lines("ticks"), ["x", "x", "x", "y", "y"]);
    let paths: Vec<String> =
        stage.steps(&run).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(
        paths,
        [
            "each",
            "each[1]/say",
            "each[2]/say",
            "each[3]/say",
            "count",
            "count[1]/tick",
            "count[2]/tick",
            "count[3]/tick",
            "twice",
            "twice[1]/once",
            "twice[2]/once",
        ]
    );
}

#[test]
fn a_loop_that_reaches_its_bound_fails_with_its_class() {
    let endless = "name: E\nsteps:\n  - id: round\n    loop: { while: \"{{ true }}\", maxIterations: 3 }\n    steps:\n      - id: tick\n        exec: { shell: sh, command: echo x >> ticks }\n";
    let stage = Stage::new(&[("endless", endless)]);
    let run = stage.run(&["endless"]);
    assert_eq!(stage.lines("ticks").len(), 3);
    let end = stage.end(&run);
    assert_eq!(end[0], "failed");
    assert!(text(&end[1]).contains("loop_bound"), "{end}");
}

#[test]
fn a_workflow_is_a_step_of_another_one_and_hands_its_outputs_back() {
    let outer = "name: Outer\nsteps:\n  - id: inner\n    workflow: { name: two, params: { who: \"{{ workflow.name }}\" } }\n    outputs: [ { name: said, type: string } ]\n    onSuccess: tell\n  - id: tell\n    exec: { shell: sh, command: \"echo {{ steps.inner.outputs.said }} > told\" }\n";
    let stage = Stage::new(&[("two", LINEAR), ("outer", outer)]);
    let run = stage.run(&["outer"]);
    assert_eq!(stage.end(&run)[0], "completed", "{:#}", stage.status(&run));
    assert_eq!(stage.lines("told"), ["hello Outer again"]);
    let child = text(&stage.status(&run)["steps"][0]["run"]);
    let status = stage.status(&child);
    assert_eq!(json!([status["workflow"], status["parent"], status["run"]["depth"]]), json!(["two", run, 1]));
}

#[test]
fn an_agent_does_a_step_and_its_json_is_the_output() {
    let flow = "name: Ask\nsteps:\n  - id: ask\n    agent: { type: none, prompt: \"Say a number\" }\n    outputs: [ { name: number, type: integer } ]\n    onSuccess: { condition: \"{{ steps.ask.outputs.number > 41 }}\", then: tell, else: fail }\n  - id: tell\n    exec: { shell: sh, command: \"echo {{ steps.ask.outputs.number }} > told\" }\n";
    let stage = Stage::new(&[("ask", flow)]);
    stage.write(
        "script.json",
        json!({"replies": [{"steps": [{"text": "It is:\n```json\n{\"number\": 42}\n```"}]}]}).to_string(),
    );
    let run = stage.run(&["ask"]);
    assert_eq!(stage.end(&run)[0], "completed", "{:#}", stage.status(&run));
    assert_eq!(stage.lines("told"), ["42"]);
}
