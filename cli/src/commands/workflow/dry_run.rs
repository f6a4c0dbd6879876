//! `agents workflow run --dry-run`: the route that a run would take, with samples in place of workers.

use std::path::Path;

use agents_definitions::accept;
use agents_domain::start::StartError;
use agents_workflows::Workflow;
use agents_workflows::trial::Trial;
use serde_json::{Map, Value, json};

use super::test::{Case, Source};
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::text::{self, BOLD, DIM, GREEN, RED};
use crate::output::workflow::trial::{end_json, end_words, passed_json, passed_table};

/// Drives it, and says where it went.
pub fn run(
    app: &App,
    workflow: &Workflow,
    (params, input): (String, Option<String>),
    sample: Option<&Path>,
) -> Result<(), Failure> {
    let case = match sample {
        Some(file) => Case::sample(&Source::read(file)?, workflow)?,
        None => Case::default(),
    };
    let mut given = case.params;
    if let Ok(Value::Object(params)) = serde_json::from_str(&params) {
        given.extend(params);
    }
    let given: Map<String, Value> = accept(&workflow.params, &given).map_err(StartError::new)?;
    let told = input.and_then(|text| serde_json::from_str(&text).ok());
    let mut trial = Trial::new(workflow.clone());
    (trial.params, trial.stubs) = (given, case.stubs);
    trial.input = told.or(case.input);
    trial.trigger = case.trigger.unwrap_or(trial.trigger);
    let tried = trial.run();
    let json = || {
        json!({
            "workflow": workflow.id, "dryRun": true, "params": trial.params,
            "route": tried.route.iter().map(passed_json).collect::<Vec<_>>(),
            "end": end_json(&tried.end), "waitedMs": tried.waited_ms,
        })
    };
    app.printer.answer(json, || {
        let title = text::colored(BOLD, &workflow.id);
        let note = text::colored(DIM, "nothing was started: samples stand for what the steps would answer");
        let is_good = matches!(tried.end, agents_domain::workflow::Ends::Complete { .. });
        let end = text::colored(if is_good { GREEN } else { RED }, &end_words(&tried.end));
        format!(
            "{title}  {note}\n{}it would end: {end}\n",
            passed_table(&tried.route).render(output::width(), "  ")
        )
    })
}
