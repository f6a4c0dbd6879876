//! Wakes runners in other processes after a commit: an empty unix datagram to each runner's socket.
//!
//! It only makes things prompt. A bell that is not heard costs nothing but the time to the next slow tick.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use agents_domain::id::RunnerId;

/// The folder of the bells of one database. Not beside the database: the path of a socket may have only about
/// 100 bytes.
pub fn folder(runtime_folder: &Path, database_url: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    database_url.hash(&mut hasher);
    runtime_folder.join(format!("bells-{:016x}", hasher.finish()))
}

/// Rings every bell in the folder. A bell that nobody listens to any more is taken away.
pub fn ring(folder: &Path) {
    ring_all_but(folder, None);
}

/// Rings every bell in the folder but this runner's own.
pub fn ring_others(folder: &Path, own: RunnerId) {
    ring_all_but(folder, Some(own));
}

fn ring_all_but(folder: &Path, own: Option<RunnerId>) {
    let own = own.map(|id| id.short());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // A runner whose queue of bells is full has been woken already; waiting for it would only delay us.
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    for entry in
        entries.flatten().filter(|entry| own.is_none() || entry.file_name().to_str() != own.as_deref())
    {
        let path = entry.path();
        match socket.send_to(&[], &path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => remove(&path),
            Ok(_) | Err(_) => {}
        }
    }
}

/// A runner's own bell. It is taken away when it is dropped.
#[derive(Debug)]
pub struct Doorbell {
    socket: tokio::net::UnixDatagram,
    path: PathBuf,
}

impl Doorbell {
    /// Hangs up a bell for that runner.
    pub fn hang(folder: &Path, runner: RunnerId) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(runner.short());
        remove(&path);
        Ok(Self { socket: tokio::net::UnixDatagram::bind(&path)?, path })
    }

    /// Waits until somebody rings; rings that came together are one.
    pub async fn rung(&self) -> io::Result<()> {
        let mut nothing = [0u8; 1];
        self.socket.recv(&mut nothing).await?;
        while self.socket.try_recv(&mut nothing).is_ok() {
            // Each of these asked for what the first one asked for.
        }
        Ok(())
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, path = %path.display(), "a doorbell could not be taken away");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agents_domain::id::IdSource;

    use super::*;
    use crate::system::SystemIds;

    async fn is_rung(bell: &Doorbell) -> bool {
        // What has been rung is there already: a datagram is delivered when it is sent.
        tokio::time::timeout(Duration::from_millis(1), bell.rung()).await.is_ok()
    }

    #[tokio::test]
    async fn a_ring_reaches_every_bell_or_every_other_one_and_dead_bells_are_taken_away() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("bells");
        let ids = [(); 2].map(|()| RunnerId::new(SystemIds.next()));
        let bells = ids.map(|id| Doorbell::hang(&folder, id).unwrap());
        let dead = folder.join("dead");
        drop(UnixDatagram::bind(&dead).unwrap());
        ring(&folder);
        ring(&folder);
        assert!(is_rung(&bells[0]).await && is_rung(&bells[1]).await);
        assert!(!is_rung(&bells[0]).await, "rings that came together are one");
        assert!(!dead.exists());
        ring_others(&folder, ids[0]);
        assert!(!is_rung(&bells[0]).await && is_rung(&bells[1]).await);
        drop(bells);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        ring(&temp.path().join("no folder"));
    }
}
