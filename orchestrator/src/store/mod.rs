//! The store on a SQL database: the only place where SQL stands.
//!
//! A process has one writer (a task that owns the write connection and commits what waits together) and reads
//! on other connections. Commands are decided by [`agents_domain::aggregate`], not here.

mod assignment_table;
mod attempt_table;
mod batch;
mod budget_json;
mod columns;
mod connection;
mod cooldown_table;
mod decision_json;
mod definition_table;
mod direct;
mod event_table;
mod evidence_table;
mod failure;
mod find;
mod fire;
mod firing_table;
mod flow_table;
mod happening_table;
mod import;
mod imported_run_table;
mod job_table;
mod key_table;
mod lists;
mod notice_table;
mod old_steps;
mod proof_json;
mod purse;
mod reservation;
mod run_table;
mod runner_table;
mod schedule_table;
mod spending_table;
mod statement;
mod subscription_table;
mod task;
mod told;
mod upkeep;
mod usage_table;
mod webhook_table;
mod workflow_table;
mod writer;

#[cfg(test)]
mod contract_tests;

use std::sync::Arc;
use std::time::Duration;

use agents_domain::assignment::Assignment;
use agents_domain::attempt::{AttemptProgress, Wish};
use agents_domain::cooldown::Cooldown;
use agents_domain::decision::Decision;
use agents_domain::evidence::VerificationKey;
use agents_domain::fallback::Fallbacks;
use agents_domain::history::HistoryEvent;
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId, ReceiptId, RunnerId};
use agents_domain::namespace::Namespace;
use agents_domain::store::{
    AssignmentFilter, AssignmentLine, ClaimRequest, Claimed, Claims, Command, CooldownLine, EvidenceRecord,
    HeartbeatReply, JobDetail, JobFilter, JobLine, Orphan, Queue, Receipt, RunnerRecord, Store, StoreError,
    UsageFilter, UsageLine,
};
use agents_domain::timestamp::{Clock, Timestamp};
use agents_domain::workflow::FlowReader;
use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell, oneshot};

use connection::{Connection, Database};
use direct::Flows;
use task::{Asked, Write};
use writer::{Op, Writer};

/// The latest version of the schema that this program knows.
pub use connection::SCHEMA_VERSION;
/// The file of the database at that address.
pub use connection::file_of;

/// Read connections that are kept for the next reader.
const IDLE_READERS: usize = 4;

/// A store on a SQL database.
#[allow(missing_debug_implementations, reason = "a connection has nothing to show")]
pub struct SqlStore {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    flows: Arc<dyn FlowReader>,
    idle: Mutex<Vec<Connection>>,
    writer: OnceCell<Writer>,
}

