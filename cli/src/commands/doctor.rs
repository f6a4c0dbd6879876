//! `agents doctor`: is everything there that the agents need? Each trouble with its fix.

use std::collections::BTreeSet;
use std::sync::Arc;

use agents_domain::fallback::Fallbacks;
use agents_domain::harness::Probe;
use agents_domain::store::Store;
use agents_orchestrator::housekeeping::Scope;
use agents_orchestrator::process::probe::probe_version;
use agents_orchestrator::settings::SettingsSource;
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde::Serialize;

use super::health::{self, StoreHealth};
use super::receipt;
use super::schedule_checks;
use super::worktree_checks;
use crate::app::{self, App, Here};
use crate::caller::Caller;
use crate::config::Environment;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, DIM, GREEN, RED, YELLOW};
use crate::settings_source::{self, ConfigSettings};

/// Check git, the database and what it holds, the config and each agent CLI; say how to fix what is wrong
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents doctor
  agents doctor --full --repair
  agents doctor --json | jq '.checks[] | select(.status == \"problem\")'

It ends with 8 if something would keep jobs from running, or the store holds what can't be.")]
pub struct Doctor {
    /// Mend what the store holds and can't be; nothing is deleted, and a damaged file is not touched
    #[arg(long)]
    repair: bool,
    /// Check every assignment, not only the open ones and the latest 500 of the closed ones
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Worth knowing; work goes on.
    Note,
    /// It keeps jobs from running.
    Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    name: String,
    status: Status,
    detail: String,
    fix: Option<String>,
}

impl Check {
    pub fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: Status::Ok, detail: detail.into(), fix: None }
    }

    pub fn note(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: Status::Note, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub fn problem(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Problem, ..Self::note(name, detail, fix) }
    }

    pub fn failure(name: &str, failure: Failure) -> Self {
        Self::problem(name, failure.message, failure.hints.join("; "))
    }
}

impl Doctor {
    /// Checks everything and prints what it found.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        if self.repair {
            Caller::of_process()?.person_only("repair the store")?;
        }
        let scope = if self.full { Scope::All } else { Scope::Recent };
        let mut checks = vec![worktree_checks::git().await];
        let mut found = None;
        match app.here() {
            Ok(here) => {
                checks.push(repository(&here));
                checks.push(config(app, &here));
                let (of_store, health) = store(app, &here, (scope, self.repair)).await;
                checks.extend(of_store);
                found = health;
                checks.extend(harnesses(&here).await);
            }
            Err(failure) => checks.push(Check::failure("config", failure)),
        }
        checks.extend(root());
        let problems = checks.iter().filter(|check| check.status == Status::Problem).count();
        let json = || {
            let store = found.as_ref().map(StoreHealth::view);
            serde_json::json!({ "ok": problems == 0, "checks": checks, "store": store })
        };
        app.printer.answer(json, || human(&checks))?;
        if problems == 0 {
            return Ok(());
        }
        let what = text::counted(problems, "problem");
        Err(Failure::new(FailureKind::Missing, format!("{what} would keep jobs from running")))
    }
}

fn repository(here: &Here) -> Check {
    match &here.place {
        Some(place) if place.is_git => {
            let root = place.root.display();
            match here.namespace() {
                Ok(chosen) => Check::ok("repository", format!("{root}, namespace {}", chosen.namespace)),
                Err(failure) => Check::failure("repository", failure),
            }
        }
        Some(place) => Check::note(
            "repository",
            format!("{} is not a git repository", place.root.display()),
            "`git init` gives agents a history to go back to",
        ),
        None => Check::note(
            "repository",
            format!("{} is not in a git repository", here.folder.display()),
            "go to a repository, or run `agents init` to use this folder",
        ),
    }
}

/// The config files, read once more as a runner reads them.
fn config(app: &App, here: &Here) -> Check {
    let source = ConfigSettings::new(app.flags.clone(), Environment::of_process(), here.folder.clone());
    if let Err(why) = source.for_workspace(&here.workspace()) {
        return Check::problem("config", why, "`agents config show` says where each value comes from");
    }
    let files: Vec<String> = here
        .config
        .files()
        .iter()
        .filter(|file| file.is_file())
        .map(|file| file.display().to_string())
        .collect();
    if files.is_empty() {
        return Check::note("config", "no config file, so the defaults hold", "`agents init` writes one");
    }
    Check::ok("config", files.join(", "))
}

