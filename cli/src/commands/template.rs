//! `agents template`: shows and checks the prompt templates.

use agents_domain::assignment::Assignment;
use agents_domain::job_type::JobType;
use agents_domain::store::{JobDetail, Store};
use agents_orchestrator::prompt::{self, Facts, Measured, Origin, TemplateError};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::{App, Here};
use crate::failure::{Failure, FailureKind};
use crate::{settings_source, target};

/// Show and check the prompt templates
///
/// Each job type has a template. One of your own in .agents/templates/<type>.md wins over the built-in one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agents template show implement\n  agents template show pm --assignment 099a8057\n  \
                        agents template show plan --source > .agents/templates/plan.md\n  agents template check"
)]
pub struct TemplateArgs {
    #[command(subcommand)]
    pub command: TemplateCommand,
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Render the template of a job type
    Show {
        /// The job type
        job_type: String,
        /// Render it as the next job of this assignment would get it
        #[arg(long, value_name = "ID")]
        assignment: Option<String>,
        /// The template itself, not rendered
        #[arg(long, conflicts_with = "assignment")]
        source: bool,
    },
    /// Say what is wrong with templates, if anything
    Check {
        /// The job type; every one of them otherwise
        job_type: Option<String>,
        /// Check it with the facts of this assignment
        #[arg(long, value_name = "ID")]
        assignment: Option<String>,
    },
}

/// Runs the command.
pub async fn run(app: &App, args: &TemplateArgs) -> Result<(), Failure> {
    let here = app.here()?;
    match &args.command {
        TemplateCommand::Show { job_type, assignment, source } => {
            show(app, &here, job_type, (assignment.as_deref(), *source)).await
        }
        TemplateCommand::Check { job_type, assignment } => {
            check(app, &here, job_type.as_deref(), assignment.as_deref()).await
        }
    }
}

async fn show(
    app: &App,
    here: &Here,
    job_type: &str,
    (assignment, source): (Option<&str>, bool),
) -> Result<(), Failure> {
    let folders = settings_source::template_folders(here.place.as_ref());
    let (text, origin) = prompt::find(job_type, &folders).map_err(|error| refused(&error))?;
    let shown = if source {
        text
    } else {
        let facts = facts(app, here, job_type, assignment).await?;
        prompt::render(job_type, &folders, &facts).map_err(|error| refused(&error))?
    };
    let json = || Shown { job_type, origin: place(&origin), text: &shown };
    app.printer.answer(json, || shown.clone())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(rename = "type")]
    job_type: &'a str,
    origin: String,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    #[serde(rename = "type")]
    job_type: String,
    origin: Option<String>,
    error: Option<String>,
}

async fn check(
    app: &App,
    here: &Here,
    job_type: Option<&str>,
    assignment: Option<&str>,
) -> Result<(), Failure> {
    let folders = settings_source::template_folders(here.place.as_ref());
    let names = match job_type {
        Some(name) => vec![name.to_owned()],
        None => settings_source::job_types(here.place.as_ref()),
    };
    let mut checked = Vec::new();
    for name in names {
        let facts = facts(app, here, &name, assignment).await?;
        let result = prompt::check(&name, &folders, &facts);
        let error = result.as_ref().err().map(ToString::to_string);
        checked.push(Checked { job_type: name, origin: result.ok().map(|origin| place(&origin)), error });
    }
    app.printer.answer(|| &checked, || checked.iter().map(line).collect())?;
    match checked.iter().filter(|one| one.error.is_some()).count() {
        0 => Ok(()),
        bad => Err(Failure::bad_input(format!("{bad} template(s) can't be used"))
            .hint("agents template show <type> --source shows the built-in one")),
    }
}

fn line(checked: &Checked) -> String {
    match (&checked.error, &checked.origin) {
        (Some(error), _) => format!("✗ {}: {error}\n", checked.job_type),
        (None, origin) => format!("✓ {} ({})\n", checked.job_type, origin.as_deref().unwrap_or("built in")),
    }
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}

fn refused(error: &TemplateError) -> Failure {
    match error {
        TemplateError::Missing { .. } => Failure::new(FailureKind::NotFound, error.to_string()),
        TemplateError::Unreadable { .. } | TemplateError::Bad { .. } => Failure::bad_input(error.to_string()),
    }
}

/// The facts of an assignment, or made-up ones that have something of everything.
async fn facts(app: &App, here: &Here, job_type: &str, assignment: Option<&str>) -> Result<Facts, Failure> {
    let job_type = JobType::new(job_type).map_err(|error| Failure::bad_input(error.to_string()))?;
    let Some(text) = assignment else { return Ok(Facts::sample(&job_type)) };
    let store = app.store(here).await?;
    let id = target::assignment(&store, text).await?;
    let found: Option<Assignment> = store.assignment(id).await?;
    let gone = || Failure::new(FailureKind::NotFound, format!("assignment {} is gone", id.short()));
    let list: Vec<JobDetail> = store.job_details(id).await?;
    let found = found.ok_or_else(gone)?;
    let measured = Measured::load(&store, &found, &list).await?;
    let settings = settings_source::settings(&here.config, here.place.as_ref())?;
    Ok(Facts::of_next(&found, &job_type, (&list, &measured), &settings))
}
