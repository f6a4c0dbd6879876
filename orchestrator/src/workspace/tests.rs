//! Real repositories in temporary folders, and attempts that work in them.

use std::path::{Path, PathBuf};

use agents_domain::assignment::{Assignment, AssignmentOrigin, Proof};
use agents_domain::attempt::{Attempt, Host};
use agents_domain::director::Director;
use agents_domain::evidence::Checkpoint;
use agents_domain::id::{AssignmentId, AttemptId, JobId, RunnerId};
use agents_domain::job::{Job, JobOrigin, JobProgress, JobState};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::retention::Retention;
use agents_domain::store::Claimed;
use agents_domain::timestamp::Timestamp;
use uuid::Uuid;

use super::{Author, Git, Ready, ground};
use crate::housekeeping::tests::SameEverywhere;
use crate::settings::{Settings, SettingsSource, WorkspaceSettings};

mod attempts;
mod branches;
mod hostile;
mod making;

/// A repository with one commit, in which `file.txt` holds `first`.
pub(crate) struct Repo {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Repo {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(folder.path()).unwrap();
        let repo = Self { path, folder };
        repo.git(&["init", "-q", "-b", "main"]).await;
        repo.write("file.txt", "first\n");
        repo.commit_all("first").await;
        repo
    }

    pub fn path(&self) -> &Path {
        assert!(self.folder.path().exists());
        &self.path
    }

    pub fn write(&self, name: &str, text: &str) {
        write(&self.path.join(name), text);
    }

    pub async fn git(&self, args: &[&str]) -> String {
        git(&self.path, args).await
    }

    pub async fn commit_all(&self, message: &str) {
        self.git(&["add", "-A"]).await;
        self.git(&["commit", "-qm", message]).await;
    }

    pub async fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).await
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A run of git as a person would do it.
pub(crate) async fn git(folder: &Path, args: &[&str]) -> String {
    let person = Author { name: "A Person".to_owned(), mail: "person@localhost".to_owned() };
    Git::new(folder).by(&person).text(args).await.unwrap()
}

/// An assignment with a worktree of a repository, and the attempts of its jobs.
pub(crate) struct Work {
    pub repo: Repo,
    data: tempfile::TempDir,
    pub settings: Settings,
    pub assignment: Assignment,
    next: u128,
}

impl Work {
    pub async fn new() -> Self {
        let repo = Repo::new().await;
        Self::of(repo, "").await
    }

    /// In that folder of the repository.
    pub async fn of(repo: Repo, inner: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = SameEverywhere(Ok(Retention::default())).for_workspace(repo.path()).unwrap();
        let mut settings = (*settings).clone();
        let data_path = std::fs::canonicalize(data.path()).unwrap();
        settings.workspace = WorkspaceSettings::new(data_path.clone());
        let workspace = repo.path().join(inner);
        let (id, namespace) = (AssignmentId::new(Uuid::from_u128(0xa)), Namespace::new("app").unwrap());
        let ground = ground(&workspace).await.unwrap();
        let origin = AssignmentOrigin {
            id,
            namespace: namespace.clone(),
            north_star: "Do it".to_owned(),
            director: Director::Pm,
            workspace: workspace.display().to_string(),
            worktree: Some(ground.worktree((&data_path, &namespace), id, "Do it")),
            max_jobs: 50,
            is_run: false,
            priority: Default::default(),
            created_at: Timestamp::from_seconds(0),
        };
        let assignment = Assignment::new(origin, false, Proof::default());
        Self { repo, data, settings, assignment, next: 0x100 }
    }

    /// The same in the repository itself.
    pub fn shared(mut self) -> Self {
        self.assignment.worktree = None;
        self
    }

    /// The first attempt of a new job.
    pub fn job(&mut self, job_type: &str) -> Claimed {
        self.next += 1;
        let job = Job::restore(
            JobOrigin {
                id: JobId::new(Uuid::from_u128(self.next)),
                assignment: self.assignment.id,
                job_type: JobType::new(job_type).unwrap(),
                harness: "claude".to_owned(),
                model: None,
                timeout_ms: None,
                shadow: false,
                created_at: Timestamp::from_seconds(0),
            },
            0,
            JobProgress {
                state: JobState::Pending { ready_at: Timestamp::from_seconds(0), head: true },
                attempts: 1,
                tries: 0,
                asks: 0,
                outcome: None,
                result: None,
                resume: None,
                spent: Default::default(),
            },
        );
        self.again(&Claimed {
            attempt: self.attempt(&job),
            assignment: self.assignment.clone(),
            job,
            context: "Write it.".to_owned(),
            is_alone: true,
            ceilings: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Another attempt of the same job.
    pub fn again(&mut self, claimed: &Claimed) -> Claimed {
        self.next += 1;
        Claimed { attempt: self.attempt(&claimed.job), ..claimed.clone() }
    }

    fn attempt(&self, job: &Job) -> Attempt {
        Attempt {
            id: AttemptId::new(Uuid::from_u128(self.next)),
            job: job.id,
            assignment: self.assignment.id,
            number: 1,
            runner: RunnerId::new(Uuid::from_u128(1)),
            host: Host::default(),
            harness: "claude".to_owned(),
            started_at: Timestamp::from_seconds(0),
            lease_until: Timestamp::from_seconds(60),
            resumes: None,
            cancel_requested: false,
            pause_requested: false,
            reserved: Default::default(),
            decision: None,
            end: None,
        }
    }

    pub async fn prepare(&self, claimed: &Claimed) -> Ready {
        super::prepare(claimed, &self.settings, false).await.unwrap()
    }

    pub async fn checkpoint(&self, claimed: &Claimed) -> Checkpoint {
        super::checkpoint_of(claimed, &self.settings, "Done.\nAnd more.").await.unwrap().unwrap()
    }

    pub fn folder(&self) -> PathBuf {
        assert!(self.data.path().exists());
        self.assignment.folder().into()
    }

    pub fn write(&self, name: &str, text: &str) {
        write(&self.folder().join(name), text);
    }

    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder().join(name)).ok()
    }

    pub async fn git(&self, args: &[&str]) -> String {
        git(&self.folder(), args).await
    }

    /// With the repository as it is, whatever our own git has been told.
    pub async fn git_as_agent(&self, args: &[&str]) -> String {
        Git::new(&self.folder()).unsealed().text(args).await.unwrap()
    }
}
