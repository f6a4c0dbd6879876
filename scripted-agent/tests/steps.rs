//! What steps do: files, commands, counts, waiting, output that is no event, and scripts that are wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use agents_scripted_agent::StreamKind;
use serde_json::{Value, json};
use stage::{Stage, capture};

fn result_of(stage: &Stage, script: &Value) -> String {
    let played = stage.script(StreamKind::Claude, &script.to_string());
    let end = played.events().pop().unwrap_or_else(|| panic!("{}", played.stderr));
    end["result"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_is_really_written_and_told_as_it_was_recorded() {
    let stage = Stage::new();
    let steps = json!([{"write": {"path": "sub/hello.txt", "content": "hi\n"}},
        {"append": {"path": "sub/hello.txt", "content": "ho\n"}}]);
    let codex = stage.steps(StreamKind::Codex, &steps).events();
    assert_eq!(std::fs::read_to_string(stage.path("sub/hello.txt")).unwrap(), "hi\nho\n");
    let path = stage.path("sub/hello.txt").display().to_string();
    let change = |kind: &str| json!([{"path": path, "kind": kind}]);
    assert_eq!(codex[3]["item"]["changes"], change("add"));
    assert_eq!(codex[5]["item"]["changes"], change("update"));
    let recorded = capture("codex/02e-apply-patch.jsonl");
    let mut item = codex[3]["item"].clone();
    item["changes"][0]["path"] = "/workspace/a.py".into();
    assert_eq!(item, recorded[3]["item"]);

    let again = Stage::new();
    let claude =
        again.steps(StreamKind::Claude, &json!([{"write": {"path": "hello.txt", "content": "hi\n"}}]));
    let (claude, recorded) = (claude.events(), capture("claude/02e-tool-write-skip-permissions.jsonl"));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&claude[2]["tool_use_result"]), keys(&recorded[2]["tool_use_result"]));
    assert_eq!(keys(&claude[2]["message"]["content"][0]), keys(&recorded[2]["message"]["content"][0]));
    let said = claude[2]["message"]["content"][0]["content"].as_str().unwrap();
    assert!(said.starts_with("File created successfully at: "), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_is_a_tool_that_failed() {
    let stage = Stage::new();
    std::fs::write(stage.path("file"), "").unwrap();
    let played = stage.steps(StreamKind::Claude, &json!([{"write": {"path": "file/below", "content": ""}}]));
    assert_eq!(played.code, 0);
    assert_eq!(played.events()[2]["message"]["content"][0]["is_error"], true);
}

#[test]
fn a_command_is_really_run_and_told_with_its_exit_code() {
    let steps = json!([{"run": {"argv": ["sh", "-c", "echo out; echo err >&2; exit 3"]}}]);
    let claude = Stage::new().steps(StreamKind::Claude, &steps).events();
    let recorded = capture("claude/09i-bash-fails.jsonl");
    for field in ["type", "content", "is_error"] {
        let block = |events: &[Value], at: usize| events[at]["message"]["content"][0][field].clone();
        assert_eq!(block(&claude, 2), block(&recorded, 1), "{field}");
    }
    assert_eq!(claude[2]["tool_use_result"], recorded[1]["tool_use_result"]);
    let codex = Stage::new().steps(StreamKind::Codex, &steps).events();
    let item = &codex[3]["item"];
    assert_eq!(item["command"], r"/bin/bash -lc 'sh -c '\''echo out; echo err >&2; exit 3'\'''");
    assert_eq!(
        (&item["aggregated_output"], &item["exit_code"], &item["status"]),
        (&json!("out\nerr\n"), &json!(3), &json!("failed"))
    );
}

#[test]
fn agents_is_the_program_that_the_environment_names_and_variables_are_filled_in() {
    let mut stage = Stage::new();
    stage.set("AGENTS_BIN", stage::FAKE_AGENTS);
    stage.set("AGENTS_ASSIGNMENT_ID", "a1");
    let steps =
        json!([{"run": {"argv": ["agents", "insert-job", "${AGENTS_ASSIGNMENT_ID}", "--type", "plan"]}}]);
    let events = stage.steps(StreamKind::Gemini, &steps).events();
    assert_eq!(events[2]["parameters"]["command"], "agents insert-job a1 --type plan");
    assert_eq!(events[3]["output"], "asked: insert-job a1 --type plan");
}

#[test]
fn an_mcp_tool_of_codex_is_told_as_it_was_recorded() {
    let blank = |mut item: Value| {
        item["server"] = "server".into();
        item
    };
    let tool = |error: bool, output: &str| {
        let input = json!({"a": 2, "b": 3});
        json!([{"tool": {"name": "add", "input": input, "output": output, "isError": error}}])
    };
    let item =
        |steps: Value| blank(Stage::new().steps(StreamKind::Codex, &steps).events()[3]["item"].clone());
    let recorded = |name: &str| blank(capture(name)[3]["item"].clone());
    assert_eq!(item(tool(false, "5")), recorded("codex/14g-mcp.jsonl"));
    let refused = "MCP tool call requires approval, but approval policy is never";
    assert_eq!(item(tool(true, refused)), recorded("codex/14g3-mcp-default-approval.jsonl"));
}

#[test]
fn the_first_reply_that_matches_is_given_and_nth_counts_the_jobs_of_a_type() {
    let mut stage = Stage::new();
    let script = json!({
        "replies": [
            {"when": {"jobType": "pm", "nth": 1}, "steps": [{"text": "first pm"}]},
            {"when": {"jobType": "pm", "nth": 2, "attempt": 2}, "steps": [{"text": "second pm, again"}]},
            {"when": {"jobType": "pm"}, "steps": [{"text": "another pm"}]},
        ],
        "otherwise": [{"text": "no pm"}],
    });
    let mut given = |assignment: &str, job_type: &str, job: &str| {
        stage.job(assignment, job_type, job);
        result_of(&stage, &script)
    };
    assert_eq!(given("a", "pm", "j1"), "first pm");
    assert_eq!(given("a", "plan", "j2"), "no pm");
    assert_eq!(given("a", "pm", "j3"), "another pm");
    assert_eq!(given("a", "pm", "j3"), "second pm, again");
    assert_eq!(given("a", "pm", "j1"), "first pm");
    assert_eq!(given("b", "pm", "j4"), "first pm");
}

#[test]
fn a_reply_with_times_gives_way_to_the_next() {
    let stage = Stage::new();
    let script = json!({
        "replies": [{"times": 2, "steps": [{"text": "early"}]}],
        "otherwise": [{"text": "late"}],
    });
    let given: Vec<String> = (0..3).map(|_| result_of(&stage, &script)).collect();
    assert_eq!(given, ["early", "early", "late"]);
}

#[test]
fn a_condition_can_look_into_the_prompt() {
    let script = json!({
        "replies": [{"when": {"prompt": "north star"}, "steps": [{"text": "seen"}]}],
        "otherwise": [{"text": "not seen"}],
    });
    let text = |prompt: &str| Stage::new().asked(StreamKind::Text, &script.to_string(), prompt).text();
    assert_eq!(text("the north star is near"), "seen\n");
    assert_eq!(text("nothing"), "not seen\n");
}

#[test]
fn counts_are_kept_where_the_environment_says() {
    let mut stage = Stage::new();
    let elsewhere = stage.path("elsewhere");
    stage.set("AGENTS_SCRIPT_STATE", &elsewhere.display().to_string());
    stage.job("a", "pm", "j1");
    stage.steps(StreamKind::Text, &json!([]));
    assert_eq!(std::fs::read_to_string(elsewhere.join("a.pm.1")).unwrap(), "j1");
    assert!(!stage.path("script.json.state").exists());
}

#[test]
fn a_touched_file_lets_another_agent_go_on() {
    let stage = Stage::new();
    let steps =
        json!([{"touch": "ready"}, {"waitFor": {"file": "ready", "timeoutMs": 60_000}}, {"text": "on"}]);
    assert_eq!(stage.steps(StreamKind::Text, &steps).text(), "on\n");
}

#[test]
fn a_file_that_never_appears_ends_the_agent() {
    let stage = Stage::new();
    let played = stage.steps(StreamKind::Text, &json!([{"waitFor": {"file": "never", "timeoutMs": 0}}]));
    assert_eq!(played.code, 70);
    assert_eq!(
        played.stderr,
        format!("error: {} did not appear within 0 ms\n", stage.path("never").display())
    );
}

#[test]
fn raw_output_is_verbatim_and_needs_no_first_events() {
    let script = json!({"replies": [{"noInit": true, "noResult": true, "steps": [
        {"raw": "{\"type\":"}, {"rawBytes": "\\xff\\x00x"}, {"stderr": "a warning"}]}]});
    let played = Stage::new().script(StreamKind::Codex, &script.to_string());
    assert_eq!(played.stdout, b"{\"type\":\n\xff\x00x");
    assert_eq!((played.code, played.stderr.as_str()), (0, "a warning\n"));
}

#[test]
fn an_exit_ends_the_stream_without_its_terminal_event() {
    let played =
        Stage::new().steps(StreamKind::Codex, &json!([{"text": "a"}, {"exit": 7}, {"text": "never"}]));
    assert_eq!(played.code, 7);
    assert_eq!(played.events().last().unwrap()["item"]["text"], "a");
}

#[test]
fn endless_output_is_whole_events_of_the_stream() {
    for stream in [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini] {
        let steps = json!([{"endless": {"bytes": 3_000_000, "lineBytes": 100_000}}]);
        let played = Stage::new().steps(stream, &steps);
        assert_eq!(played.code, 0);
        let long = played.text().lines().filter(|line| line.len() + 1 == 100_000).count();
        assert_eq!(long, 30, "{stream}");
        assert!(played.events().len() > 30, "{stream}");
    }
    let text = Stage::new().steps(StreamKind::Text, &json!([{"endless": {"bytes": 10, "lineBytes": 5}}]));
    assert_eq!(text.text(), "xxxx\nxxxx\nDone.\n");
}

#[test]
fn the_prompt_is_read_to_its_end_and_echoed_by_gemini() {
    let prompt = "long ".repeat(100_000);
    let events = Stage::new().asked(StreamKind::Gemini, r#"{"otherwise":[]}"#, &prompt).events();
    assert_eq!(events[1]["content"], prompt);
}

#[test]
fn a_bad_script_names_its_key_its_line_and_its_column() {
    let check = |script: &str, why: &str| {
        let played = Stage::new().script(StreamKind::Claude, script);
        assert_eq!((played.code, played.text().as_str()), (64, ""), "{script}");
        assert_eq!(played.stderr, format!("error: bad script: {why}\n"));
    };
    check(
        "{\"replies\": [\n  {\"steps\": [{\"wait\": {\"sec\": 1}}]}]}",
        "`replies[0].steps[0].wait.sec`: unknown field `sec`, expected `ms` at line 2 column 28",
    );
    check(
        "{\"otherwise\": [{\"text\": \"a\", \"exit\": 1}]}",
        "`otherwise[0]`: a step does one thing, and this one has several keys: make it several steps at line 1 \
         column 40",
    );
}

#[test]
fn a_run_without_a_reply_says_which_one_it_was() {
    let mut stage = Stage::new();
    stage.job("a", "review", "j");
    let played = stage.script(StreamKind::Claude, r#"{"replies":[{"when":{"jobType":"pm"},"steps":[]}]}"#);
    assert_eq!(played.code, 64);
    assert_eq!(
        played.stderr,
        "error: the script has no reply for this run (job type `review`, nth 1, attempt 1) and no `otherwise`\n"
    );
}

#[test]
fn a_variable_without_a_value_is_an_error_of_the_script() {
    let played = Stage::new().steps(StreamKind::Text, &json!([{"text": "${NOT_SET}"}]));
    assert_eq!(played.code, 64);
    assert!(played.stderr.contains("`${NOT_SET}` is not set"), "{}", played.stderr);
}

#[test]
fn the_scripts_of_the_docs_can_be_played() {
    let docs = include_str!("../../docs/scripted-agent.md");
    let scripts: Vec<&str> =
        docs.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        agents_scripted_agent::Script::parse(script).unwrap();
    }
}

#[test]
fn the_docs_name_every_failure() {
    let docs = include_str!("../../docs/scripted-agent.md");
    for failure in agents_scripted_agent::Failure::ALL {
        assert!(docs.contains(&format!("| `{failure}` |")), "{failure}");
    }
}
