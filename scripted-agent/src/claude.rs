//! The stream of Claude Code 2.1 (`claude -p --output-format stream-json --verbose`): one event per content block,
//! `init` and `result` around each turn. What a failure looks like is in `claude_failure.rs`.

use serde_json::{Value, json};

use crate::claude_failure::{self, ApiFailure, Ending};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::wire::{Answer, Line, Printed, Tool, ToolOutcome, UnhappyEnd, Wire, append_command};

const DEFAULT_MODEL: &str = "claude-opus-5-5";

/// The aliases that the CLI resolves itself.
const ALIASES: [(&str, &str); 3] =
    [("opus", "claude-opus-5-5"), ("sonnet", "claude-sonnet-5-5"), ("haiku", "claude-haiku-5-5")];

/// What the CLI says of a file that it made.
const FILE_NOTE: &str = "(file state is current in your context — no need to Read it back)";

#[derive(Debug)]
pub(crate) struct ClaudeWire {
    identity: Identity,
    model: String,
    /// A turn is open between `init` and `result`; what comes after a result opens another one.
    turn_open: bool,
    turn_started_ms: u64,
    events: u64,
    replies: u64,
    results: u64,
    calls: u64,
    last: Option<String>,
    /// Cost and usage of the session, which each result repeats as totals.
    spent: Spent,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spent {
    cost_usd: f64,
    input: u64,
    cached: u64,
    output: u64,
}

impl Spent {
    fn add(&mut self, answer: &Answer) {
        self.cost_usd += answer.cost_usd;
        self.input += answer.usage.input.saturating_sub(answer.usage.cached);
        self.cached += answer.usage.cached;
        self.output += answer.usage.output;
    }
}

impl ClaudeWire {
    pub(crate) fn new(identity: Identity) -> Self {
        let wanted = identity.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        let model = ALIASES
            .into_iter()
            .find(|(alias, _)| *alias == wanted)
            .map_or(wanted, |(_, model)| model.to_owned());
        Self {
            identity,
            model,
            turn_open: false,
            turn_started_ms: 0,
            events: 0,
            replies: 1,
            results: 0,
            calls: 0,
            last: None,
            spent: Spent::default(),
        }
    }

    /// An id in the form of a UUID, different for each event of the run.
    fn uuid(&mut self) -> String {
        self.events += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.events)
    }

    /// The two fields that every event has.
    fn signed(&mut self, line: Line) -> Line {
        let uuid = self.uuid();
        line.with("session_id", self.identity.session_id.as_str()).with("uuid", uuid)
    }

    fn open_turn(&mut self, out: &mut Printed) {
        if self.turn_open {
            return;
        }
        self.turn_open = true;
        self.turn_started_ms = out.now_ms;
        self.replies = 1;
        let cwd = self.identity.cwd.clone();
        let line = Line::of("system")
            .with("subtype", "init")
            .with("cwd", cwd.as_str())
            .with("tools", json!(["Task", "Bash", "Edit", "Read", "WebFetch", "WebSearch", "Write"]))
            .with("mcp_servers", json!([]))
            .with("model", self.model.as_str())
            .with("permissionMode", self.identity.permission_mode.as_deref().unwrap_or("default"))
            .with("slash_commands", json!([]))
            .with("apiKeySource", "ANTHROPIC_API_KEY")
            .with("claude_code_version", "2.1.329")
            .with("output_style", "default")
            .with("agents", json!(["claude", "Explore", "general-purpose", "Plan"]))
            .with("skills", json!([]))
            .with("plugins", json!([]))
            .with("capabilities", json!(["interrupt_receipt_v1"]))
            .with("served_by_anthropic", false);
        let line = self.signed(line);
        out.line(&line);
    }

