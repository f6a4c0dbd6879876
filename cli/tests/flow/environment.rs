//! What an agent finds around itself.

use std::collections::BTreeMap;

use serde_json::json;

use crate::script::pm_completes;
use crate::stage::{Stage, jobs};
use crate::support::text;

/// An agent that writes down what it finds. The second `cat` reads what the first one has left of the prompt.
const LOOK_AROUND: &str = "env -0 > found; cat > prompt; cat > rest; ls -l /proc/self/fd > open; readlink -f . > folder; echo Seen.";

#[test]
fn an_agent_knows_where_it_is_and_inherits_nothing_that_poisons_it() {
    let stage = Stage::playing(json!([pm_completes()]));
    stage.configure(|config| {
        config["namespace"] = json!("stall");
        config["harnesses"]["looker"] = json!({
            "command": ["sh", "-c", LOOK_AROUND],
            "env": {"OWN": "value", "UNWANTED": null},
        });
    });
    let id = stage.create(&["The star", "--first", "implement", "--harness", "looker"]);
    let poison = [
        "CLAUDECODE",
        "CLAUDE_CODE_ENTRYPOINT",
        "CODEX_THREAD_ID",
        "CODEX_SANDBOX_NETWORK_DISABLED",
        "GEMINI_CLI",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "NODE_OPTIONS",
        "AI_AGENT",
        "UNWANTED",
    ];
    let kept = ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "GEMINI_CLI_HOME", "LANG"];
    let mut runner = stage.agents(&["runner", "--once"]);
    for name in poison.iter().chain(&kept) {
        runner = runner.env(name, "inherited");
    }
    runner.ok();
    let done = stage.assignment(&id);
    let (job, attempt) = (&jobs(&done)[0], &jobs(&done)[0]["attempts"][0]);
    assert_eq!(job["result"].as_str().map(str::trim), Some("Seen."), "{done:#}");
    let found = stage.read("found");
    let found: BTreeMap<&str, &str> =
        found.split('\0').filter_map(|variable| variable.split_once('=')).collect();
    let expected = [
        ("AGENTS_NAMESPACE", "stall".to_owned()),
        ("AGENTS_ASSIGNMENT_ID", id.clone()),
        ("AGENTS_JOB_ID", text(&job["id"])),
        ("AGENTS_JOB_TYPE", "implement".to_owned()),
        ("AGENTS_ATTEMPT_ID", text(&attempt["id"])),
        ("AGENTS_BIN", env!("CARGO_BIN_EXE_agents").to_owned()),
        ("AGENTS_DATABASE_URL", format!("sqlite:{}", stage.database().display())),
        ("OWN", "value".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(found.get(name), Some(&&*value), "{name}");
    }
    assert_eq!(poison.map(|name| found.get(name)), [None; 10]);
    assert_eq!(kept.map(|name| found.get(name)), [Some(&"inherited"); 4]);
    assert_eq!([stage.read("prompt"), stage.read("rest")], [stage.prompt(job), String::new()]);
    assert_eq!(stage.read("folder").trim(), stage.repo().display().to_string());
    let open = stage.read("open");
    assert!(!open.contains("agents.db"), "the runner's own files are not open: {open}");
}

#[test]
fn an_agent_that_calls_agents_finds_this_one_and_its_own_store() {
    let stage = Stage::playing(json!([
        crate::script::on(
            "implement",
            json!([
                crate::script::shell("\"$AGENTS_BIN\" assignment self --json > own.json || \"$AGENTS_BIN\" assignment $AGENTS_ASSIGNMENT_ID --json > own.json; command -v agents > which"),
                {"text": "Done."},
            ])
        ),
        pm_completes(),
    ]));
    stage.configure(|config| {
        config["databaseUrl"] = json!(format!("sqlite:{}", stage.path("else/where.db").display()))
    });
    let id = stage.create_work("The star");
    stage.once();
    let own: serde_json::Value = serde_json::from_str(&stage.read("own.json")).unwrap();
    assert_eq!(own["id"], id.as_str());
    assert_eq!(stage.read("which").trim(), env!("CARGO_BIN_EXE_agents"));
}
