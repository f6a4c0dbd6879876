//! Whether what the store holds can be, and what is done about what can't. Nothing is deleted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::HarnessDefaults;
use agents_domain::attempt::Proof;
use agents_domain::audit::{Audit, Dossier, Finding, FindingKind, Repair, audit};
use agents_domain::id::{AssignmentId, RunnerId};
use agents_domain::store::{Change, Command, Orphan, Store, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::upkeep::Openness;
use uuid::Uuid;

use super::folder;
use super::sweep::Left;
use crate::attempt;
use crate::process::identity::{self, Life};
use crate::process::keeper::mark;
use crate::process::stop;
use crate::settings::SettingsSource;

/// A keeper that is missing for so long is missed.
const KEEPER_MISSED: Duration = Duration::from_secs(60);

/// Assignments that are read together; they are held in memory with their histories.
const ASSIGNMENTS_AT_ONCE: u32 = 50;

/// How many closed assignments a quick check looks at.
const RECENT: usize = 500;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that is open, and the closed assignments that were made last.
    Recent,
    All,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// How many assignments it has looked at.
    pub checked: usize,
    pub findings: Vec<Finding>,
    repairs: Vec<(AssignmentId, Repair)>,
    lost: Vec<Lost>,
}

/// A running attempt that nothing does any longer.
#[derive(Debug, Clone, PartialEq)]
struct Lost {
    orphan: Orphan,
    /// Its runner is known to be dead; else only its lease is over.
    proven: bool,
}

/// What a repair has done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mended {
    /// What was found, and is so no longer.
    pub mended: Vec<Finding>,
    /// What could not be done, and why.
    pub left: Vec<Left>,
}

/// Where a check and a repair happen.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Patient {
    pub store: Arc<dyn Store>,
    pub settings: Arc<dyn SettingsSource>,
    pub data_folder: PathBuf,
    pub now: Timestamp,
}

/// Checks the assignments, their histories, and who does what is said to run.
pub async fn examine(patient: &Patient, scope: Scope) -> Result<Health, StoreError> {
    let mut health = Health::default();
    for which in [Openness::Open, Openness::Closed] {
        let (mut before, mut seen) = (None, 0);
        loop {
            if which == Openness::Closed && scope == Scope::Recent && seen >= RECENT {
                break;
            }
            let ids = patient.store.assignments_to_check(which, before, ASSIGNMENTS_AT_ONCE).await?;
            let Some(last) = ids.last() else { break };
            before = Some(*last);
            seen += ids.len();
            health.look_at(patient, &ids).await?;
        }
    }
    health.look_for_lost(patient).await?;
    Ok(health)
}