    /// One block of the model's reply.
    fn block(&mut self, block: &Value, out: &mut Printed) -> Line {
        self.open_turn(out);
        let message = json!({
            "id": format!("msg_{:024x}", self.replies), "type": "message", "role": "assistant",
            "model": self.model, "content": [block], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": 1, "service_tier": "standard"},
            "context_management": null,
        });
        let line = Line::of("assistant").with("message", message).with("parent_tool_use_id", Value::Null);
        self.signed(line)
            .with("timestamp", out.time())
            .with("request_id", format!("req_{:020x}", self.replies))
    }

    /// What goes back to the model, or stands in its place.
    fn user(&mut self, content: &Value, out: &Printed) -> Line {
        let line = Line::of("user")
            .with("message", json!({"role": "user", "content": [content]}))
            .with("parent_tool_use_id", Value::Null);
        self.signed(line).with("timestamp", out.time())
    }

    fn tool_id(&self) -> String {
        format!("toolu_{:024x}", self.calls)
    }

    /// The terminal event. `type` is not its first key, as with the real CLI.
    fn terminal(&mut self, ending: &Ending, out: &mut Printed) {
        let duration = out.now_ms.saturating_sub(self.turn_started_ms);
        let uuid = self.uuid();
        let models = self.model_usage();
        // Only a turn that a model ended well has these times.
        let model_answered = !ending.is_error;
        let line = Line::new()
            .with("duration_api_ms", duration)
            .with("stop_reason", ending.stop_reason)
            .with("session_id", self.identity.session_id.as_str())
            .with("total_cost_usd", self.spent.cost_usd)
            .with("usage", self.usage())
            .with("modelUsage", models.clone())
            .with("permission_denials", json!([]))
            .with("terminal_reason", ending.terminal_reason)
            .with("fast_mode_state", "off")
            .with("fast_mode_disabled_reason", "sdk_opt_in_required")
            .with("subagent_stats", claude_failure::no_subagents())
            .with("safety_stops", 0)
            .with("is_error", ending.is_error)
            .with("num_turns", self.replies)
            .with("subtype", ending.subtype)
            .maybe("api_error_status", ending.result.as_ref().map(|_| json!(ending.api.status)))
            .maybe("api_error_type", ending.api.kind)
            .maybe("api_error", ending.api.name)
            .maybe("result", ending.result.as_deref())
            .maybe("structured_output", ending.structured.clone())
            .maybe("errors", ending.errors.clone().map(|error| json!([error])))
            .maybe("ttft_ms", model_answered.then_some(2))
            .with("type", "result")
            .with("duration_ms", duration)
            .with("uuid", uuid)
            .maybe("ttft_stream_ms", model_answered.then_some(2))
            .maybe("time_to_request_ms", model_answered.then_some(1))
            .maybe("first_content_frame_ms", model_answered.then_some(2))
            .with("queued_turn_count", 0)
            .with("result_index", self.results)
            .with("model_usage_since_last_result", models);
        out.line(&line);
        self.results += 1;
        self.turn_open = false;
        self.last = None;
    }

    fn usage(&self) -> Value {
        let Spent { input, cached, output, .. } = self.spent;
        json!({
            "input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached,
            "output_tokens": output, "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "service_tier": "standard",
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "inference_geo": "", "iterations": [], "speed": "standard", "fallback_credit": null,
        })
    }

    /// Empty as long as no model has answered.
    fn model_usage(&self) -> Value {
        let Spent { input, cached, output, cost_usd } = self.spent;
        if input + cached + output == 0 {
            return json!({});
        }
        json!({self.model.as_str(): {
            "inputTokens": input, "outputTokens": output, "cacheReadInputTokens": cached,
            "cacheCreationInputTokens": 0, "webSearchRequests": 0, "costUSD": cost_usd,
            "contextWindow": 1_000_000, "maxOutputTokens": 128_000, "thinkingTokens": 0,
            "cacheCreationEphemeral5mInputTokens": 0, "cacheCreationEphemeral1hInputTokens": 0,
            "canonicalModel": self.model, "provider": "firstParty", "costBasis": "list",
        }})
    }

