//! The queue at a glance: what runs, what is ready, what waits for what and until when, what is blocked and why,
//! and whether anybody is there to do it.

use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::cooldown::Cooldown;
use agents_domain::fallback::{Fallbacks, Route};
use agents_domain::job::Job;
use agents_domain::limits::Limits;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::OutcomeClass;
use agents_domain::priority::Priority;
use agents_domain::schedule::Schedule;
use agents_domain::store::{DayLine, JobLine, Queue};
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Wait as FlowWait, WorkflowRun};
use serde::Serialize;

use super::budget;
use super::cooldown::{self, CooldownView};
use super::job::done_by;
use super::json::{AssignmentCore, JobLineView, RunnerView, ready_at};
use super::schedule::{self, NextView};
use super::table::{Cell, Table};
use super::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use super::time;
use crate::app::{any_alive, is_alive};

/// The queue, with what people need beside what is stored.
#[derive(Debug)]
pub struct Shown<'a> {
    pub queue: &'a Queue,
    /// Those that are due next.
    pub schedules: &'a [Schedule],
    /// Runs of workflows that wait for something that is no job.
    pub flows: &'a [WorkflowRun],
    /// Who stands in for a harness that cools down.
    pub fallbacks: &'a Fallbacks,
    pub now: Timestamp,
    /// `None`: all of them.
    pub namespace: Option<&'a Namespace>,
    /// How many entries each list was asked for.
    pub limit: usize,
}

/// `agents queue --json`.
#[derive(Debug, Serialize)]
pub struct QueueView<'a> {
    running: Vec<RunningView<'a>>,
    ready: Vec<JobLineView<'a>>,
    waiting: Vec<WaitingView<'a>>,
    workflows: Vec<FlowView<'a>>,
    blocked: Vec<AssignmentCore<'a>>,
    paused: Vec<AssignmentCore<'a>>,
    cooldowns: Vec<CooldownView<'a>>,
    schedules: Vec<NextView>,
    runners: Vec<RunnerView<'a>>,
}

/// A run of a workflow that waits for something that is no job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowView<'a> {
    run: String,
    namespace: &'a str,
    workflow: &'a str,
    step: Option<&'a str>,
    waits_for: String,
    until: Option<String>,
}

impl<'a> FlowView<'a> {
    fn new(run: &'a WorkflowRun) -> Self {
        let (waits_for, until) = flow_wait(run);
        Self {
            run: run.assignment.to_string(),
            namespace: run.namespace.as_str(),
            workflow: &run.workflow,
            step: run.at.as_deref(),
            waits_for,
            until: until.map(|until| until.to_string()),
        }
    }
}

/// What it waits for, and until when.
fn flow_wait(run: &WorkflowRun) -> (String, Option<Timestamp>) {
    match &run.wait {
        Some(FlowWait::Time { until }) => ("its time".to_owned(), Some(*until)),
        Some(FlowWait::Person { question, until, .. }) => {
            let id = run.assignment.short();
            (format!("agents workflow approve {id} (or reject): {question}"), *until)
        }
        Some(FlowWait::Start { start }) => (format!("a runner to start {}", start.title()), None),
        Some(FlowWait::Run { child, until }) => (format!("run {}", child.short()), *until),
        None => ("nothing".to_owned(), None),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunningView<'a> {
    #[serde(flatten)]
    job: JobLineView<'a>,
    elapsed_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingView<'a> {
    #[serde(flatten)]
    entry: WaitingEntry<'a>,
    waits_for: String,
    until: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum WaitingEntry<'a> {
    Job(Box<JobLineView<'a>>),
    Held(HeldView<'a>),
}

/// An assignment without a job: the keys of a job are there and null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldView<'a> {
    id: Option<String>,
    assignment: String,
    namespace: &'a str,
    north_star: &'a str,
    assignment_status: &'static str,
    #[serde(rename = "type")]
    job_type: Option<String>,
    harness: Option<String>,
    created_at: String,
}

impl<'a> From<&'a Assignment> for HeldView<'a> {
    fn from(assignment: &'a Assignment) -> Self {
        Self {
            id: None,
            assignment: assignment.id.to_string(),
            namespace: assignment.namespace.as_str(),
            north_star: &assignment.north_star,
            assignment_status: assignment.status().as_str(),
            job_type: None,
            harness: None,
            created_at: assignment.created_at.to_string(),
        }
    }
}

/// What a pending job waits for, and until when, if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wait {
    what: String,
    until: Option<Timestamp>,
}

