//! `workloads/**/*.yaml`: what is done, as a definition.

use agents_definitions::node::{Content, Node};
use agents_definitions::{At, Definition, Problem};
use serde_json::{Map, Value};

use super::marks::{self, Marks};
use super::worker::{self, Mapped};
use crate::import::fields::Fields;
use crate::import::planned::{Import, NoteKind, PlannedDefinition};
use crate::import::yaml::{self, Entries, Yaml, text};
use crate::import::{SourceFile, name};

/// A workload, and what it has become.
#[derive(Debug, Clone)]
pub struct Workload {
    pub id: String,
    pub id_at: At,
    /// What it is called here.
    pub name: String,
    pub source: String,
    /// `None`: it does not map.
    pub definition: Option<PlannedDefinition>,
    /// The same, read.
    pub known: Option<Definition>,
    /// Why it can't run on this machine as it is.
    pub unfit_here: Option<&'static str>,
    inputs: Marks,
}

impl Workload {
    /// Its params by our names, and the names of those that it does not have.
    pub fn params(&self, given: Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
        let (mut params, mut dropped) = (Map::new(), Vec::new());
        for (name, value) in given {
            let own = self.inputs.inputs.get(&name).cloned();
            match own.or_else(|| self.inputs.undeclared.get(&name).cloned()) {
                Some(param) => drop(params.insert(param, value)),
                None => dropped.push(name),
            }
        }
        (params, dropped)
    }
}

/// Fields that say nothing that a definition could.
const LEFT_OUT: [&str; 4] = ["version", "tags", "type", "createdAt"];

/// Reads a workload.
pub fn read(file: &SourceFile, node: &Node, import: &mut Import) -> Result<Workload, Vec<Problem>> {
    let mut fields = Fields::new(node, "a workload");
    let hint = "write one in the form of a file's name, such as morning-brief";
    let id = fields.needed(&["id", "name"], hint);
    let id_at = fields.place(&["id", "name"]);
    let slug = id.as_deref().and_then(name::slug);
    if let (Some(id), None) = (&id, &slug) {
        fields.problem(id_at, format!("no name can be made of `{id}`"), "use letters and digits");
    }
    let title = fields.text(&["name"]);
    let description = fields.text(&["description"]);
    let (params, mut marks) = inputs(&mut fields);
    let mapped = worker::map(&mut fields, &mut marks);
    let (Some(id), Some(name)) = (id, slug) else { return Err(fields.problems) };
    let Some(mapped) = mapped.filter(|_| fields.problems.is_empty()) else { return Err(fields.problems) };
    let mut workload = Workload {
        id,
        id_at,
        name,
        source: file.name.clone(),
        definition: None,
        known: None,
        unfit_here: None,
        inputs: marks,
    };
    let worker = match mapped {
        Mapped::Worker(worker) => worker,
        Mapped::Not { at, why } => {
            import.note(NoteKind::Skipped, (&file.name, at), (format!("workload {}", workload.id), &why));
            return Ok(workload);
        }
    };
    let mut entries = Entries::new();
    let said: Vec<String> = [title, description].into_iter().flatten().collect();
    if !said.is_empty() {
        entries.push(("description".to_owned(), text(said.join(": "))));
    }
    let params = with_undeclared(params, &workload.inputs);
    if !params.is_empty() {
        entries.push(("params".to_owned(), Yaml::Map(params)));
    }
    entries.extend(worker.timeout.map(|timeout| ("timeout".to_owned(), text(timeout))));
    entries.push((worker.name.to_owned(), Yaml::Map(worker.config)));
    let text = yaml::write(&entries);
    let known = agents_definitions::read(&text, &file.name, &workload.name).map_err(|refused| {
        let elsewhere = |problem: Problem| Problem { at: worker.at, ..problem };
        refused.problems.into_iter().map(elsewhere).collect::<Vec<_>>()
    })?;
    for (at, what, why) in worker.notes {
        import.note(NoteKind::Changed, (&file.name, at), (what, &why));
    }
    tell_the_rest(file, &mut fields, (&workload.inputs, import));
    workload.unfit_here = worker.unfit_here;
    workload.known = Some(known);
    let source = file.name.clone();
    workload.definition = Some(PlannedDefinition { name: workload.name.clone(), text, source });
    Ok(workload)
}

