//! What a worktree and a checkpoint cost in a large repository, side by side with bare `git worktree add` and
//! `git add -A && git commit`.
//!
//! `cargo bench -p agents-cli --bench worktree -- [files] [files that a job changes] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::attempt::{Holder, Host};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId, RunnerId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, ClaimRequest, Claimed, Command, Store};
use agents_orchestrator::settings::{Settings, Timeouts, WorkspaceSettings};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};
use agents_orchestrator::workspace;

use support::{median, millis, numbers};

/// Files in one folder.
const IN_FOLDER: usize = 100;

fn git(folder: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"];
    #[allow(clippy::disallowed_methods, reason = "the floor is a program started as simply as can be")]
    let mut command = std::process::Command::new("git");
    assert!(command.args(identity).args(args).current_dir(folder).status().unwrap().success(), "{args:?}");
}

fn file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("d{:04}", number / IN_FOLDER)).join(format!("f{number:06}.txt"))
}

fn repository(folder: &Path, files: usize) {
    for number in 0..files {
        let path = file(folder, number);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{number}\n").repeat(100)).unwrap();
    }
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "all"]);
}

/// What a job changes: files spread over the whole tree.
fn change(folder: &Path, (files, changed): (usize, usize), mark: &str) {
    for place in 0..changed {
        std::fs::write(file(folder, place * files / changed), mark).unwrap();
    }
}

fn settings(data: &Path) -> Settings {
    let long = Duration::from_secs(60);
    Settings {
        fallbacks: Default::default(),
        harnesses: BTreeMap::new(),
        harness_defaults: defaults(),
        timeouts: Timeouts { whole: long, start: long, silence: long },
        timeouts_by_type: BTreeMap::new(),
        max_output: 1 << 30,
        grace: Duration::from_secs(5),
        evidence: Default::default(),
        prices: Default::default(),
        models: Default::default(),
        terms: Default::default(),
        new_assignments: Default::default(),
        retention: Default::default(),
        access: BTreeMap::new(),
        template_folders: Vec::new(),
        workspace: WorkspaceSettings::new(data.to_owned()),
        agents_folders: Vec::new(),
        agents_env: Vec::new(),
    }
}

fn defaults() -> Arc<HarnessDefaults> {
    Arc::new(HarnessDefaults {
        default: "none".into(),
        by_type: BTreeMap::new(),
        reviewers: Default::default(),
    })
}

/// A claimed implement job of a new assignment of that repository.
async fn claim(store: &SqlStore, repo: &Path, data: &Path) -> Claimed {
    let namespace = Namespace::new("bench").unwrap();
    let id = AssignmentId::new(SystemIds.next());
    let ground = workspace::ground(repo).await.unwrap();
    let job = NewJob {
        id: JobId::new(SystemIds.next()),
        job_type: JobType::new("implement").unwrap(),
        harness: None,
        model: None,
        context: "Change files.".to_owned(),
        timeout_ms: None,
    };
    let new = NewAssignment {
        id,
        namespace: namespace.clone(),
        north_star: "Change files".to_owned(),
        director: Director::Pm,
        workspace: repo.display().to_string(),
        worktree: Some(ground.worktree((data, &namespace), id, "Change files")),
        max_jobs: 50,
        run: None,
        limits: Default::default(),
        checks: Vec::new(),
        accept: Vec::new(),
        first: First::Job(job),
    };
    let change = Change::Create(new);
    store.execute(Command { actor: Actor::Person, harness_defaults: defaults(), change }).await.unwrap();
    let holder = Holder::new(RunnerId::new(SystemIds.next()), Host::default());
    let request = ClaimRequest {
        holder,
        namespaces: None,
        limit: 1,
        fallbacks: Default::default(),
        terms: Default::default(),
    };
    store.claim(request).await.unwrap().claimed.remove(0)
}

#[derive(Default)]
struct Figures {
    made: Vec<f64>,
    kept: Vec<f64>,
}

async fn since(began: Instant) -> f64 {
    millis(began.elapsed())
}

async fn bare_round(repo: &Path, folder: &Path, size: (usize, usize), figures: &mut Figures) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let path = folder.display().to_string();
    let began = Instant::now();
    git(repo, &["worktree", "add", "-q", "-b", &name, &path]);
    figures.made.push(since(began).await);
    for job in 0..2 {
        change(folder, size, &format!("{name} {job}"));
        let began = Instant::now();
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-qm", "a job"]);
        // The first one reads everything again, since the checkout is younger than the index.
        if job == 1 {
            figures.kept.push(since(began).await);
        }
    }
    git(repo, &["worktree", "remove", "-f", &path]);
}

async fn our_round(claimed: &Claimed, settings: &Settings, size: (usize, usize), figures: &mut Figures) {
    let worktree = claimed.assignment.worktree.clone().unwrap();
    let folder = PathBuf::from(&worktree.path);
    let began = Instant::now();
    workspace::prepare(claimed, settings, false).await.unwrap();
    figures.made.push(since(began).await);
    for job in 0..2 {
        let began = Instant::now();
        workspace::prepare(claimed, settings, false).await.unwrap();
        let prepared = since(began).await;
        change(&folder, size, &format!("{} {job}", claimed.job.id));
        let began = Instant::now();
        let done = workspace::checkpoint(claimed, settings).await.unwrap().unwrap();
        if job == 1 {
            figures.kept.push(prepared + since(began).await);
        }
        assert_eq!(done.files as usize, size.1);
    }
    workspace::discard(&worktree, Path::new(&claimed.assignment.workspace)).await.unwrap();
}

async fn measure(folder: &Path, [files, changed, rounds]: [usize; 3]) {
    let (repo, data) = (folder.join("repo"), folder.join("data"));
    std::fs::create_dir_all(&repo).unwrap();
    repository(&repo, files);
    let url = format!("sqlite:{}", data.join("agents.db").display());
    std::fs::create_dir_all(&data).unwrap();
    let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
    let settings = settings(&data);
    let (mut bare, mut ours) = (Figures::default(), Figures::default());
    for round in 0..rounds {
        let claimed = claim(&store, &repo, &data).await;
        let own = folder.join(format!("bare-{round}"));
        if round % 2 == 0 {
            bare_round(&repo, &own, (files, changed), &mut bare).await;
            our_round(&claimed, &settings, (files, changed), &mut ours).await;
        } else {
            our_round(&claimed, &settings, (files, changed), &mut ours).await;
            bare_round(&repo, &own, (files, changed), &mut bare).await;
        }
    }
    println!("{files} files, a job changes {changed}, medians of {rounds} rounds");
    let line = |what: &str, bare: &[f64], ours: &[f64]| {
        let (bare, ours) = (median(bare), median(ours));
        println!("{what}: bare {bare:.1} ms, ours {ours:.1} ms, {:.2} (goal 1.3)", ours / bare);
    };
    line("worktree", &bare.made, &ours.made);
    line("checkpoint, with what is done before the job", &bare.kept, &ours.kept);
}

fn main() {
    let options = numbers([50_000, 20, 5]);
    let folder = tempfile::tempdir().unwrap();
    // As the runner's own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(folder.path(), options));
}
