//! What the engine needs to know of a repository's configuration. Where it comes from is not its business.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::access::Access;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::assignment::DEFAULT_MAX_JOBS;
use agents_domain::evidence::Check;
use agents_domain::fallback::Fallbacks;
use agents_domain::harness::Harness;
use agents_domain::job_type::JobType;
use agents_domain::limits::OwnLimits;
use agents_domain::price::PriceTable;
use agents_domain::retention::{Keep, Retention};
use agents_domain::spending::{AnyTerms, Terms, TermsSource};
use agents_domain::worktree::Isolation;

use crate::workspace::Author;

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
    /// What new assignments are given.
    pub new_assignments: NewAssignments,
    /// How long what is finished keeps its logs and its history.
    pub retention: Retention,
    /// What is held against the work of agents.
    pub evidence: crate::evidence::EvidenceSettings,
    /// What agents may do, where it is not the default of the job type.
    pub access: BTreeMap<String, Access>,
    /// Folders with templates that win over the built-in ones, the first one most.
    pub template_folders: Vec<PathBuf>,
    /// Where agents work, and what is done there before and after them.
    pub workspace: WorkspaceSettings,
    /// Folders that `agents` itself must be able to write, when an agent runs it in a sandbox.
    pub agents_folders: Vec<PathBuf>,
    /// Variables that lead an `agents` started by an agent to the same store.
    pub agents_env: Vec<(String, String)>,
}

/// What the configuration gives to new assignments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssignments {
    pub limits: OwnLimits,
    pub max_jobs: u32,
    pub checks: Vec<Check>,
}

impl Default for NewAssignments {
    fn default() -> Self {
        Self { limits: OwnLimits::default(), max_jobs: DEFAULT_MAX_JOBS, checks: Vec::new() }
    }
}

/// Where agents work, and what is done there before and after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// Where new assignments work. `None`: in a worktree where there can be one, else in the repository itself.
    pub isolation: Option<Isolation>,
    /// Who commits what jobs have done.
    pub author: Author,
    /// Commands that make a new worktree ready, each for `sh -c`.
    pub setup: Vec<String>,
    /// Files that git ignores and that a new worktree gets from the main checkout.
    pub copy: Vec<String>,
    /// How long all the commands together may take.
    pub setup_timeout: Duration,
    /// How long the worktree of a closed assignment is kept.
    pub keep: Keep,
    /// How much the worktrees of closed assignments may take, in bytes.
    pub max_bytes: u64,
    /// The folder below which worktrees, and the files of attempts, are kept.
    pub data_folder: PathBuf,
}

/// How long a worktree's `setup` may take.
pub const SETUP_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long the worktree of a closed assignment is kept: two weeks.
pub const WORKTREES_KEEP: Keep = Keep::For(Duration::from_secs(14 * 24 * 3600));
/// How much the worktrees of closed assignments may take: 20 GiB.
pub const WORKTREES_MAX_BYTES: u64 = 20 << 30;

impl WorkspaceSettings {
    /// As it is without a word in the config.
    pub fn new(data_folder: PathBuf) -> Self {
        Self {
            isolation: None,
            author: Author::default(),
            setup: Vec::new(),
            copy: Vec::new(),
            setup_timeout: SETUP_TIMEOUT,
            keep: WORKTREES_KEEP,
            max_bytes: WORKTREES_MAX_BYTES,
            data_folder,
        }
    }
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
