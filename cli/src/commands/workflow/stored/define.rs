//! `agents workflow define`: asks for a workflow, and writes the file.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use agents_definitions::name_problem;
use agents_orchestrator::start::WORKFLOWS_FOLDER;
use clap::Args;
use serde_json::json;

use super::Desk;
use crate::app::App;
use crate::failure::Failure;
use crate::output::text::{self, GREEN};
use crate::place;

/// Write a workflow's file by answering questions: its name, its params, its steps
///
/// The file is .agents/workflows/<name>.yaml; it is checked before it is written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents workflow define")]
pub struct Define {}

/// The kinds of steps that are asked for, each with the question for what it does.
const KINDS: [(&str, &str); 5] = [
    ("exec", "Which command does it run?"),
    ("agent", "What is the agent told?"),
    ("ai", "What is the model told?"),
    ("approval", "What is a person asked?"),
    ("module", "Which action, as in testing.run-tests?"),
];

const TYPES: [&str; 5] = ["string", "number", "integer", "boolean", "json"];

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Answers {
    name: String,
    description: String,
    /// Name, type, and whether it has to be given.
    params: Vec<(String, String, bool)>,
    /// Id, kind, and what it does.
    steps: Vec<(String, String, String)>,
}

impl Define {
    /// Asks, checks and writes.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::usage("there is nobody to ask: standard input is no terminal")
                .hint(format!("write {WORKFLOWS_FOLDER}/<name>.yaml; docs/workflows.md shows how"))
                .hint("agents workflow create <name> --file FILE keeps one in the store"));
        }
        let desk = Desk::of_person(app, "create workflows").await?;
        let mut ask = |question: &str| {
            app.printer.note(question);
        };
        let answers = asked(&mut io::stdin().lock(), &mut ask)
            .map_err(|error| Failure::failed("reading your answers", error))?;
        let Some(answers) = answers else {
            return Err(Failure::usage("the answers ended before the workflow did; nothing was written"));
        };
        let text = yaml(&answers);
        let name = &answers.name;
        desk.sound(&text, (name, name))
            .map_err(|failure| failure.hint(format!("nothing was written; this is it:\n{text}")))?;
        let file = place::lasting(&desk.here.workspace()).join(WORKFLOWS_FOLDER).join(format!("{name}.yaml"));
        write_new(&file, &text)?;
        let file = file.display().to_string();
        app.printer.answer(
            || json!({ "name": name, "file": file }),
            || format!("{} {file}\n  agents workflow run {name} --dry-run\n", text::colored(GREEN, "wrote")),
        )
    }
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| std::fs::File::create_new(file)?.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() == io::ErrorKind::AlreadyExists {
        true => Failure::rejected(format!("{} is there already", file.display()))
            .hint("nothing was written; choose another name"),
        false => Failure::file("write", file, &error),
    })
}

