//! The one writer of a process: a task that owns the write connection and commits together what waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::attempt::AttemptProgress;
use agents_domain::cooldown::Cooldown;
use agents_domain::evidence::VerificationKey;
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId, RunnerId};
use agents_domain::spending::Funds;
use agents_domain::store::{
    Change, ClaimRequest, Claimed, Claims, Command, HeartbeatReply, Receipt, RunnerRecord, StoreError,
};
use agents_domain::timestamp::{Clock, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Found};
use super::connection::Connection;
use super::direct::Flows;
use super::statement::Statement;
use super::task::Task;
use super::{attempt_table, job_table, key_table, runner_table, upkeep};
use crate::crash_point;

/// Operations that one transaction takes at most.
const BATCH_MAX: usize = 64;

/// From so many operations in one transaction on, the next one waits a little for more: under load, a wait costs
/// less than a transaction for each.
const BUSY: usize = 2;

/// How long it waits.
const LINGER: Duration = Duration::from_millis(2);

/// After so many busy transactions in a row the load is one that lasts.
const LASTING: u32 = 8;

/// How long it waits then. Each statement of a transaction costs the same for one operation as for ten.
const LINGER_LONG: Duration = Duration::from_millis(10);

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to be written, and who waits for it.
pub(super) enum Op {
    Execute(Box<Command>, Reply<Receipt>),
    Take(Box<Command>, Reply<Claimed>),
    Claim(ClaimRequest, Reply<Claims>),
    Register(RunnerRecord, Reply<()>),
    Publish(VerificationKey, Reply<()>),
    Unregister(RunnerId, Reply<()>),
    Heartbeat(RunnerId, Vec<AttemptId>, Duration, Reply<HeartbeatReply>),
    Progress(RunnerId, Vec<(AttemptId, AttemptProgress)>, Reply<()>),
    LiftCooldown(String, Reply<Option<Cooldown>>),
    Forget(Vec<(AssignmentId, Timestamp)>, u32, Reply<BTreeMap<AssignmentId, u64>>),
    Task(Box<dyn Task>),
}

/// Where operations are sent.
pub(super) struct Writer {
    sender: mpsc::UnboundedSender<Op>,
}

impl Writer {
    /// Starts the writer on that connection. It ends when the last sender is gone.
    pub fn start(
        connection: Connection,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        flows: Flows,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(connection, receiver, (clock, ids), flows));
        Self { sender }
    }

    /// Sends an operation; it comes back if the writer is gone.
    pub fn send(&self, op: Op) -> Result<(), Box<Op>> {
        self.sender.send(op).map_err(|unsent| Box::new(unsent.0))
    }
}

async fn run(
    mut connection: Connection,
    mut receiver: mpsc::UnboundedReceiver<Op>,
    (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>),
    flows: Flows,
) {
    let mut ops = Vec::with_capacity(BATCH_MAX);
    let mut busy_in_a_row = 0;
    while receiver.recv_many(&mut ops, BATCH_MAX).await > 0 {
        if let Some(linger) = linger(busy_in_a_row).filter(|_| ops.len() < BATCH_MAX) {
            tokio::time::sleep(linger).await;
        }
        while ops.len() < BATCH_MAX {
            match receiver.try_recv() {
                Ok(op) => ops.push(op),
                Err(_) => break,
            }
        }
        busy_in_a_row = if ops.len() >= BUSY { busy_in_a_row.saturating_add(1) } else { 0 };
        let waiting = std::mem::take(&mut ops);
        commit(&mut connection, waiting, (&*clock, &*ids), &flows).await;
    }
}

/// How long to wait for more, after so many busy transactions in a row.
fn linger(busy_in_a_row: u32) -> Option<Duration> {
    match busy_in_a_row {
        0 => None,
        1..LASTING => Some(LINGER),
        LASTING.. => Some(LINGER_LONG),
    }
}

