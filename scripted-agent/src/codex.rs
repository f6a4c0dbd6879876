//! The stream of Codex 0.169 (`codex exec --json`): one item per message, command or file change, usage at the end.

use serde_json::{Value, json};

use crate::civil::Civil;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::wire::{Answer, Line, Printed, Tool, ToolOutcome, UnhappyEnd, Wire, quoted};

/// How often Codex connects again before it gives up.
const RECONNECTS: u32 = 5;

/// The limit in force when a script does not say how long it lasts.
const USUAL_RESET_SECONDS: u64 = 3600;

const DEFAULT_MODEL: &str = "gpt-6.1-sol";

const UNKNOWN_FLAG: &str = "error: unexpected argument '--full-auto' found

  tip: to pass '--full-auto' as a value, use '-- --full-auto'

Usage: codex exec [OPTIONS] [PROMPT]
       codex exec [OPTIONS] <COMMAND> [ARGS]

For more information, try '--help'.";

#[derive(Debug)]
pub(crate) struct CodexWire {
    identity: Identity,
    items: u32,
    open_item: String,
    last: Option<String>,
}

impl CodexWire {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, items: 0, open_item: String::new(), last: None }
    }

    fn next_item(&mut self) -> String {
        let id = format!("item_{}", self.items);
        self.items += 1;
        id
    }

    fn completed(&mut self, mut item: Value, out: &mut Printed) {
        item["id"] = self.next_item().into();
        out.line(&Line::of("item.completed").with("item", item));
    }

    fn turn_failed(message: &str, reconnects: u32, out: &mut Printed) -> Option<i32> {
        for k in 1..=reconnects {
            out.line(
                &Line::of("error").with("message", format!("Reconnecting... {k}/{RECONNECTS} ({message})")),
            );
        }
        out.line(&Line::of("error").with("message", message));
        out.line(&Line::of("turn.failed").with("error", json!({"message": message})));
        Some(1)
    }

    fn model(&self) -> &str {
        self.identity.model.as_deref().unwrap_or(DEFAULT_MODEL)
    }

    fn model_unavailable(&mut self, out: &mut Printed) -> Option<i32> {
        let model = self.model().to_owned();
        let warning = format!(
            "Model metadata for `{model}` not found. Defaulting to fallback metadata; this can degrade performance \
             and cause issues."
        );
        self.completed(json!({"type": "error", "message": warning}), out);
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self::turn_failed(&message, 0, out)
    }

    fn usage_limit(end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        let seconds = end.resets_in_seconds.unwrap_or(USUAL_RESET_SECONDS);
        let at = Civil::of(out.now_ms + seconds * 1000).clock();
        let message = format!(
            "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit \
             https://chatgpt.com/settings/usage to purchase more credits or try again at {at}."
        );
        Self::turn_failed(&message, 0, out)
    }

    /// Nothing shows that it is no real answer.
    fn answered(&mut self, text: &str, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        self.result(&Answer { text: text.to_owned(), structured: None, ..end.answer.clone() }, out);
        Some(0)
    }

    fn at_startup(text: &str, exit_code: i32, out: &mut Printed) -> Option<i32> {
        out.warn(text);
        Some(exit_code)
    }
}

impl Wire for CodexWire {
    fn start(&mut self, _prompt: &str, out: &mut Printed) {
        out.warn("Reading additional input from stdin...");
        out.line(&Line::of("thread.started").with("thread_id", self.identity.session_id.as_str()));
        out.line(&Line::of("turn.started"));
    }

    fn thinking(&mut self, text: &str, out: &mut Printed) {
        self.completed(json!({"type": "reasoning", "text": text}), out);
    }

    fn text(&mut self, text: &str, out: &mut Printed) {
        self.completed(json!({"type": "agent_message", "text": text}), out);
        self.last = Some(text.to_owned());
    }

    fn call(&mut self, tool: &Tool, out: &mut Printed) {
        self.open_item = self.next_item();
        let item = item_of(tool, &self.open_item, None);
        out.line(&Line::of("item.started").with("item", item));
    }

    fn returned(&mut self, tool: &Tool, outcome: &ToolOutcome, out: &mut Printed) {
        let item = item_of(tool, &self.open_item, Some(outcome));
        out.line(&Line::of("item.completed").with("item", item));
        self.last = None;
    }

    fn result(&mut self, answer: &Answer, out: &mut Printed) {
        let text = match &answer.structured {
            Some(structured) if self.identity.wants_schema => structured.to_string(),
            Some(_) | None => answer.text.clone(),
        };
        if self.last.as_ref() != Some(&text) {
            self.text(&text, out);
        }
        let usage = json!({
            "input_tokens": answer.usage.input, "cached_input_tokens": answer.usage.cached,
            "cache_write_input_tokens": 0, "output_tokens": answer.usage.output, "reasoning_output_tokens": 0,
        });
        out.line(&Line::of("turn.completed").with("usage", usage));
    }

