//! Two figures of schedules: from a due time to the moment at which the run's keeper was spawned, and to the first line of
//! its `main()`, when many are due in the same second, with limits lifted, beside as many keepers with the same program
//! that are started without the product; and what a runner's look costs, and one firing, among 100 and among 100,000
//! schedules. The run is this program itself: it reads the clock first.
//!
//! `cargo bench -p agents-cli --bench schedules -- [due at once] [rounds] [schedules] [looks]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

mod support;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId, RunnerId, ScheduleId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::run::RunOrigin;
use agents_domain::schedule::entry::{PatternKind, Progress, Schedule, Standing, Terms};
use agents_domain::schedule::schedules::{ScheduleWrite, Schedules, Written};
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::start::{Cause, Start, StartError, Starter};
use agents_domain::store::Store;
use agents_domain::timestamp::{Clock, Timestamp};
use agents_orchestrator::attempt;
use agents_orchestrator::process::AttemptFiles;
use agents_orchestrator::process::keeper::mark;
use agents_orchestrator::schedule::Firer;
use agents_orchestrator::settings::{Settings, SettingsSource};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Executor, Row};

use support::{Runner, keeper, median, millis, numbers, percentile, world::World};

/// Waiting longer than this for a run is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long before the due time everything is ready.
const AHEAD: Duration = Duration::from_secs(3);

fn now_ms() -> f64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn child(socket: &OsStr) {
    let now = now_ms();
    UnixDatagram::unbound().unwrap().send_to(now.to_string().as_bytes(), socket).unwrap();
}

fn schedule(number: usize, kind: PatternKind, (pattern, due): (&str, Timestamp)) -> Schedule {
    let now = SystemClock.now();
    let terms = Terms {
        kind,
        pattern: pattern.to_owned(),
        zone: "UTC".to_owned(),
        start: Start::Definition { name: "tell".to_owned(), params: "{}".to_owned() },
        missed: MissedPolicy::Last,
        overlap: Overlap::Skip,
        jitter: Duration::ZERO,
        from: None,
        until: None,
        auto_pause_after: None,
    };
    Schedule {
        id: ScheduleId::new(SystemIds.next()),
        namespace: Namespace::new("shop").unwrap(),
        name: format!("s{number}-{}", now.as_millis()),
        terms,
        standing: Standing::On,
        progress: Progress { look_at: Some(due), ..Progress::begin(now, Some(due)) },
        created_at: now,
        updated_at: now,
        revision: 1,
    }
}

async fn add(store: &dyn Schedules, all: Vec<Schedule>) {
    for part in all.chunks(1000) {
        let write = |schedule: &Schedule| ScheduleWrite {
            schedule: schedule.clone(),
            replaces: None,
            begins_anew: true,
        };
        let written = store.write_schedules(part.iter().map(write).collect()).await.unwrap();
        assert_eq!(written, Written::Done);
    }
}

/// What so many children tell of when their `main()` began, in milliseconds after that moment.
fn heard(bell: &UnixDatagram, count: usize, from: f64) -> Vec<f64> {
    let mut buffer = [0; 64];
    let mut next = || {
        let length = loop {
            match bell.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        std::str::from_utf8(&buffer[..length]).unwrap().parse::<f64>().unwrap() - from
    };
    (0..count).map(|_| next()).collect()
}

/// When the kernel made the process of the keeper that keeps its files there, in milliseconds after that moment. The kernel
/// tells it in clock ticks, of 10 ms mostly.
fn spawned(files: &AttemptFiles, from: f64) -> f64 {
    let mark = mark::read(&files.lock()).unwrap();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let boot = clock_gettime(ClockId::Boottime);
    let booted_at = now_ms() - (boot.tv_sec as f64 * 1e3 + boot.tv_nsec as f64 / 1e6);
    booted_at + mark.start_time as f64 / ticks * 1e3 - from
}

/// So many keepers with the program, started by two threads as fast as they can: when they were spawned, and when the
/// program's `main()` began.
fn floor(bell: &UnixDatagram, (program, count): (&[OsString], usize), folder: &Path) -> (Vec<f64>, Vec<f64>) {
    let began = now_ms();
    let start = |number: usize| {
        let folder = folder.join(number.to_string());
        keeper::of(&folder, program.to_vec()).spawn().unwrap()
    };
    std::thread::scope(|scope| {
        let threads = [0, 1]
            .map(|thread| scope.spawn(move || (thread..count).step_by(2).map(start).collect::<Vec<_>>()));
        let times = heard(bell, count, began);
        for mut keeper in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            assert!(keeper.wait().unwrap().success());
        }
        let files = |number: usize| AttemptFiles { folder: folder.join(number.to_string()) };
        ((0..count).map(|number| spawned(&files(number), began)).collect(), times)
    })
}

