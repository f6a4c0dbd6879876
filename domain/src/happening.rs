//! A happening: something that somebody has emitted, a webhook has received, or the orchestrator tells of itself.
//!
//! It is kept for a while and never changes. What it starts is decided by [subscriptions](crate::subscription).

use std::fmt;

use async_trait::async_trait;

use crate::id::{AttemptId, HappeningId};
use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// How much data somebody may emit with an event, in bytes.
pub const DATA_MAX: usize = 256 * 1024;

/// The longest name of an event, and the longest pattern, in bytes.
pub const NAME_MAX: usize = 200;

/// The name of an event: words with points between them, `deploy.done`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(String);

/// The text cannot be the name of an event, or no pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEventName {
    #[error("the name of an event is empty; write words with points between them, as in deploy.done")]
    Empty,
    #[error("the name of an event has {NAME_MAX} bytes at most; this one has {length}")]
    Long { length: usize },
    #[error("`{text}` has nothing between two points, or at one end; write deploy.done")]
    EmptyWord { text: String },
    #[error(
        "`{text}` cannot be the name of an event: `{found}` at position {position} is no letter, digit, `_` or `-`"
    )]
    Character { text: String, found: char, position: usize },
    #[error(
        "`{text}` is no pattern: `**` stands for whole words and has a point on either side, as in run.**"
    )]
    Stars { text: String },
}

