//! Attempts that a command has asked their runners to end, as the command tells of them.

use agents_domain::history::EventKind;
use agents_domain::id::{AttemptId, JobId};
use agents_domain::store::Receipt;
use serde::Serialize;

/// An attempt that is being ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    job: String,
    #[serde(rename = "type")]
    job_type: String,
    attempt: String,
    #[serde(skip)]
    words: String,
}

impl Ending {
    /// Those that the command has asked for, in order.
    pub fn of(receipt: &Receipt, asked: EventKind) -> Vec<Self> {
        let events = receipt.events.iter().filter(|event| event.kind == asked);
        let ending = |event: &agents_domain::history::HistoryEvent| {
            let job_type = event.detail("type").unwrap_or("job");
            Some(Self::new(job_type, event.job?, event.attempt?))
        };
        events.filter_map(ending).collect()
    }

    /// This one.
    pub fn new(job_type: &str, job: JobId, attempt: AttemptId) -> Self {
        Self {
            job: job.to_string(),
            job_type: job_type.to_owned(),
            attempt: attempt.to_string(),
            words: format!("attempt {} of {job_type} {}", attempt.short(), job.short()),
        }
    }

    /// Which attempt of which job.
    pub fn words(&self) -> &str {
        &self.words
    }
}