/// Jobs that wait for a limit of the day that the config does not have any longer are ready: the next claim finds that out too.
pub fn hold_against(
    queue: &mut Queue,
    (namespace, now_limited): (&Namespace, &Limits),
    (fallbacks, now): (&Fallbacks, Timestamp),
) {
    let is_old = |day: &DayLine| day.namespace == *namespace && day.limits != *now_limited;
    if !queue.days.iter().any(is_old) {
        return;
    }
    queue.days.retain(|day| !is_old(day));
    let cooling: Vec<Cooldown> = queue.cooldowns.iter().map(|line| line.cooldown.clone()).collect();
    let is_free = |line: &JobLine| {
        let is_open = line.assignment_status == AssignmentStatus::Active && !line.assignment_paused;
        let has_harness = matches!(fallbacks.route(&line.job.harness, &cooling), Route::To(_));
        line.namespace == *namespace && is_open && has_harness && line.job.is_ready(now)
    };
    let (ready, waiting) = std::mem::take(&mut queue.waiting).into_iter().partition(is_free);
    queue.waiting = waiting;
    queue.ready.extend::<Vec<JobLine>>(ready);
}

fn wait_of(line: &JobLine, (queue, fallbacks): (&Queue, &Fallbacks)) -> Wait {
    match line.assignment_status {
        AssignmentStatus::Active if line.assignment_paused => {
            let what = format!("agents resume {}: the assignment is paused", line.job.assignment.short());
            return Wait { what, until: None };
        }
        AssignmentStatus::Active => {}
        AssignmentStatus::Blocked => {
            return Wait { what: "a person: the assignment is blocked".to_owned(), until: None };
        }
        closed @ (AssignmentStatus::Complete | AssignmentStatus::Failed | AssignmentStatus::Cancelled) => {
            return Wait { what: format!("nothing: the assignment is {}", closed.as_str()), until: None };
        }
    }
    let cooling: Vec<Cooldown> = queue.cooldowns.iter().map(|line| line.cooldown.clone()).collect();
    if let (Some(_), Route::Waits { first, until }) =
        (ready_at(&line.job), fallbacks.route(&line.job.harness, &cooling))
    {
        return Wait { what: format!("{first} to cool down"), until: Some(until) };
    }
    let day = queue.days.iter().find(|day| day.namespace == line.namespace);
    if let (Some(_), Some(day)) = (ready_at(&line.job), day) {
        return Wait {
            what: format!("the day's budget ({})", budget::day(day)),
            until: budget::day_over(day),
        };
    }
    match (ready_at(&line.job), before(&line.job, queue)) {
        (Some(until), _) => Wait { what: moment(line.job.progress().outcome).to_owned(), until: Some(until) },
        (None, Some(job)) => Wait { what: format!("{} {}", job.job_type, job.id.short()), until: None },
        (None, None) => Wait { what: "the jobs before it".to_owned(), until: None },
    }
}

/// Why a job that is next in line is not ready yet.
fn moment(outcome: Option<OutcomeClass>) -> &'static str {
    match outcome {
        Some(_) => "its next try",
        None => "its time",
    }
}

/// The nearest job before it in its own list, among those that are not finished.
fn before<'q>(job: &Job, queue: &'q Queue) -> Option<&'q Job> {
    let open = queue.running.iter().chain(&queue.ready).chain(&queue.waiting).map(|line| &line.job);
    open.filter(|other| other.assignment == job.assignment && other.position() < job.position())
        .filter(|other| !other.job_type.is_chat())
        .max_by_key(|other| other.position())
}

