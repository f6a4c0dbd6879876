//! Runners that race for the last of a day's limit: together they never take more than there is, of nothing.

use serde_json::{Value, json};

use crate::script::{on, pm_completes, wait_for};
use crate::stage::Stage;
use crate::support::text;
use crate::wait::{PATIENCE, until};

/// Work that uses three tools, each with a message, and ends when it may.
fn work() -> Value {
    let tool = json!({"tool": {"name": "Bash", "input": {"command": "ls"}, "output": "none"}});
    on("implement", json!([tool, tool, tool, wait_for("go")]))
}

fn jobs_in(queue: &Value, list: &str) -> usize {
    queue[list].as_array().unwrap().len()
}

/// Waits until so many jobs run and all the others wait for the day.
fn until_running(stage: &Stage, running: usize, others: usize) -> Value {
    until("all that the day has room for runs", PATIENCE, || {
        let queue = stage.json(&["queue"]);
        let is_so = jobs_in(&queue, "running") == running && jobs_in(&queue, "waiting") == others;
        is_so.then_some(queue)
    })
}

/// The sums of a type of job in `agents usage`.
fn usage_of(stage: &Stage, job_type: &str) -> Value {
    let sums = stage.json(&["usage", "--by", "job-type"]);
    let found = sums["usage"].as_array().unwrap().iter().find(|line| line["key"] == job_type).cloned();
    found.unwrap_or_else(|| panic!("no {job_type} in {sums:#}"))
}

/// The sum of all that was used, by its name in `agents usage`.
fn total(stage: &Stage, used: fn(&Value) -> u64) -> u64 {
    used(&stage.json(&["usage"])["total"])
}

#[test]
fn two_runners_race_for_the_last_tokens_and_tool_calls_of_a_day_and_never_pass_its_limit() {
    let tokens: fn(&Value) -> u64 =
        |line| ["input", "output"].map(|name| line["usage"][name].as_u64().unwrap()).iter().sum();
    let tool_calls: fn(&Value) -> u64 = |line| line["toolCalls"].as_u64().unwrap();
    for (measure, used) in [("tokens", tokens), ("toolCalls", tool_calls)] {
        let stage = Stage::playing(json!([work(), pm_completes()]));
        // What one job uses is known from here on.
        stage.touch("go");
        stage.create_work("The first");
        stage.once();
        std::fs::remove_file(stage.repo().join("go")).unwrap();
        let one = used(&usage_of(&stage, "implement"));
        let limit = total(&stage, used) + 2 * one + one / 2;
        stage.configure(|config| config["limits"] = json!({"day": {measure: limit}}));
        for _ in 0..6 {
            stage.create_work("Something");
        }
        let runners = [(); 2].map(|()| stage.runner(&["--once", "--concurrency", "6"]));
        let queue = until_running(&stage, 2, 4);
        let why = text(&queue["waiting"][0]["waitsFor"]);
        assert!(why.starts_with("the day's budget (") && why.contains(&format!(" of {limit} ")), "{why}");
        stage.touch("go");
        for mut runner in runners {
            runner.ended(PATIENCE);
        }
        assert_eq!(usage_of(&stage, "implement")["attempts"], 3, "{measure}");
        assert!(total(&stage, used) <= limit, "{} {measure} of {limit}", total(&stage, used));
    }
}

#[test]
fn two_runners_race_for_the_time_of_a_day_and_what_is_not_used_is_there_again() {
    let stage = Stage::playing(json!([work(), pm_completes()]));
    // An attempt of which nothing is known has a tenth of it reserved.
    stage.configure(|config| config["limits"] = json!({"day": {"timeMs": 1_000_000}}));
    let all: Vec<String> = (0..12).map(|_| stage.create_work("Something")).collect();
    let runners = [(); 2].map(|()| stage.runner(&["--once", "--concurrency", "12"]));
    let queue = until_running(&stage, 10, 2);
    assert_eq!(queue["waiting"][0]["waitsFor"], "the day's budget (1000 s of 1000 s)");
    stage.touch("go");
    for mut runner in runners {
        runner.ended(PATIENCE);
    }
    for id in &all {
        assert_eq!(stage.assignment(id)["status"], "complete");
    }
}

#[test]
fn a_runner_says_when_a_day_is_spent_and_when_its_jobs_go_on() {
    let human: [&str; 2] =
        ["jobs of shop wait for the day's budget (1 jobs of 1 jobs) until ", "jobs of shop go on"];
    let machine: [&str; 2] = [r#""event":"day_spent""#, r#""event":"day_goes_on""#];
    for (args, [spent, goes_on]) in [(&[] as &[&str], human), (&["--log-format", "json"], machine)] {
        let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
        stage.configure(|config| config["limits"] = json!({"day": {"jobs": 1}}));
        let id = stage.create_work("Something");
        let runner = stage.runner(args);
        runner.says(spent);
        stage.configure(|config| config["limits"] = json!({"day": {"jobs": 20}}));
        // Whatever rings the bell makes the runner look again.
        stage.create_work("Something else");
        runner.says(goes_on);
        stage.until_status(&id, "complete");
        let said = runner.output();
        assert_eq!((said.matches(spent).count(), said.matches(goes_on).count()), (1, 1), "{said}");
    }
}
