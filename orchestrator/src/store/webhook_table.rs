//! The tables of webhooks and of what they have received. A request and its happening are one transaction.

use agents_domain::happening::{EventName, HappeningSource, NewHappening};
use agents_domain::id::WebhookId;
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::webhook::{
    Delivery, NewDelivery, Received, SignatureScheme, Webhook, WebhookLine, Webhooks,
};
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, names};
use super::task::Write;
use super::{SqlStore, assignment_table, happening_table};

const COLUMNS: [&str; 12] = [
    "id",
    "namespace",
    "name",
    "path",
    "secret_env",
    "scheme",
    "event",
    "created_at",
    "received",
    "refused",
    "last_received_at",
    "last_refused_at",
];

/// Those that a new one brings.
const WRITTEN: usize = 8;

fn read(row: &AnyRow) -> Result<WebhookLine, StoreError> {
    let mut columns = Columns::new(row, "webhooks", &COLUMNS, 0);
    let webhook = Webhook {
        id: columns.parsed(|text| text.parse().ok())?,
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        name: columns.text()?,
        path: columns.text()?,
        secret_env: columns.text()?,
        scheme: columns.parsed(SignatureScheme::from_name)?,
        event: columns.parsed(|text| EventName::new(text).ok())?,
        created_at: columns.time()?,
    };
    Ok(WebhookLine {
        webhook,
        received: columns.count()?.into(),
        refused: columns.count()?.into(),
        last_received_at: columns.optional_time()?,
        last_refused_at: columns.optional_time()?,
    })
}

struct Create {
    new: Webhook,
    root: String,
}

#[async_trait]
impl Write for Create {
    type Output = bool;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<bool, StoreError> {
        let new = &self.new;
        assignment_table::insert_namespace(on, (&new.namespace, &self.root), batch.now).await?;
        let written = Statement::new(format!("INSERT INTO webhooks ({}) ", names("", &COLUMNS[..WRITTEN])))
            .push_rows(vec![vec![
                new.id.to_string().into(),
                new.namespace.as_str().into(),
                new.name.as_str().into(),
                new.path.as_str().into(),
                new.secret_env.as_str().into(),
                new.scheme.as_str().into(),
                new.event.as_str().into(),
                new.created_at.as_millis().into(),
            ]])
            .push(" ON CONFLICT DO NOTHING")
            .execute(on, "writing a webhook")
            .await?;
        Ok(written == 1)
    }
}

struct Delete(WebhookId);

#[async_trait]
impl Write for Delete {
    type Output = bool;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<bool, StoreError> {
        let mut gone = 0;
        for delete in ["DELETE FROM deliveries WHERE webhook_id = $1", "DELETE FROM webhooks WHERE id = $1"] {
            gone = Statement::new(delete).bind(self.0.to_string()).execute(on, "deleting a webhook").await?;
        }
        Ok(gone == 1)
    }
}

struct Refuse(WebhookId);

#[async_trait]
impl Write for Refuse {
    type Output = ();

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        Statement::new("UPDATE webhooks SET refused = refused + 1, last_refused_at = $1 WHERE id = $2")
            .bind(batch.now.as_millis())
            .bind(self.0.to_string())
            .execute(on, "counting a refused request")
            .await?;
        Ok(())
    }
}

struct Receive(NewDelivery);

#[async_trait]
impl Write for Receive {
    type Output = Received;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Received, StoreError> {
        let new = &self.0;
        if let Some(known) = self.known(on).await? {
            return Ok(known);
        }
        let counted = Statement::new(
            "UPDATE webhooks SET received = received + 1, last_received_at = $1 WHERE id = $2",
        )
        .bind(batch.now.as_millis())
        .bind(new.webhook.id.to_string())
        .execute(on, "counting a request")
        .await?;
        if counted == 0 {
            return Ok(Received::NoWebhook);
        }
        Statement::new(format!("INSERT INTO deliveries ({}) ", DELIVERY_WRITTEN))
            .push_rows(vec![vec![
                new.id.to_string().into(),
                new.webhook.id.to_string().into(),
                new.key.as_str().into(),
                new.digest.clone().into(),
                new.headers.as_str().into(),
                new.body.as_str().into(),
                new.happening.to_string().into(),
                new.replays.map(|id| id.to_string()).into(),
                batch.now.as_millis().into(),
            ]])
            .execute(on, "keeping a request")
            .await?;
        let happening = NewHappening {
            id: new.happening,
            namespace: new.webhook.namespace.clone(),
            name: new.webhook.event.clone(),
            data: new.data.clone(),
            source: HappeningSource::Webhook,
            cause: Some(new.id.to_string()),
            depth: 0,
        };
        happening_table::insert(on, &[happening], batch.now).await?;
        Ok(Received::New(new.id))
    }
}

