//! The configuration: layers that win over one another, each value with the place that it came from.
//!
//! default < user < repository < `--config` file < environment < flags.

mod check;
pub mod checks;
mod environment;
pub mod file;
mod layer;
mod money;
pub mod notifications;
mod number;
mod providers;
pub mod schema;
mod workflows;
pub mod workspace;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::access::Access;
use agents_domain::aggregate::{HarnessDefaults, Reviewers};
use agents_domain::assignment::DEFAULT_MAX_JOBS;
use agents_domain::attempt::LEASE;
use agents_domain::evidence::{Check, Guard, GuardModes};
use agents_domain::fallback::Fallbacks;
use agents_domain::limits::OwnLimits;
use agents_domain::namespace::Namespace;
use agents_domain::price::PriceTable;
use agents_domain::retention::Retention;
use agents_domain::spending::Terms;
use agents_domain::usage::MicroUsd;
use agents_orchestrator::settings::Timeouts;

pub use environment::Environment;
use file::ConfigFile;
use layer::Layers;

use crate::failure::Failure;
use crate::place::{self, Place};
use crate::settings_source;

/// How long a job may take: an hour.
const DEFAULT_TIMEOUT_MS: u64 = 60 * 60 * 1000;

/// How long a CLI may take until its first word: a slow disk and a slow login are seconds, not minutes.
const DEFAULT_START_TIMEOUT_MS: u64 = 3 * 60 * 1000;

/// How long an agent may be silent: the CLIs' own patience with a silent model is 300 s to 360 s, and they say so when
/// they try again; two such tries in a row without a word are not waited for any longer.
const DEFAULT_SILENCE_TIMEOUT_MS: u64 = 15 * 60 * 1000;

/// How much an agent may print in one attempt: 1 GiB.
const DEFAULT_MAX_OUTPUT_BYTES: u64 = 1 << 30;

/// How long a check may take: 15 minutes.
const DEFAULT_CHECK_TIMEOUT_MS: u64 = 15 * 60 * 1000;

/// How long a process has between the first signal and SIGKILL.
const DEFAULT_GRACE_MS: u64 = 5000;

/// How many jobs run at once.
const DEFAULT_CONCURRENCY: u32 = 2;

/// The harness of jobs that name none.
const DEFAULT_HARNESS: &str = "claude";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    User(PathBuf),
    Repository(PathBuf),
    /// The file of `--config`.
    File(PathBuf),
    Environment(&'static str),
    Flag(&'static str),
}

impl Origin {
    /// The kind of origin, for JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::User(_) => "user",
            Origin::Repository(_) => "repository",
            Origin::File(_) => "file",
            Origin::Environment(_) => "environment",
            Origin::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::User(path) => write!(f, "user config {}", path.display()),
            Origin::Repository(path) => write!(f, "repository config {}", path.display()),
            Origin::File(path) => write!(f, "--config {}", path.display()),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// Options of the command line that are part of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub namespace: Option<String>,
    pub database_url: Option<String>,
    /// One more file, which wins over those of the repository and the user.
    pub config_file: Option<PathBuf>,
    pub concurrency: Option<u32>,
    /// No option of its own: what the demo makes of its `--folder`.
    pub data_dir: Option<PathBuf>,
}

/// What a configuration is made from.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// The repository, if there is one.
    pub place: Option<&'a Place>,
    pub flags: &'a Flags,
    pub environment: &'a Environment,
    /// What relative paths of flags and the environment are relative to.
    pub current_folder: &'a Path,
}

/// One value as `agents config show` prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The path of the key, with dots.
    pub key: String,
    pub value: serde_json::Value,
    pub origin: Origin,
}

/// The configuration that holds.
#[derive(Debug, Clone)]
pub struct Config {
    file: ConfigFile,
    origins: BTreeMap<String, Origin>,
    files: Vec<PathBuf>,
}

impl Config {
    /// Puts the layers together and checks what they amount to.
    pub fn load(sources: &Sources<'_>) -> Result<Self, Failure> {
        let mut layers = Layers::new(defaults());
        if let Some(path) = place::user_config() {
            layers.optional_file(path, Origin::User)?;
        }
        if let Some(place) = sources.place {
            layers.first_of(place.config_files(), &place.main_root)?;
        }
        if let Some(path) = &sources.flags.config_file {
            layers.file(sources.current_folder.join(path), Origin::File)?;
        }
        layers.environment(sources.environment, sources.current_folder)?;
        layers.flags(sources.flags, sources.current_folder);
        layers.data_folder(place::default_data_folder());
        let config = layers.finish();
        check::check(&config, sources.place)?;
        Ok(config)
    }

