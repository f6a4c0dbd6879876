//! Who reviews: where there is another harness than the worker's, that one, since agents of one kind share their blind spots.

use super::{Aggregate, HarnessDefaults};
use crate::access::Access;
use crate::decision::NewJob;
use crate::job::JobStatus;
use crate::job_type::JobType;

/// Which harnesses review what another one has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reviewers {
    /// Those that can be used, the best first.
    pub harnesses: Vec<String>,
    /// The model of a review that the worker's own harness does all the same.
    pub model: Option<String>,
}

impl HarnessDefaults {
    /// The harness and the model for a review of that harness's work.
    fn for_review_of(&self, author: &str) -> (&str, Option<&str>) {
        let reviewers = self.reviewers.harnesses.iter().map(String::as_str);
        let other = std::iter::once(self.default.as_str()).chain(reviewers).find(|name| *name != author);
        match other {
            // The default is used also where nobody knows whether it is there, as for all other jobs.
            Some(other) => (other, None),
            None => (&self.default, self.reviewers.model.as_deref()),
        }
    }
}

impl Aggregate {
    /// The harness and the model that a new job gets.
    pub(super) fn harness_of(&self, new: &NewJob, defaults: &HarnessDefaults) -> (String, Option<String>) {
        if let Some(harness) = &new.harness {
            return (harness.clone(), new.model.clone());
        }
        let author = self.author().filter(|_| is_left_open(new, defaults));
        let (harness, model) = match author {
            Some(author) => defaults.for_review_of(author),
            None => (defaults.harness_for(&new.job_type), None),
        };
        (harness.to_owned(), new.model.clone().or(model.map(str::to_owned)))
    }

    /// The harness of the last job that has changed the tree, as far as its type tells.
    fn author(&self) -> Option<&str> {
        let has_edited =
            |job: &&crate::job::Job| job.status() == JobStatus::Completed && may_edit(&job.job_type);
        self.jobs.iter().rfind(has_edited).map(|job| job.harness.as_str())
    }
}

/// A review for which neither the config nor the job says who does it. A model is of one harness, so it says that too.
fn is_left_open(new: &NewJob, defaults: &HarnessDefaults) -> bool {
    let has_own = defaults.by_type.contains_key(new.job_type.as_str());
    new.job_type.is_review() && new.model.is_none() && !has_own
}

fn may_edit(job_type: &JobType) -> bool {
    match job_type.default_access() {
        Access::Edit | Access::Full => true,
        Access::ReadOnly | Access::ReadOnlyAndAgents => false,
    }
}
