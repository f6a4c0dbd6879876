//! PowerShell: `${env:V}`, unquoted and inside of double quotes. It never splits or reads again what a variable holds.

use crate::place::BadPlace;
use crate::template::Piece;

use super::{Cursor, refused, unbalanced, variable};

/// What we are inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Double,
    /// `@"` … `"@`.
    Document,
}

/// Commands that read a text as code.
const READ_CODE: [&str; 4] = ["iex", "invoke-expression", "-command", "scriptblock"];

/// The line with references.
pub fn place(pieces: &[Piece], first: usize) -> Result<String, BadPlace> {
    let mut from = Cursor { pieces, at: 0 };
    let (mut out, mut stack) = (String::new(), vec![Inside::Code]);
    let plain: String = pieces.iter().filter_map(|piece| piece.char()).collect::<String>().to_lowercase();
    if let Some(word) = READ_CODE
        .iter()
        .find(|word| plain.split(|c: char| !c.is_alphanumeric() && c != '-').any(|w| w == **word))
    {
        return Err(refused(&format!("in a line with `{word}`"), "leave it out: it reads data as code"));
    }
    while let Some(piece) = from.peek(0) {
        let inside = stack.last().copied().unwrap_or(Inside::Code);
        let c = match piece {
            Piece::Mark(number) => {
                let before = out.trim_end_matches([' ', '\t']);
                if out.ends_with(['`', '$']) || (inside == Inside::Code && before.ends_with('&')) {
                    return Err(refused("behind a `` ` ``, `$` or `&`", "put it into an argument"));
                }
                from.next();
                out.push_str(&format!("${{env:{}}}", variable(first + number)));
                continue;
            }
            Piece::Char(c) => c,
        };
        match (inside, c) {
            (Inside::Code, '\'') | (Inside::Code, '@') if from.sees("'") || from.sees("@'") => {
                let end = if c == '@' { "\n'@" } else { "'" };
                single(&mut from, &mut out, end)?;
            }
            (Inside::Code, '@') if from.sees("@\"") => {
                copy(&mut from, &mut out, 2);
                stack.push(Inside::Document);
            }
            (Inside::Code, '#') => comment(&mut from, &mut out, "\n", first),
            (Inside::Code, '<') if from.sees("<#") => comment(&mut from, &mut out, "#>", first),
            (Inside::Code, '"') => {
                copy(&mut from, &mut out, 1);
                stack.push(Inside::Double);
            }
            (Inside::Double, '"') | (Inside::Document, '\n') if c == '"' || from.sees("\n\"@") => {
                copy(&mut from, &mut out, if c == '"' { 1 } else { 3 });
                stack.pop();
            }
            (_, '`') => {
                let count = if matches!(from.peek(1), Some(Piece::Char(_))) { 2 } else { 1 };
                copy(&mut from, &mut out, count);
            }
            (_, '$') if from.sees("$(") => {
                copy(&mut from, &mut out, 2);
                stack.push(Inside::Code);
            }
            (_, '$') if from.sees("${") => braces(&mut from, &mut out)?,
            (Inside::Code, '(') => {
                copy(&mut from, &mut out, 1);
                stack.push(Inside::Code);
            }
            (Inside::Code, ')') if stack.len() > 1 => {
                copy(&mut from, &mut out, 1);
                stack.pop();
            }
            (_, _) => copy(&mut from, &mut out, 1),
        }
    }
    if stack.len() == 1 { Ok(out) } else { Err(unbalanced("a quote or a `(`")) }
}

fn copy(from: &mut Cursor<'_>, out: &mut String, count: usize) {
    for _ in 0..count {
        out.extend(from.next().and_then(Piece::char));
    }
}

fn single(from: &mut Cursor<'_>, out: &mut String, end: &str) -> Result<(), BadPlace> {
    copy(from, out, if end.len() > 1 { 2 } else { 1 });
    loop {
        match from.peek(0) {
            None => return Err(unbalanced("a quote")),
            Some(Piece::Mark(_)) => {
                return Err(refused("inside of single quotes", "use double quotes around it"));
            }
            Some(Piece::Char(_)) if from.sees(end) => {
                copy(from, out, end.chars().count());
                return Ok(());
            }
            Some(Piece::Char(_)) => copy(from, out, 1),
        }
    }
}

fn comment(from: &mut Cursor<'_>, out: &mut String, end: &str, first: usize) {
    while let Some(piece) = from.peek(0) {
        match piece {
            Piece::Mark(number) => {
                from.next();
                out.push_str(&variable(first + number));
            }
            Piece::Char(_) if from.sees(end) => {
                copy(from, out, end.len());
                return;
            }
            Piece::Char(_) => copy(from, out, 1),
        }
    }
}

fn braces(from: &mut Cursor<'_>, out: &mut String) -> Result<(), BadPlace> {
    loop {
        match from.peek(0) {
            None => return Err(unbalanced("a `${`")),
            Some(Piece::Mark(_)) => return Err(refused("in `${…}`", "it names a variable there")),
            Some(Piece::Char('}')) => {
                copy(from, out, 1);
                return Ok(());
            }
            Some(Piece::Char(_)) => copy(from, out, 1),
        }
    }
}
