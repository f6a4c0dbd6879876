//! A review that has ended well: which tree it was about, and what its answer finds there.

use agents_domain::attempt::AttemptReport;
use agents_domain::evidence::Guard;
use agents_domain::evidence::guard::Sighting;

use super::{Scene, guards};
use crate::review::findings::{self, Read, Review};
use crate::workspace;

/// Adds the tree and the findings. What a job that may edit says of itself is no finding.
pub(super) async fn take_in(scene: Scene<'_>, report: &mut AttemptReport) {
    if !scene.claimed.job.job_type.is_review() || scene.may_edit() || !report.outcome.is_success() {
        return;
    }
    report.evidence.tree = workspace::state_of(scene.claimed, scene.settings).await;
    let Read { findings, trouble } = read(scene, &report.outcome.text).await;
    report.evidence.findings.extend(findings);
    let unread = trouble.and_then(|trouble| {
        let text =
            format!("the reviewer's answer could not be read: {trouble}. Have the work reviewed again");
        let seen = Sighting { guard: Guard::ReviewUnread, file: None, line: None, text };
        guards::as_finding(scene, seen)
    });
    report.evidence.findings.extend(unread);
}

async fn read(scene: Scene<'_>, answer: &str) -> Read {
    let (claimed, ids, answer) =
        (scene.claimed.clone(), std::sync::Arc::clone(&scene.around.ids), answer.to_owned());
    // It reads the files that are cited.
    let reading = tokio::task::spawn_blocking(move || findings::read(&answer, Review::of(&claimed), &*ids));
    reading.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the findings of a review could not be read");
        Read { findings: Vec::new(), trouble: Some("reading it broke down".to_owned()) }
    })
}
