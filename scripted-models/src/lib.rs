//! A model server that says what a test tells it to say. The real agent CLIs talk to it as they talk
//! to Anthropic Messages, OpenAI Responses and Gemini generateContent, on loopback and without an
//! account. Only tests and people at a terminal use it; nothing here is shipped.
//!
//! ```no_run
//! use agents_scripted_models::{Reply, Rule, Scenario, ScriptedModels, ToolCall, When};
//! use serde_json::json;
//!
//! let scenario = Scenario::new().rule(
//!     Rule::when(When::prompt("fix the parser"))
//!         .turn(Reply::tool(ToolCall::function("Bash", json!({"command": "touch fixed"}))))
//!         .turn(Reply::text("Fixed.")),
//! );
//! let models = ScriptedModels::start(scenario)?;
//! println!("{}", models.base_url());
//! # std::io::Result::Ok(())
//! ```

mod agent_cli;
mod anthropic;
mod gemini;
mod ids;
mod openai;
mod playback;
mod request;
mod scenario;
mod scripted_body;
mod server;
mod turn;

pub use agent_cli::{Cli, MissingCli, cli_env, extra_args, prepare_home, program, shell, write_file};
pub use playback::Served;
pub use request::{Asked, Protocol};
pub use scenario::{Rule, Scenario, When};
pub use server::{Recorded, ScriptedModels};
pub use turn::{Act, Ending, HttpError, Reply, ToolCall, ToolKind, Turn, Usage};
