//! Workflows with the real program: their runs, what people tell them, and the commands about them. Steps are commands and
//! scripted agents.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod people;
mod routes;
mod stage;
mod standing;
mod started;
