//! Reads what a request asks, from the three wire formats into one shape. It must not fail: a field
//! that is missing or odd counts as absent, since the CLIs' requests change with every version.

use serde::Deserialize;
use serde_json::Value;

/// A wire protocol of a model's maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Anthropic,
    Openai,
    Gemini,
}

/// What one request to a model asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub protocol: Protocol,
    pub model: String,
    /// The user's texts, oldest first, without what the CLI adds to them by itself.
    pub prompts: Vec<String>,
    /// The system prompt and what comes in its place.
    pub instructions: String,
    /// Names of the tools that the model may call.
    pub tools: Vec<String>,
    /// How many replies of the model the conversation holds so far.
    pub replies: u32,
    /// What all requests of one session have in common.
    pub conversation: String,
}

/// Openings of the texts that the CLIs put beside a prompt.
const ADDED_BY_CLI: [&str; 4] =
    ["<system-reminder>", "<environment_context>", "<session_context>", "<user_instructions>"];

/// Texts that a resumed session has in place of a reply that never came. They come from the CLI, not
/// from the model (Claude Code 2.1.329, Gemini CLI 0.61.0).
const STAND_INS: [&str; 2] =
    ["No response requested.", "[The previous response was interrupted before it completed.]"];

impl Asked {
    pub(crate) fn anthropic(session: Option<&str>, body: &Value) -> Self {
        let messages = list(body, "messages");
        let mut instructions = texts(&body["system"]);
        instructions.extend(of_role(messages, "system").flat_map(|message| texts(&message["content"])));
        let prompts = of_role(messages, "user").flat_map(|message| texts(&message["content"])).collect();
        let replies = runs(messages.iter().map(|message| {
            message["role"] == "assistant" && !is_stand_in(&texts(&message["content"]), &message["content"])
        }));
        Self {
            protocol: Protocol::Anthropic,
            model: string(body, "model"),
            tools: list(body, "tools").iter().map(tool_name).collect(),
            instructions: instructions.join("\n"),
            replies,
            conversation: String::new(),
            prompts,
        }
        .named(session)
    }

    pub(crate) fn openai(body: &Value) -> Self {
        let input = list(body, "input");
        let mut instructions = texts(&body["instructions"]);
        instructions.extend(of_role(input, "developer").flat_map(|item| texts(&item["content"])));
        let prompts = match body["input"].as_str() {
            Some(prompt) => vec![prompt.to_owned()],
            None => of_role(input, "user").flat_map(|item| texts(&item["content"])).collect(),
        };
        Self {
            protocol: Protocol::Openai,
            model: string(body, "model"),
            tools: list(body, "tools").iter().map(tool_name).collect(),
            instructions: instructions.join("\n"),
            replies: runs(input.iter().map(is_said_by_openai)),
            conversation: String::new(),
            prompts,
        }
        .named(body["prompt_cache_key"].as_str())
    }

    pub(crate) fn gemini(model: &str, body: &Value) -> Self {
        let contents = list(body, "contents");
        let user: Vec<String> = contents
            .iter()
            .filter(|content| content["role"] != "model")
            .flat_map(|content| texts(&content["parts"]))
            .collect();
        let declared = list(body, "tools").iter().flat_map(|tool| list(tool, "functionDeclarations"));
        // No session id is sent. The folder keeps apart two workspaces with the same prompt.
        let folder =
            user.iter().flat_map(|text| text.lines()).find(|line| line.contains("temporary directory is:"));
        let folder = folder.map(str::to_owned).unwrap_or_default();
        let mut asked = Self {
            protocol: Protocol::Gemini,
            model: model.to_owned(),
            tools: declared.map(tool_name).collect(),
            instructions: texts(&body["systemInstruction"]["parts"]).join("\n"),
            replies: runs(contents.iter().map(|content| {
                content["role"] == "model" && !is_stand_in(&texts(&content["parts"]), &content["parts"])
            })),
            conversation: String::new(),
            prompts: user,
        }
        .named(None);
        asked.conversation = format!("{folder}{}", asked.conversation);
        asked
    }

    pub(crate) fn is_side_request(&self) -> bool {
        match self.protocol {
            Protocol::Anthropic | Protocol::Gemini => self.tools.is_empty(),
            Protocol::Openai => false,
        }
    }

