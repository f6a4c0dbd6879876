//! `agents workflow activate`, `archive`, `delete`, and the half of `pause` that is about workflows: whether a workflow starts.

use agents_domain::webhook::SignatureScheme;
use agents_domain::workflow::{Edit, WorkflowStatus};
use clap::Args;
use serde_json::json;

use super::super::triggers::{self, Made, Resting, Secret};
use super::{Desk, Shelf};
use crate::app::App;
use crate::commands::webhook::{refuse_variable, scheme_parser};
use crate::failure::{Failure, FailureKind};
use crate::output::text::{self, GREEN};

/// Let a workflow start, and set up what its `triggers:` say
///
/// Each schedule trigger becomes a schedule, each event trigger a subscription, each webhook trigger a webhook with a
/// subscription, all named workflow-<name>. Done again, it changes only what has changed. A file of the repository can be
/// activated too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents workflow activate nightly
  agents workflow activate deploy --secret-env DEPLOY_SECRET --scheme github")]
pub struct Activate {
    /// Its name
    name: String,
    /// The variable that holds the secret of its webhooks where `agents serve` runs [default: WORKFLOW_<NAME>_SECRET]
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// How requests to its webhooks are signed
    #[arg(long, value_name = "SCHEME", default_value = "generic", value_parser = scheme_parser())]
    scheme: SignatureScheme,
}

/// Let nobody start a stored workflow any more; its versions and its runs stay
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents workflow archive nightly")]
pub struct Archive {
    /// Its name
    name: String,
}

/// Take a workflow out of the store, with its versions and what `activate` has set up; its runs stay
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents workflow delete nightly")]
pub struct Delete {
    /// Its name
    name: String,
}

impl Activate {
    /// Lets it start.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "activate workflows").await?;
        let shelf = desk.shelf(&self.name).await?;
        let name = &self.name;
        if shelf.file.is_none() && shelf.published().is_none() {
            return Err(Failure::rejected(format!("`{name}` is a draft"))
                .hint(format!("agents workflow publish {name} makes it ready")));
        }
        let workflow = desk.sound(shelf.text().unwrap_or_default(), (name, name))?;
        let variable = name.to_uppercase().replace(['-', '.'], "_");
        let secret = Secret {
            variable: self.secret_env.unwrap_or_else(|| format!("WORKFLOW_{variable}_SECRET")),
            scheme: self.scheme,
        };
        refuse_variable(&secret.variable)?;
        let planned = triggers::planned(&desk, &workflow)?;
        let was = shelf.stored.as_ref().map(|stored| stored.status);
        if was.is_some_and(|status| status != WorkflowStatus::Active) {
            desk.write(name, Edit::SetStatus(WorkflowStatus::Active)).await?;
        }
        let made = triggers::set_up(&desk, (name, planned), &secret).await?;
        say(&desk, (name, "active"), (&shelf, &made))
    }
}

impl Archive {
    /// Archives it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "archive workflows").await?;
        let (shelf, _) = desk.stored(&self.name).await?;
        desk.write(&self.name, Edit::SetStatus(WorkflowStatus::Archived)).await?;
        let made = triggers::rest(&desk, &self.name, Resting::Disabled).await?;
        say(&desk, (&self.name, "archived"), (&shelf, &made))
    }
}

impl Delete {
    /// Deletes it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::of_person(app, "delete workflows").await?;
        let shelf = desk.shelf_or_nothing(&self.name).await?;
        let made = triggers::rest(&desk, &self.name, Resting::Gone).await?;
        if shelf.stored.is_none() && made.is_empty() {
            return match desk.stored(&self.name).await {
                Ok(_) => Ok(()),
                Err(failure) => Err(failure),
            };
        }
        if shelf.stored.is_some() {
            desk.write(&self.name, Edit::Delete).await?;
        }
        say(&desk, (&self.name, "deleted"), (&shelf, &made))
    }
}

/// Only a person starts the workflow of that name. `Ok(false)`: there is none.
pub async fn pause(desk: &Desk<'_>, name: &str) -> Result<bool, Failure> {
    let shelf = desk.shelf_or_nothing(name).await?;
    match &shelf.stored {
        None if shelf.file.is_none() => return Ok(false),
        None => {}
        Some(stored) => match stored.status {
            WorkflowStatus::Active | WorkflowStatus::Paused => {
                desk.write(name, Edit::SetStatus(WorkflowStatus::Paused)).await?;
            }
            WorkflowStatus::Draft if shelf.file.is_none() => {
                return Err(Failure::rejected(format!("`{name}` is a draft, which nothing starts")));
            }
            WorkflowStatus::Draft => {}
            WorkflowStatus::Archived => {
                return Err(Failure::new(
                    FailureKind::Rejected,
                    format!("`{name}` is archived: nobody starts it"),
                )
                .hint(format!("agents workflow activate {name} brings it back")));
            }
        },
    }
    let made = triggers::rest(desk, name, Resting::Disabled).await?;
    say(desk, (name, "paused"), (&shelf, &made))?;
    Ok(true)
}

fn say(
    desk: &Desk<'_>,
    (name, status): (&str, &str),
    (shelf, made): (&Shelf, &[Made]),
) -> Result<(), Failure> {
    let file = shelf.file.as_ref().map(|(path, _)| path.display().to_string());
    let json = || {
        let made: Vec<_> = made.iter().map(Made::json).collect();
        json!({ "name": name, "what": "workflow", "status": status, "file": file, "triggers": made })
    };
    desk.app.printer.answer(json, || {
        let mut shown = format!("workflow {name} is {}\n", text::colored(GREEN, status));
        made.iter().for_each(|made| shown.push_str(&format!("  {made}\n")));
        if let Some(file) = file.as_ref().filter(|_| status == "deleted") {
            shown.push_str(&format!("  {file} stays\n"));
        }
        shown
    })
}
