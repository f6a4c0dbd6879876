//! Runs a short command to its end and takes what it prints: for git, for `--version`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// What a command printed, if it ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
}

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("`{program}` is not installed or not on PATH")]
    Missing { program: String },
    #[error("`{program}` can't be run: {why}")]
    NotRunnable { program: String, why: String },
    #[error("`{program}` did not end within {} s", limit.as_secs())]
    TimedOut { program: String, limit: Duration },
    #[error("`{program}` failed ({status}): {stderr}")]
    Failed { program: String, status: String, stderr: String },
}

/// Runs a command in a folder and waits for it, for so long at most.
#[allow(clippy::disallowed_methods, reason = "this module is one of those that spawn")]
pub async fn output(
    program: &str,
    args: &[&str],
    folder: &Path,
    limit: Duration,
) -> Result<Output, OutputError> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let program = program.to_owned();
    let ended = match tokio::time::timeout(limit, command.output()).await {
        Err(_) => return Err(OutputError::TimedOut { program, limit }),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(OutputError::Missing { program });
        }
        Ok(Err(error)) => return Err(OutputError::NotRunnable { program, why: error.to_string() }),
        Ok(Ok(ended)) => ended,
    };
    let stderr = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
    if !ended.status.success() {
        return Err(OutputError::Failed { program, status: ended.status.to_string(), stderr });
    }
    Ok(Output { stdout: String::from_utf8_lossy(&ended.stdout).into_owned(), stderr })
}
