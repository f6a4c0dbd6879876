//! `agents definition edit`: another text for a definition, checked before it is stored. What was written is never lost: a
//! draft that is wrong is kept, and is what the next `edit` opens.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use agents_domain::definition::Saved;
use agents_orchestrator::process::editor;
use agents_orchestrator::start::{Found, Listed, Origin};
use serde_json::json;

use super::{Desk, parsed};
use crate::failure::Failure;
use crate::job_input;

/// Changes the definition of that name.
pub async fn edit(desk: &Desk<'_>, name: &str, from: Option<&str>) -> Result<(), Failure> {
    // One that is wrong can be mended too.
    let listed = desk.definitions.library().list(&desk.namespace).await?;
    let mut named = listed.into_iter().filter(|listed| listed.name == name);
    let Some(known) = named.next() else {
        return match desk.definitions.library().find(&desk.namespace, name).await {
            Err(missing) => Err(missing.into()),
            Ok(Found { .. }) => Err(Failure::failed("reading the definition", "it has just come")),
        };
    };
    if let (Origin::File(one), Some(Listed { origin: Origin::File(other), .. })) =
        (&known.origin, named.next())
    {
        let (one, other) = (one.display(), other.display());
        return Err(Failure::rejected(format!("{one} and {other} are two files of one name"))
            .hint("remove or rename one of the two"));
    }
    match (&known.origin, from) {
        (Origin::File(path), None) => edit_file(desk, &known, path),
        (Origin::File(path), Some(_)) => {
            Err(Failure::rejected(format!("`{name}` is the file {}", path.display()))
                .hint("change the file itself; `agents definition check` checks it"))
        }
        (Origin::Store(revision), Some(from)) => {
            let text = match from {
                "-" => job_input::standard_input("the definition")?,
                path => job_input::file(path.as_ref(), "the definition")?,
            };
            parsed(&text, from, name)?;
            store(desk, name, (text, *revision)).await
        }
        (Origin::Store(revision), None) => edit_stored(desk, name, (&known.text, *revision)).await,
    }
}

fn open(file: &Path) -> Result<(), Failure> {
    open_editor(file, "agents definition edit <name> --from <file>")
}

/// Opens a file in the editor that the environment names. `other`: the command that takes a text instead.
pub fn open_editor(file: &Path, other: &str) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let Some(program) = named.into_iter().find(|program| !program.trim().is_empty()) else {
        return Err(Failure::usage("no editor is named")
            .hint("set EDITOR, for example EDITOR=vi")
            .hint(format!("or give the text: {other}")));
    };
    let ended = editor::edit(&program, file)
        .map_err(|error| Failure::failed(&format!("starting {program}"), error))?;
    if ended.success() {
        return Ok(());
    }
    Err(Failure::failed(&format!("the editor `{program}`"), ended)
        .hint(format!("what was written is in {}", file.display())))
}

/// The file changes when its new text is right, and not before: whatever runs it meanwhile finds one that is whole.
fn edit_file(desk: &Desk<'_>, known: &Listed, path: &Path) -> Result<(), Failure> {
    let (name, text) = (known.name.as_str(), known.text.as_str());
    let file = path.display().to_string();
    let opened = if known.hides_stored {
        format!("this is {file}; the store has a definition `{name}` too, which it hides")
    } else {
        format!("this is {file}")
    };
    desk.app.printer.note(&opened);
    let draft = draft_of(desk, (name, text))?;
    let said = |result: &'static str| {
        let json = || json!({ "name": name, "origin": "file", "file": file, "result": result });
        desk.app.printer.answer(json, || format!("{file} is right, and {result}\n"))
    };
    let Some(new) = drafted(desk, text, &draft)? else {
        parsed(text, &file, name)?;
        return said("unchanged");
    };
    let kept = |failure| kept(failure, name, &draft);
    parsed(&new, &file, name).map_err(kept)?;
    if job_input::file(path, "the definition")? != text {
        return Err(kept(Failure::rejected(format!("somebody else has changed {file} in between"))));
    }
    fs::write(path, &new).map_err(|error| kept(Failure::file("write", path, &error)))?;
    remove(&draft)?;
    said("changed")
}

async fn edit_stored(desk: &Desk<'_>, name: &str, (text, revision): (&str, u32)) -> Result<(), Failure> {
    let draft = draft_of(desk, (name, text))?;
    let Some(new) = drafted(desk, text, &draft)? else {
        return desk.say("unchanged", name, revision);
    };
    parsed(&new, name, name).map_err(|failure| kept(failure, name, &draft))?;
    store(desk, name, (new, revision)).await.map_err(|failure| kept(failure, name, &draft))?;
    remove(&draft)
}

fn kept(failure: Failure, name: &str, draft: &Path) -> Failure {
    failure.hint(format!(
        "the draft is kept in {}; `agents definition edit {name}` goes on with it",
        draft.display()
    ))
}

/// What a person makes of that text in a draft; `None`: nothing else.
fn drafted(desk: &Desk<'_>, text: &str, draft: &Path) -> Result<Option<String>, Failure> {
    if draft.is_file() {
        desk.app.printer.note(&format!("going on with the draft {}", draft.display()));
    } else {
        let made = draft.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(draft, text));
        made.map_err(|error| Failure::file("write the draft", draft, &error))?;
    }
    if let Err(failure) = open(draft) {
        // Nothing was written: the next one begins with what holds then.
        if fs::read_to_string(draft).is_ok_and(|written| written == text) {
            remove(draft)?;
        }
        return Err(failure);
    }
    let new = job_input::file(draft, "the draft")?;
    if new == text {
        remove(draft)?;
        return Ok(None);
    }
    Ok(Some(new))
}

fn remove(draft: &Path) -> Result<(), Failure> {
    fs::remove_file(draft).map_err(|error| Failure::file("remove the draft", draft, &error))
}

/// A draft belongs to the very text that it was made from: what is stored meanwhile is not overwritten with it.
fn draft_of(desk: &Desk<'_>, (name, text): (&str, &str)) -> Result<PathBuf, Failure> {
    let folder = desk.here.config.data_folder()?.join("drafts").join(desk.namespace.as_str());
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Ok(folder.join(format!("{name}-{:016x}.yaml", hasher.finish())))
}

async fn store(desk: &Desk<'_>, name: &str, (text, revision): (String, u32)) -> Result<(), Failure> {
    match desk.save(name, text, Some(revision)).await? {
        Saved::Saved(revision) => desk.say("changed", name, revision),
        Saved::Other(_) => Err(Failure::rejected(format!("somebody else has changed `{name}` in between"))
            .hint(format!("agents definition show {name} says how it is now"))),
        Saved::Gone => Err(Failure::rejected(format!("somebody else has deleted `{name}` in between"))
            .hint("agents definition create keeps it again")),
    }
}
