//! One step of a reply. In JSON a step is an object with one key that names what is done; the table of them is
//! `docs/scripted-agent.md`.

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// What the agent does next.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "StepForm")]
pub enum Step {
    Text(String),
    Thinking(String),
    Tool(ToolStep),
    Write(FileStep),
    Append(FileStep),
    Run(RunStep),
    Wait { ms: u64 },
    WaitFor(WaitForStep),
    Touch(String),
    Raw(String),
    RawBytes(Vec<u8>),
    Stderr(String),
    IgnoreSignals,
    SpawnChild(ChildStep),
    Endless(EndlessStep),
    Fail { failure: Failure, resets_in_seconds: Option<u64> },
    Exit(i32),
    Die(DeathSignal),
    Result(ResultStep),
    Decision(Value),
}

/// A tool call that is only printed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ToolStep {
    pub name: String,
    #[serde(default)]
    pub input: Value,
    #[serde(default)]
    pub output: String,
    #[serde(default)]
    pub is_error: bool,
}

/// A file that is really written; `path` is relative to the folder of the agent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileStep {
    pub path: String,
    pub content: String,
}

/// A command that is really run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunStep {
    pub argv: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitStep {
    ms: u64,
}

/// Until `file` exists; the agent gives up after `timeout_ms`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WaitForStep {
    pub file: String,
    pub timeout_ms: u64,
}

/// A child that sleeps for `ms` and holds standard output and standard error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildStep {
    #[serde(default)]
    pub setsid: bool,
    pub ms: u64,
}

/// Whole lines of assistant text: at least `bytes` in all, without end if `None`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EndlessStep {
    #[serde(default)]
    pub bytes: Option<u64>,
    /// The length of one line, its line feed included.
    #[serde(default = "usual_line_bytes")]
    pub line_bytes: u64,
}

fn usual_line_bytes() -> u64 {
    4096
}

/// The signal by which the agent kills itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeathSignal {
    Kill,
    Term,
    Abrt,
}

/// The terminal event of success.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "ResultForm")]
pub struct ResultStep {
    pub text: String,
    pub cost_usd: Option<f64>,
    pub usage: Option<Usage>,
}

/// Tokens. `input` counts all the input tokens; `cached` is the part of them that came from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub input: u64,
    #[serde(default)]
    pub cached: u64,
    pub output: u64,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the text, or an object with `text`, `costUsd`, `usage`")]
enum ResultForm {
    Text(String),
    Full(FullResult),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FullResult {
    text: String,
    #[serde(default)]
    cost_usd: Option<f64>,
    #[serde(default)]
    usage: Option<Usage>,
}

impl From<ResultForm> for ResultStep {
    fn from(form: ResultForm) -> Self {
        match form {
            ResultForm::Text(text) => Self { text, cost_usd: None, usage: None },
            ResultForm::Full(full) => Self { text: full.text, cost_usd: full.cost_usd, usage: full.usage },
        }
    }
}

/// A step as it stands in JSON. Not a serde enum, because `fail` has a second key beside it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct StepForm {
    text: Option<String>,
    thinking: Option<String>,
    tool: Option<ToolStep>,
    write: Option<FileStep>,
    append: Option<FileStep>,
    run: Option<RunStep>,
    wait: Option<WaitStep>,
    wait_for: Option<WaitForStep>,
    touch: Option<String>,
    raw: Option<String>,
    raw_bytes: Option<String>,
    stderr: Option<String>,
    ignore_signals: Option<bool>,
    spawn_child: Option<ChildStep>,
    endless: Option<EndlessStep>,
    fail: Option<Failure>,
    resets_in_seconds: Option<u64>,
    exit: Option<u8>,
    die: Option<DeathSignal>,
    result: Option<ResultStep>,
    decision: Option<Value>,
}

/// The object is not one step.
#[derive(Debug, thiserror::Error)]
enum BadStep {
    #[error("a step needs one key that says what to do, such as `text` or `run`")]
    Empty,
    #[error("a step does one thing, and this one has several keys: make it several steps")]
    Several,
    #[error("`resetsInSeconds` belongs beside `fail`")]
    ResetWithoutFail,
    #[error("`ignoreSignals` is only ever `true`")]
    IgnoreSignalsFalse,
    #[error("`run.argv` is empty: its first word is the program")]
    NothingToRun,
    #[error("`rawBytes` has a bad escape at byte {at}: known are \\xHH, \\n, \\r, \\t and \\\\")]
    BadEscape { at: usize },
}

impl TryFrom<StepForm> for Step {
    type Error = BadStep;

