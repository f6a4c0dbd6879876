//! Workflows in the store: their flows are asked in the transaction in which something has happened, and what they say is
//! written in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use agents_domain::aggregate::{Aggregate, Context, PauseMode, Rejection};
use agents_domain::assignment::Assignment;
use agents_domain::director::Director;
use agents_domain::id::AssignmentId;
use agents_domain::store::{Change, Command, Receipt, StoreError};
use agents_domain::workflow::{Ask, Ends, Flow, FlowReader, Known, NoTurn, Signal, Then, Turn, Wait};

use super::batch::Batch;
use super::connection::Connection;
use super::flow_table::{self, FlowRow};

/// How many flows are kept as they were read.
const KEPT: usize = 64;

/// How often a flow may ask for more before it is taken for broken.
const ASKS: usize = 32;

/// The flows of snapshots.
pub(super) struct Flows {
    reader: Arc<dyn FlowReader>,
    kept: Mutex<HashMap<String, Arc<dyn Flow>>>,
}

impl Flows {
    pub fn new(reader: Arc<dyn FlowReader>) -> Self {
        Self { reader, kept: Mutex::new(HashMap::new()) }
    }

    /// The flow of that snapshot. The inner error is for a person.
    async fn of(&self, on: &mut Connection, hash: &str) -> Result<Result<Arc<dyn Flow>, String>, StoreError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
        if let Some(flow) = kept {
            return Ok(Ok(flow));
        }
        let Some(text) = flow_table::snapshot(on, hash).await? else {
            return Ok(Err("what it has started with is not there any more".to_owned()));
        };
        let read = self.reader.read(&text);
        if let Ok(flow) = &read {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(hash.to_owned(), Arc::clone(flow));
        }
        Ok(read)
    }
}

/// A person holds a run, or lets it go on.
#[derive(Clone, Copy)]
enum Hold {
    Pause(PauseMode),
    Resume,
}

impl Hold {
    fn of(change: &Change) -> Option<Self> {
        if let Change::Pause { mode, .. } = change {
            Some(Hold::Pause(*mode))
        } else if let Change::Resume { .. } = change {
            Some(Hold::Resume)
        } else {
            None
        }
    }
}

