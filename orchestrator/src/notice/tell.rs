//! One look of a runner: notices are made of what has happened, and those that are due are sent.

use std::path::Path;
use std::time::Duration;

use agents_domain::id::NoticeId;
use agents_domain::namespace::Namespace;
use agents_domain::notice::{Channel, NewNotice, Notice, TRIES, Told};
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;

use super::message::{Message, text_of};
use super::quiet::after_quiet;
use super::send::{Around, send};
use crate::attempt::Surroundings;
use crate::trigger::LOOK_AT;

/// For so long nobody else takes what this runner is sending: longer than sending may take.
const HOLD: Duration = Duration::from_secs(120);
/// The first pause after a failure; each one after it is four times as long.
const PAUSE: Duration = Duration::from_secs(10);

/// Looks at that namespace, which is at home in `folder`, or at all. Gives when the next notice is due.
pub async fn tell(
    around: &Surroundings,
    namespace: Option<&Namespace>,
    folder: &Path,
) -> Result<Option<Timestamp>, StoreError> {
    let mut homes = around.store.namespace_roots().await?;
    if let Some(only) = namespace {
        homes.retain(|(name, _)| name == only);
        if homes.is_empty() {
            homes.push((only.clone(), folder.display().to_string()));
        }
    }
    for (name, root) in homes {
        // A config that can't be read has no channels until it can; whoever needs it says what is wrong.
        let Ok(settings) = around.settings.for_workspace(Path::new(&root)) else { continue };
        note(around, &name, &settings.channels).await?;
        let sender = Around { agents_program: around.agents_program.clone(), folder: root.into() };
        deliver(around, (&name, &settings.channels), &sender).await?;
    }
    around.store.next_notice_at(namespace).await
}

/// Makes notices of what has happened since the last look. Without channels only a place that was reached moves on, so that a new
/// channel tells nothing of the past.
async fn note(around: &Surroundings, of: &Namespace, channels: &[Channel]) -> Result<(), StoreError> {
    loop {
        let unnoted = around.store.unnoted(of, LOOK_AT).await?;
        let is_done = unnoted.happenings.len() < LOOK_AT as usize;
        let is_new = unnoted.from.is_none() && !channels.is_empty();
        if unnoted.happenings.is_empty() && !is_new {
            return Ok(());
        }
        let now = around.clock.now();
        let mut new = Vec::new();
        for happening in &unnoted.happenings {
            for channel in channels.iter().filter(|channel| channel.tells_of(&happening.what.name)) {
                new.push(NewNotice {
                    id: NoticeId::new(around.ids.next()),
                    channel: channel.name.clone(),
                    happening: happening.what.id,
                    event: happening.what.name.clone(),
                    text: text_of(happening),
                    due_at: after_quiet(channel.quiet.as_ref(), now.after(channel.batch)),
                });
            }
        }
        if !around.store.note(of, (unnoted.from, unnoted.to), new).await? || is_done {
            return Ok(());
        }
    }
}

async fn deliver(
    around: &Surroundings,
    (namespace, channels): (&Namespace, &[Channel]),
    sender: &Around,
) -> Result<(), StoreError> {
    let due = around.store.next_notice_at(Some(namespace)).await?;
    if due.is_none_or(|due| due > around.clock.now()) {
        return Ok(());
    }
    let mut taken = around.store.take_notices(namespace, HOLD).await?;
    while let Some(first) = taken.first() {
        let name = first.channel.clone();
        let (these, others): (Vec<Notice>, Vec<Notice>) =
            taken.into_iter().partition(|notice| notice.channel == name);
        taken = others;
        let ids: Vec<NoticeId> = these.iter().map(|notice| notice.id).collect();
        let told = match channels.iter().find(|channel| channel.name == name) {
            None => Told::Failed { why: format!("the config has no channel `{name}` any more") },
            Some(channel) => {
                let sent = send(sender, channel, &Message::of(namespace.as_str(), &these)).await;
                outcome(sent, &these, around.clock.now())
            }
        };
        around.store.told(&ids, told).await?;
    }
    Ok(())
}

/// What follows: those that were tried most decide for all of a message.
fn outcome(sent: Result<(), String>, notices: &[Notice], now: Timestamp) -> Told {
    let Err(why) = sent else { return Told::Sent };
    let tries = notices.iter().map(|notice| notice.tries).max().unwrap_or(TRIES);
    if tries >= TRIES {
        return Told::Failed { why };
    }
    Told::Later { at: now.after(PAUSE * 4_u32.pow(tries.saturating_sub(1))), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_tried_again_four_times_as_late_each_time_and_five_times_at_most() {
        let now = Timestamp::from_seconds(0);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let tried = |tries| Notice {
            id: id.parse().unwrap(),
            namespace: Namespace::new("shop").unwrap(),
            channel: "team".to_owned(),
            happening: id.parse().unwrap(),
            event: agents_domain::happening::EventName::new("x").unwrap(),
            text: String::new(),
            status: agents_domain::notice::NoticeStatus::Pending,
            tries,
            due_at: now,
            error: None,
            at: now,
        };
        let after = |tries| outcome(Err("no".to_owned()), &[tried(1), tried(tries)], now);
        let why = || "no".to_owned();
        let later = |seconds| Told::Later { at: Timestamp::from_seconds(seconds), why: why() };
        assert_eq!(
            (1..=5).map(after).collect::<Vec<_>>(),
            [later(10), later(40), later(160), later(640), Told::Failed { why: why() }]
        );
        assert_eq!(outcome(Ok(()), &[tried(5)], now), Told::Sent);
    }
}
