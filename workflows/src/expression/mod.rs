//! `{{ }}` over the names of a workflow. Strict: a name that isn't there is an error that says so; every evaluation is
//! bounded by fuel. What the steps have put out is looked up when it is named, and what is not known yet is asked for.

mod moment;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use agents_definitions::{Rendered, Renderer, environment, is_template};
use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json};

pub(crate) use moment::{moment, parse as parse_moment};
pub(crate) use names::{Rows, Scope};

/// The longest expression, in bytes; the parser's own stack is bounded too.
const LONGEST: usize = 64 << 10;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bad {
    /// These steps must be known first.
    Needs(BTreeSet<String>),
    /// For a person.
    Wrong(String),
}

impl Scope {
    /// What a text comes to: the value of its one expression, with its type; else a text.
    pub(crate) fn value(&self, text: &str) -> Result<Json, Bad> {
        match self.single(text)? {
            Some(value) if value.is_undefined() => Err(self.wrong(text, "it is not there")),
            Some(value) => self.json(text, &value),
            None => self.template(text),
        }
    }

    /// The same; what a step has not put out is null.
    pub(crate) fn input(&self, value: &Json) -> Result<Json, Bad> {
        match value {
            Json::String(text) => match self.single(text)? {
                Some(value) if value.is_undefined() => {
                    match self.absent(text).into_iter().find(|name| self.is_strange(name)) {
                        Some(_) => Err(self.wrong(text, "it is not there")),
                        None => Ok(Json::Null),
                    }
                }
                Some(value) => self.json(text, &value),
                None => self.template(text),
            },
            Json::Array(values) => {
                values.iter().map(|value| self.input(value)).collect::<Result<_, _>>().map(Json::Array)
            }
            Json::Object(fields) => self.inputs(fields).map(Json::Object),
            Json::Null | Json::Bool(_) | Json::Number(_) => Ok(value.clone()),
        }
    }

    /// The same for each of them.
    pub(crate) fn inputs(&self, fields: &Map<String, Json>) -> Result<Map<String, Json>, Bad> {
        let each = |(name, value): (&String, &Json)| self.input(value).map(|value| (name.clone(), value));
        fields.iter().map(each).collect()
    }

    /// What a condition comes to: it must be true or false.
    pub(crate) fn truth(&self, condition: &str) -> Result<bool, Bad> {
        let value = self.bare(condition)?;
        match value.as_bool() {
            Some(truth) => Ok(truth),
            None => Err(Bad::Wrong(format!(
                "the condition `{}` comes to {}: it must come to true or false; compare it with something",
                shown(condition),
                named(&value)
            ))),
        }
    }

    /// What an expression comes to, with or without its braces.
    pub(crate) fn bare(&self, expression: &str) -> Result<Json, Bad> {
        if is_template(expression) {
            return self.value(expression);
        }
        let value = self.evaluate(expression, expression)?;
        if value.is_undefined() {
            return Err(self.wrong(expression, "it is not there"));
        }
        self.json(expression, &value)
    }

    /// A text with its values in it.
    pub(crate) fn text(&self, text: &str) -> Result<String, Bad> {
        Ok(self.rendered(text)?.with(&|datum| datum.text.clone()))
    }

    /// The same; one that comes to nothing but a value is that value.
    fn template(&self, text: &str) -> Result<Json, Bad> {
        let rendered = self.rendered(text)?;
        Ok(match rendered.only() {
            Some(datum) => datum.json.clone(),
            None => Json::String(rendered.with(&|datum| datum.text.clone())),
        })
    }

    fn rendered(&self, text: &str) -> Result<Rendered, Bad> {
        if is_template(text) {
            refuse_long(text)?;
        }
        let rendered = Renderer::new(self.names()).render(text);
        self.asked()?;
        rendered.map_err(|bad| self.wrong(text, &bad.message))
    }

