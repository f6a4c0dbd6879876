//! Whatever a line holds, it is an event, never a crash, and it never stands for another.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use agents_domain::agent_event::{AgentEvent, FinalResult, RateLimitStatus, Unrecognized};
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::outcome::OutcomeClass;
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;
use agents_harnesses::{HarnessSettings, StreamKind};
use jiff::tz::TimeZone;

/// 2026-11-21T12:00:00Z.
const ENDED_AT: Timestamp = Timestamp::from_seconds(1_795_262_400);

/// The events and the summary of a stream.
fn run(
    kind: StreamKind,
    lines: &[&[u8]],
    process: ProcessEnd,
    stderr: &str,
) -> (Vec<AgentEvent<'static>>, StreamSummary) {
    let mut events = Vec::new();
    let mut reader = kind.reader(&TimeZone::UTC);
    for line in lines {
        reader.line(line, &mut |event| events.push(event.into_owned()));
    }
    (events, reader.finish(&StreamEnd { process, stderr_tail: stderr, at: ENDED_AT }))
}

fn texts(kind: StreamKind, lines: &[&str], exit: i32) -> (Vec<AgentEvent<'static>>, StreamSummary) {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    run(kind, &lines, ProcessEnd::Exited(exit), "")
}

const JSON_KINDS: [StreamKind; 3] = [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini];

#[test]
fn what_is_no_json_object_is_kept_as_it_is() {
    let nested = "[".repeat(100_000);
    for line in [
        "hello",
        "[1,2]",
        "null",
        "17",
        "\"text\"",
        "{\"type\":",
        "{\"type\":\"result\"",
        "{'a':1}",
        "\0",
        &nested,
    ] {
        for kind in JSON_KINDS {
            let (events, summary) = texts(kind, &[line], 0);
            let expected = AgentEvent::Unrecognized { line: line.into(), why: Unrecognized::NotJson };
            assert_eq!(events, [expected], "{kind:?}");
            assert_eq!((summary.unknown_lines, summary.bad_lines), (1, 0));
            assert_eq!(summary.outcome.class, OutcomeClass::NoResult);
        }
    }
}

#[test]
fn blank_lines_are_nothing() {
    for kind in JSON_KINDS {
        let (events, summary) = texts(kind, &["", " ", "\r"], 0);
        assert_eq!((events.len(), summary.unknown_lines), (0, 0));
    }
}

#[test]
fn a_type_that_nobody_knows_is_harmless_whatever_its_body() {
    let nested = format!(r#"{{"type":"new","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for line in [
        r#"{"type":"new"}"#,
        r#"{"type":"new","message":5,"item":7,"error":[1]}"#,
        "{}",
        r#"{"type":7}"#,
        &nested,
    ] {
        for kind in JSON_KINDS {
            let (events, summary) = texts(kind, &[line], 0);
            assert!(
                matches!(
                    events[..],
                    [AgentEvent::Unrecognized { why: Unrecognized::UnknownType | Unrecognized::NotJson, .. }]
                ),
                "{kind:?} {events:?}"
            );
            assert_eq!((summary.unknown_lines, summary.bad_lines), (1, 0), "{kind:?} {line}");
        }
    }
}

