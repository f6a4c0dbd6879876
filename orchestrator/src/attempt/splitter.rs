//! Cuts a stream of bytes into lines, at memory speed and with bounded memory.

use memchr::memchr;

/// The longest line that is read whole. Lines of 1 to 5 MB have been seen in every CLI.
pub const LINE_MAX: usize = 8 << 20;

/// How much of a longer line is kept, to tell what it was.
const HEAD: usize = 4 << 10;

/// A line, or what is known of one that was too long.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Whole(&'a [u8]),
    TooLong { head: &'a [u8], bytes: u64 },
}

/// Cuts a stream into lines. The same bytes give the same lines, however they are cut into pieces.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
    /// Bytes of a line that is too long to be kept; `partial` holds its head.
    overlong: Option<u64>,
}

impl Splitter {
    /// Takes the next piece of the stream.
    pub fn feed(&mut self, mut piece: &[u8], sink: &mut dyn FnMut(Line<'_>)) {
        while let Some(end) = memchr(b'\n', piece) {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            if self.partial.is_empty() && self.overlong.is_none() && line.len() <= LINE_MAX {
                sink(Line::Whole(without_return(line)));
            } else {
                self.keep(line);
                self.emit(sink);
            }
            piece = rest;
        }
        self.keep(piece);
    }

    /// The stream has ended: what is left is a line without its end.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Line<'_>)) {
        if !self.partial.is_empty() || self.overlong.is_some() {
            self.emit(sink);
        }
    }

    /// Bytes that are kept for the line that has not ended yet.
    pub fn kept(&self) -> usize {
        self.partial.capacity()
    }

    fn keep(&mut self, piece: &[u8]) {
        if let Some(bytes) = &mut self.overlong {
            *bytes += piece.len() as u64;
            return;
        }
        if self.partial.len() + piece.len() > LINE_MAX {
            self.overlong = Some((self.partial.len() + piece.len()) as u64);
            let missing = HEAD.saturating_sub(self.partial.len()).min(piece.len());
            self.partial.truncate(HEAD);
            self.partial.extend_from_slice(&piece[..missing]);
            self.partial.shrink_to(HEAD);
            return;
        }
        self.partial.extend_from_slice(piece);
    }

    fn emit(&mut self, sink: &mut dyn FnMut(Line<'_>)) {
        match self.overlong.take() {
            Some(bytes) => sink(Line::TooLong { head: &self.partial, bytes }),
            None => sink(Line::Whole(without_return(&self.partial))),
        }
        self.partial.clear();
        // One long line must not keep its memory for the rest of the stream.
        self.partial.shrink_to(64 << 10);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        let mut sink = |line: Line<'_>| match line {
            Line::Whole(line) => found.push(line.to_vec()),
            Line::TooLong { bytes, .. } => found.push(format!("too long: {bytes}").into_bytes()),
        };
        for piece in pieces {
            splitter.feed(piece, &mut sink);
        }
        splitter.finish(&mut sink);
        found
    }

    #[test]
    fn a_last_line_without_an_end_is_a_line_and_a_return_is_not_part_of_one() {
        assert_eq!(lines(&[b"one\r\n\ntwo"]), [b"one".to_vec(), b"".to_vec(), b"two".to_vec()]);
    }

    #[test]
    fn a_line_over_the_cap_is_passed_over_and_the_next_one_is_read() {
        let long = vec![b'x'; 1 << 20];
        let mut pieces: Vec<&[u8]> = vec![&long; 9];
        pieces.push(b"\nnext\n");
        assert_eq!(lines(&pieces), [b"too long: 9437184".to_vec(), b"next".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_lines(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1usize..20) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(lines(&pieces), lines(&[&bytes]));
        }
    }
}