impl Health {
    async fn look_at(&mut self, patient: &Patient, ids: &[AssignmentId]) -> Result<(), StoreError> {
        match patient.store.dossiers(ids).await {
            Ok(dossiers) => dossiers.iter().for_each(|dossier| self.take(dossier)),
            // One bad row must not hide the others.
            Err(StoreError::BadRow { .. }) => {
                for id in ids {
                    match patient.store.dossiers(&[*id]).await {
                        Ok(dossiers) => dossiers.iter().for_each(|dossier| self.take(dossier)),
                        Err(bad @ StoreError::BadRow { .. }) => self.bad_row(*id, &bad),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn take(&mut self, dossier: &Dossier) {
        self.checked += 1;
        let found = audit(dossier);
        if found.is_mendable() {
            self.repairs.push((dossier.assignment.id, found.repair.clone()));
        }
        let Audit { findings, repair: _ } = found;
        self.findings.extend(findings);
    }

    fn bad_row(&mut self, id: AssignmentId, bad: &StoreError) {
        self.checked += 1;
        self.findings.push(Finding {
            kind: FindingKind::BadRow,
            assignment: Some(id),
            job: None,
            attempt: None,
            detail: bad.to_string(),
        });
    }

    /// Attempts that are said to run, and whose runner is dead, or not recorded and past its lease. One whose files
    /// somebody holds lives, whoever has started it.
    async fn look_for_lost(&mut self, patient: &Patient) -> Result<(), StoreError> {
        let nobody = RunnerId::new(Uuid::nil());
        let running = match patient.store.foreign_attempts(nobody).await {
            Err(bad @ StoreError::BadRow { .. }) => {
                let detail = format!("{bad}: no runner can look after running attempts until it is right");
                let kind = FindingKind::BadRow;
                self.findings.push(Finding { kind, assignment: None, job: None, attempt: None, detail });
                return Ok(());
            }
            running => running?,
        };
        for orphan in running {
            let life = orphan.runner_process.as_ref().map(identity::life);
            let is_over = orphan.lease_until < patient.now;
            let (proven, detail) = match life {
                Some(Life::Dead) => (true, format!("its runner {} is dead", orphan.runner)),
                None if is_over => (false, format!("its runner {} is not known", orphan.runner)),
                Some(Life::Unknown) if is_over => {
                    (false, format!("its runner {} was not heard of until its lease was over", orphan.runner))
                }
                None | Some(Life::Alive | Life::Unknown) => {
                    self.look_for_keeper(patient, &orphan);
                    continue;
                }
            };
            if is_held(patient, &orphan) {
                continue;
            }
            self.findings.push(Finding {
                kind: FindingKind::RunnerGone,
                assignment: Some(orphan.assignment),
                job: Some(orphan.job),
                attempt: Some(orphan.attempt),
                detail,
            });
            self.lost.push(Lost { orphan, proven });
        }
        Ok(())
    }
}

impl Health {
    /// An attempt that has been started long ago, and that nobody keeps. One that has just been started or has just ended
    /// may have no keeper for a moment.
    fn look_for_keeper(&mut self, patient: &Patient, orphan: &Orphan) {
        let files = attempt::files(&patient.data_folder, orphan.attempt);
        let is_quiet =
            folder::modified(&files.folder).is_ok_and(|last| patient.now.since(last) > KEEPER_MISSED);
        if is_quiet && files.lock().exists() && !is_held(patient, orphan) {
            self.findings.push(Finding {
                kind: FindingKind::NoKeeper,
                assignment: Some(orphan.assignment),
                job: Some(orphan.job),
                attempt: Some(orphan.attempt),
                detail: "it is said to run, and no keeper of it lives".to_owned(),
            });
        }
    }
}

/// Whether somebody holds the attempt's files. A folder that can't be looked into proves nothing.
fn is_held(patient: &Patient, orphan: &Orphan) -> bool {
    let files = attempt::files(&patient.data_folder, orphan.attempt);
    folder::is_held(&files.folder).unwrap_or(true)
}

/// Mends what can be mended. Done twice, the second time finds nothing to do.
pub async fn mend(health: &Health, patient: &Patient) -> Result<Mended, StoreError> {
    let mut mended = Mended::default();
    for (assignment, repair) in &health.repairs {
        let change = Change::Repair { assignment: *assignment, repair: repair.clone() };
        let is_of_it = |finding: &&Finding| {
            finding.assignment == Some(*assignment)
                && finding.kind != FindingKind::RunnerGone
                && finding.kind.mending().is_some()
        };
        if mended.carry_out(patient, *assignment, change).await? {
            mended.mended.extend(health.findings.iter().filter(is_of_it).cloned());
        }
    }
    for lost in &health.lost {
        let orphan = &lost.orphan;
        let files = attempt::files(&patient.data_folder, orphan.attempt);
        if files.exit().exists() {
            let why = "it has ended, and the next runner takes its result: agents runner".to_owned();
            mended.left.push(Left { what: format!("attempt {}", orphan.attempt), why });
            continue;
        }
        // Somebody may have taken it over since it was looked at; from here on nobody starts it any more.
        if !mark::revoke(&files.lock()).unwrap_or(false) {
            continue;
        }
        let killed = stop::kill_marked(orphan.attempt);
        tracing::debug!(attempt = %orphan.attempt, killed, "ended what was left of a lost attempt");
        let change = Change::GiveUp {
            assignment: orphan.assignment,
            attempt: orphan.attempt,
            why: "its runner is gone".to_owned(),
            proof: match lost.proven {
                true => Proof::Gone,
                false => Proof::Silent { lease_until: orphan.lease_until },
            },
        };
        if mended.carry_out(patient, orphan.assignment, change).await? {
            let is_it = |finding: &&Finding| {
                finding.kind == FindingKind::RunnerGone && finding.attempt == Some(orphan.attempt)
            };
            mended.mended.extend(health.findings.iter().filter(is_it).cloned());
        }
        if lost.proven {
            patient.store.unregister(orphan.runner).await?;
        }
    }
    Ok(mended)
}

impl Mended {
    /// Whether it was done. Somebody who was quicker has mended it too.
    async fn carry_out(
        &mut self,
        patient: &Patient,
        assignment: AssignmentId,
        change: Change,
    ) -> Result<bool, StoreError> {
        let mut left = |why: String| self.left.push(Left { what: format!("assignment {assignment}"), why });
        let Some(stored) = patient.store.assignment(assignment).await? else { return Ok(false) };
        let harness_defaults = match defaults(patient, Path::new(&stored.workspace)) {
            Ok(harness_defaults) => harness_defaults,
            Err(why) => {
                left(format!("its config can't be read: {why}"));
                return Ok(false);
            }
        };
        match patient.store.execute(Command { actor: Actor::Person, harness_defaults, change }).await {
            Ok(_) => Ok(true),
            Err(StoreError::Rejected(_)) => Ok(false),
            Err(error @ (StoreError::LostRace { .. } | StoreError::Database { .. })) => {
                left(error.to_string());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn defaults(patient: &Patient, workspace: &Path) -> Result<Arc<HarnessDefaults>, String> {
    patient.settings.for_workspace(workspace).map(|settings| Arc::clone(&settings.harness_defaults))
}
