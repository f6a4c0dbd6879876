//! Whether what is stored of an assignment can be: the invariants, and the history against the stored state.
//!
//! Pure: what is found is told, with what it means and how it is mended. A sound store has none of it, whatever was
//! killed when; what is found here comes from a damaged file, another program's writes, or a bug.

use crate::assignment::Assignment;
use crate::director::Director;
use crate::history::HistoryEvent;
use crate::history::proof;
use crate::history::replay::{Told, replay};
use crate::id::{AssignmentId, AttemptId, JobId};
use crate::job::{Job, JobState, JobStatus};
use crate::job_list;
use crate::outcome::OutcomeClass;
use crate::store::AttemptRecord;

/// All that is stored of an assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    pub assignment: Assignment,
    /// In order.
    pub jobs: Vec<Job>,
    /// All attempts at its jobs.
    pub attempts: Vec<AttemptRecord>,
    /// The history, oldest first.
    pub events: Vec<HistoryEvent>,
    /// Its workflow waits for something that is no job.
    pub waits: bool,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    NothingNext,
    HeldWithWork,
    ClosedWithWork,
    WrongHead,
    SeveralRunning,
    RunningWithoutAttempt,
    AttemptWithoutJob,
    NoOutcome,
    Miscounted,
    OutOfOrder,
    HistoryGap,
    HistoryDiffers,
    /// The runner of a running attempt is not recorded or dead, and nothing of the attempt lives.
    RunnerGone,
    /// An attempt is said to run and nothing of it lives, while its runner may.
    NoKeeper,
    /// A row holds what it can't hold.
    BadRow,
    /// A check or a criterion is not what the history says.
    ProofDiffers,
}

