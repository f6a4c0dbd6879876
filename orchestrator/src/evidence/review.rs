//! A review that has ended well: which tree it was about, and what its answer finds there.

use agents_domain::attempt::AttemptReport;
use agents_domain::evidence::Finding;

use super::Scene;
use crate::review::findings::{self, Review};
use crate::workspace;

/// Adds the tree and the findings. What a job that may edit says of itself is no finding.
pub(super) async fn take_in(scene: Scene<'_>, report: &mut AttemptReport) {
    if !scene.claimed.job.job_type.is_review() || scene.may_edit() || !report.outcome.is_success() {
        return;
    }
    report.evidence.tree = workspace::state_of(scene.claimed, scene.settings).await;
    report.evidence.findings.extend(found(scene, &report.outcome.text).await);
}

async fn found(scene: Scene<'_>, answer: &str) -> Vec<Finding> {
    let (claimed, ids, answer) =
        (scene.claimed.clone(), std::sync::Arc::clone(&scene.around.ids), answer.to_owned());
    // It reads the files that are cited.
    let reading = tokio::task::spawn_blocking(move || findings::read(&answer, Review::of(&claimed), &*ids));
    reading.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the findings of a review could not be read");
        Vec::new()
    })
}
