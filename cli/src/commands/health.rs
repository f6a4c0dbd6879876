//! What `agents doctor` finds in the store, and what `--repair` does about it.

use std::sync::Arc;

use agents_domain::audit::{Finding, FindingKind};
use agents_domain::store::StoreError;
use agents_orchestrator::doorbell;
use agents_orchestrator::housekeeping::{Health, Left, Mended, Patient, Scope, examine, mend};
use agents_orchestrator::store::SqlStore;
use serde_json::{Value, json};

use super::doctor::Check;
use crate::app::{App, Here};
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::text::counted;
use crate::settings_source::ConfigSettings;

/// The name of these checks.
const NAME: &str = "store";

/// What was found and done.
#[derive(Debug, Clone, Default)]
pub struct StoreHealth {
    health: Health,
    mended: Option<Mended>,
}

/// Looks at what the store holds, and mends it if that is wanted.
pub async fn look(
    app: &App,
    here: &Here,
    store: &Arc<SqlStore>,
    (scope, repair): (Scope, bool),
) -> Result<StoreHealth, Failure> {
    let settings = ConfigSettings::new(app.flags.clone(), Environment::of_process(), here.folder.clone());
    let patient = Patient {
        store: Arc::clone(store) as Arc<dyn agents_domain::store::Store>,
        settings: Arc::new(settings),
        data_folder: here.config.data_folder()?,
        now: app.now(),
    };
    let health = examine(&patient, scope).await?;
    if !repair {
        return Ok(StoreHealth { health, mended: None });
    }
    let mended = mend(&health, &patient).await?;
    if !mended.mended.is_empty() {
        doorbell::ring(&here.bells()?);
    }
    Ok(StoreHealth { health: examine(&patient, scope).await?, mended: Some(mended) })
}

impl StoreHealth {
    /// The lines of the report.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some(mended) = &self.mended {
            for finding in &mended.mended {
                let how = finding.kind.mending().unwrap_or_default();
                checks.push(Check::ok("repaired", format!("{} ({how})", said(finding))));
            }
            for left in &mended.left {
                checks.push(Check::problem("not repaired", format!("{}: {}", left.what, left.why), ""));
            }
            if mended.mended.is_empty() && mended.left.is_empty() {
                checks.push(Check::ok("repaired", "nothing had to be"));
            }
        }
        if self.health.findings.is_empty() {
            let checked = counted(self.health.checked, "assignment");
            checks.push(Check::ok(NAME, format!("{checked} checked")));
        }
        checks.extend(self.health.findings.iter().map(check));
        checks
    }

    /// For scripts.
    pub fn view(&self) -> Value {
        let mended = self.mended.as_ref();
        let repaired: Option<Vec<Value>> =
            mended.map(|mended| mended.mended.iter().map(finding_view).collect());
        let left = |left: &Left| json!({ "what": left.what, "why": left.why });
        let not_repaired: Option<Vec<Value>> = mended.map(|mended| mended.left.iter().map(left).collect());
        json!({
            "assignmentsChecked": self.health.checked,
            "findings": self.health.findings.iter().map(finding_view).collect::<Vec<_>>(),
            "repaired": repaired,
            "notRepaired": not_repaired,
        })
    }
}

/// What a person does about a database whose file is damaged. Nothing of it is done by this program.
pub fn rescue(path: &str) -> String {
    format!(
        "nothing was changed. Stop every runner, then: cp '{path}' '{path}.damaged'; cp '{path}-wal' \
         '{path}.damaged-wal' (if it is there); sqlite3 '{path}.damaged' .recover | sqlite3 '{path}.recovered' \
         (an sqlite3 that says `SQL logic error` can't recover: sqlite3 '{path}.damaged' .dump | sed \
         's/^ROLLBACK;.*/COMMIT;/' | sqlite3 '{path}.recovered'); agents doctor --full --database-url \
         'sqlite:{path}.recovered'. If that is sound: rm -f '{path}-wal' '{path}-shm'; mv '{path}.recovered' \
         '{path}'. Or restore a backup"
    )
}

/// The check for a database that can't be used.
pub fn unusable(error: StoreError) -> Check {
    match &error {
        StoreError::Corrupt { path, why: _ } => {
            let fix = rescue(path);
            Check::problem("database", error.to_string(), fix)
        }
        StoreError::Rejected(_)
        | StoreError::NoAssignment(_)
        | StoreError::LostRace { .. }
        | StoreError::BadRow { .. }
        | StoreError::Locked { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::Full { .. }
        | StoreError::Truncated { .. }
        | StoreError::Newer { .. }
        | StoreError::Unreachable { .. }
        | StoreError::BadUrl { .. }
        | StoreError::Database { .. } => Check::failure("database", error.into()),
    }
}

fn check(finding: &Finding) -> Check {
    let fix = match finding.kind.mending() {
        Some(mending) => format!("{}: {mending}", finding.kind.advice()),
        None => finding.kind.advice().to_owned(),
    };
    let detail = format!("{}; {}", said(finding), finding.kind.meaning());
    match finding.kind {
        // A runner does it by itself.
        FindingKind::RunnerGone | FindingKind::NoKeeper => Check::note(NAME, detail, fix),
        FindingKind::NothingNext
        | FindingKind::HeldWithWork
        | FindingKind::ClosedWithWork
        | FindingKind::WrongHead
        | FindingKind::SeveralRunning
        | FindingKind::RunningWithoutAttempt
        | FindingKind::AttemptWithoutJob
        | FindingKind::NoOutcome
        | FindingKind::Miscounted
        | FindingKind::OutOfOrder
        | FindingKind::HistoryGap
        | FindingKind::HistoryDiffers
        | FindingKind::BadRow
        | FindingKind::ProofDiffers => Check::problem(NAME, detail, fix),
    }
}

fn said(finding: &Finding) -> String {
    let assignment = finding.assignment.map(|id| format!("assignment {}", id.short()));
    let job = finding.job.map(|id| format!("job {}", id.short()));
    let attempt = finding.attempt.map(|id| format!("attempt {}", id.short()));
    let place: Vec<String> = assignment.into_iter().chain(job).chain(attempt).collect();
    format!("{}: {}", place.join(", "), finding.detail)
}

fn finding_view(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.as_str(),
        "assignment": finding.assignment.map(|id| id.to_string()),
        "job": finding.job.map(|id| id.to_string()),
        "attempt": finding.attempt.map(|id| id.to_string()),
        "detail": finding.detail,
        "means": finding.kind.meaning(),
        "repair": finding.kind.mending(),
    })
}
