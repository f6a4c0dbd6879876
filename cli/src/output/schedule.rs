//! Schedules for people and as JSON: when each is due next, by which rules, and what was decided for its due times.

use agents_calendar::Zone;
use agents_domain::run::RunStatus;
use agents_domain::schedule::entry::{Schedule, Standing};
use agents_domain::schedule::firing::{Decision, Firing};
use agents_domain::schedule::schedules::FiredSchedule;
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::schedule::timetable;
use serde::Serialize;
use serde_json::Value;

use super::table::{Cell, Table};
use super::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use super::time;
use crate::schedule_file::span;

/// A schedule in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    id: String,
    namespace: String,
    name: String,
    /// `on`, `off`, `paused`, or `done`: nothing will be due any more.
    status: &'static str,
    pattern_kind: &'static str,
    pattern: String,
    /// In words, with the zone.
    words: String,
    zone: String,
    run: Option<String>,
    create: Option<String>,
    workflow: Option<String>,
    params: Value,
    missed: &'static str,
    catchup_cap: Option<u32>,
    catchup_window_ms: Option<u64>,
    overlap: &'static str,
    jitter_ms: u64,
    from: Option<String>,
    until: Option<String>,
    auto_pause_after: Option<u32>,
    paused_at: Option<String>,
    paused_reason: Option<String>,
    /// Why what it starts can't be started, if that is known: its definition is gone, or wrong.
    broken: Option<String>,
    next_run_at: Option<String>,
    last_run_at: Option<String>,
    last_outcome: Option<&'static str>,
    failures: u32,
    created_at: String,
    updated_at: String,
    revision: u32,
}

impl ScheduleView {
    pub fn new(schedule: &Schedule) -> Self {
        let (terms, progress) = (&schedule.terms, &schedule.progress);
        let (run, create, workflow) = match &terms.start {
            Start::Definition { name, params: _ } => (Some(name.clone()), None, None),
            Start::NorthStar { template, params: _ } => (None, Some(template.clone()), None),
            Start::Workflow { name, params: _ } => (None, None, Some(name.clone())),
        };
        let (cap, window) = match terms.missed {
            MissedPolicy::Catchup { cap, window } => (Some(cap), window.map(millis)),
            MissedPolicy::Last | MissedPolicy::Skip => (None, None),
        };
        let (paused_at, paused_reason) = match &schedule.standing {
            Standing::Paused { at, reason } => (Some(at.to_string()), Some(reason.clone())),
            Standing::On | Standing::Off => (None, None),
        };
        Self {
            id: schedule.id.to_string(),
            namespace: schedule.namespace.to_string(),
            name: schedule.name.clone(),
            status: status(schedule),
            pattern_kind: terms.kind.as_str(),
            pattern: terms.pattern.clone(),
            words: words(schedule),
            zone: terms.zone.clone(),
            run,
            create,
            workflow,
            params: serde_json::from_str(terms.start.params()).unwrap_or_default(),
            missed: terms.missed.as_str(),
            catchup_cap: cap,
            catchup_window_ms: window,
            overlap: terms.overlap.as_str(),
            jitter_ms: millis(terms.jitter),
            from: terms.from.map(|at| at.to_string()),
            until: terms.until.map(|at| at.to_string()),
            auto_pause_after: terms.auto_pause_after,
            paused_at,
            paused_reason,
            broken: None,
            next_run_at: next(schedule).map(|at| at.to_string()),
            last_run_at: progress.last_run_at.map(|at| at.to_string()),
            last_outcome: progress.last_outcome.map(RunStatus::as_str),
            failures: progress.failures,
            created_at: schedule.created_at.to_string(),
            updated_at: schedule.updated_at.to_string(),
            revision: schedule.revision,
        }
    }
}

impl ScheduleView {
    /// With what is wrong with what it starts.
    pub fn broken(mut self, why: Option<&String>) -> Self {
        self.broken = why.cloned();
        self
    }
}

/// What is wrong with what schedules start, by the schedule.
pub type Broken = std::collections::BTreeMap<agents_domain::id::ScheduleId, String>;

/// A firing in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FiringView {
    due_at: String,
    decision: &'static str,
    decided_at: String,
    /// How many due times it stands for.
    due_times: u64,
    run: Option<String>,
    outcome: Option<&'static str>,
    ended_at: Option<String>,
    reason: Option<String>,
}

impl FiringView {
    pub fn new(firing: &Firing) -> Self {
        Self {
            due_at: firing.due.to_string(),
            decision: firing.decision.as_str(),
            decided_at: firing.decided_at.to_string(),
            due_times: firing.count,
            run: firing.run.map(|run| run.to_string()),
            outcome: firing.outcome.map(RunStatus::as_str),
            ended_at: firing.ended_at.map(|at| at.to_string()),
            reason: firing.reason.clone(),
        }
    }
}

/// Moments in UTC and as a zone's clocks show them.
#[derive(Debug, Default, Serialize)]
pub struct Moments(Vec<Moment>);

#[derive(Debug, Serialize)]
struct Moment {
    #[serde(skip)]
    at: Option<Timestamp>,
    utc: String,
    local: String,
}

