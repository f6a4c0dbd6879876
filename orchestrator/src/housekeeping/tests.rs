//! A clean-up on a real data folder: it keeps to its bounds, and the next one goes on where it ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use agents_domain::aggregate::HarnessDefaults;
use agents_domain::retention::Retention;
use agents_domain::timestamp::Timestamp;

use super::{Bounds, Mode, Sweep, SweepReport, sweep};
use crate::settings::{Settings, SettingsSource, Timeouts};
use crate::store::SqlStore;
use crate::system::{SystemClock, SystemIds};

const DAY: u64 = 24 * 60 * 60;
const NOW: u64 = 1000 * DAY;

/// Every workspace has the default retention, or a config that can't be read.
pub struct SameEverywhere(pub Result<Retention, String>);

impl SettingsSource for SameEverywhere {
    fn for_workspace(&self, _: &Path) -> Result<Arc<Settings>, String> {
        let retention = self.0.clone()?;
        Ok(Arc::new(Settings {
            fallbacks: Default::default(),
            harnesses: Default::default(),
            harness_defaults: Arc::new(HarnessDefaults {
                default: "claude".to_owned(),
                by_type: Default::default(),
                reviewers: Default::default(),
            }),
            timeouts: Timeouts {
                whole: Duration::from_secs(1),
                start: Duration::from_secs(1),
                silence: Duration::from_secs(1),
            },
            timeouts_by_type: Default::default(),
            max_output: 1 << 30,
            grace: Duration::from_secs(1),
            prices: Default::default(),
            models: Default::default(),
            terms: Default::default(),
            new_assignments: Default::default(),
            retention,
            evidence: Default::default(),
            access: Default::default(),
            template_folders: Vec::new(),
            workspace: crate::settings::WorkspaceSettings::new(std::path::PathBuf::new()),
            agents_folders: Vec::new(),
            agents_env: Vec::new(),
        }))
    }

    fn last_harness_defaults(&self, _: &Path) -> Option<Arc<HarnessDefaults>> {
        None
    }
}

/// A folder of an attempt in that shard, older than logs are kept.
pub fn old_folder(data: &Path, shard: u8) -> PathBuf {
    let name = format!("01890a5d-ac96-774b-bcce-b302099a80{shard:02x}");
    let folder = data.join("attempts").join(format!("{shard:02x}")).join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("stdout"), "four").unwrap();
    for path in [folder.join("stdout"), folder.clone()] {
        File::open(path).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(NOW - 40 * DAY)).unwrap();
    }
    folder
}

async fn run(data: &Path, bounds: Bounds, settings: SameEverywhere) -> SweepReport {
    let database_url = format!("sqlite:{}", data.join("agents.db").display());
    let store = SqlStore::open(&database_url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
    let task = Sweep {
        store: Arc::new(store),
        settings: Arc::new(settings),
        data_folder: data.to_owned(),
        database_url,
        now: Timestamp::from_seconds(NOW as i64),
        only: None,
        mode: Mode::Remove,
        bounds,
    };
    sweep(&task).await.unwrap()
}

fn usual() -> SameEverywhere {
    SameEverywhere(Ok(Retention::default()))
}

#[tokio::test]
async fn a_clean_up_ends_at_its_bound_and_the_next_one_goes_on_there() {
    let data = tempfile::tempdir().unwrap();
    let folders: Vec<PathBuf> = [1, 2, 200].map(|shard| old_folder(data.path(), shard)).into();
    let two = Bounds { removals: 2, ..Bounds::NONE };
    let report = run(data.path(), two, usual()).await;
    let gone: Vec<&PathBuf> = report.folders.iter().map(|folder| &folder.path).collect();
    assert_eq!((gone, report.next_shard), (vec![&folders[0], &folders[1]], Some(3)));
    assert!(folders[2].exists());
    old_folder(data.path(), 1);
    let one = Bounds { removals: 1, first_shard: 3, until: None };
    let report = run(data.path(), one, usual()).await;
    assert_eq!(report.folders.iter().map(|folder| &folder.path).collect::<Vec<_>>(), [&folders[2]]);
    assert_eq!(report.next_shard, Some(201));
}

#[tokio::test]
async fn a_clean_up_whose_time_is_over_removes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let folder = old_folder(data.path(), 7);
    let over = Bounds { until: Some(Instant::now()), first_shard: 5, ..Bounds::NONE };
    let report = run(data.path(), over, usual()).await;
    assert_eq!(report, SweepReport { next_shard: Some(5), ..SweepReport::default() });
    assert!(folder.exists());
}

#[tokio::test]
async fn a_config_that_can_not_be_read_keeps_everything_and_is_named() {
    let data = tempfile::tempdir().unwrap();
    let folder = old_folder(data.path(), 7);
    let report = run(data.path(), Bounds::NONE, SameEverywhere(Err("no JSON".to_owned()))).await;
    assert_eq!((report.folders.len(), report.unknown_kept), (0, 1));
    assert!(report.left[0].why.ends_with("no JSON"), "{:?}", report.left);
    assert!(folder.exists());
}
