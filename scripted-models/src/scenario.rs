//! A scenario: which requests are answered by which turns. Data only; `playback` plays it.

use serde::Deserialize;

use crate::request::{Asked, Protocol};
use crate::turn::{Reply, Turn};

/// An ordered list of rules. A request is served by the first rule that fits it and has turns left.
///
/// A request without tools is a side request (a title, a routing question, a quota check) and gets
/// `side`, except on OpenAI Responses, where Codex sends none and some models are offered no tools.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    #[serde(default = "ok")]
    pub(crate) side: Turn,
    #[serde(default = "done")]
    pub(crate) otherwise: Turn,
}

fn ok() -> Turn {
    Reply::text("ok").into()
}

fn done() -> Turn {
    Reply::text("done").into()
}

impl Scenario {
    pub fn new() -> Self {
        Self { rules: Vec::new(), side: ok(), otherwise: done() }
    }

    /// One rule that fits every request.
    pub fn of<T: Into<Turn>>(turns: impl IntoIterator<Item = T>) -> Self {
        let rule = Rule { turns: turns.into_iter().map(Into::into).collect(), ..Rule::when(When::any()) };
        Self::new().rule(rule)
    }

    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// What side requests get; by default the text "ok".
    pub fn side(self, turn: impl Into<Turn>) -> Self {
        Self { side: turn.into(), ..self }
    }

    /// What a request gets that no rule serves; by default the text "done".
    pub fn otherwise(self, turn: impl Into<Turn>) -> Self {
        Self { otherwise: turn.into(), ..self }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}

/// Turns for the requests that fit a condition.
///
/// Each conversation goes through the turns by itself. The next turn follows from how many replies
/// the request holds, so a repeated request gets the same answer. A turn that leaves no reply there
/// (an error, a hang, a broken stream) counts by attempts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(default)]
    pub(crate) when: When,
    pub(crate) turns: Vec<Turn>,
    /// Failures are counted over all conversations together.
    #[serde(default)]
    pub(crate) share_failures: bool,
}

impl Rule {
    pub fn when(when: When) -> Self {
        Self { when, turns: Vec::new(), share_failures: false }
    }

    pub fn turn(mut self, turn: impl Into<Turn>) -> Self {
        self.turns.push(turn.into());
        self
    }

    /// Counts failures over all conversations together: after `[429 once, text]` the second session
    /// gets the text, where otherwise each session would meet its own 429.
    pub fn share_failures(self) -> Self {
        Self { share_failures: true, ..self }
    }
}

/// What a request must be like; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    prompt: Option<String>,
    instructions: Option<String>,
    tool: Option<String>,
    model: Option<String>,
    protocol: Option<Protocol>,
}

impl When {
    pub fn any() -> Self {
        Self::default()
    }

    /// Some prompt of the conversation contains this text. What a CLI adds to the prompt by itself
    /// (reminders, environment, a list of files) is not looked at.
    pub fn prompt(text: impl Into<String>) -> Self {
        Self::any().and_prompt(text)
    }

    pub fn protocol(protocol: Protocol) -> Self {
        Self { protocol: Some(protocol), ..Self::default() }
    }

    pub fn and_prompt(self, text: impl Into<String>) -> Self {
        Self { prompt: Some(text.into()), ..self }
    }

    /// The system prompt contains this text.
    pub fn and_instructions(self, text: impl Into<String>) -> Self {
        Self { instructions: Some(text.into()), ..self }
    }

    /// A tool of this name is offered to the model.
    pub fn and_tool(self, name: impl Into<String>) -> Self {
        Self { tool: Some(name.into()), ..self }
    }

    pub fn and_model(self, model: impl Into<String>) -> Self {
        Self { model: Some(model.into()), ..self }
    }

    pub(crate) fn fits(&self, asked: &Asked) -> bool {
        let holds = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| match wanted {
            Some(text) => test(text),
            None => true,
        };
        holds(&self.prompt, &|text| asked.prompts.iter().any(|prompt| prompt.contains(text)))
            && holds(&self.instructions, &|text| asked.instructions.contains(text))
            && holds(&self.tool, &|name| asked.tools.iter().any(|tool| tool == name))
            && holds(&self.model, &|model| asked.model == model)
            && self.protocol.is_none_or(|protocol| protocol == asked.protocol)
    }
}
