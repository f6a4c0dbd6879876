//! The configuration file as it is written: its keys and their types. The JSON Schema is made from these.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use agents_domain::access::Access;
use agents_domain::job_type::JobType;
use agents_domain::retention::Keep;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, json};

use super::checks::{CheckEntry, GuardModeName, guards_schema};
use super::money::{DayLimitsEntry, LimitsEntry, PriceEntry};
use super::notifications::ChannelEntry;
use super::number::{lease, optional_amount, positive};
use super::providers::ProviderEntry;
use super::workflows::WorkflowsEntry;
use super::workspace::{WorkspaceName, WorktreesEntry};

/// Configuration of agents, for a repository (.agents/config.json) or a user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct ConfigFile {
    /// The JSON Schema that editors check this file with.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The repository's share of the store. Not set: the name of the repository's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where the database is: sqlite:<path>. Not set: agents.db in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// The folder of the database and of what agents print. Not set: the user's data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// How long a job may take, in milliseconds, unless it says so itself.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub timeout_ms: Option<u64>,
    /// How long an agent may take until its CLI says its first word, in milliseconds. Not for harnesses that print text.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub start_timeout_ms: Option<u64>,
    /// How long an agent may be silent while nothing that it has started works, in milliseconds. Not for harnesses that
    /// print text.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub silence_timeout_ms: Option<u64>,
    /// The three times for one type of job, where they are not the general ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub timeouts: BTreeMap<String, TimeoutsEntry>,
    /// How much an agent may print in one attempt, in bytes. Past it the attempt is ended.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub max_output_bytes: Option<u64>,
    /// How long a runner's right to an attempt lasts without a heartbeat, in milliseconds. Without a runner, an agent goes
    /// on for so long at most.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lease")]
    #[schemars(range(min = 2000))]
    pub lease_ms: Option<u64>,
    /// The time between asking an agent to stop and killing it, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub grace_ms: Option<u64>,
    /// How many jobs a runner does at once.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub concurrency: Option<u32>,
    /// Which harness does which type of job; `default` does those that are not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "harness_defaults_schema")]
    pub harness_defaults: BTreeMap<String, String>,
    /// Harnesses that review what another one has done, the best first. Not set: the built-in ones whose CLI is installed
    /// and has an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewers: Option<Vec<String>>,
    /// The model of a review that the worker's own harness does, because there is no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_model: Option<String>,
    /// Which harness does the jobs of one that cools down after a limit; null takes an entry away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub harness_fallback: BTreeMap<String, Option<String>>,
    /// Settings of the built-in harnesses claude, codex and gemini, and harnesses of your own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub harnesses: BTreeMap<String, HarnessEntry>,
    /// Who answers direct calls of a model (`ai`): settings of the built-in providers anthropic, openai, gemini and mock, and
    /// providers of your own, such as a server on this machine.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ai_providers: BTreeMap<String, ProviderEntry>,
    /// What agents may do, by type of job, where it is not the built-in rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "permissions_schema")]
    pub permissions: BTreeMap<String, AccessName>,
    /// What tokens cost where the CLI does not say, by patterns of model names: `*` stands for any text, and a pattern with a
    /// `/` is matched against <harness>/<model>. US dollars for a million tokens.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, PriceEntry>,
    /// Limits of an assignment.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How long a closed assignment keeps what its agents printed, and its history.
    #[serde(skip_serializing_if = "RetentionTimes::is_empty")]
    pub retention: RetentionTimes,
    /// Who is told of what happens: on the desktop, by a webhook, by a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Vec<ChannelEntry>>,
    /// Commands that tell whether the work is right, run after every job that may edit; new assignments get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<CheckEntry>>,
    /// How long a check may take, in milliseconds, unless it says so itself.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub check_timeout_ms: Option<u64>,
    /// What becomes of what each guard finds in a worker's diff: `report`, `gate` or `off`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "guards_schema")]
    pub guards: BTreeMap<String, GuardModeName>,
    /// Where agents work: each assignment in a worktree of its own, or all in the repository itself. Not set: worktree where
    /// there can be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceName>,
    /// Who commits what jobs have done: a name and an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_author: Option<String>,
    /// Commands that make a new worktree ready, each a line of shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup: Option<Vec<String>>,
    /// Files and folders that git ignores and that a new worktree gets from the main checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<Vec<String>>,
    /// How long all the commands of `setup` may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub setup_timeout_ms: Option<u64>,
    /// How long the worktrees of closed assignments stay.
    #[serde(skip_serializing_if = "WorktreesEntry::is_empty")]
    pub worktrees: WorktreesEntry,
    /// Workflows that are kept in the store.
    #[serde(skip_serializing_if = "WorkflowsEntry::is_empty")]
    pub workflows: WorkflowsEntry,
}

