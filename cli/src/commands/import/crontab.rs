//! `agents import crontab`.

use std::path::PathBuf;
use std::time::Duration;

use agents_orchestrator::import::SourceFile;
use agents_orchestrator::import::crontab::{CrontabOptions, read};
use agents_orchestrator::process::tool::Tool;
use clap::Args;

use super::{Manner, carry_out, person_here, refused};
use crate::app::{App, Here};
use crate::failure::{Failure, FailureKind};
use crate::job_input;
use crate::place;

/// How long a program that only tells something may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Import a crontab: each job becomes a definition that runs its command, and a schedule
///
/// Without a file it is your own (`crontab -l`). The crontab itself stays as it is: take the jobs out of it, or they run
/// twice.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents import crontab --dry-run
  agents import crontab backup.cron --zone Europe/Berlin
  ssh server crontab -l | agents import crontab - --dry-run
  agents import crontab /etc/cron.d/shop --system")]
pub struct Crontab {
    /// The file; `-` reads standard input
    file: Option<PathBuf>,
    /// It is one of the system's: each line has a user before its command
    #[arg(long)]
    system: bool,
    #[command(flatten)]
    manner: Manner,
}

impl Crontab {
    /// Imports it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = person_here(app)?;
        let file = self.source(&here).await?;
        let options = CrontabOptions {
            zone: self.manner.zone()?,
            is_system: self.system,
            user: if self.system { Some(user(&here).await?) } else { None },
            home: place::home().map(|home| home.display().to_string()),
        };
        let import = read(&file, &options).map_err(|bad| refused(&[bad], Vec::new()))?;
        carry_out(app, &here, (&import, &self.manner)).await
    }

    async fn source(&self, here: &Here) -> Result<SourceFile, Failure> {
        let (name, text) = match &self.file {
            None => ("crontab".to_owned(), own_crontab(here).await?),
            Some(dash) if dash.as_os_str() == "-" => {
                ("standard input".to_owned(), job_input::standard_input("the crontab")?)
            }
            Some(path) => {
                let text = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
                let text = String::from_utf8(text).map_err(|_| {
                    Failure::bad_input(format!("{} is not UTF-8", path.display()))
                        .hint("convert it, for example with `iconv -t utf-8`")
                })?;
                (path.display().to_string(), text)
            }
        };
        Ok(SourceFile { name, text })
    }
}

async fn own_crontab(here: &Here) -> Result<String, Failure> {
    let ended = Tool::new("crontab", &["-l"], &here.folder, PATIENCE).run().await.map_err(|error| {
        Failure::new(FailureKind::Missing, error.to_string())
            .hint("name a file: agents import crontab <file>")
    })?;
    if ended.code != Some(0) {
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.trim();
        let message = format!("`crontab -l` has failed ({}): {said}", ended.status);
        return Err(Failure::bad_input(message).hint("name a file: agents import crontab <file>"));
    }
    String::from_utf8(ended.stdout).map_err(|_| Failure::bad_input("what `crontab -l` prints is not UTF-8"))
}

/// Who we are.
async fn user(here: &Here) -> Result<String, Failure> {
    let ended = Tool::new("id", &["-un"], &here.folder, PATIENCE)
        .run()
        .await
        .map_err(|error| Failure::failed("asking who we are", error))?;
    Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
}
