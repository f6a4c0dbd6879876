//! A small world to try an aggregate in: a clock that stands still, ids that count, and a store that forgets what
//! the real one would not load again. Every command's result is checked against the invariants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::invariants;
use crate::actor::Actor;
use crate::aggregate::{
    Aggregate, Context, First, HarnessDefaults, NewAssignment, News, PauseMode, Rejection, Repetition,
    Routes, StatusChange,
};
use crate::amounts::Amounts;
use crate::attempt::{Attempt, AttemptProgress, AttemptReport, Holder, Host, LEASE};
use crate::cooldown::Cooldown;
use crate::decision::{Decision, NewJob, Place};
use crate::director::Director;
use crate::evidence::{Check, Evidence};
use crate::fallback::Fallbacks;
use crate::harness::ProcessEnd;
use crate::history::{EventKind, HistoryEvent};
use crate::id::{AssignmentId, AttemptId, IdSource, JobId, RunnerId};
use crate::job::{Job, JobState};
use crate::job_type::JobType;
use crate::namespace::Namespace;
use crate::outcome::{Outcome, OutcomeClass};
use crate::run::{RunOrigin, Trigger};
use crate::session::Session;
use crate::spending::{Funds, Spending};
use crate::store::{AttemptRecord, JobDetail};
use crate::timestamp::Timestamp;

/// 1, 2, 3, ...
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// What the PM's final answer says.
pub type Answer = Option<Result<Decision, String>>;

/// One assignment, and what surrounds it.
pub struct World {
    pub now: Timestamp,
    pub ids: CountingIds,
    pub aggregate: Aggregate,
    /// All that has happened so far.
    pub events: Vec<HistoryEvent>,
    /// What each job is told.
    pub contexts: BTreeMap<JobId, String>,
    /// Every cool-down that has begun.
    pub cooldowns: Vec<Cooldown>,
    /// What ended attempts have spent.
    pub spendings: Vec<Spending>,
    /// What there is besides the assignment's own budget.
    pub funds: Funds,
    pub fallbacks: Fallbacks,
}

impl World {
    /// An assignment that a PM directs, and that has asked it for the first job.
    pub fn with_pm() -> Self {
        Self::create(Director::Pm, First::Director, 50)
    }

    /// An assignment whose PM has been given this first job instead.
    pub fn with_first(job_type: &str) -> Self {
        Self::create(Director::Pm, First::Job(job(JobId::new(Uuid::from_u128(1000)), job_type)), 50)
    }

    /// Any assignment.
    pub fn create(director: Director, first: First, max_jobs: u32) -> Self {
        let ids = CountingIds::default();
        let new = new_assignment(&ids, director, first, max_jobs);
        Self::of(new, ids)
    }

    /// An assignment that a PM directs, with these required checks and criteria, and an `implement` job to begin with.
    pub fn with_proof(checks: &[&str], accept: &[&str]) -> Self {
        let ids = CountingIds::default();
        let first = First::Job(job(JobId::new(Uuid::from_u128(1000)), "implement"));
        let new = NewAssignment {
            checks: checks.iter().map(|command| Check::of_command(command)).collect(),
            accept: accept.iter().map(|text| (*text).to_owned()).collect(),
            ..new_assignment(&ids, Director::Pm, first, 50)
        };
        Self::of(new, ids)
    }

    /// A run that nobody leads, of one job.
    pub fn run() -> Self {
        let ids = CountingIds::default();
        let first = First::Job(job(JobId::new(Uuid::from_u128(1000)), "implement"));
        let origin = RunOrigin {
            definition: Some("nightly".to_owned()),
            worker: "exec".to_owned(),
            trigger: Trigger::Manual,
            params: "{}".to_owned(),
            input: None,
            depth: 0,
            replays: None,
        };
        let new = new_assignment(&ids, Director::None, first, 50);
        Self::of(NewAssignment { run: Some(Box::new(origin)), ..new }, ids)
    }

    fn of(new: NewAssignment, ids: CountingIds) -> Self {
        let now = Timestamp::from_seconds(1_000_000);
        let aggregate = Aggregate::create(new, &context(now, &ids)).unwrap();
        let mut world = Self {
            now,
            ids,
            aggregate,
            events: Vec::new(),
            contexts: BTreeMap::new(),
            cooldowns: Vec::new(),
            spendings: Vec::new(),
            funds: Funds::default(),
            fallbacks: Fallbacks::default(),
        };
        let before = world.aggregate.clone();
        world.store(&before);
        world
    }

