//! The adapters to the agent CLIs: a job -> [`Invocation`](agents_domain::invocation::Invocation), a line of output
//! -> [`AgentEvent`](agents_domain::agent_event::AgentEvent)s, the end -> an
//! [`Outcome`](agents_domain::outcome::Outcome).
//!
//! Pure: nothing here starts a process, reads a file, the environment or a clock.

pub mod ai;
pub mod call;
pub mod claude;
pub mod codex;
pub mod custom;
pub mod exec;
pub mod gemini;
pub mod http;
pub mod skill;
pub mod text;

mod ending;
mod json;
mod kept;
mod launch;
mod line;
mod registry;
mod reset_time;
mod spec_error;

pub use registry::{BuildError, HarnessSettings, StreamKind, build, builtin_names, is_worker, workers};
pub use spec_error::SpecError;
