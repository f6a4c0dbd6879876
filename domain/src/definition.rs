//! Definitions that are kept in the store. What they say is text here; others understand it.

use async_trait::async_trait;

use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDefinition {
    pub namespace: Namespace,
    pub name: String,
    /// YAML.
    pub text: String,
    /// The folder that its runs work in.
    pub workspace: String,
    /// 1 when it is new; one more with each change.
    pub revision: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A definition that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDefinition {
    pub namespace: Namespace,
    pub name: String,
    pub text: String,
    pub workspace: String,
    /// The revision that it takes the place of. `None`: there must be none of that name.
    pub over: Option<u32>,
}

/// What came of storing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It has that revision.
    Saved(u32),
    /// There is one already, or another revision than was thought; nothing was changed.
    Other(u32),
    /// There is none to take the place of.
    Gone,
}

/// The port to stored definitions.
#[async_trait]
pub trait Definitions: Send + Sync {
    /// The definition of that name.
    async fn definition(
        &self,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Option<StoredDefinition>, StoreError>;

    /// All of a namespace, by name.
    async fn definitions(&self, namespace: &Namespace) -> Result<Vec<StoredDefinition>, StoreError>;

    /// Stores one.
    async fn save_definition(&self, new: NewDefinition) -> Result<Saved, StoreError>;

    /// Takes one away; whether it was there.
    async fn delete_definition(&self, namespace: &Namespace, name: &str) -> Result<bool, StoreError>;
}
