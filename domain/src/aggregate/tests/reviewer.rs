//! Who reviews: another harness than the worker's where one is there.

use super::world::World;
use crate::aggregate::{HarnessDefaults, Reviewers};
use crate::decision::{NewJob, Place};
use crate::outcome::OutcomeClass;

fn defaults(reviewers: &[&str], model: Option<&str>) -> HarnessDefaults {
    HarnessDefaults {
        default: "claude".to_owned(),
        by_type: Default::default(),
        reviewers: Reviewers {
            harnesses: reviewers.iter().map(|name| (*name).to_owned()).collect(),
            model: model.map(str::to_owned),
        },
    }
}

/// A world in which that harness has edited, and a plan was made afterwards.
fn after_work_of(harness: &str) -> World {
    let mut world = World::with_first("plan");
    world.work();
    let job = NewJob { harness: Some(harness.to_owned()), ..world.job("implement") };
    world.command(|aggregate, ctx| aggregate.insert(job, Place::First, ctx)).unwrap();
    world.work();
    world.insert("plan", Place::First).unwrap();
    world.work();
    world
}

fn gets(world: &World, new: &NewJob, defaults: &HarnessDefaults) -> (String, Option<String>) {
    world.aggregate.harness_of(new, defaults)
}

fn is(harness: &str, model: Option<&str>) -> (String, Option<String>) {
    (harness.to_owned(), model.map(str::to_owned))
}

#[test]
fn another_harness_than_the_workers_reviews_where_one_is_there() {
    let check = |worker: &str, reviewers: &[&str], expected: (String, Option<String>)| {
        let world = after_work_of(worker);
        let got = gets(&world, &world.job("review"), &defaults(reviewers, Some("large")));
        assert_eq!(got, expected, "{worker} by one of {reviewers:?}");
    };
    check("claude", &["claude", "codex", "gemini"], is("codex", None));
    check("claude", &["gemini", "codex"], is("gemini", None));
    check("codex", &["codex", "gemini"], is("claude", None));
    check("claude", &["claude"], is("claude", Some("large")));
    check("claude", &[], is("claude", Some("large")));
}

#[test]
fn what_the_job_or_the_config_says_comes_first() {
    let world = after_work_of("claude");
    let free = defaults(&["codex"], Some("large"));
    let named = NewJob { harness: Some("claude".to_owned()), ..world.job("review") };
    assert_eq!(gets(&world, &named, &free), is("claude", None));
    let with_model = NewJob { model: Some("small".to_owned()), ..world.job("review") };
    assert_eq!(gets(&world, &with_model, &free), is("claude", Some("small")), "a model is of one harness");
    let by_type = [("review".to_owned(), "gemini".to_owned())].into();
    assert_eq!(
        gets(&world, &world.job("review"), &HarnessDefaults { by_type, ..free.clone() }),
        is("gemini", None)
    );
    assert_eq!(gets(&world, &world.job("uat"), &free), is("claude", None), "it is about reviews only");
}

#[test]
fn without_completed_work_a_review_has_the_default_harness() {
    let free = defaults(&["codex"], Some("large"));
    let world = World::with_first("implement");
    assert_eq!(gets(&world, &world.job("review"), &free), is("claude", None));
    let mut failed = World::with_first("implement");
    failed.work_ends(OutcomeClass::Refusal);
    assert_eq!(gets(&failed, &failed.job("review"), &free), is("claude", None));
}