/// Commits the operations together; if the database refuses, each one alone, so that one can't spoil the others.
async fn commit(
    on: &mut Connection,
    mut ops: Vec<Op>,
    (clock, ids): (&dyn Clock, &dyn IdSource),
    flows: &Flows,
) {
    let alone = ops.len() == 1;
    match transaction(on, &mut ops, (clock, ids), flows).await {
        Ok(results) => {
            for (op, result) in ops.into_iter().zip(results) {
                op.answer(result);
            }
        }
        Err(error) => {
            let mut ops = ops.into_iter();
            match (ops.next(), alone) {
                (Some(op), true) => op.fail(error),
                (Some(first), false) => {
                    for op in std::iter::once(first).chain(ops) {
                        Box::pin(commit(on, vec![op], (clock, ids), flows)).await;
                    }
                }
                (None, _) => {}
            }
        }
    }
}

/// What an operation brings.
enum Done {
    Receipt(Receipt),
    Taken(Box<Claimed>),
    Claimed(Claims),
    Heartbeat(HeartbeatReply),
    Lifted(Option<Cooldown>),
    Forgotten(BTreeMap<AssignmentId, u64>),
    Nothing,
}

async fn transaction(
    on: &mut Connection,
    ops: &mut [Op],
    (clock, ids): (&dyn Clock, &dyn IdSource),
    flows: &Flows,
) -> Result<Vec<Result<Done, StoreError>>, StoreError> {
    Statement::new("BEGIN IMMEDIATE").execute(on, "beginning a transaction").await?;
    crash_point::pass("transaction begun");
    match work(on, ops, Batch::new(clock.now(), ids, flows)).await {
        Ok(results) => match Statement::new("COMMIT").execute(on, "committing").await {
            Ok(_) => {
                crash_point::pass("transaction committed");
                Ok(results)
            }
            Err(error) => Err(roll_back(on, error).await),
        },
        Err(error) => Err(roll_back(on, error).await),
    }
}

/// Rolls back and hands the first error on. A roll-back that fails too finds no transaction: the database has
/// already rolled back by itself.
async fn roll_back(on: &mut Connection, error: StoreError) -> StoreError {
    if let Err(second) = Statement::new("ROLLBACK").execute(on, "rolling back").await {
        tracing::debug!(%second, "nothing to roll back");
    }
    error
}

async fn work(
    on: &mut Connection,
    ops: &mut [Op],
    mut batch: Batch<'_>,
) -> Result<Vec<Result<Done, StoreError>>, StoreError> {
    let mut assignments: BTreeSet<AssignmentId> = BTreeSet::new();
    let mut found = Vec::new();
    let mut claimed_before = 0;
    for op in &*ops {
        match op {
            Op::Execute(command, _) | Op::Take(command, _) => {
                if !matches!(command.change, Change::Create(_)) {
                    assignments.insert(command.change.assignment());
                }
                if needs_all_jobs(&command.change) {
                    batch.load_whole(command.change.assignment());
                }
            }
            Op::Claim(request, _) => {
                let jobs = batch.find(on, request, claimed_before).await?;
                claimed_before += request.limit;
                assignments.extend(jobs.jobs.iter().map(|(_, assignment)| *assignment));
                found.push(jobs);
            }
            Op::Register(..)
            | Op::Publish(..)
            | Op::Unregister(..)
            | Op::Heartbeat(..)
            | Op::Progress(..)
            | Op::LiftCooldown(..)
            | Op::Forget(..)
            | Op::Task(_) => {}
        }
    }
    batch.load(on, &assignments).await?;
    let claims =
        ops.iter().filter_map(|op| if let Op::Claim(request, _) = op { Some(request) } else { None });
    for (request, found) in claims.zip(&found) {
        batch.load_purses(on, (request, found)).await?;
    }
    let mut found = found.into_iter();
    let mut results = Vec::with_capacity(ops.len());
    for op in ops {
        results.push(match op {
            Op::Execute(command, _) => execute(on, &mut batch, command).await?,
            Op::Take(command, _) => taken(&mut batch, command),
            Op::Claim(request, _) => {
                let jobs = found.next().expect("each claim has looked for jobs");
                claim(on, &mut batch, (request, jobs)).await.map(Done::Claimed)
            }
            Op::Register(runner, _) => runner_table::put(on, runner).await.map(|()| Done::Nothing),
            Op::Publish(key, _) => key_table::put(on, key).await.map(|()| Done::Nothing),
            Op::Unregister(runner, _) => runner_table::delete(on, *runner).await.map(|()| Done::Nothing),
            Op::Heartbeat(runner, attempts, lease, _) => {
                let until = batch.now.after(*lease);
                heartbeat(on, *runner, attempts, (batch.now, until)).await.map(Done::Heartbeat)
            }
            Op::LiftCooldown(harness, _) => batch.lift(on, harness).await.map(Done::Lifted),
            Op::Progress(runner, progress, _) => {
                attempt_table::progress(on, *runner, progress).await.map(|()| Done::Nothing)
            }
            Op::Forget(of, limit, _) => upkeep::forget(on, of, *limit).await.map(Done::Forgotten),
            // It may have written half of what it has to.
            Op::Task(task) => {
                task.work(on, &mut batch).await?;
                Ok(Done::Nothing)
            }
        });
    }
    batch.direct_all(on).await?;
    crash_point::pass("transaction decided");
    batch.write(on).await?;
    crash_point::pass("transaction written");
    add_contexts(on, &mut results).await?;
    Ok(results)
}

