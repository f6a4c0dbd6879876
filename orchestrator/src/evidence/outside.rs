//! Files outside of the workspace that an agent has written to, as far as its own stream tells: by its tools for writing.
//! What its commands have written cannot be seen here.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use agents_domain::agent_event::AgentEvent;
use agents_domain::harness::StreamReader;
use serde_json::Value;

use super::Scene;
use crate::attempt::{Line, Tail, files};

/// A longer stream is not read again.
const STREAM_MOST: u64 = 64 << 20;
/// So many places are told.
const MOST: usize = 10;
/// The tools that write files: of Claude Code, of Codex, of Gemini CLI.
const WRITERS: [&str; 8] =
    ["Write", "Edit", "MultiEdit", "NotebookEdit", "file_change", "write_file", "replace", "edit"];
/// Where they name the file.
const PATHS: [&str; 4] = ["file_path", "notebook_path", "absolute_path", "path"];

/// The places, once each.
pub(super) async fn written(scene: Scene<'_>) -> Vec<String> {
    let Scene { claimed, around, settings, .. } = scene;
    let Some(harness) = settings.harnesses.get(&claimed.attempt.harness) else { return Vec::new() };
    let own = files(&around.data_folder, claimed.attempt.id);
    let is_short = std::fs::metadata(own.stdout()).is_ok_and(|found| found.len() <= STREAM_MOST);
    let Some(file) = File::open(own.stdout()).ok().filter(|_| is_short) else { return Vec::new() };
    let top = claimed.assignment.worktree.as_ref().map_or(scene.folder(), crate::workspace::top);
    let mut inside = vec![top.to_owned(), own.folder];
    inside.extend(top.canonicalize());
    inside.extend(apart());
    let reader = harness.reader();
    let folder = scene.folder().to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let paths = paths(Tail::of(file), reader);
        paths.into_iter().filter_map(|path| outside(&path, &folder, &inside)).take(MOST).collect()
    });
    read.await.unwrap_or_default()
}

/// Where everybody writes, and where agent CLIs keep what is their own.
fn apart() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/tmp", "/var/tmp", "/dev"].map(PathBuf::from).to_vec();
    folders.push(std::env::temp_dir());
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    folders.extend(home.iter().flat_map(|home| [".claude", ".codex", ".gemini"].map(|own| home.join(own))));
    folders
}

/// What the agent's tools for writing were called on, and did not fail with.
fn paths(mut tail: Tail, mut reader: Box<dyn StreamReader>) -> Vec<String> {
    let mut calls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without_id = Vec::new();
    let mut take = |event: AgentEvent<'_>| match event {
        AgentEvent::ToolCall { id, name, input } if WRITERS.contains(&&*name) => {
            let named = serde_json::from_str(&input).map(|input| named(&input)).unwrap_or_default();
            match id.is_empty() {
                true => without_id.extend(named),
                false => calls.entry(id.into_owned()).or_default().extend(named),
            }
        }
        AgentEvent::ToolResult { id, is_error: true, .. } => {
            calls.remove(&*id);
        }
        AgentEvent::ToolCall { .. }
        | AgentEvent::ToolResult { .. }
        | AgentEvent::Started { .. }
        | AgentEvent::Text { .. }
        | AgentEvent::Thinking { .. }
        | AgentEvent::Usage { .. }
        | AgentEvent::Retry { .. }
        | AgentEvent::RateLimit { .. }
        | AgentEvent::Denied { .. }
        | AgentEvent::Notice { .. }
        | AgentEvent::Final(_)
        | AgentEvent::Unrecognized { .. } => {}
    };
    let mut lines = |line: Line<'_>| {
        if let Line::Whole(line) = line {
            reader.line(line, &mut take);
        }
    };
    while matches!(tail.read(&mut lines), Ok(1..)) {
        // There may be more.
    }
    tail.finish(&mut lines);
    let mut all: Vec<String> = calls.into_values().flatten().chain(without_id).collect();
    all.sort();
    all.dedup();
    all
}

fn named(input: &Value) -> Vec<String> {
    match input {
        Value::Object(fields) => {
            PATHS.iter().filter_map(|name| fields.get(*name)?.as_str().map(str::to_owned)).take(1).collect()
        }
        // Codex: a list of changes.
        Value::Array(changes) => changes.iter().flat_map(named).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The path without its dots, if it is in none of these folders.
fn outside(path: &str, folder: &Path, inside: &[PathBuf]) -> Option<String> {
    let mut whole = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
        }
    }
    let is_inside = inside.iter().any(|folder| whole.starts_with(folder));
    (!is_inside).then(|| whole.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_outside_if_its_dots_lead_there() {
        let check = |path: &str, expected: Option<&str>| {
            let inside = ["/code/shop".into(), "/tmp".into()];
            assert_eq!(outside(path, Path::new("/code/shop/web"), &inside).as_deref(), expected, "{path}");
        };
        check("a.rs", None);
        check("../a.rs", None);
        check("/code/shop/a.rs", None);
        check("/tmp/x", None);
        check("../../other/a.rs", Some("/code/other/a.rs"));
        check("/code/shopping/a.rs", Some("/code/shopping/a.rs"));
        check("/home/me/./x/../.bashrc", Some("/home/me/.bashrc"));
    }

    #[test]
    fn tools_name_their_files_each_in_its_own_way() {
        let check = |input: &str, expected: &[&str]| {
            assert_eq!(named(&serde_json::from_str(input).unwrap()), expected, "{input}");
        };
        check(r#"{"file_path": "/a", "content": "x"}"#, &["/a"]);
        check(r#"{"notebook_path": "/a.ipynb"}"#, &["/a.ipynb"]);
        check(r#"[{"path": "/a", "kind": "add"}, {"path": "/b", "kind": "delete"}]"#, &["/a", "/b"]);
        check(r#"{"file_path": 7}"#, &[]);
        check("7", &[]);
    }
}
