//! What expressions may name, and of which type it is.

use std::collections::{BTreeMap, HashMap};

use agents_definitions::suggestion;

use super::path::{Part, Path};
use crate::workflow::{Kind, StepIndex};

/// What there is in a whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// `None`: an action of a module, which is told by its inputs.
    pub params: Option<BTreeMap<String, Kind>>,
    pub steps: HashMap<String, StepIndex>,
    /// By step. `None`: it may put out anything.
    pub outputs: Vec<Option<BTreeMap<String, Kind>>>,
}

/// What there is besides in one place of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Here<'a> {
    /// Names of loops around it.
    pub locals: &'a [(String, Kind)],
    /// `None`: there are no inputs here.
    pub inputs: Option<&'a BTreeMap<String, Kind>>,
    /// Whether it looks at what a step has answered.
    pub has_answer: bool,
}

/// A name that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// In bytes of the text.
    pub at: usize,
    pub message: String,
    pub hint: String,
}

/// Among so many steps one is looked for that may have been meant.
pub const NAMED_MAX: usize = 500;

const STEP: [&str; 3] = ["outputs", "status", "error"];

fn object(fields: &[(&str, Kind)]) -> Kind {
    Kind::Object(fields.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect())
}

/// The type of an error.
fn error() -> Kind {
    object(&[
        ("message", Kind::String),
        ("class", Kind::String),
        ("step", Kind::String),
        ("attempt", Kind::Integer),
        ("tail", Kind::String),
        ("input", Kind::Any),
    ])
}

impl Scope {
    /// Whether there is such a step.
    pub fn is_step(&self, id: &str) -> bool {
        self.steps.contains_key(id)
    }

    /// The type of what a path names.
    pub fn kind(&self, here: Here<'_>, path: &Path<'_>) -> Result<Kind, Unknown> {
        let unknown = |message: String, hint: String| Unknown { at: path.at, message, hint };
        if let Some((_, kind)) = here.locals.iter().rev().find(|(name, _)| name == path.base) {
            return inside(kind, path, 0);
        }
        match (path.base, &self.params) {
            ("steps", Some(_)) => return self.step(path),
            ("params", Some(params)) => {
                return named(params, path, ("param", "its params are"), &|name| {
                    format!("declare it: `params:` with `{name}: {{ type: string }}`")
                });
            }
            ("trigger", Some(params)) => return trigger(params, path),
            ("params" | "steps" | "trigger", None) => {
                let hint = "an action is told by its inputs: declare one, and name it as inputs.x";
                return Err(unknown(format!("an action knows no `{}`", path.base), hint.to_owned()));
            }
            _ => {}
        }
        match (path.base, here.inputs) {
            ("inputs", Some(inputs)) => named(inputs, path, ("input", "its inputs are"), &|name| {
                format!("declare it: `inputs:` with `{name}`")
            }),
            ("inputs", None) => Err(unknown(
                "there are no inputs here".to_owned(),
                "only what a worker is told may name the inputs of its step; name params or steps here"
                    .to_owned(),
            )),
            ("answer", _) if here.has_answer => Ok(Kind::Any),
            ("answer", _) => Err(unknown(
                "there is no `answer` here".to_owned(),
                "declare an output, value: \"{{ answer }}\", and name it as steps.….outputs.…".to_owned(),
            )),
            ("today" | "now", _) => inside(&Kind::String, path, 0),
            ("input", _) => Ok(Kind::Any),
            ("error", _) => inside(&error(), path, 0),
            ("run", _) => exactly(&object(&[("id", Kind::String), ("startedAt", Kind::String)]), path),
            ("workflow", _) => exactly(
                &object(&[
                    ("id", Kind::String),
                    ("name", Kind::String),
                    ("version", Kind::String),
                    ("status", Kind::String),
                    ("error", error()),
                ]),
                path,
            ),
            (base, _) => Err(self.no_name(here, path, base)),
        }
    }

    fn no_name(&self, here: Here<'_>, path: &Path<'_>, base: &str) -> Unknown {
        let message = format!("there is no `{base}`");
        let hint = if self.params.as_ref().is_some_and(|params| params.contains_key(base)) {
            format!("write {{{{ params.{base} }}}}")
        } else if here.inputs.is_some_and(|inputs| inputs.contains_key(base)) {
            format!("write {{{{ inputs.{base} }}}}")
        } else if self.is_step(base) {
            format!("write {{{{ steps.{base}.outputs.… }}}}")
        } else {
            let mut known: Vec<String> = here.locals.iter().map(|(name, _)| name.clone()).collect();
            let common = ["trigger", "run", "workflow", "error", "input", "today", "now"];
            let own: &[&str] = if self.params.is_some() { &["params", "steps"] } else { &[] };
            known.extend(
                own.iter()
                    .chain(&common)
                    .filter(|name| own.len() == 2 || **name != "trigger")
                    .map(|name| (*name).to_owned()),
            );
            known.extend(here.inputs.map(|_| "inputs".to_owned()));
            known.extend(here.has_answer.then(|| "answer".to_owned()));
            suggestion::did_you_mean(base, &known, "expressions may name")
        };
        Unknown { at: path.at, message, hint }
    }

