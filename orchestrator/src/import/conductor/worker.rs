//! Who does a workload: a prompt, one step with its worker, or a worker and its config.

use std::borrow::Cow;

use agents_definitions::At;
use agents_definitions::node::{Content, Node};
use serde_json::{Map, Value};

use super::marks::{self, Marks};
use crate::import::fields::Fields;
use crate::import::yaml::{Entries, Yaml, text};

/// What a workload comes to.
pub enum Mapped {
    Worker(MappedWorker),
    Not { at: At, why: Cow<'static, str> },
}

/// A worker of ours and what it is told.
pub struct MappedWorker {
    pub at: At,
    pub name: &'static str,
    pub config: Entries,
    pub timeout: Option<String>,
    /// What is not as it was: where, what, why.
    pub notes: Vec<(At, String, Cow<'static, str>)>,
    pub unfit_here: Option<&'static str>,
}

impl MappedWorker {
    fn new(at: At, name: &'static str) -> Self {
        Self { at, name, config: Entries::new(), timeout: None, notes: Vec::new(), unfit_here: None }
    }

    fn set(&mut self, key: &str, value: Yaml) {
        self.config.push((key.to_owned(), value));
    }

    fn note(&mut self, at: At, what: impl Into<String>, why: impl Into<Cow<'static, str>>) {
        self.notes.push((at, what.into(), why.into()));
    }
}

fn not(at: At, why: impl Into<Cow<'static, str>>) -> Option<Mapped> {
    Some(Mapped::Not { at, why: why.into() })
}

/// What a workload comes to. `None`: something is wrong, and `fields` know what.
pub fn map(fields: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    if fields.get(&["prompt"]).is_some() {
        return ai(fields, marks);
    }
    let Some((_, steps)) = fields.get(&["steps"]) else {
        return match fields.get(&["config"]) {
            Some((_, config)) => by_name(fields, (&["workerType", "worker"], config), marks),
            None => {
                let at = fields.at;
                let hint = "a workload has a prompt, or steps; a job has a workerType and a config";
                fields.problem(at, "nothing says what is done", hint);
                None
            }
        };
    };
    let Content::List(nodes) = &steps.content else {
        let message = format!("`steps` is a list, and this is {}", steps.kind());
        fields.problem(steps.at, message, "write a list of steps");
        return None;
    };
    match &nodes[..] {
        [] => {
            fields.problem(steps.at, "`steps` is empty", "add a step, or take the file away");
            None
        }
        [node] => {
            let mut step = Fields::new(node, "a step");
            let mapped = one_step(&mut step, marks);
            fields.problems.append(&mut step.problems);
            mapped
        }
        many => {
            check_steps(fields, many);
            not(
                steps.at,
                format!(
                    "it has {} steps, and a definition has one worker; make a script of them",
                    many.len()
                ),
            )
        }
    }
}

/// What hs-conductor demands of each step.
fn check_steps(fields: &mut Fields<'_>, steps: &[Node]) {
    for node in steps {
        let mut step = Fields::new(node, "a step");
        step.needed(&["id", "name"], "name the step");
        step.needed(&["worker", "workerType"], "use exec-worker, fetch-worker, file-worker or ai-worker");
        fields.problems.append(&mut step.problems);
    }
}

fn one_step(step: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    step.get(&["id", "name", "output", "dependsOn", "depends_on", "parallel"]);
    if let Some((key, _)) = step.get(&["condition"]) {
        return not(key.at, "its step has a condition, which is JavaScript");
    }
    let Some((_, config)) = step.get(&["config"]) else {
        let at = step.at;
        step.problem(at, "`config` is missing", "say what the worker is to do");
        return None;
    };
    by_name(step, (&["worker", "workerType"], config), marks)
}

fn by_name(
    fields: &mut Fields<'_>,
    (names, node): (&[&'static str], &Node),
    marks: &mut Marks,
) -> Option<Mapped> {
    let worker = fields.needed(names, "use exec, ai or skill")?;
    let at = fields.place(names);
    let mut config = Fields::new(node, "a config");
    let mapped = match worker.strip_suffix("-worker").unwrap_or(&worker) {
        "exec" => exec(&mut config, marks),
        "ai" => ai(&mut config, marks),
        "skill" => skill(&mut config, marks),
        "fetch" | "http" => fetch(&mut config, marks),
        other => not(at, format!("there is no worker for `{other}` here")),
    };
    let unknown: Vec<(At, String)> = config.unknown().iter().map(|key| (key.at, key.name.clone())).collect();
    fields.problems.append(&mut config.problems);
    match mapped {
        Some(Mapped::Worker(mut worker)) => {
            for (at, key) in unknown {
                worker.note(at, format!("field {key}"), "there is nothing like it here; it is left out");
            }
            Some(Mapped::Worker(worker))
        }
        other => other,
    }
}

/// The text with our marks, or what is wrong with it.
fn marked(fields: &mut Fields<'_>, (said, at): (&str, At), marks: &mut Marks) -> Yaml {
    text(marks.text(said, at).unwrap_or_else(|problem| {
        fields.problems.push(problem);
        String::new()
    }))
}

fn is_windows_path(path: &str) -> bool {
    path.contains('\\') || path.as_bytes().get(1) == Some(&b':')
}

fn exec(fields: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    let mut worker = MappedWorker::new(fields.at, "exec");
    let command = fields.needed(&["command"], "write the command")?;
    let at = fields.place(&["command"]);
    let args = fields.texts(&["args"]);
    // Its exec worker joins them with blanks and has a shell read the line.
    let line = std::iter::once(command).chain(args).collect::<Vec<_>>().join(" ");
    worker.set("command", marked(fields, (&line, at), marks));
    let shell_at = fields.place(&["shell"]);
    match fields.text(&["shell"]).map(|shell| shell.to_lowercase()).as_deref() {
        None | Some("sh" | "true" | "default") => {}
        Some("bash") => worker.set("shell", text("bash")),
        Some(shell @ ("powershell" | "pwsh")) => {
            worker.set("shell", text("pwsh"));
            if shell == "powershell" && !cfg!(windows) {
                worker.note(
                    shell_at,
                    "shell powershell",
                    "PowerShell is called `pwsh` here; it must be installed",
                );
            }
        }
        Some("cmd") => {
            worker.set("shell", text("cmd"));
            if !cfg!(windows) {
                worker.unfit_here = Some("it needs cmd, which only Windows has");
                worker.note(
                    shell_at,
                    "shell cmd",
                    "only Windows has it; its schedules come over switched off",
                );
            }
        }
        Some(other) => return not(shell_at, format!("there is no shell `{other}` here")),
    }
    if let Some(cwd) = fields.text(&["cwd"]) {
        let at = fields.place(&["cwd"]);
        if is_windows_path(&cwd) && !cfg!(windows) {
            worker.unfit_here = Some("it works in a folder of a Windows machine");
            worker.note(at, format!("cwd {cwd}"), "a path of Windows; correct it with `agents definition edit`; its schedules come over switched off");
        }
        worker.set("cwd", marked(fields, (&cwd, at), marks));
    }
    let mut env = Entries::new();
    for (name, value) in fields.object(&["env"]) {
        let at = fields.place(&["env"]);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        env.push((name, marked(fields, (&value, at), marks)));
    }
    if !env.is_empty() {
        worker.set("env", Yaml::Map(env));
    }
    worker.timeout =
        fields.count(&["timeout"]).filter(|millis| *millis > 0).map(|millis| format!("{millis}ms"));
    Some(Mapped::Worker(worker))
}

/// A prompt. hs-conductor has an agent of GitHub Copilot answer it. With a model that one of our providers has, it is a
/// question to that; else a prompt for the agent that is configured.
fn ai(fields: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    let prompt = fields.needed(&["prompt"], "write the prompt")?;
    let at = fields.place(&["prompt"]);
    let prompt = marked(fields, (&prompt, at), marks);
    let system = fields.text(&["system", "systemPrompt"]);
    let model_at = fields.place(&["model"]);
    let model = fields.text(&["model"]).map(|model| own_model(&model));
    let (tokens, temperature) = (fields.count(&["maxTokens", "max_tokens"]), fields.get(&["temperature"]));
    if let Some((key, node)) = temperature.filter(|(_, node)| !node.json().is_number()) {
        let message = format!("`{}` is a number, and this is {}", key.name, node.kind());
        fields.problem(node.at, message, "write a number");
    }
    let Some((model, provider)) = model.as_deref().and_then(|model| Some((model, provider(model)?))) else {
        let mut worker = MappedWorker::new(at, "agent");
        worker.set("prompt", prompt);
        if let Some(model) = model {
            worker.note(
                model_at,
                format!("model {model}"),
                "no provider is known for it; the agent's own model is used",
            );
        }
        if system.is_some() || tokens.is_some() || temperature.is_some() {
            worker.note(at, "system, maxTokens, temperature", "an agent CLI takes none of these");
        }
        worker.note(at, "prompt", "without a model it goes to the agent that is configured, read-only");
        return Some(Mapped::Worker(worker));
    };
    let mut worker = MappedWorker::new(at, "ai");
    worker.set("provider", text(provider));
    worker.set("model", text(model));
    worker.set("prompt", prompt);
    if let Some(system) = system {
        let system = marked(fields, (&system, at), marks);
        worker.set("system", system);
    }
    if let Some(tokens) = tokens.filter(|tokens| *tokens > 0) {
        worker.set("maxTokens", Yaml::Bare(tokens.to_string()));
    }
    if let Some((_, node)) = temperature {
        worker.set("temperature", Yaml::Bare(node.json().to_string()));
    }
    worker.note(
        model_at,
        format!("model {model}"),
        format!(
            "it is asked by the API of {provider}, whose key the runner needs, and not by GitHub Copilot"
        ),
    );
    Some(Mapped::Worker(worker))
}

/// GitHub Copilot writes `claude-sonnet-4.5`, Anthropic `claude-sonnet-4-5`.
fn own_model(model: &str) -> String {
    if model.starts_with("claude-") { model.replace('.', "-") } else { model.to_owned() }
}

fn provider(model: &str) -> Option<&'static str> {
    let is_o = |model: &str| {
        let mut chars = model.chars();
        chars.next() == Some('o') && chars.next().is_some_and(|c| c.is_ascii_digit())
    };
    match model {
        model if model.starts_with("claude") => Some("anthropic"),
        model if model.starts_with("gpt") || is_o(model) => Some("openai"),
        model if model.starts_with("gemini") => Some("gemini"),
        _ => None,
    }
}

fn skill(fields: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    let mut worker = MappedWorker::new(fields.at, "skill");
    let name = fields.needed(&["skillName", "skill", "name"], "name the skill")?;
    let at = fields.place(&["skillName", "skill", "name"]);
    worker.set("skill", marked(fields, (&name, at), marks));
    if let Some(action) = fields.text(&["action"]) {
        worker.set("action", marked(fields, (&action, at), marks));
    }
    let params = Value::Object(fields.object(&["params"]));
    if params != Value::Object(Default::default()) {
        let params = texts(fields, (&params, at), marks);
        worker.set("params", params);
    }
    Some(Mapped::Worker(worker))
}

/// Anything, with our marks in its texts.
fn texts(fields: &mut Fields<'_>, (value, at): (&Value, At), marks: &mut Marks) -> Yaml {
    match value {
        Value::String(said) => marked(fields, (said, at), marks),
        Value::Array(values) => {
            Yaml::List(values.iter().map(|value| texts(fields, (value, at), marks)).collect())
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), texts(fields, (value, at), marks));
            Yaml::Map(entries.iter().map(entry).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Yaml::from(value),
    }
}

fn fetch(fields: &mut Fields<'_>, marks: &mut Marks) -> Option<Mapped> {
    let mut worker = MappedWorker::new(fields.at, "http");
    let urls = fields.texts(&["urls"]);
    let at = fields.place(&["url", "urls"]);
    let url = match (fields.text(&["url"]), &urls[..]) {
        (Some(url), []) => url,
        (None, [url]) => url.clone(),
        (None, []) => {
            fields.problem(at, "`url` is missing", "write the address");
            return None;
        }
        _ => {
            return not(at, "it fetches several addresses, and a request has one; make a definition of each");
        }
    };
    let query = fields.object(&["query"]);
    let url = with_query(&url, &query);
    let secret = |said: &str| marks::secrets(said);
    let url = match secret(&url) {
        Ok(url) => url,
        Err(why) => return not(at, why),
    };
    worker.set("url", marked(fields, (&url, at), marks));
    if let Some(method) = fields.text(&["method"]) {
        worker.set("method", text(method.to_uppercase()));
    }
    let mut headers = Entries::new();
    for (name, value) in fields.object(&["headers"]) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match secret(&value) {
            Ok(value) => headers.push((name, marked(fields, (&value, at), marks))),
            Err(why) => return not(at, why),
        }
    }
    if !headers.is_empty() {
        worker.set("headers", Yaml::Map(headers));
    }
    if let Some((_, body)) = fields.get(&["body"]) {
        let body = texts(fields, (&body.json(), at), marks);
        worker.set("body", body);
    }
    if let Some(format) = fields.text(&["format"]).filter(|format| format != "text") {
        worker.note(at, format!("format {format}"), "the answer is kept as it is, nothing is made of it");
    }
    Some(Mapped::Worker(worker))
}

/// The address with its query. What is a mark stays one: our templates encode what they put in.
fn with_query(url: &str, query: &Map<String, Value>) -> String {
    let mut url = url.to_owned();
    for (name, value) in query {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{}={}", encoded(name), encoded(&value)));
    }
    url
}

/// Percent-encoded but for `{{…}}` and `${…}`.
fn encoded(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mark = [("{{", "}}"), ("${", "}")].into_iter().find(|(begin, _)| rest.starts_with(begin));
        let length = mark.and_then(|(_, end)| Some(rest.find(end)? + end.len()));
        if let Some(end) = length {
            made.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if c.is_ascii_alphanumeric() || "-._~".contains(c) {
            made.push(c);
        } else {
            made.extend(c.to_string().bytes().map(|byte| format!("%{byte:02X}")));
        }
        rest = &rest[c.len_utf8()..];
    }
    made
}
