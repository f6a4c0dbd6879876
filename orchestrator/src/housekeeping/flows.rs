//! Removes the steps of workflows' runs that were closed long ago, and what these have started with.

use std::collections::BTreeMap;

use agents_domain::id::AssignmentId;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::OldHistory;

use super::plan::House;
use super::sweep::{GoneSteps, Mode, Retentions, SHORTEST, Sweep, SweepReport};

/// Steps that one transaction deletes at most, and runs that one look finds.
const STEPS_AT_ONCE: u32 = 500;
const RUNS_AT_ONCE: u32 = 100;

/// Removes them, or says which would go.
pub(super) async fn sweep(
    sweep: &Sweep,
    (house, retentions): (&House, &mut Retentions<'_>),
    report: &mut SweepReport,
) -> Result<(), StoreError> {
    let shortest = i64::try_from(SHORTEST.as_millis()).unwrap_or(i64::MAX);
    let closed_before = Timestamp::from_millis(house.now.as_millis().saturating_sub(shortest));
    let (mut after, mut transactions) = (None, 0);
    loop {
        let found = sweep.store.old_flows(closed_before, after, RUNS_AT_ONCE).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = Some(last.assignment);
        let mut goes = |old: &OldHistory| {
            let is_asked_for = house.only.as_ref().is_none_or(|only| *only == old.namespace);
            let keep = retentions.of(&old.workspace).map(|retention| retention.workflow_history);
            is_asked_for && keep.is_some_and(|keep| keep.is_over(old.closed_at, house.now))
        };
        let found: Vec<OldHistory> = found.into_iter().filter(|old| goes(old)).collect();
        match sweep.mode {
            Mode::DryRun => report
                .flows
                .extend(found.iter().map(|old| GoneSteps { assignment: old.assignment, steps: old.events })),
            Mode::Remove => forget(sweep, &found, (&mut transactions, report)).await?,
        }
        if sweep.bounds.is_reached(transactions) {
            return Ok(());
        }
    }
}

/// Deletes their steps, in pieces.
async fn forget(
    sweep: &Sweep,
    old: &[OldHistory],
    (transactions, report): (&mut usize, &mut SweepReport),
) -> Result<(), StoreError> {
    let mut gone: BTreeMap<AssignmentId, u64> = BTreeMap::new();
    while !old.is_empty() && !sweep.bounds.is_reached(*transactions) {
        let of = old.iter().map(|old| (old.assignment, old.closed_at)).collect();
        let deleted = sweep.store.forget_steps(of, STEPS_AT_ONCE).await?;
        *transactions += 1;
        let steps: u64 = deleted.values().sum();
        for (assignment, steps) in deleted {
            *gone.entry(assignment).or_insert(0) += steps;
        }
        if steps < u64::from(STEPS_AT_ONCE) {
            break;
        }
    }
    report.flows.extend(gone.into_iter().map(|(assignment, steps)| GoneSteps { assignment, steps }));
    Ok(())
}
