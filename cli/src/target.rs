//! From what a person types to an id: a full id, its beginning or its end.

use agents_domain::id::{AssignmentId, JobId, ReceiptId};
use agents_domain::store::Store;

use crate::failure::{Failure, FailureKind};

/// The fewest hexadecimal digits that are taken for a part of an id.
const MIN_DIGITS: usize = 4;

/// A job or an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Job(JobId),
    Assignment(AssignmentId),
}

/// The one job or assignment that is meant.
pub async fn job_or_assignment(store: &dyn Store, text: &str) -> Result<Target, Failure> {
    check(text, "job")?;
    let (jobs, assignments) = (store.jobs_like(text).await?, store.assignments_like(text).await?);
    match (jobs.as_slice(), assignments.as_slice()) {
        ([job], []) => Ok(Target::Job(*job)),
        ([], [assignment]) => Ok(Target::Assignment(*assignment)),
        ([], []) => {
            let message = format!("no job or assignment of any namespace has the id `{text}`");
            Err(Failure::new(FailureKind::NotFound, message).hint(
                "`agents jobs --all-namespaces` and `agents assignments --all-namespaces` list what there is",
            ))
        }
        (jobs, assignments) => {
            let ids = jobs.iter().map(|id| format!("job {id}"));
            let all = ids.chain(assignments.iter().map(|id| format!("assignment {id}"))).collect();
            Err(ambiguous(text, "jobs or assignments", all))
        }
    }
}

/// The assignment that is meant.
pub async fn assignment(store: &dyn Store, text: &str) -> Result<AssignmentId, Failure> {
    check(text, "assignment")?;
    let found = store.assignments_like(text).await?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_assignment(store, text).await?),
        several => Err(ambiguous(text, "assignments", several.iter().map(ToString::to_string).collect())),
    }
}

/// The assignment that is meant by its own id or by that of one of its jobs: a run has one job, and logs name that too.
pub async fn run(store: &dyn Store, text: &str) -> Result<AssignmentId, Failure> {
    let failure = match assignment(store, text).await {
        Err(failure) if failure.kind == FailureKind::NotFound => failure,
        found => return found,
    };
    match job(store, text).await {
        Ok(job) => Ok(store.job(job).await?.ok_or(failure)?.0.id),
        Err(ambiguous) if ambiguous.kind == FailureKind::Ambiguous => Err(ambiguous),
        Err(_) => Err(failure),
    }
}

/// The job that is meant.
pub async fn job(store: &dyn Store, text: &str) -> Result<JobId, Failure> {
    check(text, "job")?;
    let found = store.jobs_like(text).await?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_job(store, text).await?),
        several => Err(ambiguous(text, "jobs", several.iter().map(ToString::to_string).collect())),
    }
}

/// The receipt that is meant, with its assignment.
pub async fn receipt(store: &dyn Store, text: &str) -> Result<(AssignmentId, ReceiptId), Failure> {
    check(text, "receipt")?;
    let found = store.receipts_like(text).await?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let message = format!("no receipt of any namespace has the id `{text}`");
            Err(Failure::new(FailureKind::NotFound, message)
                .hint("`agents evidence <assignment>` lists them"))
        }
        several => Err(ambiguous(text, "receipts", several.iter().map(|(_, id)| id.to_string()).collect())),
    }
}

fn check(text: &str, what: &str) -> Result<(), Failure> {
    let digits = text.chars().filter(|c| *c != '-').count();
    let is_hex = text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if !is_hex || digits == 0 || digits > 32 {
        return Err(Failure::new(FailureKind::NotFound, format!("`{text}` is not the id of any {what}"))
            .hint(format!(
                "an id is 32 hexadecimal digits; its beginning or its end is enough: `agents {}` lists them",
                if what == "receipt" { "evidence <assignment>".to_owned() } else { format!("{what}s") }
            )));
    }
    if digits < MIN_DIGITS {
        return Err(Failure::usage(format!("`{text}` is too short for an id"))
            .hint(format!("give at least {MIN_DIGITS} digits from its beginning or its end")));
    }
    Ok(())
}

async fn no_assignment(store: &dyn Store, text: &str) -> Result<Failure, Failure> {
    let failure =
        Failure::new(FailureKind::NotFound, format!("no assignment of any namespace has the id `{text}`"));
    if let [job] = store.jobs_like(text).await?.as_slice()
        && let Some((assignment, _)) = store.job(*job).await?
    {
        let (job, assignment) = (job.short(), assignment.id.short());
        return Ok(failure.hint(format!("{job} is a job of assignment {assignment}: use {assignment}")));
    }
    Ok(failure.hint("`agents assignments --all-namespaces` lists what there is"))
}

async fn no_job(store: &dyn Store, text: &str) -> Result<Failure, Failure> {
    let failure = Failure::new(FailureKind::NotFound, format!("no job of any namespace has the id `{text}`"));
    if let [assignment] = store.assignments_like(text).await?.as_slice() {
        let short = assignment.short();
        return Ok(
            failure.hint(format!("{short} is an assignment: `agents assignment {short}` lists its jobs"))
        );
    }
    Ok(failure.hint("`agents jobs --all-namespaces` lists what there is"))
}

fn ambiguous(text: &str, what: &str, found: Vec<String>) -> Failure {
    let mut failure = Failure::new(FailureKind::Ambiguous, format!("`{text}` fits several {what}"));
    for id in found {
        failure = failure.hint(format!("one is {id}"));
    }
    failure.hint("give more digits")
}
