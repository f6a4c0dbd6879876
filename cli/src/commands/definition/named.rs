//! What a definition names that its text alone can't tell of: a provider, a harness, a skill, and whether its schema is one.

use agents_definitions::node::{self, Node};
use agents_definitions::{Problem, suggestion};
use serde_json::Value;

use crate::app::Here;
use crate::{settings_source, skills};

/// What definitions may name here.
#[derive(Debug)]
pub struct Named {
    harnesses: Vec<String>,
    providers: Vec<String>,
    skills: Vec<String>,
}

impl Named {
    /// What there is around us.
    pub fn of(here: &Here) -> Self {
        let providers = here.config.providers().unwrap_or_default();
        let mut skills: Vec<String> = skills::installed(here).into_iter().map(|skill| skill.name).collect();
        skills.dedup();
        Self {
            harnesses: settings_source::harness_names(&here.config),
            providers: providers.into_iter().map(|provider| provider.name).collect(),
            skills,
        }
    }

    /// What is wrong with the names in that text. One that is no YAML says that itself.
    pub fn problems(&self, text: &str) -> Vec<Problem> {
        let Some(node) = tree(text) else { return Vec::new() };
        let json = node.json();
        let mut found = Vec::new();
        for (key, worker) in [("skill", "harness"), ("agent", "harness")] {
            found.extend(unknown(&node, &json, (key, worker), ("harness", &self.harnesses)));
        }
        let hint = "; `aiProviders` of the config has others";
        let provider = unknown(&node, &json, ("ai", "provider"), ("provider", &self.providers));
        found.extend(
            provider.map(|problem| Problem {
                hint: problem.hint.map(|known| format!("{known}{hint}")),
                ..problem
            }),
        );
        if let Some(schema) = json.pointer("/ai/schema").filter(|schema| schema.is_object())
            && let Some((path, why)) = agents_workers::schema_problem(schema)
        {
            let at = node.place_of(&format!("ai.schema{}", path.replace('/', ".")));
            found.push(Problem::new(at, format!("`schema` is no JSON Schema: {why}"), "see json-schema.org"));
        }
        found
    }

    /// What may be wrong: a skill that is not here may be where it is run.
    pub fn warnings(&self, text: &str, source: &str) -> Vec<String> {
        let Some(node) = tree(text) else { return Vec::new() };
        let unknown = unknown(&node, &node.json(), ("skill", "skill"), ("skill", &self.skills));
        let said = |problem: Problem| {
            let hint = problem.hint.unwrap_or_default();
            format!("{source}:{}:{}: {} here: {hint}", problem.at.line, problem.at.column, problem.message)
        };
        unknown.into_iter().map(said).collect()
    }
}

fn tree(text: &str) -> Option<Node> {
    node::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// The name under that key of that worker, if nothing is called so. What a template will make of it, nobody knows yet.
fn unknown(
    node: &Node,
    json: &Value,
    (worker, key): (&str, &str),
    (what, known): (&str, &[String]),
) -> Option<Problem> {
    let name = json.get(worker)?.get(key)?.as_str()?;
    if name.trim().is_empty()
        || name.contains("{{")
        || name.contains("{%")
        || known.iter().any(|one| one == name)
    {
        return None;
    }
    let hint = match known.is_empty() {
        true => "there is none".to_owned(),
        false => suggestion::did_you_mean(name, known, "there are"),
    };
    let at = node.place_of(&format!("{worker}.{key}"));
    Some(Problem::new(at, format!("there is no {what} `{name}`"), hint))
}
