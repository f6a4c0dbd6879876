//! `agents schedule list` and `show`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use agents_domain::schedule::Schedule;
use agents_domain::schedule::schedules::{ScheduleFilter, Schedules};
use agents_domain::start::Start;
use clap::Args;
use serde_json::json;

use super::Desk;
use crate::app::App;
use crate::engine;
use crate::failure::Failure;
use crate::output;
use crate::output::schedule::{Broken, FiringView, Moments, ScheduleView, detail, list};
use crate::schedule_options::checked;

/// How many of the next due times `show` tells.
const NEXT: usize = 5;

/// The schedules, when each is due next, and how the last run ended
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agents schedule list\n  agents schedule list --json | jq '.schedules[].nextRunAt'"
)]
pub struct List {
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
}

/// One schedule: its rules, its next due times, and what was decided for the last ones
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agents schedule show nightly\n  agents schedule show nightly --firings 100 --json"
)]
pub struct Show {
    /// The schedule
    name: String,
    /// How many firings to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    firings: u32,
}

impl List {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let namespace = desk.here.listed_namespace(self.all_namespaces)?;
        let all = desk.store.schedules(&ScheduleFilter { namespace, ..ScheduleFilter::default() }).await?;
        let broken = broken(&desk, &all).await?;
        let views = || {
            let view = |one: &Schedule| ScheduleView::new(one).broken(broken.get(&one.id));
            let views: Vec<ScheduleView> = all.iter().map(view).collect();
            json!({ "schedules": views })
        };
        app.printer.answer(views, || match all.is_empty() {
            true => "there are no schedules; `agents schedule create` makes one\n".to_owned(),
            false => list(&all, &broken, app.now(), self.all_namespaces).render(output::table_width(), ""),
        })
    }
}

impl Show {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let desk = Desk::open(app).await?;
        let schedule = desk.find(&self.name).await?;
        let firings = desk.store.firings(schedule.id, self.firings).await?;
        let next = match checked(&schedule.terms, schedule.created_at) {
            Ok(times) if schedule.standing.is_on() => {
                let after = schedule.progress.decided_until.max(app.now());
                Moments::of(&times.preview(after, NEXT), times.zone())
            }
            Ok(_) | Err(_) => Moments::default(),
        };
        let broken = broken(&desk, std::slice::from_ref(&schedule)).await?;
        let broken = broken.get(&schedule.id);
        let view = || {
            let firings: Vec<FiringView> = firings.iter().map(FiringView::new).collect();
            json!({ "schedule": ScheduleView::new(&schedule).broken(broken), "next": next, "firings": firings })
        };
        app.printer.answer(view, || detail(&schedule, broken, (&next, &firings), app.now()))
    }
}

/// Which of them start a definition that is gone or wrong. Each definition is looked for once.
async fn broken(desk: &Desk<'_>, all: &[Schedule]) -> Result<Broken, Failure> {
    let definitions = engine::definitions(desk.app, &desk.here, Arc::clone(&desk.store))?;
    let mut looked_for = BTreeMap::new();
    let mut broken = Broken::new();
    for schedule in all {
        let Start::Definition { name, params: _ } = &schedule.terms.start else { continue };
        let why = match looked_for.entry((schedule.namespace.as_str(), name.as_str())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let found = definitions.library().find(&schedule.namespace, name).await;
                new.insert(found.err().map(|error| error.to_string()))
            }
        };
        broken.extend(why.clone().map(|why| (schedule.id, why)));
    }
    Ok(broken)
}
