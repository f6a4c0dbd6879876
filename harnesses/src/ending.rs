//! What the end of a stream has in common for every CLI: the tally of a stream and the ways to end without a
//! terminal event. Each CLI's own rules are in its own folder.

use agents_domain::harness::{ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::usage::{MicroUsd, TokenUsage};

use crate::kept::{NAME_BYTES, head, tail};

/// How much of standard error goes into an explanation.
const STDERR_BYTES: usize = 2 * 1024;

/// What a reader has gathered, apart from how it ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) session_id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) cli_version: Option<String>,
    pub(crate) usage: Option<TokenUsage>,
    pub(crate) cost: Option<MicroUsd>,
    pub(crate) tool_calls: u32,
    pub(crate) structured: Option<String>,
    pub(crate) unknown_lines: u32,
    pub(crate) bad_lines: u32,
    pub(crate) overlong_lines: u32,
}

impl Tally {
    /// Counts a line that could not be read; `kind` is its type if it is a known one.
    pub(crate) fn unreadable(&mut self, kind: Option<&str>) {
        match kind {
            Some(_) => self.bad_lines = self.bad_lines.saturating_add(1),
            None => self.unknown_lines = self.unknown_lines.saturating_add(1),
        }
    }

    /// Counts a line that was too long to be handed over.
    pub(crate) fn overlong(&mut self) {
        self.overlong_lines = self.overlong_lines.saturating_add(1);
        self.unreadable(None);
    }

    /// Counts a tool call.
    pub(crate) fn tool_call(&mut self) {
        self.tool_calls = self.tool_calls.saturating_add(1);
    }

    /// The summary of the stream.
    pub(crate) fn into_summary(self, outcome: Outcome) -> StreamSummary {
        StreamSummary {
            outcome,
            session_id: self.session_id,
            model: self.model,
            cli_version: self.cli_version,
            usage: self.usage,
            cost: self.cost,
            tool_calls: self.tool_calls,
            structured: self.structured,
            unknown_lines: self.unknown_lines,
            bad_lines: self.bad_lines,
        }
    }
}

/// Keeps a name (session, model, version), bounded; an empty one is none.
pub(crate) fn keep_name(slot: &mut Option<String>, name: Option<&str>) {
    if let Some(name) = name.filter(|name| !name.is_empty())
        && slot.as_deref() != Some(name)
    {
        *slot = Some(head(name, NAME_BYTES).to_owned());
    }
}

/// The sum of two usages.
pub(crate) fn sum(one: TokenUsage, other: TokenUsage) -> TokenUsage {
    one.plus(other)
}

/// The class of an HTTP status, as the providers use them.
pub(crate) fn class_of_status(status: u64) -> Option<OutcomeClass> {
    match status {
        400 | 422 => Some(OutcomeClass::InvalidRequest),
        401 | 403 => Some(OutcomeClass::Auth),
        402 => Some(OutcomeClass::Billing),
        408 => Some(OutcomeClass::Network),
        413 => Some(OutcomeClass::ContextOverflow),
        429 => Some(OutcomeClass::RateLimit),
        529 => Some(OutcomeClass::Overloaded),
        500..=599 => Some(OutcomeClass::ServerError),
        _ => None,
    }
}

/// The end of a stream that had a terminal event of success: success only if the process agrees and there is an
/// answer.
pub(crate) fn settle_success(answer: String, end: &StreamEnd<'_>) -> Outcome {
    match end.process {
        ProcessEnd::Exited(0) if answer.trim().is_empty() => {
            Outcome::failure(OutcomeClass::EmptyAnswer, "the agent ended its work without an answer")
        }
        ProcessEnd::Exited(0) => Outcome::success(answer),
        ProcessEnd::Exited(_) | ProcessEnd::Signaled(_) | ProcessEnd::Unknown => Outcome::failure(
            OutcomeClass::Contradiction,
            with_stderr(
                format!("the CLI reported success but {}", process_words(end.process)),
                end.stderr_tail,
            ),
        ),
    }
}

/// The end of a stream that has no terminal event and for which no rule of the CLI's own holds.
pub(crate) fn settle_nothing(tally: &Tally, end: &StreamEnd<'_>) -> Outcome {
    let class = match end.process {
        ProcessEnd::Signaled(_) => OutcomeClass::Crashed,
        ProcessEnd::Exited(_) | ProcessEnd::Unknown => OutcomeClass::NoResult,
    };
    let mut text = format!("the output ended without a result and {}", process_words(end.process));
    if tally.overlong_lines > 0 {
        text.push_str("; a line was too long to be read and may have held it");
    }
    Outcome::failure(class, with_stderr(text, end.stderr_tail))
}

/// What a person needs to mend a CLI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mending {
    /// The harness, and the program.
    pub(crate) name: &'static str,
    /// The command that installs it, or brings it up to date.
    pub(crate) install: &'static str,
    /// The folder of its own settings.
    pub(crate) home: &'static str,
    /// What else mends what, by class.
    pub(crate) fixes: &'static [(OutcomeClass, &'static str)],
}

