//! What must hold in every state, and what must happen in some, so that the model is not empty.

use stateright::Property;

use crate::Custody;
use crate::state::{ATTEMPTS, Attempt, ExitStatus, JobState, Report, State, Task};

pub const ONE_AGENT: &str = "at most one agent of the job lives";
pub const AGENT_WITHIN_ATTEMPT: &str = "an agent lives only while its job runs under its attempt";
pub const ONE_START: &str = "the agent of an attempt is started once";
pub const ENDED_STAYS: &str = "a job that has ended stays as it is, and its end is accepted once";
pub const DONE_IS_DONE: &str = "a job is completed by an agent that was done, and by nothing else";
pub const NOTHING_LOST: &str = "what an agent has finished is not called lost";
pub const NEVER_STUCK: &str = "where nothing goes on, the job is over";

pub fn all() -> Vec<Property<Custody>> {
    vec![
        Property::always(ONE_AGENT, |_, state: &State| live_agents(state).count() <= 1),
        Property::always(AGENT_WITHIN_ATTEMPT, |_, state: &State| {
            live_agents(state).all(|attempt| state.is_running(attempt))
        }),
        Property::always(ONE_START, |_, state: &State| {
            state.attempts.iter().all(|one| one.agent_starts <= 1)
        }),
        Property::always(ENDED_STAYS, |_, state: &State| {
            state.ends_accepted <= 1 && state.first_end.is_none_or(|end| end == state.job)
        }),
        Property::always(DONE_IS_DONE, |_, state: &State| {
            let done = state.attempts.iter().filter(|one| one.recorded == Some(DONE)).count();
            let is_true = state
                .attempts
                .iter()
                .all(|one| one.recorded != Some(DONE) || one.status == Some(ExitStatus::Done));
            is_true && done == usize::from(state.job == JobState::Completed)
        }),
        Property::always(NOTHING_LOST, |_, state: &State| {
            let is_forgotten =
                |one: &Attempt| one.recorded == Some(Report::Lost) && one.status == Some(ExitStatus::Done);
            !state.attempts.iter().any(is_forgotten)
        }),
        Property::always(NEVER_STUCK, is_over_or_goes_on),
        Property::sometimes("a taken over attempt completes the job", |_, state: &State| {
            state.attempts.iter().any(|one| one.recorded == Some(DONE) && one.taken_over)
        }),
        Property::sometimes("a running agent is ended because its job was cancelled", |_, state: &State| {
            let was_ended = |one: &Attempt| {
                one.recorded == Some(Report::Status(ExitStatus::Ended)) && one.agent_starts == 1
            };
            state.job == JobState::Cancelled && state.attempts.iter().any(was_ended)
        }),
        Property::sometimes("a cancel comes too late", |_, state: &State| {
            state.cancel_wish && state.job == JobState::Completed
        }),
        Property::sometimes("the last attempt completes the job", |_, state: &State| {
            state.attempts_left == 0 && state.attempts[state.attempts_made - 1].recorded == Some(DONE)
        }),
        Property::sometimes("a runner that slept reports what the store refuses", |_, state: &State| {
            tasks(state)
                .any(|(attempt, task)| matches!(task, Task::Reporting(_)) && !state.is_running(attempt))
        }),
        Property::sometimes("a runner that slept finds its attempt revoked", |_, state: &State| {
            tasks(state).any(|(attempt, task)| task == Task::Claimed && state.attempts[attempt].revoked)
        }),
        Property::sometimes(
            "a status is found by the runner that gives the attempt up",
            |_, state: &State| state.attempts.iter().any(|one| one.revoked && one.recorded == Some(DONE)),
        ),
    ]
}

const DONE: Report = Report::Status(ExitStatus::Done);

fn live_agents(state: &State) -> impl Iterator<Item = usize> {
    (0..ATTEMPTS).filter(|attempt| state.attempts[*attempt].keeper.agent_lives())
}

fn tasks(state: &State) -> impl Iterator<Item = (usize, Task)> {
    state.runners.iter().flat_map(|runner| runner.tasks.into_iter().enumerate())
}

/// Bad luck is not going on. With no attempt left the job can't end.
fn is_over_or_goes_on(model: &Custody, state: &State) -> bool {
    let is_exhausted = state.job == JobState::Pending && state.attempts_left == 0;
    let is_over = state.job.is_final() || is_exhausted;
    let is_quiet = !state.attempts.iter().any(|one| one.keeper.lives());
    (is_over && is_quiet) || model.goes_on(state)
}
