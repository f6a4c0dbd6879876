//! A webhook: an address that receives requests, and the secret that they are signed with. The secret itself is only in the
//! environment of whoever serves it.

use async_trait::async_trait;

use crate::happening::EventName;
use crate::id::{DeliveryId, HappeningId, WebhookId};
use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// `X-Hub-Signature-256` over the body.
    Github,
    /// Standard Webhooks: `webhook-signature` over id, timestamp and body.
    Generic,
}

impl SignatureScheme {
    /// Every scheme.
    pub const ALL: [SignatureScheme; 2] = [SignatureScheme::Github, SignatureScheme::Generic];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            SignatureScheme::Github => "github",
            SignatureScheme::Generic => "generic",
        }
    }

    /// The scheme of that name.
    pub fn from_name(name: &str) -> Option<SignatureScheme> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

/// An address that receives requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub namespace: Namespace,
    /// No two of a namespace have the same.
    pub name: String,
    /// `/deploys`; no two of the store have the same.
    pub path: String,
    /// The variable that holds its secret.
    pub secret_env: String,
    pub scheme: SignatureScheme,
    /// What a request happens as.
    pub event: EventName,
    pub created_at: Timestamp,
}

/// A webhook in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookLine {
    pub webhook: Webhook,
    /// Requests that were taken.
    pub received: u64,
    /// Requests whose signature was wrong.
    pub refused: u64,
    pub last_received_at: Option<Timestamp>,
    pub last_refused_at: Option<Timestamp>,
}

/// A request that is about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub happening: HappeningId,
    pub webhook: Webhook,
    /// What the sender calls it: the same request comes with the same key.
    pub key: String,
    /// What its signature is over, where the key is not part of that: then the same content is the same request.
    pub digest: Option<String>,
    /// A JSON object of chosen headers, none of them secret.
    pub headers: String,
    pub body: String,
    /// The happening's data: JSON.
    pub data: String,
    /// The delivery that it does once more.
    pub replays: Option<DeliveryId>,
}

/// A request that a webhook has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    /// The name of the webhook.
    pub name: String,
    pub key: String,
    pub headers: String,
    pub body: String,
    pub happening: HappeningId,
    pub replays: Option<DeliveryId>,
    pub at: Timestamp,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    New(DeliveryId),
    /// It was received before, as this.
    Known(DeliveryId),
    /// The webhook is gone.
    NoWebhook,
}

/// The port to webhooks.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Stores a new one; `root` is the folder of its namespace, if that is new. `false`: its name or its path is taken.
    async fn create_webhook(&self, new: Webhook, root: &str) -> Result<bool, StoreError>;

    /// Those of a namespace, or all, by name.
    async fn webhooks(&self, of: Option<&Namespace>) -> Result<Vec<WebhookLine>, StoreError>;

    /// The one at that path.
    async fn webhook_at(&self, path: &str) -> Result<Option<Webhook>, StoreError>;

    /// Deletes it with what it has received. `false`: there is none.
    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError>;

    /// Keeps a request and tells that it has happened, in one transaction, unless it was received before.
    async fn receive(&self, new: NewDelivery) -> Result<Received, StoreError>;

    /// Counts a request whose signature was wrong.
    async fn refuse(&self, webhook: WebhookId) -> Result<(), StoreError>;

    /// What the webhooks of a namespace, or one of them, have received, the latest first.
    async fn deliveries(
        &self,
        of: (Option<&Namespace>, Option<WebhookId>),
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Deliveries whose ids begin or end with this text (hyphens do not count), at most three.
    async fn deliveries_like(&self, part: &str) -> Result<Vec<Delivery>, StoreError>;
}
