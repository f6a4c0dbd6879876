//! What every command shares: the options, the clock, the configuration of where we are, the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::assignment::Assignment;
use agents_domain::fallback::Fallbacks;
use agents_domain::history::{EventKind, HistoryEvent};
use agents_domain::id::{AssignmentId, AttemptId, IdSource, JobId};
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, Command, Queue, Receipt, RunnerRecord, Store};
use agents_domain::timestamp::{Clock, Timestamp};
use agents_orchestrator::attempt::{StopReason, end_unwatched};
use agents_orchestrator::doorbell;
use agents_orchestrator::process::identity::{self, Life};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};

use crate::caller::Caller;
use crate::config::{Config, Environment, Flags, Sources};
use crate::failure::Failure;
use crate::output::Printer;
use crate::place::{self, Place};

/// A runner whose last heartbeat is older than this is not alive: it beats every few seconds.
const ALIVE_MS: i64 = 30_000;

/// The folder that an agent's assignment works in; every agent's environment has it.
const WORKSPACE: &str = "AGENTS_WORKSPACE";

/// The repository that it belongs to, whose config holds; an agent may change what is in its own folder.
const REPOSITORY: &str = "AGENTS_REPOSITORY";

/// What a command has before it reads anything.
#[allow(missing_debug_implementations, reason = "a clock has nothing to show")]
pub struct App {
    pub printer: Printer,
    pub flags: Flags,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

/// Where we are and what is configured there.
#[derive(Debug, Clone)]
pub struct Here {
    pub folder: PathBuf,
    pub place: Option<Place>,
    pub config: Config,
}

/// The namespace of a command, and whether somebody chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub namespace: Namespace,
    /// It is only what the folder's name suggests.
    pub is_derived: bool,
}

impl App {
    /// The program's own clock and ids.
    pub fn new(printer: Printer, flags: Flags) -> Self {
        Self { printer, flags, clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }

    /// The configuration of the current folder; for a PM that of its assignment's workspace, since its CLI may have
    /// put it into another folder.
    pub fn here(&self) -> Result<Here, Failure> {
        match Caller::of_process() {
            Ok(Caller::Pm(_)) => {
                self.refuse_other_store()?;
                let named = std::env::var_os(REPOSITORY).or_else(|| std::env::var_os(WORKSPACE));
                let workspace = named.map(PathBuf::from);
                self.here_in(&workspace.map_or_else(place::current_folder, Ok)?)
            }
            // A command that must know its caller says itself what is wrong with it.
            Ok(Caller::Person | Caller::Agent { .. }) | Err(_) => self.here_in(&place::current_folder()?),
        }
    }

    /// A PM may look and decide, and opening a store that is not there would make one, wherever it is named.
    fn refuse_other_store(&self) -> Result<(), Failure> {
        if self.flags.database_url.is_none() && self.flags.config_file.is_none() {
            return Ok(());
        }
        Err(Failure::rejected("a PM can't choose another database or config")
            .hint("leave --database-url and --config out: the environment of this job names its own"))
    }

    /// The configuration of that folder.
    pub fn here_in(&self, folder: &Path) -> Result<Here, Failure> {
        let folder = folder.to_owned();
        let place = Place::around(&folder);
        let sources = Sources {
            place: place.as_ref(),
            flags: &self.flags,
            environment: &Environment::of_process(),
            current_folder: &folder,
        };
        let config = Config::load(&sources)?;
        Ok(Here { folder, place, config })
    }

    /// Opens the store.
    pub async fn store(&self, here: &Here) -> Result<SqlStore, Failure> {
        let url = here.config.database_url()?;
        let store = SqlStore::open(url, Arc::clone(&self.clock), Arc::clone(&self.ids)).await?;
        Caller::of_process()?.refuse_disguise(&store).await?;
        Ok(store)
    }

    /// Lets the store do something, and wakes the runners.
    pub async fn execute(
        &self,
        here: &Here,
        store: &SqlStore,
        (actor, change): (Actor, Change),
    ) -> Result<Receipt, Failure> {
        let command = Command { actor, harness_defaults: here.config.harness_defaults(), change };
        let receipt = store.execute(command).await?;
        doorbell::ring(&here.bells()?);
        end_unwatched(store, &here.config.data_folder()?, &wishes(&receipt)).await?;
        Ok(receipt)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The id of a new assignment.
    pub fn new_assignment_id(&self) -> AssignmentId {
        AssignmentId::new(self.ids.next())
    }

    /// The id of a new job.
    pub fn new_job_id(&self) -> JobId {
        JobId::new(self.ids.next())
    }
}

/// Attempts that the command wants ended.
fn wishes(receipt: &Receipt) -> Vec<(AttemptId, StopReason)> {
    let wish = |event: &HistoryEvent| {
        let reason = if event.kind == EventKind::CancelRequested {
            StopReason::Cancelled
        } else if event.kind == EventKind::PauseRequested {
            StopReason::Paused
        } else {
            return None;
        };
        Some((event.attempt?, reason))
    };
    receipt.events.iter().filter_map(wish).collect()
}

impl Here {
    /// The namespace that is configured, or that the repository's folder suggests.
    pub fn namespace(&self) -> Result<Chosen, Failure> {
        if let Some(namespace) = self.config.namespace()? {
            return Ok(Chosen { namespace, is_derived: false });
        }
        let Some(place) = &self.place else {
            return Err(Failure::bad_input(format!("{} is not in a git repository", self.folder.display()))
                .hint("go to a repository, or run `agents init` to use this folder")
                .hint("`--namespace <name>` names a namespace from anywhere"));
        };
        let derived = place.derived_namespace().ok_or_else(|| {
            Failure::bad_input(format!("the name of {} makes no namespace", place.main_root.display()))
                .hint("choose one: agents init --namespace <name>")
        })?;
        Ok(Chosen { namespace: derived, is_derived: true })
    }

    /// The namespace to list, or `None` for all of them.
    pub fn listed_namespace(&self, all: bool) -> Result<Option<Namespace>, Failure> {
        if all { Ok(None) } else { Ok(Some(self.namespace()?.namespace)) }
    }

    /// The folder that agents work in.
    pub fn workspace(&self) -> PathBuf {
        self.place.as_ref().map_or_else(|| self.folder.clone(), |place| place.root.clone())
    }

    /// The folder of the runners' bells.
    pub fn bells(&self) -> Result<PathBuf, Failure> {
        Ok(doorbell::folder(&place::runtime_folder(), self.config.database_url()?))
    }
}

/// Whether the runner has told of itself lately.
pub fn is_alive(runner: &RunnerRecord, now: Timestamp) -> bool {
    let is_recent = now.as_millis().saturating_sub(runner.heartbeat_at.as_millis()) < ALIVE_MS;
    is_recent && identity::life(&runner.process) != Life::Dead
}

/// Whether any runner of the queue is alive.
pub fn any_alive(queue: &Queue, now: Timestamp) -> bool {
    queue.runners.iter().any(|runner| runner.concurrency > 0 && is_alive(runner, now))
}

/// What a person should know who has just changed an assignment that is paused.
pub fn paused_warning(assignment: &Assignment) -> Option<String> {
    let id = assignment.id.short();
    assignment
        .is_paused()
        .then(|| format!("assignment {id} is paused: it goes on after `agents resume {id}`"))
}

/// What a person should know who has just given the runners something to do.
pub async fn no_runner_warning(
    store: &dyn Store,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let queue = store.queue(Some(namespace), &Fallbacks::default(), 1).await?;
    Ok((!any_alive(&queue, now)).then(|| "no runner is alive: start one with `agents runner`".to_owned()))
}
