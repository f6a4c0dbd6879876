//! One thing that happened in a runner, as a line for people or as JSON.

use agents_domain::attempt::Wish;
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::schedule::firing::Decision as FiringDecision;
use agents_domain::schedule::schedules::FiredSchedule;
use agents_domain::store::DayLine;
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::runner::RunnerEvent;
use serde_json::{Value, json as object};

use super::evidence_line;
use crate::output::{self, budget, time};

/// How a line is meant; a terminal shows it as a color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Dim,
    Good,
    Bad,
    Attention,
}

impl Style {
    /// The escape sequence that begins the style (ECMA-48 SGR).
    pub fn start(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Dim => "\x1b[2m",
            Style::Good => "\x1b[32m",
            Style::Bad => "\x1b[31m",
            Style::Attention => "\x1b[33m",
        }
    }

    /// The escape sequence that ends it.
    pub fn end(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Dim | Style::Good | Style::Bad | Style::Attention => "\x1b[0m",
        }
    }
}

/// The event in words; `None` for one that another line tells already.
pub fn describe(event: &RunnerEvent) -> Option<(Style, String)> {
    let line = match event {
        RunnerEvent::Started { recovered: 0 } => (Style::Dim, "runner started; Ctrl-C ends it".to_owned()),
        RunnerEvent::Started { recovered } => (
            Style::Attention,
            format!("runner started; took over {recovered} job(s) of a runner that is gone"),
        ),
        RunnerEvent::Happened { namespace: _, event } => return happened(event),
        RunnerEvent::Ending { attempt, wish } => {
            (Style::Attention, format!("ending attempt {}: {}", attempt.short(), wanted(*wish)))
        }
        RunnerEvent::Stale { attempt } => (
            Style::Attention,
            format!("attempt {} ended after its job had moved on; nothing changed", attempt.short()),
        ),
        RunnerEvent::StoreTrouble { error } => (
            Style::Bad,
            format!("the store can't be used: {error}; running agents go on, and so do we when it is mended"),
        ),
        RunnerEvent::StoreMended => (Style::Good, "the store can be used again".to_owned()),
        RunnerEvent::Draining { running: 0 } => (Style::Attention, "ending".to_owned()),
        RunnerEvent::Draining { running } => (
            Style::Attention,
            format!("taking no more jobs; waiting for {running}; Ctrl-C again stops them now"),
        ),
        RunnerEvent::Stopping { running } => {
            (Style::Attention, format!("stopping {running} job(s); they are pending again"))
        }
        RunnerEvent::HandedOver { running } => (
            Style::Attention,
            format!("{running} agent(s) go on and wait for the next runner, for 10 minutes at least"),
        ),
        RunnerEvent::DaySpent { day } => (Style::Attention, day_spent(day)),
        RunnerEvent::DayGoesOn { namespace } => {
            (Style::Good, format!("jobs of {} go on: the day's budget has room for them", namespace.as_str()))
        }
        RunnerEvent::Fired { schedule } => return fired(schedule),
        RunnerEvent::Ended { finished } => (Style::Dim, format!("runner ended after {finished} attempt(s)")),
    };
    Some(line)
}

fn fired(schedule: &FiredSchedule) -> Option<(Style, String)> {
    let is_bad = schedule.paused.is_some()
        || schedule.decided.iter().any(|one| one.decision == FiringDecision::Refused);
    let style = if is_bad { Style::Bad } else { Style::Plain };
    output::schedule::fired(schedule).map(|words| (style, words))
}

