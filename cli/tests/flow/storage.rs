//! Trouble with the disk and the database while runners work: agents go on, the runner says what is wrong and
//! continues by itself when it is mended, and nothing is half done.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use rustix::thread::CapabilitySet;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::processes::{of_attempt, without};
use crate::script::{on_prompt, pm_completes, wait_for};
use crate::stage::{RunnerProcess, Stage, running_attempt, story};
use crate::support::{Ended, Run, text};

const DONE: [&str; 2] = ["implement completed [success]", "pm completed [success]"];

/// Two agents, each of which waits for a file of its own.
fn two_agents() -> Stage {
    let agent = |name: &str| {
        let steps =
            json!([{"touch": format!("{name}-started")}, wait_for(&format!("{name}-go")), {"text": "Done."}]);
        on_prompt("implement", &format!("The {name} star"), steps)
    };
    Stage::playing(json!([agent("first"), agent("second"), pm_completes()]))
}

/// Both agents at work in a runner.
fn at_work(stage: &Stage) -> (RunnerProcess, [String; 2]) {
    let ids = ["The first star", "The second star"].map(|star| stage.create_work(star));
    let runner = stage.runner(&[]);
    stage.until_file("first-started");
    stage.until_file("second-started");
    (runner, ids)
}

/// While the trouble lasts: one agent ends, and the runner says what is wrong; the other goes on.
fn trouble(stage: &Stage, runner: &RunnerProcess, second: &str, words: &str) {
    let attempt = running_attempt(&stage.assignment(second)).unwrap();
    stage.touch("first-go");
    runner.says("the store can't be used");
    assert!(runner.output().contains(words), "`{words}` is not in {}", runner.output());
    assert!(!of_attempt(&attempt).is_empty(), "the other agent goes on");
}

/// Now it is mended: the runner goes on by itself, and everything is done once.
fn goes_on(stage: &Stage, runner: &RunnerProcess, ids: &[String; 2]) {
    runner.says("the store can be used again");
    stage.touch("second-go");
    for id in ids {
        assert_eq!(story(&stage.until_status(id, "complete")), DONE);
    }
    sound(stage);
}

/// The store holds only what can be.
fn sound(stage: &Stage) {
    let report = stage.agents(&["doctor", "--full", "--json"]).run().json();
    assert_eq!(report["store"]["findings"], json!([]), "{report:#}");
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut path = database.to_owned().into_os_string();
    path.push(end);
    PathBuf::from(path)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

/// How large a file the process may write at most; `None`: as this one.
fn limit_files(runner: &RunnerProcess, bytes: Option<u64>) {
    let ours = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: bytes.or(ours.current), maximum: ours.maximum };
    prlimit(Pid::from_raw(runner.pid()), Resource::Fsize, limit).unwrap();
}

/// A disk without room, as far as this can be had on every Linux and for every user: no file of the runner's may grow. A
/// write fails in its middle, as on a full disk.
#[test]
fn a_runner_whose_files_can_not_grow_goes_on_when_they_can() {
    let stage = two_agents();
    let (runner, ids) = at_work(&stage);
    limit_files(&runner, Some(length(&beside(&stage.database(), "-wal"))));
    trouble(&stage, &runner, &ids[1], "disk I/O error");
    let before = stage.assignment(&ids[0]);
    assert_eq!(story(&before), ["implement running [running]"], "no part of the end is stored");
    limit_files(&runner, None);
    goes_on(&stage, &runner, &ids);
}

