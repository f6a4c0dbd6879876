//! Asks a program for its version: is it there, and does it run?

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take to say its version. A CLI on Node needs a second or two on a cold disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a program did not say its version.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no such program.
    #[error("`{program}` is not installed or not on PATH")]
    Missing { program: String },
    /// It is there and can't be run.
    #[error("`{program}` can't be run: {why}")]
    NotRunnable { program: String, why: io::Error },
    /// It ran and failed.
    #[error("`{program}` failed ({status}): {said}")]
    Failed { program: String, status: String, said: String },
    /// It did not end.
    #[error("`{program}` did not answer within {} seconds", PATIENCE.as_secs())]
    TimedOut { program: String },
}

/// Runs the program with these arguments and gives the first line that it prints.
#[allow(clippy::disallowed_methods, reason = "this module is part of the one that spawns")]
pub async fn probe_version(program: &str, args: &[String]) -> Result<String, ProbeError> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true).process_group(0);
    let owned = || program.to_owned();
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ProbeError::Missing { program: owned() });
        }
        Ok(Err(why)) => return Err(ProbeError::NotRunnable { program: owned(), why }),
        Err(_) => return Err(ProbeError::TimedOut { program: owned() }),
    };
    let first_line = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
    };
    if !output.status.success() {
        let (status, said) = (output.status.to_string(), first_line(&output.stderr));
        return Err(ProbeError::Failed { program: owned(), status, said });
    }
    Ok(first_line(&output.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn probe(program: &str, args: &[&str]) -> Result<String, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        probe_version(program, &args).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_program_says_its_version_or_why_it_does_not() {
        assert_eq!(probe("sh", &["-c", "echo; echo ' 1.2 '; echo more"]).await, Ok("1.2".to_owned()));
        let failed = probe("sh", &["-c", "echo broken >&2; exit 3"]).await.unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.ends_with("broken"), "{failed}");
        let missing = probe("no-such-program-anywhere", &[]).await.unwrap_err();
        assert!(missing.contains("is not installed"), "{missing}");
    }
}
