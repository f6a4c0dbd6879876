//! Holds what `docs/architecture.md` says of the workspace's parts: which may depend on which, where processes are
//! spawned, and where SQL stands. Reads the manifests and the sources as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Sources outside of `orchestrator/src/process` that may spawn, each with its reason.
const MAY_SPAWN: [(&str, &str); 1] =
    [("scripted-agent/src/process.rs", "the scripted agent plays an agent, and agents start programs")];

#[test]
fn no_crate_depends_on_what_is_not_its_business() {
    let check = |part: &str, forbidden: &[&str]| {
        let dependencies = dependencies(part);
        assert!(!dependencies.is_empty(), "{part} has no dependencies, which can't be");
        for name in forbidden {
            assert!(!dependencies.contains(*name), "{part} must not depend on {name}");
        }
    };
    check(
        "domain",
        &[
            "agents-calendar",
            "agents-harnesses",
            "agents-orchestrator",
            "axum",
            "clap",
            "reqwest",
            "rusqlite",
            "rustix",
            "serde",
            "serde_json",
            "sqlx",
            "tokio",
        ],
    );
    check(
        "calendar",
        &["agents-harnesses", "agents-orchestrator", "clap", "rustix", "serde", "sqlx", "tokio"],
    );
    check("harnesses", &["agents-orchestrator", "axum", "clap", "rusqlite", "rustix", "sqlx", "tokio"]);
    check(
        "definitions",
        &["agents-orchestrator", "axum", "clap", "jiff", "rusqlite", "rustix", "sqlx", "tokio", "uuid"],
    );
    check(
        "workflows",
        &[
            "agents-calendar",
            "agents-orchestrator",
            "axum",
            "clap",
            "rusqlite",
            "rustix",
            "sqlx",
            "tokio",
            "ureq",
        ],
    );
    check("orchestrator", &["agents-harnesses", "agents-workers", "axum", "clap", "ureq"]);
    check("workers", &["agents-orchestrator", "axum", "clap", "rustix", "sqlx", "tokio"]);
    check("scripted-agent", &["agents-harnesses", "agents-orchestrator", "sqlx", "tokio"]);
}

#[test]
fn only_one_module_spawns_processes() {
    let spawns = |source: &Source| source.code_contains(&["Command::new"]);
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.path.starts_with("orchestrator/src/process") && spawns(source))
        .map(|source| source.path)
        .collect();
    let allowed: Vec<&str> = MAY_SPAWN.into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, allowed, "sources that spawn processes");
}

#[test]
fn sql_stands_in_the_store_only() {
    let has_sql = |source: &Source| {
        source.code_contains(&["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA "])
    };
    let found: Vec<String> = sources().into_iter().filter(has_sql).map(|source| source.path).collect();
    assert!(found.iter().any(|path| path.starts_with("orchestrator/src/store/")), "the store has no SQL");
    let elsewhere: Vec<&String> =
        found.iter().filter(|path| !path.starts_with("orchestrator/src/store/")).collect();
    assert_eq!(elsewhere, Vec::<&String>::new(), "sources with SQL outside of the store");
}

#[test]
fn only_the_one_place_reads_the_clock_and_makes_ids() {
    let asks = |source: &Source| source.code_contains(&["SystemTime::now", "Uuid::now_v7", "Uuid::new_v4"]);
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            ["calendar/", "domain/", "orchestrator/"].iter().any(|part| source.path.starts_with(part))
        })
        .filter(asks)
        .map(|source| source.path)
        .collect();
    assert_eq!(found, ["orchestrator/src/system.rs"]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// What the part's manifest lists under `[dependencies]` and `[build-dependencies]`. What only its tests use is
/// theirs.
fn dependencies(part: &str) -> BTreeSet<String> {
    let manifest = root().join(part).join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let mut names = BTreeSet::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_inside = matches!(section, "dependencies" | "build-dependencies");
            let table = section.strip_prefix("dependencies.").map(str::to_owned);
            names.extend(table);
        } else if is_inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.insert(name.to_owned());
        }
    }
    names
}

/// A source that is not a test, by its path from the root of the workspace.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether one of the words stands in the code: comments and the tests at the file's end do not count.
    fn code_contains(&self, words: &[&str]) -> bool {
        let code = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        code.lines().filter(is_code).any(|line| words.iter().any(|word| line.contains(word)))
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root()).expect("the root of the workspace can be read").flatten() {
        if entry.path().join("Cargo.toml").is_file() {
            collect(&entry.path().join("src"), &mut found);
        }
    }
    assert!(found.len() > 50, "only {} sources found", found.len());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.ends_with("tests") {
            collect(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root()).expect("a source lies in the workspace").to_owned();
            found.push(Source { path: path.to_string_lossy().into_owned(), text });
        }
    }
}
