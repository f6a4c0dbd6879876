//! The transaction that fires: what is due is decided by what is stored at that moment, and all that follows is written
//! together. So each due time is decided once, however many runners look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agents_domain::aggregate::{HarnessDefaults, StatusChange};
use agents_domain::id::{AssignmentId, ScheduleId};
use agents_domain::namespace::Namespace;
use agents_domain::run::RunStatus;
use agents_domain::schedule::decide::{Decided, Look, Record, Verdict, decide};
use agents_domain::schedule::entry::{Progress, Schedule, Standing};
use agents_domain::schedule::firing::{Decision, Firing};
use agents_domain::schedule::schedules::{
    DueFilter, FireRequest, Fired, FiredSchedule, Prepared, ScheduleFilter, ScheduleWrite, Schedules, Written,
};
use agents_domain::store::{Change, Command, StoreError};
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;

use super::batch::Batch;
use super::connection::Connection;
use super::task::Write;
use super::told::Teller;
use super::{SqlStore, firing_table, happening_table, schedule_table};

struct Fire(FireRequest);

#[async_trait]
impl Write for Fire {
    type Output = Fired;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Fired, StoreError> {
        let request = &self.0;
        let ids: Vec<ScheduleId> = request.schedules.iter().map(|one| one.schedule).collect();
        let stored = schedule_table::load(on, &ids).await?;
        let records = firing_table::records(on, &stored).await?;
        let stored: BTreeMap<ScheduleId, Schedule> =
            stored.into_iter().map(|schedule| (schedule.id, schedule)).collect();
        let mut outcome = Outcome::default();
        for prepared in &request.schedules {
            // One that is gone or was changed is looked at again, if there is a reason.
            let Some(schedule) =
                stored.get(&prepared.schedule).filter(|one| one.revision == prepared.revision)
            else {
                continue;
            };
            let record = records.get(&schedule.id).cloned().unwrap_or_default();
            match verdict(prepared, schedule, (&record, request.now)) {
                Some(verdict) => {
                    let firing = OneFiring { request, prepared, schedule };
                    firing.carry_out(on, batch, (verdict, &mut outcome)).await?;
                }
                None => outcome.fired.unfit.push(schedule.id),
            }
        }
        outcome.write(on, request.now).await?;
        let teller = Teller { ids: batch.ids, now: batch.now };
        let paused = outcome.fired.schedules.iter().filter_map(|fired| {
            let reason = fired.paused.as_deref()?;
            Some(teller.schedule_paused(&fired.namespace, (fired.schedule, &fired.name), reason))
        });
        let paused: Vec<_> = paused.collect();
        if !paused.is_empty() {
            happening_table::insert(on, &paused, batch.now).await?;
        }
        Ok(outcome.fired)
    }
}

/// What is decided; `None`: a run is needed that was not prepared.
fn verdict(prepared: &Prepared, schedule: &Schedule, (record, now): (&Record, Timestamp)) -> Option<Verdict> {
    let calendar = match &prepared.calendar {
        Ok(calendar) => calendar,
        Err(why) => return Some(unreadable(schedule, why, now)),
    };
    let refused: BTreeMap<Timestamp, String> =
        prepared.runs.iter().filter_map(|(due, run)| Some((*due, run.as_ref().err()?.clone()))).collect();
    let delay = |due| (prepared.delay)(schedule, due);
    let look = Look { schedule, calendar: &**calendar, delay: &delay, record, refused: &refused, now };
    let verdict = decide(look);
    let is_ready = |due: Timestamp| matches!(prepared.runs.get(&due), Some(Ok(_)));
    let is_fit = verdict.starts().all(is_ready);
    is_fit.then_some(verdict)
}

/// A schedule whose pattern was right when it was written: its zone is gone, or a newer version has written it.
fn unreadable(schedule: &Schedule, why: &str, now: Timestamp) -> Verdict {
    let reason = format!("its pattern can't be read any more: {why}");
    Verdict {
        decided: Vec::new(),
        cancels: Vec::new(),
        progress: Progress { look_at: None, ..schedule.progress.clone() },
        standing: Standing::Paused { at: now, reason },
    }
}

