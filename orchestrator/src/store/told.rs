//! What the orchestrator tells of itself: out of the history's events, in the transaction that writes them.
//!
//! Every assignment tells of its beginning, its blocks and its end; a run tells of its end as a run beside that.

use agents_domain::aggregate::Aggregate;
use agents_domain::happening::{EventName, HappeningSource, NewHappening};
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::{HappeningId, IdSource, ScheduleId};
use agents_domain::namespace::Namespace;
use agents_domain::run::RunOrigin;
use agents_domain::timestamp::Timestamp;
use serde_json::{Map, Value, json};

/// What there is to tell of.
pub(super) struct Teller<'a> {
    pub ids: &'a dyn IdSource,
    pub now: Timestamp,
}

/// Whether an event of the history is told at all.
pub(super) fn is_told(event: &HistoryEvent) -> bool {
    let is_for_nobody = event.kind == EventKind::StepWaits && event.detail("for") != Some("person");
    !told_names(event.kind).is_empty() && !is_for_nobody
}

/// The names that an event of the history is told by, the second one of runs only.
fn told_names(kind: EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::AssignmentCreated => &["assignment.created"],
        EventKind::AssignmentBlocked => &["assignment.blocked"],
        EventKind::AssignmentCompleted => &["assignment.completed", "run.completed"],
        EventKind::AssignmentFailed => &["assignment.failed", "run.failed"],
        EventKind::AssignmentCancelled => &["assignment.cancelled", "run.cancelled"],
        EventKind::JobFailed => &["job.failed"],
        EventKind::HarnessCooledDown => &["harness.cooled_down"],
        EventKind::StepWaits => &["approval.requested"],
        EventKind::AssignmentActivated
        | EventKind::AssignmentNoted
        | EventKind::AssignmentPaused
        | EventKind::AssignmentResumed
        | EventKind::JobInserted
        | EventKind::JobStarted
        | EventKind::JobCompleted
        | EventKind::JobRetried
        | EventKind::JobCancelled
        | EventKind::CancelRequested
        | EventKind::PauseRequested
        | EventKind::RetryRequested
        | EventKind::AttemptTakenOver
        | EventKind::AttemptEnded
        | EventKind::DecisionStaged
        | EventKind::DecisionApplied
        | EventKind::DecisionInvalid
        | EventKind::CheckRan
        | EventKind::CheckpointMade
        | EventKind::FindingMade
        | EventKind::CompletionRefused
        | EventKind::ProofChanged
        | EventKind::NothingGained
        | EventKind::BranchMoved
        | EventKind::StepAnswered => &[],
    }
}

impl Teller<'_> {
    /// What is told of an event of that assignment, which may be a run.
    pub fn tell(
        &self,
        event: &HistoryEvent,
        aggregate: &Aggregate,
        run: Option<&RunOrigin>,
    ) -> Vec<NewHappening> {
        let names = told_names(event.kind);
        let names = if run.is_some() { names } else { names.get(..1).unwrap_or_default() };
        let assignment = aggregate.assignment();
        names
            .iter()
            .map(|name| {
                let mut data = Map::new();
                about_assignment(&mut data, aggregate);
                if let Some(run) = run {
                    about_run(&mut data, run);
                }
                if name.starts_with("run.") {
                    self.about_end(&mut data, aggregate);
                }
                about_event(&mut data, event, aggregate);
                NewHappening {
                    depth: run.map_or(0, |run| run.depth),
                    cause: Some(assignment.id.to_string()),
                    ..self.told(name, &assignment.namespace, data)
                }
            })
            .collect()
    }

    /// That a schedule was paused, since what it has started has failed again and again.
    pub fn schedule_paused(
        &self,
        namespace: &Namespace,
        (schedule, name): (ScheduleId, &str),
        reason: &str,
    ) -> NewHappening {
        let mut data = Map::new();
        data.insert("schedule".to_owned(), schedule.to_string().into());
        data.insert("name".to_owned(), name.into());
        data.insert("reason".to_owned(), reason.into());
        let told = self.told("schedule.paused", namespace, data);
        NewHappening { cause: Some(schedule.to_string()), ..told }
    }

    fn told(&self, name: &str, namespace: &Namespace, data: Map<String, Value>) -> NewHappening {
        NewHappening {
            id: HappeningId::new(self.ids.next()),
            namespace: namespace.clone(),
            name: EventName::new(name).expect("the orchestrator's own events have possible names"),
            data: Value::Object(data).to_string(),
            source: HappeningSource::Orchestrator,
            cause: None,
            depth: 0,
        }
    }

    fn about_end(&self, data: &mut Map<String, Value>, aggregate: &Aggregate) {
        let took = self.now.since(aggregate.assignment().created_at);
        data.insert("run".to_owned(), aggregate.assignment().id.to_string().into());
        data.insert("durationMs".to_owned(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into());
        let outcome = aggregate.jobs().iter().rev().find_map(|job| job.progress().outcome);
        data.insert("outcome".to_owned(), json!(outcome.map(|class| class.as_str())));
    }
}

fn about_assignment(data: &mut Map<String, Value>, aggregate: &Aggregate) {
    let assignment = aggregate.assignment();
    data.insert("assignment".to_owned(), assignment.id.to_string().into());
    data.insert("northStar".to_owned(), assignment.north_star.as_str().into());
    data.insert("director".to_owned(), assignment.director.as_str().into());
    data.insert("costUsd".to_owned(), assignment.budget().spent.cost.as_dollars().into());
}

fn about_run(data: &mut Map<String, Value>, run: &RunOrigin) {
    data.insert("definition".to_owned(), json!(run.definition));
    data.insert("worker".to_owned(), run.worker.as_str().into());
    data.insert("trigger".to_owned(), run.trigger.kind().as_str().into());
    let params = serde_json::from_str(&run.params).unwrap_or_else(|_| Value::String(run.params.clone()));
    data.insert("params".to_owned(), params);
}

/// What the history says of it: reason, question, outcome, harness.
fn about_event(data: &mut Map<String, Value>, event: &HistoryEvent, aggregate: &Aggregate) {
    for (name, text) in &event.details {
        // A run's outcome is said already; what the history calls a message is why it happened.
        let name = if name == "message" { "reason" } else { name.as_ref() };
        if !matches!(name, "northStar" | "trigger" | "type") {
            data.insert(name.to_owned(), text.as_str().into());
        }
    }
    let Some(job) = event.job else { return };
    data.insert("job".to_owned(), job.to_string().into());
    if let Some(job) = aggregate.jobs().iter().find(|known| known.id == job) {
        data.insert("jobType".to_owned(), job.job_type.as_str().into());
        if !data.contains_key("harness") {
            data.insert("harness".to_owned(), job.harness.as_str().into());
        }
    }
}
