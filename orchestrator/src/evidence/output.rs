//! What a check has printed: its hash, its end, and what its test runner counts. Read once, in pieces.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use agents_domain::evidence::TestCounts;
use agents_domain::evidence::counts::Tally;
use sha2::{Digest, Sha256};

use super::key::hex;
use crate::attempt::{Line, Splitter};

/// How much of the end is kept, in bytes.
const TAIL: usize = 4 << 10;
/// How much is read at once.
const PIECE: usize = 256 << 10;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub hash: String,
    pub bytes: u64,
    pub tail: String,
    pub counts: Option<TestCounts>,
}

/// Reads all of the file. Tests are counted only in an output of so many bytes: past them it was cut short.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Output> {
    read_from(File::open(path)?, most)
}

fn read_from(mut from: impl Read, most: u64) -> io::Result<Output> {
    let mut hash = Sha256::new();
    let (mut bytes, mut tail) = (0u64, Vec::new());
    let (mut splitter, mut tally) = (Splitter::default(), Tally::default());
    let mut count = |line: Line<'_>| {
        if let Line::Whole(line) = line {
            tally.line(&String::from_utf8_lossy(line));
        }
    };
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => &piece[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(read);
        bytes += read.len() as u64;
        if bytes <= most {
            splitter.feed(read, &mut count);
        }
        tail.extend_from_slice(&read[read.len().saturating_sub(TAIL)..]);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
    splitter.finish(&mut count);
    Ok(Output {
        hash: hex(&hash.finalize()),
        bytes,
        tail: text(&tail),
        counts: tally.counts().filter(|_| bytes <= most),
    })
}

/// The hash of an empty output.
pub(super) fn hash_of_nothing() -> String {
    hex(&Sha256::digest([]))
}

/// As text. A character whose beginning was cut off is left out; NUL, which the store can't keep, becomes visible.
fn text(tail: &[u8]) -> String {
    let begin = tail.iter().take(4).position(|byte| byte & 0xC0 != 0x80).unwrap_or(0);
    String::from_utf8_lossy(&tail[begin..]).replace('\0', "\u{2400}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(from: &[u8]) -> io::Result<Output> {
        read_from(from, 64 << 20)
    }

    #[test]
    fn the_hash_is_over_everything_and_the_tail_is_the_end() {
        let read = whole(&b"abc"[..]).unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((read.hash.as_str(), read.bytes, read.tail.as_str()), (expected, 3, "abc"));
        assert_eq!(whole(&b""[..]).unwrap().hash, hash_of_nothing());
        let long = [vec![b'x'; 3 << 20], b"the end".to_vec()].concat();
        let read = whole(&long[..]).unwrap();
        assert_eq!((read.bytes, read.tail.len()), (long.len() as u64, TAIL));
        assert!(read.tail.ends_with("xthe end"), "{}", read.tail);
    }

    #[test]
    fn a_tail_of_any_bytes_is_text() {
        let euros = "€".repeat(2000);
        let tail = whole(euros.as_bytes()).unwrap().tail;
        assert!(tail.chars().all(|c| c == '€') && tail.len() > TAIL - 3, "{tail}");
        assert_eq!(whole(&b"\0\xff\x80"[..]).unwrap().tail, "␀\u{fffd}\u{fffd}");
        assert_eq!(whole(&[0x80; 5000][..]).unwrap().tail.chars().count(), TAIL);
    }

    #[test]
    fn tests_are_counted_over_the_whole_output() {
        let noise = "compiling\n".repeat(100_000);
        let output = format!(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n{noise}test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured\n"
        );
        let counts = whole(output.as_bytes()).unwrap().counts;
        assert_eq!(counts, Some(TestCounts { passed: 5, failed: 4, skipped: 1 }));
        assert_eq!(read_from(output.as_bytes(), 1000).unwrap().counts, None, "it was cut short");
    }
}