    /// Leaves out what the CLI added to the prompts and names the conversation: by its session, or
    /// by its first prompt where none is sent.
    fn named(mut self, session: Option<&str>) -> Self {
        self.prompts
            .retain(|text| !ADDED_BY_CLI.iter().any(|opening| text.trim_start().starts_with(opening)));
        self.conversation =
            session.or(self.prompts.first().map(String::as_str)).unwrap_or_default().to_owned();
        self
    }
}

/// How many runs of neighbors are true: several items in a row make one reply.
fn runs(said: impl Iterator<Item = bool>) -> u32 {
    let mut count = 0;
    let mut before = false;
    for now in said {
        count += u32::from(now && !before);
        before = now;
    }
    count
}

fn is_said_by_openai(item: &Value) -> bool {
    let kind = item["type"].as_str().unwrap_or("message");
    match kind {
        "message" => item["role"] == "assistant",
        "reasoning" => true,
        other => other.ends_with("_call"),
    }
}

/// A stand-in is one text and nothing else.
fn is_stand_in(texts: &[String], content: &Value) -> bool {
    let is_alone = content.as_array().is_none_or(|blocks| blocks.len() == 1);
    let [text] = texts else { return false };
    is_alone && STAND_INS.contains(&text.trim())
}

/// The texts of a content that is a string or a list of blocks with a `text`.
fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn of_role<'a>(messages: &'a [Value], role: &'a str) -> impl Iterator<Item = &'a Value> {
    messages.iter().filter(move |message| message["role"] == role)
}

fn list<'a>(body: &'a Value, key: &str) -> &'a [Value] {
    body[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn string(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_default().to_owned()
}

/// A built-in tool has no name but a type.
fn tool_name(tool: &Value) -> String {
    tool["name"].as_str().or(tool["type"].as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anthropic_replies_are_counted_without_the_stand_in_of_a_resumed_session() {
        let body = json!({
            "model": "m", "system": [{"type": "text", "text": "be brief"}], "tools": [{"name": "Bash"}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "<system-reminder>x</system-reminder>"}, {"type": "text", "text": "go"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "hi"}]},
                {"role": "assistant", "content": "No response requested."},
                {"role": "user", "content": "again"},
            ]
        });
        let expected = Asked {
            protocol: Protocol::Anthropic,
            model: "m".into(),
            prompts: vec!["go".into(), "again".into()],
            instructions: "be brief".into(),
            tools: vec!["Bash".into()],
            replies: 1,
            conversation: "s1".into(),
        };
        assert_eq!(Asked::anthropic(Some("s1"), &body), expected);
    }

    #[test]
    fn openai_items_in_a_row_are_one_reply() {
        let body = json!({
            "model": "m", "prompt_cache_key": "s2", "tools": [{"type": "web_search"}],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "be brief"}]},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
                {"type": "reasoning"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
                {"type": "function_call", "call_id": "c"},
                {"type": "custom_tool_call", "call_id": "d"},
                {"type": "function_call_output", "call_id": "c"},
                {"type": "custom_tool_call_output", "call_id": "d"},
                {"type": "function_call", "call_id": "e"},
                {"type": "function_call_output", "call_id": "e"},
            ]
        });
        let expected = Asked {
            protocol: Protocol::Openai,
            model: "m".into(),
            prompts: vec!["go".into()],
            instructions: "be brief".into(),
            tools: vec!["web_search".into()],
            replies: 2,
            conversation: "s2".into(),
        };
        assert_eq!(Asked::openai(&body), expected);
    }

    #[test]
    fn gemini_conversations_are_told_apart_by_folder_and_prompt() {
        let context = "<session_context>\n- The project's temporary directory is: /a\n</session_context>";
        let body = json!({
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "tools": [{"functionDeclarations": [{"name": "read_file"}, {"name": "glob"}]}],
            "contents": [
                {"role": "user", "parts": [{"text": context}, {"text": "go"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "glob", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "glob"}}]},
                {"role": "model", "parts": [{"text": "[The previous response was interrupted before it completed.]"}]},
                {"role": "user", "parts": [{"text": "again"}]},
            ]
        });
        let expected = Asked {
            protocol: Protocol::Gemini,
            model: "g".into(),
            prompts: vec!["go".into(), "again".into()],
            instructions: "be brief".into(),
            tools: vec!["read_file".into(), "glob".into()],
            replies: 1,
            conversation: "- The project's temporary directory is: /ago".into(),
        };
        assert_eq!(Asked::gemini("g", &body), expected);
    }
}
