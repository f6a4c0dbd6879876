//! The engine: the store, the dispatcher, the attempt runner, processes, prompts, review, recovery.

pub mod attempt;
pub mod blob;
pub mod crash_point;
pub mod doorbell;
pub mod evidence;
pub mod housekeeping;
pub mod import;
pub mod notice;
pub mod process;
pub mod prompt;
pub mod review;
pub mod runner;
pub mod schedule;
pub mod settings;
pub mod start;
pub mod store;
pub mod system;
pub mod trigger;
pub mod workspace;
