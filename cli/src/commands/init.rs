//! `agents init`: makes a repository ready.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use agents_domain::namespace::Namespace;
use agents_domain::store::Store;
use clap::Args;
use serde::Serialize;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};
use crate::place::{self, Place};
use crate::settings_source;

/// Write .agents/config.json, so that this repository has a namespace and a default harness
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents init
  agents init --namespace shop --harness codex")]
pub struct Init {
    /// The default harness [default: the first of claude, codex, gemini that is installed]
    #[arg(long, value_name = "NAME")]
    harness: Option<String>,
    /// Replace a config that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Initialized {
    namespace: String,
    harness: String,
    config: String,
    git: bool,
    warnings: Vec<String>,
}

impl Init {
    /// Writes the config.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("set up a repository")?;
        let folder = place::current_folder()?;
        let place = Place::around(&folder);
        let root = place.as_ref().map_or(folder, |place| place.root.clone());
        let file = root.join(place::FOLDER).join(place::CONFIG_FILE);
        if file.exists() && !self.force {
            return Err(Failure::rejected(format!("{} is already there", file.display()))
                .hint("edit it; `agents config show` says what holds, --force replaces it"));
        }
        let namespace = self.namespace(app, place.as_ref(), &root).await?;
        let harness = self.harness()?;
        let text = format!(
            "{{\n  \"namespace\": {},\n  \"harnessDefaults\": {{\n    \"default\": {}\n  }}\n}}\n",
            serde_json::Value::from(namespace.as_str()),
            serde_json::Value::from(harness.as_str())
        );
        write(&file, &text)?;
        let git = place.is_some_and(|place| place.is_git);
        let mut warnings = Vec::new();
        if !git {
            let root = root.display();
            warnings.push(format!(
                "{root} is not a git repository: agents work there without a history to go back to"
            ));
        }
        let done = Initialized {
            namespace: namespace.to_string(),
            harness,
            config: file.display().to_string(),
            git,
            warnings,
        };
        app.printer.answer(|| &done, || said(&done))?;
        done.warnings.iter().for_each(|warning| app.printer.warning(warning));
        Ok(())
    }

    /// The namespace that is asked for, or the one that the folder's name suggests; another one if that belongs to
    /// another repository.
    async fn namespace(&self, app: &App, place: Option<&Place>, root: &Path) -> Result<Namespace, Failure> {
        if let Some(name) = &app.flags.namespace {
            return Namespace::new(name.clone()).map_err(|bad| Failure::usage(bad.to_string()));
        }
        let own = Place { root: root.to_owned(), main_root: root.to_owned(), is_git: false };
        let place = place.unwrap_or(&own);
        let suggested = place.derived_namespace().ok_or_else(|| {
            Failure::usage(format!("the name of {} makes no namespace", root.display()))
                .hint("choose one: agents init --namespace <name>")
        })?;
        let above = place.main_root.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let with_parent =
            above.and_then(|above| Namespace::from_folder_name(&format!("{above}-{suggested}")));
        let numbered = (2..100).filter_map(|number| Namespace::new(format!("{suggested}-{number}")).ok());
        let candidates = [Some(suggested.clone()), with_parent].into_iter().flatten().chain(numbered);
        // A config that is wrong, which --force replaces, or a store that can't be opened must not keep a
        // repository from being set up; `agents doctor` names the trouble.
        let Ok(here) = app.here() else { return Ok(suggested) };
        let Ok(store) = app.store(&here).await else { return Ok(suggested) };
        for candidate in candidates {
            let is_free = match store.namespace_root(&candidate).await? {
                Some(other) => super::create::is_same_repository(place, Path::new(&other)),
                None => true,
            };
            if is_free {
                return Ok(candidate);
            }
        }
        Ok(suggested)
    }

    fn harness(&self) -> Result<String, Failure> {
        let builtin = settings_source::builtin_names();
        match &self.harness {
            Some(name) if builtin.contains(name) => Ok(name.clone()),
            Some(name) => Err(Failure::usage(format!("there is no built-in harness `{name}`"))
                .hint(crate::suggestion::did_you_mean(name, &builtin, "there are"))
                .hint("a CLI of your own is defined under `harnesses` in the config, after `agents init`")),
            None => {
                let installed = builtin.iter().find(|name| which::which(name).is_ok());
                Ok(installed.unwrap_or(&builtin[0]).clone())
            }
        }
    }
}

/// Writes the whole file or nothing.
fn write(file: &PathBuf, text: &str) -> Result<(), Failure> {
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let failed = |error: &std::io::Error| Failure::file("write", file, error);
    fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".config")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(&folder)
        .map_err(|error| failed(&error))?;
    temporary.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    temporary.persist(file).map_err(|error| failed(&error.error))?;
    Ok(())
}

fn said(done: &Initialized) -> String {
    let Initialized { namespace, harness, config, .. } = done;
    let green = text::colored(GREEN, "ready");
    format!(
        "{green}: namespace {namespace}, jobs are done by {harness}\n  wrote {config}\n\nNext:\n  \
         agents doctor                   is everything there?\n  \
         agents create \"what you want\"   the PM plans the first job\n  \
         agents runner                   do it; leave it open in a terminal\n"
    )
}
