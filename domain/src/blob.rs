//! The name of a large thing that is kept as a file: the SHA-256 of its content, so that the same is kept once.

use std::fmt;
use std::str::FromStr;

/// How many digits the name has.
const DIGITS: usize = 64;

/// The name of a blob: 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(String);

/// The text is no name of a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name of a blob: it has {DIGITS} lower-case hexadecimal digits")]
pub struct BadBlobId {
    text: String,
}

impl BlobId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BlobId {
    type Err = BadBlobId;

    fn from_str(text: &str) -> Result<Self, BadBlobId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.len() == DIGITS && text.bytes().all(is_digit) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadBlobId { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_64_digits_and_is_no_path() {
        let name = "0123456789abcdef".repeat(4);
        assert_eq!(name.parse::<BlobId>().map(|id| id.to_string()), Ok(name.clone()));
        for bad in ["", &name[1..], &name.to_uppercase(), &format!("../{}", &name[3..]), &format!("{name}0")]
        {
            let said = bad.parse::<BlobId>().unwrap_err().to_string();
            assert!(said.contains(bad) && said.contains("64"), "{said}");
        }
    }
}
