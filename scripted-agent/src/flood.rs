//! More output than anyone wants: whole lines of assistant text, as fast as the reader takes them, in constant memory
//! however long a line is.

use std::io::{self, Write};

/// The most that is prepared at once; large enough that the writes cost nothing beside the copying.
const BLOCK: u64 = 1 << 20;

/// A line in two parts; what is between them is filled up.
#[derive(Debug)]
pub(crate) struct Flood<'a> {
    pub head: &'a str,
    /// Ends with the line feed.
    pub tail: &'a str,
    pub line_bytes: u64,
    /// How much in all, rounded up to whole lines. `None`: until the reader goes away.
    pub bytes: Option<u64>,
}

impl Flood<'_> {
    /// Writes all of it.
    pub(crate) fn pour(&self, out: &mut dyn Write) -> io::Result<()> {
        let around = (self.head.len() + self.tail.len()) as u64;
        let filling = self.line_bytes.saturating_sub(around);
        let lines = self.bytes.map(|bytes| bytes.div_ceil(around + filling));
        if around + filling > BLOCK {
            self.long_lines(filling, lines, out)
        } else {
            self.blocks(filling, lines, out)
        }
    }

    fn blocks(&self, filling: u64, lines: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let mut line = self.head.as_bytes().to_vec();
        line.resize(line.len() + filling as usize, b'x');
        line.extend_from_slice(self.tail.as_bytes());
        let per_block = BLOCK / line.len() as u64;
        let block = line.repeat(per_block as usize);
        let mut left = lines;
        loop {
            match left {
                None => out.write_all(&block)?,
                Some(lines) if lines >= per_block => {
                    out.write_all(&block)?;
                    left = Some(lines - per_block);
                }
                Some(lines) => return out.write_all(&block[..lines as usize * line.len()]),
            }
        }
    }

    fn long_lines(&self, filling: u64, lines: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let block = vec![b'x'; BLOCK as usize];
        let mut written = 0;
        while lines.is_none_or(|lines| written < lines) {
            out.write_all(self.head.as_bytes())?;
            for _ in 0..filling / BLOCK {
                out.write_all(&block)?;
            }
            out.write_all(&block[..(filling % BLOCK) as usize])?;
            out.write_all(self.tail.as_bytes())?;
            written += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poured(line_bytes: u64, bytes: u64) -> Vec<u8> {
        let mut out = Vec::new();
        Flood { head: "{\"t\":\"", tail: "\"}\n", line_bytes, bytes: Some(bytes) }.pour(&mut out).unwrap();
        out
    }

    #[test]
    fn lines_have_the_length_that_is_asked_for_and_are_never_cut() {
        let check = |line_bytes: u64, bytes: u64, lines: u64, length: u64| {
            let out = poured(line_bytes, bytes);
            let lengths: Vec<u64> =
                out.split_inclusive(|byte| *byte == b'\n').map(|l| l.len() as u64).collect();
            assert_eq!(lengths, vec![length; lines as usize], "{line_bytes} {bytes}");
        };
        check(20, 50, 3, 20);
        check(1, 9, 1, 9);
        check(4096, 3 << 20, 768, 4096);
        check(5 << 20, 1, 1, 5 << 20);
        check(20, 0, 0, 20);
    }

    #[test]
    fn an_endless_flood_ends_when_the_reader_is_gone() {
        struct Short(u64);
        impl Write for Short {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(buf.len() as u64).ok_or(io::ErrorKind::BrokenPipe)?;
                Ok(buf.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let flood = Flood { head: "", tail: "\n", line_bytes: 100, bytes: None };
        assert_eq!(flood.pour(&mut Short(10 << 20)).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
