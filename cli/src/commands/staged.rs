//! What the PM decides from inside its job: only for its own assignment, and taking effect when its job ends.

use agents_domain::decision::Decision;
use agents_domain::id::AssignmentId;
use agents_domain::store::{Change, Receipt, Store};

use crate::app::{App, Here};
use crate::caller::PmCaller;
use crate::failure::Failure;
use crate::target;
use agents_orchestrator::store::SqlStore;

/// How the PM names its own assignment.
pub const OWN: &str = "self";

/// Said after everything that the PM decides.
pub const WHEN: &str = "it takes effect when this PM job ends";

/// The PM's own assignment; every other one is refused.
pub async fn own_assignment(
    pm: PmCaller,
    store: &dyn Store,
    named: Option<&str>,
) -> Result<AssignmentId, Failure> {
    let Some(text) = named.filter(|text| *text != OWN) else { return Ok(pm.assignment) };
    let id = target::assignment(store, text).await?;
    if id == pm.assignment {
        return Ok(id);
    }
    Err(Failure::rejected(format!(
        "this PM decides about assignment {} only, not about {}",
        pm.assignment.short(),
        id.short()
    ))
    .hint(format!("leave the id out, or write `{OWN}`")))
}

/// Stages the decision.
pub async fn stage(
    app: &App,
    here: &Here,
    (store, pm): (&SqlStore, PmCaller),
    decision: Decision,
) -> Result<Receipt, Failure> {
    let change = Change::Stage { assignment: pm.assignment, attempt: pm.attempt, decision };
    app.execute(here, store, (pm.actor(), change)).await
}
