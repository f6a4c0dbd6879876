//! The real `git`, run so that nothing around us and nothing in the repository's own setup changes what it does: no hooks,
//! no signing, no file monitor, no questions, no other repository by the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::locks::{self, Locked};
use super::seal;
use crate::process::tool::{Ended, Tool, ToolError};

/// How long git may take. A checkout of a very large repository on a slow disk takes minutes.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Variables of git that lead it to the user's own setup and keys, not to another repository.
const KEPT: [&str; 14] = [
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_EXEC_PATH",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_TEMPLATE_DIR",
];

/// What holds for every run, whatever the user's or the repository's configuration says.
const RULES: [&str; 10] = [
    "core.hooksPath=/dev/null",
    "commit.gpgSign=false",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.quotePath=false",
    "advice.addEmbeddedRepo=false",
    "submodule.recurse=false",
    // Others, such as agents' own git, hold these for moments only.
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=5000",
];

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("`git {command}` failed in {} ({status}): {said}", folder.display())]
    Failed { command: String, folder: PathBuf, status: String, said: String },
    #[error("`git {command}` was not let in by the lock file {}: {}", lock.path.display(), lock.words)]
    Locked { command: String, lock: Locked },
}

/// Git in one folder.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
    env: Vec<(String, String)>,
    output_max: usize,
    is_unsealed: bool,
}

impl Git {
    /// Git in that folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            env: Vec::new(),
            output_max: crate::process::tool::OUTPUT_MAX,
            is_unsealed: false,
        }
    }

    /// The same with a variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// The same for commits by this author.
    #[must_use]
    pub fn by(self, author: &Author) -> Self {
        let Author { name, mail } = author;
        self.with("GIT_AUTHOR_NAME", name)
            .with("GIT_AUTHOR_EMAIL", mail)
            .with("GIT_COMMITTER_NAME", name)
            .with("GIT_COMMITTER_EMAIL", mail)
    }

    /// The same, keeping at most so many bytes of what it prints.
    #[must_use]
    pub fn at_most(self, output_max: usize) -> Self {
        Self { output_max, ..self }
    }

    /// The same with the repository as it is, whatever was looked at: for what names its folders and runs nothing.
    #[must_use]
    pub(super) fn unsealed(self) -> Self {
        Self { is_unsealed: true, ..self }
    }

    /// Where it runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs it, whatever it comes to.
    pub async fn run(&self, args: &[&str]) -> Result<Ended, GitError> {
        self.run_with(args, Vec::new()).await
    }

    /// Runs it with that input, whatever it comes to.
    pub async fn run_with(&self, args: &[&str], stdin: Vec<u8>) -> Result<Ended, GitError> {
        let rules = RULES.iter().flat_map(|rule| ["-c", rule]);
        let args: Vec<&str> = rules.chain(args.iter().copied()).collect();
        let mut tool = Tool::new("git", &args, &self.folder, LIMIT);
        let ours = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        tool.env_remove =
            ours.filter(|name| name.starts_with("GIT_") && !KEPT.contains(&name.as_str())).collect();
        tool.env = vec![
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
            ("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned()),
            ("LC_ALL".to_owned(), "C".to_owned()),
        ];
        if !self.is_unsealed {
            tool.env.extend(seal::environment(&self.folder));
        }
        tool.env.extend(self.env.iter().cloned());
        tool.stdin = stdin;
        tool.output_max = self.output_max;
        // In a place of its own: what waits for many runs one after the other would be large on the stack.
        Ok(Box::pin(tool.run()).await?)
    }

    /// Runs it; that it does not end well is an error.
    pub async fn must(&self, args: &[&str]) -> Result<Ended, GitError> {
        let ended = self.run(args).await?;
        if ended.is_success() { Ok(ended) } else { Err(self.failed(args, &ended)) }
    }

    /// What it prints, without the end of the last line.
    pub async fn text(&self, args: &[&str]) -> Result<String, GitError> {
        Ok(self.must(args).await?.text())
    }

    /// What it prints; nothing if it does not end well, which is then the answer "there is none".
    pub async fn optional(&self, args: &[&str]) -> Result<Option<String>, GitError> {
        let ended = self.run(args).await?;
        Ok(ended.is_success().then(|| ended.text()).filter(|text| !text.is_empty()))
    }

    /// A yes or no by the exit code 0 or 1.
    pub async fn is(&self, args: &[&str]) -> Result<bool, GitError> {
        let ended = self.run(args).await?;
        match ended.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            Some(_) | None => Err(self.failed(args, &ended)),
        }
    }

    /// The error of a run that did not end well.
    pub fn failed(&self, args: &[&str], ended: &Ended) -> GitError {
        let (command, said) = (args.join(" "), ended.complaint());
        if let Some(lock) = locks::named(&said, &self.folder) {
            return GitError::Locked { command, lock };
        }
        GitError::Failed { command, folder: self.folder.clone(), status: ended.status.clone(), said }
    }
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub mail: String,
}

impl Author {
    /// `Name <mail>`.
    pub fn from_text(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_once('<')?;
        let mail = rest.strip_suffix('>')?.trim();
        let name = name.trim();
        let is_good = |part: &str| !part.is_empty() && !part.contains(['<', '>', '\n', '\0']);
        (is_good(name) && is_good(mail)).then(|| Self { name: name.to_owned(), mail: mail.to_owned() })
    }
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "agents".to_owned(), mail: "agents@localhost".to_owned() }
    }
}

impl std::fmt::Display for Author {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <{}>", self.name, self.mail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_a_name_and_an_address_in_angle_brackets() {
        let author = Author::from_text(" A. Bot <bot@example.org> ").unwrap();
        assert_eq!(author, Author { name: "A. Bot".to_owned(), mail: "bot@example.org".to_owned() });
        assert_eq!(author.to_string(), "A. Bot <bot@example.org>");
        for bad in ["", "bot", "bot@example.org", "<bot@example.org>", "A <>", "A <b> c", "A <b<c>"] {
            assert_eq!(Author::from_text(bad), None, "{bad}");
        }
    }
}
