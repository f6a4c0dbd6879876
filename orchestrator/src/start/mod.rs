//! New runs from what is to be started: a definition of the repository or of the store, or a north star. Nothing is stored
//! here: whoever asks does that, in a transaction of its own.

mod again;
mod at_once;
mod flow;
mod ground;
mod job_file;
mod library;
mod moment;
#[cfg(test)]
mod tests;
mod workflows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_definitions::{Definition, Given, Resolved, Worker, accept, render_text, resolve, suggestion};
use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::job_type::JobType;
use agents_domain::limits::OwnLimits;
use agents_domain::namespace::Namespace;
use agents_domain::run::{DEPTH_MAX, RunOrigin};
use agents_domain::start::{Cause, Start, StartError, Starter};
use agents_domain::store::Store;
use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::settings::{Settings, SettingsSource};
use at_once::AtOnce;

pub use again::{again, is_north_star};
pub use flow::WORKER as WORKFLOW;
pub use ground::{Choice, Refusal, Wanted, choose, is_bare};
pub use job_file::file_problems;
pub use library::{Found, Library, Listed, Origin};
pub use workflows::{
    FOLDER as WORKFLOWS_FOLDER, FoundWorkflow, ListedModule, ListedWorkflow, MODULES as MODULES_FOLDER,
    WorkflowOrigin, list_modules, modules, sound_modules,
};

/// Who uses a skill, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillUse {
    pub harness: String,
    pub model: Option<String>,
    pub prompt: String,
}

/// The skills that are installed.
pub trait Skills: Send + Sync {
    /// How the skill of that spec (JSON) is used in that workspace; the error is for a person.
    fn use_of(&self, workspace: &Path, spec: &str) -> Result<SkillUse, String>;

    /// Who uses the skill of that name there, and the file that tells it what to do; the error is for a person.
    fn file_of(
        &self,
        workspace: &Path,
        name: &str,
        harness: Option<&str>,
    ) -> Result<(String, String), String>;
}

/// No skill is installed.
#[derive(Debug)]
pub struct NoSkills;

impl Skills for NoSkills {
    fn use_of(&self, _: &Path, _: &str) -> Result<SkillUse, String> {
        Err("no skill is installed".to_owned())
    }

    fn file_of(&self, _: &Path, _: &str, _: Option<&str>) -> Result<(String, String), String> {
        Err("no skill is installed".to_owned())
    }
}

/// What runs are made from.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Sources {
    pub store: Arc<dyn Store>,
    pub settings: Arc<dyn SettingsSource>,
    pub ids: Arc<dyn IdSource>,
    pub skills: Arc<dyn Skills>,
    pub data_folder: PathBuf,
    pub here: Option<Home>,
}

/// The namespace of the folder that we are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub namespace: Namespace,
    pub folder: PathBuf,
    /// It is this folder's own; else somebody has named it here, and it may be at home elsewhere.
    pub is_own: bool,
}

/// Makes runs of the definitions in a repository's folder and in the store.
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct FromDefinitions {
    sources: Sources,
    library: Library,
}

/// One problem alone.
fn problem(problem: impl Into<String>) -> StartError {
    StartError::new(vec![problem.into()])
}

impl FromDefinitions {
    /// With these sources.
    pub fn new(sources: Sources) -> Self {
        let library = Library::new(Arc::clone(&sources.store), sources.here.clone());
        Self { sources, library }
    }

    /// The workflow of that name, for a person.
    pub async fn find_workflow(
        &self,
        namespace: &Namespace,
        name: &str,
    ) -> Result<FoundWorkflow, StartError> {
        let workspace = self.library.known_workspace(namespace).await?;
        let by = agents_domain::run::TriggerKind::Manual;
        workflows::find(&self.sources.store, (namespace, workspace), (name, by)).await
    }

    /// The workflows of a namespace, by name.
    pub async fn list_workflows(&self, namespace: &Namespace) -> Result<Vec<ListedWorkflow>, StartError> {
        let workspace = self.library.known_workspace(namespace).await?;
        workflows::list(&self.sources.store, namespace, workspace.as_deref()).await
    }

    /// The definitions that there are.
    pub fn library(&self) -> &Library {
        &self.library
    }

    fn settings(&self, workspace: &Path) -> Result<Arc<Settings>, StartError> {
        self.sources.settings.for_workspace(workspace).map_err(problem)
    }

    fn run_of(
        &self,
        namespace: &Namespace,
        (found, params): (Found, &str),
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let definition = &found.definition;
        let given = accept(&definition.params, &object(params)?).map_err(StartError::new)?;
        let given = given_at(given, &cause)?;
        let resolved = resolve(definition, &given).map_err(StartError::new)?;
        let settings = self.settings(&found.workspace)?;
        let told = self.told(&found.workspace, resolved)?;
        refuse_unknown(told.harness.as_deref(), &settings)?;
        let origin = origin(Some(definition), cause, given.params);
        Ok(self.assignment(namespace, (told, found.workspace), origin, &settings))
    }

    /// What the harness is told: of a skill, that which its file says.
    fn told(&self, workspace: &Path, resolved: Resolved) -> Result<Resolved, StartError> {
        if resolved.worker != Worker::Skill {
            return Ok(resolved);
        }
        let used = self.sources.skills.use_of(workspace, &resolved.context).map_err(problem)?;
        Ok(Resolved { harness: Some(used.harness), model: used.model, context: used.prompt, ..resolved })
    }

