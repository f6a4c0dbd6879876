//! `agents definition list`, `show` and `export`.

use std::io::Write;
use std::path::Path;

use agents_definitions::{Definition, Param};
use agents_domain::limits::LimitChange;
use agents_orchestrator::start::{Found, Listed, Origin};
use serde_json::{Map, Value, json};

use super::Desk;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, BOLD, DIM, RED};

/// Where it stands, for people.
pub fn place(desk: &Desk<'_>, origin: &Origin, name: &str) -> String {
    match origin {
        Origin::File(path) => path.strip_prefix(desk.here.workspace()).unwrap_or(path).display().to_string(),
        Origin::Store(revision) => format!("{name} (store, revision {revision})"),
    }
}

/// A file that hides a definition of the store.
pub fn hides(name: &str) -> String {
    format!(
        "`{name}` is in a file and in the store, and the file's holds: `agents definition delete {name}` ends that"
    )
}

/// Lists them.
pub async fn list(desk: &Desk<'_>) -> Result<(), Failure> {
    let listed = desk.definitions.library().list(&desk.namespace).await?;
    let warnings: Vec<String> =
        listed.iter().filter(|listed| listed.hides_stored).map(|listed| hides(&listed.name)).collect();
    let json = || {
        let views: Vec<Value> = listed.iter().map(|listed| line_json(desk, listed)).collect();
        json!({ "definitions": views, "warnings": warnings })
    };
    desk.app.printer.answer(json, || match listed.is_empty() {
        true => "no definitions: one is a file .agents/jobs/<name>.yaml\n".to_owned(),
        false => table(desk, &listed).render(output::width(), ""),
    })?;
    warnings.iter().for_each(|warning| desk.app.printer.warning(warning));
    Ok(())
}

fn table(desk: &Desk<'_>, listed: &[Listed]) -> Table {
    let mut table = Table::new(&["DEFINITION", "WORKER", "WHERE", "DESCRIPTION"]);
    for one in listed {
        let place = match &one.origin {
            Origin::File(_) => place(desk, &one.origin, &one.name),
            Origin::Store(_) => "store".to_owned(),
        };
        match &one.read {
            Ok(read) => table.row(vec![
                (&one.name).into(),
                read.worker.as_str().into(),
                place.into(),
                read.description.as_deref().unwrap_or_default().into(),
            ]),
            Err(problems) => {
                let count = problems.problems.len();
                let said = format!("{count} problem(s): agents definition check");
                table.row(vec![(&one.name).into(), "-".into(), place.into(), Cell::colored(RED, said)]);
            }
        }
    }
    table
}

fn line_json(desk: &Desk<'_>, listed: &Listed) -> Value {
    let mut view = origin_json(&listed.origin);
    view.insert("name".to_owned(), json!(listed.name));
    view.insert("namespace".to_owned(), json!(desk.namespace.as_str()));
    view.insert("hidesStored".to_owned(), json!(listed.hides_stored));
    match &listed.read {
        Ok(read) => view.extend(definition_json(read)),
        Err(problems) => {
            view.insert("error".to_owned(), json!(problems.to_string()));
        }
    }
    Value::Object(view)
}

fn origin_json(origin: &Origin) -> Map<String, Value> {
    let (origin, file, revision) = match origin {
        Origin::File(path) => ("file", Some(path.display().to_string()), None),
        Origin::Store(revision) => ("store", None, Some(*revision)),
    };
    Map::from_iter([
        ("origin".to_owned(), json!(origin)),
        ("file".to_owned(), json!(file)),
        ("revision".to_owned(), json!(revision)),
    ])
}

fn definition_json(read: &Definition) -> Map<String, Value> {
    let param = |param: &Param| {
        json!({
            "name": param.name, "type": param.kind.as_str(), "description": param.description,
            "default": param.default, "required": param.is_required, "choices": param.choices,
        })
    };
    let limit = |change: &LimitChange| json!({ "scope": change.scope.as_str(), "measure": change.measure.as_str(), "limit": change.limit });
    Map::from_iter([
        ("description".to_owned(), json!(read.description)),
        ("worker".to_owned(), json!(read.worker.as_str())),
        ("config".to_owned(), Value::Object(read.config.clone())),
        ("params".to_owned(), read.params.iter().map(param).collect()),
        ("limits".to_owned(), read.limits.iter().map(limit).collect()),
        ("timeoutMs".to_owned(), json!(read.timeout_ms)),
    ])
}

async fn found(desk: &Desk<'_>, name: &str) -> Result<Found, Failure> {
    Ok(desk.definitions.library().find(&desk.namespace, name).await?)
}

/// Shows one.
pub async fn one(desk: &Desk<'_>, name: &str) -> Result<(), Failure> {
    let found = found(desk, name).await?;
    let json = || {
        let mut view = origin_json(&found.origin);
        view.insert("name".to_owned(), json!(name));
        view.insert("namespace".to_owned(), json!(desk.namespace.as_str()));
        view.insert("hidesStored".to_owned(), json!(found.hides_stored));
        view.extend(definition_json(&found.definition));
        view.insert("text".to_owned(), json!(found.text));
        Value::Object(view)
    };
    desk.app.printer.answer(json, || human(desk, name, &found))?;
    if found.hides_stored {
        desk.app.printer.warning(&hides(name));
    }
    Ok(())
}

fn human(desk: &Desk<'_>, name: &str, found: &Found) -> String {
    let title = text::colored(BOLD, &format!("definition {name}"));
    let mut shown = format!("{title}  {}\n", text::colored(DIM, &place(desk, &found.origin, name)));
    if !found.definition.params.is_empty() {
        let mut table = Table::new(&["PARAM", "TYPE", "DEFAULT", "CHOICES", "DESCRIPTION"]);
        for param in &found.definition.params {
            let default = match (&param.default, param.is_required) {
                (Some(value), _) => value.to_string(),
                (None, true) => "(required)".to_owned(),
                (None, false) => "-".to_owned(),
            };
            let choices: Vec<String> = param.choices.iter().map(ToString::to_string).collect();
            table.row(vec![
                (&param.name).into(),
                param.kind.as_str().into(),
                default.into(),
                choices.join(", ").into(),
                param.description.as_deref().unwrap_or_default().into(),
            ]);
        }
        shown.push_str(&format!("\n{}", table.render(output::width(), "  ")));
    }
    shown.push_str(&format!("\n{}", text::indented(&found.text, "  ")));
    shown
}

/// Prints its YAML, or writes it to a file that is not there yet.
pub async fn export(desk: &Desk<'_>, name: &str, to: Option<&Path>) -> Result<(), Failure> {
    let found = found(desk, name).await?;
    let Some(path) = to else {
        return desk
            .app
            .printer
            .answer(|| json!({ "name": name, "text": found.text }), || found.text.clone());
    };
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(found.text.as_bytes()));
    written.map_err(|error| {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return Failure::file("write", path, &error);
        }
        Failure::new(FailureKind::Rejected, format!("{} is there already", path.display()))
            .hint("name another file, or remove that one")
    })?;
    let file = path.display().to_string();
    desk.app.printer.answer(|| json!({ "name": name, "file": file }), || format!("wrote {file}\n"))
}
