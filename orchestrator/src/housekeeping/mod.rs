//! What nobody needs any longer goes: files of attempts, events of the history. And what a check finds is put right.
//!
//! Nothing here is on a job's way. It is done in small pieces, bounded in number and time, and what can't be done is
//! named and stops nothing.

mod flows;
mod folder;
mod health;
mod outputs;
mod plan;
mod sweep;
mod worktrees;

#[cfg(test)]
pub(crate) mod tests;

pub use health::{Health, Mended, Patient, Scope, examine, mend};
pub use plan::Why;
pub use sweep::{
    Bounds, GoneEvents, GoneFolder, GoneOutput, GoneSteps, Left, Mode, Sweep, SweepReport, sweep,
};
pub use worktrees::{GoneWorktree, WhyWorktree, worktree_folders};