async fn store(app: &App, here: &Here, what: (Scope, bool)) -> (Vec<Check>, Option<StoreHealth>) {
    let only = |check: Check| (vec![check], None);
    let url = match here.config.database_url() {
        Ok(url) => url.to_owned(),
        Err(failure) => return only(Check::failure("database", failure)),
    };
    let store = match SqlStore::open(&url, Arc::clone(&app.clock), Arc::clone(&app.ids)).await {
        Ok(store) => Arc::new(store),
        Err(error) => return only(health::unusable(error)),
    };
    let disguise = match Caller::of_process() {
        Ok(caller) => caller.refuse_disguise(&store).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = disguise {
        return only(Check::failure("database", failure));
    }
    match store.integrity().await {
        Ok(None) => {}
        Ok(Some(said)) => {
            let path = url.split_once(':').map_or(url.as_str(), |(_, path)| path);
            return only(Check::problem(
                "database",
                format!("{url} is damaged: {said}"),
                health::rescue(path),
            ));
        }
        Err(error) => return only(health::unusable(error)),
    }
    let mut checks = vec![Check::ok("database", url)];
    let found = match health::look(app, here, &store, what).await {
        Ok(found) => {
            checks.extend(found.checks());
            Some(found)
        }
        Err(failure) => {
            checks.push(Check::failure("store", failure));
            None
        }
    };
    checks.push(worktree_checks::worktrees(here, &*store).await);
    checks.extend(schedule_checks::schedules(app, here, &store).await);
    checks.extend(receipt::health(&*store).await);
    checks.push(runner(app, here, &*store).await);
    (checks, found)
}

async fn runner(app: &App, here: &Here, store: &dyn Store) -> Check {
    let namespace = here.namespace().ok().map(|chosen| chosen.namespace);
    match store.queue(namespace.as_ref(), &Fallbacks::default(), 1).await {
        Ok(queue) if app::any_alive(&queue, app.now()) => {
            let alive = queue.runners.iter().filter(|runner| app::is_alive(runner, app.now()));
            let names: Vec<&str> = alive.map(|runner| runner.name.as_str()).collect();
            Check::ok("runner", names.join(", "))
        }
        Ok(_) => Check::note("runner", "no runner is alive", "start one with `agents runner`"),
        Err(error) => Check::failure("runner", error.into()),
    }
}

/// Each harness; those that no type of job uses by default are no problem when they are missing.
async fn harnesses(here: &Here) -> Vec<Check> {
    let defaults = here.config.harness_defaults();
    let used: BTreeSet<&str> =
        defaults.by_type.values().chain([&defaults.default]).map(String::as_str).collect();
    let mut tasks = tokio::task::JoinSet::new();
    let names = settings_source::harness_names(&here.config);
    for (place, name) in names.iter().enumerate() {
        // A harness that can't be made was refused with the config.
        let Ok(probe) = settings_source::probe(&here.config, name) else { continue };
        let is_used = used.contains(name.as_str());
        let has_own_env = here.config.harnesses().get(name).is_some_and(|entry| !entry.env.is_empty());
        let (name, login) = (name.clone(), has_own_env || settings_source::has_login(&probe));
        tasks.spawn(async move { (place, harness(&name, &probe, Facts { is_used, login }).await) });
    }
    let mut checks = tasks.join_all().await;
    checks.sort_by_key(|(place, _)| *place);
    checks.into_iter().map(|(_, check)| check).collect()
}

#[derive(Debug, Clone, Copy)]
struct Facts {
    /// A type of job uses it by default.
    is_used: bool,
    /// Credentials or a login are there, or cannot be told.
    login: bool,
}

async fn harness(name: &str, probe: &Probe, facts: Facts) -> Check {
    let name = format!("harness {name}");
    let found = match probe_version(&probe.program, &probe.args).await {
        Ok(version) if facts.login => return Check::ok(&name, format!("{} {version}", probe.program)),
        Ok(version) => {
            let said = format!("{} {version}, and no login was found", probe.program);
            let fix = format!("`{}`, or set {}", probe.login, probe.credentials.join(" or "));
            Check::problem(&name, said, fix)
        }
        Err(error) => Check::problem(&name, error.to_string(), probe.install.clone()),
    };
    let status = if facts.is_used { Status::Problem } else { Status::Note };
    Check { status, ..found }
}

fn root() -> Option<Check> {
    rustix::process::geteuid().is_root().then(|| {
        Check::note(
            "user",
            "this is root: an agent that may run commands may do anything here",
            "use a container, or a user of its own",
        )
    })
}

fn human(checks: &[Check]) -> String {
    let mut table = Table::new(&[]);
    for check in checks {
        let (mark, color) = match check.status {
            Status::Ok => ("ok", GREEN),
            Status::Note => ("note", YELLOW),
            Status::Problem => ("problem", RED),
        };
        table.row(vec![Cell::colored(color, mark), (&check.name).into(), (&check.detail).into()]);
        if let Some(fix) = check.fix.as_deref().filter(|fix| !fix.is_empty()) {
            table.below(Cell::colored(DIM, format!("fix: {fix}")));
        }
    }
    // A path or a fix that is cut is of no use, so these lines may be long.
    table.render(output::width().max(400), "")
}
