//! The runner: one loop that owns what runs, takes ready jobs into free slots, and notices what ends.

mod board;
mod event;
mod finish;
mod heartbeat;
mod lookahead;
mod options;
mod recovery;
mod state;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::attempt::{AttemptProgress, AttemptReport};
use agents_domain::fallback::Fallbacks;
use agents_domain::id::AttemptId;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{ClaimRequest, Claimed, RunnerRecord, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::time::Instant;

pub use board::{Board, Card};
pub use event::{Control, Listener, RunnerEvent};
pub use options::RunnerOptions;

use crate::attempt::{self, StopReason, Surroundings};
use crate::doorbell::{self, Doorbell};
use crate::process::identity;
use heartbeat::Heartbeat;
use state::{Ended, Event, Found, Slot, State};

/// The slow tick: how late work is found whose bell was not heard.
const TICK: Duration = Duration::from_secs(30);
/// The first pause after the store could not be used; it doubles up to the longest one.
const TROUBLE_SHORTEST: Duration = Duration::from_millis(200);
const TROUBLE_LONGEST: Duration = Duration::from_secs(10);
/// How long jobs that were taken ahead wait while nothing ends. Nobody renews their leases, and another runner may
/// be free.
const HELD_LONGEST: Duration = Duration::from_millis(250);

/// A runner.
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Runner {
    options: RunnerOptions,
    around: Surroundings,
    board: Board,
    listener: Arc<dyn Listener>,
}

impl Runner {
    /// A runner with its options.
    pub fn new(
        options: RunnerOptions,
        around: Surroundings,
        board: Board,
        listener: Arc<dyn Listener>,
    ) -> Self {
        Self { options, around, board, listener }
    }

    /// Works until it is told to end, or with `once` until nothing is left to do. Gives how many attempts ended.
    pub async fn run(self, control: mpsc::Receiver<Control>) -> Result<usize, StoreError> {
        self.work(None, control).await
    }

    /// Does this one job, which it has taken already, and nothing else.
    pub async fn run_one(
        self,
        claimed: Claimed,
        control: mpsc::Receiver<Control>,
    ) -> Result<usize, StoreError> {
        self.work(Some(claimed), control).await
    }

    async fn work(
        self,
        only: Option<Claimed>,
        mut control: mpsc::Receiver<Control>,
    ) -> Result<usize, StoreError> {
        let bell = Doorbell::hang(&self.options.bells, self.options.id)
            .inspect_err(|error| tracing::warn!(%error, "no doorbell: work is found by the slow tick"))
            .ok();
        self.around.store.register(&self.record()).await?;
        let recovered = recovery::recover(&self.around, self.options.id, &*self.listener).await?;
        self.listener.hear(&RunnerEvent::Started { recovered });
        let mut heartbeat =
            Heartbeat::start(self.options.id, &self.options.database_url, &self.around, &self.board);
        let mut state = State::new(only.is_some());
        if let Some(claimed) = only {
            self.begin(claimed, &mut state);
        }
        loop {
            self.start_waiting(&mut state);
            self.look_for_work(&mut state);
            if state.is_idle() && (state.is_draining || (self.options.once && state.found == Found::Nothing))
            {
                break;
            }
            let wake_at = self.wake_at(&state).await;
            let event = tokio::select! {
                () = ring(bell.as_ref()) => Event::Rung,
                Some(ended) = state.tasks.join_next_with_id() => Event::Ended(Box::new(ended)),
                Some(finished) = state.finishing.join_next() => Event::Finished(finished),
                Some(claimed) = state.claiming.join_next() => Event::Claimed(claimed),
                Some(beat) = heartbeat.beats.recv() => Event::Beat(beat),
                told = control.recv(), if state.has_listener => Event::Control(told),
                () = tokio::time::sleep_until(wake_at) => Event::Tick,
            };
            self.handle(event, &mut state).await;
        }
        heartbeat.stop();
        self.leave().await;
        self.listener.hear(&RunnerEvent::Ended { finished: state.finished });
        Ok(state.finished)
    }

    fn record(&self) -> RunnerRecord {
        let now = self.around.clock.now();
        RunnerRecord {
            id: self.options.id,
            name: self.options.name.clone(),
            process: identity::own_mark(),
            namespace: self.options.namespace.clone(),
            concurrency: u32::try_from(self.options.concurrency).unwrap_or(u32::MAX),
            version: self.options.version.clone(),
            started_at: now,
            heartbeat_at: now,
        }
    }

    /// Asks the store for ready jobs, if there is room for them. The loop goes on meanwhile: what ends and what
    /// waits is served while the store works.
    fn look_for_work(&self, state: &mut State) {
        let free = self.options.concurrency.saturating_sub(state.slots.len());
        let limit = state.lookahead.claims(free, state.waiting.len());
        if state.is_draining || !state.must_look || !state.claiming.is_empty() || limit == 0 {
            return;
        }
        state.must_look = false;
        state.found = Found::NotLooked;
        let request = ClaimRequest {
            holder: self.options.holder(),
            namespaces: self.options.namespace.clone().map(|namespace| vec![namespace]),
            limit,
            fallbacks: self.fallbacks(),
        };
        let store = Arc::clone(&self.around.store);
        state.claiming.spawn(async move { store.claim(request).await.map(|claimed| (claimed, limit)) });
    }

    /// As the config says at this moment. While it can't be read, nobody stands in for anybody.
    fn fallbacks(&self) -> Arc<Fallbacks> {
        let settings = self.around.settings.for_workspace(&self.options.folder);
        settings.map(|settings| Arc::clone(&settings.fallbacks)).unwrap_or_default()
    }

    fn claimed(&self, claimed: Result<(Vec<Claimed>, usize), StoreError>, state: &mut State) {
        match claimed {
            Ok((claimed, limit)) => {
                if state.trouble.take().is_some() {
                    self.listener.hear(&RunnerEvent::StoreMended);
                }
                state.found = if claimed.is_empty() { Found::Nothing } else { Found::Jobs };
                state.must_look |= claimed.len() == limit;
                state.waiting.extend(claimed);
                state.moved_at = Instant::now();
                if state.is_draining {
                    self.give_back_waiting("the runner ended before it started", state);
                }
            }
            Err(error) => {
                let pause = state.trouble.map_or(TROUBLE_SHORTEST, |pause| (pause * 2).min(TROUBLE_LONGEST));
                if state.trouble.replace(pause).is_none() {
                    self.listener.hear(&RunnerEvent::StoreTrouble { error: error.to_string() });
                }
            }
        }
    }

    fn start_waiting(&self, state: &mut State) {
        while state.slots.len() < self.options.concurrency
            && let Some(claimed) = state.waiting.pop_front()
        {
            self.begin(claimed, state);
        }
    }

    fn begin(&self, claimed: Claimed, state: &mut State) {
        let attempt = claimed.attempt.id;
        let assignment = claimed.assignment.id;
        for event in &claimed.events {
            let namespace = claimed.assignment.namespace.clone();
            self.listener.hear(&RunnerEvent::Happened { namespace, event: event.clone() });
        }
        let (stop, stopped) = watch::channel(None);
        let live = self.board.put(Card::of(&claimed));
        let around = self.around.clone();
        let task = state.tasks.spawn(async move {
            let report = attempt::run(&claimed, &around, &live, stopped).await;
            Ended { claimed, report }
        });
        state.by_task.insert(task.id(), (attempt, assignment));
        state.slots.insert(attempt, Slot { stop, began: Instant::now() });
    }

    async fn handle(&self, event: Event, state: &mut State) {
        state.must_look |= event.may_bring_work();
        match event {
            Event::Claimed(Ok(claimed)) => self.claimed(claimed, state),
            Event::Claimed(Err(error)) => tracing::error!(%error, "looking for work broke down"),
            Event::Rung => self.look_for_cancellations(state).await,
            Event::Ended(ended) => self.ended(*ended, state),
            Event::Finished(Ok(())) => self.leave_to_others(state),
            Event::Finished(Err(error)) => {
                tracing::error!(%error, "the end of an attempt was not handed to the store; its lease will run out");
            }
            Event::Beat(beat) => {
                let stop = |ids: &[AttemptId], reason| ids.iter().for_each(|id| end(state, *id, reason));
                stop(&beat.reply.lost, StopReason::LeaseLost);
                stop(&beat.reply.cancel, StopReason::Cancelled);
            }
            Event::Control(Some(Control::Drain)) => {
                state.is_draining = true;
                self.give_back_waiting("the runner ended before it started", state);
                self.listener.hear(&RunnerEvent::Draining { running: state.slots.len() });
            }
            Event::Control(Some(Control::Stop)) => {
                state.is_draining = true;
                self.give_back_waiting("the runner ended before it started", state);
                self.listener.hear(&RunnerEvent::Stopping { running: state.slots.len() });
                for slot in state.slots.values() {
                    slot.stop.send_replace(Some(StopReason::Shutdown));
                }
            }
            Event::Control(None) => state.has_listener = false,
            Event::Tick if !state.waiting.is_empty() => {
                if state.moved_at.elapsed() >= HELD_LONGEST {
                    self.give_back_waiting("the runner had no time for it after all", state);
                    state.lookahead.saw(HELD_LONGEST);
                }
            }
            Event::Tick => {
                self.look_for_cancellations(state).await;
                if let Err(error) = recovery::recover(&self.around, self.options.id, &*self.listener).await {
                    tracing::warn!(%error, "could not look for lost attempts");
                }
            }
        }
    }

    /// What has just become ready is for another runner if this one has no slot for it. Short jobs leave one at once,
    /// and a bell for each of them would cost more than they do.
    fn leave_to_others(&self, state: &State) {
        let is_full = state.slots.len() >= self.options.concurrency && !state.lookahead.is_on();
        if state.is_draining || is_full {
            doorbell::ring_others(&self.options.bells, self.options.id);
        }
    }

    async fn look_for_cancellations(&self, state: &mut State) {
        if state.slots.is_empty() {
            return;
        }
        match self.around.store.cancellations(self.options.id).await {
            Ok(cancelled) => cancelled.into_iter().for_each(|id| self.cancel(id, state)),
            Err(error) => tracing::warn!(%error, "could not look for cancellations"),
        }
    }

    /// Ends an attempt that a person wants ended. One that has not started yet never does.
    fn cancel(&self, attempt: AttemptId, state: &mut State) {
        let place = state.waiting.iter().position(|claimed| claimed.attempt.id == attempt);
        match place.and_then(|place| state.waiting.remove(place)) {
            Some(claimed) => {
                let report =
                    without_process(attempt, OutcomeClass::Cancelled, "it was cancelled before it started");
                self.hand_back(claimed, report, state);
            }
            None => end(state, attempt, StopReason::Cancelled),
        }
    }

    fn ended(&self, ended: Result<(tokio::task::Id, Ended), JoinError>, state: &mut State) {
        let (task, ended) = match ended {
            Ok((task, ended)) => (task, Some(ended)),
            Err(error) => {
                tracing::error!(%error, "the supervision of an attempt broke down");
                (error.id(), None)
            }
        };
        let Some((attempt, assignment)) = state.by_task.remove(&task) else { return };
        if let Some(slot) = state.slots.remove(&attempt) {
            state.lookahead.saw(slot.began.elapsed());
        }
        state.moved_at = Instant::now();
        state.finished += 1;
        let (around, listener) = (self.around.clone(), Arc::clone(&self.listener));
        let board = self.board.clone();
        state.finishing.spawn(async move {
            match ended {
                Some(ended) => finish::finish(&ended.claimed, ended.report, &around, &*listener).await,
                None => {
                    let why = "the supervision of the attempt broke down; this is a bug in agents";
                    let report = without_process(attempt, OutcomeClass::RunnerError, why);
                    finish::give_back(assignment, report, &around, &*listener).await;
                }
            }
            // Only now: until the store knows the end, the heartbeat keeps the lease, or another runner would do the
            // job again while the store is in trouble.
            board.take(attempt);
        });
    }

    /// Jobs that were taken ahead and have not started are pending again.
    fn give_back_waiting(&self, why: &str, state: &mut State) {
        while let Some(claimed) = state.waiting.pop_front() {
            let report = without_process(claimed.attempt.id, OutcomeClass::Stopped, why);
            self.hand_back(claimed, report, state);
        }
    }

    fn hand_back(&self, claimed: Claimed, report: AttemptReport, state: &mut State) {
        let (around, listener) = (self.around.clone(), Arc::clone(&self.listener));
        state.finishing.spawn(async move { finish::finish(&claimed, report, &around, &*listener).await });
    }

    /// When to look again if nothing else happens.
    async fn wake_at(&self, state: &State) -> Instant {
        let now = Instant::now();
        if !state.waiting.is_empty() {
            return state.moved_at + HELD_LONGEST;
        }
        if let Some(pause) = state.trouble {
            return now + pause;
        }
        if state.is_draining || state.slots.len() >= self.options.concurrency || !state.claiming.is_empty() {
            return now + TICK;
        }
        match self.around.store.next_ready_at(self.options.namespace.as_ref(), &self.fallbacks()).await {
            // A job that became ready since the claim is found at once; the pause keeps a job that is ready and
            // can't be taken from making the loop spin.
            Ok(Some(at)) => now + at.since(self.around.clock.now()).clamp(Duration::from_millis(50), TICK),
            Ok(None) | Err(_) => now + TICK,
        }
    }

    async fn leave(&self) {
        if let Err(error) = self.around.store.unregister(self.options.id).await {
            tracing::warn!(%error, "the runner could not take its name off the list");
        }
    }
}

/// Asks an attempt to end. One that has ended already does not hear it, which is as well.
fn end(state: &State, attempt: AttemptId, reason: StopReason) {
    if let Some(slot) = state.slots.get(&attempt) {
        slot.stop.send_if_modified(|now| {
            let is_first = now.is_none();
            if is_first {
                *now = Some(reason);
            }
            is_first
        });
    }
}

async fn ring(bell: Option<&Doorbell>) {
    match bell {
        Some(bell) => {
            if let Err(error) = bell.rung().await {
                tracing::warn!(%error, "the doorbell is broken: work is found by the slow tick");
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}

/// The report of an attempt that has no process, or none that is known.
fn without_process(attempt: AttemptId, class: OutcomeClass, why: &str) -> AttemptReport {
    AttemptReport {
        attempt,
        outcome: Outcome::failure(class, why),
        process: None,
        progress: AttemptProgress::default(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
    }
}

/// What every attempt shares while it runs.
pub type SharedLive = Arc<Mutex<attempt::Live>>;
