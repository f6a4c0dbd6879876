//! What a runner does, one small step after another: between any two it may be killed, or sleep for as long as it
//! likes. Each step gives `None` where it can't be taken.

use crate::Twin;
use crate::state::{Holder, JobState, Owner, Report, State, Task};

/// One step of a runner for one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerStep {
    /// Takes the lock, and looks whether the attempt was revoked.
    TakeLock,
    /// Starts the keeper and hands it the open lock.
    StartKeeper,
    /// Is refused when it renews the lease, and so learns that it is no longer the owner.
    LearnLoss,
    /// Passes the wish for an end on to the keeper.
    PassCancel,
    /// Finds the status, or that nobody holds the lock and there is none.
    SeeEnd,
    /// Tells the store how the attempt ended.
    Finish,
    /// Takes over what a runner owned that is proven dead.
    TakeOver,
    /// Has seen the lease of a runner that may live unchanged for long enough, and takes the lock.
    LockToGiveUp,
    /// Writes `revoked` into the lock file.
    Revoke,
    /// Tells the store that the attempt is over, and lets go of the lock.
    GiveUp,
}

impl RunnerStep {
    pub const ALL: [RunnerStep; 10] = [
        RunnerStep::TakeLock,
        RunnerStep::StartKeeper,
        RunnerStep::LearnLoss,
        RunnerStep::PassCancel,
        RunnerStep::SeeEnd,
        RunnerStep::Finish,
        RunnerStep::TakeOver,
        RunnerStep::LockToGiveUp,
        RunnerStep::Revoke,
        RunnerStep::GiveUp,
    ];
}

/// A runner at work on one attempt.
pub struct Worker<'a> {
    pub state: &'a mut State,
    pub runner: usize,
    pub attempt: usize,
    pub twin: Option<Twin>,
}

/// Pending -> running under a new attempt.
pub fn claim(state: &mut State, runner: usize) -> Option<()> {
    let attempt = state.attempts_made;
    // The runners are alike: it is enough to look at one of them as the first.
    let is_next = state.attempts_left > 0 && (attempt > 0 || runner == 0);
    (is_next && state.runners[runner].is_up && state.job == JobState::Pending).then_some(())?;
    state.attempts_left -= 1;
    state.attempts_made += 1;
    state.job = JobState::Running { attempt };
    state.attempts[attempt].owner = Some(Owner::Runner(runner));
    state.set_task(runner, attempt, Task::Claimed);
    Some(())
}

