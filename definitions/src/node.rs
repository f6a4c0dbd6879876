//! A YAML document as a tree in which everything knows where it stands.
//!
//! YAML 1.2's core schema: `yes` and `on` are texts. Aliases are copied, and how much of that may happen is bounded; tags other
//! than those of the core schema, and keys that are given twice, are refused.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::problem::{At, Problem};

/// The most values of a document, copies included.
const VALUES_MAX: usize = 20_000;
/// How deep they may lie in each other.
const DEPTH_MAX: usize = 50;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub at: At,
    /// A number or a boolean as it is written: `1.10` is a version too.
    pub raw: Option<String>,
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub at: At,
    pub name: String,
}

impl Node {
    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "true or false",
            Content::Number(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(is) => Value::Bool(*is),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(nodes) => Value::Array(nodes.iter().map(Node::json).collect()),
            Content::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.name.clone(), node.json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The place of the value under that key, dotted; of the nearest that is there.
    pub fn place_of(&self, path: &str) -> At {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let inner = match &self.content {
            Content::Map(entries) => entries.iter().find(|(key, _)| key.name == first).map(|(_, node)| node),
            Content::List(nodes) => first.parse().ok().and_then(|index: usize| nodes.get(index)),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => None,
        };
        match inner {
            Some(node) if rest.is_empty() => node.at,
            Some(node) => node.place_of(rest),
            None => self.at,
        }
    }
}

/// Reads a document.
pub fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    parse_up_to(text, VALUES_MAX)
}

/// Reads a document of that many values at most, copies included.
pub fn parse_up_to(text: &str, values_max: usize) -> Result<Node, Vec<Problem>> {
    let mut builder = Builder {
        values_max,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        count: 0,
        problems: Vec::new(),
    };
    match builder.document() {
        Ok(node) if builder.problems.is_empty() => Ok(node),
        Ok(_) => Err(builder.problems),
        Err(stopped) => {
            builder.problems.push(stopped);
            Err(builder.problems)
        }
    }
}

struct Builder<'a> {
    values_max: usize,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    count: usize,
    problems: Vec<Problem>,
}

fn at(span: Span) -> At {
    At { line: span.start.line().max(1), column: span.start.col() + 1 }
}

fn key_of(key: Node) -> Result<Key, Problem> {
    let name = match key.content {
        Content::Text(text) => text,
        Content::Number(number) => number.to_string(),
        Content::Bool(is) => is.to_string(),
        Content::Null => "null".to_owned(),
        Content::List(_) | Content::Map(_) => {
            return Err(Problem::new(
                key.at,
                "a key must be a word",
                "a text that begins with `{{` needs quotes around it: \"{{ params.x }}\"",
            ));
        }
    };
    Ok(Key { at: key.at, name })
}

