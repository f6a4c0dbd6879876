//! `agents definition check`: what is wrong with definitions.

use std::path::PathBuf;

use agents_definitions::{Problem, Problems, read};
use agents_orchestrator::start::{Listed, Origin, file_problems};
use serde::Serialize;
use serde_json::json;

use super::Desk;
use super::named::Named;
use crate::app::{App, Here};
use crate::failure::Failure;
use crate::job_input;

/// One definition that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    source: String,
    problems: Vec<ProblemView>,
    #[serde(skip)]
    said: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemView {
    line: usize,
    column: usize,
    /// The line, or the part of it around the column.
    text: String,
    message: String,
    hint: Option<String>,
}

impl ProblemView {
    fn new(problem: &Problem, line: &str) -> Self {
        Self {
            text: line.to_owned(),
            line: problem.at.line,
            column: problem.at.column,
            message: problem.message.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl Checked {
    fn new(source: String, problems: Option<&Problems>) -> Self {
        let views = problems.iter().flat_map(|problems| {
            let all = problems.problems.iter().enumerate();
            all.map(|(number, problem)| ProblemView::new(problem, problems.line(number)))
        });
        Self { source, problems: views.collect(), said: problems.map(ToString::to_string) }
    }
}

/// These files.
pub fn files(app: &App, here: &Here, files: &[PathBuf]) -> Result<(), Failure> {
    let named = Named::of(here);
    let (mut checked, mut warnings) = (Vec::new(), Vec::new());
    for file in files {
        let text = job_input::file(file, "the definition")?;
        let source = file.display().to_string();
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let mut problems = file_problems(file);
        problems.extend(read(&text, &source, name).err().into_iter().flat_map(|known| known.problems));
        problems.extend(named.problems(&text));
        warnings.extend(named.warnings(&text, &source));
        let problems = (!problems.is_empty()).then(|| Problems::new(&source, &text, problems));
        checked.push(Checked::new(source, problems.as_ref()));
    }
    say(app, &checked, &warnings)
}

/// Every definition that there is.
pub async fn all(desk: &Desk<'_>) -> Result<(), Failure> {
    let listed = desk.definitions.library().list(&desk.namespace).await?;
    let named = Named::of(desk.here);
    let of = |listed: &Listed| {
        let place = super::show::place(desk, &listed.origin, &listed.name);
        let source = match &listed.origin {
            Origin::File(_) => place.as_str(),
            Origin::Store(_) => listed.name.as_str(),
        };
        let mut problems = named.problems(&listed.text);
        problems.extend(listed.read.as_ref().err().into_iter().flat_map(|known| known.problems.clone()));
        let problems = (!problems.is_empty()).then(|| Problems::new(source, &listed.text, problems));
        Checked::new(place, problems.as_ref())
    };
    let checked: Vec<Checked> = listed.iter().map(of).collect();
    let hidden = listed.iter().filter(|listed| listed.hides_stored);
    let mut warnings: Vec<String> = hidden.map(|listed| super::show::hides(&listed.name)).collect();
    for one in &listed {
        warnings.extend(named.warnings(&one.text, &super::show::place(desk, &one.origin, &one.name)));
    }
    say(desk.app, &checked, &warnings)
}

fn say(app: &App, checked: &[Checked], warnings: &[String]) -> Result<(), Failure> {
    let line = |one: &Checked| match &one.said {
        Some(said) => format!("✗ {}\n{said}\n", one.source),
        None => format!("✓ {}\n", one.source),
    };
    app.printer.answer(
        || json!({ "definitions": checked, "warnings": warnings }),
        || match checked.is_empty() {
            true => "no definitions: one is a file .agents/jobs/<name>.yaml\n".to_owned(),
            false => checked.iter().map(line).collect(),
        },
    )?;
    warnings.iter().for_each(|warning| app.printer.warning(warning));
    match checked.iter().filter(|one| one.said.is_some()).count() {
        0 => Ok(()),
        bad => Err(Failure::bad_input(format!("{bad} definition(s) can't be used"))
            .hint("docs/definitions.md shows how a definition is written")),
    }
}
