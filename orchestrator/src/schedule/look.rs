//! One look at the schedules that are due, page by page: the runs of a page are made ready side by side, then stored in one
//! transaction, which decides again what is due. Whoever comes second finds it decided. While a page is stored, the next
//! one is made ready.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// Schedules of one transaction. The store stands still meanwhile for everybody else.
pub(super) const PAGE: u32 = 64;

/// How long one look goes on with the next page. The runs that it has made begin when it has ended: begun earlier, they
/// would take the processor from the pages that follow, whose runs would begin much later.
const LONGEST: Duration = Duration::from_secs(1);

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

/// What one transaction is to fire.
struct Page {
    now: Timestamp,
    prepared: Vec<Prepared>,
    /// Where the next page begins, if there may be one.
    following: Option<(Timestamp, ScheduleId)>,
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

    /// Fires what is due, for [`LONGEST`] at most. A schedule that makes trouble is left out and holds nobody up.
    pub async fn look(&self, behind: Option<(Timestamp, ScheduleId)>) -> Result<Looked, StoreError> {
        self.look_until(Instant::now() + LONGEST, behind).await
    }

    /// Fires what is due, page by page, and begins none after that moment but the first.
    pub(super) async fn look_until(
        &self,
        give_over_at: Instant,
        behind: Option<(Timestamp, ScheduleId)>,
    ) -> Result<Looked, StoreError> {
        let mut fired = Fired::default();
        let mut page = self.page(behind).await?;
        loop {
            let following = page.following;
            let next = self.page_unless_late(give_over_at, following);
            let (of_page, next) = tokio::join!(self.fire(page.prepared, page.now), next);
            let next = of_page.and_then(|of_page| {
                fired.schedules.extend(of_page.schedules);
                fired.unfit.extend(of_page.unfit);
                next
            });
            page = match (next, following) {
                (Ok(Some(next)), _) => next,
                (Ok(None), Some((at, id))) => {
                    return Ok(Looked { fired, more: More::Behind(at, id), next: None });
                }
                (Ok(None), None) => return self.looked(fired).await,
                (Err(error), _) if fired == Fired::default() => return Err(error),
                // What was fired before is told; the next look meets the trouble again.
                (Err(_), _) => return Ok(Looked { fired, more: More::Again, next: None }),
            };
        }
    }

    async fn page_unless_late(
        &self,
        give_over_at: Instant,
        behind: Option<(Timestamp, ScheduleId)>,
    ) -> Result<Option<Page>, StoreError> {
        match behind {
            Some(behind) if Instant::now() < give_over_at => self.page(Some(behind)).await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// A look that has come to the end of what was due.
    async fn looked(&self, fired: Fired) -> Result<Looked, StoreError> {
        if !fired.unfit.is_empty() {
            return Ok(Looked { fired, more: More::Again, next: None });
        }
        match self.store.next_look_at(self.namespace.as_ref()).await {
            Ok(next) => Ok(Looked { fired, more: More::Nothing, next }),
            Err(error) if fired == Fired::default() => Err(error),
            Err(_) => Ok(Looked { fired, more: More::Again, next: None }),
        }
    }

    /// Makes the runs of what is due behind that schedule, a page of them.
    async fn page(&self, behind: Option<(Timestamp, ScheduleId)>) -> Result<Page, StoreError> {
        let now = self.clock.now();
        let filter = DueFilter { namespace: self.namespace.clone(), now, behind, limit: PAGE };
        let due = self.store.due_schedules(&filter).await?;
        let is_full = u32::try_from(due.len()).is_ok_and(|found| found == PAGE);
        let last = due.last().and_then(|(schedule, _)| Some((schedule.progress.look_at?, schedule.id)));
        Ok(Page { now, prepared: self.prepared(due, now).await, following: last.filter(|_| is_full) })
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
        if prepared.is_empty() {
            return Ok(Fired::default());
        }
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
