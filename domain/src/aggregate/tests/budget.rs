//! Money: what may begin, what is kept for the PM, and what follows when a limit is reached.

use uuid::Uuid;

use super::world::{World, blocked, complete, go_on, job};
use crate::aggregate::{First, Rejection, StatusChange};
use crate::amounts::Amounts;
use crate::attempt::{AttemptProgress, AttemptReport};
use crate::decision::{Decision, Place};
use crate::director::Director;
use crate::harness::ProcessEnd;
use crate::id::{AttemptId, JobId};
use crate::job::JobState;
use crate::limits::{LimitChange, Limits, Measure, OwnLimits, Reached, Scope};
use crate::outcome::{Outcome, OutcomeClass};
use crate::spending::{Funds, Spent};
use crate::usage::{MicroUsd, TokenUsage};

pub(super) const CENT: u64 = 10_000;

pub(super) fn cents(cents: i64) -> MicroUsd {
    MicroUsd::from_micros(cents * CENT as i64)
}

fn limit(scope: Scope, measure: Measure, limit: u64) -> Vec<LimitChange> {
    vec![LimitChange { scope, measure, limit: Some(limit) }]
}

impl World {
    /// An assignment that begins with that job, where an attempt is taken to cost 10 cents.
    pub(super) fn limited(director: Director, changes: &[LimitChange]) -> Self {
        let first = First::Job(job(JobId::new(Uuid::from_u128(1000)), "implement"));
        let mut world = Self::create(director, first, 50);
        world.aggregate.assignment.budget.limits.change(changes);
        world.funds.terms.expected = Some(cents(10));
        world
    }

    fn costs(&mut self, attempt: AttemptId, cost: Option<MicroUsd>, answer: Option<Decision>) {
        self.ends(attempt, Outcome::success("done"), cost, answer);
    }

    fn ends(&mut self, id: AttemptId, outcome: Outcome, cost: Option<MicroUsd>, answer: Option<Decision>) {
        let progress = AttemptProgress { cost, tool_calls: 1, ..AttemptProgress::default() };
        self.ends_with(id, outcome, progress, answer);
    }

    pub(super) fn ends_with(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
        progress: AttemptProgress,
        answer: Option<Decision>,
    ) {
        let report = AttemptReport {
            attempt: id,
            outcome,
            process: Some(ProcessEnd::Exited(0)),
            progress,
            answer: answer.map(Ok),
            unknown_lines: 0,
            bad_lines: 0,
            killed: None,
            evidence: Default::default(),
            output: None,
        };
        self.command(|aggregate, ctx| aggregate.finish(report, ctx)).unwrap();
    }

    /// The next job in line is tried; `None`: it was not to begin.
    pub(super) fn tries(&mut self) -> Option<AttemptId> {
        let is_head = |job: &&crate::job::Job| matches!(job.state(), JobState::Pending { head: true, .. });
        let head = self.aggregate.jobs.iter().find(is_head)?.id;
        self.claim_job(head).ok()
    }

    pub(super) fn raise(&mut self, changes: Vec<LimitChange>) {
        self.update(StatusChange::Active { note: None, max_jobs: None, limits: changes }).unwrap();
    }

    pub(super) fn counted(&self, measure: Measure) -> u64 {
        let reserved = self.aggregate.attempts.iter().filter(|one| one.end.is_none());
        let reserved = reserved.map(|one| one.reserved.of(measure)).sum::<u64>();
        self.aggregate.assignment.budget.spent.of(measure) + reserved
    }
}

/// One that has 35 cents: work for 10, the PM for 10, and then nothing but the closing review is left.
fn nearly_spent() -> World {
    let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, Measure::Cost, 35 * CENT));
    let work = world.claim();
    world.costs(work, Some(cents(10)), None);
    let pm = world.claim();
    let more = world.inserting(&["implement"]);
    world.costs(pm, Some(cents(10)), Some(more));
    assert_eq!(world.list(), ["implement completed", "pm completed", "implement pending*"]);
    world
}

const BLOCKED: &str = "blocked: the limit of the assignment is reached: 0.20 USD of 0.35 USD";
const GO_ON: &str = "--status active --max-cost 0.70";