#[tokio::test]
async fn a_runner_whose_database_another_program_holds_goes_on_when_it_lets_go() {
    let stage = two_agents();
    let (runner, ids) = at_work(&stage);
    let url = format!("sqlite://{}", stage.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    trouble(&stage, &runner, &ids[1], "is locked by another program");
    assert_eq!(story(&stage.assignment(&ids[0])), ["implement running [running]"]);
    other.execute("COMMIT").await.unwrap();
    goes_on(&stage, &runner, &ids);
}

/// Runs the program without root's power over permissions, if we have it: a thread gives it up, and what it starts
/// can't get it back.
fn as_an_ordinary_user(run: impl FnOnce() -> Ended + Send) -> Ended {
    without(&[CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH], run)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_said_to_be_so_by_every_command_that_writes() {
    let stage = two_agents();
    let id = stage.create_work("The first star");
    let before = (stage.assignment(&id), stage.json(&["history", &id]));
    let folder = stage.database().parent().unwrap().to_owned();
    let modes = |of_files: u32, of_folder: u32| {
        for end in ["", "-wal", "-shm"] {
            let file = beside(&stage.database(), end);
            if file.exists() {
                set_mode(&file, of_files);
            }
        }
        set_mode(&folder, of_folder);
    };
    let world = &*stage;
    let run = |args: &[&str]| {
        let command: Run<'_> = world.agents(args);
        as_an_ordinary_user(|| command.run())
    };
    let refused = |said: &str| {
        for args in [&["create", "Another"][..], &["runner", "--once"]] {
            let ended = run(args);
            assert_eq!(ended.code, 7, "{args:?}: {ended:?}");
            assert!(ended.stderr.contains(said) && ended.stderr.contains("hint:"), "{}", ended.stderr);
        }
    };
    // Somebody who has it open keeps its journal there.
    let url = format!("sqlite://{}", stage.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("SELECT count(*) FROM jobs").await.unwrap();
    modes(0o444, 0o555);
    refused("agents.db can't be written");
    assert_eq!(run(&["assignment", &id, "--json"]).json(), before.0, "it can still be read");
    modes(0o644, 0o755);
    other.close().await.unwrap();
    assert!(!beside(&stage.database(), "-wal").exists(), "the last one takes the journal away");
    modes(0o444, 0o555);
    refused("agents.db can't be");
    modes(0o644, 0o755);
    assert_eq!((stage.assignment(&id), stage.json(&["history", &id])), before, "nothing has changed");
    let ended = run(&["create", "Another", "--hold"]);
    assert_eq!(ended.code, 0, "it was the permissions and nothing else: {ended:?}");
    sound(&stage);
}

#[test]
fn everything_that_was_acknowledged_is_there_after_a_kill_that_leaves_the_journal() {
    let stage = two_agents();
    let (mut runner, ids) = at_work(&stage);
    let third = stage.create(&["The third star", "--hold"]);
    let told = |id: &String| (stage.assignment(id), stage.json(&["history", id]));
    let before: Vec<(Value, Value)> = ids.iter().chain([&third]).map(told).collect();
    runner.kill();
    let journal = beside(&stage.database(), "-wal");
    assert!(length(&journal) > 0, "the journal is left");
    let after: Vec<(Value, Value)> = ids.iter().chain([&third]).map(told).collect();
    assert_eq!(after, before);
    sound_but_for_the_dead_runner(&stage);
    stage.touch("first-go");
    stage.touch("second-go");
    stage.once();
    for id in &ids {
        assert_eq!(text(&stage.assignment(id)["status"]), "complete");
    }
    sound(&stage);
}

fn sound_but_for_the_dead_runner(stage: &Stage) {
    let report = stage.agents(&["doctor", "--full", "--json"]).run().json();
    let findings = report["store"]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["kind"] == "runner_gone"), "{report:#}");
}

#[test]
fn a_database_that_is_no_database_any_more_stops_every_command_and_is_left_as_it_is() {
    let stage = two_agents();
    stage.create_work("The first star");
    for end in ["-wal", "-shm"] {
        drop(std::fs::remove_file(beside(&stage.database(), end)));
    }
    let bytes = "not a database ".repeat(1000);
    std::fs::write(stage.database(), &bytes).unwrap();
    let folder = stage.write("home/.local/share/agents/attempts/57/a-log", "a log");
    for args in [&["queue"][..], &["create", "Another"], &["runner", "--once"], &["gc"]] {
        stage.agents(args).fails(7, &["is not a sound database", "agents doctor"]);
    }
    let report = stage.agents(&["doctor", "--repair", "--json"]).run();
    assert_eq!(report.code, 8);
    assert!(report.stdout.contains("nothing was changed"), "{}", report.stdout);
    assert_eq!(std::fs::read_to_string(stage.database()).unwrap(), bytes);
    assert!(folder.exists());
}

#[test]
fn a_database_that_was_emptied_beside_its_journal_is_not_taken_for_a_new_one() {
    let stage = two_agents();
    let (mut runner, _) = at_work(&stage);
    runner.kill();
    let journal = beside(&stage.database(), "-wal");
    let left = std::fs::read(&journal).unwrap();
    let whole = std::fs::read(stage.database()).unwrap();
    std::fs::write(stage.database(), "").unwrap();
    for args in [&["queue"][..], &["create", "Another"], &["runner", "--once"], &["gc"]] {
        stage.agents(args).fails(7, &["was truncated or removed", "put a backup of"]);
    }
    assert_eq!(stage.agents(&["doctor", "--repair"]).run().code, 8);
    assert!(std::fs::read(&journal).unwrap() == left, "the journal is as it was");
    std::fs::write(stage.database(), whole).unwrap();
    assert_eq!(stage.json(&["assignments"])["assignments"].as_array().unwrap().len(), 2);
    sound_but_for_the_dead_runner(&stage);
}