    fn api_failure(&mut self, failure: &ApiFailure, out: &mut Printed) {
        if let Some(error) = failure.retried_as {
            for attempt in 1..=claude_failure::RETRIES {
                let line = Line::of("system")
                    .with("subtype", "api_retry")
                    .with("attempt", attempt)
                    .with("max_retries", claude_failure::RETRIES)
                    .with("retry_delay_ms", 500 * attempt)
                    .with("error_status", json!(failure.api.status))
                    .with("error", error);
                let line = self.signed(line);
                out.line(&line);
            }
        }
        if let Some(info) = &failure.rate_limit_info {
            let line = self.signed(Line::of("rate_limit_event").with("rate_limit_info", info.clone()));
            out.line(&line);
        }
        let line = Line::of("assistant")
            .with("message", claude_failure::synthetic_message(failure))
            .with("parent_tool_use_id", Value::Null);
        let line = self
            .signed(line)
            .with("timestamp", out.time())
            .with("error", failure.error)
            .with("is_api_error_message", true)
            .maybe("api_error_status", failure.api.status)
            .maybe("api_error_type", failure.api.kind)
            .maybe("api_error", failure.api.name);
        out.line(&line);
        self.terminal(&failure.ending(), out);
    }

    /// A policy stop comes after replies that were paid for.
    fn policy_stop(&mut self, end: &UnhappyEnd, ending: &Ending, out: &mut Printed) -> Option<i32> {
        self.spent.add(&end.answer);
        self.terminal(ending, out);
        Some(1)
    }

    fn empty_answer(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        self.spent.add(&end.answer);
        self.terminal(&Ending::success(String::new()), out);
        Some(0)
    }

    /// The real CLI asks for the schema's answer as a tool call.
    fn structured(&mut self, answer: &Answer, structured: &Value, out: &mut Printed) {
        let tool = Tool::Named { name: "StructuredOutput".to_owned(), input: structured.clone() };
        let output = "Structured output provided successfully".to_owned();
        self.call(&tool, out);
        self.returned(&tool, &ToolOutcome { output, exit_code: 0, existed: false }, out);
        self.spent.add(answer);
        self.terminal(&Ending::structured(structured.clone()), out);
    }
}

impl Wire for ClaudeWire {
    fn start(&mut self, _prompt: &str, out: &mut Printed) {
        self.open_turn(out);
    }

    fn thinking(&mut self, text: &str, out: &mut Printed) {
        self.open_turn(out);
        let line = Line::of("system")
            .with("subtype", "thinking_tokens")
            .with("estimated_tokens", 1)
            .with("estimated_tokens_delta", 1);
        let line = self.signed(line);
        out.line(&line);
        let line = self.block(&json!({"type": "thinking", "thinking": text, "signature": "c2ln"}), out);
        out.line(&line);
    }

    fn text(&mut self, text: &str, out: &mut Printed) {
        let line = self.block(&json!({"type": "text", "text": text}), out);
        out.line(&line);
        self.last = Some(text.to_owned());
    }

    fn call(&mut self, tool: &Tool, out: &mut Printed) {
        self.calls += 1;
        let (name, input) = named(tool);
        let id = self.tool_id();
        let line = self.block(&json!({"type": "tool_use", "id": id, "name": name, "input": input}), out);
        out.line(&line);
    }

    fn returned(&mut self, tool: &Tool, outcome: &ToolOutcome, out: &mut Printed) {
        let id = self.tool_id();
        let (content, details) = told(tool, outcome);
        let mut block = json!({"tool_use_id": id, "type": "tool_result", "content": content});
        if outcome.failed() || matches!(tool, Tool::Shell { .. } | Tool::Append { .. }) {
            block["is_error"] = outcome.failed().into();
        }
        let permission = json!({"decision": "accept", "source": "config", "reason_type": "mode"});
        let line = self
            .user(&block, out)
            .with("tool_use_result", details)
            .with("tool_result_meta", json!([{"id": id, "permission_decision": permission}]));
        out.line(&line);
        self.replies += 1;
        self.last = None;
    }

