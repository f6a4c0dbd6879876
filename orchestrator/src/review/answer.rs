//! Reads a PM's decision out of its final answer: the whole answer as JSON, or its last fenced block.

use agents_domain::decision::{Decision, NewJob, Place};
use agents_domain::evidence::Ties;
use agents_domain::id::{IdSource, JobId};
use agents_domain::job_type::JobType;
use serde::Deserialize;

use super::json_block::candidate;

/// The JSON Schema of a decision, for CLIs that can enforce one. Every property is required, because one of
/// the providers accepts no other schema; what does not apply is null.
pub const SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["decision", "reason", "question", "jobs", "accept", "criteria"],
  "properties": {
    "decision": {"type": "string", "enum": ["insert_job", "complete", "blocked", "continue"]},
    "reason": {"type": "string"},
    "question": {"type": ["string", "null"]},
    "accept": {"type": ["array", "null"], "items": {"type": "string"}},
    "criteria": {
      "type": ["array", "null"],
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["number", "evidence"],
        "properties": {
          "number": {"type": "integer"},
          "evidence": {"type": "string"}
        }
      }
    },
    "jobs": {
      "type": ["array", "null"],
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["type", "harness", "model", "context", "timeoutMs"],
        "properties": {
          "type": {"type": "string"},
          "harness": {"type": ["string", "null"]},
          "model": {"type": ["string", "null"]},
          "context": {"type": "string"},
          "timeoutMs": {"type": ["integer", "null"]}
        }
      }
    }
  }
}"#;

/// What a decision may name.
#[derive(Debug, Clone)]
pub struct Allowed {
    pub job_types: Vec<String>,
    pub harnesses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    decision: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    question: Option<String>,
    #[serde(default)]
    jobs: Option<Vec<JobAnswer>>,
    #[serde(default)]
    accept: Option<Vec<String>>,
    #[serde(default)]
    criteria: Option<Vec<TieAnswer>>,
}

