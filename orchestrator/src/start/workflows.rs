//! The workflows that there are: files of the repository in `.agents/workflows`, and published ones of the store; and the
//! modules that their steps name. Where both have a name, the file's holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_definitions::{Problem, Problems, suggestion};
use agents_domain::namespace::Namespace;
use agents_domain::run::TriggerKind;
use agents_domain::start::StartError;
use agents_domain::store::{Store, StoreError};
use agents_domain::workflow::{StoredWorkflow, WorkflowFilter, WorkflowStatus};
use agents_workflows::{Modules, Workflow, read, shipped};

use super::job_file::{self, JobFile};
use super::library::shown;
use super::problem;

/// The folder of a repository's workflows.
pub const FOLDER: &str = ".agents/workflows";

/// The folder of a repository's modules.
pub const MODULES: &str = ".agents/modules";

/// Where a workflow stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkflowOrigin {
    File(PathBuf),
    /// In the store, with the number of its version.
    Published(u32),
    /// In the store, and not published.
    Draft,
}

/// A workflow that can be run.
#[derive(Debug, Clone)]
pub struct FoundWorkflow {
    pub workflow: Arc<Workflow>,
    pub origin: WorkflowOrigin,
    pub text: String,
    /// The folder that its runs belong to.
    pub workspace: PathBuf,
    pub modules: Arc<Modules>,
    /// There is one of that name in the store too, and the file's holds.
    pub hides_stored: bool,
}

/// A workflow in a list; one that is wrong is there too.
#[derive(Debug, Clone)]
pub struct ListedWorkflow {
    pub name: String,
    pub origin: WorkflowOrigin,
    pub status: WorkflowStatus,
    pub text: String,
    pub read: Result<Arc<Workflow>, Problems>,
    pub hides_stored: bool,
}

/// A module that can be named, and where it is from. One that is wrong is there too.
#[derive(Debug, Clone)]
pub struct ListedModule {
    pub name: String,
    /// `None`: it comes with this program.
    pub file: Option<PathBuf>,
    pub read: Result<agents_workflows::Module, Problems>,
}

/// The modules of a workspace: those that come with this program, and those of the repository in their place.
pub fn modules(workspace: &Path) -> Result<Modules, StartError> {
    let mut modules = Modules::default();
    for (name, text) in shipped() {
        modules.read(text, name, name).map_err(|why| problem(why.to_string()))?;
    }
    for JobFile { name, path: file } in job_file::files_in(&workspace.join(MODULES)).map_err(problem)? {
        let text = read_text(&file)?;
        modules.read(&text, &shown(workspace, &file), &name).map_err(|why| problem(why.to_string()))?;
    }
    Ok(modules)
}

/// The same as a list.
pub fn list_modules(workspace: &Path) -> Result<Vec<ListedModule>, StartError> {
    sound_modules(workspace).map(|(_, listed)| listed)
}

/// The modules of a workspace that can be used, and the list of all.
pub fn sound_modules(workspace: &Path) -> Result<(Modules, Vec<ListedModule>), StartError> {
    let mut modules = Modules::default();
    let mut listed: Vec<ListedModule> = Vec::new();
    let mut take = |(name, text): (&str, &str), (source, file): (&str, Option<PathBuf>)| {
        let read = agents_workflows::read_module(text, source, name);
        if let Ok(module) = &read {
            modules.insert(module.clone(), text);
        }
        listed.retain(|known| known.name != name);
        listed.push(ListedModule { name: name.to_owned(), file, read });
    };
    for (name, text) in shipped() {
        take((name, text), (name, None));
    }
    for JobFile { name, path: file } in job_file::files_in(&workspace.join(MODULES)).map_err(problem)? {
        let text = read_text(&file)?;
        take((&name, &text), (&shown(workspace, &file), Some(file)));
    }
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((modules, listed))
}

fn read_text(file: &Path) -> Result<String, StartError> {
    job_file::text_of(file).map_err(|why| problem(format!("{} {why}", file.display())))
}

fn unreachable_store(error: &StoreError) -> StartError {
    problem(error.to_string())
}

/// The workflow of that name. `by`: what starts it; only a person starts one that is paused.
pub(super) async fn find(
    store: &Arc<dyn Store>,
    (namespace, workspace): (&Namespace, Option<PathBuf>),
    (name, by): (&str, TriggerKind),
) -> Result<FoundWorkflow, StartError> {
    let stored = store.workflow(namespace, name).await.map_err(|error| unreachable_store(&error))?;
    let workspace = workspace
        .or_else(|| stored.as_ref().map(|stored| PathBuf::from(&stored.workspace)))
        .ok_or_else(|| {
            problem(format!(
                "nobody knows where namespace {namespace} is: start it from its repository, or start a runner there"
            ))
        })?;
    if let Some(stored) = &stored {
        refuse_resting(stored, by)?;
    }
    let modules = modules(&workspace)?;
    let (text, origin, source) = match job_file::named_in(&workspace.join(FOLDER), name).map_err(problem)? {
        Some(file) => {
            let text = read_text(&file)?;
            let source = shown(&workspace, &file);
            (text, WorkflowOrigin::File(file), source)
        }
        None => match &stored {
            Some(stored) => {
                let (text, number) = published(store, namespace, stored).await?;
                (text, WorkflowOrigin::Published(number), name.to_owned())
            }
            None => return Err(unknown(store, namespace, &workspace, name).await),
        },
    };
    let workflow = read(&text, &source, name, &modules).map_err(|why| problem(why.to_string()))?;
    let hides_stored = stored.is_some() && matches!(origin, WorkflowOrigin::File(_));
    Ok(FoundWorkflow {
        workflow: Arc::new(workflow),
        origin,
        text,
        workspace,
        modules: Arc::new(modules),
        hides_stored,
    })
}

