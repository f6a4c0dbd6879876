//! One look at the schedules that are due: their runs are made ready side by side, then stored in one transaction, which
//! decides again what is due. Whoever comes second finds it decided.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::id::ScheduleId;
use agents_domain::namespace::Namespace;
use agents_domain::run::Trigger;
use agents_domain::schedule::Schedule;
use agents_domain::schedule::decide::{Look, Record, decide};
use agents_domain::schedule::schedules::{DueFilter, FireRequest, Fired, Prepared, PreparedRun};
use agents_domain::start::{Cause, StartError, Starter};
use agents_domain::store::{Store, StoreError};
use agents_domain::timestamp::{Clock, Timestamp};
use tokio::task::JoinSet;

use super::timetable;
use crate::attempt::Surroundings;
use crate::crash_point;
use crate::settings::SettingsSource;

/// Schedules of one look, which are one transaction. The store stands still meanwhile for everybody else.
const PAGE: u32 = 64;

/// Who looks at schedules.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Firer {
    pub store: Arc<dyn Store>,
    pub starter: Arc<dyn Starter>,
    pub settings: Arc<dyn SettingsSource>,
    pub clock: Arc<dyn Clock>,
    pub actor: Actor,
    /// `None`: those of every namespace.
    pub namespace: Option<Namespace>,
}

/// Whether more may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum More {
    #[default]
    Nothing,
    /// The next look goes on behind this one.
    Behind(Timestamp, ScheduleId),
    /// What was made ready did not fit: the next look begins anew.
    Again,
}

/// What a look has brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Looked {
    pub fired: Fired,
    pub more: More,
    /// When the next one is due, once nothing more is due now.
    pub next: Option<Timestamp>,
}

impl Firer {
    /// Looks on behalf of a runner.
    pub fn new(around: &Surroundings, actor: Actor, namespace: Option<Namespace>) -> Self {
        Self {
            store: Arc::clone(&around.store),
            starter: Arc::clone(&around.starter),
            settings: Arc::clone(&around.settings),
            clock: Arc::clone(&around.clock),
            actor,
            namespace,
        }
    }

    /// Fires what is due, a page of it. A schedule that makes trouble is left out and holds nobody up.
    pub async fn look(&self, behind: Option<(Timestamp, ScheduleId)>) -> Result<Looked, StoreError> {
        let now = self.clock.now();
        let filter = DueFilter { namespace: self.namespace.clone(), now, behind, limit: PAGE };
        let due = self.store.due_schedules(&filter).await?;
        let is_full = u32::try_from(due.len()).is_ok_and(|found| found == PAGE);
        let last = due.last().and_then(|(schedule, _)| Some((schedule.progress.look_at?, schedule.id)));
        let fired = match due.is_empty() {
            true => Fired::default(),
            false => self.fire(self.prepared(due, now).await, now).await?,
        };
        let more = match last.filter(|_| is_full) {
            Some((at, id)) => More::Behind(at, id),
            None if fired.unfit.is_empty() => More::Nothing,
            None => More::Again,
        };
        let next = match more {
            More::Behind(..) | More::Again => None,
            More::Nothing => self.store.next_look_at(self.namespace.as_ref()).await?,
        };
        Ok(Looked { fired, more, next })
    }

