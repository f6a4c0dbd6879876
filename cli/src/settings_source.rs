//! From the configuration to what the engine needs: harnesses, permissions, folders. The one place that makes
//! harnesses.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agents_domain::aggregate::HarnessDefaults;
use agents_domain::harness::{Harness, Probe};
use agents_domain::job_type::JobType;
use agents_harnesses::{HarnessSettings, StreamKind};
use agents_orchestrator::evidence::EvidenceSettings;
use agents_orchestrator::settings::{NewAssignments, Settings, SettingsSource};
use jiff::tz::TimeZone;

use crate::config::file::{HarnessEntry, StreamName};
use crate::config::{Config, Environment, Flags, Sources};
use crate::failure::Failure;
use crate::place::{self, Place};

/// The names of the harnesses that need no configuration.
pub fn builtin_names() -> Vec<String> {
    agents_harnesses::builtin_names().into_iter().map(str::to_owned).collect()
}

/// Every harness that a job may name: the built-in ones, then those of the config.
pub fn harness_names(config: &Config) -> Vec<String> {
    let mut names = builtin_names();
    let more: Vec<String> = config.harnesses().keys().filter(|name| !names.contains(name)).cloned().collect();
    names.extend(more);
    names
}

/// The harnesses of runs: `exec`, `http`, and `ai:` with each provider.
pub fn worker_names(config: &Config) -> Vec<String> {
    // A provider that can't be made was refused with the config.
    let workers = agents_harnesses::workers(config.providers().unwrap_or_default());
    workers.iter().map(|worker| worker.name().to_owned()).collect()
}

/// The harness of that name with what the config says of it; the error is for a person. `zone` matters to who reads
/// its stream only; finding that of the system takes a millisecond, since all zones there are are listed.
pub fn build_harness(name: &str, entry: &HarnessEntry, zone: TimeZone) -> Result<Arc<dyn Harness>, String> {
    let settings = HarnessSettings {
        command: entry.command.as_ref().map(|command| command.0.clone()),
        args: entry.args.clone().unwrap_or_default(),
        env: entry.env.clone(),
        model: entry.model.clone(),
        stream: entry.stream.map(stream_kind),
        time_zone: zone,
    };
    agents_harnesses::build(name, &settings).map_err(|error| error.to_string())
}

fn stream_kind(name: StreamName) -> StreamKind {
    match name {
        StreamName::Claude => StreamKind::Claude,
        StreamName::Codex => StreamKind::Codex,
        StreamName::Gemini => StreamKind::Gemini,
        StreamName::Text => StreamKind::Text,
    }
}

/// The harness of that name as it is configured.
pub fn harness(config: &Config, name: &str) -> Result<Arc<dyn Harness>, String> {
    let default = HarnessEntry::default();
    build_harness(name, config.harnesses().get(name).unwrap_or(&default), TimeZone::system())
}

/// How to find out whether the CLI of that harness is there.
pub fn probe(config: &Config, name: &str) -> Result<Probe, String> {
    let default = HarnessEntry::default();
    let entry = config.harnesses().get(name).unwrap_or(&default);
    build_harness(name, entry, TimeZone::UTC).map(|harness| harness.probe())
}

/// The built-in harnesses whose CLI is installed and has an account, as far as can be told without starting it.
pub fn usable_built_in(config: &Config) -> Vec<String> {
    let is_usable = |name: &String| {
        let has_own_env = config.harnesses().get(name).is_some_and(|entry| !entry.env.is_empty());
        // A harness that can't be made is refused with the config.
        probe(config, name)
            .is_ok_and(|probe| (has_own_env || has_login(&probe)) && which::which(&probe.program).is_ok())
    };
    builtin_names().into_iter().filter(is_usable).collect()
}

