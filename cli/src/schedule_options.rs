//! The options that say what a schedule is: when something is due, what is started, and by which rules.

use std::time::Duration;

use agents_calendar::{Pattern, Timetable, Zone};
use agents_domain::schedule::entry::{AUTO_PAUSE, LARGEST_CAP, LONGEST_JITTER, PatternKind, Terms};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::Start;
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::schedule::timetable;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::job_input;

/// How many missed due times `catchup` fires when nobody says so.
const DEFAULT_CAP: u32 = 10;

/// How old a missed due time may be that `catchup` fires, when nobody says so: a day.
const DEFAULT_WINDOW: Duration = Duration::from_secs(86_400);

/// The word that takes a date away.
const NONE: &str = "none";

/// When something is due.
#[derive(Debug, Clone, Default, Args)]
pub struct WhenOptions {
    /// At the times of this cron pattern: minute, hour, day of month, month, day of week; or @daily and its kin
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true, group = "when")]
    pub cron: Option<String>,
    /// Every so often: 90s, 15m, 2h, 1d
    #[arg(long, value_name = "INTERVAL", group = "when")]
    pub every: Option<String>,
    /// Once, at this moment: 2026-12-24T18:00, by the clock of the zone
    #[arg(long, value_name = "TIME", group = "when")]
    pub at: Option<String>,
    /// The time zone by whose clock it goes, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Nothing is due before this moment; `none`: no such limit
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Nothing is due at this moment or later; `none`: no such limit
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// What is started, and by which rules.
#[derive(Debug, Clone, Default, Args)]
pub struct RuleOptions {
    /// Run this definition
    #[arg(long, value_name = "DEFINITION", conflicts_with = "create")]
    pub run: Option<String>,
    /// Create an assignment with this north star, which a PM leads; `{{ params.x }}` is filled in
    #[arg(long, value_name = "NORTH STAR")]
    pub create: Option<String>,
    /// Start this workflow
    #[arg(long, value_name = "WORKFLOW", conflicts_with_all = ["run", "create"])]
    pub workflow: Option<String>,
    /// A param of what is started (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub params: Vec<String>,
    /// What happens to due times that were missed because no runner was there [default: last]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub missed: Option<MissedName>,
    /// With `--missed catchup`: at most so many are fired, the latest [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(LARGEST_CAP)))]
    pub catchup_cap: Option<u32>,
    /// With `--missed catchup`: only those that are not older [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = job_input::milliseconds)]
    pub catchup_window: Option<u64>,
    /// What happens while the run before is still open [default: skip; queue with `--missed catchup`]
    #[arg(long, value_enum, value_name = "RULE")]
    pub overlap: Option<OverlapName>,
    /// Begin up to so much later, so that not everything begins at once (0s: at the due time)
    #[arg(long, value_name = "TIME")]
    pub jitter: Option<String>,
    /// Pause after so many failures in a row, or `never` [default: 5]
    #[arg(long, value_name = "N")]
    pub auto_pause_after: Option<String>,
}

/// A [`MissedPolicy`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissedName {
    /// The latest of them are fired, up to a cap and not older than a window
    Catchup,
    /// The latest one is fired
    Last,
    /// None is fired
    Skip,
}

/// An [`Overlap`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverlapName {
    /// The due time is passed over
    Skip,
    /// Its run waits for the end of the one before
    Queue,
    /// The one before is cancelled
    CancelPrevious,
}

impl WhenOptions {
    /// Whether something is due at all by these options.
    pub fn has_pattern(&self) -> bool {
        self.cron.is_some() || self.every.is_some() || self.at.is_some()
    }

    /// The zone that is named, or the one of `before`, or the system's.
    pub fn zone(&self, before: Option<&str>) -> Result<Zone, Failure> {
        let named = self.zone.as_deref().or(before);
        let zone = named.map_or_else(|| Ok(system_zone()), Zone::parse);
        zone.map_err(|error| Failure::usage(format!("--zone: {error}")))
    }

    /// The pattern that is named, read.
    fn pattern(&self, zone: &Zone) -> Result<Option<(PatternKind, String)>, Failure> {
        let (kind, text, read) = match (&self.cron, &self.every, &self.at) {
            (Some(text), _, _) => (PatternKind::Cron, text, Pattern::cron(text)),
            (_, Some(text), _) => (PatternKind::Every, text, Pattern::interval(text)),
            (_, _, Some(text)) => (PatternKind::At, text, Pattern::once(text, zone)),
            (None, None, None) => return Ok(None),
        };
        read.map_err(|error| Failure::usage(format!("--{}: {error}", kind.as_str())))?;
        Ok(Some((kind, text.trim().to_owned())))
    }

