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
        channels: Vec::new(),
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
        priority: None,
        id,
        namespace: namespace.clone(),
        north_star: "Change files".to_owned(),
        director: Director::Pm,
        workspace: repo.display().to_string(),
        worktree: Some(ground.worktree((data, &namespace), id, "Change files")),
        alone: false,
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

/// Jobs in one worktree. The first one is not counted: it reads everything again, since the checkout is younger than
/// the index.
const JOBS: usize = 7;

#[derive(Default)]
struct Figures {
    made: Vec<f64>,
    kept: Vec<f64>,
    /// Of that, what is done before the job.
    prepared: Vec<f64>,
}

fn since(began: Instant) -> f64 {
    millis(began.elapsed())
}

/// The two worktrees of a round.
struct Round<'a> {
    repo: &'a Path,
    bare: PathBuf,
    claimed: Claimed,
    settings: &'a Settings,
    size: (usize, usize),
}

impl Round<'_> {
    fn make_bare(&self, figures: &mut Figures) {
        let (name, path) =
            (self.bare.file_name().unwrap().to_string_lossy(), self.bare.display().to_string());
        let began = Instant::now();
        git(self.repo, &["worktree", "add", "-q", "-b", &name, &path]);
        figures.made.push(since(began));
    }

    async fn make_ours(&self, figures: &mut Figures) {
        let began = Instant::now();
        workspace::prepare(&self.claimed, self.settings, false).await.unwrap();
        figures.made.push(since(began));
    }

    fn bare_job(&self, job: usize, figures: &mut Figures) {
        change(&self.bare, self.size, &format!("{} {job}", self.bare.display()));
        let began = Instant::now();
        git(&self.bare, &["add", "-A"]);
        git(&self.bare, &["commit", "-qm", "a job"]);
        if job > 0 {
            figures.kept.push(since(began));
        }
    }

    async fn our_job(&self, job: usize, figures: &mut Figures) {
        let began = Instant::now();
        workspace::prepare(&self.claimed, self.settings, false).await.unwrap();
        let prepared = since(began);
        let folder = Path::new(self.claimed.assignment.folder());
        change(folder, self.size, &format!("{} {job}", self.claimed.job.id));
        let began = Instant::now();
        let done = workspace::checkpoint(&self.claimed, self.settings).await.unwrap().unwrap();
        if job > 0 {
            figures.prepared.push(prepared);
            figures.kept.push(prepared + since(began));
        }
        assert_eq!(done.files as usize, self.size.1);
    }

    /// One beside the other, so that what else the machine does meets both.
    async fn run(&self, is_bare_first: bool, bare: &mut Figures, ours: &mut Figures) {
        if is_bare_first {
            self.make_bare(bare);
            self.make_ours(ours).await;
        } else {
            self.make_ours(ours).await;
            self.make_bare(bare);
        }
        for job in 0..JOBS {
            if (job % 2 == 0) == is_bare_first {
                self.bare_job(job, bare);
                self.our_job(job, ours).await;
            } else {
                self.our_job(job, ours).await;
                self.bare_job(job, bare);
            }
        }
        git(self.repo, &["worktree", "remove", "-f", &self.bare.display().to_string()]);
        let worktree = self.claimed.assignment.worktree.clone().unwrap();
        workspace::discard(&worktree, Path::new(&self.claimed.assignment.workspace)).await.unwrap();
    }
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
        let bare_folder = folder.join(format!("bare-{round}"));
        let one =
            Round { repo: &repo, bare: bare_folder, claimed, settings: &settings, size: (files, changed) };
        one.run(round % 2 == 0, &mut bare, &mut ours).await;
    }
    println!(
        "{files} files, a job changes {changed}, medians of {rounds} worktrees and of {} jobs",
        bare.kept.len()
    );
    let line = |what: &str, bare: &[f64], ours: &[f64]| {
        let (bare, ours) = (median(bare), median(ours));
        println!("{what}: bare {bare:.1} ms, ours {ours:.1} ms, {:.2} (goal 1.3)", ours / bare);
    };
    line("worktree", &bare.made, &ours.made);
    line("checkpoint, with what is done before the job", &bare.kept, &ours.kept);
    println!("of that before the job: ours {:.1} ms", median(&ours.prepared));
}

fn main() {
    let options = numbers([50_000, 20, 5]);
    let folder = tempfile::tempdir().unwrap();
    // As the runner's own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(folder.path(), options));
}
