//! A crontab: each job becomes a definition that runs its command, and a schedule that skips what was missed, as cron does.

use std::collections::{BTreeMap, BTreeSet};

use agents_calendar::{Pattern, Zone};
use agents_definitions::{At, Problem, Problems};
use agents_domain::schedule::{MissedPolicy, Overlap};

use super::crontab_line::{self, Job, Line};
use super::planned::{Import, NoteKind, PlannedDefinition, PlannedSchedule};
use super::yaml::{self, Entries, Yaml, text};
use super::{SourceFile, command_name, literal, name};

/// How a crontab is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrontabOptions {
    /// The time zone of lines before which no `CRON_TZ` stands.
    pub zone: String,
    /// It is one of the system's: a user stands between the times and the command.
    pub is_system: bool,
    /// Who runs what is imported.
    pub user: Option<String>,
    /// The folder in which cron starts commands.
    pub home: Option<String>,
}

/// Reads a crontab; or all that is wrong with it.
pub fn read(file: &SourceFile, options: &CrontabOptions) -> Result<Import, Problems> {
    let mut reader = Reader {
        file,
        options,
        import: Import::default(),
        problems: Vec::new(),
        variables: BTreeMap::new(),
        zone: options.zone.clone(),
        names: BTreeSet::new(),
        comment: None,
    };
    for (number, line) in file.text.lines().enumerate() {
        reader.line(At { line: number + 1, column: 1 }, line.trim_end_matches('\r'));
    }
    match reader.problems.is_empty() {
        true => Ok(reader.import),
        false => Err(Problems::new(&file.name, &file.text, reader.problems)),
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    options: &'a CrontabOptions,
    import: Import,
    problems: Vec<Problem>,
    variables: BTreeMap<String, String>,
    zone: String,
    names: BTreeSet<String>,
    /// The comment on the line before.
    comment: Option<String>,
}

impl Reader<'_> {
    fn line(&mut self, at: At, line: &str) {
        let comment = self.comment.take();
        match crontab_line::parse(line, self.options.is_system) {
            Ok(Line::Empty) => {}
            Ok(Line::Comment(text)) => self.comment = description(&text),
            Ok(Line::Variable { name, value }) => self.variable(at, name, value),
            Ok(Line::Job(job)) => self.job(at, &job, comment),
            Err(wrong) => {
                let at = At { column: wrong.column, ..at };
                self.problems.push(Problem::new(at, wrong.message, wrong.hint));
            }
        }
    }

    fn note(&mut self, kind: NoteKind, at: At, (what, why): (String, &str)) {
        self.import.note(kind, (&self.file.name, at), (what, why));
    }

    fn variable(&mut self, at: At, name: String, value: String) {
        match name.as_str() {
            "MAILTO" | "MAILFROM" | "CONTENT_TYPE" | "CONTENT_TRANSFER_ENCODING" => {
                let why = "no mail is sent: what a run prints is kept, and `agents notify` tells of failures";
                self.note(NoteKind::Skipped, at, (format!("{name}={value}"), why));
            }
            "RANDOM_DELAY" | "CRON_WITHIN" | "START_HOURS_RANGE" => {
                let why = "give the schedules a jitter of their own: agents schedule edit --jitter";
                self.note(NoteKind::Skipped, at, (format!("{name}={value}"), why));
            }
            "CRON_TZ" if value.is_empty() => self.zone.clone_from(&self.options.zone),
            "CRON_TZ" => match Zone::parse(&value) {
                Ok(zone) => zone.name().clone_into(&mut self.zone),
                Err(error) => {
                    let hint = "correct CRON_TZ, or take the line away";
                    self.problems.push(Problem::new(at, error.to_string(), hint));
                }
            },
            _ => {
                if name == "TZ" {
                    let why = "commands get it; due times go by CRON_TZ, or else by the zone of --zone or the system";
                    self.note(NoteKind::Changed, at, (format!("TZ={value}"), why));
                }
                if looks_secret(&name) {
                    let why = "its value stands in the definitions now; put ${secret:NAME} there and set it for the runner";
                    self.note(NoteKind::Changed, at, (format!("{name}=…"), why));
                }
                self.variables.insert(name, value);
            }
        }
    }

    fn job(&mut self, at: At, job: &Job, comment: Option<String>) {
        if job.pattern.eq_ignore_ascii_case("@reboot") {
            let why = "a schedule has times, and a start of the machine is none; start it from the machine's own startup";
            return self.note(NoteKind::Skipped, at, (format!("@reboot {}", job.command), why));
        }
        if job.pattern.contains('~') {
            let why =
                "`~` is a time that cron picks at random; write a fixed one and give the schedule a jitter";
            return self.note(NoteKind::Skipped, at, (format!("{} {}", job.pattern, job.command), why));
        }
        if let Some(user) = &job.user
            && self.options.user.as_ref() != Some(user)
        {
            let why = "here a command runs as whoever starts the runner; import it as that user";
            return self.note(NoteKind::Skipped, at, (format!("{user}: {}", job.command), why));
        }
        if let Err(error) = Pattern::cron(&job.pattern) {
            let hint = "correct the times, or put `#` before the line";
            return self.problems.push(Problem::new(at, error.to_string(), hint));
        }
        let name = name::unique(&command_name::of(&job.command), &self.names);
        let text = match self.definition(at, job, comment) {
            Ok(entries) => yaml::write(&entries),
            Err(problem) => return self.problems.push(problem),
        };
        if let Err(refused) = agents_definitions::read(&text, &self.file.name, &name) {
            let problems = refused.problems.into_iter();
            return self.problems.extend(problems.map(|problem| Problem { at, ..problem }));
        }
        self.names.insert(name.clone());
        let source = format!("{}:{}", self.file.name, at.line);
        self.import.definitions.push(PlannedDefinition { name: name.clone(), text, source: source.clone() });
        self.import.schedules.push(PlannedSchedule {
            name: name.clone(),
            source,
            pattern: job.pattern.clone(),
            is_cron: true,
            zone: self.zone.clone(),
            definition: name,
            params: Default::default(),
            missed: MissedPolicy::Skip,
            overlap: Overlap::Skip,
            is_on: true,
            last_run_at: None,
        });
    }

    fn definition(&mut self, at: At, job: &Job, comment: Option<String>) -> Result<Entries, Problem> {
        let command = literal::escape(&job.command, at)?;
        let shell = self.variables.get("SHELL").map_or("/bin/sh", String::as_str).to_owned();
        let mut exec = match shell.rsplit('/').next().unwrap_or_default() {
            "sh" | "dash" | "ash" => vec![("command".to_owned(), text(command))],
            "bash" => {
                vec![("command".to_owned(), text(command)), ("shell".to_owned(), text("bash"))]
            }
            _ => {
                let argv = [shell, "-c".to_owned(), command].map(Yaml::Text);
                vec![("argv".to_owned(), Yaml::List(argv.into()))]
            }
        };
        if let Some(home) = self.variables.get("HOME").or(self.options.home.as_ref()) {
            exec.push(("cwd".to_owned(), text(literal::escape(home, at)?)));
        }
        let mut env = Entries::new();
        for (name, value) in self.variables.iter().filter(|(name, _)| *name != "SHELL") {
            env.push((name.clone(), text(literal::escape(value, at)?)));
        }
        if !env.is_empty() {
            exec.push(("env".to_owned(), Yaml::Map(env)));
        }
        if let Some(input) = &job.input {
            exec.push(("input".to_owned(), text(literal::escape(input, at)?)));
        }
        let description = comment.map(|comment| ("description".to_owned(), text(comment)));
        Ok(description.into_iter().chain([("exec".to_owned(), Yaml::Map(exec))]).collect())
    }
}

/// Whether a variable of that name mostly holds what nobody should read.
fn looks_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "CREDENTIAL"]
        .iter()
        .any(|part| name.contains(part))
}

/// What a comment above a job says of it; the head of a table, and a job that is switched off, say nothing.
fn description(comment: &str) -> Option<String> {
    let comment = comment.trim_start_matches('#').trim();
    let is_head = comment.starts_with("m h ") || comment.starts_with("min hour");
    let is_job = matches!(crontab_line::parse(comment, false), Ok(Line::Job(_)));
    (!comment.is_empty() && !is_head && !is_job).then(|| comment.to_owned())
}