impl Batch<'_> {
    /// Decides a command, and asks the workflow of its assignment what follows.
    pub async fn decide_directed(
        &mut self,
        on: &mut Connection,
        command: Command,
    ) -> Result<Receipt, StoreError> {
        let id = command.change.assignment();
        let is_signal = matches!(command.change, Change::Signal { .. } | Change::Update { .. });
        let before = if is_signal { self.aggregate(id).cloned() } else { None };
        let (defaults, actor) = (Arc::clone(&command.harness_defaults), command.actor);
        let was_closed = self.aggregate(id).is_some_and(|aggregate| aggregate.assignment().is_closed());
        let hold = Hold::of(&command.change);
        let told = self.told();
        let mut receipt = self.create(on, command).await?;
        let ctx = Context { now: self.now, ids: self.ids, harness_defaults: Arc::clone(&defaults), actor };
        match self.direct(on, id, &ctx).await? {
            None => {}
            Some(Ok(())) => {
                let more = self.receipt(id);
                receipt.events.extend(more.events);
                (receipt.status, receipt.has_ready) = (more.status, more.has_ready);
            }
            // Whoever has told it something is told why that can't be; nothing has changed.
            Some(Err(why)) => {
                if let Some(before) = before {
                    self.put_back(id, before, told);
                }
                return Err(Rejection::NotNow { why }.into());
            }
        }
        if !was_closed {
            self.close_flow(on, id, &ctx).await?;
        }
        if let Some(hold) = hold {
            self.hold_child(on, (id, hold), &ctx).await?;
        }
        Ok(receipt)
    }

    /// Asks the workflows of all assignments that have something to tell them.
    pub async fn direct_all(&mut self, on: &mut Connection) -> Result<(), StoreError> {
        for (id, harness_defaults, actor) in self.take_undirected() {
            let ctx = Context { now: self.now, ids: self.ids, harness_defaults, actor };
            if self.direct(on, id, &ctx).await?.is_some() {
                self.receipt(id);
            }
        }
        Ok(())
    }

    /// `None`: there was nothing to tell. The inner error: its workflow does not take what it was told.
    async fn direct(
        &mut self,
        on: &mut Connection,
        id: AssignmentId,
        ctx: &Context<'_>,
    ) -> Result<Option<Result<(), String>>, StoreError> {
        let Some(aggregate) = self.aggregate_mut(id) else { return Ok(None) };
        let Some(signal) = aggregate.take_signal() else { return Ok(None) };
        if let Some(new) = aggregate.take_flow() {
            let namespace = aggregate.assignment().namespace.clone();
            flow_table::insert(on, (id, &namespace), &new, self.now).await?;
        }
        let Some(row) = flow_table::find(on, id).await? else {
            return Ok(Some(self.broken(id, &signal, "its workflow is not recorded", ctx)));
        };
        if !is_due(&signal, &row, ctx) {
            return Ok(Some(Ok(())));
        }
        let turn = match self.flows().of(on, &row.run.snapshot).await? {
            Ok(flow) => self.ask(on, (&*flow, &row), &signal).await?,
            Err(why) => Err(why),
        };
        let mut turn = match turn {
            Ok(turn) => turn,
            Err(why) => return Ok(Some(self.broken(id, &signal, &why, ctx))),
        };
        if let Then::Job(step) = &mut turn.then {
            step.limits = row.limits.iter().chain(&step.limits).copied().collect();
        }
        let wait = if let Then::Wait(wait) = &turn.then { Some(wait.clone()) } else { None };
        let wait = match turn.then {
            Then::GoOn => row.run.wait.clone(),
            Then::Job(_) | Then::Wait(_) | Then::End(_) => wait,
        };
        flow_table::put_steps(on, id, &turn.steps).await?;
        flow_table::update(on, id, (&turn.state, turn.at.as_deref()), wait.as_ref()).await?;
        if let Some(aggregate) = self.aggregate_mut(id) {
            aggregate.follow_turn(turn, ctx);
        }
        if let Some(child) = left(&row, wait.as_ref()) {
            Box::pin(self.cancel_child(on, (id, child), ctx)).await?;
        }
        Ok(Some(Ok(())))
    }

    async fn ask(
        &self,
        on: &mut Connection,
        (flow, row): (&dyn Flow, &FlowRow),
        signal: &Signal,
    ) -> Result<Result<Turn, String>, StoreError> {
        let id = row.run.assignment;
        let spent = self.aggregate(id).map_or(0, |aggregate| spent(aggregate.assignment()));
        let mut known = Known::new();
        for _ in 0..ASKS {
            let ask = Ask {
                run: id,
                facts: &row.facts,
                state: &row.run.state,
                signal,
                known: &known,
                spent_micro_usd: spent,
                now: self.now,
                ids: self.ids,
            };
            match flow.turn(ask) {
                Ok(turn) => return Ok(Ok(turn)),
                Err(NoTurn::Refused(why)) => return Ok(Err(why)),
                Err(NoTurn::Needs(steps)) => {
                    let new: Vec<String> =
                        steps.into_iter().filter(|step| !known.contains_key(step)).collect();
                    if new.is_empty() {
                        return Ok(Err("its workflow asks for the same steps again".to_owned()));
                    }
                    flow_table::learn(on, id, new, &mut known).await?;
                }
            }
        }
        Ok(Err(format!("its workflow asked {ASKS} times what steps came to")))
    }

    /// What a person says may be refused. What has happened can't be undone: a run whose workflow does not know how to go
    /// on has failed.
    fn broken(
        &mut self,
        id: AssignmentId,
        signal: &Signal,
        why: &str,
        ctx: &Context<'_>,
    ) -> Result<(), String> {
        match signal {
            Signal::Answered { .. } | Signal::Break { .. } | Signal::GoOn { .. } => Err(why.to_owned()),
            // It was told already, or goes another way by now.
            Signal::Woken
            | Signal::ChildStarted { .. }
            | Signal::ChildRefused { .. }
            | Signal::ChildEnded { .. } => Ok(()),
            Signal::Begin | Signal::JobEnded { .. } => {
                let reason = format!("its workflow can't go on: {why}");
                if let Some(aggregate) = self.aggregate_mut(id) {
                    aggregate.end_flow(Ends::Failed { reason }, ctx);
                }
                Ok(())
            }
        }
    }

    /// The run that it waits for is held with it, and goes on with it.
    async fn hold_child(
        &mut self,
        on: &mut Connection,
        (id, hold): (AssignmentId, Hold),
        ctx: &Context<'_>,
    ) -> Result<(), StoreError> {
        let is_directed = |one: &Aggregate| one.assignment().director == Director::Workflow;
        if !self.aggregate(id).is_some_and(is_directed) {
            return Ok(());
        }
        let Some(row) = flow_table::find(on, id).await? else { return Ok(()) };
        let Some(Wait::Run { child, .. }) = row.run.wait else { return Ok(()) };
        self.load(on, &[child].into()).await?;
        if self.aggregate(child).is_some_and(|child| !child.assignment().is_closed()) {
            let change = match hold {
                Hold::Pause(mode) => Change::Pause { assignment: child, mode },
                Hold::Resume => Change::Resume { assignment: child },
            };
            let harness_defaults = Arc::clone(&ctx.harness_defaults);
            let command = Command { change, actor: ctx.actor, harness_defaults };
            Box::pin(self.decide_directed(on, command)).await?;
        }
        Ok(())
    }

    /// A run that was closed waits for nothing; what it has started ends too.
    async fn close_flow(
        &mut self,
        on: &mut Connection,
        id: AssignmentId,
        ctx: &Context<'_>,
    ) -> Result<(), StoreError> {
        let is_closed =
            |assignment: &Assignment| assignment.director == Director::Workflow && assignment.is_closed();
        if !self.aggregate(id).is_some_and(|aggregate| is_closed(aggregate.assignment())) {
            return Ok(());
        }
        let child = flow_table::find(on, id).await?.and_then(|row| match row.run.wait {
            Some(Wait::Run { child, .. }) => Some(child),
            Some(Wait::Time { .. } | Wait::Person { .. } | Wait::Start { .. }) | None => None,
        });
        flow_table::close(on, id, self.now).await?;
        match child {
            Some(child) => self.cancel_child(on, (id, child), ctx).await,
            None => Ok(()),
        }
    }

    /// A run that another one has started ends, since nobody waits for it any more.
    async fn cancel_child(
        &mut self,
        on: &mut Connection,
        (id, child): (AssignmentId, AssignmentId),
        ctx: &Context<'_>,
    ) -> Result<(), StoreError> {
        self.load(on, &[child].into()).await?;
        let is_open = self.aggregate(child).is_some_and(|child| !child.assignment().is_closed());
        if is_open {
            let reason =
                Some(format!("the run that had started it does not wait for it any more: {}", id.short()));
            let to = agents_domain::aggregate::StatusChange::Cancelled { reason };
            let command = Command {
                change: Change::Update { assignment: child, to },
                actor: ctx.actor,
                harness_defaults: Arc::clone(&ctx.harness_defaults),
            };
            Box::pin(self.decide_directed(on, command)).await?;
        }
        Ok(())
    }
}