    /// Everything that is wrong with them, each under its name.
    pub fn problems(&self) -> Vec<(&'static str, Failure)> {
        let mut found = Vec::new();
        let zone = self.zone(None).unwrap_or_else(|failure| {
            found.push(("zone", failure));
            Zone::utc()
        });
        let key = match (&self.cron, &self.every) {
            (Some(_), _) => "cron",
            (None, Some(_)) => "every",
            (None, None) => "at",
        };
        found.extend(self.pattern(&zone).err().map(|failure| (key, failure)));
        for (key, option, text) in [("from", "--from", &self.from), ("until", "--until", &self.until)] {
            found.extend(date(text.as_deref(), option, (&zone, None)).err().map(|failure| (key, failure)));
        }
        found
    }

    /// Puts what is said into the terms.
    fn apply(&self, terms: &mut Terms) -> Result<(), Failure> {
        let zone = self.zone(Some(&terms.zone).filter(|zone| !zone.is_empty()).map(String::as_str))?;
        if let Some((kind, text)) = self.pattern(&zone)? {
            (terms.kind, terms.pattern) = (kind, text);
        }
        terms.from = date(self.from.as_deref(), "--from", (&zone, terms.from))?;
        terms.until = date(self.until.as_deref(), "--until", (&zone, terms.until))?;
        terms.zone = zone.name().to_owned();
        Ok(())
    }
}

/// What a person should know of the times that were written, by the zone that holds: one that no clock shows was moved.
pub fn moved(when: &WhenOptions, zone: &str) -> Vec<String> {
    let Ok(zone) = Zone::parse(zone) else { return Vec::new() };
    let options = [("--at", &when.at), ("--from", &when.from), ("--until", &when.until)];
    let told = options.into_iter().filter_map(|(option, text)| {
        let text = text.as_deref().filter(|text| zone.skips(text))?;
        let to = zone.show(zone.moment(text).ok()?);
        Some(format!(
            "{option}: the clocks of {} skip {text}, since they are set forward then; it is taken as {to}",
            zone.name()
        ))
    });
    told.collect()
}

fn date(
    text: Option<&str>,
    option: &str,
    (zone, before): (&Zone, Option<Timestamp>),
) -> Result<Option<Timestamp>, Failure> {
    match text {
        None => Ok(before),
        Some(NONE) => Ok(None),
        Some(text) => {
            let moment = zone.moment(text);
            moment.map(Some).map_err(|error| Failure::usage(format!("{option}: {error}")))
        }
    }
}

/// The zone of this machine by its name; UTC where it has none.
pub fn system_zone() -> Zone {
    let system = jiff::tz::TimeZone::system();
    system.iana_name().and_then(|name| Zone::parse(name).ok()).unwrap_or_else(Zone::utc)
}

impl RuleOptions {
    /// Refuses rules that no schedule can have, whatever it starts and when.
    pub fn refuse_rules(&self) -> Result<(), Failure> {
        self.apply_rules(&mut blank())
    }

    /// The terms of a new schedule.
    pub fn terms(&self, when: &WhenOptions) -> Result<Terms, Failure> {
        if !when.has_pattern() {
            return Err(Failure::usage("it is not said when something is due")
                .hint("--cron \"0 9 * * MON-FRI\", --every 15m, or --at 2026-12-24T18:00"));
        }
        if self.names_nothing() {
            return Err(Failure::usage("it is not said what is started")
                .hint("--run <definition>, --workflow <workflow>, or --create \"<north star>\""));
        }
        let mut terms = blank();
        self.apply(when, &mut terms)?;
        // Of several that are caught up, `skip` would start the first alone.
        if matches!(terms.missed, MissedPolicy::Catchup { .. }) && self.overlap.is_none() {
            terms.overlap = Overlap::Queue;
        }
        Ok(terms)
    }

    /// Puts what is said into the terms.
    pub fn apply(&self, when: &WhenOptions, terms: &mut Terms) -> Result<(), Failure> {
        when.apply(terms)?;
        self.apply_start(terms)?;
        self.apply_rules(terms)
    }

    fn apply_rules(&self, terms: &mut Terms) -> Result<(), Failure> {
        self.apply_missed(terms)?;
        if let Some(overlap) = self.overlap {
            terms.overlap = match overlap {
                OverlapName::Skip => Overlap::Skip,
                OverlapName::Queue => Overlap::Queue,
                OverlapName::CancelPrevious => Overlap::CancelPrevious,
            };
        }
        if let Some(text) = &self.jitter {
            terms.jitter = jitter(text)?;
        }
        if let Some(text) = &self.auto_pause_after {
            terms.auto_pause_after = auto_pause(text)?;
        }
        Ok(())
    }

    /// Nothing says what is started.
    fn names_nothing(&self) -> bool {
        self.run.is_none() && self.create.is_none() && self.workflow.is_none()
    }