/// What is written when all is decided.
#[derive(Default)]
struct Outcome {
    fired: Fired,
    new: Vec<Firing>,
    that_waited: Vec<Firing>,
    advanced: Vec<(ScheduleId, Progress, Standing)>,
}

impl Outcome {
    async fn write(&self, on: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
        firing_table::write(on, (&self.new, &self.that_waited)).await?;
        let advanced: Vec<_> =
            self.advanced.iter().map(|(id, progress, standing)| (*id, progress, standing)).collect();
        schedule_table::advance(on, &advanced).await?;
        if self.new.is_empty() {
            return Ok(());
        }
        let ids: Vec<ScheduleId> = self.advanced.iter().map(|(id, _, _)| *id).collect();
        firing_table::forget(on, &ids, now).await
    }
}

/// One schedule in the transaction.
struct OneFiring<'a> {
    request: &'a FireRequest,
    prepared: &'a Prepared,
    schedule: &'a Schedule,
}

impl OneFiring<'_> {
    async fn carry_out(
        &self,
        on: &mut Connection,
        batch: &mut Batch<'_>,
        (mut verdict, outcome): (Verdict, &mut Outcome),
    ) -> Result<(), StoreError> {
        let mut fired = FiredSchedule {
            schedule: self.schedule.id,
            namespace: self.schedule.namespace.clone(),
            name: self.schedule.name.clone(),
            decided: Vec::new(),
            started: Vec::new(),
            cancelled: Vec::new(),
            paused: None,
            events: Vec::new(),
        };
        self.cancel(on, batch, (&verdict.cancels, &mut fired)).await?;
        for one in &mut verdict.decided {
            let run = self.start((on, batch), one, (&mut verdict.progress, &mut fired)).await?;
            let firing = self.firing(one, run);
            if one.has_waited { outcome.that_waited.push(firing) } else { outcome.new.push(firing) }
        }
        let now = self.request.now;
        // The store itself may have refused one more.
        if verdict.standing.is_on() {
            verdict.standing = self.schedule.standing_after(verdict.progress.failures, now);
        }
        if let (Standing::Paused { at: _, reason }, true) =
            (&verdict.standing, self.schedule.standing.is_on())
        {
            verdict.progress.look_at = None;
            fired.paused = Some(reason.clone());
        }
        fired.decided = verdict.decided;
        if !fired.decided.is_empty() || fired.paused.is_some() {
            outcome.fired.schedules.push(fired);
        }
        outcome.advanced.push((self.schedule.id, verdict.progress, verdict.standing));
        Ok(())
    }

    async fn cancel(
        &self,
        on: &mut Connection,
        batch: &mut Batch<'_>,
        (cancels, fired): (&[AssignmentId], &mut FiredSchedule),
    ) -> Result<(), StoreError> {
        batch.load(on, &cancels.iter().copied().collect::<BTreeSet<_>>()).await?;
        for assignment in cancels {
            let reason = Some(format!("schedule {} was due again", self.schedule.name));
            let to = StatusChange::Cancelled { reason };
            let change = Change::Update { assignment: *assignment, to };
            // One that has just ended, or is gone, needs no end.
            if let Ok(receipt) = batch.decide(self.command(change, self.defaults())) {
                fired.cancelled.push(*assignment);
                fired.events.extend(receipt.events);
            }
        }
        Ok(())
    }

    /// Makes the run; what the store refuses is refused like what can't be made.
    async fn start(
        &self,
        (on, batch): (&mut Connection, &mut Batch<'_>),
        one: &mut Decided,
        (progress, fired): (&mut Progress, &mut FiredSchedule),
    ) -> Result<Option<AssignmentId>, StoreError> {
        if one.decision != Decision::Started {
            return Ok(None);
        }
        let Some(Ok(run)) = self.prepared.runs.get(&one.due) else { return Ok(None) };
        let change = Change::Create(run.new.clone());
        match batch.create(on, self.command(change, Arc::clone(&run.harness_defaults))).await {
            Ok(receipt) => {
                fired.started.push(receipt.assignment);
                fired.events.extend(receipt.events);
                Ok(Some(receipt.assignment))
            }
            Err(StoreError::Rejected(error)) => {
                (one.decision, one.reason) = (Decision::Refused, Some(error.to_string()));
                progress.failures = progress.failures.saturating_add(1);
                progress.last_outcome = Some(RunStatus::Failed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn command(&self, change: Change, harness_defaults: Arc<HarnessDefaults>) -> Command {
        Command { actor: self.request.actor, harness_defaults, change }
    }

    /// Those of any of its runs: an end asks for none.
    fn defaults(&self) -> Arc<HarnessDefaults> {
        let known = self.prepared.runs.values().find_map(|run| run.as_ref().ok());
        let none = || HarnessDefaults {
            default: String::new(),
            by_type: BTreeMap::new(),
            reviewers: Default::default(),
        };
        known.map_or_else(|| Arc::new(none()), |run| Arc::clone(&run.harness_defaults))
    }

    fn firing(&self, one: &Decided, run: Option<AssignmentId>) -> Firing {
        Firing {
            schedule: self.schedule.id,
            due: one.due,
            decision: one.decision,
            decided_at: self.request.now,
            count: one.count,
            run,
            outcome: None,
            ended_at: None,
            reason: one.reason.clone(),
        }
    }
}

struct WriteSchedules(Vec<ScheduleWrite>);

#[async_trait]
impl Write for WriteSchedules {
    type Output = Written;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<Written, StoreError> {
        schedule_table::write(on, &self.0).await
    }
}

struct DeleteSchedule(ScheduleId);

#[async_trait]
impl Write for DeleteSchedule {
    type Output = bool;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<bool, StoreError> {
        schedule_table::delete(on, self.0).await
    }
}

/// Runs a query on a read connection and gives the connection back, also after an error.
macro_rules! read {
    ($self:ident, $connection:ident => $query:expr) => {{
        let mut $connection = $self.reader().await?;
        let found = $query.await;
        $self.put_back($connection).await;
        found
    }};
}

#[async_trait]
impl Schedules for SqlStore {
    async fn write_schedules(&self, writes: Vec<ScheduleWrite>) -> Result<Written, StoreError> {
        self.carry_out(WriteSchedules(writes)).await
    }

    async fn delete_schedule(&self, id: ScheduleId) -> Result<bool, StoreError> {
        self.carry_out(DeleteSchedule(id)).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> Result<Vec<Schedule>, StoreError> {
        read!(self, reader => schedule_table::list(&mut reader, filter))
    }

    async fn firings(&self, schedule: ScheduleId, limit: u32) -> Result<Vec<Firing>, StoreError> {
        read!(self, reader => firing_table::list(&mut reader, schedule, limit))
    }

    async fn due_schedules(&self, filter: &DueFilter) -> Result<Vec<(Schedule, Record)>, StoreError> {
        read!(self, reader => due(&mut reader, filter))
    }

    async fn next_look_at(&self, namespace: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError> {
        read!(self, reader => schedule_table::next_look_at(&mut reader, namespace))
    }

    async fn fire(&self, request: FireRequest) -> Result<Fired, StoreError> {
        if request.schedules.is_empty() {
            return Ok(Fired::default());
        }
        self.carry_out(Fire(request)).await
    }
}

async fn due(on: &mut Connection, filter: &DueFilter) -> Result<Vec<(Schedule, Record)>, StoreError> {
    let schedules = schedule_table::due(on, filter).await?;
    let mut records = firing_table::records(on, &schedules).await?;
    let with_record = |schedule: Schedule| {
        let record = records.remove(&schedule.id).unwrap_or_default();
        (schedule, record)
    };
    Ok(schedules.into_iter().map(with_record).collect())
}
