//! `{{ … }}` in the texts of a definition. What an expression comes to is never written into the text: a mark stands there
//! until the place where it stands has decided how data looks there.
//!
//! A mark is `NUL number NUL`. No text and no value has a NUL, so nothing can look like a mark, and what a block or a macro
//! has made out of values can't be printed once more.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr, Serde, ValueKind};
use minijinja::{Environment, ErrorKind, State, Value};
use serde_json::Value as Json;

use crate::{language, suggestion};

/// What templates may name, besides `params`.
const NAMES: [&str; 4] = ["params", "input", "today", "now"];

/// What an expression has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub text: String,
    pub json: Json,
    /// It is JSON already: `tojson` has made it.
    pub is_json_text: bool,
}

/// A text with marks, and what they stand for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendered {
    pub text: String,
    pub data: Vec<Datum>,
}

/// A piece of a rendered text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Char(char),
    /// The number of the datum.
    Mark(usize),
}

impl Rendered {
    /// Its characters and marks.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.text.len());
        for (number, part) in self.text.split('\0').enumerate() {
            match part.parse() {
                Ok(mark) if number % 2 == 1 => pieces.push(Piece::Mark(mark)),
                Ok(_) | Err(_) => pieces.extend(part.chars().map(Piece::Char)),
            }
        }
        pieces
    }

    /// The text, with `show` of each datum in its place.
    pub fn with(&self, show: &dyn Fn(&Datum) -> String) -> String {
        let mut text = String::with_capacity(self.text.len());
        for (number, part) in self.text.split('\0').enumerate() {
            match part.parse::<usize>().ok().and_then(|mark| self.data.get(mark)) {
                Some(datum) if number % 2 == 1 => text.push_str(&show(datum)),
                Some(_) | None => text.push_str(part),
            }
        }
        text
    }

    /// The datum, if the text is nothing but one.
    pub fn only(&self) -> Option<&Datum> {
        if self.text == "\u{0}0\u{0}" { self.data.first() } else { None }
    }
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTemplate {
    /// The line of the text, from 1.
    pub line: usize,
    pub message: String,
    pub hint: String,
    /// It would be wrong whatever the values are.
    pub is_certain: bool,
}

/// Renders texts with one set of values.
#[allow(missing_debug_implementations, reason = "a template environment has nothing to show")]
pub struct Renderer {
    environment: Environment<'static>,
    data: Arc<Mutex<Vec<Datum>>>,
    names: Value,
}

/// Whether there is anything to render in a text.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Renderer {
    /// With these values of `params`, `today`, `now` and `input`.
    pub fn new(names: Value) -> Self {
        let data = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&data);
        let mut environment = language::environment();
        environment.set_formatter(move |out, _: &mut State<'_, '_>, value| {
            let datum = datum(value)?;
            let mut data = noted.lock().unwrap_or_else(PoisonError::into_inner);
            let written = write!(out, "\0{}\0", data.len());
            data.push(datum);
            Ok(written?)
        });
        Self { environment, data, names }
    }

    /// Renders a text.
    pub fn render(&self, text: &str) -> Result<Rendered, BadTemplate> {
        if !is_template(text) {
            return Ok(Rendered { text: text.to_owned(), data: Vec::new() });
        }
        self.data.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // One line break at the end of a template is taken away.
        let source = if text.ends_with('\n') { format!("{text}\n") } else { text.to_owned() };
        let template = self.environment.template_from_str(&source).map_err(|error| bad(&error, text))?;
        let text = template.render(self.names.clone()).map_err(|error| bad(&error, text))?;
        let data = std::mem::take(&mut *self.data.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Rendered { text, data })
    }
}

