//! What an agent does, in a few words: for the live view, the queue, and the message of a timeout.

use std::borrow::Cow;

use agents_domain::agent_event::AgentEvent;

/// The longest description, in characters.
const MOST: usize = 80;

/// The event in a few words; `None` for what says nothing of the work.
pub fn describe(event: &AgentEvent<'_>) -> Option<String> {
    let words = match event {
        AgentEvent::ToolCall { name, input, id: _ } => match subject(input) {
            Some(subject) => format!("{name} {subject}"),
            None => name.to_string(),
        },
        AgentEvent::Text { text, delta: _ } => text.trim().to_owned(),
        AgentEvent::Thinking { .. } => "thinking".to_owned(),
        AgentEvent::Retry { reason, attempt, .. } => format!("model retry {attempt}: {reason}"),
        AgentEvent::Denied { tool, reason } => format!("{tool} refused: {reason}"),
        AgentEvent::Started { .. }
        | AgentEvent::ToolResult { .. }
        | AgentEvent::Usage { .. }
        | AgentEvent::RateLimit { .. }
        | AgentEvent::Notice { .. }
        | AgentEvent::Final(_)
        | AgentEvent::Unrecognized { .. } => return None,
    };
    let line = one_line(&words);
    (!line.is_empty()).then_some(line)
}

/// What a tool is called on: the first of its well-known arguments.
fn subject(input: &str) -> Option<String> {
    const ARGUMENTS: [&str; 8] =
        ["command", "cmd", "file_path", "path", "pattern", "query", "url", "description"];
    /// A tool's input may be a whole file; its subject stands in a short one.
    const LONGEST_INPUT: usize = 16 << 10;
    if input.len() > LONGEST_INPUT {
        return None;
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(input).ok()?;
    ARGUMENTS.iter().find_map(|name| object.get(*name)?.as_str().map(str::to_owned))
}

/// The text in one line, without control characters, cut to the longest description.
fn one_line(text: &str) -> String {
    let text: Cow<'_, str> = text.char_indices().nth(MOST * 4).map_or(text, |(end, _)| &text[..end]).into();
    let words: Vec<&str> = text.split_whitespace().collect();
    let clean: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_call_is_described_by_what_it_is_called_on() {
        let call = |input: &'static str| AgentEvent::ToolCall {
            id: "1".into(),
            name: "Bash".into(),
            input: input.into(),
        };
        assert_eq!(describe(&call(r#"{"command":"cargo\n test"}"#)).unwrap(), "Bash cargo test");
        assert_eq!(describe(&call("not json")).unwrap(), "Bash");
    }

    #[test]
    fn a_text_becomes_one_short_line_without_control_characters() {
        let text =
            AgentEvent::Text { text: format!("\u{1b}[31mred\n{}", "x".repeat(500)).into(), delta: false };
        let line = describe(&text).unwrap();
        assert!(line.starts_with("[31mred xxx") && line.chars().count() == 81, "{line}");
    }
}