impl FindingKind {
    /// Every kind, in the order of the docs.
    pub const ALL: [FindingKind; 16] = [
        FindingKind::NothingNext,
        FindingKind::HeldWithWork,
        FindingKind::ClosedWithWork,
        FindingKind::WrongHead,
        FindingKind::SeveralRunning,
        FindingKind::RunningWithoutAttempt,
        FindingKind::AttemptWithoutJob,
        FindingKind::NoOutcome,
        FindingKind::Miscounted,
        FindingKind::OutOfOrder,
        FindingKind::HistoryGap,
        FindingKind::HistoryDiffers,
        FindingKind::RunnerGone,
        FindingKind::NoKeeper,
        FindingKind::BadRow,
        FindingKind::ProofDiffers,
    ];

    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::NothingNext => "nothing_next",
            FindingKind::HeldWithWork => "held_with_work",
            FindingKind::ClosedWithWork => "closed_with_work",
            FindingKind::WrongHead => "wrong_head",
            FindingKind::SeveralRunning => "several_running",
            FindingKind::RunningWithoutAttempt => "running_without_attempt",
            FindingKind::AttemptWithoutJob => "attempt_without_job",
            FindingKind::NoOutcome => "no_outcome",
            FindingKind::Miscounted => "miscounted",
            FindingKind::OutOfOrder => "out_of_order",
            FindingKind::HistoryGap => "history_gap",
            FindingKind::HistoryDiffers => "history_differs",
            FindingKind::RunnerGone => "runner_gone",
            FindingKind::NoKeeper => "no_keeper",
            FindingKind::BadRow => "bad_row",
            FindingKind::ProofDiffers => "proof_differs",
        }
    }

    /// What follows from it.
    pub fn meaning(self) -> &'static str {
        match self {
            FindingKind::NothingNext => "it is active and would never go on: no runner finds anything to do",
            FindingKind::HeldWithWork => "it waits for its first job and has one: no runner takes it",
            FindingKind::ClosedWithWork => "it is closed, and a job of it still waits",
            FindingKind::WrongHead => "runners would take the wrong job, or none",
            FindingKind::SeveralRunning => "two agents may work in one list at the same time",
            FindingKind::RunningWithoutAttempt => {
                "it is said to run, and nothing does it: it would never end"
            }
            FindingKind::AttemptWithoutJob => "it is said to run, and its job is not done by it",
            FindingKind::NoOutcome => "it has ended, and how is not known; the work itself is not touched",
            FindingKind::Miscounted => "its next attempt would have a number that is taken, and be refused",
            FindingKind::OutOfOrder => "two jobs have the same place, so their order is left to chance",
            FindingKind::HistoryGap => "something that happened is not told; what is stored is not affected",
            FindingKind::HistoryDiffers => "the history tells something else than what is stored",
            FindingKind::RunnerGone => {
                "nothing does its job; the next runner gives it up, or its lease runs out"
            }
            FindingKind::NoKeeper => {
                "nothing does its job, and its end was not told: a runner does so when its lease is over"
            }
            FindingKind::BadRow => "whatever needs this row fails",
            FindingKind::ProofDiffers => {
                "something else than agents has written to the store: `complete` may have been held against less than was asked for"
            }
        }
    }

    /// What a repair does about it; `None`: it can do nothing.
    pub fn mending(self) -> Option<&'static str> {
        match self {
            FindingKind::NothingNext => Some("asks the director what comes next"),
            FindingKind::HeldWithWork => Some("lets it go on"),
            FindingKind::ClosedWithWork => Some("cancels the job"),
            FindingKind::WrongHead => Some("marks the first job that has not ended"),
            FindingKind::SeveralRunning => None,
            FindingKind::RunningWithoutAttempt => Some("makes the job pending again; a question fails"),
            FindingKind::AttemptWithoutJob => Some("ends the attempt's record as lost"),
            FindingKind::NoOutcome => None,
            FindingKind::Miscounted => Some("counts the attempts again"),
            FindingKind::OutOfOrder => Some("numbers the places anew, in the order in which they are read"),
            FindingKind::HistoryGap => Some("adds an event that says so and how things stand"),
            FindingKind::HistoryDiffers => Some("adds events that say what is stored"),
            FindingKind::RunnerGone => Some("gives the attempt up: its job is tried again"),
            FindingKind::NoKeeper | FindingKind::BadRow | FindingKind::ProofDiffers => None,
        }
    }

    /// What a person can do where no repair can.
    pub fn advice(self) -> &'static str {
        match self {
            FindingKind::SeveralRunning => {
                "stop the runners and start one again: it ends what it does not own"
            }
            FindingKind::NoOutcome => "nothing has to be done; `agents logs` has what the agent said",
            FindingKind::NoKeeper => {
                "if it stays so for more than two leases, stop its runner: the next one takes it over"
            }
            FindingKind::ProofDiffers => {
                "look at `agents history` and `agents diff`; then create the assignment again, with its checks and criteria"
            }
            FindingKind::BadRow => {
                "restore a backup, or set the column right with sqlite3 while no runner works"
            }
            FindingKind::NothingNext
            | FindingKind::HeldWithWork
            | FindingKind::ClosedWithWork
            | FindingKind::WrongHead
            | FindingKind::RunningWithoutAttempt
            | FindingKind::AttemptWithoutJob
            | FindingKind::Miscounted
            | FindingKind::OutOfOrder
            | FindingKind::HistoryGap
            | FindingKind::HistoryDiffers
            | FindingKind::RunnerGone => "agents doctor --repair",
        }
    }
}

/// Something that can't be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub assignment: Option<AssignmentId>,
    pub job: Option<JobId>,
    pub attempt: Option<AttemptId>,
    /// What is there, in words.
    pub detail: String,
}

/// What the aggregate can't see for itself when it is to put things right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repair {
    /// The history does not tell the assignment's status, or has a gap.
    pub untold_status: bool,
    /// Jobs whose status the history does not tell.
    pub untold_jobs: Vec<JobId>,
    /// The highest number that an attempt of the job has, where the job has counted fewer.
    pub numbers: Vec<(JobId, u32)>,
    /// Its workflow says what is next.
    pub wakes_flow: bool,
}

