//! Data in a line of shell: a reference to a variable, quoted for the place where it stands, so that the value never is a part
//! of what the shell reads. Where no reference can be right, the line is refused.

mod cmd;
mod command;
mod posix;
mod pwsh;

use agents_harnesses::exec::Shell;

use crate::place::BadPlace;
use crate::template::Piece;

/// The most bytes of one value: a variable may have 128 KiB, its name included (Linux: `MAX_ARG_STRLEN`).
const VALUE_BYTES: usize = 120 << 10;

/// The name of the variable of that number.
pub fn variable(number: usize) -> String {
    format!("AGENTS_ARG_{number}")
}

/// The line with references in the place of its marks; the variable of mark 0 has the number `first`.
pub fn place(pieces: &[Piece], shell: Shell, first: usize) -> Result<String, BadPlace> {
    if !pieces.iter().any(|piece| matches!(piece, Piece::Mark(_))) {
        return Ok(pieces.iter().filter_map(|piece| piece.char()).collect());
    }
    match shell {
        Shell::Sh | Shell::Bash => posix::place(pieces, first),
        Shell::Pwsh => pwsh::place(pieces, first),
        Shell::Cmd => cmd::place(pieces, first),
        Shell::None => {
            Err(BadPlace::new("without a shell there is no line to read", "write the words as `argv`"))
        }
    }
}

/// Whether a variable of that shell can hold the value.
pub fn check_value(value: &str, shell: Shell) -> Result<(), BadPlace> {
    if value.len() > VALUE_BYTES {
        return Err(BadPlace::new(
            format!("a value has {} bytes, and a variable holds {VALUE_BYTES}", value.len()),
            "give it to the command on standard input: `input: \"{{ params.x }}\"`",
        ));
    }
    // A program for Windows splits its own command line, by its quotes.
    if shell == Shell::Cmd && (value.contains(['"', '\r', '\n']) || value.ends_with('\\')) {
        return Err(BadPlace::new(
            "cmd can't pass on a value with a quote or a line break in it, or with a `\\` at its end",
            "use `shell: pwsh`, or `argv` without a shell",
        ));
    }
    Ok(())
}

impl Piece {
    /// The character, if it is one.
    pub fn char(self) -> Option<char> {
        match self {
            Piece::Char(c) => Some(c),
            Piece::Mark(_) => None,
        }
    }

    fn is(self, wanted: char) -> bool {
        self == Piece::Char(wanted)
    }
}

/// Reads pieces one after the other.
struct Cursor<'a> {
    pieces: &'a [Piece],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self, ahead: usize) -> Option<Piece> {
        self.pieces.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<Piece> {
        let piece = self.peek(0)?;
        self.at += 1;
        Some(piece)
    }

    /// Whether these characters come next.
    fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek(ahead).is_some_and(|piece| piece.is(c)))
    }
}

fn refused(place: &str, hint: &str) -> BadPlace {
    BadPlace::new(format!("an expression stands {place}, where no quoting is safe"), hint)
}

fn unbalanced(what: &str) -> BadPlace {
    BadPlace::new(
        format!(
            "the line has {what} without its end, so nobody can tell how its expressions are to be quoted"
        ),
        "close it, or take the expressions out of the line and set variables under `env`",
    )
}
