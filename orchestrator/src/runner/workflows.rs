//! The runner's eye on workflows that wait: those whose time has come are woken, runs that they want are started, and they
//! are told of those that have ended. Beside the loop, and never before jobs are looked for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::namespace::Namespace;
use agents_domain::run::Trigger;
use agents_domain::start::{Cause, Start};
use agents_domain::store::{Change, Command, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Due, DueFlow, Facts, Signal};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::attempt::Surroundings;

/// How many are looked at in one go.
const PAGE: u32 = 64;

/// The shortest time between two looks that nothing else asks for.
const PAUSE: Duration = Duration::from_millis(20);

/// How long it waits after the store could not be used.
const TROUBLE: Duration = Duration::from_secs(2);

/// What one look has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moved {
    /// So many have gone on.
    pub moved: usize,
    pub has_more: bool,
    /// When the next one has to be woken.
    pub next: Option<Timestamp>,
}

type Looked = Result<Result<Moved, StoreError>, JoinError>;

/// When to look, and the look that is at work.
pub(super) struct Flows {
    is_on: bool,
    must_look: bool,
    /// Whether there may be workflows at all: without, the end of a job is no reason to look.
    are_known: bool,
    not_before: Option<Instant>,
    wake_at: Option<Instant>,
    at_work: JoinSet<Result<Moved, StoreError>>,
}

impl Flows {
    /// A runner that does one job alone leaves them alone.
    pub fn new(is_on: bool) -> Self {
        let (not_before, wake_at) = (None, None);
        Self { is_on, must_look: is_on, are_known: false, not_before, wake_at, at_work: JoinSet::new() }
    }

    /// Something may have happened to one.
    pub fn wake(&mut self) {
        self.must_look = self.is_on;
    }

    /// A job has ended; `is_directed`: by a workflow.
    pub fn hear_end(&mut self, is_directed: bool) {
        self.are_known |= is_directed;
        self.must_look |= self.is_on && self.are_known;
    }

    /// Nothing is to be looked at, and nothing is being looked at.
    pub fn is_quiet(&self) -> bool {
        !self.must_look && self.at_work.is_empty()
    }

    /// Begins a look, if there is something to look at.
    pub fn look(&mut self, around: &Surroundings, namespace: Option<&Namespace>, actor: Actor) {
        let is_early = self.not_before.is_some_and(|moment| moment > Instant::now());
        if !self.must_look || !self.at_work.is_empty() || is_early {
            return;
        }
        self.must_look = false;
        let (around, namespace) = (around.clone(), namespace.cloned());
        self.at_work.spawn(async move { look(&around, namespace.as_ref(), actor).await });
    }

    /// The end of a look, or `None` when it is time for one. It waits while there is neither.
    pub async fn event(&mut self) -> Option<Looked> {
        if !self.at_work.is_empty() {
            return self.at_work.join_next().await;
        }
        match self.wake_at.filter(|_| !self.must_look) {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        None
    }

    /// Takes in what has come. Gives how many workflows have gone on.
    pub fn hear(&mut self, looked: Option<Looked>, now: Timestamp) -> usize {
        let moved = match looked {
            None => {
                self.wake_at = None;
                self.wake();
                return 0;
            }
            Some(Ok(Ok(moved))) => moved,
            Some(Ok(Err(error))) => {
                tracing::warn!(%error, "workflows could not be looked at");
                return self.later();
            }
            Some(Err(error)) => {
                tracing::error!(%error, "looking at workflows broke down");
                return self.later();
            }
        };
        self.not_before = None;
        self.are_known |= moved.moved > 0 || moved.next.is_some();
        self.must_look |= self.is_on && moved.has_more;
        self.wake_at = moved.next.map(|at| Instant::now() + at.since(now).max(PAUSE));
        moved.moved
    }

    fn later(&mut self) -> usize {
        self.must_look = self.is_on;
        self.not_before = Some(Instant::now() + TROUBLE);
        0
    }
}

/// Does what is to be done about those that are due.
async fn look(
    around: &Surroundings,
    namespace: Option<&Namespace>,
    actor: Actor,
) -> Result<Moved, StoreError> {
    let now = around.clock.now();
    let due = around.store.due_flows(namespace, now, PAGE).await?;
    let has_more = u32::try_from(due.len()).is_ok_and(|found| found >= PAGE);
    let mut moved = 0;
    for flow in due {
        let id = flow.assignment;
        match go_on(around, flow, actor).await {
            Ok(has_moved) => moved += usize::from(has_moved),
            // One that makes trouble holds nobody up; the slow tick looks at it again.
            Err(error @ (StoreError::Rejected(_) | StoreError::NoAssignment(_))) => {
                tracing::warn!(%error, run = %id, "a workflow could not go on");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Moved { moved, has_more: has_more && moved > 0, next: around.store.next_flow_at(namespace).await? })
}

async fn go_on(around: &Surroundings, flow: DueFlow, actor: Actor) -> Result<bool, StoreError> {
    let signal = match &flow.what {
        Due::Woken => Signal::Woken,
        Due::Ended { child, status, text } => {
            Signal::ChildEnded { child: *child, status: *status, text: text.clone() }
        }
        Due::Start { start, facts, depth } => {
            match started(around, &flow, (start, facts, *depth), actor).await? {
                Ok(is_started) => return Ok(is_started),
                Err(why) => Signal::ChildRefused { why },
            }
        }
    };
    let Some(workspace) = workspace(around, &flow).await? else { return Ok(false) };
    let command = Command {
        actor,
        harness_defaults: harness_defaults(around, Path::new(&workspace)),
        change: Change::Signal { assignment: flow.assignment, signal },
    };
    around.store.execute(command).await.map(|_| true)
}

async fn workspace(around: &Surroundings, flow: &DueFlow) -> Result<Option<String>, StoreError> {
    Ok(around.store.assignment(flow.assignment).await?.map(|assignment| assignment.workspace))
}

/// Starts the run that it wants. The inner error: it can't be started.
async fn started(
    around: &Surroundings,
    flow: &DueFlow,
    (start, facts, depth): (&Start, &Facts, u32),
    actor: Actor,
) -> Result<Result<bool, String>, StoreError> {
    let cause = Cause {
        trigger: Trigger::Api,
        input: facts.input.clone(),
        depth: depth + 1,
        replays: None,
        at: around.clock.now(),
        zone: facts.zone.clone(),
    };
    let new = match around.starter.new_run(&flow.namespace, start, cause).await {
        Ok(new) => new,
        Err(why) => return Ok(Err(why.to_string())),
    };
    let defaults = harness_defaults(around, Path::new(&new.workspace));
    match around.store.start_child(flow.assignment, new, defaults, actor).await {
        Ok(receipt) => Ok(Ok(receipt.is_some())),
        Err(StoreError::Rejected(why)) => Ok(Err(why.to_string())),
        Err(error) => Err(error),
    }
}

/// Of a workspace whose configuration can't be read, those that held last.
fn harness_defaults(around: &Surroundings, workspace: &Path) -> Arc<HarnessDefaults> {
    match around.settings.for_workspace(workspace) {
        Ok(settings) => Arc::clone(&settings.harness_defaults),
        Err(why) => {
            tracing::warn!(%why, "a workspace's configuration can't be read");
            around.settings.last_harness_defaults(workspace).unwrap_or_else(|| {
                Arc::new(HarnessDefaults {
                    default: String::new(),
                    by_type: Default::default(),
                    reviewers: Default::default(),
                })
            })
        }
    }
}
