//! A harness that the config describes: any CLI that takes its prompt on standard input.
//!
//! Its arguments are exactly `command` and `args`, with these placeholders replaced wherever they stand:
//! `{model}`, `{sessionId}` (the attempt's id, a UUID), `{workspace}` and `{access}`. An argument with `{model}` is left
//! out when there is no model, and so is a flag (what begins with `-`) right before it, so that `["--model",
//! "{model}"]` becomes nothing. A session is never resumed: how that is asked for differs too much.

use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::{Invocation, StopSignal};

use crate::launch::{Environment, model, strings};
use crate::registry::{HarnessSettings, StreamKind};

/// A harness that the config describes.
#[derive(Debug)]
pub struct Custom {
    name: String,
    command: Vec<String>,
    settings: HarnessSettings,
}

impl Custom {
    /// With the config's settings; `command` is the program and its first arguments.
    pub fn new(name: &str, command: Vec<String>, settings: HarnessSettings) -> Self {
        Self { name: name.to_owned(), command, settings }
    }

    fn stream(&self) -> StreamKind {
        self.settings.stream.unwrap_or(StreamKind::Text)
    }
}

impl Harness for Custom {
    fn name(&self) -> &str {
        &self.name
    }

    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        let Some((program, first)) = self.command.split_first() else {
            return Err(HarnessError::EmptyCommand { harness: self.name.clone() });
        };
        let templates: Vec<&str> = first.iter().chain(&self.settings.args).map(String::as_str).collect();
        let environment = Environment::new(&[], &self.settings);
        Ok(Invocation {
            program: program.clone(),
            args: filled(&templates, request, model(request, &self.settings)),
            env: environment.set,
            env_remove: environment.remove,
            env_keep: environment.keep,
            cwd: request.workspace.clone(),
            stdin: request.prompt.clone(),
            files: Vec::new(),
            // Nothing is known of it, and it may be a script that leaves the work to a child.
            stop: StopSignal::TerminateGroup,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        self.stream().reader(&self.settings.time_zone)
    }

    fn usage_spans_session(&self) -> bool {
        match self.stream() {
            StreamKind::Codex => true,
            StreamKind::Claude | StreamKind::Gemini | StreamKind::Text => false,
        }
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn speaks_while_it_works(&self) -> bool {
        match self.stream() {
            StreamKind::Claude | StreamKind::Codex | StreamKind::Gemini => true,
            StreamKind::Text => false,
        }
    }

    fn probe(&self) -> Probe {
        let program = self.command.first().cloned().unwrap_or_default();
        Probe {
            install: format!("install `{program}` and put it on PATH"),
            program,
            args: strings(&["--version"]),
            credentials: Vec::new(),
            login_files: Vec::new(),
            login: String::new(),
        }
    }
}

fn filled(templates: &[&str], request: &HarnessRequest, model: Option<&str>) -> Vec<String> {
    let session = request.attempt.to_string();
    let workspace = request.workspace.to_string_lossy();
    let mut args: Vec<String> = Vec::with_capacity(templates.len());
    for (index, template) in templates.iter().enumerate() {
        if template.contains("{model}") && model.is_none() {
            let flag = index.checked_sub(1).map(|before| templates[before]);
            if flag.is_some_and(|flag| flag.starts_with('-') && !flag.contains("{model}")) {
                args.pop();
            }
            continue;
        }
        args.push(replaced(
            template,
            &[
                ("{model}", model.unwrap_or_default()),
                ("{sessionId}", &session),
                ("{workspace}", &workspace),
                ("{access}", request.access.as_str()),
            ],
        ));
    }
    args
}

/// Replaces in one pass, so that a value that looks like a placeholder stays as it is.
fn replaced(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled + rest
}
