//! A workflow as it was read and checked: a graph of steps, with modules resolved.

use std::collections::BTreeMap;

use agents_definitions::{At, Param, Worker};
use agents_domain::limits::LimitChange;
use agents_domain::outcome::OutcomeClass;
pub use agents_domain::priority::Priority;
use serde_json::{Map, Value};

/// A place among the steps of a workflow.
pub type StepIndex = usize;

/// A workflow. It was checked when it was read: every target and every name that an expression uses is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// What it is run by: the name of its file.
    pub id: String,
    /// What it calls itself.
    pub title: String,
    pub version: String,
    pub description: Option<String>,
    /// Its own params, and those that its triggers declare.
    pub params: Vec<Param>,
    pub triggers: Vec<Trigger>,
    pub workspace: Workspace,
    pub priority: Option<Priority>,
    /// Limits of the whole run.
    pub limits: Vec<LimitChange>,
    /// How long the whole run may take.
    pub timeout_ms: Option<u64>,
    /// What the run answers: expressions by name. Empty: the outputs of its last step.
    pub outputs: BTreeMap<String, Value>,
    /// All steps, those of loops' bodies too; the first one is where it begins.
    pub steps: Vec<Step>,
}

/// Where its steps work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workspace {
    /// A worktree of its own if one of its steps may edit, else the repository's folder.
    #[default]
    Auto,
    Worktree,
    Shared,
}

/// What may start it. `schedule`, `webhook` and `event` are set up by `agents workflow activate`.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// A person or a script; `command` is only told.
    Cli {
        command: Option<String>,
    },
    Schedule {
        cron: Option<String>,
        every: Option<String>,
        zone: Option<String>,
        params: Map<String, Value>,
    },
    Webhook {
        path: String,
        params: Map<String, Value>,
    },
    Event {
        event: String,
        filter: Option<String>,
        params: Map<String, Value>,
    },
}

/// Classes of failures that no attempt has, but only a step.
pub const OWN_CLASSES: [&str; 5] = ["rejected", "loop_bound", "validator_failed", "bad_output", "expression"];

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: String,
    /// Where it stands in the file.
    pub at: At,
    pub description: Option<String>,
    /// The loop whose body it is in.
    pub parent: Option<StepIndex>,
    pub does: Does,
    /// Texts in it are templates.
    pub inputs: Map<String, Value>,
    pub outputs: Vec<Output>,
    pub on_success: Route,
    /// `None`: the run fails (in a loop's body: the loop does).
    pub on_failure: Option<Route>,
    /// `None`: as `on_failure`.
    pub on_timeout: Option<Route>,
    pub on_outcome: BTreeMap<OutcomeClass, Route>,
    /// By classes that no attempt has, but only a step: one of [`OWN_CLASSES`].
    pub on_class: BTreeMap<String, Route>,
    pub retry: Retry,
    /// How often it may be executed in one run (in one iteration of its loop), retries apart. Past it, it fails with
    /// `loop_bound`. Every circle of routes has a step with one.
    pub max_visits: Option<u32>,
    pub timeout_ms: Option<u64>,
    pub validators: Vec<Validator>,
    /// Of its attempts.
    pub limits: Vec<LimitChange>,
    /// A run that has been here ends as failed, wherever it goes on: an error handler.
    pub fails_run: bool,
    /// Steps whose results the expressions of this step name, and those that are evaluated when it is left.
    pub needs: Vec<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// A worker's job.
    Work(Box<Work>),
    /// Goes on by its routes at once; `when` must come to true or false, and false is not a failure: it takes `otherwise`.
    Condition {
        when: String,
        otherwise: Target,
    },
    /// Goes to the first case whose value is equal, else to `otherwise`.
    Switch {
        on: String,
        cases: Vec<(Value, Target)>,
        otherwise: Target,
    },
    Loop(Box<Loop>),
    /// Waits. One of both.
    Delay {
        span: Option<String>,
        until: Option<String>,
    },
    /// A person says yes or no: no is a failure of the class `rejected`.
    Approval {
        question: String,
    },
    /// A whole assignment that a PM leads.
    Assignment {
        north_star: String,
    },
    /// Another workflow; its outputs are this step's.
    Workflow {
        name: String,
        params: Map<String, Value>,
    },
}

