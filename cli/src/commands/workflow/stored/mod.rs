//! Workflows that are kept in the store: drafts, published versions, and what they stand at. A file of the repository can be
//! published too; where both have a name, the file's holds.

mod change;
mod create;
mod define;
mod diff;
mod edit;
mod publish;
mod standing;
mod versions;

use std::path::PathBuf;

use agents_definitions::{Problems, name_problem};
use agents_domain::workflow::{Edit, Published, StoredWorkflow, Version, Workflows};
use agents_orchestrator::start::{WORKFLOWS_FOLDER, sound_modules};
use agents_workflows::{Workflow, read};

use super::Desk;
use crate::failure::{Failure, FailureKind};
use crate::job_input;
use crate::place;
use crate::suggestion;

pub use change::{Duplicate, Update};
pub use create::Create;
pub use define::Define;
pub use diff::Diff;
pub use edit::Edit as EditDraft;
pub use publish::Publish;
pub use standing::{Activate, Archive, Delete, pause};
pub use versions::Versions;

/// A workflow as the store and the repository have it.
struct Shelf {
    name: String,
    stored: Option<StoredWorkflow>,
    versions: Vec<Version>,
    /// The repository's file of that name, and its text.
    file: Option<(PathBuf, String)>,
}

impl Shelf {
    /// The version that is published.
    fn published(&self) -> Option<&Version> {
        let number = self.stored.as_ref()?.published?;
        self.versions.iter().find(|version| version.number == number)
    }

    /// YAML that is not published yet.
    fn draft(&self) -> Option<&str> {
        self.stored.as_ref()?.draft.as_deref()
    }

    /// What a run would start with now, else the draft.
    fn text(&self) -> Option<&str> {
        let file = self.file.as_ref().map(|(_, text)| text.as_str());
        file.or_else(|| self.published().map(|version| version.text.as_str())).or_else(|| self.draft())
    }

    /// What is worked on now: the file, the draft, else what is published.
    fn newest(&self) -> Option<&str> {
        let file = self.file.as_ref().map(|(_, text)| text.as_str());
        file.or_else(|| self.draft()).or_else(|| self.published().map(|version| version.text.as_str()))
    }
}

impl Desk<'_> {
    /// What there is of that name.
    async fn shelf(&self, name: &str) -> Result<Shelf, Failure> {
        let shelf = self.shelf_or_nothing(name).await?;
        if shelf.stored.is_some() || shelf.file.is_some() {
            return Ok(shelf);
        }
        let listed = self.definitions()?.list_workflows(&self.namespace()?).await?;
        let names: Vec<String> = listed.into_iter().map(|one| one.name).collect();
        let failure = Failure::new(FailureKind::NotFound, format!("there is no workflow `{name}`"));
        Err(match names.is_empty() {
            true => failure.hint("`agents workflow define` makes one"),
            false => failure.hint(suggestion::did_you_mean(name, &names, "there are")),
        })
    }

    async fn shelf_or_nothing(&self, name: &str) -> Result<Shelf, Failure> {
        let namespace = self.namespace()?;
        let stored = self.store.workflow(&namespace, name).await?;
        let versions = self.store.workflow_versions(&namespace, name).await?;
        let mut file = None;
        if name_problem(name).is_none() {
            let folder = place::lasting(&self.here.workspace()).join(WORKFLOWS_FOLDER);
            let both = ["yaml", "yml"].map(|extension| folder.join(format!("{name}.{extension}")));
            if let Some(path) = both.into_iter().find(|path| path.is_file()) {
                let text = job_input::file(&path, "the workflow")?;
                file = Some((path, text));
            }
        }
        Ok(Shelf { name: name.to_owned(), stored, versions, file })
    }

    /// The same, of one that the store keeps.
    async fn stored(&self, name: &str) -> Result<(Shelf, StoredWorkflow), Failure> {
        let shelf = self.shelf(name).await?;
        match (&shelf.stored, &shelf.file) {
            (Some(stored), _) => {
                let stored = stored.clone();
                Ok((shelf, stored))
            }
            (None, Some((path, _))) => {
                Err(Failure::rejected(format!("`{name}` is the file {}", path.display()))
                    .hint("change the file itself")
                    .hint(format!("`agents workflow publish {name}` keeps a version of it in the store")))
            }
            (None, None) => Err(Failure::failed("reading the workflow", "it is gone")),
        }
    }

    /// The workflow that this text is; all that is wrong with it otherwise.
    fn read_text(
        &self,
        text: &str,
        (source, name): (&str, &str),
    ) -> Result<Result<Workflow, Problems>, Failure> {
        let (modules, _) = sound_modules(&place::lasting(&self.here.workspace()))?;
        Ok(read(text, source, name, &modules))
    }

    /// The same; what is wrong is the failure.
    fn sound(&self, text: &str, (source, name): (&str, &str)) -> Result<Workflow, Failure> {
        self.read_text(text, (source, name))?.map_err(|problems| {
            Failure::bad_input(problems.to_string()).hint("docs/workflows.md shows how a workflow is written")
        })
    }

    /// What is wrong with a draft: it may be so, and it is told.
    fn doubts(&self, text: &str, (source, name): (&str, &str)) -> Result<Vec<String>, Failure> {
        let read = self.read_text(text, (source, name))?;
        Ok(read
            .err()
            .map(|problems| format!("the draft can't be published yet:\n{problems}"))
            .into_iter()
            .collect())
    }

    async fn write(&self, name: &str, edit: Edit) -> Result<Published, Failure> {
        let keep = self.here.config.versions_kept();
        Ok(self.store.edit_workflow(&self.namespace()?, name, edit, keep).await?)
    }

    /// Puts another draft in the place of the one that was seen at that revision.
    async fn write_draft(&self, name: &str, (text, seen): (String, u32)) -> Result<StoredWorkflow, Failure> {
        let edit = Edit::Update { text: text.clone(), revision: seen };
        match self.write(name, edit).await?.workflow {
            None => Err(Failure::rejected(format!("somebody else has deleted `{name}` in between"))
                .hint("agents workflow create keeps it again")),
            Some(now)
                if now.revision == seen.saturating_add(1) && now.draft.as_deref() == Some(text.as_str()) =>
            {
                Ok(now)
            }
            Some(now) => Err(Failure::rejected(format!(
                "`{name}` is at revision {}, and not at {seen}: somebody else has changed it",
                now.revision
            ))
            .hint(format!("agents workflow diff {name} shows its draft"))),
        }
    }

    /// Keeps a new one as a draft.
    async fn write_new(&self, name: &str, text: String) -> Result<StoredWorkflow, Failure> {
        if let Some(why) = name_problem(name) {
            return Err(Failure::bad_input(why.replace("a definition", "a workflow")));
        }
        let taken = || {
            Failure::rejected(format!("there is a workflow `{name}` in the store already"))
                .hint(format!("agents workflow update {name} --file FILE changes it"))
        };
        if self.store.workflow(&self.namespace()?, name).await?.is_some() {
            return Err(taken());
        }
        let workspace = place::lasting(&self.here.workspace()).display().to_string();
        let made = self.write(name, Edit::Create { text: text.clone(), workspace }).await?.workflow;
        made.filter(|made| made.revision == 1 && made.draft.as_deref() == Some(text.as_str()))
            .ok_or_else(taken)
    }

    /// The text of a file; `-` is standard input.
    fn text_of(file: &str) -> Result<String, Failure> {
        match file {
            "-" => job_input::standard_input("the workflow"),
            path => job_input::file(path.as_ref(), "the workflow"),
        }
    }
}