impl Builder<'_> {
    fn next(&mut self) -> Result<(Event<'static>, Span), Problem> {
        let gone = At { line: 1, column: 1 };
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), span)),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = At { line: mark.line().max(1), column: mark.col() + 1 };
                Err(Problem::new(at, format!("not YAML: {}", error.info()), HINT_SYNTAX))
            }
            None => Err(Problem::new(gone, "the file ends too early", HINT_SYNTAX)),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        let nothing = |span| Node { at: at(span), raw: None, content: Content::Null };
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => return Ok(nothing(span)),
                Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                    let node = self.node((event, span), 0)?;
                    self.refuse_second()?;
                    return Ok(node);
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    return Err(Problem::new(at(span), "not YAML", HINT_SYNTAX));
                }
            }
        }
    }

    fn refuse_second(&mut self) -> Result<(), Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    let why = "a second document begins here";
                    return Err(Problem::new(at(span), why, "write one definition a file"));
                }
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentEnd
                | Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {}
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'static>, Span), depth: usize) -> Result<Node, Problem> {
        self.count += 1;
        let at = at(span);
        if self.count > self.values_max || depth > DEPTH_MAX {
            return Err(Problem::new(at, "the file is too large or too deep", "make several files of it"));
        }
        let mut raw = None;
        let (content, anchor) = match event {
            Event::Alias(id) => return self.copy(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                raw = Some(text.to_string());
                (self.scalar(&text, style, (tag.as_deref(), at)), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                (self.map(depth)?, anchor)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(Problem::new(at, "not YAML", HINT_SYNTAX)),
        };
        let node = Node { at, raw, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn copy(&mut self, id: usize, at: At) -> Result<Node, Problem> {
        let unknown =
            || Problem::new(at, "it refers to what is not there", "define the anchor before it: &name");
        let node = self.anchors.get(&id).cloned().ok_or_else(unknown)?;
        self.count += size(&node);
        if self.count > self.values_max {
            return Err(Problem::new(at, "the file is too large", "write less by reference"));
        }
        Ok(Node { at, ..node })
    }

    fn list(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut nodes = Vec::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::SequenceEnd) {
                return Ok(Content::List(nodes));
            }
            nodes.push(self.node(next, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        // By name: where it was given first.
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::MappingEnd) {
                return Ok(Content::Map(entries));
            }
            let key = self.node(next, depth + 1)?;
            let key = key_of(key)?;
            let next = self.next()?;
            let node = self.node(next, depth + 1)?;
            if let Some(first) = lines.get(&key.name) {
                let message = format!("`{}` is here for the second time", key.name);
                let hint = format!("the first one is in line {first}; keep one of them");
                self.problems.push(Problem::new(key.at, message, hint));
            } else {
                lines.insert(key.name.clone(), key.at.line);
                entries.push((key, node));
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, (tag, at): (Option<&Tag>, At)) -> Content {
        if text.contains('\0') {
            let hint = "no program can be given one; leave it out";
            self.problems.push(Problem::new(at, "the text has a NUL character", hint));
        }
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                return Content::Text(text.to_owned());
            }
            Some(tag) if tag.is_yaml_core_schema() => {}
            Some(_) => self.refuse_tag(tag, at),
            None => {}
        }
        if style == ScalarStyle::Plain { plain(text) } else { Content::Text(text.to_owned()) }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, at: At) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let message = format!("the tag `{tag}` means nothing here");
            self.problems.push(Problem::new(at, message, "leave it out; a text can be put into quotes"));
        }
    }
}

const HINT_SYNTAX: &str =
    "docs/definitions.md shows how a definition is written; a text with `: `, `#` or `{{` in it needs quotes";

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => 1,
        Content::List(nodes) => 1 + nodes.iter().map(size).sum::<usize>(),
        Content::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn owned(event: Event<'_>) -> Event<'static> {
    let keep =
        |tag: Option<std::borrow::Cow<'_, Tag>>| tag.map(|tag| std::borrow::Cow::Owned(tag.into_owned()));
    match event {
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(is) => Event::DocumentStart(is),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(id) => Event::Alias(id),
        Event::Scalar(text, style, id, tag) => Event::Scalar(text.into_owned().into(), style, id, keep(tag)),
        Event::SequenceStart(id, tag) => Event::SequenceStart(id, keep(tag)),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingStart(id, tag) => Event::MappingStart(id, keep(tag)),
        Event::MappingEnd => Event::MappingEnd,
    }
}

/// A text without quotes, by the core schema (YAML 1.2.2, 10.3.2).
fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" => return Content::Bool(true),
        "false" | "False" | "FALSE" => return Content::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Content::Text(text.to_owned()), Content::Number)
}

fn number(text: &str) -> Option<Number> {
    let radix =
        |digits: Option<&str>, radix| digits.and_then(|digits| u64::from_str_radix(digits, radix).ok());
    if let Some(number) = radix(text.strip_prefix("0x"), 16).or_else(|| radix(text.strip_prefix("0o"), 8)) {
        return Some(number.into());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_integer = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer {
        let text = text.strip_prefix('+').unwrap_or(text);
        let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        return whole.ok().or_else(|| Number::from_f64(text.parse().ok()?));
    }
    let is_float = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|byte| byte.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if is_float { Number::from_f64(text.parse().ok()?) } else { None }
}
