//! The output of a run that is longer than what its job keeps: all of it becomes a blob. What fails here changes nothing of
//! how the attempt has ended.

use std::fs::File;
use std::io::{self, Cursor};
use std::path::Path;

use agents_domain::attempt::AttemptReport;
use agents_domain::blob::BlobId;
use agents_domain::run::{INLINE_MAX, LongOutput, OutputPlace};
use agents_domain::store::Claimed;
use agents_domain::timestamp::Timestamp;

use super::{Surroundings, files};
use crate::settings::Settings;
use crate::{blob, crash_point};

/// Keeps the whole output of a run that has ended well, and names it in the report.
pub(super) async fn keep(
    claimed: &Claimed,
    around: &Surroundings,
    settings: &Settings,
    report: &mut AttemptReport,
) {
    if !claimed.job.job_type.is_run() || !report.outcome.is_success() {
        return;
    }
    let harness = settings.harnesses.get(&claimed.attempt.harness);
    let prints_it = harness.is_some_and(|harness| harness.prints_its_answer());
    let whole = match prints_it {
        true => Whole::Printed(files(&around.data_folder, claimed.attempt.id).stdout()),
        false => Whole::Told(report.outcome.text.clone()),
    };
    let Some(bytes) = whole.bytes().filter(|bytes| *bytes > INLINE_MAX as u64) else { return };
    let (data_folder, now) = (around.data_folder.clone(), around.clock.now());
    let kept = tokio::task::spawn_blocking(move || whole.keep(&data_folder, now)).await;
    report.output = Some(match kept.map_err(io::Error::other).flatten() {
        Ok((blob, bytes)) => {
            if !prints_it {
                report.outcome.text = end(&report.outcome.text).to_owned();
            }
            crash_point::pass("output kept");
            LongOutput { bytes, place: OutputPlace::Blob(blob) }
        }
        Err(error) => {
            tracing::warn!(%error, attempt = %report.attempt, "a run's output could not be kept");
            LongOutput { bytes, place: OutputPlace::NotKept { why: error.to_string() } }
        }
    });
}

/// Where the whole output still is.
enum Whole {
    /// In that file.
    Printed(std::path::PathBuf),
    Told(String),
}

impl Whole {
    /// How long it is. What can't be read is not there to be kept.
    fn bytes(&self) -> Option<u64> {
        match self {
            Whole::Printed(file) => file.metadata().ok().map(|data| data.len()),
            Whole::Told(text) => Some(text.len() as u64),
        }
    }

    fn keep(&self, data_folder: &Path, now: Timestamp) -> io::Result<(BlobId, u64)> {
        match self {
            Whole::Printed(file) => blob::keep(data_folder, &mut File::open(file)?, now),
            Whole::Told(text) => blob::keep(data_folder, &mut Cursor::new(text), now),
        }
    }
}

/// The end of a text that is not stored as a whole.
fn end(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(INLINE_MAX))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_begins_between_characters() {
        let text = "ä".repeat(INLINE_MAX);
        assert_eq!(end(&text).len(), INLINE_MAX);
        let text = format!("{text}x");
        assert_eq!((end(&text).len(), end(&text).chars().last()), (INLINE_MAX - 1, Some('x')));
        assert_eq!(end("short"), "short");
    }
}
