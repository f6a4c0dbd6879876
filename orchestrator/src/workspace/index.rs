//! What the index of a working tree holds that hides changes or leads elsewhere, read from the file itself: asking git
//! would list every file (gitformat-index(5)).

use std::path::Path;

/// What is special in an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    /// Paths of repositories inside of this one.
    pub links: Vec<String>,
    /// Paths whose changes git is told not to look for (`--assume-unchanged`).
    pub assumed: Vec<String>,
    /// Paths that git is told not to expect in the tree (`--skip-worktree`).
    pub skipped: Vec<String>,
}

/// What an index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    Whole(Index),
    /// Of a kind that only git itself reads: split, or sparse.
    Other,
    Broken,
}

/// Reads it; none is one with nothing in it.
pub(super) fn read(path: &Path) -> Read {
    match std::fs::read(path) {
        // The length of a hash is told in the config only; with the wrong one the end is never met.
        Ok(bytes) => [20, 32].iter().find_map(|hash| parse(&bytes, *hash)).unwrap_or(Read::Broken),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Read::Whole(Index::default()),
        Err(_) => Read::Broken,
    }
}

/// What comes before the hash in an entry: times, device, inode, mode, owner, size.
const STAT: usize = 40;
const MODE_AT: usize = 24;
const GITLINK: u32 = 0o160_000;
const ASSUME_VALID: u16 = 1 << 15;
const EXTENDED: u16 = 1 << 14;
const LENGTH: u16 = 0xfff;
const SKIP_WORKTREE: u16 = 1 << 14;

fn parse(bytes: &[u8], hash: usize) -> Option<Read> {
    if bytes.get(..4)? != b"DIRC" {
        return None;
    }
    let (version, count) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut index = Index::default();
    let (mut at, mut name) = (12, Vec::new());
    for _ in 0..count {
        let start = at;
        let mode = u32_at(bytes, at + MODE_AT)?;
        at += STAT + hash;
        let flags = u16_at(bytes, at)?;
        at += 2;
        let mut more = 0;
        if flags & EXTENDED != 0 {
            more = u16_at(bytes, at)?;
            at += 2;
        }
        if version == 4 {
            let (strip, next) = varint(bytes, at)?;
            name.truncate(name.len().checked_sub(strip)?);
            at = next;
        } else {
            name.clear();
        }
        let length = name_length(bytes, at, (version, flags))?;
        name.extend_from_slice(&bytes[at..at + length]);
        at += length + 1;
        if version < 4 {
            at = start + (at - start).next_multiple_of(8);
        }
        let path = || String::from_utf8_lossy(&name).into_owned();
        if mode == GITLINK {
            index.links.push(path());
        }
        if flags & ASSUME_VALID != 0 {
            index.assumed.push(path());
        }
        if more & SKIP_WORKTREE != 0 {
            index.skipped.push(path());
        }
    }
    let is_plain = extensions(bytes, at, hash)?;
    Some(if is_plain { Read::Whole(index) } else { Read::Other })
}

/// Up to the zero byte; a short one tells its length, but for those whose beginning is left out.
fn name_length(bytes: &[u8], at: usize, (version, flags): (u32, u16)) -> Option<usize> {
    let told = usize::from(flags & LENGTH);
    match version < 4 && told < usize::from(LENGTH) {
        true => (*bytes.get(at + told)? == 0).then_some(told),
        false => bytes.get(at..)?.iter().position(|byte| *byte == 0),
    }
}

/// Whether all that follows may be passed over: what must not be is written in small letters. `None`: it does not end
/// where the file does.
fn extensions(bytes: &[u8], mut at: usize, hash: usize) -> Option<bool> {
    let mut is_plain = true;
    let end = bytes.len().checked_sub(hash)?;
    while at < end {
        is_plain &= bytes.get(at)?.is_ascii_uppercase();
        at = at.checked_add(8)?.checked_add(u32_at(bytes, at + 4)? as usize)?;
    }
    (at == end).then_some(is_plain)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// As offsets in packs are written (gitformat-pack(5)).
fn varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut value = usize::from(byte & 127);
    while byte & 128 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 127))?;
    }
    Some((value, at + 1))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repo;
    use super::*;

    #[tokio::test]
    async fn an_index_of_each_version_tells_what_is_hidden_and_what_is_a_repository() {
        let repo = Repo::new().await;
        for name in ["assumed.txt", "skipped.txt", "skipped-too.txt", "long/er/path.txt"] {
            repo.write(name, "x");
        }
        repo.git(&["add", "-A"]).await;
        let head = repo.head().await;
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},in/link")]).await;
        repo.git(&["update-index", "--assume-unchanged", "assumed.txt"]).await;
        repo.git(&["update-index", "--skip-worktree", "skipped.txt", "skipped-too.txt"]).await;
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = Index {
            links: texts(&["in/link"]),
            assumed: texts(&["assumed.txt"]),
            skipped: texts(&["skipped-too.txt", "skipped.txt"]),
        };
        let path = repo.path().join(".git/index");
        for version in ["2", "4", "3"] {
            repo.git(&["update-index", "--index-version", version]).await;
            assert_eq!(read(&path), Read::Whole(expected.clone()), "version {version}");
        }
        repo.git(&["update-index", "--split-index"]).await;
        assert_eq!(read(&path), Read::Other);
        for broken in ["", "garbage", "DIRC\0\0\0\u{2}\0\0\0\u{9}"] {
            std::fs::write(&path, broken).unwrap();
            assert_eq!(read(&path), Read::Broken, "{broken:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&path), Read::Whole(Index::default()));
    }
}
