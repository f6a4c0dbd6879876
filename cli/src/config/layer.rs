//! One layer over another: reading a file strictly, and remembering which layer each value came from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check;
use super::environment::Environment;
use super::file::{ConfigFile, HarnessEntry, Limits, TimeoutsEntry};
use super::workspace::WorktreesEntry;
use super::{Config, Flags, Origin};
use crate::failure::Failure;
use crate::place;

/// The layers so far.
pub(super) struct Layers {
    merged: ConfigFile,
    origins: BTreeMap<String, Origin>,
    files: Vec<PathBuf>,
}

impl Layers {
    pub fn new(defaults: ConfigFile) -> Self {
        Self { merged: defaults, origins: BTreeMap::new(), files: Vec::new() }
    }

    /// A file that may be missing. Relative paths in it are relative to its folder.
    pub fn optional_file(&mut self, path: PathBuf, origin: fn(PathBuf) -> Origin) -> Result<bool, Failure> {
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        self.read(path, &base, origin)
    }

    /// The first of these files that is there. Relative paths in it are relative to `base`.
    pub fn first_of(&mut self, paths: Vec<PathBuf>, base: &Path) -> Result<(), Failure> {
        for path in paths {
            if self.read(path, base, Origin::Repository)? {
                break;
            }
        }
        Ok(())
    }

    /// A file that must be there.
    pub fn file(&mut self, path: PathBuf, origin: fn(PathBuf) -> Origin) -> Result<(), Failure> {
        if self.optional_file(path.clone(), origin)? {
            return Ok(());
        }
        Err(Failure::bad_input(format!("there is no config file {}", path.display())))
    }

    fn read(&mut self, path: PathBuf, base: &Path, origin: fn(PathBuf) -> Origin) -> Result<bool, Failure> {
        self.files.push(path.clone());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(Failure::file("read the config", &path, &error)),
        };
        let mut layer = check::parse(&path, &bytes)?;
        if let Some(folder) = &mut layer.data_dir {
            *folder = shown(&place::absolute(base, folder));
        }
        if let Some(url) = &mut layer.database_url {
            *url = absolute_url(base, url);
        }
        self.put(layer, &origin(path));
        Ok(true)
    }

    /// What the environment says.
    pub fn environment(&mut self, environment: &Environment, base: &Path) -> Result<(), Failure> {
        if let Some(name) = environment.get("AGENTS_NAMESPACE") {
            let layer = ConfigFile { namespace: Some(name.to_owned()), ..ConfigFile::default() };
            self.put(layer, &Origin::Environment("AGENTS_NAMESPACE"));
        }
        if let Some(url) = environment.get("AGENTS_DATABASE_URL") {
            let database_url = Some(absolute_url(base, url));
            let layer = ConfigFile { database_url, ..ConfigFile::default() };
            self.put(layer, &Origin::Environment("AGENTS_DATABASE_URL"));
        }
        if let Some(folder) = environment.get("AGENTS_DATA_DIR") {
            let data_dir = Some(shown(&place::absolute(base, folder)));
            let layer = ConfigFile { data_dir, ..ConfigFile::default() };
            self.put(layer, &Origin::Environment("AGENTS_DATA_DIR"));
        }
        if let Some(concurrency) = number(environment, "AGENTS_CONCURRENCY")? {
            let layer = ConfigFile { concurrency: Some(concurrency), ..ConfigFile::default() };
            self.put(layer, &Origin::Environment("AGENTS_CONCURRENCY"));
        }
        if let Some(timeout_ms) = number(environment, "AGENTS_TIMEOUT_MS")? {
            let layer = ConfigFile { timeout_ms: Some(timeout_ms.into()), ..ConfigFile::default() };
            self.put(layer, &Origin::Environment("AGENTS_TIMEOUT_MS"));
        }
        Ok(())
    }

    /// What the command line says.
    pub fn flags(&mut self, flags: &Flags, base: &Path) {
        if let Some(name) = &flags.namespace {
            let layer = ConfigFile { namespace: Some(name.clone()), ..ConfigFile::default() };
            self.put(layer, &Origin::Flag("--namespace"));
        }
        if let Some(url) = &flags.database_url {
            let database_url = Some(absolute_url(base, url));
            self.put(ConfigFile { database_url, ..ConfigFile::default() }, &Origin::Flag("--database-url"));
        }
        if let Some(concurrency) = flags.concurrency {
            let layer = ConfigFile { concurrency: Some(concurrency), ..ConfigFile::default() };
            self.put(layer, &Origin::Flag("--concurrency"));
        }
        if let Some(folder) = &flags.data_dir {
            let layer = ConfigFile { data_dir: Some(shown(folder)), ..ConfigFile::default() };
            self.put(layer, &Origin::Flag("--folder"));
        }
    }

    /// The folders that nothing has named: the user's data folder, and the database in the data folder.
    pub fn data_folder(&mut self, default: Option<PathBuf>) {
        if self.merged.data_dir.is_none() {
            self.merged.data_dir = default.map(|folder| shown(&folder));
        }
        if self.merged.database_url.is_none() {
            let in_folder =
                |folder: &String| format!("sqlite:{}", shown(&Path::new(folder).join("agents.db")));
            self.merged.database_url = self.merged.data_dir.as_ref().map(in_folder);
        }
    }

    pub fn finish(self) -> Config {
        Config { file: self.merged, origins: self.origins, files: self.files }
    }

    fn put(&mut self, layer: ConfigFile, origin: &Origin) {
        for (key, _) in leaves(&layer) {
            self.origins.insert(key, origin.clone());
        }
        overlay(&mut self.merged, layer);
    }
}