/// How far so many schedules have come after their due time, in milliseconds.
struct Firing {
    /// The transaction that made the run has begun.
    decided: Vec<f64>,
    /// The transaction that took its job has begun.
    taken: Vec<f64>,
    /// The run's first process, its keeper, was spawned.
    spawned: Vec<f64>,
    /// The run's `main()` has begun.
    main: Vec<f64>,
}

async fn at_once(world: &World, bell: &UnixDatagram, count: usize) -> Firing {
    let store = world.store().await;
    let due = SystemClock.now().after(AHEAD + Duration::from_millis(count as u64 * 2));
    let due = Timestamp::from_seconds(due.as_millis() / 1000);
    let one = |number| schedule(number, PatternKind::At, (&due.to_string(), due));
    add(&store, (0..count).map(one).collect()).await;
    // The runner finds them as it does after `agents schedule create`: its bell is rung.
    let ring = format!("ring-{}", due.as_millis());
    let later = ["--at", "2099-01-01T00:00:00Z", "--run", "tell"];
    world.agents(&[&["schedule", "create", &ring], &later[..]].concat()).ok();
    let main = heard(bell, count, due.as_millis() as f64);
    let mut on = SqliteConnectOptions::new().filename(world.database()).connect().await.unwrap();
    let rows = "SELECT j.created_at, t.started_at, t.id FROM jobs j JOIN attempts t ON t.job_id = j.id \
                WHERE j.created_at >= $1";
    let rows = on.fetch_all(sqlx::query(rows).bind(due.as_millis())).await.unwrap();
    assert_eq!(rows.len(), count);
    let after =
        |column| rows.iter().map(|row| (row.get::<i64, _>(column) - due.as_millis()) as f64).collect();
    let data = world.database().parent().unwrap().to_owned();
    let spawned = |row: &SqliteRow| {
        let attempt = row.get::<String, _>(2).parse().unwrap();
        spawned(&attempt::files(&data, attempt), due.as_millis() as f64)
    };
    let spawned = rows.iter().map(spawned).collect();
    Firing { decided: after(0), taken: after(1), spawned, main }
}

struct OneJob;

#[async_trait::async_trait]
impl Starter for OneJob {
    async fn new_run(
        &self,
        namespace: &Namespace,
        start: &Start,
        cause: Cause,
    ) -> Result<NewAssignment, StartError> {
        let job = NewJob {
            id: JobId::new(SystemIds.next()),
            job_type: JobType::new("run").unwrap(),
            harness: Some("exec".to_owned()),
            model: None,
            context: "{}".to_owned(),
            timeout_ms: None,
        };
        let run = RunOrigin {
            definition: Some(start.title().to_owned()),
            worker: "exec".to_owned(),
            trigger: cause.trigger,
            params: "{}".to_owned(),
            input: None,
            depth: 1,
            replays: None,
        };
        Ok(NewAssignment {
            priority: None,
            id: AssignmentId::new(SystemIds.next()),
            namespace: namespace.clone(),
            north_star: "tell".to_owned(),
            director: Director::None,
            workspace: "/tmp".to_owned(),
            worktree: None,
            alone: false,
            max_jobs: 50,
            run: Some(Box::new(run)),
            limits: Default::default(),
            checks: Vec::new(),
            accept: Vec::new(),
            first: First::Job(job),
        })
    }

    fn at_once(self: Arc<Self>) -> Arc<dyn Starter> {
        self
    }
}

struct NoSettings;

impl SettingsSource for NoSettings {
    fn for_workspace(&self, _: &Path) -> Result<Arc<Settings>, String> {
        Err("there is no config".to_owned())
    }

    fn last_harness_defaults(&self, _: &Path) -> Option<Arc<HarnessDefaults>> {
        let (default, by_type) = ("exec".to_owned(), BTreeMap::new());
        Some(Arc::new(HarnessDefaults { default, by_type, reviewers: Default::default() }))
    }
}

