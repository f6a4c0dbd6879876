//! `agents workflow check`: what is wrong with workflows and modules, each with its place and its line.

use std::path::Path;

use agents_definitions::{Problem, Problems};
use agents_orchestrator::start::{ListedModule, ListedWorkflow, MODULES_FOLDER, sound_modules};
use agents_workflows::{Modules, Workflow, read, read_module};
use clap::Args;
use serde_json::{Value, json};

use super::Desk;
use crate::app::App;
use crate::failure::{Failure, FailureKind};
use crate::job_input;
use crate::output::text::{self, GREEN, RED};
use crate::place;
use crate::suggestion;

/// Say what is wrong with workflows and modules, if anything
///
/// Without arguments: all of .agents/workflows and .agents/modules, and those of the store. The exit code is 6 if
/// something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow check
  agents workflow check release .agents/workflows/nightly.yaml
  agents workflow check --json | jq '.checked[] | select(.problems != [])'")]
pub struct Check {
    /// Files, or names of workflows
    #[arg(value_name = "FILE|NAME")]
    which: Vec<String>,
}

/// One that was looked at.
struct Checked {
    kind: &'static str,
    source: String,
    problems: Option<Problems>,
}

impl Check {
    /// Checks them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let files = self.which.iter().all(|which| is_file(which)) && !self.which.is_empty();
        let checked = if files {
            // No store is needed for files.
            let here = app.here()?;
            let (modules, _) = sound_modules(&place::lasting(&here.workspace()))?;
            self.which.iter().map(|file| check_file(file.as_ref(), &modules)).collect::<Result<_, _>>()?
        } else {
            let desk = Desk::open(app).await?;
            all(&desk, &self.which).await?
        };
        say(app, &checked)
    }
}

fn is_file(which: &str) -> bool {
    let is_yaml = which.ends_with(".yaml") || which.ends_with(".yml");
    is_yaml || which.contains('/') || Path::new(which).is_file()
}

/// All that there is, or those that are named.
async fn all(desk: &Desk<'_>, which: &[String]) -> Result<Vec<Checked>, Failure> {
    let workspace = place::lasting(&desk.here.workspace());
    let (modules, listed) = sound_modules(&workspace)?;
    let workflows = desk.definitions()?.list_workflows(&desk.namespace()?).await?;
    let of = |one: &ListedWorkflow| Checked {
        kind: "workflow",
        source: super::list::place(&workspace, one),
        problems: one.read.as_ref().err().cloned(),
    };
    if which.is_empty() {
        let modules = listed.into_iter().filter_map(|module| of_module(&workspace, module));
        return Ok(modules.chain(workflows.iter().map(of)).collect());
    }
    let mut chosen = Vec::new();
    for name in which {
        chosen.push(match workflows.iter().find(|one| one.name == *name) {
            Some(one) => of(one),
            None if is_file(name) => check_file(name.as_ref(), &modules)?,
            None => {
                let names: Vec<String> = workflows.iter().map(|one| one.name.clone()).collect();
                return Err(Failure::new(FailureKind::NotFound, format!("there is no workflow `{name}`"))
                    .hint(suggestion::did_you_mean(name, &names, "there are")));
            }
        });
    }
    Ok(chosen)
}

/// A module of the repository; those that come with the program are right.
fn of_module(workspace: &Path, module: ListedModule) -> Option<Checked> {
    let file = module.file?;
    let source = file.strip_prefix(workspace).unwrap_or(&file).display().to_string();
    Some(Checked { kind: "module", source, problems: module.read.err() })
}

/// A workflow, or a module: that is one in the folder of modules, or it says so.
fn check_file(file: &Path, modules: &Modules) -> Result<Checked, Failure> {
    let text = job_input::file(file, "the workflow")?;
    let source = file.display().to_string();
    let name = stem(file);
    let is_module = file.parent().is_some_and(|folder| folder.ends_with(MODULES_FOLDER))
        || text.lines().any(|line| line.starts_with("module:"));
    Ok(match is_module {
        true => Checked { kind: "module", problems: read_module(&text, &source, name).err(), source },
        false => Checked { kind: "workflow", problems: read(&text, &source, name, modules).err(), source },
    })
}

fn stem(file: &Path) -> &str {
    file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// The workflow of a file; what is wrong with it is the failure.
pub fn read_file(desk: &Desk<'_>, file: &Path) -> Result<Workflow, Failure> {
    let (modules, _) = sound_modules(&place::lasting(&desk.here.workspace()))?;
    let text = job_input::file(file, "the workflow")?;
    read(&text, &file.display().to_string(), stem(file), &modules).map_err(|problems| {
        Failure::bad_input(problems.to_string()).hint("docs/workflows.md shows how a workflow is written")
    })
}

impl Checked {
    fn json(&self) -> Value {
        let view = |(number, problem): (usize, &Problem)| {
            let line = self.problems.as_ref().map(|problems| problems.line(number));
            json!({
                "line": problem.at.line, "column": problem.at.column, "message": problem.message,
                "hint": problem.hint, "text": line,
            })
        };
        let problems: Vec<Value> = self
            .problems
            .iter()
            .flat_map(|problems| problems.problems.iter().enumerate())
            .map(view)
            .collect();
        json!({ "kind": self.kind, "source": self.source, "problems": problems })
    }

    fn human(&self) -> String {
        match &self.problems {
            Some(problems) => format!("{} {}\n{problems}\n", text::colored(RED, "✗"), self.source),
            None => format!("{} {}\n", text::colored(GREEN, "✓"), self.source),
        }
    }
}

fn say(app: &App, checked: &[Checked]) -> Result<(), Failure> {
    app.printer.answer(
        || json!({ "checked": checked.iter().map(Checked::json).collect::<Vec<_>>() }),
        || match checked.is_empty() {
            true => "no workflows: one is a file .agents/workflows/<name>.yaml\n".to_owned(),
            false => checked.iter().map(Checked::human).collect(),
        },
    )?;
    match checked.iter().filter(|one| one.problems.is_some()).count() {
        0 => Ok(()),
        bad => Err(Failure::bad_input(format!(
            "{bad} of {} can't be used",
            text::counted(checked.len(), "file")
        ))
        .hint("docs/workflows.md shows how a workflow is written")),
    }
}
