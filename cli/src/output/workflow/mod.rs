//! Workflows for people and as JSON: what a step does, the drawing of a graph, and a run's steps.

pub mod drawing;
pub mod graph;
pub mod run;
pub mod step;
pub mod trial;