    /// The namespace, if anything names one.
    pub fn namespace(&self) -> Result<Option<Namespace>, Failure> {
        let Some(name) = &self.file.namespace else { return Ok(None) };
        Namespace::new(name.clone()).map(Some).map_err(|bad| {
            Failure::bad_input(format!("namespace: {bad}"))
                .hint(format!("it comes from: {}", self.origin("namespace")))
        })
    }

    /// The address of the database.
    pub fn database_url(&self) -> Result<&str, Failure> {
        self.file.database_url.as_deref().ok_or_else(no_home)
    }

    /// The folder of the attempts' files.
    pub fn data_folder(&self) -> Result<PathBuf, Failure> {
        self.file.data_dir.as_ref().map(PathBuf::from).ok_or_else(no_home)
    }

    /// How long a job of that type may take in all, until its first word, and in silence.
    pub fn timeouts(&self, job_type: Option<&str>) -> Timeouts {
        let own = job_type.and_then(|name| self.file.timeouts.get(name)).cloned().unwrap_or_default();
        let of = |own: Option<u64>, all: Option<u64>, default| {
            Duration::from_millis(own.or(all).unwrap_or(default))
        };
        Timeouts {
            whole: of(own.timeout_ms, self.file.timeout_ms, DEFAULT_TIMEOUT_MS),
            start: of(own.start_timeout_ms, self.file.start_timeout_ms, DEFAULT_START_TIMEOUT_MS),
            silence: of(own.silence_timeout_ms, self.file.silence_timeout_ms, DEFAULT_SILENCE_TIMEOUT_MS),
        }
    }

    /// Types of jobs with times of their own.
    pub fn types_with_timeouts(&self) -> impl Iterator<Item = &String> {
        self.file.timeouts.keys()
    }

    /// How much an agent may print in one attempt, in bytes.
    pub fn max_output(&self) -> u64 {
        self.file.max_output_bytes.unwrap_or(DEFAULT_MAX_OUTPUT_BYTES)
    }

    /// How long a runner's right to an attempt lasts without a heartbeat.
    pub fn lease(&self) -> Duration {
        self.file.lease_ms.map_or(LEASE, Duration::from_millis)
    }

