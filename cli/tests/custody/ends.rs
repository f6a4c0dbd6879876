//! Every other way in which custody ends: the lease, too much output, a keeper that is told, stopped or killed, and what
//! the next runner learns.

use std::time::Duration;

use agents_domain::harness::ProcessEnd;
use agents_orchestrator::process::custody::{self, Custody};
use agents_orchestrator::process::keeper::exit::{EndReason, Exit};
use rustix::process::Signal;

use super::bench::{Bench, ended, until};

#[tokio::test]
async fn a_keeper_whose_lease_nobody_renews_ends_its_agent() {
    let mut bench = Bench::new();
    bench.terms.lease = Duration::from_millis(300);
    let exit = ended(&mut bench.start(&bench.shell("setsid SLEEP & echo ready; SLEEP"))).await;
    assert_eq!(exit.reason, Some(EndReason::LeaseOver));
    assert_eq!(bench.living(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_lease_that_is_renewed_goes_on_and_one_that_is_cut_short_ends() {
    let mut bench = Bench::new();
    bench.terms.lease = Duration::from_millis(500);
    let mut custody = bench.start(&bench.shell("echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    assert!(custody::renew(&bench.files(), Duration::from_secs(3600)).unwrap());
    let early = tokio::time::timeout(Duration::from_secs(1), custody.ended()).await;
    assert!(early.is_err(), "it has ended although it was renewed: {early:?}");
    assert!(custody::renew(&bench.files(), Duration::ZERO).unwrap());
    assert_eq!(ended(&mut custody).await.reason, Some(EndReason::LeaseOver));
    assert!(!custody::renew(&bench.files(), Duration::from_secs(1)).unwrap(), "no keeper lives any more");
}

#[tokio::test]
async fn an_agent_whose_lease_was_over_before_it_was_started_never_is() {
    let mut bench = Bench::new();
    bench.terms.lease = Duration::ZERO;
    let exit = ended(&mut bench.start(&bench.shell("echo started"))).await;
    assert_eq!((exit.reason, exit.process()), (Some(EndReason::LeaseOver), ProcessEnd::Unknown));
    assert_eq!(bench.said(), "");
}

#[tokio::test]
async fn an_agent_that_prints_more_than_it_may_is_ended() {
    let mut bench = Bench::new();
    bench.terms.max_output = 1 << 20;
    let exit = ended(&mut bench.start(&bench.shell("yes >&2 & yes"))).await;
    assert_eq!(exit.reason, Some(EndReason::OutputOverflow));
    assert!(bench.files().output() > 1 << 20);
    assert_eq!(bench.living(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_keeper_that_is_told_to_end_ends_its_agent_and_says_so() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("trap 'exit 3' TERM; SLEEP & echo ready; wait"));
    bench.until_it_says("ready").await;
    bench.signal_keeper(Signal::HUP).await;
    bench.signal_keeper(Signal::INT).await;
    bench.signal_keeper(Signal::TERM).await;
    let exit = ended(&mut custody).await;
    assert_eq!((exit.reason, exit.process()), (Some(EndReason::Terminated), ProcessEnd::Exited(3)));
}

#[tokio::test]
async fn a_keeper_that_was_stopped_goes_on_to_end_its_agent() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    bench.signal_keeper(Signal::STOP).await;
    custody.ask_end(EndReason::Cancelled);
    assert_eq!(ended(&mut custody).await.reason, Some(EndReason::Cancelled));
    assert_eq!(bench.living(), [] as [i32; 0]);
}

#[tokio::test]
async fn the_agent_of_a_killed_keeper_dies_and_what_it_has_started_is_ended() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("setsid SLEEP & echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    bench.until_living(4).await;
    bench.signal_keeper(Signal::KILL).await;
    assert!(ended(&mut custody).await.is_unknown);
    until("nothing is left", || bench.living().is_empty()).await;
}

#[tokio::test]
async fn a_keeper_that_does_not_answer_is_ended_with_all_that_it_keeps() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("env -i setsid SLEEP & echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    bench.until_living(4).await;
    bench.signal_keeper(Signal::STOP).await;
    custody.force_end();
    assert!(ended(&mut custody).await.is_unknown);
    until("nothing is left", || bench.living().is_empty()).await;
}

#[tokio::test]
async fn whoever_takes_over_sees_the_same_end() {
    let bench = Bench::new();
    let mut first = bench.start(&bench.shell("echo ready; until [ -e go ]; do sleep 0.01; done; exit 5"));
    bench.until_it_says("ready").await;
    bench.keeper().await;
    let mut second = Custody::adopt(bench.attempt, &bench.files()).unwrap().expect("its keeper lives");
    std::fs::write(bench.path("go"), "").unwrap();
    let (one, other) = tokio::join!(first.ended(), second.ended());
    assert_eq!((one.process(), &one), (ProcessEnd::Exited(5), &other));
    assert!(Custody::adopt(bench.attempt, &bench.files()).unwrap().is_none(), "nothing is left to take over");
    assert_eq!(custody::left_behind(bench.attempt, &bench.files()), one);
}

#[tokio::test]
async fn an_attempt_that_was_never_started_has_no_known_end() {
    let bench = Bench::new();
    assert!(Custody::adopt(bench.attempt, &bench.files()).unwrap().is_none());
    assert_eq!(custody::left_behind(bench.attempt, &bench.files()), Exit::unknown());
}

#[tokio::test]
async fn nonsense_in_the_control_file_is_passed_over() {
    use std::io::Write;
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    let mut control = std::fs::OpenOptions::new().write(true).open(bench.files().control()).unwrap();
    control.write_all(b"\0\xff\nrenew soon\nend of the world\nen").unwrap();
    control.write_all(b"d timeout\n").unwrap();
    assert_eq!(ended(&mut custody).await.reason, Some(EndReason::Timeout));
}

#[tokio::test]
async fn processor_time_of_the_whole_tree_is_seen() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("setsid sh -c 'echo ready; while :; do :; done' & SLEEP"));
    bench.until_it_says("ready").await;
    until("it has used a tenth of a second", || custody.cpu_ticks() >= 10).await;
    custody.ask_end(EndReason::Cancelled);
    ended(&mut custody).await;
    assert_eq!(custody.cpu_ticks(), 0);
}
