//! A disk that is full, a file that is cut: what fails changes nothing, and what was acknowledged is there again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_domain::aggregate::First;
use agents_domain::audit::{Audit, audit};
use agents_domain::decision::NewJob;
use agents_domain::id::{AssignmentId, IdSource};
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, Store, StoreError};
use agents_domain::timestamp::Clock;
use agents_domain::upkeep::Upkeep;
use sqlx::{AssertSqlSafe, Executor, Row};

use super::super::SqlStore;
use super::super::connection::Database;
use super::env::{Env, command, report};

/// A text that takes many pages.
fn long() -> String {
    "much to say ".repeat(4000)
}

fn long_job(env: &Env) -> NewJob {
    NewJob { context: long(), ..env.job("implement") }
}

async fn open(env: &Env, path: &Path) -> Result<SqlStore, StoreError> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn IdSource>) = (env.clock.clone(), env.ids.clone());
    let database = Database::parse(&format!("sqlite:{}", path.display())).unwrap();
    SqlStore::open_database(database, clock, ids).await
}

/// A store on a disk that has room for so many pages, all in all.
async fn with_room(env: &Env, pages: i64) -> SqlStore {
    let store = open(env, &env.path()).await.unwrap();
    // The writer takes this connection when it starts.
    let limit = format!("PRAGMA max_page_count = {pages}");
    store.idle.lock().await[0].raw.execute(AssertSqlSafe(limit)).await.unwrap();
    store
}

async fn pages(env: &Env) -> i64 {
    env.raw().await.raw.fetch_one("PRAGMA page_count").await.unwrap().get(0)
}

/// Carries the change out with more and more room, until it succeeds. Each time before it says that the disk is full,
/// and what is stored is as it was.
async fn until_there_is_room(env: &Env, assignment: AssignmentId, change: Change) -> usize {
    let before = env.all_of(assignment).await;
    let used = pages(env).await;
    for more in 0..100 {
        let store = with_room(env, used + more).await;
        match store.execute(command(change.clone())).await {
            Ok(_) => {
                let after = env.store.dossiers(&[assignment]).await.unwrap();
                assert_eq!(audit(&after[0]), Audit::default());
                assert_ne!(env.all_of(assignment).await, before);
                return more as usize;
            }
            Err(error) => assert!(matches!(error, StoreError::Full { .. }), "{error:?}"),
        }
        assert_eq!(env.all_of(assignment).await, before, "with room for {more} pages");
    }
    panic!("it needs more than 100 pages");
}

#[tokio::test]
async fn a_disk_that_fills_up_at_any_page_leaves_no_transition_half_done() {
    let env = Env::on_sqlite().await;
    let (assignment, _) = env.create("implement").await;
    let claimed = env.claim_one().await;
    let insert =
        Change::Insert { assignment, job: long_job(&env), place: agents_domain::decision::Place::End };
    let tries = until_there_is_room(&env, assignment, insert).await;
    assert!(tries > 5, "a context of many pages needs them: {tries}");
    let report = report(claimed.attempt.id, Outcome::success(long()));
    let finish = Change::Finish { assignment, report: Box::new(report) };
    let tries = until_there_is_room(&env, assignment, finish).await;
    assert!(tries > 5, "an answer of many pages needs them: {tries}");
}

#[tokio::test]
async fn one_that_needs_too_much_room_does_not_spoil_those_that_wait_with_it() {
    let env = Env::on_sqlite().await;
    let (assignment, _) = env.create("implement").await;
    // Pages that are free, for what is small.
    env.sql("CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(100000)); DROP TABLE filler")
        .await
        .unwrap();
    let store = with_room(&env, pages(&env).await).await;
    let new = || env.new_assignment(First::Hold);
    let (one, other) = (new(), new());
    let huge = NewJob { context: long().repeat(20), ..env.job("implement") };
    let insert = Change::Insert { assignment, job: huge, place: agents_domain::decision::Place::End };
    let (first, second, third) = tokio::join!(
        store.execute(command(Change::Create(one.clone()))),
        store.execute(command(insert)),
        store.execute(command(Change::Create(other.clone()))),
    );
    assert!(matches!(second, Err(StoreError::Full { .. })), "{second:?}");
    assert_eq!((first.unwrap().assignment, third.unwrap().assignment), (one.id, other.id));
    for id in [one.id, other.id] {
        assert!(env.store.assignment(id).await.unwrap().is_some());
    }
    assert_eq!(env.store.job_details(assignment).await.unwrap().len(), 1);
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut beside = path.to_owned().into_os_string();
    beside.push(end);
    PathBuf::from(beside)
}

/// The database's files as a machine that was switched off would have them: nothing was closed.
fn switched_off(env: &Env, name: &str) -> PathBuf {
    let to = env.path().with_file_name(name);
    for end in ["", "-wal"] {
        std::fs::copy(beside(&env.path(), end), beside(&to, end)).unwrap();
    }
    to
}

