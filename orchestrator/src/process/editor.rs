//! The user's editor, in the foreground of the terminal.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Opens the file in an editor and waits for its end. `editor` is a program, or one with arguments, as `$EDITOR` has it.
#[allow(clippy::disallowed_methods, reason = "this module is part of the one that spawns")]
pub fn edit(editor: &str, file: &Path) -> io::Result<ExitStatus> {
    Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file).status()
}
