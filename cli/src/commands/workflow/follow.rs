//! Following a run: each step is told as it begins and as it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::NewAssignment;
use agents_domain::assignment::AssignmentStatus;
use agents_domain::id::AssignmentId;
use agents_domain::run::{RunLine, RunStatus};
use agents_domain::store::Change;
use agents_domain::workflow::{StepRun, StepStatus, Workflows};
use agents_workflows::Workflow;
use serde_json::json;

use super::status::{PAGE, workflow_of};
use super::{Desk, Found};
use crate::app;
use crate::commands::run::ended;
use crate::failure::Failure;
use crate::output::Form;
use crate::output::run::{self, RunView};
use crate::output::text::{self, DIM};
use crate::output::workflow::run::{StepView, attempt_words, color, find, took_words};

/// How often the store is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Stores a new run and follows it to its end.
pub async fn begin(desk: &Desk<'_>, new: NewAssignment, warnings: &[String]) -> Result<(), Failure> {
    let (id, namespace) = (new.id, new.namespace.clone());
    let no_runner = app::no_runner_warning(&*desk.store, &namespace, desk.app.now()).await?;
    desk.app.execute(&desk.here, &desk.store, (Actor::Person, Change::Create(new))).await?;
    warnings.iter().chain(&no_runner).for_each(|warning| desk.app.printer.warning(warning));
    to_the_end(desk, id).await
}

/// Follows it from its first step on.
pub async fn to_the_end(desk: &Desk<'_>, id: AssignmentId) -> Result<(), Failure> {
    let gone = || Failure::failed("following the run", "it is gone");
    let found = desk.read(id).await?.ok_or_else(gone)?;
    let workflow = workflow_of(desk, &found.run).await?;
    if desk.app.printer.form == Form::Human {
        desk.app.printer.text(&run::begun(&found.line))?;
    }
    let mut following = Following { desk, id, workflow, last: 0, open: BTreeMap::new() };
    loop {
        // Read before the steps, so that none is missed that was written before its end.
        let Found { line, .. } = desk.read(id).await?.ok_or_else(gone)?;
        following.look().await?;
        let is_blocked = line.assignment.status() == AssignmentStatus::Blocked;
        if line.status.is_final() || is_blocked {
            return following.end(&line);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Following<'a> {
    desk: &'a Desk<'a>,
    id: AssignmentId,
    workflow: Option<Workflow>,
    /// The number of the last execution that was seen.
    last: u32,
    /// Those that have not ended, as they were told.
    open: BTreeMap<u32, StepStatus>,
}

impl Following<'_> {
    /// Tells what is new.
    async fn look(&mut self) -> Result<(), Failure> {
        let store = &self.desk.store;
        // What is inside of a loop ends before the loop.
        for number in self.open.keys().rev().copied().collect::<Vec<_>>() {
            for step in store.workflow_steps(self.id, number.saturating_sub(1), 1).await? {
                self.tell(&step)?;
            }
        }
        loop {
            let steps = store.workflow_steps(self.id, self.last, PAGE).await?;
            let is_all = steps.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for step in &steps {
                self.last = self.last.max(step.number);
                self.tell(step)?;
            }
            if is_all {
                return Ok(());
            }
        }
    }

    /// Tells of a step, if it stands otherwise than it was told.
    fn tell(&mut self, step: &StepRun) -> Result<(), Failure> {
        let before = self.open.remove(&step.number);
        if !step.status.is_final() {
            self.open.insert(step.number, step.status);
        }
        if before == Some(step.status) {
            return Ok(());
        }
        let printer = self.desk.app.printer;
        match printer.form {
            Form::Human => printer.text(&self.words(step, before.is_none())),
            Form::Json => printer
                .json_line(&json!({ "event": "step", "step": StepView::new(step, self.workflow.as_ref()) })),
        }
    }

    fn words(&self, step: &StepRun, is_new: bool) -> String {
        let definition = find(self.workflow.as_ref(), &step.step);
        let attempt = match definition.is_some_and(|step| step.retry.max > 0) || step.attempt > 1 {
            true => format!(" (attempt {})", attempt_words(step, definition)),
            false => String::new(),
        };
        let said = match step.status {
            StepStatus::Running if is_new => "started",
            StepStatus::Running => "goes on",
            StepStatus::Waiting => "waits",
            StepStatus::Completed => "completed",
            StepStatus::Failed => "failed",
            StepStatus::Cancelled => "cancelled",
        };
        let mut line =
            format!("{}  {}{attempt}", text::colored(color(step.status), &format!("{said:<9}")), step.path);
        if let Some(ended) = step.ended_at {
            line.push_str(&format!("  {}", took_words(ended.since(step.started_at))));
        }
        if let Some(route) = step.route.as_deref().filter(|_| step.status.is_final()) {
            line.push_str(&text::colored(DIM, &format!("  {route}")));
        }
        line.push('\n');
        let error =
            step.error.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        if let Some(error) = error.filter(|_| step.status == StepStatus::Failed) {
            let part =
                |key: &str| error.get(key).and_then(|part| part.as_str()).unwrap_or_default().to_owned();
            line.push_str(&text::indented(&format!("{}: {}", part("class"), part("message")), "           "));
        }
        line
    }

    fn end(&self, line: &RunLine) -> Result<(), Failure> {
        let printer = self.desk.app.printer;
        match printer.form {
            Form::Human => {
                let result = line.assignment.reason().filter(|_| line.status == RunStatus::Completed);
                let result = result.map(|text| text::indented(text, "  ")).unwrap_or_default();
                printer.text(&format!("{}\n{result}", run::status_cell(line)))?;
            }
            Form::Json => {
                printer.json_line(&json!({ "event": "end", "run": RunView::new(line, Vec::new()) }))?;
            }
        }
        ended(line).map_err(|failure| failure.hint(format!("agents workflow status {}", self.id.short())))
    }
}
