//! What expressions come to, and what is said of those that come to nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{StepRun, StepStatus};
use serde_json::{Value, json};

use super::{Bad, Rows, Scope, moment, parse_moment};

fn scope() -> Scope {
    let ids = ["done", "open", "far-away"].iter().enumerate().map(|(at, id)| ((*id).to_owned(), at));
    let rows = Rows::new(Arc::new(ids.collect::<HashMap<_, _>>()));
    rows.put("open", None);
    rows.put(
        "done",
        Some(StepRun {
            number: 1,
            step: "done".to_owned(),
            path: "done".to_owned(),
            attempt: 1,
            status: StepStatus::Completed,
            inputs: "{}".to_owned(),
            outputs: Some(json!({"n": 7, "files": ["a", "b"], "ok": true}).to_string()),
            error: None,
            job: None,
            child: None,
            started_at: Timestamp::from_seconds(0),
            ended_at: None,
            route: None,
        }),
    );
    let mut scope = Scope::new(rows);
    scope.set("params", &json!({"x": "; rm", "none": null}));
    scope.set("inputs", &json!({"left": null}));
    scope
}

fn wrong(found: Result<Value, Bad>) -> String {
    match found {
        Err(Bad::Wrong(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_expression_keeps_the_type_of_its_value() {
    let check = |text: &str, expected: Value| assert_eq!(scope().value(text), Ok(expected), "{text}");
    check("{{ steps.done.outputs.n }}", json!(7));
    check("{{- steps.done.outputs.files -}}", json!(["a", "b"]));
    check("n is {{ steps.done.outputs.n }}", json!("n is 7"));
    check("{{ steps.done.outputs.files | length > 1 }}", json!(true));
    check("{{ steps.open.outputs.n | default(3) }}", json!(3));
    check("{{ steps.open.status }}", json!("pending"));
    check("{{ steps.done.error }}", json!(null));
    check("plain", json!("plain"));
    check("{{ {'a': {'b': 1}} }}", json!({"a": {"b": 1}}));
}

#[test]
fn a_name_that_is_not_there_is_named_with_what_to_do() {
    let check = |text: &str, expected: &str| {
        assert_eq!(wrong(scope().value(text)), format!("`{text}`: {expected}"));
    };
    let default = "`default(…)` says what holds without it";
    check("{{ steps.open.outputs.n }}", &format!("step `open` has put out no `n`: {default}"));
    check("a {{ steps.done.outputs.m }}", &format!("step `done` has put out no `m`: {default}"));
    check("{{ steps.other.outputs.n }}", "there is no step `other`");
    check("{{ steps.done.output }}", "a step has no `output`: it has `outputs`, `status` and `error`");
    check("{{ params.y }}", "there is no param `y`: declare it under `params`");
    check("{{ parms.x }}", "there is no `parms.x`: `inputs`, `params`, `steps` are there");
    assert!(wrong(scope().value("{{ 1 + }}")).contains("syntax error"));
    assert!(wrong(scope().value("{{ params.x | shout }}")).contains("unknown filter"));
}

#[test]
fn what_is_not_known_yet_is_asked_for() {
    let asked = scope().value("{{ steps['far-away'].outputs.n + steps.done.outputs.n }}");
    assert_eq!(asked, Err(Bad::Needs(["far-away".to_owned()].into())));
    let asked = scope().value("{{ steps['far-away'].outputs.n | default(1) }}");
    assert_eq!(asked, Err(Bad::Needs(["far-away".to_owned()].into())));
}

#[test]
fn a_condition_must_come_to_true_or_false() {
    assert_eq!(scope().truth("{{ steps.done.outputs.ok }}"), Ok(true));
    assert_eq!(scope().truth("steps.done.outputs.n > 10"), Ok(false));
    for (condition, what) in [
        ("{{ steps.done.outputs.n }}", "the number 7"),
        ("{{ params.x }}", "the text `; rm`"),
        ("{{ params.none }}", "nothing"),
        ("{{ 1 }} == {{ 1 }}", "the text `1 == 1`"),
        ("{{ steps.done.outputs.files }}", "a list of 2"),
    ] {
        let why = wrong(scope().truth(condition).map(Value::Bool));
        let expected = format!(
            "the condition `{condition}` comes to {what}: it must come to true or false; compare it with something"
        );
        assert_eq!(why, expected);
    }
}

#[test]
fn an_input_may_be_what_a_step_has_not_put_out_but_no_strange_name() {
    let given =
        json!({"a": "{{ steps.open.outputs.n }}", "b": ["{{ params.x }}", 2], "c": "{{ inputs.left }}"});
    assert_eq!(scope().input(&given), Ok(json!({"a": null, "b": ["; rm", 2], "c": null})));
    for text in ["{{ steps.other.outputs.n }}", "{{ param.x }}", "{{ params.y }}"] {
        assert!(matches!(scope().input(&json!(text)), Err(Bad::Wrong(_))), "{text}");
    }
}

#[test]
fn moments_are_told_and_read_in_their_zone() {
    let at = Timestamp::from_seconds(1_795_302_000);
    let told = |zone| moment(at, zone);
    assert_eq!(told(None), ("2026-11-21".to_owned(), "2026-11-21T23:00:00Z".to_owned()));
    assert_eq!(told(Some("Europe/Berlin")).1, "2026-11-22T00:00:00+01:00");
    assert_eq!(parse_moment("2026-11-22T00:00:00", Some("Europe/Berlin")), Ok(at));
    assert_eq!(parse_moment(" 2026-11-21T23:00:00Z", None), Ok(at));
    assert!(parse_moment("tomorrow", None).is_err_and(|why| why.contains("`tomorrow` is no moment")));
}

#[test]
fn no_expression_panics_or_runs_on() {
    const PIECES: [&str; 48] = [
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "steps",
        ".",
        "done",
        "outputs",
        "n",
        "files",
        "params.x",
        "[",
        "]",
        "(",
        ")",
        "|",
        "default",
        "length",
        "tojson",
        "join",
        "sort",
        "first",
        "~",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "==",
        "<",
        " and ",
        " not ",
        " in ",
        "'a'",
        "1",
        "99999999999999999999",
        "-1",
        "true",
        "none",
        "if ",
        "else ",
        "for x in ",
        "endfor",
        "range(",
        ", ",
        "\"",
    ];
    bolero::check!().with_test_time(Duration::from_secs(4)).with_type::<(Vec<u8>, String)>().for_each(
        |(choices, raw)| {
            let pieces: String =
                choices.iter().map(|choice| PIECES[usize::from(*choice) % PIECES.len()]).collect();
            let begun = Instant::now();
            let scope = scope();
            for text in
                [pieces.clone(), raw.clone(), format!("{{{{ {pieces} }}}}"), format!("{{{{ {raw} }}}}")]
            {
                if let Ok(value) = scope.value(&text) {
                    assert_eq!(scope.value(&text), Ok(value), "{text}");
                }
                if scope.truth(&text).is_ok() {
                    assert!(scope.bare(&text).is_ok_and(|value| value.is_boolean()), "{text}");
                }
                drop(scope.input(&json!({"a": text})));
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "{pieces} {raw}");
        },
    );
}

#[test]
fn an_expression_that_loops_for_long_is_ended() {
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}";
    assert!(wrong(scope().value(loops)).contains("fuel"));
    let long = format!("{{{{ {} 1 }}}}", "1 + ".repeat(40_000));
    assert!(wrong(scope().value(&long)).contains("65536 is the most"));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(matches!(scope().value(&deep), Err(Bad::Wrong(_))));
}
