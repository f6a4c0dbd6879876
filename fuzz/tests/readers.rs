//! The fuzz targets. As plain tests they run for a few seconds each. How to run them longer, and under a fuzzer that
//! looks for new paths through the code, is in `docs/reliability.md`.

use std::time::Duration;

use agents_fuzz::{Case, Form, Target};
use agents_harnesses::StreamKind;

/// How long each target runs as a plain test.
const SHORT_RUN: Duration = Duration::from_secs(3);

#[test]
fn every_recorded_stream_keeps_what_is_asked_of_any_stream() {
    for form in StreamKind::ALL.map(Form::Of).into_iter().chain([Form::Custom]) {
        Target::of(form).check_corpus();
    }
}

// Each target calls `check` by itself: the fuzzer finds it by the name of the function that does so.

#[test]
fn no_stream_of_claude_is_read_wrongly() {
    let target = Target::of(Form::Of(StreamKind::Claude));
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check(case));
}

#[test]
fn no_stream_of_codex_is_read_wrongly() {
    let target = Target::of(Form::Of(StreamKind::Codex));
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check(case));
}

#[test]
fn no_stream_of_gemini_is_read_wrongly() {
    let target = Target::of(Form::Of(StreamKind::Gemini));
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check(case));
}

#[test]
fn no_plain_text_is_read_wrongly() {
    let target = Target::of(Form::Of(StreamKind::Text));
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check(case));
}

#[test]
fn no_stream_of_a_harness_of_the_config_is_read_wrongly() {
    let target = Target::of(Form::Custom);
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check(case));
}

#[test]
fn no_bytes_are_split_wrongly() {
    let target = Target::of(Form::Of(StreamKind::Text));
    bolero::check!().with_test_time(SHORT_RUN).with_type::<Case>().for_each(|case| target.check_lines(case));
}
