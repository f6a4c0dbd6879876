//! A script: which reply an agent gives to which job. It is data; it does nothing by itself.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::step::Step;

/// What the agents of a test or of a demo do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The first one whose `when` matches is given.
    #[serde(default)]
    pub replies: Vec<Reply>,
    /// The steps when no reply matches. `None`: such a run is an error.
    #[serde(default)]
    pub otherwise: Option<Vec<Step>>,
}

/// What an agent does when it is asked what `when` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reply {
    #[serde(default)]
    pub when: When,
    pub steps: Vec<Step>,
    /// How often it is given, counted over all the processes of a script. `None`: without limit.
    #[serde(default)]
    pub times: Option<u32>,
    /// The stream ends without its terminal event unless a step prints one.
    #[serde(default)]
    pub no_result: bool,
    /// The stream begins without its first events.
    #[serde(default)]
    pub no_init: bool,
}

/// Conditions; one that is absent holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct When {
    pub job_type: Option<String>,
    /// The n-th job of its type in its assignment, from 1.
    pub nth: Option<u32>,
    /// The n-th try of the same job, from 1.
    pub attempt: Option<u32>,
    /// A part of the prompt.
    pub prompt: Option<String>,
}

/// One run of an agent, as the conditions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occasion {
    pub job_type: String,
    pub nth: u32,
    pub attempt: u32,
    pub prompt: String,
}

/// The script cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("cannot read the script {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("bad script: {}{why}", if path.is_empty() { String::new() } else { format!("`{path}`: ") })]
    Bad {
        /// Where in the script, such as `replies[0].steps[2].wait.ms`.
        path: String,
        /// What is wrong, with line and column.
        why: String,
    },
}

impl Script {
    /// Reads a script from its JSON text.
    pub fn parse(json: &str) -> Result<Script, ScriptError> {
        let bad = |path: String, why: &serde_json::Error| ScriptError::Bad {
            path: if path == "." { String::new() } else { path },
            why: why.to_string(),
        };
        let mut reader = serde_json::Deserializer::from_str(json);
        let script = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| bad(error.path().to_string(), error.inner()))?;
        reader.end().map_err(|error| bad(String::new(), &error))?;
        Ok(script)
    }

    /// Reads a script from its file.
    pub fn load(path: &Path) -> Result<Script, ScriptError> {
        let json = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Unreadable { path: path.to_owned(), source })?;
        Script::parse(&json)
    }
}

impl When {
    pub(crate) fn holds(&self, occasion: &Occasion) -> bool {
        self.job_type.as_ref().is_none_or(|wanted| *wanted == occasion.job_type)
            && self.nth.is_none_or(|wanted| wanted == occasion.nth)
            && self.attempt.is_none_or(|wanted| wanted == occasion.attempt)
            && self.prompt.as_ref().is_none_or(|wanted| occasion.prompt.contains(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(json: &str) -> String {
        Script::parse(json).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_key_the_line_and_the_column() {
        let unknown = "{\n \"replies\": [\n  {\"when\": {\"jobtype\": \"pm\"}, \"steps\": []}\n ]\n}";
        assert_eq!(
            why(unknown),
            "bad script: `replies[0].when.jobtype`: unknown field `jobtype`, expected one of `jobType`, `nth`, \
             `attempt`, `prompt` at line 3 column 21"
        );
        let wrong_type = "{\"otherwise\": [{\"text\": \"a\"},\n {\"wait\": {\"ms\": \"soon\"}}]}";
        assert_eq!(
            why(wrong_type),
            "bad script: `otherwise[1].wait.ms`: invalid type: string \"soon\", expected u64 at line 2 column 23"
        );
    }

    #[test]
    fn text_that_is_not_one_json_object_is_refused_with_its_place() {
        assert!(why("{\"otherwise\": [").contains("EOF while parsing"), "{}", why("{\"otherwise\": ["));
        assert_eq!(why("{} {}"), "bad script: trailing characters at line 1 column 4");
    }

    #[test]
    fn conditions_hold_together_and_an_absent_one_holds() {
        let occasion =
            Occasion { job_type: "review".into(), nth: 2, attempt: 1, prompt: "look at greet.sh".into() };
        let check = |json: &str, holds: bool| {
            let when: When = serde_json::from_str(json).unwrap();
            assert_eq!(when.holds(&occasion), holds, "{json}");
        };
        check("{}", true);
        check(r#"{"jobType":"review","nth":2,"attempt":1,"prompt":"greet"}"#, true);
        check(r#"{"jobType":"plan"}"#, false);
        check(r#"{"jobType":"review","nth":1}"#, false);
        check(r#"{"attempt":2}"#, false);
        check(r#"{"prompt":"other.sh"}"#, false);
    }
}
