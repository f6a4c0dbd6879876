//! `agents create`: a north star becomes an assignment.

use std::path::Path;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, NewAssignment, Rejection};
use agents_domain::director::Director;
use agents_domain::evidence::Check;
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::store::{Change, Store};
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde::Serialize;

use crate::app::{self, App, Chosen, Here};
use crate::caller::Caller;
use crate::config::checks;
use crate::config::workspace::WorkspaceName;
use crate::failure::Failure;
use crate::job_input::{self, JobOptions};
use crate::limit_options::LimitOptions;
use crate::output::text::{self, GREEN};
use crate::output::worktree::WorktreeView;
use crate::place::{self, Place};
use crate::workspace_choice::{self, Wanted};

/// Create an assignment from a north star: what you want, in your own words
///
/// The PM plans the first job at once; --first gives it instead; --hold creates the assignment with nothing to do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents create \"Add a --dry-run flag to the importer, with tests and docs\"
  agents create \"Speed up the parser\" --check \"cargo test -p parser\" --check \"./bench --quick\"
  agents create \"Add a --dry-run flag\" --accept \"nothing is written with --dry-run\" --accept \"the README shows it\"
  agents create \"Fix issue 41\" --first implement --harness codex --context \"The cause is in src/cache.rs\"
  gh issue view 41 | agents create -
  id=$(agents create \"Tidy the docs\" --hold --json | jq -r .id)")]
pub struct Create {
    /// What you want; `-` reads standard input
    north_star: String,
    /// Begin with a job of this type instead of asking the PM
    #[arg(long, value_name = "TYPE", conflicts_with = "hold")]
    first: Option<String>,
    #[command(flatten)]
    job: JobOptions,
    /// What must hold before it is complete (repeatable): each is tied to a check's receipt or a reviewer's finding
    #[arg(long, value_name = "CRITERION", allow_hyphen_values = true)]
    accept: Vec<String>,
    /// Create it with nothing to do: it waits for its first job
    #[arg(long)]
    hold: bool,
    /// The most jobs that it may have [default: limits.maxJobs of the config]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_jobs: Option<u32>,
    /// One more command that must pass before it is complete, besides the checks of the config; may be given again
    #[arg(long = "check", value_name = "COMMAND", allow_hyphen_values = true)]
    checks: Vec<String>,
    /// Where its agents work [default: workspace of the config, else a worktree where there can be one]
    #[arg(long, value_name = "WHERE", value_enum)]
    workspace: Option<WorkspaceName>,
    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    id: String,
    namespace: String,
    status: &'static str,
    north_star: String,
    jobs: Vec<String>,
    workspace: String,
    /// The names of the checks that are run after its jobs.
    checks: Vec<String>,
    worktree: Option<WorktreeView>,
    warnings: Vec<String>,
}