/// Settings of one harness.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct HarnessEntry {
    /// The program, or the program and its first arguments. A harness that is not built in needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandLine>,
    /// Arguments after all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Environment variables; null takes one away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// The model of jobs that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The form of its output, only of a harness that is not built in. Not set: text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
}

/// How long jobs of one type may take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct TimeoutsEntry {
    /// How long a job may take, in milliseconds, unless it says so itself.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub timeout_ms: Option<u64>,
    /// How long an agent may take until its CLI says its first word, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub start_timeout_ms: Option<u64>,
    /// How long an agent may be silent while nothing that it has started works, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub silence_timeout_ms: Option<u64>,
}

/// Limits of an assignment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// How many jobs an assignment may have, the PM's own apart. Past it it is blocked.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "positive")]
    #[schemars(range(min = 1))]
    pub max_jobs: Option<u32>,
    /// How much one attempt may use.
    #[serde(skip_serializing_if = "LimitsEntry::is_empty")]
    pub attempt: LimitsEntry,
    /// How much all the attempts of a job may use.
    #[serde(skip_serializing_if = "LimitsEntry::is_empty")]
    pub job: LimitsEntry,
    /// How much an assignment may use.
    #[serde(skip_serializing_if = "LimitsEntry::is_empty")]
    pub assignment: LimitsEntry,
    /// How much the namespace may use in one day, in UTC.
    #[serde(skip_serializing_if = "DayLimitsEntry::is_empty")]
    pub day: DayLimitsEntry,
    /// What an attempt is taken to cost, in US dollars, while nothing is known of its like. Not set: 0.50, at most a tenth of
    /// a limit.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_amount")]
    #[schemars(range(min = 0))]
    pub expected_cost: Option<f64>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a closed assignment keeps things: `12h`, `30d`, `8w` or `forever`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct RetentionTimes {
    /// Prompts, streams and standard error of its agents. Not set: 30d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<KeepTime>,
    /// The events of its history. Not set: 365d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<KeepTime>,
    /// The steps of a workflow's run, and what it has started with. Not set: 90d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_history: Option<KeepTime>,
}

impl RetentionTimes {
    /// What `above` says takes the place of what this says.
    pub(super) fn overlay(&mut self, above: RetentionTimes) {
        let RetentionTimes { logs, events, workflow_history } = above;
        self.logs = logs.or(self.logs);
        self.events = events.or(self.events);
        self.workflow_history = workflow_history.or(self.workflow_history);
    }

    fn is_empty(&self) -> bool {
        self.logs.is_none() && self.events.is_none() && self.workflow_history.is_none()
    }
}

/// How long something is kept, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepTime(pub Keep);

impl Serialize for KeepTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeepTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Keep::from_text(&String::deserialize(from)?).map(Self).map_err(de::Error::custom)
    }
}

impl JsonSchema for KeepTime {
    fn schema_name() -> Cow<'static, str> {
        "KeepTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([1-9][0-9]*[hdw]|forever)$" })
    }
}

/// The form of a harness's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Claude Code's stream-json.
    Claude,
    /// The JSON lines of codex exec.
    Codex,
    /// Gemini CLI's stream-json.
    Gemini,
    /// Plain text.
    Text,
}

/// A program and its first arguments: a string is split at blanks, a list is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CommandLine(pub Vec<String>);

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = CommandLine;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a program, or a list of a program and its arguments")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CommandLine, E> {
                if text.contains(['"', '\'', '\\']) {
                    return Err(E::custom(
                        "quotes mean nothing here; write the command as a list of strings",
                    ));
                }
                Ok(CommandLine(text.split_whitespace().map(str::to_owned).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<CommandLine, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = from.next_element()? {
                    words.push(word);
                }
                Ok(CommandLine(words))
            }
        }
        from.deserialize_any(Words)
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 }
            ]
        })
    }
}

/// What an agent may do, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessName(pub Access);

impl Serialize for AccessName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for AccessName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Access::from_name(&name).map(Self).ok_or_else(|| {
            let names: Vec<&str> = Access::ALL.into_iter().map(Access::as_str).collect();
            de::Error::custom(format!("`{name}` is no permission; use {}", names.join(", ")))
        })
    }
}

fn harness_defaults_schema(_: &mut SchemaGenerator) -> Schema {
    let names = std::iter::once("default").chain(JobType::BUILT_IN);
    let properties: Map<_, _> = names.map(|name| (name.to_owned(), json!({ "type": "string" }))).collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": { "type": "string" }
    })
}

fn permissions_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Access::ALL.into_iter().map(Access::as_str).collect();
    let access = json!({ "type": "string", "enum": names });
    let properties: Map<_, _> =
        JobType::BUILT_IN.into_iter().map(|name| (name.to_owned(), access.clone())).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": access })
}
