//! A staged decision as the JSON of its column. Not the form in which an agent writes one.

use agents_domain::decision::{Decision, NewJob, Place};
use agents_domain::job_type::JobType;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
enum Column {
    InsertJob {
        reason: String,
        jobs: Vec<JobColumn>,
        #[serde(default)]
        accept: Vec<String>,
    },
    Complete {
        reason: String,
        #[serde(default)]
        // Pairs, because serde can't read numbers as keys inside of a tagged enum.
        ties: Vec<(u32, String)>,
    },
    Blocked {
        reason: String,
        question: Option<String>,
    },
    Continue {
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct JobColumn {
    id: String,
    job_type: String,
    harness: Option<String>,
    model: Option<String>,
    context: String,
    timeout_ms: Option<u64>,
    place: String,
}

/// The column's text.
pub(super) fn write(decision: &Decision) -> String {
    let column = match decision.clone() {
        Decision::InsertJobs { reason, jobs, accept } => Column::InsertJob {
            reason,
            accept,
            jobs: jobs.into_iter().map(|(job, place)| job_column(job, place)).collect(),
        },
        Decision::Complete { reason, ties } => Column::Complete { reason, ties: ties.into_iter().collect() },
        Decision::Blocked { reason, question } => Column::Blocked { reason, question },
        Decision::Continue { reason } => Column::Continue { reason },
    };
    serde_json::to_string(&column).expect("texts and numbers can always be written as JSON")
}

/// The decision in the column, if it is one.
pub(super) fn read(text: &str) -> Option<Decision> {
    Some(match serde_json::from_str(text).ok()? {
        Column::InsertJob { reason, jobs, accept } => {
            Decision::InsertJobs { reason, jobs: jobs.into_iter().map(job).collect::<Option<_>>()?, accept }
        }
        Column::Complete { reason, ties } => Decision::Complete { reason, ties: ties.into_iter().collect() },
        Column::Blocked { reason, question } => Decision::Blocked { reason, question },
        Column::Continue { reason } => Decision::Continue { reason },
    })
}

fn job_column(job: NewJob, place: Place) -> JobColumn {
    JobColumn {
        id: job.id.to_string(),
        job_type: job.job_type.to_string(),
        harness: job.harness,
        model: job.model,
        context: job.context,
        timeout_ms: job.timeout_ms,
        place: match place {
            Place::End => "end".to_owned(),
            Place::First => "first".to_owned(),
            Place::After(job) => job.to_string(),
        },
    }
}

fn job(column: JobColumn) -> Option<(NewJob, Place)> {
    let place = match column.place.as_str() {
        "end" => Place::End,
        "first" => Place::First,
        after => Place::After(after.parse().ok()?),
    };
    let job = NewJob {
        id: column.id.parse().ok()?,
        job_type: JobType::new(column.job_type).ok()?,
        harness: column.harness,
        model: column.model,
        context: column.context,
        timeout_ms: column.timeout_ms,
    };
    Some((job, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_completion_keeps_what_shows_each_criterion() {
        let ties = [(1, "4d3f21aa".to_owned()), (12, "cargo test".to_owned())].into();
        let decision = Decision::Complete { reason: "r".to_owned(), ties };
        assert_eq!(read(&write(&decision)), Some(decision));
    }
}