#[tokio::test]
async fn what_was_acknowledged_is_read_from_the_journal_that_was_left() {
    let env = Env::on_sqlite().await;
    let (assignment, _) = env.create("implement").await;
    let acknowledged = env.all_of(assignment).await;
    let left = switched_off(&env, "left.db");
    let store = open(&env, &left).await.unwrap();
    assert_eq!(store.integrity().await.unwrap(), None);
    assert_eq!(store.assignment(assignment).await.unwrap(), Some(acknowledged.assignment));
    assert_eq!(store.job_details(assignment).await.unwrap(), acknowledged.jobs);
    assert_eq!(store.history(assignment).await.unwrap(), acknowledged.history);
    let without = env.path().with_file_name("without.db");
    std::fs::copy(env.path(), &without).unwrap();
    let store = open(&env, &without).await.unwrap();
    assert_eq!(store.assignment(assignment).await.unwrap(), None, "the journal had it, and only the journal");
}

#[tokio::test]
async fn a_journal_that_is_cut_anywhere_gives_whole_transactions_and_none_of_the_cut_one() {
    let env = Env::on_sqlite().await;
    let (assignment, _) = env.create("implement").await;
    let before = env.all_of(assignment).await;
    let whole = std::fs::metadata(beside(&env.path(), "-wal")).unwrap().len();
    let claimed = env.claim_one().await;
    let after = env.all_of(assignment).await;
    let end = std::fs::metadata(beside(&env.path(), "-wal")).unwrap().len();
    assert!(end > whole, "the claim is in the journal");
    let step = (end - whole) / 40;
    for cut in (0..40).map(|part| whole + part * step).chain([end - 1, end]) {
        let left = switched_off(&env, &format!("cut-{cut}.db"));
        std::fs::File::options().write(true).open(beside(&left, "-wal")).unwrap().set_len(cut).unwrap();
        let store = open(&env, &left).await.unwrap();
        let dossiers = store.dossiers(&[assignment]).await.unwrap();
        assert_eq!(audit(&dossiers[0]), Audit::default(), "cut at {cut}");
        let expected = if cut == end { &after } else { &before };
        assert_eq!(store.job_details(assignment).await.unwrap(), expected.jobs, "cut at {cut}");
        assert_eq!(store.history(assignment).await.unwrap(), expected.history, "cut at {cut}");
    }
    assert_eq!(after.jobs[0].job.running_attempt(), Some(claimed.attempt.id));
}

#[tokio::test]
async fn a_database_that_was_emptied_is_refused_while_its_journal_is_left() {
    let env = Env::on_sqlite().await;
    env.create("implement").await;
    for (name, is_there) in [("emptied.db", true), ("removed.db", false)] {
        let left = switched_off(&env, name);
        match is_there {
            true => std::fs::write(&left, "").unwrap(),
            false => std::fs::remove_file(&left).unwrap(),
        }
        let journal = std::fs::read(beside(&left, "-wal")).unwrap();
        let said = open(&env, &left).await.err().unwrap();
        assert!(matches!(&said, StoreError::Truncated { .. }), "{said:?}");
        assert!(std::fs::read(beside(&left, "-wal")).unwrap() == journal, "the journal is as it was");
    }
}

#[tokio::test]
async fn a_database_that_was_cut_or_overwritten_is_said_to_be_damaged_and_left_as_it_is() {
    let env = Env::on_sqlite().await;
    let insert = Change::Insert {
        assignment: env.create("implement").await.0,
        job: long_job(&env),
        place: agents_domain::decision::Place::End,
    };
    env.execute(insert).await.unwrap();
    env.sql("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let sound = std::fs::read(env.path()).unwrap();
    let cut = |at: usize| sound[..at].to_vec();
    let overwritten = |from: usize, to: usize| {
        let mut bytes = sound.clone();
        bytes[from..to].fill(0xa5);
        bytes
    };
    let half = sound.len() / 2;
    let cases = [
        cut(50),
        cut(4096),
        cut(half),
        cut(sound.len() - 4096),
        overwritten(0, 100),
        overwritten(100, 4096),
        overwritten(4096, half),
    ];
    for (number, bytes) in cases.into_iter().enumerate() {
        let path = env.path().with_file_name(format!("damaged-{number}.db"));
        std::fs::write(&path, &bytes).unwrap();
        let said = match open(&env, &path).await {
            Err(StoreError::Corrupt { .. }) => continue,
            Err(error) => panic!("case {number}: {error:?}"),
            Ok(store) => store.integrity().await,
        };
        assert!(
            matches!(said, Ok(Some(_)) | Err(StoreError::Corrupt { .. })),
            "case {number} is not found: {said:?}"
        );
        assert!(std::fs::read(&path).unwrap() == bytes, "case {number}: the file is as it was");
    }
}
