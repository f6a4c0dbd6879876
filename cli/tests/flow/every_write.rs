//! A runner, and a keeper, killed between any two of their writes, at each of them in turn: the next runner finishes the
//! work, and nothing was done twice at once, lost or left behind.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::processes::with_variable;
use crate::script::{insert, on, pm_completes, shell};
use crate::stage::{Stage, jobs, story};
use crate::wait::{PATIENCE, until};

/// How many worlds are killed side by side.
const SIDE_BY_SIDE: usize = 4;

/// Work whose effects are counted outside of us: an attempt that finds another one at work says so.
fn stage() -> (Stage, String) {
    let work = "mkdir busy || echo overlap >> overlaps; echo work >> effects; rmdir busy";
    let stage = Stage::playing(json!([
        {"when": {"jobType": "pm", "nth": 1}, "steps": [insert("implement", "Do it.")]},
        on("implement", json!([shell(work), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Something"]);
    (stage, id)
}

/// The points that a runner passes in this story, in order.
fn points() -> Vec<String> {
    let (stage, _) = stage();
    let log = stage.path("points");
    stage.agents(&["runner", "--once"]).env("AGENTS_CRASH_LOG", log.display()).ok();
    std::fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

/// Lets a process die at the n-th point, then lets another runner finish.
fn die_and_go_on(variable: &str, number: usize) {
    let (stage, id) = stage();
    stage.agents(&["runner", "--once"]).env(variable, number).run();
    stage.once();
    let done = stage.assignment(&id);
    let what = format!("{variable}={number}: {:?}", story(&done));
    assert_eq!(done["status"], "complete", "{what}");
    let types: Vec<&str> = jobs(&done).iter().map(|job| job["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["pm", "implement", "pm"], "{what}: each decision was applied once");
    for job in jobs(&done) {
        let attempts = job["attempts"].as_array().unwrap();
        let outcomes: Vec<&str> = attempts.iter().map(|one| one["outcome"].as_str().unwrap()).collect();
        let (last, earlier) = outcomes.split_last().unwrap();
        assert_eq!((*last, job["status"].as_str()), ("success", Some("completed")), "{what}");
        assert!(earlier.len() <= 3 && earlier.iter().all(|one| ["lost", "stopped"].contains(one)), "{what}");
    }
    assert!(!stage.repo().join("overlaps").exists(), "{what}: two attempts were at work at once");
    let effects = stage.read("effects").lines().count();
    let attempts = jobs(&done)[1]["attempts"].as_array().unwrap().len();
    assert!((1..=attempts).contains(&effects), "{what}: {effects} effects");
    assert_eq!(stage.findings(), json!([]), "{what}");
    let home = stage.path("home").display().to_string();
    until(&format!("{what}: nothing is left"), PATIENCE, || {
        with_variable("HOME", &home).is_empty().then_some(())
    });
}

fn at_each_of(variable: &str, count: usize) {
    let next = AtomicUsize::new(1);
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number > count {
                        break;
                    }
                    die_and_go_on(variable, number);
                }
            });
        }
    });
}

#[test]
fn a_runner_may_be_killed_at_every_write() {
    let points = points();
    for name in ["transaction begun", "transaction written", "transaction committed", "keeper started"] {
        assert!(points.iter().any(|point| point == name), "{name} is not passed: {points:?}");
    }
    assert!(points.len() >= 30, "{points:?}");
    at_each_of("AGENTS_CRASH_AT", points.len());
}

#[test]
fn a_keeper_may_be_killed_at_every_write() {
    // A keeper passes six points. All keepers of the runner die at the same one, until their job fails.
    for number in 1..=6 {
        let (stage, id) = stage();
        stage.agents(&["runner", "--once"]).env("AGENTS_KEEPER_CRASH_AT", number).run();
        let ended = stage.assignment(&id);
        let what = format!("point {number}: {:?}", story(&ended));
        assert!(!stage.repo().join("overlaps").exists(), "{what}");
        match number {
            // The exit status is written: nobody needs the keeper any more.
            6 => assert_eq!(ended["status"], "complete", "{what}"),
            _ => assert_eq!(story(&ended), ["pm failed [lost lost lost lost]"], "{what}"),
        }
        let home = stage.path("home").display().to_string();
        until(&format!("{what}: nothing is left"), PATIENCE, || {
            with_variable("HOME", &home).is_empty().then_some(())
        });
    }
}
