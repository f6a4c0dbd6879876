//! The type of a job: which prompt template it gets and what its agent may do.

use std::fmt;

use crate::access::Access;

/// The longest name of a job type, in bytes.
pub const MAX_LEN: usize = 40;

/// The type of a job: one of the built-in ones, or one of the user's own (with a template of that name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobType(String);

/// The text cannot be the name of a job type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be a job type: use 1 to {MAX_LEN} lower-case letters, digits or `-`, beginning with a letter"
)]
pub struct BadJobType {
    text: String,
}

impl JobType {
    /// The names of the built-in types, in the order of the docs.
    pub const BUILT_IN: [&'static str; 8] =
        ["plan", "implement", "review", "uat", "document", "pm", "chat", "run"];

    /// Those of them that have a built-in template: a run's context is what its worker gets, word for word.
    pub const TEMPLATED: [&'static str; 7] = ["plan", "implement", "review", "uat", "document", "pm", "chat"];

    /// The type of that name, if the name is a possible one.
    pub fn new(text: impl Into<String>) -> Result<Self, BadJobType> {
        let text = text.into();
        let starts_well = text.chars().next().is_some_and(|first| first.is_ascii_lowercase());
        let all_good = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if starts_well && all_good && text.len() <= MAX_LEN {
            Ok(Self(text))
        } else {
            Err(BadJobType { text })
        }
    }

    /// The PM's own type.
    pub fn pm() -> Self {
        Self("pm".to_owned())
    }

    /// The type of a question to an assignment's history.
    pub fn chat() -> Self {
        Self("chat".to_owned())
    }

    /// The type of a run's one job: no template, no worktree, no checks.
    pub fn run() -> Self {
        Self("run".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the PM's own type.
    pub fn is_pm(&self) -> bool {
        self.0 == "pm"
    }

    /// Whether it is a question, which stands beside the list and not in it.
    pub fn is_chat(&self) -> bool {
        self.0 == "chat"
    }

    /// Whether it is a run's one job.
    pub fn is_run(&self) -> bool {
        self.0 == "run"
    }

    /// Whether its answer has findings: `review`, and types of the user's own like `security-review`.
    pub fn is_review(&self) -> bool {
        self.0 == "review" || self.0.ends_with("-review")
    }

    /// What an agent that does a job of this type may do unless the config says otherwise. A type of the
    /// user's own may do least.
    pub fn default_access(&self) -> Access {
        match self.0.as_str() {
            "implement" | "uat" | "document" => Access::Edit,
            "pm" => Access::ReadOnlyAndAgents,
            _ => Access::ReadOnly,
        }
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_type_is_a_possible_name_and_only_three_may_edit() {
        let may_edit: Vec<&str> = JobType::BUILT_IN
            .into_iter()
            .filter(|name| JobType::new(*name).unwrap().default_access() == Access::Edit)
            .collect();
        assert_eq!(may_edit, ["implement", "uat", "document"]);
    }

    #[test]
    fn a_type_refuses_what_would_be_trouble_as_a_file_name() {
        for text in ["", "Plan", "a/b", "..", "1st", "a b"] {
            assert!(JobType::new(text).is_err(), "{text}");
        }
    }
}
