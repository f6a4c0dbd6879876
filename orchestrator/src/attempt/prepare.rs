//! Everything before the start of an agent: settings, prompt, invocation, folder.

mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::access::Access;
use agents_domain::harness::{Harness, HarnessError, HarnessRequest};
use agents_domain::invocation::Invocation;
use agents_domain::job_type::JobType;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{Claimed, JobDetail};

use super::{Surroundings, files, keeper_lease, meter};
use crate::crash_point;
use crate::process::{AttemptFiles, Terms, stop};
use crate::prompt::{self, Known, Measured};
use crate::review::{self, Allowed};
use crate::settings::{Settings, Timeouts};
use crate::workspace::{self, Ready};

/// An attempt that is ready to start.
pub(super) struct Prepared {
    pub invocation: Invocation,
    pub terms: Terms,
    pub rules: Rules,
}

/// What is needed to watch over an attempt and to understand its end, whoever has started it.
pub(super) struct Rules {
    pub files: AttemptFiles,
    pub harness: Arc<dyn Harness>,
    pub timeouts: Timeouts,
    pub grace: Duration,
    pub allowed: Allowed,
    /// The command that installs the CLI.
    pub install: String,
}

/// What holds for an attempt of that job now; what stands in the way is its outcome.
pub(super) fn rules(claimed: &Claimed, around: &Surroundings) -> Result<(Rules, Arc<Settings>), Outcome> {
    let workspace = Path::new(&claimed.assignment.workspace);
    let settings = around
        .settings
        .for_workspace(workspace)
        .map_err(|why| Outcome::failure(OutcomeClass::RunnerError, why))?;
    let harness = harness(claimed, &settings)?;
    let timeouts = settings.timeouts_for(&claimed.job.job_type);
    let whole = claimed.job.timeout_ms.map_or(timeouts.whole, Duration::from_millis);
    let rules = Rules {
        files: files(&around.data_folder, claimed.attempt.id),
        timeouts: Timeouts { whole, ..timeouts },
        grace: settings.grace,
        allowed: allowed(&settings),
        install: harness.probe().install,
        harness,
    };
    Ok((rules, settings))
}

/// Prepares an attempt; what stands in the way is its outcome.
pub(super) async fn prepare(claimed: &Claimed, around: &Surroundings) -> Result<Prepared, Outcome> {
    let (rules, settings) = rules(claimed, around)?;
    if claimed.job.job_type.is_run() {
        // A step of a workflow works in the worktree of its run, like every other job.
        if claimed.assignment.worktree.is_some() {
            workspace::prepare(claimed, &settings, false).await?;
        }
        return run::prepare(claimed, around, (rules, &settings));
    }
    if !rules.harness.is_agent() {
        let why = format!("{} does runs, and no {} jobs", rules.harness.name(), claimed.job.job_type);
        return Err(Outcome::failure(OutcomeClass::InvalidRequest, why)
            .with_fix("name a harness of an agent: claude, codex, gemini or one of the config"));
    }
    let resume = claimed.attempt.resumes.clone().filter(|_| rules.harness.can_resume());
    let ready = workspace::prepare(claimed, &settings, resume.is_some()).await?;
    let prompt = render(claimed, around, (&settings, resume.is_some(), &ready), &rules.allowed).await?;
    let folder = &rules.files.folder;
    make_folder(folder)?;
    let max_cost = meter::most(claimed).filter(|_| resume.is_none());
    let request =
        HarnessRequest { resume, max_cost, ..request(claimed, around, &settings, (prompt, folder)) };
    let mut invocation = rules.harness.invocation(&request).map_err(|error| not_asked(&error))?;
    invocation.env.extend(environment(claimed, around, &settings));
    let terms = terms(around, &settings);
    Ok(Prepared { invocation, terms, rules })
}

fn make_folder(folder: &Path) -> Result<(), Outcome> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let why = format!("{} can't be made: {error}", folder.display());
        Outcome::failure(OutcomeClass::HostTrouble, why)
    })?;
    crash_point::pass("folder made");
    Ok(())
}

fn terms(around: &Surroundings, settings: &Settings) -> Terms {
    Terms {
        keeper: around.keeper.clone(),
        lease: keeper_lease(around.lease),
        grace: settings.grace,
        max_output: settings.max_output,
    }
}

/// The job can't be turned into something to start.
fn not_asked(error: &HarnessError) -> Outcome {
    let class = match error {
        HarnessError::PromptTooLong { .. } | HarnessError::EmptyCommand { .. } => {
            OutcomeClass::ContextOverflow
        }
        HarnessError::BadSpec { .. } => OutcomeClass::InvalidRequest,
    };
    Outcome::failure(class, error.to_string())
}

fn harness(claimed: &Claimed, settings: &Settings) -> Result<Arc<dyn Harness>, Outcome> {
    let name = &claimed.attempt.harness;
    settings.harnesses.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = settings.harnesses.keys().map(String::as_str).collect();
        Outcome::failure(OutcomeClass::CliMissing, format!("the config knows no harness `{name}`"))
            .with_fix(format!("add harnesses.{name} to the config; it knows {}", known.join(", ")))
    })
}

