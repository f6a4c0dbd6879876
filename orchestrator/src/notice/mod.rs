//! Notices: what has happened, told to people. A runner makes them and sends them beside its work; each is sent once, or once more if
//! the runner that was sending it died.

mod message;
mod quiet;
mod send;
mod tell;

pub use message::Message;
pub use quiet::{QuietError, check as check_quiet};
pub use send::{Around, send};
pub use tell::tell;