impl Worker<'_> {
    pub fn take(&mut self, step: RunnerStep) -> Option<()> {
        self.state.runners[self.runner].is_up.then_some(())?;
        match step {
            RunnerStep::TakeLock => self.take_lock(),
            RunnerStep::StartKeeper => self.start_keeper(),
            RunnerStep::LearnLoss => self.learn_loss(),
            RunnerStep::PassCancel => self.pass_cancel(),
            RunnerStep::SeeEnd => self.see_end(),
            RunnerStep::Finish => self.finish(),
            RunnerStep::TakeOver => self.take_over(),
            RunnerStep::LockToGiveUp => self.lock_to_give_up(),
            RunnerStep::Revoke => self.revoke(),
            RunnerStep::GiveUp => self.give_up(),
        }
    }

    fn task(&self) -> Task {
        self.state.task(self.runner, self.attempt)
    }

    fn then(&mut self, task: Task) -> Option<()> {
        self.state.set_task(self.runner, self.attempt, task);
        Some(())
    }

    fn is_owner(&self) -> bool {
        self.state.owns(Owner::Runner(self.runner), self.attempt)
    }

    fn take_lock(&mut self) -> Option<()> {
        let attempt = &self.state.attempts[self.attempt];
        (self.task() == Task::Claimed && attempt.lock.is_none()).then_some(())?;
        if attempt.revoked && self.twin != Some(Twin::RevokedUnread) {
            return self.then(Task::Reporting(Report::Lost));
        }
        self.state.attempts[self.attempt].lock = Some(Holder::Runner(self.runner));
        self.then(Task::Locked)
    }

    fn start_keeper(&mut self) -> Option<()> {
        (self.task() == Task::Locked).then_some(())?;
        self.state.attempts[self.attempt].start_keeper();
        self.then(Task::Watching)
    }

    fn learn_loss(&mut self) -> Option<()> {
        let works = matches!(self.task(), Task::Claimed | Task::Locked | Task::Watching);
        (works && !self.is_owner()).then_some(())?;
        self.let_go();
        self.then(Task::Nothing)
    }

    fn pass_cancel(&mut self) -> Option<()> {
        (self.state.cancel_wish && self.is_owner()).then_some(())?;
        match self.task() {
            Task::Claimed => self.then(Task::Reporting(Report::Lost)),
            Task::Watching => self.state.attempts[self.attempt].end_agent(),
            Task::Nothing | Task::Locked | Task::Reporting(_) | Task::Revoking(_) | Task::GivingUp(_) => None,
        }
    }

    /// The status is looked at after the lock: while it is held, one may still be written.
    fn see_end(&mut self) -> Option<()> {
        (self.task() == Task::Watching).then_some(())?;
        let attempt = self.state.attempts[self.attempt];
        match attempt.status {
            Some(status) => self.then(Task::Reporting(Report::Status(status))),
            None if attempt.lock.is_none() => self.then(Task::Reporting(Report::Lost)),
            None => None,
        }
    }

    fn finish(&mut self) -> Option<()> {
        let Task::Reporting(report) = self.task() else { return None };
        let is_accepted = match self.twin {
            Some(Twin::FinishUnguarded) => true,
            Some(_) | None => self.is_owner(),
        };
        if is_accepted {
            self.state.record(self.attempt, report);
        }
        self.then(Task::Nothing)
    }

    fn take_over(&mut self) -> Option<()> {
        let is_dead = self.state.owns(Owner::Dead, self.attempt);
        (self.task() == Task::Nothing && is_dead).then_some(())?;
        self.state.attempts[self.attempt].owner = Some(Owner::Runner(self.runner));
        self.state.attempts[self.attempt].taken_over = true;
        self.then(Task::Watching)
    }

    fn lock_to_give_up(&mut self) -> Option<()> {
        let owner = self.state.attempts[self.attempt].owner?;
        let is_another = owner != Owner::Runner(self.runner) && owner != Owner::Dead;
        (self.task() == Task::Nothing && is_another).then_some(())?;
        match self.twin {
            // A clock that jumps makes any lease look old at once.
            Some(Twin::AgeAlone) => return self.then(Task::GivingUp(owner)),
            Some(Twin::GiveUpUnlocked) => return self.then(Task::Revoking(owner)),
            Some(_) | None => {}
        }
        let lock = &mut self.state.attempts[self.attempt].lock;
        lock.is_none().then_some(())?;
        *lock = Some(Holder::Runner(self.runner));
        self.then(Task::Revoking(owner))
    }

    fn revoke(&mut self) -> Option<()> {
        let Task::Revoking(owner) = self.task() else { return None };
        self.state.attempts[self.attempt].revoked = true;
        self.then(Task::GivingUp(owner))
    }

    fn give_up(&mut self) -> Option<()> {
        let Task::GivingUp(owner) = self.task() else { return None };
        if self.state.owns(owner, self.attempt) {
            let status = self.state.attempts[self.attempt].status;
            let report = match self.twin {
                Some(Twin::StatusUnread) => Report::Lost,
                Some(_) | None => status.map_or(Report::Lost, Report::Status),
            };
            self.state.record(self.attempt, report);
        }
        self.let_go();
        self.then(Task::Nothing)
    }

    fn let_go(&mut self) {
        let lock = &mut self.state.attempts[self.attempt].lock;
        if *lock == Some(Holder::Runner(self.runner)) {
            *lock = None;
        }
    }
}