fn refuse_resting(stored: &StoredWorkflow, by: TriggerKind) -> Result<(), StartError> {
    let name = &stored.name;
    match stored.status {
        WorkflowStatus::Archived => Err(problem(format!(
            "workflow `{name}` is archived: agents workflow activate {name} brings it back"
        ))),
        WorkflowStatus::Paused if by != TriggerKind::Manual => Err(problem(format!(
            "workflow `{name}` is paused: agents workflow activate {name} lets it start again"
        ))),
        WorkflowStatus::Paused | WorkflowStatus::Draft | WorkflowStatus::Active => Ok(()),
    }
}

/// The text that is published.
async fn published(
    store: &Arc<dyn Store>,
    namespace: &Namespace,
    stored: &StoredWorkflow,
) -> Result<(String, u32), StartError> {
    let versions = store.workflow_versions(namespace, &stored.name).await;
    let versions = versions.map_err(|error| unreachable_store(&error))?;
    let version = versions.into_iter().find(|version| Some(version.number) == stored.published);
    version.map(|version| (version.text, version.number)).ok_or_else(|| {
        let name = &stored.name;
        problem(format!("workflow `{name}` is a draft: agents workflow publish {name} makes it ready"))
    })
}

async fn unknown(store: &Arc<dyn Store>, namespace: &Namespace, workspace: &Path, name: &str) -> StartError {
    let stored = store.workflows(&of(namespace)).await.unwrap_or_default();
    let mut names: Vec<String> = stored.into_iter().map(|stored| stored.name).collect();
    names.extend(job_file::files_in(&workspace.join(FOLDER)).into_iter().flatten().map(|file| file.name));
    names.sort();
    names.dedup();
    let hint = match names.is_empty() {
        true => format!("write {}", workspace.join(FOLDER).join(format!("{name}.yaml")).display()),
        false => suggestion::did_you_mean(name, &names, "there are"),
    };
    StartError::unknown(format!("there is no workflow `{name}` in {namespace}: {hint}"))
}

fn of(namespace: &Namespace) -> WorkflowFilter {
    WorkflowFilter { namespace: Some(namespace.clone()), status: WorkflowStatus::ALL.to_vec() }
}

/// All workflows of a namespace, by name.
pub(super) async fn list(
    store: &Arc<dyn Store>,
    namespace: &Namespace,
    workspace: Option<&Path>,
) -> Result<Vec<ListedWorkflow>, StartError> {
    let (modules, _) = sound_modules(workspace.unwrap_or(Path::new("")))?;
    let stored = store.workflows(&of(namespace)).await.map_err(|error| unreachable_store(&error))?;
    let mut all: Vec<ListedWorkflow> = Vec::new();
    for one in stored {
        let (text, origin) = match one.published {
            Some(_) => {
                let (text, number) = published(store, namespace, &one).await?;
                (text, WorkflowOrigin::Published(number))
            }
            None => (one.draft.clone().unwrap_or_default(), WorkflowOrigin::Draft),
        };
        let read = read(&text, &one.name, &one.name, &modules).map(Arc::new);
        let StoredWorkflow { name, status, .. } = one;
        all.push(ListedWorkflow { name, origin, status, text, read, hides_stored: false });
    }
    let files =
        workspace.map_or(Ok(Vec::new()), |at| job_file::files_in(&at.join(FOLDER))).map_err(problem)?;
    for JobFile { name, path: file } in files {
        let source = workspace.map_or_else(|| file.display().to_string(), |at| shown(at, &file));
        let (text, read) = match job_file::text_of(&file) {
            Ok(text) => {
                let read = read(&text, &source, &name, &modules).map(Arc::new);
                (text, read)
            }
            Err(why) => {
                let wrong = Problem::new(job_file::BEGIN, format!("it {why}"), job_file::HINT);
                (String::new(), Err(Problems::new(&source, "", vec![wrong])))
            }
        };
        let known = all.iter().find(|known| known.name == name).map(|known| known.status);
        all.retain(|known| known.name != name);
        all.push(ListedWorkflow {
            name,
            origin: WorkflowOrigin::File(file),
            status: known.unwrap_or(WorkflowStatus::Active),
            text,
            read,
            hides_stored: known.is_some(),
        });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}
