//! Schedules in a file: what `agents schedule export` writes and `agents schedule import` reads. The keys are the options
//! of the command line.

mod read;

use std::time::Duration;

use agents_domain::schedule::entry::{PatternKind, Schedule, Standing, Terms};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::schedule::refuse_bad_name;
use crate::failure::Failure;
use crate::schedule_options::{MissedName, OverlapName, RuleOptions, WhenOptions};

pub use read::{Placed, Reading};

/// The whole file.
#[derive(Debug, Serialize)]
pub struct ScheduleFile {
    pub schedules: Vec<Entry>,
}

/// One schedule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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

    fn when(&self) -> WhenOptions {
        WhenOptions {
            cron: self.cron.clone(),
            every: self.every.clone(),
            at: self.at.clone(),
            zone: self.zone.clone(),
            from: self.from.clone(),
            until: self.until.clone(),
        }
    }

    /// Everything that is wrong with it by itself: under which key, and what.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Err(failure) = refuse_bad_name(&self.name) {
            found.push(("name", failure.message));
        }
        let patterns = [&self.cron, &self.every, &self.at].into_iter().flatten().count();
        if patterns != 1 {
            found.push(("", "exactly one of cron, every and at is needed".to_owned()));
        }
        if [&self.run, &self.create, &self.workflow].into_iter().flatten().count() != 1 {
            found.push(("create", "exactly one of run, create and workflow is needed".to_owned()));
        }
        found.extend(self.when().problems().into_iter().map(|(key, failure)| (key, failure.message)));
        for (key, alone) in self.each_rule() {
            found.extend(
                alone.rules().and_then(|rules| rules.refuse_rules()).err().map(|why| (key, why.message)),
            );
        }
        found
    }

    /// The entry with one of its rules alone, under the rule's key.
    fn each_rule(&self) -> [(&'static str, Entry); 5] {
        let bare = Entry { name: self.name.clone(), ..Entry::default() };
        let missed = Entry { missed: self.missed.clone(), catchup_cap: self.catchup_cap, ..bare.clone() };
        // A window without `catchup` is told of once, with the policy.
        let window = Entry {
            missed: self.catchup_window.as_ref().map(|_| "catchup".to_owned()),
            catchup_window: self.catchup_window.clone(),
            ..bare.clone()
        };
        [
            ("missed", missed),
            ("catchupWindow", window),
            ("overlap", Entry { overlap: self.overlap.clone(), ..bare.clone() }),
            ("jitter", Entry { jitter: self.jitter.clone(), ..bare.clone() }),
            ("autoPauseAfter", Entry { auto_pause_after: self.auto_pause_after.clone(), ..bare }),
        ]
    }

    /// What it says, as the command line would.
    pub fn terms(&self) -> Result<Terms, Failure> {
        let when = self.when();
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
