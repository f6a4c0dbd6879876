//! A model of who may run a job's agent: claim, lease, keeper, takeover, give-up and cancel, checked in every order in
//! which the steps of two runners, their keepers and a person can come.
//!
//! There is no time in it. A runner may sleep between any two of its steps; an observer may find at any moment that a
//! lease it looks at was not renewed for long enough; a keeper's deadline may be up at any moment. What holds here
//! holds whatever the clocks do. The design's rules are taken away one by one in [`Twin`]: each must be missed.

mod keeper;
mod properties;
mod runner;
mod state;

use stateright::{Checker, HasDiscoveries, Model, Property};

use keeper::{KeeperStep, Orphan};
use properties::{AGENT_WITHIN_ATTEMPT, ENDED_STAYS, NOTHING_LOST, ONE_AGENT};
use runner::{RunnerStep, Worker};
use state::{ATTEMPTS, Holder, JobState, Limits, Owner, RUNNERS, State, Task};

/// The design without one of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// An attempt is given up when the wall clock says that its lease is old.
    AgeAlone,
    /// An attempt is given up without its lock.
    GiveUpUnlocked,
    /// The store takes the end of an attempt from anybody.
    FinishUnguarded,
    /// A runner starts the keeper without looking for `revoked`.
    RevokedUnread,
    /// A keeper lets go of the lock when it begins to end the tree.
    EarlyUnlock,
    /// An attempt is given up without looking for its status.
    StatusUnread,
}

/// The model.
#[derive(Debug, Clone, Copy)]
pub struct Custody {
    twin: Option<Twin>,
    orphan: Orphan,
    limits: Limits,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Claim { runner: usize },
    Runner { runner: usize, attempt: usize, step: RunnerStep },
    Keeper { attempt: usize, step: KeeperStep },
    Cancel,
    KillRunner { runner: usize },
    RestartRunner { runner: usize },
    KillKeeper { attempt: usize },
}

impl Action {
    fn all(attempts_made: usize) -> impl Iterator<Item = Action> {
        let runners = (0..RUNNERS).flat_map(|runner| {
            [Action::Claim { runner }, Action::KillRunner { runner }, Action::RestartRunner { runner }]
        });
        let attempts = (0..attempts_made).flat_map(|attempt| {
            let keeper = KeeperStep::ALL.map(|step| Action::Keeper { attempt, step });
            let runners = (0..RUNNERS)
                .flat_map(move |runner| RunnerStep::ALL.map(|step| Action::Runner { runner, attempt, step }));
            keeper.into_iter().chain(runners).chain([Action::KillKeeper { attempt }])
        });
        attempts.chain(runners).chain([Action::Cancel])
    }

    /// Whether it brings the job nearer to its end, and is not bad luck or a person's whim.
    fn is_progress(self) -> bool {
        match self {
            Action::Claim { .. }
            | Action::Keeper { .. }
            | Action::Runner { .. }
            | Action::RestartRunner { .. } => true,
            Action::Cancel | Action::KillRunner { .. } | Action::KillKeeper { .. } => false,
        }
    }
}

impl Custody {
    /// Two attempts are the least that can be wrong about each other.
    const DESIGN: Custody = Custody {
        twin: None,
        orphan: Orphan::AtOnce,
        limits: Limits { attempts: 2, crashes: 2, keeper_kills: 1 },
    };

    fn broken(twin: Twin) -> Self {
        Self { twin: Some(twin), ..Self::DESIGN }
    }

    /// Something can happen that brings the job nearer to its end.
    fn goes_on(&self, state: &State) -> bool {
        let mut steps = Action::all(state.attempts_made).filter(|action| action.is_progress());
        steps.any(|action| self.take(&mut state.clone(), action).is_some())
    }

    fn take(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Claim { runner } => runner::claim(state, runner),
            Action::Runner { runner, attempt, step } => {
                Worker { state, runner, attempt, twin: self.twin }.take(step)
            }
            Action::Keeper { attempt, step } => state.attempts[attempt].take(step, self.twin),
            Action::Cancel => cancel(state),
            Action::KillRunner { runner } => kill_runner(state, runner),
            Action::RestartRunner { runner } => restart_runner(state, runner),
            Action::KillKeeper { attempt } => {
                state.keeper_kills_left = state.keeper_kills_left.checked_sub(1)?;
                state.attempts[attempt].kill_keeper(self.orphan)
            }
        }
    }
}

