//! Takes the values of secrets out of what is said, also where they are written as in JSON or in a URL.

/// What stands in place of a secret.
const MASK: &str = "***";

/// A shorter value is no secret: it would stand in everything that is said.
const SHORTEST: usize = 4;

/// The texts that nobody may see.
#[derive(Debug, Default, Clone)]
pub(crate) struct Mask {
    /// The longest first, so that one that is part of another leaves nothing of it.
    hidden: Vec<String>,
}

impl Mask {
    /// From now on that value is masked.
    pub(crate) fn hide(&mut self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        for form in [value.to_owned(), as_json(value), as_percent(value)] {
            if !self.hidden.contains(&form) {
                self.hidden.push(form);
            }
        }
        self.hidden.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without any of them.
    pub(crate) fn masked(&self, text: &str) -> String {
        let hidden = self.hidden.iter();
        hidden.fold(text.to_owned(), |text, form| match text.contains(form.as_str()) {
            true => text.replace(form.as_str(), MASK),
            false => text,
        })
    }

    /// How much of the end of the text may be the beginning of one of them.
    fn open_end(&self, text: &str) -> usize {
        let longest = |form: &String| {
            let fits = |length: &usize| form.is_char_boundary(*length) && text.ends_with(&form[..*length]);
            (1..form.len().min(text.len() + 1)).rev().find(fits).unwrap_or(0)
        };
        self.hidden.iter().map(longest).max().unwrap_or(0)
    }
}

/// A text that comes in pieces: what may be the beginning of a secret is held back until it is known.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    held: String,
}

impl Masked {
    /// What may be said now.
    pub(crate) fn push(&mut self, piece: &str, mask: &Mask) -> String {
        self.held.push_str(piece);
        let mut masked = mask.masked(&self.held);
        let keep = mask.open_end(&masked);
        self.held = masked.split_off(masked.len() - keep);
        masked
    }

    /// The rest.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

fn as_json(value: &str) -> String {
    let quoted = serde_json::Value::String(value.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn as_percent(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(values: &[&str]) -> Mask {
        let mut mask = Mask::default();
        values.iter().for_each(|value| mask.hide(value));
        mask
    }

    #[test]
    fn a_value_is_masked_as_it_is_in_json_and_in_a_url() {
        let mask = mask(&["s3cr\"t/x", "s3cr\"t/x and more", "abc"]);
        assert_eq!(mask.masked("a s3cr\"t/x b"), "a *** b");
        assert_eq!(mask.masked(r#"{"a":"s3cr\"t/x and more"}"#), r#"{"a":"***"}"#);
        assert_eq!(mask.masked("?q=s3cr%22t%2Fx&b"), "?q=***&b");
        assert_eq!(mask.masked("abc"), "abc", "too short to be a secret");
    }

    #[test]
    fn a_value_that_comes_in_pieces_is_never_said() {
        let mask = mask(&["secret-value"]);
        for cut in 1.."a secret-value, a sec".len() {
            let (first, second) = "a secret-value, a sec".split_at(cut);
            let mut text = Masked::default();
            let said = [text.push(first, &mask), text.push(second, &mask), text.finish()];
            assert_eq!(said.concat(), "a ***, a sec", "{cut}: {said:?}");
        }
    }
}
