//! `agents definition`: jobs that can be run again, in files of the repository and in the store.

mod check;
mod edit;
mod named;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use agents_definitions::{Definition, name_problem, read};
use agents_domain::definition::{Definitions, NewDefinition, Saved};
use agents_domain::namespace::Namespace;
use agents_orchestrator::start::{FromDefinitions, Origin};
use agents_orchestrator::store::SqlStore;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::commands::create::refuse_foreign_namespace;
use crate::engine;
use crate::failure::{Failure, FailureKind};
use crate::job_input;
use crate::output::text::{self, GREEN};
use crate::place;

pub use edit::open_editor;

/// Keep, show and check definitions: jobs that can be run again
///
/// A definition is YAML: a file .agents/jobs/<name>.yaml of the repository, or kept in the store. Where both have a name,
/// the file's holds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents definition check
  agents definition create nightly.yaml
  agents definition list
  agents definition show nightly --json
  agents definition edit nightly
  agents definition export nightly --output .agents/jobs/nightly.yaml")]
pub struct DefinitionCommand {
    #[command(subcommand)]
    command: Command,
}

/// What to do with definitions.
#[derive(Debug, Subcommand)]
enum Command {
    /// Keep a definition in the store
    Create {
        /// The YAML file; `-` reads standard input
        file: String,
        /// What it is called [default: its own `name`, else the file's]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// List definitions: those of files and those of the store
    List,
    /// Show what a definition says, its params first
    Show {
        /// Its name
        name: String,
    },
    /// Change a definition in $VISUAL or $EDITOR; it is checked before it is stored
    Edit {
        /// Its name
        name: String,
        /// Take this text instead of opening an editor; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        from: Option<String>,
    },
    /// Take a definition out of the store
    Delete {
        /// Its name
        name: String,
    },
    /// Print a definition as YAML, or write it to a file
    Export {
        /// Its name
        name: String,
        /// Write it to this file, which must not be there yet
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say what is wrong with definitions, if anything
    Check {
        /// These files; every definition of the repository and of the store otherwise
        files: Vec<PathBuf>,
    },
}

/// Where a definition is worked on.
struct Desk<'a> {
    app: &'a App,
    here: &'a Here,
    namespace: Namespace,
    store: Arc<SqlStore>,
    definitions: FromDefinitions,
}

impl DefinitionCommand {
    /// Runs the command.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        if let Command::Check { files } = &self.command
            && !files.is_empty()
        {
            return check::files(app, &here, files);
        }
        let chosen = here.namespace()?;
        let store = Arc::new(app.store(&here).await?);
        let definitions = engine::definitions(app, &here, Arc::clone(&store))?;
        let desk = Desk { app, here: &here, namespace: chosen.namespace.clone(), store, definitions };
        match &self.command {
            Command::List => show::list(&desk).await,
            Command::Show { name } => show::one(&desk, name).await,
            Command::Check { files: _ } => check::all(&desk).await,
            Command::Export { name, output } => show::export(&desk, name, output.as_deref()).await,
            Command::Create { file, name } => {
                Caller::of_process()?.person_only("create definitions")?;
                refuse_foreign_namespace(&desk.store, &here, &chosen).await?;
                desk.create(file, name.as_deref()).await
            }
            Command::Edit { name, from } => {
                Caller::of_process()?.person_only("change definitions")?;
                edit::edit(&desk, name, from.as_deref()).await
            }
            Command::Delete { name } => {
                Caller::of_process()?.person_only("delete definitions")?;
                desk.delete(name).await
            }
        }
    }
}

/// Reads a definition; what is wrong with it is the failure.
fn parsed(text: &str, source: &str, name: &str) -> Result<Definition, Failure> {
    read(text, source, name).map_err(|problems| {
        Failure::bad_input(problems.to_string()).hint("docs/definitions.md shows how a definition is written")
    })
}

impl Desk<'_> {
    async fn create(&self, file: &str, name: Option<&str>) -> Result<(), Failure> {
        let text = match file {
            "-" => job_input::standard_input("the definition")?,
            path => job_input::file(path.as_ref(), "the definition")?,
        };
        let stem =
            PathBuf::from(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let named = name.map(str::to_owned);
        // Its own name is looked for before the file's.
        let definition = parsed(&text, file, named.as_deref().unwrap_or_default())?;
        let name = match (definition.name.as_str(), file) {
            ("", "-") => {
                return Err(Failure::usage("the definition has no name")
                    .hint("give it one: --name nightly, or `name: nightly` in it"));
            }
            ("", _) => stem,
            (name, _) => name.to_owned(),
        };
        if let Some(why) = name_problem(&name) {
            return Err(Failure::bad_input(why).hint("--name <name> gives it another"));
        }
        let known = self.definitions.library().find(&self.namespace, &name).await;
        if let Ok(Origin::File(path)) = known.map(|found| found.origin) {
            return Err(Failure::rejected(format!("`{name}` is the name of {} already", path.display()))
                .hint("--name <name> gives this one another"));
        }
        match self.save(&name, text, None).await? {
            Saved::Saved(revision) => self.say("created", &name, revision),
            Saved::Other(_) | Saved::Gone => {
                Err(Failure::rejected(format!("there is a definition `{name}` in the store already"))
                    .hint(format!("agents definition edit {name} --from {file} changes it")))
            }
        }
    }

    async fn save(&self, name: &str, text: String, over: Option<u32>) -> Result<Saved, Failure> {
        let workspace = place::lasting(&self.here.workspace()).display().to_string();
        let new =
            NewDefinition { namespace: self.namespace.clone(), name: name.to_owned(), text, workspace, over };
        Ok(self.store.save_definition(new).await?)
    }

    fn say(&self, what: &str, name: &str, revision: u32) -> Result<(), Failure> {
        let json = || {
            json!({
                "name": name, "namespace": self.namespace.as_str(), "origin": "store", "revision": revision,
            })
        };
        let human = || {
            format!(
                "{} definition {name} (revision {revision}) in {}\n  agents run {name}\n",
                text::colored(GREEN, what),
                self.namespace
            )
        };
        self.app.printer.answer(json, human)
    }

    async fn delete(&self, name: &str) -> Result<(), Failure> {
        if !self.store.delete_definition(&self.namespace, name).await? {
            let found = self.definitions.library().find(&self.namespace, name).await;
            let failure = Failure::new(
                FailureKind::NotFound,
                format!("there is no definition `{name}` in the store of {}", self.namespace),
            );
            return Err(match found.map(|found| found.origin) {
                Ok(Origin::File(path)) => failure.hint(format!("it is a file: rm {}", path.display())),
                Ok(Origin::Store(_)) | Err(_) => failure.hint("`agents definition list` lists what there is"),
            });
        }
        let json = || json!({ "name": name, "namespace": self.namespace.as_str(), "deleted": true });
        self.app.printer.answer(json, || format!("deleted definition {name} of {}\n", self.namespace))
    }
}
