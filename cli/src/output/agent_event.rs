//! What an agent said, for people and as JSON.

use agents_domain::agent_event::{AgentEvent, RateLimitStatus, Unrecognized};
use serde_json::{Value, json};

use super::text::{CYAN, DIM, GREEN, RED, RESET, YELLOW, plain};

/// The longest tool input or output that is shown whole, in characters.
const SHOWN: usize = 2_000;

/// The event for people; empty for what says nothing to them. What an agent wrote must not steer the terminal.
pub fn human(event: &AgentEvent<'_>) -> String {
    match event {
        AgentEvent::Started { session_id, model, cli_version } => {
            let part = |name: &str, value: &Option<std::borrow::Cow<'_, str>>| {
                value.as_ref().map(|value| format!(" {name} {value}")).unwrap_or_default()
            };
            let parts =
                [part("session", session_id), part("model", model), part("version", cli_version)].concat();
            format!("{DIM}started{parts}{RESET}\n")
        }
        AgentEvent::Text { text, delta: true } => plain(text),
        AgentEvent::Text { text, delta: false } => format!("{}\n", plain(text.trim_end())),
        AgentEvent::Thinking { text } => format!("{DIM}{}{RESET}\n", plain(text.trim_end())),
        AgentEvent::ToolCall { name, input, id: _ } => {
            format!("{CYAN}▸ {}{RESET} {}\n", plain(name), shown(input))
        }
        AgentEvent::ToolResult { output, is_error, id: _ } => {
            let color = if *is_error { RED } else { DIM };
            format!("{color}{}{RESET}\n", indented(&shown(output)))
        }
        AgentEvent::Usage { .. } => String::new(),
        AgentEvent::Retry { attempt, max, wait_ms, reason } => {
            let of = max.map(|max| format!(" of {max}")).unwrap_or_default();
            let wait = wait_ms.map(|wait| format!(" in {:.1} s", wait as f64 / 1e3)).unwrap_or_default();
            format!("{YELLOW}model retry {attempt}{of}{wait}: {}{RESET}\n", plain(reason))
        }
        AgentEvent::RateLimit { status, kind, resets_at } => {
            let until = resets_at.map(|at| format!(", resets at {at}")).unwrap_or_default();
            let kind = kind.as_deref().unwrap_or("rate");
            format!("{YELLOW}{kind} limit: {}{until}{RESET}\n", limit_name(*status))
        }
        AgentEvent::Denied { tool, reason } => {
            format!("{RED}refused: {}: {}{RESET}\n", plain(tool), plain(reason))
        }
        AgentEvent::Notice { text } => format!("{YELLOW}{}{RESET}\n", plain(text)),
        AgentEvent::Final(last) if last.is_error => {
            format!("{RED}✗ {}{RESET}\n", plain(last.text.as_deref().unwrap_or("ended in an error")))
        }
        AgentEvent::Final(last) => {
            let cost = last.cost.map(|cost| format!(" ${:.4}", cost.as_dollars())).unwrap_or_default();
            format!("{GREEN}✓ done{cost}{RESET}\n")
        }
        AgentEvent::Unrecognized { line, why } => {
            format!("{DIM}[{}] {}{RESET}\n", why_name(*why), shown(line))
        }
    }
}

/// The event as one JSON object. For programs: texts are whole.
pub fn json(event: &AgentEvent<'_>) -> Value {
    match event {
        AgentEvent::Started { session_id, model, cli_version } => {
            json!({"type": "started", "sessionId": session_id, "model": model, "cliVersion": cli_version})
        }
        AgentEvent::Text { text, delta } => json!({"type": "text", "text": text, "delta": delta}),
        AgentEvent::Thinking { text } => json!({"type": "thinking", "text": text}),
        AgentEvent::ToolCall { id, name, input } => {
            let input = serde_json::from_str(input).unwrap_or_else(|_| Value::String(input.to_string()));
            json!({"type": "toolCall", "id": id, "name": name, "input": input})
        }
        AgentEvent::ToolResult { id, output, is_error } => {
            json!({"type": "toolResult", "id": id, "output": output, "isError": is_error})
        }
        AgentEvent::Usage { usage } => json!({
            "type": "usage", "input": usage.input, "cached": usage.cached, "output": usage.output,
            "reasoning": usage.reasoning,
        }),
        AgentEvent::Retry { attempt, max, wait_ms, reason } => {
            json!({"type": "retry", "attempt": attempt, "max": max, "waitMs": wait_ms, "reason": reason})
        }
        AgentEvent::RateLimit { status, kind, resets_at } => json!({
            "type": "rateLimit", "status": limit_name(*status), "kind": kind,
            "resetsAt": resets_at.map(|at| at.to_string()),
        }),
        AgentEvent::Denied { tool, reason } => json!({"type": "denied", "tool": tool, "reason": reason}),
        AgentEvent::Notice { text } => json!({"type": "notice", "text": text}),
        AgentEvent::Final(last) => json!({
            "type": "final", "isError": last.is_error, "text": last.text,
            "costUsd": last.cost.map(|cost| cost.as_dollars()), "turns": last.turns,
        }),
        AgentEvent::Unrecognized { line, why } => {
            json!({"type": "unrecognized", "why": why_name(*why), "line": line})
        }
    }
}

/// A line that is too long to be shown, as one JSON object: its beginning and its length.
pub fn json_of_long_line(head: &[u8], bytes: u64) -> Value {
    let line = String::from_utf8_lossy(head);
    json!({"type": "unrecognized", "why": why_name(Unrecognized::TooLong), "line": line, "bytes": bytes})
}

fn limit_name(status: RateLimitStatus) -> &'static str {
    match status {
        RateLimitStatus::Allowed => "allowed",
        RateLimitStatus::Warning => "warning",
        RateLimitStatus::Rejected => "rejected",
    }
}

fn why_name(why: Unrecognized) -> &'static str {
    match why {
        Unrecognized::NotJson => "not JSON",
        Unrecognized::UnknownType => "unknown type",
        Unrecognized::BadBody => "bad body",
        Unrecognized::TooLong => "too long",
    }
}

/// The text without control characters (an agent's output may hold any), cut where it is long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} … ({} bytes)", plain(&text[..end]), text.len()),
        None => plain(text),
    }
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_can_not_steer_the_terminal() {
        let evil = || "\u{1b}]0;owned\u{7}\u{9b}2Jtext\twith\nlines".into();
        let said = [
            AgentEvent::Text { text: evil(), delta: false },
            AgentEvent::Text { text: evil(), delta: true },
            AgentEvent::Thinking { text: evil() },
            AgentEvent::ToolCall { id: "1".into(), name: evil(), input: evil() },
            AgentEvent::ToolResult { id: "1".into(), output: evil(), is_error: false },
            AgentEvent::Denied { tool: evil(), reason: evil() },
            AgentEvent::Notice { text: evil() },
        ];
        for event in said {
            let own = [CYAN, DIM, RED, RESET, YELLOW]
                .iter()
                .fold(human(&event), |text, code| text.replace(code, ""));
            assert!(!own.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{own:?}");
            assert!(own.contains("text\twith"), "{own:?}");
        }
    }
}