    fn step(&self, path: &Path<'_>) -> Result<Kind, Unknown> {
        let Some((part, name)) = part(path, 0) else { return Ok(Kind::Any) };
        let Some(index) = self.steps.get(name) else {
            let mut known: Vec<String> = self.steps.keys().cloned().collect();
            known.sort();
            known.truncate(NAMED_MAX);
            let hint = suggestion::did_you_mean(name, &known, "its steps are");
            return Err(Unknown { at: part.at, message: format!("there is no step `{name}`"), hint });
        };
        let Some((part, what)) = self::part(path, 1) else { return Ok(Kind::Any) };
        match what {
            "outputs" => {}
            "status" => return inside(&Kind::String, path, 2),
            "error" => return inside(&error(), path, 2),
            other => {
                let outputs = self.outputs.get(*index).and_then(Option::as_ref);
                let hint = if outputs.is_some_and(|outputs| outputs.contains_key(other)) {
                    format!("write steps.{name}.outputs.{other}")
                } else {
                    suggestion::did_you_mean(other, &STEP.map(str::to_owned), "a step has")
                };
                return Err(Unknown { at: part.at, message: format!("a step has no `{other}`"), hint });
            }
        }
        let Some(outputs) = self.outputs.get(*index).and_then(Option::as_ref) else { return Ok(Kind::Any) };
        let Some((part, output)) = self::part(path, 2) else { return Ok(Kind::Object(outputs.clone())) };
        let Some(kind) = outputs.get(output) else {
            let known: Vec<String> = outputs.keys().cloned().collect();
            let hint = match known.is_empty() {
                true => format!("declare it there: `outputs:` with `- name: {output}`"),
                false => suggestion::did_you_mean(output, &known, "its outputs are"),
            };
            let message = format!("step `{name}` has no output `{output}`");
            return Err(Unknown { at: part.at, message, hint });
        };
        inside(kind, path, 3)
    }
}

fn part<'p>(path: &'p Path<'_>, number: usize) -> Option<(&'p Part, &'p str)> {
    let part = path.parts.get(number)?;
    Some((part, part.name.as_deref()?))
}

/// One of these, and what is inside of it.
fn named(
    known: &BTreeMap<String, Kind>,
    path: &Path<'_>,
    (what, all): (&str, &str),
    declare: &dyn Fn(&str) -> String,
) -> Result<Kind, Unknown> {
    let Some((part, name)) = part(path, 0) else { return Ok(Kind::Object(known.clone())) };
    if let Some(kind) = known.get(name) {
        return inside(kind, path, 1);
    }
    let names: Vec<String> = known.keys().cloned().collect();
    let hint = if names.is_empty() { declare(name) } else { suggestion::did_you_mean(name, &names, all) };
    Err(Unknown { at: part.at, message: format!("there is no {what} `{name}`"), hint })
}

fn trigger(params: &BTreeMap<String, Kind>, path: &Path<'_>) -> Result<Kind, Unknown> {
    let mut known = params.clone();
    known.entry("type".to_owned()).or_insert(Kind::String);
    known.entry("input".to_owned()).or_insert(Kind::Any);
    named(&known, path, ("param", "a trigger has"), &|_| String::new())
}

/// What is inside of a value of that type. Objects may have more than is declared of them, unless it looks like a typing error.
fn inside(kind: &Kind, path: &Path<'_>, from: usize) -> Result<Kind, Unknown> {
    let Some(part) = path.parts.get(from) else { return Ok(kind.clone()) };
    let wrong = |message: String, hint: String| Err(Unknown { at: part.at, message, hint });
    match (kind, &part.name) {
        (Kind::Any, _) => Ok(Kind::Any),
        (Kind::Array(of), None) => inside(of, path, from + 1),
        (Kind::Object(fields), Some(name)) => match fields.get(name) {
            Some(kind) => inside(kind, path, from + 1),
            None => {
                let known: Vec<String> = fields.keys().cloned().collect();
                match suggestion::nearest(name, &known) {
                    Some(meant) => {
                        wrong(format!("nothing here is called `{name}`"), format!("did you mean `{meant}`?"))
                    }
                    None => Ok(Kind::Any),
                }
            }
        },
        (Kind::Object(_), None) => Ok(Kind::Any),
        (Kind::Array(_), Some(name)) => wrong(
            format!("a list has no `{name}`"),
            "name one of its elements: [0], or use forEach".to_owned(),
        ),
        (Kind::String | Kind::Number | Kind::Integer | Kind::Boolean, name) => {
            let asked = name.as_ref().map_or("elements".to_owned(), |name| format!("`{name}`"));
            if *kind == Kind::String && name.is_none() {
                return Ok(Kind::String);
            }
            wrong(
                format!("this is declared as {kind}, which has no {asked}"),
                "name it as it is, or declare it as an object with properties".to_owned(),
            )
        }
    }
}

/// As `inside`, of an object that has nothing else.
fn exactly(kind: &Kind, path: &Path<'_>) -> Result<Kind, Unknown> {
    if let (Kind::Object(fields), Some((part, name))) = (kind, part(path, 0))
        && !fields.contains_key(name)
    {
        let known: Vec<String> = fields.keys().cloned().collect();
        let hint = suggestion::did_you_mean(name, &known, "it has");
        return Err(Unknown { at: part.at, message: format!("`{}` has no `{name}`", path.base), hint });
    }
    inside(kind, path, 0)
}
