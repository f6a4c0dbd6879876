//! `agents workflow test`: cases in a file. Stubs stand for workers, and the route, the end and the outputs are compared.

mod case;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_definitions::accept;
use agents_workflows::Workflow;
use agents_workflows::trial::Trial;
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Desk, not_found};
use crate::app::App;
use crate::failure::Failure;
use crate::output::text::{self, GREEN, RED};

pub use case::{Case, Source};

/// Run the cases of a file: stubs stand for steps, and the route must be the one that is expected
///
/// The file has `workflow` (a name, or a file beside it; else its own name without `.test`) and `cases`. A case has `name`,
/// `params`, `input`, `trigger`, `stubs` by step, and `expect`: `status`, `route`, `outputs`, `reason`, `steps`. Nothing is
/// started and nothing is waited for. docs/workflows.md has an example.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow test .agents/workflows/tests/release.test.yaml
  agents workflow test release.test.yaml --case \"tests fail twice\" --json")]
pub struct Test {
    /// The file of cases
    file: PathBuf,
    /// Only the case of that name (repeatable)
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
}

/// What came of a case.
struct Outcome {
    name: String,
    line: usize,
    differences: Vec<verdict::Difference>,
    route: Vec<Value>,
    end: Value,
}

impl Test {
    /// Runs them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let source = Source::read(&self.file)?;
        let desk = Desk::open(app).await?;
        let workflow = workflow_of(&desk, &source).await?;
        let cases = self.chosen(Case::all(&source, &workflow)?)?;
        let outcomes: Vec<Outcome> =
            cases.into_iter().map(|case| outcome(case, &workflow)).collect::<Result<_, _>>()?;
        let bad = outcomes.iter().filter(|outcome| !outcome.differences.is_empty()).count();
        let json = || {
            let cases: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
            json!({ "workflow": workflow.id, "cases": cases, "failed": bad })
        };
        app.printer.answer(json, || {
            let lines: String = outcomes.iter().map(Outcome::human).collect();
            format!("{lines}{}, {bad} failed\n", text::counted(outcomes.len(), "case"))
        })?;
        match bad {
            0 => Ok(()),
            bad => Err(Failure::failed(
                "testing the workflow",
                format!("{} of {} went otherwise", bad, text::counted(outcomes.len(), "case")),
            )),
        }
    }

    fn chosen(&self, mut cases: Vec<Case>) -> Result<Vec<Case>, Failure> {
        if let Some(unknown) = self.cases.iter().find(|name| cases.iter().all(|case| case.name != **name)) {
            let known: Vec<String> = cases.into_iter().map(|case| case.name).collect();
            return Err(Failure::usage(format!("there is no case `{unknown}`"))
                .hint(crate::suggestion::did_you_mean(unknown, &known, "there are")));
        }
        cases.retain(|case| self.cases.is_empty() || self.cases.contains(&case.name));
        Ok(cases)
    }
}

/// The workflow that a file of cases is about.
async fn workflow_of(desk: &Desk<'_>, source: &Source) -> Result<Arc<Workflow>, Failure> {
    let named = source.workflow()?;
    if named.contains('/') || named.ends_with(".yaml") || named.ends_with(".yml") {
        let file = source.path.parent().unwrap_or(Path::new("")).join(&named);
        return Ok(Arc::new(super::check::read_file(desk, &file)?));
    }
    let found = desk.definitions()?.find_workflow(&desk.namespace()?, &named).await.map_err(not_found)?;
    Ok(found.workflow)
}

fn outcome(case: Case, workflow: &Workflow) -> Result<Outcome, Failure> {
    let mut trial = Trial::new(workflow.clone());
    let given: Map<String, Value> = accept(&workflow.params, &case.params).map_err(|problems| {
        problems.into_iter().fold(Failure::bad_input(format!("case `{}`", case.name)), Failure::hint)
    })?;
    (trial.params, trial.input, trial.stubs) = (given, case.input.clone(), case.stubs.clone());
    if let Some(trigger) = &case.trigger {
        trial.trigger.clone_from(trigger);
    }
    let tried = trial.run();
    Ok(Outcome {
        differences: verdict::differences(&case.expect, &tried),
        route: tried.route.iter().map(crate::output::workflow::trial::passed_json).collect(),
        end: crate::output::workflow::trial::end_json(&tried.end),
        name: case.name,
        line: case.line,
    })
}

impl Outcome {
    fn json(&self) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|one| json!({ "what": one.what, "expected": one.expected, "got": one.got }))
            .collect();
        json!({
            "name": self.name, "line": self.line, "passed": differences.is_empty(), "differences": differences,
            "route": self.route, "end": self.end,
        })
    }

    fn human(&self) -> String {
        if self.differences.is_empty() {
            return format!("{} {}\n", text::colored(GREEN, "✓"), text::one_line(&self.name));
        }
        let mut shown = format!("{} {}\n", text::colored(RED, "✗"), text::one_line(&self.name));
        for one in &self.differences {
            shown.push_str(&format!(
                "  {}\n    expected {}\n    got      {}\n",
                one.what, one.expected, one.got
            ));
        }
        shown
    }
}
