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

    /// How far it has been read.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}
