//! What a step of a workflow does, in a few words and as JSON.

use agents_workflows::{Does, Field, Kind, LoopKind, Output, Step, Work, Workflow};
use serde_json::{Value, json};

/// What it does, in a few words: `testing.run-tests`, `exec`, `agent implement`, `delay 10m`.
pub fn does(step: &Step) -> String {
    match &step.does {
        Does::Work(work) => work_words(work),
        Does::Condition { when, .. } => format!("if {}", bare(when)),
        Does::Switch { on, .. } => format!("switch {}", bare(on)),
        Does::Loop(looped) => loop_words(&looped.kind),
        Does::Delay { span: Some(span), .. } => format!("delay {span}"),
        Does::Delay { until, .. } => format!("delay until {}", until.as_deref().unwrap_or_default()),
        Does::Approval { question } => format!("approval: {question}"),
        Does::Assignment { north_star } => format!("assignment: {north_star}"),
        Does::Workflow { name, .. } => format!("workflow {name}"),
    }
}

/// The kind alone, as its key in the file.
pub fn kind(step: &Step) -> &'static str {
    match &step.does {
        Does::Work(work) => match work.action {
            Some(_) => "module",
            None => work.worker.as_str(),
        },
        Does::Condition { .. } => "condition",
        Does::Switch { .. } => "switch",
        Does::Loop(looped) => match looped.kind {
            LoopKind::ForEach { .. } => "forEach",
            LoopKind::While { .. } | LoopKind::Until { .. } | LoopKind::Times { .. } => "loop",
        },
        Does::Delay { .. } => "delay",
        Does::Approval { .. } => "approval",
        Does::Assignment { .. } => "assignment",
        Does::Workflow { .. } => "workflow",
    }
}

fn work_words(work: &Work) -> String {
    if let Some((module, action)) = &work.action {
        return format!("{module}.{action}");
    }
    let text = |key: &str| work.config.get(key).and_then(Value::as_str).map(str::to_owned);
    let words = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let argv = || work.config.get("argv").and_then(Value::as_array).map(words);
    let more = match &work.job_type {
        Some(job_type) => Some(job_type.clone()),
        None => text("command").or_else(argv).or_else(|| text("skill")).or_else(|| text("url")),
    };
    match more {
        Some(more) => format!("{} {more}", work.worker.as_str()),
        None => work.worker.as_str().to_owned(),
    }
}

fn loop_words(kind: &LoopKind) -> String {
    match kind {
        LoopKind::ForEach { items, name } => format!("for each {name} of {}", bare(items)),
        LoopKind::While { condition } => format!("while {}", bare(condition)),
        LoopKind::Until { condition } => format!("until {}", bare(condition)),
        LoopKind::Times { count } => format!("{count} times"),
    }
}

/// An expression without its braces.
pub fn bare(expression: &str) -> &str {
    let inner = expression.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.filter(|inner| !inner.contains("{{")).unwrap_or(expression).trim()
}

/// How many loops it is inside of.
pub fn depth(workflow: &Workflow, step: &Step) -> usize {
    let around = |step: &Step| step.parent.and_then(|parent| workflow.steps.get(parent));
    std::iter::successors(around(step), |step| around(step)).count()
}

/// The name of a type, as a file says it.
pub fn type_words(kind: &Kind) -> String {
    match kind {
        Kind::Any => "any".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Integer => "integer".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Object(properties) if properties.is_empty() => "object".to_owned(),
        Kind::Object(properties) => {
            let each: Vec<String> =
                properties.iter().map(|(name, kind)| format!("{name}: {}", type_words(kind))).collect();
            format!("object {{{}}}", each.join(", "))
        }
        Kind::Array(items) if **items == Kind::Any => "array".to_owned(),
        Kind::Array(items) => format!("array of {}", type_words(items)),
    }
}

/// A named value that is declared.
pub fn field_json(field: &Field) -> Value {
    json!({
        "name": field.name, "type": type_words(&field.kind), "description": field.description,
        "required": field.is_required, "default": field.default,
    })
}

/// A step as the definition has it.
pub fn step_json(workflow: &Workflow, step: &Step) -> Value {
    let parent = step.parent.and_then(|parent| workflow.steps.get(parent)).map(|parent| &parent.id);
    let outputs: Vec<Value> = step.outputs.iter().map(|output: &Output| field_json(&output.field)).collect();
    let routes: Vec<Value> = super::graph::edges(workflow, step)
        .into_iter()
        .map(|edge| json!({ "on": edge.rule, "when": edge.when, "to": edge.to.name() }))
        .collect();
    json!({
        "id": step.id, "kind": kind(step), "does": does(step), "description": step.description,
        "line": step.at.line, "loop": parent, "inputs": step.inputs, "outputs": outputs, "routes": routes,
        "attempts": step.retry.max.saturating_add(1), "maxVisits": step.max_visits,
        "timeoutMs": step.timeout_ms,
        "validators": step.validators.iter().map(|validator| &validator.name).collect::<Vec<_>>(),
    })
}
