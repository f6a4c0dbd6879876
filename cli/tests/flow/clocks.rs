//! Runners that do not agree on the time: clocks are for people, and decide nothing that a lock or a death decides.

use serde_json::{Value, json};

use crate::script::{on, on_attempt, pm_completes, shell, wait_for};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::wait::{PATIENCE, until};

const HOUR: i64 = 3_600_000;

/// An hour ahead, and an hour behind.
const SHIFTS: [i64; 2] = [HOUR, -HOUR];

/// A stage whose leases are short, so that a clock that is wrong by an hour is wrong by many of them.
fn short_leases(replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    stage.configure(|config| config["leaseMs"] = json!(2000));
    stage
}

fn working() -> Value {
    json!([
        on_attempt(
            "implement",
            1,
            json!([{"touch": "started"}, wait_for("go"), shell("echo done >> effects"), {"text": "Done."}])
        ),
        pm_completes(),
    ])
}

#[test]
fn a_living_runners_attempt_is_left_alone_whatever_the_time_of_the_other_one() {
    // A runner that was not heard of for a day is taken off the list, one that lives is not.
    for (own, other) in [(0, HOUR), (0, -HOUR), (HOUR, 0), (-HOUR, 0), (0, 25 * HOUR), (-25 * HOUR, 0)] {
        let stage = short_leases(working());
        let id = stage.create_work("Something");
        // One that is behind sees what was created as still to come.
        let _own = stage.runner_ahead(own, &[]);
        stage.until_file("started");
        let owner = || jobs(&stage.assignment(&id))[0]["attempts"][0]["runner"].clone();
        let attempt = running_attempt(&stage.assignment(&id)).unwrap();
        let (first, first_owner) = (stage.read_lease(&attempt), owner());
        let _other = stage.runner_ahead(other, &[]);
        until("the lease was renewed twice", PATIENCE, || {
            (stage.read_lease(&attempt) > first + 2000).then_some(())
        });
        assert_eq!(running_attempt(&stage.assignment(&id)), Some(attempt));
        assert_eq!(owner(), first_owner);
        stage.touch("go");
        let done = stage.until_status(&id, "complete");
        assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
        assert_eq!(stage.read("effects"), "done\n");
    }
}

#[test]
fn an_attempt_is_taken_over_between_runners_with_different_clocks() {
    for shift in SHIFTS {
        for (first, second) in [(0, shift), (shift, 0)] {
            let stage = short_leases(working());
            let id = stage.create_work("Something");
            let mut dying = stage.runner_ahead(first, &[]);
            stage.until_file("started");
            let attempt = running_attempt(&stage.assignment(&id));
            dying.kill();
            let next = stage.runner_ahead(second, &[]);
            next.says("took over 1 job(s)");
            assert_eq!(running_attempt(&stage.assignment(&id)), attempt);
            stage.touch("go");
            let done = stage.until_status(&id, "complete");
            assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
            assert_eq!(stage.read("effects"), "done\n");
            assert_eq!(stage.findings(), json!([]));
        }
    }
}

#[test]
fn runners_two_hours_apart_share_the_work_and_no_job_runs_twice() {
    let work = json!([shell("echo $AGENTS_JOB_ID >> effects"), {"text": "Done."}]);
    let stage = short_leases(json!([on("implement", work), pm_completes()]));
    let _runners = SHIFTS.map(|shift| stage.runner_ahead(shift, &["--concurrency", "2"]));
    let ids: Vec<String> = (0..8).map(|number| stage.create_work(&format!("Star {number}"))).collect();
    let mut done_once: Vec<String> = Vec::new();
    for id in &ids {
        let done = stage.until_status(id, "complete");
        assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
        done_once.push(jobs(&done)[0]["id"].as_str().unwrap().to_owned());
    }
    let effects = stage.read("effects");
    let mut done: Vec<&str> = effects.lines().collect();
    done.sort_unstable();
    done_once.sort_unstable();
    assert_eq!(done, done_once);
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn a_job_that_waits_for_its_next_try_is_not_lost_to_another_clock() {
    for shift in SHIFTS {
        let stage = short_leases(json!([
            on_attempt("implement", 1, json!([{"fail": "overloaded"}])),
            on("implement", json!([{"text": "Done."}])),
            pm_completes(),
        ]));
        let id = stage.create_work("Something");
        let runner = stage.runner_ahead(shift, &[]);
        stage.until_assignment(&id, "waiting", |it| story(it) == ["implement pending [overloaded]"]);
        drop(runner);
        stage.once();
        let done = stage.assignment(&id);
        assert_eq!(story(&done), ["implement completed [overloaded success]", "pm completed [success]"]);
    }
}

#[test]
fn no_time_that_is_shown_is_negative_whoever_looks() {
    for shift in SHIFTS {
        let stage = short_leases(working());
        let id = stage.create_work("Something");
        stage.create(&["Held", "--hold"]);
        let _runner = stage.runner_ahead(shift, &[]);
        stage.until_file("started");
        let look = || {
            for args in [&["queue"][..], &["assignment", &id], &["jobs"], &["history", &id]] {
                let shown = stage.agents(args).ok().stdout;
                let is_negative =
                    |word: &str| word.starts_with('-') && word[1..].starts_with(char::is_numeric);
                assert!(!shown.split_whitespace().any(is_negative), "{shown}");
                assert_no_negative_number(&stage.json(args));
            }
        };
        look();
        stage.touch("go");
        stage.until_status(&id, "complete");
        look();
    }
}

fn assert_no_negative_number(value: &Value) {
    match value {
        Value::Number(number) => assert!(number.as_f64().unwrap() >= 0.0, "{number}"),
        Value::Array(values) => values.iter().for_each(assert_no_negative_number),
        Value::Object(values) => values.values().for_each(assert_no_negative_number),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
