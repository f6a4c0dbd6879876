//! The commands of `agents schedule`, without a runner.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use serde_json::{Value, json};
use support::{World, has_keys, text};

/// A world with a definition that takes a param.
fn world() -> World {
    let world = World::new();
    let definition = "name: backup\nparams:\n  target:\n    default: disk\nexec:\n  command: echo\n";
    world.write("shop/.agents/jobs/backup.yaml", definition);
    world
}

fn create(world: &World, args: &[&str]) -> Value {
    world.json(&[&["schedule", "create"], args].concat())["schedule"].clone()
}

fn show(world: &World, name: &str) -> Value {
    world.json(&["schedule", "show", name])
}

#[test]
fn a_schedule_is_created_shown_listed_and_deleted() {
    let world = world();
    let made = create(
        &world,
        &[
            "nightly",
            "--cron",
            "0 2 * * 1,3",
            "--zone",
            "europe/berlin",
            "--run",
            "backup",
            "--param",
            "target=s3",
        ],
    );
    let expected = [
        ("name", json!("nightly")),
        ("status", json!("on")),
        ("words", json!("every Monday and Wednesday at 02:00, Europe/Berlin time")),
        ("zone", json!("Europe/Berlin")),
        ("run", json!("backup")),
        ("params", json!({"target": "s3"})),
        ("missed", json!("last")),
        ("overlap", json!("skip")),
        ("autoPauseAfter", json!(5)),
        ("lastOutcome", Value::Null),
    ];
    for (key, value) in expected {
        assert_eq!(made[key], value, "{key}");
    }
    let shown = show(&world, "nightly");
    assert_eq!((&shown["schedule"], shown["next"].as_array().unwrap().len()), (&made, 5));
    assert_eq!(shown["next"][0]["utc"], made["nextRunAt"]);
    assert_eq!(world.json(&["schedule", "list"])["schedules"], json!([made]));
    let listed = world.agents(&["schedule", "list"]).ok().stdout;
    assert!(listed.contains("nightly") && listed.contains("run backup"), "{listed}");
    let human = world.agents(&["schedule", "show", "nightly"]).ok().stdout;
    assert!(
        human.contains("every Monday and Wednesday at 02:00") && human.contains("pauses after 5 failures")
    );
    let queue = world.json(&["queue"]);
    assert_eq!(queue["schedules"][0]["name"], "nightly");
    assert!(world.agents(&["queue"]).ok().stdout.contains("next on schedule"));
    assert_eq!(world.json(&["schedule", "delete", "nightly"]), json!({"deleted": ["nightly"]}));
    assert_eq!(world.json(&["schedule", "list"]), json!({"schedules": []}));
    world.agents(&["schedule", "show", "nightly"]).fails(3, &["no schedule `nightly`", "schedule create"]);
}

#[test]
fn the_systems_zone_is_taken_by_its_name_and_shown() {
    let world = world();
    let args = ["schedule", "create", "a", "--cron", "0 9 * * *", "--run", "backup", "--json"];
    let made = world.agents(&args).env("TZ", "Asia/Tokyo").ok().json();
    assert_eq!(made["schedule"]["zone"], "Asia/Tokyo");
    assert_eq!(made["schedule"]["words"], "every day at 09:00, Asia/Tokyo time");
    assert!(text(&made["schedule"]["nextRunAt"]).ends_with("T00:00:00.000Z"));
}

#[test]
fn only_what_is_said_changes() {
    let world = world();
    let made =
        create(&world, &["a", "--every", "15m", "--run", "backup", "--jitter", "30s", "--overlap", "queue"]);
    let edited =
        world.json(&["schedule", "edit", "a", "--missed", "catchup", "--rename", "b"])["schedule"].clone();
    let mut expected = made.clone();
    for (key, value) in [
        ("name", json!("b")),
        ("missed", json!("catchup")),
        ("catchupCap", json!(10)),
        ("catchupWindowMs", json!(86_400_000)),
        ("revision", json!(2)),
        ("updatedAt", edited["updatedAt"].clone()),
    ] {
        expected[key] = value;
    }
    assert_eq!(edited, expected);
    assert_eq!(show(&world, "b")["schedule"], expected);
    let moved =
        world.json(&["schedule", "edit", "b", "--cron", "0 0 1 1 *", "--zone", "UTC"])["schedule"].clone();
    assert!(text(&moved["nextRunAt"]).ends_with("-01-01T00:00:00.000Z"), "{moved:#}");
    assert_eq!(show(&world, "b")["schedule"], moved);
}