/// What was found in one assignment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    pub findings: Vec<Finding>,
    pub repair: Repair,
}

impl Audit {
    /// Whether a repair would change something.
    pub fn is_mendable(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind.mending().is_some())
    }
}

/// Checks one assignment.
pub fn audit(dossier: &Dossier) -> Audit {
    let mut auditor = Auditor { dossier, audit: Audit::default() };
    auditor.something_is_next();
    auditor.heads_are_right();
    auditor.running_jobs_have_their_attempts();
    auditor.ends_are_known();
    auditor.attempts_are_counted();
    auditor.places_are_in_order();
    auditor.history_tells_it_all();
    auditor.audit
}

struct Auditor<'a> {
    dossier: &'a Dossier,
    audit: Audit,
}

impl<'a> Auditor<'a> {
    fn found(
        &mut self,
        kind: FindingKind,
        (job, attempt): (Option<JobId>, Option<AttemptId>),
        detail: String,
    ) {
        let assignment = Some(self.dossier.assignment.id);
        self.audit.findings.push(Finding { kind, assignment, job, attempt, detail });
    }

    fn line(&self) -> impl Iterator<Item = &'a Job> + use<'a> {
        self.dossier.jobs.iter().filter(|job| job_list::is_in_line(job))
    }

    fn something_is_next(&mut self) {
        let assignment = &self.dossier.assignment;
        let open = self.line().find(|job| !job.status().is_final());
        match open {
            None if assignment.is_active() && !assignment.is_held() && !self.dossier.waits => {
                let detail = "it is active, and nothing is pending or running".to_owned();
                self.audit.repair.wakes_flow = assignment.director == Director::Workflow;
                self.found(FindingKind::NothingNext, (None, None), detail);
            }
            Some(job) if assignment.is_held() => {
                let detail = format!("job {} is {}", job.id, job.status().as_str());
                self.found(FindingKind::HeldWithWork, (Some(job.id), None), detail);
            }
            Some(_) if assignment.is_closed() => {
                for job in self.line().filter(|job| job.is_pending()) {
                    let detail = format!("the assignment is {}", assignment.status().as_str());
                    self.found(FindingKind::ClosedWithWork, (Some(job.id), None), detail);
                }
            }
            Some(_) | None => {}
        }
    }

    fn heads_are_right(&mut self) {
        let mut right = self.dossier.jobs.clone();
        job_list::mark_head(&mut right, self.dossier.assignment.may_run());
        for (job, right) in self.dossier.jobs.iter().zip(&right) {
            if job.state() != right.state() {
                let what =
                    if is_head(job) { "is marked, and may not run" } else { "may run, and is not marked" };
                self.found(
                    FindingKind::WrongHead,
                    (Some(job.id), None),
                    format!("the {} job {what}", job.job_type),
                );
            }
        }
        let running: Vec<&Job> = self.line().filter(|job| job.status() == JobStatus::Running).collect();
        for job in running.iter().skip(1) {
            let detail = format!("{} jobs of the list run", running.len());
            self.found(FindingKind::SeveralRunning, (Some(job.id), None), detail);
        }
    }

    fn running_jobs_have_their_attempts(&mut self) {
        let is_running = |attempt: &&AttemptRecord| attempt.ended_at.is_none();
        for job in &self.dossier.jobs {
            let Some(id) = job.running_attempt() else { continue };
            let there = self.dossier.attempts.iter().find(|attempt| attempt.id == id);
            if there.filter(is_running).is_none_or(|attempt| attempt.job != job.id) {
                let detail = match there {
                    Some(_) => format!("attempt {id} has ended"),
                    None => format!("there is no attempt {id}"),
                };
                self.found(FindingKind::RunningWithoutAttempt, (Some(job.id), Some(id)), detail);
            }
        }
        for attempt in self.dossier.attempts.iter().filter(is_running) {
            let job = self.dossier.jobs.iter().find(|job| job.id == attempt.job);
            if job.and_then(Job::running_attempt) != Some(attempt.id) {
                let status = job.map_or("not there", |job| job.status().as_str());
                let about = (Some(attempt.job), Some(attempt.id));
                self.found(FindingKind::AttemptWithoutJob, about, format!("its job is {status}"));
            }
        }
    }

