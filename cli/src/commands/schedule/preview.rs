//! `agents schedule preview`: the next due times, in the zone and in UTC, and a sentence.

use agents_domain::schedule::Schedule;
use agents_domain::schedule::entry::Terms;
use agents_domain::timestamp::Timestamp;
use clap::Args;
use serde_json::json;

use super::Desk;
use crate::app::App;
use crate::failure::Failure;
use crate::output::schedule::Moments;
use crate::schedule_options::{RuleOptions, WhenOptions, checked};

/// Print the next times at which something is due
///
/// Of a schedule, or of a pattern that need not be stored. With a schedule, the options say what would be if it had them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents schedule preview nightly
  agents schedule preview --cron \"0 9 * * 1,3,5\" --zone America/New_York -n 20
  agents schedule preview --cron \"30 2 * * *\" --zone Europe/Berlin --after 2027-03-27 --json")]
pub struct Preview {
    /// The schedule
    name: Option<String>,
    #[command(flatten)]
    when: WhenOptions,
    /// How many
    #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    number: u32,
    /// The first after this moment, instead of now
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
}

impl Preview {
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let (terms, created) = self.terms(app).await?;
        let times = checked(&terms, created)?;
        let after = match &self.after {
            Some(text) => {
                let moment = times.zone().moment(text);
                moment.map_err(|error| Failure::usage(format!("--after: {error}")))?
            }
            None => app.now(),
        };
        let number = usize::try_from(self.number).unwrap_or(usize::MAX);
        let next = Moments::of(&times.preview(after, number), times.zone());
        let words = times.pattern().in_words_with_zone(times.zone());
        let view = || json!({ "words": words, "zone": times.zone().name(), "next": next });
        app.printer.answer(view, || format!("{words}\n{}", next.lines(app.now())))
    }

    async fn terms(&self, app: &App) -> Result<(Terms, Timestamp), Failure> {
        let rules = RuleOptions::default();
        match &self.name {
            Some(name) => {
                let Schedule { mut terms, created_at, .. } = Desk::open(app).await?.find(name).await?;
                rules.apply(&self.when, &mut terms)?;
                Ok((terms, created_at))
            }
            None if !self.when.has_pattern() => {
                Err(Failure::usage("neither a schedule nor a pattern is given")
                    .hint("agents schedule preview <name>, or --cron \"0 9 * * MON-FRI\""))
            }
            None => {
                let anything = RuleOptions { run: Some("anything".to_owned()), ..rules };
                Ok((anything.terms(&self.when)?, app.now()))
            }
        }
    }
}
