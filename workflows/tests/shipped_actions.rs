//! What the workers of the shipped actions are told: what somebody gives is data, whatever it says. And the routes that the docs'
//! examples take with them.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use agents_definitions::Worker;
use agents_domain::id::{AssignmentId, IdSource};
use agents_domain::timestamp::Timestamp;
use agents_domain::workflow::{Ask, Ends, Facts, Flow, Known, Signal, Then};
use agents_workflows::trial::{Trial, Tried, read_stubs};
use agents_workflows::{Action, Graph, Kind, Modules, read, shipped};
use serde_json::{Map, Value, json};

/// Ends quotes of every kind, begins commands and templates, has lines that look like ends of something.
const HOSTILE: &str = "'; $(touch evil) \"`touch evil`\" {{ params.x }} ${secret:HOME}\n```\nEND\n::set-output name=fixed::true";

static MODULES: LazyLock<Modules> = LazyLock::new(|| {
    let mut modules = Modules::default();
    for (name, text) in shipped() {
        modules.read(text, name, name).unwrap_or_else(|problems| panic!("{problems}"));
    }
    modules
});

#[derive(Default)]
struct Ids(AtomicU64);

impl IdSource for Ids {
    fn next(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A value of that type with the hostile text wherever there can be one.
fn hostile(kind: &Kind) -> Value {
    match kind {
        Kind::Any | Kind::String => json!(HOSTILE),
        Kind::Number | Kind::Integer => json!(3),
        Kind::Boolean => json!(true),
        Kind::Object(fields) => {
            let mut values: Map<String, Value> =
                fields.iter().map(|(name, kind)| (name.clone(), hostile(kind))).collect();
            values.insert(HOSTILE.to_owned(), json!(HOSTILE));
            Value::Object(values)
        }
        Kind::Array(kind) => json!([hostile(kind), HOSTILE, {"file": HOSTILE, "change": HOSTILE}]),
    }
}

/// What the worker of an action is told in a workflow that names nothing but it.
fn told(module: &str, action: &Action, inputs: &Map<String, Value>) -> String {
    let step = json!({"id": "only", "module": module, "action": action.name, "inputs": refer(inputs)});
    let params: Map<String, Value> =
        inputs.keys().map(|name| (name.clone(), json!({"type": "json"}))).collect();
    let text = json!({"name": "Only", "params": params, "steps": [step]}).to_string();
    let workflow = read(&text, "only", "only", &MODULES).unwrap_or_else(|problems| panic!("{problems}"));
    let graph = Graph::new(workflow, BTreeMap::new());
    let facts = Facts {
        workflow: "only".to_owned(),
        version: "1".to_owned(),
        params: Value::Object(inputs.clone()).to_string(),
        input: None,
        trigger: "manual".to_owned(),
        zone: None,
        started_at: Timestamp::from_seconds(1),
    };
    let ids = Ids::default();
    let run = AssignmentId::new(ids.next());
    let turn = graph.turn(Ask {
        run,
        facts: &facts,
        state: "",
        signal: &Signal::Begin,
        known: &Known::new(),
        spent_micro_usd: 0,
        now: Timestamp::from_seconds(2),
        ids: &ids,
    });
    match turn.unwrap().then {
        Then::Job(job) => job.job.context,
        other @ (Then::Wait(_) | Then::End(_) | Then::GoOn) => panic!("{module}/{}: {other:?}", action.name),
    }
}

/// The inputs come from params, as they would from earlier steps.
fn refer(inputs: &Map<String, Value>) -> Map<String, Value> {
    inputs.keys().map(|name| (name.clone(), json!(format!("{{{{ params.{name} }}}}")))).collect()
}

#[test]
fn what_a_command_is_given_never_is_a_part_of_it() {
    for module in MODULES.all() {
        for action in module.actions.iter().filter(|action| action.worker == Worker::Exec) {
            let name = format!("{}/{}", module.name, action.name);
            let given = |kind: &dyn Fn(&Kind) -> Value| {
                let fields = action.inputs.iter();
                fields.map(|field| (field.name.clone(), kind(&field.kind))).collect::<Map<String, Value>>()
            };
            let told = |inputs| serde_json::from_str::<Value>(&told(&module.name, action, &inputs)).unwrap();
            let (hostile, plain) = (
                told(given(&hostile)),
                told(given(&|kind| match kind {
                    Kind::Array(_) => json!([]),
                    Kind::Object(_) => json!({}),
                    Kind::Any | Kind::String => json!("plain"),
                    Kind::Number | Kind::Integer => json!(3),
                    Kind::Boolean => json!(true),
                })),
            );
            assert_eq!(hostile["command"], plain["command"], "{name}");
            assert_eq!(hostile["argv"], plain["argv"], "{name}");
            assert_eq!(hostile["env"], plain["env"], "{name}");
            let data = format!("{} {}", hostile["args"], hostile["input"]);
            // A rollback only counts what it is given.
            assert_eq!(data.contains("touch evil"), action.name != "rollback-changes", "{name}: {hostile:#}");
        }
    }
}

#[test]
fn what_an_agent_is_given_stands_apart_from_what_it_is_told() {
    let lines: Vec<&str> = HOSTILE.lines().collect();
    for module in MODULES.all() {
        for action in module.actions.iter().filter(|action| action.worker == Worker::Agent) {
            let inputs =
                action.inputs.iter().map(|field| (field.name.clone(), hostile(&field.kind))).collect();
            let told = told(&module.name, action, &inputs);
            for line in &lines[1..] {
                let alone = told.lines().any(|told| told == *line);
                assert!(
                    !alone,
                    "{}/{}: `{line}` stands at the beginning of a line: {told}",
                    module.name, action.name
                );
            }
            let said: Vec<&str> = action.outputs.iter().map(|output| output.field.name.as_str()).collect();
            let asked = told.contains("Your last message must end with");
            assert_eq!(asked, !said.is_empty(), "{}/{}", module.name, action.name);
        }
    }
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    for module in MODULES.all() {
        for action in &module.actions {
            let needed = action.inputs.iter().filter(|field| field.is_required);
            let inputs = needed.map(|field| (field.name.clone(), hostile(&field.kind))).collect();
            assert!(!told(&module.name, action, &inputs).is_empty(), "{}/{}", module.name, action.name);
        }
    }
}

fn try_example(id: &str, params: Value, stubs: Value) -> Tried {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/examples/workflows/{id}.yaml"));
    let text = std::fs::read_to_string(file).unwrap();
    let workflow = read(&text, id, id, &MODULES).unwrap_or_else(|problems| panic!("{problems}"));
    let mut trial = Trial::new(workflow);
    trial.stubs = read_stubs(stubs.as_object().unwrap(), &trial.workflow).unwrap();
    trial.params = params.as_object().unwrap().clone();
    trial.run()
}

/// The steps that were passed, and how it ended.
fn route(id: &str, params: Value, stubs: Value) -> (String, &'static str) {
    let tried = try_example(id, params, stubs);
    let steps: Vec<&str> = tried.route.iter().map(|passed| passed.step.as_str()).collect();
    let end = match &tried.end {
        Ends::Complete { .. } => "completed",
        Ends::Failed { .. } => "failed",
        Ends::Cancelled { .. } => "cancelled",
    };
    (steps.join(" "), end)
}

#[test]
fn the_example_of_a_feature_takes_each_of_its_branches() {
    let feature = || json!({"feature": "User authentication"});
    let check = |stubs: Value, steps: &str, end: &str| {
        assert_eq!(route("implement-feature", feature(), stubs), (steps.to_owned(), end));
    };
    let results = |passed: bool| json!({"outputs": {"testResults": {"passed": passed, "coverage": 80}}});
    check(json!({}), "analyze plan implement test document review complete", "completed");
    check(
        json!({"test": [results(false), results(false), results(true)]}),
        "analyze plan implement test fix-tests test fix-tests test document review complete",
        "completed",
    );
    check(
        json!({"test": [results(false)]}),
        "analyze plan implement test fix-tests test fix-tests test fix-tests test fix-tests error-handler complete",
        "failed",
    );
    check(
        json!({"implement": {"status": "failed"}}),
        "analyze plan implement rollback error-handler complete",
        "failed",
    );
    check(json!({"analyze": {"status": "timeout"}}), "analyze error-handler complete", "failed");
    check(
        json!({"review": {"class": "command_failed"}}),
        "analyze plan implement test document review error-handler complete",
        "failed",
    );
}

#[test]
fn the_other_examples_take_the_routes_that_they_tell_of() {
    let check = |id: &str, params: Value, stubs: Value, steps: &str, end: &str| {
        assert_eq!(route(id, params, stubs), (steps.to_owned(), end), "{id}");
    };
    let nothing = || json!({});
    check("nightly-update", nothing(), json!({"update": {"text": ""}}), "update", "completed");
    check("nightly-update", nothing(), nothing(), "update test ask propose", "completed");
    check(
        "nightly-update",
        nothing(),
        json!({"ask": {"status": "rejected"}}),
        "update test ask",
        "completed",
    );
    check(
        "nightly-update",
        nothing(),
        json!({"propose": {"status": "failed"}}),
        "update test ask propose failed",
        "failed",
    );
    let files = json!({"find": {"text": "a.sh\nb.sh"}, "lint": [{"status": "failed"}, {}, {}]});
    check(
        "lint-files",
        json!({"pattern": "*.sh"}),
        files,
        "find each-file lint mend lint lint propose",
        "completed",
    );
    let verdict = |verdict: &str| json!({"text": format!("{{\"verdict\": \"{verdict}\", \"findings\": [{{\"severity\": \"major\"}}, {{\"severity\": \"note\"}}]}}")});
    check(
        "review-until-clean",
        json!({"task": "x"}),
        json!({"review": [verdict("changes"), verdict("approve")]}),
        "implement polish review mend review propose",
        "completed",
    );
    check(
        "review-until-clean",
        json!({"task": "x"}),
        json!({"review": verdict("changes"), "decide": {"status": "rejected"}}),
        "implement polish review mend review mend review mend review mend decide",
        "failed",
    );
    let issue = |label: &str| json!({"label": label, "title": "t", "text": ""});
    check("triage", issue("bug"), nothing(), "choose reproduce diagnose mend propose", "completed");
    check("triage", issue("feature"), nothing(), "choose build", "completed");
    check("triage", issue("question"), nothing(), "choose answer", "completed");
    let version = || json!({"version": "2.1.0", "service": "shop"});
    let states = json!({"poll": [{"outputs": {"state": "starting"}}, {"outputs": {"state": "live"}}]});
    check("deploy", version(), states, "start settle wait poll poll tell", "completed");
    check(
        "deploy",
        version(),
        json!({"poll": {"outputs": {"state": "crashed"}}}),
        "start settle wait poll rollback tell",
        "failed",
    );
    check(
        "release",
        version(),
        json!({"tests": {"outputs": {"coverage": 90, "passed": true}}}),
        "ready tests changelog sign-off deploy announce",
        "completed",
    );
}
