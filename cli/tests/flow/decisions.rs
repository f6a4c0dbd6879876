//! How the PM decides, and what happens when it does not.

use serde_json::{Value, json};

use crate::script::{complete, insert, on, on_attempt, on_nth, pm_completes};
use crate::stage::{Stage, jobs, story};

/// A call of `agents` from inside the PM's process.
fn call(arguments: &[&str]) -> Value {
    let argv = [&["agents"], arguments].concat();
    json!({"run": {"argv": argv}})
}

#[test]
fn the_pm_decides_by_calling_agents_from_inside_its_job() {
    let stage = Stage::playing(json!([
        on_nth(
            "pm",
            1,
            json!([
                call(&["insert-job", "--type", "implement", "--context", "Write it."]),
                call(&[
                    "insert-job",
                    "self",
                    "--type",
                    "review",
                    "--context",
                    "Read it.",
                    "--harness",
                    "codex"
                ]),
            ])
        ),
        on_nth("pm", 2, json!([{"decision": {"decision": "continue", "reason": "The review waits."}}])),
        on_nth(
            "pm",
            3,
            json!([call(&[
                "update-assignment",
                "${AGENTS_ASSIGNMENT_ID}",
                "--status",
                "complete",
                "--reason",
                "Read and right."
            ]),])
        ),
        on("implement", json!([{"text": "Written."}])),
        on("review", json!([{"text": "Read."}])),
    ]));
    let id = stage.create(&["Something"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!([&done["status"], &done["reason"]], ["complete", "Read and right."], "{done:#}");
    let expected =
        ["pm", "implement", "pm", "review", "pm"].map(|name| format!("{name} completed [success]"));
    assert_eq!(story(&done), expected);
    assert_eq!([&jobs(&done)[1]["context"], &jobs(&done)[3]["harness"]], ["Write it.", "codex"]);
}

#[test]
fn a_command_counts_and_not_the_json_beside_it() {
    let stage = Stage::playing(json!([on(
        "pm",
        json!([
            call(&[
                "update-assignment",
                "--status",
                "blocked",
                "--reason",
                "No key.",
                "--question",
                "Which key?"
            ]),
            complete("All done."),
        ])
    )]));
    let id = stage.create(&["Something"]);
    stage.once();
    let done = stage.assignment(&id);
    let facts = ["status", "reason", "question"].map(|key| done[key].clone());
    assert_eq!(facts, ["blocked", "No key.", "Which key?"]);
}

#[test]
fn the_pm_sees_a_failed_job_and_decides_what_to_do() {
    let stage = Stage::playing(json!([
        on_nth("implement", 1, json!([{"text": "I would rather not."}, {"fail": "refusal"}])),
        on_nth("implement", 2, json!([{"text": "Gladly."}])),
        on_nth("pm", 1, json!([insert("implement", "Ask differently.")])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    stage.once();
    let done = stage.assignment(&id);
    let expected = [
        "implement failed [refusal]",
        "pm completed [success]",
        "implement completed [success]",
        "pm completed [success]",
    ];
    assert_eq!(story(&done), expected);
    let failure = jobs(&done)[0]["result"].as_str().unwrap();
    let told = stage.prompt(&jobs(&done)[1]);
    assert!(told.contains(": implement by ") && told.contains(", failed, refusal, "), "{told}");
    assert!(told.contains(&format!("\n{failure}\n<<<END ")), "{told}");
}

#[test]
fn a_pm_without_a_decision_is_asked_once_more_in_the_same_session() {
    let stage = Stage::playing(json!([
        on_attempt("pm", 1, json!([{"text": "It looks good to me."}])),
        on_attempt("pm", 2, json!([complete("Now I say it.")])),
    ]));
    let id = stage.create(&["Something"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!([&done["status"], &done["reason"]], ["complete", "Now I say it."]);
    assert_eq!(story(&done), ["pm completed [bad_answer success]"]);
    let attempts = &jobs(&done)[0]["attempts"];
    assert_eq!(attempts[1]["resumes"], attempts[0]["sessionId"]);
    let told = stage.prompt(&jobs(&done)[0]);
    assert!(
        told.starts_with("Your last answer held no valid decision; ")
            && told.contains("\nthe answer has no decision"),
        "{told}"
    );
}

#[test]
fn a_pm_that_can_not_resume_is_told_in_its_whole_prompt() {
    let stage = Stage::playing(json!([
        on_attempt("pm", 1, json!([{"text": "It looks good to me."}])),
        on_attempt("pm", 2, json!([complete("Now I say it.")])),
    ]));
    stage.configure(|config| config["harnessDefaults"]["pm"] = json!("text"));
    let id = stage.create(&["The whole star"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done), ["pm completed [bad_answer success]"]);
    let told = stage.prompt(&jobs(&done)[0]);
    assert!(
        told.contains("The whole star") && told.contains("Your last answer held no valid decision"),
        "{told}"
    );
}

#[test]
fn a_pm_that_never_decides_blocks_its_assignment() {
    let stage = Stage::playing(json!([on("pm", json!([{"text": "Well."}]))]));
    let id = stage.create(&["Something"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "blocked");
    let reason = done["reason"].as_str().unwrap();
    assert!(reason.starts_with("the PM was asked 2 times and gave no valid decision: "), "{reason}");
    assert_eq!(story(&done), ["pm failed [bad_answer bad_answer]"]);
}

#[test]
fn a_decision_that_is_not_valid_is_told_to_the_pm() {
    let check = |decision: &str, wrong: &str| {
        let answer = format!("So:\n```json\n{decision}\n```");
        let stage = Stage::playing(json!([
            on_attempt("pm", 1, json!([{"result": answer}])),
            on_attempt("pm", 2, json!([complete("Better.")])),
        ]));
        let id = stage.create(&["Something"]);
        stage.once();
        let done = stage.assignment(&id);
        assert_eq!(done["status"], "complete", "{decision}");
        let told = stage.prompt(&jobs(&done)[0]);
        assert!(told.contains(wrong), "{decision}: {told}");
    };
    check(r#"{"decision":"complete","reason":"x""#, "not valid: EOF");
    check(r#"{"decision":"finish","reason":"x"}"#, "`finish` is no decision");
    check(r#"{"decision":"insert_job","reason":"x","jobs":[{"type":"dance"}]}"#, "`dance` is no job type");
}

#[test]
fn a_decision_of_a_pm_that_crashed_is_forgotten() {
    let stage = Stage::playing(json!([
        {"when": {"jobType": "pm", "nth": 1, "attempt": 1},
         "steps": [call(&["insert-job", "--type", "implement"]), {"die": "KILL"}]},
        on_nth("pm", 1, json!([call(&["insert-job", "--type", "review"])])),
        on("review", json!([{"text": "Read."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    stage.once();
    let expected = ["pm completed [crashed success]", "review completed [success]", "pm completed [success]"];
    assert_eq!(story(&stage.assignment(&id)), expected);
}

#[test]
fn an_agent_that_hides_who_it_is_is_no_person() {
    let force = "agents update-assignment \"$A\" --status complete --force --reason 'I say so'";
    let hidden = "env -u AGENTS_JOB_ID -u AGENTS_ATTEMPT_ID -u AGENTS_JOB_TYPE";
    let line = format!(
        "PATH=$(dirname \"$AGENTS_BIN\"):$PATH A=$AGENTS_ASSIGNMENT_ID; export PATH A; \
         {hidden} {force} >one 2>&1; echo $? >>one; \
         (setsid sh -c '(sleep 0; {hidden} agents cancel \"$A\") >two 2>&1; echo $? >>two; mv two three' &) ; \
         until [ -e three ]; do :; done"
    );
    let stage = Stage::playing(json!([
        on("implement", json!([{"run": {"argv": ["sh", "-c", line]}}, {"text": "Written."}])),
        on("pm", json!([{"decision": {"decision": "blocked", "reason": "The PM has seen it."}}])),
    ]));
    let id = stage.create(&["Something", "--first", "implement"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!([&done["status"], &done["reason"]], ["blocked", "The PM has seen it."], "{done:#}");
    for file in ["one", "three"] {
        let said = std::fs::read_to_string(stage.repo().join(file)).unwrap();
        assert!(
            said.contains("this runs below the agent of attempt") && said.ends_with("5\n"),
            "{file}: {said}"
        );
    }
}
