//! `agents import runs`: the records of runs that ended elsewhere.

use agents_domain::import::{ImportedRunFilter, Imports as _};
use agents_domain::run::RunStatus;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use crate::app::App;
use crate::commands::usage::{Since, since};
use crate::failure::Failure;
use crate::output::import::{run_view, runs};

/// List the imported records of runs, the latest first
///
/// They are kept as they were told. No job, attempt or history stands behind them, and they can't be done again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents import runs
  agents import runs --definition news-digest --status failed --since 8w --json")]
pub struct ImportedRuns {
    /// Only those of this definition
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// Only those that ended so: completed, failed, cancelled; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = ended_parser())]
    status: Vec<RunStatus>,
    /// Only those that began since then: 12h, 7d, 8w, or a day like 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most that are listed
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

fn ended_parser() -> impl TypedValueParser<Value = RunStatus> {
    let ended = RunStatus::ALL.into_iter().filter(|status| status.is_final());
    PossibleValuesParser::new(ended.map(RunStatus::as_str))
        .try_map(|name| RunStatus::from_name(&name).ok_or("no such status"))
}

impl ImportedRuns {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let namespace = here.listed_namespace(self.all_namespaces)?;
        let store = app.store(&here).await?;
        let filter = ImportedRunFilter {
            namespace,
            definition: self.definition,
            status: self.status,
            since: self.since.map(|since| since.before(app.now())),
            limit: Some(self.limit),
        };
        let found = store.imported_runs(&filter).await?;
        let json = || json!({ "runs": found.iter().map(run_view).collect::<Vec<_>>() });
        app.printer.answer(json, || runs(&found, app.now()))
    }
}