#[test]
fn a_schedule_is_switched_off_and_on() {
    let world = world();
    create(&world, &["a", "--every", "15m", "--run", "backup", "--disabled"]);
    assert_eq!(show(&world, "a")["schedule"]["status"], "off");
    assert_eq!(show(&world, "a")["schedule"]["nextRunAt"], Value::Null);
    let on = world.json(&["schedule", "enable", "a"]);
    assert_eq!(on["schedules"][0]["status"], "on");
    assert!(on["schedules"][0]["nextRunAt"].is_string());
    let again = world.agents(&["schedule", "enable", "a"]).ok().stdout;
    assert_eq!(again, "a is on already\n");
    world.agents(&["schedule", "disable", "a"]).ok();
    assert_eq!(show(&world, "a")["schedule"]["status"], "off");
}

#[test]
fn run_now_starts_a_run_and_leaves_the_due_times_alone() {
    let world = world();
    create(&world, &["a", "--every", "15m", "--run", "backup"]);
    let before = show(&world, "a");
    let run = text(&world.json(&["schedule", "run-now", "a"])["id"]);
    let assignment = world.json(&["assignment", &run]);
    assert_eq!(assignment["status"], "active");
    assert_eq!(show(&world, "a"), before);
}

#[test]
fn what_is_exported_is_imported_and_twice_is_once() {
    let world = world();
    create(
        &world,
        &["a", "--cron", "0 9 * * MON", "--zone", "UTC", "--run", "backup", "--param", "target=s3"],
    );
    let rich = [
        "b",
        "--every",
        "1h",
        "--create",
        "Tidy up",
        "--missed",
        "catchup",
        "--catchup-window",
        "90m",
        "--overlap",
        "cancel-previous",
        "--jitter",
        "10s",
        "--from",
        "2030-01-01",
        "--until",
        "2031-01-01",
        "--auto-pause-after",
        "never",
        "--disabled",
    ];
    create(&world, &rich);
    let file = world.path("schedules.json");
    let file = file.to_str().unwrap();
    let said = world.agents(&["schedule", "export", "--output", file]).ok().stdout;
    assert!(said.contains("2 schedules"), "{said}");
    let exported = world.json(&["schedule", "export"]);
    world.agents(&["schedule", "delete", "a", "b"]).ok();
    let results = |args: &[&str]| {
        let said = world.json(&[&["schedule", "import", file], args].concat());
        let all = said["schedules"].as_array().unwrap().clone();
        all.iter().map(|one| text(&one["result"])).collect::<Vec<_>>()
    };
    assert_eq!(results(&["--dry-run"]), ["created", "created"]);
    assert_eq!(world.json(&["schedule", "list"]), json!({"schedules": []}));
    assert_eq!(results(&[]), ["created", "created"]);
    assert_eq!(world.json(&["schedule", "export"]), exported);
    assert_eq!(results(&[]), ["unchanged", "unchanged"]);
    world.agents(&["schedule", "edit", "a", "--cron", "0 10 * * MON"]).ok();
    assert_eq!(results(&[]), ["changed", "unchanged"]);
    assert_eq!(world.json(&["schedule", "export"]), exported);
}

