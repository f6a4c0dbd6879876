//! Notices are made once of each happening, and each is one runner's at a time.

use std::time::Duration;

use agents_domain::happening::{EventName, Happening};
use agents_domain::id::{IdSource, NoticeId};
use agents_domain::notice::{NewNotice, Notice, NoticeStatus, Told};

use super::env::{Env, namespace};
use super::happenings::emit;

on_every_engine!(
    nothing_is_told_of_what_happened_before_the_first_look,
    of_two_that_look_one_makes_the_notices,
    what_is_due_takes_what_waits_for_the_same_channel_with_it,
    one_that_was_taken_is_free_again_when_its_runner_is_gone,
);

const HOLD: Duration = Duration::from_secs(60);

fn notice(env: &Env, of: &Happening, (channel, seconds): (&str, u64)) -> NewNotice {
    NewNotice {
        id: NoticeId::new(env.ids.next()),
        channel: channel.to_owned(),
        happening: of.what.id,
        event: EventName::new("go").unwrap(),
        text: "text".to_owned(),
        due_at: env.now().after(Duration::from_secs(seconds)),
    }
}

/// The first look, and one notice for each of these channels, due in so many seconds.
async fn with_notices(env: &Env, channels: &[(&str, u64)]) {
    let of = namespace("repo");
    let begin = env.store.unnoted(&of, 10).await.unwrap();
    env.store.note(&of, (begin.from, begin.to), Vec::new()).await.unwrap();
    let happening = emit(env, "go").await;
    let new = channels.iter().map(|channel| notice(env, &happening, *channel)).collect();
    assert!(env.store.note(&of, (Some(begin.to), happening.seq), new).await.unwrap());
}

async fn take(env: &Env) -> Vec<Notice> {
    let mut taken = env.store.take_notices(&namespace("repo"), HOLD).await.unwrap();
    taken.sort_by(|a, b| a.channel.cmp(&b.channel));
    taken
}

fn channels(of: &[Notice]) -> Vec<(&str, u32)> {
    of.iter().map(|notice| (notice.channel.as_str(), notice.tries)).collect()
}

async fn nothing_is_told_of_what_happened_before_the_first_look(env: Env) {
    let of = namespace("repo");
    let old = emit(&env, "go").await;
    let first = env.store.unnoted(&of, 10).await.unwrap();
    assert_eq!((first.from, first.to, first.happenings.len()), (None, old.seq, 0));
    assert!(env.store.note(&of, (None, first.to), Vec::new()).await.unwrap());
    let new = emit(&env, "go").await;
    let second = env.store.unnoted(&of, 10).await.unwrap();
    assert_eq!((second.from, second.to, second.happenings), (Some(old.seq), new.seq, vec![new]));
}

async fn of_two_that_look_one_makes_the_notices(env: Env) {
    let of = namespace("repo");
    env.store.note(&of, (None, 0), Vec::new()).await.unwrap();
    let happening = emit(&env, "go").await;
    let new = || vec![notice(&env, &happening, ("team", 0))];
    let places = (Some(0), happening.seq);
    let (one, other) = tokio::join!(env.store.note(&of, places, new()), env.store.note(&of, places, new()));
    assert_eq!([one.unwrap(), other.unwrap()], [true, false]);
    assert_eq!(env.store.notices(Some(&of), None, 10).await.unwrap().len(), 1);
}

async fn what_is_due_takes_what_waits_for_the_same_channel_with_it(env: Env) {
    with_notices(&env, &[("team", 5), ("me", 50)]).await;
    let second = emit(&env, "go").await;
    let of = namespace("repo");
    let new = vec![notice(&env, &second, ("team", 30))];
    env.store.note(&of, (Some(second.seq - 1), second.seq), new).await.unwrap();
    assert_eq!(take(&env).await, []);
    assert_eq!(
        env.store.next_notice_at(Some(&of)).await.unwrap(),
        Some(env.now().after(Duration::from_secs(5)))
    );
    env.later(5);
    let taken = take(&env).await;
    assert_eq!(channels(&taken), [("team", 1), ("team", 1)]);
    assert_eq!(take(&env).await, [], "they are somebody's");
    let ids: Vec<NoticeId> = taken.iter().map(|notice| notice.id).collect();
    env.store.told(&ids[..1], Told::Sent).await.unwrap();
    let why = || "no".to_owned();
    env.store.told(&ids[1..], Told::Later { at: env.now().after(HOLD), why: why() }).await.unwrap();
    let pending = env.store.notices(None, Some(NoticeStatus::Pending), 10).await.unwrap();
    let errors: Vec<Option<&str>> = pending.iter().map(|notice| notice.error.as_deref()).collect();
    assert_eq!(errors, [Some("no"), None]);
    env.later(60);
    let taken = take(&env).await;
    assert_eq!(channels(&taken), [("me", 1), ("team", 2)]);
    env.store.told(&[taken[1].id], Told::Failed { why: why() }).await.unwrap();
    let failed = env.store.notices(Some(&of), Some(NoticeStatus::Failed), 10).await.unwrap();
    assert_eq!(channels(&failed), [("team", 2)]);
}

async fn one_that_was_taken_is_free_again_when_its_runner_is_gone(env: Env) {
    with_notices(&env, &[("team", 0)]).await;
    assert_eq!(channels(&take(&env).await), [("team", 1)]);
    assert_eq!(env.store.next_notice_at(None).await.unwrap(), Some(env.now().after(HOLD)));
    env.later(59);
    assert_eq!(take(&env).await, []);
    env.later(1);
    assert_eq!(channels(&take(&env).await), [("team", 2)]);
}
