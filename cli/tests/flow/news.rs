//! What a runner tells of its work.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::script::{complete, insert, on, on_attempt, on_nth, pm_completes};
use crate::stage::Stage;
use crate::support::text;

#[test]
fn every_json_line_parses_and_every_step_of_the_work_has_one() {
    let stage = Stage::playing(json!([
        on_nth("pm", 1, json!([insert("implement", "Do it.")])),
        on_attempt("implement", 1, json!([{"fail": "no_result"}])),
        on("implement", json!([{"text": "Done."}])),
        on("review", json!([{"fail": "auth"}])),
        on("pm", json!([complete("It is done.")])),
    ]));
    let id = stage.create(&["The star"]);
    let blocked = stage.create(&["Another", "--first", "review"]);
    let printed = stage.agents(&["runner", "--once", "--log-format", "json"]).ok().stdout;
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |assignment: &str| -> Vec<String> {
        let own = lines.iter().filter(|line| line["assignmentId"] == assignment);
        own.map(|line| text(&line["event"])).collect()
    };
    let started = ["job_started", "attempt_ended"];
    let expected = [
        &started[..],
        &["job_completed", "decision_applied", "job_inserted"],
        &started,
        &["job_retried"],
        &started,
        &["job_completed", "job_inserted"],
        &started,
        &["job_completed", "decision_applied", "assignment_completed"],
    ];
    assert_eq!(of(&id), expected.concat());
    assert_eq!(of(&blocked), [&started[..], &["job_retried", "assignment_blocked"]].concat());
    let all: BTreeSet<String> = lines.iter().map(|line| text(&line["event"])).collect();
    assert!(all.contains("runner_started") && all.contains("runner_ended"), "{all:?}");
    for line in &lines {
        let at = text(&line["at"]);
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    }
}

#[test]
fn a_runner_whose_reader_goes_away_works_on() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    for form in ["text", "json"] {
        let mut runner = stage.agents(&["runner", "--log-format", form]).start(Stdio::piped(), Stdio::null());
        let mut first = String::new();
        BufReader::new(runner.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("runner"), "{first}");
        for star in ["One", "Two"] {
            let id = stage.create_work(star);
            stage.until_status(&id, "complete");
        }
        runner.kill().unwrap();
        runner.wait().unwrap();
    }
}
