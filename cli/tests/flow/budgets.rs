//! Limits of money and work: what is refused, what is ended, who wraps up, and how it goes on.

use serde_json::{Value, json};

use crate::processes::keeper_of;
use crate::script::{
    blocked, complete, insert, on, on_attempt, on_nth, pm_blocks, pm_completes, wait_for, work_for_ever,
};
use crate::stage::{Stage, jobs, running_attempt, story};
use crate::support::text;
use crate::wait::PATIENCE;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A stage with these limits.
fn limited(limits: Value, replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    stage.configure(|config| config["limits"] = limits);
    stage
}

/// The same, where work tells its cost and the PM does not.
fn limited_with_mute_pm(limits: Value, replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    stage.configure(|config| {
        config["limits"] = limits;
        config["harnessDefaults"] = json!({"default": "claude", "pm": "codex"});
        // Each message of the scripted agent has 100 tokens of input.
        config["prices"] = json!({"claude/*": {"input": 10_000, "cachedInput": 0, "output": 0}});
    });
    stage
}

/// An agent that is done, and has cost so much.
fn costs(dollars: f64) -> Value {
    json!({"result": {"text": "Done.", "costUsd": dollars, "usage": {"input": 10, "output": 1}}})
}

/// A call of a tool, which comes with a message of 100 tokens of input.
fn tool() -> Value {
    json!({"tool": {"name": "Bash", "input": {"command": "ls"}, "output": "none"}})
}

fn usage(stage: &Stage, more: &[&str]) -> Value {
    let mut args = vec!["usage"];
    args.extend(more);
    stage.json(&args)
}

fn reason(assignment: &Value) -> String {
    text(&assignment["reason"])
}