/// What is wrong with an answer, if anything.
type Problem<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Asks until the answer is right; `None`: there are no more answers.
fn until(
    from: &mut dyn BufRead,
    say: &mut dyn FnMut(&str),
    (question, problem): (&str, Problem<'_>),
) -> io::Result<Option<String>> {
    loop {
        say(question);
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let answer = line.trim().to_owned();
        match problem(&answer) {
            None => return Ok(Some(answer)),
            Some(why) => say(&why),
        }
    }
}

fn bad_name(name: &str) -> Option<String> {
    name_problem(name).map(|why| why.replace("a definition", "that"))
}

fn bad_end_or_name(name: &str) -> Option<String> {
    if name.is_empty() { None } else { bad_name(name) }
}

fn empty(text: &str) -> Option<String> {
    text.is_empty().then(|| "Say something.".to_owned())
}

fn asked(from: &mut dyn BufRead, say: &mut dyn FnMut(&str)) -> io::Result<Option<Answers>> {
    let mut answers = Answers::default();
    let Some(name) =
        until(from, say, ("What is it called? (lower-case letters, digits and `-`)", &bad_name))?
    else {
        return Ok(None);
    };
    answers.name = name;
    let Some(description) = until(from, say, ("What is it for, in a line? (may be empty)", &|_| None))?
    else {
        return Ok(None);
    };
    answers.description = description;
    loop {
        let question = "The name of a param? (empty: no more)";
        let Some(name) = until(from, say, (question, &bad_param))? else { return Ok(None) };
        if name.is_empty() {
            break;
        }
        let known = |text: &str| (!TYPES.contains(&text) && !text.is_empty()).then(|| TYPES.join(", "));
        let question = format!("Its type? ({}; empty: string)", TYPES.join(", "));
        let Some(kind) = until(from, say, (&question, &known))? else { return Ok(None) };
        let Some(needed) = until(from, say, ("Must it be given? (y/n)", &yes_or_no))? else {
            return Ok(None);
        };
        let kind = if kind.is_empty() { "string".to_owned() } else { kind };
        answers.params.push((name, kind, needed.starts_with('y')));
    }
    loop {
        let question = format!("The id of step {}? (empty: no more)", answers.steps.len() + 1);
        let Some(id) = until(from, say, (&question, &bad_end_or_name))? else { return Ok(None) };
        if id.is_empty() && answers.steps.is_empty() {
            say("A workflow has a step at least.");
            continue;
        }
        if id.is_empty() {
            return Ok(Some(answers));
        }
        let names = KINDS.map(|(kind, _)| kind);
        let known = |text: &str| (!names.contains(&text)).then(|| format!("One of {}.", names.join(", ")));
        let question = format!("What is it? ({})", names.join(", "));
        let Some(kind) = until(from, say, (&question, &known))? else { return Ok(None) };
        let question = KINDS.iter().find(|(name, _)| *name == kind).map_or("", |(_, question)| question);
        let Some(does) = until(from, say, (question, &empty))? else { return Ok(None) };
        answers.steps.push((id, kind, does));
    }
}

fn bad_param(name: &str) -> Option<String> {
    let is_fit = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    (!is_fit).then(|| "Letters, digits and `_`, beginning with a letter.".to_owned())
}

fn yes_or_no(text: &str) -> Option<String> {
    (!["y", "yes", "n", "no"].contains(&text)).then(|| "y or n.".to_owned())
}

/// A text as YAML: a JSON text is one.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// The file. Its steps follow each other.
fn yaml(answers: &Answers) -> String {
    let mut text = format!("name: {}\nversion: \"1\"\n", quoted(&answers.name));
    if !answers.description.is_empty() {
        text.push_str(&format!("description: {}\n", quoted(&answers.description)));
    }
    if !answers.params.is_empty() {
        text.push_str("\nparams:\n");
    }
    for (name, kind, required) in &answers.params {
        text.push_str(&format!("  {name}: {{ type: {kind}, required: {required} }}\n"));
    }
    text.push_str("\ndefaults:\n  onSuccess: next\n\nsteps:\n");
    for (number, (id, kind, does)) in answers.steps.iter().enumerate() {
        let does = match (kind.as_str(), does.split_once('.')) {
            ("exec", _) => format!("exec: {{ command: {} }}", quoted(does)),
            ("agent", _) => format!("agent: {{ type: implement, prompt: {} }}", quoted(does)),
            ("ai", _) => format!("ai: {{ prompt: {} }}", quoted(does)),
            ("module", Some((module, action))) => format!("module: {module}\n    action: {action}"),
            ("module", None) => format!("module: {does}"),
            _ => format!("approval: {}", quoted(does)),
        };
        let last = if number + 1 == answers.steps.len() { "    onSuccess: end\n" } else { "" };
        text.push_str(&format!("  - id: {id}\n    {does}\n{last}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use agents_workflows::{Modules, read};

    use super::*;

    fn answered(text: &str) -> (Option<Answers>, Vec<String>) {
        let mut said = Vec::new();
        let answers = asked(&mut text.as_bytes(), &mut |text| said.push(text.to_owned())).unwrap();
        (answers, said)
    }

    #[test]
    fn the_answers_make_a_workflow_that_can_be_run() {
        let told = "nightly\nBacks \"it\" up: all\ntarget\n\ny\n\ntests\nexec\nmake test\nask\napproval\nBack up to {{ params.target }}?\nsave\nagent\nSave it\n\n";
        let (answers, _) = answered(told);
        let text = yaml(&answers.unwrap());
        let workflow = read(&text, "nightly", "nightly", &Modules::default()).unwrap();
        let ids: Vec<&str> = workflow.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["tests", "ask", "save"], "{text}");
        assert_eq!(workflow.description.as_deref(), Some("Backs \"it\" up: all"));
        assert!(workflow.params.iter().any(|param| param.name == "target" && param.is_required));
    }

    #[test]
    fn a_wrong_answer_is_asked_again_and_no_answers_are_no_workflow() {
        let (answers, said) = answered("Not A Name\n");
        assert_eq!(answers, None);
        assert!(said[1].contains("`Not A Name` can't be the name of that"), "{said:?}");
        assert_eq!(said[0], said[2]);
    }
}
