//! What the orchestrator itself measures when an attempt has ended: the tree, the diff, the checks. Agents have no part in
//! it, and what fails here fails no job: the PM sees it.

mod checks;
mod guards;
pub mod key;
mod output;
mod outside;
mod review;
mod run;
mod settings;
pub mod verdict;

use std::path::Path;
use std::sync::{Arc, Mutex};

use agents_domain::assignment::Assignment;
use agents_domain::attempt::AttemptReport;
use agents_domain::decision::Decision;
use agents_domain::director::Director;
use agents_domain::outcome::Outcome;
use agents_domain::store::Claimed;
use tokio::sync::watch;

pub use settings::EvidenceSettings;

use crate::attempt::{Live, StopReason, Surroundings, files};
use crate::settings::Settings;
use crate::workspace;
use checks::Which;

/// The attempt that is measured, and what is around it.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "ports have nothing to show")]
pub struct Scene<'a> {
    pub claimed: &'a Claimed,
    pub around: &'a Surroundings,
    pub settings: &'a Settings,
    pub live: &'a Arc<Mutex<Live>>,
    pub stop: &'a watch::Receiver<Option<StopReason>>,
}

impl<'a> Scene<'a> {
    fn assignment(&self) -> &'a Assignment {
        &self.claimed.assignment
    }

    /// Where the agent has worked.
    fn folder(&self) -> &'a Path {
        Path::new(self.assignment().folder())
    }

    /// The commit that the assignment's own branch began from.
    fn base(&self) -> Option<&'a str> {
        self.assignment().worktree.as_ref().map(|worktree| worktree.base.commit.as_str())
    }

    /// Whether somebody wants the end of the attempt, and why.
    fn stop_reason(&self) -> Option<StopReason> {
        *self.stop.borrow()
    }

    fn may_edit(&self) -> bool {
        workspace::may_edit(self.claimed, self.settings)
    }

    /// Whether anything of the assignment could stand in the way of `complete`.
    fn has_gate(&self) -> bool {
        let assignment = self.assignment();
        !assignment.checks().is_empty()
            || !assignment.criteria().is_empty()
            || !assignment.standing().gates.is_empty()
    }
}

/// Measures what an attempt that has ended has come to, and adds it to its report.
pub async fn measure(scene: Scene<'_>, report: &mut AttemptReport) {
    let is_run = scene.claimed.job.job_type.is_run();
    // What a run does is its own business, and no work of an agent's; in a worktree of its own it is kept.
    if is_run && scene.assignment().worktree.is_none() {
        return;
    }
    if !is_run {
        let attempt = scene.claimed.attempt.id;
        // A runner that is gone may have been here before.
        run::end_left_behind(attempt, &files(&scene.around.data_folder, attempt)).await;
        if report.process.is_some() {
            look(scene, report).await;
        }
    } else if scene.may_edit() && report.outcome.is_success() {
        keep(scene, report).await;
    }
    // Also what a check has set up, whose files the agent has written.
    if let Err(error) = workspace::over(scene.claimed, scene.settings).await {
        guards::not_kept(scene, &error.to_string(), &mut report.evidence);
    }
}

async fn look(scene: Scene<'_>, report: &mut AttemptReport) {
    if scene.may_edit() {
        match report.outcome.is_success() {
            true => after_work(scene, report).await,
            false => report.evidence.tree = workspace::state_of(scene.claimed, scene.settings).await,
        }
    }
    review::take_in(scene, report).await;
    guards::changed_unasked(scene, &mut report.evidence);
    if completes(scene, report).await {
        before_completion(scene, report).await;
    }
    guards::look_again(scene, &mut report.evidence).await;
}

/// What it has done is committed.
async fn keep(scene: Scene<'_>, report: &mut AttemptReport) {
    match workspace::checkpoint_of(scene.claimed, scene.settings, &report.outcome.text).await {
        Ok(checkpoint) => report.evidence.checkpoint = checkpoint,
        Err(error) => guards::not_kept(scene, &error.to_string(), &mut report.evidence),
    }
}

/// A job that may edit has ended well: what it has done is kept, looked at and checked.
async fn after_work(scene: Scene<'_>, report: &mut AttemptReport) {
    keep(scene, report).await;
    guards::look(scene, &mut report.evidence).await;
    report.evidence.tree = workspace::state_of(scene.claimed, scene.settings).await;
    if let Some(tree) = &report.evidence.tree {
        report.evidence.content = workspace::content_of(scene.folder(), tree).await;
    }
    guards::left_out(scene, &mut report.evidence).await;
    checks::run(scene, Which::All, &mut report.evidence).await;
}

/// Whether the assignment is to be complete when this attempt has been taken in.
async fn completes(scene: Scene<'_>, report: &AttemptReport) -> bool {
    let job = &scene.claimed.job;
    if !report.outcome.is_success() || job.job_type.is_chat() || !scene.has_gate() {
        return false;
    }
    match scene.assignment().director {
        // Its last job completes it, and any may be the last.
        Director::None | Director::Workflow => true,
        Director::Pm if !job.job_type.is_pm() => false,
        Director::Pm => decides_complete(scene, report).await,
    }
}

/// What was decided by command counts, and not the answer beside it.
async fn decides_complete(scene: Scene<'_>, report: &AttemptReport) -> bool {
    match scene.around.store.staged_decision(report.attempt).await {
        Ok(Some(staged)) => matches!(staged, Decision::Complete { .. }),
        Ok(None) => matches!(report.answer, Some(Ok(Decision::Complete { .. }))),
        Err(error) => {
            tracing::warn!(%error, "whether the PM has decided can't be read; it is measured as if it had");
            true
        }
    }
}

/// What is required and has not passed on the present tree is run again. Cut short, the decision is asked for again.
async fn before_completion(scene: Scene<'_>, report: &mut AttemptReport) {
    if report.evidence.tree.is_none() {
        report.evidence.tree = workspace::state_of(scene.claimed, scene.settings).await;
        guards::changed_unasked(scene, &mut report.evidence);
    }
    checks::run(scene, Which::Lacking, &mut report.evidence).await;
    let is_pm = scene.claimed.job.job_type.is_pm();
    if let Some(reason) = scene.stop_reason().filter(|_| is_pm) {
        let why = "it was stopped while the checks before `complete` ran";
        report.outcome = Outcome::failure(reason.class(), why);
    }
}
