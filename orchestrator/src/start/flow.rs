//! A new run of a workflow: its definition as it is now, with all that it uses, and where it works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agents_definitions::{Worker, accept};
use agents_domain::access::Access;
use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::director::Director;
use agents_domain::id::AssignmentId;
use agents_domain::job_type::JobType;
use agents_domain::limits::{LimitChange, Limits, Measure, OwnLimits, Scope};
use agents_domain::namespace::Namespace;
use agents_domain::run::{RunLine, RunOrigin};
use agents_domain::start::{Cause, StartError};
use agents_domain::workflow::{Facts, NewFlow};
use agents_domain::worktree::Isolation;
use agents_workflows::{Does, SnapshotSkill, Workflow, Workspace};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::workflows::{FoundWorkflow, find};
use super::{Choice, FromDefinitions, Wanted, choose, object, problem, refuse_unknown};
use crate::settings::Settings;

/// What a list of runs calls the worker of a workflow.
pub const WORKER: &str = "workflow";

/// What a new run is made of.
struct New<'a> {
    workflow: &'a Workflow,
    workspace: &'a Path,
    settings: &'a Settings,
    params: String,
    snapshot: String,
    hash: String,
}

impl FromDefinitions {
    pub(super) async fn workflow(
        &self,
        namespace: &Namespace,
        (name, params): (&str, &str),
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let workspace = self.library.known_workspace(namespace).await?;
        let kind = cause.trigger.kind();
        let found = find(&self.sources.store, (namespace, workspace), (name, kind)).await?;
        self.run_of_workflow(namespace, (&found, params), cause).await
    }

    /// A run of a workflow that was found.
    pub async fn run_of_workflow(
        &self,
        namespace: &Namespace,
        (found, params): (&FoundWorkflow, &str),
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let workflow = &*found.workflow;
        let given = accept(&workflow.params, &object(params)?).map_err(StartError::new)?;
        let settings = self.settings(&found.workspace)?;
        refuse_unknown_harnesses(workflow, &settings)?;
        let skills = self.skill_files(workflow, &found.workspace)?;
        let snapshot = agents_workflows::snapshot(workflow, &found.text, &found.modules, &skills);
        let new = New {
            workflow,
            workspace: &found.workspace,
            settings: &settings,
            params: Value::Object(given).to_string(),
            hash: hash(&snapshot),
            snapshot,
        };
        self.new_flow(namespace, new, cause).await
    }

    async fn new_flow(
        &self,
        namespace: &Namespace,
        new: New<'_>,
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let New { workflow, workspace, settings, params, snapshot, hash } = new;
        let id = AssignmentId::new(self.sources.ids.next());
        let title = format!("{}: {}", workflow.id, workflow.title);
        let choice = self.place_of(workflow, (id, namespace, &title), (workspace, settings)).await?;
        let mut limits: OwnLimits = settings.new_assignments.limits;
        limits.change(&workflow.limits);
        let flow = NewFlow {
            facts: Facts {
                workflow: workflow.id.clone(),
                version: workflow.version.clone(),
                params: params.clone(),
                input: cause.input.clone(),
                trigger: cause.trigger.kind().as_str().to_owned(),
                zone: cause.zone.clone(),
                started_at: cause.at,
            },
            hash,
            snapshot,
            parent: None,
            limits: limits_between(workflow, &limits),
        };
        Ok(NewAssignment {
            id,
            namespace: namespace.clone(),
            north_star: title,
            director: Director::Workflow,
            workspace: workspace.display().to_string(),
            worktree: choice.worktree,
            alone: choice.alone,
            max_jobs: u32::MAX >> 1,
            run: Some(Box::new(RunOrigin {
                definition: Some(workflow.id.clone()),
                worker: WORKER.to_owned(),
                trigger: cause.trigger,
                params,
                input: cause.input,
                depth: cause.depth,
                replays: cause.replays,
            })),
            priority: workflow.priority,
            limits: Box::new(limits),
            checks: Vec::new(),
            accept: Vec::new(),
            first: First::Workflow(Box::new(flow)),
        })
    }

