//! Schedules with real runners: several at once, killed ones, late ones, and runs that overlap.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::text;
use crate::wait::{PATIENCE, until};

const DAY: i64 = 24 * 3_600_000;

/// A stage with a definition whose command is that.
fn stage(command: &str) -> Stage {
    let stage = Stage::playing(json!([]));
    stage.write("shop/.agents/jobs/tick.yaml", format!("name: tick\nexec:\n  command: {}\n", json!(command)));
    stage
}

fn create(stage: &Stage, name: &str, args: &[&str]) {
    stage.agents(&[&["schedule", "create", name, "--run", "tick"], args].concat()).ok();
}

fn show(stage: &Stage, name: &str) -> Value {
    stage.json(&["schedule", "show", name, "--firings", "1000"])
}

/// What was decided, the earliest due time first: `started completed`, `missed 7`.
fn story(shown: &Value) -> Vec<String> {
    let line = |firing: &Value| {
        let count = firing["dueTimes"].as_u64().unwrap();
        let more = firing["outcome"].as_str().map_or_else(String::new, |outcome| format!(" {outcome}"));
        let count = if count > 1 { format!(" {count}") } else { String::new() };
        format!("{}{more}{count}", text(&firing["decision"]))
    };
    shown["firings"].as_array().unwrap().iter().rev().map(line).collect()
}

/// A runner that does all there is to do, whose clock is so many milliseconds ahead.
fn once_ahead(stage: &Stage, millis: i64) {
    stage.agents(&["runner", "--once"]).env("AGENTS_CLOCK_SHIFT_MS", millis).ok();
}