    /// Carries out a command: what it changes is "stored", and a rejected one must have changed nothing.
    pub fn command<T>(
        &mut self,
        decide: impl FnOnce(&mut Aggregate, &Context<'_>) -> Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        let before = self.aggregate.clone();
        let result = decide(&mut self.aggregate, &context(self.now, &self.ids));
        match &result {
            Ok(_) => self.store(&before),
            Err(rejection) => invariants::check_unchanged(&before, &self.aggregate, rejection),
        }
        result
    }

    fn store(&mut self, before: &Aggregate) {
        let News { events, contexts, cooldowns, spendings, run: _ } = self.aggregate.take_news();
        self.events.extend(events);
        self.contexts.extend(contexts);
        self.cooldowns.extend(cooldowns);
        self.spendings.extend(spendings);
        let running = self.aggregate.attempts.iter().filter(|one| one.end.is_none()).cloned().collect();
        self.aggregate =
            Aggregate::restore(self.aggregate.assignment.clone(), self.aggregate.jobs.clone(), running);
        invariants::check(before, &self.aggregate, &self.events);
        invariants::check_repair_changes_nothing(&self.aggregate, &context(self.now, &self.ids));
    }

    /// Time goes by.
    pub fn later(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// A job that is not yet in the list.
    pub fn job(&self, job_type: &str) -> NewJob {
        job(JobId::new(self.ids.next()), job_type)
    }

    /// A person inserts a job.
    pub fn insert(&mut self, job_type: &str, place: Place) -> Result<JobId, Rejection> {
        let new = self.job(job_type);
        let id = new.id;
        self.command(|aggregate, ctx| aggregate.insert(new, place, ctx)).map(|()| id)
    }

    /// A person changes the status.
    pub fn update(&mut self, change: StatusChange) -> Result<(), Rejection> {
        self.command(|aggregate, ctx| aggregate.update(change, ctx))
    }

    /// A person cancels a job.
    pub fn cancel(&mut self, job: JobId, reason: Option<&str>) -> Result<(), Rejection> {
        self.command(|aggregate, ctx| aggregate.cancel(job, reason, ctx))
    }

    /// A person pauses the assignment.
    pub fn pause(&mut self, mode: PauseMode) -> Result<(), Rejection> {
        self.command(|aggregate, ctx| aggregate.pause(mode, ctx))
    }

    /// A person lets it go on.
    pub fn resume(&mut self) -> Result<(), Rejection> {
        self.command(|aggregate, ctx| aggregate.resume(ctx))
    }

    /// A person has a job done again, in that session or afresh. Gives the id of the job that may repeat it.
    pub fn retry(&mut self, job: JobId, session: Option<&str>) -> Result<JobId, Rejection> {
        let id = JobId::new(self.ids.next());
        let context = self.contexts.get(&job).cloned().unwrap_or_default();
        let session = session.map(|id| Session { id: id.to_owned(), ..super::world::session() });
        let again = Repetition { id, context, is_fresh: session.is_none(), session };
        self.command(|aggregate, ctx| aggregate.retry(job, again, ctx)).map(|()| id)
    }

    /// The id of the n-th job of the list.
    pub fn nth(&self, place: usize) -> JobId {
        self.aggregate.jobs[place].id
    }

    /// The last event of that kind.
    pub fn last(&self, kind: EventKind) -> &HistoryEvent {
        self.events.iter().rfind(|event| event.kind == kind).unwrap()
    }

    /// A person makes the assignment active.
    pub fn activate(&mut self) {
        self.update(StatusChange::Active { note: None, max_jobs: None, limits: Vec::new() }).unwrap();
    }

    /// A person says something to the PM.
    pub fn note(&mut self, text: &str) {
        self.update(StatusChange::Active { note: Some(text.to_owned()), max_jobs: None, limits: Vec::new() })
            .unwrap();
    }

    /// A person asks a question, and a runner takes it at once.
    pub fn ask(&mut self) -> AttemptId {
        self.asks().unwrap()
    }

    /// The same, where it may be refused.
    pub fn try_ask(&mut self) -> Result<(), Rejection> {
        self.asks().map(|_| ())
    }

    fn asks(&mut self) -> Result<AttemptId, Rejection> {
        let question = self.job("chat");
        let attempt = Attempt {
            id: AttemptId::new(self.ids.next()),
            job: question.id,
            assignment: self.aggregate.assignment.id,
            number: 1,
            runner: runner(),
            host: Host::default(),
            harness: "claude".to_owned(),
            started_at: self.now,
            lease_until: self.now.after(LEASE),
            resumes: None,
            cancel_requested: false,
            pause_requested: false,
            reserved: Amounts::NONE,
            decision: None,
            end: None,
        };
        let id = attempt.id;
        self.command(|aggregate, ctx| aggregate.ask(question, attempt, ctx)).map(|()| id)
    }

    /// A runner takes a job.
    pub fn claim_job(&mut self, job: JobId) -> Result<AttemptId, Rejection> {
        let (cooling, fallbacks) = (self.cooling(), self.fallbacks.clone());
        let routes = Routes { fallbacks: &fallbacks, cooling: &cooling };
        let holder = Holder::new(runner(), Host::default());
        let funds = self.funds.clone();
        let claimed = self.command(|aggregate, ctx| {
            let attempt = aggregate.claim(job, (&holder, &funds), routes, ctx)?;
            Ok(attempt.map(|attempt| attempt.id))
        });
        claimed?.ok_or(Rejection::NotReady { job })
    }

    /// The harnesses that cool down now.
    pub fn cooling(&self) -> Vec<Cooldown> {
        self.cooldowns.iter().filter(|cooldown| cooldown.holds(self.now)).cloned().collect()
    }

    /// A runner takes the one job in line that may run.
    pub fn claim(&mut self) -> AttemptId {
        let is_head = |job: &&Job| {
            !job.job_type.is_chat() && matches!(job.state(), JobState::Pending { head: true, .. })
        };
        let head = self.aggregate.jobs.iter().find(is_head).map(|job| job.id);
        let head = head.unwrap_or_else(|| panic!("nothing may run in {:?}", self.list()));
        self.claim_job(head).unwrap()
    }

    /// The attempt ends.
    pub fn finish(&mut self, attempt: AttemptId, outcome: Outcome, answer: Answer) -> Result<(), Rejection> {
        self.finish_measured(attempt, (outcome, answer), Evidence::default())
    }

    /// The attempt ends, and this was measured then.
    pub fn finish_measured(
        &mut self,
        attempt: AttemptId,
        (outcome, answer): (Outcome, Answer),
        evidence: Evidence,
    ) -> Result<(), Rejection> {
        let report = AttemptReport {
            attempt,
            outcome,
            process: Some(ProcessEnd::Exited(0)),
            progress: AttemptProgress { session_id: Some("session".to_owned()), ..Default::default() },
            answer,
            unknown_lines: 0,
            bad_lines: 0,
            killed: None,
            evidence,
            output: None,
        };
        self.command(|aggregate, ctx| aggregate.finish(report, ctx))
    }

    /// The next job in line is done and succeeds.
    pub fn work(&mut self) {
        let attempt = self.claim();
        self.finish(attempt, Outcome::success("done"), None).unwrap();
    }

    /// The next job in line is tried and ends so.
    pub fn work_ends(&mut self, class: OutcomeClass) {
        let attempt = self.claim();
        self.finish(attempt, Outcome::failure(class, "it went wrong"), None).unwrap();
    }

    /// The next job in line, the PM's, ends with this answer.
    pub fn pm_answers(&mut self, answer: Result<Decision, String>) {
        let attempt = self.claim();
        self.finish(attempt, Outcome::success("I have decided"), Some(answer)).unwrap();
    }

    /// The PM decides something from inside its attempt.
    pub fn stage(&mut self, attempt: AttemptId, decision: Decision) -> Result<(), Rejection> {
        self.command(|aggregate, ctx| aggregate.stage(attempt, decision, ctx))
    }

    /// The decision to insert jobs of these types.
    pub fn inserting(&self, job_types: &[&str]) -> Decision {
        let jobs = job_types.iter().map(|job_type| (self.job(job_type), Place::First)).collect();
        Decision::InsertJobs { reason: "they are needed".to_owned(), jobs, accept: Vec::new() }
    }

    /// The list, each job as `type status`, with `*` for one that may run and `@n` for one that waits n seconds.
    pub fn list(&self) -> Vec<String> {
        let shown = |job: &Job| {
            let mark = match *job.state() {
                JobState::Pending { ready_at, head } => {
                    let wait = ready_at.since(self.now).as_secs();
                    let wait = if wait > 0 { format!("@{wait}") } else { String::new() };
                    format!("{wait}{}", if head { "*" } else { "" })
                }
                JobState::Running { .. }
                | JobState::Completed { .. }
                | JobState::Failed { .. }
                | JobState::Cancelled { .. } => String::new(),
            };
            format!("{} {}{mark}", job.job_type, job.status().as_str())
        };
        self.aggregate.jobs.iter().map(shown).collect()
    }

    /// The assignment's status, with the reason where there is one.
    pub fn status(&self) -> String {
        let assignment = &self.aggregate.assignment;
        match assignment.reason() {
            Some(reason) => format!("{}: {reason}", assignment.status().as_str()),
            None => assignment.status().as_str().to_owned(),
        }
    }

    /// How often something of that kind has happened.
    pub fn count(&self, kind: EventKind) -> usize {
        self.events.iter().filter(|event| event.kind == kind).count()
    }

    /// What the last job of that type is told.
    pub fn told(&self, job_type: &str) -> &str {
        let job = self.aggregate.jobs.iter().rev().find(|job| job.job_type.as_str() == job_type).unwrap();
        &self.contexts[&job.id]
    }
}

/// What a person says of a new assignment.
pub fn new_assignment(ids: &CountingIds, director: Director, first: First, max_jobs: u32) -> NewAssignment {
    NewAssignment {
        priority: None,
        id: AssignmentId::new(ids.next()),
        namespace: Namespace::new("repo").unwrap(),
        north_star: "make it so".to_owned(),
        director,
        workspace: "repo".to_owned(),
        alone: false,
        max_jobs,
        run: None,
        limits: Default::default(),
        worktree: None,
        checks: Vec::new(),
        accept: Vec::new(),
        first,
    }
}

/// A job of that type.
pub fn job(id: JobId, job_type: &str) -> NewJob {
    NewJob {
        id,
        job_type: JobType::new(job_type).unwrap(),
        harness: None,
        model: None,
        context: format!("do the {job_type}"),
        timeout_ms: None,
    }
}

/// The session of every attempt that has ended.
pub fn session() -> Session {
    Session { harness: "claude".to_owned(), id: "session".to_owned() }
}

pub fn complete() -> Decision {
    Decision::Complete { reason: "the star is reached".to_owned(), ties: Default::default() }
}

pub fn blocked() -> Decision {
    Decision::Blocked { reason: "I don't know".to_owned(), question: Some("which one?".to_owned()) }
}

pub fn go_on() -> Decision {
    Decision::Continue { reason: "they are right".to_owned() }
}

fn runner() -> RunnerId {
    RunnerId::new(Uuid::nil())
}

pub fn context(now: Timestamp, ids: &CountingIds) -> Context<'_> {
    let by_type = BTreeMap::from([("review".to_owned(), "codex".to_owned())]);
    let harness_defaults =
        Arc::new(HarnessDefaults { default: "claude".to_owned(), by_type, reviewers: Default::default() });
    Context { now, ids, harness_defaults, actor: Actor::Person }
}

/// A failed job of claude's, whose one attempt had the session `session` and ended so.
pub fn failed_detail(class: OutcomeClass, resumes: Option<&str>) -> JobDetail {
    let mut world = World::with_first("implement");
    let job = world.aggregate.jobs.remove(0);
    let attempt = AttemptRecord {
        id: AttemptId::new(Uuid::nil()),
        job: job.id,
        number: 1,
        runner: runner(),
        harness: "claude".to_owned(),
        started_at: world.now,
        ended_at: Some(world.now),
        outcome: Some(class),
        message: None,
        exit_code: None,
        signal: None,
        session_id: Some("session".to_owned()),
        resumes: resumes.map(str::to_owned),
        model: None,
        cli_version: None,
        usage: None,
        cost: None,
        cost_source: None,
        tool_calls: 0,
        last_activity: None,
        unknown_lines: 0,
        bad_lines: 0,
        cancel_requested: false,
        pause_requested: false,
    };
    JobDetail { job, context: "do it".to_owned(), attempts: vec![attempt] }
}
