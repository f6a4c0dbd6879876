//! Pieces of scripts that many tests need (`docs/scripted-agent.md`).

use serde_json::{Value, json};

/// What agents do for a type of job.
pub fn on(job_type: &str, steps: Value) -> Value {
    json!({"when": {"jobType": job_type}, "steps": steps})
}

/// What the agent of the n-th job of a type does.
pub fn on_nth(job_type: &str, nth: u32, steps: Value) -> Value {
    json!({"when": {"jobType": job_type, "nth": nth}, "steps": steps})
}

/// What the agent of a try of a job does.
pub fn on_attempt(job_type: &str, attempt: u32, steps: Value) -> Value {
    json!({"when": {"jobType": job_type, "attempt": attempt}, "steps": steps})
}

/// What an agent does whose prompt has this part.
pub fn on_prompt(job_type: &str, part: &str, steps: Value) -> Value {
    json!({"when": {"jobType": job_type, "prompt": part}, "steps": steps})
}

/// The PM completes whatever it sees.
pub fn pm_completes() -> Value {
    on("pm", json!([complete("It is done.")]))
}

/// The PM gives up whatever it sees.
pub fn pm_blocks() -> Value {
    on("pm", json!([blocked("The PM has seen it.")]))
}

/// The decision to complete.
pub fn complete(reason: &str) -> Value {
    json!({"decision": {"decision": "complete", "reason": reason}})
}

/// The decision that a person is needed.
pub fn blocked(reason: &str) -> Value {
    json!({"decision": {"decision": "blocked", "reason": reason}})
}

/// The decision that what waits is right.
pub fn go_on() -> Value {
    json!({"decision": {"decision": "continue", "reason": "The list is right."}})
}

/// The decision on one more job.
pub fn insert(job_type: &str, context: &str) -> Value {
    let job = json!({"type": job_type, "context": context});
    json!({"decision": {"decision": "insert_job", "reason": "It comes next.", "jobs": [job]}})
}

/// Waits for that file of the repository, longer than any test.
pub fn wait_for(file: &str) -> Value {
    json!({"waitFor": {"file": file, "timeoutMs": 120_000}})
}

/// Works longer than any test.
pub fn work_for_ever() -> Value {
    json!({"wait": {"ms": 600_000}})
}

/// Runs a line of shell.
pub fn shell(line: &str) -> Value {
    json!({"run": {"argv": ["sh", "-c", line]}})
}