/// Whether the CLI will find an account, as far as can be told without starting it.
pub fn has_login(probe: &Probe) -> bool {
    if probe.credentials.is_empty() && probe.login_files.is_empty() {
        return true;
    }
    let is_set = |name: &String| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let home = place::home();
    let is_there = |file: &String| home.as_ref().is_some_and(|home| home.join(file).exists());
    probe.credentials.iter().any(is_set) || probe.login_files.iter().any(is_there)
}

/// Folders with templates that win over the built-in ones, the first one most.
pub fn template_folders(place: Option<&Place>) -> Vec<PathBuf> {
    let mut folders = place.map(Place::template_folders).unwrap_or_default();
    folders.extend(place::user_templates());
    folders
}

/// Whether a type of the user's own has a template.
pub fn has_template(place: Option<&Place>, job_type: &JobType) -> bool {
    let file = format!("{job_type}.md");
    template_folders(place).iter().any(|folder| folder.join(&file).is_file())
}

/// Every type of job that has a template: the built-in ones, then those of the user.
pub fn job_types(place: Option<&Place>) -> Vec<String> {
    let mut types: Vec<String> = JobType::TEMPLATED.into_iter().map(str::to_owned).collect();
    for folder in template_folders(place) {
        // A folder that is not there has no templates.
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".md").and_then(|stem| JobType::new(stem).ok()) else {
                continue;
            };
            if !types.iter().any(|known| known == name.as_str()) {
                types.push(name.to_string());
            }
        }
    }
    types
}

/// The engine's settings out of a configuration.
pub fn settings(config: &Config, place: Option<&Place>) -> Result<Settings, Failure> {
    let mut harnesses = BTreeMap::new();
    for name in harness_names(config) {
        let built = harness(config, &name).map_err(Failure::bad_input)?;
        harnesses.insert(name, built);
    }
    let providers = config.providers();
    let providers =
        providers.map_err(|(name, why)| Failure::bad_input(format!("aiProviders.{name}: {why}")))?;
    harnesses.extend(
        agents_harnesses::workers(providers).into_iter().map(|worker| (worker.name().to_owned(), worker)),
    );
    let data_folder = config.data_folder()?;
    let agents_env = vec![
        ("AGENTS_DATABASE_URL".to_owned(), config.database_url()?.to_owned()),
        ("AGENTS_DATA_DIR".to_owned(), data_folder.display().to_string()),
    ];
    Ok(Settings {
        harnesses,
        harness_defaults: config.harness_defaults(),
        fallbacks: config.fallbacks(),
        timeouts: config.timeouts(None),
        timeouts_by_type: config
            .types_with_timeouts()
            .map(|name| (name.clone(), config.timeouts(Some(name))))
            .collect(),
        max_output: config.max_output(),
        grace: config.grace(),
        prices: config.prices(),
        models: config.models(),
        terms: config.terms(),
        new_assignments: NewAssignments {
            limits: config.own_limits(),
            max_jobs: config.max_jobs(),
            checks: config.checks(),
        },
        retention: config.retention(),
        evidence: EvidenceSettings {
            check_timeout: config.check_timeout(),
            guards: config.guards(),
            key: place::receipts_key(),
        },
        access: config.permissions(),
        template_folders: template_folders(place),
        workspace: config.workspace(data_folder)?,
        agents_folders: agents_folders(config)?,
        agents_env,
    })
}

/// What `agents` itself writes when an agent runs it: the database, with the files beside it.
fn agents_folders(config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let url = config.database_url()?;
    let path = url.split_once(':').map_or(url, |(_, path)| path);
    let folder = Path::new(path.strip_prefix("//").unwrap_or(path)).parent().map(Path::to_owned);
    Ok(folder.into_iter().collect())
}

/// The settings of each workspace, read again when a configuration file has changed.
#[derive(Debug)]
pub struct ConfigSettings {
    flags: Flags,
    environment: Environment,
    current_folder: PathBuf,
    cache: Mutex<HashMap<PathBuf, Cached>>,
}

