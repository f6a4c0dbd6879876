//! The whole program, from a north star to a finished assignment, with scripted agents in the place of real ones.
//!
//! Each test plays in a world of its own ([`stage::Stage`]): a home folder, a repository, a script. Nothing here
//! sleeps for a time that it guesses; it waits for what it looks for, up to a deadline.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../workers/server.rs"]
mod server;

mod evidence_stage;
mod processes;
mod script;
mod stage;
mod wait;

mod branches;
mod budgets;
mod cancelling;
mod chaos;
mod chat;
mod checks;
mod clocks;
mod cooldown;
mod crash;
mod decisions;
mod definitions;
mod demo;
mod ending;
mod environment;
mod every_write;
mod evidence;
mod failures;
mod feature_workflow;
mod full_loop;
mod garbage;
mod guards;
mod hostile;
mod idle;
mod keys;
mod lfs;
mod logs;
mod mending;
mod migration;
mod module_actions;
mod news;
mod order;
mod outputs;
mod pausing;
mod races;
mod retrying;
mod reviews;
mod runs;
mod schedules;
mod side_by_side;
mod stopping;
// What other systems have instead of prlimit and capabilities is not known to it.
#[cfg(target_os = "linux")]
mod storage;
mod terminal;
mod timeouts;
mod volume;
mod wake_up;
mod worktrees;

/// What a server with OpenAI's chat completions says for that answer.
fn chat_stream(text: &str) -> [serde_json::Value; 3] {
    use serde_json::json;
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4});
    [
        json!({"choices": [{"delta": {"content": text}}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}),
        json!("[DONE]"),
    ]
}
