//! No-op process jobs through the whole path, beside two floors of the same run: spawning the program, and spawning its
//! keeper, which spawns the program.
//!
//! `cargo bench -p agents-cli --bench drain -- [jobs] [rounds]`
//!
//! It leaves its folders (`agents-drain-*` in the temporary folder) for you to remove: ext4 passes over inodes that were
//! freed in the last minute one by one, so that removing them here would be measured by the next round.

#![allow(clippy::disallowed_methods, reason = "the floor is measured by spawning without the product")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

#[path = "support/keeper.rs"]
mod keeper;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use agents_domain::access::Access;
use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::attempt::LEASE;
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::harness::{
    Harness, HarnessError, HarnessRequest, Probe, StreamEnd, StreamReader, StreamSummary,
};
use agents_domain::id::{AssignmentId, IdSource, JobId, RunnerId};
use agents_domain::invocation::{Invocation, StopSignal};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, Command, Store};
use agents_orchestrator::attempt::Surroundings;
use agents_orchestrator::evidence::key::SigningKey;
use agents_orchestrator::runner::{Board, Listener, Runner, RunnerEvent, RunnerOptions};
use agents_orchestrator::settings::{Settings, SettingsSource, Timeouts};
use agents_orchestrator::start::{FromDefinitions, NoSkills, Sources};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};

struct True;

impl Harness for True {
    fn name(&self) -> &str {
        "true"
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        Ok(Invocation {
            program: "/bin/true".into(),
            args: Vec::new(),
            env: Vec::new(),
            env_remove: Vec::new(),
            env_keep: Vec::new(),
            cwd: request.workspace.clone(),
            stdin: request.prompt.clone(),
            files: Vec::new(),
            stop: StopSignal::Terminate,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(Silent)
    }

    fn probe(&self) -> Probe {
        Probe {
            program: "/bin/true".into(),
            args: Vec::new(),
            install: String::new(),
            credentials: Vec::new(),
            login_files: Vec::new(),
            login: String::new(),
        }
    }
}

struct Silent;

impl StreamReader for Silent {
    fn line<'a>(&mut self, _: &'a [u8], _: &mut dyn FnMut(agents_domain::agent_event::AgentEvent<'a>)) {}

    fn overlong_line(&mut self, _: &[u8], _: u64) {}

    fn finish(self: Box<Self>, _: &StreamEnd<'_>) -> StreamSummary {
        StreamSummary {
            outcome: Outcome::success("done"),
            session_id: None,
            model: None,
            cli_version: None,
            usage: None,
            cost: None,
            tool_calls: 0,
            structured: None,
            unknown_lines: 0,
            bad_lines: 0,
        }
    }
}

struct Fixed(Arc<Settings>);

impl SettingsSource for Fixed {
    fn for_workspace(&self, _: &Path) -> Result<Arc<Settings>, String> {
        Ok(Arc::clone(&self.0))
    }

    fn last_harness_defaults(&self, _: &Path) -> Option<Arc<HarnessDefaults>> {
        None
    }
}

struct Deaf;

impl Listener for Deaf {
    fn hear(&self, _: &RunnerEvent) {}
}

fn settings() -> Settings {
    Settings {
        fallbacks: Default::default(),
        harnesses: BTreeMap::from([("true".to_owned(), Arc::new(True) as Arc<dyn Harness>)]),
        harness_defaults: defaults(),
        timeouts: Timeouts {
            whole: Duration::from_secs(60),
            start: Duration::from_secs(60),
            silence: Duration::from_secs(60),
        },
        timeouts_by_type: BTreeMap::new(),
        max_output: 1 << 30,
        grace: Duration::from_secs(5),
        evidence: Default::default(),
        prices: Default::default(),
        models: Default::default(),
        terms: Default::default(),
        channels: Vec::new(),
        new_assignments: Default::default(),
        retention: Default::default(),
        access: BTreeMap::from([("implement".to_owned(), Access::Full)]),
        template_folders: Vec::new(),
        workspace: agents_orchestrator::settings::WorkspaceSettings::new(std::path::PathBuf::new()),
        agents_folders: Vec::new(),
        agents_env: Vec::new(),
    }
}

fn defaults() -> Arc<HarnessDefaults> {
    Arc::new(HarnessDefaults {
        default: "true".into(),
        by_type: BTreeMap::new(),
        reviewers: Default::default(),
    })
}

/// Spawns per second of the same program, so many at a time.
fn floor(jobs: usize, slots: usize) -> f64 {
    let left = AtomicUsize::new(jobs);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..slots {
            scope.spawn(|| {
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                    std::process::Command::new("/bin/true").output().unwrap();
                }
            });
        }
    });
    jobs as f64 / began.elapsed().as_secs_f64()
}

/// Keepers per second of the same program, so many at a time, each with the files that a keeper can't do without.
fn kept_floor(jobs: usize, slots: usize, folder: &Path) -> f64 {
    let left = AtomicUsize::new(jobs);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..slots {
            scope.spawn(|| {
                while let Ok(number) =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                {
                    keep(&folder.join(format!("floor-{number}")));
                }
            });
        }
    });
    jobs as f64 / began.elapsed().as_secs_f64()
}

