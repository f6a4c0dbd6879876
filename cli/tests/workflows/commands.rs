//! The commands about definitions: list, show, check, test, dry runs, modules.

use serde_json::{Value, json};

use crate::stage::Stage;

const RELEASE: &str = "\
name: Release it
version: 2.0.0
triggers:
  - type: cli
  - type: schedule
    cron: \"0 3 * * *\"
params:
  version: { required: true }
steps:
  - id: test
    exec: { argv: [\"true\"] }
    outputs: [ { name: passed, type: boolean } ]
    onSuccess: { condition: \"{{ steps.test.outputs.passed }}\", then: ship, else: mend }
    onFailure: fail
  - id: mend
    exec: { argv: [\"true\"] }
    maxRetries: 2
    onSuccess: test
    onFailure: fail
  - id: ship
    exec: { argv: [echo, \"{{ params.version }}\"] }
    outputs: [ { name: url, type: string } ]
";

fn stage() -> Stage {
    Stage::new(&[("release", RELEASE)])
}

fn route(told: &Value) -> Vec<String> {
    told["route"]
        .as_array()
        .unwrap()
        .iter()
        .map(|passed| passed["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_dry_run_starts_nothing_and_tells_the_route() {
    let stage = stage();
    let told = stage.json(&["workflow", "run", "release", "--param", "version=1", "--dry-run"]);
    assert_eq!((told["dryRun"].clone(), told["end"]["status"].clone()), (json!(true), json!("completed")));
    assert_eq!(route(&told).last().unwrap(), "ship");
    let sample = "params: { version: \"3\" }\nstubs:\n  test: [ { outputs: { passed: false } }, { outputs: { passed: true } } ]\n  ship: { outputs: { url: \"https://x\" } }\n";
    let sample = stage.write("sample.yaml", sample);
    let told = stage.json(&["workflow", "run", "release", "--with-sample", sample.to_str().unwrap()]);
    assert_eq!(route(&told), ["test", "mend", "test", "ship"]);
    assert_eq!(
        (&told["params"], &told["end"]["result"]),
        (&json!({"version": "3"}), &json!({"url": "https://x"}))
    );
    assert_eq!(stage.json(&["runs"])["runs"], json!([]));
    stage.agents(&["workflow", "run", "release", "--dry-run"]).fails(6, &["param `version` is missing"]);
    stage
        .agents(&["workflow", "run", "relaese", "--dry-run"])
        .fails(3, &["no workflow `relaese`", "release"]);
}

#[test]
fn the_cases_of_a_file_are_held_against_the_routes_they_expect() {
    let stage = stage();
    let cases = "\
cases:
  - name: all is well
    params: { version: \"1\" }
    stubs:
      test: { outputs: { passed: true } }
      ship: { outputs: { url: \"https://x\" } }
    expect: { status: completed, route: [test, ship], outputs: { url: \"https://x\" } }
  - name: the command breaks
    params: { version: \"1\" }
    stubs: { test: { status: failed, class: timeout } }
    expect:
      status: failed
      route: [test]
      reason: test
      steps: { test: { status: failed, class: timeout } }
";
    let file = stage.write("shop/.agents/workflows/tests/release.test.yaml", cases);
    let told = stage.json(&["workflow", "test", file.to_str().unwrap()]);
    let passed: Vec<&Value> = told["cases"].as_array().unwrap().iter().map(|case| &case["passed"]).collect();
    assert_eq!((passed, &told["failed"]), (vec![&json!(true), &json!(true)], &json!(0)));
    let wrong = cases
        .replace("route: [test, ship]", "route: [test, mend, ship]")
        .replace("https://x\" } }\n  - ", "https://y\" } }\n  - ");
    let file = stage.write("shop/.agents/workflows/tests/release.test.yaml", wrong);
    let ended = stage.agents(&["workflow", "test", file.to_str().unwrap(), "--json"]).run();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(
        ended.json()["cases"][0]["differences"],
        json!([
            {"what": "route", "expected": "test → mend → ship", "got": "test → ship"},
            {"what": "outputs: url", "expected": "\"https://y\"", "got": "\"https://x\""},
        ])
    );
    let bad = stage.write("bad.test.yaml", "workflow: release\ncases:\n  - stub: {}\n");
    stage
        .agents(&["workflow", "test", bad.to_str().unwrap()])
        .fails(6, &["bad.test.yaml:3:5", "no key `stub`", "stubs"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_its_line() {
    let stage = stage();
    let told = stage.json(&["workflow", "check"]);
    assert_eq!(
        told,
        json!({"checked": [{"kind": "workflow", "source": ".agents/workflows/release.yaml", "problems": []}]})
    );
    stage.flow("wrong", "name: Wrong\nsteps:\n  - id: a\n    exec: { argv: [\"true\"] }\n    onSucces: b\n");
    stage.write("shop/.agents/modules/own.yaml", "module: own\nactions: 3\n");
    let ended = stage.agents(&["workflow", "check"]).run();
    assert_eq!(ended.code, 6, "{ended:?}");
    for part in [
        "✗ .agents/modules/own.yaml",
        ".agents/workflows/wrong.yaml:5:5",
        "onSucces: b",
        "onSuccess",
        "✓ .agents/workflows/release.yaml",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is not in {}", ended.stdout);
    }
    let ended = stage.agents(&["workflow", "check", "wrong", "--json"]).run();
    let problem = &ended.json()["checked"][0]["problems"][0];
    assert_eq!(
        json!([problem["line"], problem["column"], problem["text"]]),
        json!([5, 5, "    onSucces: b"])
    );
    let file = stage.repo().join(".agents/workflows/release.yaml");
    stage.agents(&["workflow", "check", file.to_str().unwrap()]).ok();
    stage.agents(&["workflow", "check", "relase"]).fails(3, &["no workflow `relase`", "release"]);
    let listed = stage.json(&["workflow", "list"]);
    assert!(listed["workflows"][1]["error"].as_str().unwrap().contains("onSucces"), "{listed:#}");
}

#[test]
fn workflows_are_listed_with_their_triggers_and_their_runs() {
    let stage = stage();
    stage.flow("other", "name: Other\nsteps:\n  - id: a\n    exec: { argv: [\"true\"] }\n");
    let run = stage.run(&["other"]);
    let listed = stage.json(&["workflow", "list"]);
    let lines: Vec<Value> = listed["workflows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([
                one["name"],
                one["status"],
                one["triggers"],
                one["recentRuns"],
                one["lastRun"],
                one["lastStatus"]
            ])
        })
        .collect();
    assert_eq!(
        json!(lines),
        json!([
            ["other", "active", [], 1, run, "completed"],
            ["release", "active", ["cli", "schedule"], 0, null, null],
        ])
    );
    let by_trigger = stage.json(&["workflow", "list", "--trigger", "schedule"]);
    assert_eq!(by_trigger["workflows"][0]["name"], "release");
    let shown = stage.agents(&["workflow", "list"]).ok().stdout;
    assert!(shown.contains("cli, schedule") && shown.contains("completed"), "{shown}");
}

#[test]
fn a_workflow_is_shown_drawn_and_printed_for_mermaid() {
    let stage = stage();
    let shown = stage.agents(&["workflow", "show", "release"]).ok().stdout;
    for part in ["workflow release", "Release it", "version", "(required)", "● test", "● mend", "▶ ↑ test"]
    {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    let mermaid = stage.agents(&["workflow", "show", "release", "--mermaid"]).ok().stdout;
    for line in
        ["flowchart TD", "  start --> s0", "  s1 --> s0", "  s0 -.->|\"onFailure\"| w_fail", "  s2 --> w_end"]
    {
        assert!(mermaid.lines().any(|found| found == line), "`{line}` is not in {mermaid}");
    }
    let json = stage.json(&["workflow", "show", "release"]);
    assert_eq!(
        json["steps"][1]["routes"],
        json!([
            {"on": "onSuccess", "when": null, "to": "test"},
            {"on": "onFailure", "when": null, "to": "fail"},
        ])
    );
    stage.agents(&["workflow", "show", "nothing"]).fails(3, &["there is no workflow `nothing`"]);
}

#[test]
fn modules_are_listed_and_shown_and_one_of_the_repository_takes_the_place_of_a_shipped_one() {
    let stage = stage();
    let listed = stage.json(&["modules"]);
    let names: Vec<&str> =
        listed["modules"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"testing") && names.contains(&"system"), "{names:?}");
    stage.write(
        "shop/.agents/modules/testing.yaml",
        "module: testing\nactions:\n  - name: smoke\n    exec: { argv: [\"true\"] }\n    inputs: [ { name: where, type: string, default: here } ]\n",
    );
    let shown = stage.json(&["modules", "show", "testing"]);
    assert_eq!(
        json!([
            shown["actions"][0]["name"],
            shown["actions"][0]["inputs"][0]["default"],
            shown["actions"].as_array().unwrap().len()
        ]),
        json!(["smoke", "here", 1])
    );
    let human = stage.agents(&["modules", "show", "testing"]).ok().stdout;
    assert!(human.contains("smoke") && human.contains("where"), "{human}");
    stage.agents(&["modules", "show", "tseting"]).fails(3, &["no module `tseting`", "testing"]);
}
