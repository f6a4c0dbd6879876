//! The type that an expression comes to, as far as that can be told from its words.

use super::path::{self, Path};
use super::token::{Kind as Word, Token};
use crate::workflow::Kind;

/// How deep an expression is followed.
const DEPTH_MAX: usize = 40;

/// Infers types. `known` gives the type of a path.
#[allow(missing_debug_implementations, reason = "it holds functions")]
pub struct Infer<'a, 't> {
    pub tokens: &'t [Token<'a>],
    pub is_step: &'t dyn Fn(&str) -> bool,
    pub known: &'t dyn Fn(&Path<'a>) -> Kind,
    at: usize,
    depth: usize,
}

impl<'a, 't> Infer<'a, 't> {
    pub fn new(
        tokens: &'t [Token<'a>],
        is_step: &'t dyn Fn(&str) -> bool,
        known: &'t dyn Fn(&Path<'a>) -> Kind,
    ) -> Self {
        Self { tokens, is_step, known, at: 0, depth: 0 }
    }

    /// The type of the whole; anything if some of it isn't understood.
    pub fn kind(mut self) -> Kind {
        let kind = self.ternary();
        if self.at == self.tokens.len() { kind } else { Kind::Any }
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let is = self.tokens.get(self.at).is_some_and(|token| token.is_name(name));
        self.at += usize::from(is);
        is
    }

    fn takes_sign(&mut self, signs: &[&str]) -> bool {
        let is = self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.kind == Word::Sign && signs.contains(&token.text));
        self.at += usize::from(is);
        is
    }

    fn ternary(&mut self) -> Kind {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            self.at = self.tokens.len() + 1;
            return Kind::Any;
        }
        let mut kind = self.either();
        if self.takes_name("if") {
            self.either();
            kind = if self.takes_name("else") { kind.or(self.ternary()) } else { Kind::Any };
        }
        self.depth -= 1;
        kind
    }

    fn either(&mut self) -> Kind {
        let mut kind = self.both();
        while self.takes_name("or") {
            kind = kind.or(self.both());
        }
        kind
    }

    fn both(&mut self) -> Kind {
        let mut kind = self.negation();
        while self.takes_name("and") {
            kind = kind.or(self.negation());
        }
        kind
    }

    fn negation(&mut self) -> Kind {
        let mut is_negated = false;
        while self.takes_name("not") {
            is_negated = true;
        }
        let kind = self.comparison();
        if is_negated { Kind::Boolean } else { kind }
    }

    fn comparison(&mut self) -> Kind {
        let mut kind = self.sum();
        loop {
            let is_not_in = self.tokens.get(self.at).is_some_and(|token| token.is_name("not"))
                && self.tokens.get(self.at + 1).is_some_and(|token| token.is_name("in"));
            if is_not_in {
                self.at += 2;
            } else if !(self.takes_sign(&["==", "!=", "<", "<=", ">", ">="]) || self.takes_name("in")) {
                return kind;
            }
            self.sum();
            kind = Kind::Boolean;
        }
    }

    fn sum(&mut self) -> Kind {
        let mut kind = self.value();
        loop {
            if self.takes_sign(&["~"]) {
                self.value();
                kind = Kind::String;
            } else if self.takes_sign(&["+"]) {
                kind = added(&kind, &self.value());
            } else if self.takes_sign(&["-", "*", "/", "//", "%", "**"]) {
                self.value();
                kind = if matches!(kind, Kind::Integer | Kind::Number) { Kind::Number } else { Kind::Any };
            } else {
                return kind;
            }
        }
    }

    fn value(&mut self) -> Kind {
        let is_signed = self.takes_sign(&["-", "+"]);
        let mut kind = self.primary();
        loop {
            if self.takes_sign(&["|"]) {
                let name = self.tokens.get(self.at).map_or("", |token| token.text);
                self.at += 1;
                self.arguments();
                kind = filtered(name, &kind);
            } else if self.takes_name("is") {
                self.takes_name("not");
                self.at += 1;
                self.arguments();
                kind = Kind::Boolean;
            } else if self.tokens.get(self.at).is_some_and(|token| token.is_sign("(")) {
                self.arguments();
                kind = Kind::Any;
            } else if self.tokens.get(self.at).is_some_and(|token| token.is_sign("[")) {
                self.skip("[", "]");
                kind = Kind::Any;
            } else if self.takes_sign(&["."]) {
                self.at += 1;
                kind = Kind::Any;
            } else {
                return if is_signed && kind == Kind::Any { Kind::Number } else { kind };
            }
        }
    }

    fn arguments(&mut self) {
        if self.tokens.get(self.at).is_some_and(|token| token.is_sign("(")) {
            self.skip("(", ")");
        }
    }

    /// Goes behind the sign that closes the present one.
    fn skip(&mut self, open: &str, close: &str) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            depth += usize::from(token.is_sign(open));
            if token.is_sign(close) {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    fn primary(&mut self) -> Kind {
        let Some(token) = self.tokens.get(self.at).copied() else { return Kind::Any };
        match token.kind {
            Word::Text => self.next(Kind::String),
            Word::Number => {
                let is_float = token.text.contains('.') || token.text.to_lowercase().contains('e');
                self.next(if is_float { Kind::Number } else { Kind::Integer })
            }
            Word::Name if matches!(token.text, "true" | "false" | "True" | "False") => {
                self.next(Kind::Boolean)
            }
            Word::Name if path::is_word(token.text) => self.next(Kind::Any),
            Word::Name => {
                let path = path::path_at(self.tokens, self.at, self.is_step);
                self.at += path.tokens;
                (self.known)(&path)
            }
            Word::Sign if token.text == "(" => {
                self.at += 1;
                let kind = self.ternary();
                if self.takes_sign(&[")"]) {
                    return kind;
                }
                // A tuple, or what isn't the language.
                self.at = self.tokens.len() + 1;
                Kind::Any
            }
            Word::Sign if token.text == "[" => {
                self.skip("[", "]");
                Kind::Array(Box::new(Kind::Any))
            }
            Word::Sign if token.text == "{" => {
                self.skip("{", "}");
                Kind::Object(std::collections::BTreeMap::new())
            }
            Word::Sign => {
                self.at = self.tokens.len() + 1;
                Kind::Any
            }
        }
    }

    fn next(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }
}

fn added(one: &Kind, other: &Kind) -> Kind {
    match (one, other) {
        (Kind::String, Kind::String) => Kind::String,
        (Kind::Integer, Kind::Integer) => Kind::Integer,
        (Kind::Integer | Kind::Number, Kind::Integer | Kind::Number) => Kind::Number,
        _ => Kind::Any,
    }
}

/// What a filter makes of a value.
fn filtered(name: &str, of: &Kind) -> Kind {
    match name {
        "length" | "count" | "int" => Kind::Integer,
        "float" => Kind::Number,
        "string" | "upper" | "lower" | "trim" | "join" | "replace" | "title" | "capitalize" | "tojson" => {
            Kind::String
        }
        "bool" => Kind::Boolean,
        "list" | "split" | "lines" | "sort" | "unique" | "map" | "select" | "reject" | "selectattr"
        | "rejectattr" => Kind::Array(Box::new(Kind::Any)),
        "round" | "abs" => of.clone().or(Kind::Number),
        _ => Kind::Any,
    }
}
