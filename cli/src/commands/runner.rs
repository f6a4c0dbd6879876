//! `agents runner`: pulls ready jobs and runs their agents, until it is told to end.

use std::sync::Arc;
use std::time::Duration;

use agents_orchestrator::runner::{Board, Listener, Runner};
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::engine::{self, Leaving, Wanted};
use crate::failure::Failure;
use crate::job_input;
use crate::live::{Form, LineWriter, Screen};
use crate::output;

/// Pull ready jobs and run their agents
///
/// Leave it open in a terminal. It takes ready jobs of this repository's namespace, runs their agents, and after
/// each job lets the PM decide what comes next. Any number of runners may work side by side.
///
/// Ctrl-C lets running jobs finish; a second Ctrl-C stops them, and they are pending again. With --detach, and when the
/// terminal closes or the runner is killed, the agents go on, and the next runner takes them over where they stand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents runner\n  agents runner --concurrency 4 --all-namespaces\n  \
                        agents runner --once --log-format json")]
pub struct RunnerArgs {
    /// End when nothing is ready and nothing runs
    #[arg(long)]
    pub once: bool,
    /// How many jobs run at the same time at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub concurrency: Option<u32>,
    /// Serve every namespace of the store, not only this repository's
    #[arg(long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// How long running jobs may go on after the first Ctrl-C or SIGTERM (30s, 10m, 2h)
    #[arg(long, value_name = "TIME", value_parser = job_input::milliseconds)]
    pub grace: Option<u64>,
    /// Leave what still runs at the end to the next runner, instead of stopping it
    #[arg(long)]
    pub detach: bool,
    /// How events are written
    #[arg(long, value_enum, default_value = "auto")]
    pub log_format: LogFormat,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Live on a terminal, else a line each
    Auto,
    /// A line each
    Text,
    /// A JSON object each
    Json,
}

/// Runs the command.
pub fn run(app: &App, args: &RunnerArgs) -> Result<(), Failure> {
    Caller::of_process()?.person_only("start runners")?;
    let here = app.here()?;
    let namespace = here.listed_namespace(args.all_namespaces)?;
    let concurrency = args.concurrency.unwrap_or_else(|| here.config.concurrency());
    let wanted = Wanted { namespace, concurrency, once: args.once };
    let leaving = Leaving { grace: args.grace.map(Duration::from_millis), detach: args.detach };
    engine::runtime()?.block_on(serve(app, &here, (wanted, leaving), form(app, args.log_format)))
}

fn form(app: &App, format: LogFormat) -> Form {
    match format {
        LogFormat::Auto => engine::live_form(app.printer.form == output::Form::Json),
        LogFormat::Text => Form::Lines,
        LogFormat::Json => Form::Json,
    }
}

async fn serve(
    app: &App,
    here: &Here,
    (wanted, leaving): (Wanted, Leaving),
    form: Form,
) -> Result<(), Failure> {
    let store = Arc::new(app.store(here).await?);
    let board = Board::default();
    let screen = Screen::start(form, board.clone(), Arc::clone(&app.clock))
        .map_err(|error| Failure::failed("starting the screen", error))?;
    log_to(&screen, form);
    let around = engine::surroundings(app, here, store)?;
    let options = engine::options(app, here, wanted)?;
    let control = engine::listen_to_signals(leaving)?;
    let runner = Runner::new(options, around, board, Arc::clone(&screen) as Arc<dyn Listener>);
    let ended = runner.run(control).await;
    screen.end();
    ended?;
    Ok(())
}

/// Log lines of the engine: between the events for people, on standard error beside JSON.
fn log_to(screen: &Arc<Screen>, form: Form) {
    let filter = EnvFilter::try_from_env("AGENTS_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    // A log line that can't be written is not worth the panic that a word about it on a closed standard error is.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_target(false).log_internal_errors(false);
    let set = match form {
        Form::Json => builder.json().with_writer(std::io::stderr).try_init(),
        Form::Terminal | Form::Lines => {
            builder.without_time().with_ansi(false).with_writer(LineWriter(Arc::clone(screen))).try_init()
        }
    };
    // Logging is set up once for the process; a second runner in it logs to the same place.
    if set.is_err() {
        tracing::debug!("logging was set up already");
    }
}
