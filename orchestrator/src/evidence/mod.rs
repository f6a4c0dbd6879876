//! What the orchestrator itself measures: checks, receipts, guards. Agents have no part in it.

pub mod key;
mod output;
mod run;
mod settings;

pub use settings::EvidenceSettings;
