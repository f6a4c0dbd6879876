//! The routes of a workflow as a graph's edges, and the text that Mermaid draws it from.

use agents_workflows::{Does, Route, Step, StepIndex, Target, Workflow};
use serde_json::Value;

use super::step::{bare, does};
use crate::output::text;

/// One way from a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge<'a> {
    /// `onSuccess`, `onFailure`, `onOutcome.timeout`, `then`, `case`, `body`, …
    pub rule: String,
    /// The condition, or the value of the case.
    pub when: Option<String>,
    pub to: Goal<'a>,
}

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal<'a> {
    Step(StepIndex, &'a str),
    /// A reserved word.
    Word(&'static str),
}

impl Goal<'_> {
    /// As a file names it.
    pub fn name(&self) -> &str {
        match self {
            Goal::Step(_, id) => id,
            Goal::Word(word) => word,
        }
    }
}

impl Edge<'_> {
    /// Whether it is the way after a success.
    pub fn is_success(&self) -> bool {
        matches!(self.rule.as_str(), "onSuccess" | "then" | "else" | "case" | "default" | "body")
    }

    /// The rule with its condition.
    pub fn label(&self) -> String {
        match &self.when {
            Some(when) => format!("{}: {}", self.rule, bare(when)),
            None => self.rule.clone(),
        }
    }
}

fn goal(workflow: &Workflow, target: Target) -> Goal<'_> {
    match target {
        Target::Step(index) => match workflow.steps.get(index) {
            Some(step) => Goal::Step(index, &step.id),
            None => Goal::Word("end"),
        },
        Target::End => Goal::Word("end"),
        Target::Fail => Goal::Word("fail"),
        Target::Break => Goal::Word("break"),
        Target::Continue => Goal::Word("continue"),
    }
}

/// All ways from a step, in the order of the file's keys.
pub fn edges<'a>(workflow: &'a Workflow, step: &'a Step) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    let mut push = |rule: &str, when: Option<String>, target: Target| {
        edges.push(Edge { rule: rule.to_owned(), when, to: goal(workflow, target) });
    };
    let mut has_own_success = false;
    match &step.does {
        Does::Condition { when, otherwise } => {
            push_route(&mut push, ("then", Some(when)), &step.on_success);
            push("else", None, *otherwise);
            has_own_success = true;
        }
        Does::Switch { cases, otherwise, on: _ } => {
            for (value, target) in cases {
                push("case", Some(plain(value)), *target);
            }
            push("default", None, *otherwise);
            has_own_success = true;
        }
        Does::Loop(looped) => {
            push("body", None, Target::Step(looped.body));
            looped.on_bound.into_iter().for_each(|target| push("onBound", None, target));
            looped.on_break.into_iter().for_each(|target| push("onBreak", None, target));
        }
        Does::Work(_)
        | Does::Delay { .. }
        | Does::Approval { .. }
        | Does::Assignment { .. }
        | Does::Workflow { .. } => {}
    }
    if !has_own_success {
        push_route(&mut push, ("onSuccess", None), &step.on_success);
    }
    if let Some(route) = &step.on_failure {
        push_route(&mut push, ("onFailure", None), route);
    }
    if let Some(route) = &step.on_timeout {
        push_route(&mut push, ("onTimeout", None), route);
    }
    for (class, route) in &step.on_outcome {
        push_route(&mut push, (&format!("onOutcome.{}", class.as_str()), None), route);
    }
    for (class, route) in &step.on_class {
        push_route(&mut push, (&format!("onOutcome.{class}"), None), route);
    }
    edges
}

fn push_route(
    push: &mut impl FnMut(&str, Option<String>, Target),
    (rule, when): (&str, Option<&String>),
    route: &Route,
) {
    match route {
        Route::To(target) => push(rule, when.cloned(), *target),
        Route::Cases(cases) => {
            for case in cases {
                push(rule, case.when.clone().or_else(|| when.cloned()), case.to);
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The flowchart as Mermaid reads it.
pub fn mermaid(workflow: &Workflow) -> String {
    let mut chart = String::from("flowchart TD\n  start([start])\n");
    let first = workflow.steps.iter().position(|step| step.parent.is_none());
    push_nodes(&mut chart, workflow, None, 1);
    chart.extend(first.map(|index| format!("  start --> s{index}\n")));
    let mut words: Vec<&str> = Vec::new();
    for (index, step) in workflow.steps.iter().enumerate() {
        for edge in edges(workflow, step).iter().filter(|edge| edge.rule != "body") {
            let to = match &edge.to {
                Goal::Step(to, _) => format!("s{to}"),
                Goal::Word(word) => {
                    words.push(word);
                    format!("w_{word}")
                }
            };
            let line = match (edge.is_success(), edge.rule.as_str(), &edge.when) {
                (true, "onSuccess", None) => format!("  s{index} --> {to}\n"),
                (true, ..) => format!("  s{index} -->|\"{}\"| {to}\n", quoted(&edge.label())),
                (false, ..) => format!("  s{index} -.->|\"{}\"| {to}\n", quoted(&edge.label())),
            };
            chart.push_str(&line);
        }
    }
    words.sort_unstable();
    words.dedup();
    chart.extend(words.iter().map(|word| format!("  w_{word}([{word}])\n")));
    chart
}

fn push_nodes(chart: &mut String, workflow: &Workflow, parent: Option<StepIndex>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (index, step) in workflow.steps.iter().enumerate().filter(|(_, step)| step.parent == parent) {
        let label = quoted(&format!("{}<br/>{}", escaped(&step.id), escaped(&text::fit(&does(step), 60))));
        let (open, close) = match &step.does {
            Does::Condition { .. } | Does::Switch { .. } => ("{\"", "\"}"),
            Does::Approval { .. } | Does::Delay { .. } => ("[/\"", "\"/]"),
            Does::Loop(_) => ("[[\"", "\"]]"),
            Does::Work(_) | Does::Assignment { .. } | Does::Workflow { .. } => ("[\"", "\"]"),
        };
        chart.push_str(&format!("{indent}s{index}{open}{label}{close}\n"));
        if let Does::Loop(looped) = &step.does {
            chart.push_str(&format!("{indent}subgraph b{index} [\"{}\"]\n", quoted(&escaped(&step.id))));
            push_nodes(chart, workflow, Some(index), depth + 1);
            chart.push_str(&format!("{indent}end\n{indent}s{index} --> s{}\n", looped.body));
        }
    }
}

/// Without what Mermaid would take for markup.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;")
}

fn quoted(text: &str) -> String {
    text::one_line(text).replace('"', "#quot;")
}
