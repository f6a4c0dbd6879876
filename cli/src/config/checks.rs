//! Checks and guards as the configuration has them.

use agents_domain::evidence::{Check, Guard, GuardMode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::number::positive;

/// A check: a command alone, or all that can be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a command, or an object with `command` and perhaps `name`, `required`, `timeoutMs`"
)]
pub enum CheckEntry {
    /// A line for `sh -c`; the check is required and is called like it.
    Command(String),
    /// Everything about it.
    Full(CheckTable),
}

/// All that can be said of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckTable {
    /// A short name. Not set: the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A line for `sh -c`, run at the top of the workspace.
    pub command: String,
    /// Whether an assignment can't be complete while it does not pass.
    #[serde(default = "required")]
    pub required: bool,
    /// How long it may take, in milliseconds. Not set: checkTimeoutMs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub timeout_ms: Option<u64>,
}

fn required() -> bool {
    true
}

impl CheckEntry {
    /// The check that is meant.
    pub fn check(&self) -> Check {
        match self {
            CheckEntry::Command(command) => Check::of_command(command.trim()),
            CheckEntry::Full(table) => Check {
                name: table.name.as_deref().unwrap_or(&table.command).trim().to_owned(),
                command: table.command.trim().to_owned(),
                required: table.required,
                timeout_ms: table.timeout_ms,
            },
        }
    }
}

/// What is wrong with a list of checks, if something is.
pub fn refuse(checks: &[Check]) -> Result<(), String> {
    for (place, check) in checks.iter().enumerate() {
        if check.command.is_empty() || check.name.is_empty() {
            return Err(format!("the check at place {} has no command or no name", place + 1));
        }
        if check.name.contains('\n') {
            let first = check.name.lines().next().unwrap_or_default();
            return Err(format!("the check `{first}…` has a name of several lines; give it a `name`"));
        }
        if checks[..place].iter().any(|earlier| earlier.name == check.name) {
            return Err(format!("there are two checks called `{}`", check.name));
        }
    }
    Ok(())
}

/// What becomes of what a guard finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardModeName {
    Report,
    Gate,
    Off,
}

impl GuardModeName {
    /// The mode of that name.
    pub fn mode(self) -> GuardMode {
        match self {
            GuardModeName::Report => GuardMode::Report,
            GuardModeName::Gate => GuardMode::Gate,
            GuardModeName::Off => GuardMode::Off,
        }
    }

    /// The name of that mode.
    pub fn of(mode: GuardMode) -> Self {
        match mode {
            GuardMode::Report => GuardModeName::Report,
            GuardMode::Gate => GuardModeName::Gate,
            GuardMode::Off => GuardModeName::Off,
        }
    }
}

/// The schema of `guards`.
pub(super) fn guards_schema(_: &mut SchemaGenerator) -> Schema {
    let mode = json!({ "type": "string", "enum": ["report", "gate", "off"] });
    let properties: Map<_, _> =
        Guard::ALL.into_iter().map(|guard| (guard.as_str().to_owned(), mode.clone())).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_command_or_an_object() {
        let read = |json: &str| serde_json::from_str::<CheckEntry>(json).map(|entry| entry.check());
        assert_eq!(read(r#""cargo test""#).unwrap(), Check::of_command("cargo test"));
        let full = r#"{"name": "lint", "command": " make lint ", "required": false, "timeoutMs": 5}"#;
        let expected =
            Check { name: "lint".into(), command: "make lint".into(), required: false, timeout_ms: Some(5) };
        assert_eq!(read(full).unwrap(), expected);
        assert_eq!(read(r#"{"command": "x"}"#).unwrap(), Check::of_command("x"));
        for wrong in [r#"7"#, r#"{"name": "x"}"#, r#"{"command": "x", "requierd": true}"#] {
            let said = read(wrong).unwrap_err().to_string();
            assert!(said.contains("a command, or an object"), "{said}");
        }
    }

    #[test]
    fn checks_without_a_command_and_two_of_one_name_are_refused() {
        let check = |commands: &[&str]| {
            refuse(&commands.iter().map(|command| Check::of_command(command)).collect::<Vec<_>>())
        };
        assert_eq!(check(&["a", "b"]), Ok(()));
        assert!(check(&["a", ""]).unwrap_err().contains("place 2"));
        assert!(check(&["a", "a"]).unwrap_err().contains("two checks called `a`"));
        assert!(check(&["a\nb"]).unwrap_err().contains("several lines"));
    }
}
