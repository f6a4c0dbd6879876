//! Puts a runner together out of the configuration of where we are.

use std::io::IsTerminal;
use std::sync::Arc;

use agents_domain::id::{IdSource, RunnerId};
use agents_domain::namespace::Namespace;
use agents_orchestrator::attempt::Surroundings;
use agents_orchestrator::runner::{Control, RunnerOptions};
use agents_orchestrator::store::SqlStore;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::{App, Here};
use crate::config::Environment;
use crate::failure::Failure;
use crate::live::Form;
use crate::settings_source::ConfigSettings;

/// What an attempt needs from around it.
pub fn surroundings(app: &App, here: &Here, store: Arc<SqlStore>) -> Result<Surroundings, Failure> {
    let settings = ConfigSettings::new(app.flags.clone(), Environment::of_process(), here.folder.clone());
    Ok(Surroundings {
        store,
        settings: Arc::new(settings),
        clock: Arc::clone(&app.clock),
        ids: Arc::clone(&app.ids),
        data_folder: here.config.data_folder()?,
        agents_program: own_program()?,
    })
}

/// This program's own file.
pub fn own_program() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::failed("finding the agents program itself", error))
}

/// What a runner does beside its defaults.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `None`: every namespace.
    pub namespace: Option<Namespace>,
    pub concurrency: u32,
    pub once: bool,
}

/// The options of a new runner of this process.
pub fn options(app: &App, here: &Here, wanted: Wanted) -> Result<RunnerOptions, Failure> {
    Ok(RunnerOptions {
        id: runner_id(&*app.ids),
        name: format!("{}:{}", host_name(), std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        namespace: wanted.namespace,
        concurrency: usize::try_from(wanted.concurrency).unwrap_or(usize::MAX),
        once: wanted.once,
        folder: here.folder.clone(),
        lease: here.config.lease(),
        database_url: here.config.database_url()?.to_owned(),
        bells: here.bells()?,
    })
}

/// A new runner's id.
pub fn runner_id(ids: &dyn IdSource) -> RunnerId {
    RunnerId::new(ids.next())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The runtime of a process that runs agents: two threads, so that reading a busy stream never keeps the loop.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::failed("starting the runtime", error))
}

/// The form in which events are shown on standard output.
pub fn live_form(json: bool) -> Form {
    match (json, std::io::stdout().is_terminal()) {
        (true, _) => Form::Json,
        (false, true) => Form::Terminal,
        (false, false) => Form::Lines,
    }
}

/// Turns signals into what the runner is to do: the first Ctrl-C drains, the second one stops; a terminal that
/// closes and a service manager that ends us stop at once.
pub fn listen_to_signals() -> Result<mpsc::Receiver<Control>, Failure> {
    let failed = |error: std::io::Error| Failure::failed("listening to signals", error);
    let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(forward(interrupt, terminate, hang_up, sender));
    Ok(receiver)
}

async fn forward(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hang_up: Signal,
    to: mpsc::Sender<Control>,
) {
    let mut interrupts = 0;
    loop {
        let control = tokio::select! {
            _ = interrupt.recv() => {
                interrupts += 1;
                if interrupts == 1 { Control::Drain } else { Control::Stop }
            }
            _ = terminate.recv() => Control::Stop,
            _ = hang_up.recv() => Control::Stop,
        };
        if to.send(control).await.is_err() {
            return;
        }
    }
}
