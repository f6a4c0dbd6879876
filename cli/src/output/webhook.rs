//! Webhooks and what they have received, for people and as JSON. Never their secrets: those are not known here.

use agents_domain::timestamp::Timestamp;
use agents_domain::webhook::{Delivery, WebhookLine};
use serde::Serialize;

use super::table::{Cell, Table};
use super::text::DIM;
use super::time;

/// A webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView<'a> {
    id: String,
    namespace: &'a str,
    name: &'a str,
    path: &'a str,
    scheme: &'static str,
    /// The variable that holds the secret.
    secret_env: &'a str,
    event: &'a str,
    created_at: String,
    received: u64,
    refused: u64,
    last_received_at: Option<String>,
    last_refused_at: Option<String>,
}

impl<'a> From<&'a WebhookLine> for WebhookView<'a> {
    fn from(line: &'a WebhookLine) -> Self {
        let one = &line.webhook;
        Self {
            id: one.id.to_string(),
            namespace: one.namespace.as_str(),
            name: &one.name,
            path: &one.path,
            scheme: one.scheme.as_str(),
            secret_env: &one.secret_env,
            event: one.event.as_str(),
            created_at: one.created_at.to_string(),
            received: line.received,
            refused: line.refused,
            last_received_at: line.last_received_at.map(|at| at.to_string()),
            last_refused_at: line.last_refused_at.map(|at| at.to_string()),
        }
    }
}

/// A request that was received.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView<'a> {
    id: String,
    webhook: &'a str,
    at: String,
    key: &'a str,
    headers: serde_json::Value,
    body: &'a str,
    happening: String,
    replays: Option<String>,
}

impl<'a> From<&'a Delivery> for DeliveryView<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook: &delivery.name,
            at: delivery.at.to_string(),
            key: &delivery.key,
            headers: serde_json::from_str(&delivery.headers).unwrap_or_default(),
            body: &delivery.body,
            happening: delivery.happening.to_string(),
            replays: delivery.replays.map(|id| id.to_string()),
        }
    }
}

/// One row for each webhook.
pub fn table(lines: &[WebhookLine], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "PATH", "SCHEME", "RECEIVED", "REFUSED", "LAST", "SECRET IN"]);
    for line in lines {
        let one = &line.webhook;
        let last = line.last_received_at.map_or_else(|| "never".to_owned(), |at| time::relative(at, now));
        table.row(vec![
            Cell::from(&one.name),
            Cell::from(&one.path),
            Cell::from(one.scheme.as_str()),
            Cell::from(line.received.to_string()),
            Cell::from(line.refused.to_string()),
            Cell::from(last),
            Cell::from(&one.secret_env),
        ]);
    }
    table
}

/// One row for each request.
pub fn deliveries(all: &[Delivery], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "WHEN", "WEBHOOK", "KEY", "BODY"]);
    for delivery in all {
        table.row(vec![
            Cell::from(delivery.id.short()),
            Cell::colored(DIM, time::relative(delivery.at, now)),
            Cell::from(&delivery.name),
            Cell::from(&delivery.key),
            Cell::colored(DIM, &delivery.body),
        ]);
    }
    table
}
