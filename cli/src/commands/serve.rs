//! `agents serve`: receives the requests of webhooks, until it is told to end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::webhook::{WebhookLine, Webhooks};
use agents_orchestrator::doorbell;
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::engine;
use crate::failure::Failure;
use crate::job_input;
use crate::webhook_server::{self, RATE, Server};

/// Receive the requests of webhooks
///
/// On this machine alone unless --listen says otherwise. Each request is answered when it is kept; what it starts is the
/// runners' business. Ctrl-C ends it after the requests that have begun.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  GITHUB_WEBHOOK_SECRET=… agents serve --webhooks
  agents serve --webhooks --listen 127.0.0.1:0 --json")]
pub struct Serve {
    /// Serve the webhooks of this repository's namespace
    #[arg(long, required = true)]
    webhooks: bool,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Serve those of every namespace
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// How many requests a minute each webhook takes
    #[arg(long, value_name = "N", default_value_t = RATE, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long the body of a request may take (5s, 1m)
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = job_input::milliseconds)]
    body_time: u64,
}

/// Runs the command.
pub fn run(app: &App, args: &Serve) -> Result<(), Failure> {
    Caller::of_process()?.person_only("serve webhooks")?;
    let here = app.here()?;
    engine::runtime()?.block_on(serve(app, &here, args))
}

async fn serve(app: &App, here: &Here, args: &Serve) -> Result<(), Failure> {
    log_to_standard_error();
    let namespace = here.listed_namespace(args.all_namespaces)?;
    let store = Arc::new(app.store(here).await?);
    let lines = store.webhooks(namespace.as_ref()).await?;
    let listening = |error: std::io::Error| {
        Failure::failed(&format!("listening on {}", args.listen), error)
            .hint("choose another port: --listen 127.0.0.1:0 takes a free one")
    };
    let listener = TcpListener::bind(args.listen).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    let end = end_of_serving()?;
    tell(app, address, &lines)?;
    let bells = here.bells()?;
    let server = Server {
        store,
        clock: Arc::clone(&app.clock),
        ids: Arc::clone(&app.ids),
        namespace,
        body_time: Duration::from_millis(args.body_time),
        rates: webhook_server::rates(args.rate),
        secret,
        ring: Box::new(move || doorbell::ring(&bells)),
    };
    webhook_server::serve(server, listener, end)
        .await
        .map_err(|error| Failure::failed("serving webhooks", error))
}

/// An empty secret is none: anybody could sign with it.
fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says where it listens, and which webhooks can't be served.
fn tell(app: &App, address: SocketAddr, lines: &[WebhookLine]) -> Result<(), Failure> {
    let missing: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line.webhook.name.as_str(), line.webhook.secret_env.as_str()))
        .filter(|(_, variable)| secret(variable).is_none())
        .collect();
    let names: Vec<&str> = lines.iter().map(|line| line.webhook.name.as_str()).collect();
    let without: Vec<_> =
        missing.iter().map(|(name, variable)| json!({ "webhook": name, "secretEnv": variable })).collect();
    app.printer.answer(
        || json!({ "listening": address.to_string(), "webhooks": names, "withoutSecret": without }),
        || {
            let paths: String = lines
                .iter()
                .map(|line| format!("  http://{address}{} → {}\n", line.webhook.path, line.webhook.event))
                .collect();
            format!("listening on http://{address}\n{paths}")
        },
    )?;
    for (name, variable) in missing {
        app.printer.warning(&format!("webhook {name} answers 503: {variable} is not set here"));
    }
    let is_local = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    if !is_local {
        app.printer.warning("other machines can reach this; have a proxy with TLS before it");
    }
    Ok(())
}

fn end_of_serving() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let failed = |error: std::io::Error| Failure::failed("listening to signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("AGENTS_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    if builder.with_writer(std::io::stderr).with_ansi(false).try_init().is_err() {
        tracing::debug!("logging was set up already");
    }
}
