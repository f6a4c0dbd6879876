//! The recorded streams of the real CLIs.

use std::fs;
use std::path::Path;

/// Every recorded standard output of these CLIs, in the order of their names.
pub fn streams(clis: &[&str]) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harnesses/fixtures");
    let folders = clis.iter().flat_map(|cli| sorted(&fixtures.join(cli)));
    let files = folders.flat_map(|folder| sorted(&folder));
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|path| fs::read(path).unwrap())
        .collect()
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
