//! What `triggers:` of a workflow become: schedules, subscriptions and webhooks with names of its own. Which of them are a
//! workflow's is told by name and by what they start; everything else is left alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use agents_domain::happening::{EventName, EventPattern};
use agents_domain::id::{ScheduleId, SubscriptionId, WebhookId};
use agents_domain::schedule::entry::{AUTO_PAUSE, PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::schedules::{ScheduleFilter, ScheduleWrite, Schedules};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::subscription::{Subscription, Subscriptions};
use agents_domain::webhook::{SignatureScheme, Webhook, Webhooks};
use agents_orchestrator::doorbell;
use agents_orchestrator::trigger::expression;
use agents_workflows::{Trigger, Workflow};
use serde_json::{Map, Value, json};

use super::Desk;
use crate::commands::{schedule, webhook};
use crate::failure::Failure;
use crate::place;
use crate::schedule_options::{checked, refuse_past, system_zone};

/// Where the secret of webhooks is, and how requests are signed.
pub struct Secret {
    pub variable: String,
    pub scheme: SignatureScheme,
}

/// What becomes of what a workflow's triggers were set up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resting {
    Disabled,
    Gone,
}

/// What was done about a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    kind: &'static str,
    name: String,
    done: &'static str,
    /// What a person has to know of it.
    more: Option<String>,
}

impl Made {
    /// In JSON.
    pub fn json(&self) -> Value {
        json!({ "kind": self.kind, "name": self.name, "done": self.done, "more": self.more })
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.done, self.kind, self.name)?;
        self.more.as_ref().map_or(Ok(()), |more| write!(f, ": {more}"))
    }
}

/// What the triggers ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    schedules: Vec<Terms>,
    subscriptions: Vec<Reacts>,
}

/// To what a subscription reacts.
#[derive(Debug, Clone, PartialEq)]
struct Reacts {
    to: Source,
    filter: Option<String>,
    mapping: BTreeMap<String, String>,
    start: Start,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Events(EventPattern),
    /// Requests at that path.
    Requests(String),
}

/// What is to be set up for a workflow; nothing is, if something of it is wrong.
pub fn planned(desk: &Desk<'_>, workflow: &Workflow) -> Result<Planned, Failure> {
    let mut planned = Planned { schedules: Vec::new(), subscriptions: Vec::new() };
    for trigger in &workflow.triggers {
        match trigger {
            Trigger::Cli { .. } => {}
            Trigger::Schedule { cron, every, zone, params } => {
                let pattern = cron.as_ref().map(|cron| (PatternKind::Cron, cron));
                let pattern = pattern.or_else(|| every.as_ref().map(|every| (PatternKind::Every, every)));
                let Some((kind, pattern)) = pattern else { continue };
                let start = start(&workflow.id, params);
                let terms = terms((kind, pattern), zone.clone(), start);
                let now = desk.app.now();
                refuse_past(&checked(&terms, now)?, &terms, now)?;
                planned.schedules.push(terms);
            }
            Trigger::Event { event, filter, params } => {
                let pattern = EventPattern::new(event)
                    .map_err(|bad| Failure::bad_input(format!("trigger event: {bad}")))?;
                planned.subscriptions.push(reacts(
                    workflow,
                    Source::Events(pattern),
                    (filter.clone(), params),
                )?);
            }
            Trigger::Webhook { path, params } => {
                let path = format!("/{}", path.trim_start_matches('/'));
                webhook::refuse_path(&path)?;
                planned.subscriptions.push(reacts(workflow, Source::Requests(path), (None, params))?);
            }
        }
    }
    Ok(planned)
}

fn start(workflow: &str, params: &Map<String, Value>) -> Start {
    Start::Workflow { name: workflow.to_owned(), params: Value::Object(params.clone()).to_string() }
}

fn terms((kind, pattern): (PatternKind, &str), zone: Option<String>, start: Start) -> Terms {
    Terms {
        kind,
        pattern: pattern.to_owned(),
        zone: zone.unwrap_or_else(|| system_zone().name().to_owned()),
        start,
        missed: MissedPolicy::Last,
        overlap: Overlap::Skip,
        jitter: Duration::ZERO,
        from: None,
        until: None,
        auto_pause_after: Some(AUTO_PAUSE),
    }
}

