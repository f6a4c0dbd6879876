//! Identifiers: one newtype for each kind of thing, all UUIDv7 in lower-case hyphenated form.
//!
//! They are made only by the [`IdSource`] port, so that tests can name them in advance.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// How many characters of the end of an id are printed for people. The first half of a UUIDv7 is time, so
/// ids made together share their beginnings and differ at the end.
pub const SHORT_LEN: usize = 8;

/// The text is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id")]
pub struct BadId {
    text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that the [`IdSource`] port made.
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The last characters of the id, which is how people see it.
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - SHORT_LEN..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::parse_str(text).map(Self).map_err(|_| BadId { text: text.to_owned() })
            }
        }
    };
}

id!(
    /// Names an assignment.
    AssignmentId
);
id!(
    /// Names a job.
    JobId
);
id!(
    /// Names one try of a job; also the fencing token of everything that try writes.
    AttemptId
);
id!(
    /// Names one run of the runner process.
    RunnerId
);

id!(
    /// Names one run of a check.
    ReceiptId
);
id!(
    /// Names a finding.
    FindingId
);

id!(
    /// Names a schedule.
    ScheduleId
);
id!(
    /// Names a subscription to what happens.
    SubscriptionId
);
id!(
    /// Names one thing that has happened: what somebody has emitted, or what the orchestrator tells of itself.
    HappeningId
);
id!(
    /// Names a webhook.
    WebhookId
);
id!(
    /// Names one request that a webhook has received.
    DeliveryId
);
id!(
    /// Names one notification.
    NoticeId
);

/// Where new ids come from.
pub trait IdSource: Send + Sync {
    /// A new UUIDv7, later than every one before it from the same source.
    fn next(&self) -> Uuid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_and_prints_its_end_for_people() {
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        let id: JobId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "099a8057");
        assert!("nonsense".parse::<JobId>().is_err());
    }
}
