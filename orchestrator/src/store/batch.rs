//! One transaction: what waits is loaded together, decided one after the other, and written together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{Aggregate, Context, HarnessDefaults, NewAssignment, News, Rejection, Routes};
use agents_domain::amounts::Amounts;
use agents_domain::attempt::{Attempt, AttemptReport, Holder};
use agents_domain::cooldown::Cooldown;
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::history::HistoryEvent;
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId};
use agents_domain::job::Job;
use agents_domain::namespace::Namespace;
use agents_domain::run::{RunOrigin, RunStatus};
use agents_domain::spending::{Day, Funds};
use agents_domain::store::{Change, ClaimRequest, Claimed, Command, DayLine, Receipt, StoreError};
use agents_domain::timestamp::Timestamp;

use super::connection::Connection;
use super::direct::Flows;
use super::purse::Purses;
use super::told::{self, Teller};
use super::{
    assignment_table, attempt_table, cooldown_table, event_table, evidence_table, find, firing_table,
    happening_table, job_table, run_table, spending_table,
};

/// Rows that one statement writes at most. SQLite takes at most 32,766 parameters, and a job has 23 columns; but
/// it also finds a parameter named `$n` by looking through all of them, so that a statement with many is slow:
/// 3,000 jobs took 8.4 s in pieces of 1,000, 1.8 s in pieces of 100, 1.6 s in pieces of 50 (debug build).
pub(super) const ROWS_AT_ONCE: usize = 100;

/// The aggregates of one transaction, as they were and as they have become.
pub(super) struct Batch<'a> {
    pub now: Timestamp,
    pub ids: &'a dyn IdSource,
    flows: &'a Flows,
    loaded: HashMap<AssignmentId, Loaded>,
    /// Assignments whose workflows were not told everything, and on whose behalf.
    /// Of these every job is loaded, also where a workflow directs.
    whole: BTreeSet<AssignmentId>,
    undirected: Vec<(AssignmentId, Arc<HarnessDefaults>, Actor)>,
    /// In the order in which they were first touched, so that writes have an order too.
    order: Vec<AssignmentId>,
    reports: HashMap<AttemptId, AttemptReport>,
    events: Vec<HistoryEvent>,
    contexts: Vec<(JobId, String)>,
    runs: Vec<(AssignmentId, Namespace, Box<RunOrigin>)>,
    /// Harnesses that cool down, once that was asked for; then also those that begin to in this transaction.
    cooling: Option<Vec<Cooldown>>,
    /// Those that begin to in this transaction.
    new_cooldowns: Vec<Cooldown>,
    purses: Purses,
    /// Namespaces whose jobs nobody has looked for, since their day is spent.
    waiting: Vec<DayLine>,
    /// What a claim that was refused has led to, until it is told.
    refused: Vec<(Namespace, HistoryEvent)>,
}

struct Loaded {
    /// `None`: it is new.
    before: Option<Before>,
    aggregate: Aggregate,
}

struct Before {
    assignment: assignment_table::Stored,
    jobs: HashMap<JobId, job_table::Stored>,
    attempts: HashMap<AttemptId, Attempt>,
}

/// A claim with the jobs that were found for it.
pub(super) struct Found {
    pub jobs: Vec<(JobId, AssignmentId)>,
}

