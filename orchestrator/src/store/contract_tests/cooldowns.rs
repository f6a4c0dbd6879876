//! A harness that cools down takes no job, and everybody knows it at once.

use std::time::Duration;

use agents_domain::cooldown::Cooldown;
use agents_domain::fallback::Fallbacks;
use agents_domain::id::{AttemptId, JobId};
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::retry::LONGEST_PARK;
use agents_domain::store::{Claimed, CooldownLine};
use agents_domain::timestamp::Timestamp;
use uuid::Uuid;

use super::env::{Env, limit, namespace};

on_every_engine!(
    a_limit_holds_every_job_of_its_harness_and_none_of_another,
    another_process_on_the_store_knows_of_it,
    of_two_cool_downs_the_one_that_ends_later_counts,
    a_claim_in_the_transaction_of_the_limit_takes_nothing_of_the_harness,
    a_lifted_cool_down_holds_nothing_and_is_lifted_once,
    one_that_has_just_begun_can_be_lifted_in_the_same_transaction,
    a_fallback_takes_what_its_harness_can_not,
    the_next_moment_is_the_end_of_the_cool_down_that_a_job_waits_for,
    a_cool_down_that_a_wrong_clock_wrote_holds_nothing_and_gives_way,
    the_queue_shows_who_cools_down_and_what_waits_for_it,
);

fn jobs(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|one| one.job.id).collect()
}

fn fallbacks(pairs: &[(&str, &str)]) -> Fallbacks {
    let owned = pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    Fallbacks::new(owned.collect()).unwrap()
}

/// An attempt of `harness` ends at a limit that is over after so many seconds; the job and the cool-down.
async fn hit(env: &Env, harness: &str, seconds: u64) -> (JobId, Cooldown) {
    let (_, job) = env.create_for(harness).await;
    let claimed = env.claim_one().await;
    env.finish(&claimed, limit(env, seconds)).await.unwrap();
    (job, cooldown(env, &claimed, seconds))
}

fn cooldown(env: &Env, claimed: &Claimed, seconds: u64) -> Cooldown {
    Cooldown {
        harness: claimed.attempt.harness.clone(),
        until: env.now().after(Duration::from_secs(seconds)),
        since: env.now(),
        class: OutcomeClass::UsageLimit,
        reason: "limit".to_owned(),
        attempt: claimed.attempt.id,
    }
}

async fn cooldowns(env: &Env) -> Vec<Cooldown> {
    let lines = env.store.cooldowns(None).await.unwrap();
    lines.into_iter().map(|line| line.cooldown).collect()
}

async fn a_limit_holds_every_job_of_its_harness_and_none_of_another(env: Env) {
    let (limited, cooldown) = hit(&env, "claude", 60).await;
    assert_eq!(cooldowns(&env).await, [cooldown]);
    let (_, other) = env.create_for("claude").await;
    let (_, free) = env.create_for("codex").await;
    assert_eq!(jobs(&env.claim(10).await), [free]);
    env.later(59);
    assert_eq!(env.claim(10).await.len(), 0);
    env.later(1);
    assert_eq!(cooldowns(&env).await, []);
    assert_eq!(jobs(&env.claim(10).await), [limited, other]);
}

async fn another_process_on_the_store_knows_of_it(env: Env) {
    let other = Env { store: env.another_store().await, ..env };
    hit(&other, "claude", 60).await;
    let env = Env { store: other.another_store().await, ..other };
    env.create_for("claude").await;
    assert_eq!(env.claim(10).await.len(), 0);
}

async fn of_two_cool_downs_the_one_that_ends_later_counts(env: Env) {
    for together in [false, true] {
        for seconds in [[60, 90], [90, 60]] {
            for _ in 0..2 {
                env.create_for("claude").await;
            }
            let claimed = env.claim(2).await;
            let [one, two] = [0, 1].map(|place| env.finish(&claimed[place], limit(&env, seconds[place])));
            if together {
                let (one, two) = tokio::join!(one, two);
                one.and(two).unwrap();
            } else {
                one.await.and(two.await).unwrap();
            }
            let longest = usize::from(seconds[1] == 90);
            assert_eq!(
                cooldowns(&env).await,
                [cooldown(&env, &claimed[longest], 90)],
                "{seconds:?} {together}"
            );
            for claimed in claimed {
                env.cancel(claimed.assignment.id).await;
            }
            env.later(90);
        }
    }
}

async fn a_claim_in_the_transaction_of_the_limit_takes_nothing_of_the_harness(env: Env) {
    env.create_for("claude").await;
    let claimed = env.claim_one().await;
    env.create_for("claude").await;
    let (ended, taken) = tokio::join!(env.finish(&claimed, limit(&env, 60)), env.claim(10));
    ended.unwrap();
    assert_eq!(taken.len(), 0);
}

async fn a_lifted_cool_down_holds_nothing_and_is_lifted_once(env: Env) {
    let (limited, cooldown) = hit(&env, "claude", 60).await;
    assert_eq!(env.store.lift_cooldown("codex").await.unwrap(), None);
    assert_eq!(env.store.lift_cooldown("claude").await.unwrap(), Some(cooldown));
    assert_eq!(env.store.lift_cooldown("claude").await.unwrap(), None);
    assert_eq!(cooldowns(&env).await, []);
    assert_eq!(jobs(&env.claim(10).await), [limited]);
    let (_, other) = env.create_for("claude").await;
    env.finish(&env.claim_one().await, limit(&env, 60)).await.unwrap();
    env.later(60);
    assert_eq!(env.store.lift_cooldown("claude").await.unwrap(), None, "it was over");
    assert_eq!(jobs(&env.claim(10).await), [other]);
}