    fn assignment(
        &self,
        namespace: &Namespace,
        (told, workspace): (Resolved, PathBuf),
        origin: RunOrigin,
        settings: &Settings,
    ) -> NewAssignment {
        let mut limits: OwnLimits = settings.new_assignments.limits;
        limits.change(&told.limits);
        NewAssignment {
            priority: None,
            id: AssignmentId::new(self.sources.ids.next()),
            namespace: namespace.clone(),
            north_star: told.title,
            director: Director::None,
            workspace: workspace.display().to_string(),
            worktree: None,
            alone: false,
            max_jobs: settings.new_assignments.max_jobs,
            run: Some(Box::new(origin)),
            limits: Box::new(limits),
            checks: Vec::new(),
            accept: Vec::new(),
            first: First::Job(NewJob {
                id: JobId::new(self.sources.ids.next()),
                job_type: JobType::run(),
                harness: told.harness,
                model: told.model,
                context: told.context,
                timeout_ms: told.timeout_ms,
            }),
        }
    }

    async fn north_star(
        &self,
        namespace: &Namespace,
        (template, params): (&str, &str),
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let given = given_at(object(params)?, &cause)?;
        let north_star =
            render_text(template, &given).map_err(|why| problem(format!("north star: {why}")))?;
        let north_star = north_star.trim().to_owned();
        if north_star.is_empty() {
            return Err(problem("the north star is empty: say what is to be done"));
        }
        let workspace = self.library.workspace(namespace).await?;
        let settings = self.settings(&workspace)?;
        let id = AssignmentId::new(self.sources.ids.next());
        let wanted = Wanted {
            id,
            namespace,
            north_star: &north_star,
            isolation: settings.workspace.isolation,
            folder: &workspace,
            data_folder: &self.sources.data_folder,
        };
        let choice = choose(wanted).await.map_err(|why| problem(why.to_string()))?;
        Ok(NewAssignment {
            priority: None,
            id,
            namespace: namespace.clone(),
            north_star,
            director: Director::Pm,
            workspace: workspace.display().to_string(),
            worktree: choice.worktree,
            alone: choice.alone,
            max_jobs: settings.new_assignments.max_jobs,
            run: Some(Box::new(origin(None, cause, given.params))),
            limits: Box::new(settings.new_assignments.limits),
            checks: settings.new_assignments.checks.clone(),
            accept: Vec::new(),
            first: First::Director,
        })
    }
}

/// A JSON object.
fn object(params: &str) -> Result<Map<String, Value>, StartError> {
    match serde_json::from_str(params) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(problem("params are a JSON object: {\"name\": \"value\"}")),
        Err(error) => Err(problem(format!("params are no JSON: {error}"))),
    }
}

/// What a template can name.
fn given_at(params: Map<String, Value>, cause: &Cause) -> Result<Given, StartError> {
    let parsed = cause.input.as_deref().map(serde_json::from_str).transpose();
    let input = parsed.map_err(|error| problem(format!("the input is no JSON: {error}")))?;
    let (today, now) = moment::told(cause.at, cause.zone.as_deref()).map_err(problem)?;
    Ok(Given { params, input, today, now })
}

fn origin(definition: Option<&Definition>, cause: Cause, params: Map<String, Value>) -> RunOrigin {
    RunOrigin {
        definition: definition.map(|definition| definition.name.clone()),
        worker: definition.map_or("pm", |definition| definition.worker.as_str()).to_owned(),
        trigger: cause.trigger,
        params: Value::Object(params).to_string(),
        input: cause.input,
        depth: cause.depth,
        replays: cause.replays,
    }
}

/// A run that names what is not there would wait for a person who isn't asked.
fn refuse_unknown(harness: Option<&str>, settings: &Settings) -> Result<(), StartError> {
    let Some(name) = harness.filter(|name| !settings.harnesses.contains_key(*name)) else { return Ok(()) };
    let known: Vec<String> = settings.harnesses.keys().cloned().collect();
    let hint = suggestion::did_you_mean(name, &known, "there are");
    Err(problem(match name.strip_prefix("ai:") {
        Some(provider) => {
            format!("there is no provider `{provider}`: {hint}; `aiProviders` of the config has others")
        }
        None => format!("there is no harness `{name}`: {hint}"),
    }))
}

/// Runs that start each other in a circle come to an end.
fn refuse_circle(cause: &Cause) -> Result<(), StartError> {
    if cause.depth < DEPTH_MAX {
        return Ok(());
    }
    Err(problem(format!(
        "it lies behind {} triggers, and {DEPTH_MAX} is the most: runs start each other in a circle",
        cause.depth
    )))
}

#[async_trait]
impl Starter for FromDefinitions {
    async fn new_run(
        &self,
        namespace: &Namespace,
        start: &Start,
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        refuse_circle(&cause)?;
        match start {
            Start::Definition { name, params } => {
                let found = self.library.find(namespace, name).await?;
                self.run_of(namespace, (found, params), cause)
            }
            Start::NorthStar { template, params } => {
                self.north_star(namespace, (template, params), cause).await
            }
            Start::Workflow { name, params } => self.workflow(namespace, (name, params), cause).await,
        }
    }

    fn at_once(self: Arc<Self>) -> Arc<dyn Starter> {
        Arc::new(AtOnce::new(self))
    }
}
