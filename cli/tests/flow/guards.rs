//! What guards see in a real diff, and what becomes of it.

use std::path::PathBuf;

use agents_domain::evidence::{FindingSource, Guard, Severity};
use agents_domain::history::EventKind;
use serde_json::{Value, json};

use crate::evidence_stage::*;
use crate::script::{blocked, complete, insert, on, on_nth, pm_completes, shell, wait_for};
use crate::stage::{Stage, story};
use crate::wait::{PATIENCE, until};

/// A stage whose repository has a test.
fn with_a_test(replies: Value) -> Stage {
    let stage = with_checks(json!(["true"]), replies);
    let tests = stage.repo().join("tests");
    std::fs::create_dir(&tests).unwrap();
    std::fs::write(tests.join("test_add.py"), "def test_add():\n    assert add(1, 2) == 3\n").unwrap();
    commit(&stage.repo(), "a test");
    stage
}

fn guards(stage: &Stage, id: &str) -> Vec<(Guard, Severity, String)> {
    let guard = |source| match source {
        FindingSource::Guard(guard) => guard,
        FindingSource::Reviewer => panic!("there is no reviewer"),
    };
    let findings = evidence(stage, id).findings;
    findings.into_iter().map(|found| (guard(found.source), found.severity, found.text)).collect()
}

#[test]
fn a_test_that_was_deleted_stands_against_complete_until_it_is_there_again() {
    let stage = with_a_test(json!([
        on_nth("implement", 1, json!([shell("git rm -q tests/test_add.py"), {"text": "All tests pass."}])),
        on_nth("implement", 2, writes("something else\n")),
        on_nth("implement", 3, json!([shell("git checkout -q main -- tests"), {"text": "It is there."}])),
        on_nth("pm", 2, json!([insert("implement", "Do something else.")])),
        on_nth("pm", 4, json!([insert("implement", "Bring the test back.")])),
        pm_completes(),
    ]));
    let id = stage.create_work("Make all tests pass");
    stage.once();
    let done = stage.assignment(&id);
    let order = ["implement", "pm", "pm", "implement", "pm", "pm", "implement", "pm"];
    let expected = order.map(|name| format!("{name} completed [success]"));
    assert_eq!((&done["status"], story(&done)), (&json!("complete"), expected.to_vec()));
    let gone = "a file with tests is gone: `test_add`";
    let found = |text: String| (Guard::TestsDeleted, Severity::Blocker, text);
    let still = format!("still so since the assignment began: {gone}");
    assert_eq!(guards(&stage, &id), [found(gone.to_owned()), found(still.clone())]);
    let refusals = history(&stage, &id, EventKind::CompletionRefused);
    let reasons: Vec<&str> = refusals.iter().filter_map(|event| event.detail("reason")).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains(gone) && reasons[1].contains(&still), "{reasons:?}");
}

#[test]
fn what_guards_see_is_told_and_gates_only_where_the_config_says_so() {
    let stage = with_a_test(json!([
        on_nth(
            "implement",
            1,
            json!([
                shell("printf '@pytest.mark.skip\\ndef test_add():\\n    pass\\n' > tests/test_add.py; ln -s /etc/passwd link"),
                {"tool": {"name": "Write", "input": {"file_path": "/opt/elsewhere/x", "content": "x"}, "output": "ok"}},
                {"tool": {"name": "Write", "input": {"file_path": "/opt/refused/x"}, "output": "no", "isError": true}},
                {"text": "Done."},
            ])
        ),
        on_nth("implement", 2, json!([{"text": "There was nothing to do."}])),
        on_nth("pm", 1, json!([insert("implement", "More.")])),
        pm_completes(),
    ]));
    stage.configure(|config| config["guards"] = json!({"tests_deleted": "report", "check_changed": "off"}));
    let id = stage.create_work("Make all tests pass");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete");
    let found = guards(&stage, &id);
    let kinds: Vec<(Guard, Severity)> =
        found.iter().map(|(guard, severity, _)| (*guard, *severity)).collect();
    let expected = [
        Guard::TestsDeleted,
        Guard::SkipsAdded,
        Guard::OutsideTouched,
        Guard::OutsideTouched,
        Guard::EmptyDiff,
    ];
    assert_eq!(kinds, expected.map(|guard| (guard, Severity::Major)), "{found:?}");
    assert_eq!(found[0].2, "1 assertion(s) fewer than before");
    assert!(found[2].2.contains("a link leads out of the workspace, to `/etc/passwd`"), "{found:?}");
    assert!(found[3].2.contains("`/opt/elsewhere/x`"), "{found:?}");
}

#[test]
fn a_commit_of_a_person_does_not_lift_a_gate_that_is_still_right() {
    let stage = with_a_test(json!([
        on_nth("implement", 1, json!([shell("git rm -q tests/test_add.py"), {"text": "All tests pass."}])),
        on_nth("pm", 1, json!([{"touch": "thinking"}, wait_for("go"), complete("It is done.")])),
        on("pm", json!([blocked("It can not be.")])),
    ]));
    std::fs::write(stage.repo().join(".gitignore"), ".agents/\ngo\nthinking\n").unwrap();
    commit(&stage.repo(), "what tests need is ignored");
    let id = stage.create_work("Make all tests pass");
    let _runner = stage.runner(&[]);
    let folder = PathBuf::from(assignment(&stage, &id).folder());
    until("the PM thinks", PATIENCE, || folder.join("thinking").exists().then_some(()));
    std::fs::write(folder.join("work.txt"), "a person's\n").unwrap();
    commit(&folder, "a person's own");
    std::fs::write(folder.join("go"), "").unwrap();
    stage.until_status(&id, "blocked");
    let refusals = history(&stage, &id, EventKind::CompletionRefused);
    let reasons: Vec<&str> = refusals.iter().filter_map(|event| event.detail("reason")).collect();
    assert!(reasons.len() == 1 && reasons[0].contains("still so since the assignment began"), "{reasons:?}");
}
