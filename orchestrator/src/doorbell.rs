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
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // A runner whose queue of bells is full has been woken already; waiting for it would only delay us.
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    for entry in entries.flatten() {
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
