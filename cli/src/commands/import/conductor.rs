//! `agents import conductor`.

use std::path::PathBuf;

use agents_orchestrator::import::conductor::{ConductorOptions, read};
use clap::Args;

use super::folder::Files;
use super::{Manner, carry_out, person_here, refused};
use crate::app::App;
use crate::commands::usage::{Since, since};
use crate::failure::Failure;

/// Import a folder of hs-conductor: workloads, schedules, and the records of recent runs
///
/// workloads/**/*.yaml become definitions, data/schedules/*.json schedules, data/runs/*/run.json records of runs, which
/// `agents import runs` lists. Schedules begin now: what was due before is hs-conductor's. Stop its service first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents import conductor ~/hs-conductor --dry-run
  agents import conductor ~/hs-conductor --zone America/New_York --runs-since 90d
  agents import conductor ~/hs-conductor --dry-run --json | jq '.notes[]'")]
pub struct Conductor {
    /// Its folder: the one with workloads/ and data/
    folder: PathBuf,
    #[command(flatten)]
    manner: Manner,
    /// Runs that began since then: 12h, 7d, 8w, or a day like 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = since)]
    runs_since: Since,
}

impl Conductor {
    /// Imports it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = person_here(app)?;
        let options =
            ConductorOptions { zone: self.manner.zone()?, runs_since: self.runs_since.before(app.now()) };
        let files = Files::of(app.printer, &self.folder)?;
        match read(&files.folder, &options) {
            Ok(import) if files.unreadable.is_empty() => carry_out(app, &here, (&import, &self.manner)).await,
            Ok(_) => Err(refused(&[], files.unreadable)),
            Err(bad) => Err(refused(&bad, files.unreadable)),
        }
    }
}
