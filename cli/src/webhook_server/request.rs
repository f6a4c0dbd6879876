//! One request: from its path to what is kept of it. Nothing is kept before its signature was found right.

use std::time::Instant;

use agents_domain::id::{DeliveryId, HappeningId};
use agents_domain::webhook::{NewDelivery, Received, SignatureScheme, Webhook};
use agents_orchestrator::trigger::signature::{self, Refusal, Standard};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::answer::{Refused, Taken};
use super::rate::Kind;
use super::{BODY_MAX, Server, delivery_data};

/// Headers that are kept. None of them is secret, and none is a signature.
const KEPT: [&str; 7] = [
    "content-type",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "x-github-delivery",
    "x-github-event",
    "x-github-hook-id",
];

/// The longest name that a sender gives a request.
const KEY_MAX: usize = 200;

/// Receives a request.
pub(super) async fn receive(server: &Server, request: Request) -> Result<Taken, Refused> {
    let (head, body) = request.into_parts();
    let webhook = find(server, head.uri.path()).await?;
    if head.method != Method::POST {
        return Err(Refused::WrongMethod);
    }
    let secret = (server.secret)(&webhook.secret_env).ok_or_else(|| {
        tracing::warn!(webhook = webhook.name, variable = webhook.secret_env, "the secret is not set");
        Refused::Unavailable
    })?;
    let told =
        text(&head.headers, header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse::<usize>().ok());
    if told.is_some_and(|length| length > BODY_MAX) {
        return Err(Refused::TooLarge);
    }
    let body = tokio::time::timeout(server.body_time, axum::body::to_bytes(body, BODY_MAX)).await;
    // A body that breaks off has nobody left to be told, so what is left is one that is too long.
    let body = body.map_err(|_| Refused::TooSlow)?.map_err(|_| Refused::TooLarge)?;
    let key = match check(server, (&webhook, &secret), &head.headers, &body) {
        Ok(key) => key,
        Err(refusal) => return Err(refuse(server, &webhook, refusal).await),
    };
    if !server.rates.take(webhook.id, Kind::Signed, Instant::now()) {
        return Err(Refused::TooMany);
    }
    let body = String::from_utf8(body.to_vec()).map_err(|_| Refused::BadRequest)?;
    keep(server, webhook, (key, &head.headers), body).await
}

/// A webhook of another namespace is as unknown as none.
async fn find(server: &Server, path: &str) -> Result<Webhook, Refused> {
    let found = server.store.webhook_at(path).await.map_err(|error| {
        tracing::warn!(%error, "webhooks can't be read");
        Refused::Unavailable
    })?;
    let is_ours = |webhook: &Webhook| server.namespace.as_ref().is_none_or(|own| *own == webhook.namespace);
    found.filter(is_ours).ok_or(Refused::UnknownPath)
}

/// What the sender calls it, if the signature is right.
fn check(
    server: &Server,
    (webhook, secret): (&Webhook, &str),
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, Refusal> {
    let header = |name| text(headers, name).ok_or(Refusal::Headers);
    let key = match webhook.scheme {
        SignatureScheme::Github => {
            signature::check_github(secret, header("x-hub-signature-256")?, body)?;
            header("x-github-delivery")?
        }
        SignatureScheme::Generic => {
            let given = Standard {
                id: header("webhook-id")?,
                timestamp: header("webhook-timestamp")?,
                signature: header("webhook-signature")?,
            };
            signature::check_standard(secret, given, body, server.clock.now())?;
            given.id
        }
    };
    if key.is_empty() || key.len() > KEY_MAX { Err(Refusal::Headers) } else { Ok(key.to_owned()) }
}

/// Counts it, up to a measure.
async fn refuse(server: &Server, webhook: &Webhook, refusal: Refusal) -> Refused {
    if !server.rates.take(webhook.id, Kind::Forged, Instant::now()) {
        return Refused::TooMany;
    }
    tracing::warn!(webhook = webhook.name, why = %refusal, "a request was refused");
    if let Err(error) = server.store.refuse(webhook.id).await {
        tracing::warn!(%error, "a refused request could not be counted");
    }
    Refused::BadSignature
}

async fn keep(
    server: &Server,
    webhook: Webhook,
    (key, headers): (String, &HeaderMap),
    body: String,
) -> Result<Taken, Refused> {
    let id = DeliveryId::new(server.ids.next());
    let headers = kept(headers);
    // GitHub does not sign what it calls a request, so that somebody who has seen one could send it by another name.
    let digest = match webhook.scheme {
        SignatureScheme::Github => Some(signature::digest(body.as_bytes())),
        SignatureScheme::Generic => None,
    };
    let new = NewDelivery {
        id,
        happening: HappeningId::new(server.ids.next()),
        data: delivery_data((&webhook.name, id), (&key, &headers), &body),
        webhook,
        key,
        digest,
        headers,
        body,
        replays: None,
    };
    match server.store.receive(new).await {
        Ok(Received::New(id)) => {
            (server.ring)();
            Ok(Taken::New(id))
        }
        Ok(Received::Known(id)) => Ok(Taken::Again(id)),
        Ok(Received::NoWebhook) => Err(Refused::UnknownPath),
        Err(error) => {
            tracing::warn!(%error, "a request could not be kept");
            Err(Refused::Unavailable)
        }
    }
}

fn kept(headers: &HeaderMap) -> String {
    let kept: Map<String, Value> =
        KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(headers, name)?.into()))).collect();
    Value::Object(kept).to_string()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