#[test]
fn work_that_would_leave_nothing_for_the_pm_gives_way_to_one_job_that_wraps_up() {
    let mut world = nearly_spent();
    assert_eq!(world.tries(), None);
    assert_eq!(world.list(), ["implement completed", "pm completed", "pm pending*", "implement pending"]);
    let pm = world.claim();
    let insert = world.inserting(&["implement"]);
    let reason = "the limit of the assignment is reached: 0.20 USD of 0.35 USD, and what comes next is expected to need 0.20 USD";
    let reason = reason.to_owned();
    for wanted in [insert, go_on()] {
        assert_eq!(world.stage(pm, wanted), Err(Rejection::WrapsUp { reason: reason.clone() }));
    }
    world.costs(pm, Some(cents(10)), Some(blocked()));
    let status = world.status();
    assert!(status.starts_with(BLOCKED) && status.contains("the PM: I don't know"), "{status}");
    assert!(status.ends_with(GO_ON), "{status}");
}

#[test]
fn a_pm_that_wraps_up_and_wants_more_work_all_the_same_leaves_it_blocked() {
    for wanted in ["insert", "continue"] {
        let mut world = nearly_spent();
        world.tries();
        let pm = world.claim();
        let decision = if wanted == "insert" { world.inserting(&["review"]) } else { go_on() };
        world.costs(pm, Some(cents(1)), Some(decision));
        let status = world.status();
        assert!(status.starts_with(BLOCKED) && status.ends_with(GO_ON), "{status}");
        assert_eq!(world.list()[3], "implement pending", "it is done when the limit is raised");
    }
}

#[test]
fn a_pm_that_wraps_up_may_complete_although_work_waits() {
    let mut world = nearly_spent();
    world.tries();
    let pm = world.claim();
    world.costs(pm, Some(cents(1)), Some(complete()));
    assert_eq!(world.status(), "complete: the star is reached");
    assert_eq!(world.list()[3], "implement cancelled");
}

#[test]
fn a_raised_limit_lets_it_go_on_where_it_stood() {
    let mut world = nearly_spent();
    world.tries();
    let pm = world.claim();
    world.costs(pm, Some(cents(10)), Some(blocked()));
    world.raise(limit(Scope::Assignment, Measure::Cost, 100 * CENT));
    let work = world.tries().unwrap();
    world.costs(work, Some(cents(10)), None);
    assert_eq!(world.list()[3..], ["implement completed", "pm pending*"]);
}

#[test]
fn the_last_job_of_a_pm_that_can_be_paid_wraps_up() {
    let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, Measure::Cost, 20 * CENT));
    let work = world.claim();
    world.costs(work, Some(cents(10)), None);
    let pm = world.claim();
    assert!(world.aggregate.assignment.budget.over.is_some());
    world.costs(pm, Some(cents(10)), Some(blocked()));
    assert!(
        world
            .status()
            .contains("0.10 USD of 0.20 USD, and what comes next is expected to need 0.20 USD; the PM: "),
        "{}",
        world.status()
    );
}

#[test]
fn without_a_pm_or_where_nothing_may_be_spent_a_person_is_asked_at_once() {
    for (measure, most) in [(Measure::Cost, 0), (Measure::Tokens, 0), (Measure::Wall, 0)] {
        let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, measure, most));
        assert_eq!((world.tries(), world.tries()), (None, None), "{measure:?}");
        assert!(
            world.status().starts_with("blocked: the limit of the assignment is reached: 0"),
            "{}",
            world.status()
        );
        assert_eq!(world.aggregate.assignment.budget.spent, Spent::default());
    }
    let mut world = World::limited(Director::None, &limit(Scope::Assignment, Measure::Cost, 15 * CENT));
    world.insert("review", Place::End).unwrap();
    let work = world.claim();
    world.costs(work, Some(cents(10)), None);
    assert_eq!(world.tries(), None);
    assert!(
        world
            .status()
            .contains("0.10 USD of 0.15 USD, and what comes next is expected to need 0.10 USD. To go on: "),
        "{}",
        world.status()
    );
}

#[test]
fn work_that_has_passed_the_limit_leaves_the_pm_what_was_kept_for_it() {
    let most = limit(Scope::Assignment, Measure::Cost, 20 * CENT);
    for (spent, left) in [(15, 5), (21, 10), (33, 10)] {
        let mut world = World::limited(Director::Pm, &most);
        let work = world.claim();
        world.costs(work, Some(cents(spent)), None);
        let pm = world.claim();
        let attempt = world.aggregate.attempts[0].clone();
        let ceilings = world.aggregate.ceilings(&attempt, &world.funds);
        assert_eq!(ceilings.iter().map(|one| one.left).collect::<Vec<_>>(), [left * CENT]);
        let funds = world.funds.clone();
        let more = world.command(|aggregate, _| aggregate.reserve(pm, &Amounts::of_cost(cents(11)), &funds));
        assert!(more.is_err(), "{spent}: no more than that");
        world.costs(pm, Some(cents(5)), Some(blocked()));
        assert!(world.status().contains("; the PM: I don't know"), "{}", world.status());
    }
}

