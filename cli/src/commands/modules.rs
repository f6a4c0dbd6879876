//! `agents modules`: the actions that steps of workflows can name.

use agents_orchestrator::start::{ListedModule, list_modules};
use agents_workflows::{Action, Field, Module, Output};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::App;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, BOLD, DIM, RED};
use crate::output::workflow::step::{field_json, type_words};
use crate::place;
use crate::suggestion;

/// List the modules whose actions steps of workflows can name, or show one
///
/// Some come with the program; a file .agents/modules/<name>.yaml adds one, or takes the place of one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents modules
  agents modules show testing
  agents modules show testing --json | jq -r '.actions[].name'")]
pub struct Modules {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show a module: its actions, what they take and what they put out
    #[command(after_help = "Examples:\n  agents modules show testing")]
    Show {
        /// Its name
        module: String,
    },
}

impl Modules {
    /// Lists or shows them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let workspace = place::lasting(&here.workspace());
        let listed = list_modules(&workspace)?;
        match self.what {
            None => list(app, &listed),
            Some(What::Show { module }) => show(app, &listed, &module),
        }
    }
}

fn origin(listed: &ListedModule) -> String {
    listed.file.as_ref().map_or_else(|| "shipped".to_owned(), |file| file.display().to_string())
}

fn list(app: &App, listed: &[ListedModule]) -> Result<(), Failure> {
    let json = || {
        let view = |one: &ListedModule| {
            let read = one.read.as_ref().ok();
            json!({
                "name": one.name, "where": origin(one), "version": read.map(|read| &read.version),
                "description": read.map(|read| &read.description),
                "actions": read.map(|read| read.actions.iter().map(|action| &action.name).collect::<Vec<_>>()),
                "error": one.read.as_ref().err().map(ToString::to_string),
            })
        };
        json!({ "modules": listed.iter().map(view).collect::<Vec<_>>() })
    };
    app.printer.answer(json, || {
        let mut table = Table::new(&["MODULE", "WHERE", "ACTIONS"]);
        for one in listed {
            let place = if one.file.is_some() { "file" } else { "shipped" };
            table.row(vec![
                (&one.name).into(),
                Cell::colored(DIM, place),
                match &one.read {
                    Ok(read) => {
                        let names: Vec<&str> =
                            read.actions.iter().map(|action| action.name.as_str()).collect();
                        names.join(", ").into()
                    }
                    Err(problems) => {
                        let count = problems.problems.len();
                        Cell::colored(RED, format!("{count} problem(s): agents workflow check"))
                    }
                },
            ]);
        }
        table.render(output::width(), "")
    })
}

fn show(app: &App, listed: &[ListedModule], name: &str) -> Result<(), Failure> {
    let Some(one) = listed.iter().find(|one| one.name == name) else {
        let names: Vec<String> = listed.iter().map(|one| one.name.clone()).collect();
        return Err(Failure::new(FailureKind::NotFound, format!("there is no module `{name}`"))
            .hint(suggestion::did_you_mean(name, &names, "there are")));
    };
    let module = one.read.as_ref().map_err(|problems| Failure::bad_input(problems.to_string()))?;
    app.printer.answer(
        || {
            json!({
                "name": module.name, "version": module.version, "description": module.description,
                "where": origin(one), "actions": module.actions.iter().map(action_json).collect::<Vec<_>>(),
            })
        },
        || human(one, module),
    )
}

fn action_json(action: &Action) -> Value {
    json!({
        "name": action.name, "description": action.description, "worker": action.worker.as_str(),
        "jobType": action.job_type, "timeoutMs": action.timeout_ms, "failsRun": action.fails_run,
        "inputs": action.inputs.iter().map(field_json).collect::<Vec<_>>(),
        "outputs": action.outputs.iter().map(|output| field_json(&output.field)).collect::<Vec<_>>(),
        "config": action.config,
    })
}

fn human(listed: &ListedModule, module: &Module) -> String {
    let title = text::colored(BOLD, &format!("module {}", module.name));
    let mut shown =
        format!("{title}  {}\n", text::colored(DIM, &format!("{}  {}", module.version, origin(listed))));
    if let Some(description) = &module.description {
        shown.push_str(&text::wrapped(description, output::width(), "  "));
    }
    for action in &module.actions {
        let by = match &action.job_type {
            Some(job_type) => format!("{} {job_type}", action.worker.as_str()),
            None => action.worker.as_str().to_owned(),
        };
        shown.push_str(&format!("\n{}  {}\n", text::colored(BOLD, &action.name), text::colored(DIM, &by)));
        if let Some(description) = &action.description {
            shown.push_str(&text::wrapped(description, output::width(), "  "));
        }
        let mut table = Table::new(&["", "NAME", "TYPE", "DEFAULT", "DESCRIPTION"]);
        let outputs = action.outputs.iter().map(|output: &Output| ("out", &output.field));
        for (direction, field) in action.inputs.iter().map(|field| ("in", field)).chain(outputs) {
            push(&mut table, direction, field);
        }
        shown.push_str(&table.render(output::width(), "  "));
    }
    shown
}

fn push(table: &mut Table, direction: &'static str, field: &Field) {
    let default = match (&field.default, field.is_required, direction) {
        (Some(value), ..) => value.to_string(),
        (None, true, "in") => "(required)".to_owned(),
        (None, ..) => "-".to_owned(),
    };
    table.row(vec![
        Cell::colored(DIM, direction),
        (&field.name).into(),
        type_words(&field.kind).into(),
        default.into(),
        field.description.as_deref().unwrap_or_default().into(),
    ]);
}
