//! `agents workflow export`: runs with their steps and events, as JSON lines, for whoever keeps them longer than the store does.

use agents_definitions::milliseconds;
use agents_domain::id::AssignmentId;
use agents_domain::run::{RunFilter, Runs};
use agents_domain::store::Store;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{StepRun, Workflows};
use clap::Args;
use serde_json::{Value, json};

use super::{Desk, Found};
use crate::app::App;
use crate::failure::Failure;
use crate::output::json::EventView;
use crate::output::run::RunView;

/// Steps that are read at once.
const PAGE: u32 = 500;

/// Print runs with their steps and events as JSON lines, before `retention.workflowHistory` lets them go
///
/// Each line has a `kind`: `run`, then its `step`s, then its `event`s, the oldest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow export 099a8057
  agents workflow export --since 30d > workflows.jsonl")]
pub struct Export {
    /// The run: its id, or the beginning or the end of it
    #[arg(required_unless_present = "since", conflicts_with = "since")]
    run: Option<String>,
    /// All runs that were started since then: 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    since: Option<u64>,
}

impl Export {
    /// Prints them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        if let Some(text) = &self.run {
            let found = desk.find(text).await?;
            return one(&desk, &found).await;
        }
        let span = i64::try_from(self.since.unwrap_or_default()).unwrap_or(i64::MAX);
        let since = Timestamp::from_millis(app.now().as_millis().saturating_sub(span));
        let filter =
            RunFilter { namespace: Some(desk.namespace()?), since: Some(since), ..RunFilter::default() };
        let mut ids: Vec<AssignmentId> =
            desk.store.runs(&filter).await?.iter().map(|line| line.assignment.id).collect();
        ids.sort_unstable();
        for id in ids {
            // Runs of definitions are no workflow's.
            if let Some(found) = desk.read(id).await? {
                one(&desk, &found).await?;
            }
        }
        Ok(())
    }
}

async fn one(desk: &Desk<'_>, found: &Found) -> Result<(), Failure> {
    let printer = desk.app.printer;
    let id = found.run.assignment;
    let run = json!({
        "kind": "run", "run": RunView::new(&found.line, Vec::new()), "workflow": found.run.workflow,
        "version": found.run.version, "snapshot": found.run.snapshot,
    });
    printer.json_line(&run)?;
    let mut after = 0;
    loop {
        let page = desk.store.workflow_steps(id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        for step in &page {
            printer.json_line(&step_json(id, step))?;
        }
    }
    for event in &desk.store.history(id).await? {
        printer
            .json_line(&json!({ "kind": "event", "run": id.to_string(), "event": EventView::from(event) }))?;
    }
    Ok(())
}

/// JSON that the store has as text.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn step_json(run: AssignmentId, step: &StepRun) -> Value {
    json!({
        "kind": "step", "run": run.to_string(), "number": step.number, "step": step.step, "path": step.path,
        "attempt": step.attempt, "status": step.status.as_str(), "inputs": parsed(&step.inputs),
        "outputs": step.outputs.as_deref().map(parsed), "error": step.error.as_deref().map(parsed),
        "job": step.job.map(|id| id.to_string()), "child": step.child.map(|id| id.to_string()),
        "startedAt": step.started_at.to_string(), "endedAt": step.ended_at.map(|at| at.to_string()), "route": step.route,
    })
}