impl Model for Custody {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.limits)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(
            Action::all(state.attempts_made)
                .filter(|action| self.take(&mut state.clone(), *action).is_some()),
        );
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.take(&mut state, action)?;
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

/// A person cancels the job: at once if it waits, else as a wish that its owner passes on.
fn cancel(state: &mut State) -> Option<()> {
    std::mem::take(&mut state.person_cancels).then_some(())?;
    match state.job {
        JobState::Pending => {
            state.job = JobState::Cancelled;
            state.note_end();
            Some(())
        }
        JobState::Running { .. } => {
            state.cancel_wish = true;
            Some(())
        }
        JobState::Completed | JobState::Cancelled => None,
    }
}

/// All that the runner knew is gone, and so are the locks that it held. Keepers live on.
fn kill_runner(state: &mut State, runner: usize) -> Option<()> {
    state.runners[runner].is_up.then_some(())?;
    state.crashes_left = state.crashes_left.checked_sub(1)?;
    state.runners[runner].is_up = false;
    state.runners[runner].tasks = [Task::Nothing; ATTEMPTS];
    for other in &mut state.runners {
        for task in &mut other.tasks {
            *task = task.after_death_of(runner);
        }
    }
    for attempt in &mut state.attempts {
        if attempt.owner == Some(Owner::Runner(runner)) {
            attempt.owner = Some(Owner::Dead);
        }
        if attempt.lock == Some(Holder::Runner(runner)) {
            attempt.lock = None;
        }
    }
    Some(())
}

fn restart_runner(state: &mut State, runner: usize) -> Option<()> {
    let runner = &mut state.runners[runner];
    (!runner.is_up).then_some(())?;
    runner.is_up = true;
    Some(())
}

/// The model without this rule breaks this property.
fn check_missed(model: Custody, property: &'static str) {
    let is_found = HasDiscoveries::AnyOf([property].into());
    let checker = model.checker().threads(2).finish_when(is_found).spawn_bfs().join();
    assert!(checker.discovery(property).is_some(), "{model:?} keeps: {property}");
}

#[test]
fn the_design_keeps_every_promise_in_every_order_of_steps() {
    Custody::DESIGN.checker().threads(2).spawn_bfs().join().assert_properties();
}

#[test]
fn the_design_keeps_every_promise_over_three_attempts() {
    let limits = Limits { attempts: 3, crashes: 1, keeper_kills: 0 };
    let model = Custody { limits, ..Custody::DESIGN };
    model.checker().threads(2).spawn_bfs().join().assert_properties();
}

#[test]
fn an_agent_that_outlives_its_killed_keeper_by_a_moment_does_no_harm_while_it_holds_the_lock() {
    let limits = Limits { attempts: 2, crashes: 1, keeper_kills: 1 };
    let model = Custody { twin: None, orphan: Orphan::LaterWithTheLock, limits };
    model.checker().threads(2).spawn_bfs().join().assert_properties();
}

#[test]
fn an_agent_that_outlives_its_killed_keeper_without_the_lock_is_missed() {
    check_missed(Custody { orphan: Orphan::Later, ..Custody::DESIGN }, ONE_AGENT);
}

#[test]
fn giving_up_by_the_age_of_the_lease_alone_lets_two_agents_live() {
    check_missed(Custody::broken(Twin::AgeAlone), ONE_AGENT);
}

#[test]
fn giving_up_without_the_lock_lets_two_agents_live() {
    check_missed(Custody::broken(Twin::GiveUpUnlocked), ONE_AGENT);
}

#[test]
fn an_end_that_is_taken_from_anybody_changes_what_moved_on() {
    check_missed(Custody::broken(Twin::FinishUnguarded), ENDED_STAYS);
    check_missed(Custody::broken(Twin::FinishUnguarded), AGENT_WITHIN_ATTEMPT);
}

#[test]
fn starting_the_keeper_of_a_revoked_attempt_lets_two_agents_live() {
    check_missed(Custody::broken(Twin::RevokedUnread), ONE_AGENT);
}

#[test]
fn letting_go_of_the_lock_before_the_tree_is_gone_lets_two_agents_live() {
    check_missed(Custody::broken(Twin::EarlyUnlock), ONE_AGENT);
    check_missed(Custody::broken(Twin::EarlyUnlock), AGENT_WITHIN_ATTEMPT);
}

#[test]
fn giving_up_without_looking_for_the_status_throws_work_away() {
    check_missed(Custody::broken(Twin::StatusUnread), NOTHING_LOST);
}
