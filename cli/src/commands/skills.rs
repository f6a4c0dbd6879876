//! `agents skills`: which skills are installed, where, and who has them.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::output::table::{Cell, Table};
use crate::skills::{self, Skill};

/// List the skills that runs can use: those of the repository, then those of the home folder
///
/// A skill is a folder with a SKILL.md in .claude/skills, .agents/skills, .codex/skills or .gemini/skills.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents skills\n  agents skills --json | jq -r '.skills[].name'")]
pub struct Skills {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SkillView<'a> {
    name: &'a str,
    description: &'a str,
    file: String,
    harnesses: &'a [String],
}

impl<'a> From<&'a Skill> for SkillView<'a> {
    fn from(skill: &'a Skill) -> Self {
        Self {
            name: &skill.name,
            description: &skill.description,
            file: skill.file.display().to_string(),
            harnesses: &skill.harnesses,
        }
    }
}

impl Skills {
    /// Lists them.
    pub fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let skills = skills::installed(&here);
        let json = || json!({ "skills": skills.iter().map(SkillView::from).collect::<Vec<_>>() });
        app.printer.answer(json, || match skills.is_empty() {
            true => "no skill is installed: one is a folder with a SKILL.md in .claude/skills\n".to_owned(),
            false => table(&skills).render(output::width(), ""),
        })
    }
}

fn table(skills: &[Skill]) -> Table {
    let mut table = Table::new(&["SKILL", "HARNESSES", "DESCRIPTION"]);
    for skill in skills {
        let who = skill.harnesses.join(", ");
        table.row(vec![Cell::from(&skill.name), Cell::from(who), Cell::from(&skill.description)]);
        table.below(Cell::from(skill.file.display().to_string()));
    }
    table
}
