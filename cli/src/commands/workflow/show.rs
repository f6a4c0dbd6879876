//! `agents workflow show`: what a workflow says, and its graph.

use agents_definitions::Param;
use agents_orchestrator::start::{FoundWorkflow, WorkflowOrigin};
use agents_workflows::Workflow;
use clap::Args;
use serde_json::{Value, json};

use super::{Desk, list, not_found};
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, BOLD, DIM};
use crate::output::workflow::drawing::drawing;
use crate::output::workflow::graph::mermaid;
use crate::output::workflow::step::step_json;

/// Show a workflow: its params, its triggers, its steps and where they lead
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow show implement-feature
  agents workflow show implement-feature --graph
  agents workflow show implement-feature --mermaid > flow.mmd")]
pub struct Show {
    /// Its name
    workflow: String,
    /// Draw its graph alone
    #[arg(long, conflicts_with = "mermaid")]
    graph: bool,
    /// Print its graph as a Mermaid flowchart
    #[arg(long)]
    mermaid: bool,
}

impl Show {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let found = desk.definitions()?.find_workflow(&desk.namespace()?, &self.workflow).await;
        let found = found.map_err(not_found)?;
        let workflow = &*found.workflow;
        app.printer.answer(
            || json(&found),
            || match (self.mermaid, self.graph) {
                (true, _) => mermaid(workflow),
                (false, true) => drawing(workflow, output::width()),
                (false, false) => human(&found),
            },
        )
    }
}

fn origin(found: &FoundWorkflow) -> String {
    match &found.origin {
        WorkflowOrigin::File(path) => {
            path.strip_prefix(&found.workspace).unwrap_or(path).display().to_string()
        }
        WorkflowOrigin::Published(number) => format!("store, version {number}"),
        WorkflowOrigin::Draft => "store, draft".to_owned(),
    }
}

fn json(found: &FoundWorkflow) -> Value {
    let workflow = &*found.workflow;
    let param = |param: &Param| {
        json!({
            "name": param.name, "type": param.kind.as_str(), "description": param.description,
            "default": param.default, "required": param.is_required, "choices": param.choices,
        })
    };
    json!({
        "name": workflow.id, "title": workflow.title, "version": workflow.version,
        "description": workflow.description, "where": origin(found), "hidesStored": found.hides_stored,
        "params": workflow.params.iter().map(param).collect::<Vec<_>>(),
        "triggers": list::triggers(workflow),
        "timeoutMs": workflow.timeout_ms,
        "steps": workflow.steps.iter().map(|step| step_json(workflow, step)).collect::<Vec<_>>(),
        "mermaid": mermaid(workflow),
        "text": found.text,
    })
}

fn human(found: &FoundWorkflow) -> String {
    let workflow = &*found.workflow;
    let title = text::colored(BOLD, &format!("workflow {}", workflow.id));
    let place = text::colored(DIM, &format!("{}  {}", workflow.version, origin(found)));
    let mut shown = format!("{title}  {place}\n{}\n", text::one_line(&workflow.title));
    if let Some(description) = &workflow.description {
        shown.push_str(&text::wrapped(description, output::width(), "  "));
    }
    let triggers = list::triggers(workflow);
    if !triggers.is_empty() {
        shown.push_str(&format!("{} {}\n", text::colored(DIM, "triggers"), triggers.join(", ")));
    }
    if !workflow.params.is_empty() {
        shown.push_str(&format!("\n{}", params(workflow).render(output::width(), "  ")));
    }
    shown.push_str(&format!("\n{}", drawing(workflow, output::width())));
    let id = &workflow.id;
    let next = format!("agents workflow run {id} --dry-run; agents runs --definition {id}");
    shown.push_str(&format!("{}\n", text::colored(DIM, &next)));
    shown
}

fn params(workflow: &Workflow) -> Table {
    let mut table = Table::new(&["PARAM", "TYPE", "DEFAULT", "CHOICES", "DESCRIPTION"]);
    for param in &workflow.params {
        let default = match (&param.default, param.is_required) {
            (Some(value), _) => value.to_string(),
            (None, true) => "(required)".to_owned(),
            (None, false) => "-".to_owned(),
        };
        let choices: Vec<String> = param.choices.iter().map(ToString::to_string).collect();
        table.row(vec![
            Cell::from(&param.name),
            param.kind.as_str().into(),
            default.into(),
            choices.join(", ").into(),
            param.description.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
