//! `agents demo`: the whole loop in a temporary repository, with a scripted agent unless a real one is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::assignment::{Assignment, AssignmentStatus, DEFAULT_MAX_JOBS};
use agents_domain::director::Director;
use agents_domain::evidence::Check;
use agents_domain::id::AssignmentId;
use agents_domain::job_type::JobType;
use agents_domain::store::{Change, JobDetail, Store};
use agents_orchestrator::runner::{Board, Listener, Runner};
use agents_orchestrator::workspace::{Author, Git};
use clap::Args;
use serde_json::json;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::config::Flags;
use crate::engine::{self, Leaving, Wanted};
use crate::failure::{Failure, FailureKind};
use crate::live::{Screen, Style};
use crate::output::text::{BOLD, RESET};
use crate::output::{self, assignment};
use crate::workspace_choice;

/// What the demo's assignment is about. The script plays to it.
const NORTH_STAR: &str = "Add a greeting program with a test: `./greet.sh NAME` prints `Hello, NAME!`";
/// What the runner runs after each job that edits.
const CHECK: &str = "for test in test_*.sh; do sh \"./$test\" || exit 1; done";
/// What must be shown before it is complete.
const CRITERION: &str = "without a name it greets the world";

/// Watch the whole loop in a temporary repository, no account needed
///
/// Makes a small repository, creates an assignment in it, and runs it to its end: the PM plans, an agent implements, a
/// review finds a bug, the PM has it fixed, and only then completes. The agents are scripted unless you name a real
/// one. Nothing of yours is touched: the repository and its store are in a folder of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents demo\n  agents demo --harness claude")]
pub struct DemoArgs {
    /// Use this real agent instead of the scripted one; costs money
    #[arg(long, value_name = "NAME")]
    pub harness: Option<String>,
    /// Make the repository in this folder, which must be empty or not there
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Runs the command.
pub fn run(app: &App, args: &DemoArgs) -> Result<(), Failure> {
    Caller::of_process()?.person_only("start the demo")?;
    let folder = folder(args)?;
    engine::runtime()?.block_on(play(app, args, &folder))
}

fn folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let Some(folder) = &args.folder else {
        let made = tempfile::Builder::new().prefix("agents-demo-").tempdir();
        return made
            .map(tempfile::TempDir::keep)
            .map_err(|error| Failure::failed("making a temporary folder", error));
    };
    let failed = |error| Failure::file("make", folder, &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Failure::bad_input(format!("{} is not empty", folder.display()))
            .hint("name a folder that is empty or not there"));
    }
    std::path::absolute(folder).map_err(failed)
}

async fn play(app: &App, args: &DemoArgs, folder: &Path) -> Result<(), Failure> {
    make_repository(folder, args.harness.as_deref()).await?;
    let inside = App::new(app.printer, flags(folder));
    let here = inside.here_in(folder)?;
    if let Some(name) = &args.harness {
        crate::job_input::check_harness(&here, name)?;
    }
    let store = Arc::new(inside.store(&here).await?);
    let id = create(&inside, &here, &store, folder).await?;
    let board = Board::default();
    let form = engine::live_form(app.printer.form == output::Form::Json);
    let screen = Screen::start(form, board.clone(), Arc::clone(&app.clock))
        .map_err(|error| Failure::failed("starting the screen", error))?;
    if app.printer.form == output::Form::Human {
        screen.line(
            Style::Plain,
            format!("{BOLD}North star:{RESET} {NORTH_STAR}\n{BOLD}Repository:{RESET} {}\n", folder.display()),
        );
    }
    let wanted = Wanted { namespace: None, concurrency: 1, once: true };
    let options = engine::options(&inside, &here, wanted)?;
    let around = engine::surroundings(&inside, &here, Arc::clone(&store))?;
    let control = engine::listen_to_signals(Leaving::default())?;
    let ended =
        Runner::new(options, around, board, Arc::clone(&screen) as Arc<dyn Listener>).run(control).await;
    screen.end();
    ended?;
    let gone = || Failure::failed("reading the assignment", "it is gone");
    let assignment = store.assignment(id).await?.ok_or_else(gone)?;
    let jobs = store.job_details(id).await?;
    tell(app, folder, &assignment, &jobs)
}

/// Nothing of the caller's own store, namespace or config is used.
fn flags(folder: &Path) -> Flags {
    Flags {
        namespace: Some("demo".to_owned()),
        database_url: Some(format!("sqlite:{}", folder.join(".agents/data/agents.db").display())),
        data_dir: Some(folder.join(".agents/data")),
        ..Flags::default()
    }
}

