//! Templates: where they come from, and errors that say which variable and which line.
//!
//! The language is Jinja's (minijinja). Unknown variables are errors: a prompt with a hole in it costs money.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::facts::Facts;
use super::fence::fenced;

/// The template that continues an agent's own session.
pub const RESUME: &str = "resume";

/// The built-in templates by name.
pub const BUILT_IN: [(&str, &str); 12] = [
    ("plan", include_str!("../../../templates/plan.md")),
    ("implement", include_str!("../../../templates/implement.md")),
    ("review", include_str!("../../../templates/review.md")),
    ("uat", include_str!("../../../templates/uat.md")),
    ("document", include_str!("../../../templates/document.md")),
    ("pm", include_str!("../../../templates/pm.md")),
    ("chat", include_str!("../../../templates/chat.md")),
    (RESUME, include_str!("../../../templates/resume.md")),
    ("_history", include_str!("../../../templates/_history.md")),
    ("_data", include_str!("../../../templates/_data.md")),
    ("_proof", include_str!("../../../templates/_proof.md")),
    ("_evidence", include_str!("../../../templates/_evidence.md")),
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
    let compiled =
        environment.template_from_named_str(name, &text).map_err(|error| bad(&error, name, folders))?;
    refuse_unknown(
        &compiled.undeclared_variables(true),
        &Named { text: &text, origin: &origin, name },
        facts,
    )?;
    compiled.render(Serde(facts)).map_err(|error| bad(&error, name, folders))
}

