//! The definitions that there are: files of the repository in `.agents/jobs`, and those of the store. Where both have a name,
//! the file's holds, since it is what the repository's history knows.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agents_definitions::{Definition, Problem, Problems, name_problem, read, suggestion};
use agents_domain::definition::StoredDefinition;
use agents_domain::namespace::Namespace;
use agents_domain::start::StartError;
use agents_domain::store::{Store, StoreError};

use super::job_file::{self, FOLDER, JobFile, text_of};
use super::{Home, problem};

/// How many definitions are kept as they were read.
const KEPT: usize = 1000;

/// Where a definition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    /// In the store, with that revision.
    Store(u32),
}

/// A definition that can be run.
#[derive(Debug, Clone)]
pub struct Found {
    pub definition: Arc<Definition>,
    pub origin: Origin,
    pub text: String,
    /// The folder that its runs work in.
    pub workspace: PathBuf,
    /// There is one of that name in the store too, and the file's holds.
    pub hides_stored: bool,
}

/// A definition in a list; one that is wrong is there too.
#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub origin: Origin,
    pub text: String,
    pub read: Result<Arc<Definition>, Problems>,
    /// There is one of that name in the store too, and the file's holds.
    pub hides_stored: bool,
}

/// The definitions of each namespace.
#[allow(missing_debug_implementations, reason = "a store has nothing to show")]
pub struct Library {
    store: Arc<dyn Store>,
    here: Option<Home>,
    kept: Mutex<HashMap<(String, String), Kept>>,
}

/// A definition as it was read, by its source and its name; the text says whether it is still so.
type Kept = (String, Arc<Definition>);

fn unreachable_store(error: &StoreError) -> StartError {
    problem(error.to_string())
}

impl Library {
    pub(super) fn new(store: Arc<dyn Store>, here: Option<Home>) -> Self {
        Self { store, here, kept: Mutex::new(HashMap::new()) }
    }

    /// The folder that the runs of a namespace work in.
    pub async fn workspace(&self, namespace: &Namespace) -> Result<PathBuf, StartError> {
        self.known_workspace(namespace).await?.ok_or_else(|| {
            problem(format!(
                "nobody knows where namespace {namespace} is: start it from its repository, or start a runner there"
            ))
        })
    }

    pub(super) async fn known_workspace(&self, namespace: &Namespace) -> Result<Option<PathBuf>, StartError> {
        let here = self.here.as_ref().filter(|here| here.namespace == *namespace);
        if let Some(here) = here.filter(|here| here.is_own) {
            return Ok(Some(here.folder.clone()));
        }
        let root = self.store.namespace_root(namespace).await.map_err(|error| unreachable_store(&error))?;
        Ok(root.map(PathBuf::from).or_else(|| here.map(|here| here.folder.clone())))
    }

    /// The definition of that name.
    pub async fn find(&self, namespace: &Namespace, name: &str) -> Result<Found, StartError> {
        let stored =
            self.store.definition(namespace, name).await.map_err(|error| unreachable_store(&error))?;
        let workspace = match self.known_workspace(namespace).await? {
            Some(workspace) => Some(workspace),
            None => stored.as_ref().map(|stored| PathBuf::from(&stored.workspace)),
        };
        let workspace = match workspace {
            Some(workspace) => workspace,
            None => self.workspace(namespace).await?,
        };
        if let Some(file) = job_file::named(&workspace, name).map_err(problem)? {
            let text = text_of(&file).map_err(|why| problem(format!("{} {why}", file.display())))?;
            let definition =
                self.read(&text, &shown(&workspace, &file), name).map_err(|why| problem(why.to_string()))?;
            let hides_stored = stored.is_some();
            return Ok(Found { definition, origin: Origin::File(file), text, workspace, hides_stored });
        }
        let Some(StoredDefinition { text, revision, .. }) = stored else {
            return Err(self.unknown(namespace, (name, &workspace)).await);
        };
        let definition = self.read(&text, name, name).map_err(|why| problem(why.to_string()))?;
        Ok(Found { definition, origin: Origin::Store(revision), text, workspace, hides_stored: false })
    }

    async fn unknown(&self, namespace: &Namespace, (name, workspace): (&str, &Path)) -> StartError {
        let listed = self.list(namespace).await.unwrap_or_default();
        let names = listed.into_iter().map(|listed| listed.name);
        let names: Vec<String> = names.filter(|name| name_problem(name).is_none()).collect();
        let hint = match names.is_empty() {
            true => format!("write {}", workspace.join(FOLDER).join(format!("{name}.yaml")).display()),
            false => suggestion::did_you_mean(name, &names, "there are"),
        };
        StartError::unknown(format!("there is no definition `{name}` in {namespace}: {hint}"))
    }

    /// All definitions of a namespace, by name; also files that can't be read, and those of which two have one name.
    pub async fn list(&self, namespace: &Namespace) -> Result<Vec<Listed>, StartError> {
        let stored = self.store.definitions(namespace).await.map_err(|error| unreachable_store(&error))?;
        let mut all: BTreeMap<String, Listed> = BTreeMap::new();
        for StoredDefinition { name, text, revision, .. } in stored {
            let read = self.read(&text, &name, &name);
            let origin = Origin::Store(revision);
            all.insert(name.clone(), Listed { name, origin, text, read, hides_stored: false });
        }
        let files = match self.known_workspace(namespace).await? {
            Some(workspace) => self.files(&workspace)?,
            None => Vec::new(),
        };
        let hidden: Vec<String> =
            files.iter().map(|file| file.name.clone()).filter(|name| all.remove(name).is_some()).collect();
        let mut listed: Vec<Listed> = all.into_values().collect();
        listed.extend(
            files.into_iter().map(|file| Listed { hides_stored: hidden.contains(&file.name), ..file }),
        );
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    fn files(&self, workspace: &Path) -> Result<Vec<Listed>, StartError> {
        let listed = |JobFile { name, path }: JobFile| {
            let source = shown(workspace, &path);
            let mut problems = job_file::file_problems(&path);
            let (text, read) = match text_of(&path) {
                Ok(text) => (text.clone(), self.read(&text, &source, &name)),
                Err(why) => {
                    problems.push(Problem::new(job_file::BEGIN, format!("it {why}"), job_file::HINT));
                    (String::new(), Err(Problems::new(&source, "", Vec::new())))
                }
            };
            let read = match (read, problems.is_empty()) {
                (read, true) => read,
                (Ok(_), false) => Err(Problems::new(&source, &text, problems)),
                (Err(known), false) => {
                    problems.extend(known.problems);
                    Err(Problems::new(&source, &text, problems))
                }
            };
            Listed { name, origin: Origin::File(path), text, read, hides_stored: false }
        };
        Ok(job_file::files(workspace).map_err(problem)?.into_iter().map(listed).collect())
    }

    fn read(&self, text: &str, source: &str, name: &str) -> Result<Arc<Definition>, Problems> {
        let key = (source.to_owned(), name.to_owned());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, definition)) = kept.get(&key).filter(|(known, _)| known == text) {
            return Ok(Arc::clone(definition));
        }
        let definition = Arc::new(read(text, source, name)?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, (text.to_owned(), Arc::clone(&definition)));
        Ok(definition)
    }
}

pub(super) fn shown(workspace: &Path, file: &Path) -> String {
    file.strip_prefix(workspace).unwrap_or(file).display().to_string()
}
