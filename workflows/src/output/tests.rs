//! What is taken from a worker's text.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Wrong, checked, sample, schema, sentence, take};
use crate::expression::Bad;
use crate::trial::sketch::output;
use crate::workflow::{From, Kind, Output};

fn from(name: &str, kind: Kind, from: From) -> Output {
    Output { from, ..output(name, kind) }
}

fn taken(declared: &[Output], text: &str) -> Result<Value, String> {
    let mut echo = |expression: &str, taken: &serde_json::Map<String, Value>| match expression {
        "count" => Ok(json!(taken.len())),
        other => Err(Bad::Wrong(other.to_owned())),
    };
    take(declared, text, &mut echo).map(Value::Object).map_err(|wrong| match wrong {
        Wrong::Output(why) | Wrong::Expression(Bad::Wrong(why)) => why,
        Wrong::Expression(Bad::Needs(steps)) => panic!("{steps:?}"),
    })
}

#[test]
fn the_json_of_an_answer_is_found_wherever_it_stands() {
    let declared = [output("n", Kind::Number), output("who", Kind::String)];
    let expected = Ok(json!({"n": 3, "who": "me"}));
    for text in [
        "{\"n\": 3, \"who\": \"me\", \"more\": 1}",
        "Done.\n```json\n{\"n\": 1, \"who\": \"x\"}\n```\nNo:\n```json\n{\n \"n\": 3,\n \"who\": \"me\"\n}\n```\nThat's it.",
        "{\"n\": 1}\nfirst\n  {\"n\": 3, \"who\": \"me\"}  \nlast words",
        "::set-output name=n::1\nlog\n::set-output name=who::me\n::set-output name=n::3\n",
        "::set-output name=n::3\n{\"n\": 9, \"who\": \"me\"}",
    ] {
        assert_eq!(taken(&declared, text), expected, "{text}");
    }
}

#[test]
fn one_output_may_be_the_whole_answer() {
    let results = Kind::Object(BTreeMap::from([("passed".to_owned(), Kind::Boolean)]));
    let whole = Ok(json!({"results": {"passed": true}}));
    assert_eq!(taken(&[output("results", results.clone())], "{\"passed\": true}"), whole);
    assert_eq!(taken(&[output("results", results)], "{\"results\": {\"passed\": true}}"), whole);
    let list = Kind::Array(Box::new(Kind::String));
    assert_eq!(taken(&[output("files", list)], "[\"a\"]"), Ok(json!({"files": ["a"]})));
}

#[test]
fn texts_and_matches_become_values_of_their_type() {
    let coverage = from("coverage", Kind::Number, From::Regex("coverage: ([0-9.]+)%".to_owned()));
    assert_eq!(taken(&[coverage], "x\ncoverage: 81.5%"), Ok(json!({"coverage": 81.5})));
    let log = from("log", Kind::String, From::Text);
    assert_eq!(taken(std::slice::from_ref(&log), "a\nb\n"), Ok(json!({"log": "a\nb\n"})));
    let count = from("count", Kind::Integer, From::Expression("count".to_owned()));
    assert_eq!(taken(&[count, log], "x"), Ok(json!({"count": 1, "log": "x"})));
}

#[test]
fn what_does_not_fit_is_named_with_its_type_and_what_was_there() {
    let check = |declared: Output, text: &str, why: &str| {
        assert_eq!(taken(&[declared], text), Err(why.to_owned()), "{text}");
    };
    check(
        output("n", Kind::Number),
        "{\"m\": 1}",
        "output `n` (a number) is not set: its JSON has m; end with JSON that has it, or print ::set-output name=n::VALUE",
    );
    check(
        output("n", Kind::Number),
        "no idea",
        "output `n` (a number) is not set: there is no JSON in what it said; end with JSON that has it, or print \
         ::set-output name=n::VALUE",
    );
    check(output("n", Kind::Number), "{\"n\": \"3\"}", "output `n` must be a number, and it is the text `3`");
    check(
        output("n", Kind::Integer),
        "{\"n\": 1.5}",
        "output `n` must be a whole number, and it is the number 1.5",
    );
    check(
        output("r", Kind::Object(BTreeMap::from([("ok".to_owned(), Kind::Boolean)]))),
        "{\"r\": {\"ok\": 1}}",
        "output `r`.ok must be true or false, and it is the number 1",
    );
    check(
        output("l", Kind::Array(Box::new(Kind::String))),
        "{\"l\": [\"a\", 2]}",
        "output `l`[1] must be a text, and it is the number 2",
    );
    check(
        from("v", Kind::String, From::Regex("v(\\d+)".to_owned())),
        "none",
        "output `v` (a text) is not set: nothing matches `v(\\d+)`",
    );
}

#[test]
fn what_need_not_be_there_has_its_default_or_is_left_out() {
    let mut one = output("n", Kind::Number);
    one.field.is_required = false;
    assert_eq!(taken(std::slice::from_ref(&one), "x"), Ok(json!({})));
    one.field.default = Some(json!(5));
    assert_eq!(taken(&[one], "{\"n\": null}"), Ok(json!({"n": 5})));
}

#[test]
fn every_type_has_a_sample_a_schema_and_a_form() {
    let kinds = [
        Kind::Any,
        Kind::String,
        Kind::Number,
        Kind::Integer,
        Kind::Boolean,
        Kind::Object(BTreeMap::from([("a".to_owned(), Kind::Array(Box::new(Kind::Integer)))])),
        Kind::Array(Box::new(Kind::Boolean)),
    ];
    for kind in kinds {
        assert_eq!(checked(&kind, &sample(&kind), "sample"), Ok(()));
        assert!(schema(&[output("x", kind.clone())]).is_some() && sentence(&[output("x", kind)]).is_some());
    }
    let text = from("x", Kind::String, From::Text);
    assert_eq!((schema(std::slice::from_ref(&text)), sentence(&[text])), (None, None));
}

#[test]
fn no_text_breaks_the_taking_of_outputs() {
    let declared = [
        output("n", Kind::Number),
        output("o", Kind::Object(BTreeMap::new())),
        from("v", Kind::Boolean, From::Regex("(a*)*b".to_owned())),
        from("t", Kind::String, From::Text),
    ];
    const PIECES: [&str; 16] = [
        "::set-output name=",
        "n",
        "::",
        "{",
        "}",
        "\"n\":",
        "1",
        "\n",
        "```json\n",
        "```\n",
        "[",
        "]",
        "a",
        " ",
        "é",
        "\u{0}",
    ];
    bolero::check!().with_test_time(Duration::from_secs(3)).with_type::<(Vec<u8>, String)>().for_each(
        |(choices, raw)| {
            let pieces: String =
                choices.iter().map(|choice| PIECES[usize::from(*choice) % PIECES.len()]).collect();
            for text in [pieces.as_str(), raw] {
                let begun = Instant::now();
                for one in &declared {
                    if let Ok(Value::Object(found)) = taken(std::slice::from_ref(one), text) {
                        let value = &found[&one.field.name];
                        assert_eq!(checked(&one.field.kind, value, ""), Ok(()), "{text}");
                    }
                }
                assert!(begun.elapsed() < Duration::from_secs(2), "{text}");
            }
        },
    );
}