/// The values of a file by the paths of their keys; a list is one value.
pub(super) fn leaves(file: &ConfigFile) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    // A config holds only strings, numbers, lists and maps with text keys, which are always JSON.
    let value = serde_json::to_value(file).unwrap_or_default();
    collect(String::new(), value, &mut found);
    found
}

fn collect(path: String, value: Value, to: &mut Vec<(String, Value)>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            let deeper = if path.is_empty() { key } else { format!("{path}.{key}") };
            collect(deeper, value, to);
        }
    } else {
        to.push((path, value));
    }
}

fn overlay(below: &mut ConfigFile, above: ConfigFile) {
    let ConfigFile {
        schema: _,
        namespace,
        database_url,
        data_dir,
        timeout_ms,
        start_timeout_ms,
        silence_timeout_ms,
        timeouts,
        max_output_bytes,
        lease_ms,
        grace_ms,
        concurrency,
        harness_defaults,
        reviewers,
        review_model,
        harness_fallback,
        harnesses,
        ai_providers,
        permissions,
        prices,
        limits: Limits { max_jobs, attempt, job, assignment, day, expected_cost },
        retention,
        notifications,
        checks,
        check_timeout_ms,
        guards,
        workspace,
        checkpoint_author,
        setup,
        copy,
        setup_timeout_ms,
        worktrees: WorktreesEntry { keep, max_bytes },
        workflows,
    } = above;
    replace(&mut below.namespace, namespace);
    replace(&mut below.database_url, database_url);
    replace(&mut below.data_dir, data_dir);
    replace(&mut below.timeout_ms, timeout_ms);
    replace(&mut below.start_timeout_ms, start_timeout_ms);
    replace(&mut below.silence_timeout_ms, silence_timeout_ms);
    for (job_type, entry) in timeouts {
        overlay_timeouts(below.timeouts.entry(job_type).or_default(), &entry);
    }
    replace(&mut below.max_output_bytes, max_output_bytes);
    replace(&mut below.lease_ms, lease_ms);
    replace(&mut below.grace_ms, grace_ms);
    replace(&mut below.concurrency, concurrency);
    below.harness_defaults.extend(harness_defaults);
    replace(&mut below.reviewers, reviewers);
    replace(&mut below.review_model, review_model);
    below.harness_fallback.extend(harness_fallback);
    for (name, entry) in harnesses {
        overlay_harness(below.harnesses.entry(name).or_default(), entry);
    }
    for (name, entry) in ai_providers {
        below.ai_providers.entry(name).or_default().overlay(entry);
    }
    below.permissions.extend(permissions);
    below.prices.extend(prices);
    replace(&mut below.limits.max_jobs, max_jobs);
    below.limits.attempt.overlay(&attempt);
    below.limits.job.overlay(&job);
    below.limits.assignment.overlay(&assignment);
    below.limits.day.overlay(&day);
    replace(&mut below.limits.expected_cost, expected_cost);
    below.retention.overlay(retention);
    replace(&mut below.notifications, notifications);
    replace(&mut below.checks, checks);
    replace(&mut below.check_timeout_ms, check_timeout_ms);
    below.guards.extend(guards);
    replace(&mut below.workspace, workspace);
    replace(&mut below.checkpoint_author, checkpoint_author);
    replace(&mut below.setup, setup);
    replace(&mut below.copy, copy);
    replace(&mut below.setup_timeout_ms, setup_timeout_ms);
    replace(&mut below.worktrees.keep, keep);
    replace(&mut below.worktrees.max_bytes, max_bytes);
    replace(&mut below.workflows.versions_kept, workflows.versions_kept);
}

