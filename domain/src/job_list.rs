//! The order of an assignment's jobs: where a new one goes, and which one may run.
//!
//! Jobs keep their places by numbers with gaps, so that an insertion changes one row and not the whole list.

use crate::decision::Place;
use crate::id::JobId;
use crate::job::{Job, JobStatus};

/// The gap that is left between neighbors.
const GAP: i64 = 1 << 20;

/// There is no such job in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotInList(pub JobId);

/// Puts a job into the list (which is in order) and gives it its position. A job never goes before one that
/// has started: what was asked for as such goes directly after the last started one.
pub(crate) fn insert(list: &mut Vec<Job>, job: Job, place: Place) -> Result<(), NotInList> {
    let started = started(list);
    let index = match place {
        Place::End => list.len(),
        Place::First => started,
        Place::After(id) => {
            let found = list.iter().position(|job| job.id == id).ok_or(NotInList(id))?;
            (found + 1).max(started)
        }
    };
    list.insert(index, job);
    renumber_around(list, index);
    Ok(())
}

/// How many jobs from the beginning are past: up to the last one that has run, and what was cancelled directly after
/// it. One that was cancelled among those that wait is no reason to go behind them.
fn started(list: &[Job]) -> usize {
    let has_run = |job: &Job| match job.status() {
        JobStatus::Running | JobStatus::Completed | JobStatus::Failed => is_in_line(job),
        JobStatus::Pending | JobStatus::Cancelled => false,
    };
    let run = list.iter().rposition(has_run).map_or(0, |place| place + 1);
    let is_past = |job: &&Job| is_in_line(job) && job.status() == JobStatus::Cancelled;
    run + list[run..].iter().take_while(is_past).count()
}

/// Marks the one job that may run: the first unfinished one in line, if the list may run at all and nothing in
/// line runs. Questions stand beside the line and may always run.
pub(crate) fn mark_head(list: &mut [Job], may_run: bool) {
    let runs = |job: &Job| is_in_line(job) && job.status() == JobStatus::Running;
    let mut is_taken = !may_run || list.iter().any(runs);
    for job in list.iter_mut() {
        if job.job_type.is_chat() {
            job.set_head(true);
            continue;
        }
        if job.is_pending() {
            job.set_head(!is_taken);
            is_taken = true;
        }
    }
}

/// Whether the job is one of those that run one after the other.
pub(crate) fn is_in_line(job: &Job) -> bool {
    !job.job_type.is_chat()
}

/// Gives every job a place of its own, in the order in which they stand, if two have the same one.
pub(crate) fn renumber_if_equal(list: &mut [Job]) {
    if list.windows(2).any(|pair| pair[0].position >= pair[1].position) {
        renumber(list);
    }
}

fn renumber(list: &mut [Job]) {
    for (place, job) in list.iter_mut().enumerate() {
        job.position = place as i64 * GAP;
    }
}

fn renumber_around(list: &mut [Job], index: usize) {
    let before = index.checked_sub(1).map(|i| list[i].position);
    let after = list.get(index + 1).map(|job| job.position);
    let position = match (before, after) {
        (None, None) => Some(0),
        (Some(before), None) => before.checked_add(GAP),
        (None, Some(after)) => after.checked_sub(GAP),
        (Some(before), Some(after)) if after - before > 1 => Some(before + (after - before) / 2),
        (Some(_), Some(_)) => None,
    };
    match position {
        Some(position) => list[index].position = position,
        None => renumber(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AssignmentId, AttemptId};
    use crate::job::JobOrigin;
    use crate::job_type::JobType;
    use crate::timestamp::Timestamp;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1);

    fn job(number: u128) -> Job {
        let origin = JobOrigin {
            id: JobId::new(Uuid::from_u128(number)),
            assignment: AssignmentId::new(Uuid::nil()),
            job_type: JobType::new("implement").unwrap(),
            harness: "claude".into(),
            model: None,
            timeout_ms: None,
            shadow: false,
            created_at: NOW,
        };
        Job::new(origin, 0)
    }

    fn id(number: u128) -> JobId {
        JobId::new(Uuid::from_u128(number))
    }

    fn order(list: &[Job]) -> Vec<JobId> {
        assert!(list.windows(2).all(|pair| pair[0].position < pair[1].position), "positions keep the order");
        list.iter().map(|job| job.id).collect()
    }

    #[test]
    fn jobs_go_to_the_end_to_the_front_and_after_another_one() {
        let mut list = Vec::new();
        insert(&mut list, job(1), Place::End).unwrap();
        insert(&mut list, job(2), Place::End).unwrap();
        insert(&mut list, job(3), Place::First).unwrap();
        insert(&mut list, job(4), Place::After(id(1))).unwrap();
        assert_eq!(order(&list), [id(3), id(1), id(4), id(2)]);
        assert_eq!(insert(&mut list, job(5), Place::After(id(99))), Err(NotInList(id(99))));
    }

    #[test]
    fn nothing_goes_before_a_job_that_has_started() {
        let mut list = Vec::new();
        insert(&mut list, job(1), Place::End).unwrap();
        insert(&mut list, job(2), Place::End).unwrap();
        mark_head(&mut list, true);
        assert!(list[0].start(AttemptId::new(Uuid::nil()), NOW));
        insert(&mut list, job(3), Place::First).unwrap();
        assert_eq!(order(&list), [id(1), id(3), id(2)]);
        mark_head(&mut list, true);
        assert!(
            list.iter().all(|job| !matches!(job.state(), crate::job::JobState::Pending { head: true, .. }))
        );
    }

    #[test]
    fn a_thousand_insertions_at_one_place_keep_the_order() {
        let mut list = Vec::new();
        insert(&mut list, job(0), Place::End).unwrap();
        let mut expected = vec![id(0)];
        for number in 1..1000 {
            insert(&mut list, job(number), Place::After(id(0))).unwrap();
            expected.insert(1, id(number));
        }
        assert_eq!(order(&list), expected);
    }
}
