//! What a runner does about happenings that nobody has reacted to: it plans what is to be started, outside of any transaction,
//! and the store moves on and starts it in one.
//!
//! Several runners may plan the same; one of them moves on, and what the others have planned is thrown away.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::happening::{Happening, HappeningSource};
use agents_domain::id::RunnerId;
use agents_domain::namespace::Namespace;
use agents_domain::run::{DEPTH_MAX, Trigger};
use agents_domain::start::{Cause, Start};
use agents_domain::store::StoreError;
use agents_domain::subscription::{Backlog, Planned, PlannedStart, Subscription};

use super::expression;
use crate::attempt::Surroundings;
use crate::crash_point;

/// How many happenings of a namespace are looked at in one transaction.
pub const LOOK_AT: u32 = 100;

/// What has come of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct React {
    /// Runs that were started.
    pub started: usize,
    /// There may be more to look at.
    pub has_more: bool,
}

/// Reacts to what has happened in that namespace, or in all, once.
pub async fn react(
    around: &Surroundings,
    namespace: Option<&Namespace>,
    by: RunnerId,
) -> Result<React, StoreError> {
    let mut done = React::default();
    for backlog in around.store.backlog(namespace, LOOK_AT).await? {
        let planned = plan(around, &backlog).await;
        crash_point::pass("reactions planned");
        let places = (backlog.from, backlog.to);
        let started = around.store.react(&backlog.namespace, places, planned, Actor::Runner(by)).await?;
        done.started += started.unwrap_or(0);
        // Somebody else is at work on it, or there was a page full.
        done.has_more |= started.is_none() || backlog.happenings.len() >= LOOK_AT as usize;
    }
    Ok(done)
}

async fn plan(around: &Surroundings, backlog: &Backlog) -> Vec<Planned> {
    let mut planned = Vec::new();
    for happening in &backlog.happenings {
        for (subscription, after) in &backlog.subscriptions {
            if happening.seq <= *after || !subscription.pattern.matches(&happening.what.name) {
                continue;
            }
            if let Some(what) = plan_one(around, subscription, happening).await {
                planned.push(Planned { subscription: subscription.id, happening: happening.what.id, what });
            }
        }
    }
    planned
}

/// What that subscription makes of it. `None`: its filter does not hold.
async fn plan_one(
    around: &Surroundings,
    subscription: &Subscription,
    happening: &Happening,
) -> Option<PlannedStart> {
    let event = expression::event_json(happening);
    match subscription.filter.as_ref().map(|filter| expression::holds(filter, &event)) {
        Some(Ok(false)) => return None,
        Some(Err(error)) => return Some(PlannedStart::Failed(error.to_string())),
        Some(Ok(true)) | None => {}
    }
    let depth = happening.what.depth.saturating_add(1);
    if depth >= DEPTH_MAX {
        return Some(PlannedStart::Refused(format!(
            "{} triggers already lie one behind the other, and {DEPTH_MAX} is the end: does it start itself?",
            happening.what.depth
        )));
    }
    let params = match expression::params(subscription.start.params(), &subscription.mapping, &event) {
        Ok(params) => params,
        Err(error) => return Some(PlannedStart::Failed(error.to_string())),
    };
    let cause = Cause {
        trigger: trigger(subscription, happening),
        input: Some(event.to_string()),
        depth,
        replays: None,
        at: around.clock.now(),
        zone: None,
    };
    let start = with_params(&subscription.start, params);
    let new = match around.starter.new_run(&subscription.namespace, &start, cause).await {
        Ok(new) => new,
        Err(error) => return Some(PlannedStart::Failed(error.to_string())),
    };
    match around.settings.for_workspace(Path::new(&new.workspace)) {
        Ok(settings) => Some(PlannedStart::Run {
            new: Box::new(new),
            harness_defaults: std::sync::Arc::clone(&settings.harness_defaults),
        }),
        Err(why) => {
            Some(PlannedStart::Failed(format!("the config of {} can't be read: {why}", new.workspace)))
        }
    }
}

/// Of what a webhook has received, the delivery is told.
fn trigger(subscription: &Subscription, happening: &Happening) -> Trigger {
    let delivery = match happening.what.source {
        HappeningSource::Webhook => happening.what.cause.as_ref().and_then(|cause| cause.parse().ok()),
        HappeningSource::Person | HappeningSource::Agent | HappeningSource::Orchestrator => None,
    };
    match delivery {
        Some(delivery) => Trigger::Webhook { subscription: subscription.id, delivery },
        None => Trigger::Event { subscription: subscription.id, happening: happening.what.id },
    }
}

fn with_params(start: &Start, params: String) -> Start {
    match start {
        Start::Definition { name, params: _ } => Start::Definition { name: name.clone(), params },
        Start::NorthStar { template, params: _ } => Start::NorthStar { template: template.clone(), params },
        Start::Workflow { name, params: _ } => Start::Workflow { name: name.clone(), params },
    }
}
