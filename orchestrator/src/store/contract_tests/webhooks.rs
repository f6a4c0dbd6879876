//! A request is kept with its happening, once.

use agents_domain::happening::{EventName, HappeningFilter, HappeningSource};
use agents_domain::id::{DeliveryId, HappeningId, IdSource, WebhookId};
use agents_domain::webhook::{NewDelivery, Received, SignatureScheme, Webhook};

use super::env::{Env, namespace};

on_every_engine!(
    a_webhook_reads_back_and_its_name_and_path_are_taken,
    a_request_is_kept_once_with_its_happening,
    the_same_content_is_the_same_request_where_that_alone_is_signed,
    refused_requests_are_counted_and_nothing_of_them_is_kept,
);

fn webhook(env: &Env, name: &str, path: &str) -> Webhook {
    Webhook {
        id: WebhookId::new(env.ids.next()),
        namespace: namespace("repo"),
        name: name.to_owned(),
        path: path.to_owned(),
        secret_env: "HOOK_SECRET".to_owned(),
        scheme: SignatureScheme::Github,
        event: EventName::new("webhook.hub").unwrap(),
        created_at: env.now(),
    }
}

async fn hub(env: &Env) -> Webhook {
    let new = webhook(env, "hub", "/hub");
    assert!(env.store.create_webhook(new.clone(), "/repo").await.unwrap());
    new
}

fn delivery(env: &Env, webhook: &Webhook, key: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(env.ids.next()),
        happening: HappeningId::new(env.ids.next()),
        webhook: webhook.clone(),
        key: key.to_owned(),
        digest: None,
        headers: r#"{"x-github-event":"push"}"#.to_owned(),
        body: "{}".to_owned(),
        data: r#"{"body":{}}"#.to_owned(),
        replays: None,
    }
}

async fn a_webhook_reads_back_and_its_name_and_path_are_taken(env: Env) {
    let new = hub(&env).await;
    assert!(!env.store.create_webhook(webhook(&env, "hub", "/other"), "/repo").await.unwrap());
    assert!(!env.store.create_webhook(webhook(&env, "other", "/hub"), "/repo").await.unwrap());
    assert_eq!(env.store.webhook_at("/hub").await.unwrap(), Some(new.clone()));
    assert_eq!(env.store.webhook_at("/other").await.unwrap(), None);
    env.store.receive(delivery(&env, &new, "1")).await.unwrap();
    assert!(env.store.delete_webhook(new.id).await.unwrap());
    assert!(!env.store.delete_webhook(new.id).await.unwrap());
    assert_eq!(env.store.receive(delivery(&env, &new, "2")).await.unwrap(), Received::NoWebhook);
    assert_eq!(env.store.deliveries((None, None), 10).await.unwrap(), []);
}

async fn a_request_is_kept_once_with_its_happening(env: Env) {
    let hook = hub(&env).await;
    let [first, second] = [delivery(&env, &hook, "1"), delivery(&env, &hook, "1")];
    let (one, other) = tokio::join!(env.store.receive(first.clone()), env.store.receive(second));
    assert_eq!([one.unwrap(), other.unwrap()], [Received::New(first.id), Received::Known(first.id)]);
    let kept = env.store.deliveries((Some(&namespace("repo")), Some(hook.id)), 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id, &*kept[0].body, kept[0].happening), (first.id, "{}", first.happening));
    let text = first.id.to_string();
    for part in [&text[text.len() - 8..], &text] {
        assert_eq!(env.store.deliveries_like(part).await.unwrap(), kept);
    }
    let told = env.store.happenings(&HappeningFilter::default()).await.unwrap();
    assert_eq!(told.len(), 1);
    let what = &told[0].what;
    assert_eq!((what.source, &what.cause), (HappeningSource::Webhook, &Some(first.id.to_string())));
    let line = env.store.webhooks(None).await.unwrap().remove(0);
    assert_eq!((line.received, line.refused, line.last_received_at), (1, 0, Some(env.now())));
}

async fn the_same_content_is_the_same_request_where_that_alone_is_signed(env: Env) {
    let hook = hub(&env).await;
    let with = |key: &str, digest: &str| NewDelivery {
        digest: Some(digest.to_owned()),
        ..delivery(&env, &hook, key)
    };
    let first = with("1", "abc");
    assert_eq!(env.store.receive(first.clone()).await.unwrap(), Received::New(first.id));
    assert_eq!(env.store.receive(with("2", "abc")).await.unwrap(), Received::Known(first.id));
    let other = with("3", "def");
    assert_eq!(env.store.receive(other.clone()).await.unwrap(), Received::New(other.id));
}

async fn refused_requests_are_counted_and_nothing_of_them_is_kept(env: Env) {
    let hook = hub(&env).await;
    env.store.refuse(hook.id).await.unwrap();
    let line = env.store.webhooks(None).await.unwrap().remove(0);
    assert_eq!((line.received, line.refused, line.last_refused_at), (0, 1, Some(env.now())));
    assert_eq!(env.store.deliveries((None, None), 10).await.unwrap(), []);
    assert_eq!(env.store.happenings(&HappeningFilter::default()).await.unwrap(), []);
}
