//! `data/schedules/*.json`: when a workload runs.

use agents_calendar::{Pattern, Zone};
use agents_definitions::node::Node;
use agents_definitions::{At, Problem};
use agents_domain::schedule::{MissedPolicy, Overlap};

use super::{ConductorOptions, Workloads};
use crate::import::fields::Fields;
use crate::import::planned::{Import, NoteKind, PlannedSchedule};
use crate::import::{SourceFile, name};

/// So many missed due times are caught up: hs-conductor stops looking after as many.
const CAUGHT_UP: u32 = 1000;

/// Fields that say nothing that is needed.
const LEFT_OUT: [&str; 5] = ["createdAt", "updatedAt", "nextRunAt", "lastRunStatus", "description"];

/// Why a schedule is not left on.
const PARAMS_UNFIT: &str =
    "its params are not what the workload's inputs want; see `agents schedule edit --param`";

/// Reads a schedule. `None`: it can't come over, and the report says why.
pub fn read(
    (file, node): (&SourceFile, &Node),
    (workloads, options): (&Workloads, &ConductorOptions),
    import: &mut Import,
) -> Result<Option<PlannedSchedule>, Vec<Problem>> {
    let mut fields = Fields::new(node, "a schedule");
    let schedule = fit(&mut fields, file, options);
    fields.get(&LEFT_OUT);
    let unknown: Vec<(At, String)> = fields.unknown().iter().map(|key| (key.at, key.name.clone())).collect();
    let policy_at = fields.place(&["missedExecutionPolicy", "missedPolicy"]);
    let workload_at = fields.place(&["workloadId", "workload", "jobId"]);
    let is_logged = fields.text(&["missedExecutionPolicy"]).as_deref() == Some("log");
    let Some(mut schedule) = schedule.filter(|_| fields.problems.is_empty()) else {
        return Err(fields.problems);
    };
    let mut skip =
        |what: String, why: &str| import.note(NoteKind::Skipped, (&file.name, workload_at), (what, why));
    let Some(workload) = workloads.get(&schedule.definition) else {
        skip(
            format!("workload {}", schedule.definition),
            "no file in workloads/ has this id, so there is nothing to start",
        );
        return Ok(None);
    };
    let Some(known) = &workload.known else {
        skip(format!("schedule {}", schedule.name), "its workload is not imported");
        return Ok(None);
    };
    schedule.definition.clone_from(&workload.name);
    let (params, dropped) = workload.params(std::mem::take(&mut schedule.params));
    for name in dropped {
        skip(format!("param {name}"), "the workload has no such input");
    }
    let is_complete = agents_definitions::accept(&known.params, &params).is_ok();
    schedule.params = params;
    let unfit = if is_complete { workload.unfit_here } else { Some(PARAMS_UNFIT) };
    if let Some(why) = unfit.filter(|_| schedule.is_on) {
        schedule.is_on = false;
        let what = format!("schedule {} is switched off", schedule.name);
        import.note(NoteKind::Changed, (&file.name, workload_at), (what, why));
    }
    if is_logged {
        let why = "missed due times are not started, as there; `agents schedule show` lists them";
        import.note(NoteKind::Changed, (&file.name, policy_at), ("policy log is now skip".to_owned(), why));
    }
    for (at, key) in unknown {
        let why = match key.as_str() {
            "event" | "events" | "trigger" | "triggers" => {
                "an event of Inngest starts nothing here; subscribe to an event of ours instead"
            }
            _ => "hs-conductor knows no such field",
        };
        import.note(NoteKind::Skipped, (&file.name, at), (format!("field {key}"), why));
    }
    Ok(Some(schedule))
}

/// The schedule as its own file has it; the definition is still the workload's id.
fn fit(fields: &mut Fields<'_>, file: &SourceFile, options: &ConductorOptions) -> Option<PlannedSchedule> {
    let id = fields.needed(&["id", "name"], "add an id: the name of the file without .json");
    let label = fields.text(&["name"]);
    let workload = fields.needed(&["workloadId", "workload", "jobId"], "name the workload that it starts");
    let zone = zone(fields, options);
    let pattern = pattern(fields);
    let is_on = fields.flag(&["enabled"]).unwrap_or(true);
    let params = fields.object(&["params", "input"]);
    let missed = missed(fields);
    let last_run_at = fields.moment(&["lastRunAt"]);
    let id = id?;
    let name = name::slug(&id).or_else(|| name::slug(&label?));
    if name.is_none() {
        let at = fields.place(&["id", "name"]);
        fields.problem(at, format!("no name can be made of `{id}`"), "use letters and digits");
    }
    let (pattern, is_cron) = pattern?;
    Some(PlannedSchedule {
        name: name?,
        source: file.name.clone(),
        pattern,
        is_cron,
        zone: zone?,
        definition: workload?,
        params,
        missed: missed?,
        overlap: if matches!(missed?, MissedPolicy::Catchup { .. }) { Overlap::Queue } else { Overlap::Skip },
        is_on,
        last_run_at,
    })
}

fn zone(fields: &mut Fields<'_>, options: &ConductorOptions) -> Option<String> {
    const NAMES: [&str; 3] = ["timezone", "timeZone", "zone"];
    let Some(named) = fields.text(&NAMES) else { return Some(options.zone.clone()) };
    match Zone::parse(&named) {
        Ok(zone) => Some(zone.name().to_owned()),
        Err(error) => {
            let at = fields.place(&NAMES);
            fields.problem(at, error.to_string(), "correct the zone");
            None
        }
    }
}

/// The pattern, and whether it is a cron pattern.
fn pattern(fields: &mut Fields<'_>) -> Option<(String, bool)> {
    let (cron, interval) = (fields.text(&["cron"]), fields.text(&["interval"]));
    let read = match (&cron, &interval) {
        (Some(text), None) => Pattern::cron(text),
        (None, Some(text)) => Pattern::interval(text),
        (None, None) => {
            let at = fields.at;
            fields.problem(at, "it has neither `cron` nor `interval`", "write one: \"cron\": \"0 9 * * *\"");
            return None;
        }
        (Some(_), Some(_)) => {
            let at = fields.place(&["interval"]);
            fields.problem(at, "it has both `cron` and `interval`", "make one of the two null");
            return None;
        }
    };
    if let Err(error) = read {
        let at = fields.place(if cron.is_some() { &["cron"] } else { &["interval"] });
        fields.problem(
            at,
            error.to_string(),
            "correct it; `agents schedule preview` shows what a pattern means",
        );
        return None;
    }
    let is_cron = cron.is_some();
    cron.or(interval).map(|text| (text.trim().to_owned(), is_cron))
}

fn missed(fields: &mut Fields<'_>) -> Option<MissedPolicy> {
    const NAMES: [&str; 2] = ["missedExecutionPolicy", "missedPolicy"];
    let Some(policy) = fields.text(&NAMES) else { return Some(MissedPolicy::Skip) };
    match policy.as_str() {
        "catchup" => Some(MissedPolicy::Catchup { cap: CAUGHT_UP, window: None }),
        "last" => Some(MissedPolicy::Last),
        // With `log`, the default, hs-conductor only writes that something was missed.
        "skip" | "log" => Some(MissedPolicy::Skip),
        _ => {
            let at = fields.place(&NAMES);
            fields.problem(at, format!("there is no policy `{policy}`"), "use catchup, last, skip or log");
            None
        }
    }
}
