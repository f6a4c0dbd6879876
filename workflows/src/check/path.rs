//! The names in an expression: `steps.fix-tests.outputs.x` is one path. Hyphens belong to a step's id where such a step is.

use super::token::{Kind, Region, Token};

/// A name and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    pub base: &'a str,
    pub at: usize,
    /// Behind its last part.
    pub end: usize,
    pub parts: Vec<Part>,
    /// How many tokens it takes.
    pub tokens: usize,
}

/// `.name`, `["name"]` or `[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `None`: an index of a list.
    pub name: Option<String>,
    /// Where its name begins.
    pub at: usize,
    pub end: usize,
    /// It is written with hyphens, behind a dot.
    pub has_hyphen: bool,
}

/// Words of the language that are no names.
const WORDS: [&str; 14] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "recursive",
];

/// Names that templates always have.
const FUNCTIONS: [&str; 5] = ["range", "dict", "namespace", "loop", "debug"];

/// Whether this word names something.
pub fn is_word(name: &str) -> bool {
    WORDS.contains(&name)
}

/// The path that begins with the token of this number, if it is a name.
pub fn path_at<'a>(tokens: &[Token<'a>], first: usize, is_step: &dyn Fn(&str) -> bool) -> Path<'a> {
    let base = tokens[first];
    let mut path = Path { base: base.text, at: base.at, end: base.end(), parts: Vec::new(), tokens: 1 };
    while let Some(next) = tokens.get(first + path.tokens) {
        let rest = &tokens[first + path.tokens + 1..];
        let is_id = path.base == "steps" && path.parts.is_empty();
        let (part, count) = match (next.text, rest) {
            (".", [name, ..]) if name.kind == Kind::Name && is_id => dotted_id(rest, is_step),
            (".", [name, ..]) if name.kind == Kind::Name || name.kind == Kind::Number => (plain(name), 1),
            ("[", [name, close, ..]) if name.kind == Kind::Text && close.is_sign("]") => {
                let inner = name.text.get(1..name.text.len() - 1).unwrap_or_default();
                (Part { name: Some(inner.to_owned()), ..plain(name) }, 2)
            }
            ("[", [number, close, ..]) if number.kind == Kind::Number && close.is_sign("]") => {
                (Part { name: None, ..plain(number) }, 2)
            }
            _ => break,
        };
        path.end = rest[count - 1].end();
        path.parts.push(part);
        path.tokens += count + 1;
    }
    path
}

fn plain(token: &Token<'_>) -> Part {
    let name = Some(token.text.to_owned()).filter(|_| token.kind == Kind::Name);
    Part { name, at: token.at, end: token.end(), has_hyphen: false }
}

/// `a-b-c` behind `steps.`: the longest id that there is; else all of it if `a` is none either.
fn dotted_id(tokens: &[Token<'_>], is_step: &dyn Fn(&str) -> bool) -> (Part, usize) {
    let mut name = tokens[0].text.to_owned();
    let mut found = Some((name.clone(), 1)).filter(|(name, _)| is_step(name));
    let mut count = 1;
    let mut longest = (name.clone(), 1);
    while let Some([hyphen, next, ..]) = tokens.get(count..) {
        let is_joined = hyphen.is_sign("-")
            && hyphen.at == tokens[count - 1].end()
            && next.at == hyphen.end()
            && matches!(next.kind, Kind::Name | Kind::Number);
        if !is_joined {
            break;
        }
        count += 2;
        name = format!("{name}-{}", next.text);
        longest = (name.clone(), count);
        if is_step(&name) {
            found = Some((name.clone(), count));
        }
    }
    let (name, count) = found.unwrap_or(longest);
    let has_hyphen = count > 1;
    let part = Part { name: Some(name), at: tokens[0].at, end: tokens[count - 1].end(), has_hyphen };
    (part, count)
}

/// All paths of a region that aren't the names of filters, tests, arguments or what it declares itself.
pub fn paths<'a>(region: &Region<'a>, locals: &[&str], is_step: &dyn Fn(&str) -> bool) -> Vec<Path<'a>> {
    let tokens = &region.tokens;
    let mut paths = Vec::new();
    let mut number = if region.is_statement { statement_words(tokens) } else { 0 };
    while let Some(token) = tokens.get(number) {
        if token.kind != Kind::Name || is_word(token.text) || is_other(tokens, number) {
            number += 1;
            continue;
        }
        let path = path_at(tokens, number, is_step);
        number += path.tokens;
        let is_called = tokens.get(number).is_some_and(|next| next.is_sign("("));
        let is_function = FUNCTIONS.contains(&path.base) && (is_called || path.base == "loop");
        if !is_function && !locals.contains(&path.base) {
            paths.push(path);
        }
    }
    paths
}

/// How many words of a statement name the statement itself.
fn statement_words(tokens: &[Token<'_>]) -> usize {
    match tokens.first().map(|token| token.text) {
        Some("filter" | "block" | "macro" | "autoescape" | "endblock" | "raw" | "endraw") => {
            tokens.len().min(2)
        }
        Some(_) => 1,
        None => 0,
    }
}

/// The name of a filter, a test, an attribute or an argument.
fn is_other(tokens: &[Token<'_>], number: usize) -> bool {
    let before = number.checked_sub(1).map(|before| tokens[before]);
    let earlier = number.checked_sub(2).map(|earlier| tokens[earlier]);
    let after = tokens.get(number + 1);
    let is_test = before.is_some_and(|token| token.is_name("is"))
        || (before.is_some_and(|token| token.is_name("not"))
            && earlier.is_some_and(|token| token.is_name("is")));
    let is_attribute = before.is_some_and(|token| token.is_sign("|") || token.is_sign("."));
    let is_argument = after.is_some_and(|token| token.is_sign("="));
    is_test || is_attribute || is_argument
}

/// The names that a text declares itself: by `set`, `for`, `with`, `macro`.
pub fn locals<'a>(regions: &[Region<'a>]) -> Vec<&'a str> {
    let mut locals = Vec::new();
    for region in regions.iter().filter(|region| region.is_statement) {
        let names = |tokens: &[Token<'a>]| -> Vec<&'a str> {
            tokens.iter().filter(|token| token.kind == Kind::Name).map(|token| token.text).collect()
        };
        match region.tokens.split_first() {
            Some((first, rest)) if first.is_name("for") => {
                let end = rest.iter().position(|token| token.is_name("in")).unwrap_or(rest.len());
                locals.extend(names(&rest[..end]));
            }
            Some((first, rest)) if first.is_name("set") => {
                let end = rest.iter().position(|token| token.is_sign("=")).unwrap_or(rest.len());
                locals.extend(names(&rest[..end]));
            }
            Some((first, rest)) if first.is_name("macro") => locals.extend(names(rest)),
            Some((first, rest)) if first.is_name("with") => {
                let is_set = |pair: &&[Token<'a>]| pair[0].kind == Kind::Name && pair[1].is_sign("=");
                locals.extend(rest.windows(2).filter(is_set).map(|pair| pair[0].text));
            }
            Some(_) | None => {}
        }
    }
    locals
}
