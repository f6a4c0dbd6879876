//! What a step puts out, taken from its worker's text and held against the declared types.

mod answer;
mod kind;
#[cfg(test)]
mod tests;
mod told;

use regex::RegexBuilder;
use serde_json::{Map, Value};

use crate::expression::Bad;
use crate::workflow::{From, Kind, Output};

pub(crate) use answer::{Answer, set_values};
pub(crate) use kind::{checked, sample};
pub(crate) use told::{schema, sentence};

/// How large a regular expression may become, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// Why an output isn't right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The step has not put it out as declared.
    Output(String),
    /// An expression could not be evaluated.
    Expression(Bad),
}

/// Evaluates an expression; `answer` is among its names, and the outputs that were taken before.
pub(crate) type Evaluate<'a> = dyn FnMut(&str, &Map<String, Value>) -> Result<Value, Bad> + 'a;

/// The outputs that a text has. Every declared one that must be there is, and has its type.
pub(crate) fn take(
    declared: &[Output],
    text: &str,
    evaluate: &mut Evaluate<'_>,
) -> Result<Map<String, Value>, Wrong> {
    let mut taken = Map::new();
    let answer = Answer::read(text);
    let set = set_values(text);
    // Expressions may name the others.
    let (last, first): (Vec<&Output>, Vec<&Output>) =
        declared.iter().partition(|output| matches!(output.from, From::Expression(_)));
    for output in first.into_iter().chain(last) {
        let name = &output.field.name;
        let raw = set.get(name.as_str()).copied();
        let found = match (&output.from, raw) {
            (From::Answer | From::Regex(_) | From::Text, Some(raw)) => {
                Some(kind::of_text(&output.field.kind, raw))
            }
            (From::Answer, None) => answer.of(output, declared.len() == 1),
            (From::Regex(pattern), None) => first_match(pattern, text)
                .map_err(Wrong::Output)?
                .map(|found| kind::of_text(&output.field.kind, &found)),
            (From::Text, None) => Some(kind::of_text(&output.field.kind, text)),
            (From::Expression(expression), _) => {
                Some(evaluate(expression, &taken).map_err(Wrong::Expression)?)
            }
        };
        let found = found.filter(|value| !value.is_null() || output.field.kind == Kind::Any);
        match found.or_else(|| output.field.default.clone()) {
            Some(value) => {
                checked(&output.field.kind, &value, &format!("output `{name}`")).map_err(Wrong::Output)?;
                taken.insert(name.clone(), value);
            }
            None if output.field.is_required => return Err(Wrong::Output(missing(output, &answer))),
            None => {}
        }
    }
    Ok(taken)
}

/// The same for a step that has failed: what is there and fits.
pub(crate) fn salvage(declared: &[Output], text: &str) -> Map<String, Value> {
    let mut never = |_: &str, _: &Map<String, Value>| Err(Bad::Wrong(String::new()));
    let mut found = Map::new();
    for output in declared {
        if let Ok(one) = take(std::slice::from_ref(output), text, &mut never) {
            found.extend(one);
        }
    }
    found
}

fn first_match(pattern: &str, text: &str) -> Result<Option<String>, String> {
    let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
    let regex =
        regex.map_err(|error| format!("the regular expression `{pattern}` can't be used: {error}"))?;
    Ok(regex.captures(text).and_then(|captures| {
        captures.get(1).or_else(|| captures.get(0)).map(|found| found.as_str().to_owned())
    }))
}

fn missing(output: &Output, answer: &Answer<'_>) -> String {
    let name = &output.field.name;
    let wanted = kind::wanted(&output.field.kind);
    match &output.from {
        From::Answer => {
            format!(
                "output `{name}` ({wanted}) is not set: {}; end with JSON that has it, or print ::set-output name={name}::VALUE",
                answer.about()
            )
        }
        From::Regex(pattern) => format!("output `{name}` ({wanted}) is not set: nothing matches `{pattern}`"),
        From::Text | From::Expression(_) => {
            format!("output `{name}` ({wanted}) is not set: it came to nothing")
        }
    }
}
