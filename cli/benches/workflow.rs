//! A workflow of no-op steps beside the bare queue with as many jobs, by the same runner; and how long the check of a file of
//! 1,000 steps takes.
//!
//! `cargo bench -p agents-cli --bench workflow -- [steps] [rounds]`
//!
//! Two queues are its floor: one list of jobs, each of which waits for the one before it, as the steps of a workflow do; and as many runs
//! of a definition, which wait for nobody. One slot, so that nothing runs side by side.

#![allow(clippy::disallowed_methods, reason = "the product is measured from outside")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::decision::{NewJob, Place};
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, Command as Told, Store};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};
use agents_workflows::Modules;

const AGENTS: &str = env!("CARGO_BIN_EXE_agents");

/// A folder with its own data.
struct Ground {
    folder: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("agents-workflow-").tempdir().unwrap().keep().join("bench");
        std::fs::create_dir_all(folder.join(".agents/workflows")).unwrap();
        std::fs::create_dir_all(folder.join(".agents/jobs")).unwrap();
        std::fs::create_dir_all(folder.join("data")).unwrap();
        std::fs::write(folder.join(".agents/config.json"), "{\"namespace\": \"bench\"}").unwrap();
        Self { folder }
    }

    fn agents(&self, args: &[&str]) -> Duration {
        let began = Instant::now();
        let status = Command::new(AGENTS)
            .args(args)
            .current_dir(&self.folder)
            .env("AGENTS_DATA_DIR", self.folder.join("data"))
            .env("HOME", &self.folder)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "agents {args:?}");
        began.elapsed()
    }

    /// How long a runner takes for all that is ready.
    fn drained(&self) -> Duration {
        self.agents(&["runner", "--once", "--concurrency", "1"])
    }

    fn done(&self) {
        std::fs::remove_dir_all(self.folder.parent().unwrap()).unwrap();
    }
}

fn workflow(steps: usize) -> String {
    let mut text = String::from("name: no-ops\nversion: \"1\"\ndefaults: { onSuccess: next }\nsteps:\n");
    for number in 0..steps {
        writeln!(text, "  - id: s{number}\n    exec: {{ argv: [\"true\"] }}").unwrap();
    }
    text
}

fn of_workflow(steps: usize) -> Duration {
    let place = Ground::new();
    std::fs::write(place.folder.join(".agents/workflows/noops.yaml"), workflow(steps)).unwrap();
    place.agents(&["workflow", "run", "noops"]);
    let took = place.drained();
    place.done();
    took
}

/// Runs that wait for nobody.
fn of_runs(jobs: usize) -> Duration {
    let place = Ground::new();
    std::fs::write(place.folder.join(".agents/jobs/noop.yaml"), "exec: { argv: [\"true\"] }\n").unwrap();
    fill(&place.folder, |store, ids| (0..jobs).map(|_| create(store, ids, &place.folder, 1).0).collect());
    let took = place.drained();
    place.done();
    took
}

/// One list, job after job.
fn of_list(jobs: usize) -> Duration {
    let place = Ground::new();
    fill(&place.folder, |store, ids| {
        let (first, id) = create(store, ids, &place.folder, jobs);
        let more = (1..jobs).map(|_| Change::Insert { assignment: id, job: no_op(ids), place: Place::End });
        std::iter::once(first).chain(more).collect()
    });
    let took = place.drained();
    place.done();
    took
}

fn fill(folder: &Path, changes: impl FnOnce(&SqlStore, &SystemIds) -> Vec<Change>) {
    let url = format!("sqlite:{}", folder.join("data/agents.db").display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
        for change in changes(&store, &SystemIds) {
            let defaults = HarnessDefaults {
                default: "exec".into(),
                by_type: Default::default(),
                reviewers: Default::default(),
            };
            let told = Told { actor: Actor::Person, harness_defaults: Arc::new(defaults), change };
            store.execute(told).await.unwrap();
        }
    });
}

fn no_op(ids: &SystemIds) -> NewJob {
    NewJob {
        id: JobId::new(ids.next()),
        job_type: JobType::run(),
        harness: Some("exec".into()),
        model: None,
        context: "{\"argv\":[\"true\"]}".into(),
        timeout_ms: None,
    }
}

fn create(_: &SqlStore, ids: &SystemIds, folder: &Path, jobs: usize) -> (Change, AssignmentId) {
    let id = AssignmentId::new(ids.next());
    let new = NewAssignment {
        priority: None,
        id,
        namespace: Namespace::new("bench").unwrap(),
        north_star: "no-ops".into(),
        director: Director::None,
        workspace: folder.display().to_string(),
        worktree: None,
        alone: false,
        max_jobs: u32::try_from(jobs).unwrap() + 1,
        run: None,
        limits: Default::default(),
        checks: Vec::new(),
        accept: Vec::new(),
        first: First::Job(no_op(ids)),
    };
    (Change::Create(new), id)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let steps = numbers.first().copied().unwrap_or(1000);
    let rounds = numbers.get(1).copied().unwrap_or(3);
    let (mut flows, mut lists, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let each = |took: Duration| took.as_secs_f64() * 1000.0 / steps as f64;
        flows.push(each(of_workflow(steps)));
        lists.push(each(of_list(steps)));
        runs.push(each(of_runs(steps)));
        println!(
            "round {}: step {:.2} ms, job of a list {:.2} ms, job alone {:.2} ms",
            round + 1,
            flows[round],
            lists[round],
            runs[round]
        );
    }
    let (flow, list, alone) = (median(flows), median(lists), median(runs));
    println!(
        "{steps} no-op steps: {flow:.2} ms each; {:.2} of a job in one list, {:.2} of a job alone",
        flow / list,
        flow / alone
    );
    let text = workflow(1000);
    let checks: Vec<f64> = (0..20)
        .map(|_| {
            let began = Instant::now();
            let read = agents_workflows::read(&text, "noops.yaml", "noops", &Modules::default());
            assert_eq!(read.unwrap().steps.len(), 1000);
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    println!("check of a file of 1,000 steps: {:.1} ms", median(checks));
}