/// The CLI refused to start: it said so on standard error and printed no event at all.
pub(crate) fn settle_rejected(mending: &Mending, end: &StreamEnd<'_>) -> Outcome {
    let said = explain(end.stderr_tail);
    let fix = rejected_fix(mending, &said);
    let text = if said.is_empty() {
        format!("{} ended before it began: {}", mending.name, process_words(end.process))
    } else {
        said
    };
    Outcome::failure(OutcomeClass::CliRejected, text).with_fix(fix)
}

/// How the CLIs say that they do not know a flag. Theirs come and go between versions.
const UNKNOWN_FLAG: [&str; 5] = [
    "unexpected argument",
    "unknown option",
    "Unknown argument",
    "Unknown feature flag",
    "unrecognized option",
];

/// How they say that the system does not let them at a file.
const NO_PERMISSION: [&str; 2] = ["ermission denied", "EACCES"];

fn rejected_fix(mending: &Mending, said: &str) -> String {
    let Mending { name, install, home, .. } = mending;
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    if says(&UNKNOWN_FLAG) {
        format!(
            "{install} (this version does not take a flag), or take the flag out of harnesses.{name}.args"
        )
    } else if says(&NO_PERMISSION) {
        format!("chmod -R u+rwX {home} (as the owner of the file that it names)")
    } else {
        format!("correct harnesses.{name} in the config, or {name}'s own settings in {home}")
    }
}

/// The outcome with what a person can do about its class, if anything is known.
pub(crate) fn with_fix(mending: &Mending, outcome: Outcome) -> Outcome {
    if outcome.fix.is_some() {
        return outcome;
    }
    let fix = mending.fixes.iter().find(|(class, _)| *class == outcome.class).map(|(_, fix)| *fix);
    match (fix, outcome.class) {
        (Some(fix), _) => outcome.with_fix(fix),
        (None, OutcomeClass::CliMissing) => outcome.with_fix(mending.install),
        (None, OutcomeClass::CliRejected) => {
            let fix = rejected_fix(mending, &outcome.text);
            outcome.with_fix(fix)
        }
        (None, _) => outcome,
    }
}

/// How the process ended, in words that go on a sentence.
pub(crate) fn process_words(process: ProcessEnd) -> String {
    match process {
        ProcessEnd::Exited(code) => format!("the process exited with {code}"),
        ProcessEnd::Signaled(signal) => format!("the process died by signal {signal}{}", signal_name(signal)),
        ProcessEnd::Unknown => "nobody saw how the process ended".to_owned(),
    }
}

/// The names of the signals whose numbers are the same on every Unix.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (HUP)",
        2 => " (INT)",
        3 => " (QUIT)",
        6 => " (ABRT)",
        9 => " (KILL, often for lack of memory)",
        11 => " (SEGV)",
        13 => " (PIPE)",
        15 => " (TERM)",
        _ => "",
    }
}

fn with_stderr(text: String, stderr: &str) -> String {
    match explain(stderr) {
        said if said.is_empty() => text,
        said => format!("{text}: {said}"),
    }
}

/// What the CLIs write to standard error in every run, good or bad.
const STDERR_NOISE: [&str; 8] = [
    "Reading additional input from stdin...",
    "Reading prompt from stdin...",
    "Warning: Basic terminal detected",
    "Warning: 256-color support not detected",
    "YOLO mode is enabled.",
    "Ripgrep is not available.",
    "[STARTUP]",
    "    at ",
];

/// The end of standard error without colors and without what is there in every run.
pub(crate) fn explain(stderr: &str) -> String {
    let plain = without_colors(stderr);
    let lines: Vec<&str> = plain
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !STDERR_NOISE.iter().any(|noise| line.starts_with(noise)))
        .collect();
    tail(lines.join("\n").trim(), STDERR_BYTES).to_owned()
}

/// The text without `ESC [ … m`.
fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix('m').unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_start_is_mended_by_what_the_cli_complains_of() {
        let mending = Mending { name: "mine", install: "install mine", home: "~/.mine", fixes: &[] };
        let check = |said: &str, fix: &str| {
            assert!(rejected_fix(&mending, said).starts_with(fix), "{said}");
        };
        check("error: unexpected argument '--full-auto' found", "install mine (this version");
        check("error: unknown option '--x'", "install mine (this version");
        check("Error: EACCES: permission denied, open '/x'", "chmod -R u+rwX ~/.mine");
        check("Error loading config.toml", "correct harnesses.mine in the config");
    }

    #[test]
    fn an_explanation_has_no_colors_and_no_everyday_noise() {
        let stderr =
            "Warning: Basic terminal detected (TERM=dumb).\n\u{1b}[31mNot trusted\u{1b}[0m\n    at x.js\n\n";
        assert_eq!(explain(stderr), "Not trusted");
    }

    #[test]
    fn a_sum_of_usages_keeps_what_only_one_of_them_tells() {
        let one = TokenUsage { input: 1, cached: 2, written: 1, output: 3, reasoning: None };
        let other = TokenUsage { input: 10, cached: 20, written: 0, output: 30, reasoning: Some(4) };
        let both = TokenUsage { input: 11, cached: 22, written: 1, output: 33, reasoning: Some(4) };
        assert_eq!(sum(one, other), both);
    }
}
