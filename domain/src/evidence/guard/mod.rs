//! Guards: what can be seen in a diff without asking a model. Each looks for one thing, and for what is certain rather than
//! for everything.

mod check_changed;
mod skips_added;
mod test_code;
mod tests_deleted;

use super::patch::{LineKind, Patch};
use super::{Check, Guard};

/// So many sightings of one look are told. Nobody reads more.
const MOST: usize = 40;
/// The longest name out of a diff that is told, in characters.
const NAME_MOST: usize = 80;

/// What a job has left, as far as guards look at it.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    pub patch: &'a Patch<'a>,
    pub checks: &'a [Check],
    /// It was to change something, has ended well, and has changed nothing.
    pub is_idle: bool,
    /// Places outside of the workspace that its agent has written to.
    pub outside: &'a [String],
}

/// What a guard has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub guard: Guard,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub text: String,
}

/// Looks at a job's work.
pub fn look(work: Work<'_>) -> Vec<Sighting> {
    let mut seen = tests_deleted::look(work.patch);
    seen.extend(skips_added::look(work.patch));
    seen.extend(check_changed::look(work.patch, work.checks));
    if work.is_idle {
        let text = "the job was to change something, says that it is done, and has changed no file";
        seen.push(Sighting { guard: Guard::EmptyDiff, file: None, line: None, text: text.to_owned() });
    }
    seen.extend(links_outside(work.patch));
    seen.extend(work.outside.iter().map(|path| Sighting {
        guard: Guard::OutsideTouched,
        file: None,
        line: None,
        text: format!("the agent has written to {}, which is outside of the workspace", name(path)),
    }));
    seen.truncate(MOST);
    seen
}

/// Symbolic links that lead out of the workspace.
fn links_outside(patch: &Patch<'_>) -> Vec<Sighting> {
    let links = patch.files.iter().filter(|file| file.is_link && !file.is_deleted());
    let outside = links.filter_map(|file| {
        let target = file.of_kind(LineKind::Added).next()?.text;
        leads_outside(file.path(), target).then(|| Sighting {
            guard: Guard::OutsideTouched,
            file: Some(file.path().to_owned()),
            line: None,
            text: format!("a link leads out of the workspace, to {}", name(target)),
        })
    });
    outside.collect()
}

fn leads_outside(link: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = i64::try_from(link.matches('/').count()).unwrap_or(0);
    for part in target.split('/') {
        match part {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// A name out of a diff: short, in one line, without control characters.
fn name(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() && *c != '`').take(NAME_MOST).collect();
    format!("`{}`", clean.trim())
}

/// The first of these names, and how many more there are.
fn names(all: &[String]) -> String {
    const TOLD: usize = 5;
    let told: Vec<String> = all.iter().take(TOLD).map(|one| name(one)).collect();
    match all.len().saturating_sub(TOLD) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests;
