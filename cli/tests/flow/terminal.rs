//! The terminal and the pipes around a runner: a reader that goes away, a runner that is stopped and goes on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::processes;
use crate::script::{on, pm_completes, wait_for};
use crate::stage::{Stage, running_attempt, story};
use crate::wait::{PATIENCE, until};

/// A stage on which the implement job works until it is told.
fn working() -> (Stage, String) {
    let stage = Stage::playing(json!([
        on("implement", json!([{"touch": "started"}, wait_for("go"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create_work("Something");
    (stage, id)
}

#[test]
fn a_runner_whose_reader_goes_away_works_on_in_every_form() {
    for form in ["text", "json"] {
        let (stage, id) = working();
        let errors = stage.path("errors");
        let file = std::fs::File::create(&errors).unwrap();
        let mut runner =
            stage.agents(&["runner", "--once", "--log-format", form]).start(Stdio::piped(), file);
        let mut first = String::new();
        // As `| head -1`: the reader is dropped after one line.
        BufReader::new(runner.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("started"), "{first}");
        stage.until_file("started");
        stage.touch("go");
        let ended = until("the end of the runner", PATIENCE, || runner.try_wait().unwrap());
        assert!(ended.success(), "{form}: {ended}");
        let done = stage.assignment(&id);
        assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), "", "{form}");
    }
}

#[test]
fn a_runner_whose_every_output_is_closed_works_on_however_much_it_has_to_log() {
    for form in ["text", "json"] {
        let (stage, id) = working();
        let (reader, writer) = std::io::pipe().unwrap();
        let run = stage.agents(&["runner", "--once", "--log-format", form]).env("AGENTS_LOG", "trace");
        let mut runner = run.start(writer.try_clone().unwrap(), writer);
        let mut first = String::new();
        // As `2>&1 | head -1`.
        BufReader::new(reader).read_line(&mut first).unwrap();
        stage.until_file("started");
        stage.touch("go");
        let ended = until("the end of the runner", PATIENCE, || runner.try_wait().unwrap());
        assert!(ended.success(), "{form}: {ended}");
        let done = stage.assignment(&id);
        assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
    }
}

#[test]
fn a_runner_that_is_stopped_at_the_terminal_and_goes_on_has_lost_nothing() {
    let (stage, id) = working();
    let runner = stage.runner(&[]);
    stage.until_file("started");
    let attempt = running_attempt(&stage.assignment(&id)).unwrap();
    // What Ctrl-Z comes to; its own signal means nothing to a process group without a shell, which these may be in. The
    // agent is in a session of its own, and goes on.
    runner.signal(Signal::STOP);
    until("the runner is stopped", PATIENCE, || (processes::state(runner.pid()) == Some('T')).then_some(()));
    stage.touch("go");
    until("the agent ends", PATIENCE, || processes::of_attempt(&attempt).is_empty().then_some(()));
    assert_eq!(story(&stage.assignment(&id)), ["implement running [running]"], "nobody has noticed yet");
    runner.signal(Signal::CONT);
    let done = stage.until_status(&id, "complete");
    assert_eq!(story(&done), ["implement completed [success]", "pm completed [success]"]);
}
