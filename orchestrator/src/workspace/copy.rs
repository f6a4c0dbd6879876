//! Files and folders that git ignores, copied from the main checkout into a new worktree: links as links, and nothing that
//! is neither file nor folder, since reading that may never end.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::setup::SetupError;

/// Copies what is called so from one folder to the other. One that is not there is not needed by everybody, and one that is
/// there already is git's. Ends between two files when its time is over, or when nobody waits for it any more.
pub(super) async fn copy(
    names: &[String],
    (from, to): (&Path, &Path),
    until: Instant,
) -> Result<(), SetupError> {
    let given_up = GivenUp(Arc::new(AtomicBool::new(false)));
    for name in names {
        let failed = |why: String| SetupError::Copy { name: name.clone(), from: from.to_owned(), why };
        let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err(failed("it is not a path below the repository".to_owned()));
        }
        let (source, target) = (from.join(name), to.join(name));
        if source.symlink_metadata().is_err() || target.symlink_metadata().is_ok() {
            continue;
        }
        let copying = Copying { until, given_up: Arc::clone(&given_up.0) };
        let done = tokio::task::spawn_blocking(move || copying.one(&source, &target)).await;
        match done.map_err(|error| failed(error.to_string()))? {
            Ok(()) => {}
            Err(Stopped::Late) => return Err(SetupError::Late { name: name.clone() }),
            Err(Stopped::Failed(path, why)) => return Err(failed(format!("{}: {why}", path.display()))),
        }
    }
    Ok(())
}

/// Nobody waits any more when this is dropped.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

enum Stopped {
    Late,
    Failed(PathBuf, std::io::Error),
}

struct Copying {
    until: Instant,
    given_up: Arc<AtomicBool>,
}

impl Copying {
    fn one(&self, from: &Path, to: &Path) -> Result<(), Stopped> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |why| Stopped::Failed(path, why)
        };
        if self.given_up.load(Ordering::Relaxed) || Instant::now() >= self.until {
            return Err(Stopped::Late);
        }
        let kind = from.symlink_metadata().map_err(failed(from))?.file_type();
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        if kind.is_symlink() {
            let target = std::fs::read_link(from).map_err(failed(from))?;
            std::os::unix::fs::symlink(target, to).map_err(failed(to))
        } else if kind.is_dir() {
            std::fs::create_dir_all(to).map_err(failed(to))?;
            for entry in std::fs::read_dir(from).map_err(failed(from))? {
                let name = entry.map_err(failed(from))?.file_name();
                self.one(&from.join(&name), &to.join(&name))?;
            }
            Ok(())
        } else if kind.is_file() {
            std::fs::copy(from, to).map(|_| ()).map_err(failed(from))
        } else {
            tracing::warn!(path = %from.display(), "it is neither a file nor a folder, and is not copied");
            Ok(())
        }
    }
}
