//! `agents cooldown`: which harnesses are left alone after a limit, and the end of that by hand.

use agents_domain::store::Store;
use agents_orchestrator::doorbell;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::cooldown::{CooldownView, table};
use crate::output::text::{self, GREEN};
use crate::settings_source::{harness_names, worker_names};
use crate::suggestion;

/// Harnesses that cool down after a limit: list them, lift one
///
/// When a CLI says that a limit is reached, no runner starts a job with that harness until the limit is over. Lift it when
/// you know better: after a larger plan, with another account.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents cooldown list
  agents cooldown lift claude")]
pub struct CooldownArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which harnesses cool down, until when, and how many jobs wait for each
    #[command(after_help = "Examples:\n  agents cooldown list --json")]
    List,
    /// End a cool-down at once
    #[command(after_help = "Examples:\n  agents cooldown lift claude")]
    Lift {
        /// The harness
        harness: String,
    },
}

impl CooldownArgs {
    /// Lists or lifts.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::List => list(app).await,
            What::Lift { harness } => lift(app, &harness).await,
        }
    }
}

async fn list(app: &App) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let lines = store.cooldowns(None).await?;
    let views = || {
        let views: Vec<CooldownView<'_>> = lines.iter().map(CooldownView::from).collect();
        json!({ "cooldowns": views })
    };
    app.printer.answer(views, || match lines.is_empty() {
        true => "no harness cools down\n".to_owned(),
        false => table(&lines, &here.config.fallbacks(), app.now()).render(output::width(), ""),
    })
}

async fn lift(app: &App, harness: &str) -> Result<(), Failure> {
    Caller::of_process()?.person_only("lift a cool-down")?;
    let here = app.here()?;
    let store = app.store(&here).await?;
    let lifted = store.lift_cooldown(harness).await?;
    let mut known = harness_names(&here.config);
    known.extend(worker_names(&here.config));
    // One that this config does not know may cool down all the same: the store is that of other repositories too.
    if lifted.is_none() && !known.iter().any(|name| name == harness) {
        return Err(Failure::new(FailureKind::NotFound, format!("there is no harness `{harness}`"))
            .hint(suggestion::did_you_mean(harness, &known, "there are")));
    }
    doorbell::ring(&here.bells()?);
    let was_until = lifted.as_ref().map(|cooldown| cooldown.until.to_string());
    let answer = || json!({ "harness": harness, "lifted": lifted.is_some(), "wasUntil": was_until });
    app.printer.answer(answer, || match &lifted {
        Some(_) => format!("{} of {harness}; its jobs go on\n", text::colored(GREEN, "lifted the cool-down")),
        None => format!("{harness} does not cool down; nothing has changed\n"),
    })
}
