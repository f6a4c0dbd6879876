//! What a worker is told, and of an agent the type of its job.

use agents_definitions::Worker;
use agents_definitions::node::{Content, Node};
use agents_domain::job_type::JobType;
use serde_json::{Map, Value};

use super::sheet::Sheet;
use crate::check::scope::Here;

/// What stands for a job that no type says anything about.
const NONE: &str = "none";

/// The worker's config, and the type of an agent's job.
pub fn told(
    sheet: &mut Sheet<'_>,
    worker: Worker,
    node: &Node,
    here: Here<'_>,
) -> (Map<String, Value>, Option<String>) {
    let Content::Map(entries) = &node.content else { return (sheet.config(worker, node, here), None) };
    let Some((_, kind)) = entries.iter().find(|(key, _)| worker == Worker::Agent && key.name == "type")
    else {
        return (sheet.config(worker, node, here), None);
    };
    let others = entries.iter().filter(|(key, _)| key.name != "type").cloned().collect();
    let config = Node { at: node.at, raw: None, content: Content::Map(others) };
    (sheet.config(worker, &config, here), job_type(sheet, kind))
}

fn job_type(sheet: &mut Sheet<'_>, node: &Node) -> Option<String> {
    let text = sheet.parts.text(node, "type")?;
    if text == NONE || text == JobType::run().as_str() {
        return None;
    }
    match JobType::new(text.as_str()) {
        Err(error) => {
            sheet.problem(node.at, error.to_string(), "use implement, review, plan, document, none")
        }
        Ok(kind) if kind.is_pm() || kind.is_chat() => {
            let message = format!("a step can't be a job of type `{text}`");
            sheet.problem(
                node.at,
                message,
                "a whole loop that a PM leads is a step `assignment: { northStar: … }`",
            );
        }
        Ok(kind) => return Some(kind.as_str().to_owned()),
    }
    None
}
