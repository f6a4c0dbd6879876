//! The workers of runs: what is started for a spec, and what a call's lines come to.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::PathBuf;

use agents_domain::access::Access;
use agents_domain::harness::{Harness, HarnessError, HarnessRequest, ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::{Ai, AiSpec, Api, ModelCall, Provider, ProviderSettings};
use agents_harnesses::exec::{Exec, ExecSpec};
use agents_harnesses::http::{Http, HttpSpec};
use serde_json::{Value, json};

fn request(spec: &Value, model: Option<&str>) -> HarnessRequest {
    HarnessRequest {
        attempt: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        prompt: spec.to_string(),
        access: Access::ReadOnly,
        model: model.map(str::to_owned),
        workspace: PathBuf::from("/repo"),
        project_instructions: None,
        git_folders: Vec::new(),
        folder: PathBuf::from("/attempt"),
        agents_folders: Vec::new(),
        agents_program: PathBuf::from("/bin/agents"),
        resume: None,
        answer_schema: None,
        max_cost: None,
        is_root: false,
    }
}

#[test]
fn each_shell_reads_a_command_and_none_reads_argv() {
    let check = |spec: Value, program: &str, args: &[&str]| {
        let invocation = Exec.invocation(&request(&spec, None)).unwrap();
        let seen: Vec<&str> = invocation.args.iter().map(String::as_str).collect();
        assert_eq!((invocation.program.as_str(), seen.as_slice()), (program, args));
    };
    check(json!({"command": "a | b"}), "sh", &["-c", "a | b"]);
    check(json!({"command": "a | b", "shell": "bash"}), "bash", &["-c", "a | b"]);
    check(json!({"command": "a | b", "shell": "cmd"}), "cmd", &["/d", "/s", "/c", "a | b"]);
    check(json!({"argv": ["a", "| b", ""]}), "a", &["| b", ""]);
    // Where a definition refuses a secret, what looks like one is somebody's data.
    check(json!({"argv": ["a", "${secret:X}"], "input": "${secret:Y}"}), "a", &["${secret:X}"]);
    let pwsh = Exec.invocation(&request(&json!({"command": "ls", "shell": "pwsh"}), None)).unwrap();
    assert_eq!((pwsh.program.as_str(), pwsh.args[3].as_str()), ("pwsh", "-Command"));
    assert!(pwsh.args[4].contains("\nls\n") && pwsh.args[4].ends_with("{ exit $LASTEXITCODE }"));
}

#[test]
fn data_of_a_command_is_escaped_and_its_secrets_are_still_references() {
    let spec = json!({"argv": ["env"], "cwd": "../other", "env": {"A": "${secret:T}", "B": "b"}, "args": {"B": "{${secret:T}"}});
    let invocation = Exec.invocation(&request(&spec, None)).unwrap();
    let expected = [("A", "${secret:T}"), ("B", "b"), ("B", "${brace}${dollar}{secret:T}")];
    let set: Vec<(&str, &str)> = invocation.env.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!((set.as_slice(), invocation.cwd), (expected.as_slice(), PathBuf::from("/repo/../other")));
}

#[test]
fn what_makes_no_sense_is_named_with_its_field() {
    let refused =
        |harness: &dyn Harness, spec: Value, said: &str| match harness.invocation(&request(&spec, None)) {
            Err(HarnessError::BadSpec { why }) => assert!(why.starts_with(said), "{why}"),
            other => panic!("{spec}: {other:?}"),
        };
    refused(&Exec, json!({}), "exec: `command`: say what to run");
    refused(&Exec, json!({"command": " "}), "exec: `command`: it is empty");
    refused(&Exec, json!({"argv": []}), "exec: `argv`: its first entry");
    refused(&Exec, json!({"argv": ["a\u{0}"]}), "exec: `argv`: it has a NUL");
    refused(&Exec, json!({"argv": ["a"], "shell": "sh"}), "exec: `shell`: no shell reads");
    refused(&Exec, json!({"argv": ["a"], "env": {"a b": ""}}), "exec: `env.a b`: no variable");
    refused(&Exec, json!({"argv": ["a"], "env": {"A": "${secret:a-b}"}}), "exec: `env.A`: `${secret:a-b}`");
    refused(&Exec, json!({"argv": ["a"], "args": {"1": ""}}), "exec: `args.1`: no variable");
    refused(&Exec, json!({"argv": ["a"], "successExitCodes": []}), "exec: `successExitCodes`: name");
    refused(&Exec, json!({"argv": ["a"], "successExitCodes": [256]}), "exec: `successExitCodes.0`: 256");
    refused(&Exec, json!({"command": "x".repeat(200_000)}), "exec: `command`: it is longer");
    refused(&Http, json!({"url": "x"}), "http: `url`: `x` is no web address");
    refused(&Http, json!({}), "http: `url`: ");
    refused(&ai("one"), json!({"provider": "one"}), "ai: `prompt`: ");
    refused(&ai("one"), json!({"provider": "one", "prompt": "p"}), "ai: `model`: name a model");
    refused(&ai("one"), json!({"provider": "one", "prompt": "p", "temperature": 3}), "ai: `temperature`");
    refused(&ai("one"), json!({"provider": "one", "prompt": "p", "mock": {}}), "ai: `mock`");
}

fn ai(name: &str) -> Ai {
    let settings =
        ProviderSettings { api: Some(Api::Openai), base_url: Some("http://x".into()), ..Default::default() };
    Ai::new(Provider::new(name, &settings).unwrap())
}

#[test]
fn a_call_of_a_model_takes_the_model_of_the_provider_that_is_asked() {
    let model = |spec: Value, job: Option<&str>| {
        let invocation = ai("two").invocation(&request(&spec, job)).unwrap();
        assert_eq!(
            (invocation.program.as_str(), invocation.args),
            ("/bin/agents", vec!["call-model".to_owned()])
        );
        let call: ModelCall = serde_json::from_str(&invocation.stdin).unwrap();
        assert_eq!(call.provider.name, "two");
        call.model
    };
    let of = |provider: &str| json!({"provider": provider, "prompt": "p", "model": "spec"});
    assert_eq!(model(of("two"), Some("job")), "spec");
    assert_eq!(model(of("one"), Some("job")), "job", "the spec's model is of the other provider");
    assert_eq!(model(json!({"provider": "two", "prompt": "p"}), Some("job")), "job");
}

#[test]
fn a_spec_is_written_as_it_is_read() {
    let exec = json!({"command": "x", "shell": "bash", "successExitCodes": [0, 1]});
    let http = json!({"method": "POST", "url": "http://x", "body": {"a": 1}, "expectedStatus": ["2xx", 404]});
    let ai = json!({"provider": "mock", "prompt": "p", "mock": {"reply": "r"}});
    let exec_again = serde_json::to_value(ExecSpec::read(&exec.to_string()).unwrap()).unwrap();
    assert_eq!(exec_again, exec);
    let mut http_again = serde_json::to_value(HttpSpec::read(&http.to_string()).unwrap()).unwrap();
    let always = ["followRedirects", "maxResponseBytes"];
    always.iter().for_each(|key| drop(http_again.as_object_mut().unwrap().remove(*key)));
    assert_eq!(http_again, http);
    assert_eq!(serde_json::to_value(AiSpec::read(&ai.to_string()).unwrap()).unwrap(), ai);
}

fn read(lines: &[&str], process: ProcessEnd) -> StreamSummary {
    let harness = Http;
    let mut reader = harness.reader();
    lines.iter().for_each(|line| reader.line(line.as_bytes(), &mut |_| {}));
    reader.finish(&StreamEnd { process, stderr_tail: "", at: Timestamp::from_seconds(0) })
}

#[test]
fn the_last_end_of_a_call_counts_and_a_call_without_one_has_no_result() {
    let start = r#"{"type":"start","target":"x","model":"m"}"#;
    let usage = r#"{"type":"usage","usage":{"input":3,"cached":1,"written":0,"output":2}}"#;
    let result = r#"{"type":"result","text":"Hi","structured":"{}"}"#;
    let failed = r#"{"type":"failed","class":"overloaded","text":"busy","resetsAt":5000,"fix":"wait"}"#;
    let done = ProcessEnd::Exited(0);
    let good = read(&[start, "", "no json", usage, r#"{"type":"new"}"#, result], done);
    assert_eq!(good.outcome, Outcome::success("Hi"));
    let tokens = TokenUsage { input: 3, cached: 1, written: 0, output: 2, reasoning: None };
    assert_eq!(
        (good.model.as_deref(), good.usage, good.structured.as_deref()),
        (Some("m"), Some(tokens), Some("{}"))
    );
    assert_eq!((good.unknown_lines, good.bad_lines), (2, 0));
    let bad = read(&[start, failed], done).outcome;
    let expected = Outcome::failure(OutcomeClass::Overloaded, "busy").with_fix("wait");
    assert_eq!(bad, expected.with_reset(Some(Timestamp::from_seconds(5))));
    let class = |lines: &[&str], process| read(lines, process).outcome.class;
    assert_eq!(class(&[start], done), OutcomeClass::NoResult);
    assert_eq!(class(&[start], ProcessEnd::Signaled(9)), OutcomeClass::Crashed);
    assert_eq!(class(&[result], ProcessEnd::Exited(1)), OutcomeClass::Contradiction);
    assert_eq!(class(&[r#"{"type":"result","text":5}"#], done), OutcomeClass::Contradiction);
    assert_eq!(class(&[r#"{"type":"failed","class":"new","text":""}"#], done), OutcomeClass::Unclassified);
    assert_eq!(class(&[failed], ProcessEnd::Exited(1)), OutcomeClass::Overloaded);
}