impl<'a> Batch<'a> {
    pub fn new(now: Timestamp, ids: &'a dyn IdSource, flows: &'a Flows) -> Self {
        Self {
            now,
            ids,
            flows,
            whole: BTreeSet::new(),
            undirected: Vec::new(),
            loaded: HashMap::new(),
            order: Vec::new(),
            reports: HashMap::new(),
            events: Vec::new(),
            contexts: Vec::new(),
            runs: Vec::new(),
            cooling: None,
            new_cooldowns: Vec::new(),
            purses: Purses::default(),
            waiting: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Looks for jobs that a runner could take, `claimed_before` of which earlier claims of this transaction may
    /// take.
    pub async fn find(
        &mut self,
        on: &mut Connection,
        request: &ClaimRequest,
        claimed_before: usize,
    ) -> Result<Found, StoreError> {
        let namespaces: Vec<Namespace> = match &request.namespaces {
            Some(namespaces) => namespaces.clone(),
            None => find::namespaces(on).await?,
        };
        let waiting = self.still_waiting(on, request).await?;
        let is_open = |name: &Namespace| {
            !self.purses.is_refused(name) && !waiting.iter().any(|line| line.namespace == *name)
        };
        let namespaces: Vec<Namespace> = namespaces.into_iter().filter(is_open).collect();
        self.waiting = waiting;
        let limit = request.limit.saturating_add(claimed_before);
        if self.cooling.is_none() {
            self.cooling = Some(cooldown_table::load(on, self.now).await?);
        }
        let cooling = self.cooling.as_deref().unwrap_or_default();
        let routes = Routes { fallbacks: &request.fallbacks, cooling };
        Ok(Found { jobs: job_table::ready(on, &namespaces, routes, (self.now, limit)).await? })
    }

    /// Namespaces whose day is spent. Those of which the config says something else by now are asked again.
    async fn still_waiting(
        &mut self,
        on: &mut Connection,
        request: &ClaimRequest,
    ) -> Result<Vec<DayLine>, StoreError> {
        let mut waiting = spending_table::waiting(on, self.now).await?;
        let mut changed = Vec::new();
        for line in &waiting {
            let workspaces = job_table::workspaces(on, &line.namespace).await?;
            let is_refused = self.purses.is_refused(&line.namespace);
            let mut is_other = |folder: &String| self.purses.terms(&request.terms, folder).day != line.limits;
            if !is_refused && workspaces.iter().any(&mut is_other) {
                changed.push(line.namespace.clone());
            }
        }
        for namespace in &changed {
            spending_table::wait_no_longer(on, (namespace, Day::of(self.now))).await?;
        }
        waiting.retain(|line| !changed.contains(&line.namespace));
        spending_table::add_reserved(on, &mut waiting).await?;
        Ok(waiting)
    }

    /// The days that keep a job of one of these namespaces from beginning now.
    pub fn spent_days(&self, namespaces: Option<&[Namespace]>) -> Vec<DayLine> {
        let refused = self.purses.refused_days();
        let waiting = self.waiting.iter().filter(|line| !self.purses.is_refused(&line.namespace)).cloned();
        let is_asked = |line: &DayLine| namespaces.is_none_or(|asked| asked.contains(&line.namespace));
        refused.chain(waiting).filter(is_asked).collect()
    }

    /// Ends the cool-down of a harness, also one that has just begun; the one that there was.
    pub async fn lift(&mut self, on: &mut Connection, harness: &str) -> Result<Option<Cooldown>, StoreError> {
        let stored = cooldown_table::delete(on, harness).await?.filter(|cooldown| cooldown.holds(self.now));
        let place = self.new_cooldowns.iter().rposition(|cooldown| cooldown.harness == harness);
        let begun = place.map(|place| self.new_cooldowns[place].clone());
        self.new_cooldowns.retain(|cooldown| cooldown.harness != harness);
        if let Some(cooling) = &mut self.cooling {
            cooling.retain(|cooldown| cooldown.harness != harness);
        }
        Ok(stored.or(begun))
    }

    /// Of that assignment every job must be known.
    pub fn load_whole(&mut self, id: AssignmentId) {
        self.whole.insert(id);
    }

    /// Loads these assignments with their jobs and running attempts.
    pub async fn load(
        &mut self,
        on: &mut Connection,
        ids: &BTreeSet<AssignmentId>,
    ) -> Result<(), StoreError> {
        let is_new = |id: &&AssignmentId| !self.loaded.contains_key(id);
        let ids: Vec<AssignmentId> = ids.iter().filter(is_new).copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let assignments = assignment_table::load(on, &ids).await?;
        let mut jobs: HashMap<AssignmentId, Vec<job_table::Stored>> = HashMap::new();
        for stored in self.jobs_of(on, &assignments).await? {
            jobs.entry(stored.job.assignment).or_default().push(stored);
        }
        let mut attempts: HashMap<AssignmentId, Vec<Attempt>> = HashMap::new();
        for attempt in attempt_table::load_running(on, &ids).await? {
            attempts.entry(attempt.assignment).or_default().push(attempt);
        }
        for assignment in assignments {
            let id = assignment.assignment.id;
            let jobs = jobs.remove(&id).unwrap_or_default();
            let attempts = attempts.remove(&id).unwrap_or_default();
            let list: Vec<Job> = jobs.iter().map(|stored| stored.job.clone()).collect();
            let aggregate = Aggregate::restore(assignment.assignment.clone(), list, attempts.clone());
            let before = Before {
                assignment,
                jobs: jobs.into_iter().map(|stored| (stored.job.id, stored)).collect(),
                attempts: attempts.into_iter().map(|attempt| (attempt.id, attempt)).collect(),
            };
            self.order.push(id);
            self.loaded.insert(id, Loaded { before: Some(before), aggregate });
        }
        Ok(())
    }

    /// Their jobs. A run of a workflow may have very many that have ended, and none of these matters.
    async fn jobs_of(
        &self,
        on: &mut Connection,
        of: &[assignment_table::Stored],
    ) -> Result<Vec<job_table::Stored>, StoreError> {
        let is_directed = |one: &&assignment_table::Stored| {
            one.assignment.director == Director::Workflow && !self.whole.contains(&one.assignment.id)
        };
        let (directed, others): (Vec<_>, Vec<_>) = of.iter().partition(is_directed);
        let ids = |all: Vec<&assignment_table::Stored>| -> Vec<AssignmentId> {
            all.into_iter().map(|one| one.assignment.id).collect()
        };
        let mut jobs = match others.is_empty() {
            true => Vec::new(),
            false => job_table::load(on, &ids(others)).await?,
        };
        for id in ids(directed) {
            jobs.extend(job_table::load_open(on, id).await?);
        }
        Ok(jobs)
    }

    /// Loads what the namespaces have spent whose jobs that claim may take, where there are limits.
    pub async fn load_purses(
        &mut self,
        on: &mut Connection,
        (request, found): (&ClaimRequest, &Found),
    ) -> Result<(), StoreError> {
        let mut namespaces = BTreeSet::new();
        for (_, id) in &found.jobs {
            let Some(loaded) = self.loaded.get(id) else { continue };
            let assignment = loaded.aggregate.assignment();
            let terms = self.purses.terms(&request.terms, &assignment.workspace);
            if !terms.day.is_empty() || !assignment.budget().limits.is_empty() {
                namespaces.insert(assignment.namespace.clone());
            }
        }
        self.purses.load(on, (namespaces, self.now)).await
    }

    /// Loads what the namespace of an assignment has spent.
    pub async fn load_purse(&mut self, on: &mut Connection, of: AssignmentId) -> Result<(), StoreError> {
        let Some(loaded) = self.loaded.get(&of) else { return Ok(()) };
        let namespaces = BTreeSet::from([loaded.aggregate.assignment().namespace.clone()]);
        self.purses.load(on, (namespaces, self.now)).await
    }

    /// How many namespaces this transaction has refused jobs of, since their day is spent.
    pub fn refusals(&self) -> usize {
        self.purses.refusals()
    }

    /// Why a new assignment may not be, since it would edit the files of another one. What this transaction has
    /// already decided counts.
    async fn neighbour(
        &self,
        on: &mut Connection,
        new: &NewAssignment,
    ) -> Result<Option<Rejection>, StoreError> {
        if !new.alone {
            return Ok(None);
        }
        let stored = assignment_table::in_folder(on, (&new.namespace, &new.workspace)).await?;
        let untouched = stored.iter().map(|stored| &stored.assignment);
        let untouched = untouched.filter(|other| !self.loaded.contains_key(&other.id));
        let touched = self.loaded.values().map(|loaded| loaded.aggregate.assignment());
        let other = untouched.chain(touched).find(|other| new.tramples_on(other));
        Ok(other.map(|other| Rejection::FolderTaken { folder: new.workspace.clone(), by: other.id }))
    }

    /// Decides on a new assignment, with what must be known of others.
    pub async fn create(&mut self, on: &mut Connection, command: Command) -> Result<Receipt, StoreError> {
        if let Change::Create(new) = &command.change
            && let Some(rejection) = self.neighbour(on, new).await?
        {
            return Err(rejection.into());
        }
        self.decide(command)
    }

    /// Decides a command. What its workflow must be told is told later.
    pub fn decide(&mut self, command: Command) -> Result<Receipt, StoreError> {
        let id = command.change.assignment();
        let (defaults, actor) = (Arc::clone(&command.harness_defaults), command.actor);
        let receipt = self.decide_alone(command)?;
        if self.aggregate(id).is_some_and(Aggregate::has_signal) {
            self.undirected.push((id, defaults, actor));
        }
        Ok(receipt)
    }

    fn decide_alone(&mut self, command: Command) -> Result<Receipt, StoreError> {
        let id = command.change.assignment();
        let defaults = Arc::clone(&command.harness_defaults);
        let ctx = Context { now: self.now, ids: self.ids, harness_defaults: defaults, actor: command.actor };
        if let Change::Create(new) = command.change {
            let aggregate = Aggregate::create(new, &ctx)?;
            self.order.push(id);
            self.loaded.insert(id, Loaded { before: None, aggregate });
            return Ok(self.receipt(id));
        }
        let now = self.now;
        let aggregate = &mut self.loaded.get_mut(&id).ok_or(StoreError::NoAssignment(id))?.aggregate;
        match command.change {
            Change::Create(_) => {}
            Change::Insert { assignment: _, job, place } => aggregate.insert(job, place, &ctx)?,
            Change::Ask { assignment: _, question, holder, attempt } => {
                let attempt = first_attempt(id, &question, holder, (attempt, now), &ctx.harness_defaults);
                aggregate.ask(question, attempt, &ctx)?;
                let namespace = &aggregate.assignment().namespace;
                aggregate.attempts().last().iter().for_each(|attempt| self.purses.begin(namespace, attempt));
            }
            Change::Reserve { assignment: _, attempt, needs, terms } => {
                let assignment = aggregate.assignment();
                let (namespace, terms) =
                    (assignment.namespace.clone(), self.purses.terms(&terms, &assignment.workspace));
                let before = reserved(aggregate, attempt);
                let now = aggregate.reserve(attempt, &needs, &self.purses.funds(&namespace, terms))?;
                self.purses.reserve(&namespace, &now.less(&before));
                return Ok(Receipt { reserved: Some(now), ..self.receipt(id) });
            }
            Change::Stage { assignment: _, attempt, decision } => aggregate.stage(attempt, decision, &ctx)?,
            Change::Update { assignment: _, to } => aggregate.update(to, &ctx)?,
            Change::Cancel { assignment: _, job, reason } => {
                aggregate.cancel(job, reason.as_deref(), &ctx)?;
            }
            Change::Pause { assignment: _, mode } => aggregate.pause(mode, &ctx)?,
            Change::Resume { assignment: _ } => aggregate.resume(&ctx)?,
            Change::Retry { assignment: _, job, again } => aggregate.retry(job, again, &ctx)?,
            Change::Finish { assignment: _, report } => {
                let attempt = report.attempt;
                aggregate.finish((*report).clone(), &ctx)?;
                self.reports.insert(attempt, *report);
            }
            Change::GiveUp { assignment: _, attempt, why, proof } => {
                aggregate.give_up(attempt, (&why, proof), &ctx)?;
            }
            Change::TakeOver { assignment: _, attempt, from, holder, proof } => {
                aggregate.take_over(attempt, from, (&holder, proof), &ctx)?;
            }
            Change::MoveBranch { assignment: _, how } => aggregate.move_branch(how, &ctx)?,
            Change::Signal { assignment: _, signal } => aggregate.hear(signal, &ctx)?,
            Change::Repair { assignment: _, repair } => aggregate.repair(&repair, &ctx),
        }
        Ok(self.receipt(id))
    }

    /// Takes the jobs that were found, up to `limit`, as far as they can still be taken.
    pub fn claim(&mut self, request: &ClaimRequest, (found, limit): (&Found, usize)) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        for (job, assignment) in &found.jobs {
            if claimed.len() == limit {
                break;
            }
            claimed.extend(self.claim_one(request, (*assignment, *job), Vec::new()));
        }
        claimed
    }

    /// Takes that job; if a limit of its assignment stands against it, what the assignment does instead.
    fn claim_one(
        &mut self,
        request: &ClaimRequest,
        (assignment, job): (AssignmentId, JobId),
        mut events: Vec<HistoryEvent>,
    ) -> Option<Claimed> {
        let loaded = self.loaded.get_mut(&assignment)?;
        let namespace = loaded.aggregate.assignment().namespace.clone();
        if self.purses.is_refused(&namespace) {
            return None;
        }
        let terms = self.purses.terms(&request.terms, &loaded.aggregate.assignment().workspace);
        let none = || HarnessDefaults {
            default: String::new(),
            by_type: Default::default(),
            reviewers: Default::default(),
        };
        let ctx = Context {
            now: self.now,
            ids: self.ids,
            harness_defaults: terms.harness_defaults.clone().unwrap_or_else(|| Arc::new(none())),
            actor: Actor::Runner(request.holder.runner),
        };
        // What has begun to cool down since it was looked for counts.
        let cooling = self.cooling.as_deref().unwrap_or_default();
        let routes = Routes { fallbacks: &request.fallbacks, cooling };
        let funds = self.purses.funds(&namespace, terms.clone());
        match loaded.aggregate.claim(job, (&request.holder, &funds), routes, &ctx) {
            Ok(Some(attempt)) => {
                let attempt = attempt.clone();
                self.purses.begin(&namespace, &attempt);
                events.extend(self.receipt(assignment).events);
                let funds = self.purses.funds(&namespace, terms);
                self.claimed((assignment, &funds), attempt, events)
            }
            Ok(None) => {
                let next =
                    loaded.aggregate.jobs().iter().find(|job| job.is_ready(self.now)).map(|job| job.id);
                events.extend(self.receipt(assignment).events);
                match next.filter(|next| *next != job) {
                    Some(next) => self.claim_one(request, (assignment, next), events),
                    None => {
                        self.refused.extend(events.into_iter().map(|event| (namespace.clone(), event)));
                        None
                    }
                }
            }
            Err(Rejection::OutOfBudget { reached: _ }) => {
                self.purses.refuse(&namespace, terms.day, self.now);
                None
            }
            Err(_) => None,
        }
    }

    /// What claims that were refused have led to, once.
    pub fn take_refused(&mut self) -> Vec<(Namespace, HistoryEvent)> {
        std::mem::take(&mut self.refused)
    }

    /// The job of an attempt that has just begun, with all that is needed to start it.
    pub fn claimed(
        &self,
        (id, funds): (AssignmentId, &Funds),
        attempt: Attempt,
        events: Vec<HistoryEvent>,
    ) -> Option<Claimed> {
        let aggregate = &self.loaded.get(&id)?.aggregate;
        let job = aggregate.jobs().iter().find(|job| job.id == attempt.job)?.clone();
        let context = self.contexts.iter().find(|(of, _)| *of == job.id).map(|(_, text)| text.clone());
        let assignment = aggregate.assignment().clone();
        Some(Claimed {
            assignment,
            job,
            ceilings: aggregate.ceilings(&attempt, funds),
            attempt,
            context: context.unwrap_or_default(),
            is_alone: aggregate.jobs().len() == 1,
            events,
        })
    }

    /// The attempt of that id in that assignment.
    pub fn attempt(&self, assignment: AssignmentId, attempt: AttemptId) -> Option<Attempt> {
        self.loaded.get(&assignment)?.aggregate.attempts().iter().find(|one| one.id == attempt).cloned()
    }

    pub fn aggregate(&self, id: AssignmentId) -> Option<&Aggregate> {
        self.loaded.get(&id).map(|loaded| &loaded.aggregate)
    }

    pub fn aggregate_mut(&mut self, id: AssignmentId) -> Option<&mut Aggregate> {
        self.loaded.get_mut(&id).map(|loaded| &mut loaded.aggregate)
    }

    /// How many events this transaction tells so far.
    pub fn told(&self) -> usize {
        self.events.len()
    }

    /// As if nothing had been decided of it since it was so, and since so many events were told.
    pub fn put_back(&mut self, id: AssignmentId, before: Aggregate, told: usize) {
        self.events.truncate(told);
        if let Some(loaded) = self.loaded.get_mut(&id) {
            loaded.aggregate = before;
        }
    }

    pub fn flows(&self) -> &'a Flows {
        self.flows
    }

