//! The tables of subscriptions: what answers which happenings, how far each namespace was looked at, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{HarnessDefaults, NewAssignment};
use agents_domain::happening::EventPattern;
use agents_domain::id::SubscriptionId;
use agents_domain::namespace::Namespace;
use agents_domain::start::Start;
use agents_domain::store::{Change, Command, StoreError};
use agents_domain::subscription::{
    Backlog, Planned, PlannedStart, Reaction, ReactionLine, Subscription, SubscriptionLine, Subscriptions,
};
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::happening_table::{bound, following, latest};
use super::statement::{Statement, Value, names};
use super::task::Write;
use super::{SqlStore, assignment_table};

const COLUMNS: [&str; 12] = [
    "id",
    "namespace",
    "name",
    "pattern",
    "filter",
    "mapping",
    "start_kind",
    "start_text",
    "params",
    "enabled",
    "after_seq",
    "created_at",
];

const DEFINITION: &str = "definition";
const NORTH_STAR: &str = "north_star";
const WORKFLOW: &str = "workflow";

/// The subscription of a row, and the place behind which it looks.
fn read(row: &AnyRow) -> Result<(Subscription, u64), StoreError> {
    let mut columns = Columns::new(row, "subscriptions", &COLUMNS, 0);
    let id = columns.parsed(|text| text.parse().ok())?;
    let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
    let name = columns.text()?;
    let pattern = columns.parsed(|text| EventPattern::new(text).ok())?;
    let filter = columns.optional_text()?;
    let mapping: BTreeMap<String, String> = columns.parsed(|text| serde_json::from_str(text).ok())?;
    let kind = columns.text()?;
    let (text, params) = (columns.text()?, columns.text()?);
    let start = match kind.as_str() {
        DEFINITION => Start::Definition { name: text, params },
        NORTH_STAR => Start::NorthStar { template: text, params },
        WORKFLOW => Start::Workflow { name: text, params },
        other => return Err(columns.bad(other)),
    };
    let is_enabled = columns.flag()?;
    let after = u64::try_from(columns.integer()?).unwrap_or(0);
    let created_at = columns.time()?;
    let subscription =
        Subscription { id, namespace, name, pattern, filter, mapping, start, is_enabled, created_at };
    Ok((subscription, after))
}

fn row(new: &Subscription, after: u64) -> Vec<Value> {
    let (kind, text, params) = match &new.start {
        Start::Definition { name, params } => (DEFINITION, name, params),
        Start::NorthStar { template, params } => (NORTH_STAR, template, params),
        Start::Workflow { name, params } => (WORKFLOW, name, params),
    };
    let mapping = serde_json::to_string(&new.mapping).expect("texts can always be written as JSON");
    vec![
        new.id.to_string().into(),
        new.namespace.as_str().into(),
        new.name.as_str().into(),
        new.pattern.as_str().into(),
        new.filter.clone().into(),
        mapping.into(),
        kind.into(),
        text.as_str().into(),
        params.as_str().into(),
        new.is_enabled.into(),
        bound(after).into(),
        new.created_at.as_millis().into(),
    ]
}

struct Create {
    new: Subscription,
    root: String,
}

#[async_trait]
impl Write for Create {
    type Output = bool;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<bool, StoreError> {
        let after = latest(on).await?;
        assignment_table::insert_namespace(on, (&self.new.namespace, &self.root), batch.now).await?;
        let insert = format!("INSERT INTO subscriptions ({}) ", names("", &COLUMNS));
        let written = Statement::new(insert)
            .push_rows(vec![row(&self.new, after)])
            .push(" ON CONFLICT (namespace, name) DO NOTHING")
            .execute(on, "writing a subscription")
            .await?;
        Ok(written == 1)
    }
}

struct Enable {
    id: SubscriptionId,
    enabled: bool,
}

#[async_trait]
impl Write for Enable {
    type Output = bool;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<bool, StoreError> {
        // One that is enabled already goes on where it is.
        let after = latest(on).await?;
        let changed = Statement::new(
            "UPDATE subscriptions SET after_seq = CASE WHEN enabled = 0 THEN $1 ELSE after_seq END, \
             enabled = $2 WHERE id = $3",
        )
        .bind(bound(after))
        .bind(self.enabled)
        .bind(self.id.to_string())
        .execute(on, "enabling a subscription")
        .await?;
        Ok(changed == 1)
    }
}

struct Delete(SubscriptionId);

#[async_trait]
impl Write for Delete {
    type Output = bool;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<bool, StoreError> {
        Statement::new("DELETE FROM reactions WHERE subscription_id = $1")
            .bind(self.0.to_string())
            .execute(on, "deleting reactions")
            .await?;
        let gone = Statement::new("DELETE FROM subscriptions WHERE id = $1")
            .bind(self.0.to_string())
            .execute(on, "deleting a subscription")
            .await?;
        Ok(gone == 1)
    }
}