    fn ends_are_known(&mut self) {
        for job in &self.dossier.jobs {
            let outcome = job.progress().outcome;
            let is_known = match job.status() {
                JobStatus::Pending | JobStatus::Running => true,
                JobStatus::Completed => {
                    outcome == Some(OutcomeClass::Success) && job.progress().result.is_some()
                }
                JobStatus::Failed => outcome.is_some_and(|class| class != OutcomeClass::Success),
                JobStatus::Cancelled => outcome == Some(OutcomeClass::Cancelled),
            };
            if !is_known {
                let outcome = outcome.map_or("none", |class| class.as_str());
                let detail = format!("it is {}, with the outcome {outcome}", job.status().as_str());
                self.found(FindingKind::NoOutcome, (Some(job.id), None), detail);
            }
        }
    }

    fn attempts_are_counted(&mut self) {
        for job in &self.dossier.jobs {
            let of_job = self.dossier.attempts.iter().filter(|attempt| attempt.job == job.id);
            let highest = of_job.map(|attempt| attempt.number).max().unwrap_or(0);
            if highest > job.progress().attempts {
                let detail = format!("it counts {} attempts and has had {highest}", job.progress().attempts);
                self.found(FindingKind::Miscounted, (Some(job.id), None), detail);
                self.audit.repair.numbers.push((job.id, highest));
            }
        }
    }

    fn places_are_in_order(&mut self) {
        for pair in self.dossier.jobs.windows(2).filter(|pair| pair[0].position() >= pair[1].position()) {
            let detail = format!("its place is {}, as that of job {}", pair[1].position(), pair[0].id);
            self.found(FindingKind::OutOfOrder, (Some(pair[1].id), None), detail);
        }
    }

    fn history_tells_it_all(&mut self) {
        let told = replay(&self.dossier.events);
        for gap in told.gaps.clone() {
            self.audit.repair.untold_status = true;
            self.found(FindingKind::HistoryGap, (None, None), gap);
        }
        self.history_tells_the_status(&told);
        for detail in proof::differences(&self.dossier.events, &self.dossier.assignment) {
            self.found(FindingKind::ProofDiffers, (None, None), detail);
        }
        for job in &self.dossier.jobs {
            let said = told.jobs.get(&job.id).copied();
            // The part of the history that retention has deleted spoke of jobs that had ended.
            let is_forgotten = said.is_none() && !told.is_whole && job.status().is_final();
            if said != Some(job.status()) && !is_forgotten {
                let said = said.map_or("not in the list", JobStatus::as_str);
                let detail = format!("it is {}, and by the history {said}", job.status().as_str());
                self.audit.repair.untold_jobs.push(job.id);
                self.found(FindingKind::HistoryDiffers, (Some(job.id), None), detail);
            }
        }
        for id in told.jobs.keys().filter(|id| !self.dossier.jobs.iter().any(|job| job.id == **id)) {
            let detail = format!("the history speaks of job {id}, and there is none");
            self.found(FindingKind::HistoryDiffers, (Some(*id), None), detail);
        }
    }

    fn history_tells_the_status(&mut self, told: &Told) {
        let status = self.dossier.assignment.status();
        let is_forgotten = told.status.is_none() && self.dossier.assignment.is_closed();
        if told.status != Some(status) && !is_forgotten {
            let said = told.status.map_or("nothing", |status| status.as_str());
            let detail = format!("it is {}, and by the history {said}", status.as_str());
            self.audit.repair.untold_status = true;
            self.found(FindingKind::HistoryDiffers, (None, None), detail);
        }
    }
}

fn is_head(job: &Job) -> bool {
    match job.state() {
        JobState::Pending { head, .. } => *head,
        JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => false,
    }
}
