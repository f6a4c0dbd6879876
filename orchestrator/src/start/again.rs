//! A run once more, as it was: the same job, whatever has become of its definition.

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::job_type::JobType;
use agents_domain::run::{RunLine, RunOrigin, Trigger};
use agents_domain::store::JobDetail;

/// Whether the run is an assignment that a PM leads.
pub fn is_north_star(run: &RunLine) -> bool {
    run.origin.definition.is_none()
}

/// A new run that does the same job once more: the same spec, harness, model, time and limits, the same params and input.
pub fn again(run: &RunLine, first: &JobDetail, ids: &dyn IdSource) -> NewAssignment {
    let assignment = &run.assignment;
    let origin =
        RunOrigin { trigger: Trigger::Manual, depth: 0, replays: Some(assignment.id), ..run.origin.clone() };
    NewAssignment {
        priority: None,
        id: AssignmentId::new(ids.next()),
        namespace: assignment.namespace.clone(),
        north_star: assignment.north_star.clone(),
        director: Director::None,
        workspace: assignment.workspace.clone(),
        worktree: None,
        alone: false,
        max_jobs: assignment.max_jobs,
        run: Some(Box::new(origin)),
        limits: Box::new(assignment.budget().limits),
        checks: Vec::new(),
        accept: Vec::new(),
        first: First::Job(NewJob {
            id: JobId::new(ids.next()),
            job_type: JobType::run(),
            harness: Some(first.job.harness.clone()),
            model: first.job.model.clone(),
            context: first.context.clone(),
            timeout_ms: first.job.timeout_ms,
        }),
    }
}
