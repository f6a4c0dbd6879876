//! Writes a definition as YAML that people like to read: keys in our order, long texts as blocks.

use serde_json::Value;

/// A value that is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// A number, a boolean, or JSON on one line.
    Bare(String),
    Text(String),
    List(Vec<Yaml>),
    Map(Entries),
}

/// Keys and values in their order.
pub type Entries = Vec<(String, Yaml)>;

impl From<&Value> for Yaml {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Yaml::Bare(value.to_string()),
            Value::String(text) => Yaml::Text(text.clone()),
            Value::Array(values) => Yaml::List(values.iter().map(Yaml::from).collect()),
            Value::Object(fields) => {
                Yaml::Map(fields.iter().map(|(key, value)| (key.clone(), Yaml::from(value))).collect())
            }
        }
    }
}

/// A text.
pub fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

/// The document of these entries.
pub fn write(entries: &Entries) -> String {
    let mut document = String::new();
    map(&mut document, entries, 0);
    document
}

fn map(document: &mut String, entries: &Entries, depth: usize) {
    for (name, value) in entries {
        indent(document, depth);
        document.push_str(&key(name));
        document.push(':');
        behind_key(document, value, depth);
    }
}

fn behind_key(document: &mut String, value: &Yaml, depth: usize) {
    match value {
        Yaml::Bare(bare) => document.push_str(&format!(" {bare}\n")),
        Yaml::Text(text) if is_block(text) => block(document, text, depth + 1),
        Yaml::Text(text) => document.push_str(&format!(" {}\n", scalar(text))),
        Yaml::List(values) if values.is_empty() => document.push_str(" []\n"),
        Yaml::Map(entries) if entries.is_empty() => document.push_str(" {}\n"),
        Yaml::List(values) => {
            document.push('\n');
            for value in values {
                indent(document, depth + 1);
                document.push_str(&format!("- {}\n", flow(value)));
            }
        }
        Yaml::Map(entries) => {
            document.push('\n');
            map(document, entries, depth + 1);
        }
    }
}

fn indent(document: &mut String, depth: usize) {
    document.push_str(&"  ".repeat(depth));
}

/// Whether a text can stand as a block: several plain lines, one line feed at most at the end, and nothing that a block
/// would take for its indentation.
fn is_block(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || (c != '\t' && !c.is_control() && c != '\u{feff}');
    let first_is_fit = text.lines().next().is_some_and(|line| !line.is_empty() && !line.starts_with(' '));
    text.contains('\n')
        && first_is_fit
        && !text.ends_with("\n\n")
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
        && text.chars().all(is_plain)
}

fn block(document: &mut String, text: &str, depth: usize) {
    document.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            indent(document, depth);
        }
        document.push_str(line);
        document.push('\n');
    }
}

/// JSON is YAML.
fn flow(value: &Yaml) -> String {
    match value {
        Yaml::Bare(bare) => bare.clone(),
        Yaml::Text(text) => scalar(text),
        Yaml::List(values) => {
            format!("[{}]", values.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn key(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !is_taken(name);
    if is_plain { name.to_owned() } else { quoted(name) }
}

/// A text of words is written as it is, anything else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !is_taken(text);
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// What YAML 1.1 and 1.2 read as something else than a text.
fn is_taken(text: &str) -> bool {
    ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use agents_definitions::node;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_as_it_was() {
        let texts = [
            "plain",
            "true",
            "No",
            "12",
            "",
            " begins with a blank\nand goes on",
            "a: b # c",
            "two\nlines",
            "two\nlines\n",
            "a gap\n\n  indented\nend",
            "many ends\n\n",
            "\n",
            "\"quoted\" \\ back\tslash\r\n",
            "{{ params.x }}",
            "- dash",
            "größe \u{1f3ad} \u{2028} \u{1}",
            "@daily",
            "%x",
        ];
        for text in texts {
            let value = json!({ "a": text, "b": { "c": [text, { "d": text }] }, text: 1 });
            let Yaml::Map(entries) = Yaml::from(&value) else { unreachable!("it is a map") };
            let written = write(&entries);
            let read = node::parse(&written).unwrap_or_else(|error| panic!("{error:?} in {written}"));
            assert_eq!(read.json(), value, "{written}");
        }
    }

    #[test]
    fn a_text_of_several_lines_is_a_block() {
        let entries = vec![("prompt".to_owned(), text("Say this.\n\nAnd that.\n"))];
        assert_eq!(write(&entries), "prompt: |\n  Say this.\n\n  And that.\n");
    }
}
