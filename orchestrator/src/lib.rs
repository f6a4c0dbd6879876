//! The engine: the store, the dispatcher, the attempt runner, processes, prompts, review, recovery.

pub mod doorbell;
pub mod settings;
pub mod store;
pub mod system;
