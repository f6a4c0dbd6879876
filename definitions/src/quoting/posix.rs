//! `sh` and `bash`: unquoted `"${V}"`, inside of double quotes `${V}`, inside of single quotes `'"${V}"'`, in a here-document
//! `${V}`. What is inside of `$(…)` is a line of its own.
//!
//! A reference that is quoted for the wrong place would still not be code: a shell does not read the values of variables
//! again. The exceptions are arithmetic, indexes, `eval` and its kin; there every expression is refused.

mod document;

use crate::place::BadPlace;
use crate::template::Piece;

use super::command::Words;
use super::{Cursor, refused, unbalanced, variable};

const HINT: &str = "set a variable under `env` to it, or let the program compute it";

/// The line with references.
pub fn place(pieces: &[Piece], first: usize) -> Result<String, BadPlace> {
    let mut scan = Scan {
        from: Cursor { pieces, at: 0 },
        first,
        out: String::new(),
        stack: Vec::new(),
        words: Words::default(),
        test: None,
        has_inner_case: false,
        documents: Vec::new(),
    };
    while scan.from.peek(0).is_some() {
        if scan.stack.last().is_some_and(|frame| matches!(frame, Frame::Double)) {
            scan.in_double()?;
        } else {
            scan.in_code()?;
        }
    }
    scan.end_word()?;
    if scan.test.is_some() {
        return Err(unbalanced("a `[[`"));
    }
    if !scan.documents.is_empty() {
        return Err(unbalanced("a here-document"));
    }
    match scan.stack.last() {
        None => Ok(scan.out),
        Some(Frame::Double) => Err(unbalanced("a quote")),
        Some(Frame::Code(..)) => Err(unbalanced("a `(`")),
    }
}

/// What we are inside of.
enum Frame {
    Double,
    /// Parentheses; what was known of the command or the test around them.
    Code(Words, Option<(Words, bool)>),
}

/// A here-document that begins on the next line.
struct Document {
    delimiter: String,
    is_quoted: bool,
    strips_tabs: bool,
    feeds_shell: bool,
}

struct Scan<'a> {
    from: Cursor<'a>,
    first: usize,
    out: String,
    stack: Vec<Frame>,
    words: Words,
    /// Inside of `[[ … ]]`: its words, and whether data is among them.
    test: Option<(Words, bool)>,
    /// A `case` inside of parentheses: the ends of its patterns can't be told from their end.
    has_inner_case: bool,
    documents: Vec<Document>,
}

