//! The demo's story, played from the first job to the last by an `agents` that only keeps the list.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use agents_scripted_agent::{DEMO_SCRIPT, Script, Step, StreamKind};
use stage::{Played, Stage};

/// Longest time that the waits of the story may take: what follows is the time of a whole demo, and a person watches.
const MOST_WAITING_MS: u64 = 9000;

struct Demo {
    stage: Stage,
    jobs: u32,
}

impl Demo {
    fn new() -> Self {
        let mut stage = Stage::new();
        stage.set("AGENTS_BIN", stage::FAKE_AGENTS);
        Self { stage, jobs: 0 }
    }

    fn job(&mut self, stream: StreamKind, job_type: &str) -> Played {
        self.jobs += 1;
        self.stage.job("a1", job_type, &format!("j{}", self.jobs));
        let played = self.stage.script(stream, &without_waits());
        assert_eq!(played.code, 0, "{job_type}: {}", played.stderr);
        played
    }

    fn next(&self) -> String {
        std::fs::read_to_string(self.stage.path("next")).unwrap().trim().to_owned()
    }
}

/// The story for a test, which nobody watches.
fn without_waits() -> String {
    DEMO_SCRIPT.lines().filter(|line| !line.trim_start().starts_with("{\"wait\"")).collect()
}

#[test]
fn the_story_goes_from_a_plan_over_a_finding_to_a_proven_end() {
    for stream in [StreamKind::Claude, StreamKind::Codex, StreamKind::Gemini] {
        let mut demo = Demo::new();
        let mut story = Vec::new();
        loop {
            demo.job(stream, "pm");
            let next = demo.next();
            story.push(next.clone());
            if next == "complete" {
                break;
            }
            let played = demo.job(stream, &next);
            if story.len() == 3 {
                assert!(
                    played.text().contains("Hello, !"),
                    "the review has really run it: {}",
                    played.text()
                );
            }
        }
        assert_eq!(story, ["plan", "implement", "review", "implement", "complete"], "{stream}");
    }
}

#[test]
fn the_first_test_passes_although_the_program_is_wrong_and_the_last_one_finds_it() {
    let mut demo = Demo::new();
    let first = demo.job(StreamKind::Codex, "implement").events();
    let last = demo.job(StreamKind::Codex, "implement").events();
    let outputs = |events: &[serde_json::Value]| -> Vec<(String, i64)> {
        let items =
            events.iter().filter(|event| event["type"] == "item.completed").map(|event| &event["item"]);
        items
            .filter(|item| item["type"] == "command_execution")
            .map(|item| {
                (item["aggregated_output"].as_str().unwrap().to_owned(), item["exit_code"].as_i64().unwrap())
            })
            .collect()
    };
    assert_eq!(outputs(&first), [("1 test passed\n".to_owned(), 0)]);
    assert_eq!(
        outputs(&last),
        [
            ("greet.sh : expected 'Hello, world!', got 'Hello, !'\n".to_owned(), 1),
            ("4 tests passed\n".to_owned(), 0),
        ]
    );
}

#[test]
fn the_demo_is_over_before_anyone_looks_away() {
    let script = Script::parse(DEMO_SCRIPT).unwrap();
    let steps = script.replies.iter().flat_map(|reply| &reply.steps);
    let waits: Vec<u64> =
        steps.filter_map(|step| if let Step::Wait { ms } = step { Some(*ms) } else { None }).collect();
    assert!(waits.iter().sum::<u64>() <= MOST_WAITING_MS, "{waits:?}");
    assert!(waits.iter().all(|ms| (150..=300).contains(ms)), "{waits:?}");
}

#[test]
fn a_pm_that_is_asked_once_more_than_the_story_knows_hands_over_to_a_person() {
    let mut demo = Demo::new();
    for _ in 0..6 {
        demo.job(StreamKind::Claude, "pm");
    }
    assert_eq!(demo.next(), "blocked");
}
