//! The table of definitions that are kept in the store.

use agents_domain::definition::{Definitions, NewDefinition, Saved, StoredDefinition};
use agents_domain::namespace::Namespace;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::SqlStore;
use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::statement::{Statement, names};
use super::task::Write;

const COLUMNS: [&str; 7] = ["namespace", "name", "text", "workspace", "revision", "created_at", "updated_at"];

fn select() -> Statement {
    Statement::new(format!("SELECT {} FROM definitions", names("", &COLUMNS)))
}

fn read(row: &AnyRow) -> Result<StoredDefinition, StoreError> {
    let mut columns = Columns::new(row, "definitions", &COLUMNS, 0);
    Ok(StoredDefinition {
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        name: columns.text()?,
        text: columns.text()?,
        workspace: columns.text()?,
        revision: columns.count()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

pub(super) async fn find(
    on: &mut Connection,
    namespace: &Namespace,
    name: &str,
) -> Result<Option<StoredDefinition>, StoreError> {
    let rows = select()
        .push(" WHERE namespace = $1 AND name = $2")
        .bind(namespace.as_str())
        .bind(name)
        .fetch(on, "reading a definition")
        .await?;
    rows.first().map(read).transpose()
}

async fn list(on: &mut Connection, namespace: &Namespace) -> Result<Vec<StoredDefinition>, StoreError> {
    let rows = select()
        .push(" WHERE namespace = $1 ORDER BY name")
        .bind(namespace.as_str())
        .fetch(on, "listing definitions")
        .await?;
    rows.iter().map(read).collect()
}

/// A definition that is to be stored, at that moment.
struct Save(NewDefinition, Timestamp);

#[async_trait]
impl Write for Save {
    type Output = Saved;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<Saved, StoreError> {
        let Self(new, now) = self;
        let known = find(on, &new.namespace, &new.name).await?.map(|known| known.revision);
        match (known, new.over) {
            (None, None) => insert(on, new, *now).await.map(|()| Saved::Saved(1)),
            (Some(known), Some(over)) if known == over => {
                update(on, new, (known, *now)).await.map(|()| Saved::Saved(known + 1))
            }
            (Some(known), Some(_) | None) => Ok(Saved::Other(known)),
            (None, Some(_)) => Ok(Saved::Gone),
        }
    }
}

pub(super) async fn insert(
    on: &mut Connection,
    new: &NewDefinition,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = vec![
        new.namespace.as_str().into(),
        new.name.as_str().into(),
        new.text.as_str().into(),
        new.workspace.as_str().into(),
        1_u32.into(),
        now.as_millis().into(),
        now.as_millis().into(),
    ];
    Statement::new(format!("INSERT INTO definitions ({}) ", names("", &COLUMNS)))
        .push_rows(vec![row])
        .execute(on, "writing a definition")
        .await?;
    Ok(())
}

pub(super) async fn update(
    on: &mut Connection,
    new: &NewDefinition,
    (known, now): (u32, Timestamp),
) -> Result<(), StoreError> {
    Statement::new("UPDATE definitions SET text = ")
        .push_bound(new.text.as_str().into())
        .push(", workspace = ")
        .push_bound(new.workspace.as_str().into())
        .push(", revision = revision + 1, updated_at = ")
        .push_bound(now.as_millis().into())
        .push(" WHERE namespace = ")
        .push_bound(new.namespace.as_str().into())
        .push(" AND name = ")
        .push_bound(new.name.as_str().into())
        .push(" AND revision = ")
        .push_bound(known.into())
        .execute(on, "changing a definition")
        .await?;
    Ok(())
}

/// The definition of that name is to go.
struct Delete(Namespace, String);

#[async_trait]
impl Write for Delete {
    type Output = bool;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<bool, StoreError> {
        let rows =
            Statement::new("DELETE FROM definitions WHERE namespace = $1 AND name = $2 RETURNING name")
                .bind(self.0.as_str())
                .bind(self.1.as_str())
                .fetch(on, "deleting a definition")
                .await?;
        Ok(!rows.is_empty())
    }
}

#[async_trait]
impl Definitions for SqlStore {
    async fn definition(
        &self,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        let mut reader = self.reader().await?;
        let found = find(&mut reader, namespace, name).await;
        self.put_back(reader).await;
        found
    }

    async fn definitions(&self, namespace: &Namespace) -> Result<Vec<StoredDefinition>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, namespace).await;
        self.put_back(reader).await;
        found
    }

    async fn save_definition(&self, new: NewDefinition) -> Result<Saved, StoreError> {
        self.carry_out(Save(new, self.clock.now())).await
    }

    async fn delete_definition(&self, namespace: &Namespace, name: &str) -> Result<bool, StoreError> {
        self.carry_out(Delete(namespace.clone(), name.to_owned())).await
    }
}
