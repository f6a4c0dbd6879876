//! A model that isn't there: it says what the spec says that it says.

use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::usage::TokenUsage;
use agents_harnesses::ai::ModelCall;

use super::{Ending, Told};

pub(super) fn answer(call: &ModelCall) -> Result<Told, Outcome> {
    let mock = call.spec.mock.clone().unwrap_or_default();
    if let Some(class) = mock.fail.as_deref() {
        let class = OutcomeClass::from_name(class).unwrap_or(OutcomeClass::Unclassified);
        let text = mock.reply.unwrap_or_else(|| "the mock was told to fail".to_owned());
        return Err(Outcome::failure(class, text));
    }
    let usage = mock.usage.map(|usage| TokenUsage {
        input: usage.input,
        cached: usage.cached,
        written: 0,
        output: usage.output,
        reasoning: None,
    });
    let text = mock.reply.unwrap_or_else(|| call.spec.prompt.clone());
    Ok(Told { text, usage, ending: Some(Ending::Done), failure: None, is_over: true })
}
