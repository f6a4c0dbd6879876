//! The stream of Gemini 0.61 (`gemini --output-format stream-json`): deltas of assistant text, tool calls, and a result
//! whose exit code is an HTTP status modulo 256.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::identity::Identity;
use crate::step::Usage;
use crate::wire::{Answer, Line, Printed, Tool, ToolOutcome, UnhappyEnd, Wire, append_command};

/// Characters in one delta. The CLI prints what the network brings; 16 is what the recordings have, and short
/// enough that a reader must join the parts of any real sentence.
const DELTA_CHARS: usize = 16;

const DEFAULT_MODEL: &str = "auto";

/// What a run has used whose requests were all refused.
const NO_TOKENS: Usage = Usage { input: 0, cached: 0, output: 0 };

const QUOTA_HINT: &str = "Please wait and try again later. To increase your limits, request a quota increase through \
                          AI Studio, or switch to another /auth method";

#[derive(Debug)]
pub(crate) struct GeminiWire {
    identity: Identity,
    started_ms: u64,
    calls: u64,
    open_call: String,
    last: Option<String>,
}

impl GeminiWire {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, started_ms: 0, calls: 0, open_call: String::new(), last: None }
    }

    fn model(&self) -> &str {
        self.identity.model.as_deref().unwrap_or(DEFAULT_MODEL)
    }

    fn event(kind: &str, out: &Printed) -> Line {
        Line::of(kind).with("timestamp", out.time())
    }

    /// `error` is absent for success, and JSON null never stands on the wire.
    fn terminal(&self, error: Option<Value>, usage: Usage, out: &mut Printed) {
        let status = if error.is_some() { "error" } else { "success" };
        let stats = self.stats(usage, out);
        let line =
            Self::event("result", out).with("status", status).maybe("error", error).with("stats", stats);
        out.line(&line);
    }

    fn stats(&self, Usage { input, cached, output }: Usage, out: &Printed) -> Value {
        let tokens = json!({
            "total_tokens": input + output, "input_tokens": input, "output_tokens": output, "cached": cached,
            "input": input.saturating_sub(cached),
        });
        let mut stats = tokens.clone();
        stats["duration_ms"] = out.now_ms.saturating_sub(self.started_ms).into();
        stats["tool_calls"] = self.calls.into();
        stats["models"] = json!({self.model(): tokens});
        stats
    }

    fn api_error(&self, message: &str, exit_code: i32, out: &mut Printed) -> Option<i32> {
        self.terminal(Some(json!({"type": "unknown", "message": message})), NO_TOKENS, out);
        Some(exit_code)
    }

    /// An answer of the API that the CLI passes on as it is.
    fn raw_api_error(&self, error: &Value, exit_code: i32, out: &mut Printed) -> Option<i32> {
        self.api_error(&format!("[API Error: {}]", json!({"error": error})), exit_code, out)
    }

    fn usage_limit(&self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        if let Some(seconds) = end.resets_in_seconds {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            out.warn(&format!(
                "Attempt 1 failed: You have exhausted your capacity on this model. Your quota will reset after \
                 {hours}h{minutes}m.\nSuggested retry after {seconds}s.. Retrying after {}ms...",
                seconds * 1000
            ));
        }
        let message =
            format!("[API Error: You have exhausted your daily quota on this model.]\n{QUOTA_HINT}");
        self.api_error(&message, 173, out)
    }

    fn at_startup(text: &str, exit_code: i32, out: &mut Printed) -> Option<i32> {
        out.warn(text);
        Some(exit_code)
    }

    fn empty_answer(&self, out: &mut Printed) -> Option<i32> {
        let message = "The model returned an empty response with no text or thoughts. This may be a transient API \
                       issue; please try again.";
        let line = Self::event("error", out).with("severity", "error").with("message", message);
        out.line(&line);
        let stats = self.stats(NO_TOKENS, out);
        let line = Self::event("result", out).with("status", "error").with("stats", stats);
        out.line(&line);
        Some(0)
    }
}

impl Wire for GeminiWire {
    fn start(&mut self, prompt: &str, out: &mut Printed) {
        self.started_ms = out.now_ms;
        let line = Self::event("init", out)
            .with("session_id", self.identity.session_id.as_str())
            .with("model", self.model());
        out.line(&line);
        let line = Self::event("message", out).with("role", "user").with("content", prompt);
        out.line(&line);
    }

    /// Thoughts are not printed by this CLI.
    fn thinking(&mut self, _text: &str, _out: &mut Printed) {}

    fn text(&mut self, text: &str, out: &mut Printed) {
        // Deltas in a row are one message, so a line break parts what the script says in two steps.
        let joined = if self.last.is_some() { format!("\n{text}") } else { text.to_owned() };
        let chars: Vec<char> = joined.chars().collect();
        for delta in chars.chunks(DELTA_CHARS) {
            let line = Self::event("message", out)
                .with("role", "assistant")
                .with("content", delta.iter().collect::<String>())
                .with("delta", true);
            out.line(&line);
        }
        self.last = Some(text.to_owned());
    }