    /// The run of a workflow once more, with the snapshot that it has started with.
    pub async fn replay_workflow(
        &self,
        line: &RunLine,
        (snapshot, hash): (&str, &str),
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let (workflow, _) = agents_workflows::read_snapshot_parts(snapshot).map_err(problem)?;
        let workspace = PathBuf::from(&line.assignment.workspace);
        let settings = self.settings(&workspace)?;
        refuse_unknown_harnesses(&workflow, &settings)?;
        let new = New {
            workflow: &workflow,
            workspace: &workspace,
            settings: &settings,
            params: line.origin.params.clone(),
            snapshot: snapshot.to_owned(),
            hash: hash.to_owned(),
        };
        self.new_flow(&line.assignment.namespace, new, cause).await
    }

    /// A worktree, if one of its steps may edit or it says so.
    async fn place_of(
        &self,
        workflow: &Workflow,
        (id, namespace, title): (AssignmentId, &Namespace, &str),
        (workspace, settings): (&Path, &Settings),
    ) -> Result<Choice, StartError> {
        let isolation = match workflow.workspace {
            Workspace::Auto if edits(workflow, settings) => settings.workspace.isolation,
            Workspace::Auto => return Ok(Choice::default()),
            Workspace::Worktree => Some(Isolation::Worktree),
            Workspace::Shared => Some(Isolation::Shared),
        };
        let wanted = Wanted {
            id,
            namespace,
            north_star: title,
            isolation,
            folder: workspace,
            data_folder: &self.sources.data_folder,
        };
        choose(wanted).await.map_err(|why| problem(why.to_string()))
    }

    fn skill_files(
        &self,
        workflow: &Workflow,
        workspace: &Path,
    ) -> Result<BTreeMap<String, SnapshotSkill>, StartError> {
        let mut files = BTreeMap::new();
        for work in works(workflow).filter(|work| work.worker == Worker::Skill) {
            let text = |key: &str| work.config.get(key).and_then(Value::as_str);
            let Some(name) = text("skill") else { continue };
            let found = self.sources.skills.file_of(workspace, name, text("harness")).map_err(problem)?;
            let (harness, file) = found;
            files.insert(name.to_owned(), SnapshotSkill { harness, file });
        }
        Ok(files)
    }
}

/// The limits of attempts and jobs that hold between steps that have their own.
fn limits_between(workflow: &Workflow, limits: &OwnLimits) -> Vec<LimitChange> {
    if workflow.steps.iter().all(|step| step.limits.is_empty()) {
        return Vec::new();
    }
    let each = |(scope, of): (Scope, Limits)| {
        Measure::ALL.map(|measure| LimitChange { scope, measure, limit: of.of(measure) })
    };
    [(Scope::Attempt, limits.attempt), (Scope::Job, limits.job)].into_iter().flat_map(each).collect()
}

fn works(workflow: &Workflow) -> impl Iterator<Item = &agents_workflows::Work> {
    workflow.steps.iter().filter_map(|step| match &step.does {
        Does::Work(work) => Some(&**work),
        Does::Condition { .. }
        | Does::Switch { .. }
        | Does::Loop(_)
        | Does::Delay { .. }
        | Does::Approval { .. }
        | Does::Assignment { .. }
        | Does::Workflow { .. } => None,
    })
}

fn edits(workflow: &Workflow, settings: &Settings) -> bool {
    works(workflow).filter_map(|work| work.job_type.as_deref()).any(|name| {
        JobType::new(name).is_ok_and(|job_type| match settings.access_for(&job_type) {
            Access::Edit | Access::Full => true,
            Access::ReadOnly | Access::ReadOnlyAndAgents => false,
        })
    })
}

fn refuse_unknown_harnesses(workflow: &Workflow, settings: &Settings) -> Result<(), StartError> {
    for work in works(workflow) {
        let named = work.config.get("harness").and_then(Value::as_str);
        refuse_unknown(named.filter(|name| !name.contains("{{")), settings)?;
    }
    Ok(())
}

fn hash(snapshot: &str) -> String {
    Sha256::digest(snapshot.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
