//! A database of its own for each case, a clock that only the case moves, and short words for what cases do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment, StatusChange};
use agents_domain::attempt::{AttemptProgress, AttemptReport, Holder, Host, ProcessMark};
use agents_domain::decision::{Decision, NewJob, Place};
use agents_domain::director::Director;
use agents_domain::fallback::Fallbacks;
use agents_domain::harness::ProcessEnd;
use agents_domain::history::HistoryEvent;
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId, RunnerId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{
    Change, ClaimRequest, Claimed, Command, JobDetail, Queue, Receipt, RunnerRecord, Store, StoreError,
};
use agents_domain::timestamp::{Clock, Timestamp};
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;
use uuid::Uuid;

use super::super::SqlStore;
use super::super::connection::{Connection, Database};

/// A clock that stands still until it is moved.
pub struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids one after the other, in the form of a UUIDv7.
pub struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn next(&self) -> Uuid {
        const FIRST: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;
        Uuid::from_u128(FIRST + u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

/// A database and a store on it.
pub struct Env {
    pub store: Arc<dyn Store>,
    pub clock: Arc<StoppedClock>,
    pub ids: Arc<CountingIds>,
    /// The database is in it, and goes with it.
    pub folder: TempDir,
}

impl Env {
    /// On a file of SQLite.
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(StoppedClock(AtomicI64::new(1_700_000_000_000)));
        let ids = Arc::new(CountingIds(AtomicU64::new(0)));
        let store = open(&folder, &clock, &ids).await;
        Self { store, clock, ids, folder }
    }

    /// One more store on the same database, as another process would have it.
    pub async fn another_store(&self) -> Arc<dyn Store> {
        open(&self.folder, &self.clock, &self.ids).await
    }

    /// The database's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("agents.db")
    }

    /// The database itself, past the store.
    pub async fn raw(&self) -> Connection {
        Database::parse(&url(&self.folder)).unwrap().connect().await.unwrap()
    }

    /// Executes SQL past the store.
    pub async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut raw = self.raw().await;
        raw.raw.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(|_| ())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time goes by.
    pub fn later(&self, seconds: u64) {
        let millis = i64::try_from(seconds * 1000).unwrap();
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody sets the clock back.
    pub fn set_back(&self, seconds: u64) {
        let millis = i64::try_from(seconds * 1000).unwrap();
        self.clock.0.fetch_sub(millis, Ordering::SeqCst);
    }

    /// What a person says of a new assignment in the namespace `repo`, without a PM's kick-off.
    pub fn new_assignment(&self, first: First) -> NewAssignment {
        NewAssignment {
            priority: None,
            id: AssignmentId::new(self.ids.next()),
            namespace: namespace("repo"),
            north_star: "make it so".to_owned(),
            director: Director::Pm,
            workspace: "/repo".to_owned(),
            alone: false,
            max_jobs: 50,
            run: None,
            limits: Default::default(),
            worktree: None,
            checks: Vec::new(),
            accept: Vec::new(),
            first,
        }
    }

    pub fn job(&self, job_type: &str) -> NewJob {
        NewJob {
            id: JobId::new(self.ids.next()),
            job_type: JobType::new(job_type).unwrap(),
            harness: None,
            model: None,
            context: format!("do the {job_type}"),
            timeout_ms: None,
        }
    }

    pub async fn execute(&self, change: Change) -> Result<Receipt, StoreError> {
        self.store.execute(command(change)).await
    }

    /// A new assignment whose first job is of that type.
    pub async fn create(&self, job_type: &str) -> (AssignmentId, JobId) {
        self.create_in("repo", job_type).await
    }

    /// The same in another namespace.
    pub async fn create_in(&self, name: &str, job_type: &str) -> (AssignmentId, JobId) {
        let job = self.job(job_type);
        let id = job.id;
        let mut new = self.new_assignment(First::Job(job));
        new.namespace = namespace(name);
        let assignment = new.id;
        self.execute(Change::Create(new)).await.unwrap();
        (assignment, id)
    }

    /// A new assignment whose first job is for that harness.
    pub async fn create_for(&self, harness: &str) -> (AssignmentId, JobId) {
        let job = NewJob { harness: Some(harness.to_owned()), ..self.job("implement") };
        let id = job.id;
        let new = self.new_assignment(First::Job(job));
        let assignment = new.id;
        self.execute(Change::Create(new)).await.unwrap();
        (assignment, id)
    }

    /// A person inserts a job at the end.
    pub async fn insert(&self, assignment: AssignmentId, job_type: &str) -> JobId {
        let job = self.job(job_type);
        let id = job.id;
        self.execute(Change::Insert { assignment, job, place: Place::End }).await.unwrap();
        id
    }

    /// The runner takes what is ready in any namespace.
    pub async fn claim(&self, limit: usize) -> Vec<Claimed> {
        self.claim_with(&Fallbacks::default(), limit).await
    }

    /// The same with harnesses that stand in for others.
    pub async fn claim_with(&self, fallbacks: &Fallbacks, limit: usize) -> Vec<Claimed> {
        let fallbacks = Arc::new(fallbacks.clone());
        let request =
            ClaimRequest { holder: holder(1), namespaces: None, limit, fallbacks, terms: Default::default() };
        self.store.claim(request).await.unwrap().claimed
    }

    /// The queue, where no harness stands in for another one.
    pub async fn queue(&self, of: Option<&Namespace>, limit: u32) -> Queue {
        self.store.queue(of, &Fallbacks::default(), limit).await.unwrap()
    }

    /// When the next job becomes ready, where no harness stands in for another one.
    pub async fn next_ready_at(&self, of: Option<&Namespace>) -> Option<Timestamp> {
        self.store.next_ready_at(of, &Fallbacks::default()).await.unwrap()
    }

    /// The runner takes the one job that is ready.
    pub async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(10).await;
        assert_eq!(claimed.len(), 1, "exactly one job should be ready");
        claimed.pop().unwrap()
    }

    pub async fn update(&self, assignment: AssignmentId, to: StatusChange) -> Receipt {
        self.execute(Change::Update { assignment, to }).await.unwrap()
    }

    pub async fn cancel(&self, assignment: AssignmentId) {
        self.update(assignment, StatusChange::Cancelled { reason: None }).await;
    }

    pub async fn block(&self, assignment: AssignmentId) {
        self.update(assignment, StatusChange::Blocked { reason: "wait".to_owned() }).await;
    }

    /// The attempt ends.
    pub async fn finish(&self, claimed: &Claimed, outcome: Outcome) -> Result<Receipt, StoreError> {
        let report = report(claimed.attempt.id, outcome);
        self.execute(Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) }).await
    }

    /// The attempt, a PM's, ends with this decision.
    pub async fn decide(&self, claimed: &Claimed, decision: Decision) -> Receipt {
        let mut report = report(claimed.attempt.id, Outcome::success("I have decided"));
        report.answer = Some(Ok(decision));
        let assignment = claimed.assignment.id;
        self.execute(Change::Finish { assignment, report: Box::new(report) }).await.unwrap()
    }

    /// All that is stored of an assignment.
    pub async fn all_of(&self, assignment: AssignmentId) -> Stored {
        Stored {
            assignment: self.store.assignment(assignment).await.unwrap().unwrap(),
            jobs: self.store.job_details(assignment).await.unwrap(),
            history: self.store.history(assignment).await.unwrap(),
        }
    }
}