    fn result(&mut self, answer: &Answer, out: &mut Printed) {
        self.open_turn(out);
        match &answer.structured {
            Some(structured) if self.identity.wants_schema => self.structured(answer, structured, out),
            Some(_) | None => {
                if self.last.as_ref() != Some(&answer.text) {
                    self.text(&answer.text, out);
                }
                self.spent.add(answer);
                self.terminal(&Ending::success(answer.text.clone()), out);
            }
        }
    }

    fn fail(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        if let Some(failure) = claude_failure::of_api(end, &self.model, out.now_ms) {
            self.open_turn(out);
            if failure.is_paid {
                self.spent.add(&end.answer);
            }
            self.api_failure(&failure, out);
            return Some(1);
        }
        match end.failure {
            Failure::TurnLimit => self.policy_stop(end, &Ending::turn_limit(self.replies), out),
            Failure::BudgetLimit => self.policy_stop(end, &Ending::budget_limit(), out),
            Failure::EmptyAnswer => self.empty_answer(end, out),
            Failure::Contradiction => {
                self.result(&end.answer, out);
                Some(1)
            }
            Failure::SessionUnknown => {
                let text = format!("No conversation found with session ID: {}", self.identity.session_id);
                out.warn(&text);
                let uuid = self.uuid();
                let usage = self.usage();
                out.line(&claude_failure::session_unknown(&text, &self.identity.session_id, &uuid, usage));
                Some(1)
            }
            Failure::CliRejected => {
                out.warn("error: unknown option '--no-such-flag'");
                Some(1)
            }
            Failure::Interrupted => {
                let line = self.user(&json!({"type": "text", "text": "[Request interrupted by user]"}), out);
                out.line(&line);
                Some(0)
            }
            Failure::NoResult => Some(0),
            // Claude works in any folder.
            Failure::Untrusted => None,
            Failure::Overloaded
            | Failure::ServerError
            | Failure::Network
            | Failure::RateLimit
            | Failure::UsageLimit
            | Failure::Auth
            | Failure::Billing
            | Failure::ModelUnavailable
            | Failure::ContextOverflow
            | Failure::Refusal
            | Failure::OutputLimit
            | Failure::InvalidRequest => None,
        }
    }
}

/// The CLI's own name and input for a tool.
fn named(tool: &Tool) -> (&str, Value) {
    match tool {
        Tool::Shell { command } => ("Bash", json!({"command": command, "description": "Run a command"})),
        Tool::Write { path, content } => ("Write", json!({"file_path": path, "content": content})),
        Tool::Append { path, content } => {
            let command = append_command(path, content);
            ("Bash", json!({"command": command, "description": "Append to a file"}))
        }
        Tool::Named { name, input } => (name, input.clone()),
    }
}

/// What the model is told of a tool's outcome, and the details beside it.
fn told(tool: &Tool, outcome: &ToolOutcome) -> (String, Value) {
    let output = outcome.output.trim_end_matches('\n');
    match tool {
        Tool::Shell { .. } | Tool::Append { .. } if outcome.failed() => {
            let content = format!("Exit code {}\n{output}", outcome.exit_code);
            let details = format!("Error: {content}");
            (content, details.into())
        }
        Tool::Shell { .. } | Tool::Append { .. } => {
            let details = json!({"stdout": output, "stderr": "", "interrupted": false, "isImage": false,
                "noOutputExpected": false});
            (output.to_owned(), details)
        }
        Tool::Write { path, content } => {
            let (kind, said) = if outcome.existed {
                ("update", format!("The file {path} has been updated successfully. {FILE_NOTE}"))
            } else {
                ("create", format!("File created successfully at: {path} {FILE_NOTE}"))
            };
            let details = json!({"type": kind, "filePath": path, "content": content, "structuredPatch": [],
                "originalFile": null, "userModified": false});
            (said, details)
        }
        Tool::Named { .. } if outcome.failed() => (output.to_owned(), format!("Error: {output}").into()),
        Tool::Named { .. } => (output.to_owned(), output.into()),
    }
}
