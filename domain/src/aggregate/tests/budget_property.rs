//! Whatever assignments and runners do at once: what is spent and reserved never passes a limit, of nothing.

use proptest::prelude::*;
use proptest::sample::Index;

use super::budget::{CENT, cents};
use super::world::World;
use crate::aggregate::Rejection;
use crate::amounts::Amounts;
use crate::attempt::{Attempt, AttemptProgress};
use crate::director::Director;
use crate::id::AttemptId;
use crate::limits::{LimitChange, Limits, Measure, Scope};
use crate::outcome::{Outcome, OutcomeClass};
use crate::spending::{Day, Funds, Spent};
use crate::usage::{MicroUsd, TokenUsage};

/// What attempts can use, and what one begins with. Jobs begin or don't.
const USED: [Measure; 4] = [Measure::Cost, Measure::Tokens, Measure::Wall, Measure::ToolCalls];

/// Somebody does something with one of several assignments.
#[derive(Debug, Clone)]
enum Step {
    Claim(Index),
    /// The attempt needs so many hundredths of what is reserved more.
    Needs(Index, u64),
    /// It ends and has used so many hundredths of what is reserved; `None`: its CLI tells nothing.
    End(Index, Option<u64>, bool),
    Lost(Index),
    Question(Index),
    Raise(Index, u64),
    /// So many seconds go by. An attempt whose time is not there is ended before.
    Later(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<Index>().prop_map(Step::Claim),
        4 => (any::<Index>(), 100u64..400).prop_map(|(which, share)| Step::Needs(which, share)),
        8 => (any::<Index>(), prop::option::weighted(0.8, 0u64..=100), any::<bool>())
            .prop_map(|(which, share, well)| Step::End(which, share, well)),
        1 => any::<Index>().prop_map(Step::Lost),
        1 => any::<Index>().prop_map(Step::Question),
        2 => (any::<Index>(), 1u64..50).prop_map(|(which, more)| Step::Raise(which, more)),
        3 => (1u64..30).prop_map(Step::Later),
        1 => Just(Step::Later(24 * 3600)),
    ]
}

/// Several assignments of one namespace, and what the store knows of their day.
struct Office {
    worlds: Vec<World>,
    funds: Funds,
}

impl Office {
    /// What runs counts with its reservation, whenever it began.
    fn funds(&self) -> Funds {
        let running = self.worlds.iter().flat_map(|world| &world.aggregate.attempts);
        let reserved = running.fold(Amounts::NONE, |sum, attempt| sum.plus(&attempt.reserved));
        Funds { reserved, ..self.funds.clone() }
    }

    fn does(&mut self, step: &Step) {
        let funds = self.funds();
        let count = self.worlds.len();
        let place = |which: &Index| which.index(count);
        match step {
            Step::Claim(which) => {
                let world = &mut self.worlds[place(which)];
                world.funds = funds;
                world.tries();
            }
            Step::Needs(which, share) => {
                let world = &mut self.worlds[place(which)];
                if let Some(attempt) = world.aggregate.attempts.first().cloned() {
                    let needs = Amounts::of_each(|measure| part(&attempt, measure, *share));
                    world.needs(attempt.id, &needs, &funds);
                }
            }
            Step::End(which, share, well) => {
                let world = &mut self.worlds[place(which)];
                if let Some(attempt) = world.aggregate.attempts.last().cloned() {
                    let outcome = match well {
                        true => Outcome::success("done"),
                        false => Outcome::failure(OutcomeClass::Timeout, "too slow"),
                    };
                    world.uses(&attempt, outcome, *share);
                }
            }
            Step::Lost(which) => {
                let world = &mut self.worlds[place(which)];
                if let Some(id) = world.aggregate.attempts.last().map(|attempt| attempt.id) {
                    let proof = crate::attempt::Proof::Gone;
                    world.command(|aggregate, ctx| aggregate.give_up(id, ("gone", proof), ctx)).unwrap();
                }
            }
            Step::Question(which) => {
                // It is not held against the day; the assignment's limit holds for it too.
                if self.funds.terms.day.is_empty() {
                    let question = self.worlds[place(which)].try_ask();
                    assert!(matches!(question, Ok(()) | Err(Rejection::OutOfBudget { .. })), "{question:?}");
                }
            }
            Step::Raise(which, more) => {
                let world = &mut self.worlds[place(which)];
                let limits = world.aggregate.assignment.budget.limits.assignment;
                let raised = |measure: Measure| {
                    let now = limits.of(measure)?;
                    Some(LimitChange {
                        scope: Scope::Assignment,
                        measure,
                        limit: Some(now + now * more / 50),
                    })
                };
                world.raise(USED.into_iter().filter_map(raised).collect());
            }
            Step::Later(seconds) => self.goes_by(*seconds),
        }
        self.take_in();
    }