/// Params that are templates are made out of the event.
fn reacts(
    workflow: &Workflow,
    to: Source,
    (filter, params): (Option<String>, &Map<String, Value>),
) -> Result<Reacts, Failure> {
    let mut given = Map::new();
    let mut mapping = BTreeMap::new();
    for (name, value) in params {
        match value.as_str().filter(|text| text.contains("{{")) {
            Some(template) => drop(mapping.insert(name.clone(), template.to_owned())),
            None => drop(given.insert(name.clone(), value.clone())),
        }
    }
    expression::check(filter.as_deref(), &mapping).map_err(|error| {
        Failure::bad_input(format!("a trigger of `{}`: {error}", workflow.id))
            .hint("`event` has name, data, source, at, id, namespace: {{ event.data.branch }}")
    })?;
    Ok(Reacts { to, filter, mapping, start: start(&workflow.id, &given) })
}

/// `workflow-nightly`, `workflow-nightly-2` …
fn name_of(workflow: &str, number: usize) -> String {
    match number {
        0 => format!("workflow-{workflow}"),
        _ => format!("workflow-{workflow}-{}", number + 1),
    }
}

/// Whether that name is one that is made for the workflow.
fn is_named_by(workflow: &str, name: &str) -> bool {
    name.strip_prefix("workflow-").and_then(|rest| rest.strip_prefix(workflow)).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('-').is_some_and(|number| number.parse::<usize>().is_ok_and(|n| n > 1))
    })
}

fn starts(start: &Start, workflow: &str) -> bool {
    match start {
        Start::Workflow { name, .. } => name == workflow,
        Start::Definition { .. } | Start::NorthStar { .. } => false,
    }
}

fn made(kind: &'static str, name: &str, done: &'static str) -> Made {
    Made { kind, name: name.to_owned(), done, more: None }
}

/// Makes what is planned, changes what is different, and takes away what is no longer said.
pub async fn set_up(
    desk: &Desk<'_>,
    (workflow, planned): (&str, Planned),
    secret: &Secret,
) -> Result<Vec<Made>, Failure> {
    let mut all = Vec::new();
    let known = schedules(desk, workflow).await?;
    for (number, terms) in planned.schedules.iter().enumerate() {
        let name = name_of(workflow, number);
        let before = known.iter().find(|known| known.name == name);
        all.push(put_schedule(desk, (name, terms), before).await?);
    }
    for old in &known {
        let is_said = (0..planned.schedules.len()).any(|number| name_of(workflow, number) == old.name);
        if !is_said {
            desk.store.delete_schedule(old.id).await?;
            all.push(made("schedule", &old.name, "deleted"));
        }
    }
    let known = subscriptions(desk, workflow).await?;
    for (number, reacts) in planned.subscriptions.iter().enumerate() {
        let name = name_of(workflow, number);
        let pattern = match &reacts.to {
            Source::Events(pattern) => pattern.clone(),
            Source::Requests(path) => {
                let (pattern, webhook) = put_webhook(desk, (&name, path), secret).await?;
                all.push(webhook);
                pattern
            }
        };
        let before = known.iter().find(|known| known.name == name);
        all.push(put_subscription(desk, (name, pattern, reacts), before).await?);
    }
    for old in &known {
        let is_said = (0..planned.subscriptions.len()).any(|number| name_of(workflow, number) == old.name);
        if !is_said {
            desk.store.delete_subscription(old.id).await?;
            all.push(made("subscription", &old.name, "deleted"));
        }
    }
    doorbell::ring(&desk.here.bells()?);
    Ok(all)
}

