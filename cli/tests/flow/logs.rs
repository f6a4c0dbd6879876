//! What an agent said and did, afterwards and while it works.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::script::{on, on_attempt, pm_completes, shell, wait_for};
use crate::stage::{Stage, jobs};
use crate::support::text;
use crate::wait::{PATIENCE, until};

/// A job that fails once and then works, with what it has printed.
fn worked() -> (Stage, Value) {
    let stage = Stage::playing(json!([
        on_attempt(
            "implement",
            1,
            json!([{"text": "The first try."}, {"stderr": "a warning"}, {"fail": "no_result"}])
        ),
        on_attempt(
            "implement",
            2,
            json!([
                {"text": "Looking."},
                shell("echo found"),
                {"raw": "not json at all"},
                {"result": "It works."},
            ])
        ),
        pm_completes(),
    ]));
    let id = stage.create(&["The star", "--first", "implement", "--context", "Make it work."]);
    stage.once();
    let job = jobs(&stage.assignment(&id))[0].clone();
    (stage, job)
}

#[test]
fn logs_tell_what_an_agent_said_and_did_in_every_form() {
    let (stage, job) = worked();
    let id = text(&job["id"]);
    let logs = |more: &[&str]| stage.agents(&[&["logs", &id], more].concat()).ok().stdout;
    let human = logs(&[]);
    for part in ["Looking.", "echo found", "found", "not json at all", "It works."] {
        assert!(human.contains(part), "`{part}` is not in: {human}");
    }
    assert!(!human.contains("The first try."), "only the latest attempt is shown");
    assert!(logs(&["--attempt", "1"]).contains("The first try."));
    assert!(logs(&["--attempt", "1", "--stderr"]).contains("a warning"));
    let types: Vec<String> = logs(&["--json"])
        .lines()
        .map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["type"]))
        .collect();
    for kind in ["started", "text", "toolCall", "toolResult", "unrecognized", "final"] {
        assert!(types.iter().any(|known| known == kind), "no `{kind}` among {types:?}");
    }
    let attempt = text(&job["attempts"][1]["id"]);
    let folder =
        stage.path("home/.local/share/agents/attempts").join(&attempt[attempt.len() - 2..]).join(&attempt);
    assert_eq!(logs(&["--raw"]), std::fs::read_to_string(folder.join("stdout")).unwrap());
    let told = logs(&["--prompt"]);
    assert!(told.contains("Make it work.") && told.contains("This job has been tried before"), "{told}");
    assert!(!logs(&["--prompt", "--attempt", "1"]).contains("This job has been tried before"));
}

#[test]
fn an_attempt_that_there_is_not_is_said_so() {
    let (stage, job) = worked();
    let id = text(&job["id"]);
    stage.agents(&["logs", &id, "--attempt", "7"]).fails(3, &["has no attempt 7", "2 of them"]);
    let waiting = stage.create_work("Not begun");
    let job = text(&jobs(&stage.assignment(&waiting))[0]["id"]);
    stage.agents(&["logs", &job]).fails(3, &["has no attempt yet"]);
    stage.agents(&["logs", "nonsense"]).fails(3, &["nonsense"]);
}

#[test]
fn a_followed_log_shows_what_is_said_at_once_and_ends_with_the_attempt() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"text": "Early words."}, wait_for("go"), {"text": "Late words."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let path = stage.path("followed");
    let file = std::fs::File::create(&path).unwrap();
    let mut follower = stage.agents(&["logs", &job, "-f"]).start(file, Stdio::null());
    let shown = || std::fs::read_to_string(&path).unwrap();
    let _runner = stage.runner(&[]);
    until("early words", PATIENCE, || shown().contains("Early words.").then_some(()));
    assert!(follower.try_wait().unwrap().is_none(), "it goes on while the agent works");
    stage.touch("go");
    let ended = until("the end of the follower", Duration::from_secs(10), || follower.try_wait().unwrap());
    assert!(ended.success());
    assert!(shown().contains("Late words."), "{}", shown());
}

