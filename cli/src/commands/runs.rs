//! `agents runs`: the list of them, the latest first.

use agents_domain::run::{RunFilter, RunStatus, Runs as _, TriggerKind};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::App;
use crate::commands::usage::{Since, since};
use crate::failure::Failure;
use crate::output::run::{self, RunView};

/// List runs, the latest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents runs
  agents runs --definition nightly-backup --status failed --since 7d
  agents runs --trigger schedule --json | jq '.runs[] | {id, status}'")]
pub struct Runs {
    /// Only those of this definition
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// Only those with this status; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status_parser())]
    status: Vec<RunStatus>,
    /// Only those that this kind of trigger has started
    #[arg(long, value_name = "KIND", value_parser = trigger_parser())]
    trigger: Option<TriggerKind>,
    /// Only those that were made since then: 12h, 7d, 8w, or a day like 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most that are listed
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

fn status_parser() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::as_str))
        .try_map(|name| RunStatus::from_name(&name).ok_or("no such status"))
}

fn trigger_parser() -> impl TypedValueParser<Value = TriggerKind> {
    PossibleValuesParser::new(TriggerKind::ALL.map(TriggerKind::as_str))
        .try_map(|name| TriggerKind::from_name(&name).ok_or("no such trigger"))
}

impl Runs {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let namespace = here.listed_namespace(self.all_namespaces)?;
        let store = app.store(&here).await?;
        let filter = RunFilter {
            namespace,
            definition: self.definition,
            status: self.status,
            trigger: self.trigger,
            started_by: None,
            since: self.since.map(|since| since.before(app.now())),
            limit: Some(self.limit),
        };
        let lines = store.runs(&filter).await?;
        let json = || {
            let views: Vec<RunView<'_>> = lines.iter().map(|line| RunView::new(line, Vec::new())).collect();
            serde_json::json!({ "runs": views })
        };
        app.printer.answer(json, || run::list(&lines, app.now(), self.all_namespaces))
    }
}
