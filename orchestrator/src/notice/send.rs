//! Sends one message: to the desktop, to a webhook, to a command. No text of a message becomes anything but one argument, or standard input.

use std::path::PathBuf;
use std::time::Duration;

use agents_domain::notice::{Channel, ChannelTo, MessageFormat};
use agents_domain::secret;
use serde_json::{Value, json};

use super::message::Message;
use crate::process::tool::Tool;

/// How long a channel may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The same for the request itself, so that who makes it can say that it was too slow.
const REQUEST_LIMIT_MS: u64 = 25_000;

/// The hidden command of `agents` that makes one request; it knows the secrets of its environment.
const CALL_HTTP: &str = "call-http";

/// What sending needs from around it.
#[derive(Debug, Clone)]
pub struct Around {
    pub agents_program: PathBuf,
    /// Where a command runs: the repository.
    pub folder: PathBuf,
}

/// Sends it. The error is for a person.
pub async fn send(around: &Around, channel: &Channel, message: &Message) -> Result<(), String> {
    match &channel.to {
        ChannelTo::Desktop => run(desktop(around, message)).await.map(|_| ()),
        ChannelTo::Command(argv) => {
            let (program, args) = argv.split_first().ok_or("the command is empty")?;
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let stdin = message.json().to_string().into_bytes();
            run(Tool { stdin, ..Tool::new(program, &args, &around.folder, LIMIT) }).await.map(|_| ())
        }
        ChannelTo::Webhook { url, format } => post(around, (url, *format), message).await,
    }
}

fn desktop(around: &Around, message: &Message) -> Tool {
    if cfg!(target_os = "macos") {
        let script = [
            "-e",
            "on run argv",
            "-e",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "-e",
            "end run",
        ];
        let text = message.text();
        let args = [&script[..], &[&message.title, &text]].concat();
        return Tool::new("osascript", &args, &around.folder, LIMIT);
    }
    let text = message.markup();
    Tool::new("notify-send", &["--app-name=agents", "--", &message.title, &text], &around.folder, LIMIT)
}

async fn run(tool: Tool) -> Result<String, String> {
    let program = tool.program.clone();
    let ended = tool.run().await.map_err(|error| error.to_string())?;
    match ended.is_success() {
        true => Ok(ended.text()),
        false => Err(format!("`{program}` ended with {}: {}", ended.status, ended.complaint())),
    }
}

/// The address stays as it is written, with its references; what is data in the body is none.
async fn post(
    around: &Around,
    (url, format): (&str, MessageFormat),
    message: &Message,
) -> Result<(), String> {
    let spec = json!({
        "method": "POST",
        "url": url,
        "headers": { "content-type": "application/json" },
        "body": secret::escape(&message.body(format).to_string()),
        "followRedirects": 0,
        "timeoutMs": REQUEST_LIMIT_MS,
    });
    let program = around.agents_program.display().to_string();
    let tool = Tool::new(&program, &[CALL_HTTP], &around.folder, LIMIT);
    let said = run(Tool { stdin: spec.to_string().into_bytes(), ..tool }).await?;
    let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    match lines.rfind(|line| matches!(line["type"].as_str(), Some("result" | "failed"))) {
        Some(end) if end["type"] == "result" => Ok(()),
        Some(end) => Err(end["text"].as_str().unwrap_or("the request failed").to_owned()),
        None => Err("the request said nothing of its end".to_owned()),
    }
}