    async fn prepared(&self, due: Vec<(Schedule, Record)>, now: Timestamp) -> Vec<Prepared> {
        let mut tasks = JoinSet::new();
        let for_all = Self { starter: Arc::clone(&self.starter).at_once(), ..self.clone() };
        for (place, (schedule, record)) in due.into_iter().enumerate() {
            let firer = for_all.clone();
            tasks.spawn(async move { (place, firer.prepare(&schedule, &record, now).await) });
        }
        let mut prepared = Vec::with_capacity(tasks.len());
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(one) => prepared.push(one),
                Err(error) => tracing::error!(%error, "making a scheduled run broke down"),
            }
        }
        prepared.sort_by_key(|(place, _)| *place);
        prepared.into_iter().map(|(_, one)| one).collect()
    }

    /// Makes the runs that are needed by what is known now. What can't be made may let another due time start.
    async fn prepare(&self, schedule: &Schedule, record: &Record, now: Timestamp) -> Prepared {
        let calendar = timetable::calendar(schedule).map_err(|error| error.to_string());
        let mut runs: BTreeMap<Timestamp, Result<PreparedRun, String>> = BTreeMap::new();
        let mut refused = BTreeMap::new();
        let delay = |due| timetable::delay(schedule, due);
        while let Ok(calendar) = &calendar {
            let look =
                Look { schedule, calendar: &**calendar, delay: &delay, record, refused: &refused, now };
            let missing: Vec<Timestamp> =
                decide(look).starts().filter(|due| !runs.contains_key(due)).collect();
            if missing.is_empty() {
                break;
            }
            for due in missing {
                let run = self.run(schedule, due).await.map_err(|error| error.to_string());
                if let Err(why) = &run {
                    refused.insert(due, why.clone());
                }
                runs.insert(due, run);
            }
        }
        let revision = schedule.revision;
        Prepared { schedule: schedule.id, revision, calendar, runs, delay: timetable::delay }
    }

    async fn run(&self, schedule: &Schedule, due: Timestamp) -> Result<PreparedRun, StartError> {
        let cause = Cause {
            trigger: Trigger::Schedule { schedule: schedule.id, due },
            input: None,
            depth: 1,
            replays: None,
            at: due,
            zone: Some(schedule.terms.zone.clone()),
        };
        let new = self.starter.new_run(&schedule.namespace, &schedule.terms.start, cause).await?;
        let workspace = Path::new(&new.workspace);
        let harness_defaults = match self.settings.for_workspace(workspace) {
            Ok(settings) => Arc::clone(&settings.harness_defaults),
            Err(why) => {
                let last = self.settings.last_harness_defaults(workspace);
                last.ok_or_else(|| StartError::new(vec![why]))?
            }
        };
        Ok(PreparedRun { new, harness_defaults })
    }

    async fn fire(&self, prepared: Vec<Prepared>, now: Timestamp) -> Result<Fired, StoreError> {
        crash_point::pass("schedules prepared");
        let request = |schedules| FireRequest { actor: self.actor, now, schedules };
        let fired = match self.store.fire(request(prepared.clone())).await {
            Err(error) if is_of_rows(&error) && prepared.len() > 1 => {
                tracing::warn!(%error, "schedules could not be fired together; each is tried alone");
                self.fire_alone(prepared, now).await
            }
            Err(error) if is_of_rows(&error) => {
                let schedule = prepared.first().map(|one| one.schedule.to_string()).unwrap_or_default();
                tracing::error!(%error, schedule, "a schedule could not be fired");
                Ok(Fired::default())
            }
            fired => fired,
        };
        crash_point::pass("schedules fired");
        fired
    }

    async fn fire_alone(&self, prepared: Vec<Prepared>, now: Timestamp) -> Result<Fired, StoreError> {
        let mut all = Fired::default();
        for one in prepared {
            let fired = Box::pin(self.fire(vec![one], now)).await?;
            all.schedules.extend(fired.schedules);
            all.unfit.extend(fired.unfit);
        }
        Ok(all)
    }
}

/// Whether it may be the fault of a single schedule, and the store itself can be used.
fn is_of_rows(error: &StoreError) -> bool {
    match error {
        StoreError::Rejected(_)
        | StoreError::NoAssignment(_)
        | StoreError::LostRace { .. }
        | StoreError::BadRow { .. }
        | StoreError::Database { .. } => true,
        StoreError::Locked { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::Full { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Truncated { .. }
        | StoreError::Newer { .. }
        | StoreError::Unreachable { .. }
        | StoreError::BadUrl { .. } => false,
    }
}
