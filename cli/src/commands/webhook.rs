//! `agents webhook`: addresses that receive requests, and what they have received.

use agents_domain::happening::EventName;
use agents_domain::id::{DeliveryId, HappeningId, WebhookId};
use agents_domain::webhook::{
    Delivery, NewDelivery, Received, SignatureScheme, Webhook, WebhookLine, Webhooks,
};
use agents_orchestrator::doorbell;
use agents_orchestrator::store::SqlStore;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;

use super::subscription::refuse_name;
use crate::app::{App, Here};
use crate::caller::Caller;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::text::{self, GREEN};
use crate::output::webhook::{DeliveryView, WebhookView, deliveries, table};
use crate::place;
use crate::suggestion;
use crate::webhook_server::delivery_data;

/// Receive requests of other systems as events: create, list, show, delete, deliveries, replay
///
/// `agents serve --webhooks` receives them. Each has a secret, in a variable of the server's environment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents webhook create github --path /github --secret-env GITHUB_WEBHOOK_SECRET --scheme github
  agents subscription create on-push --on webhook.github --where 'event.data.headers[\"x-github-event\"] == \"push\"' --run test
  agents serve --webhooks")]
pub struct WebhookArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A new address
    #[command(
        after_help = "Examples:\n  agents webhook create ci --path /ci --secret-env CI_SECRET --event ci.done"
    )]
    Create(Create),
    /// All of the repository
    #[command(after_help = "Examples:\n  agents webhook list")]
    List {
        /// Those of every repository
        #[arg(long, conflicts_with = "namespace")]
        all_namespaces: bool,
    },
    /// One, with what it has received lately
    #[command(after_help = "Examples:\n  agents webhook show github")]
    Show {
        /// Its name
        name: String,
    },
    /// Take it away with all that it has received
    #[command(after_help = "Examples:\n  agents webhook delete github")]
    Delete {
        /// Its name
        name: String,
    },
    /// What was received, the latest first
    #[command(
        after_help = "Examples:\n  agents webhook deliveries github --json | jq -r '.deliveries[0].body'"
    )]
    Deliveries {
        /// Of this webhook alone
        name: Option<String>,
        /// The most that are listed
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Have a request happen once more, as if it were received now
    #[command(after_help = "Examples:\n  agents webhook replay 099a8057")]
    Replay {
        /// The delivery's id, or the beginning or the end of it
        delivery: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name, of its own in this repository
    name: String,
    /// The path of its address
    #[arg(long, value_name = "/PATH")]
    path: String,
    /// The variable that holds its secret where `agents serve` runs
    #[arg(long, value_name = "NAME")]
    secret_env: String,
    /// How requests are signed: as GitHub does, or as Standard Webhooks says
    #[arg(long, value_name = "SCHEME", default_value = "generic", value_parser = scheme_parser())]
    scheme: SignatureScheme,
    /// The event that a request happens as [default: webhook.<name>]
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
}

/// Reads the name of a scheme.
pub fn scheme_parser() -> impl TypedValueParser<Value = SignatureScheme> {
    PossibleValuesParser::new(SignatureScheme::ALL.map(SignatureScheme::as_str))
        .try_map(|name| SignatureScheme::from_name(&name).ok_or("no such scheme"))
}

impl WebhookArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Create(create) => create.run(app).await,
            What::List { all_namespaces } => list(app, all_namespaces).await,
            What::Show { name } => show(app, &name).await,
            What::Delete { name } => delete(app, &name).await,
            What::Deliveries { name, limit } => received(app, (name.as_deref(), limit)).await,
            What::Replay { delivery } => replay(app, &delivery).await,
        }
    }
}

impl Create {
    async fn run(self, app: &App) -> Result<(), Failure> {
        Caller::of_process()?.person_only("create a webhook")?;
        refuse_name(&self.name)?;
        refuse_path(&self.path)?;
        refuse_variable(&self.secret_env)?;
        let event = self.event.unwrap_or_else(|| format!("webhook.{}", self.name));
        let event = EventName::new(event).map_err(|bad| Failure::usage(format!("--event: {bad}")))?;
        let here = app.here()?;
        let store = app.store(&here).await?;
        let new = Webhook {
            id: WebhookId::new(app.ids.next()),
            namespace: here.namespace()?.namespace,
            name: self.name,
            path: self.path,
            secret_env: self.secret_env,
            scheme: self.scheme,
            event,
            created_at: app.now(),
        };
        let root = place::lasting(&here.workspace()).display().to_string();
        if !store.create_webhook(new.clone(), &root).await? {
            let why = match store.webhook_at(&new.path).await? {
                Some(other) => {
                    format!("{} belongs to webhook `{}` of {} already", new.path, other.name, other.namespace)
                }
                None => format!("there is a webhook `{}` already", new.name),
            };
            return Err(
                Failure::rejected(why).hint("`agents webhook list --all-namespaces` shows all of them")
            );
        }
        let line = WebhookLine {
            webhook: new,
            received: 0,
            refused: 0,
            last_received_at: None,
            last_refused_at: None,
        };
        let Webhook { name, secret_env, .. } = &line.webhook;
        app.printer.answer(
            || WebhookView::from(&line),
            || {
                let done = text::colored(GREEN, "created");
                format!("{done} webhook {name}\n  set {secret_env}, then: agents serve --webhooks\n")
            },
        )
    }
}