/// A store with so many schedules that are due in a month, and who looks at them.
async fn crowd(database: &Path, count: usize) -> Firer {
    let url = format!("sqlite:{}", database.display());
    let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
    let later = SystemClock.now().after(Duration::from_secs(30 * 24 * 3600));
    let one = |number| schedule(number, PatternKind::Cron, ("0 9 * * *", later));
    add(&store, (0..count).map(one).collect()).await;
    Firer {
        store: Arc::new(store),
        starter: Arc::new(OneJob),
        settings: Arc::new(NoSettings),
        clock: Arc::new(SystemClock),
        actor: Actor::Runner(RunnerId::new(SystemIds.next())),
        namespace: Some(Namespace::new("shop").unwrap()),
    }
}

/// A look that finds nothing, and one that fires, in milliseconds.
async fn looks(firer: &Firer, number: usize) -> (f64, f64) {
    let began = Instant::now();
    let looked = firer.look(None).await.unwrap();
    let idle = millis(began.elapsed());
    assert_eq!(looked.fired.schedules, []);
    let now = SystemClock.now();
    let mut due = schedule(number, PatternKind::Every, ("1h", now));
    let hour = Duration::from_secs(3600);
    due.created_at = Timestamp::from_millis(now.as_millis() - 3_600_000);
    due.progress =
        Progress { look_at: Some(now), ..Progress::begin(due.created_at, Some(due.created_at.after(hour))) };
    add(&*firer.store as &dyn Store, vec![due]).await;
    let began = Instant::now();
    let looked = firer.look(None).await.unwrap();
    let firing = millis(began.elapsed());
    assert_eq!(looked.fired.schedules.len(), 1);
    (idle, firing)
}

async fn flat(folder: &Path, (schedules, count): (usize, usize)) {
    let few = crowd(&folder.join("few.db"), 100).await;
    let many = crowd(&folder.join("many.db"), schedules).await;
    let mut times = [const { Vec::new() }; 4];
    for number in 0..count {
        for (place, firer) in [&few, &many].into_iter().enumerate() {
            let (idle, firing) = looks(firer, number).await;
            times[place].push(idle);
            times[place + 2].push(firing);
        }
    }
    for (name, place) in [("a look that finds nothing", 0), ("a look that fires one", 2)] {
        let (few, many) = (median(&times[place]), median(&times[place + 1]));
        println!(
            "{name}: {few:.3} ms among 100, {many:.3} ms among {schedules}: ratio {:.2} (goal 1.5)",
            many / few
        );
    }
}

fn main() {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let [flag, socket] = args.as_slice()
        && flag == "--child"
    {
        return child(socket);
    }
    let [count, rounds, schedules, looks] = numbers([1000, 5, 100_000, 200]);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(flat(folder.path(), (schedules, looks)));
    let socket = folder.path().join("bell");
    let bell = UnixDatagram::bind(&socket).unwrap();
    bell.set_read_timeout(Some(PATIENCE)).unwrap();
    let world = World::new();
    let program = [std::env::current_exe().unwrap().into(), "--child".into(), socket.into_os_string()];
    let command = json!(program.each_ref().map(|part: &OsString| part.to_str().unwrap()));
    world.write("shop/.agents/jobs/tell.yaml", format!("name: tell\nexec:\n  argv: {command}\n"));
    let runner = Runner::start(&world, &["--concurrency", "1000"]);
    let mut steps = [const { [const { Vec::new() }; 3] }; 6];
    for round in 0..rounds {
        let keepers = floor(&bell, (&program, count), &folder.path().join(format!("floor-{round}")));
        let Firing { decided, taken, spawned, main } = runtime.block_on(at_once(&world, &bell, count));
        let all = [decided, taken, spawned, main, keepers.0, keepers.1];
        for (figures, times) in steps.iter_mut().zip(all) {
            for (figure, percent) in figures.iter_mut().zip([50.0, 99.0, 100.0]) {
                figure.push(percentile(&times, percent));
            }
        }
    }
    drop(runner);
    println!("{count} schedules due in the same second, medians of {rounds} rounds, after the due time");
    let names = [
        "decided",
        "taken",
        "spawned (goal: p99 1000 ms)",
        "main()",
        "floor: keepers and programs alone, spawned",
        "floor: main()",
    ];
    for (name, figures) in names.iter().zip(&steps) {
        let [p50, p99, max] = figures.each_ref().map(|figure| median(figure));
        println!("{name}: p50 {p50:.0} ms, p99 {p99:.0} ms, max {max:.0} ms");
    }
    for (name, ours, floor) in [("spawned", 2, 4), ("main()", 3, 5)] {
        let ratio = median(&steps[ours][1]) / median(&steps[floor][1]);
        println!("{name}: p99 {ratio:.2} of the floor's");
    }
}