impl EventName {
    /// The name, if it is a possible one.
    pub fn new(text: impl Into<String>) -> Result<Self, BadEventName> {
        let text = text.into();
        check_words(&text, |_| false)?;
        Ok(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which names are meant: `*` is any text within a word, `**` any number of words, also none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPattern(String);

impl EventPattern {
    /// The pattern, if it is one.
    pub fn new(text: impl Into<String>) -> Result<Self, BadEventName> {
        let text = text.into();
        check_words(&text, |found| found == '*')?;
        if text.split('.').any(|word| word.contains("**") && word != "**") {
            return Err(BadEventName::Stars { text });
        }
        Ok(Self(text))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether that name is meant.
    pub fn matches(&self, name: &EventName) -> bool {
        let pattern: Vec<&str> = self.0.split('.').collect();
        let words: Vec<&str> = name.0.split('.').collect();
        words_match(&pattern, &words)
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_words(text: &str, also: impl Fn(char) -> bool) -> Result<(), BadEventName> {
    if text.is_empty() {
        return Err(BadEventName::Empty);
    }
    if text.len() > NAME_MAX {
        return Err(BadEventName::Long { length: text.len() });
    }
    let is_bad = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') || also(c));
    if let Some((place, found)) = text.chars().enumerate().find(|(_, c)| is_bad(*c)) {
        return Err(BadEventName::Character { text: text.to_owned(), found, position: place + 1 });
    }
    if text.split('.').any(str::is_empty) {
        return Err(BadEventName::EmptyWord { text: text.to_owned() });
    }
    Ok(())
}

/// Row by row, so that many `**` cost no more than the product of both lengths.
fn words_match(pattern: &[&str], words: &[&str]) -> bool {
    let mut reached = vec![false; words.len() + 1];
    reached[0] = true;
    for part in pattern {
        let mut next = vec![false; words.len() + 1];
        if *part == "**" {
            let mut open = false;
            for (place, at) in reached.iter().enumerate() {
                open |= at;
                next[place] = open;
            }
        } else {
            for (place, word) in words.iter().enumerate() {
                next[place + 1] = reached[place] && word_matches(part.as_bytes(), word.as_bytes());
            }
        }
        reached = next;
    }
    reached[words.len()]
}

/// One word against a part in which `*` is any text. It goes back to the last `*` alone, which is enough.
fn word_matches(part: &[u8], word: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < word.len() {
        if part.get(at) == Some(&b'*') {
            star = Some((at, place));
            at += 1;
        } else if part.get(at) == Some(&word[place]) {
            at += 1;
            place += 1;
        } else if let Some((star_at, from)) = star {
            at = star_at + 1;
            place = from + 1;
            star = Some((star_at, from + 1));
        } else {
            return false;
        }
    }
    part[at..].iter().all(|byte| *byte == b'*')
}

/// Where a happening comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HappeningSource {
    /// A person at a terminal, or a script of theirs.
    Person,
    /// An agent, or a command, from inside its job.
    Agent,
    /// A request that a webhook has received.
    Webhook,
    /// The orchestrator tells of itself.
    Orchestrator,
}

impl HappeningSource {
    /// Every source, in the order of the docs.
    pub const ALL: [HappeningSource; 4] = [
        HappeningSource::Person,
        HappeningSource::Agent,
        HappeningSource::Webhook,
        HappeningSource::Orchestrator,
    ];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            HappeningSource::Person => "person",
            HappeningSource::Agent => "agent",
            HappeningSource::Webhook => "webhook",
            HappeningSource::Orchestrator => "orchestrator",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<HappeningSource> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

/// A happening that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHappening {
    pub id: HappeningId,
    pub namespace: Namespace,
    pub name: EventName,
    /// JSON.
    pub data: String,
    pub source: HappeningSource,
    /// What it comes from: the attempt of an agent, the delivery of a webhook, the assignment that is told of.
    pub cause: Option<String>,
    /// How many triggers lie between it and whoever began: 0 for a person.
    pub depth: u32,
}

/// A happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Its place among all of the store, in the order in which they were committed.
    pub seq: u64,
    pub at: Timestamp,
    pub what: NewHappening,
}

/// Which happenings a list shows.
#[derive(Debug, Clone, Default)]
pub struct HappeningFilter {
    pub namespace: Option<Namespace>,
    pub pattern: Option<EventPattern>,
    /// Only those of then or later.
    pub since: Option<Timestamp>,
    /// Only those behind that place.
    pub after: Option<u64>,
    /// The latest so many.
    pub limit: Option<u32>,
}

/// The port to happenings.
#[async_trait]
pub trait Happenings: Send + Sync {
    /// Stores what has happened. Of an agent: as deep as its run is, and no run that it could be part of may be told wrong
    /// by it, so `attempts` names all that it runs below.
    async fn emit(&self, new: NewHappening, attempts: &[AttemptId]) -> Result<Happening, StoreError>;

    /// Happenings, the oldest first.
    async fn happenings(&self, filter: &HappeningFilter) -> Result<Vec<Happening>, StoreError>;

    /// Deletes up to `limit` that happened before that moment, with what they have led to, and what webhooks have received
    /// before it. Gives how many.
    async fn forget_happenings(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_with_points_between_them() {
        for text in ["deploy", "deploy.done", "a-b.c_d.9", &"x".repeat(NAME_MAX)] {
            assert_eq!(EventName::new(text).map(|name| name.to_string()), Ok(text.to_owned()));
        }
        let check = |text: &str, said: &str| {
            assert_eq!(EventName::new(text).unwrap_err().to_string(), said, "{text}");
        };
        check("", "the name of an event is empty; write words with points between them, as in deploy.done");
        check("a..b", "`a..b` has nothing between two points, or at one end; write deploy.done");
        check(".a", "`.a` has nothing between two points, or at one end; write deploy.done");
        check(
            "deploy done",
            "`deploy done` cannot be the name of an event: ` ` at position 7 is no letter, digit, `_` or `-`",
        );
        check(
            "run.*",
            "`run.*` cannot be the name of an event: `*` at position 5 is no letter, digit, `_` or `-`",
        );
        check(&"x".repeat(NAME_MAX + 1), "the name of an event has 200 bytes at most; this one has 201");
    }

    #[test]
    fn a_star_is_within_a_word_and_two_are_any_number_of_words() {
        let check = |pattern: &str, names: &[&str], others: &[&str]| {
            let pattern = EventPattern::new(pattern).unwrap();
            for name in names {
                assert!(pattern.matches(&EventName::new(*name).unwrap()), "{pattern} means {name}");
            }
            for name in others {
                assert!(!pattern.matches(&EventName::new(*name).unwrap()), "{pattern} does not mean {name}");
            }
        };
        check("run.failed", &["run.failed"], &["run", "run.failed.x", "run.fail", "xrun.failed"]);
        check("run.*", &["run.failed", "run.x"], &["run", "run.a.b", "job.failed"]);
        check("*.failed", &["run.failed", "job.failed"], &["failed", "a.b.failed"]);
        check("run.**", &["run", "run.failed", "run.a.b"], &["runs", "job.failed"]);
        check("**", &["run", "a.b.c"], &[]);
        check("**.failed", &["failed", "run.failed", "a.b.failed"], &["failed.x"]);
        check("a.**.z", &["a.z", "a.b.z", "a.b.c.z"], &["a", "z", "a.b"]);
        check("deploy-*", &["deploy-1", "deploy-"], &["deploy", "deploy.1"]);
        check("*a*b*", &["ab", "xaybz", "aab"], &["ba", "a", "b"]);
        check("**.**.**", &["a"], &[]);
    }

    #[test]
    fn two_stars_beside_something_else_are_refused() {
        for text in ["run.a**", "**b", "***"] {
            let said = EventPattern::new(text).unwrap_err().to_string();
            assert!(said.contains(text) && said.contains("whole words"), "{said}");
        }
    }
}
