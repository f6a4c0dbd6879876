//! Text that a reader keeps, bounded whatever the agent prints.

/// The longest answer that is kept. A longer one is cut, with a note at the cut.
pub(crate) const ANSWER_BYTES: usize = 1024 * 1024;
/// The longest error message that is kept.
pub(crate) const MESSAGE_BYTES: usize = 16 * 1024;
/// The longest name (session, model, version) that is kept.
pub(crate) const NAME_BYTES: usize = 256;

/// The beginning of a text, up to a limit, and how much followed.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    text: String,
    limit: usize,
    dropped: u64,
}

impl Kept {
    /// Nothing yet.
    pub(crate) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, dropped: 0 }
    }

    /// Forgets what was kept and keeps this.
    pub(crate) fn set(&mut self, text: &str) {
        self.clear();
        self.push(text);
    }

    /// Keeps this after what was kept.
    pub(crate) fn push(&mut self, text: &str) {
        let room = if self.dropped > 0 { 0 } else { self.limit.saturating_sub(self.text.len()) };
        let head = head(text, room);
        self.text.push_str(head);
        self.dropped += (text.len() - head.len()) as u64;
    }

    /// Forgets what was kept.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.dropped = 0;
    }

    /// Whether there is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// What was kept, without the note about a cut.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// What was kept, with a note about a cut.
    pub(crate) fn into_text(self) -> String {
        match self.dropped {
            0 => self.text,
            dropped => format!("{}\n[{dropped} more bytes were cut]", self.text),
        }
    }
}

/// The longest beginning of `text` that has at most `limit` bytes and ends between characters.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// The longest end of `text` that has at most `limit` bytes and begins between characters.
pub(crate) fn tail(text: &str, limit: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(limit))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let mut kept = Kept::new(5);
        kept.push("abc");
        kept.push("äöü");
        kept.push("d");
        assert_eq!(kept.into_text(), "abcä\n[5 more bytes were cut]");
    }

    #[test]
    fn setting_replaces_everything() {
        let mut kept = Kept::new(5);
        kept.push("abcdefgh");
        kept.set(" \n");
        assert!(kept.is_blank());
        assert_eq!(kept.into_text(), " \n");
    }

    #[test]
    fn heads_and_tails_end_between_characters() {
        assert_eq!((head("aä", 2), head("aä", 9), tail("äb", 2), tail("äb", 9)), ("a", "aä", "b", "äb"));
    }
}
