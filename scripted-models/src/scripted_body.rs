//! A response body that can stop or break at a chosen place, which no usual body does.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame};
use serde_json::Value;

use crate::turn::Ending;

/// A stream of server-sent events, cut where a scripted ending may interrupt it.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    /// Everything up to the first piece of content.
    pub(crate) opening: Vec<String>,
    /// The other pieces of content.
    pub(crate) rest: Vec<String>,
    /// What says that the reply is complete.
    pub(crate) closing: Vec<String>,
}

impl EventStream {
    /// Cuts the content after its first `cut` events.
    pub(crate) fn new(mut opening: Vec<String>, mut content: Vec<String>, cut: usize) -> Self {
        let rest = content.split_off(cut.min(content.len()));
        opening.append(&mut content);
        Self { opening, rest, closing: Vec::new() }
    }

    pub(crate) fn closed_by(self, closing: Vec<String>) -> Self {
        Self { closing, ..self }
    }

    pub(crate) fn into_body(self, ending: &Ending, error_event: fn(&Value) -> String) -> ScriptedBody {
        let Self { opening, rest, closing } = self;
        match ending {
            Ending::Complete => ScriptedBody::of(opening.into_iter().chain(rest).chain(closing)),
            Ending::Error(error) => {
                ScriptedBody::of(opening.into_iter().chain(rest).chain([error_event(error)]))
            }
            Ending::Hang => ScriptedBody::of(opening).then(Step::Hang),
            Ending::Drop => ScriptedBody::of(opening).then(Step::Flush).then(Step::Drop),
        }
    }
}

/// One server-sent event; `name` is left out where a protocol has none.
pub(crate) fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

#[derive(Debug)]
enum Step {
    Chunk(String),
    /// Lets the server write out what it holds: it does so when a body is not ready.
    Flush,
    Hang,
    Drop,
}

#[derive(Debug)]
pub(crate) struct ScriptedBody {
    steps: VecDeque<Step>,
}

impl ScriptedBody {
    fn of(chunks: impl IntoIterator<Item = String>) -> Self {
        Self { steps: chunks.into_iter().map(Step::Chunk).collect() }
    }

    /// A body that breaks before its first byte. The server has not written the head of the response
    /// by then, so that the caller sees a connection closed without an answer.
    pub(crate) fn drop_at_once() -> Self {
        Self { steps: [Step::Drop].into() }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

/// The server closes the connection when a body fails with this.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the scenario drops the connection here")
    }
}

impl std::error::Error for Dropped {}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match self.steps.pop_front() {
            Some(Step::Chunk(text)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(text))))),
            Some(Step::Flush) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Hang) => {
                // Nothing ever wakes this body; the connection ends with the server or the caller.
                self.steps.push_front(Step::Hang);
                Poll::Pending
            }
            Some(Step::Drop) => Poll::Ready(Some(Err(Dropped))),
            None => Poll::Ready(None),
        }
    }
}
