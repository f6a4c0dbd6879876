//! Facts without a running job: made-up ones to check a template with, and those that a next job would get.

use agents_domain::assignment::Assignment;
use agents_domain::job_type::JobType;
use agents_domain::store::JobDetail;

use super::evidence_facts::{CriterionFacts, EvidenceFacts, gather, wants_evidence};
use super::facts::{
    AssignmentFacts, Facts, JobFacts, PmFacts, RetryFacts, StepFacts, assignment_facts, steps, work_done,
};
use super::limits::{self, LimitFacts};
use super::measured::{Measured, last};
use crate::attempt::allowed;
use crate::settings::Settings;

impl Facts {
    /// Facts in which nothing is missing, so that a template is tried in all its parts.
    pub fn sample(job_type: &JobType) -> Self {
        let step = StepFacts {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            short_id: "099a8057".into(),
            job_type: "implement".into(),
            harness: "claude".into(),
            status: "completed".into(),
            outcome: Some("success".into()),
            context: "Add the greeting.".into(),
            result: Some("Added it.".into()),
            failure: None,
            attempts: 1,
            duration: Some("2m05s".into()),
            cost_usd: Some(0.12),
        };
        Self {
            assignment: AssignmentFacts {
                id: "01890a5d-ac96-774b-bcce-b30209900000".into(),
                short_id: "09900000".into(),
                namespace: "example".into(),
                north_star: "The program greets its user.".into(),
                status: "active".into(),
                reason: None,
                workspace: "/path/to/repository".into(),
                criteria: vec![CriterionFacts::sample()],
                checks: vec!["cargo test".into()],
            },
            job: sample_job(job_type),
            jobs: vec![step.clone()],
            retry: Some(RetryFacts {
                outcome: "timeout".into(),
                message: "its time was up".into(),
                kept: None,
            }),
            pm: PmFacts {
                last: Some(step.clone()),
                waiting: vec![step],
                note: Some("Keep it short.".into()),
                again: Some("`complete` needs a reason".into()),
                jobs_used: 1,
                max_jobs: 50,
                work_done: false,
                limits: LimitFacts {
                    lines: vec!["cost: 1.20 USD of 5.00 USD are spent".into()],
                    unknown: 1,
                    reached: Some("the limit of the assignment is reached".into()),
                },
                job_types: JobType::TEMPLATED.into_iter().map(str::to_owned).collect(),
                harnesses: vec!["claude".into(), "codex".into(), "gemini".into()],
            },
            evidence: EvidenceFacts::sample(),
            nonce: "7c3e90d15ab2f846".into(),
        }
    }

    /// The facts that a job of this type would get if it were the next one of the assignment.
    pub fn of_next(
        assignment: &Assignment,
        job_type: &JobType,
        (list, measured): (&[JobDetail], &Measured),
        settings: &Settings,
    ) -> Self {
        let allowed = allowed(settings);
        let told = steps(list, None, job_type);
        Self {
            assignment: assignment_facts(assignment),
            job: JobFacts { context: "(the context that the job is given)".into(), ..sample_job(job_type) },
            pm: PmFacts {
                last: told.last().cloned(),
                waiting: Vec::new(),
                note: assignment.note().map(str::to_owned),
                again: None,
                jobs_used: u32::try_from(list.iter().filter(|detail| !detail.job.shadow).count())
                    .unwrap_or(u32::MAX),
                max_jobs: assignment.max_jobs,
                work_done: work_done(list),
                limits: limits::gather(assignment),
                job_types: allowed.job_types,
                harnesses: allowed.harnesses,
            },
            jobs: told,
            retry: None,
            evidence: if wants_evidence(job_type) {
                gather(assignment, measured, last(list))
            } else {
                EvidenceFacts::default()
            },
            nonce: "7c3e90d15ab2f846".into(),
        }
    }
}

fn sample_job(job_type: &JobType) -> JobFacts {
    JobFacts {
        id: "01890a5d-ac96-774b-bcce-b302099a8058".into(),
        short_id: "099a8058".into(),
        job_type: job_type.to_string(),
        harness: "claude".into(),
        context: "Do this and that.".into(),
        attempt: 1,
    }
}
