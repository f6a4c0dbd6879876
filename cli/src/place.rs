//! Where we are: the repository around a folder, and the folders of the user. It reads git's own files and
//! starts no git.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use agents_domain::namespace::Namespace;
use agents_orchestrator::start::is_bare;
use etcetera::BaseStrategy;

use crate::failure::Failure;

/// The folder of a repository's own configuration and templates.
pub const FOLDER: &str = ".agents";

/// The name of a configuration file, of a repository and of the user.
pub const CONFIG_FILE: &str = "config.json";

/// The repository, or configured folder, that a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The top folder of this checkout: what agents work in.
    pub root: PathBuf,
    /// The top folder of the main checkout: the same, except in a linked worktree and in a submodule.
    pub main_root: PathBuf,
    /// Whether it is a git repository.
    pub is_git: bool,
}

impl Place {
    /// The nearest folder upwards from `start` that has a configuration or is a git repository.
    pub fn around(start: &Path) -> Option<Self> {
        let root = start
            .ancestors()
            .find(|folder| folder.join(FOLDER).join(CONFIG_FILE).is_file() || is_any_repository(folder))?;
        let dot_git = root.join(".git");
        let is_git = is_any_repository(root);
        let main_root = if dot_git.is_file() { main_checkout(root, &dot_git) } else { None };
        Some(Self { root: root.to_owned(), main_root: main_root.unwrap_or_else(|| root.to_owned()), is_git })
    }

    /// Where a configuration of this repository may be: that of the checkout wins over that of the main one.
    pub fn config_files(&self) -> Vec<PathBuf> {
        self.folders().into_iter().map(|folder| folder.join(CONFIG_FILE)).collect()
    }

    /// Folders with templates of this repository, the one that wins first.
    pub fn template_folders(&self) -> Vec<PathBuf> {
        self.folders().into_iter().map(|folder| folder.join("templates")).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.root.join(FOLDER)];
        if self.main_root != self.root {
            folders.push(self.main_root.join(FOLDER));
        }
        folders
    }

    /// The namespace that the name of the main checkout's folder suggests.
    pub fn derived_namespace(&self) -> Option<Namespace> {
        let name = self.main_root.file_name().and_then(OsStr::to_str)?;
        Namespace::from_folder_name(name.strip_suffix(".git").unwrap_or(name))
    }
}

/// Whether the folder has a `.git` that git would take for one: a file, or a folder with a `HEAD`. Sandboxes leave
/// empty ones where they protect a place.
fn is_repository(folder: &Path) -> bool {
    let dot_git = folder.join(".git");
    dot_git.is_file() || dot_git.join("HEAD").exists()
}

/// The same, or a bare one.
fn is_any_repository(folder: &Path) -> bool {
    is_repository(folder) || is_bare(folder)
}

/// The same folder of the main checkout, if this one is in a linked worktree: that may be removed while the repository stays.
/// One that only the linked worktree has a configuration for stays what it is.
pub fn lasting(folder: &Path) -> PathBuf {
    main_folder(folder).unwrap_or_else(|| folder.to_owned())
}

fn main_folder(folder: &Path) -> Option<PathBuf> {
    let top = folder.ancestors().find(|folder| is_repository(folder))?;
    let text = fs::read_to_string(top.join(".git")).ok()?;
    let git_folder = top.join(text.strip_prefix("gitdir:")?.trim());
    let common = git_folder.join(fs::read_to_string(git_folder.join("commondir")).ok()?.trim());
    let common = fs::canonicalize(common).ok()?;
    let main = match common.file_name() == Some(OsStr::new(".git")) {
        true => common.parent()?.to_owned(),
        false if is_bare(&common) => common,
        // A submodule's, inside of the `.git` around it.
        false => return None,
    };
    let inner = folder.strip_prefix(top).ok()?;
    let is_inner = !inner.as_os_str().is_empty() && main.join(inner).is_dir();
    let main = if is_inner { main.join(inner) } else { main };
    let has_config = |folder: &Path| folder.join(FOLDER).join(CONFIG_FILE).is_file();
    (has_config(&main) || !has_config(folder)).then_some(main)
}

/// The main checkout of what a `.git` file points to: `gitdir: <folder>`; a linked worktree's folder names the
/// common one in `commondir`; a submodule's is inside of the superproject's `.git`.
fn main_checkout(root: &Path, dot_git: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dot_git).ok()?;
    let git_folder = root.join(text.strip_prefix("gitdir:")?.trim());
    let common = match fs::read_to_string(git_folder.join("commondir")) {
        Ok(common) => git_folder.join(common.trim()),
        Err(_) => git_folder,
    };
    let common = fs::canonicalize(common).ok()?;
    match common.ancestors().find(|folder| folder.file_name() == Some(OsStr::new(".git"))) {
        Some(dot_git) => dot_git.parent().map(Path::to_owned),
        // A bare repository, which has no checkout of its own: its folder stands for it.
        None => Some(common),
    }
}

/// The folder that we are in.
pub fn current_folder() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        Failure::bad_input(format!("the current folder can't be read: {error}"))
            .hint("it was probably deleted; `cd` to another one")
    })
}

/// The user's own configuration file, if there is a home folder.
pub fn user_config() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("agents").join(CONFIG_FILE)).filter(|file| file.is_absolute())
}

