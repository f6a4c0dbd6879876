//! A CLI that prints plain text: what it says on standard output, why it fails on standard error. Tools and thoughts
//! leave no trace, as with `claude -p --output-format text`.

use crate::failure::Failure;
use crate::wire::{Answer, Printed, Tool, ToolOutcome, UnhappyEnd, Wire};

#[derive(Debug, Default)]
pub(crate) struct TextWire {
    last: Option<String>,
}

impl Wire for TextWire {
    fn start(&mut self, _prompt: &str, _out: &mut Printed) {}

    fn thinking(&mut self, _text: &str, _out: &mut Printed) {}

    fn text(&mut self, text: &str, out: &mut Printed) {
        out.stdout.push_str(text);
        out.stdout.push('\n');
        self.last = Some(text.to_owned());
    }

    fn call(&mut self, _tool: &Tool, _out: &mut Printed) {}

    fn returned(&mut self, _tool: &Tool, _outcome: &ToolOutcome, _out: &mut Printed) {}

    fn result(&mut self, answer: &Answer, out: &mut Printed) {
        if self.last.as_ref() != Some(&answer.text) {
            self.text(&answer.text, out);
        }
    }

    fn fail(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        match end.failure {
            Failure::NoResult | Failure::EmptyAnswer => Some(0),
            Failure::Contradiction => {
                self.result(&end.answer, out);
                Some(1)
            }
            Failure::Overloaded
            | Failure::ServerError
            | Failure::Network
            | Failure::RateLimit
            | Failure::UsageLimit
            | Failure::Auth
            | Failure::Billing
            | Failure::ModelUnavailable
            | Failure::ContextOverflow
            | Failure::TurnLimit
            | Failure::BudgetLimit
            | Failure::Refusal
            | Failure::OutputLimit
            | Failure::InvalidRequest
            | Failure::SessionUnknown
            | Failure::CliRejected
            | Failure::Untrusted
            | Failure::Interrupted => {
                out.warn(&format!("error: {}", end.failure));
                Some(1)
            }
        }
    }
}