async fn make_repository(folder: &Path, harness: Option<&str>) -> Result<(), Failure> {
    let own = folder.join(".agents");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::file("write", &path, &error)
    };
    std::fs::create_dir_all(&own).map_err(failed(&own))?;
    let script = own.join("demo-script.json");
    std::fs::write(&script, agents_scripted_agent::DEMO_SCRIPT).map_err(failed(&script))?;
    let config = own.join("config.json");
    let text = serde_json::to_string_pretty(&config_of(folder, &script, harness)?)
        .map_err(|error| Failure::failed("making the demo's config", error))?;
    std::fs::write(&config, text + "\n").map_err(failed(&config))?;
    let readme = folder.join("README.md");
    std::fs::write(&readme, "# Demo\n\nA place for a greeting program.\n").map_err(failed(&readme))?;
    let ignore = folder.join(".gitignore");
    std::fs::write(&ignore, ".agents/\n").map_err(failed(&ignore))?;
    let author = Author { name: "agents demo".to_owned(), mail: "demo@localhost".to_owned() };
    let git = Git::new(folder).by(&author);
    for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "An empty place"]] {
        if let Err(error) = git.must(arguments).await {
            // The loop itself needs no git; agents only see less.
            tracing::warn!(%error, "the demo's folder is no git repository");
            break;
        }
    }
    Ok(())
}

fn config_of(folder: &Path, script: &Path, harness: Option<&str>) -> Result<serde_json::Value, Failure> {
    let data = folder.join(".agents/data");
    let harness_name = harness.unwrap_or("scripted");
    // Every type is named: what a user's own config says of one would win over the default, and cost money.
    let harness_defaults: BTreeMap<&str, &str> = std::iter::once("default")
        .chain(JobType::BUILT_IN)
        .map(|job_type| (job_type, harness_name))
        .collect();
    let mut config = json!({
        "namespace": "demo",
        "databaseUrl": format!("sqlite:{}", data.join("agents.db").display()),
        "dataDir": data,
        "harnessDefaults": harness_defaults,
    });
    if harness.is_none() {
        let program = engine::own_program()?;
        let command = json!([program, "scripted-agent", "--stream", "claude", "--script", script]);
        config["harnesses"] = json!({ "scripted": { "command": command, "stream": "claude" } });
    }
    Ok(config)
}

async fn create(
    app: &App,
    here: &Here,
    store: &agents_orchestrator::store::SqlStore,
    folder: &Path,
) -> Result<AssignmentId, Failure> {
    let id = app.new_assignment_id();
    let namespace = here.namespace()?.namespace;
    let wanted = workspace_choice::Wanted { id, namespace: &namespace, north_star: NORTH_STAR, asked: None };
    let choice = workspace_choice::choose(here, wanted).await?;
    let new = NewAssignment {
        priority: None,
        id,
        namespace,
        north_star: NORTH_STAR.to_owned(),
        director: Director::Pm,
        workspace: folder.display().to_string(),
        max_jobs: DEFAULT_MAX_JOBS,
        run: None,
        limits: Default::default(),
        worktree: choice.worktree,
        alone: choice.alone,
        checks: vec![Check { name: "tests".to_owned(), ..Check::of_command(CHECK) }],
        accept: vec![CRITERION.to_owned()],
        first: First::Director,
    };
    app.execute(here, store, (Actor::Person, Change::Create(new))).await?;
    Ok(id)
}

fn tell(app: &App, folder: &Path, assignment: &Assignment, jobs: &[JobDetail]) -> Result<(), Failure> {
    let short = assignment.id.short();
    let human = || {
        format!(
            "\n{}\n{BOLD}Where to look{RESET}\n  cd {}\n  agents assignment {}    every job and what it said\n  \
             agents jobs                    then: agents logs <job>\n  agents history {}       each step, in order\n  \
             agents evidence {}      what was measured: commits, checks, findings\n  \
             agents diff {}          what the agents wrote; agents merge {} takes it over\n\n\
             For real: go to a repository of yours, run `agents init`, then\n  \
             agents create \"what you want\"   and   agents runner\n",
            assignment::detail(assignment, jobs, app.now()),
            folder.display(),
            short,
            short,
            short,
            short,
            short,
        )
    };
    let json =
        || json!({ "folder": folder, "assignment": output::json::AssignmentView::new(assignment, jobs) });
    app.printer.answer(json, human)?;
    match assignment.status() {
        AssignmentStatus::Complete => Ok(()),
        status @ (AssignmentStatus::Active
        | AssignmentStatus::Blocked
        | AssignmentStatus::Failed
        | AssignmentStatus::Cancelled) => {
            Err(Failure::new(FailureKind::Blocked, format!("the demo ended {}", status.as_str()))
                .hint_if(assignment.reason()))
        }
    }
}
