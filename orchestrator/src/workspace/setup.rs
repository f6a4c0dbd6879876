//! Makes a new worktree ready: files that git ignores are copied from the main checkout, then the commands of `setup` run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use agents_domain::id::AttemptId;
use agents_domain::store::Claimed;
use agents_domain::worktree::Worktree;

use super::{copy, folder, mark, top};
use crate::process::stop;
use crate::process::tool::{Tool, ToolError};
use crate::settings::WorkspaceSettings;

/// In the worktree's own git folder: it is ready.
const READY: &str = "agents-ready";

/// How much is kept of what a command prints, in bytes.
const LOG_MAX: usize = 1024 * 1024;

/// Why a worktree is not ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    #[error("setup: `{name}` can't be copied from {}: {why}", from.display())]
    Copy { name: String, from: PathBuf, why: String },
    #[error("setup: copying `{name}` was not done when the time for setup was over")]
    Late { name: String },
    #[error("setup: `{command}` {how}; its output is in {}", log.display())]
    Command { command: String, how: String, log: PathBuf },
    #[error("setup: {}: {why}", path.display())]
    Files { path: PathBuf, why: std::io::Error },
}

/// Does what the config says, once for each worktree.
pub(super) async fn run(
    claimed: &Claimed,
    worktree: &Worktree,
    settings: &WorkspaceSettings,
) -> Result<(), SetupError> {
    let files = |path: &Path| {
        let path = path.to_owned();
        move |why| SetupError::Files { path, why }
    };
    let own = folder::git_folders(top(worktree)).into_iter().next().unwrap_or_default();
    let ready = own.join(READY);
    if ready.is_file() || (settings.setup.is_empty() && settings.copy.is_empty()) {
        return Ok(());
    }
    let main = Path::new(&claimed.assignment.workspace);
    let began = Instant::now();
    copy::copy(&settings.copy, (main, Path::new(&worktree.path)), began + settings.setup_timeout).await?;
    let path = mark::beside(worktree, "setup.log");
    let log = File::create(&path).map_err(files(&path))?;
    for command in &settings.setup {
        let left = settings.setup_timeout.saturating_sub(began.elapsed());
        let tool = Tool {
            env: environment(claimed),
            output_max: LOG_MAX,
            log: Some(log.try_clone().map_err(files(&path))?),
            ..Tool::new("sh", &["-c", command], &worktree.path, left)
        };
        let how = run_one(tool, claimed.attempt.id).await;
        if let Some(how) = how {
            return Err(SetupError::Command { command: command.clone(), how, log: path });
        }
    }
    std::fs::write(&ready, "").map_err(files(&ready))
}

/// How it failed, if it did. What it has left running is ended.
async fn run_one(tool: Tool, attempt: AttemptId) -> Option<String> {
    let ended = tool.run().await;
    stop::kill_marked(attempt);
    match ended {
        Ok(ended) if ended.is_success() => None,
        Ok(ended) => Some(format!("failed ({})", ended.status)),
        Err(ToolError::TimedOut { .. }) => Some("was not done when the time for setup was over".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn environment(claimed: &Claimed) -> Vec<(String, String)> {
    vec![
        ("AGENTS_WORKSPACE".to_owned(), claimed.assignment.folder().to_owned()),
        ("AGENTS_REPOSITORY".to_owned(), claimed.assignment.workspace.clone()),
        ("AGENTS_ASSIGNMENT_ID".to_owned(), claimed.assignment.id.to_string()),
        (stop::MARKER.to_owned(), claimed.attempt.id.to_string()),
    ]
}