fn happened(event: &HistoryEvent) -> Option<(Style, String)> {
    let job = job(event);
    let assignment = format!("assignment {}", event.assignment.short());
    let detail = |name: &str| event.detail(name).unwrap_or_default().to_owned();
    let because = |text: String| if text.is_empty() { text } else { format!(": {text}") };
    Some(match event.kind {
        EventKind::AssignmentCreated => {
            (Style::Plain, format!("{assignment} created: {}", detail("northStar")))
        }
        EventKind::AssignmentActivated => (Style::Plain, format!("{assignment} active again")),
        EventKind::AssignmentBlocked => {
            let question =
                event.detail("question").map(|asked| format!(" Question: {asked}")).unwrap_or_default();
            (Style::Bad, format!("{assignment} blocked{}{question}", because(detail("reason"))))
        }
        EventKind::AssignmentCompleted => {
            let how = if event.detail("forced").is_some() { "complete by force" } else { "complete" };
            (Style::Good, format!("{assignment} {how}{}", because(detail("reason"))))
        }
        EventKind::AssignmentFailed => {
            (Style::Bad, format!("{assignment} failed{}", because(detail("reason"))))
        }
        EventKind::AssignmentCancelled => {
            (Style::Attention, format!("{assignment} cancelled{}", because(detail("reason"))))
        }
        EventKind::AssignmentNoted => (Style::Dim, format!("{assignment} noted: {}", detail("note"))),
        EventKind::AssignmentPaused => (Style::Attention, format!("{assignment} paused")),
        EventKind::AssignmentResumed => (Style::Plain, format!("{assignment} resumed")),
        EventKind::JobInserted => (Style::Dim, format!("{job} inserted for {}", detail("harness"))),
        EventKind::JobStarted => (Style::Plain, started(event, &job)),
        EventKind::JobCompleted => (Style::Good, format!("{job} completed{}", because(detail("result")))),
        EventKind::JobFailed => {
            (Style::Bad, format!("{job} failed ({}): {}", detail("outcome"), detail("message")))
        }
        EventKind::JobRetried => {
            let why = detail("message");
            (
                Style::Attention,
                format!("{job} pending again ({}), from {}: {why}", detail("outcome"), detail("at")),
            )
        }
        EventKind::JobCancelled => {
            (Style::Attention, format!("{job} cancelled{}", because(detail("reason"))))
        }
        EventKind::HarnessCooledDown => (Style::Attention, cooled_down(event)),
        EventKind::CancelRequested => (Style::Attention, format!("{job} is to be cancelled")),
        EventKind::PauseRequested => (Style::Attention, format!("{job} is to be paused")),
        EventKind::RetryRequested => (Style::Plain, format!("{job} is to be done now")),
        EventKind::DecisionApplied => {
            (Style::Plain, format!("{job} decided {}{}", detail("decision"), because(detail("reason"))))
        }
        EventKind::DecisionInvalid => {
            (Style::Attention, format!("{job} gave no valid decision: {}", detail("message")))
        }
        EventKind::AttemptTakenOver => (Style::Plain, format!("{job} goes on under this runner")),
        EventKind::AttemptEnded => {
            let killed = event.detail("killed")?;
            (Style::Dim, format!("{job}: ended what it had left running: {killed}"))
        }
        EventKind::CheckRan
        | EventKind::CheckpointMade
        | EventKind::FindingMade
        | EventKind::CompletionRefused
        | EventKind::ProofChanged
        | EventKind::NothingGained
        | EventKind::BranchMoved => return evidence_line::told(event, &job),
        EventKind::StepWaits => {
            let (step, what) = (detail("step"), detail("for"));
            (
                Style::Attention,
                format!("{assignment} step {step} waits for {what}{}", because(detail("question"))),
            )
        }
        EventKind::StepAnswered => {
            (Style::Plain, format!("{assignment} {}{}", detail("answer"), because(detail("comment"))))
        }
        EventKind::DecisionStaged => return None,
    })
}

fn cooled_down(event: &HistoryEvent) -> String {
    let detail = |name: &str| event.detail(name).unwrap_or_default();
    let until = detail("until");
    let until = until.parse::<jiff::Timestamp>().map_or_else(
        |_| until.to_owned(),
        |moment| time::local(Timestamp::from_millis(moment.as_millisecond()), event.at),
    );
    let (harness, why) = (detail("harness"), detail("outcome"));
    format!("{harness} cools down until {until} ({why}): {}", detail("message"))
}

