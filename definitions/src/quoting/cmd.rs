//! cmd: `!V!`, which is put in after the line was read (`/V:ON`), so that no character of the value means anything to it;
//! in quotes, so that it is one argument.

use crate::place::BadPlace;
use crate::template::Piece;

use super::{Cursor, refused, unbalanced, variable};

/// Words that read the line once more, or read data as something else.
const READ_AGAIN: [&str; 6] = ["call", "for", "set", "cmd", "powershell", "pwsh"];

/// The line with references.
pub fn place(pieces: &[Piece], first: usize) -> Result<String, BadPlace> {
    let mut from = Cursor { pieces, at: 0 };
    let plain: String =
        pieces.iter().map(|piece| piece.char().unwrap_or(' ')).collect::<String>().to_lowercase();
    if plain.contains('!') {
        return Err(BadPlace::new(
            "a line for cmd with expressions in it can't have a `!`",
            "with expressions, `!` is what refers to variables; use `shell: pwsh`",
        ));
    }
    if let Some(word) =
        READ_AGAIN.iter().find(|word| plain.split(|c: char| !c.is_alphanumeric()).any(|w| w == **word))
    {
        return Err(refused(&format!("in a line with `{word}`"), "use `argv`, or `shell: pwsh`"));
    }
    let (mut out, mut is_quoted) = (String::new(), false);
    while let Some(piece) = from.next() {
        match piece {
            Piece::Char(c) => {
                is_quoted ^= c == '"';
                out.push(c);
            }
            Piece::Mark(_) if out.ends_with(['^', '%']) => {
                return Err(refused("directly behind a `^` or `%`", "put a blank between"));
            }
            Piece::Mark(number) => {
                let reference = format!("!{}!", variable(first + number));
                if is_quoted {
                    out.push_str(&reference);
                } else {
                    out.push_str(&format!("\"{reference}\""));
                }
            }
        }
    }
    if is_quoted { Err(unbalanced("a quote")) } else { Ok(out) }
}
