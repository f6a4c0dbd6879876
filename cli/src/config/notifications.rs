//! Channels of notifications as the configuration has them.

use std::borrow::Cow;
use std::time::Duration;

use agents_domain::happening::EventPattern;
use agents_domain::notice::{Channel, ChannelTo, MessageFormat, QuietHours};
use agents_orchestrator::notice::check_quiet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::job_input;

/// How long what happens is gathered for one message, unless it is said otherwise.
const BATCH: &str = "5s";

/// Who is told of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelEntry {
    /// A short name. Not set: desktop, webhook or command, with a number from the second one on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Patterns of events: `*` is any text within a word, `**` any number of words.
    pub on: Vec<String>,
    /// Where it goes.
    pub to: ToEntry,
    /// Hours in which nothing is sent; what happens then is sent at their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietEntry>,
    /// What happens within that time becomes one message: 30s, 5m. Not set: 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

/// Where it goes: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToEntry {
    /// A notice on the desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desktop: Option<True>,
    /// A request to this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookEntry>,
    /// A program and its arguments; it gets the message as JSON on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// `true`, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct True(bool);

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match bool::deserialize(from)? {
            true => Ok(Self(true)),
            false => Err(serde::de::Error::custom("write `true`, or leave it out")),
        }
    }
}

impl JsonSchema for True {
    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": true })
    }
}

/// An address, and how the message is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookEntry {
    /// Its address; `${secret:NAME}` is a variable of the runner's environment.
    pub url: String,
    /// As Slack takes it, or plain JSON.
    #[serde(default)]
    pub format: FormatName,
}

/// How the message is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FormatName {
    Slack,
    #[default]
    Plain,
}

/// Hours in which nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuietEntry {
    /// As in 22:00.
    pub from: String,
    /// As in 07:00.
    pub to: String,
    /// An IANA name. Not set: that of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The channels that are meant; the error names the place.
pub fn channels(entries: &[ChannelEntry]) -> Result<Vec<Channel>, String> {
    let mut all: Vec<Channel> = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        let at = |why: String| format!("notifications, at place {}: {why}", place + 1);
        let to = entry.to.target().map_err(at)?;
        let name = entry.name.clone().unwrap_or_else(|| unused(kind(&to), &all));
        if name.trim().is_empty() || all.iter().any(|channel| channel.name == name) {
            return Err(at(format!("the name `{name}` is empty, or is that of an earlier one")));
        }
        let on: Result<Vec<EventPattern>, _> = entry.on.iter().map(EventPattern::new).collect();
        let on = on.map_err(|bad| at(format!("on: {bad}")))?;
        if on.is_empty() {
            return Err(at(
                "`on` names no events; `run.failed`, `assignment.*` or `**` are patterns".to_owned()
            ));
        }
        let quiet = entry.quiet_hours.as_ref().map(QuietEntry::hours).transpose().map_err(at)?;
        let batch = entry.batch.as_deref().unwrap_or(BATCH);
        let batch = if batch == "0s" { Ok(0) } else { job_input::milliseconds(batch) };
        let batch = Duration::from_millis(batch.map_err(|why| at(format!("batch: {why}")))?);
        all.push(Channel { name, on, to, quiet, batch });
    }
    Ok(all)
}

fn kind(to: &ChannelTo) -> &'static str {
    match to {
        ChannelTo::Desktop => "desktop",
        ChannelTo::Webhook { .. } => "webhook",
        ChannelTo::Command(_) => "command",
    }
}

