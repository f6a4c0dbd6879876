//! Every recorded stream of the real CLIs reads as what it is.
//!
//! `fixtures/<cli>/<version>/` holds the streams: `<scenario>.jsonl` (standard output), `.stderr.txt`, `.meta.json`
//! (how it was started and how it ended), an empty file left out. `expected.tsv` says for each what it must come to;
//! it was written from the meaning of the scenario, not from what the reader said.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use agents_domain::agent_event::{AgentEvent, Unrecognized};
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;
use agents_harnesses::{HarnessSettings, build};

/// When every recorded run is taken to have ended: 2026-11-21T12:00:00Z.
const ENDED_AT: Timestamp = Timestamp::from_seconds(1_795_262_400);

/// When a line of standard error is taken to have come.
const BEFORE_THE_END: Timestamp = Timestamp::from_seconds(1_795_262_000);

#[derive(serde::Deserialize)]
struct Meta {
    exit_code: Option<i32>,
    exit_signal: Option<String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

fn process_end(meta: &Meta) -> ProcessEnd {
    match (meta.exit_code, meta.exit_signal.as_deref()) {
        (Some(code), _) => ProcessEnd::Exited(code),
        (None, Some("SIGHUP")) => ProcessEnd::Signaled(1),
        (None, Some("SIGKILL")) => ProcessEnd::Signaled(9),
        (None, Some("SIGTERM")) => ProcessEnd::Signaled(15),
        (None, other) => panic!("unknown end {other:?}"),
    }
}

/// The summary of a recorded run and every line of it that was not understood.
fn summary(cli: &str, folder: &Path, scenario: &str) -> (StreamSummary, Vec<(Unrecognized, String)>) {
    let mut unrecognized = Vec::new();
    let mut reader = build(cli, &HarnessSettings::default()).unwrap().reader();
    let output = read(&folder.join(format!("{scenario}.jsonl")));
    for line in output.split(|byte| *byte == b'\n') {
        reader.line(line, &mut |event| {
            if let AgentEvent::Unrecognized { line, why } = event {
                unrecognized.push((why, line.chars().take(80).collect()));
            }
        });
    }
    let meta: Meta = serde_json::from_slice(&read(&folder.join(format!("{scenario}.meta.json")))).unwrap();
    let stderr = String::from_utf8_lossy(&read(&folder.join(format!("{scenario}.stderr.txt")))).into_owned();
    let end = StreamEnd { process: process_end(&meta), stderr_tail: &stderr, at: ENDED_AT };
    (reader.finish(&end), unrecognized)
}

/// Whether the reader gave a recorded run up before its end, and what it came to if it was then ended by TERM.
fn given_up(cli: &str, folder: &Path, scenario: &str) -> Option<Outcome> {
    let mut reader = build(cli, &HarnessSettings::default()).unwrap().reader();
    let stderr = String::from_utf8_lossy(&read(&folder.join(format!("{scenario}.stderr.txt")))).into_owned();
    for line in read(&folder.join(format!("{scenario}.jsonl"))).split(|byte| *byte == b'\n') {
        reader.line(line, &mut |_| {});
        if reader.is_hopeless() {
            let end = StreamEnd { process: ProcessEnd::Exited(143), stderr_tail: "", at: ENDED_AT };
            return Some(reader.finish(&end).outcome);
        }
    }
    for line in stderr.lines() {
        reader.stderr_line(line, BEFORE_THE_END);
        if reader.is_hopeless() {
            let end = StreamEnd { process: ProcessEnd::Exited(0), stderr_tail: &stderr, at: ENDED_AT };
            return Some(reader.finish(&end).outcome);
        }
    }
    None
}

#[test]
fn only_runs_that_would_get_nowhere_are_given_up_before_their_end() {
    let mut seen = Vec::new();
    for cli in ["claude", "codex", "gemini"] {
        for version in fs::read_dir(fixtures().join(cli)).unwrap() {
            let folder = version.unwrap().path();
            for row in fs::read_to_string(folder.join("expected.tsv")).unwrap().lines().skip(1) {
                let scenario = row.split('\t').next().unwrap();
                let Some(outcome) = given_up(cli, &folder, scenario) else { continue };
                let reset = outcome.resets_at.map(|at| at.since(BEFORE_THE_END).as_secs());
                seen.push((format!("{cli} {scenario}"), outcome.class, reset, outcome.fix.is_some()));
            }
        }
    }
    seen.sort();
    let quota = OutcomeClass::UsageLimit;
    let expected = [
        ("claude 06a-401", OutcomeClass::Auth, None, true),
        ("claude 06i-401-auth-token", OutcomeClass::Auth, None, true),
        ("gemini 05g-429-quota-exhausted-errorinfo", quota, Some(12_120), false),
    ];
    assert_eq!(seen, expected.map(|(run, class, reset, fix)| (run.to_owned(), class, reset, fix)));
}

fn escaped_head(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
    escaped.chars().take(60).collect()
}

fn check_all(cli: &str) {
    let versions: Vec<PathBuf> =
        fs::read_dir(fixtures().join(cli)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!versions.is_empty());
    for folder in versions {
        let expected = fs::read_to_string(folder.join("expected.tsv")).unwrap();
        let mut wrong = Vec::new();
        let mut listed = 0;
        for row in expected.lines().filter(|row| !row.starts_with('#')) {
            listed += 1;
            let scenario = row.split('\t').next().unwrap();
            let head = row.rsplit('\t').next().unwrap();
            let (summary, _) = summary(cli, &folder, scenario);
            let said = [
                scenario.to_owned(),
                summary.outcome.class.to_string(),
                if summary.session_id.is_some() { "session" } else { "-" }.to_owned(),
                summary.outcome.resets_at.map_or("-".to_owned(), |at| at.to_string().replace(".000", "")),
                summary.tool_calls.to_string(),
                if head == "*" { head.to_owned() } else { escaped_head(&summary.outcome.text) },
            ]
            .join("\t");
            if said != row {
                wrong.push(format!("expected {row}\n    read {said}\n    text {:?}", summary.outcome.text));
            }
        }
        let recorded = fs::read_dir(&folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".meta.json"))
            .count();
        assert_eq!(listed, recorded, "every recorded run has its row in {}", folder.display());
        assert!(wrong.is_empty(), "{}:\n{}", folder.display(), wrong.join("\n"));
    }
}

