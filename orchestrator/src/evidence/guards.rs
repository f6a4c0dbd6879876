//! Guards over what a job has left: its own diff, and for those that are gates the whole of the assignment's, so that the
//! next job's work does not hide what an earlier one has taken away.

use agents_domain::evidence::guard::{self, Sighting, Work};
use agents_domain::evidence::patch::{PATCH_MOST, Patch};
use agents_domain::evidence::{Citation, Evidence, Finding, FindingSource, Guard, GuardMode, Severity};
use agents_domain::id::FindingId;

use super::Scene;
use super::outside;
use crate::workspace;

/// Looks at the job's work, if it is known.
pub(super) async fn look(scene: Scene<'_>, evidence: &mut Evidence) {
    let Some(checkpoint) = evidence.checkpoint.clone() else { return };
    let diff = match checkpoint.is_empty() {
        true => String::new(),
        false => diff(scene, &checkpoint.before, &checkpoint.after).await,
    };
    let is_idle = checkpoint.is_empty() && scene.claimed.job.job_type.as_str() == "implement";
    let outside = outside::written(scene).await;
    let mut seen = sightings(scene, (&diff, is_idle), &outside);
    if scene.base().is_some_and(|base| base != checkpoint.before) {
        let is_told = |one: &Sighting| seen.iter().any(|own| own.guard == one.guard && own.file == one.file);
        let still = still(scene, &checkpoint.after).await;
        let more: Vec<Sighting> = still.into_iter().filter(|one| !is_told(one)).collect();
        seen.extend(more);
    }
    evidence.findings.extend(seen.into_iter().filter_map(|one| as_finding(scene, one)));
}

/// What a job has done, and nobody will find in its branch.
pub(super) fn not_kept(scene: Scene<'_>, error: &str, evidence: &mut Evidence) {
    tracing::warn!(error, attempt = %scene.claimed.attempt.id, "what the job has done could not be kept");
    let text = format!("what the job has done could not be committed to its branch: {error}");
    if evidence
        .findings
        .iter()
        .any(|one| one.source == FindingSource::Guard(Guard::WorkNotKept) && one.text == text)
    {
        return;
    }
    let seen = Sighting { guard: Guard::WorkNotKept, file: None, line: None, text };
    evidence.findings.extend(as_finding(scene, seen));
}

/// In a worktree of its own everything was committed: what still differs would be judged, and then not be there.
pub(super) async fn left_out(scene: Scene<'_>, evidence: &mut Evidence) {
    /// So many are named.
    const MOST: usize = 5;
    let Some(worktree) = &scene.assignment().worktree else { return };
    if evidence.checkpoint.is_none() || evidence.tree.as_ref().is_none_or(|tree| tree.dirty.is_none()) {
        return;
    }
    let left = workspace::not_committed(workspace::top(worktree));
    let Ok(left) = workspace::watched((scene.claimed, scene.settings), left).await else { return };
    let named: Vec<&str> = left.iter().take(MOST).map(String::as_str).collect();
    if let Some(more @ 1..) = left.len().checked_sub(named.len()) {
        not_kept(scene, &format!("{}, and {more} more", named.join("; ")), evidence);
    } else if !named.is_empty() {
        not_kept(scene, &named.join("; "), evidence);
    }
}

/// In a worktree of its own only jobs that may edit change something, and what they change is committed. What else has
/// changed would be judged, and then not be there when the branch is merged.
pub(super) fn changed_unasked(scene: Scene<'_>, evidence: &mut Evidence) {
    let assignment = scene.assignment();
    let Some(tree) = evidence.tree.as_ref().filter(|tree| tree.dirty.is_some()) else { return };
    let is_known = assignment.standing().tree.as_ref() == Some(tree);
    if scene.may_edit() || is_known || assignment.worktree.is_none() {
        return;
    }
    let text = format!(
        "the worktree has changes that no job has made and nobody has committed (found after the {} job); a job that may edit \
         commits them, or undoes them",
        scene.claimed.job.job_type
    );
    let seen = Sighting { guard: Guard::ChangedUnasked, file: None, line: None, text };
    evidence.findings.extend(as_finding(scene, seen));
}

/// Somebody else than a job has moved the tree, which lifts all gates: those that are still right stand again.
pub(super) async fn look_again(scene: Scene<'_>, evidence: &mut Evidence) {
    let standing = scene.assignment().standing();
    let Some(tree) = evidence.tree.clone() else { return };
    if standing.gates.is_empty() || standing.tree.as_ref() == Some(&tree) || evidence.checkpoint.is_some() {
        return;
    }
    let still = still(scene, &tree.commit).await;
    evidence.findings.extend(still.into_iter().filter_map(|one| as_finding(scene, one)));
}

/// What the guards that are gates see in all that has changed since the assignment began.
async fn still(scene: Scene<'_>, now: &str) -> Vec<Sighting> {
    let Some(base) = scene.base().filter(|base| *base != now) else { return Vec::new() };
    let whole = diff_since(scene, base, now).await;
    let modes = &scene.settings.evidence.guards;
    sightings(scene, (&whole, false), &[])
        .into_iter()
        .filter(|one| modes.of(one.guard) == GuardMode::Gate)
        .map(|one| Sighting { text: format!("still so since the assignment began: {}", one.text), ..one })
        .collect()
}

fn sightings(scene: Scene<'_>, (diff, is_idle): (&str, bool), outside: &[String]) -> Vec<Sighting> {
    let checks = scene.assignment().checks();
    let patch = Patch::read(diff);
    if patch.is_cut {
        tracing::warn!(attempt = %scene.claimed.attempt.id, "the diff is too long: guards have not seen all of it");
    }
    guard::look(Work { patch: &patch, checks, is_idle, outside })
}

async fn diff(scene: Scene<'_>, before: &str, after: &str) -> String {
    let diff = workspace::diff(scene.folder(), before, after, PATCH_MOST);
    let diff = workspace::watched((scene.claimed, scene.settings), diff).await.and_then(|diff| diff);
    diff.unwrap_or_else(|error| {
        tracing::warn!(%error, attempt = %scene.claimed.attempt.id, "guards have nothing to look at");
        String::new()
    })
}

async fn diff_since(scene: Scene<'_>, base: &str, after: &str) -> String {
    let has_gate =
        Guard::ALL.iter().any(|guard| scene.settings.evidence.guards.of(*guard) == GuardMode::Gate);
    if has_gate { diff(scene, base, after).await } else { String::new() }
}

/// `None`: nobody wants to know.
pub(super) fn as_finding(scene: Scene<'_>, seen: Sighting) -> Option<Finding> {
    let severity = scene.settings.evidence.guards.severity(seen.guard)?;
    Some(finding(scene, severity, seen))
}

/// What a guard has seen after this attempt. A file that is gone is named, and is no place to look at.
pub(super) fn finding(scene: Scene<'_>, severity: Severity, seen: Sighting) -> Finding {
    let claimed = scene.claimed;
    let top = claimed.assignment.worktree.as_ref().map_or(scene.folder(), workspace::top);
    let citation = match seen.file.as_ref().is_some_and(|file| top.join(file).exists()) {
        true => Citation::Holds,
        false => Citation::None,
    };
    Finding {
        id: FindingId::new(scene.around.ids.next()),
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        source: FindingSource::Guard(seen.guard),
        severity,
        file: seen.file,
        line: seen.line,
        citation,
        criterion: None,
        text: seen.text,
    }
}
