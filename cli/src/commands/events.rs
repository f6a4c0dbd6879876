//! `agents events`: what has happened, the oldest first.

use std::time::Duration;

use agents_domain::happening::{EventPattern, Happening, HappeningFilter, Happenings};
use agents_orchestrator::store::SqlStore;
use clap::Args;
use serde_json::json;

use super::usage::{Since, since};
use crate::app::App;
use crate::failure::Failure;
use crate::output::happening::{HappeningView, line, table};
use crate::output::{self, Form};

/// How often it is looked for more, while somebody follows.
const PAUSE: Duration = Duration::from_millis(300);

/// List what has happened: what was emitted and received, and what the orchestrator tells of itself
///
/// Events are kept for 30 days.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents events
  agents events --name 'run.*' --since 12h
  agents events --follow --json | jq -r .name")]
pub struct Events {
    /// Only those with such a name: `*` is any text within a word, `**` any number of words
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Only those since then: 12h, 7d, 8w, or a day like 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Go on with what happens, until Ctrl-C; with --json a line each
    #[arg(long)]
    follow: bool,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The latest so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Events {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let pattern = self.name.map(EventPattern::new).transpose();
        let pattern = pattern.map_err(|bad| Failure::usage(format!("--name: {bad}")))?;
        let here = app.here()?;
        let filter = HappeningFilter {
            namespace: here.listed_namespace(self.all_namespaces)?,
            pattern,
            since: self.since.map(|since| since.before(app.now())),
            after: None,
            limit: Some(self.limit),
        };
        let store = app.store(&here).await?;
        let found = store.happenings(&filter).await?;
        if self.follow {
            return follow(app, &store, (filter, found)).await;
        }
        let json = || json!({ "events": found.iter().map(HappeningView::from).collect::<Vec<_>>() });
        app.printer.answer(json, || match found.is_empty() {
            true => "nothing has happened\n".to_owned(),
            false => table(&found, app.now()).render(output::width(), ""),
        })
    }
}

/// What there is, and then what comes.
async fn follow(
    app: &App,
    store: &SqlStore,
    (mut filter, mut found): (HappeningFilter, Vec<Happening>),
) -> Result<(), Failure> {
    filter.limit = None;
    filter.after = Some(0);
    loop {
        for happening in &found {
            let said = match app.printer.form {
                Form::Human => line(happening, output::width()),
                Form::Json => {
                    let view = HappeningView::from(happening);
                    serde_json::to_string(&view).map_err(|error| Failure::failed("making JSON", error))?
                        + "\n"
                }
            };
            app.printer.text(&said)?;
        }
        filter.after = found.last().map(|last| last.seq).or(filter.after);
        tokio::time::sleep(PAUSE).await;
        found = store.happenings(&filter).await?;
    }
}
