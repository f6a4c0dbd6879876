//! Here-documents: data in one is `${V}`, as inside of double quotes, if its end word is not quoted.

use super::{Document, HINT, Scan};
use crate::place::BadPlace;
use crate::quoting::{refused, unbalanced};
use crate::template::Piece;

impl Scan<'_> {
    /// `<<WORD`: its text begins on the next line.
    pub(super) fn document(&mut self) -> Result<(), BadPlace> {
        let feeds_shell = self.words.feeds_shell();
        self.copy(2);
        let strips_tabs = self.from.sees("-");
        self.copy(usize::from(strips_tabs));
        while self.from.sees(" ") || self.from.sees("\t") {
            self.copy(1);
        }
        let (mut delimiter, mut is_quoted) = (String::new(), false);
        let ends = |c: char| c.is_whitespace() || ";&|<>()".contains(c);
        while let Some(piece) = self.from.peek(0) {
            match piece {
                Piece::Mark(_) => {
                    return Err(refused("in the end word of a here-document", "write a fixed word"));
                }
                Piece::Char(c) if ends(c) => break,
                Piece::Char('\'' | '"' | '\\') => is_quoted = true,
                Piece::Char(c) => delimiter.push(c),
            }
            self.copy(1);
        }
        self.documents.push(Document { delimiter, is_quoted, strips_tabs, feeds_shell });
        Ok(())
    }

    pub(super) fn read_documents(&mut self) -> Result<(), BadPlace> {
        for document in std::mem::take(&mut self.documents) {
            let mut depth = 0_usize;
            loop {
                let line = self.line();
                let text: String = line.iter().filter_map(|piece| piece.char()).collect();
                let is_plain = line.iter().all(|piece| piece.char().is_some());
                let text = if document.strips_tabs { text.trim_start_matches('\t') } else { &text };
                if is_plain && text.trim_end_matches('\n') == document.delimiter {
                    self.copy(line.len());
                    break;
                }
                if line.is_empty() {
                    return Err(unbalanced("a here-document"));
                }
                self.document_line(line.len(), &document, &mut depth)?;
            }
        }
        Ok(())
    }

    /// The pieces up to the end of the line, with it.
    fn line(&self) -> Vec<Piece> {
        let rest = &self.from.pieces[self.from.at..];
        let end = rest.iter().position(|piece| piece.is('\n')).map_or(rest.len(), |at| at + 1);
        rest[..end].to_vec()
    }

    fn document_line(
        &mut self,
        count: usize,
        document: &Document,
        depth: &mut usize,
    ) -> Result<(), BadPlace> {
        for _ in 0..count {
            match self.from.peek(0) {
                Some(Piece::Mark(_)) if document.is_quoted => {
                    return Err(refused(
                        "in a here-document whose end word is quoted",
                        "leave the quotes out (<<END), and write \\$ where a `$` is meant",
                    ));
                }
                Some(Piece::Mark(_)) if *depth > 0 || document.feeds_shell => {
                    return Err(refused("in a here-document that is code", HINT));
                }
                Some(Piece::Mark(number)) => {
                    if self.out.ends_with(['\\', '$']) {
                        return Err(refused("directly behind a `\\` or `$`", "put something between"));
                    }
                    self.from.next();
                    let reference = self.reference(number);
                    self.out.push_str(&reference);
                }
                Some(Piece::Char(c)) => {
                    let opens = self.from.sees("$(") || self.from.sees("${") || (c == '`' && *depth == 0);
                    let is_deeper = *depth > 0 && matches!(c, '(' | '{');
                    if opens {
                        *depth += 1;
                    } else if *depth > 0 && matches!(c, ')' | '}' | '`') {
                        *depth -= 1;
                    } else if is_deeper && !self.out.ends_with('$') {
                        *depth += 1;
                    }
                    self.copy(1);
                }
                None => {}
            }
        }
        Ok(())
    }
}
