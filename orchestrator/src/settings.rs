//! What the engine needs to know of a repository's configuration. Where it comes from is not its business.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::access::Access;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::fallback::Fallbacks;
use agents_domain::harness::Harness;
use agents_domain::job_type::JobType;
use agents_domain::price::PriceTable;
use agents_domain::retention::Retention;
use agents_domain::spending::{AnyTerms, Terms, TermsSource};

/// The configuration that holds for the jobs of one workspace.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "a harness has nothing to show")]
pub struct Settings {
    /// Every harness that a job may name: the built-in ones and those of the config.
    pub harnesses: BTreeMap<String, Arc<dyn Harness>>,
    pub harness_defaults: Arc<HarnessDefaults>,
    /// Which harness stands in for one that cools down.
    pub fallbacks: Arc<Fallbacks>,
    /// How long a job may take, where its type has no times of its own.
    pub timeouts: Timeouts,
    pub timeouts_by_type: BTreeMap<String, Timeouts>,
    /// How much an agent may print in one attempt, in bytes.
    pub max_output: u64,
    /// The time between the first signal and SIGKILL.
    pub grace: Duration,
    /// What tokens cost where the CLI does not say.
    pub prices: Arc<PriceTable>,
    /// The model of a harness's jobs that name none, where the config names it.
    pub models: BTreeMap<String, String>,
    /// What may be spent.
    pub terms: Terms,
    /// How long what is finished keeps its logs and its history.
    pub retention: Retention,
    /// What agents may do, where it is not the default of the job type.
    pub access: BTreeMap<String, Access>,
    /// Folders with templates that win over the built-in ones, the first one most.
    pub template_folders: Vec<PathBuf>,
    /// Folders that `agents` itself must be able to write, when an agent runs it in a sandbox.
    pub agents_folders: Vec<PathBuf>,
    /// Variables that lead an `agents` started by an agent to the same store.
    pub agents_env: Vec<(String, String)>,
}

/// How long a job may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// In all, unless it says so itself.
    pub whole: Duration,
    /// Until its CLI's first word.
    pub start: Duration,
    /// Without a word while nothing that it has started works.
    pub silence: Duration,
}

impl Settings {
    /// How long a job of this type may take.
    pub fn timeouts_for(&self, job_type: &JobType) -> Timeouts {
        self.timeouts_by_type.get(job_type.as_str()).copied().unwrap_or(self.timeouts)
    }

    /// What an agent that does a job of this type may do.
    pub fn access_for(&self, job_type: &JobType) -> Access {
        self.access.get(job_type.as_str()).copied().unwrap_or_else(|| job_type.default_access())
    }
}

/// Where settings come from. A running runner asks for each job, so that an edited config takes effect.
pub trait SettingsSource: Send + Sync {
    /// The settings for jobs that work in this folder; the error is for a person.
    fn for_workspace(&self, workspace: &Path) -> Result<Arc<Settings>, String>;

    /// Which harness did which type of job there when the settings could last be read.
    fn last_harness_defaults(&self, workspace: &Path) -> Option<Arc<HarnessDefaults>>;
}

/// The terms of each workspace, as its configuration says at that moment.
pub fn terms(settings: &Arc<dyn SettingsSource>) -> AnyTerms {
    AnyTerms(Arc::new(TermsOfSettings(Arc::clone(settings))))
}

struct TermsOfSettings(Arc<dyn SettingsSource>);

impl fmt::Debug for TermsOfSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TermsOfSettings")
    }
}

impl TermsSource for TermsOfSettings {
    fn terms(&self, workspace: &str) -> Option<Terms> {
        let settings = self.0.for_workspace(Path::new(workspace)).ok()?;
        let harness_defaults = Some(Arc::clone(&settings.harness_defaults));
        Some(Terms { harness_defaults, ..settings.terms.clone() })
    }
}
