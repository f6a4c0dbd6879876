//! A job as the command line describes it: its type, harness, context and limits, checked before anything is
//! written.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A span of time on the command line, in milliseconds: `90s`, `1h30m`, `1500`.
pub use agents_definitions::milliseconds;
use agents_domain::decision::NewJob;
use agents_domain::job_type::JobType;

use crate::app::{App, Here};
use crate::failure::Failure;
use crate::settings_source;
use crate::suggestion;

/// Options that describe a job.
#[derive(Debug, Clone, clap::Args)]
pub struct JobOptions {
    /// Which agent CLI does it: claude, codex, gemini or one of the config [default: as configured for the type]
    #[arg(long, value_name = "NAME")]
    pub harness: Option<String>,
    /// What the agent is told; `-` reads standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "context_file", allow_hyphen_values = true)]
    pub context: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    pub context_file: Option<PathBuf>,
    /// The model [default: that of the harness]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub model: Option<String>,
    /// How long it may take: 90s, 30m, 2h, 1h30m, or milliseconds [default: timeoutMs of the config]
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    pub timeout: Option<u64>,
}

impl JobOptions {
    /// Whether any of them is given.
    pub fn any(&self) -> bool {
        let Self { harness, context, context_file, model, timeout } = self;
        harness.is_some()
            || context.is_some()
            || context_file.is_some()
            || model.is_some()
            || timeout.is_some()
    }

    /// The job of that type.
    pub fn job(&self, app: &App, here: &Here, job_type: &str) -> Result<NewJob, Failure> {
        let job_type = known_type(here, job_type)?;
        if let Some(harness) = &self.harness {
            check_harness(here, harness)?;
        }
        Ok(NewJob {
            id: app.new_job_id(),
            job_type,
            harness: self.harness.clone(),
            model: self.model.clone(),
            context: self.read_context()?,
            timeout_ms: self.timeout,
        })
    }

    fn read_context(&self) -> Result<String, Failure> {
        match (&self.context, &self.context_file) {
            (Some(dash), _) if dash == "-" => standard_input("the context"),
            (Some(context), _) => Ok(context.clone()),
            (None, Some(path)) => file(path, "the context"),
            (None, None) => Ok(String::new()),
        }
    }
}

/// The text of a file.
pub fn file(path: &Path, what: &str) -> Result<String, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::file(&format!("read {what} from"), path, &error))?;
    utf8(bytes, &path.display().to_string())
}

/// The text, or all of standard input where the text is `-`.
pub fn text_or_standard_input(text: &str, what: &str) -> Result<String, Failure> {
    if text == "-" { standard_input(what) } else { Ok(text.to_owned()) }
}

/// All of standard input, as text.
pub fn standard_input(what: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::bad_input(format!("can't read {what} from standard input: {error}")))?;
    utf8(bytes, "standard input")
}

fn utf8(bytes: Vec<u8>, from: &str) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::bad_input(format!("{from} is not UTF-8: the byte at offset {at} fits nowhere"))
            .hint("convert it, for example with `iconv -t utf-8`")
    })
}

fn known_type(here: &Here, text: &str) -> Result<JobType, Failure> {
    let place = here.place.as_ref();
    let unknown = |message: String| {
        let known = settings_source::job_types(place);
        Failure::usage(message)
            .hint(suggestion::did_you_mean(text, &known, "the types are"))
            .hint("a type of your own needs a template: .agents/templates/<type>.md")
    };
    let job_type = JobType::new(text).map_err(|bad| unknown(bad.to_string()))?;
    if job_type.is_chat() {
        return Err(Failure::usage("a chat is not a job of the list")
            .hint("ask with `agents chat <assignment> \"question\"`"));
    }
    if job_type.is_run() {
        return Err(Failure::usage("a run is made out of a definition, and is no job that can be inserted")
            .hint("start one with `agents run <definition>`"));
    }
    if JobType::BUILT_IN.contains(&job_type.as_str()) || settings_source::has_template(place, &job_type) {
        return Ok(job_type);
    }
    Err(unknown(format!("there is no job type `{text}`")))
}

pub fn check_harness(here: &Here, name: &str) -> Result<(), Failure> {
    if agents_harnesses::is_worker(name) {
        return Err(Failure::usage(format!("{name} does runs, and is no agent"))
            .hint("start a run with `agents run <definition>`"));
    }
    let known = settings_source::harness_names(&here.config);
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no harness `{name}`"))
        .hint(suggestion::did_you_mean(name, &known, "there are"))
        .hint("any other CLI becomes one with a `command` under `harnesses` in .agents/config.json"))
}

/// A warning if the program of that harness can't be found.
pub fn missing_program(here: &Here, harness: &str) -> Option<String> {
    // A harness that can't be made was refused with the config.
    let probe = settings_source::probe(&here.config, harness).ok()?;
    which::which(&probe.program).err()?;
    let program = probe.program;
    Some(format!("`{program}` of harness {harness} is not on PATH here: {}", probe.install))
}