fn overlay_harness(below: &mut HarnessEntry, above: HarnessEntry) {
    let HarnessEntry { command, args, env, model, stream } = above;
    replace(&mut below.command, command);
    replace(&mut below.args, args);
    below.env.extend(env);
    replace(&mut below.model, model);
    replace(&mut below.stream, stream);
}

fn overlay_timeouts(below: &mut TimeoutsEntry, above: &TimeoutsEntry) {
    let TimeoutsEntry { timeout_ms, start_timeout_ms, silence_timeout_ms } = *above;
    replace(&mut below.timeout_ms, timeout_ms);
    replace(&mut below.start_timeout_ms, start_timeout_ms);
    replace(&mut below.silence_timeout_ms, silence_timeout_ms);
}

fn replace<T>(below: &mut Option<T>, above: Option<T>) {
    if above.is_some() {
        *below = above;
    }
}

/// No such file, or a folder on the way to it is none.
fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory
}

fn number(environment: &Environment, name: &'static str) -> Result<Option<u32>, Failure> {
    let Some(text) = environment.get(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        Ok(_) | Err(_) => Err(Failure::bad_input(format!(
            "environment variable {name} is `{text}`, and must be a whole number above 0"
        ))),
    }
}

/// The address of a database file with an absolute path, so that every process gives it the same name.
fn absolute_url(base: &Path, url: &str) -> String {
    let path = match url.split_once(':') {
        Some(("sqlite" | "file", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        // Another kind of database; the store says what it thinks of it.
        Some((scheme, _)) if scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            return url.to_owned();
        }
        Some(_) | None => url,
    };
    if path.is_empty() {
        return url.to_owned();
    }
    format!("sqlite:{}", shown(&place::absolute(base, path)))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_home_folder_the_error_names_the_variable_that_helps() {
        let mut layers = Layers::new(ConfigFile::default());
        layers.data_folder(None);
        let failure = layers.finish().database_url().map(str::to_owned).unwrap_err();
        assert!(failure.hints[0].contains("AGENTS_DATA_DIR"), "{failure:?}");
    }

    #[test]
    fn the_address_of_a_database_file_is_the_same_from_every_folder() {
        let check = |url: &str, absolute: &str| assert_eq!(absolute_url(Path::new("/base"), url), absolute);
        check("sqlite:x.db", "sqlite:/base/x.db");
        check("sqlite:///y/x.db", "sqlite:/y/x.db");
        check("y/./x.db", "sqlite:/base/y/x.db");
        check("postgres://host/db", "postgres://host/db");
        check("sqlite:", "sqlite:");
    }
}
