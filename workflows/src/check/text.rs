//! One text with expressions: the names in it, its type, and the text as the engine evaluates it.

use std::collections::BTreeMap;

use super::infer::Infer;
use super::path;
use super::scope::{Here, Scope, Unknown};
use super::token::{self, Region};
use crate::workflow::{Kind, StepIndex};

/// So many unknown names of one text are told.
const UNKNOWN_MAX: usize = 20;

/// What a text has turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// With ids that have hyphens in brackets: `steps["fix-tests"]`.
    pub text: String,
    pub kind: Kind,
    /// The steps that it names, and where first, in bytes of the text.
    pub steps: BTreeMap<StepIndex, usize>,
    /// At most [`UNKNOWN_MAX`].
    pub unknown: Vec<Unknown>,
}

/// Whether there is anything to evaluate in it.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Checks a text.
pub fn check(text: &str, scope: &Scope, here: Here<'_>) -> Checked {
    let mut checked =
        Checked { text: text.to_owned(), kind: Kind::String, steps: BTreeMap::new(), unknown: Vec::new() };
    if !is_template(text) {
        return checked;
    }
    let regions = token::regions(text);
    let locals = path::locals(&regions);
    let is_step = |id: &str| scope.is_step(id);
    let mut changes = Vec::new();
    let mut is_raw = false;
    for region in &regions {
        let first = region.tokens.first();
        if region.is_statement && first.is_some_and(|token| token.is_name("endraw")) {
            is_raw = false;
        }
        if is_raw {
            continue;
        }
        is_raw = region.is_statement && first.is_some_and(|token| token.is_name("raw"));
        for path in path::paths(region, &locals, &is_step) {
            if checked.unknown.len() < UNKNOWN_MAX {
                checked.unknown.extend(scope.kind(here, &path).err());
            }
            let Some(part) = path.parts.first().filter(|_| path.base == "steps") else { continue };
            let Some(name) = &part.name else { continue };
            if let Some(index) = scope.steps.get(name) {
                checked.steps.entry(*index).or_insert(part.at);
            }
            if part.has_hyphen {
                // From the dot on.
                changes.push((path.at + path.base.len(), part.end, format!("[\"{name}\"]")));
            }
        }
    }
    checked.kind = kind(text, &regions, scope, here, &locals);
    for (start, end, by) in changes.into_iter().rev() {
        checked.text.replace_range(start..end, &by);
    }
    checked
}

/// The type that a text comes to: of one that is nothing but an expression, that one's.
fn kind(text: &str, regions: &[Region<'_>], scope: &Scope, here: Here<'_>, locals: &[&str]) -> Kind {
    let [region] = regions else { return Kind::String };
    let is_whole = text[..region.span.0].trim().is_empty() && text[region.span.1..].trim().is_empty();
    if !is_whole || region.is_statement {
        return Kind::String;
    }
    let is_step = |id: &str| scope.is_step(id);
    let known = |path: &path::Path<'_>| match locals.contains(&path.base) {
        true => Kind::Any,
        false => scope.kind(here, path).unwrap_or(Kind::Any),
    };
    Infer::new(&region.tokens, &is_step, &known).kind()
}
