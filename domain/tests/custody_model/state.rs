//! What the model remembers: the store, the machine's files and processes, and where each runner stands. Small on
//! purpose: two runners, one job, three attempts.

/// Runners that there are at one time.
pub const RUNNERS: usize = 2;
/// Attempts that the job gets at most.
pub const ATTEMPTS: usize = 3;

/// How much can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts that the job gets.
    pub attempts: usize,
    /// How often a runner is killed.
    pub crashes: u8,
    /// How often a keeper is killed.
    pub keeper_kills: u8,
}

/// Who owns a running attempt. A runner that was restarted is somebody else, and all the dead are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    Runner(usize),
    /// Its process is proven to be gone: nothing of it can come any more.
    Dead,
}

/// How an agent ended, as its keeper writes it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// By itself, with its work done.
    Done,
    /// It was ended: cancelled, or the keeper's deadline was up.
    Ended,
}

/// What a runner says of an attempt's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    Status(ExitStatus),
    /// No keeper lives and there is no status.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    Pending,
    Running { attempt: usize },
    Completed,
    Cancelled,
}

impl JobState {
    pub fn is_final(self) -> bool {
        match self {
            JobState::Pending | JobState::Running { .. } => false,
            JobState::Completed | JobState::Cancelled => true,
        }
    }
}

/// Who holds the lock of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    Runner(usize),
    Keeper,
    /// The agent itself, by the descriptor that it was given, once its keeper is gone.
    Agent,
}

/// The keeper of an attempt, and with it the agent's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keeper {
    NotStarted,
    /// It lives and the agent does not yet.
    Starting,
    AgentRuns,
    /// It ends the agent's tree, which still lives.
    AgentIsEnded,
    /// The tree is gone, and nothing is written.
    TreeGone(ExitStatus),
    /// The status is written, and the lock is still held.
    Written,
    /// It was killed and the agent has not died yet.
    KilledBeforeAgent,
    Gone,
}

impl Keeper {
    pub fn agent_lives(self) -> bool {
        match self {
            Keeper::AgentRuns | Keeper::AgentIsEnded | Keeper::KilledBeforeAgent => true,
            Keeper::NotStarted | Keeper::Starting | Keeper::TreeGone(_) | Keeper::Written | Keeper::Gone => {
                false
            }
        }
    }

    pub fn lives(self) -> bool {
        match self {
            Keeper::Starting
            | Keeper::AgentRuns
            | Keeper::AgentIsEnded
            | Keeper::TreeGone(_)
            | Keeper::Written => true,
            Keeper::NotStarted | Keeper::KilledBeforeAgent | Keeper::Gone => false,
        }
    }
}

/// An attempt: its row in the store, and its folder and processes on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// While it runs.
    pub owner: Option<Owner>,
    /// For the properties only.
    pub taken_over: bool,
    pub recorded: Option<Report>,
    pub lock: Option<Holder>,
    pub revoked: bool,
    pub keeper: Keeper,
    pub status: Option<ExitStatus>,
    /// How often its agent was started; for the properties only.
    pub agent_starts: u8,
}

/// What one runner is about to do for one attempt. All of it is forgotten when the runner dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    Nothing,
    Claimed,
    /// It holds the lock and may start the keeper.
    Locked,
    /// The keeper has been started, or was taken over.
    Watching,
    Reporting(Report),
    /// It has seen that owner's lease unchanged for long enough, and it holds the lock.
    Revoking(Owner),
    /// `revoked` is written.
    GivingUp(Owner),
}

impl Task {
    /// What it is once that runner is proven dead.
    pub fn after_death_of(self, runner: usize) -> Task {
        match self {
            Task::Revoking(owner) if owner == Owner::Runner(runner) => Task::Revoking(Owner::Dead),
            Task::GivingUp(owner) if owner == Owner::Runner(runner) => Task::GivingUp(Owner::Dead),
            Task::Nothing
            | Task::Claimed
            | Task::Locked
            | Task::Watching
            | Task::Reporting(_)
            | Task::Revoking(_)
            | Task::GivingUp(_) => self,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Runner {
    pub is_up: bool,
    pub tasks: [Task; ATTEMPTS],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub job: JobState,
    pub cancel_wish: bool,
    pub attempts_left: usize,
    pub attempts_made: usize,
    pub attempts: [Attempt; ATTEMPTS],
    pub runners: [Runner; RUNNERS],
    pub crashes_left: u8,
    pub keeper_kills_left: u8,
    pub person_cancels: bool,
    /// The first end that the job came to; for the properties only.
    pub first_end: Option<JobState>,
    /// How often an end of the job was accepted; for the properties only.
    pub ends_accepted: u8,
}

impl State {
    pub fn first(limits: Limits) -> Self {
        let attempt = Attempt {
            owner: None,
            taken_over: false,
            recorded: None,
            lock: None,
            revoked: false,
            keeper: Keeper::NotStarted,
            status: None,
            agent_starts: 0,
        };
        Self {
            job: JobState::Pending,
            cancel_wish: false,
            attempts_left: limits.attempts,
            attempts_made: 0,
            attempts: [attempt; ATTEMPTS],
            runners: [Runner { is_up: true, tasks: [Task::Nothing; ATTEMPTS] }; RUNNERS],
            crashes_left: limits.crashes,
            keeper_kills_left: limits.keeper_kills,
            person_cancels: true,
            first_end: None,
            ends_accepted: 0,
        }
    }

    pub fn task(&self, runner: usize, attempt: usize) -> Task {
        self.runners[runner].tasks[attempt]
    }

    pub fn set_task(&mut self, runner: usize, attempt: usize, task: Task) {
        self.runners[runner].tasks[attempt] = task;
    }

    /// The attempt is the one that the job runs under.
    pub fn is_running(&self, attempt: usize) -> bool {
        self.job == JobState::Running { attempt }
    }

    pub fn owns(&self, owner: Owner, attempt: usize) -> bool {
        self.is_running(attempt) && self.attempts[attempt].owner == Some(owner)
    }

    /// The end of an attempt and what follows for its job, in one transaction.
    pub fn record(&mut self, attempt: usize, report: Report) {
        self.attempts[attempt].recorded = Some(report);
        self.attempts[attempt].owner = None;
        self.job = match report {
            Report::Status(ExitStatus::Done) => JobState::Completed,
            Report::Status(ExitStatus::Ended) | Report::Lost if self.cancel_wish => JobState::Cancelled,
            Report::Status(ExitStatus::Ended) | Report::Lost => JobState::Pending,
        };
        self.note_end();
    }

    pub fn note_end(&mut self) {
        if self.job.is_final() {
            self.first_end.get_or_insert(self.job);
            self.ends_accepted += 1;
        }
    }
}
