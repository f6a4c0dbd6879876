//! Assignments for people: a list of them, one with its jobs, and its history.

use agents_domain::assignment::{Assignment, AssignmentStatus};
use agents_domain::director::Director;
use agents_domain::history::HistoryEvent;
use agents_domain::store::{AssignmentLine, JobDetail};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;

use super::budget;
use super::job::{color as job_color, done_by, status_words};
use super::table::{Cell, Table};
use super::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use super::time;

fn color(status: AssignmentStatus) -> &'static str {
    match status {
        AssignmentStatus::Active => CYAN,
        AssignmentStatus::Blocked | AssignmentStatus::Failed => RED,
        AssignmentStatus::Complete => GREEN,
        AssignmentStatus::Cancelled => DIM,
    }
}

fn status(assignment: &Assignment) -> Cell {
    let words = match (assignment.status(), assignment.is_paused()) {
        (AssignmentStatus::Active, true) => "paused",
        (AssignmentStatus::Active, false) if assignment.is_held() => "held",
        (status, false) => status.as_str(),
        (status, true) => return Cell::colored(color(status), format!("{}, paused", status.as_str())),
    };
    Cell::colored(color(assignment.status()), words)
}

/// The list of `agents assignments`. `with_namespace`: more than one namespace is listed.
pub fn list(lines: &[AssignmentLine], now: Timestamp, with_namespace: bool) -> String {
    let mut header = vec!["ASSIGNMENT", "STATUS", "JOBS", "COST", "UPDATED", "NORTH STAR"];
    if with_namespace {
        header.insert(5, "NAMESPACE");
    }
    let mut table = Table::new(&header);
    for line in lines {
        let assignment = &line.assignment;
        let mut cells = vec![
            assignment.id.short().into(),
            status(assignment),
            format!("{}/{}", line.finished_jobs, line.jobs).into(),
            line.cost.map_or_else(|| "-".to_owned(), time::money).into(),
            time::relative(assignment.updated_at(), now).into(),
            (&assignment.north_star).into(),
        ];
        if with_namespace {
            cells.insert(5, assignment.namespace.as_str().into());
        }
        table.row(cells);
    }
    table.render(super::width(), "")
}

/// One assignment with its jobs.
pub fn detail(assignment: &Assignment, jobs: &[JobDetail], now: Timestamp) -> String {
    let width = super::width();
    let state = assignment.status();
    let mut words =
        if assignment.is_held() { "held: it waits for its first job" } else { state.as_str() }.to_owned();
    if assignment.is_paused() {
        words.push_str(", paused: it starts no job");
    }
    let title = text::colored(BOLD, &format!("assignment {}", assignment.id.short()));
    let mut shown = format!("{title}  {}\n", text::colored(color(state), &words));
    shown.push_str(&text::wrapped(&assignment.north_star, width, "  "));
    shown.push('\n');
    shown.push_str(&facts(assignment, jobs, now).render(width, "  "));
    let said =
        [("reason", assignment.reason()), ("question", assignment.question()), ("note", assignment.note())];
    for (name, said) in said {
        if let Some(said) = said {
            shown.push_str(&format!("\n{}\n", text::colored(BOLD, name)));
            shown.push_str(&text::wrapped(said, width, "  "));
        }
    }
    if !jobs.is_empty() {
        shown.push_str(&format!(
            "\n{}\n{}",
            text::colored(BOLD, "jobs"),
            job_table(jobs, now).render(width, "  ")
        ));
    }
    shown.push_str(&next_step(assignment));
    shown
}

fn facts(assignment: &Assignment, jobs: &[JobDetail], now: Timestamp) -> Table {
    let mut facts = Table::new(&[]);
    let mut fact =
        |name: &'static str, value: String| facts.row(vec![Cell::colored(DIM, name), value.into()]);
    fact("id", assignment.id.to_string());
    fact("namespace", assignment.namespace.to_string());
    fact("workspace", assignment.workspace.clone());
    if let Some(worktree) = &assignment.worktree {
        fact("worktree", worktree.path.clone());
        fact("branch", worktree.branch.clone());
    }
    fact("created", time::relative(assignment.created_at, now));
    let real = jobs.iter().filter(|detail| !detail.job.shadow).count();
    let most = match assignment.director {
        Director::Workflow => String::new(),
        Director::Pm | Director::None => format!(" of at most {}", assignment.max_jobs),
    };
    fact("jobs", format!("{real}{most}"));
    if let Some(cost) = whole_cost(jobs) {
        fact("cost", cost);
    }
    if let Some(tokens) = budget::unknown_tokens(&assignment.budget().spent) {
        fact("tokens", tokens);
    }
    for (name, said) in super::evidence::short(assignment) {
        fact(name, said);
    }
    budget::lines(assignment).into_iter().for_each(|line| fact("limit", line));
    facts
}