    fn fail(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        if let Some((message, reconnects)) = turn_failure(end.failure) {
            return Self::turn_failed(message, reconnects, out);
        }
        match end.failure {
            Failure::UsageLimit => Self::usage_limit(end, out),
            Failure::ModelUnavailable => self.model_unavailable(out),
            Failure::Refusal => self.answered("I can’t help with that.", end, out),
            Failure::EmptyAnswer => self.answered("", end, out),
            Failure::Contradiction => {
                self.result(&end.answer, out);
                Some(1)
            }
            Failure::SessionUnknown => {
                let id = &self.identity.session_id;
                let text = format!(
                    "Error: thread/resume: thread/resume failed: no rollout found for thread id {id} (code -32600)"
                );
                Self::at_startup(&text, 1, out)
            }
            Failure::CliRejected => Self::at_startup(UNKNOWN_FLAG, 2, out),
            Failure::Untrusted => {
                let text = "Not inside a trusted directory and --skip-git-repo-check was not specified.";
                Self::at_startup(text, 1, out)
            }
            Failure::Interrupted => Some(1),
            Failure::NoResult => Some(0),
            // Codex knows no limit on turns or money.
            Failure::TurnLimit | Failure::BudgetLimit => None,
            Failure::Overloaded
            | Failure::ServerError
            | Failure::Network
            | Failure::RateLimit
            | Failure::Auth
            | Failure::Billing
            | Failure::ContextOverflow
            | Failure::OutputLimit
            | Failure::InvalidRequest => None,
        }
    }
}

/// The message of a failure that is nothing but a message, and how often Codex connects again before.
fn turn_failure(failure: Failure) -> Option<(&'static str, u32)> {
    match failure {
        Failure::Overloaded => Some(("Selected model is at capacity. Please try a different model.", 0)),
        Failure::ServerError => {
            let busy = "We’re currently experiencing high demand, which may cause temporary errors.";
            Some((busy, RECONNECTS))
        }
        Failure::Network => {
            let lost = "stream disconnected before completion: error sending request for url \
                        (https://api.openai.com/v1/responses)";
            Some((lost, RECONNECTS))
        }
        Failure::RateLimit => Some(("exceeded retry limit, last status: 429 Too Many Requests", RECONNECTS)),
        Failure::Auth => {
            let refused = "unexpected status 401 Unauthorized: Incorrect API key provided: dummy., url: \
                           https://api.openai.com/v1/responses";
            Some((refused, RECONNECTS))
        }
        Failure::Billing => Some(("Quota exceeded. Check your plan and billing details.", 0)),
        Failure::ContextOverflow => {
            let full = "Codex ran out of room in the model's context window. Start a new thread or clear earlier \
                        history before retrying.";
            Some((full, 0))
        }
        Failure::OutputLimit => Some(("Incomplete response returned, reason: max_output_tokens", 0)),
        Failure::InvalidRequest => {
            let refused = r#"{"error": {"message": "Unsupported value: 'x'", "type": "invalid_request_error", "param": null, "code": "unsupported_value"}}"#;
            Some((refused, 0))
        }
        Failure::UsageLimit
        | Failure::ModelUnavailable
        | Failure::TurnLimit
        | Failure::BudgetLimit
        | Failure::Refusal
        | Failure::SessionUnknown
        | Failure::CliRejected
        | Failure::Untrusted
        | Failure::Interrupted
        | Failure::NoResult
        | Failure::EmptyAnswer
        | Failure::Contradiction => None,
    }
}

/// The item of a tool; without an outcome it is in progress.
fn item_of(tool: &Tool, id: &str, outcome: Option<&ToolOutcome>) -> Value {
    match tool {
        Tool::Shell { command } => command_item(command, id, outcome),
        Tool::Write { path, .. } => {
            let kind = if outcome.is_some_and(|outcome| outcome.existed) { "update" } else { "add" };
            change_item(path, kind, id, outcome)
        }
        Tool::Append { path, .. } => change_item(path, "update", id, outcome),
        Tool::Named { name, input } => {
            match (name.as_str(), input.get("file_path").and_then(Value::as_str)) {
                // Codex reads files by its shell.
                ("Read", Some(path)) => command_item(&format!("cat {path}"), id, outcome),
                _ => mcp_item(name, input, id, outcome),
            }
        }
    }
}

fn status(outcome: Option<&ToolOutcome>) -> &'static str {
    match outcome {
        None => "in_progress",
        Some(outcome) if outcome.failed() => "failed",
        Some(_) => "completed",
    }
}

fn command_item(command: &str, id: &str, outcome: Option<&ToolOutcome>) -> Value {
    json!({
        "id": id, "type": "command_execution", "command": format!("/bin/bash -lc {}", quoted(command)),
        "aggregated_output": outcome.map_or("", |outcome| outcome.output.as_str()),
        "exit_code": outcome.map(|outcome| outcome.exit_code), "status": status(outcome),
    })
}

fn change_item(path: &str, kind: &str, id: &str, outcome: Option<&ToolOutcome>) -> Value {
    let changes = json!([{"path": path, "kind": kind}]);
    json!({"id": id, "type": "file_change", "changes": changes, "status": status(outcome)})
}

/// A tool that Codex does not have itself can only be one of an MCP server.
fn mcp_item(name: &str, input: &Value, id: &str, outcome: Option<&ToolOutcome>) -> Value {
    let result = outcome.filter(|outcome| !outcome.failed()).map(
        |outcome| json!({"content": [{"type": "text", "text": outcome.output}], "structured_content": null}),
    );
    let error = outcome.filter(|outcome| outcome.failed()).map(|outcome| json!({"message": outcome.output}));
    json!({
        "id": id, "type": "mcp_tool_call", "server": "scripted", "tool": name, "arguments": input,
        "result": result, "error": error, "status": status(outcome),
    })
}
