//! Configuration and templates that break while a runner works, and are mended.

use serde_json::json;

use crate::script::{on, on_prompt, pm_completes, wait_for};
use crate::stage::{Stage, jobs, story};

#[test]
fn a_broken_template_blocks_with_its_line_and_goes_on_when_it_is_mended() {
    let stage = Stage::playing(json!([
        on_prompt("implement", "Our own words: The star", json!([{"text": "Done."}])),
        pm_completes(),
    ]));
    let _runner = stage.runner(&[]);
    stage.write("shop/.agents/templates/implement.md", "Our own words:\n{{ assignment.north_sta }}\n");
    let id = stage.create_work("The star");
    let reason = stage.until_status(&id, "blocked")["reason"].as_str().unwrap().to_owned();
    for part in ["implement.md", "line 2", "assignment.north_sta", "agents template check implement"] {
        assert!(reason.contains(part), "`{part}` is not in: {reason}");
    }
    stage.write("shop/.agents/templates/implement.md", "Our own words: {{ assignment.north_star }}\n");
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [runner_error success]", "pm completed [success]"]);
}

#[test]
fn a_broken_config_blocks_with_its_place_and_goes_on_when_it_is_mended() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let config = |config: &mut serde_json::Value| config["harnessDefaults"]["pm"] = json!("codex");
    stage.configure(config);
    let id = stage.create_work("The star");
    let _runner = stage.runner(&[]);
    stage.until_file("started");
    let right = stage.read(".agents/config.json");
    stage.write("shop/.agents/config.json", "{\n  \"timeoutMs\": \"soon\"\n}\n");
    stage.touch("go");
    stage.write("home/.config/agents/config.json", "{}");
    let elsewhere = stage.path("home");
    let url = format!("sqlite:{}", stage.database().display());
    let look = || {
        let run = stage.agents(&["assignment", &id, "--json"]).in_folder(&elsewhere);
        run.env("AGENTS_DATABASE_URL", &url).ok().json()
    };
    let blocked = crate::wait::until("a blocked assignment", crate::wait::PATIENCE, || {
        Some(look()).filter(|it| it["status"] == "blocked")
    });
    let reason = blocked["reason"].as_str().unwrap();
    assert!(reason.contains("config.json:2:") && reason.contains("timeoutMs"), "{reason}");
    stage.write("shop/.agents/config.json", right);
    stage.agents(&["update-assignment", &id, "--status", "active"]).ok();
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [runner_error success]"]);
    assert_eq!(
        jobs(&done)[1]["harness"],
        "codex",
        "the config that was right last says who does the next job"
    );
}

#[test]
fn an_edited_config_holds_for_the_next_job() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    let _runner = stage.runner(&[]);
    let before = stage.create_work("One");
    stage.until_status(&before, "complete");
    stage.configure(|config| config["harnessDefaults"]["pm"] = json!("gemini"));
    let after = stage.create_work("Two");
    let done = stage.until_status(&after, "complete");
    assert_eq!(jobs(&done)[1]["harness"], "gemini");
}
