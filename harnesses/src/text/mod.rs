//! CLIs that print plain text.

mod reader;

pub use reader::TextReader;
