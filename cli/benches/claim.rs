//! What taking a job costs in a store with a million finished and a million ready jobs, beside an empty one, and beside
//! a 4 KiB write with fdatasync. Each claim is a transaction of its own, synced.
//!
//! `cargo bench -p agents-cli --bench claim -- [finished and ready jobs, each] [claims a round] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and may fail loudly"
)]

mod support;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use agents_domain::attempt::{Holder, Host};
use agents_domain::id::{IdSource, RunnerId};
use agents_domain::store::{ClaimRequest, Store};
use agents_orchestrator::store::SqlStore;
use agents_orchestrator::system::{SystemClock, SystemIds};

use support::fill::{Fill, fill};
use support::{median, millis, numbers, percentile};

async fn open(database: &Path) -> SqlStore {
    let url = format!("sqlite:{}", database.display());
    SqlStore::open(&url, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap()
}

/// A store with that in it.
async fn filled(database: &Path, finished: usize, ready: usize) -> SqlStore {
    drop(open(database).await);
    fill(database, Fill { namespace: "bench", finished, ready }).await;
    open(database).await
}

/// One claim, in milliseconds.
async fn claim(store: &SqlStore, runner: RunnerId) -> f64 {
    let namespaces = Some(vec![agents_domain::namespace::Namespace::new("bench").unwrap()]);
    let holder = Holder::new(runner, Host::default());
    let request = ClaimRequest {
        holder,
        namespaces,
        limit: 1,
        fallbacks: Default::default(),
        terms: Default::default(),
    };
    let began = Instant::now();
    let claimed = store.claim(request).await.unwrap().claimed;
    let time = millis(began.elapsed());
    assert_eq!(claimed.len(), 1);
    time
}

/// One synced write, in milliseconds.
fn synced_write(file: &mut File) -> f64 {
    let began = Instant::now();
    file.write_all(&[7; 4096]).unwrap();
    file.sync_data().unwrap();
    millis(began.elapsed())
}

#[derive(Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Figures {
    fn add(&mut self, round: &[f64]) {
        self.p50.push(median(round));
        self.p99.push(percentile(round, 99.0));
    }

    fn print(&self, name: &str) {
        println!("{name}: p50 {:.3} ms, p99 {:.3} ms", median(&self.p50), median(&self.p99));
    }
}

async fn measure(folder: &Path, [rows, claims, rounds]: [usize; 3]) {
    let empty = filled(&folder.join("empty.db"), 0, claims * rounds).await;
    let began = Instant::now();
    let full = filled(&folder.join("full.db"), rows, rows).await;
    let size = folder.join("full.db").metadata().unwrap().len() >> 20;
    println!("filled in {:.0} s: {size} MiB", began.elapsed().as_secs_f64());
    let mut file = File::create(folder.join("file")).unwrap();
    let runner = RunnerId::new(SystemIds.next());
    let (mut floor, mut small, mut large) = (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..rounds {
        let (mut writes, mut smalls, mut larges) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..claims {
            writes.push(synced_write(&mut file));
            smalls.push(claim(&empty, runner).await);
            larges.push(claim(&full, runner).await);
        }
        floor.add(&writes);
        small.add(&smalls);
        large.add(&larges);
    }
    println!("{claims} claims a round, medians of {rounds} rounds");
    floor.print("4 KiB write with fdatasync");
    small.print("claim, empty store");
    large.print(&format!("claim, {rows} finished and {rows} ready"));
    println!("p99: {:.2} of the empty store's (goal 1.5)", median(&large.p99) / median(&small.p99));
}

fn main() {
    let options = numbers([1_000_000, 1000, 5]);
    let folder = tempfile::tempdir().unwrap();
    // As the runner's own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(folder.path(), options));
}