#[test]
fn a_line_that_is_too_long_to_be_shown_is_said_so_in_every_form() {
    const LINE: u64 = 9 << 20;
    let stage = Stage::playing(json!([
        on("implement", json!([{"endless": {"bytes": LINE, "lineBytes": LINE}}, {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    stage.once();
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let human = stage.agents(&["logs", &job]).ok().stdout;
    assert!(human.contains("bytes is not shown; --raw has it"), "{human}");
    let json = stage.agents(&["logs", &job, "--json"]).ok().stdout;
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["why"] == "too long" && line["bytes"] == LINE - 1), "{json}");
}

#[test]
fn logs_whose_reader_goes_away_end_quietly() {
    let stage = Stage::playing(json!([
        on("implement", json!([{"endless": {"bytes": 2_000_000, "lineBytes": 1000}}, {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    stage.once();
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    for form in [&[][..], &["--json"], &["--raw"]] {
        let errors = stage.path("errors");
        let file = std::fs::File::create(&errors).unwrap();
        let mut process = stage.agents(&[&["logs", &job], form].concat()).start(Stdio::piped(), file);
        let mut first = [0; 100];
        process.stdout.take().unwrap().read_exact(&mut first).unwrap();
        until("the end of the program", PATIENCE, || process.try_wait().unwrap());
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), "", "{form:?}");
    }
}

#[test]
fn a_log_that_is_followed_and_the_queue_show_a_takeover_without_a_gap_and_nothing_twice() {
    let say = |number: usize| json!({"text": format!("Word {number}.")});
    let stage = Stage::playing(json!([
        on(
            "implement",
            json!([say(1), {"touch": "started"}, wait_for("on"), say(2), wait_for("go"), say(3)])
        ),
        pm_completes(),
    ]));
    let id = stage.create_work("The star");
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let forms: [&[&str]; 3] = [&[], &["--json"], &["--raw"]];
    let path = |number: usize| stage.path(&format!("followed-{number}"));
    let follow = |(number, form): (usize, &&[&str])| {
        let file = std::fs::File::create(path(number)).unwrap();
        stage.agents(&[&["logs", &job, "-f"], *form].concat()).start(file, Stdio::null())
    };
    let mut followers: Vec<_> = forms.iter().enumerate().map(follow).collect();
    let shown = |number: usize| std::fs::read_to_string(path(number)).unwrap();
    let all_show = |word: &str| {
        until(word, PATIENCE, || (0..forms.len()).all(|number| shown(number).contains(word)).then_some(()));
    };
    let running = || {
        let queue = stage.json(&["queue"]);
        let lines = queue["running"].as_array().unwrap();
        lines.iter().map(|line| text(&line["id"])).collect::<Vec<_>>()
    };
    let mut runner = stage.runner(&[]);
    all_show("Word 1.");
    for word in ["Word 2.", "Word 3."] {
        assert_eq!(running(), [&*job]);
        runner.kill();
        assert_eq!(running(), [&*job], "its agent goes on");
        runner = stage.runner(&[]);
        runner.says("took over 1 job(s)");
        assert_eq!(running(), [&*job]);
        stage.touch(if word == "Word 2." { "on" } else { "go" });
        all_show(word);
    }
    stage.until_status(&id, "complete");
    for (number, (follower, form)) in followers.iter_mut().zip(forms).enumerate() {
        let ended = until("the end of the follower", PATIENCE, || follower.try_wait().unwrap());
        assert!(ended.success());
        let afterwards = stage.agents(&[&["logs", &job], form].concat()).ok().stdout;
        assert_eq!(shown(number), afterwards, "{form:?}");
    }
    let words: Vec<String> =
        shown(0).lines().filter(|line| line.contains("Word ")).map(|line| line.trim().to_owned()).collect();
    assert_eq!(words, ["Word 1.", "Word 2.", "Word 3."]);
}
