//! What a configuration must be: JSON of the right form, known keys, harnesses that exist. Errors name the file,
//! the key and, for a wrong name, the one that was probably meant.

use std::path::{Component, Path};

use agents_domain::evidence::Guard;
use agents_domain::fallback::Fallbacks;
use agents_domain::job_type::JobType;
use jiff::tz::TimeZone;

use super::file::ConfigFile;
use super::{Config, checks, schema};
use crate::failure::Failure;
use crate::place::Place;
use crate::settings_source;
use crate::suggestion;

/// Reads a configuration file strictly.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<ConfigFile, Failure> {
    let shown = path.display();
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Failure::bad_input(format!("{shown}: not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut unknown: Vec<Vec<String>> = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown.push(segments(&path)));
    let read = read.and_then(|file: ConfigFile| json.end().map(|()| file));
    let is_json =
        || serde_json::from_str::<serde::de::IgnoredAny>(text.trim_start_matches('\u{feff}')).is_ok();
    let file = read.map_err(|error| bad_file((path, &track.path().to_string()), &error, is_json()))?;
    match unknown.first() {
        Some(key) => Err(unknown_key(path, key)),
        None => Ok(file),
    }
}

/// `is_json`: the file can be read as JSON, so that only its form is wrong.
fn bad_file((path, key): (&Path, &str), error: &serde_json::Error, is_json: bool) -> Failure {
    let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
    let said = error.to_string();
    // serde_json ends its message with the place, which we say first.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let said = &in_words_of_json(said);
    match error.classify() {
        // Of an enum that is no text serde_json says that the syntax is wrong.
        serde_json::error::Category::Syntax if is_json => {
            Failure::bad_input(format!("{place}: `{key}`: its value is of the wrong type"))
                .hint("docs/configuration.md lists every key with its type")
        }
        serde_json::error::Category::Data if key == "." => Failure::bad_input(format!("{place}: {said}")),
        serde_json::error::Category::Data => Failure::bad_input(format!("{place}: `{key}`: {said}"))
            .hint("docs/configuration.md lists every key with its type"),
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => Failure::bad_input(format!("{place}: not JSON: {said}"))
            .hint("JSON has no comments, no single quotes and no comma after the last entry"),
    }
}

/// Types of this program are objects in the file.
fn in_words_of_json(said: &str) -> String {
    match said.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected an object"),
        None => said.to_owned(),
    }
}

fn unknown_key(path: &Path, key: &[String]) -> Failure {
    let name = key.last().map_or("", String::as_str);
    let failure = Failure::bad_input(format!("{}: unknown key `{}`", path.display(), key.join(".")));
    if name == "convexUrl" {
        return failure.hint(
            "assignments are kept in a local database now, and there is nothing to deploy: remove `convexUrl`; \
             `databaseUrl` can move the database",
        );
    }
    let known = schema::keys_at(&key[..key.len().saturating_sub(1)]);
    failure.hint(suggestion::did_you_mean(name, &known, "known here are"))
}

/// The names on the way to an ignored key.
fn segments(path: &serde_ignored::Path<'_>) -> Vec<String> {
    use serde_ignored::Path as Ignored;
    match path {
        Ignored::Root => Vec::new(),
        Ignored::Seq { parent, index } => with(parent, index.to_string()),
        Ignored::Map { parent, key } => with(parent, key.clone()),
        Ignored::Some { parent } | Ignored::NewtypeStruct { parent } | Ignored::NewtypeVariant { parent } => {
            segments(parent)
        }
    }
}

fn with(parent: &serde_ignored::Path<'_>, name: String) -> Vec<String> {
    let mut names = segments(parent);
    names.push(name);
    names
}

/// What the layers amount to must make sense as a whole.
pub(super) fn check(config: &Config, place: Option<&Place>) -> Result<(), Failure> {
    config.namespace()?;
    config.workspace(std::path::PathBuf::new())?;
    for (name, entry) in config.harnesses() {
        settings_source::build_harness(name, entry, TimeZone::UTC).map_err(|why| {
            let key = format!("harnesses.{name}");
            Failure::bad_input(why).hint(from(config, &key)).hint_if(meant_built_in(name))
        })?;
    }
    config.providers().map_err(|(name, why)| {
        let key = format!("aiProviders.{name}");
        Failure::bad_input(format!("{key}: {why}")).hint(from(config, &key))
    })?;
    let known = settings_source::harness_names(config);
    for (job_type, harness) in &config.file.harness_defaults {
        let key = format!("harnessDefaults.{job_type}");
        if !known.contains(harness) {
            return Err(Failure::bad_input(format!("{key}: there is no harness `{harness}`"))
                .hint(suggestion::did_you_mean(harness, &known, "there are"))
                .hint("define it under `harnesses` with a `command` to make any other CLI usable")
                .hint(from(config, &key)));
        }
        if job_type != "default" {
            check_job_type(config, place, &key, job_type)?;
        }
    }
    check_reviewers(config, &known)?;
    check_fallbacks(config, &known)?;
    for job_type in config.file.permissions.keys() {
        check_job_type(config, place, &format!("permissions.{job_type}"), job_type)?;
    }
    check_setup(config)?;
    checks::refuse(&config.checks())
        .map_err(|why| Failure::bad_input(format!("checks: {why}")).hint(from(config, "checks")))?;
    check_guards(config)
}