impl Moments {
    pub fn of(moments: &[Timestamp], zone: &Zone) -> Self {
        let one = |at: &Timestamp| Moment { at: Some(*at), utc: at.to_string(), local: zone.show(*at) };
        Self(moments.iter().map(one).collect())
    }

    /// A line for each.
    pub fn lines(&self, now: Timestamp) -> String {
        if self.0.is_empty() {
            return "  nothing is due any more\n".to_owned();
        }
        let mut table = Table::giving_way(&[]);
        for moment in &self.0 {
            let relative = moment.at.map(|at| time::relative(at, now)).unwrap_or_default();
            table.row(vec![(&moment.local).into(), (&moment.utc).into(), Cell::colored(DIM, relative)]);
        }
        table.render(super::table_width(), "  ")
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn status(schedule: &Schedule) -> &'static str {
    match (&schedule.standing, schedule.progress.next_due) {
        (Standing::On, None) => "done",
        (standing, _) => standing.as_str(),
    }
}

fn status_cell(schedule: &Schedule) -> Cell {
    let color = match schedule.standing {
        Standing::On => CYAN,
        Standing::Off => DIM,
        Standing::Paused { .. } => RED,
    };
    Cell::colored(color, status(schedule))
}

/// When its next run is due. Nothing is while it is off.
fn next(schedule: &Schedule) -> Option<Timestamp> {
    schedule.progress.next_due.filter(|_| schedule.standing.is_on())
}

/// The pattern in words; as it is written, where it can't be read.
pub fn words(schedule: &Schedule) -> String {
    match timetable(&schedule.terms, schedule.created_at) {
        Ok(times) => times.pattern().in_words_with_zone(times.zone()),
        Err(_) => format!("{} {}", schedule.terms.kind.as_str(), schedule.terms.pattern),
    }
}

/// A moment by the zone of the schedule, and how long it is until then.
fn moment(schedule: &Schedule, at: Timestamp, now: Timestamp) -> String {
    let shown = Zone::parse(&schedule.terms.zone).map_or_else(|_| at.to_string(), |zone| zone.show(at));
    // `2026-11-22T09:00:00+01:00[Europe/Berlin]`: the zone is told beside it.
    let short = shown.split('[').next().unwrap_or(&shown).replacen('T', " ", 1);
    format!("{short} ({})", time::relative(at, now))
}

fn outcome(status: RunStatus) -> Cell {
    let color = match status {
        RunStatus::Completed => GREEN,
        RunStatus::Failed => RED,
        RunStatus::Cancelled => YELLOW,
        RunStatus::Pending | RunStatus::Running => CYAN,
    };
    Cell::colored(color, status.as_str())
}

/// What is started, in a few words.
fn what(schedule: &Schedule) -> String {
    match &schedule.terms.start {
        Start::Definition { name, params: _ } => format!("run {name}"),
        Start::NorthStar { template, params: _ } => format!("create \"{template}\""),
        Start::Workflow { name, params: _ } => format!("workflow {name}"),
    }
}

/// The list of `agents schedule list`.
pub fn list(all: &[Schedule], broken: &Broken, now: Timestamp, with_namespace: bool) -> Table {
    let mut header = vec!["SCHEDULE", "STATUS", "NEXT", "LAST", "WHEN", "WHAT"];
    if with_namespace {
        header.insert(1, "NAMESPACE");
    }
    let mut table = Table::giving_way(&header);
    for schedule in all {
        let mut cells = vec![
            (&schedule.name).into(),
            status_cell(schedule),
            next(schedule).map_or_else(|| "-".to_owned(), |at| moment(schedule, at, now)).into(),
            schedule.progress.last_outcome.map_or_else(|| "-".into(), outcome),
            words(schedule).into(),
            what(schedule).into(),
        ];
        if with_namespace {
            cells.insert(1, schedule.namespace.as_str().into());
        }
        table.row(cells);
        if let Standing::Paused { at: _, reason } = &schedule.standing {
            let how = format!("{reason}; `agents schedule enable {}` switches it on again", schedule.name);
            table.below(Cell::colored(RED, how));
        }
        if let Some(why) = broken.get(&schedule.id) {
            table.below(Cell::colored(RED, format!("broken: {why}")));
        }
    }
    table
}

/// What is said of a new schedule.
pub fn created(schedule: &Schedule, now: Timestamp) -> String {
    let head = text::colored(GREEN, "created");
    let next = match next(schedule) {
        Some(at) => format!("next: {}", moment(schedule, at, now)),
        None => format!("it is off; `agents schedule enable {}` switches it on", schedule.name),
    };
    format!("{head} schedule {}: {}\n  {next}\n", schedule.name, words(schedule))
}

/// What is said of a changed one.
pub fn changed(schedule: &Schedule, now: Timestamp) -> String {
    let next = next(schedule).map(|at| format!(", next: {}", moment(schedule, at, now)));
    format!("{} is {}: {}{}\n", schedule.name, status(schedule), words(schedule), next.unwrap_or_default())
}

/// One schedule with what is next and what was.
pub fn detail(
    schedule: &Schedule,
    broken: Option<&String>,
    (next, firings): (&Moments, &[Firing]),
    now: Timestamp,
) -> String {
    let width = super::width();
    let title = text::colored(BOLD, &format!("schedule {}", schedule.name));
    let mut shown = format!("{title}  {}\n  {}\n  {}\n", status(schedule), words(schedule), what(schedule));
    for line in rules(schedule) {
        shown.push_str(&format!("  {line}\n"));
    }
    if let Standing::Paused { at, reason } = &schedule.standing {
        let words = format!("paused {}: {reason}", time::relative(*at, now));
        shown.push_str(&text::wrapped(&words, width, "  "));
        shown.push_str(&format!("  to go on: agents schedule enable {}\n", schedule.name));
    }
    if let Some(why) = broken {
        let words = text::wrapped(&format!("broken: {why}"), width, "  ");
        shown.push_str(&text::colored(RED, &words));
    }
    if schedule.standing.is_on() {
        shown.push_str("\nnext\n");
        shown.push_str(&next.lines(now));
    }
    if !firings.is_empty() {
        shown.push_str("\nfirings\n");
        shown.push_str(&table_of(firings).render(super::table_width(), "  "));
    }
    shown
}

fn rules(schedule: &Schedule) -> Vec<String> {
    let terms = &schedule.terms;
    let missed = match terms.missed {
        MissedPolicy::Catchup { cap, window } => {
            let window =
                window.map_or_else(String::new, |window| format!(", not older than {}", span(window)));
            format!("missed: the latest {cap} are caught up{window}")
        }
        MissedPolicy::Last => "missed: the latest one is caught up".to_owned(),
        MissedPolicy::Skip => "missed: passed over".to_owned(),
    };
    let overlap = match terms.overlap {
        Overlap::Skip => "while the run before is open: passed over",
        Overlap::Queue => "while the run before is open: it waits",
        Overlap::CancelPrevious => "while the run before is open: that one is cancelled",
    };
    let mut lines = vec![missed, overlap.to_owned()];
    if !terms.jitter.is_zero() {
        lines.push(format!("begins up to {} later", span(terms.jitter)));
    }
    lines.extend(terms.from.map(|at| format!("from {at}")));
    lines.extend(terms.until.map(|at| format!("until {at}")));
    lines.push(match terms.auto_pause_after {
        Some(number) => format!("pauses after {} in a row", text::counted(number as usize, "failure")),
        None => "never pauses by itself".to_owned(),
    });
    if terms.start.params() != "{}" {
        lines.push(format!("params {}", terms.start.params()));
    }
    lines
}

fn table_of(firings: &[Firing]) -> Table {
    let mut table = Table::giving_way(&["DUE", "DECISION", "RUN", "OUTCOME", "WHY"]);
    for firing in firings {
        let decision = match firing.count {
            1 => firing.decision.as_str().to_owned(),
            count => format!("{} ({count})", firing.decision.as_str()),
        };
        let open = firing.decision == Decision::Started;
        table.row(vec![
            firing.due.to_string().into(),
            decision.into(),
            firing.run.map_or_else(|| "-".to_owned(), |run| run.short()).into(),
            firing.outcome.map_or_else(|| if open { "open" } else { "-" }.into(), outcome),
            firing.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

/// What a runner says of a firing: everything that was not simply started.
pub fn fired(fired: &FiredSchedule) -> Option<String> {
    let count = |decision| {
        let all = fired.decided.iter().filter(|one| one.decision == decision);
        all.map(|one| one.count).sum::<u64>()
    };
    let mut parts = Vec::new();
    for (decision, words) in [
        (Decision::Started, "started"),
        (Decision::Waiting, "waiting for the run before"),
        (Decision::Missed, "missed and passed over"),
        (Decision::Overlap, "passed over, the run before is open"),
        (Decision::Refused, "could not be started"),
        (Decision::Dropped, "dropped"),
    ] {
        let number = count(decision);
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    let why = fired.decided.iter().rev().find(|one| one.decision == Decision::Refused);
    parts.extend(why.and_then(|one| one.reason.clone()));
    parts.extend(fired.paused.as_ref().map(|why| format!("paused: {why}")));
    (!parts.is_empty()).then(|| format!("schedule {}: {}", fired.name, parts.join("; ")))
}

/// A schedule among those that come next.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextView {
    name: String,
    namespace: String,
    next_run_at: Option<String>,
    what: String,
}

impl NextView {
    pub fn new(schedule: &Schedule) -> Self {
        Self {
            name: schedule.name.clone(),
            namespace: schedule.namespace.to_string(),
            next_run_at: next(schedule).map(|at| at.to_string()),
            what: what(schedule),
        }
    }
}

/// A line of the queue for each.
pub fn next_table(all: &[Schedule], now: Timestamp) -> Table {
    let mut table = Table::new(&[]);
    for schedule in all.iter().filter(|schedule| next(schedule).is_some()) {
        let at = next(schedule).map(|at| moment(schedule, at, now)).unwrap_or_default();
        table.row(vec![(&schedule.name).into(), at.into(), what(schedule).into()]);
    }
    table
}