    /// The time between the first signal and SIGKILL.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.file.grace_ms.unwrap_or(DEFAULT_GRACE_MS))
    }

    /// How many jobs a runner does at once.
    #[allow(dead_code, reason = "for the runner")]
    pub fn concurrency(&self) -> u32 {
        self.file.concurrency.unwrap_or(DEFAULT_CONCURRENCY)
    }

    /// How many jobs an assignment may have.
    pub fn max_jobs(&self) -> u32 {
        self.file.limits.max_jobs.unwrap_or(DEFAULT_MAX_JOBS)
    }

    /// What tokens cost where the CLI does not say.
    pub fn prices(&self) -> Arc<PriceTable> {
        let prices = self.file.prices.iter();
        Arc::new(PriceTable::new(prices.map(|(pattern, entry)| (pattern.clone(), entry.price()))))
    }

    /// The model of each harness's jobs that name none.
    pub fn models(&self) -> BTreeMap<String, String> {
        let entries = self.file.harnesses.iter();
        let own = entries.filter_map(|(name, entry)| Some((name.clone(), entry.model.clone()?)));
        let providers = self.file.ai_providers.iter();
        let asked = providers.filter_map(|(name, entry)| {
            Some((agents_harnesses::ai::harness_name(name), entry.model.clone()?))
        });
        own.chain(asked).collect()
    }

    /// Who is told of what happens.
    pub fn channels(&self) -> Result<Vec<agents_domain::notice::Channel>, Failure> {
        let entries = self.file.notifications.as_deref().unwrap_or_default();
        notifications::channels(entries).map_err(Failure::bad_input)
    }

    /// The limits of a new assignment.
    pub fn own_limits(&self) -> OwnLimits {
        let limits = &self.file.limits;
        OwnLimits {
            attempt: limits.attempt.limits(),
            job: limits.job.limits(),
            assignment: limits.assignment.limits(),
        }
    }

    /// What the namespace may spend.
    pub fn terms(&self) -> Terms {
        let limits = &self.file.limits;
        let expected = limits.expected_cost.and_then(MicroUsd::from_dollars);
        Terms { day: limits.day.limits(), expected, harness_defaults: None }
    }

    /// How long what is finished keeps its logs and its history.
    pub fn retention(&self) -> Retention {
        let default = Retention::default();
        Retention {
            logs: self.file.retention.logs.map_or(default.logs, |time| time.0),
            events: self.file.retention.events.map_or(default.events, |time| time.0),
            workflow_history: self
                .file
                .retention
                .workflow_history
                .map_or(default.workflow_history, |time| time.0),
        }
    }

    /// Which harness does which type of job.
    pub fn harness_defaults(&self) -> Arc<HarnessDefaults> {
        let mut by_type = self.file.harness_defaults.clone();
        let default = by_type.remove("default").unwrap_or_else(|| DEFAULT_HARNESS.to_owned());
        Arc::new(HarnessDefaults { default, by_type, reviewers: self.reviewers() })
    }

    /// Who reviews the work of others: those that the config names, else every built-in harness whose CLI is installed and
    /// has an account.
    fn reviewers(&self) -> Reviewers {
        let model = self.file.review_model.clone();
        let harnesses = self.file.reviewers.clone().unwrap_or_else(|| settings_source::usable_built_in(self));
        Reviewers { harnesses, model }
    }

    /// Which harness stands in for one that cools down.
    pub fn fallbacks(&self) -> Arc<Fallbacks> {
        // A circle was refused when the layers were put together.
        Arc::new(Fallbacks::new(self.fallback_pairs()).unwrap_or_default())
    }

    fn fallback_pairs(&self) -> BTreeMap<String, String> {
        let pairs = self.file.harness_fallback.iter();
        pairs.filter_map(|(from, to)| Some((from.clone(), to.clone()?))).collect()
    }

    /// What the config says of each harness.
    pub fn harnesses(&self) -> &BTreeMap<String, file::HarnessEntry> {
        &self.file.harnesses
    }

    /// What agents may do, where the config says so.
    pub fn permissions(&self) -> BTreeMap<String, Access> {
        self.file.permissions.iter().map(|(job_type, access)| (job_type.clone(), access.0)).collect()
    }

    /// The commands that tell whether the work is right.
    pub fn checks(&self) -> Vec<Check> {
        self.file.checks.iter().flatten().map(checks::CheckEntry::check).collect()
    }

    /// How long a check may take.
    pub fn check_timeout(&self) -> Duration {
        Duration::from_millis(self.file.check_timeout_ms.unwrap_or(DEFAULT_CHECK_TIMEOUT_MS))
    }

    /// What becomes of what guards find.
    pub fn guards(&self) -> GuardModes {
        let named = self.file.guards.iter();
        GuardModes::new(
            named.filter_map(|(name, mode)| Some((Guard::from_name(name)?, mode.mode()))).collect(),
        )
    }

    /// Where the value of that key came from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// Every value with its origin, by key.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(key, value): (String, _)| Entry { origin: self.origin(&key).clone(), key, value };
        layer::leaves(&self.file).into_iter().map(entry).collect()
    }

    /// The files that were looked for, those that are not there included: if one of them changes, the
    /// configuration may.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

fn defaults() -> ConfigFile {
    ConfigFile {
        timeout_ms: Some(DEFAULT_TIMEOUT_MS),
        start_timeout_ms: Some(DEFAULT_START_TIMEOUT_MS),
        silence_timeout_ms: Some(DEFAULT_SILENCE_TIMEOUT_MS),
        max_output_bytes: Some(DEFAULT_MAX_OUTPUT_BYTES),
        lease_ms: u64::try_from(LEASE.as_millis()).ok(),
        grace_ms: Some(DEFAULT_GRACE_MS),
        concurrency: Some(DEFAULT_CONCURRENCY),
        harness_defaults: BTreeMap::from([("default".to_owned(), DEFAULT_HARNESS.to_owned())]),
        limits: file::Limits { max_jobs: Some(DEFAULT_MAX_JOBS), ..file::Limits::default() },
        retention: file::RetentionTimes {
            logs: Some(file::KeepTime(Retention::default().logs)),
            events: Some(file::KeepTime(Retention::default().events)),
            workflow_history: Some(file::KeepTime(Retention::default().workflow_history)),
        },
        check_timeout_ms: Some(DEFAULT_CHECK_TIMEOUT_MS),
        guards: Guard::ALL
            .into_iter()
            .map(|guard| (guard.as_str().to_owned(), checks::GuardModeName::of(guard.default_mode())))
            .collect(),
        checkpoint_author: Some(workspace::author()),
        setup_timeout_ms: Some(workspace::setup_timeout_ms()),
        worktrees: workspace::worktrees(),
        workflows: workflows::defaults(),
        ..ConfigFile::default()
    }
}

fn no_home() -> Failure {
    Failure::bad_input("there is no home folder, so there is no place for the database")
        .hint("set AGENTS_DATA_DIR to a folder that can be written, or HOME")
}
