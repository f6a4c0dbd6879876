//! Several runners and many assignments: everything runs once, in order, within the limits.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::script::{complete, go_on, on, on_prompt, pm_completes, shell, wait_for};
use crate::stage::{Stage, jobs, story};
use crate::wait::{PATIENCE, until};

const ASSIGNMENTS: usize = 20;

/// What the log of the agents says: who began and who ended, in the order in which it happened.
struct Log(Vec<(bool, String, String)>);

impl Log {
    /// A step that writes the beginning, and one that writes the end. A line this short is written as one.
    fn steps() -> [serde_json::Value; 2] {
        ["begin", "end"]
            .map(|what| shell(&format!("echo {what} $AGENTS_ASSIGNMENT_ID $AGENTS_JOB_ID >> log")))
    }

    fn of(stage: &Stage) -> Self {
        let line = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            (words[0] == "begin", words[1].to_owned(), words[2].to_owned())
        };
        Self(stage.read("log").lines().map(line).collect())
    }

    fn begun(&self) -> Vec<&str> {
        self.0.iter().filter(|(begins, _, _)| *begins).map(|(_, _, job)| &**job).collect()
    }

    /// The most that ran at the same time, of those that count.
    fn most_at_once(&self, counts: impl Fn(&str) -> bool) -> usize {
        let mut running = 0usize;
        let mut most = 0;
        for (begins, _, _) in self.0.iter().filter(|(_, _, job)| counts(job)) {
            running = if *begins { running + 1 } else { running - 1 };
            most = most.max(running);
        }
        most
    }
}

/// Twenty assignments of two jobs each and as many runners; each agent writes when it begins and when it ends.
fn check_runners(runners: usize, concurrency: usize) {
    let [begin, end] = Log::steps();
    let work = json!([begin, {"wait": {"ms": 30}}, end, {"text": "Done."}]);
    let stage = Stage::playing(json!([
        on("implement", work.clone()),
        on("review", work),
        on_prompt("pm", "already wait in the list", json!([go_on()])),
        on("pm", json!([complete("Both are done.")])),
    ]));
    let ids: Vec<String> =
        (0..ASSIGNMENTS).map(|number| stage.create_work(&format!("Star {number}"))).collect();
    for id in &ids {
        stage.agents(&["insert-job", id, "--type", "review"]).ok();
    }
    let slots = concurrency.to_string();
    let mut all: Vec<_> = (0..runners).map(|_| stage.runner(&["--once", "--concurrency", &slots])).collect();
    all.iter_mut().for_each(|runner| assert!(runner.ended(PATIENCE * 3).success()));
    // A runner with `--once` ends when it finds nothing; what another one's last job leads to may still be there.
    stage.once();
    let log = Log::of(&stage);
    let mut runner_of = BTreeMap::new();
    for id in &ids {
        let done = stage.assignment(id);
        assert_eq!(done["status"], "complete", "{done:#}");
        let expected = ["implement", "pm", "review", "pm"].map(|name| format!("{name} completed [success]"));
        assert_eq!(story(&done), expected);
        for job in jobs(&done) {
            runner_of
                .insert(job["id"].as_str().unwrap().to_owned(), job["attempts"][0]["runner"].to_string());
        }
        assert_eq!(
            log_of(&log, id),
            ["begin", "end", "begin", "end"],
            "the jobs of one run one after the other"
        );
    }
    let mut begun = log.begun();
    let count = begun.len();
    begun.sort_unstable();
    begun.dedup();
    assert_eq!((begun.len(), count), (2 * ASSIGNMENTS, 2 * ASSIGNMENTS), "every job has run, and none twice");
    let names: std::collections::BTreeSet<&String> = runner_of.values().collect();
    for name in names {
        let most = log.most_at_once(|job| &runner_of[job] == name);
        assert!(most <= concurrency, "{most} at once");
    }
}

fn log_of<'l>(log: &'l Log, assignment: &str) -> Vec<&'l str> {
    let own = log.0.iter().filter(|(_, of, _)| of == assignment);
    own.map(|(begins, _, _)| if *begins { "begin" } else { "end" }).collect()
}

#[test]
fn two_runners_share_the_work_and_no_job_runs_twice() {
    check_runners(2, 2);
}

#[test]
fn four_runners_share_the_work_and_no_job_runs_twice() {
    check_runners(4, 1);
}

#[test]
fn what_a_runner_has_taken_ahead_goes_to_whoever_is_free() {
    let stage = Stage::playing(json!([
        on("implement", json!([shell("echo x >> begun"), wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    stage.configure(|config| config["harnesses"]["missing"] = json!({"command": ["no-such-program"]}));
    // Jobs that end at once make a runner take more than it has slots for.
    for number in 0..12 {
        stage.create(&[&format!("Short {number}"), "--first", "implement", "--harness", "missing"]);
    }
    let ids: Vec<String> = (0..4).map(|number| stage.create_work(&format!("Long {number}"))).collect();
    let _busy = stage.runner(&["--concurrency", "1"]);
    stage.until_file("begun");
    let _free = stage.runner(&["--concurrency", "4"]);
    until("all of them have begun", Duration::from_secs(10), || {
        (stage.read("begun").lines().count() == ids.len()).then_some(())
    });
    stage.touch("go");
    for id in &ids {
        let done = stage.until_status(id, "complete");
        assert_eq!(jobs(&done)[0]["status"], "completed");
    }
    assert_eq!(stage.read("begun").lines().count(), ids.len(), "none has run twice");
}

#[test]
fn a_runner_works_on_as_many_assignments_at_once_as_it_may() {
    let [begin, end] = Log::steps();
    // Each of three waits until all of them have begun: with a limit below three this would never end.
    let all_there = shell("for i in $(seq 600); do [ $(grep -c begin log) -ge 3 ] && exit; sleep 0.05; done");
    let stage = Stage::playing(json!([
        on("implement", json!([begin, all_there, end, {"text": "Done."}])),
        pm_completes(),
    ]));
    let ids: Vec<String> = (0..6).map(|number| stage.create_work(&format!("Star {number}"))).collect();
    stage.agents(&["runner", "--once", "--concurrency", "3"]).ok();
    for id in &ids {
        assert_eq!(stage.assignment(id)["status"], "complete");
    }
    assert_eq!(Log::of(&stage).most_at_once(|_| true), 3);
}