fn datum(value: &Value) -> Result<Datum, minijinja::Error> {
    let unfit = |why: &str| minijinja::Error::new(ErrorKind::InvalidOperation, why.to_owned());
    let kind = value.kind();
    let (text, json) = if matches!(kind, ValueKind::Undefined | ValueKind::None) {
        (String::new(), Json::Null)
    } else if matches!(kind, ValueKind::String | ValueKind::Plain) {
        let text = value.to_string();
        (text.clone(), Json::String(text))
    } else {
        let json =
            serde_json::to_value(value).map_err(|error| unfit(&format!("it can't be printed: {error}")))?;
        (json.to_string(), json)
    };
    if text.contains('\0') {
        return Err(unfit(
            "a value has a NUL character, or a block or macro prints what another has made; print params themselves",
        ));
    }
    Ok(Datum { is_json_text: value.is_safe(), text, json })
}

fn bad(error: &minijinja::Error, text: &str) -> BadTemplate {
    let kind = error.kind();
    let is_certain = matches!(
        kind,
        ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::TemplateNotFound
    );
    if kind == ErrorKind::SyntaxError
        && let Some(before) = text.find("${#")
    {
        return BadTemplate {
            line: 1 + text[..before].matches('\n').count(),
            message: "`{#` begins a comment of the template, and nothing ends it".to_owned(),
            hint: "for a length in a shell write {% raw %}${#NAME}{% endraw %}".to_owned(),
            is_certain: true,
        };
    }
    let said = error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
    let hint = if kind == ErrorKind::UndefinedError && text.contains("input") {
        "give what it names (--input), or say what holds without it: {{ input.x | default(\"…\") }}"
    } else if kind == ErrorKind::UndefinedError {
        "name what is there; `default(\"…\")` says what holds without it"
    } else if kind == ErrorKind::OutOfFuel {
        "it loops for too long"
    } else {
        "templates are written as in Jinja: {{ params.name }}"
    };
    BadTemplate {
        line: error.line().unwrap_or(1),
        message: format!("template: {said}"),
        hint: hint.to_owned(),
        is_certain,
    }
}

/// What is wrong with the names in a template: each param and each other name must be known.
pub fn check_names(text: &str, params: &[String]) -> Vec<BadTemplate> {
    if !is_template(text) {
        return Vec::new();
    }
    let environment = Environment::new();
    let compiled = match environment.template_from_str(text) {
        Ok(compiled) => compiled,
        Err(error) => return vec![bad(&error, text)],
    };
    let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    names.sort();
    let line_of = |name: &str| text.lines().position(|line| line.contains(name)).map_or(1, |line| line + 1);
    let wrong = |name: &String| {
        let mut segments = name.split('.');
        let first = segments.next().unwrap_or_default();
        let (message, hint) = match (first, segments.next()) {
            ("params", Some(param)) if !params.iter().any(|known| known == param) => {
                (format!("there is no param `{param}`"), hint_of_param(param, params))
            }
            (first, _) if !NAMES.contains(&first) && !is_function(first) => {
                let known = NAMES.map(str::to_owned);
                let hint = if params.iter().any(|known| known == first) {
                    format!("write {{{{ params.{first} }}}}")
                } else {
                    suggestion::did_you_mean(first, &known, "templates may name")
                };
                (format!("there is no `{first}`"), hint)
            }
            _ => return None,
        };
        Some(BadTemplate { line: line_of(name), message, hint, is_certain: true })
    };
    names.iter().filter_map(wrong).collect()
}

/// Functions of the language.
fn is_function(name: &str) -> bool {
    matches!(name, "range" | "dict" | "namespace" | "loop")
}

fn hint_of_param(name: &str, params: &[String]) -> String {
    if params.is_empty() {
        return format!("declare it: `params:` with `{name}: {{ type: string }}`");
    }
    suggestion::did_you_mean(name, params, "its params are")
}

/// Stands for what nobody knows yet, when a definition is checked: everything can be asked of it.
#[derive(Debug)]
pub struct Anything;

impl Object for Anything {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Anything))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sample")
    }
}

/// JSON as the templates see it.
pub fn value_of(json: &Json) -> Value {
    Value::from(Serde(json))
}