/// The built-in templates alone, compiled once.
fn render_built_in(name: &str, facts: &Facts) -> Result<String, TemplateError> {
    static COMPILED: OnceLock<Environment<'static>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| environment(Vec::new()));
    let template =
        compiled.get_template(name).map_err(|_| TemplateError::Missing { name: name.to_owned() })?;
    template.render(Serde(facts)).map_err(|error| bad(&error, name, &[]))
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
    environment.add_function("fenced", fenced);
    environment.add_filter("fenced", fenced);
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
    const FUNCTIONS: [&str; 5] = ["range", "dict", "namespace", "debug", "fenced"];
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

/// The error at its root: one in an included template is wrapped by the one that includes it.
fn bad(error: &minijinja::Error, name: &str, folders: &[PathBuf]) -> TemplateError {
    let mut root = error;
    while let Some(cause) = root.source().and_then(|cause| cause.downcast_ref::<minijinja::Error>()) {
        root = cause;
    }
    let at = root.name().map_or(name, |at| at.strip_suffix(".md").unwrap_or(at));
    let line = root.line().unwrap_or(1);
    let why = match root.detail() {
        None => root.kind().to_string(),
        Some(detail) => format!("{}: {detail}", root.kind()),
    };
    let (place, text) = match find(at, folders) {
        Ok((text, origin)) => (place(&origin, at), text),
        Err(_) => (at.to_owned(), String::new()),
    };
    let text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
    TemplateError::Bad { place, line, why, text }
}

#[cfg(test)]
mod tests {
    use agents_domain::job_type::JobType;
    use tempfile::TempDir;

    use super::*;
    use crate::prompt::EvidenceFacts;

    /// A folder with one template of the user's own, and how it renders.
    fn own(name: &str, text: &str) -> (TempDir, Result<String, TemplateError>) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join(format!("{name}.md")), text).unwrap();
        let rendered = render(name, &[temp.path().to_owned()], &sample());
        (temp, rendered)
    }

    fn sample() -> Facts {
        Facts::sample(&JobType::new("implement").unwrap())
    }

    /// Facts in which everything is absent that may be.
    fn bare(name: &str) -> Facts {
        let mut facts = Facts::sample(&JobType::new(name).unwrap_or_else(|_| JobType::pm()));
        facts.jobs.clear();
        facts.retry = None;
        facts.job.context.clear();
        facts.pm.last = None;
        facts.pm.waiting.clear();
        facts.pm.note = None;
        facts.pm.again = None;
        facts.evidence = EvidenceFacts::default();
        facts
    }

    /// Facts with a job of which nothing is known.
    fn with_bare_step(name: &str) -> Facts {
        let mut facts = Facts::sample(&JobType::new(name).unwrap_or_else(|_| JobType::pm()));
        let step = &mut facts.jobs[0];
        (step.outcome, step.result, step.duration, step.cost_usd) = (None, None, None, None);
        step.context.clear();
        facts.pm.last = facts.jobs.first().cloned();
        facts
    }

    #[test]
    fn how_a_job_failed_is_not_handed_on_as_its_answer() {
        for name in ["implement", "pm", "chat"] {
            let mut facts = Facts::sample(&JobType::new(name).unwrap());
            let step = &mut facts.jobs[0];
            (step.result, step.failure) = (None, Some("the process died".to_owned()));
            let text = render(name, &[], &facts).unwrap();
            assert!(text.contains("It has no result.\n<<<DATA"), "{name}: {text}");
            assert!(text.contains("ended\">>>\nthe process died\n<<<END"), "{name}: {text}");
        }
    }

    #[test]
    fn every_built_in_template_renders_with_all_and_with_none_of_the_optional_facts() {
        for (name, _) in BUILT_IN {
            let empty = tempfile::tempdir().unwrap();
            for folders in [Vec::new(), vec![empty.path().to_owned()]] {
                for facts in [sample(), bare(name), with_bare_step(name)] {
                    let text = render(name, &folders, &facts).unwrap_or_else(|error| panic!("{error}"));
                    assert!(!text.contains("{{") && !text.contains("{%"), "{name}: {text}");
                    assert!(!text.contains("none"), "{name} shows what is absent: {text}");
                }
            }
        }
    }

    #[test]
    fn every_type_of_job_is_told_the_north_star_and_its_context() {
        for name in JobType::TEMPLATED {
            let facts = Facts::sample(&JobType::new(name).unwrap());
            let text = render(name, &[], &facts).unwrap();
            assert!(text.contains(&facts.assignment.north_star), "{name}: {text}");
            assert!(name == "pm" || text.contains(&facts.job.context), "{name}: {text}");
            assert!(text.contains("Added it."), "{name} is not told what earlier jobs said: {text}");
        }
    }

    #[test]
    fn a_template_of_the_users_own_wins_and_may_include_a_built_in_one() {
        let (_temp, text) = own("implement", "Mine: {{ job.context }}{% include \"_history.md\" %}");
        let text = text.unwrap();
        assert!(text.starts_with("Mine: Do this and that.") && text.contains("Added it."), "{text}");
    }

    #[test]
    fn the_first_of_several_folders_wins() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, text) in [(&first, "first"), (&second, "second")] {
            std::fs::write(folder.path().join("plan.md"), text).unwrap();
        }
        let folders = [first.path().join("not there"), first.path().to_owned(), second.path().to_owned()];
        assert_eq!(render("plan", &folders, &sample()).unwrap(), "first");
    }

    #[test]
    fn an_error_names_the_file_the_line_and_what_stands_there() {
        let check = |text: &str, line: usize, parts: &[&str]| {
            let (temp, rendered) = own("implement", text);
            let error = rendered.unwrap_err().to_string();
            let place = format!("template {}, line {line}: ", temp.path().join("implement.md").display());
            assert!(error.starts_with(&place), "{text:?}: {error}");
            for part in parts {
                assert!(error.contains(part), "{text:?}: `{part}` is not in: {error}");
            }
        };
        check("One\n{{ nope }}\n", 2, &["there is no variable `nope`", "\n  {{ nope }}"]);
        check("{{ job.contxt }}", 1, &["`job.contxt`"]);
        check("One\n\n{% if false %}\n{{ pm.nothing }}\n{% endif %}", 4, &["`pm.nothing`"]);
        check("One\n{% if job.context %}\nTwo\n", 2, &["syntax error"]);
        check("One\nTwo {{ job. }}\n", 2, &["syntax error", "Two {{ job. }}"]);
        check("One\n{{ job.context | shout }}\n", 2, &["unknown filter"]);
        check("One\n{% include \"other.md\" %}\n", 2, &["other.md"]);
    }

    #[test]
    fn an_error_in_an_included_template_names_that_one() {
        let (temp, _) = own("_history", "One\n{{ nope }}\n");
        let error = render("implement", &[temp.path().to_owned()], &sample()).unwrap_err().to_string();
        let path = temp.path().join("_history.md");
        assert!(error.starts_with(&format!("template {}, line 2: ", path.display())), "{error}");
        assert!(error.ends_with("\n  {{ nope }}"), "{error}");
    }

    #[test]
    fn a_template_reads_no_file_outside_of_its_folders() {
        for name in ["../secret.md", "/etc/hostname", ".hidden.md"] {
            let (_temp, rendered) = own("implement", &format!("{{% include \"{name}\" %}}"));
            assert!(rendered.is_err(), "{name}");
        }
    }

    #[test]
    fn a_template_that_is_missing_or_no_text_says_so() {
        let error = render("dance", &[], &sample()).unwrap_err().to_string();
        assert!(
            error.contains("no template `dance`") && error.contains(".agents/templates/dance.md"),
            "{error}"
        );
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("plan.md"), b"\xff").unwrap();
        let error = render("plan", &[temp.path().to_owned()], &sample()).unwrap_err().to_string();
        assert!(error.contains("plan.md can't be read") && error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn what_an_agent_or_a_person_wrote_is_never_taken_for_a_template() {
        let mut facts = sample();
        facts.job.context = "{{ assignment.id }} <b>&amp;</b> {% raw %}".to_owned();
        let text = render("implement", &[], &facts).unwrap();
        assert!(text.contains("{{ assignment.id }} <b>&amp;</b> {% raw %}"), "{text}");
    }
}