    /// The value of a text that is nothing but one expression.
    fn single(&self, text: &str) -> Result<Option<Value>, Bad> {
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let Some(inner) = inner.filter(|inner| !inner.contains("{{") && !inner.contains("}}")) else {
            return Ok(None);
        };
        let inner = inner.strip_prefix('-').unwrap_or(inner);
        let inner = inner.strip_suffix('-').unwrap_or(inner);
        self.evaluate(inner, text).map(Some)
    }

    fn evaluate(&self, expression: &str, text: &str) -> Result<Value, Bad> {
        refuse_long(expression)?;
        let environment = environment();
        let value =
            environment.compile_expression(expression).and_then(|compiled| compiled.eval(self.names()));
        self.asked()?;
        value.map_err(|error| {
            let said = error
                .detail()
                .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
            self.wrong(text, &said)
        })
    }

    /// Steps that were asked for and aren't known.
    fn asked(&self) -> Result<(), Bad> {
        let wanted = self.rows().wanted();
        if wanted.is_empty() { Ok(()) } else { Err(Bad::Needs(wanted)) }
    }

    fn json(&self, text: &str, value: &Value) -> Result<Json, Bad> {
        if matches!(value.kind(), ValueKind::Invalid) {
            return Err(self.wrong(text, "it comes to nothing that can be told"));
        }
        let json = serde_json::to_value(value).map_err(|error| self.wrong(text, &error.to_string()));
        self.asked()?;
        json
    }

    fn wrong(&self, text: &str, why: &str) -> Bad {
        let absent = self.absent(text);
        match absent.first() {
            None => Bad::Wrong(format!("`{}`: {why}", shown(text))),
            Some(name) => Bad::Wrong(format!("`{}`: {}", shown(text), self.about(name))),
        }
    }

    /// The names in a text that come to nothing.
    pub(crate) fn absent(&self, text: &str) -> Vec<String> {
        let environment = environment();
        let template = if is_template(text) { text.to_owned() } else { format!("{{{{ {text} }}}}") };
        let Ok(compiled) = environment.template_from_str(&template) else { return Vec::new() };
        let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        names.sort();
        let is_absent = |name: &String| {
            let value = environment.compile_expression(name).and_then(|name| name.eval(self.names()));
            value.map_or(true, |value| value.is_undefined())
        };
        names.retain(|name| !FUNCTIONS.contains(&name.as_str()) && is_absent(name));
        names
    }

    /// Whether a name that comes to nothing could never have come to anything.
    fn is_strange(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        match (parts.next(), parts.next()) {
            (Some("steps"), Some(id)) => !self.rows().is_step(id),
            (Some("steps" | "inputs" | "trigger" | "error"), _) => false,
            _ => true,
        }
    }

    fn about(&self, name: &str) -> String {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["steps", id, ..] if !self.rows().is_step(id) => format!("there is no step `{id}`"),
            ["steps", id, "outputs", output, ..] => {
                format!("step `{id}` has put out no `{output}`: `default(…)` says what holds without it")
            }
            ["steps", _, other, ..] => {
                format!("a step has no `{other}`: it has `outputs`, `status` and `error`")
            }
            ["params", param, ..] => format!("there is no param `{param}`: declare it under `params`"),
            [first, ..] if self.has(first) => {
                format!("there is no `{name}`: `default(…)` says what holds without it")
            }
            _ => format!("there is no `{name}`: {} are there", self.all().join(", ")),
        }
    }
}

/// Functions of the language.
const FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "loop"];

fn refuse_long(text: &str) -> Result<(), Bad> {
    if text.len() <= LONGEST {
        return Ok(());
    }
    Err(Bad::Wrong(format!("an expression or template has {} bytes, and {LONGEST} is the most", text.len())))
}

/// A text in a message.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(80).is_some() { format!("{short}…") } else { short }
}

/// What a value is, in a message.
pub(crate) fn named(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::Bool(truth) => format!("`{truth}`"),
        Json::Number(number) => format!("the number {number}"),
        Json::String(text) => format!("the text `{}`", shown(text)),
        Json::Array(values) => format!("a list of {}", values.len()),
        Json::Object(_) => format!("the object `{}`", shown(&value.to_string())),
    }
}
