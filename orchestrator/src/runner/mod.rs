//! The runner: one loop that owns what runs, takes ready jobs into free slots, and notices what ends.

mod board;
mod event;
mod finish;
mod hand_over;
mod heartbeat;
mod housekeeping;
mod lookahead;
mod notices;
mod options;
mod reactions;
mod recovery;
mod schedules;
mod state;
mod workflows;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::attempt::{AttemptProgress, AttemptReport, Wish};
use agents_domain::director::Director;
use agents_domain::evidence::VerificationKey;
use agents_domain::fallback::Fallbacks;
use agents_domain::id::AttemptId;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::store::{ClaimRequest, Claimed, Claims, DayLine, RunnerRecord, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::time::Instant;

pub use board::{Board, Card};
pub use event::{Control, Listener, RunnerEvent};
pub use options::RunnerOptions;

use crate::attempt::{self, StopReason, Surroundings, Thread};
use crate::doorbell::{self, Doorbell};
use crate::process::identity;
use crate::settings;
use heartbeat::Heartbeat;
use housekeeping::Chore;
use notices::Announcer;
use reactions::Reactions;
use state::{Ended, Event, Found, Slot, State};
use workflows::Flows;

/// The slow tick: how late work is found whose bell was not heard.
const TICK: Duration = Duration::from_secs(30);
/// The first pause after the store could not be used; it doubles up to the longest one.
const TROUBLE_SHORTEST: Duration = Duration::from_millis(200);
const TROUBLE_LONGEST: Duration = Duration::from_secs(10);
/// How long jobs that were taken ahead wait while nothing ends. Nobody renews their leases, and another runner may
/// be free.
const HELD_LONGEST: Duration = Duration::from_millis(250);
/// So many jobs that begin together are a crowd. Fewer are all started before those that have been could be in the way.
const CROWD: usize = 16;

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

    /// Makes the runner known, before it takes anything: what a runner has that nobody knows is taken from it.
    pub async fn announce(&self) -> Result<(), StoreError> {
        // Before anything is signed with it.
        self.around.store.publish(&self.key()).await?;
        self.around.store.register(&self.record()).await
    }

    async fn work(
        self,
        only: Option<Claimed>,
        mut control: mpsc::Receiver<Control>,
    ) -> Result<usize, StoreError> {
        let bell = Doorbell::hang(&self.options.bells, self.options.id)
            .inspect_err(|error| tracing::warn!(%error, "no doorbell: work is found by the slow tick"))
            .ok();
        self.announce().await?;
        let mut heartbeat =
            Heartbeat::start(self.options.id, &self.options.database_url, &self.around, &self.board);
        let mut chore = Chore::new(self.options.once || only.is_some(), Instant::now());
        let mut reactions = Reactions::new(only.is_none());
        let mut announcer = Announcer::new(only.is_none());
        let mut flows = Flows::new(only.is_none());
        let mut state = State::new(only.is_some());
        match only {
            Some(claimed) => self.begin(claimed, Begin::Anew(Thread::OfTheLoop), &mut state),
            None => {
                let recovered = self.recover(&mut state).await;
                self.listener.hear(&RunnerEvent::Started { recovered });
                self.look_for_wishes(&mut state).await;
            }
        }
        loop {
            self.start_waiting(&mut state);
            self.look_for_work(&mut state);
            self.look_at_schedules(&mut state);
            chore.start_if_due(&self.around, &self.options.database_url);
            if !state.is_draining && state.may_look_around(Instant::now()) {
                let namespace = self.options.namespace.as_ref();
                flows.look(&self.around, namespace, Actor::Runner(self.options.id));
                reactions.look(&self.around, namespace, self.options.id);
                announcer.look(&self.around, namespace, &self.options.folder);
            }
            let is_quiet = reactions.is_quiet() && announcer.is_quiet() && flows.is_quiet();
            let has_nothing = state.found == Found::Nothing && !state.must_fire && is_quiet;
            if state.is_idle() && (state.is_draining || (self.options.once && has_nothing)) {
                break;
            }
            // What happens more often than the tick must not put it off for ever.
            let wake_at = self.wake_at(&state).await.min(state.ticked_at + self.tick());
            let due_at = self.due_at(&state);
            let look_at = state.looks_around_at().filter(|_| !is_quiet);
            let event = tokio::select! {
                () = ring(bell.as_ref()) => Event::Rung,
                Some(ended) = state.tasks.join_next_with_id() => Event::Ended(Box::new(ended)),
                Some(finished) = state.finishing.join_next() => Event::Finished(finished),
                Some(claimed) = state.claiming.join_next() => Event::Claimed(claimed),
                Some(fired) = state.firing.join_next() => Event::Fired(fired),
                () = until(due_at) => Event::Due,
                () = until(look_at) => Event::Told,
                Some(beat) = heartbeat.beats.recv() => Event::Beat(beat),
                told = control.recv(), if state.has_listener => Event::Control(told),
                looked = reactions.looked() => Event::Reacted(reactions.hear(looked)),
                looked = flows.event() => Event::Flowed(flows.hear(looked, self.around.clock.now())),
                told = announcer.looked() => {
                    announcer.hear(told, self.around.clock.now());
                    Event::Told
                }
                () = tokio::time::sleep_until(wake_at) => Event::Tick,
            };
            if event.may_be_told_of() {
                reactions.wake();
                announcer.wake();
            }
            if event.may_move_workflows() {
                flows.wake();
            }
            if let Event::Finished(_) = event {
                flows.hear_end(std::mem::take(&mut state.has_directed));
            }
            self.handle(event, &mut state).await;
        }
        heartbeat.stop();
        if self.options.once {
            self.tell_what_waits().await;
        }
        self.leave().await;
        self.listener.hear(&RunnerEvent::Ended { finished: state.finished });
        Ok(state.finished)
    }

    /// Says, once each, that a day's limit keeps jobs from beginning, and that they begin again. A runner that ends when
    /// nothing is left to do says it at its end.
    fn tell_of_days(&self, claimed: &[Claimed], spent: Vec<DayLine>, state: &mut State) {
        if self.options.once {
            return;
        }
        let begun = claimed.iter().map(|one| &one.assignment.namespace);
        let goes_on = |name: &&Namespace| !spent.iter().any(|day| day.namespace == **name);
        for namespace in begun.filter(goes_on) {
            if state.spent_days.remove(namespace) {
                self.listener.hear(&RunnerEvent::DayGoesOn { namespace: namespace.clone() });
            }
        }
        for day in spent {
            if state.spent_days.insert(day.namespace.clone()) {
                self.listener.hear(&RunnerEvent::DaySpent { day: Box::new(day) });
            }
        }
    }

    /// Says why jobs are left that wait for the next day.
    async fn tell_what_waits(&self) {
        let queue = self.around.store.queue(self.options.namespace.as_ref(), &self.fallbacks(), 1).await;
        match queue {
            Ok(queue) => {
                for day in queue.days {
                    self.listener.hear(&RunnerEvent::DaySpent { day: Box::new(day) });
                }
            }
            Err(error) => tracing::warn!(%error, "whether something waits can't be read"),
        }
    }

    fn key(&self) -> VerificationKey {
        let (machine, now) = (identity::host().machine_id, self.around.clock.now());
        self.around.key.published(self.options.id, machine, now)
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
            terms: settings::terms(&self.around.settings),
        };
        let store = Arc::clone(&self.around.store);
        state.claiming.spawn(async move { store.claim(request).await.map(|claims| (claims, limit)) });
    }

    /// As the config says at this moment. While it can't be read, nobody stands in for anybody.
    fn fallbacks(&self) -> Arc<Fallbacks> {
        let settings = self.around.settings.for_workspace(&self.options.folder);
        settings.map(|settings| Arc::clone(&settings.fallbacks)).unwrap_or_default()
    }

    fn claimed(&self, claimed: Result<(Claims, usize), StoreError>, state: &mut State) {
        match claimed {
            Ok((Claims { claimed, refused, spent_days }, limit)) => {
                self.tell_of_days(&claimed, spent_days, state);
                for (namespace, event) in refused {
                    self.listener.hear(&RunnerEvent::Happened { namespace, event });
                }
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
        let free = self.options.concurrency.saturating_sub(state.slots.len());
        let is_crowd = state.waiting.len().min(free) >= CROWD;
        let start_on = if is_crowd { Thread::OfItsOwn } else { Thread::OfTheLoop };
        while state.slots.len() < self.options.concurrency
            && let Some(claimed) = state.waiting.pop_front()
        {
            self.begin(claimed, Begin::Anew(start_on), state);
        }
    }

    /// Takes over what other runners have left behind. Tells how much there was.
    async fn recover(&self, state: &mut State) -> usize {
        let mut known = self.board.attempts();
        known.extend(state.waiting.iter().map(|claimed| claimed.attempt.id));
        let recovered = state.lookout.recover(&self.around, &self.options, (&known, &*self.listener)).await;
        if let Some(error) = recovered.trouble {
            tracing::warn!(%error, "could not look after all lost attempts");
        }
        let count = recovered.taken_over.len() + recovered.given_up;
        for claimed in recovered.taken_over {
            self.begin(claimed, Begin::WhereItStood, state);
        }
        count
    }

    fn begin(&self, claimed: Claimed, how: Begin, state: &mut State) {
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
            let report = match how {
                Begin::Anew(on) => attempt::run(&claimed, &around, &live, stopped, on).await,
                Begin::WhereItStood => attempt::adopt(&claimed, &around, &live, stopped).await,
            };
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
            Event::Rung => {
                state.must_fire = true;
                self.look_for_wishes(state).await;
            }
            Event::Due => state.must_fire = true,
            Event::Fired(Ok(fired)) => self.fired(fired, state).await,
            Event::Fired(Err(error)) => tracing::error!(%error, "looking at schedules broke down"),
            Event::Ended(ended) => self.ended(*ended, state),
            Event::Finished(Ok(is_run)) => {
                state.must_fire |= is_run;
                self.leave_to_others(state);
            }
            Event::Finished(Err(error)) => {
                tracing::error!(%error, "the end of an attempt was not handed to the store; its lease will run out");
            }
            Event::Beat(beat) => {
                for id in beat.reply.lost {
                    end(state, id, StopReason::LeaseLost);
                }
                for (id, wish) in beat.reply.wishes {
                    self.grant(id, wish, state);
                }
            }
            Event::Control(Some(Control::Drain)) => {
                state.is_draining = true;
                self.give_back_waiting("the runner ended before it started", state);
                self.listener.hear(&RunnerEvent::Draining { running: state.slots.len() });
            }
            Event::Control(Some(Control::Stop)) => {
                state.is_draining = true;
                self.give_back_waiting("the runner ended before it started", state);
                if !std::mem::replace(&mut state.is_stopping, true) {
                    self.listener.hear(&RunnerEvent::Stopping { running: state.slots.len() });
                }
                for slot in state.slots.values() {
                    slot.stop.send_replace(Some(StopReason::Shutdown));
                }
            }
            Event::Control(Some(Control::HandOver)) => {
                state.is_draining = true;
                self.give_back_waiting("the runner ended before it started", state);
                if let Err(error) = self.hand_over(state).await {
                    self.listener.hear(&RunnerEvent::StoreTrouble { error: error.to_string() });
                }
            }
            Event::Control(None) => state.has_listener = false,
            Event::Reacted(0) | Event::Flowed(0) | Event::Told => {}
            // More than this runner has slots for may have been started.
            Event::Reacted(_) | Event::Flowed(_) => {
                doorbell::ring_others(&self.options.bells, self.options.id)
            }
            Event::Tick if !state.waiting.is_empty() => {
                state.ticked_at = Instant::now();
                if state.moved_at.elapsed() >= HELD_LONGEST {
                    self.give_back_waiting("the runner had no time for it after all", state);
                    state.lookahead.saw(HELD_LONGEST);
                }
            }
            Event::Tick => {
                state.ticked_at = Instant::now();
                state.must_fire = true;
                if !state.is_draining {
                    self.recover(state).await;
                }
                self.forget_what_ended(state);
                self.look_for_wishes(state).await;
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

    async fn look_for_wishes(&self, state: &mut State) {
        if state.slots.is_empty() && state.waiting.is_empty() {
            return;
        }
        match self.around.store.wishes(self.options.id).await {
            Ok(wishes) => wishes.into_iter().for_each(|(id, wish)| self.grant(id, wish, state)),
            Err(error) => tracing::warn!(%error, "could not look for what people want"),
        }
    }

    /// An attempt that nobody supervises and nobody reports must not keep its lease for ever.
    fn forget_what_ended(&self, state: &State) {
        if !state.finishing.is_empty() {
            return;
        }
        for attempt in self.board.attempts() {
            if !state.slots.contains_key(&attempt) {
                tracing::warn!(%attempt, "the end of an attempt was never reported; its lease runs out now");
                self.board.take(attempt);
            }
        }
    }

    /// Ends an attempt that a person wants ended. One that has not started yet never does.
    fn grant(&self, attempt: AttemptId, wish: Wish, state: &mut State) {
        let reason = StopReason::of(wish);
        let place = state.waiting.iter().position(|claimed| claimed.attempt.id == attempt);
        match place.and_then(|place| state.waiting.remove(place)) {
            Some(claimed) => {
                let report =
                    without_process(attempt, reason.class(), "a person stopped it before it started");
                self.hand_back(claimed, report, state);
            }
            None if end(state, attempt, reason) => self.listener.hear(&RunnerEvent::Ending { attempt, wish }),
            // It has been asked already, or has just ended.
            None => {}
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
        let is_directed = |ended: &Ended| ended.claimed.assignment.director == Director::Workflow;
        state.has_directed |= ended.as_ref().is_some_and(is_directed);
        let is_run = ended.as_ref().is_none_or(|ended| ended.claimed.assignment.is_run);
        let limited =
            ended.as_ref().filter(|ended| is_limit(ended)).map(|ended| ended.claimed.attempt.harness.clone());
        let (around, listener) = (self.around.clone(), Arc::clone(&self.listener));
        let (board, runner) = (self.board.clone(), self.options.id);
        state.finishing.spawn(async move {
            match ended {
                Some(ended) => finish::finish(&ended.claimed, ended.report, &around, &*listener).await,
                None => {
                    let why = "the supervision of the attempt broke down; this is a bug in agents";
                    let ended = without_process(attempt, OutcomeClass::RunnerError, why);
                    // It may have run; nobody knows what it has used.
                    let report = AttemptReport { progress: AttemptProgress::default(), ..ended };
                    finish::give_back((assignment, runner), report, &around, &*listener).await;
                }
            }
            // Only now: until the store knows the end, the heartbeat keeps the lease, or another runner would do the
            // job again while the store is in trouble.
            board.take(attempt);
            is_run
        });
        if let Some(harness) = limited {
            self.leave_alone(&harness, state);
        }
    }

    /// A harness has hit a limit. What was taken ahead for it is given back, and no work is looked for until the store
    /// knows: it would bring one more job for that harness.
    fn leave_alone(&self, harness: &str, state: &mut State) {
        let is_theirs = |one: &Claimed| one.attempt.harness == harness;
        let (theirs, others): (VecDeque<_>, VecDeque<_>) = state.waiting.drain(..).partition(is_theirs);
        state.waiting = others;
        for claimed in theirs {
            let why = "its harness cools down";
            let report = without_process(claimed.attempt.id, OutcomeClass::Stopped, why);
            self.hand_back(claimed, report, state);
        }
        state.must_look = false;
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
        state.finishing.spawn(async move {
            finish::finish(&claimed, report, &around, &*listener).await;
            claimed.assignment.is_run
        });
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
            return now + self.tick();
        }
        match self.around.store.next_ready_at(self.options.namespace.as_ref(), &self.fallbacks()).await {
            // A job that became ready since the claim is found at once; the pause keeps a job that is ready and
            // can't be taken from making the loop spin.
            Ok(Some(at)) => {
                now + at.since(self.around.clock.now()).clamp(Duration::from_millis(50), self.tick())
            }
            Ok(None) | Err(_) => now + self.tick(),
        }
    }

    /// Silence of other runners is noticed soon after their lease.
    fn tick(&self) -> Duration {
        TICK.min(self.options.lease / 2)
    }

    async fn leave(&self) {
        if let Err(error) = self.around.store.unregister(self.options.id).await {
            tracing::warn!(%error, "the runner could not take its name off the list");
        }
    }
}

fn is_limit(ended: &Ended) -> bool {
    matches!(ended.report.outcome.class, OutcomeClass::RateLimit | OutcomeClass::UsageLimit)
}

/// Asks an attempt to end. One that has ended already does not hear it, which is as well. Whether it was the first time.
fn end(state: &State, attempt: AttemptId, reason: StopReason) -> bool {
    let Some(slot) = state.slots.get(&attempt) else { return false };
    slot.stop.send_if_modified(|now| {
        let is_first = now.is_none();
        if is_first {
            *now = Some(reason);
        }
        is_first
    })
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
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

/// The report of an attempt that never had a process.
fn without_process(attempt: AttemptId, class: OutcomeClass, why: &str) -> AttemptReport {
    AttemptReport {
        attempt,
        outcome: Outcome::failure(class, why),
        process: None,
        progress: attempt::nothing_used(),
        answer: None,
        unknown_lines: 0,
        bad_lines: 0,
        killed: None,
        evidence: Default::default(),
        output: None,
    }
}

/// How a runner begins with an attempt.
#[derive(Debug, Clone, Copy)]
enum Begin {
    Anew(Thread),
    /// Another runner has started it.
    WhereItStood,
}

/// What every attempt shares while it runs.
pub type SharedLive = Arc<Mutex<attempt::Live>>;