#[test]
fn an_attempt_that_was_ended_at_a_limit_is_followed_by_a_pm_that_wraps_up() {
    let mut world = World::limited(Director::Pm, &[]);
    let work = world.claim();
    let over = Outcome::failure(OutcomeClass::OverLimit, "too much").with_fix("agents raise");
    world.ends(work, over, Some(cents(50)), None);
    assert_eq!(world.list(), ["implement failed", "pm pending*"]);
    let pm = world.claim();
    world.costs(pm, Some(cents(1)), Some(blocked()));
    assert_eq!(world.status(), "blocked: too much; the PM: I don't know. To go on: agents raise");
}

#[test]
fn an_unknown_cost_counts_as_what_was_reserved_and_is_told_as_unknown() {
    let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, Measure::Cost, 100 * CENT));
    let work = world.claim();
    world.costs(work, None, None);
    let spent = world.aggregate.assignment.budget.spent;
    let expected = Spent {
        presumed: cents(10),
        tool_calls: 1,
        jobs: 1,
        unknown: 1,
        unknown_tokens: 1,
        presumed_tokens: 100_000,
        wall: spent.wall,
        ..Spent::default()
    };
    assert_eq!((spent, world.counted(Measure::Cost)), (expected, 10 * CENT));
}

#[test]
fn unknown_tokens_count_as_a_part_of_the_limits_and_are_told_as_unknown() {
    let check = |changes: &[(Scope, u64)], presumed: u64| {
        let changes: Vec<LimitChange> =
            changes.iter().flat_map(|(scope, most)| limit(*scope, Measure::Tokens, *most)).collect();
        let mut world = World::limited(Director::Pm, &changes);
        let work = world.claim();
        world.costs(work, Some(cents(1)), None);
        let spent = world.aggregate.assignment.budget.spent;
        assert_eq!((spent.tokens, spent.unknown_tokens), (0, 1));
        assert_eq!((spent.presumed_tokens, spent.of(Measure::Tokens)), (presumed, presumed));
        let said = format!("≥ 0 tokens (1 attempt unknown, taken for {presumed} tokens)");
        assert_eq!(spent.show(Measure::Tokens), said);
    };
    check(&[], 100_000);
    check(&[(Scope::Assignment, 1000)], 100);
    check(&[(Scope::Assignment, 1)], 1);
    check(&[(Scope::Assignment, 1000), (Scope::Job, 555)], 56);
    check(&[(Scope::Assignment, 1000), (Scope::Attempt, 70)], 70);
}

#[test]
fn work_leaves_the_pm_what_one_job_of_it_is_expected_to_use() {
    let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, Measure::ToolCalls, 10));
    for _ in 0..4 {
        let work = world.claim();
        world.costs(work, Some(cents(1)), None);
        let pm = world.claim();
        let more = world.inserting(&["implement"]);
        world.costs(pm, Some(cents(1)), Some(more));
    }
    let work = world.claim();
    world.costs(work, Some(cents(1)), None);
    let pm = world.claim();
    assert!(world.aggregate.assignment.budget.over.is_some(), "9 of 10 are used");
    let attempt = world.aggregate.attempts[0].clone();
    let left = world.aggregate.ceilings(&attempt, &world.funds);
    assert_eq!(left.iter().map(|one| (one.measure, one.left)).collect::<Vec<_>>(), [(Measure::ToolCalls, 1)]);
    world.costs(pm, Some(cents(1)), Some(blocked()));
}

#[test]
fn work_that_was_ended_past_its_share_leaves_the_pm_what_was_kept_for_it_of_anything() {
    for measure in [Measure::Tokens, Measure::ToolCalls] {
        let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, measure, 100));
        let work = world.claim();
        // It has used all but nothing of what was the PM's 10.
        let usage = Some(TokenUsage { input: 95, ..TokenUsage::default() });
        let progress =
            AttemptProgress { cost: Some(cents(1)), usage, tool_calls: 95, ..AttemptProgress::default() };
        let over = Outcome::failure(OutcomeClass::OverLimit, "too much").with_fix("agents raise");
        world.ends_with(work, over, progress, None);
        let pm = world.claim();
        let attempt = world.aggregate.attempts[0].clone();
        let left = world.aggregate.ceilings(&attempt, &world.funds);
        assert_eq!(left.iter().map(|one| (one.measure, one.left)).collect::<Vec<_>>(), [(measure, 10)]);
        world.costs(pm, Some(cents(1)), Some(blocked()));
    }
}

