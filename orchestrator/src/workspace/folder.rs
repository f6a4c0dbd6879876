//! The folder that agents work in. Looks at files only; starts no git.

use std::path::{Path, PathBuf};

/// The git folders that a commit in this workspace writes to: `.git`, and for a linked worktree its own git
/// folder and the common one (gitrepository-layout(5)). Empty if it is no repository.
pub fn git_folders(workspace: &Path) -> Vec<PathBuf> {
    let Some(entry) = workspace.ancestors().map(|folder| folder.join(".git")).find(|entry| entry.exists())
    else {
        return Vec::new();
    };
    if entry.is_dir() {
        return vec![entry];
    }
    let Some(own) = linked_folder(&entry) else { return Vec::new() };
    let common = std::fs::read_to_string(own.join("commondir")).ok().map(|text| own.join(text.trim()));
    let mut folders = vec![own];
    folders.extend(common.and_then(|common| common.canonicalize().ok()));
    folders
}

/// The git folder that all working trees of a repository share; also of one that has no working tree itself.
pub fn common(workspace: &Path) -> Option<PathBuf> {
    let found = match bare(workspace) {
        Some(bare) => Some(bare),
        None => git_folders(workspace).pop(),
    };
    found.and_then(|found| found.canonicalize().ok())
}

/// The git folder of the working tree around that folder, or the bare repository's.
pub(super) fn own(workspace: &Path) -> Option<PathBuf> {
    let found = bare(workspace).or_else(|| git_folders(workspace).into_iter().next());
    found.and_then(|found| found.canonicalize().ok())
}

/// The top of the working tree around that folder.
pub(super) fn tree_top(workspace: &Path) -> Option<PathBuf> {
    let top = || workspace.ancestors().find(|folder| folder.join(".git").exists());
    if bare(workspace).is_some() { None } else { top().map(Path::to_owned) }
}

/// The bare repository around that folder, if no working tree is nearer.
fn bare(workspace: &Path) -> Option<PathBuf> {
    let is_bare = |folder: &Path| folder.join("HEAD").is_file() && folder.join("objects").is_dir();
    let nearest = workspace.ancestors().find(|folder| folder.join(".git").exists() || is_bare(folder))?;
    (!nearest.join(".git").exists()).then(|| nearest.to_owned())
}

/// The folder that a `.git` file names.
pub(super) fn linked_folder(file: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).ok()?;
    let path = Path::new(text.strip_prefix("gitdir:")?.trim());
    file.parent()?.join(path).canonicalize().ok()
}

/// The repository's own instructions for agents, for a CLI that would not read them by itself.
pub fn agent_instructions(workspace: &Path) -> Option<PathBuf> {
    ["CLAUDE.md", ".claude/CLAUDE.md"].iter().map(|name| workspace.join(name)).find(|path| path.is_file())
}