/// What stands in the file and does not come over.
fn tell_the_rest(file: &SourceFile, fields: &mut Fields<'_>, (marks, import): (&Marks, &mut Import)) {
    for name in &marks.undeclared {
        let why = "it is no input of the workload; it is an optional param now";
        import.note(NoteKind::Changed, (&file.name, fields.at), (format!("{{{{{name}}}}}"), why));
    }
    fields.get(&LEFT_OUT);
    for key in fields.unknown() {
        let why = match key.name.as_str() {
            "alert" => {
                "a notice for ends of runs is configured once, see `agents notify`; a condition in JavaScript has no counterpart"
            }
            "output" => "the answer is kept as it is",
            "event" | "events" | "trigger" | "triggers" | "inngest" => {
                "an event of Inngest starts nothing here; subscribe to an event of ours instead"
            }
            _ => "hs-conductor knows no such field",
        };
        import.note(NoteKind::Skipped, (&file.name, key.at), (format!("field {}", key.name), why));
    }
}

/// What the workload asks for: our params, and what its marks mean.
fn inputs(fields: &mut Fields<'_>) -> (Entries, Marks) {
    let (mut params, mut marks) = (Entries::new(), Marks::default());
    let Some((_, node)) = fields.get(&["input", "params"]) else { return (params, marks) };
    let declared: Vec<(String, At, &Node)> = match &node.content {
        Content::Map(entries) => {
            entries.iter().map(|(key, value)| (key.name.clone(), key.at, value)).collect()
        }
        // A list of maps, each with its name.
        Content::List(nodes) => nodes.iter().map(|node| (named(node), node.at, node)).collect(),
        Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {
            let message = format!("`input` is a map of inputs, and this is {}", node.kind());
            fields.problem(node.at, message, "write name: { type: string }");
            Vec::new()
        }
    };
    for (name, at, node) in declared {
        let Some(param) = marks::param_name(&name) else {
            fields.problem(
                at,
                format!("`{name}` can't be the name of a param"),
                "use letters, digits and `_`",
            );
            continue;
        };
        let mut input = Fields::new(node, "an input");
        let config = input_config(&mut input);
        fields.problems.append(&mut input.problems);
        params.push((param.clone(), Yaml::Map(config)));
        marks.inputs.insert(name, param);
    }
    (params, marks)
}

fn named(node: &Node) -> String {
    match node.json().get("name") {
        Some(Value::String(name)) => name.clone(),
        Some(_) | None => String::new(),
    }
}

fn input_config(input: &mut Fields<'_>) -> Entries {
    let mut config = Entries::new();
    let kind = input.text(&["type"]).unwrap_or_else(|| "string".to_owned());
    let kind = match kind.as_str() {
        known @ ("string" | "number" | "boolean") => known,
        "integer" => "integer",
        "any" | "object" | "array" | "json" => "json",
        _ => {
            let at = input.place(&["type"]);
            input.problem(at, format!("there is no type `{kind}`"), "use string, number or boolean");
            "json"
        }
    };
    config.push(("type".to_owned(), text(kind)));
    if let Some(description) = input.text(&["description"]) {
        config.push(("description".to_owned(), text(description)));
    }
    let is_required = input.flag(&["required"]).unwrap_or(false);
    match input.get(&["default"]) {
        // A default makes a value unneeded.
        Some((_, node)) => config.push(("default".to_owned(), Yaml::from(&node.json()))),
        None if is_required => config.push(("required".to_owned(), Yaml::Bare("true".to_owned()))),
        None => {}
    }
    config
}

fn with_undeclared(mut params: Entries, marks: &Marks) -> Entries {
    let optional = || Yaml::Map(vec![("type".to_owned(), text("string"))]);
    params.extend(marks.undeclared.iter().map(|name| (name.clone(), optional())));
    params
}
