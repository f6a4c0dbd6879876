//! `agents subscription`: which events start what.

use std::collections::BTreeMap;

use agents_domain::happening::EventPattern;
use agents_domain::id::SubscriptionId;
use agents_domain::start::Start;
use agents_domain::subscription::{Subscription, SubscriptionLine, Subscriptions};
use agents_orchestrator::doorbell;
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::trigger::expression;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::subscription::{ReactionView, SubscriptionView, detail, table};
use crate::output::text::{self, GREEN};
use crate::place;
use crate::suggestion;

/// How many of its latest reactions `show` shows.
const SHOWN: u32 = 20;

/// Have events start runs: create, list, show, enable, disable, delete
///
/// A runner of the repository reacts. A subscription sees what happens after it was created, and each event once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents subscription create notes --on deploy.done --where 'event.data.branch == \"main\"' --run release-notes --map version='{{ event.data.version }}'
  agents subscription create rescue --on run.failed --create \"Find out why {{ params.what }} failed\" --map what='{{ event.data.definition }}'
  agents subscription list")]
pub struct SubscriptionArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Start something whenever such an event happens
    #[command(after_help = "Examples:\n  agents subscription create nightly-fix --on run.failed --run fix")]
    Create(Create),
    /// All of the repository
    #[command(after_help = "Examples:\n  agents subscription list --json")]
    List {
        /// Those of every repository
        #[arg(long, conflicts_with = "namespace")]
        all_namespaces: bool,
    },
    /// One, with what it has done lately and its last trouble
    #[command(after_help = "Examples:\n  agents subscription show notes")]
    Show {
        /// Its name
        name: String,
    },
    /// Have it react again, from now on
    #[command(after_help = "Examples:\n  agents subscription enable notes")]
    Enable {
        /// Its name
        name: String,
    },
    /// Have it react to nothing until it is enabled
    #[command(after_help = "Examples:\n  agents subscription disable notes")]
    Disable {
        /// Its name
        name: String,
    },
    /// Take it away; the runs that it has started stay
    #[command(after_help = "Examples:\n  agents subscription delete notes")]
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name, of its own in this repository
    name: String,
    /// Which events: `*` is any text within a word, `**` any number of words
    #[arg(long, value_name = "PATTERN")]
    on: String,
    /// An expression over `event` that must hold
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// Run this definition
    #[arg(long, value_name = "DEFINITION", required_unless_present_any = ["create", "workflow"], conflicts_with = "create")]
    run: Option<String>,
    /// Create an assignment for a PM, with this north star
    #[arg(long, value_name = "NORTH STAR")]
    create: Option<String>,
    /// Start this workflow
    #[arg(long, value_name = "WORKFLOW", conflicts_with_all = ["run", "create"])]
    workflow: Option<String>,
    /// A param that is always the same
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// A param that is made out of the event: a template over `event`
    #[arg(long = "map", value_name = "KEY=TEMPLATE")]
    map: Vec<String>,
}

impl SubscriptionArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Create(create) => create.run(app).await,
            What::List { all_namespaces } => list(app, all_namespaces).await,
            What::Show { name } => show(app, &name).await,
            What::Enable { name } => enable(app, &name, Switch::On).await,
            What::Disable { name } => enable(app, &name, Switch::Off).await,
            What::Delete { name } => delete(app, &name).await,
        }
    }
}

