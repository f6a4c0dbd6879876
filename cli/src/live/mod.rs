//! What a runner shows while it works: a line for each thing that happens, and on a terminal, below them, the
//! jobs that run now.

mod evidence_line;
mod line;
mod screen;
mod status;

pub use line::Style;
pub use screen::{Form, LineWriter, Screen};