#[test]
fn an_attempt_that_passes_its_limit_is_ended_and_the_pm_wraps_up() {
    let stage = limited(
        json!({"attempt": {"toolCalls": 2}}),
        json!([on("implement", json!([tool(), tool(), tool(), work_for_ever()])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement failed [over_limit]", "pm completed [success]"]);
    let message = text(&jobs(&ended)[0]["attempts"][0]["message"]);
    let said = "the limit of an attempt is reached: 3 tool calls of 2 tool calls";
    assert!(message.starts_with(&format!("{said}; the last it did: ")), "{message}");
    let short = &id[id.len() - 8..];
    let raise = format!("agents update-assignment {short} --status active --limit attempt.tool-calls=6");
    assert_eq!(reason(&ended), format!("{said}; the PM: The PM has seen it.. To go on: {raise}"));
    let told = stage.prompt(&jobs(&ended)[1]);
    assert!(told.contains("This is your last look") && told.contains(said), "{told}");
}

#[test]
fn money_is_watched_while_it_is_spent_where_prices_are_known() {
    let stage = limited_with_mute_pm(
        json!({"attempt": {"cost": 0.5}}),
        json!([on("implement", json!([tool(), work_for_ever()])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    let attempt = &jobs(&ended)[0]["attempts"][0];
    assert_eq!([&attempt["outcome"], &attempt["costSource"]], ["over_limit", "prices"], "{ended:#}");
    assert_eq!(attempt["costUsd"], 1.0);
    let said = "the limit of an attempt is reached: 1.00 USD of 0.50 USD";
    assert!(reason(&ended).starts_with(said), "{}", reason(&ended));
}

#[test]
fn two_runners_never_spend_more_than_the_day_has_and_go_on_the_next_day() {
    let stage = limited_with_mute_pm(
        json!({"day": {"cost": 1.0}, "expectedCost": 0.4}),
        json!([on("implement", json!([costs(0.4)])), on("pm", json!([complete("It is done.")]))]),
    );
    for _ in 0..4 {
        stage.create_work("Something");
    }
    let runners = [stage.runner(&["--once"]), stage.runner(&["--once"])];
    for mut runner in runners {
        runner.ended(PATIENCE);
    }
    let spent = usage(&stage, &["--by", "harness"]);
    assert_eq!(
        (&spent["total"]["attempts"], &spent["total"]["costUsd"]),
        (&json!(2), &json!(0.8)),
        "{spent:#}"
    );
    let queue = stage.json(&["queue"]);
    let waits = text(&queue["waiting"][0]["waitsFor"]);
    assert_eq!(waits, "the day's budget (0.80 USD of 1.00 USD)");
    assert_eq!(queue["ready"], json!([]));
    stage.runner_ahead(DAY_MS, &["--once"]).ended(PATIENCE);
    let spent = usage(&stage, &["--by", "day"]);
    let days: Vec<&Value> = spent["usage"].as_array().unwrap().iter().map(|day| &day["attempts"]).collect();
    assert_eq!(days[0], 2, "{spent:#}");
    assert_eq!(days.len(), 2, "{spent:#}");
}

#[test]
fn a_cost_that_nobody_knows_is_told_as_unknown_and_not_as_nothing() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    stage.configure(|config| config["harnessDefaults"] = json!({"default": "codex"}));
    let id = stage.create_work("Something");
    stage.once();
    let spent = usage(&stage, &["--by", "job-type"]);
    let unknown = |line: &Value| [line["attempts"].clone(), line["unknownCostAttempts"].clone()];
    assert_eq!(unknown(&spent["total"]), [2, 2]);
    assert_eq!(spent["usage"].as_array().unwrap().iter().map(unknown).collect::<Vec<_>>(), [[1, 1], [1, 1]]);
    let shown = stage.agents(&["assignment", &id]).ok().stdout;
    assert!(shown.contains("≥ $0.00, 2 attempts of unknown cost"), "{shown}");
    let whole = stage.assignment(&id);
    assert_eq!(whole["budget"]["spent"]["unknownCostAttempts"], 2);
    assert_eq!(jobs(&whole)[0]["attempts"][0]["costSource"], Value::Null);
}

#[test]
fn a_raised_limit_lets_an_assignment_go_on() {
    let stage = limited(
        json!({"expectedCost": 0.2}),
        json!([
            on("implement", json!([costs(0.2)])),
            on_nth("pm", 1, json!([insert("implement", "More of it.")])),
            on_nth("pm", 2, json!([complete("It is done.")])),
        ]),
    );
    let id = stage.create(&["Something", "--first", "implement", "--max-cost", "0.5"]);
    stage.once();
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended), ["implement completed [success]", "pm completed [success]"]);
    assert_eq!(ended["status"], "blocked");
    let why = reason(&ended);
    assert!(
        why.starts_with("the limit of the assignment is reached: 0.20 USD of 0.50 USD, and what comes next")
            && why.contains("; the PM wanted"),
        "{why}"
    );
    assert!(why.ends_with("--status active --max-cost 1.00"), "{why}");
    let limit = &ended["budget"]["limits"][0];
    assert_eq!([&limit["scope"], &limit["what"]], ["assignment", "cost"]);
    // The work's 0.2, and the PM's own.
    assert_eq!([&limit["limit"], &limit["spent"], &limit["left"]], [0.5, 0.212, 0.288], "{ended:#}");
    stage.agents(&["update-assignment", &id, "--status", "active", "--max-cost", "5"]).ok();
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!((&done["status"], &done["budget"]["reached"]), (&json!("complete"), &Value::Null), "{done:#}");
}

#[test]
fn a_runner_that_is_killed_leaves_no_reservation_behind() {
    for ends_keeper in [false, true] {
        let stage = limited_with_mute_pm(
            json!({"day": {"cost": 1.5}, "expectedCost": 0.6}),
            json!([
                on_attempt("implement", 1, json!([{"touch": "started"}, wait_for("go"), costs(0.1)])),
                on_attempt("implement", 2, json!([costs(0.1)])),
                on("pm", json!([blocked("Enough."), costs(0.0)])),
            ]),
        );
        let id = stage.create_work("Something");
        let mut runner = stage.runner(&[]);
        stage.until_file("started");
        let attempt = running_attempt(&stage.assignment(&id)).unwrap();
        runner.kill();
        if ends_keeper {
            crate::processes::signal(keeper_of(&attempt), rustix::process::Signal::KILL);
        }
        stage.touch("go");
        stage.runner(&["--once"]).ended(PATIENCE);
        let ended = stage.assignment(&id);
        let first =
            if ends_keeper { "implement completed [lost success]" } else { "implement completed [success]" };
        // 0.6 for one that was lost and 0.6 for the next try is all right; 0.6 more would be too much.
        assert_eq!(story(&ended)[0], first, "{ended:#}");
        let spent = &ended["budget"]["spent"];
        let expected = if ends_keeper { 0.6 } else { 0.0 };
        assert!(spent["presumedUsd"].as_f64().unwrap() >= expected, "{spent:#}");
    }
}

#[test]
fn tokens_that_nobody_knows_are_not_nothing_and_a_limit_of_them_holds() {
    let again = |nth: u32| on_nth("pm", nth, json!([insert("implement", "More of it.")]));
    let mut replies = vec![on("implement", json!([{"text": "Done."}]))];
    replies.extend((1..=12).map(again));
    let stage = Stage::playing(Value::Array(replies));
    stage.configure(|config| {
        config["limits"] = json!({"assignment": {"tokens": 1000}});
        config["harnessDefaults"] = json!({"default": "text"});
    });
    let id = stage.create_work("Something");
    stage.once();
    let ended = stage.assignment(&id);
    let attempts = jobs(&ended).len();
    assert_eq!((&ended["status"], attempts), (&json!("blocked"), 10), "{ended:#}");
    let why = "the limit of the assignment is reached: 900 tokens of 1000 tokens";
    assert!(reason(&ended).starts_with(why), "{}", reason(&ended));
    let spent = &ended["budget"]["spent"];
    let said = [&spent["tokens"], &spent["unknownUsageAttempts"], &spent["presumedTokens"]];
    assert_eq!(said, [&json!(0), &json!(10), &json!(1000)], "{spent:#}");
    let shown = stage.agents(&["assignment", &id]).ok().stdout;
    assert!(shown.contains("≥ 0 tokens (10 attempts unknown, taken for 1000 tokens)"), "{shown}");
    assert!(shown.contains("tokens: 1000 tokens of 1000 tokens, 0 tokens left"), "{shown}");
    let shown = stage.agents(&["usage"]).ok().stdout;
    assert!(shown.contains("≥ 0 tokens, 10 attempts unknown"), "{shown}");
}

#[test]
fn an_attempt_that_is_past_its_time_is_ended_and_its_time_is_counted() {
    let stage = limited(
        json!({"attempt": {"timeMs": 700}}),
        json!([on("implement", json!([{"text": "On it."}, work_for_ever()])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    let said = stage.once().stdout;
    let ended = stage.assignment(&id);
    let message = text(&jobs(&ended)[0]["attempts"][0]["message"]);
    assert_eq!(jobs(&ended)[0]["attempts"][0]["outcome"], "over_limit", "{ended:#}");
    assert!(
        message.starts_with("the limit of an attempt is reached: ") && message.contains("of 0.7 s"),
        "{message}"
    );
    assert!(ended["budget"]["spent"]["timeMs"].as_u64().unwrap() >= 700, "{ended:#}");
    assert!(said.contains("the limit of an attempt is reached: "), "{said}");
}

#[test]
fn a_job_may_not_use_more_in_all_its_tries_than_its_limit() {
    let fails = json!([tool(), tool(), {"fail": "overloaded"}]);
    let stage = limited(
        json!({"job": {"toolCalls": 4}}),
        json!([
            on_attempt("implement", 1, fails),
            // As many as the first try are there for it, and no more.
            on_attempt("implement", 2, json!([tool(), tool(), tool(), work_for_ever()])),
            pm_blocks()
        ]),
    );
    let id = stage.create_work("Something");
    stage.once();
    stage.runner_ahead(DAY_MS, &["--once"]).ended(PATIENCE);
    let ended = stage.assignment(&id);
    let attempts = jobs(&ended)[0]["attempts"].as_array().unwrap();
    assert_eq!(attempts[1]["outcome"], "over_limit", "{ended:#}");
    let said = "the limit of a job is reached: 5 tool calls of 4 tool calls";
    assert!(text(&attempts[1]["message"]).starts_with(said), "{ended:#}");
}

#[test]
fn a_limit_of_nothing_starts_nothing_and_the_runner_says_so() {
    let stage = limited(json!({"assignment": {"cost": 0}}), json!([on("implement", json!([costs(0.5)]))]));
    let id = stage.create_work("Something");
    let said = stage.once().stdout;
    let ended = stage.assignment(&id);
    let why = "the limit of the assignment is reached: 0.00 USD of 0.00 USD. To go on: ";
    assert!(reason(&ended).starts_with(why), "{}", reason(&ended));
    assert_eq!(usage(&stage, &[])["total"]["attempts"], 0);
    assert!(said.contains("blocked: the limit of the assignment is reached: "), "{said}");
}

#[test]
fn work_that_runs_past_the_limit_of_the_assignment_leaves_the_pm_its_last_look() {
    let stage = limited(
        json!({"assignment": {"cost": 1.0}, "expectedCost": 0.1}),
        json!([on("implement", json!([costs(1.2)])), pm_blocks()]),
    );
    let id = stage.create_work("Something");
    let said = stage.once().stdout;
    let ended = stage.assignment(&id);
    assert_eq!(story(&ended)[1..], ["pm completed [success]"], "{ended:#}");
    assert!(reason(&ended).contains("; the PM: "), "{}", reason(&ended));
    assert!(stage.prompt(&jobs(&ended)[1]).contains("This is your last look"));
    assert!(said.contains("blocked: the limit of the assignment is reached: "), "{said}");
}

#[test]
fn a_runner_says_what_waits_for_the_next_day_and_a_raised_limit_counts_at_once() {
    let stage = limited(
        json!({"day": {"cost": 0.5}, "expectedCost": 0.4}),
        json!([on("implement", json!([costs(0.4)])), on("pm", json!([complete("It is done.")]))]),
    );
    let id = stage.create_work("Something");
    let said = stage.once().stdout;
    let waits = "jobs of shop wait for the day's budget (0.40 USD of 0.50 USD) until ";
    assert!(said.contains(waits), "{said}");
    assert!(stage.once().stdout.contains(waits), "also when nothing was looked for");
    stage.configure(|config| config["limits"] = json!({"day": {"cost": 20}, "expectedCost": 0.4}));
    let queue = stage.json(&["queue"]);
    assert_eq!((queue["ready"].as_array().unwrap().len(), &queue["waiting"]), (1, &json!([])), "{queue:#}");
    let said = stage.once().stdout;
    assert!(!said.contains("wait for the day"), "{said}");
    assert_eq!(stage.assignment(&id)["status"], "complete");
}
