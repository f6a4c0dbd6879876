//! Random sequences of commands. The world checks the invariants after each one, and that a rejected one has
//! changed nothing.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::world::{Answer, World, blocked, complete, go_on, job};
use crate::aggregate::{First, PauseMode, Rejection, StatusChange};
use crate::attempt::Proof;
use crate::decision::{Decision, Place};
use crate::director::Director;
use crate::fallback::{Fallbacks, Route};
use crate::history::EventKind;
use crate::id::{AttemptId, JobId};
use crate::outcome::{Outcome, OutcomeClass};

/// Something that somebody does.
#[derive(Debug, Clone)]
enum Step {
    Insert(&'static str, Where),
    Claim(Index),
    Finish(Index, OutcomeClass, Said),
    FinishStale(OutcomeClass),
    /// A runner that slept reports an attempt that has ended meanwhile.
    SayTooLate(Index, OutcomeClass, Said),
    GiveUp(Index),
    Update(StatusChange),
    Cancel(Index, Option<&'static str>),
    Pause(PauseMode),
    Resume,
    Retry(Index, Option<&'static str>),
    Stage(Index, Said),
    Ask,
    Later(u64),
}

#[derive(Debug, Clone)]
enum Where {
    End,
    First,
    After(Index),
    Elsewhere,
}

/// What a PM says.
#[derive(Debug, Clone)]
enum Said {
    Nothing,
    Nonsense,
    Insert(Vec<(&'static str, Where)>),
    Decision(Decision),
}

const TYPES: [&str; 6] = ["plan", "implement", "review", "document", "pm", "chat"];

fn place() -> impl Strategy<Value = Where> {
    prop_oneof![
        3 => Just(Where::End),
        3 => Just(Where::First),
        3 => any::<Index>().prop_map(Where::After),
        1 => Just(Where::Elsewhere),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        1 => Just(Said::Nothing),
        1 => Just(Said::Nonsense),
        4 => prop::collection::vec((select(&TYPES[..]), place()), 0..4).prop_map(Said::Insert),
        2 => Just(Said::Decision(complete())),
        1 => Just(Said::Decision(blocked())),
        1 => Just(Said::Decision(Decision::Blocked { reason: String::new(), question: None })),
        1 => Just(Said::Decision(go_on())),
    ]
}

fn class() -> impl Strategy<Value = OutcomeClass> {
    prop_oneof![2 => Just(OutcomeClass::Success), 1 => select(&OutcomeClass::ALL[..])]
}

fn update() -> impl Strategy<Value = StatusChange> {
    let text = || prop_oneof![Just(None), Just(Some("so".to_owned()))];
    let limit = prop_oneof![3 => Just(None), 1 => (0u32..8).prop_map(Some)];
    prop_oneof![
        4 => (text(), limit).prop_map(|(note, max_jobs)| StatusChange::Active { note, max_jobs, limits: Vec::new() }),
        1 => select(vec!["", "wait"]).prop_map(|reason| StatusChange::Blocked { reason: reason.to_owned() }),
        1 => text().prop_map(|reason| StatusChange::Complete { reason, ties: Default::default(), force: false }),
        1 => text().prop_map(|reason| StatusChange::Cancelled { reason }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (select(&TYPES[..]), place()).prop_map(|(job_type, place)| Step::Insert(job_type, place)),
        6 => any::<Index>().prop_map(Step::Claim),
        6 => (any::<Index>(), class(), said()).prop_map(|(which, class, said)| Step::Finish(which, class, said)),
        1 => class().prop_map(Step::FinishStale),
        2 => (any::<Index>(), class(), said())
            .prop_map(|(which, class, said)| Step::SayTooLate(which, class, said)),
        1 => any::<Index>().prop_map(Step::GiveUp),
        2 => update().prop_map(Step::Update),
        1 => (any::<Index>(), select(vec![None, Some("so")])).prop_map(|(which, why)| Step::Cancel(which, why)),
        1 => select(vec![PauseMode::Now, PauseMode::AfterJob]).prop_map(Step::Pause),
        1 => Just(Step::Resume),
        2 => (any::<Index>(), select(vec![None, Some("s-1")])).prop_map(|(which, session)| Step::Retry(which, session)),
        2 => (any::<Index>(), said()).prop_map(|(which, said)| Step::Stage(which, said)),
        1 => Just(Step::Ask),
        2 => (0u64..2000).prop_map(Step::Later),
    ]
}

impl World {
    fn place(&self, place: &Where) -> Place {
        let jobs = self.aggregate.jobs();
        match place {
            Where::End => Place::End,
            Where::First => Place::First,
            Where::After(_) if jobs.is_empty() => Place::End,
            Where::After(index) => Place::After(index.get(jobs).id),
            Where::Elsewhere => Place::After(JobId::new(Uuid::from_u128(u128::MAX))),
        }
    }

    fn answer(&self, said: &Said) -> Answer {
        match said {
            Said::Nothing => None,
            Said::Nonsense => Some(Err("no JSON".to_owned())),
            Said::Insert(jobs) => {
                let jobs = jobs.iter().map(|(job_type, place)| (self.job(job_type), self.place(place)));
                Some(Ok(Decision::InsertJobs {
                    reason: "so".to_owned(),
                    jobs: jobs.collect(),
                    accept: Vec::new(),
                }))
            }
            Said::Decision(decision) => Some(Ok(decision.clone())),
        }
    }

    fn running(&self, which: &Index) -> Option<AttemptId> {
        let attempts = self.aggregate.attempts();
        (!attempts.is_empty()).then(|| which.get(attempts).id)
    }

    fn any_job(&self, which: &Index) -> Option<JobId> {
        let jobs = self.aggregate.jobs();
        (!jobs.is_empty()).then(|| which.get(jobs).id)
    }

    /// An attempt that has ended.
    fn ended(&self, which: &Index) -> Option<AttemptId> {
        let ended = self.events.iter().filter(|event| event.kind == EventKind::AttemptEnded);
        let ended: Vec<AttemptId> = ended.filter_map(|event| event.attempt).collect();
        (!ended.is_empty()).then(|| *which.get(&ended))
    }

    /// What a runner says of an attempt that it no longer has; the world checks that it changes nothing.
    fn says_too_late(&mut self, attempt: AttemptId, outcome: Outcome, said: &Said) {
        let answer = self.answer(said);
        let refused = self.finish(attempt, outcome, answer.clone());
        assert_eq!(refused, Err(Rejection::StaleAttempt { attempt }));
        if let Some(Ok(decision)) = answer {
            self.stage(attempt, decision).expect_err("an ended attempt decides nothing");
        }
    }

    /// Does it; whether it was accepted.
    fn does(&mut self, step: &Step) -> bool {
        match step {
            Step::Insert(job_type, place) => self.insert(job_type, self.place(place)).is_ok(),
            Step::Claim(which) => self.any_job(which).is_some_and(|job| self.claim_job(job).is_ok()),
            Step::Finish(which, class, said) => self.running(which).is_some_and(|attempt| {
                let answer = self.answer(said);
                self.finish(attempt, outcome(*class), answer).expect("a running attempt may end");
                true
            }),
            Step::FinishStale(class) => {
                let stale = AttemptId::new(Uuid::from_u128(u128::MAX));
                self.finish(stale, outcome(*class), None).expect_err("a stale attempt may not end");
                false
            }
            Step::SayTooLate(which, class, said) => {
                if let Some(attempt) = self.ended(which) {
                    self.says_too_late(attempt, outcome(*class), said);
                }
                false
            }
            Step::GiveUp(which) => self.running(which).is_some_and(|attempt| {
                self.command(|aggregate, ctx| aggregate.give_up(attempt, ("gone", Proof::Gone), ctx)).is_ok()
            }),
            Step::Update(change) => self.update(change.clone()).is_ok(),
            Step::Cancel(which, why) => self.any_job(which).is_some_and(|job| self.cancel(job, *why).is_ok()),
            Step::Pause(mode) => self.pause(*mode).is_ok(),
            Step::Resume => self.resume().is_ok(),
            Step::Retry(which, session) => {
                self.any_job(which).is_some_and(|job| self.retry(job, *session).is_ok())
            }
            Step::Stage(which, said) => match (self.running(which), self.answer(said)) {
                (Some(attempt), Some(Ok(decision))) => self.stage(attempt, decision).is_ok(),
                (Some(_) | None, Some(_) | None) => false,
            },
            Step::Ask => {
                self.ask();
                true
            }
            Step::Later(seconds) => {
                self.later(*seconds);
                true
            }
        }
    }

    /// A runner takes what is next, so that random lists get anywhere.
    fn goes_on(&mut self) {
        let cooling = self.cooling();
        let is_free =
            |job: &&crate::job::Job| matches!(self.fallbacks.route(&job.harness, &cooling), Route::To(_));
        let mut jobs = self.aggregate.jobs().iter().filter(is_free);
        let next = jobs.find(|job| job.is_ready(self.now)).map(|job| job.id);
        if let Some(job) = next {
            self.claim_job(job).expect("what is ready may start");
        }
    }
}

fn outcome(class: OutcomeClass) -> Outcome {
    if class == OutcomeClass::Success {
        Outcome::success("done")
    } else {
        Outcome::failure(class, "it failed")
    }
}

fn beginning() -> impl Strategy<Value = (Director, First)> {
    let first = prop_oneof![
        Just(First::Director),
        Just(First::Hold),
        select(&TYPES[..]).prop_map(|job_type| First::Job(job(JobId::new(Uuid::from_u128(1000)), job_type))),
    ];
    (prop_oneof![3 => Just(Director::Pm), 1 => Just(Director::None)], first)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_breaks_an_invariant(
        (director, first) in beginning(),
        max_jobs in 1u32..10,
        has_fallback in any::<bool>(),
        steps in prop::collection::vec((step(), any::<bool>()), 1..60),
    ) {
        let mut world = World::create(director, first, max_jobs);
        if has_fallback {
            let pairs = [("claude".to_owned(), "codex".to_owned())];
            world.fallbacks = Fallbacks::new(pairs.into()).expect("no circle");
        }
        for (step, goes_on) in &steps {
            if world.does(step) && *goes_on {
                world.goes_on();
            }
        }
    }
}
