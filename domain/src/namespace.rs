//! A namespace: one repository's share of the store.

use std::fmt;

/// The longest name of a namespace, in bytes.
pub const MAX_LEN: usize = 100;

/// The name of one repository's share of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

/// The text cannot be the name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be a namespace: use 1 to {MAX_LEN} letters, digits, `.`, `_`, `-` or `/`, beginning with a letter or digit"
)]
pub struct BadNamespace {
    text: String,
}

impl Namespace {
    /// The namespace of that name, if the name is a possible one.
    pub fn new(text: impl Into<String>) -> Result<Self, BadNamespace> {
        let text = text.into();
        let starts_well = text.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let all_good = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
        if starts_well && all_good && text.len() <= MAX_LEN {
            Ok(Self(text))
        } else {
            Err(BadNamespace { text })
        }
    }

    /// The namespace that suits a folder of that name: what cannot stand in a name becomes `-`.
    pub fn from_folder_name(folder: &str) -> Option<Self> {
        let kept: String = folder
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
            .take(MAX_LEN)
            .collect();
        Self::new(kept.trim_start_matches(['.', '_', '-']).to_owned()).ok()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_made_from_any_sensible_folder_name() {
        let check = |folder: &str, name: Option<&str>| {
            assert_eq!(Namespace::from_folder_name(folder).as_ref().map(Namespace::as_str), name, "{folder}");
        };
        check("my-repo", Some("my-repo"));
        check("My Repo (copy)", Some("My-Repo--copy-"));
        check(".dotfiles", Some("dotfiles"));
        check("日本", None);
        check("", None);
    }

    #[test]
    fn a_namespace_refuses_what_would_be_trouble_in_a_path_or_a_shell() {
        for text in ["", "-x", "../up", "a b", "a;b", "é"] {
            assert!(Namespace::new(text).is_err(), "{text}");
        }
    }
}