/// The user's own templates, if there is a home folder.
pub fn user_templates() -> Option<PathBuf> {
    user_config().and_then(|file| file.parent().map(|folder| folder.join("templates")))
}

/// The folder of the database and of the attempts' files, where nothing else is configured.
pub fn default_data_folder() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.data_dir().join("agents")).filter(|folder| folder.is_absolute())
}

/// The key that receipts of checks are signed with, if there is a home folder: where the user's programs keep their state,
/// apart from the store, which agents can write, and from every workspace.
pub fn receipts_key() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.state_dir()?.join("agents").join("receipts.key")).filter(|file| file.is_absolute())
}

/// The home folder, if there is one. An empty HOME is none.
pub fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok().filter(|folder| folder.is_absolute())
}

/// The folder of what lives only as long as this login: the runners' doorbells.
pub fn runtime_folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join("agents"),
        None => std::env::temp_dir().join(format!("agents-{}", rustix::process::getuid().as_raw())),
    }
}

/// A path from a config: `~/` is the home folder, and what is relative is so to `base`.
pub fn absolute(base: &Path, text: &str) -> PathBuf {
    let path = match (text.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_) | None, _) => base.join(text),
    };
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_nearest_config_or_repository_upwards_is_the_place() {
        let temp = tempfile::tempdir().unwrap();
        let repo = temp.path().join("repo");
        write(repo.join(".git/HEAD"), "ref: refs/heads/main\n");
        fs::create_dir_all(repo.join("a/b")).unwrap();
        let expected = Place { root: repo.clone(), main_root: repo.clone(), is_git: true };
        assert_eq!(Place::around(&repo.join("a/b")), Some(expected));
        write(repo.join("a/.agents/config.json"), "{}");
        let inner = repo.join("a");
        assert_eq!(
            Place::around(&repo.join("a/b")),
            Some(Place { root: inner.clone(), main_root: inner, is_git: false })
        );
    }

    #[test]
    fn a_linked_worktree_and_a_submodule_belong_to_the_main_checkout() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        let main = top.join("main");
        write(main.join(".git/worktrees/w/commondir"), "../..\n");
        write(top.join("w/.git"), &format!("gitdir: {}\n", main.join(".git/worktrees/w").display()));
        let worktree = Place::around(&top.join("w")).unwrap();
        assert_eq!((worktree.root.clone(), worktree.main_root.clone()), (top.join("w"), main.clone()));
        assert_eq!(worktree.derived_namespace().unwrap().as_str(), "main");
        assert_eq!(
            worktree.config_files(),
            [top.join("w/.agents/config.json"), main.join(".agents/config.json")]
        );
        fs::create_dir_all(main.join(".git/modules/sub")).unwrap();
        write(main.join("sub/.git"), "gitdir: ../.git/modules/sub\n");
        assert_eq!(Place::around(&main.join("sub")).unwrap().main_root, main);
    }

    #[test]
    fn a_bare_repository_is_a_place_and_the_inside_of_a_git_folder_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let (bare, repo) = (temp.path().join("shop.git"), temp.path().join("repo"));
        for folder in [&bare, &repo.join(".git"), &repo.join(".git/modules/sub")] {
            write(folder.join("HEAD"), "ref: refs/heads/main\n");
            fs::create_dir_all(folder.join("objects")).unwrap();
            fs::create_dir_all(folder.join("refs")).unwrap();
        }
        let found = Place::around(&bare.join("refs")).unwrap();
        assert_eq!(found, Place { root: bare.clone(), main_root: bare, is_git: true });
        assert_eq!(found.derived_namespace().unwrap().as_str(), "shop");
        assert_eq!(Place::around(&repo.join(".git/modules/sub")).unwrap().root, repo);
    }

    #[test]
    fn what_lasts_of_a_linked_worktree_is_the_same_folder_of_the_main_checkout() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        let (main, linked) = (top.join("main"), top.join("w"));
        write(main.join(".git/HEAD"), "ref: refs/heads/main\n");
        write(main.join(".git/worktrees/w/commondir"), "../..\n");
        write(linked.join(".git"), &format!("gitdir: {}\n", main.join(".git/worktrees/w").display()));
        fs::create_dir_all(main.join("both")).unwrap();
        for folder in ["both", "only"] {
            fs::create_dir_all(linked.join(folder)).unwrap();
        }
        let lasts = |name: &str| lasting(&linked.join(name));
        assert_eq!(
            [lasts(""), lasts("both"), lasts("only")],
            [main.clone(), main.join("both"), main.clone()]
        );
        assert_eq!(lasting(&main), main);
        write(linked.join("both/.agents/config.json"), "{}");
        assert_eq!(lasts("both"), linked.join("both"), "the main checkout has no configuration for it");
        write(main.join("both/.agents/config.json"), "{}");
        assert_eq!(lasts("both"), main.join("both"));
        write(main.join("sub/.git"), "gitdir: ../.git/modules/sub\n");
        write(main.join(".git/modules/sub/HEAD"), "ref: refs/heads/main\n");
        assert_eq!(lasting(&main.join("sub")), main.join("sub"), "a submodule is a repository of its own");
    }

    #[test]
    fn a_broken_git_file_is_a_repository_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path().join("repo/.git"), "nonsense");
        let repo = temp.path().join("repo");
        assert_eq!(Place::around(&repo).unwrap().main_root, repo);
    }
}