const HELD: &str = "its first job";

impl Shown<'_> {
    /// The JSON form.
    pub fn view(&self) -> QueueView<'_> {
        QueueView {
            running: self.queue.running.iter().map(|line| self.running_view(line)).collect(),
            ready: self.queue.ready.iter().map(JobLineView::from).collect(),
            waiting: self.waiting_views(),
            workflows: self.flows.iter().map(FlowView::new).collect(),
            blocked: self.queue.blocked.iter().map(AssignmentCore::from).collect(),
            paused: self.queue.paused.iter().map(AssignmentCore::from).collect(),
            cooldowns: self.queue.cooldowns.iter().map(CooldownView::from).collect(),
            schedules: self.schedules.iter().map(NextView::new).collect(),
            runners: self.queue.runners.iter().map(|runner| RunnerView::new(runner, self.now)).collect(),
        }
    }

    fn running_view<'q>(&self, line: &'q JobLine) -> RunningView<'q> {
        let elapsed = line.attempt.as_ref().map(|attempt| self.now.since(attempt.started_at));
        RunningView { job: JobLineView::from(line), elapsed_ms: elapsed.map(millis) }
    }

    fn waiting_views(&self) -> Vec<WaitingView<'_>> {
        let mut views = Vec::new();
        for line in &self.queue.waiting {
            let Wait { what, until } = wait_of(line, (self.queue, self.fallbacks));
            let entry = WaitingEntry::Job(Box::new(JobLineView::from(line)));
            views.push(WaitingView { entry, waits_for: what, until: until.map(|until| until.to_string()) });
        }
        for assignment in &self.queue.held {
            let entry = WaitingEntry::Held(HeldView::from(assignment));
            views.push(WaitingView { entry, waits_for: HELD.to_owned(), until: None });
        }
        views
    }

    /// The human form.
    pub fn human(&self, width: usize) -> String {
        let mut shown = self.summary();
        self.section(&mut shown, "running", self.running(), width);
        self.section(&mut shown, "ready", self.ready(), width);
        self.section(&mut shown, "waiting", self.waiting(), width);
        self.section(&mut shown, "workflows that wait", self.workflows(), width);
        self.section(&mut shown, "blocked", self.blocked(), width);
        self.section(&mut shown, "paused", self.paused(), width);
        if self.longest() >= self.limit {
            shown.push_str(&format!(
                "\n{}\n",
                text::colored(
                    DIM,
                    &format!("only the first {} of each are here: --limit shows more", self.limit)
                )
            ));
        }
        self.section(&mut shown, "cooling down", self.cooling_down(), width);
        let next = schedule::next_table(self.schedules, self.now);
        self.section(&mut shown, "next on schedule", (!self.schedules.is_empty()).then_some(next), width);
        shown.push_str(&self.runners());
        shown
    }

    fn longest(&self) -> usize {
        let Queue { running: _, ready, waiting, blocked, held, paused, cooldowns: _, days: _, runners: _ } =
            self.queue;
        [ready.len(), waiting.len(), blocked.len(), held.len(), paused.len()].into_iter().max().unwrap_or(0)
    }

    fn summary(&self) -> String {
        let whose = self.namespace.map_or("all namespaces", |namespace| namespace.as_str());
        let Queue { running, ready, waiting, blocked, held, paused, cooldowns: _, days: _, runners: _ } =
            self.queue;
        let counts = [
            (running.len(), "running"),
            (ready.len(), "ready"),
            (waiting.len() + held.len() + self.flows.len(), "waiting"),
            (blocked.len(), "blocked"),
            (paused.len(), "paused"),
        ];
        let some: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        let said = if some.is_empty() { "nothing to do".to_owned() } else { some.join(", ") };
        format!("{}: {said}\n", text::colored(BOLD, whose))
    }

    fn section(&self, to: &mut String, name: &str, table: Option<Table>, width: usize) {
        if let Some(table) = table {
            to.push_str(&format!("\n{}\n{}", text::colored(BOLD, name), table.render(width, "  ")));
        }
    }

    fn table(&self, columns: &[&'static str]) -> Table {
        let mut header = columns.to_vec();
        if self.namespace.is_none() {
            header.insert(columns.len() - 1, "NAMESPACE");
        }
        Table::new(&header)
    }

    /// A row with the namespace before its last cell, where more than one is listed.
    fn row(&self, table: &mut Table, mut cells: Vec<Cell>, namespace: &Namespace) {
        if self.namespace.is_none() {
            cells.insert(cells.len() - 1, namespace.as_str().into());
        }
        table.row(cells);
    }

    fn running(&self) -> Option<Table> {
        let lines = &self.queue.running;
        let mut table = self.table(&["JOB", "TYPE", "HARNESS", "FOR", "NORTH STAR"]);
        for line in lines {
            let elapsed = line.attempt.as_ref().map(|attempt| self.now.since(attempt.started_at));
            let cells = vec![
                Cell::colored(GREEN, line.job.id.short()),
                line.job.job_type.as_str().into(),
                done_by(&line.job, line.attempt.as_ref()).into(),
                elapsed.map(time::precise).unwrap_or_default().into(),
                (&line.north_star).into(),
            ];
            self.row(&mut table, cells, &line.namespace);
            if let Some(facts) = facts(line) {
                table.below(Cell::colored(DIM, facts));
            }
        }
        (!lines.is_empty()).then_some(table)
    }

    fn workflows(&self) -> Option<Table> {
        let mut table = self.table(&["RUN", "WORKFLOW", "STEP", "UNTIL", "WAITS FOR"]);
        for run in self.flows {
            let (waits_for, until) = flow_wait(run);
            let cells = vec![
                Cell::colored(YELLOW, run.assignment.short()),
                run.workflow.as_str().into(),
                run.at.as_deref().unwrap_or_default().into(),
                until.map(|until| time::relative(until, self.now)).unwrap_or_default().into(),
                waits_for.into(),
            ];
            self.row(&mut table, cells, &run.namespace);
        }
        (!self.flows.is_empty()).then_some(table)
    }

    fn ready(&self) -> Option<Table> {
        let lines = &self.queue.ready;
        // Nearly always all of them are immediate.
        let is_mixed = lines.iter().any(|line| line.priority != Priority::Immediate);
        let mut table = match is_mixed {
            true => self.table(&["JOB", "CLASS", "TYPE", "HARNESS", "SINCE", "NORTH STAR"]),
            false => self.table(&["JOB", "TYPE", "HARNESS", "SINCE", "NORTH STAR"]),
        };
        for line in lines {
            // By the clock of whoever made it ready.
            let since = ready_at(&line.job).map(|at| at.min(self.now));
            let since = since.map(|at| time::relative(at, self.now)).unwrap_or_default();
            let mut cells = vec![
                Cell::colored(CYAN, line.job.id.short()),
                line.job.job_type.as_str().into(),
                (&line.job.harness).into(),
                since.into(),
                (&line.north_star).into(),
            ];
            if is_mixed {
                cells.insert(1, line.priority.as_str().into());
            }
            self.row(&mut table, cells, &line.namespace);
        }
        (!lines.is_empty()).then_some(table)
    }

    fn waiting(&self) -> Option<Table> {
        let Queue { waiting, held, .. } = self.queue;
        let mut table = self.table(&["JOB", "TYPE", "HARNESS", "WAITS FOR", "NORTH STAR"]);
        for line in waiting {
            let Wait { what, until } = wait_of(line, (self.queue, self.fallbacks));
            let until =
                until.map(|until| format!(", {}", time::relative(until, self.now))).unwrap_or_default();
            let cells = vec![
                line.job.id.short().into(),
                line.job.job_type.as_str().into(),
                (&line.job.harness).into(),
                format!("{what}{until}").into(),
                (&line.north_star).into(),
            ];
            self.row(&mut table, cells, &line.namespace);
        }
        for assignment in held {
            let cells =
                vec!["-".into(), "-".into(), "-".into(), HELD.into(), (&assignment.north_star).into()];
            self.row(&mut table, cells, &assignment.namespace);
            let fix = format!("held: agents insert-job {} --type plan", assignment.id.short());
            table.below(Cell::colored(DIM, fix));
        }
        (!waiting.is_empty() || !held.is_empty()).then_some(table)
    }

    fn blocked(&self) -> Option<Table> {
        let blocked = &self.queue.blocked;
        let mut table = self.table(&["ASSIGNMENT", "SINCE", "NORTH STAR"]);
        for assignment in blocked {
            let cells = vec![
                Cell::colored(RED, assignment.id.short()),
                time::relative(assignment.updated_at(), self.now).into(),
                (&assignment.north_star).into(),
            ];
            self.row(&mut table, cells, &assignment.namespace);
            table.below(format!("why: {}", assignment.reason().unwrap_or("no reason was given")).into());
            if let Some(question) = assignment.question() {
                table.below(Cell::colored(YELLOW, format!("question: {question}")));
            }
            let fix =
                format!("agents update-assignment {} --status active --note \"…\"", assignment.id.short());
            table.below(Cell::colored(DIM, fix));
        }
        (!blocked.is_empty()).then_some(table)
    }

    fn cooling_down(&self) -> Option<Table> {
        let cooldowns = &self.queue.cooldowns;
        (!cooldowns.is_empty()).then(|| cooldown::table(cooldowns, self.fallbacks, self.now))
    }

    fn paused(&self) -> Option<Table> {
        let paused = &self.queue.paused;
        let mut table = self.table(&["ASSIGNMENT", "SINCE", "NORTH STAR"]);
        for assignment in paused {
            let cells = vec![
                Cell::colored(YELLOW, assignment.id.short()),
                time::relative(assignment.updated_at(), self.now).into(),
                (&assignment.north_star).into(),
            ];
            self.row(&mut table, cells, &assignment.namespace);
            table.below(Cell::colored(DIM, format!("agents resume {}", assignment.id.short())));
        }
        (!paused.is_empty()).then_some(table)
    }

    fn runners(&self) -> String {
        if !any_alive(self.queue, self.now) {
            let said = "no runner is alive: start one with `agents runner`";
            return format!("\n{}\n", text::colored(YELLOW, said));
        }
        let alive = self.queue.runners.iter().filter(|runner| is_alive(runner, self.now));
        let mut shown = String::from("\n");
        for runner in alive {
            let name = text::fit(&runner.name, 40);
            let slots = text::counted(runner.concurrency as usize, "job");
            shown.push_str(&format!("{} {name}, {slots} at once\n", text::colored(GREEN, "runner")));
        }
        shown
    }
}

/// What is known of a running attempt, in the order of interest.
fn facts(line: &JobLine) -> Option<String> {
    let attempt = line.attempt.as_ref()?;
    let mut facts: Vec<String> = Vec::new();
    let wish = match (attempt.cancel_requested, attempt.pause_requested) {
        (true, _) => Some("being stopped"),
        (false, true) => Some("being paused"),
        (false, false) => None,
    };
    facts.extend(wish.map(str::to_owned));
    let asked_for = &line.job.harness;
    facts
        .extend((attempt.harness != *asked_for).then(|| format!("instead of {asked_for}, which cools down")));
    facts.extend((attempt.number > 1).then(|| format!("attempt {}", attempt.number)));
    facts.extend(attempt.usage.as_ref().map(time::tokens));
    facts.extend(attempt.cost.map(time::money));
    facts.extend(attempt.last_activity.clone());
    (!facts.is_empty()).then(|| facts.join(" · "))
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
