//! The files of a repository that are meant to be definitions, and what is wrong with such a file besides its text: whatever
//! lies in the folder and is called like a definition is one, or is told of.

use std::io;
use std::path::{Path, PathBuf};

use agents_definitions::{At, Problem, name_problem};

/// The folder of a repository's definitions.
pub(super) const FOLDER: &str = ".agents/jobs";

/// The place of what is wrong with a file as a whole.
pub(super) const BEGIN: At = At { line: 1, column: 1 };

/// What to do about a file that can't be read.
pub(super) const HINT: &str = "mend it, or take it out of the folder";

/// The ends of the names of such files.
const EXTENSIONS: [&str; 2] = ["yaml", "yml"];

/// A file that is meant to be a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobFile {
    /// What it is called without its extension.
    pub name: String,
    pub path: PathBuf,
}

/// The files in the folder of a repository that are meant to be definitions. A folder that is not there has none.
pub(super) fn files(workspace: &Path) -> Result<Vec<JobFile>, String> {
    files_in(&workspace.join(FOLDER))
}

/// The YAML files of a folder. One that is not there has none.
pub(super) fn files_in(folder: &Path) -> Result<Vec<JobFile>, String> {
    let unreadable = |error: io::Error| format!("{} can't be read: {error}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push(JobFile { name, path });
        }
    }
    found.sort();
    Ok(found)
}

/// What is wrong with the file itself: its name, or a second file that defines the same.
pub fn file_problems(path: &Path) -> Vec<Problem> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut problems = Vec::new();
    if let Some(why) = name_problem(&stem) {
        problems.push(Problem::new(BEGIN, why, "rename the file: a definition is called like its file"));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !EXTENSIONS.contains(&extension) && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) {
        let why = format!("`.{extension}` is passed over where definitions are looked for");
        problems.push(Problem::new(BEGIN, why, "rename the file: its name ends with .yaml"));
    }
    let others = EXTENSIONS.into_iter().filter(|other| *other != extension);
    for other in others.map(|other| path.with_extension(other)).filter(|other| is_there(other)) {
        let why = format!("{} defines `{stem}` too, so that neither can be run", other.display());
        problems.push(Problem::new(BEGIN, why, "remove or rename one of the two"));
    }
    problems
}

/// Also a link that leads nowhere is there: it is meant to be a file.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The file of the definition of that name, if there is one; two are one too many.
pub(super) fn named(workspace: &Path, name: &str) -> Result<Option<PathBuf>, String> {
    named_in(&workspace.join(FOLDER), name)
}

/// The same in another folder.
pub(super) fn named_in(folder: &Path, name: &str) -> Result<Option<PathBuf>, String> {
    if let Some(why) = name_problem(name) {
        let known = files_in(folder)?.into_iter().find(|file| file.name == name);
        return known
            .map_or(Ok(None), |file| Err(format!("{}: {why}; rename the file", file.path.display())));
    }
    let candidates = EXTENSIONS.map(|extension| folder.join(format!("{name}.{extension}")));
    let mut there = candidates.into_iter().filter(|path| is_there(path));
    match (there.next(), there.next()) {
        (Some(one), Some(other)) => {
            Err(format!("{} and {} are two files of one name: remove one", one.display(), other.display()))
        }
        (first, _) => Ok(first),
    }
}

/// The text of such a file; the error reads after its name.
pub(super) fn text_of(file: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("can't be read: {error}");
    // A pipe would be waited for.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err("is no file".to_owned());
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}
