//! `agents queue`: what runs, what is ready, what waits, what is blocked.

use agents_domain::schedule::schedules::{ScheduleFilter, Schedules};
use agents_domain::store::Store;
use clap::Args;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::queue::Shown;

/// How many of the schedules that are due next are shown.
const SCHEDULES: u32 = 3;

/// What runs, what is ready, what waits for what, what is blocked and why
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents queue
  agents queue --all-namespaces
  agents queue --json | jq '.blocked[].question'")]
pub struct QueueCommand {
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most entries of each list; all that run are always shown
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl QueueCommand {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let namespace = here.listed_namespace(self.all_namespaces)?;
        let store = app.store(&here).await?;
        let fallbacks = here.config.fallbacks();
        let mut queue = store.queue(namespace.as_ref(), &fallbacks, self.limit).await?;
        if let Ok(own) = here.namespace() {
            let day = here.config.terms().day;
            output::queue::hold_against(&mut queue, (&own.namespace, &day), (&fallbacks, app.now()));
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let filter = ScheduleFilter {
            namespace: namespace.clone(),
            next_first: true,
            limit: Some(SCHEDULES),
            ..ScheduleFilter::default()
        };
        let schedules = store.schedules(&filter).await?;
        let shown = Shown {
            schedules: &schedules,
            queue: &queue,
            fallbacks: &fallbacks,
            now: app.now(),
            namespace: namespace.as_ref(),
            limit,
        };
        app.printer.answer(|| shown.view(), || shown.human(output::width()))
    }
}