#[test]
fn two_runners_at_once_start_each_due_time_once() {
    let stage = stage("echo tick >> ticks");
    create(&stage, "often", &["--every", "1s"]);
    let runners = [stage.runner(&[]), stage.runner(&[])];
    until("five due times", PATIENCE, || (story(&show(&stage, "often")).len() >= 5).then_some(()));
    stage.agents(&["schedule", "disable", "often"]).ok();
    let shown = until("all has ended", PATIENCE, || {
        let shown = show(&stage, "often");
        story(&shown).iter().all(|line| line != "started").then_some(shown)
    });
    drop(runners);
    let firings = shown["firings"].as_array().unwrap();
    let started: Vec<&Value> = firings.iter().filter(|firing| firing["run"].is_string()).collect();
    assert!(started.iter().all(|firing| firing["outcome"] == "completed"), "{shown:#}");
    assert_eq!(stage.read("ticks").lines().count(), started.len());
    let assignments = stage.json(&["assignments", "--limit", "1000"]);
    assert_eq!(assignments["assignments"].as_array().unwrap().len(), started.len());
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn a_runner_that_starts_late_does_what_each_policy_says() {
    let stage = stage("echo tick >> ticks");
    create(&stage, "skip", &["--every", "1h", "--missed", "skip"]);
    create(&stage, "last", &["--every", "1h", "--missed", "last"]);
    create(&stage, "catchup", &["--every", "1h", "--missed", "catchup", "--catchup-cap", "3"]);
    once_ahead(&stage, 8 * DAY + 1_800_000);
    assert_eq!(story(&show(&stage, "skip")), ["missed 192"]);
    assert_eq!(story(&show(&stage, "last")), ["missed 191", "started completed"]);
    let caught_up = show(&stage, "catchup");
    let done = "started completed";
    assert_eq!(story(&caught_up), ["missed 189", done, done, done]);
    let cut = text(&caught_up["firings"][3]["reason"]);
    assert!(cut.contains("189 of 192") && cut.contains("cap 3"), "{cut}");
    assert_eq!(stage.read("ticks").lines().count(), 4);
    once_ahead(&stage, 8 * DAY + 1_800_000);
    assert_eq!(stage.read("ticks").lines().count(), 4, "nothing is done twice");
    // The clock is right again: what was decided stays so.
    stage.once();
    assert_eq!(stage.read("ticks").lines().count(), 4);
}

#[test]
fn a_runner_may_be_killed_at_every_point_of_a_firing() {
    let log = {
        let stage = stage("true");
        create(&stage, "one", &["--every", "1h"]);
        let log = stage.path("points");
        let runner = stage.agents(&["runner", "--once"]).env("AGENTS_CLOCK_SHIFT_MS", 5_400_000);
        runner.env("AGENTS_CRASH_LOG", log.display()).ok();
        std::fs::read_to_string(log).unwrap()
    };
    let points: Vec<&str> = log.lines().collect();
    let prepared = points.iter().position(|point| *point == "schedules prepared").unwrap();
    let fired = points.iter().position(|point| *point == "schedules fired").unwrap();
    assert!(points[prepared..fired].contains(&"transaction committed"), "{points:?}");
    for (number, what) in points.iter().enumerate().take(fired + 1).skip(prepared) {
        let stage = stage("true");
        create(&stage, "one", &["--every", "1h"]);
        let dying = stage.agents(&["runner", "--once"]).env("AGENTS_CLOCK_SHIFT_MS", 5_400_000);
        let ended = dying.env("AGENTS_CRASH_AT", number + 1).run();
        assert_eq!(ended.code, 137, "{ended:?}");
        once_ahead(&stage, 5_400_000);
        assert_eq!(story(&show(&stage, "one")), ["started completed"], "killed at: {what}");
        let assignments = stage.json(&["assignments"]);
        assert_eq!(assignments["assignments"].as_array().unwrap().len(), 1, "killed at: {what}");
        assert_eq!(stage.findings(), json!([]), "killed at: {what}");
    }
}

#[test]
fn a_run_that_takes_too_long_is_cancelled_by_the_next_one() {
    let stage = stage("echo begun >> ticks; while [ ! -e go ]; do sleep 0.05; done");
    create(&stage, "slow", &["--every", "1s", "--overlap", "cancel-previous"]);
    let _runner = stage.runner(&["--concurrency", "4"]);
    let cancelled = until("a cancelled run and the next one", PATIENCE, || {
        let story = story(&show(&stage, "slow"));
        (story.len() >= 3 && story[0] == "started cancelled").then_some(story)
    });
    assert!(cancelled.iter().all(|line| line.starts_with("started")), "{cancelled:?}");
    assert_eq!(show(&stage, "slow")["schedule"]["failures"], 0);
    stage.agents(&["schedule", "disable", "slow"]).ok();
    stage.touch("go");
}

#[test]
fn while_a_run_is_open_due_times_are_passed_over_or_wait() {
    let stage = stage("while [ ! -e go ]; do sleep 0.05; done; echo done >> ticks");
    create(&stage, "skip", &["--every", "1s"]);
    create(&stage, "queue", &["--every", "1s", "--overlap", "queue"]);
    let _runner = stage.runner(&["--concurrency", "4"]);
    let stories = || ["skip", "queue"].map(|name| story(&show(&stage, name)));
    until("three due times of each", PATIENCE, || stories().iter().all(|it| it.len() >= 3).then_some(()));
    let [skip, queue] = stories();
    assert_eq!((&*skip[0], &*skip[1]), ("started", "overlap"));
    assert_eq!((&*queue[0], &*queue[1]), ("started", "waiting"));
    stage.touch("go");
    until("what has waited is done", PATIENCE, || {
        let [_, queue] = stories();
        queue[..3].iter().all(|line| line == "started completed").then_some(())
    });
    stage.agents(&["schedule", "disable", "skip", "queue"]).ok();
}

#[test]
fn a_schedule_whose_definition_is_gone_pauses_itself_and_holds_nobody_up() {
    let stage = stage("echo tick >> ticks");
    stage.write("shop/.agents/jobs/gone.yaml", "name: gone\nexec:\n  command: \"true\"\n");
    let gone = ["schedule", "create", "gone", "--run", "gone", "--every", "1s", "--auto-pause-after", "2"];
    stage.agents(&gone).ok();
    create(&stage, "sound", &["--every", "1s"]);
    std::fs::remove_file(stage.repo().join(".agents/jobs/gone.yaml")).unwrap();
    let runner = stage.runner(&[]);
    let paused = until("the broken one is paused", PATIENCE, || {
        let shown = show(&stage, "gone");
        (shown["schedule"]["status"] == "paused").then_some(shown)
    });
    runner.says("paused: its last 2 runs have failed");
    until("the other one goes on", PATIENCE, || (story(&show(&stage, "sound")).len() >= 3).then_some(()));
    assert!(story(&paused).iter().all(|line| line == "refused"), "{paused:#}");
    assert!(text(&paused["firings"][0]["reason"]).contains("there is no definition `gone`"), "{paused:#}");
    let listed = stage.agents(&["schedule", "list"]).ok().stdout;
    assert!(listed.contains("agents schedule enable gone"), "{listed}");
    let checks = stage.agents(&["doctor", "--json"]).run().json()["checks"].clone();
    let note = checks.as_array().unwrap().iter().find(|check| check["name"] == "schedule gone").cloned();
    assert!(text(&note.unwrap()["detail"]).contains("paused itself"));
}

#[test]
fn an_idle_runner_wakes_for_a_due_time_to_the_point() {
    let stage = stage("true");
    let _runner = stage.runner(&[]);
    create(&stage, "soon", &["--every", "2s"]);
    let shown = until("it has fired", PATIENCE, || {
        let shown = show(&stage, "soon");
        (!story(&shown).is_empty()).then_some(shown)
    });
    let first = shown["firings"].as_array().unwrap().last().unwrap().clone();
    let at = |key: &str| text(&first[key]).parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let late = at("decidedAt") - at("dueAt");
    // The slow tick would be up to 30 s late.
    assert!((0..1500).contains(&late), "{late} ms late");
}
