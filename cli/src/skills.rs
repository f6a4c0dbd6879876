//! The skills that are installed: in the repository and in the home folder, for each agent CLI in its own folder.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use agents_harnesses::skill::{self, SkillHead, SkillSpec};
use agents_orchestrator::start::{SkillUse, Skills};

use crate::app::Here;
use crate::failure::{Failure, FailureKind};
use crate::place::{self, Place};
use crate::suggestion;

/// How much of a file is read for its front matter.
const HEAD_BYTES: u64 = 64 << 10;

/// One skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    pub name: String,
    pub description: String,
    /// Its `SKILL.md`.
    pub file: PathBuf,
    /// Who has it.
    pub harnesses: Vec<String>,
}

/// What becomes of a use of a skill: a prompt for a harness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillJob {
    pub harness: String,
    pub prompt: String,
    pub model: Option<String>,
}

/// Every skill that is installed, by name; those of the repository first.
pub fn installed(here: &Here) -> Vec<Skill> {
    installed_around(here.place.as_ref())
}

fn installed_around(place: Option<&Place>) -> Vec<Skill> {
    let repository = place.map(|place| place.main_root.clone());
    let mut skills = Vec::new();
    for root in repository.into_iter().chain(place::home()) {
        for (folder, harnesses) in skill::FOLDERS {
            in_folder(&root.join(folder), harnesses, &mut skills);
        }
    }
    // Stable: of one name, the repository's stays first.
    skills.sort_by(|one, other| one.name.cmp(&other.name));
    skills
}

fn in_folder(folder: &Path, harnesses: &[&str], skills: &mut Vec<Skill>) {
    // A folder that is not there has no skills.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let file = entry.path().join(skill::FILE);
        let Some(text) = beginning(&file) else { continue };
        let head = SkillHead::read(&text);
        let name = head.name.unwrap_or_else(|| entry.file_name().to_string_lossy().into_owned());
        let harnesses = harnesses.iter().map(|name| (*name).to_owned()).collect();
        if !skills.iter().any(|known| known.file == file) {
            skills.push(Skill { name, description: head.description, file, harnesses });
        }
    }
}

fn beginning(file: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(file).ok()?.take(HEAD_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The skills around the folder of a workspace.
#[derive(Debug)]
pub struct Installed;

impl Skills for Installed {
    fn use_of(&self, workspace: &Path, spec: &str) -> Result<SkillUse, String> {
        let spec: SkillSpec = serde_json::from_str(spec).map_err(|error| error.to_string())?;
        let job = choose(&installed_around(Place::around(workspace).as_ref()), &spec);
        let SkillJob { harness, prompt, model } = job.map_err(|failure| failure.in_a_line())?;
        Ok(SkillUse { harness, model, prompt })
    }

    fn file_of(
        &self,
        workspace: &Path,
        name: &str,
        harness: Option<&str>,
    ) -> Result<(String, String), String> {
        let harness = harness.map(str::to_owned);
        let spec = SkillSpec { skill: name.to_owned(), harness, ..SkillSpec::default() };
        let skills = installed_around(Place::around(workspace).as_ref());
        let (harness, skill) = chosen(&skills, &spec).map_err(|failure| failure.in_a_line())?;
        Ok((harness, skill.file.display().to_string()))
    }
}

fn choose(skills: &[Skill], spec: &SkillSpec) -> Result<SkillJob, Failure> {
    let (harness, skill) = chosen(skills, spec)?;
    let prompt = skill::prompt(spec, &skill.file.display().to_string());
    Ok(SkillJob { harness, prompt, model: spec.model.clone() })
}

fn chosen<'a>(skills: &'a [Skill], spec: &SkillSpec) -> Result<(String, &'a Skill), Failure> {
    let named: Vec<&Skill> = skills.iter().filter(|skill| skill.name == spec.skill).collect();
    if named.is_empty() {
        let mut known: Vec<String> = skills.iter().map(|skill| skill.name.clone()).collect();
        known.dedup();
        let failure = Failure::new(FailureKind::NotFound, format!("there is no skill `{}`", spec.skill));
        return Err(match known.is_empty() {
            true => failure.hint("none is installed: a skill is a folder with a SKILL.md in .claude/skills"),
            false => failure.hint(suggestion::did_you_mean(&spec.skill, &known, "there are")),
        }
        .hint("`agents skills` lists them with their folders"));
    }
    let has = |harness: &str| {
        let has = |skill: &&&Skill| skill.harnesses.iter().any(|name| name == harness);
        named.iter().find(has).copied()
    };
    Ok(match spec.harness.as_deref() {
        Some(harness) => match has(harness) {
            Some(skill) => (harness.to_owned(), skill),
            None => {
                let who: Vec<&str> =
                    named.iter().flat_map(|skill| &skill.harnesses).map(String::as_str).collect();
                let failure = Failure::usage(format!("{harness} has no skill `{}`", spec.skill));
                return Err(failure.hint(format!("it is a skill of {}", who.join(", "))));
            }
        },
        None => match has("claude") {
            Some(skill) => ("claude".to_owned(), skill),
            None => (named[0].harnesses.first().cloned().unwrap_or_default(), named[0]),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(name: &str, file: &str, harnesses: &[&str]) -> Skill {
        let harnesses = harnesses.iter().map(|name| (*name).to_owned()).collect();
        Skill { name: name.to_owned(), description: String::new(), file: file.into(), harnesses }
    }

    #[test]
    fn a_skill_is_used_by_a_harness_that_has_it_and_claude_first() {
        let skills = [
            skill("chart", "/a", &["codex", "gemini"]),
            skill("pdf", "/b", &["codex", "gemini"]),
            skill("pdf", "/c", &["claude"]),
        ];
        let spec = |name: &str, harness: Option<&str>| SkillSpec {
            skill: name.to_owned(),
            harness: harness.map(str::to_owned),
            ..SkillSpec::default()
        };
        let check = |name: &str, asked: Option<&str>, harness: &str, file: &str| {
            let job = choose(&skills, &spec(name, asked)).unwrap();
            assert_eq!(job.harness, harness);
            assert!(
                job.prompt.starts_with(&format!("Use the skill `{name}`. Its instructions are in {file};"))
            );
        };
        check("pdf", None, "claude", "/c");
        check("pdf", Some("gemini"), "gemini", "/b");
        check("chart", None, "codex", "/a");
        let refused = |name: &str, harness| {
            let failure = choose(&skills, &spec(name, harness)).unwrap_err();
            (failure.message, failure.hints[0].clone())
        };
        let no_chart =
            ("claude has no skill `chart`".to_owned(), "it is a skill of codex, gemini".to_owned());
        assert_eq!(refused("chart", Some("claude")), no_chart);
        assert_eq!(
            refused("pfd", None),
            ("there is no skill `pfd`".to_owned(), "did you mean `pdf`?".to_owned())
        );
        let none = choose(&[], &spec("pdf", None)).unwrap_err();
        assert!(none.hints[0].starts_with("none is installed"), "{none:?}");
    }
}
