//! The lines of a call -> events and a summary.

use std::borrow::Cow;

use agents_domain::agent_event::{AgentEvent, FinalResult};
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamReader, StreamSummary};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::timestamp::Timestamp;

use super::saying::Saying;
use crate::ending::{Tally, keep_name, settle_nothing};
use crate::kept::{ANSWER_BYTES, Kept, MESSAGE_BYTES};
use crate::line::{JsonLines, Sink, UnknownType, read_line};

/// Reads one call.
#[derive(Debug, Default)]
pub struct CallReader {
    tally: Tally,
    outcome: Option<Outcome>,
    unreadable_end: bool,
}

impl StreamReader for CallReader {
    fn line<'a>(&mut self, line: &'a [u8], sink: &mut dyn FnMut(AgentEvent<'a>)) {
        read_line(self, line, sink);
    }

    fn overlong_line(&mut self, _head: &[u8], _total_bytes: u64) {
        self.tally.overlong();
    }

    fn finish(mut self: Box<Self>, end: &StreamEnd<'_>) -> StreamSummary {
        let outcome = match self.outcome.take() {
            _ if self.unreadable_end => {
                Outcome::failure(OutcomeClass::Contradiction, "how the call has ended could not be read")
            }
            // It says how it has ended, and then ends well whatever that was.
            Some(outcome) if end.process == ProcessEnd::Exited(0) || !outcome.is_success() => outcome,
            Some(_) => Outcome::failure(
                OutcomeClass::Contradiction,
                format!("the call reported success but {}", crate::ending::process_words(end.process)),
            ),
            None => settle_nothing(&self.tally, end),
        };
        self.tally.into_summary(outcome)
    }
}

impl JsonLines for CallReader {
    type Line<'a> = Saying;

    fn is_known(kind: &str) -> bool {
        Saying::KINDS.contains(&kind)
    }

    fn unreadable(&mut self, kind: Option<&str>) {
        self.tally.unreadable(kind);
        self.unreadable_end |= matches!(kind, Some("result" | "failed"));
    }

    fn take<'a>(&mut self, line: Saying, sink: Sink<'_, 'a>) -> Result<(), UnknownType> {
        match line {
            Saying::Start { target: _, model } => {
                keep_name(&mut self.tally.model, model.as_deref());
                sink(AgentEvent::Started {
                    session_id: None,
                    model: model.map(Cow::Owned),
                    cli_version: None,
                });
            }
            Saying::Response { status, headers: _, bytes } => {
                sink(AgentEvent::Notice { text: Cow::Owned(format!("status {status}, {bytes} bytes")) });
            }
            Saying::Text { text } => sink(AgentEvent::Text { text: Cow::Owned(text), delta: true }),
            Saying::Thinking { text } => sink(AgentEvent::Thinking { text: Cow::Owned(text) }),
            Saying::Usage { usage } => {
                self.tally.usage = Some(usage.usage());
                sink(AgentEvent::Usage { usage: usage.usage() });
            }
            Saying::Notice { text } => sink(AgentEvent::Notice { text: Cow::Owned(text) }),
            Saying::Result { text, structured } => {
                self.outcome = Some(Outcome::success(kept(&text, ANSWER_BYTES)));
                self.tally.structured = structured.clone();
                sink(AgentEvent::Final(FinalResult {
                    text: Some(Cow::Owned(text)),
                    structured: structured.map(Cow::Owned),
                    usage: self.tally.usage,
                    ..FinalResult::default()
                }));
            }
            Saying::Failed { class, text, resets_at, fix } => {
                let class = OutcomeClass::from_name(&class).unwrap_or(OutcomeClass::Unclassified);
                let mut outcome = Outcome::failure(class, kept(&text, MESSAGE_BYTES))
                    .with_reset(resets_at.map(Timestamp::from_millis));
                outcome.fix = fix;
                self.outcome = Some(outcome);
                sink(AgentEvent::Final(FinalResult {
                    is_error: true,
                    text: Some(Cow::Owned(text)),
                    usage: self.tally.usage,
                    ..FinalResult::default()
                }));
            }
        }
        Ok(())
    }
}

fn kept(text: &str, limit: usize) -> String {
    let mut kept = Kept::new(limit);
    kept.set(text);
    kept.into_text()
}