    fn apply_start(&self, terms: &mut Terms) -> Result<(), Failure> {
        let before = terms.start.clone();
        let params = if self.params.is_empty() && self.names_nothing() {
            before.params().to_owned()
        } else {
            params(&self.params)?
        };
        if let Some(name) = &self.workflow {
            terms.start = Start::Workflow { name: name.clone(), params };
            return Ok(());
        }
        terms.start = match (&self.run, &self.create, before) {
            (Some(name), _, _) => Start::Definition { name: name.clone(), params },
            (None, Some(text), _) if text.trim().is_empty() => {
                return Err(Failure::usage("--create: the north star is empty"));
            }
            (None, Some(text), _) => Start::NorthStar { template: text.clone(), params },
            (None, None, Start::Definition { name, .. }) => Start::Definition { name, params },
            (None, None, Start::NorthStar { template, .. }) => Start::NorthStar { template, params },
            (None, None, Start::Workflow { name, .. }) => Start::Workflow { name, params },
        };
        Ok(())
    }

    fn apply_missed(&self, terms: &mut Terms) -> Result<(), Failure> {
        let (cap, window) = match terms.missed {
            MissedPolicy::Catchup { cap, window } => (cap, window),
            MissedPolicy::Last | MissedPolicy::Skip => (DEFAULT_CAP, Some(DEFAULT_WINDOW)),
        };
        let cap = self.catchup_cap.unwrap_or(cap);
        let window = self.catchup_window.map(Duration::from_millis).or(window);
        let is_catchup = matches!(terms.missed, MissedPolicy::Catchup { .. });
        terms.missed = match self.missed {
            Some(MissedName::Catchup) => MissedPolicy::Catchup { cap, window },
            None if is_catchup => MissedPolicy::Catchup { cap, window },
            _ if self.catchup_cap.is_some() || self.catchup_window.is_some() => {
                return Err(Failure::usage("--catchup-cap and --catchup-window go with --missed catchup"));
            }
            Some(MissedName::Last) => MissedPolicy::Last,
            Some(MissedName::Skip) => MissedPolicy::Skip,
            None => terms.missed,
        };
        Ok(())
    }
}

/// The terms of a schedule that nobody has said anything of.
fn blank() -> Terms {
    Terms {
        kind: PatternKind::Cron,
        pattern: String::new(),
        zone: String::new(),
        start: Start::Definition { name: String::new(), params: "{}".to_owned() },
        missed: MissedPolicy::Last,
        overlap: Overlap::Skip,
        jitter: Duration::ZERO,
        from: None,
        until: None,
        auto_pause_after: Some(AUTO_PAUSE),
    }
}

fn jitter(text: &str) -> Result<Duration, Failure> {
    let millis = match text.trim() {
        "0" | "0s" | NONE => 0,
        text => job_input::milliseconds(text).map_err(|why| Failure::usage(format!("--jitter: {why}")))?,
    };
    Ok(Duration::from_millis(millis))
}

fn auto_pause(text: &str) -> Result<Option<u32>, Failure> {
    match text {
        "never" => Ok(None),
        text => text.parse().ok().filter(|number| *number > 0).map(Some).ok_or_else(|| {
            Failure::usage(format!("--auto-pause-after: `{text}` is no number from 1 on, and not `never`"))
        }),
    }
}

/// The params as a JSON object.
fn params(given: &[String]) -> Result<String, Failure> {
    let mut object = Map::new();
    for one in given {
        let (name, value) =
            one.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
                Failure::usage(format!("--param `{one}` names no param and value")).hint("--param name=value")
            })?;
        if object.insert(name.trim().to_owned(), Value::String(value.to_owned())).is_some() {
            return Err(Failure::usage(format!("--param {} is given twice", name.trim())));
        }
    }
    Ok(Value::Object(object).to_string())
}

/// What is wrong with these terms besides what their parts say themselves; their due times otherwise.
pub fn checked(terms: &Terms, created: Timestamp) -> Result<Timetable, Failure> {
    let times = timetable(terms, created).map_err(|error| Failure::usage(error.to_string()))?;
    if terms.jitter > LONGEST_JITTER {
        return Err(Failure::usage("--jitter: at most 1h"));
    }
    if let Pattern::Interval(interval) = times.pattern()
        && terms.jitter >= interval.length()
    {
        return Err(Failure::usage("--jitter: it must be shorter than the interval"));
    }
    Ok(times)
}

/// Nothing that is due would be refused by a pattern that has only past times.
pub fn refuse_past(times: &Timetable, terms: &Terms, now: Timestamp) -> Result<(), Failure> {
    if times.next_after(now).is_some() {
        return Ok(());
    }
    let zone = times.zone();
    Err(match (times.pattern(), terms.until) {
        (Pattern::Once(moment), _) => Failure::usage(format!("--at: {} is in the past", zone.show(*moment)))
            .hint("`agents schedule run-now` starts a schedule's run at once"),
        (_, Some(until)) if until <= now => {
            Failure::usage(format!("--until: {} is in the past", zone.show(until)))
        }
        _ => Failure::usage("nothing would ever be due").hint("look at --from and --until"),
    })
}
