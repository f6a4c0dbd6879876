//! Definitions: jobs that can be run again. From YAML to what a worker is told; every mistake is named with its line.
//!
//! Pure: no files, no clock, no environment. A value that somebody gives is data wherever it stands: no shell, no URL and
//! no reference to a secret is made of it.

mod definition;
mod json_text;
mod language;
pub mod node;
mod param;
mod place;
mod problem;
mod quoting;
mod read;
mod resolve;
mod shape;
mod span;
pub mod suggestion;
mod template;
mod url_text;

#[cfg(test)]
mod tests;

pub use definition::{Definition, NAME_MAX, Worker, name_problem};
pub use language::environment;
pub use param::{Param, ParamType, accept, param_named};
pub use problem::{At, Problem, Problems, is_steering};
pub use read::parts;
pub use read::read;
pub use resolve::{Given, Resolved, render_text, resolve, resolve_named};
pub use span::milliseconds;
pub use template::{BadTemplate, Datum, Rendered, Renderer, is_template, value_of};
