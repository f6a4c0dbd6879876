//! `data/runs/*/run.json`: what a workload has done once.

use agents_definitions::Problem;
use agents_definitions::node::Node;
use agents_domain::run::RunStatus;
use agents_domain::timestamp::Timestamp;

use crate::import::fields::Fields;
use crate::import::planned::{Import, NoteKind, PlannedRun, RunTrigger};
use crate::import::{SourceFile, name};

/// Reads a run. `None`: it has not ended.
pub fn read(
    (file, node): (&SourceFile, &Node),
    import: &mut Import,
) -> Result<Option<PlannedRun>, Vec<Problem>> {
    let mut fields = Fields::new(node, "a run");
    let run = fit(&mut fields, file);
    let at = fields.place(&["status"]);
    let Some(run) = run.filter(|_| fields.problems.is_empty()) else {
        return Err(fields.problems);
    };
    if !run.status.is_final() {
        let what = format!("run {}", run.key);
        let why = "it has not ended; import again when it has, or leave it";
        import.note(NoteKind::Skipped, (&file.name, at), (what, why));
        return Ok(None);
    }
    Ok(Some(run))
}

fn fit(fields: &mut Fields<'_>, file: &SourceFile) -> Option<PlannedRun> {
    let folder = file.name.rsplit('/').nth(1).unwrap_or(&file.name).to_owned();
    let key = fields.text(&["instanceId", "id"]).unwrap_or(folder);
    let workload =
        fields.needed(&["workloadId", "jobId", "planId"], "name the workload that it was a run of");
    let status = status(fields);
    if fields.get(&["startedAt"]).is_none() {
        let at = fields.at;
        fields.problem(at, "`startedAt` is missing", "write it like 2026-01-29T14:52:59Z");
    }
    let started_at = fields.moment(&["startedAt"]);
    let completed_at = fields.moment(&["completedAt"]);
    let duration = fields.get(&["duration"]).and_then(|(_, node)| node.json().as_f64());
    let trigger = trigger(fields);
    let input = fields.get(&["input"]).map(|(_, node)| node.json().to_string());
    let output = fields.text(&["primaryOutput"]);
    let error = fields.text(&["error"]);
    let started_at = started_at?;
    // Whole milliseconds of a number that was measured.
    #[allow(clippy::cast_possible_truncation, reason = "a duration that is out of range is at its end")]
    let after =
        |millis: f64| Timestamp::from_millis(started_at.as_millis().saturating_add(millis.max(0.0) as i64));
    let ended_at = completed_at.or_else(|| duration.map(after));
    if let Some(ended) = ended_at.filter(|ended| *ended < started_at) {
        let at = fields.place(&["completedAt"]);
        fields.problem(at, format!("it ended at {ended}, before it began"), "correct one of the two times");
    }
    Some(PlannedRun {
        key,
        source: file.name.clone(),
        definition: workload.map(|id| name::slug(&id).unwrap_or(id))?,
        status: status?,
        trigger,
        started_at,
        ended_at,
        input: input.filter(|input| input != "{}"),
        output,
        error,
    })
}

fn status(fields: &mut Fields<'_>) -> Option<RunStatus> {
    let name = fields.needed(&["status"], "use pending, running, completed, failed or cancelled")?;
    let status = RunStatus::from_name(&name);
    if status.is_none() {
        let at = fields.place(&["status"]);
        let hint = "use pending, running, completed, failed or cancelled";
        fields.problem(at, format!("there is no status `{name}`"), hint);
    }
    status
}

/// `manual`, `api`, `schedule`, or the name of a schedule.
fn trigger(fields: &mut Fields<'_>) -> RunTrigger {
    match fields.text(&["createdBy", "triggeredBy"]).as_deref() {
        None | Some("manual" | "") => RunTrigger::Manual,
        Some("api") => RunTrigger::Api,
        Some("schedule") => RunTrigger::Schedule(None),
        Some(name) => {
            let name = name.strip_prefix("schedule:").unwrap_or(name);
            RunTrigger::Schedule(name::slug(name))
        }
    }
}
