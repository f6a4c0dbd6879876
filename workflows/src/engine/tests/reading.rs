//! From a snapshot to a flow, and what a skill's step makes of it.

use std::collections::BTreeMap;

use agents_domain::id::AssignmentId;
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, FlowReader, Known, Signal, Then};
use serde_json::json;
use uuid::Uuid;

use super::{NoIds, facts};
use crate::engine::Reader;
use crate::{Modules, SnapshotSkill, read, snapshot};

const TEXT: &str = "\
name: Mending
steps:
  - id: mend-it
    skill: { skill: mending, action: \"Mend {{ params.what }}\" }
    outputs: [{ name: mended, type: boolean }]
params:
  what: { required: true }
";

fn begun(skills: &BTreeMap<String, SnapshotSkill>) -> Then {
    let workflow = read(TEXT, "mending.yaml", "mending", &Modules::default());
    let workflow = workflow.unwrap_or_else(|problems| panic!("{problems}"));
    let flow = Reader.read(&snapshot(&workflow, TEXT, &Modules::default(), skills)).unwrap();
    let ask = Ask {
        run: AssignmentId::new(Uuid::nil()),
        facts: &facts(&json!({"what": "it"})),
        state: "",
        signal: &Signal::Begin,
        known: &Known::new(),
        spent_micro_usd: 0,
        now: Timestamp::from_seconds(0),
        ids: &NoIds,
    };
    flow.turn(ask).unwrap().then
}

#[test]
fn a_snapshot_has_the_skill_that_a_step_uses() {
    let skill = SnapshotSkill { harness: "codex".to_owned(), file: "/skills/mending/SKILL.md".to_owned() };
    let Then::Job(told) = begun(&BTreeMap::from([("mending".to_owned(), skill)])) else { panic!() };
    assert_eq!(told.job.harness.as_deref(), Some("codex"));
    assert_eq!(
        told.job.context,
        "Use the skill `mending`. Its instructions are in /skills/mending/SKILL.md; follow them.\n\n\
         Do this with it:\n\nMend it\n\n\
         Your last message is the result: say what came of it.\n\n\
         Your last message must end with one line of JSON that has exactly this form, and nothing after it:\n\n\
         {\"mended\": <true or false>}\n"
    );
    let Then::End(end) = begun(&BTreeMap::new()) else { panic!() };
    assert!(format!("{end:?}").contains("there is no skill `mending`"), "{end:?}");
}

#[test]
fn a_snapshot_that_is_none_is_refused() {
    let why = Reader.read("{\"workflow\": 5}").map(|_| ()).unwrap_err();
    assert!(why.starts_with("the snapshot can't be read: "), "{why}");
}