impl SqlStore {
    /// Opens the database at `url` (`sqlite:<path>`), makes it if there is none, and brings it up to date.
    pub async fn open(url: &str, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Result<Self, StoreError> {
        Self::open_database(Database::parse(url)?, clock, ids).await
    }

    async fn open_database(
        database: Database,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, StoreError> {
        let database = Arc::new(database);
        let first = database.open_and_migrate().await?;
        let flows = Arc::new(agents_workflows::Reader);
        Ok(Self { database, clock, ids, flows, idle: Mutex::new(vec![first]), writer: OnceCell::new() })
    }

    /// Checks the database's own integrity. `Ok(None)`: sound.
    pub async fn integrity(&self) -> Result<Option<String>, StoreError> {
        let mut reader = self.reader().await?;
        let found = find::integrity(&mut reader).await;
        self.put_back(reader).await;
        found
    }

    async fn reader(&self) -> Result<Connection, StoreError> {
        if let Some(connection) = self.idle.lock().await.pop() {
            return Ok(connection);
        }
        self.database.connect().await
    }

    async fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().await;
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
    }

    async fn writer(&self) -> Result<&Writer, StoreError> {
        let start = async || {
            let connection = self.reader().await?;
            let flows = Flows::new(Arc::clone(&self.flows));
            Ok(Writer::start(connection, Arc::clone(&self.clock), Arc::clone(&self.ids), flows))
        };
        self.writer.get_or_try_init(start).await
    }

    async fn write<T>(
        &self,
        op: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Op,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let gone = || StoreError::Database { doing: "writing", why: "the writer has stopped".to_owned() };
        self.writer().await?.send(op(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Has the writer write that, in one transaction with all that it does to assignments.
    async fn carry_out<W: Write + 'static>(&self, write: W) -> Result<W::Output, StoreError> {
        self.write(|reply| Op::Task(Box::new(Asked::new(write, reply)))).await
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
impl Store for SqlStore {
    async fn execute(&self, command: Command) -> Result<Receipt, StoreError> {
        self.write(|reply| Op::Execute(Box::new(command), reply)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claims, StoreError> {
        self.write(|reply| Op::Claim(request, reply)).await
    }

    async fn take(&self, command: Command) -> Result<Claimed, StoreError> {
        self.write(|reply| Op::Take(Box::new(command), reply)).await
    }

    async fn register(&self, runner: &RunnerRecord) -> Result<(), StoreError> {
        self.write(|reply| Op::Register(runner.clone(), reply)).await
    }

    async fn publish(&self, key: &VerificationKey) -> Result<(), StoreError> {
        self.write(|reply| Op::Publish(key.clone(), reply)).await
    }

    async fn unregister(&self, runner: RunnerId) -> Result<(), StoreError> {
        self.write(|reply| Op::Unregister(runner, reply)).await
    }

    async fn runners(&self) -> Result<Vec<RunnerRecord>, StoreError> {
        read!(self, reader => runner_table::load(&mut reader, None))
    }

    async fn heartbeat(
        &self,
        runner: RunnerId,
        attempts: &[AttemptId],
        lease: Duration,
    ) -> Result<HeartbeatReply, StoreError> {
        self.write(|reply| Op::Heartbeat(runner, attempts.to_vec(), lease, reply)).await
    }

    async fn progress(
        &self,
        runner: RunnerId,
        progress: &[(AttemptId, AttemptProgress)],
    ) -> Result<(), StoreError> {
        if progress.is_empty() {
            return Ok(());
        }
        self.write(|reply| Op::Progress(runner, progress.to_vec(), reply)).await
    }

    async fn wishes(&self, runner: RunnerId) -> Result<Vec<(AttemptId, Wish)>, StoreError> {
        read!(self, reader => attempt_table::wishes(&mut reader, runner))
    }

    async fn foreign_attempts(&self, runner: RunnerId) -> Result<Vec<Orphan>, StoreError> {
        read!(self, reader => attempt_table::foreign(&mut reader, runner))
    }

    async fn next_ready_at(
        &self,
        namespace: Option<&Namespace>,
        fallbacks: &Fallbacks,
    ) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        read!(self, reader => lists::next_ready_at(&mut reader, namespace, fallbacks, now))
    }

    async fn force(&self, assignment: AssignmentId) -> Result<u64, StoreError> {
        self.carry_out(job_table::Force(assignment)).await
    }

    async fn cooldowns(&self, namespace: Option<&Namespace>) -> Result<Vec<CooldownLine>, StoreError> {
        let now = self.clock.now();
        read!(self, reader => lists::cooldowns(&mut reader, namespace, now))
    }

    async fn lift_cooldown(&self, harness: &str) -> Result<Option<Cooldown>, StoreError> {
        self.write(|reply| Op::LiftCooldown(harness.to_owned(), reply)).await
    }

    async fn assignments_like(&self, part: &str) -> Result<Vec<AssignmentId>, StoreError> {
        read!(self, reader => find::ids_like(&mut reader, find::Table::Assignments, part))
    }

    async fn jobs_like(&self, part: &str) -> Result<Vec<JobId>, StoreError> {
        read!(self, reader => find::ids_like(&mut reader, find::Table::Jobs, part))
    }

    async fn assignment(&self, id: AssignmentId) -> Result<Option<Assignment>, StoreError> {
        let mut found = read!(self, reader => assignment_table::load(&mut reader, &[id]))?;
        Ok(found.pop().map(|stored| stored.assignment))
    }

    async fn job_details(&self, assignment: AssignmentId) -> Result<Vec<JobDetail>, StoreError> {
        read!(self, reader => lists::job_details(&mut reader, assignment))
    }

    async fn job(&self, id: JobId) -> Result<Option<(Assignment, JobDetail)>, StoreError> {
        read!(self, reader => lists::job(&mut reader, id))
    }

    async fn assignments(&self, filter: &AssignmentFilter) -> Result<Vec<AssignmentLine>, StoreError> {
        read!(self, reader => lists::assignments(&mut reader, filter))
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobLine>, StoreError> {
        read!(self, reader => lists::jobs(&mut reader, filter))
    }

    async fn queue(
        &self,
        namespace: Option<&Namespace>,
        fallbacks: &Fallbacks,
        limit: u32,
    ) -> Result<Queue, StoreError> {
        let now = self.clock.now();
        read!(self, reader => lists::queue(&mut reader, namespace, fallbacks, (limit, now)))
    }

    async fn history(&self, assignment: AssignmentId) -> Result<Vec<HistoryEvent>, StoreError> {
        read!(self, reader => event_table::load(&mut reader, assignment))
    }

    async fn evidence(&self, assignment: AssignmentId) -> Result<EvidenceRecord, StoreError> {
        read!(self, reader => evidence_table::load(&mut reader, assignment))
    }

    async fn receipts_like(&self, part: &str) -> Result<Vec<(AssignmentId, ReceiptId)>, StoreError> {
        read!(self, reader => evidence_table::receipts_like(&mut reader, part))
    }

    async fn staged_decision(&self, attempt: AttemptId) -> Result<Option<Decision>, StoreError> {
        read!(self, reader => attempt_table::staged_decision(&mut reader, attempt))
    }

    async fn usage(&self, filter: &UsageFilter) -> Result<Vec<UsageLine>, StoreError> {
        let now = self.clock.now();
        read!(self, reader => usage_table::sums(&mut reader, filter, now))
    }

    async fn namespace_root(&self, namespace: &Namespace) -> Result<Option<String>, StoreError> {
        read!(self, reader => find::namespace_root(&mut reader, namespace))
    }
}