#[test]
fn every_recorded_run_of_claude_is_told_apart() {
    check_all("claude");
}

#[test]
fn every_recorded_run_of_codex_is_told_apart() {
    check_all("codex");
}

#[test]
fn every_recorded_run_of_gemini_is_told_apart() {
    check_all("gemini");
}

/// What the recorded streams hold besides the JSON lines of their CLI: output in another form, asked for on purpose,
/// and lines that Gemini cut at the capacity of a pipe.
const OTHER_OUTPUT: [&str; 7] = [
    "claude 12p-output-text",
    "claude 12r-output-json-verbose",
    "claude 12t-output-text-error",
    "codex 12l-no-json-flag",
    "gemini 08c-many-lines",
    "gemini 11h-list-sessions",
    "gemini 12k-output-text",
];

#[test]
fn every_line_of_the_recorded_streams_is_understood() {
    let mut wrong = Vec::new();
    for cli in ["claude", "codex", "gemini"] {
        for version in fs::read_dir(fixtures().join(cli)).unwrap() {
            let folder = version.unwrap().path();
            for row in fs::read_to_string(folder.join("expected.tsv")).unwrap().lines().skip(1) {
                let scenario = row.split('\t').next().unwrap();
                if OTHER_OUTPUT.contains(&&*format!("{cli} {scenario}")) {
                    continue;
                }
                let (_, unrecognized) = summary(cli, &folder, scenario);
                wrong.extend(unrecognized.into_iter().map(|line| format!("{cli} {scenario}: {line:?}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_that_a_person_must_mend_comes_with_a_fix() {
    let mut wrong = Vec::new();
    for cli in ["claude", "codex", "gemini"] {
        for version in fs::read_dir(fixtures().join(cli)).unwrap() {
            let folder = version.unwrap().path();
            for row in fs::read_to_string(folder.join("expected.tsv")).unwrap().lines().skip(1) {
                let fields: Vec<&str> = row.split('\t').collect();
                let needs =
                    ["auth", "billing", "model_unavailable", "cli_missing", "cli_rejected", "untrusted"]
                        .contains(&fields[1]);
                let (summary, _) = summary(cli, &folder, fields[0]);
                if needs && summary.outcome.fix.is_none() || summary.outcome.text.trim().is_empty() {
                    wrong.push(format!("{cli} {}: {:?}", fields[0], summary.outcome));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A warning comes with requests that were answered: nothing is to be waited for.
#[test]
fn a_limit_that_is_only_warned_of_parks_nothing() {
    let folder = fixtures().join("claude/2.1.329");
    let warned = read(&folder.join("05i-usage-warning-oauth.jsonl"));
    assert!(String::from_utf8_lossy(&warned).contains("allowed_warning"));
    let outcome = summary("claude", &folder, "05i-usage-warning-oauth").0.outcome;
    assert_eq!((outcome.class, outcome.resets_at), (OutcomeClass::Success, None));
    // The same warning, and then the run fails for another reason: the warning's time is not its own.
    let failed = read(&folder.join("05l-429-retry-after-3600.jsonl"));
    let mut reader = build("claude", &HarnessSettings::default()).unwrap().reader();
    let is_warning = |line: &&[u8]| String::from_utf8_lossy(line).contains("allowed_warning");
    let lines = warned.split(|byte| *byte == b'\n').filter(is_warning);
    for line in lines.chain(failed.split(|byte| *byte == b'\n')) {
        reader.line(line, &mut |_| {});
    }
    let end = StreamEnd { process: ProcessEnd::Exited(1), stderr_tail: "", at: ENDED_AT };
    let outcome = reader.finish(&end).outcome;
    assert_eq!((outcome.class, outcome.resets_at), (OutcomeClass::RateLimit, None));
}

#[test]
fn a_run_of_each_cli_tells_its_tokens_its_cost_and_its_model() {
    let check = |cli: &str, version: &str, scenario: &str| {
        let (summary, _) = summary(cli, &fixtures().join(cli).join(version), scenario);
        let usage = summary.usage.map(|usage| (usage.input, usage.cached, usage.output, usage.reasoning));
        (usage, summary.cost.map(|cost| cost.as_micros()), summary.model, summary.cli_version)
    };
    let some = |text: &str| Some(text.to_owned());
    // Two turns in one process, 200 and 100 tokens of input.
    assert_eq!(
        check("claude", "2.1.329", "03e-background-bash"),
        (Some((300, 0, 60, Some(0))), Some(2400), some("claude-opus-5-5"), some("2.1.329"))
    );
    // The sub-agent's reply counts.
    assert_eq!(check("claude", "2.1.329", "03c-subagent").0, Some((400, 0, 80, Some(0))));
    // This attempt's tokens alone, and the session's cost.
    assert_eq!(
        check("claude", "2.1.329", "11b-resume-ok"),
        (Some((100, 0, 20, Some(0))), Some(1600), some("claude-opus-5-5"), some("2.1.329"))
    );
    // Killed before its `result`: the replies' own usage, each reply once though each has two blocks.
    assert_eq!(check("claude", "2.1.329", "07b-tool-running-kill-group").0, Some((100, 0, 1, None)));
    assert_eq!(
        check("codex", "0.169.0", "03-multi-turn-reasoning"),
        (Some((3400, 2300, 190, Some(30))), None, None, None)
    );
    // 3620 in all, of which 3400 of input and 190 of answer: the other 30 went into reasoning.
    assert_eq!(
        check("gemini", "0.61.0", "03-multi-turn-thinking"),
        (Some((3400, 2300, 220, Some(30))), None, some("gemini-2.5-pro"), None)
    );
}
