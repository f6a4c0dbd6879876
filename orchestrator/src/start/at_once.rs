//! Runs that are made at one moment: each definition is looked for once. A thousand schedules that are due in the same second
//! mostly start a few definitions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use agents_domain::aggregate::NewAssignment;
use agents_domain::namespace::Namespace;
use agents_domain::start::{Cause, Start, StartError, Starter};
use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{Found, FromDefinitions, refuse_circle};

/// What was found of a definition, once somebody has looked. What is wrong with it is found once too.
type Sought = Arc<OnceCell<Result<Found, StartError>>>;

/// Makes runs, and remembers what it has found.
pub(super) struct AtOnce {
    from: Arc<FromDefinitions>,
    sought: Mutex<HashMap<(Namespace, String), Sought>>,
}

impl AtOnce {
    pub fn new(from: Arc<FromDefinitions>) -> Self {
        Self { from, sought: Mutex::new(HashMap::new()) }
    }

    async fn find(&self, namespace: &Namespace, name: &str) -> Result<Found, StartError> {
        let key = (namespace.clone(), name.to_owned());
        let sought = {
            let mut all = self.sought.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key).or_default())
        };
        sought.get_or_init(|| self.from.library.find(namespace, name)).await.clone()
    }
}

#[async_trait]
impl Starter for AtOnce {
    async fn new_run(
        &self,
        namespace: &Namespace,
        start: &Start,
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        match start {
            Start::Definition { name, params } => {
                refuse_circle(&cause)?;
                let found = self.find(namespace, name).await?;
                self.from.run_of(namespace, (found, params), cause)
            }
            Start::NorthStar { .. } | Start::Workflow { .. } => {
                self.from.new_run(namespace, start, cause).await
            }
        }
    }

    fn at_once(self: Arc<Self>) -> Arc<dyn Starter> {
        self
    }
}
