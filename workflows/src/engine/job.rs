//! From a step to its job.

use agents_definitions::{Resolved, Worker, resolve_named};
use agents_domain::decision::NewJob;
use agents_domain::id::JobId;
use agents_domain::job_type::JobType;
use agents_domain::workflow::{NoTurn, StepJob, StepStatus, Then};
use agents_harnesses::skill::{self, SkillSpec};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::state::Phase;
use super::turning::{Next, Turning};
use crate::expression::Scope;
use crate::output::{schema, sentence};
use crate::workflow::{Output, StepIndex, Work};

impl Turning<'_> {
    /// The job of a worker.
    pub(super) fn work(&mut self, index: StepIndex, work: &Work) -> Result<Next, NoTurn> {
        let step = self.step(index);
        let scope = self.scope(index)?;
        let mut config = work.config.clone();
        if work.worker == Worker::Ai
            && !config.contains_key("schema")
            && let Some(schema) = schema(&step.outputs)
        {
            config.insert("schema".to_owned(), schema);
        }
        let told = match self.resolved(&scope, work.worker, &config)? {
            Ok(resolved) => self.told(resolved, &step.outputs),
            Err(failure) => Err(failure),
        };
        match told.and_then(|told| Ok((told, job_type(work)?))) {
            Ok((told, job_type)) => {
                let job = self.new_job(told, job_type, step.timeout_ms);
                let id = job.id.to_string();
                self.job(index, job, Phase::Works { job: id })
            }
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    /// The job of a guard's command.
    pub(super) fn guard_job(
        &mut self,
        index: StepIndex,
        config: &Map<String, Value>,
        (guard, failed): (usize, u32),
    ) -> Result<Next, NoTurn> {
        let scope = self.scope(index)?;
        match self.resolved(&scope, Worker::Exec, config)? {
            Ok(told) => {
                let job = self.new_job(told, JobType::run(), self.step(index).timeout_ms);
                let id = job.id.to_string();
                self.job(index, job, Phase::Guards { guard, failed, job: id })
            }
            Err(failure) => Ok(Next::Fail { step: index, failure }),
        }
    }

    fn job(&mut self, index: StepIndex, job: NewJob, phase: Phase) -> Result<Next, NoTurn> {
        let mut row = self.present(index)?;
        row.status = StepStatus::Running;
        row.job = Some(job.id);
        self.put(row);
        self.stand(index, phase)?;
        let limits = self.step(index).limits.clone();
        Ok(Next::Pause(Then::Job(Box::new(StepJob { job, limits }))))
    }

    fn new_job(&self, told: Resolved, job_type: JobType, timeout_ms: Option<u64>) -> NewJob {
        NewJob {
            id: JobId::new(self.ask.ids.next()),
            job_type,
            harness: told.harness,
            model: told.model,
            context: told.context,
            timeout_ms,
        }
    }

    fn resolved(
        &self,
        scope: &Scope,
        worker: Worker,
        config: &Map<String, Value>,
    ) -> Result<Result<Resolved, Failure>, NoTurn> {
        let found = resolve_named(worker, config, scope.names());
        let wanted = self.rows.wanted();
        if !wanted.is_empty() {
            return Err(NoTurn::Needs(wanted));
        }
        Ok(found.map_err(|problems| Failure::expression(explained(scope, config, &problems))))
    }

    /// What the harness is told: of a skill, that which its file says; of an agent, also what it must end with.
    fn told(&self, resolved: Resolved, outputs: &[Output]) -> Result<Resolved, Failure> {
        let mut told = if resolved.worker == Worker::Skill { self.of_skill(resolved)? } else { resolved };
        if matches!(told.worker, Worker::Agent | Worker::Skill)
            && let Some(sentence) = sentence(outputs)
        {
            told.context = format!("{}{sentence}", told.context.trim_end());
        }
        Ok(told)
    }

    fn of_skill(&self, resolved: Resolved) -> Result<Resolved, Failure> {
        let spec: SkillSpec = serde_json::from_str(&resolved.context)
            .map_err(|error| Failure::expression(format!("the skill's params can't be read: {error}")))?;
        let skill = self.graph.skills.get(&spec.skill).ok_or_else(|| {
            let why = "it was not installed when the run was started; `agents skills` lists what is";
            Failure::expression(format!("there is no skill `{}`: {why}", spec.skill))
        })?;
        let harness = spec.harness.clone().unwrap_or_else(|| skill.harness.clone());
        let context = skill::prompt(&spec, &skill.file);
        Ok(Resolved { harness: Some(harness), model: spec.model, context, ..resolved })
    }
}

fn job_type(work: &Work) -> Result<JobType, Failure> {
    match work.job_type.as_deref() {
        Some(name) if work.worker == Worker::Agent => {
            JobType::new(name).map_err(|error| Failure::expression(error.to_string()))
        }
        Some(_) | None => Ok(JobType::run()),
    }
}

/// The problems, and the names that come to nothing.
fn explained(scope: &Scope, config: &Map<String, Value>, problems: &[String]) -> String {
    let mut texts = Vec::new();
    config.values().for_each(|value| texts_of(value, &mut texts));
    let mut absent: Vec<String> = texts.iter().flat_map(|text| scope.absent(text)).collect();
    absent.sort();
    absent.dedup();
    let said = problems.join("; ");
    if absent.is_empty() { said } else { format!("`{}` is not there: {said}", absent.join("`, `")) }
}

fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| texts_of(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
