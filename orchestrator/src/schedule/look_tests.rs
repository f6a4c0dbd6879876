//! Looks at more schedules than one transaction takes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agents_domain::id::{IdSource, ScheduleId};
use agents_domain::schedule::schedules::{ScheduleWrite, Written};
use agents_domain::store::Store;
use agents_domain::timestamp::{Clock, Timestamp};

use super::fakes::{HandClock, firer, schedule};
use super::look::{Looked, PAGE};
use super::{Firer, More};
use crate::store::SqlStore;
use crate::system::SystemIds;

const BEGINNING: Timestamp = Timestamp::from_millis(1_772_582_400_000);
const HOUR: Duration = Duration::from_secs(3600);

/// A runner at a moment at which so many schedules are due, which are due every hour.
async fn crowd(folder: &Path, count: u32) -> (Firer, BTreeSet<ScheduleId>) {
    let clock = Arc::new(HandClock(Mutex::new(BEGINNING)));
    let handed: Arc<dyn Clock> = clock.clone();
    let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
    let url = format!("sqlite:{}", folder.join("agents.db").display());
    let store = SqlStore::open(&url, Arc::clone(&handed), Arc::clone(&ids)).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let write = |number: u32| {
        let mut schedule = schedule(ScheduleId::new(ids.next()), "1h", BEGINNING);
        schedule.name = format!("s{number}");
        ScheduleWrite { schedule, replaces: None, begins_anew: true }
    };
    let all: Vec<_> = (0..count).map(write).collect();
    let crowd = all.iter().map(|one| one.schedule.id).collect();
    assert_eq!(store.write_schedules(all).await.unwrap(), Written::Done);
    *clock.0.lock().unwrap() = BEGINNING.after(HOUR);
    (firer(&store, &handed, &ids), crowd)
}

/// The schedules of which one due time was decided and started.
fn started(looked: &Looked) -> BTreeSet<ScheduleId> {
    let once = |one: &&agents_domain::schedule::schedules::FiredSchedule| {
        (one.started.len(), one.decided.len()) == (1, 1)
    };
    let all: BTreeSet<_> = looked.fired.schedules.iter().filter(once).map(|one| one.schedule).collect();
    assert_eq!(all.len(), looked.fired.schedules.len(), "each has started once, and is told once");
    all
}

#[tokio::test]
async fn one_look_fires_all_that_is_due_together_however_many_pages_that_is() {
    for count in [1, PAGE, 2 * PAGE + 3] {
        let folder = tempfile::tempdir().unwrap();
        let (firer, crowd) = crowd(folder.path(), count).await;
        let looked = firer.look(None).await.unwrap();
        assert_eq!(started(&looked), crowd);
        assert_eq!((looked.more, looked.next), (More::Nothing, Some(BEGINNING.after(2 * HOUR))));
    }
}

#[tokio::test]
async fn a_look_whose_time_is_up_ends_with_its_page_and_the_next_one_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (firer, crowd) = crowd(folder.path(), PAGE + 3).await;
    let first = firer.look_until(Instant::now(), None).await.unwrap();
    assert_eq!(started(&first).len(), PAGE as usize);
    let More::Behind(at, id) = first.more else { panic!("{:?}", first.more) };
    let second = firer.look_until(Instant::now(), Some((at, id))).await.unwrap();
    assert_eq!(started(&second).len(), 3);
    assert_eq!((second.more, second.next), (More::Nothing, Some(BEGINNING.after(2 * HOUR))));
    assert_eq!(&started(&first) | &started(&second), crowd);
}