impl Cached {
    fn is_current(&self) -> bool {
        self.marks.iter().all(|(path, marked)| mark(path) == *marked)
    }
}

struct Cached {
    marks: Vec<(PathBuf, Mark)>,
    settings: Arc<Settings>,
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached").field("marks", &self.marks).finish_non_exhaustive()
    }
}

/// What changes when a file is written or replaced. `None`: it is not there.
type Mark = Option<(u64, u64, i64, i64)>;

impl ConfigSettings {
    /// Settings from the configuration of each workspace, under these options and this environment.
    pub fn new(flags: Flags, environment: Environment, current_folder: PathBuf) -> Self {
        Self { flags, environment, current_folder, cache: Mutex::new(HashMap::new()) }
    }

    fn load(&self, workspace: &Path) -> Result<Cached, Failure> {
        let place = Place::around(workspace);
        let sources = Sources {
            place: place.as_ref(),
            flags: &self.flags,
            environment: &self.environment,
            current_folder: &self.current_folder,
        };
        let config = Config::load(&sources)?;
        let settings = Arc::new(settings(&config, place.as_ref())?);
        Ok(Cached { marks: config.files().iter().map(|path| (path.clone(), mark(path))).collect(), settings })
    }
}

impl SettingsSource for ConfigSettings {
    fn for_workspace(&self, workspace: &Path) -> Result<Arc<Settings>, String> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.get(workspace).filter(|cached| cached.is_current()) {
            return Ok(Arc::clone(&cached.settings));
        }
        // A config that is wrong is not kept: it is read again for the next job, when it may be right. What was
        // right before stays, for `last_harness_defaults`; its marks are out of date.
        let loaded = self.load(workspace).map_err(|failure| {
            let hints = failure.hints.iter().map(|hint| format!("; {hint}")).collect::<String>();
            format!("{}{hints}", failure.message)
        })?;
        let settings = Arc::clone(&loaded.settings);
        cache.insert(workspace.to_owned(), loaded);
        Ok(settings)
    }

    fn last_harness_defaults(&self, workspace: &Path) -> Option<Arc<HarnessDefaults>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(workspace).map(|cached| Arc::clone(&cached.settings.harness_defaults))
    }
}

fn mark(path: &Path) -> Mark {
    let data = fs::metadata(path).ok()?;
    Some((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_edited_config_takes_effect_and_a_broken_one_says_what_is_wrong() {
        let temp = tempfile::tempdir().unwrap();
        let workspace = temp.path().join("repo");
        fs::create_dir_all(workspace.join(".agents")).unwrap();
        let file = workspace.join(".agents/config.json");
        let config = |timeout: &str| format!(r#"{{"dataDir": "data", "timeoutMs": {timeout}}}"#);
        fs::write(&file, config("1000")).unwrap();
        let source = ConfigSettings::new(Flags::default(), Environment::default(), temp.path().to_owned());
        let first = source.for_workspace(&workspace).unwrap();
        assert_eq!(first.timeouts.whole, Duration::from_secs(1));
        assert_eq!(first.agents_folders, [workspace.join("data")]);
        assert!(
            Arc::ptr_eq(&first, &source.for_workspace(&workspace).unwrap()),
            "it is kept while nothing changes"
        );
        fs::write(&file, config("20000")).unwrap();
        assert_eq!(source.for_workspace(&workspace).unwrap().timeouts.whole, Duration::from_secs(20));
        fs::write(&file, config("\"soon\"")).unwrap();
        let error = source.for_workspace(&workspace).err().unwrap();
        assert!(error.contains("config.json:1:") && error.contains("timeoutMs"), "{error}");
        assert_eq!(source.last_harness_defaults(&workspace), Some(first.harness_defaults.clone()));
        fs::write(&file, config("30000")).unwrap();
        assert_eq!(source.for_workspace(&workspace).unwrap().timeouts.whole, Duration::from_secs(30));
    }
}