/// Disables or takes away what was set up for a workflow.
pub async fn rest(desk: &Desk<'_>, workflow: &str, how: Resting) -> Result<Vec<Made>, Failure> {
    let mut all = Vec::new();
    for schedule in schedules(desk, workflow).await? {
        let name = schedule.name.clone();
        match how {
            Resting::Gone => {
                desk.store.delete_schedule(schedule.id).await?;
                all.push(made("schedule", &name, "deleted"));
            }
            Resting::Disabled if schedule.standing == Standing::Off => {}
            Resting::Disabled => {
                let progress = Progress { look_at: None, ..schedule.progress.clone() };
                let replaces = Some(schedule.revision);
                let schedule =
                    Schedule { standing: Standing::Off, progress, updated_at: desk.app.now(), ..schedule };
                let write = ScheduleWrite { schedule, replaces, begins_anew: false };
                schedule::refused(desk.store.write_schedules(vec![write]).await?)?;
                all.push(made("schedule", &name, "disabled"));
            }
        }
    }
    for subscription in subscriptions(desk, workflow).await? {
        match how {
            Resting::Gone => {
                desk.store.delete_subscription(subscription.id).await?;
                all.push(made("subscription", &subscription.name, "deleted"));
            }
            Resting::Disabled if !subscription.is_enabled => {}
            Resting::Disabled => {
                desk.store.enable_subscription(subscription.id, false).await?;
                all.push(made("subscription", &subscription.name, "disabled"));
            }
        }
    }
    if how == Resting::Gone {
        let webhooks = desk.store.webhooks(Some(&desk.namespace()?)).await?;
        for webhook in webhooks.into_iter().map(|line| line.webhook) {
            if is_named_by(workflow, &webhook.name) && webhook.event.as_str() == own_event(&webhook.name) {
                desk.store.delete_webhook(webhook.id).await?;
                all.push(made("webhook", &webhook.name, "deleted"));
            }
        }
    }
    Ok(all)
}

async fn schedules(desk: &Desk<'_>, workflow: &str) -> Result<Vec<Schedule>, Failure> {
    let filter = ScheduleFilter { namespace: Some(desk.namespace()?), ..ScheduleFilter::default() };
    let mut all = desk.store.schedules(&filter).await?;
    all.retain(|one| is_named_by(workflow, &one.name) && starts(&one.terms.start, workflow));
    Ok(all)
}

async fn subscriptions(desk: &Desk<'_>, workflow: &str) -> Result<Vec<Subscription>, Failure> {
    let all = desk.store.subscriptions(Some(&desk.namespace()?)).await?;
    let mut all: Vec<Subscription> = all.into_iter().map(|line| line.subscription).collect();
    all.retain(|one| is_named_by(workflow, &one.name) && starts(&one.start, workflow));
    Ok(all)
}

async fn put_schedule(
    desk: &Desk<'_>,
    (name, terms): (String, &Terms),
    before: Option<&Schedule>,
) -> Result<Made, Failure> {
    let now = desk.app.now();
    let (write, done) = match before {
        Some(before) if before.standing.is_on() && before.terms == *terms => {
            return Ok(made("schedule", &name, "kept"));
        }
        Some(before) => {
            let next = checked(terms, before.created_at)?.next_after(now);
            let begun = Progress::begin(now, next);
            let progress = Progress {
                last_run_at: before.progress.last_run_at,
                last_outcome: before.progress.last_outcome,
                ..begun
            };
            let schedule = Schedule {
                terms: terms.clone(),
                standing: Standing::On,
                progress,
                updated_at: now,
                revision: before.revision.saturating_add(1),
                ..before.clone()
            };
            let done = if before.terms == *terms { "enabled" } else { "changed" };
            (ScheduleWrite { schedule, replaces: Some(before.revision), begins_anew: true }, done)
        }
        None => {
            let schedule = Schedule {
                id: ScheduleId::new(desk.app.ids.next()),
                namespace: desk.namespace()?,
                name: name.clone(),
                terms: terms.clone(),
                standing: Standing::On,
                progress: Progress::begin(now, checked(terms, now)?.next_after(now)),
                created_at: now,
                updated_at: now,
                revision: 1,
            };
            (ScheduleWrite { schedule, replaces: None, begins_anew: true }, "created")
        }
    };
    schedule::refused(desk.store.write_schedules(vec![write]).await?)?;
    Ok(made("schedule", &name, done))
}

