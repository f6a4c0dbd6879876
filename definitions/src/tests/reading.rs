//! What a definition says.

use agents_domain::limits::{LimitChange, Measure, Scope};
use serde_json::{Value, json};

use super::{definition, resolved, spec};
use crate::{Param, ParamType, Worker, accept};

#[test]
fn everything_that_a_definition_says_is_read() {
    let read = definition(
        "name: job\ndescription: Builds it\nexec:\n  command: make {{ params.target }}\n  shell: bash\n  env: { PORT: 8080, V: 1.10 }\n\
         params:\n  target: { type: string, default: all, choices: [all, test], description: What }\n  n: { type: integer, required: true }\n\
         limits:\n  assignment: { cost: 1.5, timeMs: 60000 }\n  attempt: { toolCalls: null }\ntimeout: 1h30m\n",
    );
    assert_eq!((read.name.as_str(), read.worker), ("job", Worker::Exec));
    assert_eq!(read.description.as_deref(), Some("Builds it"));
    assert_eq!(read.title(), "job: Builds it");
    assert_eq!(read.timeout_ms, Some(5_400_000));
    assert_eq!(
        Value::Object(read.config.clone()),
        json!({"command": "make {{ params.target }}", "shell": "bash", "env": {"PORT": "8080", "V": "1.10"}})
    );
    let limit = |scope, measure, limit| LimitChange { scope, measure, limit };
    assert_eq!(
        read.limits,
        [
            limit(Scope::Assignment, Measure::Cost, Some(1_500_000)),
            limit(Scope::Assignment, Measure::Wall, Some(60_000)),
            limit(Scope::Attempt, Measure::ToolCalls, None),
        ]
    );
    let target = Param {
        name: "target".to_owned(),
        kind: ParamType::String,
        description: Some("What".to_owned()),
        default: Some(json!("all")),
        is_required: false,
        choices: vec![json!("all"), json!("test")],
    };
    let n = Param {
        name: "n".to_owned(),
        kind: ParamType::Integer,
        description: None,
        default: None,
        is_required: true,
        choices: Vec::new(),
    };
    assert_eq!(read.params, [target, n]);
}

#[test]
fn each_worker_gets_its_own_spec() {
    let check = |yaml: &str, worker, harness: Option<&str>, model: Option<&str>, context: Value| {
        let resolved = resolved(yaml, json!({}), None).unwrap();
        let told = serde_json::from_str(&resolved.context).unwrap_or(Value::String(resolved.context.clone()));
        assert_eq!(
            (resolved.worker, resolved.harness.as_deref(), resolved.model.as_deref(), told),
            (worker, harness, model, context),
            "{yaml}"
        );
    };
    check(
        "exec: { argv: [ls, -l, 5] }",
        Worker::Exec,
        Some("exec"),
        None,
        json!({"argv": ["ls", "-l", "5"]}),
    );
    check(
        "http: { url: \"https://example.com\", expectedStatus: 2xx }",
        Worker::Http,
        Some("http"),
        None,
        json!({"url": "https://example.com", "expectedStatus": ["2xx"]}),
    );
    check(
        "ai: { provider: mock, model: m, prompt: Hello }",
        Worker::Ai,
        Some("ai:mock"),
        Some("m"),
        json!({"provider": "mock", "model": "m", "prompt": "Hello"}),
    );
    check("agent: { prompt: Tidy up, harness: codex }", Worker::Agent, Some("codex"), None, json!("Tidy up"));
    check("agent: { prompt: Tidy up }", Worker::Agent, None, None, json!("Tidy up"));
    check(
        "skill: { skill: pdf, action: extract, params: { file: a.pdf } }",
        Worker::Skill,
        None,
        None,
        json!({"skill": "pdf", "action": "extract", "params": {"file": "a.pdf"}}),
    );
}

#[test]
fn templates_know_params_the_day_the_moment_and_the_input() {
    let yaml = "params: { x: {}, n: { type: integer, default: 3 } }\nai:\n  provider: mock\n  prompt: |\n    {{ params.x }}-{{ params.n + 1 }}\n    {{ today }} {{ now }}\n    {{ input.a.b[1] }} {{ input.a }}\n    {% for i in input.a.b %}<{{ i }}>{% endfor %}\n";
    let told = spec(yaml, json!({"x": "{{ now }}"}));
    assert_eq!(
        told["prompt"],
        "{{ now }}-4\n2026-11-21 2026-11-21T21:30:00+01:00\n2 {\"b\":[1,2]}\n<1><2>\n"
    );
}

#[test]
fn a_param_that_is_not_given_is_its_default_or_nothing() {
    let yaml =
        "params: { x: {}, y: { default: d } }\nexec: { argv: [p, \"<{{ params.x }}>\", \"{{ params.y }}\"] }";
    assert_eq!(spec(yaml, json!({}))["argv"], json!(["p", "<>", "d"]));
    assert_eq!(spec(yaml, json!({"x": "1", "y": ""}))["argv"], json!(["p", "<1>", ""]));
}

#[test]
fn values_are_held_against_types_choices_and_names() {
    let read = definition(
        "params: { s: {}, n: { type: number }, i: { type: integer, required: true }, b: { type: boolean }, c: { choices: [x, y] } }\n\
         exec: { command: ls }",
    );
    let check = |given: Value, expected: Result<Value, &[&str]>| {
        let accepted = accept(&read.params, given.as_object().unwrap()).map(Value::Object);
        let expected =
            expected.map_err(|lines| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(accepted, expected, "{given}");
    };
    check(json!({"i": 3}), Ok(json!({"s": null, "n": null, "i": 3, "b": null, "c": null})));
    check(
        json!({"i": "3", "n": "1.5", "b": "true", "c": "x", "s": "t"}),
        Ok(json!({"s": "t", "n": 1.5, "i": 3, "b": true, "c": "x"})),
    );
    check(
        json!({"n": "much", "b": 1, "c": "z", "s": 5, "ii": 1}),
        Err(&[
            "there is no param `ii`: its params are: s, n, i, b, c",
            "param `s` must be a text, and `5` is not",
            "param `n` must be a number, and `much` is not",
            "param `i` is missing: give a whole number, --param i=…",
            "param `b` must be true or false, and `1` is not",
            "param `c` can't be `z`: use `x`, `y`",
        ]),
    );
    check(json!({"i": 1.5}), Err(&["param `i` must be a whole number, and `1.5` is not"]));
    check(
        json!({"i": 1, "s": "a\u{0}b"}),
        Err(&["param `s` has a NUL character, which no program can be given"]),
    );
}

#[test]
fn what_the_command_line_says_becomes_a_value_of_the_param_s_type() {
    let read = definition(
        "params: { s: {}, n: { type: number }, b: { type: boolean }, j: { type: json } }\nexec: { command: ls }",
    );
    let check = |name: &str, text: &str, expected: Value| {
        assert_eq!(read.param(name).unwrap().value_of_text(text).unwrap(), expected, "{name}={text}");
    };
    check("s", "5", json!("5"));
    check("n", "5", json!(5));
    check("n", "five", json!("five"));
    check("b", "false", json!(false));
    check("j", "[1, {\"a\": null}]", json!([1, {"a": null}]));
    check("j", "\"just words\"", json!("just words"));
    assert_eq!(
        read.param("j").unwrap().value_of_text("{\"a\": 1,}").unwrap_err(),
        "param `j` must be JSON, and `{\"a\": 1,}` is not: trailing comma at line 1 column 9"
    );
    assert_eq!(
        read.param("ss").unwrap_err(),
        "there is no param `ss`: its params are: s, n, b, j".to_owned()
    );
}