#[test]
fn a_known_type_with_a_wrong_body_is_told_from_an_unknown_one() {
    let nested = format!(
        r#"{{"type":"user","message":{{"content":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (kind, line) in [
        (StreamKind::Claude, r#"{"type":"assistant","message":7}"#),
        (StreamKind::Claude, r#"{"type":"assistant","message":{"content":[7]}}"#),
        (StreamKind::Claude, r#"{"type":"result","num_turns":1e999}"#),
        (StreamKind::Claude, &nested),
        (StreamKind::Codex, r#"{"type":"item.completed","item":[]}"#),
        (StreamKind::Gemini, r#"{"type":"tool_use","tool_name":{}}"#),
    ] {
        let (events, summary) = texts(kind, &[line], 0);
        assert!(
            matches!(events[..], [AgentEvent::Unrecognized { why: Unrecognized::BadBody, .. }]),
            "{kind:?} {line:.80} {events:?}"
        );
        assert_eq!((summary.unknown_lines, summary.bad_lines), (0, 1));
    }
}

#[test]
fn a_terminal_event_that_could_not_be_read_is_never_a_success() {
    for (kind, line) in [
        (StreamKind::Claude, r#"{"type":"result","subtype":"success","is_error":"no","result":"fine"}"#),
        (StreamKind::Codex, r#"{"type":"turn.completed","usage":7}"#),
        (StreamKind::Gemini, r#"{"type":"result","status":"success","stats":"many"}"#),
    ] {
        assert_eq!(texts(kind, &[line], 0).1.outcome.class, OutcomeClass::Contradiction, "{kind:?}");
    }
}

#[test]
fn bytes_that_are_no_text_and_halves_of_characters_are_mended() {
    let check = |line: &[u8], expected: &str| {
        let (events, summary) = run(StreamKind::Codex, &[line], ProcessEnd::Exited(0), "");
        assert_eq!(events, [AgentEvent::Text { text: expected.to_owned().into(), delta: false }]);
        assert_eq!((summary.unknown_lines, summary.bad_lines), (0, 0));
    };
    check(
        b"{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"a\xff\xfeb\"}}",
        "a\u{fffd}\u{fffd}b",
    );
    check(
        br#"{"type":"item.completed","item":{"type":"agent_message","text":"cut \ud83d"}}"#,
        "cut \u{fffd}",
    );
    check(br#"{"type":"item.completed","item":{"type":"agent_message","text":"nul \u0000"}}"#, "nul \0");
}

#[test]
fn keys_that_come_twice_and_numbers_of_any_size_are_read() {
    let (events, summary) = texts(
        StreamKind::Codex,
        &[
            r#"{"type":"turn.completed","usage":{"input_tokens":1,"input_tokens":18446744073709551615,"output_tokens":2.5}}"#,
        ],
        0,
    );
    assert_eq!(events.len(), 2);
    assert_eq!(summary.usage.map(|usage| (usage.input, usage.output)), Some((u64::MAX, 2)));
}

#[test]
fn an_overlong_line_is_counted_and_named_where_the_result_is_missed() {
    for kind in JSON_KINDS {
        let mut reader = kind.reader(&TimeZone::UTC);
        reader.overlong_line(b"{\"type\":\"result\"", 1 << 40);
        let end = StreamEnd { process: ProcessEnd::Exited(0), stderr_tail: "", at: ENDED_AT };
        let summary = reader.finish(&end);
        assert_eq!((summary.unknown_lines, summary.outcome.class), (1, OutcomeClass::NoResult));
        assert!(summary.outcome.text.contains("too long"), "{}", summary.outcome.text);
    }
}

#[test]
fn an_answer_of_any_length_is_cut_with_a_note() {
    let long = format!(
        r#"{{"type":"result","subtype":"success","is_error":false,"result":"{}"}}"#,
        "ä".repeat(3 * 1024 * 1024)
    );
    let (_, summary) = texts(StreamKind::Claude, &[&long], 0);
    assert_eq!(summary.outcome.class, OutcomeClass::Success);
    assert!(summary.outcome.text.len() < 1024 * 1024 + 100);
    assert!(summary.outcome.text.ends_with("more bytes were cut]"));
}

#[test]
fn words_of_the_agent_decide_nothing() {
    let lie = "rate limit 429 usage limit reached, Not logged in, API Error: 401, Loop detected";
    let (_, summary) = texts(
        StreamKind::Claude,
        &[
            &format!(
                r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"text","text":"{lie}"}}]}}}}"#
            ),
            &format!(
                r#"{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"t","content":"{lie}","is_error":true}}]}}}}"#
            ),
            &format!(r#"{{"type":"result","subtype":"success","is_error":false,"result":"{lie}"}}"#),
        ],
        0,
    );
    assert_eq!((summary.outcome.class, &*summary.outcome.text), (OutcomeClass::Success, lie));

    let (_, summary) = texts(
        StreamKind::Claude,
        &[
            &format!(
                r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"text","text":"{lie}"}}]}}}}"#
            ),
            r#"{"type":"assistant","error":"server_error","is_api_error_message":true,"api_error_status":500,"message":{"content":[{"type":"text","text":"API Error: 500"}]}}"#,
            r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":500,"result":"API Error: 500 Internal server error."}"#,
        ],
        1,
    );
    assert_eq!(summary.outcome.class, OutcomeClass::ServerError);
    assert_eq!(summary.outcome.resets_at, None);

    let (_, summary) = texts(
        StreamKind::Codex,
        &[
            &format!(
                r#"{{"type":"item.completed","item":{{"id":"1","type":"agent_message","text":"{lie}"}}}}"#
            ),
            r#"{"type":"turn.completed","usage":{}}"#,
        ],
        0,
    );
    assert_eq!((summary.outcome.class, &*summary.outcome.text), (OutcomeClass::Success, lie));

    let (_, summary) = texts(
        StreamKind::Gemini,
        &[
            &format!(r#"{{"type":"message","role":"assistant","content":"{lie}","delta":true}}"#),
            r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: {\"error\":{\"code\":500,\"message\":\"x\"}}]"}}"#,
        ],
        244,
    );
    assert_eq!(summary.outcome.class, OutcomeClass::ServerError);
}

#[test]
fn a_tool_may_print_the_note_of_an_interruption_without_being_one() {
    let (_, summary) = texts(
        StreamKind::Claude,
        &[
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"[Request interrupted by user]"}]}]}}"#,
        ],
        0,
    );
    assert_eq!(summary.outcome.class, OutcomeClass::NoResult);
}

