//! Subscriptions see what happens after they were made, once each, whoever looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::aggregate::{First, HarnessDefaults, NewAssignment};
use agents_domain::happening::EventPattern;
use agents_domain::id::{IdSource, SubscriptionId};
use agents_domain::namespace::Namespace;
use agents_domain::start::Start;
use agents_domain::subscription::{Backlog, Planned, PlannedStart, Reaction, Subscription};

use super::env::{Env, namespace};
use super::happenings::emit;

on_every_engine!(
    a_subscription_reads_back_and_its_name_is_taken,
    what_happened_before_it_is_not_seen,
    one_of_several_moves_on_and_what_it_has_planned_is_started_once,
    what_was_deleted_or_disabled_in_between_starts_nothing,
    what_makes_no_sense_is_recorded_and_keeps_nobody,
    enabled_again_it_sees_nothing_of_what_happened_meanwhile,
);

fn subscription(env: &Env, name: &str) -> Subscription {
    Subscription {
        id: SubscriptionId::new(env.ids.next()),
        namespace: namespace("repo"),
        name: name.to_owned(),
        pattern: EventPattern::new("deploy.*").unwrap(),
        filter: Some("event.data.branch == 'main'".to_owned()),
        mapping: BTreeMap::from([("branch".to_owned(), "{{ event.data.branch }}".to_owned())]),
        start: Start::Definition { name: "notes".to_owned(), params: "{}".to_owned() },
        is_enabled: true,
        created_at: env.now(),
    }
}

async fn subscribe(env: &Env, name: &str) -> Subscription {
    let new = subscription(env, name);
    assert!(env.store.create_subscription(new.clone(), "/repo").await.unwrap());
    new
}

async fn backlog(env: &Env) -> Vec<Backlog> {
    env.store.backlog(None, 10).await.unwrap()
}

/// A run for each happening and subscription.
fn planned(env: &Env, of: &Backlog) -> Vec<Planned> {
    let mut all = Vec::new();
    for happening in &of.happenings {
        for (subscription, _) in &of.subscriptions {
            let what = run(env, "make it so");
            all.push(Planned { subscription: subscription.id, happening: happening.what.id, what });
        }
    }
    all
}

fn run(env: &Env, north_star: &str) -> PlannedStart {
    let new = env.new_assignment(First::Job(env.job("implement")));
    let new = NewAssignment { north_star: north_star.to_owned(), ..new };
    let defaults = HarnessDefaults {
        default: "claude".to_owned(),
        by_type: BTreeMap::new(),
        reviewers: Default::default(),
    };
    PlannedStart::Run { new: Box::new(new), harness_defaults: Arc::new(defaults) }
}

async fn react(env: &Env, of: &Backlog, planned: Vec<Planned>) -> Option<usize> {
    let namespace: &Namespace = &of.namespace;
    env.store.react(namespace, (of.from, of.to), planned, Actor::Person).await.unwrap()
}

async fn a_subscription_reads_back_and_its_name_is_taken(env: Env) {
    let new = subscribe(&env, "notes").await;
    let north_star = Subscription {
        filter: None,
        start: Start::NorthStar {
            template: "Do {{ params.x }}".to_owned(),
            params: r#"{"x":"1"}"#.to_owned(),
        },
        ..subscription(&env, "star")
    };
    assert!(env.store.create_subscription(north_star.clone(), "/repo").await.unwrap());
    assert!(!env.store.create_subscription(subscription(&env, "notes"), "/repo").await.unwrap());
    let lines = env.store.subscriptions(Some(&namespace("repo"))).await.unwrap();
    let stored: Vec<&Subscription> = lines.iter().map(|line| &line.subscription).collect();
    assert_eq!(stored, [&new, &north_star]);
    assert_eq!(env.store.namespace_root(&namespace("repo")).await.unwrap(), Some("/repo".to_owned()));
    assert!(env.store.delete_subscription(new.id).await.unwrap());
    assert!(!env.store.delete_subscription(new.id).await.unwrap());
}

async fn what_happened_before_it_is_not_seen(env: Env) {
    emit(&env, "deploy.old").await;
    let new = subscribe(&env, "notes").await;
    assert_eq!(backlog(&env).await, []);
    let seen = emit(&env, "deploy.new").await;
    let expected = Backlog {
        namespace: namespace("repo"),
        from: 0,
        to: seen.seq,
        subscriptions: vec![(new, seen.seq - 1)],
        happenings: vec![seen],
    };
    assert_eq!(backlog(&env).await, [expected]);
}