impl Scan<'_> {
    fn reference(&self, number: usize) -> String {
        format!("${{{}}}", variable(self.first + number))
    }

    fn copy(&mut self, count: usize) {
        for _ in 0..count {
            self.out.extend(self.from.next().and_then(Piece::char));
        }
    }

    fn refuse_after_dollar(&self) -> Result<(), BadPlace> {
        if self.out.ends_with('$') {
            return Err(refused(
                "directly behind a `$`",
                "write the `$` away, or `\\$` with something between",
            ));
        }
        Ok(())
    }

    fn in_code(&mut self) -> Result<(), BadPlace> {
        let Some(piece) = self.from.peek(0) else { return Ok(()) };
        let Piece::Char(c) = piece else { return self.data_in_code(piece) };
        match c {
            '\\' => self.escaped(),
            '\'' => self.single(),
            '"' => {
                self.copy(1);
                self.stack.push(Frame::Double);
                Ok(())
            }
            '`' => self.backquoted(),
            '$' => self.dollar(),
            '(' if self.from.sees("((") => self.arithmetic(2, "))"),
            '(' => {
                self.copy(1);
                self.open();
                Ok(())
            }
            ')' => {
                self.copy(1);
                self.end_word()?;
                self.close();
                Ok(())
            }
            '#' if self.words.is_between() => self.comment(),
            '<' if self.from.sees("<<") && !self.from.sees("<<<") => self.document(),
            '<' | '>' => {
                self.copy(if self.from.sees("<<<") { 3 } else { 1 });
                self.words.redirect();
                Ok(())
            }
            '\n' => {
                self.copy(1);
                self.begin_command()?;
                self.read_documents()
            }
            ';' | '&' | '|' => {
                self.copy(1);
                self.begin_command()
            }
            ' ' | '\t' | '\r' => {
                self.copy(1);
                self.end_word()
            }
            _ => {
                self.copy(1);
                self.push(c);
                Ok(())
            }
        }
    }

    fn data_in_code(&mut self, piece: Piece) -> Result<(), BadPlace> {
        let Piece::Mark(number) = piece else { return Ok(()) };
        self.refuse_after_dollar()?;
        self.note_data()?;
        self.from.next();
        let reference = self.reference(number);
        self.out.push_str(&format!("\"{reference}\""));
        Ok(())
    }

    fn note_data(&mut self) -> Result<(), BadPlace> {
        if self.has_inner_case {
            return Err(refused("behind a `case` inside of `(…)`", "put the `case` outside"));
        }
        if let Some((words, has_data)) = &mut self.test {
            *has_data = true;
            words.push('\u{fffd}');
            return Ok(());
        }
        self.words.data()
    }

    fn escaped(&mut self) -> Result<(), BadPlace> {
        if matches!(self.from.peek(1), Some(Piece::Mark(_))) {
            return Err(refused("directly behind a `\\`", "leave the `\\` out: a value needs none"));
        }
        self.copy(2);
        self.push('\\');
        Ok(())
    }

    fn single(&mut self) -> Result<(), BadPlace> {
        self.copy(1);
        loop {
            match self.from.peek(0) {
                None => return Err(unbalanced("a quote")),
                Some(Piece::Mark(number)) => {
                    self.note_data()?;
                    self.from.next();
                    let reference = self.reference(number);
                    self.out.push_str(&format!("'\"{reference}\"'"));
                }
                Some(Piece::Char(c)) => {
                    self.copy(1);
                    if c == '\'' {
                        return Ok(());
                    }
                    self.push(c);
                }
            }
        }
    }

    fn push(&mut self, c: char) {
        match &mut self.test {
            Some((words, _)) => words.push(c),
            None => self.words.push(c),
        }
    }

    fn in_double(&mut self) -> Result<(), BadPlace> {
        match self.from.peek(0) {
            Some(Piece::Mark(number)) => {
                self.refuse_after_dollar()?;
                self.note_data()?;
                self.from.next();
                let reference = self.reference(number);
                self.out.push_str(&reference);
                Ok(())
            }
            Some(Piece::Char('\\')) => self.escaped(),
            Some(Piece::Char('"')) => {
                self.copy(1);
                self.stack.pop();
                Ok(())
            }
            Some(Piece::Char('`')) => self.backquoted(),
            Some(Piece::Char('$')) => self.dollar(),
            Some(Piece::Char(c)) => {
                self.copy(1);
                self.push(c);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a `$` begins.
    fn dollar(&mut self) -> Result<(), BadPlace> {
        let is_double = matches!(self.stack.last(), Some(Frame::Double));
        self.push('$');
        if self.from.sees("$((") {
            return self.arithmetic(3, "))");
        }
        if self.from.sees("$[") {
            return self.arithmetic(2, "]");
        }
        if self.from.sees("${") {
            return self.braces(is_double);
        }
        if self.from.sees("$'") && !is_double {
            return self.ansi();
        }
        if self.from.sees("$(") {
            self.copy(2);
            self.open();
            return Ok(());
        }
        self.copy(1);
        Ok(())
    }

    fn open(&mut self) {
        let around = std::mem::take(&mut self.words);
        self.stack.push(Frame::Code(around, self.test.take()));
    }

    fn close(&mut self) {
        match self.stack.pop() {
            Some(Frame::Code(around, test)) => {
                (self.words, self.test) = (around, test);
                self.push(')');
            }
            // The end of a pattern of `case`; it has no beginning.
            Some(Frame::Double) | None => self.words = Words::default(),
        }
    }

    /// Everything up to the end of an arithmetic expression: data in it would be computed, and bash runs what stands in an
    /// index there.
    fn arithmetic(&mut self, opening: usize, end: &str) -> Result<(), BadPlace> {
        self.copy(opening);
        let mut depth = 0_usize;
        loop {
            match self.from.peek(0) {
                None => return Err(unbalanced("arithmetic")),
                Some(Piece::Mark(_)) => return Err(refused("in arithmetic", HINT)),
                Some(Piece::Char(_)) if depth == 0 && self.from.sees(end) => {
                    self.copy(end.len());
                    return Ok(());
                }
                Some(Piece::Char(c)) => {
                    depth = match c {
                        '(' => depth + 1,
                        ')' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    self.copy(1);
                }
            }
        }
    }

    /// `${…}`, with whatever is in it.
    fn braces(&mut self, is_double: bool) -> Result<(), BadPlace> {
        self.copy(2);
        let (mut depth, mut quote) = (1_usize, None);
        while depth > 0 {
            match self.from.peek(0) {
                None => return Err(unbalanced("a `${`")),
                Some(Piece::Mark(_)) => return Err(refused("in `${…}`", HINT)),
                Some(Piece::Char('\\')) if quote != Some('\'') => self.copy(1),
                Some(Piece::Char(c @ ('"' | '\''))) if quote == Some(c) => quote = None,
                Some(Piece::Char('"')) if quote.is_none() => quote = Some('"'),
                Some(Piece::Char('\'')) if quote.is_none() && !is_double => quote = Some('\''),
                Some(Piece::Char('{')) if quote.is_none() => depth += 1,
                Some(Piece::Char('}')) if quote.is_none() => depth -= 1,
                Some(Piece::Char(_)) => {}
            }
            if matches!(self.from.peek(0), Some(Piece::Mark(_))) {
                return Err(refused("in `${…}`", HINT));
            }
            self.copy(1);
        }
        Ok(())
    }

    /// `$'…'`.
    fn ansi(&mut self) -> Result<(), BadPlace> {
        self.copy(2);
        self.up_to('\'', "in `$'…'`")
    }

    fn backquoted(&mut self) -> Result<(), BadPlace> {
        self.copy(1);
        self.up_to('`', "inside of backquotes")
            .map_err(|bad| BadPlace { hint: "write $(…)".to_owned(), ..bad })
    }

    /// Copies up to that character; what stands behind a `\` does not end it.
    fn up_to(&mut self, end: char, place: &str) -> Result<(), BadPlace> {
        loop {
            match self.from.peek(0) {
                None => return Err(unbalanced("a quote")),
                Some(Piece::Mark(_)) => return Err(refused(place, HINT)),
                Some(Piece::Char('\\')) if !matches!(self.from.peek(1), Some(Piece::Mark(_))) => self.copy(2),
                Some(Piece::Char(c)) => {
                    self.copy(1);
                    if c == end {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Data in a comment is as silent as the rest of it.
    fn comment(&mut self) -> Result<(), BadPlace> {
        while let Some(piece) = self.from.peek(0).filter(|piece| !piece.is('\n')) {
            match piece {
                Piece::Mark(number) => {
                    self.from.next();
                    let name = variable(self.first + number);
                    self.out.push_str(&name);
                }
                Piece::Char(_) => self.copy(1),
            }
        }
        Ok(())
    }
}

impl Scan<'_> {
    fn end_word(&mut self) -> Result<(), BadPlace> {
        match &mut self.test {
            Some((words, _)) => words.blank(),
            None => self.words.blank(),
        }
        self.has_inner_case |= !self.stack.is_empty() && self.words.has_any(&["case"]);
        if self.test.is_none() && self.words.has_any(&["[["]) {
            self.test = Some((Words::default(), false));
            self.words = Words::default();
            self.words.push('[');
        }
        self.end_test()
    }

    /// `[[ … ]]` computes what it compares as numbers, and looks for variables by names that it computes.
    fn end_test(&mut self) -> Result<(), BadPlace> {
        const COMPUTE: [&str; 8] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"];
        let Some((words, has_data)) = &self.test else { return Ok(()) };
        if !words.has_any(&["]]"]) {
            return Ok(());
        }
        if *has_data && words.has_any(&COMPUTE) {
            return Err(refused("in `[[ … ]]` that compares numbers or looks for a variable", "use `[ … ]`"));
        }
        self.test = None;
        Ok(())
    }

    fn begin_command(&mut self) -> Result<(), BadPlace> {
        self.end_word()?;
        if self.test.is_none() {
            self.words = Words::default();
        }
        Ok(())
    }
}