/// Refuses what can't be the path of an address.
pub fn refuse_path(path: &str) -> Result<(), Failure> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    if path.len() > 1 && path.len() <= 200 && path.starts_with('/') && path.chars().all(is_good) {
        return Ok(());
    }
    Err(Failure::usage(format!("--path `{path}` can be no path"))
        .hint("it begins with `/` and has letters, digits, `/`, `_`, `-` and `.`: --path /github"))
}

/// Refuses what can't be the name of a variable.
pub fn refuse_variable(name: &str) -> Result<(), Failure> {
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(Failure::usage("--secret-env is the name of a variable, not the secret itself")
        .hint("--secret-env GITHUB_WEBHOOK_SECRET"))
}

async fn list(app: &App, all_namespaces: bool) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let lines = store.webhooks(here.listed_namespace(all_namespaces)?.as_ref()).await?;
    let views = || json!({ "webhooks": lines.iter().map(WebhookView::from).collect::<Vec<_>>() });
    app.printer.answer(views, || match lines.is_empty() {
        true => "there are no webhooks\n".to_owned(),
        false => table(&lines, app.now()).render(output::width(), ""),
    })
}

async fn show(app: &App, name: &str) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let line = find(&store, &here, name).await?;
    let all = store.deliveries((None, Some(line.webhook.id)), 20).await?;
    let json = || {
        let all: Vec<DeliveryView<'_>> = all.iter().map(DeliveryView::from).collect();
        json!({ "webhook": WebhookView::from(&line), "deliveries": all })
    };
    app.printer.answer(json, || {
        let shown = table(std::slice::from_ref(&line), app.now()).render(output::width(), "");
        format!("{shown}\n{}", deliveries(&all, app.now()).render(output::width(), ""))
    })
}

async fn delete(app: &App, name: &str) -> Result<(), Failure> {
    Caller::of_process()?.person_only("delete a webhook")?;
    let here = app.here()?;
    let store = app.store(&here).await?;
    let line = find(&store, &here, name).await?;
    store.delete_webhook(line.webhook.id).await?;
    app.printer.answer(
        || json!({ "name": name, "deleted": true }),
        || format!("{} webhook {name}\n", text::colored(GREEN, "deleted")),
    )
}

async fn received(app: &App, (name, limit): (Option<&str>, u32)) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let webhook = match name {
        Some(name) => Some(find(&store, &here, name).await?.webhook.id),
        None => None,
    };
    let namespace = here.namespace()?.namespace;
    let all = store.deliveries((Some(&namespace), webhook), limit).await?;
    let views = || json!({ "deliveries": all.iter().map(DeliveryView::from).collect::<Vec<_>>() });
    app.printer.answer(views, || match all.is_empty() {
        true => "nothing was received\n".to_owned(),
        false => deliveries(&all, app.now()).render(output::width(), ""),
    })
}

async fn replay(app: &App, part: &str) -> Result<(), Failure> {
    Caller::of_process()?.person_only("replay a delivery")?;
    let here = app.here()?;
    let store = app.store(&here).await?;
    let old = find_delivery(&store, part).await?;
    let webhook = store.webhooks(None).await?.into_iter().find(|line| line.webhook.id == old.webhook);
    let gone = || Failure::new(FailureKind::NotFound, format!("webhook `{}` is gone", old.name));
    let webhook = webhook.ok_or_else(gone)?.webhook;
    let id = DeliveryId::new(app.ids.next());
    let new = NewDelivery {
        id,
        happening: HappeningId::new(app.ids.next()),
        key: format!("replay {id}"),
        digest: None,
        data: delivery_data((&webhook.name, id), (&old.key, &old.headers), &old.body),
        webhook,
        headers: old.headers,
        body: old.body,
        replays: Some(old.id),
    };
    let happening = new.happening;
    match store.receive(new).await? {
        Received::New(_) | Received::Known(_) => {}
        Received::NoWebhook => return Err(Failure::new(FailureKind::NotFound, "the webhook is gone")),
    }
    doorbell::ring(&here.bells()?);
    app.printer.answer(
        || json!({ "delivery": id.to_string(), "replays": old.id.to_string(), "happening": happening.to_string() }),
        || format!("{} {} as {}\n", text::colored(GREEN, "replayed"), old.id.short(), id.short()),
    )
}

async fn find(store: &SqlStore, here: &Here, name: &str) -> Result<WebhookLine, Failure> {
    let mut lines = store.webhooks(Some(&here.namespace()?.namespace)).await?;
    let place = lines.iter().position(|line| line.webhook.name == name);
    place.map(|place| lines.swap_remove(place)).ok_or_else(|| {
        let known: Vec<String> = lines.iter().map(|line| line.webhook.name.clone()).collect();
        Failure::new(FailureKind::NotFound, format!("there is no webhook `{name}`"))
            .hint(suggestion::did_you_mean(name, &known, "there are"))
    })
}

async fn find_delivery(store: &SqlStore, part: &str) -> Result<Delivery, Failure> {
    let mut found = store.deliveries_like(part).await?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(Failure::new(FailureKind::NotFound, format!("no delivery has the id `{part}`"))
            .hint("`agents webhook deliveries` lists what was received")),
        (Some(_), false) => Err(Failure::new(
            FailureKind::Ambiguous,
            format!("several deliveries have an id that begins or ends with `{part}`"),
        )
        .hint("give more of it")),
    }
}