impl Receive {
    /// The one that this is the same as.
    async fn known(&self, on: &mut Connection) -> Result<Option<Received>, StoreError> {
        let new = &self.0;
        let rows = Statement::new(
            "SELECT id FROM deliveries WHERE webhook_id = $1 AND (key = $2 OR (digest IS NOT NULL AND digest = $3)) LIMIT 1",
        )
        .bind(new.webhook.id.to_string())
        .bind(new.key.as_str())
        .bind(new.digest.clone())
        .fetch(on, "looking for a request")
        .await?;
        let read = |row| Columns::new(row, "deliveries", &["id"], 0).parsed(|text| text.parse().ok());
        Ok(rows.first().map(read).transpose()?.map(Received::Known))
    }
}

const DELIVERY_WRITTEN: &str = "id, webhook_id, key, digest, headers, body, happening_id, replays, at";
const DELIVERY: [&str; 9] =
    ["id", "webhook_id", "name", "key", "headers", "body", "happening_id", "replays", "at"];

fn deliveries() -> Statement {
    Statement::new(
        "SELECT d.id, d.webhook_id, w.name, d.key, d.headers, d.body, d.happening_id, d.replays, d.at \
         FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE ",
    )
}

fn read_delivery(row: &AnyRow) -> Result<Delivery, StoreError> {
    let mut columns = Columns::new(row, "deliveries", &DELIVERY, 0);
    Ok(Delivery {
        id: columns.parsed(|text| text.parse().ok())?,
        webhook: columns.parsed(|text| text.parse().ok())?,
        name: columns.text()?,
        key: columns.text()?,
        headers: columns.text()?,
        body: columns.text()?,
        happening: columns.parsed(|text| text.parse().ok())?,
        replays: columns.optional_parsed(|text| text.parse().ok())?,
        at: columns.time()?,
    })
}

async fn list(on: &mut Connection, condition: (&str, Option<&str>)) -> Result<Vec<WebhookLine>, StoreError> {
    let mut statement = Statement::new(format!("SELECT {} FROM webhooks", names("", &COLUMNS)));
    if let (column, Some(value)) = condition {
        statement = statement.push(&format!(" WHERE {column} = ")).push_bound(value.into());
    }
    let rows = statement.push(" ORDER BY namespace, name").fetch(on, "reading webhooks").await?;
    rows.iter().map(read).collect()
}

async fn list_deliveries(
    on: &mut Connection,
    (namespace, webhook): (Option<&Namespace>, Option<WebhookId>),
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let mut statement = deliveries().push("1 = 1");
    if let Some(namespace) = namespace {
        statement = statement.push(" AND w.namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(webhook) = webhook {
        statement = statement.push(" AND w.id = ").push_bound(webhook.to_string().into());
    }
    let statement = statement.push(" ORDER BY d.at DESC, d.id DESC LIMIT ").push_bound(limit.into());
    let rows = statement.fetch(on, "listing what webhooks have received").await?;
    rows.iter().map(read_delivery).collect()
}

async fn find_deliveries(on: &mut Connection, part: &str) -> Result<Vec<Delivery>, StoreError> {
    let digits: String = part.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let rows = deliveries()
        .push("replace(d.id, '-', '') LIKE ")
        .push_bound(format!("{digits}%").into())
        .push(" OR replace(d.id, '-', '') LIKE ")
        .push_bound(format!("%{digits}").into())
        .push(" ORDER BY d.id LIMIT 3")
        .fetch(on, "looking for a delivery")
        .await?;
    rows.iter().map(read_delivery).collect()
}

#[async_trait]
impl Webhooks for SqlStore {
    async fn create_webhook(&self, new: Webhook, root: &str) -> Result<bool, StoreError> {
        self.carry_out(Create { new, root: root.to_owned() }).await
    }

    async fn webhooks(&self, of: Option<&Namespace>) -> Result<Vec<WebhookLine>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, ("namespace", of.map(Namespace::as_str))).await;
        self.put_back(reader).await;
        found
    }

    async fn webhook_at(&self, path: &str) -> Result<Option<Webhook>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, ("path", Some(path))).await;
        self.put_back(reader).await;
        Ok(found?.pop().map(|line| line.webhook))
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        self.carry_out(Delete(id)).await
    }

    async fn receive(&self, new: NewDelivery) -> Result<Received, StoreError> {
        self.carry_out(Receive(new)).await
    }

    async fn refuse(&self, webhook: WebhookId) -> Result<(), StoreError> {
        self.carry_out(Refuse(webhook)).await
    }

    async fn deliveries(
        &self,
        of: (Option<&Namespace>, Option<WebhookId>),
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list_deliveries(&mut reader, of, limit).await;
        self.put_back(reader).await;
        found
    }

    async fn deliveries_like(&self, part: &str) -> Result<Vec<Delivery>, StoreError> {
        let mut reader = self.reader().await?;
        let found = find_deliveries(&mut reader, part).await;
        self.put_back(reader).await;
        found
    }
}