#[test]
fn what_its_like_never_told_is_expected_to_be_all_that_an_attempt_may_use() {
    let changes = [
        limit(Scope::Attempt, Measure::Tokens, 700),
        limit(Scope::Assignment, Measure::Tokens, 5000),
        limit(Scope::Attempt, Measure::ToolCalls, 3),
    ];
    let mut world = World::limited(Director::None, &changes.concat());
    world.insert("implement", Place::End).unwrap();
    let mut reserved = || {
        let id = world.claim();
        let reserved = world.aggregate.attempts[0].reserved;
        world.costs(id, Some(cents(1)), None);
        [Measure::Tokens, Measure::ToolCalls, Measure::Jobs].map(|measure| reserved.of(measure))
    };
    assert_eq!(reserved(), [500, 3, 1], "a tenth of the assignment's, and no more than an attempt may use");
    assert_eq!(reserved(), [700, 1, 1], "no tokens were told, and one tool call");
}

#[test]
fn a_running_attempt_gets_more_while_there_is_more() {
    let mut world = World::limited(Director::Pm, &limit(Scope::Assignment, Measure::Cost, 50 * CENT));
    let work = world.claim();
    let funds = world.funds.clone();
    let mut needs =
        |cost| world.command(|aggregate, _| aggregate.reserve(work, &Amounts::of_cost(cost), &funds));
    assert_eq!(needs(cents(5)).map(|has| has.cost()), Ok(cents(10)), "it has that");
    assert_eq!(needs(cents(20)).map(|has| has.cost()), Ok(cents(25)), "and something ahead");
    assert_eq!(needs(cents(40)).map(|has| has.cost()), Ok(cents(40)), "as far as it is there");
    let reached = Reached {
        scope: Scope::Assignment,
        measure: Measure::Cost,
        limit: 50 * CENT,
        spent: 40 * CENT,
        needed: 11 * CENT,
    };
    assert_eq!(needs(cents(41)), Err(Rejection::OutOfBudget { reached }), "10 are the PM's");
    assert_eq!(world.counted(Measure::Cost), 40 * CENT);
}

#[test]
fn what_the_day_has_no_room_for_waits_and_changes_nothing() {
    let mut world = World::limited(Director::Pm, &[]);
    world.funds.terms.day = Limits { cost: Some(cents(100)), jobs: Some(3), ..Limits::default() };
    world.funds.spent = Spent { cost: cents(85), ..Spent::default() };
    world.funds.reserved = Amounts::of_cost(cents(6));
    let head = world.nth(0);
    let reached = |measure, limit, spent, needed| Rejection::OutOfBudget {
        reached: Reached { scope: Scope::Day, measure, limit, spent, needed },
    };
    assert_eq!(world.claim_job(head), Err(reached(Measure::Cost, 100 * CENT, 91 * CENT, 10 * CENT)));
    world.funds.reserved = Amounts::of_cost(cents(5));
    world.funds.spent.jobs = 2;
    world.funds.reserved = world.funds.reserved.with(Measure::Jobs, 1);
    assert_eq!(world.claim_job(head), Err(reached(Measure::Jobs, 3, 3, 1)));
    world.funds.reserved = world.funds.reserved.with(Measure::Jobs, 0);
    world.claim_job(head).unwrap();
}

#[test]
fn a_guess_is_small_beside_the_limits_unless_somebody_has_made_it() {
    let funds = |expected: Option<i64>, day: Option<i64>| {
        let mut funds = Funds::default();
        funds.terms.expected = expected.map(cents);
        funds.terms.day.cost = day.map(cents);
        funds
    };
    let check = |funds: Funds, attempt: Option<i64>, assignment: Option<i64>, expected: i64| {
        let limits = |cost: Option<i64>| Limits { cost: cost.map(cents), ..Limits::default() };
        let own =
            OwnLimits { attempt: limits(attempt), assignment: limits(assignment), ..OwnLimits::default() };
        let guess = funds.expected(("plan", "claude"), &[], &own);
        assert_eq!(guess.cost(), cents(expected));
    };
    check(funds(None, None), None, None, 50);
    check(funds(None, None), None, Some(100), 10);
    check(funds(None, Some(300)), None, None, 30);
    check(funds(Some(70), Some(300)), None, Some(100), 70);
    check(funds(Some(70), None), Some(40), None, 40);
    assert!(funds(None, None).day().kept.is_none());
}
