//! `agents gc`: deletes what has been kept long enough.

use std::sync::Arc;

use agents_domain::namespace::Namespace;
use agents_orchestrator::housekeeping::{Bounds, Mode, Sweep, sweep};
use clap::Args;

use crate::app::App;
use crate::caller::Caller;
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::gc::Shown;
use crate::output::text;
use crate::settings_source::ConfigSettings;

/// Delete what finished assignments have kept long enough: logs, outputs, history, worktrees
///
/// Assignments of every repository, each for as long as its own config says (`retention.logs`, `retention.events`, `retention.workflowHistory`), or
/// only those of `--namespace`. Worktrees go when they are merged, old or too large (`worktrees.keep`, `worktrees.maxBytes`)
/// and have nothing in them that is nowhere else; branches stay. What is active or blocked keeps everything. A runner does this by itself, once an hour.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents gc --dry-run
  agents gc
  agents gc --namespace shop --dry-run --json | jq .bytes

It ends with 1 if something could not be deleted; the rest is.")]
pub struct Gc {
    /// Say what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl Gc {
    /// Cleans up and says what went.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("delete logs")?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let settings = ConfigSettings::new(app.flags.clone(), Environment::of_process(), here.folder.clone());
        let task = Sweep {
            store: Arc::new(store),
            settings: Arc::new(settings),
            data_folder: here.config.data_folder()?,
            database_url: here.config.database_url()?.to_owned(),
            now: app.now(),
            only: asked_for(app)?,
            mode: if self.dry_run { Mode::DryRun } else { Mode::Remove },
            bounds: Bounds::NONE,
        };
        let report = sweep(&task).await?;
        let shown = Shown { report: &report, is_dry_run: self.dry_run };
        app.printer.answer(|| shown.view(), || shown.human())?;
        if report.left.is_empty() {
            return Ok(());
        }
        let what = text::counted(report.left.len(), "thing");
        Err(Failure::new(crate::failure::FailureKind::Failed, format!("{what} could not be cleaned up"))
            .hint("each is named above with its reason; the rest is done"))
    }
}

/// The namespace of the command line, and not that of the folder: what is old is so everywhere.
fn asked_for(app: &App) -> Result<Option<Namespace>, Failure> {
    let Some(name) = &app.flags.namespace else { return Ok(None) };
    Namespace::new(name.clone()).map(Some).map_err(|bad| Failure::bad_input(format!("--namespace: {bad}")))
}
