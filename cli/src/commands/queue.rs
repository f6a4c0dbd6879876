//! `agents queue`: what runs, what is ready, what waits, what is blocked.

use agents_domain::priority::Priority;
use agents_domain::schedule::schedules::{ScheduleFilter, Schedules};
use agents_domain::store::Store;
use agents_domain::workflow::Workflows;
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::output;
use crate::output::queue::Shown;
use crate::output::text::{self, GREEN};
use crate::target::{self, Target};

/// How many of the schedules that are due next are shown.
const SCHEDULES: u32 = 3;

/// What runs, what is ready, what waits for what, what is blocked and why
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents queue
  agents queue --all-namespaces
  agents queue --force 099a8057
  agents queue --json | jq '.blocked[].question'")]
pub struct QueueCommand {
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most entries of each list; all that run are always shown
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Have this job or run started next: it becomes immediate, and waits for no moment any more
    #[arg(long, value_name = "JOB|RUN")]
    force: Option<String>,
}

impl QueueCommand {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        if let Some(text) = &self.force {
            return force(app, &here, text).await;
        }
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
        let flows = store.waiting_flows(namespace.as_ref(), self.limit).await?;
        let shown = Shown {
            flows: &flows,
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

/// Whoever waits longest of what is immediate still goes before it.
async fn force(app: &App, here: &Here, text: &str) -> Result<(), Failure> {
    Caller::of_process()?.person_only("change what is done first")?;
    let store = app.store(here).await?;
    let id = match target::job_or_assignment(&store, text).await? {
        Target::Assignment(id) => id,
        Target::Job(id) => {
            let found = store.job(id).await?;
            found
                .map(|(assignment, _)| assignment.id)
                .ok_or_else(|| Failure::failed("reading the job", "it is gone"))?
        }
    };
    let forced = store.force(id).await?;
    if forced == 0 {
        return Err(Failure::rejected(format!("nothing of {} waits", id.short()))
            .hint("`agents queue` shows what does"));
    }
    doorbell::ring(&here.bells()?);
    app.printer.answer(
        || json!({ "assignment": id.to_string(), "priority": Priority::Immediate.as_str(), "jobs": forced }),
        || format!("{} is {} now\n", id.short(), text::colored(GREEN, "immediate")),
    )
}