    /// Each attempt has the time reserved that is to go by, or is ended before it does.
    fn goes_by(&mut self, seconds: u64) {
        for place in 0..self.worlds.len() {
            for attempt in self.worlds[place].aggregate.attempts.clone() {
                let funds = self.funds();
                let world = &mut self.worlds[place];
                let ran = world.now.since(attempt.started_at).as_millis() as u64;
                let needs = Amounts::NONE.with(Measure::Wall, ran + seconds * 1000);
                if !world.needs(attempt.id, &needs, &funds) {
                    world.uses(&attempt, Outcome::failure(OutcomeClass::Timeout, "no time left"), Some(100));
                    self.take_in();
                }
            }
        }
        self.worlds.iter_mut().for_each(|world| world.later(seconds));
    }

    fn take_in(&mut self) {
        let today = Day::of(self.worlds[0].now);
        let mut spent = Spent::default();
        for spending in self.worlds.iter().flat_map(|world| &world.spendings) {
            if spending.day == today {
                spent.add(&spending.spent);
            }
        }
        self.funds.spent = spent;
    }

    fn check(&self) {
        for world in &self.worlds {
            let limits = world.aggregate.assignment.budget.limits.assignment;
            for measure in USED {
                let (counted, limit) = (world.counted(measure), limits.of(measure).unwrap_or(u64::MAX));
                assert!(counted <= limit, "{measure:?}: {counted} of {limit}");
            }
        }
        let funds = self.funds();
        // What began yesterday is reserved today without having been admitted today.
        for left in Measure::ALL.into_iter().filter_map(|measure| funds.day().left(measure)) {
            assert!(left.taken <= left.limit, "{:?}: {} of {} today", left.measure, left.taken, left.limit);
        }
    }
}

impl World {
    /// The attempt needs so much; whether it has got it.
    fn needs(&mut self, attempt: AttemptId, needs: &Amounts, funds: &Funds) -> bool {
        let wants = self.command(|aggregate, _| aggregate.reserve(attempt, needs, funds));
        assert!(matches!(wants, Ok(_) | Err(Rejection::OutOfBudget { .. })), "{wants:?}");
        wants.is_ok()
    }

    /// The attempt ends and has used so many hundredths of what is reserved for it, of all but time, which went by.
    fn uses(&mut self, attempt: &Attempt, outcome: Outcome, share: Option<u64>) {
        let used = |measure| share.map(|share| part(attempt, measure, share));
        let usage = used(Measure::Tokens).map(|input| TokenUsage { input, ..TokenUsage::default() });
        let cost = used(Measure::Cost).map(|micros| MicroUsd::from_micros(micros as i64));
        let tool_calls = used(Measure::ToolCalls).unwrap_or(0) as u32;
        let more = Some(self.inserting(&["implement"]));
        let progress = AttemptProgress { cost, usage, tool_calls, ..AttemptProgress::default() };
        self.ends_with(attempt.id, outcome, progress, more);
    }
}

fn part(attempt: &Attempt, measure: Measure, share: u64) -> u64 {
    match measure {
        Measure::Cost | Measure::Tokens | Measure::ToolCalls => attempt.reserved.of(measure) * share / 100,
        // It goes by; and a job has begun once.
        Measure::Wall | Measure::Jobs => 0,
    }
}

/// Some limits of a scope; of each measure a small one, or none.
fn some_limits() -> impl Strategy<Value = Limits> {
    let some = |range: std::ops::Range<u64>| prop::option::weighted(0.7, range);
    (some(20..300), some(100..5000), some(5..200), some(2..100), some(1..10)).prop_map(
        |(cents, tokens, seconds, tool_calls, jobs)| Limits {
            cost: cents.map(|cents| MicroUsd::from_micros((cents * CENT) as i64)),
            tokens,
            wall: seconds.map(std::time::Duration::from_secs),
            tool_calls,
            jobs,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_spent_and_reserved_never_passes_a_limit(
        limits in prop::collection::vec(some_limits(), 1..4),
        day in prop::option::of(some_limits()),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let worlds = limits.iter().map(|limits| {
            let mut world = World::limited(Director::Pm, &[]);
            world.aggregate.assignment.budget.limits.assignment = Limits { jobs: None, ..*limits };
            world
        });
        let mut office = Office { worlds: worlds.collect(), funds: Funds::default() };
        office.funds.terms.expected = Some(cents(10));
        office.funds.terms.day = day.unwrap_or_default();
        for step in &steps {
            office.does(step);
            office.check();
        }
    }
}