/// Whether a command is about jobs that may have ended.
fn needs_all_jobs(change: &Change) -> bool {
    matches!(change, Change::Retry { .. } | Change::Repair { .. } | Change::Cancel { .. })
}

/// Decides a command, with what it needs to know of others.
async fn execute(
    on: &mut Connection,
    batch: &mut Batch<'_>,
    command: &Command,
) -> Result<Result<Done, StoreError>, StoreError> {
    if let Change::Reserve { assignment, .. } = command.change {
        batch.load_purse(on, assignment).await?;
    }
    match batch.decide_directed(on, command.clone()).await {
        Ok(receipt) => Ok(Ok(Done::Receipt(receipt))),
        Err(error @ (StoreError::Rejected(_) | StoreError::NoAssignment(_))) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Takes jobs. Where a namespace's day is spent, those of others come instead.
async fn claim(
    on: &mut Connection,
    batch: &mut Batch<'_>,
    (request, mut found): (&ClaimRequest, Found),
) -> Result<Claims, StoreError> {
    let mut claimed = Vec::new();
    loop {
        let refusals = batch.refusals();
        claimed.extend(batch.claim(request, (&found, request.limit - claimed.len())));
        if batch.refusals() == refusals || claimed.len() == request.limit {
            let spent_days = batch.spent_days(request.namespaces.as_deref());
            return Ok(Claims { claimed, refused: batch.take_refused(), spent_days });
        }
        found = batch.find(on, request, claimed.len()).await?;
        batch.load(on, &found.jobs.iter().map(|(_, assignment)| *assignment).collect()).await?;
        batch.load_purses(on, (request, &found)).await?;
    }
}

/// Decides a command that brings an attempt to be worked on.
fn taken(batch: &mut Batch<'_>, command: &Command) -> Result<Done, StoreError> {
    let (Change::Ask { assignment, attempt, .. } | Change::TakeOver { assignment, attempt, .. }) =
        &command.change
    else {
        let why = "this command brings no attempt".to_owned();
        return Err(StoreError::Database { doing: "taking an attempt", why });
    };
    let (assignment, attempt) = (*assignment, *attempt);
    let receipt = batch.decide(command.clone())?;
    let attempt = batch.attempt(assignment, attempt).ok_or(StoreError::NoAssignment(assignment))?;
    let claimed = batch.claimed((assignment, &Funds::default()), attempt, receipt.events);
    claimed.map(|claimed| Done::Taken(Box::new(claimed))).ok_or(StoreError::NoAssignment(assignment))
}

async fn heartbeat(
    on: &mut Connection,
    runner: RunnerId,
    attempts: &[AttemptId],
    (now, until): (Timestamp, Timestamp),
) -> Result<HeartbeatReply, StoreError> {
    runner_table::beat(on, runner, now).await?;
    let owned = match attempts {
        [] => Vec::new(),
        _ => attempt_table::renew(on, runner, attempts, until).await?,
    };
    let is_owned = |id: &AttemptId| owned.iter().any(|(owned, _)| owned == id);
    Ok(HeartbeatReply {
        lost: attempts.iter().filter(|id| !is_owned(id)).copied().collect(),
        wishes: owned.iter().filter_map(|(id, wish)| Some((*id, (*wish)?))).collect(),
    })
}

/// Adds what claimed jobs are told, for those that were not inserted just now.
async fn add_contexts(
    on: &mut Connection,
    results: &mut [Result<Done, StoreError>],
) -> Result<(), StoreError> {
    let mut claimed: Vec<&mut Claimed> = Vec::new();
    for result in results {
        match result {
            Ok(Done::Claimed(claims)) => {
                claimed.extend(claims.claimed.iter_mut().filter(|job| job.context.is_empty()));
            }
            Ok(Done::Taken(job)) if job.context.is_empty() => claimed.push(job),
            Ok(
                Done::Taken(_)
                | Done::Receipt(_)
                | Done::Heartbeat(_)
                | Done::Lifted(_)
                | Done::Forgotten(_)
                | Done::Nothing,
            )
            | Err(_) => {}
        }
    }
    if claimed.is_empty() {
        return Ok(());
    }
    let ids: Vec<JobId> = claimed.iter().map(|job| job.job.id).collect();
    for (id, text) in job_table::contexts(on, &ids).await? {
        if let Some(job) = claimed.iter_mut().find(|job| job.job.id == id) {
            job.context = text;
        }
    }
    Ok(())
}

impl Op {
    fn answer(self, result: Result<Done, StoreError>) {
        let is_heard = match (self, result) {
            (op, Err(error)) => return op.fail(error),
            (Op::Execute(_, reply), Ok(Done::Receipt(receipt))) => reply.send(Ok(receipt)).is_ok(),
            (Op::Take(_, reply), Ok(Done::Taken(claimed))) => reply.send(Ok(*claimed)).is_ok(),
            (Op::Claim(_, reply), Ok(Done::Claimed(claimed))) => reply.send(Ok(claimed)).is_ok(),
            (Op::Heartbeat(_, _, _, reply), Ok(Done::Heartbeat(beat))) => reply.send(Ok(beat)).is_ok(),
            (Op::LiftCooldown(_, reply), Ok(Done::Lifted(lifted))) => reply.send(Ok(lifted)).is_ok(),
            (Op::Forget(_, _, reply), Ok(Done::Forgotten(events))) => reply.send(Ok(events)).is_ok(),
            (
                Op::Register(_, reply)
                | Op::Publish(_, reply)
                | Op::Unregister(_, reply)
                | Op::Progress(_, _, reply),
                Ok(Done::Nothing),
            ) => reply.send(Ok(())).is_ok(),
            (Op::Task(task), Ok(Done::Nothing)) => {
                task.answer();
                true
            }
            (op, Ok(_)) => {
                let why = "an operation was answered with another one's result".to_owned();
                return op.fail(StoreError::Database { doing: "answering", why });
            }
        };
        if !is_heard {
            tracing::debug!("nobody waits for a write that was committed");
        }
    }

    fn fail(self, error: StoreError) {
        let is_heard = match self {
            Op::Execute(_, reply) => reply.send(Err(error)).is_ok(),
            Op::Take(_, reply) => reply.send(Err(error)).is_ok(),
            Op::Claim(_, reply) => reply.send(Err(error)).is_ok(),
            Op::Heartbeat(_, _, _, reply) => reply.send(Err(error)).is_ok(),
            Op::LiftCooldown(_, reply) => reply.send(Err(error)).is_ok(),
            Op::Forget(_, _, reply) => reply.send(Err(error)).is_ok(),
            Op::Register(_, reply)
            | Op::Publish(_, reply)
            | Op::Unregister(_, reply)
            | Op::Progress(_, _, reply) => reply.send(Err(error)).is_ok(),
            Op::Task(task) => {
                task.fail(error);
                true
            }
        };
        if !is_heard {
            tracing::debug!("nobody waits for a write that failed");
        }
    }
}