#[derive(Deserialize)]
struct TieAnswer {
    number: u32,
    evidence: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobAnswer {
    #[serde(rename = "type")]
    job_type: String,
    #[serde(default)]
    harness: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    context: String,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// The decision in a final answer; else what is wrong, in words that the PM can act on.
pub fn read(answer: &str, allowed: &Allowed, ids: &dyn IdSource) -> Result<Decision, String> {
    let json = candidate(answer)
        .ok_or("the answer has no decision: no JSON object, bare or in a last fenced block")?;
    let answer: Answer =
        serde_json::from_str(json).map_err(|error| format!("the decision is not valid: {error}"))?;
    let reason = answer.reason.unwrap_or_default().trim().to_owned();
    let has_reason = |name: &str| match reason.is_empty() {
        true => Err(format!("`{name}` needs a reason")),
        false => Ok(()),
    };
    match answer.decision.as_str() {
        "insert_job" => {
            let jobs = answer.jobs.unwrap_or_default();
            if jobs.is_empty() {
                return Err("`insert_job` needs at least one job in `jobs`".to_owned());
            }
            let jobs =
                jobs.into_iter().map(|job| new_job(job, allowed, ids)).collect::<Result<Vec<_>, _>>()?;
            Ok(Decision::InsertJobs { reason, jobs, accept: answer.accept.unwrap_or_default() })
        }
        "complete" => {
            has_reason("complete")?;
            Ok(Decision::Complete { reason, ties: ties(answer.criteria.unwrap_or_default())? })
        }
        "continue" => has_reason("continue").map(|()| Decision::Continue { reason }),
        "blocked" => {
            has_reason("blocked")?;
            let question = answer.question.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            Ok(Decision::Blocked { reason, question })
        }
        other => Err(format!("`{other}` is no decision: insert_job, complete, blocked or continue")),
    }
}

fn ties(answers: Vec<TieAnswer>) -> Result<Ties, String> {
    let mut ties = Ties::new();
    for TieAnswer { number, evidence } in answers {
        if ties.insert(number, evidence).is_some() {
            return Err(format!(
                "`criteria` ties criterion {number} twice; the one best piece of evidence counts"
            ));
        }
    }
    Ok(ties)
}

fn new_job(job: JobAnswer, allowed: &Allowed, ids: &dyn IdSource) -> Result<(NewJob, Place), String> {
    let known_type = allowed.job_types.contains(&job.job_type);
    let job_type = JobType::new(&job.job_type).map_err(|error| error.to_string())?;
    if !known_type || job_type.is_pm() || job_type.is_chat() {
        return Err(format!(
            "`{}` is no job type that can be inserted: {}",
            job.job_type,
            allowed.job_types.join(", ")
        ));
    }
    let harness = job.harness.filter(|name| !name.is_empty());
    if let Some(name) = harness.as_ref().filter(|name| !allowed.harnesses.contains(name)) {
        return Err(format!("there is no agent `{name}`: {}", allowed.harnesses.join(", ")));
    }
    if job.timeout_ms == Some(0) {
        return Err("`timeoutMs` can't be 0".to_owned());
    }
    let id = JobId::new(ids.next());
    let model = job.model.filter(|name| !name.is_empty());
    let new = NewJob { id, job_type, harness, model, context: job.context, timeout_ms: job.timeout_ms };
    Ok((new, Place::First))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    struct Ids;

    impl IdSource for Ids {
        fn next(&self) -> Uuid {
            Uuid::from_u128(7)
        }
    }

    fn decided(answer: &str) -> Result<Decision, String> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let allowed =
            Allowed { job_types: names(&["plan", "review", "pm"]), harnesses: names(&["claude", "codex"]) };
        read(answer, &allowed, &Ids)
    }

    fn review(harness: Option<&str>) -> Decision {
        let job = NewJob {
            id: JobId::new(Uuid::from_u128(7)),
            job_type: JobType::new("review").unwrap(),
            harness: harness.map(str::to_owned),
            model: None,
            context: "look".into(),
            timeout_ms: None,
        };
        Decision::InsertJobs { reason: "r".into(), jobs: vec![(job, Place::First)], accept: Vec::new() }
    }

    #[test]
    fn a_decision_is_read_bare_or_from_the_last_fenced_block() {
        let json = r#"{"decision":"insert_job","reason":"r","jobs":[{"type":"review","harness":"codex","context":"look"}]}"#;
        assert_eq!(decided(json), Ok(review(Some("codex"))));
        assert_eq!(decided(&format!("Well.\n```json\n{json}\n```\n")), Ok(review(Some("codex"))));
        let two =
            format!("```json\n{{\"decision\":\"complete\",\"reason\":\"x\"}}\n```\nNo:\n```\n{json}\n```");
        assert_eq!(decided(&two), Ok(review(Some("codex"))));
    }

    #[test]
    fn null_means_absent_as_the_schema_has_it() {
        let json = r#"{"decision":"insert_job","reason":"r","question":null,"jobs":[{"type":"review","harness":null,"model":null,"context":"look","timeoutMs":null}]}"#;
        assert_eq!(decided(json), Ok(review(None)));
    }

    #[test]
    fn what_shows_each_criterion_and_what_else_must_hold_are_read() {
        let json = r#"{"decision":"complete","reason":"r","question":null,"jobs":null,"accept":null,"criteria":[{"number":2,"evidence":"4d3f21aa"},{"number":1,"evidence":"x"}]}"#;
        let ties = Ties::from([(1, "x".to_owned()), (2, "4d3f21aa".to_owned())]);
        assert_eq!(decided(json), Ok(Decision::Complete { reason: "r".into(), ties }));
        let json = r#"{"decision":"insert_job","reason":"r","jobs":[{"type":"review","context":"look"}],"accept":["it works"]}"#;
        let Decision::InsertJobs { reason, jobs, .. } = review(None) else { unreachable!() };
        let expected = Decision::InsertJobs { reason, jobs, accept: vec!["it works".to_owned()] };
        assert_eq!(decided(json), Ok(expected));
    }

    #[test]
    fn the_schema_requires_every_property_as_one_provider_wants_it() {
        fn check(schema: &serde_json::Value) {
            if let Some(properties) = schema["properties"].as_object() {
                let required: Vec<&str> =
                    schema["required"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
                let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
                let mut sorted = required.clone();
                names.sort();
                sorted.sort();
                assert_eq!(names, sorted);
                assert_eq!(schema["additionalProperties"], false);
                properties.values().for_each(check);
            }
            if schema["items"].is_object() {
                check(&schema["items"]);
            }
        }
        check(&serde_json::from_str(SCHEMA).unwrap());
    }

    #[test]
    fn a_fence_inside_a_longer_fence_is_not_the_last_block() {
        let answer = "````\n```json\n{\"decision\":\"complete\",\"reason\":\"x\"}\n```\n````\nso long";
        assert!(decided(answer).is_err());
    }

    #[test]
    fn what_is_wrong_is_said_in_words_that_the_pm_can_act_on() {
        let wrong = |answer: &str, part: &str| {
            let error = decided(answer).unwrap_err();
            assert!(error.contains(part), "{answer}: {error}");
        };
        wrong("All good, mark it complete.", "no decision");
        wrong(r#"{"decision":"done","reason":"x"}"#, "`done` is no decision");
        wrong(r#"{"decision":"complete"}"#, "needs a reason");
        wrong(r#"{"decision":"insert_job","reason":"x","jobs":[]}"#, "at least one job");
        wrong(
            r#"{"decision":"insert_job","reason":"x","jobs":[{"type":"dance"}]}"#,
            "`dance` is no job type",
        );
        wrong(r#"{"decision":"insert_job","reason":"x","jobs":[{"type":"pm"}]}"#, "`pm` is no job type");
        wrong(
            r#"{"decision":"insert_job","reason":"x","jobs":[{"type":"plan","harness":"gpt"}]}"#,
            "no agent `gpt`",
        );
        wrong(
            r#"{"decision":"complete","reason":"x","criteria":[{"number":1,"evidence":"a"},{"number":1,"evidence":"b"}]}"#,
            "criterion 1 twice",
        );
        wrong(r#"{"decision":"complete","reason":"x""#, "no decision");
        wrong(r#"{"decision":["complete"],"reason":"x"}"#, "not valid");
    }
}