async fn one_that_has_just_begun_can_be_lifted_in_the_same_transaction(env: Env) {
    let (_, job) = env.create_for("claude").await;
    let claimed = env.claim_one().await;
    let (ended, lifted) =
        tokio::join!(env.finish(&claimed, limit(&env, 60)), env.store.lift_cooldown("claude"));
    ended.unwrap();
    assert_eq!(lifted.unwrap(), Some(cooldown(&env, &claimed, 60)));
    assert_eq!(jobs(&env.claim(10).await), [job]);
}

async fn a_fallback_takes_what_its_harness_can_not(env: Env) {
    let (limited, _) = hit(&env, "claude", 60).await;
    let chain = fallbacks(&[("claude", "codex"), ("codex", "gemini")]);
    let taken = env.claim_with(&chain, 10).await;
    assert_eq!(jobs(&taken), [limited]);
    assert_eq!((taken[0].job.harness.as_str(), taken[0].attempt.harness.as_str()), ("claude", "codex"));
    env.finish(&taken[0], limit(&env, 30)).await.unwrap();
    let taken = env.claim_with(&chain, 10).await;
    assert_eq!(taken[0].attempt.harness, "gemini");
    env.finish(&taken[0], limit(&env, 90)).await.unwrap();
    assert_eq!(env.claim_with(&chain, 10).await.len(), 0);
    env.later(30);
    assert_eq!(env.claim_with(&chain, 10).await[0].attempt.harness, "codex");
}

async fn the_next_moment_is_the_end_of_the_cool_down_that_a_job_waits_for(env: Env) {
    let none = Fallbacks::default();
    let next = async |of: &Fallbacks| env.store.next_ready_at(None, of).await.unwrap();
    hit(&env, "gemini", 20).await;
    let (_, claude) = hit(&env, "claude", 60).await;
    let after = |seconds| Some(env.now().after(Duration::from_secs(seconds)));
    assert_eq!(next(&none).await, after(20));
    env.store.lift_cooldown("gemini").await.unwrap();
    env.claim_one().await;
    assert_eq!(next(&none).await, Some(claude.until), "gemini's job runs");
    assert_eq!(next(&fallbacks(&[("claude", "codex")])).await, Some(env.now()), "codex takes it at once");
    hit(&env, "codex", 40).await;
    assert_eq!(next(&fallbacks(&[("claude", "codex")])).await, after(40));
    assert_eq!(env.store.next_ready_at(Some(&namespace("b")), &none).await.unwrap(), None);
}

async fn a_cool_down_that_a_wrong_clock_wrote_holds_nothing_and_gives_way(env: Env) {
    let untils: [fn(Timestamp) -> Timestamp; 3] = [
        |_| Timestamp::from_millis(i64::MAX),
        |now| now.after(LONGEST_PARK + Duration::from_secs(1)),
        |_| Timestamp::from_millis(0),
    ];
    for until in untils {
        let until = until(env.now());
        env.sql(&format!(
            "INSERT INTO cooldowns (harness, until, since, outcome, reason, attempt_id) \
             VALUES ('claude', {}, 0, 'usage_limit', 'limit', '{}')",
            until.as_millis(),
            AttemptId::new(Uuid::nil()),
        ))
        .await
        .unwrap();
        assert_eq!((cooldowns(&env).await, env.next_ready_at(None).await), (vec![], None));
        let (_, cooldown) = hit(&env, "claude", 60).await;
        assert_eq!(cooldowns(&env).await, [cooldown]);
        env.later(60);
        let claimed = env.claim_one().await;
        env.cancel(claimed.assignment.id).await;
        env.finish(&claimed, Outcome::failure(OutcomeClass::Stopped, "stopped")).await.unwrap();
        env.sql("DELETE FROM cooldowns").await.unwrap();
    }
}

async fn the_queue_shows_who_cools_down_and_what_waits_for_it(env: Env) {
    let (limited, cooldown) = hit(&env, "claude", 60).await;
    let (_, other) = env.create_for("claude").await;
    let (_, free) = env.create_for("codex").await;
    env.create_in("b", "implement").await;
    let repo = namespace("repo");
    let ids = |lines: &[agents_domain::store::JobLine]| lines.iter().map(|l| l.job.id).collect::<Vec<_>>();
    let queue = env.queue(Some(&repo), 10).await;
    assert_eq!((ids(&queue.ready), ids(&queue.waiting)), (vec![free], vec![limited, other]));
    assert_eq!(queue.cooldowns, [CooldownLine { cooldown: cooldown.clone(), jobs: 2 }]);
    assert_eq!(env.queue(None, 10).await.cooldowns, [CooldownLine { cooldown, jobs: 3 }]);
    let queue = env.store.queue(Some(&repo), &fallbacks(&[("claude", "codex")]), 10).await.unwrap();
    assert_eq!((ids(&queue.ready), ids(&queue.waiting)), (vec![limited, other, free], vec![]));
    assert_eq!(env.queue(Some(&repo), 1).await.ready.len(), 1, "what waits takes no place of what is ready");
}
