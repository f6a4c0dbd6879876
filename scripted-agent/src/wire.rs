//! What the streams of all the CLIs have in common: the events that a script can print, and how a line is put
//! together. Nothing here or behind it writes; text goes into a [`Printed`].

use serde_json::{Value, json};

use crate::civil::Civil;
use crate::failure::Failure;
use crate::step::Usage;

/// One CLI's way to print what an agent does.
pub(crate) trait Wire {
    /// The events before the model says anything.
    fn start(&mut self, prompt: &str, out: &mut Printed);

    /// A part of the model's thoughts, where the CLI shows them.
    fn thinking(&mut self, text: &str, out: &mut Printed);

    /// Something that the model says.
    fn text(&mut self, text: &str, out: &mut Printed);

    /// The model calls a tool.
    fn call(&mut self, tool: &Tool, out: &mut Printed);

    /// The tool that was called last is done.
    fn returned(&mut self, tool: &Tool, outcome: &ToolOutcome, out: &mut Printed);

    /// The terminal event of success.
    fn result(&mut self, answer: &Answer, out: &mut Printed);

    /// The end that the real CLI comes to, and its exit code. `None`: this CLI has no such end.
    fn fail(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32>;
}

/// What a step prints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub stdout: String,
    pub stderr: String,
    /// Milliseconds since the epoch, for the events that carry a time.
    pub now_ms: u64,
}

/// A tool, as the model calls it. Paths are absolute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tool {
    Shell { command: String },
    Write { path: String, content: String },
    Append { path: String, content: String },
    Named { name: String, input: Value },
}

/// What came of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolOutcome {
    pub output: String,
    /// The exit code of a command; 0 or 1 for anything else.
    pub exit_code: i32,
    /// The file that a tool wrote was there before.
    pub existed: bool,
}

/// The answer of a run that succeeds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub text: String,
    pub cost_usd: f64,
    pub usage: Usage,
    /// The answer as JSON, when it is a decision.
    pub structured: Option<Value>,
}

/// An end without success.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnhappyEnd {
    pub failure: Failure,
    /// How long a limit still lasts.
    pub resets_in_seconds: Option<u64>,
    /// What the run has used until then, for CLIs that tell it with a failure too.
    pub answer: Answer,
}

impl Printed {
    pub(crate) fn at(now_ms: u64) -> Self {
        Self { now_ms, ..Self::default() }
    }

    pub(crate) fn line(&mut self, line: &Line) {
        self.stdout.push('{');
        self.stdout.push_str(&line.fields.join(","));
        self.stdout.push_str("}\n");
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.stderr.push_str(text);
        self.stderr.push('\n');
    }

    pub(crate) fn time(&self) -> String {
        Civil::of(self.now_ms).rfc3339()
    }
}

impl ToolOutcome {
    pub(crate) fn failed(&self) -> bool {
        self.exit_code != 0
    }
}

/// One JSON object on one line, its own keys in the order in which they were put.
#[derive(Debug)]
pub(crate) struct Line {
    fields: Vec<String>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// A line that begins with its type.
    pub(crate) fn of(kind: &str) -> Self {
        Self::new().with("type", kind)
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.push(format!("{}:{}", json!(key), value.into()));
        self
    }

    pub(crate) fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// An argument list as a person would type it into a shell.
pub(crate) fn as_shell_command(argv: &[String]) -> String {
    argv.iter().map(|word| quoted_if_needed(word)).collect::<Vec<_>>().join(" ")
}

/// The text between single quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn quoted_if_needed(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word) }
}

/// The command by which a CLI without a tool of its own appends to a file.
pub(crate) fn append_command(path: &str, content: &str) -> String {
    let end = if content.ends_with('\n') { "" } else { "\n" };
    format!("cat >> {} <<'EOF'\n{content}{end}EOF", quoted_if_needed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_the_order_of_its_own_keys() {
        let mut out = Printed::at(0);
        out.line(&Line::of("z").with("b", "x\"y").maybe("none", None::<u64>).with("a", json!({"k": 1})));
        out.line(&Line::of("y"));
        assert_eq!(out.stdout, "{\"type\":\"z\",\"b\":\"x\\\"y\",\"a\":{\"k\":1}}\n{\"type\":\"y\"}\n");
    }

    #[test]
    fn a_command_is_quoted_only_where_a_shell_needs_it() {
        let check = |argv: &[&str], command: &str| {
            let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(as_shell_command(&argv), command);
        };
        check(&["sh", "./test_greet.sh"], "sh ./test_greet.sh");
        check(&["agents", "insert-job", "it's \"x\"", ""], r#"agents insert-job 'it'\''s "x"' ''"#);
    }
}