    fn call(&mut self, tool: &Tool, out: &mut Printed) {
        let (name, parameters) = named(tool);
        self.open_call = format!("{name}__{name}_{}_{}", out.now_ms, self.calls);
        self.calls += 1;
        let line = Self::event("tool_use", out)
            .with("tool_name", name)
            .with("tool_id", self.open_call.as_str())
            .with("parameters", parameters);
        out.line(&line);
    }

    fn returned(&mut self, tool: &Tool, outcome: &ToolOutcome, out: &mut Printed) {
        let line = Self::event("tool_result", out).with("tool_id", self.open_call.as_str());
        let line = match tool {
            // A failing command is a success of the tool, and its exit code is not told.
            Tool::Shell { .. } | Tool::Append { .. } => {
                line.with("status", "success").with("output", outcome.output.trim_end())
            }
            Tool::Write { .. } => line.with("status", "success"),
            Tool::Named { .. } if outcome.failed() => {
                let error = json!({"type": "execution_failed", "message": outcome.output});
                line.with("status", "error").with("output", outcome.output.as_str()).with("error", error)
            }
            Tool::Named { .. } => line.with("status", "success").with("output", outcome.output.as_str()),
        };
        out.line(&line);
        self.last = None;
    }

    fn result(&mut self, answer: &Answer, out: &mut Printed) {
        if self.last.as_ref() != Some(&answer.text) {
            self.text(&answer.text, out);
        }
        self.terminal(None, answer.usage, out);
    }

    fn fail(&mut self, end: &UnhappyEnd, out: &mut Printed) -> Option<i32> {
        match end.failure {
            Failure::Overloaded => {
                self.api_error("[API Error: The model is overloaded. Please try again later.]", 247, out)
            }
            Failure::ServerError => {
                let message = "An internal error has occurred. Please retry.";
                self.raw_api_error(&json!({"code": 500, "message": message, "status": "INTERNAL"}), 244, out)
            }
            Failure::Network => self.api_error("[API Error: fetch failed]", 1, out),
            // One answer of the provider for both: too much for now, or no quota at all.
            Failure::RateLimit | Failure::Billing => {
                let text = "[API Error: Resource has been exhausted (e.g. check quota).]";
                self.api_error(&format!("{text}\n{QUOTA_HINT}"), 173, out)
            }
            Failure::UsageLimit => self.usage_limit(end, out),
            Failure::Auth => {
                let message = "Request had invalid authentication credentials.";
                let error = json!({"code": 401, "message": message, "status": "UNAUTHENTICATED"});
                self.raw_api_error(&error, 145, out)
            }
            Failure::ModelUnavailable => {
                let message =
                    format!("[API Error: models/{} is not found for API version v1beta]", self.model());
                self.api_error(&message, 1, out)
            }
            Failure::ContextOverflow => {
                let message =
                    "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).";
                let error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
                self.raw_api_error(&error, 144, out)
            }
            Failure::InvalidRequest => {
                let message = "Request contains an invalid argument.";
                let error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
                self.raw_api_error(&error, 144, out)
            }
            Failure::TurnLimit => {
                let message = "Reached max session turns for this session. Increase the number of turns by \
                               specifying maxSessionTurns in settings.json.";
                let error = json!({"type": "FatalTurnLimitedError", "message": message});
                self.terminal(Some(error), end.answer.usage, out);
                Some(53)
            }
            // The CLI shows neither a refusal nor a cut answer: both end as a success with what was said.
            Failure::Refusal | Failure::OutputLimit => {
                self.result(&Answer { text: "I was about to".to_owned(), ..end.answer.clone() }, out);
                Some(0)
            }
            Failure::SessionUnknown => {
                let id = &self.identity.session_id;
                let text = format!(
                    "Error resuming session: Invalid session identifier \"{id}\".\n  Use --list-sessions to see \
                     available sessions, then use --resume {{number}}, --resume {{uuid}}, or --resume latest."
                );
                Self::at_startup(&text, 42, out)
            }
            Failure::CliRejected => Self::at_startup("Unknown argument: no-such-flag", 1, out),
            Failure::Untrusted => {
                let text = "Gemini CLI is not running in a trusted directory. To proceed, either use `--skip-trust`, \
                            set the `GEMINI_CLI_TRUST_WORKSPACE=true` environment variable, or trust this directory \
                            in interactive mode.";
                Self::at_startup(text, 55, out)
            }
            Failure::EmptyAnswer => self.empty_answer(out),
            Failure::Contradiction => {
                self.result(&end.answer, out);
                Some(1)
            }
            Failure::Interrupted | Failure::NoResult => Some(0),
            // Gemini knows no limit on money.
            Failure::BudgetLimit => None,
        }
    }
}

/// The CLI's own name and parameters for a tool.
fn named(tool: &Tool) -> (&str, Value) {
    match tool {
        Tool::Shell { command } => {
            ("run_shell_command", json!({"command": command, "description": "Run a command"}))
        }
        Tool::Write { path, content } => ("write_file", json!({"file_path": path, "content": content})),
        Tool::Append { path, content } => {
            let command = append_command(path, content);
            ("run_shell_command", json!({"command": command, "description": "Append to a file"}))
        }
        Tool::Named { name, input } => (if name == "Read" { "read_file" } else { name }, input.clone()),
    }
}