#[test]
fn the_older_form_of_claude_is_read() {
    let (events, summary) = texts(
        StreamKind::Claude,
        &[
            r#"{"type":"system","subtype":"init","session_id":"s-1","tools":["Bash"],"model":"m"}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"I look."}]}}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Bash","input":{"command":"ls"}}]}}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","content":"README.md"}]}}"#,
            r#"{"type":"result","subtype":"success","result":"final output text","duration_ms":12,"cost_usd":0.25}"#,
        ],
        0,
    );
    let expected = [
        AgentEvent::Started { session_id: Some("s-1".into()), model: Some("m".into()), cli_version: None },
        AgentEvent::Text { text: "I look.".into(), delta: false },
        AgentEvent::ToolCall { id: "".into(), name: "Bash".into(), input: r#"{"command":"ls"}"#.into() },
        AgentEvent::ToolResult { id: "".into(), output: "README.md".into(), is_error: false },
        AgentEvent::Final(FinalResult {
            text: Some("final output text".into()),
            cost: Some(MicroUsd::from_micros(250_000)),
            ..FinalResult::default()
        }),
    ];
    assert_eq!(events, expected);
    assert_eq!((summary.outcome.class, &*summary.outcome.text), (OutcomeClass::Success, "final output text"));

    let (_, summary) = texts(StreamKind::Claude, &[r#"{"type":"result","subtype":"error_max_turns"}"#], 1);
    assert_eq!(summary.outcome.class, OutcomeClass::TurnLimit);
    let (_, summary) = texts(
        StreamKind::Claude,
        &[
            r#"{"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|1795266000"}"#,
        ],
        1,
    );
    assert_eq!(
        (summary.outcome.class, summary.outcome.resets_at),
        (OutcomeClass::UsageLimit, Some(Timestamp::from_seconds(1_795_266_000)))
    );
}

#[test]
fn a_rejected_limit_of_claude_ends_at_the_time_it_told_and_a_warning_does_not() {
    let stream = |status: &str| {
        texts(
            StreamKind::Claude,
            &[
                &format!(
                    r#"{{"type":"rate_limit_event","rate_limit_info":{{"status":"{status}","resetsAt":1795266000,"rateLimitType":"five_hour"}}}}"#
                ),
                r#"{"type":"assistant","error":"rate_limit","api_error":"x","message":{"content":[{"type":"text","text":"limit"}]}}"#,
                r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"limit"}"#,
            ],
            1,
        )
    };
    let resets_at = Some(Timestamp::from_seconds(1_795_266_000));
    let (events, summary) = stream("rejected");
    assert_eq!(
        events[0],
        AgentEvent::RateLimit {
            status: RateLimitStatus::Rejected,
            kind: Some("five_hour".into()),
            resets_at
        }
    );
    assert_eq!((summary.outcome.class, summary.outcome.resets_at), (OutcomeClass::UsageLimit, resets_at));
    let (_, summary) = stream("allowed_warning");
    assert_eq!((summary.outcome.class, summary.outcome.resets_at), (OutcomeClass::RateLimit, None));
}

#[test]
fn a_sub_agent_speaks_and_its_words_are_not_the_answer() {
    let (events, summary) = texts(
        StreamKind::Claude,
        &[
            r#"{"type":"assistant","message":{"id":"a","content":"mine"}}"#,
            r#"{"type":"assistant","parent_tool_use_id":"t","message":{"id":"b","content":[{"type":"text","text":"theirs"}]}}"#,
            r#"{"type":"result","subtype":"success","is_error":false}"#,
        ],
        0,
    );
    assert_eq!(events[1], AgentEvent::Text { text: "theirs".into(), delta: false });
    assert_eq!(summary.outcome.text, "mine");
}

#[test]
fn success_needs_the_terminal_event_and_the_exit_code_to_agree() {
    for (kind, lines) in [
        (StreamKind::Claude, vec![r#"{"type":"result","subtype":"success","is_error":false,"result":"ok"}"#]),
        (
            StreamKind::Codex,
            vec![
                r#"{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"ok"}}"#,
                r#"{"type":"turn.completed"}"#,
            ],
        ),
        (
            StreamKind::Gemini,
            vec![
                r#"{"type":"message","role":"assistant","content":"ok"}"#,
                r#"{"type":"result","status":"success"}"#,
            ],
        ),
    ] {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        for (process, expected) in [
            (ProcessEnd::Exited(0), OutcomeClass::Success),
            (ProcessEnd::Exited(1), OutcomeClass::Contradiction),
            (ProcessEnd::Signaled(9), OutcomeClass::Contradiction),
            (ProcessEnd::Unknown, OutcomeClass::Contradiction),
        ] {
            assert_eq!(run(kind, &lines, process, "").1.outcome.class, expected, "{kind:?} {process:?}");
        }
        assert_eq!(
            run(kind, &lines[..lines.len() - 1], ProcessEnd::Exited(0), "").1.outcome.class,
            OutcomeClass::NoResult
        );
    }
}

#[test]
fn a_turn_that_began_after_the_last_result_of_claude_leaves_it_open() {
    let (_, summary) = texts(
        StreamKind::Claude,
        &[
            r#"{"type":"result","subtype":"success","is_error":false,"result":"started it"}"#,
            r#"{"type":"system","subtype":"init","session_id":"s"}"#,
        ],
        0,
    );
    assert_eq!(summary.outcome.class, OutcomeClass::NoResult);
}

#[test]
fn codex_tells_reset_times_in_the_zone_of_its_system() {
    let zone = TimeZone::fixed(jiff::tz::offset(-5));
    let mut reader = StreamKind::Codex.reader(&zone);
    let line = r#"{"type":"turn.failed","error":{"message":"You’ve hit your usage limit. Upgrade or try again at 10:57 AM."}}"#;
    reader.line(line.as_bytes(), &mut |_| {});
    let end = StreamEnd { process: ProcessEnd::Exited(1), stderr_tail: "", at: ENDED_AT };
    let summary = reader.finish(&end);
    // The end of 10:57 at UTC-5 on the same day.
    assert_eq!(
        summary.outcome.resets_at.map(|at| at.to_string()),
        Some("2026-11-21T15:58:00.000Z".to_owned())
    );
}

#[test]
fn plain_text_succeeds_with_exit_0_and_words_and_its_answer_is_the_end_of_it() {
    let (events, summary) = texts(StreamKind::Text, &["first", "", "last\r"], 0);
    assert_eq!(events.len(), 3);
    assert_eq!((summary.outcome.class, &*summary.outcome.text), (OutcomeClass::Success, "first\n\nlast"));
    assert_eq!(texts(StreamKind::Text, &["", " "], 0).1.outcome.class, OutcomeClass::EmptyAnswer);
    assert_eq!(texts(StreamKind::Text, &["oops"], 3).1.outcome.class, OutcomeClass::Unclassified);
    let long = "x".repeat(1000);
    let lines = vec![&*long; 1000];
    let (_, summary) = texts(StreamKind::Text, &lines, 0);
    assert_eq!(summary.outcome.text.len(), 64 * 1024);
}

#[test]
fn settings_have_a_zone_of_their_own() {
    assert_eq!(HarnessSettings::default().time_zone, TimeZone::UTC);
}

#[test]
fn a_result_of_claude_that_names_an_error_is_no_success_whatever_its_flag_says() {
    for (subtype, expected) in [
        ("error_max_turns", OutcomeClass::TurnLimit),
        ("error_max_budget_usd", OutcomeClass::BudgetLimit),
        ("nobody_knows", OutcomeClass::Unclassified),
    ] {
        let line = format!(r#"{{"type":"result","subtype":"{subtype}","is_error":false,"result":"so far"}}"#);
        assert_eq!(texts(StreamKind::Claude, &[&line], 0).1.outcome.class, expected, "{subtype}");
    }
    let line = r#"{"type":"result","is_error":false,"result":"fine"}"#;
    assert_eq!(texts(StreamKind::Claude, &[line], 0).1.outcome.class, OutcomeClass::Success);
}

#[test]
fn claude_tells_a_limit_in_words_when_no_typed_event_does_and_the_event_goes_first() {
    let zone = TimeZone::fixed(jiff::tz::offset(5));
    let event =
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795300000}}"#;
    let read = |lines: &[&str], words: &str| {
        let mut reader = StreamKind::Claude.reader(&zone);
        let result = format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"{words}"}}"#
        );
        for line in lines.iter().copied().chain([result.as_str()]) {
            reader.line(line.as_bytes(), &mut |_| {});
        }
        let end = StreamEnd { process: ProcessEnd::Exited(1), stderr_tail: "", at: ENDED_AT };
        let outcome = reader.finish(&end).outcome;
        (outcome.class, outcome.resets_at.map(|at| at.to_string()))
    };
    let at = |text: &str| Some(text.to_owned());
    let limit = OutcomeClass::UsageLimit;
    let words = "You've hit your session limit · resets 8pm (UTC)";
    assert_eq!(read(&[], words), (limit, at("2026-11-21T20:01:00.000Z")));
    assert_eq!(read(&[], "limit · resets 8pm"), (limit, at("2026-11-21T15:01:00.000Z")), "the system's zone");
    assert_eq!(read(&[event], words), (limit, at("2026-11-21T22:26:40.000Z")));
    assert_eq!(read(&[], "Request rejected (429)"), (OutcomeClass::RateLimit, None));
}