    fn try_from(form: StepForm) -> Result<Self, BadStep> {
        if form.resets_in_seconds.is_some() && form.fail.is_none() {
            return Err(BadStep::ResetWithoutFail);
        }
        let resets_in_seconds = form.resets_in_seconds;
        let mut steps = [
            form.text.map(Step::Text),
            form.thinking.map(Step::Thinking),
            form.tool.map(Step::Tool),
            form.write.map(Step::Write),
            form.append.map(Step::Append),
            form.run.map(runnable).transpose()?,
            form.wait.map(|wait| Step::Wait { ms: wait.ms }),
            form.wait_for.map(Step::WaitFor),
            form.touch.map(Step::Touch),
            form.raw.map(Step::Raw),
            form.raw_bytes.as_deref().map(unescaped).transpose()?.map(Step::RawBytes),
            form.stderr.map(Step::Stderr),
            form.ignore_signals.map(ignoring).transpose()?,
            form.spawn_child.map(Step::SpawnChild),
            form.endless.map(Step::Endless),
            form.fail.map(|failure| Step::Fail { failure, resets_in_seconds }),
            form.exit.map(|code| Step::Exit(i32::from(code))),
            form.die.map(Step::Die),
            form.result.map(Step::Result),
            form.decision.map(Step::Decision),
        ]
        .into_iter()
        .flatten();
        let step = steps.next().ok_or(BadStep::Empty)?;
        if steps.next().is_some() { Err(BadStep::Several) } else { Ok(step) }
    }
}

fn runnable(run: RunStep) -> Result<Step, BadStep> {
    if run.argv.is_empty() { Err(BadStep::NothingToRun) } else { Ok(Step::Run(run)) }
}

fn ignoring(on: bool) -> Result<Step, BadStep> {
    if on { Ok(Step::IgnoreSignals) } else { Err(BadStep::IgnoreSignalsFalse) }
}

/// The bytes that a text with escapes stands for, so that a script can print what is no UTF-8.
fn unescaped(text: &str) -> Result<Vec<u8>, BadStep> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let (value, length) = match bytes.get(at + 1) {
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b't') => (b'\t', 2),
            Some(b'\\') => (b'\\', 2),
            Some(b'x') => (hex(bytes.get(at + 2..at + 4)).ok_or(BadStep::BadEscape { at })?, 4),
            Some(_) | None => return Err(BadStep::BadEscape { at }),
        };
        out.push(value);
        at += length;
    }
    Ok(out)
}

fn hex(digits: Option<&[u8]>) -> Option<u8> {
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Step, String> {
        serde_json::from_str(json).map_err(|why| why.to_string())
    }

    #[test]
    fn every_key_of_the_docs_is_a_step() {
        let check = |json: &str, step: Step| assert_eq!(parsed(json), Ok(step), "{json}");
        check(r#"{"text":"a"}"#, Step::Text("a".into()));
        check(r#"{"wait":{"ms":3}}"#, Step::Wait { ms: 3 });
        check(r#"{"ignoreSignals":true}"#, Step::IgnoreSignals);
        check(r#"{"endless":{"bytes":null}}"#, Step::Endless(EndlessStep { bytes: None, line_bytes: 4096 }));
        check(r#"{"rawBytes":"a\\xff\\\\\\n"}"#, Step::RawBytes(b"a\xff\\\n".to_vec()));
        check(r#"{"die":"ABRT"}"#, Step::Die(DeathSignal::Abrt));
        check(r#"{"exit":7}"#, Step::Exit(7));
        check(
            r#"{"fail":"usage_limit","resetsInSeconds":60}"#,
            Step::Fail { failure: Failure::UsageLimit, resets_in_seconds: Some(60) },
        );
        check(
            r#"{"result":"a"}"#,
            Step::Result(ResultStep { text: "a".into(), cost_usd: None, usage: None }),
        );
        check(
            r#"{"result":{"text":"a","costUsd":0.5,"usage":{"input":3,"output":1}}}"#,
            Step::Result(ResultStep {
                text: "a".into(),
                cost_usd: Some(0.5),
                usage: Some(Usage { input: 3, cached: 0, output: 1 }),
            }),
        );
    }

    #[test]
    fn a_step_that_is_none_or_several_says_so() {
        let check = |json: &str, why: &str| {
            let error = parsed(json).unwrap_err();
            assert!(error.contains(why), "{json}: {error}");
        };
        check("{}", "needs one key");
        check(r#"{"text":"a","raw":"b"}"#, "several keys");
        check(r#"{"text":"a","resetsInSeconds":1}"#, "beside `fail`");
        check(r#"{"ignoreSignals":false}"#, "only ever `true`");
        check(r#"{"run":{"argv":[]}}"#, "`run.argv` is empty");
        check(r#"{"rawBytes":"ab\\q"}"#, "bad escape at byte 2");
        check(r#"{"fail":"tired"}"#, "unknown variant `tired`");
        check(r#"{"exit":256}"#, "expected u8");
    }

    #[test]
    fn every_failure_is_read_by_its_name() {
        for failure in Failure::ALL {
            let json = format!(r#"{{"fail":"{failure}"}}"#);
            assert_eq!(parsed(&json), Ok(Step::Fail { failure, resets_in_seconds: None }));
        }
    }
}
