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

/// Reads all of the file.
pub(super) fn read(path: &Path) -> io::Result<Output> {
    read_from(File::open(path)?)
}

fn read_from(mut from: impl Read) -> io::Result<Output> {
    let mut hash = Sha256::new();
    let (mut bytes, mut tail) = (0, Vec::new());
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
        splitter.feed(read, &mut count);
        tail.extend_from_slice(&read[read.len().saturating_sub(TAIL)..]);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
    splitter.finish(&mut count);
    Ok(Output { hash: hex(&hash.finalize()), bytes, tail: text(&tail), counts: tally.counts() })
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

    #[test]
    fn the_hash_is_over_everything_and_the_tail_is_the_end() {
        let read = read_from(&b"abc"[..]).unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((read.hash.as_str(), read.bytes, read.tail.as_str()), (expected, 3, "abc"));
        assert_eq!(read_from(&b""[..]).unwrap().hash, hash_of_nothing());
        let long = [vec![b'x'; 3 << 20], b"the end".to_vec()].concat();
        let read = read_from(&long[..]).unwrap();
        assert_eq!((read.bytes, read.tail.len()), (long.len() as u64, TAIL));
        assert!(read.tail.ends_with("xthe end"), "{}", read.tail);
    }

    #[test]
    fn a_tail_of_any_bytes_is_text() {
        let euros = "€".repeat(2000);
        let tail = read_from(euros.as_bytes()).unwrap().tail;
        assert!(tail.chars().all(|c| c == '€') && tail.len() > TAIL - 3, "{tail}");
        assert_eq!(read_from(&b"\0\xff\x80"[..]).unwrap().tail, "␀\u{fffd}\u{fffd}");
        assert_eq!(read_from(&[0x80; 5000][..]).unwrap().tail.chars().count(), TAIL);
    }

    #[test]
    fn tests_are_counted_over_the_whole_output() {
        let noise = "compiling\n".repeat(100_000);
        let output = format!(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n{noise}test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured\n"
        );
        let counts = read_from(output.as_bytes()).unwrap().counts;
        assert_eq!(counts, Some(TestCounts { passed: 5, failed: 4, skipped: 1 }));
    }
}