/// The run that it has waited for and does not wait for any more.
fn left(row: &FlowRow, wait: Option<&Wait>) -> Option<AssignmentId> {
    let child = |wait: &Wait| match wait {
        Wait::Run { child, .. } => Some(*child),
        Wait::Time { .. } | Wait::Person { .. } | Wait::Start { .. } => None,
    };
    let before = row.run.wait.as_ref().and_then(child)?;
    (wait.and_then(child) != Some(before)).then_some(before)
}

/// What others have noticed may be over by now.
fn is_due(signal: &Signal, row: &FlowRow, ctx: &Context<'_>) -> bool {
    match signal {
        Signal::Woken => row.wake_at.is_some_and(|at| at <= ctx.now),
        Signal::ChildStarted { .. } | Signal::ChildRefused { .. } => {
            matches!(row.run.wait, Some(Wait::Start { .. }))
        }
        Signal::ChildEnded { child, .. } => {
            matches!(&row.run.wait, Some(Wait::Run { child: waited, .. }) if waited == child)
        }
        Signal::Begin
        | Signal::JobEnded { .. }
        | Signal::Answered { .. }
        | Signal::Break { .. }
        | Signal::GoOn { .. } => true,
    }
}

fn spent(assignment: &Assignment) -> u64 {
    let spent = assignment.budget().spent;
    u64::try_from(spent.cost.plus(spent.presumed).as_micros()).unwrap_or(0)
}
