//! Reads an agent's stream from its file, by offset, as far as it has come.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::splitter::{Line, Splitter};

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// A file that grows, and how far it has been read.
#[derive(Debug)]
pub struct Tail {
    file: File,
    offset: u64,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl Tail {
    /// Begins at the beginning of the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self::of)
    }

    /// Begins at the beginning of a file that is open already.
    pub fn of(file: File) -> Self {
        Self { file, offset: 0, splitter: Splitter::default(), buffer: Vec::new() }
    }

    /// Reads one piece. Gives how many bytes there were: 0 is the present end of the file.
    pub fn read(&mut self, sink: &mut dyn FnMut(Line<'_>)) -> io::Result<usize> {
        if self.buffer.is_empty() {
            if self.file.metadata()?.len() <= self.offset {
                return Ok(0);
            }
            self.buffer = vec![0; PIECE];
        }
        let count = loop {
            match self.file.read_at(&mut self.buffer, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.offset += count as u64;
        self.splitter.feed(&self.buffer[..count], sink);
        if count == 0 {
            // An agent that is silent for long needs no buffer.
            self.buffer = Vec::new();
        }
        Ok(count)
    }

    /// The stream has ended.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Line<'_>)) {
        self.splitter.finish(sink);
    }

    /// Passes over what lies more than so many bytes before the present end, if that is a lot.
    pub fn skip_to_last(&mut self, bytes: u64) -> io::Result<()> {
        let from = self.file.metadata()?.len().saturating_sub(bytes);
        if from > self.offset.saturating_add(bytes) {
            self.offset = from;
            self.splitter = Splitter::default();
        }
        Ok(())
    }

    /// How much of it is there and was not read yet.
    pub fn unread(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len()).saturating_sub(self.offset)
    }

    /// How far it has been read.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_on(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let mut sink = |line: Line<'_>| match line {
            Line::Whole(line) => lines.push(String::from_utf8_lossy(line).into_owned()),
            Line::TooLong { bytes, .. } => lines.push(format!("too long: {bytes}")),
        };
        while tail.read(&mut sink).unwrap() > 0 {
            // There may be more.
        }
        lines
    }

    #[test]
    fn a_file_is_read_as_it_grows_and_a_line_is_given_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(read_on(&mut tail), [] as [&str; 0]);
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read_on(&mut tail), ["one"]);
        file.write_all(b"o\nthree").unwrap();
        assert_eq!(read_on(&mut tail), ["two"]);
        let mut last = Vec::new();
        tail.finish(&mut |line| last.push(format!("{line:?}")));
        assert_eq!((last.len(), tail.offset()), (1, 13));
    }

    #[test]
    fn a_file_that_is_cut_short_gives_nothing_more_and_does_no_harm() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(read_on(&mut tail), ["one", "two"]);
        file.as_file().set_len(0).unwrap();
        assert_eq!(read_on(&mut tail), [] as [&str; 0]);
    }

    #[test]
    fn what_lies_far_before_the_end_can_be_passed_over() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\nthree\nfour\n").unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        tail.skip_to_last(10).unwrap();
        assert_eq!(tail.offset(), 0, "it is not worth it");
        tail.skip_to_last(5).unwrap();
        assert_eq!((read_on(&mut tail), tail.offset()), (vec!["four".to_owned()], 19));
    }

    #[test]
    fn a_tail_at_rest_keeps_no_buffer() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; 20 << 20]).unwrap();
        file.write_all(b"\nnext\n").unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(read_on(&mut tail), [format!("too long: {}", 20 << 20), "next".to_owned()]);
        assert_eq!(tail.buffer.capacity(), 0);
        assert!(tail.splitter.kept() <= 64 << 10, "{}", tail.splitter.kept());
    }
}
