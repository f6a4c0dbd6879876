//! How many requests each webhook takes. Requests with a wrong signature have a measure of their own, so that who has no secret
//! can't keep the others out, nor have the store written for each of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use agents_domain::id::WebhookId;

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Signed,
    Forged,
}

/// The measures of all webhooks.
#[derive(Debug)]
pub struct Rates {
    per_minute: f64,
    buckets: Mutex<HashMap<(WebhookId, Kind), Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// So many a minute, and so many at once.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute), buckets: Mutex::new(HashMap::new()) }
    }

    /// Whether one more is taken now.
    pub fn take(&self, webhook: WebhookId, kind: Kind, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().expect("nothing panics while it holds this");
        let bucket = buckets.entry((webhook, kind)).or_insert(Bucket { left: self.per_minute, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed * self.per_minute / 60.0).min(self.per_minute);
        bucket.at = now;
        let is_taken = bucket.left >= 1.0;
        if is_taken {
            bucket.left -= 1.0;
        }
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_are_taken_at_once_and_then_as_time_goes_by() {
        let rates = Rates::new(60);
        let id: WebhookId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let begin = Instant::now();
        let taken = |at, kind| (0..100).filter(|_| rates.take(id, kind, at)).count();
        assert_eq!(taken(begin, Kind::Forged), 60);
        assert_eq!(taken(begin, Kind::Signed), 60, "what is forged takes nothing of what is signed");
        assert_eq!(taken(begin + Duration::from_secs(5), Kind::Signed), 5);
        assert_eq!(taken(begin + Duration::from_secs(3600), Kind::Signed), 60);
    }
}
