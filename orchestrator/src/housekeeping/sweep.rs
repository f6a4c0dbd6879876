//! Removes what the plan says is to go: folders of attempts, then events.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::id::{AssignmentId, AttemptId};
use agents_domain::namespace::Namespace;
use agents_domain::retention::Retention;
use agents_domain::store::{Store, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::{AttemptStanding, OldHistory};

use super::flows;
use super::folder::{self, Folder, NotRemoved, SHARDS};
use super::outputs;
use super::plan::{self, House, Why};
use super::worktrees::{self, GoneWorktree};
use crate::settings::SettingsSource;
use crate::store;

/// Events that one transaction deletes at most, and histories that one look finds.
const EVENTS_AT_ONCE: u32 = 500;
const HISTORIES_AT_ONCE: u32 = 100;

/// Nothing is kept for less.
pub(super) const SHORTEST: Duration = Duration::from_secs(60 * 60);

/// Whether it is done or only said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    DryRun,
    Remove,
}

/// Where a clean-up ends before it has seen everything.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Folders that it removes at most, and transactions in which it deletes events.
    pub removals: usize,
    pub until: Option<Instant>,
    /// Which of the folders of folders it begins with, so that one that ended early does not always see the same.
    pub first_shard: u16,
}

impl Bounds {
    /// It sees everything.
    pub const NONE: Bounds = Bounds { removals: usize::MAX, until: None, first_shard: 0 };

    pub(super) fn is_reached(&self, removed: usize) -> bool {
        removed >= self.removals || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// A clean-up.
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Sweep {
    pub store: Arc<dyn Store>,
    pub settings: Arc<dyn SettingsSource>,
    pub data_folder: PathBuf,
    pub database_url: String,
    pub now: Timestamp,
    /// The namespace that is asked for; `None`: all of them.
    pub only: Option<Namespace>,
    pub mode: Mode,
    pub bounds: Bounds,
}

/// The folder of an attempt that goes, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneFolder {
    pub attempt: AttemptId,
    pub path: PathBuf,
    pub bytes: u64,
    pub why: Why,
}

/// What a run has put out and goes, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneOutput {
    pub path: PathBuf,
    pub bytes: u64,
    pub why: Why,
}

/// The history of an assignment that goes, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneEvents {
    pub assignment: AssignmentId,
    pub events: u64,
}

/// The steps of a workflow's run that go, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneSteps {
    pub assignment: AssignmentId,
    pub steps: u64,
}

/// Something that could not be removed, or not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub what: String,
    pub why: String,
}

/// What a clean-up has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    pub folders: Vec<GoneFolder>,
    pub outputs: Vec<GoneOutput>,
    pub histories: Vec<GoneEvents>,
    pub flows: Vec<GoneSteps>,
    pub worktrees: Vec<GoneWorktree>,
    /// Worktrees that would go and have something in them that is nowhere else.
    pub worktrees_kept: Vec<Left>,
    pub left: Vec<Left>,
    /// Folders that the store does not know and that stay: they may be another store's, or too young.
    pub unknown_kept: u64,
    /// Where the next one begins, if this one ended early.
    pub next_shard: Option<u16>,
}

impl SweepReport {
    /// How much of it was in the folders of folders.
    pub(super) fn files(&self) -> usize {
        self.folders.len() + self.outputs.len()
    }
}

/// Cleans up. The store must answer; what else goes wrong is in the report.
pub async fn sweep(sweep: &Sweep) -> Result<SweepReport, StoreError> {
    let mut retentions = Retentions { settings: &*sweep.settings, known: HashMap::new() };
    let mut report = SweepReport::default();
    let house = sweep.house(&mut retentions).await?;
    for step in 0..SHARDS {
        let shard = (sweep.bounds.first_shard + step) % SHARDS;
        if sweep.bounds.is_reached(report.files()) {
            report.next_shard = Some(shard);
            break;
        }
        sweep.shard(shard, &house, &mut retentions, &mut report).await?;
        outputs::sweep(sweep, shard, (&house, &mut retentions), &mut report).await?;
    }
    sweep.histories(&house, &mut retentions, &mut report).await?;
    flows::sweep(sweep, (&house, &mut retentions), &mut report).await?;
    worktrees::sweep(sweep, &mut report).await?;
    report.left.extend(retentions.troubles());
    Ok(report)
}

impl Sweep {
    async fn house(&self, retentions: &mut Retentions<'_>) -> Result<House, StoreError> {
        let database = store::file_of(&self.database_url)?;
        let data_folder = resolved(&self.data_folder);
        Ok(House {
            now: self.now,
            only: self.only.clone(),
            store_is_here: resolved(&database).starts_with(&data_folder),
            first_used_at: self.store.first_used_at().await?,
            unknown_logs: retentions
                .of(&self.data_folder.display().to_string())
                .map_or(agents_domain::retention::Keep::Forever, |retention| retention.logs),
        })
    }