/// What was planned of one namespace, from one place to the next.
struct React {
    namespace: Namespace,
    places: (u64, u64),
    planned: Vec<Planned>,
    by: Actor,
}

#[async_trait]
impl Write for React {
    type Output = Option<usize>;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Option<usize>, StoreError> {
        let (from, to) = self.places;
        let moved = Statement::new(
            "INSERT INTO reaction_cursors (namespace, seq) VALUES ($1, $2) \
             ON CONFLICT (namespace) DO UPDATE SET seq = excluded.seq WHERE reaction_cursors.seq = $3",
        )
        .bind(self.namespace.as_str())
        .bind(bound(to))
        .bind(bound(from))
        .execute(on, "moving on among events")
        .await?;
        if moved == 0 {
            return Ok(None);
        }
        let enabled = enabled(on, Some(&self.namespace)).await?;
        let enabled: BTreeSet<SubscriptionId> = enabled.iter().map(|(one, _)| one.id).collect();
        let mut started = 0;
        for planned in self.planned.iter().filter(|planned| enabled.contains(&planned.subscription)) {
            started += usize::from(self.carry_out(on, batch, planned).await?);
        }
        Ok(Some(started))
    }
}

impl React {
    /// Whether a run was started.
    async fn carry_out(
        &self,
        on: &mut Connection,
        batch: &mut Batch<'_>,
        planned: &Planned,
    ) -> Result<bool, StoreError> {
        let (new, harness_defaults) = match &planned.what {
            PlannedStart::Run { new, harness_defaults } => (new, harness_defaults),
            PlannedStart::Refused(why) => {
                record(on, batch, (planned, &Reaction::Refused(why.clone()))).await?;
                return Ok(false);
            }
            PlannedStart::Failed(why) => {
                record(on, batch, (planned, &Reaction::Failed(why.clone()))).await?;
                return Ok(false);
            }
        };
        if !record(on, batch, (planned, &Reaction::Started(new.id))).await? {
            return Ok(false);
        }
        match batch.decide(self.create(new, harness_defaults)) {
            Ok(_) => Ok(true),
            // One that makes no sense must not keep the others from being started.
            Err(StoreError::Rejected(rejection)) => {
                Statement::new(
                    "UPDATE reactions SET outcome = 'failed', assignment_id = NULL, why = $1 \
                     WHERE subscription_id = $2 AND happening_id = $3",
                )
                .bind(rejection.to_string())
                .bind(planned.subscription.to_string())
                .bind(planned.happening.to_string())
                .execute(on, "recording a refusal")
                .await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn create(&self, new: &NewAssignment, harness_defaults: &Arc<HarnessDefaults>) -> Command {
        Command {
            actor: self.by,
            harness_defaults: Arc::clone(harness_defaults),
            change: Change::Create(new.clone()),
        }
    }
}

/// Records a reaction. `false`: there was one.
async fn record(
    on: &mut Connection,
    batch: &Batch<'_>,
    (planned, reaction): (&Planned, &Reaction),
) -> Result<bool, StoreError> {
    let assignment = match reaction {
        Reaction::Started(id) => Some(id.to_string()),
        Reaction::Refused(_) | Reaction::Failed(_) => None,
    };
    let written = Statement::new(
        "INSERT INTO reactions (subscription_id, happening_id, outcome, assignment_id, why, at) ",
    )
    .push_rows(vec![vec![
        planned.subscription.to_string().into(),
        planned.happening.to_string().into(),
        reaction.as_str().into(),
        assignment.into(),
        reaction.why().map(str::to_owned).into(),
        batch.now.as_millis().into(),
    ]])
    .push(" ON CONFLICT (subscription_id, happening_id) DO NOTHING")
    .execute(on, "recording a reaction")
    .await?;
    Ok(written == 1)
}

/// Enabled ones, with the place behind which each looks.
async fn enabled(
    on: &mut Connection,
    of: Option<&Namespace>,
) -> Result<Vec<(Subscription, u64)>, StoreError> {
    let mut statement =
        Statement::new(format!("SELECT {} FROM subscriptions WHERE enabled = 1", names("", &COLUMNS)));
    if let Some(namespace) = of {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    let rows = statement.push(" ORDER BY name").fetch(on, "reading subscriptions").await?;
    rows.iter().map(read).collect()
}

async fn backlog(
    on: &mut Connection,
    of: Option<&Namespace>,
    limit: u32,
) -> Result<Vec<Backlog>, StoreError> {
    let mut by_namespace: BTreeMap<Namespace, Vec<(Subscription, u64)>> = BTreeMap::new();
    for (subscription, after) in enabled(on, of).await? {
        by_namespace.entry(subscription.namespace.clone()).or_default().push((subscription, after));
    }
    let mut all = Vec::new();
    for (namespace, subscriptions) in by_namespace {
        let from = cursor(on, &namespace).await?;
        // What is older than all of them is nobody's.
        let oldest = subscriptions.iter().map(|(_, after)| *after).min().unwrap_or(0);
        let happenings = following(on, (&namespace, from.max(oldest)), limit).await?;
        if let Some(to) = happenings.last().map(|happening| happening.seq) {
            all.push(Backlog { namespace, from, to, subscriptions, happenings });
        }
    }
    Ok(all)
}

async fn cursor(on: &mut Connection, namespace: &Namespace) -> Result<u64, StoreError> {
    let rows = Statement::new("SELECT seq FROM reaction_cursors WHERE namespace = $1")
        .bind(namespace.as_str())
        .fetch(on, "reading how far a namespace is")
        .await?;
    let place =
        rows.first().map(|row| Columns::new(row, "reaction_cursors", &["seq"], 0).integer()).transpose()?;
    Ok(place.and_then(|place| u64::try_from(place).ok()).unwrap_or(0))
}

async fn list(on: &mut Connection, of: Option<&Namespace>) -> Result<Vec<SubscriptionLine>, StoreError> {
    let mut statement = Statement::new(format!("SELECT {} FROM subscriptions", names("", &COLUMNS)));
    if let Some(namespace) = of {
        statement = statement.push(" WHERE namespace = ").push_bound(namespace.as_str().into());
    }
    let rows = statement.push(" ORDER BY namespace, name").fetch(on, "listing subscriptions").await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let (subscription, _) = read(row)?;
        let id = subscription.id;
        let started = Statement::new(
            "SELECT count(*) FROM reactions WHERE subscription_id = $1 AND outcome = 'started'",
        )
        .bind(id.to_string())
        .fetch(on, "counting runs")
        .await?;
        let started =
            started.first().map(|row| Columns::new(row, "reactions", &["count"], 0).count()).transpose()?;
        lines.push(SubscriptionLine {
            subscription,
            started: started.unwrap_or(0).into(),
            last: reactions(on, (id, ""), 1).await?.pop(),
            last_error: reactions(on, (id, " AND r.outcome <> 'started'"), 1).await?.pop(),
        });
    }
    Ok(lines)
}

/// The latest reactions, under one more condition.
async fn reactions(
    on: &mut Connection,
    (of, condition): (SubscriptionId, &str),
    limit: u32,
) -> Result<Vec<ReactionLine>, StoreError> {
    const FOUND: [&str; 6] = ["happening_id", "at", "event", "outcome", "assignment_id", "why"];
    let rows = Statement::new(format!(
        "SELECT r.happening_id, r.at, h.name, r.outcome, r.assignment_id, r.why \
         FROM reactions r LEFT JOIN happenings h ON h.id = r.happening_id \
         WHERE r.subscription_id = $1{condition} ORDER BY r.at DESC, h.seq DESC LIMIT $2"
    ))
    .bind(of.to_string())
    .bind(limit)
    .fetch(on, "reading reactions")
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::new(row, "reactions", &FOUND, 0);
        let happening = columns.parsed(|text| text.parse().ok())?;
        let at = columns.time()?;
        let event = columns.optional_text()?;
        let outcome = columns.text()?;
        let assignment = columns.optional_parsed(|text| text.parse().ok())?;
        let why = columns.optional_text()?;
        let reaction = match (outcome.as_str(), assignment, why) {
            ("started", Some(id), _) => Reaction::Started(id),
            ("refused", _, Some(why)) => Reaction::Refused(why),
            ("failed", _, Some(why)) => Reaction::Failed(why),
            (other, _, _) => return Err(columns.bad(other)),
        };
        found.push(ReactionLine { at, happening, event, reaction });
    }
    Ok(found)
}

#[async_trait]
impl Subscriptions for SqlStore {
    async fn create_subscription(&self, new: Subscription, root: &str) -> Result<bool, StoreError> {
        self.carry_out(Create { new, root: root.to_owned() }).await
    }

    async fn subscriptions(&self, of: Option<&Namespace>) -> Result<Vec<SubscriptionLine>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, of).await;
        self.put_back(reader).await;
        found
    }

    async fn reactions(&self, of: SubscriptionId, limit: u32) -> Result<Vec<ReactionLine>, StoreError> {
        let mut reader = self.reader().await?;
        let found = reactions(&mut reader, (of, ""), limit).await;
        self.put_back(reader).await;
        found
    }

    async fn enable_subscription(&self, id: SubscriptionId, enabled: bool) -> Result<bool, StoreError> {
        self.carry_out(Enable { id, enabled }).await
    }

    async fn delete_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError> {
        self.carry_out(Delete(id)).await
    }

    async fn backlog(&self, of: Option<&Namespace>, limit: u32) -> Result<Vec<Backlog>, StoreError> {
        let mut reader = self.reader().await?;
        let found = backlog(&mut reader, of, limit).await;
        self.put_back(reader).await;
        found
    }

    async fn react(
        &self,
        namespace: &Namespace,
        places: (u64, u64),
        planned: Vec<Planned>,
        by: Actor,
    ) -> Result<Option<usize>, StoreError> {
        self.carry_out(React { namespace: namespace.clone(), places, planned, by }).await
    }
}