/// What a worker is told, by a step itself or by the module's action that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub worker: Worker,
    /// As in a definition, with templates.
    pub config: Map<String, Value>,
    /// Of an agent: the type of its job. `None`: `run`, which edits nothing.
    pub job_type: Option<String>,
    /// The module and the action that it is from.
    pub action: Option<(String, String)>,
    /// What the action declares that it takes. Expressions of `config` name them as `inputs.x`.
    pub inputs: Vec<Field>,
}

/// A loop: its body's steps name it as their parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    pub kind: LoopKind,
    /// The first step of the body.
    pub body: StepIndex,
    /// `None` only where another bound is.
    pub max_iterations: Option<u32>,
    pub timeout_ms: Option<u64>,
    /// What the run may spend inside of it, in millionths of a dollar.
    pub max_cost_micro_usd: Option<u64>,
    /// How long it waits between two iterations.
    pub delay_ms: Option<u64>,
    /// Where it goes on when a bound has ended it. `None`: that is a failure of the class `loop_bound`.
    pub on_bound: Option<Target>,
    /// Where it goes on when a person has ended it. `None`: as after its regular end.
    pub on_break: Option<Target>,
}

/// When a loop ends.
#[derive(Debug, Clone, PartialEq)]
pub enum LoopKind {
    /// Once for each element of what the expression comes to, under that name and `index` (from 0).
    ForEach { items: String, name: String },
    /// As long as it is true, looked at before each iteration.
    While { condition: String },
    /// Until it is true, looked at after each iteration.
    Until { condition: String },
    /// That often.
    Times { count: u32 },
}

/// Where a step leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    To(Target),
    /// The first case whose condition is true; one without a condition is always. None fits: a failure.
    Cases(Vec<Case>),
}

/// One case of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub when: Option<String>,
    pub to: Target,
}

/// Where it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Step(StepIndex),
    /// The run completes; in a loop's body, its iteration ends.
    End,
    /// The run fails; in a loop's body, the loop does.
    Fail,
    /// The innermost loop ends.
    Break,
    /// Its next iteration begins.
    Continue,
}

/// How a step that has failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries after the first.
    pub max: u32,
    /// Before the first retry.
    pub backoff_ms: u64,
    pub factor: f64,
    pub max_backoff_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max: 0, backoff_ms: 1_000, factor: 2.0, max_backoff_ms: 300_000 }
    }
}

/// A guard between a step's success and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Validator {
    pub at: At,
    pub name: String,
    pub test: Test,
    /// How often it is tried again after it has failed.
    pub retries: u32,
    pub cooldown_ms: u64,
    /// What is said when it fails. A template.
    pub message: Option<String>,
}

/// What a validator looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Must come to true. Trying again means that the step is executed again.
    Condition(String),
    /// Must succeed. Trying again means that it alone is run again.
    Exec(Map<String, Value>),
}

/// A type of data.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Any,
    String,
    Number,
    Integer,
    Boolean,
    /// With the types of some of its properties.
    Object(BTreeMap<String, Kind>),
    Array(Box<Kind>),
}

/// A named value of an action or a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub description: Option<String>,
    pub is_required: bool,
    pub default: Option<Value>,
}

/// What a step puts out.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub field: Field,
    pub from: From,
}

/// Where an output comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// What the worker has set by that name, else that key of the JSON that it has answered; if it is the only output and an object
    /// or an array, else the whole of that JSON.
    Answer,
    /// The first group of a regular expression's first match in its text, else the whole match.
    Regex(String),
    /// The whole text.
    Text,
    /// An expression over `answer` (the text, or the JSON that it is), `steps`, `params` and the others.
    Expression(String),
}

/// A module: actions that steps can name.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    pub actions: Vec<Action>,
}

/// An action of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub name: String,
    pub description: Option<String>,
    pub inputs: Vec<Field>,
    pub outputs: Vec<Output>,
    pub worker: Worker,
    pub config: Map<String, Value>,
    pub job_type: Option<String>,
    pub timeout_ms: Option<u64>,
    pub fails_run: bool,
}