    /// Assignments whose workflows were not told everything, and on whose behalf.
    pub fn take_undirected(&mut self) -> Vec<(AssignmentId, Arc<HarnessDefaults>, Actor)> {
        std::mem::take(&mut self.undirected)
    }

    pub fn receipt(&mut self, id: AssignmentId) -> Receipt {
        let loaded = self.loaded.get_mut(&id).expect("a receipt is written for an aggregate of this batch");
        let News { events, contexts, cooldowns, spendings, run } = loaded.aggregate.take_news();
        self.purses.spend(spendings);
        let namespace = &loaded.aggregate.assignment().namespace;
        self.runs.extend(run.map(|run| (id, namespace.clone(), run)));
        self.events.extend(events.iter().cloned());
        self.contexts.extend(contexts);
        if let Some(cooling) = &mut self.cooling {
            cooling.extend(cooldowns.iter().cloned());
        }
        self.new_cooldowns.extend(cooldowns);
        let has_ready = loaded.aggregate.jobs().iter().any(|job| job.is_ready(self.now));
        Receipt {
            assignment: id,
            status: loaded.aggregate.assignment().status(),
            events,
            has_ready,
            reserved: None,
        }
    }

    /// Writes all that has changed.
    pub async fn write(&self, on: &mut Connection) -> Result<(), StoreError> {
        let all: Vec<&Loaded> = self.order.iter().filter_map(|id| self.loaded.get(id)).collect();
        write_assignments(on, &all).await?;
        let runs: Vec<_> = self.runs.iter().map(|(id, namespace, run)| (*id, namespace, &**run)).collect();
        for part in runs.chunks(ROWS_AT_ONCE) {
            run_table::insert(on, part).await?;
        }
        write_jobs(on, &all, &self.contexts).await?;
        self.write_attempts(on, &all).await?;
        let latest = latest_of_each(&self.new_cooldowns);
        if !latest.is_empty() {
            cooldown_table::put(on, &latest, self.now).await?;
        }
        self.purses.write(on, self.now).await?;
        for part in self.events.chunks(ROWS_AT_ONCE) {
            event_table::insert(on, part).await?;
        }
        firing_table::runs_ended(on, &ended_runs(&all), &Teller { ids: self.ids, now: self.now }).await?;
        self.write_told(on).await
    }

