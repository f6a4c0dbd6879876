//! A subscription: which happenings start what. Whoever reacts to a happening does so once for each subscription.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::actor::Actor;
use crate::aggregate::{HarnessDefaults, NewAssignment};
use crate::happening::{EventPattern, Happening};
use crate::id::{AssignmentId, HappeningId, SubscriptionId};
use crate::namespace::Namespace;
use crate::start::Start;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// Which happenings start what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub namespace: Namespace,
    /// No two of a namespace have the same.
    pub name: String,
    pub pattern: EventPattern,
    /// An expression over `event` that must hold.
    pub filter: Option<String>,
    /// Params that are made out of the happening, by name: templates over `event`.
    pub mapping: BTreeMap<String, String>,
    pub start: Start,
    pub is_enabled: bool,
    pub created_at: Timestamp,
}

/// What became of one happening for one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    Started(AssignmentId),
    /// It was not to be started: too many triggers lie one behind the other.
    Refused(String),
    /// It could not be made: a bad mapping, a definition that is broken or gone.
    Failed(String),
}

impl Reaction {
    /// The name in the store and in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Reaction::Started(_) => "started",
            Reaction::Refused(_) => "refused",
            Reaction::Failed(_) => "failed",
        }
    }

    /// Why nothing was started.
    pub fn why(&self) -> Option<&str> {
        match self {
            Reaction::Started(_) => None,
            Reaction::Refused(why) | Reaction::Failed(why) => Some(why),
        }
    }
}

/// One reaction of a subscription, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionLine {
    pub at: Timestamp,
    pub happening: HappeningId,
    /// `None`: it is not kept any more.
    pub event: Option<String>,
    pub reaction: Reaction,
}

/// A subscription in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionLine {
    pub subscription: Subscription,
    /// How many runs it has started of which there still is a record.
    pub started: u64,
    /// Its latest reaction.
    pub last: Option<ReactionLine>,
    /// The latest that has started nothing.
    pub last_error: Option<ReactionLine>,
}

/// What a runner has to look at: happenings of one namespace that nobody has reacted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub namespace: Namespace,
    /// The place that was reached before.
    pub from: u64,
    /// The place that is reached when all of these were looked at.
    pub to: u64,
    /// With the place at which each subscription begins to look.
    pub subscriptions: Vec<(Subscription, u64)>,
    pub happenings: Vec<Happening>,
}

/// What is to be recorded of one happening for one subscription.
#[derive(Debug, Clone)]
pub struct Planned {
    pub subscription: SubscriptionId,
    pub happening: HappeningId,
    pub what: PlannedStart,
}

/// What is to be started, or why nothing is.
#[derive(Debug, Clone)]
pub enum PlannedStart {
    Run { new: Box<NewAssignment>, harness_defaults: Arc<HarnessDefaults> },
    Refused(String),
    Failed(String),
}

/// The port to subscriptions.
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Stores a new one, which sees nothing of what has happened before; `root` is the folder of its namespace, if that is
    /// new. `false`: the name is taken.
    async fn create_subscription(&self, new: Subscription, root: &str) -> Result<bool, StoreError>;

    /// Those of a namespace, or all, by name.
    async fn subscriptions(&self, of: Option<&Namespace>) -> Result<Vec<SubscriptionLine>, StoreError>;

    /// The latest reactions of a subscription.
    async fn reactions(&self, of: SubscriptionId, limit: u32) -> Result<Vec<ReactionLine>, StoreError>;

    /// Enables or disables it; enabled again, it sees nothing of what has happened meanwhile. `false`: there is none.
    async fn enable_subscription(&self, id: SubscriptionId, enabled: bool) -> Result<bool, StoreError>;

    /// Deletes it; its runs stay. `false`: there is none.
    async fn delete_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError>;

    /// What nobody has reacted to, up to `limit` happenings of each namespace.
    async fn backlog(&self, of: Option<&Namespace>, limit: u32) -> Result<Vec<Backlog>, StoreError>;

    /// Moves the namespace from one place to the next and writes what follows, in one transaction. `None`: somebody else
    /// has moved it before; nothing has changed. Else how many runs were started.
    async fn react(
        &self,
        namespace: &Namespace,
        places: (u64, u64),
        planned: Vec<Planned>,
        by: Actor,
    ) -> Result<Option<usize>, StoreError>;
}
