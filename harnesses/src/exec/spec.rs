//! What an `exec` is told: a command line for a shell, or a program with its arguments.

use std::collections::BTreeMap;

use agents_domain::secret::{self, is_variable};
use serde::{Deserialize, Serialize};

use crate::spec_error::{self, SpecError};

const WORKER: &str = "exec";

/// The most bytes of one argument that the system takes (Linux: 32 pages), the end byte included.
const ARGUMENT_BYTES: usize = 128 << 10;

/// One command. Its time limit is the job's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecSpec {
    /// A line, or lines, for the shell. Either this or `argv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A program and its arguments, which no shell looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// Not set: `sh` for `command`, `none` for `argv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
    /// The folder to run in, relative to the workspace. Not set: the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables to set. A value may refer to secrets; data in it must be [`secret::escape`]d.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Variables whose values are data: they are set as they are, whatever they look like, and win over `env`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// What it reads on standard input. Not set: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Exit codes that are a success. Not set: 0.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub success_exit_codes: Vec<i32>,
}

/// What reads the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    Bash,
    Sh,
    Pwsh,
    Cmd,
    /// None at all: `argv` is started as it is.
    None,
}

fn zero() -> Vec<i32> {
    vec![0]
}

fn is_zero(codes: &[i32]) -> bool {
    codes == [0]
}

impl ExecSpec {
    /// The spec in a job's context, if a worker can do it.
    pub fn read(text: &str) -> Result<Self, SpecError> {
        Self::read_all(text).map_err(|found| spec_error::first(found, WORKER))
    }

    /// The same, and everything for which no worker can do it.
    pub fn read_all(text: &str) -> Result<Self, Vec<SpecError>> {
        spec_error::read_all(WORKER, text, Self::problems)
    }

    /// The shell that reads it.
    pub fn shell(&self) -> Shell {
        self.shell.unwrap_or(if self.command.is_some() { Shell::Sh } else { Shell::None })
    }

    /// The program and its arguments.
    pub fn words(&self) -> Result<(String, Vec<String>), SpecError> {
        let bad = |field: &str, why: &str| Err(SpecError::new(WORKER, field, why));
        let (command, shell) = match (&self.command, &self.argv, self.shell()) {
            (Some(_), Some(_), _) => return bad("argv", "give either `command` or `argv`"),
            (None, None, _) => {
                return bad("command", "say what to run: `command` (a line of shell) or `argv`");
            }
            (None, Some(argv), Shell::None) => match argv.split_first() {
                Some((program, rest)) if !program.trim().is_empty() => {
                    return Ok((program.clone(), rest.to_vec()));
                }
                Some(_) | None => return bad("argv", "its first entry is the program, and there is none"),
            },
            (None, Some(_), Shell::Bash | Shell::Sh | Shell::Pwsh | Shell::Cmd) => {
                return bad("shell", "no shell reads `argv`; write the line as `command`");
            }
            (Some(_), None, Shell::None) => {
                return bad("shell", "without a shell there is no line to read; write the words as `argv`");
            }
            (Some(command), None, shell) => (command, shell),
        };
        if command.trim().is_empty() {
            return bad("command", "it is empty");
        }
        let words = |program: &str, args: &[&str], line: String| {
            let args = args.iter().map(|arg| (*arg).to_owned()).chain([line]).collect();
            Ok((program.to_owned(), args))
        };
        match shell {
            Shell::Bash => words("bash", &["-c"], command.clone()),
            Shell::Sh | Shell::None => words("sh", &["-c"], command.clone()),
            // By itself PowerShell ends with 1 whatever the last program's code was.
            Shell::Pwsh => words(
                "pwsh",
                &["-NoLogo", "-NoProfile", "-NonInteractive", "-Command"],
                format!(
                    "$ErrorActionPreference = 'stop'\n{command}\nif ($null -ne $LASTEXITCODE) {{ exit $LASTEXITCODE }}"
                ),
            ),
            // `!V!` is put in after the line was read.
            Shell::Cmd if !self.args.is_empty() => {
                words("cmd", &["/d", "/v:on", "/s", "/c"], command.clone())
            }
            Shell::Cmd => words("cmd", &["/d", "/s", "/c"], command.clone()),
        }
    }

    /// Whether a worker can do it; the error names the field.
    pub fn check(&self) -> Result<(), SpecError> {
        match self.problems() {
            found if found.is_empty() => Ok(()),
            found => Err(spec_error::first(found, WORKER)),
        }
    }

    /// Everything for which no worker can do it; each error names its field.
    pub fn problems(&self) -> Vec<SpecError> {
        let mut found = Vec::new();
        let mut bad = |field: String, why: &str| found.push(SpecError::new(WORKER, field, why));
        match self.words() {
            Ok((program, args)) => {
                for why in std::iter::once(&program).chain(&args).filter_map(|word| self.word_problem(word)) {
                    bad(if self.command.is_some() { "command" } else { "argv" }.to_owned(), why);
                }
            }
            Err(error) => bad(error.field, &error.why),
        }
        for (table, name, value) in self.variables() {
            if !is_variable(name) {
                bad(format!("{table}.{name}"), "no variable can be called so: use letters, digits and `_`");
            }
            if value.contains('\0') {
                bad(format!("{table}.{name}"), "it has a NUL character, which no variable can hold");
            }
        }
        for (name, value) in &self.env {
            if let Err(why) = secret::references(value) {
                bad(format!("env.{name}"), &why.to_string());
            }
        }
        if self.success_exit_codes.is_empty() {
            bad("successExitCodes".to_owned(), "name at least one code");
        }
        for (number, code) in self.success_exit_codes.iter().enumerate() {
            if !(0..=255).contains(code) {
                let why = format!("{code} is no exit code: they are 0 to 255");
                bad(format!("successExitCodes.{number}"), &why);
            }
        }
        found
    }

    fn word_problem(&self, word: &str) -> Option<&'static str> {
        if word.contains('\0') {
            return Some("it has a NUL character, which no program can be given");
        }
        // In an argument it may be data, which is nothing but a text.
        if self.command.is_some() && word.contains("${secret:") {
            return Some(
                "a secret here would be seen by everybody who lists processes; set a variable under `env` to it and use \
                 that",
            );
        }
        (word.len() >= ARGUMENT_BYTES)
            .then_some("it is longer than the system takes (128 KiB); put it into a file or `input`")
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, &String, &String)> {
        let env = self.env.iter().map(|(name, value)| ("env", name, value));
        env.chain(self.args.iter().map(|(name, value)| ("args", name, value)))
    }
}
