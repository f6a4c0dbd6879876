//! Subscriptions and what they have done, for people and as JSON.

use std::collections::BTreeMap;

use agents_domain::start::Start;
use agents_domain::subscription::{Reaction, ReactionLine, SubscriptionLine};
use agents_domain::timestamp::Timestamp;
use serde::Serialize;

use super::table::{Cell, Table};
use super::text::{self, DIM, GREEN, RED};
use super::time;

/// A subscription.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView<'a> {
    id: String,
    namespace: &'a str,
    name: &'a str,
    on: &'a str,
    #[serde(rename = "where")]
    filter: Option<&'a str>,
    /// The definition that it runs.
    run: Option<&'a str>,
    /// The north star of the assignment that it creates.
    create: Option<&'a str>,
    /// The workflow that it starts.
    workflow: Option<&'a str>,
    params: serde_json::Value,
    map: &'a BTreeMap<String, String>,
    enabled: bool,
    created_at: String,
    started: u64,
    last: Option<ReactionView<'a>>,
    last_error: Option<ReactionView<'a>>,
}

/// What became of one happening.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReactionView<'a> {
    at: String,
    event: Option<&'a str>,
    happening: String,
    outcome: &'static str,
    assignment: Option<String>,
    why: Option<&'a str>,
}

impl<'a> From<&'a ReactionLine> for ReactionView<'a> {
    fn from(line: &'a ReactionLine) -> Self {
        let assignment = match &line.reaction {
            Reaction::Started(id) => Some(id.to_string()),
            Reaction::Refused(_) | Reaction::Failed(_) => None,
        };
        Self {
            at: line.at.to_string(),
            event: line.event.as_deref(),
            happening: line.happening.to_string(),
            outcome: line.reaction.as_str(),
            assignment,
            why: line.reaction.why(),
        }
    }
}

impl<'a> From<&'a SubscriptionLine> for SubscriptionView<'a> {
    fn from(line: &'a SubscriptionLine) -> Self {
        let one = &line.subscription;
        let (run, create, workflow) = match &one.start {
            Start::Definition { name, params: _ } => (Some(name.as_str()), None, None),
            Start::NorthStar { template, params: _ } => (None, Some(template.as_str()), None),
            Start::Workflow { name, params: _ } => (None, None, Some(name.as_str())),
        };
        Self {
            id: one.id.to_string(),
            namespace: one.namespace.as_str(),
            name: &one.name,
            on: one.pattern.as_str(),
            filter: one.filter.as_deref(),
            run,
            create,
            workflow,
            params: serde_json::from_str(one.start.params()).unwrap_or_default(),
            map: &one.mapping,
            enabled: one.is_enabled,
            created_at: one.created_at.to_string(),
            started: line.started,
            last: line.last.as_ref().map(ReactionView::from),
            last_error: line.last_error.as_ref().map(ReactionView::from),
        }
    }
}

/// One row for each.
pub fn table(lines: &[SubscriptionLine], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "ON", "STARTED", "LAST", "STARTS"]);
    for line in lines {
        let one = &line.subscription;
        let last = line.last.as_ref();
        let when = last.map_or_else(
            || "never".to_owned(),
            |last| format!("{} {}", last.reaction.as_str(), time::relative(last.at, now)),
        );
        table.row(vec![
            Cell::colored(if one.is_enabled { GREEN } else { DIM }, &one.name),
            Cell::from(one.pattern.as_str()),
            Cell::from(line.started.to_string()),
            Cell::from(if one.is_enabled { when } else { "disabled".to_owned() }),
            Cell::from(starts(&one.start)),
        ]);
    }
    table
}

fn starts(start: &Start) -> String {
    match start {
        Start::Definition { name, params: _ } => format!("run {name}"),
        Start::NorthStar { template, params: _ } => format!("create \"{template}\""),
        Start::Workflow { name, params: _ } => format!("workflow {name}"),
    }
}

/// Everything of one, with its latest reactions.
pub fn detail(
    line: &SubscriptionLine,
    reactions: &[ReactionLine],
    (now, width): (Timestamp, usize),
) -> String {
    let one = &line.subscription;
    let mut shown = format!("{}\n", text::colored(text::BOLD, &text::one_line(&one.name)));
    let mut say = |name: &str, value: &str| {
        shown.push_str(&format!("  {name:<8} {}\n", text::one_line(value)));
    };
    say("on", one.pattern.as_str());
    one.filter.iter().for_each(|filter| say("where", filter));
    say("starts", &starts(&one.start));
    if one.start.params() != "{}" {
        say("params", one.start.params());
    }
    one.mapping.iter().for_each(|(param, template)| say("map", &format!("{param} = {template}")));
    say("enabled", if one.is_enabled { "yes" } else { "no" });
    say("started", &text::counted(usize::try_from(line.started).unwrap_or(usize::MAX), "run"));
    if let Some(error) = &line.last_error {
        let why = error.reaction.why().unwrap_or_default();
        say("trouble", &format!("{}: {why}", time::relative(error.at, now)));
    }
    if reactions.is_empty() {
        return shown + "no event has concerned it yet\n";
    }
    let mut table = Table::new(&["WHEN", "EVENT", "OUTCOME", "WHAT"]);
    for reaction in reactions {
        let (color, what) = match &reaction.reaction {
            Reaction::Started(id) => (GREEN, id.short()),
            Reaction::Refused(why) | Reaction::Failed(why) => (RED, why.clone()),
        };
        table.row(vec![
            Cell::colored(DIM, time::relative(reaction.at, now)),
            Cell::from(reaction.event.as_deref().unwrap_or("(forgotten)")),
            Cell::colored(color, reaction.reaction.as_str()),
            Cell::from(what),
        ]);
    }
    shown + &table.render(width, "")
}