#[test]
fn a_file_with_one_wrong_schedule_changes_nothing() {
    let world = world();
    let bad = json!({"schedules": [
        {"name": "good", "every": "1h", "run": "backup"},
        {"name": "cron", "cron": "0 25 * * *", "run": "backup"},
        {"name": "both", "every": "1h", "cron": "* * * * *", "run": "backup"},
        {"name": "none", "every": "1h", "run": "bakup"},
        {"name": "good", "every": "1h", "run": "backup"},
        {"name": "odd", "every": "1h", "run": "backup", "missed": "never"},
    ]});
    world.write("bad.json", bad.to_string());
    let file = world.path("bad.json");
    world.agents(&["schedule", "import", file.to_str().unwrap()]).fails(
        6,
        &[
            "5 problems",
            "bad.json:1:",
            "schedule 2 (`cron`)",
            "field 2 (hour)",
            "exactly one of cron, every and at",
            "did you mean `backup`",
            "the name is there twice",
            "catchup, last, skip",
        ],
    );
    assert_eq!(world.json(&["schedule", "list"]), json!({"schedules": []}));
    world.write("bad.json", r#"{"schedules": [{"name": "a", "evry": "1h", "zone": "Berln"}]}"#);
    world.agents(&["schedule", "import", file.to_str().unwrap()]).fails(
        6,
        &["4 problems", "schedule 1 (`a`): unknown key `evry`: did you mean `every`?", "bad.json:1:38: "],
    );
}

#[test]
fn a_schedule_that_is_done_is_exported_and_imported_as_what_it_is() {
    let world = world();
    let past = json!({"schedules": [
        {"name": "done", "at": "2020-01-01T10:00", "zone": "UTC", "run": "gone", "missed": "last", "overlap": "skip",
         "autoPauseAfter": 5, "enabled": true},
        {"name": "off", "at": "2020-01-01T10:00", "zone": "UTC", "run": "backup", "missed": "last", "overlap": "skip",
         "autoPauseAfter": 5, "enabled": false},
    ]});
    world.write("past.json", past.to_string());
    let file = world.path("past.json");
    let said = world.agents(&["schedule", "import", file.to_str().unwrap()]).ok().stdout;
    assert!(said.contains("done: created (its time is past: nothing will be due)"), "{said}");
    assert_eq!(world.json(&["schedule", "export"]), past);
    let listed = world.json(&["schedule", "list"]);
    let stands: Vec<_> =
        listed["schedules"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(stands, ["done", "off"]);
    let again = world.json(&["schedule", "import", file.to_str().unwrap()]);
    assert_eq!(
        [&again["schedules"][0]["result"], &again["schedules"][1]["result"]],
        ["unchanged", "unchanged"]
    );
    world.agents(&["schedule", "enable", "off"]).fails(2, &["in the past"]);
}

#[test]
fn a_schedule_whose_definition_is_gone_or_wrong_is_shown_as_broken() {
    let world = world();
    create(&world, &["a", "--every", "1h", "--run", "backup"]);
    assert_eq!(show(&world, "a")["schedule"]["broken"], Value::Null);
    let file = world.path("shop/.agents/jobs/backup.yaml");
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    let why = text(&show(&world, "a")["schedule"]["broken"]);
    assert!(why.starts_with("there is no definition `backup`"), "{why}");
    assert_eq!(world.json(&["schedule", "list"])["schedules"][0]["broken"], json!(why));
    for args in [&["schedule", "list"][..], &["schedule", "show", "a"]] {
        let human = world.agents(args).ok().stdout;
        assert!(human.contains("broken: there is no definition `backup`"), "{human}");
    }
    world.write("shop/.agents/jobs/backup.yaml", "exec: { comand: echo }\n");
    let why = text(&show(&world, "a")["schedule"]["broken"]);
    assert!(why.contains("unknown key `comand`"), "{why}");
}

#[test]
fn a_time_that_no_clock_shows_is_moved_and_that_is_said() {
    let world = world();
    let args =
        ["schedule", "create", "a", "--at", "2030-03-31T02:30", "--zone", "Europe/Berlin", "--run", "backup"];
    let said = world.agents(&args).ok();
    let told = "the clocks of Europe/Berlin skip 2030-03-31T02:30";
    assert!(
        said.stderr.contains(told) && said.stderr.contains("2030-03-31T03:00:00+02:00"),
        "{}",
        said.stderr
    );
    let edited = world.json(&["schedule", "edit", "a", "--at", "2031-03-30T02:30"]);
    assert!(text(&edited["warnings"][0]).contains("skip 2031-03-30T02:30"), "{edited}");
}

#[test]
fn preview_tells_the_next_times_in_the_zone_and_in_utc() {
    let world = world();
    let args = [
        "schedule",
        "preview",
        "--cron",
        "30 2 * * *",
        "--zone",
        "Europe/Berlin",
        "--after",
        "2027-03-27 12:00",
        "-n",
        "2",
    ];
    let next = json!([
        {"local": "2027-03-28T03:00:00+02:00[Europe/Berlin]", "utc": "2027-03-28T01:00:00.000Z"},
        {"local": "2027-03-29T02:30:00+02:00[Europe/Berlin]", "utc": "2027-03-29T00:30:00.000Z"},
    ]);
    let words = "every day at 02:30, Europe/Berlin time";
    assert_eq!(world.json(&args), json!({"words": words, "zone": "Europe/Berlin", "next": next}));
    let human = world.agents(&args).ok().stdout;
    assert!(human.starts_with(words) && human.contains("2027-03-29T00:30:00.000Z"), "{human}");
    create(&world, &["a", "--cron", "0 9 * * *", "--zone", "UTC", "--run", "backup"]);
    let other = world.json(&["schedule", "preview", "a", "--zone", "Asia/Tokyo", "-n", "1"]);
    assert_eq!(other["words"], "every day at 09:00, Asia/Tokyo time");
    has_keys(&other["next"][0], &["local", "utc"]);
}

#[test]
fn what_makes_no_schedule_is_refused_with_the_place_of_the_mistake() {
    let world = world();
    let refused = |args: &[&str], said: &[&str]| {
        world.agents(&[&["schedule", "create"], args].concat()).fails(2, said);
    };
    refused(&["a", "--run", "backup"], &["when something is due", "--cron"]);
    refused(&["a", "--every", "1h"], &["what is started", "--run"]);
    refused(
        &["a", "--cron", "0 9 * * FUN", "--run", "backup"],
        &["--cron", "field 5 (day of week)", "`FUN`"],
    );
    refused(&["a", "--cron", "0 9 * *", "--run", "backup"], &["--cron"]);
    refused(&["a", "--every", "soon", "--run", "backup"], &["--every", "15m"]);
    refused(&["a", "--at", "2020-01-01 10:00", "--run", "backup"], &["--at", "in the past"]);
    refused(&["a", "--at", "2030-01-01", "--run", "backup"], &["say the time too"]);
    refused(&["a", "--every", "1h", "--until", "2020-01-01", "--run", "backup"], &["--until", "in the past"]);
    refused(
        &["a", "--every", "1h", "--zone", "Berln", "--run", "backup"],
        &["did you mean `Europe/Berlin`?"],
    );
    refused(&["a", "--every", "1m", "--jitter", "1m", "--run", "backup"], &["--jitter", "shorter"]);
    refused(&["a", "--cron", "@daily", "--jitter", "2h", "--run", "backup"], &["--jitter", "1h"]);
    refused(&["a", "--every", "1h", "--run", "backup", "--create", "x"], &["cannot be used with"]);
    refused(&["a", "--every", "1h", "--cron", "@daily", "--run", "backup"], &["cannot be used with"]);
    refused(&["a", "--every", "1h", "--run", "backup", "--param", "x"], &["--param `x`", "name=value"]);
    refused(&["a", "--every", "1h", "--run", "backup", "--catchup-cap", "3"], &["--missed catchup"]);
    refused(&["a", "--every", "1h", "--run", "backup", "--auto-pause-after", "0"], &["`never`"]);
    refused(&["a", "--every", "-5m", "--run", "backup"], &["--every", "`-5m`"]);
    refused(&["a", "--every", "1h", "--jitter", "-1s", "--run", "backup"], &["--jitter"]);
    refused(&["a", "--every", "1h", "--run", "backup", "--auto-pause-after", "-1"], &["`-1`", "`never`"]);
    refused(
        &["a", "--every", "1h", "--run", "backup", "--missed", "catchup", "--catchup-cap", "-1"],
        &["-1 is not in"],
    );
    refused(&["a b", "--every", "1h", "--run", "backup"], &["cannot be the name of a schedule"]);
    let unknown = ["schedule", "create", "a", "--every", "1h", "--run", "bakup"];
    world.agents(&unknown).fails(3, &["no definition `bakup`", "did you mean `backup`?"]);
    let param = ["schedule", "create", "a", "--every", "1h", "--run", "backup", "--param", "tarjet=x"];
    world.agents(&param).fails(6, &["tarjet"]);
    create(&world, &["a", "--every", "1h", "--run", "backup"]);
    world
        .agents(&["schedule", "create", "a", "--every", "1h", "--run", "backup"])
        .fails(5, &["already", "edit a"]);
    world.agents(&["schedule", "edit", "a"]).fails(2, &["nothing is said"]);
    world.agents(&["schedule", "edit", "a", "--every", "1h"]).fails(2, &["nothing is said"]);
    world.agents(&["schedule", "preview"]).fails(2, &["neither a schedule nor a pattern"]);
    world.agents(&["schedule", "run-now", "b"]).fails(3, &["no schedule `b`"]);
    assert_eq!(world.json(&["schedule", "list"])["schedules"].as_array().unwrap().len(), 1);
}
