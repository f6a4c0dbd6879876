//! For tests: runs of one job that nobody does, and a config that can't be read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId, RunnerId, ScheduleId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::run::RunOrigin;
use agents_domain::schedule::entry::{PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::{Cause, Start, StartError, Starter};
use agents_domain::store::Store;
use agents_domain::timestamp::{Clock, Timestamp};
use async_trait::async_trait;
use uuid::Uuid;

use super::Firer;
use crate::settings::{Settings, SettingsSource};

/// Makes runs of one job. A definition that is called `broken` can't be started.
pub struct OneJob(pub Arc<dyn IdSource>);

#[async_trait]
impl Starter for OneJob {
    async fn new_run(
        &self,
        namespace: &Namespace,
        start: &Start,
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        if start.title() == "broken" {
            return Err(StartError::unknown("there is no definition `broken`"));
        }
        let job = NewJob {
            id: JobId::new(self.0.next()),
            job_type: JobType::new("implement").unwrap(),
            harness: Some("claude".to_owned()),
            model: None,
            context: "{}".to_owned(),
            timeout_ms: None,
        };
        let run = RunOrigin {
            definition: Some(start.title().to_owned()),
            worker: "exec".to_owned(),
            trigger: cause.trigger,
            params: start.params().to_owned(),
            input: None,
            depth: cause.depth,
            replays: None,
        };
        Ok(NewAssignment {
            priority: None,
            id: AssignmentId::new(self.0.next()),
            namespace: namespace.clone(),
            north_star: start.title().to_owned(),
            director: Director::None,
            workspace: "/repo".to_owned(),
            max_jobs: 50,
            run: Some(Box::new(run)),
            limits: Default::default(),
            worktree: None,
            alone: false,
            checks: Vec::new(),
            accept: Vec::new(),
            first: First::Job(job),
        })
    }

    fn at_once(self: Arc<Self>) -> Arc<dyn Starter> {
        self
    }
}

/// Knows which harness does what, and nothing else.
pub struct NoSettings;

impl SettingsSource for NoSettings {
    fn for_workspace(&self, _: &Path) -> Result<Arc<Settings>, String> {
        Err("there is no config".to_owned())
    }

    fn last_harness_defaults(&self, _: &Path) -> Option<Arc<HarnessDefaults>> {
        let (default, by_type) = ("claude".to_owned(), BTreeMap::new());
        Some(Arc::new(HarnessDefaults { default, by_type, reviewers: Default::default() }))
    }
}

/// A runner that looks at schedules of every namespace.
pub fn firer(store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, ids: &Arc<dyn IdSource>) -> Firer {
    Firer {
        store: Arc::clone(store),
        starter: Arc::new(OneJob(Arc::clone(ids))),
        settings: Arc::new(NoSettings),
        clock: Arc::clone(clock),
        actor: Actor::Runner(RunnerId::new(Uuid::from_u128(1))),
        namespace: None,
    }
}

/// A schedule that starts the definition `job`, in UTC.
pub fn schedule(id: ScheduleId, pattern: &str, now: Timestamp) -> Schedule {
    let kind = if pattern.contains(' ') { PatternKind::Cron } else { PatternKind::Every };
    let terms = Terms {
        kind,
        pattern: pattern.to_owned(),
        zone: "UTC".to_owned(),
        start: Start::Definition { name: "job".to_owned(), params: "{}".to_owned() },
        missed: MissedPolicy::Last,
        overlap: Overlap::Skip,
        jitter: Duration::ZERO,
        from: None,
        until: None,
        auto_pause_after: Some(3),
    };
    let next = super::timetable(&terms, now).unwrap().next_after(now);
    Schedule {
        id,
        namespace: Namespace::new("repo").unwrap(),
        name: format!("s{}", id.short()),
        terms,
        standing: Standing::On,
        progress: Progress::begin(now, next),
        created_at: now,
        updated_at: now,
        revision: 1,
    }
}

/// A clock that is moved by hand.
pub struct HandClock(pub Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