/// All that is stored of an assignment.
#[derive(Debug, PartialEq)]
pub struct Stored {
    pub assignment: agents_domain::assignment::Assignment,
    pub jobs: Vec<JobDetail>,
    pub history: Vec<HistoryEvent>,
}

async fn open(folder: &TempDir, clock: &Arc<StoppedClock>, ids: &Arc<CountingIds>) -> Arc<dyn Store> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>) = (clock.clone(), ids.clone());
    Arc::new(SqlStore::open(&url(folder), clock, ids).await.unwrap())
}

fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("agents.db").display())
}

pub fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

pub fn runner(number: u128) -> RunnerId {
    RunnerId::new(Uuid::from_u128(number))
}

/// That runner, on this test's machine.
pub fn holder(number: u128) -> Holder {
    let host = Host { machine_id: "machine".to_owned(), boot_id: "boot".to_owned() };
    Holder::new(runner(number), host)
}

/// A command of a person.
pub fn command(change: Change) -> Command {
    let by_type = BTreeMap::new();
    let harness_defaults =
        Arc::new(HarnessDefaults { default: "claude".to_owned(), by_type, reviewers: Default::default() });
    Command { actor: Actor::Person, harness_defaults, change }
}

/// The end of an attempt of which nothing else is known.
pub fn report(attempt: AttemptId, outcome: Outcome) -> AttemptReport {
    AttemptReport {
        attempt,
        outcome,
        process: Some(ProcessEnd::Exited(0)),
        progress: AttemptProgress::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Default::default(),
        output: None,
    }
}

/// The end of an attempt that is worth no second one.
pub fn failure() -> Outcome {
    Outcome::failure(OutcomeClass::Refusal, "no")
}

/// A limit that is over after so many seconds.
pub fn limit(env: &Env, seconds: u64) -> Outcome {
    // The policy adds five seconds to a provider's own time.
    let over = env.now().after(Duration::from_secs(seconds - 5));
    Outcome::failure(OutcomeClass::UsageLimit, "limit").with_reset(Some(over))
}

pub fn runner_record(number: u128, in_namespace: Option<&str>, now: Timestamp) -> RunnerRecord {
    RunnerRecord {
        id: runner(number),
        name: format!("host:{number}"),
        process: ProcessMark { pid: 42, start_time: 7, boot_id: "boot".to_owned() },
        namespace: in_namespace.map(namespace),
        concurrency: 4,
        version: "0.1.0".to_owned(),
        started_at: now,
        heartbeat_at: now,
    }
}
