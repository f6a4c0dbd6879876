//! Who runs this command: a person, or an agent that does a job. The environment of every agent says which.

use std::env::VarError;

use agents_domain::actor::Actor;
use agents_domain::id::{AssignmentId, AttemptId, JobId};
use agents_domain::upkeep::Upkeep;
use agents_orchestrator::process::keeper::attempts_above;
use agents_orchestrator::store::SqlStore;

use crate::failure::Failure;

/// Variables that an agent's environment has.
const JOB: &str = "AGENTS_JOB_ID";
const ATTEMPT: &str = "AGENTS_ATTEMPT_ID";
const ASSIGNMENT: &str = "AGENTS_ASSIGNMENT_ID";
const JOB_TYPE: &str = "AGENTS_JOB_TYPE";

/// Who runs this command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person at a terminal, or a script of theirs.
    Person,
    /// The PM, from inside its job.
    Pm(PmCaller),
    /// An agent that does a job of another type.
    Agent { job_type: String },
}

/// The PM job that a command is run from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PmCaller {
    pub assignment: AssignmentId,
    pub job: JobId,
    pub attempt: AttemptId,
}

impl PmCaller {
    /// The PM as who asks for a change.
    pub fn actor(self) -> Actor {
        Actor::Pm { job: self.job, attempt: self.attempt }
    }
}

impl Caller {
    /// The caller of this process.
    pub fn of_process() -> Result<Self, Failure> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Some(value),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
        })
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let (job, attempt) = (set(JOB), set(ATTEMPT));
        if job.is_none() && attempt.is_none() {
            return Ok(Caller::Person);
        }
        let job_type = set(JOB_TYPE).unwrap_or_else(|| "unknown".to_owned());
        if job_type != "pm" {
            return Ok(Caller::Agent { job_type });
        }
        Ok(Caller::Pm(PmCaller {
            assignment: parsed(ASSIGNMENT, set(ASSIGNMENT))?,
            job: parsed(JOB, job)?,
            attempt: parsed(ATTEMPT, attempt)?,
        }))
    }

    /// A process below the keeper of an attempt of this store is its agent's, whatever its environment says: only what that
    /// agent itself may do is open to it.
    pub async fn refuse_disguise(&self, store: &SqlStore) -> Result<(), Failure> {
        let claimed = match self {
            Caller::Agent { .. } => return Ok(()),
            Caller::Pm(pm) => Some(pm.attempt),
            Caller::Person => None,
        };
        let above: Vec<AttemptId> =
            attempts_above().into_iter().filter(|attempt| Some(*attempt) != claimed).collect();
        if above.is_empty() {
            return Ok(());
        }
        let Some(known) = store.standings(&above).await?.into_iter().next() else { return Ok(()) };
        Err(Failure::rejected(format!(
            "this runs below the agent of attempt {}, and its environment says something else",
            known.attempt.short()
        ))
        .hint("the runner sets AGENTS_ATTEMPT_ID and AGENTS_JOB_ID for every agent; leave them as they are"))
    }

    /// Only a person may do this.
    pub fn person_only(&self, what: &str) -> Result<(), Failure> {
        match self {
            Caller::Person => Ok(()),
            Caller::Pm(_) => Err(Failure::rejected(format!("a PM can't {what}")).hint(
                "a PM decides with `agents insert-job` or `agents update-assignment --status complete|blocked`",
            )),
            Caller::Agent { job_type } => Err(no_agent(job_type, what)),
        }
    }

    /// A person or the PM may do this.
    pub fn pm(&self, what: &str) -> Result<Option<PmCaller>, Failure> {
        match self {
            Caller::Person => Ok(None),
            Caller::Pm(pm) => Ok(Some(*pm)),
            Caller::Agent { job_type } => Err(no_agent(job_type, what)),
        }
    }
}

fn no_agent(job_type: &str, what: &str) -> Failure {
    Failure::rejected(format!("this is the agent of a {job_type} job, and only the PM and people can {what}"))
        .hint("say in your final answer what should come next; the PM reads it and decides")
}

fn parsed<T: std::str::FromStr>(name: &str, value: Option<String>) -> Result<T, Failure> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| {
        Failure::rejected(format!("environment variable {name} is `{value}`, which is no id"))
            .hint("the runner sets it for every agent; don't change it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn caller(variables: &[(&str, &str)]) -> Result<Caller, Failure> {
        Caller::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_who_calls() {
        assert_eq!(caller(&[]), Ok(Caller::Person));
        assert_eq!(caller(&[(JOB, ""), (ASSIGNMENT, ID)]), Ok(Caller::Person));
        let agent = Caller::Agent { job_type: "review".to_owned() };
        assert_eq!(caller(&[(JOB, ID), (JOB_TYPE, "review")]), Ok(agent));
        let pm = [(JOB, ID), (ATTEMPT, ID), (ASSIGNMENT, ID), (JOB_TYPE, "pm")];
        assert!(matches!(caller(&pm), Ok(Caller::Pm(_))));
    }

    #[test]
    fn a_pm_without_its_ids_is_refused_and_not_taken_for_a_person() {
        assert!(caller(&[(JOB, ID), (JOB_TYPE, "pm")]).is_err());
        assert!(caller(&[(JOB, "x"), (ATTEMPT, ID), (ASSIGNMENT, ID), (JOB_TYPE, "pm")]).is_err());
    }
}