impl Create {
    /// Creates it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("create assignments")?;
        let here = app.here()?;
        let chosen = here.namespace()?;
        let north_star = self.read_north_star()?;
        let first = self.first_job(app, &here)?;
        let held = first == First::Hold;
        let (id, store) = (app.new_assignment_id(), app.store(&here).await?);
        refuse_foreign_namespace(&store, &here, &chosen).await?;
        let wanted =
            Wanted { id, namespace: &chosen.namespace, north_star: &north_star, asked: self.workspace };
        let choice = workspace_choice::choose(&here, wanted).await?;
        let mut warnings = choice.warnings;
        let folder = here.workspace();
        let workspace = if choice.worktree.is_some() { place::lasting(&folder) } else { folder };
        let new = NewAssignment {
            priority: None,
            id,
            namespace: chosen.namespace.clone(),
            north_star: north_star.clone(),
            director: Director::Pm,
            workspace: workspace.display().to_string(),
            max_jobs: self.max_jobs.unwrap_or_else(|| here.config.max_jobs()),
            run: None,
            worktree: choice.worktree,
            alone: choice.alone,
            checks: self.checks(&here)?,
            accept: self.criteria()?,
            limits: Box::new(self.limits.over(here.config.own_limits())),
            first,
        };
        let workspace = new.workspace.clone();
        let worktree = new.worktree.as_ref().map(WorktreeView::new);
        let checks = new.checks.iter().map(|check| check.name.clone()).collect();
        if !held {
            // Before the runner is woken: afterwards it would take a second connection, while the job starts.
            warnings.extend(app::no_runner_warning(&store, &chosen.namespace, app.now()).await?);
        }
        let receipt = app.execute(&here, &store, (Actor::Person, Change::Create(new))).await?;
        let inserted: Vec<&HistoryEvent> =
            receipt.events.iter().filter(|event| event.kind == EventKind::JobInserted).collect();
        let harnesses = inserted.iter().filter_map(|event| event.detail("harness"));
        warnings.extend(harnesses.filter_map(|harness| job_input::missing_program(&here, harness)));
        let created = Created {
            id: id.to_string(),
            namespace: chosen.namespace.to_string(),
            status: receipt.status.as_str(),
            north_star,
            jobs: inserted.iter().filter_map(|event| event.job).map(|job| job.to_string()).collect(),
            workspace,
            checks,
            worktree,
            warnings,
        };
        let short = id.short();
        app.printer.answer(
            || &created,
            || {
                let next = if held {
                    format!("agents insert-job {short} --type plan --context \"…\"")
                } else {
                    format!("agents assignment {short}")
                };
                format!(
                    "{} assignment {short} in {}\n  {next}\n",
                    text::colored(GREEN, "created"),
                    created.namespace
                )
            },
        )?;
        created.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    fn read_north_star(&self) -> Result<String, Failure> {
        let reads_stdin = self.north_star == "-";
        if reads_stdin && self.job.context.as_deref() == Some("-") {
            return Err(Failure::usage("the north star and the context can't both be standard input")
                .hint("give one of them in a file: --context-file <file>"));
        }
        let read =
            if reads_stdin { job_input::standard_input("the north star")? } else { self.north_star.clone() };
        let north_star = read.trim();
        if north_star.is_empty() {
            return Err(Failure::usage("the north star is empty")
                .hint("say what you want: agents create \"Add a --dry-run flag to the importer\""));
        }
        Ok(north_star.to_owned())
    }

    /// Those of the config, and those that are given here.
    fn checks(&self, here: &Here) -> Result<Vec<Check>, Failure> {
        let mut checks = here.config.checks();
        for command in &self.checks {
            let check = Check::of_command(command.trim());
            if check.command.is_empty() {
                return Err(Failure::usage("a --check is empty").hint("--check \"cargo test\""));
            }
            // What is asked for twice is run once; who asks for it here wants it to pass.
            match checks.iter_mut().find(|known| known.command == check.command) {
                Some(known) => known.required = true,
                None => checks.push(check),
            }
        }
        checks::refuse(&checks).map_err(|why| Failure::usage(format!("--check: {why}")))?;
        Ok(checks)
    }

    fn criteria(&self) -> Result<Vec<String>, Failure> {
        if self.accept.iter().any(|text| text.trim().is_empty()) {
            return Err(Rejection::EmptyCriterion.into());
        }
        Ok(self.accept.clone())
    }

    fn first_job(&self, app: &App, here: &Here) -> Result<First, Failure> {
        match &self.first {
            Some(job_type) => Ok(First::Job(self.job.job(app, here, job_type)?)),
            None if self.job.any() => Err(Failure::usage(
                "--harness, --context, --context-file, --model and --timeout describe a first job",
            )
            .hint("name its type: --first implement")),
            None if self.hold => Ok(First::Hold),
            None => Ok(First::Director),
        }
    }
}

/// A namespace that only a folder's name suggests must not mix two repositories.
pub async fn refuse_foreign_namespace(store: &SqlStore, here: &Here, chosen: &Chosen) -> Result<(), Failure> {
    let (true, Some(place)) = (chosen.is_derived, &here.place) else { return Ok(()) };
    let Some(root) = store.namespace_root(&chosen.namespace).await? else { return Ok(()) };
    if is_same_repository(place, Path::new(&root)) {
        return Ok(());
    }
    let name = &chosen.namespace;
    Err(Failure::rejected(format!("namespace `{name}` already belongs to another repository, {root}"))
        .hint(format!("choose another name for this one: agents init --namespace {name}-2")))
}

/// Whether that folder is of the same repository. A folder that is gone was probably this one, before it moved.
pub fn is_same_repository(place: &Place, folder: &Path) -> bool {
    let Some(other) = Place::around(folder).filter(|_| folder.is_dir()) else { return !folder.is_dir() };
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(&other.main_root) == real(&place.main_root)
}
