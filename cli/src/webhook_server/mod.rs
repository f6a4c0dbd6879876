//! The server of webhooks: each request is checked, kept with its event in one transaction, and answered after that.
//!
//! It tells strangers nothing: an unknown path is 404 without a word. Bodies and secrets are never logged.

mod answer;
mod rate;
mod request;

use std::sync::Arc;
use std::time::Duration;

use agents_domain::id::DeliveryId;
use agents_domain::id::IdSource;
use agents_domain::namespace::Namespace;
use agents_domain::store::Store;
use agents_domain::timestamp::Clock;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use rate::Rates;

/// The longest body.
pub const BODY_MAX: usize = 1024 * 1024;

/// How many requests a minute a webhook takes, unless it is said otherwise.
pub const RATE: u32 = 120;

/// What a server needs.
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Server {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    /// `None`: those of every namespace.
    pub namespace: Option<Namespace>,
    /// How long a body may take.
    pub body_time: Duration,
    pub rates: Rates,
    /// The variable of that name.
    pub secret: fn(&str) -> Option<String>,
    /// Wakes the runners.
    pub ring: Box<dyn Fn() + Send + Sync>,
}

/// A limit of so many requests a minute for each webhook.
pub fn rates(per_minute: u32) -> Rates {
    Rates::new(per_minute)
}

/// Serves until `end`, and then what has begun.
pub async fn serve(
    server: Server,
    listener: TcpListener,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = Router::new().fallback(handle).with_state(Arc::new(server));
    axum::serve(listener, app).with_graceful_shutdown(end).await
}

async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    match request::receive(&server, request).await {
        Ok(received) => answer::received(received),
        Err(refused) => answer::refused(refused),
    }
}

/// The event's data of a request: what was received, and as what.
pub fn delivery_data((webhook, id): (&str, DeliveryId), (key, headers): (&str, &str), body: &str) -> String {
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    let headers: Value = serde_json::from_str(headers).unwrap_or_default();
    json!({ "webhook": webhook, "delivery": id.to_string(), "key": key, "headers": headers, "body": body })
        .to_string()
}