impl Create {
    async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("create a subscription")?;
        refuse_name(&self.name)?;
        let pattern = EventPattern::new(&self.on).map_err(|bad| Failure::usage(format!("--on: {bad}")))?;
        let params = pairs("--param", &self.params)?;
        let mapping = pairs("--map", &self.map)?;
        if let Some(both) = mapping.keys().find(|key| params.contains_key(*key)) {
            return Err(Failure::usage(format!("param `{both}` is given by --param and by --map")));
        }
        expression::check(self.filter.as_deref(), &mapping).map_err(|error| {
            Failure::usage(error.to_string()).hint(
                "`event` has name, data, source, at, id, namespace: --where 'event.data.branch == \"main\"'",
            )
        })?;
        let params: Map<String, Value> = params.into_iter().map(|(key, value)| (key, value.into())).collect();
        let params = Value::Object(params).to_string();
        let start = match (self.run, self.workflow, self.create) {
            (Some(name), _, _) => Start::Definition { name, params },
            (None, Some(name), _) => Start::Workflow { name, params },
            (None, None, Some(template)) if !template.trim().is_empty() => {
                Start::NorthStar { template, params }
            }
            (None, None, _) => {
                return Err(Failure::usage("the north star is empty").hint("say what you want done"));
            }
        };
        let here = app.here()?;
        let store = app.store(&here).await?;
        let new = Subscription {
            id: SubscriptionId::new(app.ids.next()),
            namespace: here.namespace()?.namespace,
            name: self.name,
            pattern,
            filter: self.filter,
            mapping,
            start,
            is_enabled: true,
            created_at: app.now(),
        };
        let root = place::lasting(&here.workspace()).display().to_string();
        if !store.create_subscription(new.clone(), &root).await? {
            return Err(Failure::rejected(format!("there is a subscription `{}` already", new.name)).hint(
                format!(
                    "`agents subscription show {0}` shows it, `agents subscription delete {0}` takes it away",
                    new.name
                ),
            ));
        }
        let line = SubscriptionLine { subscription: new, started: 0, last: None, last_error: None };
        let name = &line.subscription.name;
        app.printer.answer(
            || SubscriptionView::from(&line),
            || format!("{} subscription {name}\n", text::colored(GREEN, "created")),
        )
    }
}

/// A name that can be typed, and told from an option.
pub fn refuse_name(name: &str) -> Result<(), Failure> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if begins && name.len() <= 100 && name.chars().all(is_good) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` can be no name"))
        .hint("use 1 to 100 letters, digits, `.`, `_` and `-`, beginning with a letter or digit"))
}

fn pairs(option: &str, given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for text in given {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| {
            Failure::usage(format!("{option} `{text}` is no key with a value"))
                .hint(format!("{option} branch=main"))
        })?;
        if all.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("{option} names `{key}` twice")));
        }
    }
    Ok(all)
}

async fn list(app: &App, all_namespaces: bool) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let lines = store.subscriptions(here.listed_namespace(all_namespaces)?.as_ref()).await?;
    let views = || json!({ "subscriptions": lines.iter().map(SubscriptionView::from).collect::<Vec<_>>() });
    app.printer.answer(views, || match lines.is_empty() {
        true => "there are no subscriptions\n".to_owned(),
        false => table(&lines, app.now()).render(output::width(), ""),
    })
}

async fn show(app: &App, name: &str) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let line = find(&store, &here, name).await?;
    let reactions = store.reactions(line.subscription.id, SHOWN).await?;
    let json = || {
        let reactions: Vec<ReactionView<'_>> = reactions.iter().map(ReactionView::from).collect();
        json!({ "subscription": SubscriptionView::from(&line), "reactions": reactions })
    };
    app.printer.answer(json, || detail(&line, &reactions, (app.now(), output::width())))
}

/// Whether it reacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

async fn enable(app: &App, name: &str, to: Switch) -> Result<(), Failure> {
    Caller::of_process()?.person_only("change a subscription")?;
    let here = app.here()?;
    let store = app.store(&here).await?;
    let line = find(&store, &here, name).await?;
    store.enable_subscription(line.subscription.id, to == Switch::On).await?;
    doorbell::ring(&here.bells()?);
    let done = if to == Switch::On { "enabled" } else { "disabled" };
    app.printer.answer(
        || json!({ "name": name, "enabled": to == Switch::On }),
        || format!("{} subscription {name}\n", text::colored(GREEN, done)),
    )
}

async fn delete(app: &App, name: &str) -> Result<(), Failure> {
    Caller::of_process()?.person_only("delete a subscription")?;
    let here = app.here()?;
    let store = app.store(&here).await?;
    let line = find(&store, &here, name).await?;
    store.delete_subscription(line.subscription.id).await?;
    app.printer.answer(
        || json!({ "name": name, "deleted": true }),
        || format!("{} subscription {name}\n", text::colored(GREEN, "deleted")),
    )
}

async fn find(store: &SqlStore, here: &Here, name: &str) -> Result<SubscriptionLine, Failure> {
    let mut lines = store.subscriptions(Some(&here.namespace()?.namespace)).await?;
    let place = lines.iter().position(|line| line.subscription.name == name);
    place.map(|place| lines.swap_remove(place)).ok_or_else(|| {
        let known: Vec<String> = lines.iter().map(|line| line.subscription.name.clone()).collect();
        Failure::new(FailureKind::NotFound, format!("there is no subscription `{name}`"))
            .hint(suggestion::did_you_mean(name, &known, "there are"))
    })
}
