//! From what an agent prints to what can be queried. Our way: the agent's output is a file, the reader follows it, and
//! the store takes the end of the attempt in one synced transaction. The other way: the same reading, and every line is
//! a row, one synced transaction for each piece that was read, one statement for all its lines.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::attempt::{AttemptProgress, AttemptReport, Holder, Host};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::harness::{ProcessEnd, StreamEnd, StreamSummary};
use agents_domain::id::{AssignmentId, IdSource, JobId, RunnerId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::store::{Change, ClaimRequest, Claimed, Command, Store};
use agents_domain::timestamp::Clock;
use agents_harnesses::StreamKind;
use agents_orchestrator::attempt::{Line, Tail, describe};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};
use jiff::tz::TimeZone;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqliteConnection};

/// What an agent writes at once.
const WRITE: usize = 64 << 10;

/// The pause of a reader that has read all there is.
const PAUSE: Duration = Duration::from_millis(1);

const SUCCESS: &str = r#"{"type":"result","subtype":"success","is_error":false,"result":"It is done.","num_turns":1,"session_id":"e1e82bc6-6489-4494-9ade-ca1b52d33cd3"}"#;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Follows a file while another thread writes the stream to it. `piece` sees the lines of each piece that was read.
fn follow(
    stream: &str,
    file: &Path,
    mut piece: impl FnMut(&mut Vec<String>),
    is_kept: bool,
) -> StreamSummary {
    File::create(file).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut file = File::options().append(true).open(file).unwrap();
            for part in stream.as_bytes().chunks(WRITE).chain([SUCCESS.as_bytes(), b"\n"]) {
                file.write_all(part).unwrap();
            }
        });
        let mut tail = Tail::open(file).unwrap();
        let mut reader = StreamKind::Claude.reader(&TimeZone::UTC);
        let mut lines = Vec::new();
        let mut last = None;
        loop {
            let is_written = writer.is_finished();
            let count = tail.read(&mut |line| {
                let Line::Whole(line) = line else { return };
                reader.line(line, &mut |event| last = describe(&event).or(last.take()));
                if is_kept {
                    lines.push(String::from_utf8_lossy(line).into_owned());
                }
            });
            match count.unwrap() {
                0 if is_written => break,
                0 => std::thread::sleep(PAUSE),
                _ => piece(&mut lines),
            }
        }
        assert!(last.is_some());
        let process = ProcessEnd::Exited(0);
        reader.finish(&StreamEnd { process, stderr_tail: "", at: SystemClock.now() })
    })
}

/// Our way.
pub fn into_file(stream: &str, folder: &Path) -> Duration {
    let url = format!("sqlite:{}", folder.join("agents.db").display());
    let runtime = runtime();
    let (store, claimed) = runtime.block_on(async {
        let store = SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
        let claimed = running_job(&store).await;
        (store, claimed)
    });
    let began = Instant::now();
    let summary = follow(stream, &folder.join("stdout"), |_| {}, false);
    let found = runtime.block_on(async {
        store.execute(command(finish(&claimed, summary))).await.unwrap();
        store.job(claimed.job.id).await.unwrap().unwrap().1
    });
    assert_eq!(found.attempts[0].exit_code, Some(0));
    began.elapsed()
}

/// The other way.
pub fn into_rows(stream: &str, folder: &Path) -> Duration {
    let options = SqliteConnectOptions::new().filename(folder.join("lines.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let runtime = runtime();
    let mut on = runtime.block_on(async {
        let mut on = options.connect().await.unwrap();
        on.execute("CREATE TABLE lines (seq INTEGER PRIMARY KEY, line TEXT NOT NULL)").await.unwrap();
        on
    });
    let began = Instant::now();
    let insert = |lines: &mut Vec<String>| runtime.block_on(insert(&mut on, lines));
    follow(stream, &folder.join("stdout"), insert, true);
    let count = runtime.block_on(on.fetch_one("SELECT max(seq) FROM lines")).unwrap();
    let time = began.elapsed();
    assert_eq!(count.get::<i64, _>(0), stream.lines().count() as i64 + 1);
    time
}

async fn insert(on: &mut SqliteConnection, lines: &mut Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let sql = format!("INSERT INTO lines (line) VALUES {}", vec!["(?)"; lines.len()].join(", "));
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for line in lines.drain(..) {
        query = query.bind(line);
    }
    on.execute(query).await.unwrap();
}

/// A job that is being done.
async fn running_job(store: &SqlStore) -> Claimed {
    let namespace = Namespace::new("bench").unwrap();
    let job = NewJob {
        id: JobId::new(SystemIds.next()),
        job_type: JobType::new("implement").unwrap(),
        harness: None,
        model: None,
        context: "nothing".into(),
        timeout_ms: None,
    };
    let new = NewAssignment {
        priority: None,
        id: AssignmentId::new(SystemIds.next()),
        namespace: namespace.clone(),
        north_star: "read".into(),
        director: Director::None,
        workspace: "/tmp".into(),
        alone: false,
        max_jobs: 50,
        run: None,
        limits: Default::default(),
        worktree: None,
        checks: Vec::new(),
        accept: Vec::new(),
        first: First::Job(job),
    };
    store.execute(command(Change::Create(new))).await.unwrap();
    let runner = RunnerId::new(SystemIds.next());
    let request = ClaimRequest {
        holder: Holder::new(runner, Host::default()),
        namespaces: Some(vec![namespace]),
        limit: 1,
        fallbacks: Default::default(),
        terms: Default::default(),
    };
    store.claim(request).await.unwrap().claimed.remove(0)
}

fn command(change: Change) -> Command {
    let harness_defaults =
        HarnessDefaults { default: "claude".into(), by_type: [].into(), reviewers: Default::default() };
    Command { actor: Actor::Person, harness_defaults: Arc::new(harness_defaults), change }
}

fn finish(claimed: &Claimed, summary: StreamSummary) -> Change {
    let report = AttemptReport {
        attempt: claimed.attempt.id,
        outcome: summary.outcome,
        process: Some(ProcessEnd::Exited(0)),
        progress: AttemptProgress { session_id: summary.session_id, ..AttemptProgress::default() },
        answer: None,
        unknown_lines: summary.unknown_lines,
        bad_lines: summary.bad_lines,
        killed: None,
        evidence: Default::default(),
        output: None,
    };
    Change::Finish { assignment: claimed.assignment.id, report: Box::new(report) }
}
