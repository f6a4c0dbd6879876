//! Process trees that misbehave: whatever an agent has started, nothing of it survives the end of its attempt.

use std::time::{Duration, Instant};

use agents_domain::harness::ProcessEnd;
use agents_domain::invocation::{Invocation, StopSignal};
use agents_orchestrator::process::keeper::exit::EndReason;

use super::bench::{Bench, PATIENCE, ended};

#[tokio::test]
async fn a_compliant_tree_ends_at_the_first_signal() {
    let bench = Bench::new();
    let exit = bench.end("SLEEP & echo ready; wait", 3).await;
    assert_eq!(exit.process(), ProcessEnd::Signaled(15));
    assert_eq!(exit.ended.len(), 1, "what the agent had left had to be ended: {exit:?}");
}

#[tokio::test]
async fn a_grandchild_in_a_session_of_its_own_does_not_survive() {
    Bench::new().end("setsid SLEEP & echo ready; wait", 3).await;
}

#[tokio::test]
async fn a_double_fork_with_an_empty_environment_does_not_survive() {
    let line = "(env -i setsid sh -c 'SLEEP & SLEEP &' &) ; echo ready; SLEEP";
    Bench::new().end(line, 4).await;
}

#[tokio::test]
async fn what_ignores_every_signal_that_can_be_ignored_does_not_survive() {
    let bench = Bench::new();
    let began = Instant::now();
    let line = "trap '' TERM INT HUP; setsid SLEEP & SLEEP & echo ready; wait; wait; SLEEP";
    let exit = bench.end(line, 4).await;
    assert_eq!(exit.process(), ProcessEnd::Signaled(9));
    assert!(began.elapsed() >= bench.terms.grace, "it had its grace");
}

#[tokio::test]
async fn a_stopped_child_does_not_survive_and_a_stopped_agent_ends_cleanly() {
    Bench::new().end("sh -c 'kill -STOP $$; SLEEP' & echo ready; SLEEP", 3).await;
    let bench = Bench::new();
    let exit = bench.end("trap 'exit 3' TERM; echo ready; kill -STOP $$; SLEEP & wait", 2).await;
    assert_eq!(exit.process(), ProcessEnd::Exited(3), "it goes on for its signal");
}

#[tokio::test]
async fn a_tree_that_is_stopped_as_a_whole_does_not_survive() {
    let line = "setsid sh -c 'SLEEP & kill -STOP $! $$' & echo ready; kill -STOP $$; SLEEP";
    Bench::new().end(line, 3).await;
}

#[tokio::test]
async fn a_chain_of_orphans_does_not_survive() {
    let line = "sh -c \"sh -c 'setsid SLEEP & setsid setsid SLEEP &' &\" & wait; echo ready; SLEEP";
    Bench::new().end(line, 3).await;
}

#[tokio::test]
async fn a_fork_storm_is_overtaken() {
    // Ten chains of processes, each of which starts the next one and ends: whoever is seen is gone when it is signaled,
    // and has left a successor in a session of its own.
    let bench = Bench::new();
    let link = bench.path(&bench.sleep().replace("sleep ", "link-"));
    let line = format!("trap '' TERM INT HUP\n(setsid sh {} &)\nsleep 0.02\n", link.display());
    std::fs::write(&link, line).unwrap();
    let storm = format!("for i in $(seq 10); do (setsid sh {} &); done; echo ready; SLEEP", link.display());
    let mut custody = bench.start(&bench.shell(&storm));
    bench.until_it_says("ready").await;
    bench.until_living(20).await;
    custody.ask_end(EndReason::Cancelled);
    let exit = ended(&mut custody).await;
    assert_eq!(bench.living(), [] as [i32; 0]);
    assert!(exit.ended_count > exit.ended.len() && exit.survivors.is_empty(), "{exit:?}");
}

#[tokio::test]
async fn what_an_agent_leaves_behind_when_it_ends_by_itself_is_ended_and_named() {
    let bench = Bench::new();
    let line = "setsid SLEEP & env -i setsid SLEEP & sleep 0.1; echo done";
    let exit = ended(&mut bench.start(&bench.shell(line))).await;
    assert_eq!((exit.process(), exit.reason), (ProcessEnd::Exited(0), None));
    assert_eq!(bench.living(), [] as [i32; 0]);
    let names: Vec<&str> = exit.ended.iter().map(|ended| ended.name.as_str()).collect();
    assert_eq!(names, ["sleep", "sleep"]);
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_open_delays_the_end_by_the_grace_at_most() {
    let bench = Bench::new();
    let began = Instant::now();
    let line = "(trap '' TERM; echo ready; SLEEP) & until [ -s stdout ]; do :; done; exit 4";
    let exit = ended(&mut bench.start(&bench.shell(line))).await;
    assert_eq!(exit.process(), ProcessEnd::Exited(4));
    assert!(began.elapsed() < bench.terms.grace + PATIENCE / 2, "{:?}", began.elapsed());
    assert_eq!(bench.living(), [] as [i32; 0]);
}

#[tokio::test]
async fn output_is_complete_up_to_the_last_word_of_the_grace() {
    let bench = Bench::new();
    let line = "trap 'for i in 1 2 3; do echo last $i; done; exit 0' TERM; echo ready; SLEEP & wait";
    bench.end(line, 3).await;
    assert_eq!(bench.said(), "ready\nlast 1\nlast 2\nlast 3\n");
}

#[tokio::test]
async fn each_way_to_ask_reaches_whom_it_should() {
    let check = async |how: StopSignal, line: &str, expected: ProcessEnd| {
        let bench = Bench::new();
        let invocation = Invocation { stop: how, ..bench.shell(line) };
        let mut custody = bench.start(&invocation);
        bench.until_it_says("ready").await;
        custody.ask_end(EndReason::Shutdown);
        assert_eq!(ended(&mut custody).await.process(), expected, "{how:?}: {line}");
        assert_eq!(bench.living(), [] as [i32; 0]);
    };
    // A shell runs its trap when the command that it waits for has ended; `wait` ends at once.
    let trapping = |signal: &str| format!("trap 'exit 3' {signal}; SLEEP & echo ready; wait");
    check(StopSignal::Terminate, &trapping("TERM"), ProcessEnd::Exited(3)).await;
    check(StopSignal::Interrupt, &trapping("INT"), ProcessEnd::Exited(3)).await;
    check(StopSignal::TerminateGroup, "SLEEP & echo ready; wait $!; exit 4", ProcessEnd::Signaled(15)).await;
}

#[tokio::test]
async fn to_ask_twice_is_to_ask_once() {
    let bench = Bench::new();
    let mut custody = bench.start(&bench.shell("echo ready; SLEEP"));
    bench.until_it_says("ready").await;
    custody.ask_end(EndReason::Timeout);
    custody.ask_end(EndReason::Cancelled);
    assert_eq!(ended(&mut custody).await.reason, Some(EndReason::Timeout), "the first reason counts");
    custody.ask_end(EndReason::Cancelled);
    tokio::time::timeout(Duration::from_secs(5), custody.ended()).await.unwrap();
}