/// Commands of `setup` say something, and what is copied is below the main checkout.
fn check_setup(config: &Config) -> Result<(), Failure> {
    let mut commands = config.file.setup.iter().flatten();
    if commands.any(|command| command.trim().is_empty()) {
        return Err(Failure::bad_input("setup: a command is empty").hint(from(config, "setup")));
    }
    for name in config.file.copy.iter().flatten() {
        let mut parts = Path::new(name).components().peekable();
        let why = if parts.peek().is_none() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            "is no path below the main checkout"
        } else if name.contains(['*', '?']) {
            "is a pattern, and only names are copied"
        } else {
            continue;
        };
        return Err(Failure::bad_input(format!("copy: `{name}` {why}"))
            .hint("write the name of a file or folder relative to the top of the repository: \".env\"")
            .hint(from(config, "copy")));
    }
    Ok(())
}

fn check_guards(config: &Config) -> Result<(), Failure> {
    let known: Vec<String> = Guard::ALL.into_iter().map(|guard| guard.as_str().to_owned()).collect();
    match config.file.guards.keys().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(Failure::bad_input(format!("guards: there is no guard `{unknown}`"))
            .hint(suggestion::did_you_mean(unknown, &known, "there are"))
            .hint(from(config, &format!("guards.{unknown}")))),
    }
}

fn check_reviewers(config: &Config, known: &[String]) -> Result<(), Failure> {
    let named = config.file.reviewers.iter().flatten();
    match named.into_iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(Failure::bad_input(format!("reviewers: there is no harness `{unknown}`"))
            .hint(suggestion::did_you_mean(unknown, known, "there are"))
            .hint(from(config, "reviewers"))),
    }
}

/// Both sides must be harnesses, and a chain of them must have an end.
fn check_fallbacks(config: &Config, known: &[String]) -> Result<(), Failure> {
    let known: Vec<String> = known.iter().cloned().chain(settings_source::worker_names(config)).collect();
    let kind = |name: &str| match agents_harnesses::is_worker(name) {
        true => name.split(':').next().map(str::to_owned),
        false => None,
    };
    for (harness, fallback) in config.fallback_pairs() {
        let key = format!("harnessFallback.{harness}");
        if known.contains(&harness) && known.contains(&fallback) && kind(&harness) != kind(&fallback) {
            return Err(Failure::bad_input(format!("{key}: {fallback} can't do what {harness} does"))
                .hint("an agent stands in for an agent, and ai:<provider> for ai:<provider>")
                .hint(from(config, &key)));
        }
        if let Some(unknown) = [&harness, &fallback].into_iter().find(|name| !known.contains(name)) {
            return Err(Failure::bad_input(format!("{key}: there is no harness `{unknown}`"))
                .hint(suggestion::did_you_mean(unknown, &known, "there are"))
                .hint(from(config, &key)));
        }
    }
    Fallbacks::new(config.fallback_pairs()).map(|_| ()).map_err(|circle| {
        let key = format!("harnessFallback.{}", circle.0.first().map_or("", String::as_str));
        Failure::bad_input(format!("harnessFallback: {circle}"))
            .hint("take one of them away; null takes away what another config file says")
            .hint(from(config, &key))
    })
}

/// A key must be able to be a job type, and must not look like a misspelt built-in one.
fn check_job_type(config: &Config, place: Option<&Place>, key: &str, job_type: &str) -> Result<(), Failure> {
    if JobType::BUILT_IN.contains(&job_type) {
        return Ok(());
    }
    let named = JobType::new(job_type)
        .map_err(|bad| Failure::bad_input(format!("{key}: {bad}")).hint(from(config, key)))?;
    let built_in: Vec<String> = JobType::BUILT_IN.into_iter().map(str::to_owned).collect();
    let Some(meant) = suggestion::nearest(job_type, &built_in) else { return Ok(()) };
    if settings_source::has_template(place, &named) {
        return Ok(());
    }
    Err(Failure::bad_input(format!("{key}: there is no job type `{job_type}`; did you mean `{meant}`?"))
        .hint(format!("a type of your own needs a template: .agents/templates/{job_type}.md"))
        .hint(from(config, key)))
}

fn meant_built_in(name: &str) -> Option<String> {
    let known: Vec<String> = settings_source::builtin_names();
    suggestion::nearest(name, &known)
        .filter(|meant| *meant != name)
        .map(|meant| format!("did you mean `{meant}`?"))
}

/// Where a value that is wrong came from: of a whole table, where its first value did.
fn from(config: &Config, key: &str) -> String {
    let inside = format!("{key}.");
    let is_it = |(name, _): &(&String, _)| *name == key || name.starts_with(&inside);
    let origin = config.origins.iter().find(is_it).map_or(&super::Origin::Default, |(_, origin)| origin);
    format!("it comes from: {origin}")
}