    async fn shard(
        &self,
        shard: u16,
        house: &House,
        retentions: &mut Retentions<'_>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let data_folder = self.data_folder.clone();
        let folders = match aside(move || folder::list(&data_folder, shard)).await {
            Ok(folders) => folders,
            Err(error) => {
                let what = self.data_folder.join("attempts").join(format!("{shard:02x}"));
                report.left.push(Left { what: what.display().to_string(), why: error.to_string() });
                return Ok(());
            }
        };
        let ids: Vec<AttemptId> = folders.iter().map(|folder| folder.attempt).collect();
        let standings = self.store.standings(&ids).await?;
        let standings: HashMap<AttemptId, AttemptStanding> =
            standings.into_iter().map(|standing| (standing.attempt, standing)).collect();
        for folder in folders {
            if self.bounds.is_reached(report.files()) {
                report.next_shard = Some(shard);
                return Ok(());
            }
            let why = match standings.get(&folder.attempt) {
                Some(standing) => retentions
                    .of(&standing.workspace)
                    .filter(|retention| plan::known(standing, retention.logs, house))
                    .map(|_| Why::Old),
                None => self.why_unknown(&folder, house, report).await,
            };
            if let Some(why) = why {
                self.take(folder, why, report).await;
            }
        }
        Ok(())
    }

    async fn why_unknown(&self, folder: &Folder, house: &House, report: &mut SweepReport) -> Option<Why> {
        let path = folder.path.clone();
        match aside(move || folder::modified(&path)).await {
            Ok(modified) if plan::unknown(modified, house) => return Some(Why::Unknown),
            Ok(_) => report.unknown_kept += 1,
            Err(error) => report.left.push(Left::new(&folder.path, &error)),
        }
        None
    }

    async fn take(&self, folder: Folder, why: Why, report: &mut SweepReport) {
        let (path, mode) = (folder.path.clone(), self.mode);
        let taken = aside(move || match mode {
            Mode::Remove => folder::remove(&path),
            Mode::DryRun => match folder::is_held(&path) {
                Ok(true) => Err(NotRemoved::Held),
                Ok(false) => Ok(folder::size(&path)),
                Err(error) => Err(NotRemoved::Failed(error)),
            },
        });
        match taken.await {
            Ok(bytes) => {
                report.folders.push(GoneFolder { attempt: folder.attempt, path: folder.path, bytes, why });
            }
            // In use, so it is not old after all.
            Err(NotRemoved::Held) => {}
            Err(NotRemoved::Failed(error)) => report.left.push(Left::new(&folder.path, &error)),
        }
    }

    async fn histories(
        &self,
        house: &House,
        retentions: &mut Retentions<'_>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let closed_before = Timestamp::from_millis(
            house.now.as_millis().saturating_sub(i64::try_from(SHORTEST.as_millis()).unwrap_or(i64::MAX)),
        );
        let (mut after, mut transactions) = (None, 0);
        loop {
            let found = self.store.old_histories(closed_before, after, HISTORIES_AT_ONCE).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.assignment);
            let mut goes = |old: &OldHistory| {
                let is_asked_for = house.only.as_ref().is_none_or(|only| *only == old.namespace);
                let keep = retentions.of(&old.workspace).map(|retention| retention.events);
                is_asked_for && keep.is_some_and(|keep| keep.is_over(old.closed_at, house.now))
            };
            let found: Vec<OldHistory> = found.into_iter().filter(|old| goes(old)).collect();
            if self.mode == Mode::DryRun {
                let gone = |old: &OldHistory| GoneEvents { assignment: old.assignment, events: old.events };
                report.histories.extend(found.iter().map(gone));
            } else {
                report.histories.extend(self.forget(&found, &mut transactions).await?);
            }
            if self.bounds.is_reached(transactions) {
                return Ok(());
            }
        }
    }

    /// Deletes these histories, in pieces.
    async fn forget(
        &self,
        old: &[OldHistory],
        transactions: &mut usize,
    ) -> Result<Vec<GoneEvents>, StoreError> {
        let mut gone: BTreeMap<AssignmentId, u64> = BTreeMap::new();
        while !old.is_empty() && !self.bounds.is_reached(*transactions) {
            let of = old.iter().map(|old| (old.assignment, old.closed_at)).collect();
            let deleted = self.store.forget_events(of, EVENTS_AT_ONCE).await?;
            *transactions += 1;
            let events: u64 = deleted.values().sum();
            for (assignment, events) in deleted {
                *gone.entry(assignment).or_insert(0) += events;
            }
            if events < u64::from(EVENTS_AT_ONCE) {
                break;
            }
        }
        Ok(gone.into_iter().map(|(assignment, events)| GoneEvents { assignment, events }).collect())
    }
}

impl Left {
    pub(super) fn new(path: &Path, error: &std::io::Error) -> Self {
        Self { what: path.display().to_string(), why: error.to_string() }
    }
}

/// How long the assignments of each workspace keep things: as the config of that workspace says, or for ever while it
/// can't be read.
pub(super) struct Retentions<'a> {
    settings: &'a dyn SettingsSource,
    known: HashMap<String, Result<Retention, String>>,
}

impl Retentions<'_> {
    pub(super) fn of(&mut self, workspace: &str) -> Option<Retention> {
        if !self.known.contains_key(workspace) {
            let found = self.settings.for_workspace(Path::new(workspace)).map(|found| found.retention);
            self.known.insert(workspace.to_owned(), found);
        }
        self.known.get(workspace).and_then(|found| found.as_ref().ok().copied())
    }

    fn troubles(self) -> Vec<Left> {
        let trouble = |(workspace, found): (String, Result<Retention, String>)| {
            let why = format!("its config can't be read, so what is finished there stays: {}", found.err()?);
            Some(Left { what: workspace, why })
        };
        let mut troubles: Vec<Left> = self.known.into_iter().filter_map(trouble).collect();
        troubles.sort_unstable_by(|one, other| one.what.cmp(&other.what));
        troubles
    }
}

/// Runs what may wait for the disk where nothing else waits for it.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
