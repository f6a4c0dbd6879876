//! Schedules in a file: what `agents schedule export` writes and `agents schedule import` reads. The keys are the options
//! of the command line.

use std::time::Duration;

use agents_domain::schedule::entry::{PatternKind, Schedule, Standing, Terms};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::schedule_options::{MissedName, OverlapName, RuleOptions, WhenOptions};

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    pub schedules: Vec<Entry>,
}

/// One schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    create: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    params: serde_json::Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catchup_cap: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catchup_window: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overlap: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// A number, or `never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_pause_after: Option<Value>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

impl Entry {
    /// The schedule as a file has it.
    pub fn of(schedule: &Schedule) -> Self {
        let terms = &schedule.terms;
        let pattern = |kind| (terms.kind == kind).then(|| terms.pattern.clone());
        let (run, create, workflow) = match &terms.start {
            Start::Definition { name, params: _ } => (Some(name.clone()), None, None),
            Start::NorthStar { template, params: _ } => (None, Some(template.clone()), None),
            Start::Workflow { name, params: _ } => (None, None, Some(name.clone())),
        };
        let (cap, window) = match terms.missed {
            MissedPolicy::Catchup { cap, window } => (Some(cap), window),
            MissedPolicy::Last | MissedPolicy::Skip => (None, None),
        };
        let params = match serde_json::from_str(terms.start.params()) {
            Ok(Value::Object(params)) => params,
            Ok(_) | Err(_) => Default::default(),
        };
        Self {
            name: schedule.name.clone(),
            cron: pattern(PatternKind::Cron),
            every: pattern(PatternKind::Every),
            at: pattern(PatternKind::At),
            zone: Some(terms.zone.clone()),
            run,
            create,
            workflow,
            params,
            missed: Some(terms.missed.as_str().to_owned()),
            catchup_cap: cap,
            catchup_window: window.map(span),
            overlap: Some(terms.overlap.as_str().to_owned()),
            jitter: Some(terms.jitter).filter(|jitter| !jitter.is_zero()).map(span),
            from: terms.from.map(|at: Timestamp| at.to_string()),
            until: terms.until.map(|at| at.to_string()),
            auto_pause_after: Some(terms.auto_pause_after.map_or_else(|| "never".into(), Value::from)),
            enabled: schedule.standing != Standing::Off,
        }
    }

    /// What it says, as the command line would.
    pub fn terms(&self) -> Result<Terms, Failure> {
        let patterns = [&self.cron, &self.every, &self.at].into_iter().flatten().count();
        if patterns != 1 {
            return Err(Failure::usage("exactly one of cron, every and at is needed"));
        }
        if [&self.run, &self.create, &self.workflow].into_iter().flatten().count() > 1 {
            return Err(Failure::usage("only one of run, create and workflow may be there"));
        }
        let when = WhenOptions {
            cron: self.cron.clone(),
            every: self.every.clone(),
            at: self.at.clone(),
            zone: self.zone.clone(),
            from: self.from.clone(),
            until: self.until.clone(),
        };
        let mut terms = self.rules()?.terms(&when)?;
        let params = Value::Object(self.params.clone()).to_string();
        terms.start = match terms.start {
            Start::Definition { name, .. } => Start::Definition { name, params },
            Start::NorthStar { template, .. } => Start::NorthStar { template, params },
            Start::Workflow { name, .. } => Start::Workflow { name, params },
        };
        Ok(terms)
    }

    fn rules(&self) -> Result<RuleOptions, Failure> {
        let one_of =
            |key: &str, text: &str, all: &str| Failure::usage(format!("{key}: `{text}` is not one of {all}"));
        let missed = match self.missed.as_deref() {
            None => None,
            Some("catchup") => Some(MissedName::Catchup),
            Some("last") => Some(MissedName::Last),
            Some("skip") => Some(MissedName::Skip),
            Some(other) => return Err(one_of("missed", other, "catchup, last, skip")),
        };
        let overlap = self.overlap.as_deref().map(|name| {
            let found = Overlap::from_name(name)
                .ok_or_else(|| one_of("overlap", name, "skip, queue, cancel-previous"))?;
            Ok::<_, Failure>(match found {
                Overlap::Skip => OverlapName::Skip,
                Overlap::Queue => OverlapName::Queue,
                Overlap::CancelPrevious => OverlapName::CancelPrevious,
            })
        });
        let window = self.catchup_window.as_deref().map(|text| {
            crate::job_input::milliseconds(text)
                .map_err(|why| Failure::usage(format!("catchupWindow: {why}")))
        });
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let auto_pause_after = self.auto_pause_after.as_ref().map(word);
        Ok(RuleOptions {
            run: self.run.clone(),
            create: self.create.clone(),
            workflow: self.workflow.clone(),
            params: Vec::new(),
            missed,
            catchup_cap: self.catchup_cap,
            catchup_window: window.transpose()?,
            overlap: overlap.transpose()?,
            jitter: self.jitter.clone(),
            auto_pause_after,
        })
    }
}

/// In the largest unit that divides it, as the options take it.
pub fn span(span: Duration) -> String {
    let millis = span.as_millis();
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
        .into_iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}
