//! By how much a firing is put off, so that schedules of one minute do not all start at once.

use std::time::Duration;

use agents_domain::timestamp::Timestamp;

/// How long after its due time something fires: at least zero and less than `limit`, in milliseconds. The same for
/// the same schedule and due time wherever and whenever it is asked, so that every runner agrees. The due time remains the
/// identity; this only delays.
pub fn jitter(schedule: &str, due: Timestamp, limit: Duration) -> Duration {
    let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    if limit == 0 {
        return Duration::ZERO;
    }
    let mut hash = FNV_BASIS;
    for byte in schedule.bytes().chain(due.as_millis().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
    }
    Duration::from_millis(mixed(hash) % limit)
}

/// FNV-1a's constants for 64 bits. A hash of the standard library may change between its versions.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The last step of `SplitMix64`: FNV alone leaves the low bits of similar inputs alike.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_of_every_version_finds_the_same() {
        let due = Timestamp::from_seconds(1_795_257_420);
        let minute = Duration::from_secs(60);
        let found =
            [jitter("a", due, minute), jitter("b", due, minute), jitter("a", due.after(minute), minute)];
        assert_eq!(found, [14_968, 25_763, 21_803].map(Duration::from_millis));
    }

    #[test]
    fn it_stays_below_its_limit_and_uses_all_of_it() {
        let limit = Duration::from_secs(10);
        let mut tenths = [0; 10];
        for minute in 0..10_000 {
            let found = jitter("nightly", Timestamp::from_seconds(minute * 60), limit);
            tenths[usize::try_from(found.as_secs()).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
        assert_eq!(jitter("nightly", Timestamp::from_seconds(0), Duration::ZERO), Duration::ZERO);
    }
}
