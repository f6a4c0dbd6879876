//! New runs from what is to be started: a definition of the repository or of the store, or a north star.

use agents_domain::aggregate::NewAssignment;
use agents_domain::namespace::Namespace;
use agents_domain::start::{Cause, Start, StartError, Starter};
use async_trait::async_trait;

/// Makes runs of the definitions in a repository's folder and in the store.
#[derive(Debug)]
pub struct FromDefinitions;

#[async_trait]
impl Starter for FromDefinitions {
    async fn new_run(
        &self,
        _namespace: &Namespace,
        start: &Start,
        _cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        Err(StartError { problems: vec![format!("there is no definition `{}`", start.title())] })
    }
}
