//! A notice: that something has happened, told to people by a channel of the config. Each happening is one notice for each channel.

use std::time::Duration;

use async_trait::async_trait;

use crate::happening::{EventName, EventPattern, Happening};
use crate::id::{HappeningId, NoticeId};
use crate::namespace::Namespace;
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// How often a notice is tried.
pub const TRIES: u32 = 5;

/// Hours in which nothing is told. What happens then is told at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes since midnight. Later than `to`: over midnight.
    pub from: u16,
    pub to: u16,
    /// An IANA name. `None`: that of the machine.
    pub zone: Option<String>,
}

/// How a message to a webhook is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFormat {
    Slack,
    Plain,
}

/// Where notices go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelTo {
    Desktop,
    /// The address may refer to secrets.
    Webhook {
        url: String,
        format: MessageFormat,
    },
    /// A program with its arguments; it gets the message as JSON on standard input.
    Command(Vec<String>),
}

/// Who is told of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// No two of a config have the same.
    pub name: String,
    pub on: Vec<EventPattern>,
    pub to: ChannelTo,
    pub quiet: Option<QuietHours>,
    /// What happens within that time becomes one message.
    pub batch: Duration,
}

impl Channel {
    /// Whether it tells of that.
    pub fn tells_of(&self, name: &EventName) -> bool {
        self.on.iter().any(|pattern| pattern.matches(name))
    }
}

/// How far a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeStatus {
    Pending,
    Sent,
    Failed,
}

impl NoticeStatus {
    /// Every status.
    pub const ALL: [NoticeStatus; 3] = [NoticeStatus::Pending, NoticeStatus::Sent, NoticeStatus::Failed];

    /// The name in the store, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeStatus::Pending => "pending",
            NoticeStatus::Sent => "sent",
            NoticeStatus::Failed => "failed",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<NoticeStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A notice that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    pub id: NoticeId,
    pub channel: String,
    pub happening: HappeningId,
    pub event: EventName,
    pub text: String,
    pub due_at: Timestamp,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: NoticeId,
    pub namespace: Namespace,
    pub channel: String,
    pub happening: HappeningId,
    pub event: EventName,
    pub text: String,
    pub status: NoticeStatus,
    /// How often it was tried.
    pub tries: u32,
    pub due_at: Timestamp,
    /// Why it was not sent when it was tried last.
    pub error: Option<String>,
    pub at: Timestamp,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Sent,
    Later { at: Timestamp, why: String },
    Failed { why: String },
}

/// What happened in a namespace that no notice was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnoted {
    /// `None`: it was never looked at; then nothing of what has happened is told.
    pub from: Option<u64>,
    pub to: u64,
    pub happenings: Vec<Happening>,
}

/// The port to notices.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Every namespace with the folder that it was first used in.
    async fn namespace_roots(&self) -> Result<Vec<(Namespace, String)>, StoreError>;

    /// What nobody has made notices of, up to `limit`.
    async fn unnoted(&self, of: &Namespace, limit: u32) -> Result<Unnoted, StoreError>;

    /// Moves on and stores notices, in one transaction. `false`: somebody else has moved on before.
    async fn note(
        &self,
        namespace: &Namespace,
        places: (Option<u64>, u64),
        new: Vec<NewNotice>,
    ) -> Result<bool, StoreError>;

    /// Takes what is due, with all else that waits for the same channels: for so long, nobody else takes them.
    async fn take_notices(&self, of: &Namespace, hold: Duration) -> Result<Vec<Notice>, StoreError>;

    /// Writes down what came of these.
    async fn told(&self, notices: &[NoticeId], told: Told) -> Result<(), StoreError>;

    /// When the next one is due.
    async fn next_notice_at(&self, of: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError>;

    /// Notices, the latest first.
    async fn notices(
        &self,
        of: Option<&Namespace>,
        status: Option<NoticeStatus>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError>;
}
