//! Real processes under a real keeper: how they are started, and that nothing of them is left, however they misbehave.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bench;
mod ends;
mod start;
mod trees;