/// What all the attempts have cost. Those that run still may become known.
fn whole_cost(jobs: &[JobDetail]) -> Option<String> {
    let attempts = || jobs.iter().flat_map(|detail| &detail.attempts);
    let unknown = attempts().filter(|attempt| attempt.ended_at.is_some() && attempt.cost.is_none()).count();
    let any = attempts().any(|attempt| attempt.cost.is_some());
    (any || unknown > 0).then(|| budget::known_cost(total_cost(jobs).unwrap_or_default(), unknown as u64))?
}

fn total_cost(jobs: &[JobDetail]) -> Option<MicroUsd> {
    let costs = jobs.iter().flat_map(|detail| &detail.attempts).filter_map(|attempt| attempt.cost);
    costs.map(MicroUsd::as_micros).reduce(i64::saturating_add).map(MicroUsd::from_micros)
}

fn job_table(jobs: &[JobDetail], now: Timestamp) -> Table {
    let mut table = Table::new(&["JOB", "TYPE", "HARNESS", "STATUS", "TOOK", "COST", "RESULT"]);
    for detail in jobs {
        let job = &detail.job;
        let status = job.status();
        let took = match (detail.attempts.first(), detail.attempts.last()) {
            (Some(first), Some(last)) => time::precise(last.ended_at.unwrap_or(now).since(first.started_at)),
            (None, _) | (_, None) => "-".to_owned(),
        };
        let cost = total_cost(std::slice::from_ref(detail)).map_or_else(|| "-".to_owned(), time::money);
        let activity = detail.attempts.last().and_then(|attempt| attempt.last_activity.as_deref());
        let result = job.progress().result.as_deref().or(activity).unwrap_or_default();
        let dim = if job.shadow { DIM } else { "" };
        table.row(vec![
            Cell::colored(dim, job.id.short()),
            Cell::colored(dim, job.job_type.as_str()),
            Cell::colored(dim, done_by(job, detail.attempts.last())),
            Cell::colored(job_color(status), status_words(status, job.progress().outcome)),
            took.into(),
            cost.into(),
            Cell::colored(dim, text::fit(result, 200)),
        ]);
    }
    table
}

fn next_step(assignment: &Assignment) -> String {
    let id = assignment.id.short();
    let said = match assignment.status() {
        AssignmentStatus::Active if assignment.is_paused() => format!("go on: agents resume {id}"),
        AssignmentStatus::Active if assignment.is_held() => {
            format!("give it its first job: agents insert-job {id} --type plan --context \"…\"")
        }
        AssignmentStatus::Active => return String::new(),
        AssignmentStatus::Blocked if assignment.is_paused() => {
            format!(
                "go on: agents resume {id}, and agents update-assignment {id} --status active --note \"…\""
            )
        }
        AssignmentStatus::Blocked => {
            format!("go on: agents update-assignment {id} --status active --note \"…\"")
        }
        AssignmentStatus::Failed => format!("do it again: agents replay {id}"),
        AssignmentStatus::Complete | AssignmentStatus::Cancelled => {
            format!("reopen: agents update-assignment {id} --status active --note \"…\"")
        }
    };
    let color = if assignment.status() == AssignmentStatus::Blocked { YELLOW } else { DIM };
    format!("\n{}\n", text::colored(color, &said))
}

/// What happened, oldest first.
pub fn history(events: &[HistoryEvent]) -> String {
    let mut table = Table::new(&["AT (UTC)", "WHAT", "JOB", "DETAILS"]);
    for event in events {
        let details: Vec<String> =
            event.details.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.row(vec![
            Cell::colored(DIM, time::clock(event.at)),
            event.kind.as_str().into(),
            event.job.map(|id| id.short()).unwrap_or_default().into(),
            details.join(" ").into(),
        ]);
    }
    table.render(super::width(), "")
}