    /// Writes what the orchestrator tells of itself.
    async fn write_told(&self, on: &mut Connection) -> Result<(), StoreError> {
        let events: Vec<&HistoryEvent> = self.events.iter().filter(|event| told::is_told(event)).collect();
        let new: HashMap<AssignmentId, &RunOrigin> =
            self.runs.iter().map(|(id, _, run)| (*id, &**run)).collect();
        let is_run = |id: &AssignmentId| {
            self.loaded.get(id).is_some_and(|loaded| loaded.aggregate.assignment().is_run)
                && !new.contains_key(id)
        };
        let old: BTreeSet<AssignmentId> =
            events.iter().map(|event| event.assignment).filter(is_run).collect();
        let old = run_table::origins(on, &old).await?;
        let teller = Teller { ids: self.ids, now: self.now };
        let mut told = Vec::new();
        for event in events {
            let Some(loaded) = self.loaded.get(&event.assignment) else { continue };
            let run = new.get(&event.assignment).copied().or_else(|| old.get(&event.assignment));
            told.extend(teller.tell(event, &loaded.aggregate, run));
        }
        for part in told.chunks(ROWS_AT_ONCE) {
            happening_table::insert(on, part, self.now).await?;
        }
        Ok(())
    }

    async fn write_attempts(&self, on: &mut Connection, all: &[&Loaded]) -> Result<(), StoreError> {
        let (mut new, mut changed, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        let mut taken_over = Vec::new();
        for loaded in all {
            for attempt in loaded.aggregate.attempts() {
                let before = loaded.before.as_ref().and_then(|before| before.attempts.get(&attempt.id));
                if before.is_none() {
                    new.push(attempt);
                }
                if let Some(before) = before.filter(|before| before.runner != attempt.runner) {
                    taken_over.push((before, attempt));
                }
                if attempt.end.is_some() {
                    ended.push(attempt);
                } else if before.is_some_and(|before| before != attempt) {
                    changed.push(attempt);
                }
            }
        }
        for part in new.chunks(ROWS_AT_ONCE) {
            attempt_table::insert(on, part).await?;
        }
        for part in taken_over.chunks(ROWS_AT_ONCE) {
            attempt_table::update_owner(on, part).await?;
        }
        for part in changed.chunks(ROWS_AT_ONCE) {
            attempt_table::update_running(on, part).await?;
        }
        for part in ended.chunks(ROWS_AT_ONCE) {
            attempt_table::update_ended(on, part, &self.reports).await?;
        }
        self.write_outputs(on, &ended).await?;
        self.write_evidence(on, &ended).await
    }

    async fn write_outputs(&self, on: &mut Connection, ended: &[&Attempt]) -> Result<(), StoreError> {
        let output = |attempt: &&Attempt| {
            let output = self.reports.get(&attempt.id)?.output.as_ref()?;
            Some((attempt.assignment, output))
        };
        let outputs: Vec<_> = ended.iter().filter_map(output).collect();
        for part in outputs.chunks(ROWS_AT_ONCE) {
            run_table::put_outputs(on, part).await?;
        }
        Ok(())
    }

    async fn write_evidence(&self, on: &mut Connection, ended: &[&Attempt]) -> Result<(), StoreError> {
        let reports = || ended.iter().filter_map(|attempt| self.reports.get(&attempt.id));
        let checkpoints: Vec<_> =
            reports().filter_map(|report| report.evidence.checkpoint.as_ref()).collect();
        let receipts: Vec<_> = reports().flat_map(|report| &report.evidence.receipts).collect();
        let findings: Vec<_> = reports().flat_map(|report| &report.evidence.findings).collect();
        for part in checkpoints.chunks(ROWS_AT_ONCE) {
            evidence_table::insert_checkpoints(on, part).await?;
        }
        for part in receipts.chunks(ROWS_AT_ONCE) {
            evidence_table::insert_receipts(on, part).await?;
        }
        for part in findings.chunks(ROWS_AT_ONCE) {
            evidence_table::insert_findings(on, part).await?;
        }
        Ok(())
    }
}

/// Runs that have ended in this transaction, and how.
fn ended_runs(all: &[&Loaded]) -> Vec<(AssignmentId, RunStatus)> {
    let ended = |loaded: &&Loaded| {
        let after = loaded.aggregate.assignment();
        let before = loaded.before.as_ref().map(|before| before.assignment.assignment.status());
        let status = RunStatus::of(after.status(), true);
        (after.is_run && before != Some(after.status()) && status.is_final()).then_some((after.id, status))
    };
    all.iter().filter_map(ended).collect()
}

/// What is reserved for that attempt.
fn reserved(aggregate: &Aggregate, attempt: AttemptId) -> Amounts {
    let attempt = aggregate.attempts().iter().find(|one| one.id == attempt);
    attempt.map(|attempt| attempt.reserved).unwrap_or_default()
}

/// Of each harness the cool-down that ends last.
fn latest_of_each(cooldowns: &[Cooldown]) -> Vec<&Cooldown> {
    let mut latest: BTreeMap<&str, &Cooldown> = BTreeMap::new();
    for cooldown in cooldowns {
        let known = latest.entry(&cooldown.harness).or_insert(cooldown);
        if cooldown.until > known.until {
            *known = cooldown;
        }
    }
    latest.into_values().collect()
}

async fn write_assignments(on: &mut Connection, all: &[&Loaded]) -> Result<(), StoreError> {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for loaded in all {
        let after = loaded.aggregate.assignment();
        match &loaded.before {
            None => new.push(after),
            Some(before) if before.assignment.assignment != *after => {
                changed.push((&before.assignment, after))
            }
            Some(_) => {}
        }
    }
    if !new.is_empty() {
        assignment_table::insert(on, &new).await?;
    }
    if !changed.is_empty() {
        assignment_table::update(on, &changed).await?;
    }
    Ok(())
}

async fn write_jobs(
    on: &mut Connection,
    all: &[&Loaded],
    contexts: &[(JobId, String)],
) -> Result<(), StoreError> {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for loaded in all {
        for job in loaded.aggregate.jobs() {
            match loaded.before.as_ref().and_then(|before| before.jobs.get(&job.id)) {
                None => new.push((loaded.aggregate.assignment(), job)),
                Some(before) if before.job != *job => changed.push((before, job)),
                Some(_) => {}
            }
        }
    }
    // Ends before beginnings: a list has at most one running job at every moment, and the database checks it.
    let (starting, others): (Vec<_>, Vec<_>) =
        changed.into_iter().partition(|(_, after)| after.running_attempt().is_some());
    for part in others.chunks(ROWS_AT_ONCE).chain(starting.chunks(ROWS_AT_ONCE)) {
        job_table::update(on, part).await?;
    }
    for part in new.chunks(ROWS_AT_ONCE) {
        job_table::insert(on, part).await?;
    }
    for part in contexts.chunks(ROWS_AT_ONCE) {
        job_table::insert_contexts(on, part).await?;
    }
    Ok(())
}

fn first_attempt(
    assignment: AssignmentId,
    question: &NewJob,
    holder: Holder,
    (id, now): (AttemptId, Timestamp),
    defaults: &HarnessDefaults,
) -> Attempt {
    let harness = question.harness.clone();
    Attempt {
        id,
        job: question.id,
        assignment,
        number: 1,
        runner: holder.runner,
        host: holder.host,
        harness: harness.unwrap_or_else(|| defaults.harness_for(&question.job_type).to_owned()),
        started_at: now,
        lease_until: now.after(holder.lease),
        resumes: None,
        cancel_requested: false,
        pause_requested: false,
        reserved: Amounts::NONE,
        decision: None,
        end: None,
    }
}
