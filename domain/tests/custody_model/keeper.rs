//! What a keeper does: it holds the lock from before the agent's start until the whole tree is gone and the status is
//! written. Its deadline may be up at any moment: nothing here rests on two clocks that agree.

use crate::Twin;
use crate::state::{Attempt, ExitStatus, Holder, Keeper};

/// One step of a keeper, or of the agent that it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeeperStep {
    StartAgent,
    /// The agent and its tree come to their own end.
    AgentExits,
    /// No renewal came until the deadline: the keeper begins to end the tree.
    Deadline,
    /// The tree is gone.
    TreeEnds,
    WriteStatus,
    /// The keeper is done and its lock is let go.
    Leave,
    /// An agent whose keeper was killed dies of it.
    OrphanDies,
}

impl KeeperStep {
    pub const ALL: [KeeperStep; 7] = [
        KeeperStep::StartAgent,
        KeeperStep::AgentExits,
        KeeperStep::Deadline,
        KeeperStep::TreeEnds,
        KeeperStep::WriteStatus,
        KeeperStep::Leave,
        KeeperStep::OrphanDies,
    ];
}

/// When an agent dies whose keeper was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphan {
    /// In the same moment.
    AtOnce,
    /// A moment later; until then nobody holds the lock.
    Later,
    /// A moment later; until then it holds the lock itself, by a descriptor that it was given.
    LaterWithTheLock,
}

impl Attempt {
    pub fn start_keeper(&mut self) {
        self.keeper = Keeper::Starting;
        self.lock = Some(Holder::Keeper);
    }

    /// The keeper is asked to end the agent's tree.
    pub fn end_agent(&mut self) -> Option<()> {
        (self.keeper == Keeper::AgentRuns).then_some(())?;
        self.keeper = Keeper::AgentIsEnded;
        Some(())
    }

    pub fn take(&mut self, step: KeeperStep, twin: Option<Twin>) -> Option<()> {
        self.keeper = match (step, self.keeper) {
            (KeeperStep::StartAgent, Keeper::Starting) => {
                self.agent_starts += 1;
                Keeper::AgentRuns
            }
            (KeeperStep::AgentExits, Keeper::AgentRuns | Keeper::AgentIsEnded) => {
                Keeper::TreeGone(ExitStatus::Done)
            }
            (KeeperStep::Deadline, Keeper::AgentRuns) => {
                if twin == Some(Twin::EarlyUnlock) {
                    self.lock = None;
                }
                Keeper::AgentIsEnded
            }
            (KeeperStep::TreeEnds, Keeper::AgentIsEnded) => Keeper::TreeGone(ExitStatus::Ended),
            (KeeperStep::WriteStatus, Keeper::TreeGone(status)) => {
                self.status = Some(status);
                Keeper::Written
            }
            (KeeperStep::Leave, Keeper::Written) => {
                self.let_go(Holder::Keeper);
                Keeper::Gone
            }
            (KeeperStep::OrphanDies, Keeper::KilledBeforeAgent) => {
                self.let_go(Holder::Agent);
                Keeper::Gone
            }
            _ => return None,
        };
        Some(())
    }

    /// The keeper is killed with a signal that it can't catch.
    pub fn kill_keeper(&mut self, orphan: Orphan) -> Option<()> {
        self.keeper.lives().then_some(())?;
        let leaves_orphan = self.keeper.agent_lives() && orphan != Orphan::AtOnce;
        self.let_go(Holder::Keeper);
        self.keeper = if leaves_orphan { Keeper::KilledBeforeAgent } else { Keeper::Gone };
        if leaves_orphan && orphan == Orphan::LaterWithTheLock {
            self.lock = Some(Holder::Agent);
        }
        Some(())
    }

    fn let_go(&mut self, holder: Holder) {
        if self.lock == Some(holder) {
            self.lock = None;
        }
    }
}
