//! Many assignments, several runners, and somebody who kills and stops runners and keepers at random. At the end every job
//! has come to one final state, no job was ever worked on twice at the same time, the history is whole, nothing is left.
//!
//! A short run is part of the tests. A longer one: `AGENTS_CHAOS_SECONDS=600 AGENTS_CHAOS_SEED=7 cargo test -p agents-cli
//! --test flow chaos -- --nocapture`.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::processes::{keepers_of_home, signal, with_variable};
use crate::script::{complete, insert, on, shell};
use crate::stage::{RunnerProcess, Stage, jobs};
use crate::support::text;
use crate::wait::{PATIENCE, let_pass, until};

const RUNNERS: usize = 3;
const ASSIGNMENTS: usize = 16;
const SECONDS: u64 = 12;

/// A small generator (xorshift64*), so that a seed tells the whole story.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit
    }
}

struct Chaos {
    stage: Stage,
    dice: Dice,
    runners: Vec<RunnerProcess>,
    /// Each lets one stopped process go on when its time is over, whatever else waits for it meanwhile.
    wakers: Vec<JoinHandle<()>>,
    deeds: BTreeMap<&'static str, usize>,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        // Whoever holds the lock is at work; a second one at the same time says so. It is let go with the last process
        // that has inherited it, so that a forgotten child counts too.
        let work = "flock -n \"lock-$AGENTS_JOB_ID\" sh -c \
             'echo $AGENTS_ATTEMPT_ID >> effects; sleep 0.3' || echo $AGENTS_JOB_ID >> overlaps";
        let stubborn = json!({"spawnChild": {"setsid": true, "ms": 600_000}});
        let stage = Stage::playing(json!([
            {"when": {"jobType": "pm", "nth": 1}, "steps": [insert("implement", "Do it.")]},
            {"when": {"jobType": "pm", "nth": 2}, "steps": [insert("review", "Look at it.")]},
            on("pm", json!([complete("It is done.")])),
            on("implement", json!([stubborn, shell(work), {"ignoreSignals": true}, shell("sleep 0.5"), {"text": "Done."}])),
            on("review", json!([shell(work), {"text": "Fine."}])),
        ]));
        stage.configure(|config| {
            config["leaseMs"] = json!(2000);
            config["graceMs"] = json!(200);
        });
        Self { stage, dice: Dice(seed | 1), runners: Vec::new(), wakers: Vec::new(), deeds: BTreeMap::new() }
    }

    fn rage(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            while self.runners.len() < RUNNERS {
                self.runners.push(self.stage.runner(&["--concurrency", "3"]));
            }
            let pause = 20 + self.dice.below(250);
            let_pass(Duration::from_millis(u64::try_from(pause).unwrap()));
            self.one_deed();
        }
    }

    fn one_deed(&mut self) {
        let which = self.dice.below(self.runners.len());
        let name = match self.dice.below(10) {
            0..=2 => {
                self.runners.swap_remove(which).kill();
                "runner killed"
            }
            3 => {
                let mut runner = self.runners.swap_remove(which);
                runner.signal(Signal::HUP);
                runner.signal(Signal::CONT);
                runner.ended(PATIENCE);
                "runner hung up"
            }
            4 | 5 => {
                let pid = self.runners[which].pid();
                self.stop(pid);
                "runner stopped"
            }
            6 => self.do_to_a_keeper("keeper killed", |_, keeper| signal(keeper, Signal::KILL)),
            7 => self.do_to_a_keeper("keeper ended", |_, keeper| signal(keeper, Signal::TERM)),
            8 => self.do_to_a_keeper("keeper stopped", Self::stop),
            _ => {
                if !keepers_of_home(&self.stage.path("home")).is_empty() {
                    self.do_to_a_keeper("keeper killed", |_, keeper| signal(keeper, Signal::KILL));
                }
                self.runners.swap_remove(which).kill();
                "runner and keeper killed"
            }
        };
        *self.deeds.entry(name).or_default() += 1;
    }

    fn do_to_a_keeper(&mut self, name: &'static str, deed: impl FnOnce(&mut Self, i32)) -> &'static str {
        let keepers = keepers_of_home(&self.stage.path("home"));
        if keepers.is_empty() {
            return "nobody there";
        }
        let keeper = keepers[self.dice.below(keepers.len())];
        deed(self, keeper);
        name
    }

    /// Stopped for a time that may be longer than the lease.
    fn stop(&mut self, pid: i32) {
        signal(pid, Signal::STOP);
        let time = Duration::from_millis(u64::try_from(100 + self.dice.below(4000)).unwrap());
        self.wakers.push(std::thread::spawn(move || {
            let_pass(time);
            signal(pid, Signal::CONT);
        }));
    }

    /// Quiet again: one runner finishes what there is.
    fn settle(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.join().unwrap();
        }
        for mut runner in self.runners.drain(..) {
            runner.kill();
        }
        let last = self.stage.runner(&["--concurrency", "4"]);
        until("every assignment is complete or blocked", 4 * PATIENCE, || {
            let list = self.stage.json(&["assignments"]);
            let is_final = |one: &Value| one["status"] == "complete" || one["status"] == "blocked";
            list["assignments"].as_array().unwrap().iter().all(is_final).then_some(())
        });
        until("nothing runs", PATIENCE, || {
            self.stage.json(&["queue"])["running"].as_array().unwrap().is_empty().then_some(())
        });
        drop(last);
    }

    fn nothing_ran_twice_at_once(&self) {
        assert!(!self.stage.repo().join("overlaps").exists(), "a job was worked on twice at the same time");
        let effects = self.stage.read("effects");
        let attempts: BTreeSet<&str> = effects.lines().collect();
        assert_eq!(attempts.len(), effects.lines().count(), "an attempt did its work twice");
    }

    fn everything_has_one_end(&self, ids: &[String]) {
        for id in ids {
            let assignment = self.stage.assignment(id);
            for job in jobs(&assignment) {
                let attempts = job["attempts"].as_array().unwrap();
                assert!(attempts.iter().all(|one| one["outcome"].is_string()), "{assignment:#}");
                let successes = attempts.iter().filter(|one| one["outcome"] == "success").count();
                assert_eq!(successes, usize::from(job["status"] == "completed"), "{assignment:#}");
            }
            if assignment["status"] == "complete" {
                let types: Vec<&str> =
                    jobs(&assignment).iter().map(|job| job["type"].as_str().unwrap()).collect();
                assert_eq!(
                    types,
                    ["pm", "implement", "pm", "review", "pm"],
                    "each decision was applied once"
                );
            }
        }
    }

    fn the_store_is_sound(&self) {
        assert_eq!(self.stage.findings(), json!([]));
    }

    fn nothing_is_left(&self) {
        let home = self.stage.path("home").display().to_string();
        until("no process is left", PATIENCE, || with_variable("HOME", &home).is_empty().then_some(()));
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the seed and what came of it are for who looks")]
fn whatever_is_killed_every_job_ends_once_and_nothing_is_left() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let seed = number("AGENTS_CHAOS_SEED", 20_261_121);
    let seconds = number("AGENTS_CHAOS_SECONDS", SECONDS);
    println!("seed {seed}, {seconds} s");
    let mut chaos = Chaos::new(seed);
    let count = ASSIGNMENTS * usize::try_from(1 + seconds / 60).unwrap();
    let ids: Vec<String> = (0..count).map(|n| chaos.stage.create(&[&format!("Goal {n}")])).collect();
    chaos.rage(Duration::from_secs(seconds));
    chaos.settle();
    let statuses = chaos.stage.json(&["assignments", "--limit", "1000"]);
    let list = statuses["assignments"].as_array().unwrap();
    let complete = list.iter().filter(|one| text(&one["status"]) == "complete").count();
    println!("{complete} of {count} complete, the others blocked; {:?}", chaos.deeds);
    chaos.nothing_ran_twice_at_once();
    chaos.everything_has_one_end(&ids);
    chaos.the_store_is_sound();
    chaos.nothing_is_left();
}