/// The kind, with a number if that is taken.
fn unused(kind: &str, taken: &[Channel]) -> String {
    let is_free = |name: &String| !taken.iter().any(|channel| channel.name == *name);
    let numbered = (2..).map(|number| format!("{kind}-{number}"));
    std::iter::once(kind.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

impl ToEntry {
    fn target(&self) -> Result<ChannelTo, String> {
        match (&self.desktop, &self.webhook, &self.command) {
            (Some(_), None, None) => Ok(ChannelTo::Desktop),
            (None, Some(WebhookEntry { url, format }), None) => {
                let is_address =
                    ["http://", "https://", "${secret:"].iter().any(|begin| url.starts_with(begin));
                if !is_address {
                    return Err(format!("`{url}` is no address; write https://… or ${{secret:NAME}}"));
                }
                let format = match format {
                    FormatName::Slack => MessageFormat::Slack,
                    FormatName::Plain => MessageFormat::Plain,
                };
                Ok(ChannelTo::Webhook { url: url.clone(), format })
            }
            (None, None, Some(argv)) if argv.first().is_some_and(|program| !program.is_empty()) => {
                Ok(ChannelTo::Command(argv.clone()))
            }
            (None, None, Some(_)) => Err("the command is empty".to_owned()),
            _ => Err("`to` has exactly one of desktop, webhook, command".to_owned()),
        }
    }
}

impl QuietEntry {
    fn hours(&self) -> Result<QuietHours, String> {
        let (from, to) = (minutes(&self.from)?, minutes(&self.to)?);
        if from == to {
            return Err(format!("quietHours from {} to {} are none, or all", self.from, self.to));
        }
        let hours = QuietHours { from, to, zone: self.zone.clone() };
        check_quiet(&hours).map_err(|error| format!("quietHours: {error}"))?;
        Ok(hours)
    }
}

fn minutes(text: &str) -> Result<u16, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let is_plain = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (hour, minute): (u16, u16) = (is_plain(hour) && is_plain(minute))
            .then(|| (hour.parse().ok(), minute.parse().ok()))
            .and_then(|(h, m)| Some((h?, m?)))?;
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    read().ok_or_else(|| format!("quietHours: `{text}` is no time of day; write 22:00"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(entries: Value) -> Result<Vec<Channel>, String> {
        channels(&serde_json::from_value::<Vec<ChannelEntry>>(entries).unwrap())
    }

    #[test]
    fn channels_are_read_with_names_of_their_own() {
        let all = read(json!([
            {"on": ["run.*"], "to": {"desktop": true}, "quietHours": {"from": "22:00", "to": "07:30", "zone": "UTC"}},
            {"on": ["**"], "to": {"desktop": true}, "batch": "0s"},
            {"name": "team", "on": ["**"], "to": {"webhook": {"url": "${secret:SLACK}", "format": "slack"}}, "batch": "1m"},
        ]))
        .unwrap();
        let names: Vec<&str> = all.iter().map(|channel| channel.name.as_str()).collect();
        assert_eq!(names, ["desktop", "desktop-2", "team"]);
        assert_eq!(all[0].quiet, Some(QuietHours { from: 1320, to: 450, zone: Some("UTC".to_owned()) }));
        let seconds: Vec<u64> = all.iter().map(|channel| channel.batch.as_secs()).collect();
        assert_eq!(seconds, [5, 0, 60]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let check = |entry: Value, said: &str| {
            let why = read(json!([entry])).unwrap_err();
            assert!(why.starts_with("notifications, at place 1: ") && why.contains(said), "{why}");
        };
        let desktop = json!({"desktop": true});
        check(json!({"on": [], "to": desktop}), "`on` names no events");
        check(json!({"on": ["a..b"], "to": desktop}), "on: `a..b`");
        check(json!({"on": ["a"], "to": {}}), "exactly one of");
        check(json!({"on": ["a"], "to": {"command": []}}), "the command is empty");
        check(json!({"on": ["a"], "to": {"webhook": {"url": "example.org"}}}), "is no address");
        check(json!({"on": ["a"], "to": desktop, "batch": "soon"}), "batch: ");
        let quiet = |from: &str, to: &str, zone: &str| json!({"on": ["a"], "to": {"desktop": true}, "quietHours": {"from": from, "to": to, "zone": zone}});
        check(quiet("22", "07:00", "UTC"), "`22` is no time of day");
        check(quiet("24:00", "07:00", "UTC"), "`24:00` is no time of day");
        check(quiet("07:00", "07:00", "UTC"), "are none, or all");
        check(quiet("22:00", "07:00", "Mars/Olympus"), "there is no time zone `Mars/Olympus`");
    }
}