fn day_spent(day: &DayLine) -> String {
    let until = budget::day_over(day).map_or_else(String::new, |until| format!(" until {until}"));
    format!("jobs of {} wait for the day's budget ({}){until}", day.namespace.as_str(), budget::day(day))
}

fn wanted(wish: Wish) -> &'static str {
    match wish {
        Wish::Cancel => "a person has cancelled it",
        Wish::Pause => "a person has paused its assignment",
    }
}

fn started(event: &HistoryEvent, job: &str) -> String {
    let harness = event.detail("harness").unwrap_or_default();
    let harness = match event.detail("insteadOf") {
        Some(other) => format!("{harness} instead of {other}, which cools down"),
        None => harness.to_owned(),
    };
    match event.detail("number") {
        None | Some("1") => format!("{job} started with {harness}"),
        Some(number) => format!("{job} started with {harness}, attempt {number}"),
    }
}

/// The job of the event; a run by its own id, which `agents run-show` takes.
fn job(event: &HistoryEvent) -> String {
    match event.detail("type") {
        Some("run") => format!("run {}", event.assignment.short()),
        kind => format!("{} {}", kind.unwrap_or("job"), event.job.map(|job| job.short()).unwrap_or_default()),
    }
}

/// The event as one JSON object.
pub fn json(event: &RunnerEvent, now: Timestamp) -> Value {
    let about =
        |kind: &str, name: &str, value: Value| object!({"at": now.to_string(), "event": kind, name: value});
    match event {
        RunnerEvent::Started { recovered } => about("runner_started", "recovered", (*recovered).into()),
        RunnerEvent::Happened { namespace, event } => object!({
            "at": event.at.to_string(),
            "event": event.kind.as_str(),
            "namespace": namespace.as_str(),
            "assignmentId": event.assignment.to_string(),
            "jobId": event.job.map(|id| id.to_string()),
            "attemptId": event.attempt.map(|id| id.to_string()),
            "details": event.details.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        }),
        RunnerEvent::Ending { attempt, wish } => object!({
            "at": now.to_string(),
            "event": "ending_attempt",
            "attemptId": attempt.to_string(),
            "wish": match wish {
                Wish::Cancel => "cancel",
                Wish::Pause => "pause",
            },
        }),
        RunnerEvent::Stale { attempt } => about("stale_attempt", "attemptId", attempt.to_string().into()),
        RunnerEvent::StoreTrouble { error } => about("store_trouble", "error", error.as_str().into()),
        RunnerEvent::StoreMended => object!({"at": now.to_string(), "event": "store_mended"}),
        RunnerEvent::Draining { running } => about("draining", "running", (*running).into()),
        RunnerEvent::Stopping { running } => about("stopping", "running", (*running).into()),
        RunnerEvent::HandedOver { running } => about("handed_over", "running", (*running).into()),
        RunnerEvent::DaySpent { day } => object!({
            "at": now.to_string(),
            "event": "day_spent",
            "namespace": day.namespace.as_str(),
            "spent": budget::day(day),
            "until": budget::day_over(day).map(|until| until.to_string()),
        }),
        RunnerEvent::DayGoesOn { namespace } => about("day_goes_on", "namespace", namespace.as_str().into()),
        RunnerEvent::Fired { schedule } => object!({
            "at": now.to_string(),
            "event": "schedule_fired",
            "namespace": schedule.namespace.as_str(),
            "schedule": schedule.name,
            "decided": schedule.decided.iter().map(|one| object!({
                "dueAt": one.due.to_string(),
                "decision": one.decision.as_str(),
                "dueTimes": one.count,
                "reason": one.reason,
            })).collect::<Vec<_>>(),
            "runs": schedule.started.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "cancelled": schedule.cancelled.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "paused": schedule.paused,
        }),
        RunnerEvent::Ended { finished } => about("runner_ended", "finished", (*finished).into()),
    }
}
