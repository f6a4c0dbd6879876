//! What is checked of a workflow before it runs: its expressions and its graph.

pub mod graph;
pub mod infer;
pub mod kind;
pub mod needs;
pub mod path;
pub mod scope;
pub mod text;
pub mod token;
