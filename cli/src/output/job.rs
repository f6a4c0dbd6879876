//! Jobs for people: a list of them, and one with all its attempts.

use agents_domain::assignment::Assignment;
use agents_domain::job::{Job, JobStatus};
use agents_domain::outcome::OutcomeClass;
use agents_domain::store::{AttemptRecord, EvidenceRecord, JobDetail, JobLine};
use agents_domain::timestamp::Timestamp;

use super::table::{Cell, Table};
use super::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use super::time;

/// The color of a job's status.
pub fn color(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Pending => "",
        JobStatus::Running => CYAN,
        JobStatus::Completed => GREEN,
        JobStatus::Failed => RED,
        JobStatus::Cancelled => DIM,
    }
}

/// The list of `agents jobs`. `with_namespace`: more than one namespace is listed.
pub fn list(lines: &[JobLine], now: Timestamp, with_namespace: bool) -> String {
    let mut header = vec!["JOB", "TYPE", "HARNESS", "STATUS", "CREATED", "NORTH STAR"];
    if with_namespace {
        header.insert(5, "NAMESPACE");
    }
    let mut table = Table::new(&header);
    for line in lines {
        let status = line.job.status();
        let mut cells = vec![
            line.job.id.short().into(),
            line.job.job_type.as_str().into(),
            done_by(&line.job, line.attempt.as_ref()).into(),
            Cell::colored(color(status), status_words(status, line.job.progress().outcome)),
            time::relative(line.job.created_at, now).into(),
            (&line.north_star).into(),
        ];
        if with_namespace {
            cells.insert(5, line.namespace.as_str().into());
        }
        table.row(cells);
    }
    table.render(super::width(), "")
}

/// The harness that does the job or did it last; of one that waits, the one that it was asked for.
pub fn done_by<'a>(job: &'a Job, latest: Option<&'a AttemptRecord>) -> &'a str {
    match (job.status(), latest) {
        (
            JobStatus::Running | JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled,
            Some(attempt),
        ) => &attempt.harness,
        (JobStatus::Pending, _) | (_, None) => &job.harness,
    }
}

/// The status, and for a job that has failed, how.
pub fn status_words(status: JobStatus, outcome: Option<OutcomeClass>) -> String {
    match (status, outcome) {
        (JobStatus::Failed, Some(class)) => format!("failed: {class}"),
        (JobStatus::Pending, Some(class)) => format!("pending after {class}"),
        (JobStatus::Pending | JobStatus::Failed, None)
        | (JobStatus::Running | JobStatus::Completed | JobStatus::Cancelled, _) => status.as_str().to_owned(),
    }
}

/// One job with its attempts, its context and its result.
pub fn detail(
    assignment: &Assignment,
    (detail, record): (&JobDetail, &EvidenceRecord),
    now: Timestamp,
) -> String {
    let width = super::width();
    let job = &detail.job;
    let status = job.status();
    let said = text::colored(color(status), &status_words(status, job.progress().outcome));
    let title = text::colored(BOLD, &format!("{} job {}", job.job_type, job.id.short()));
    let mut shown = format!("{title}  {said}\n");
    let mut facts = Table::new(&[]);
    let mut fact = |name: &'static str, value: String| {
        facts.row(vec![Cell::colored(DIM, name), value.into()]);
    };
    fact("id", job.id.to_string());
    fact("assignment", format!("{}  {}", assignment.id.short(), assignment.north_star));
    fact("harness", job.harness.clone());
    if let Some(model) = &job.model {
        fact("model", model.clone());
    }
    if let Some(timeout) = job.timeout_ms {
        fact("timeout", time::precise(std::time::Duration::from_millis(timeout)));
    }
    fact("created", time::relative(job.created_at, now));
    shown.push_str(&facts.render(width, "  "));
    if !detail.attempts.is_empty() {
        shown.push_str(&format!(
            "\n{}\n{}",
            text::colored(BOLD, "attempts"),
            attempts(&detail.attempts, now)
        ));
    }
    let measured = super::evidence::of_job(assignment, record, job.id);
    if !measured.is_empty() {
        shown.push_str(&format!("\n{}\n{measured}", text::colored(BOLD, "evidence")));
    }
    if !detail.context.trim().is_empty() {
        shown.push_str(&format!("\n{}\n", text::colored(BOLD, "context")));
        shown.push_str(&text::indented(&detail.context, "  "));
    }
    if let Some(result) = &job.progress().result {
        shown.push_str(&format!("\n{}\n", text::colored(BOLD, "result")));
        shown.push_str(&text::indented(result, "  "));
    }
    shown
}

/// Where what failed attempts have left is kept; nothing if there is none.
pub fn leftovers(leftovers: &[String]) -> String {
    if leftovers.is_empty() {
        return String::new();
    }
    format!(
        "\n{}\n{}",
        text::colored(BOLD, "leftovers of failed attempts"),
        text::indented(&leftovers.join("\n"), "  ")
    )
}

/// Attempts in a table.
pub fn attempts(attempts: &[AttemptRecord], now: Timestamp) -> String {
    let mut table = Table::new(&["#", "HARNESS", "OUTCOME", "STARTED", "TOOK", "TOKENS", "COST", "MODEL"]);
    for attempt in attempts {
        let (outcome, color) = match attempt.outcome {
            None if attempt.pause_requested && !attempt.cancel_requested => ("being paused", YELLOW),
            None if attempt.cancel_requested => ("being stopped", YELLOW),
            None => ("running", CYAN),
            Some(OutcomeClass::Success) => ("success", GREEN),
            Some(class) => (class.as_str(), RED),
        };
        let took = attempt.ended_at.unwrap_or(now).since(attempt.started_at);
        table.row(vec![
            attempt.number.to_string().into(),
            (&attempt.harness).into(),
            Cell::colored(color, outcome),
            time::relative(attempt.started_at, now).into(),
            time::precise(took).into(),
            attempt.usage.as_ref().map_or_else(|| "-".to_owned(), |usage| usage.total().to_string()).into(),
            attempt.cost.map_or_else(|| "-".to_owned(), time::money).into(),
            attempt.model.as_deref().unwrap_or("-").into(),
        ]);
        if attempt.outcome != Some(OutcomeClass::Success)
            && let Some(message) = attempt.message.as_deref().or(attempt.last_activity.as_deref())
        {
            table.below(Cell::colored(DIM, message));
        }
    }
    table.render(super::width(), "  ")
}
