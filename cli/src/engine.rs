//! Puts a runner together out of the configuration of where we are.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use agents_domain::id::{IdSource, RunnerId};
use agents_domain::namespace::Namespace;
use agents_orchestrator::attempt::Surroundings;
use agents_orchestrator::runner::{Control, RunnerOptions};
use agents_orchestrator::start::{FromDefinitions, Home, Sources};
use agents_orchestrator::store::SqlStore;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::{App, Here};
use crate::config::Environment;
use crate::failure::Failure;
use crate::live::Form;
use crate::place;
use crate::settings_source::ConfigSettings;
use crate::skills::Installed;

/// What an attempt needs from around it.
pub fn surroundings(app: &App, here: &Here, store: Arc<SqlStore>) -> Result<Surroundings, Failure> {
    let settings = Arc::new(settings(app, here));
    let starter = Arc::new(starter(app, here, (store.clone(), settings.clone()))?);
    Ok(Surroundings {
        store,
        settings,
        clock: Arc::clone(&app.clock),
        ids: Arc::clone(&app.ids),
        starter,
        data_folder: here.config.data_folder()?,
        agents_program: own_program()?,
        keeper: agents_orchestrator::process::own_program(),
        lease: here.config.lease(),
    })
}

fn settings(app: &App, here: &Here) -> ConfigSettings {
    ConfigSettings::new(app.flags.clone(), Environment::of_process(), here.folder.clone())
}

/// Who makes new runs out of the definitions that there are.
pub fn definitions(app: &App, here: &Here, store: Arc<SqlStore>) -> Result<FromDefinitions, Failure> {
    starter(app, here, (store, Arc::new(settings(app, here))))
}

fn starter(
    app: &App,
    here: &Here,
    (store, settings): (Arc<SqlStore>, Arc<ConfigSettings>),
) -> Result<FromDefinitions, Failure> {
    // A folder that is no repository has no namespace; its runner serves those of the store.
    let home = here.namespace().ok().map(|chosen| Home {
        namespace: chosen.namespace,
        folder: place::lasting(&here.workspace()),
        is_own: app.flags.namespace.is_none() && here.place.is_some(),
    });
    Ok(FromDefinitions::new(Sources {
        store,
        settings,
        ids: Arc::clone(&app.ids),
        skills: Arc::new(Installed),
        data_folder: here.config.data_folder()?,
        here: home,
    }))
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

/// What the first signal brings about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leaving {
    /// How long running jobs may go on after it. `None`: to their end.
    pub grace: Option<Duration>,
    /// What still runs then is left to the next runner instead of being stopped.
    pub detach: bool,
}

/// Turns signals into what the runner is to do. The first Ctrl-C drains, for the grace at most; a service manager that
/// ends us stops at once unless there is a grace; a terminal that closes hands over, since nobody has asked for an end.
/// A second signal stops.
pub fn listen_to_signals(leaving: Leaving) -> Result<mpsc::Receiver<Control>, Failure> {
    let failed = |error: std::io::Error| Failure::failed("listening to signals", error);
    let signals = Signals {
        interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        terminate: signal(SignalKind::terminate()).map_err(failed)?,
        hang_up: signal(SignalKind::hangup()).map_err(failed)?,
    };
    // Its default action ends the process. Caught, a write past the limit on file sizes fails as on a full disk, and
    // the agents that run go on; who starts them gives it back to them, since a handler does not outlive exec.
    let past_limit = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map_err(failed)?;
    drop(past_limit);
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(forward(signals, leaving, sender));
    Ok(receiver)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// A signal, or the end of the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Interrupt,
    Terminate,
    HangUp,
    GraceOver,
}

impl Leaving {
    /// What the runner is told, and whether the grace begins.
    fn control(self, happened: Happened, is_first: bool) -> (Control, bool) {
        let at_last = if self.detach { Control::HandOver } else { Control::Stop };
        match (happened, self.grace) {
            (Happened::GraceOver, _) => (at_last, false),
            (Happened::HangUp, _) if is_first => (Control::HandOver, false),
            (Happened::Interrupt | Happened::Terminate | Happened::HangUp, _) if !is_first => {
                (Control::Stop, false)
            }
            (Happened::Interrupt | Happened::Terminate | Happened::HangUp, Some(_)) => (Control::Drain, true),
            (Happened::Interrupt, None) if !self.detach => (Control::Drain, false),
            (Happened::Interrupt | Happened::Terminate | Happened::HangUp, None) => (at_last, false),
        }
    }
}

async fn forward(mut signals: Signals, leaving: Leaving, to: mpsc::Sender<Control>) {
    let mut is_first = true;
    let mut grace_over = None;
    loop {
        let happened = tokio::select! {
            _ = signals.interrupt.recv() => Happened::Interrupt,
            _ = signals.terminate.recv() => Happened::Terminate,
            _ = signals.hang_up.recv() => Happened::HangUp,
            () = until(grace_over) => Happened::GraceOver,
        };
        let (control, begins_grace) = leaving.control(happened, is_first);
        is_first = false;
        grace_over = leaving.grace.filter(|_| begins_grace).map(|grace| Instant::now() + grace);
        if to.send(control).await.is_err() {
            return;
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grace: Option<u64>, detach: bool, happened: Happened, first: Control, second: Control) {
        let leaving = Leaving { grace: grace.map(Duration::from_secs), detach };
        let told = [true, false].map(|is_first| leaving.control(happened, is_first).0);
        assert_eq!(told, [first, second], "{leaving:?} {happened:?}");
    }

    #[test]
    fn the_first_signal_drains_or_hands_over_as_it_was_wished_and_the_second_one_stops() {
        use Control::{Drain, HandOver, Stop};
        use Happened::{GraceOver, HangUp, Interrupt, Terminate};
        check(None, false, Interrupt, Drain, Stop);
        check(None, false, Terminate, Stop, Stop);
        check(None, false, HangUp, HandOver, Stop);
        check(None, true, Interrupt, HandOver, Stop);
        check(None, true, Terminate, HandOver, Stop);
        check(Some(60), false, Interrupt, Drain, Stop);
        check(Some(60), false, Terminate, Drain, Stop);
        check(Some(60), true, Terminate, Drain, Stop);
        check(Some(60), false, GraceOver, Stop, Stop);
        check(Some(60), true, GraceOver, HandOver, HandOver);
    }
}