async fn put_subscription(
    desk: &Desk<'_>,
    (name, pattern, reacts): (String, EventPattern, &Reacts),
    before: Option<&Subscription>,
) -> Result<Made, Failure> {
    let new = Subscription {
        id: SubscriptionId::new(desk.app.ids.next()),
        namespace: desk.namespace()?,
        name: name.clone(),
        pattern,
        filter: reacts.filter.clone(),
        mapping: reacts.mapping.clone(),
        start: reacts.start.clone(),
        is_enabled: true,
        created_at: desk.app.now(),
    };
    if let Some(before) = before {
        let same = Subscription {
            id: before.id,
            created_at: before.created_at,
            is_enabled: before.is_enabled,
            ..new.clone()
        };
        if same == *before {
            if before.is_enabled {
                return Ok(made("subscription", &name, "kept"));
            }
            desk.store.enable_subscription(before.id, true).await?;
            return Ok(made("subscription", &name, "enabled"));
        }
        desk.store.delete_subscription(before.id).await?;
    }
    let root = place::lasting(&desk.here.workspace()).display().to_string();
    if !desk.store.create_subscription(new, &root).await? {
        return Err(Failure::rejected(format!(
            "there is a subscription `{name}` already, and it starts something else"
        ))
        .hint(format!("`agents subscription delete {name}` takes it away")));
    }
    let done = if before.is_some() { "changed" } else { "created" };
    Ok(made("subscription", &name, done))
}

fn own_event(webhook: &str) -> String {
    format!("webhook.{webhook}")
}

/// The webhook at that path: one that is there already, whoever has made it, or a new one.
async fn put_webhook(
    desk: &Desk<'_>,
    (name, path): (&str, &str),
    secret: &Secret,
) -> Result<(EventPattern, Made), Failure> {
    let namespace = desk.namespace()?;
    let to_pattern = |event: &EventName| {
        EventPattern::new(event.as_str())
            .map_err(|bad| Failure::failed("reading the event of a webhook", bad))
    };
    if let Some(there) = desk.store.webhook_at(path).await? {
        if there.namespace != namespace {
            return Err(Failure::rejected(format!(
                "{path} belongs to webhook `{}` of {} already",
                there.name, there.namespace
            ))
            .hint("give the trigger another path"));
        }
        return Ok((to_pattern(&there.event)?, made("webhook", &there.name, "kept")));
    }
    let event = EventName::new(own_event(name)).map_err(|bad| Failure::bad_input(bad.to_string()))?;
    let webhook = Webhook {
        id: WebhookId::new(desk.app.ids.next()),
        namespace,
        name: name.to_owned(),
        path: path.to_owned(),
        secret_env: secret.variable.clone(),
        scheme: secret.scheme,
        event: event.clone(),
        created_at: desk.app.now(),
    };
    // One of that name at another path: its trigger says this path now.
    let all = desk.store.webhooks(Some(&webhook.namespace)).await?;
    let old = all.into_iter().map(|line| line.webhook).find(|old| old.name == name && old.event == event);
    if let Some(old) = &old {
        desk.store.delete_webhook(old.id).await?;
    }
    let root = place::lasting(&desk.here.workspace()).display().to_string();
    if !desk.store.create_webhook(webhook, &root).await? {
        return Err(Failure::rejected(format!("there is a webhook `{name}` already"))
            .hint(format!("`agents webhook delete {name}` takes it away")));
    }
    let done = if old.is_some() { "changed" } else { "created" };
    let more = format!("set {}, then: agents serve --webhooks", secret.variable);
    Ok((to_pattern(&event)?, Made { more: Some(more), ..made("webhook", name, done) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_for_a_workflow_are_told_from_those_of_others() {
        for (number, name) in [(0, "workflow-a"), (1, "workflow-a-2"), (9, "workflow-a-10")] {
            assert_eq!(name_of("a", number), name);
            assert!(is_named_by("a", name), "{name}");
        }
        for other in ["workflow-ab", "workflow-a-b", "workflow-a-1", "workflow-", "a", "workflow-a-2-2"] {
            assert!(!is_named_by("a", other), "{other}");
        }
    }
}
