//! Templates: where they come from, and errors that say which variable and which line.
//!
//! The language is Jinja's (minijinja). Unknown variables are errors: a prompt with a hole in it costs money.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::facts::Facts;

/// The template that continues an agent's own session.
pub const RESUME: &str = "resume";

/// The built-in templates by name.
pub const BUILT_IN: [(&str, &str); 9] = [
    ("plan", include_str!("../../../templates/plan.md")),
    ("implement", include_str!("../../../templates/implement.md")),
    ("review", include_str!("../../../templates/review.md")),
    ("uat", include_str!("../../../templates/uat.md")),
    ("document", include_str!("../../../templates/document.md")),
    ("pm", include_str!("../../../templates/pm.md")),
    ("chat", include_str!("../../../templates/chat.md")),
    (RESUME, include_str!("../../../templates/resume.md")),
    ("_history", include_str!("../../../templates/_history.md")),
];

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    File(PathBuf),
}

/// A template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no template `{name}`; a job type of your own needs .agents/templates/{name}.md")]
    Missing { name: String },
    #[error("template {place} can't be read: {why}")]
    Unreadable { place: String, why: String },
    #[error("template {place}, line {line}: {why}{}", shown(text))]
    Bad { place: String, line: usize, why: String, text: String },
}

fn shown(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n  {text}") }
}

/// The text of a template and where it comes from. A file in one of the folders wins over the built-in one.
pub fn find(name: &str, folders: &[PathBuf]) -> Result<(String, Origin), TemplateError> {
    for folder in folders {
        let path = folder.join(format!("{name}.md"));
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok((text, Origin::File(path))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(TemplateError::Unreadable {
                    place: path.display().to_string(),
                    why: error.to_string(),
                });
            }
        }
    }
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    built_in
        .map(|(_, text)| ((*text).to_owned(), Origin::BuiltIn))
        .ok_or_else(|| TemplateError::Missing { name: name.to_owned() })
}

/// Renders the template of that name.
pub fn render(name: &str, folders: &[PathBuf], facts: &Facts) -> Result<String, TemplateError> {
    if !folders.iter().any(|folder| folder.is_dir()) {
        return render_built_in(name, facts);
    }
    let (text, origin) = find(name, folders)?;
    let environment = environment(folders.to_vec());
    let compiled = environment
        .template_from_named_str(name, &text)
        .map_err(|error| bad(&error, &text, &origin, name))?;
    refuse_unknown(
        &compiled.undeclared_variables(true),
        &Named { text: &text, origin: &origin, name },
        facts,
    )?;
    compiled.render(Serde(facts)).map_err(|error| bad(&error, &text, &origin, name))
}

/// The built-in templates alone, compiled once.
fn render_built_in(name: &str, facts: &Facts) -> Result<String, TemplateError> {
    static COMPILED: OnceLock<Environment<'static>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| environment(Vec::new()));
    let template =
        compiled.get_template(name).map_err(|_| TemplateError::Missing { name: name.to_owned() })?;
    let text = BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    template.render(Serde(facts)).map_err(|error| bad(&error, text, &Origin::BuiltIn, name))
}

/// What is wrong with the template of that name, if anything.
pub fn check(name: &str, folders: &[PathBuf], facts: &Facts) -> Result<Origin, TemplateError> {
    render(name, folders, facts)?;
    Ok(find(name, folders)?.1)
}

fn environment(folders: Vec<PathBuf>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_loader(move |name| {
        let name = name.strip_suffix(".md").unwrap_or(name);
        let is_plain = Path::new(name).components().count() == 1 && !name.starts_with('.');
        Ok(if is_plain { find(name, &folders).ok().map(|(text, _)| text) } else { None })
    });
    environment
}

struct Named<'a> {
    text: &'a str,
    origin: &'a Origin,
    name: &'a str,
}

/// Refuses variables that no prompt has, before anything is rendered: in a branch that is seldom taken they
/// would be found at night.
fn refuse_unknown<'a>(
    used: impl IntoIterator<Item = &'a String>,
    template: &Named<'_>,
    facts: &Facts,
) -> Result<(), TemplateError> {
    let known = Value::from(Serde(facts));
    let mut unknown: Vec<&String> = used.into_iter().filter(|path| !is_known(&known, path)).collect();
    unknown.sort();
    let Some(path) = unknown.first() else { return Ok(()) };
    let line = template.text.lines().position(|line| line.contains(path.as_str()));
    let text = line.and_then(|line| template.text.lines().nth(line)).unwrap_or_default();
    Err(TemplateError::Bad {
        place: place(template.origin, template.name),
        line: line.map_or(1, |line| line + 1),
        why: format!("there is no variable `{path}`"),
        text: text.trim().to_owned(),
    })
}

/// Whether the dotted path leads somewhere. Below something absent nothing can be told, so it passes.
fn is_known(facts: &Value, path: &str) -> bool {
    const FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "debug"];
    if FUNCTIONS.contains(&path) {
        return true;
    }
    let mut at = facts.clone();
    for part in path.split('.') {
        match at.get_attr(part) {
            Ok(next) if next.is_undefined() => return false,
            Ok(next) if next.is_none() => return true,
            Ok(next) => at = next,
            Err(_) => return false,
        }
    }
    true
}

fn place(origin: &Origin, name: &str) -> String {
    match origin {
        Origin::BuiltIn => format!("{name} (built in)"),
        Origin::File(path) => path.display().to_string(),
    }
}

fn bad(error: &minijinja::Error, text: &str, origin: &Origin, name: &str) -> TemplateError {
    let line = error.line().unwrap_or(1);
    let is_own = error.name().is_none_or(|at| at == name);
    let why = match error.detail() {
        None => error.kind().to_string(),
        Some(detail) => format!("{}: {detail}", error.kind()),
    };
    TemplateError::Bad {
        place: if is_own { place(origin, name) } else { error.name().unwrap_or(name).to_owned() },
        line,
        why,
        text: if is_own {
            text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().to_owned()
        } else {
            String::new()
        },
    }
}