async fn one_of_several_moves_on_and_what_it_has_planned_is_started_once(env: Env) {
    let new = subscribe(&env, "notes").await;
    let happening = emit(&env, "deploy.new").await;
    let found = backlog(&env).await.remove(0);
    let other = env.another_store().await;
    let (mine, theirs) = tokio::join!(
        react(&env, &found, planned(&env, &found)),
        other.react(&found.namespace, (found.from, found.to), planned(&env, &found), Actor::Person),
    );
    let mut both = [mine, theirs.unwrap()];
    both.sort();
    assert_eq!(both, [None, Some(1)]);
    assert_eq!(env.claim(10).await.len(), 1);
    let lines = env.store.reactions(new.id, 10).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].happening, lines[0].event.as_deref()), (happening.what.id, Some("deploy.new")));
    // The runs themselves have told of themselves; what comes after is looked at from there.
    let next = backlog(&env).await.remove(0);
    assert_eq!(next.from, found.to);
    assert_eq!(react(&env, &next, Vec::new()).await, Some(0));
    assert_eq!(backlog(&env).await, []);
}

async fn what_was_deleted_or_disabled_in_between_starts_nothing(env: Env) {
    let gone = subscribe(&env, "gone").await;
    let off = subscribe(&env, "off").await;
    emit(&env, "deploy.new").await;
    let found = backlog(&env).await.remove(0);
    env.store.delete_subscription(gone.id).await.unwrap();
    env.store.enable_subscription(off.id, false).await.unwrap();
    assert_eq!(react(&env, &found, planned(&env, &found)).await, Some(0));
    assert_eq!(env.claim(10).await.len(), 0);
}

async fn what_makes_no_sense_is_recorded_and_keeps_nobody(env: Env) {
    let [bad, broken, deep, good] = [
        subscribe(&env, "bad").await,
        subscribe(&env, "broken").await,
        subscribe(&env, "deep").await,
        subscribe(&env, "good").await,
    ];
    let happening = emit(&env, "deploy.new").await.what.id;
    let found = backlog(&env).await.remove(0);
    let plan = |of: &Subscription, what| Planned { subscription: of.id, happening, what };
    let planned = vec![
        plan(&bad, run(&env, "  ")),
        plan(&broken, PlannedStart::Failed("no definition".to_owned())),
        plan(&deep, PlannedStart::Refused("too deep".to_owned())),
        plan(&good, run(&env, "make it so")),
        plan(&good, run(&env, "make it so twice")),
    ];
    assert_eq!(react(&env, &found, planned).await, Some(1));
    let lines = env.store.subscriptions(None).await.unwrap();
    let last = |line: &agents_domain::subscription::SubscriptionLine| line.last.clone().unwrap().reaction;
    let all: Vec<Reaction> = lines.iter().map(last).collect();
    assert_eq!(
        all[1..3],
        [Reaction::Failed("no definition".to_owned()), Reaction::Refused("too deep".to_owned())]
    );
    assert!(matches!(&all[0], Reaction::Failed(why) if why.contains("north star")), "{all:?}");
    let claimed = env.claim_one().await;
    assert_eq!(all[3], Reaction::Started(claimed.assignment.id));
    assert_eq!(lines.iter().map(|line| line.started).collect::<Vec<_>>(), [0, 0, 0, 1]);
    assert_eq!(lines[1].last_error, lines[1].last);
    assert_eq!(lines[3].last_error, None);
}

async fn enabled_again_it_sees_nothing_of_what_happened_meanwhile(env: Env) {
    let new = subscribe(&env, "notes").await;
    env.store.enable_subscription(new.id, false).await.unwrap();
    emit(&env, "deploy.missed").await;
    assert_eq!(backlog(&env).await, []);
    env.store.enable_subscription(new.id, true).await.unwrap();
    assert_eq!(backlog(&env).await, []);
    emit(&env, "deploy.seen").await;
    // Enabled once more, it goes on where it is.
    assert!(env.store.enable_subscription(new.id, true).await.unwrap());
    let seen: Vec<String> = backlog(&env)
        .await
        .iter()
        .flat_map(|found| &found.happenings)
        .map(|one| one.what.name.to_string())
        .collect();
    assert_eq!(seen, ["deploy.seen"]);
}