fn keep(folder: &Path) {
    assert!(keeper::of(folder, vec!["/bin/true".into()]).status().unwrap().success());
}

/// Jobs per second through the whole path.
fn drain(jobs: usize, slots: usize, folder: &Path) -> f64 {
    let url = format!("sqlite:{}", folder.join("agents.db").display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap());
        fill(&store, jobs, folder).await;
        let settings = Arc::new(Fixed(Arc::new(settings())));
        let sources = Sources {
            store: store.clone(),
            settings: settings.clone(),
            ids: Arc::new(SystemIds),
            skills: Arc::new(NoSkills),
            data_folder: folder.to_owned(),
            here: None,
        };
        let around = Surroundings {
            store,
            settings,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            starter: Arc::new(FromDefinitions::new(sources)),
            data_folder: folder.to_owned(),
            agents_program: "/bin/true".into(),
            keeper: keeper::KEEPER.into(),
            lease: LEASE,
            key: Arc::new(SigningKey::draw().unwrap()),
        };
        let options = RunnerOptions {
            folder: folder.to_owned(),
            lease: LEASE,
            id: RunnerId::new(SystemIds.next()),
            name: "bench".into(),
            version: "0".into(),
            namespace: Some(Namespace::new("bench").unwrap()),
            concurrency: slots,
            once: true,
            database_url: url.clone(),
            bells: folder.join("bells"),
        };
        let (_keep, control) = tokio::sync::mpsc::channel(1);
        let began = Instant::now();
        let finished =
            Runner::new(options, around, Board::default(), Arc::new(Deaf)).run(control).await.unwrap();
        assert_eq!(finished, jobs);
        jobs as f64 / began.elapsed().as_secs_f64()
    })
}

async fn fill(store: &Arc<SqlStore>, jobs: usize, workspace: &Path) {
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..jobs {
        let job = NewJob {
            id: JobId::new(SystemIds.next()),
            job_type: JobType::new("implement").unwrap(),
            harness: None,
            model: None,
            context: "nothing".into(),
            timeout_ms: None,
        };
        let change = Change::Create(NewAssignment {
            priority: None,
            id: AssignmentId::new(SystemIds.next()),
            namespace: Namespace::new("bench").unwrap(),
            north_star: "drain".into(),
            director: Director::None,
            workspace: workspace.display().to_string(),
            alone: false,
            max_jobs: 50,
            run: None,
            limits: Default::default(),
            worktree: None,
            checks: Vec::new(),
            accept: Vec::new(),
            first: First::Job(job),
        });
        let store = Arc::clone(store);
        let command = Command { actor: Actor::Person, harness_defaults: defaults(), change };
        waiting.spawn(async move { store.execute(command).await.unwrap() });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
}

/// Processor time of this process and of its children so far, in milliseconds (proc(5), 10 ms ticks).
fn processor_ms() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: Vec<f64> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|n| n.parse().unwrap())
        .collect();
    ((ticks[0] + ticks[1]) * 10.0, (ticks[2] + ticks[3]) * 10.0)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let jobs = numbers.first().copied().unwrap_or(3000);
    let rounds = numbers.get(1).copied().unwrap_or(5);
    println!("{jobs} jobs, medians of {rounds} rounds, jobs per second");
    for slots in [2, 4, 8] {
        let mut figures = Figures::default();
        for _ in 0..rounds {
            figures.round(jobs, slots);
        }
        figures.print(slots);
    }
}

/// Jobs per second and processor time per job of each round.
#[derive(Default)]
struct Figures {
    bare: Vec<f64>,
    kept: Vec<f64>,
    drained: Vec<f64>,
    kept_ms: Vec<f64>,
    drained_ms: Vec<f64>,
}

impl Figures {
    fn round(&mut self, jobs: usize, slots: usize) {
        let folder = tempfile::Builder::new().prefix("agents-drain-").tempdir().unwrap().keep();
        self.bare.push(floor(jobs, slots));
        let before = processor_ms();
        self.kept.push(kept_floor(jobs, slots, &folder));
        let between = processor_ms();
        self.kept_ms.push((between.0 + between.1 - before.0 - before.1) / jobs as f64);
        self.drained.push(drain(jobs, slots, &folder));
        let after = processor_ms();
        self.drained_ms.push((after.0 + after.1 - between.0 - between.1) / jobs as f64);
    }

    fn print(self, slots: usize) {
        let (bare, kept, drained) = (median(self.bare), median(self.kept), median(self.drained));
        println!(
            "{slots} slots: bare {bare:.0}, keeper + program {kept:.0}, agents {drained:.0}, ratio to keeper + program \
             {:.2} (goal 0.75); processor ms per job: {:.2}, {:.2}",
            drained / kept,
            median(self.kept_ms),
            median(self.drained_ms),
        );
    }
}