/// What a PM may name: the job types that have a template, and the harnesses of the config.
pub fn allowed(settings: &Settings) -> Allowed {
    let mut job_types: Vec<String> =
        ["plan", "implement", "review", "uat", "document"].into_iter().map(str::to_owned).collect();
    for folder in &settings.template_folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut own: Vec<String> = entries
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".md")?.to_owned()))
            .filter(|name| JobType::new(name).is_ok() && !JobType::BUILT_IN.contains(&name.as_str()))
            .filter(|name| name != prompt::RESUME)
            .collect();
        own.sort();
        job_types.extend(own);
    }
    let agents = settings.harnesses.iter().filter(|(_, harness)| harness.is_agent());
    Allowed { job_types, harnesses: agents.map(|(name, _)| name.clone()).collect() }
}

async fn render(
    claimed: &Claimed,
    around: &Surroundings,
    (settings, is_resumed, ready): (&Settings, bool, &Ready),
    allowed: &Allowed,
) -> Result<String, Outcome> {
    let failed = |why: String| Outcome::failure(OutcomeClass::RunnerError, why);
    let list = match claimed.is_alone {
        true => Vec::new(),
        false => around
            .store
            .job_details(claimed.assignment.id)
            .await
            .map_err(|error| failed(error.to_string()))?,
    };
    let measured = measured(claimed, around, &list).await?;
    let mut facts = prompt::gather(&Known {
        assignment: &claimed.assignment,
        job: &claimed.job,
        attempt: &claimed.attempt,
        context: &claimed.context,
        list: &list,
        job_types: allowed.job_types.clone(),
        harnesses: allowed.harnesses.clone(),
        measured,
        nonce: prompt::nonce(&*around.ids),
    });
    if let Some(retry) = &mut facts.retry {
        retry.kept = ready.kept();
    }
    let name = if is_resumed { prompt::RESUME } else { claimed.job.job_type.as_str() };
    prompt::render(name, &settings.template_folders, &facts).map_err(|error| {
        let fix = format!(
            "mend the template; `agents template check {}` says whether it is right",
            claimed.job.job_type
        );
        failed(error.to_string()).with_fix(fix)
    })
}

/// What was measured, for a job that is told of it.
async fn measured(
    claimed: &Claimed,
    around: &Surroundings,
    list: &[JobDetail],
) -> Result<Option<Measured>, Outcome> {
    if !prompt::wants_evidence(&claimed.job.job_type) {
        return Ok(None);
    }
    let measured = Measured::load(&*around.store, &claimed.assignment, list).await;
    measured.map(Some).map_err(|error| Outcome::failure(OutcomeClass::RunnerError, error.to_string()))
}

fn request(
    claimed: &Claimed,
    around: &Surroundings,
    settings: &Settings,
    (prompt, folder): (String, &Path),
) -> HarnessRequest {
    let workspace = PathBuf::from(claimed.assignment.folder());
    let access = settings.access_for(&claimed.job.job_type);
    let git_folders = match access {
        Access::Edit | Access::Full => workspace::git_folders(&workspace),
        Access::ReadOnly | Access::ReadOnlyAndAgents => Vec::new(),
    };
    HarnessRequest {
        attempt: claimed.attempt.id,
        prompt,
        access,
        // A model is of one provider: a harness that stands in for another one takes its own.
        model: claimed.job.model.clone().filter(|_| claimed.attempt.harness == claimed.job.harness),
        project_instructions: workspace::agent_instructions(&workspace),
        git_folders,
        folder: folder.to_owned(),
        agents_folders: settings.agents_folders.clone(),
        agents_program: around.agents_program.clone(),
        resume: None,
        max_cost: None,
        answer_schema: claimed.job.job_type.is_pm().then(|| review::SCHEMA.to_owned()),
        is_root: rustix::process::geteuid().is_root(),
        workspace,
    }
}

/// Where the agent is, and the way to the same `agents` and the same store.
fn environment(claimed: &Claimed, around: &Surroundings, settings: &Settings) -> Vec<(String, String)> {
    let mut env = settings.agents_env.clone();
    let mut set = |name: &str, value: String| env.push((name.to_owned(), value));
    set("AGENTS_NAMESPACE", claimed.assignment.namespace.to_string());
    set("AGENTS_ASSIGNMENT_ID", claimed.assignment.id.to_string());
    set("AGENTS_WORKSPACE", claimed.assignment.folder().to_owned());
    set("AGENTS_REPOSITORY", claimed.assignment.workspace.clone());
    set("AGENTS_JOB_ID", claimed.job.id.to_string());
    set("AGENTS_JOB_TYPE", claimed.job.job_type.to_string());
    set(stop::MARKER, claimed.attempt.id.to_string());
    set("AGENTS_BIN", around.agents_program.display().to_string());
    if let Some(path) = path_with(&around.agents_program) {
        set("PATH", path);
    }
    env
}

/// PATH as it is if it leads to this `agents`; else with its folder in front, so that no other one is taken for it.
fn path_with(program: &Path) -> Option<String> {
    let folder = program.parent()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = program.file_name()?;
    let found = which::which_in(name, Some(&path), folder).ok().and_then(|found| found.canonicalize().ok());
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if found != program.canonicalize().ok() {
        folders.insert(0, folder.to_owned());
    }
    std::env::join_paths(folders).ok()?.into_string().ok()
}
