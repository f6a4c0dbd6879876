//! Declared values: inputs of actions, outputs of actions and steps, and their types.

use std::collections::BTreeMap;

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::{At, suggestion};
use agents_domain::secret;
use regex::Regex;

use super::sheet::Sheet;
use crate::check::kind;
use crate::check::scope::Here;
use crate::workflow::{Field, From, Kind, Output};

/// The longest regular expression that is made ready, in bytes of memory.
const REGEX_BYTES_MAX: usize = 1 << 20;

pub(crate) const FIELD_KEYS: [&str; 7] =
    ["name", "type", "description", "required", "default", "properties", "items"];
pub(crate) const OUTPUT_KEYS: [&str; 10] =
    ["name", "type", "description", "required", "default", "properties", "items", "regex", "text", "value"];

/// A declared value as it stands in the file.
struct Declared<'n> {
    name: String,
    at: At,
    entries: &'n [(Key, Node)],
    /// `name: type`, the short form.
    kind: Option<&'n Node>,
}

/// A declared output, and where.
pub struct ReadOutput<'n> {
    pub at: At,
    pub output: Output,
    /// An expression, to be checked when all names are known.
    pub value: Option<&'n Node>,
}

impl Sheet<'_> {
    /// The inputs that an action declares.
    pub fn inputs(&mut self, node: &Node) -> Vec<Field> {
        let declared = self.declared(node, "inputs");
        declared.iter().map(|declared| self.field(declared, &FIELD_KEYS, false)).collect()
    }

    /// The outputs that an action or a step declares.
    pub fn outputs<'n>(&mut self, node: &'n Node) -> Vec<ReadOutput<'n>> {
        let declared = self.declared(node, "outputs");
        declared.iter().map(|declared| self.output(declared)).collect()
    }

    /// By a list with names, or by name.
    fn declared<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Declared<'n>> {
        let mut declared: Vec<Declared<'n>> = Vec::new();
        if let Content::List(nodes) = &node.content {
            for node in nodes {
                let entries = self.parts.entries(node, what);
                match entries.iter().find(|(key, _)| key.name == "name") {
                    Some((_, name)) => {
                        let text = self.parts.text(name, "name");
                        declared.extend(text.map(|text| Declared {
                            name: text,
                            at: name.at,
                            entries,
                            kind: None,
                        }));
                    }
                    None => self.problem(node.at, format!("one of the {what} has no name"), "add - name: …"),
                }
            }
        } else {
            for (key, node) in self.parts.entries(node, what) {
                let (entries, kind) = match &node.content {
                    Content::Map(entries) => (entries.as_slice(), None),
                    Content::Null => ([].as_slice(), None),
                    Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                        ([].as_slice(), Some(node))
                    }
                };
                declared.push(Declared { name: key.name.clone(), at: key.at, entries, kind });
            }
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for one in &declared {
            if !secret::is_variable(&one.name) {
                let message = format!("`{}` can't be the name of one of the {what}", one.name);
                self.problem(one.at, message, "use letters, digits and `_`, so that expressions can name it");
            }
            if let Some(line) = seen.insert(one.name.clone(), one.at.line) {
                let message = format!("`{}` is declared for the second time", one.name);
                self.problem(one.at, message, format!("the first one is in line {line}; keep one of them"));
            }
        }
        declared
    }

    fn field(&mut self, declared: &Declared<'_>, known: &[&str], is_required: bool) -> Field {
        let mut field = Field {
            name: declared.name.clone(),
            kind: Kind::Any,
            description: None,
            is_required,
            default: None,
        };
        if let Some(node) = declared.kind {
            field.kind = self.kind(node);
        }
        let mut default_at = None;
        for (key, node) in declared.entries {
            match key.name.as_str() {
                "name" if known.contains(&"name") => {}
                "type" => field.kind = self.typed(node, declared.entries),
                "description" => field.description = self.parts.text(node, "description"),
                "required" => field.is_required = self.flag(node, "required").unwrap_or(is_required),
                "default" => default_at = Some(node),
                other if known.contains(&other) => {}
                _ => self.unknown(key, known),
            }
        }
        if let Some(node) = default_at {
            let value = node.json();
            if !Kind::of(&value).may_be(&field.kind) {
                let message = format!("the default doesn't fit: `{}` is {}", field.name, field.kind);
                self.problem(node.at, message, "correct it, or the type");
            }
            field.default = Some(value);
            // A default is there when nothing else is.
            field.is_required = false;
        }
        field
    }

    /// A type and what stands beside it.
    fn typed(&mut self, node: &Node, entries: &[(Key, Node)]) -> Kind {
        let beside = |name: &str| entries.iter().find(|(key, _)| key.name == name);
        let kind = self.kind(node);
        match kind {
            Kind::Object(_) => match beside("properties") {
                Some((_, node)) => Kind::Object(self.properties(node)),
                None => kind,
            },
            Kind::Array(_) => match beside("items") {
                Some((_, node)) => Kind::Array(Box::new(self.kind(node))),
                None => kind,
            },
            Kind::Any | Kind::String | Kind::Number | Kind::Integer | Kind::Boolean => {
                for (name, of) in [("properties", "object"), ("items", "array")] {
                    if let Some((key, _)) = beside(name) {
                        let message = format!("{kind} has no `{name}`");
                        self.problem(key.at, message, format!("write type: {of}, or leave it out"));
                    }
                }
                kind
            }
        }
    }

    fn properties(&mut self, node: &Node) -> BTreeMap<String, Kind> {
        let entries = self.parts.entries(node, "properties");
        entries.iter().map(|(key, node)| (key.name.clone(), self.kind(node))).collect()
    }

    /// A type: its name, or a map with more about it.
    fn kind(&mut self, node: &Node) -> Kind {
        if let Content::Map(entries) = &node.content {
            for (key, _) in entries {
                if !FIELD_KEYS.contains(&key.name.as_str()) {
                    self.unknown(key, &["type", "description", "properties", "items"]);
                }
            }
            return match entries.iter().find(|(key, _)| key.name == "type") {
                Some((_, node)) => self.typed(node, entries),
                None => Kind::Any,
            };
        }
        let Some(name) = self.parts.text(node, "type") else { return Kind::Any };
        Kind::from_name(&name).unwrap_or_else(|| {
            let known = kind::NAMES.map(str::to_owned);
            let hint = suggestion::did_you_mean(&name, &known, "types are");
            self.problem(node.at, format!("`type` can't be `{name}`"), hint);
            Kind::Any
        })
    }

    fn output<'n>(&mut self, declared: &Declared<'n>) -> ReadOutput<'n> {
        let field = self.field(declared, &OUTPUT_KEYS, true);
        let mut output = Output { field, from: From::Answer };
        let (mut value, mut source) = (None, None);
        for (key, node) in declared.entries {
            let from = match key.name.as_str() {
                "regex" => self.regex(node).map(From::Regex),
                "text" => self.flag(node, "text").filter(|is| *is).map(|_| From::Text),
                "value" => {
                    value = Some(node);
                    Some(From::Expression(String::new()))
                }
                _ => continue,
            };
            if let Some(first) = source.replace(key.name.as_str()) {
                let message = format!("it comes from `{first}` already");
                self.problem(key.at, message, "an output has one source: keep one of the two");
            }
            output.from = from.unwrap_or(output.from);
        }
        let is_text = matches!(output.from, From::Text);
        if is_text && !Kind::String.may_be(&output.field.kind) {
            let message = format!("`text: true` gives a text, and this is declared as {}", output.field.kind);
            self.problem(declared.at, message, "write type: string, or take it from the answer or a regex");
        }
        if matches!((&output.from, &output.field.kind), (From::Regex(_), Kind::Object(_) | Kind::Array(_))) {
            let message = format!("a regular expression gives no {}", output.field.kind.as_str());
            self.problem(declared.at, message, "let the worker answer with JSON, or declare a string");
        }
        ReadOutput { at: declared.at, output, value }
    }

    fn regex(&mut self, node: &Node) -> Option<String> {
        let text = self.parts.text(node, "regex")?;
        match regex::RegexBuilder::new(&text).size_limit(REGEX_BYTES_MAX).build() {
            Ok(regex) => Some(Regex::as_str(&regex).to_owned()),
            Err(error) => {
                let said = error.to_string();
                let last = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let hint = "it is written as in Rust's regex: no look-around, no back references";
                self.problem(node.at, format!("no regular expression: {last}"), hint);
                None
            }
        }
    }

    /// Checks the expression of an output, and that its type fits.
    pub fn output_value(&mut self, read: ReadOutput<'_>, here: Here<'_>) -> Output {
        let mut output = read.output;
        if let Some(node) = read.value
            && let Some((text, kind)) = self.expression(node, "value", Here { has_answer: true, ..here })
        {
            self.fit(node.at, &output.field, &kind);
            output.from = From::Expression(text);
        }
        output
    }

    /// Says so if a value of that type can't be what is declared.
    pub fn fit(&mut self, at: At, field: &Field, kind: &Kind) {
        if kind.may_be(&field.kind) {
            return;
        }
        let message = format!("`{}` is declared as {}, and this is {kind}", field.name, field.kind);
        let hint = match (&field.kind, kind) {
            (Kind::String, _) => "make a text of it: \"{{ … | tojson }}\", or declare the other type",
            (Kind::Number | Kind::Integer, Kind::String) => "make a number of it: \"{{ … | int }}\"",
            (_, Kind::String) => "give the value itself: one expression and nothing around it",
            _ => "give another value, or declare the other type",
        };
        self.problem(at, message, hint);
    }
}
