//! Which state a working tree was in, so that a receipt can be told to be of it.

use std::fmt;

/// A commit, and what differs from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TreeState {
    /// The whole id of the commit that is checked out.
    pub commit: String,
    /// A hash over everything that is not committed, files that git does not know yet included. `None`: nothing is.
    pub dirty: Option<String>,
}

impl fmt::Display for TreeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.commit.get(..12).unwrap_or(&self.commit))?;
        match &self.dirty {
            Some(hash) => write!(f, "+{}", hash.get(..8).unwrap_or(hash)),
            None => Ok(()),
        }
    }
}
