//! Where steps lead: targets and routes.

use std::collections::BTreeMap;

use agents_definitions::node::{Content, Key, Node};
use agents_definitions::suggestion;
use agents_domain::outcome::OutcomeClass;

use super::{RESERVED, Reading};
use crate::check::scope::{Here, NAMED_MAX};
use crate::workflow::{Case, OWN_CLASSES, Route, StepIndex, Target};

const ROUTE_HINT: &str = "write a step's id, { condition, then, else }, or a list of { condition, then }";

/// Routes by how a step has ended.
#[derive(Default)]
pub(super) struct Outcomes {
    pub by_attempt: BTreeMap<OutcomeClass, Route>,
    pub by_step: BTreeMap<String, Route>,
}

impl Reading<'_> {
    /// The target that a text names, for that step.
    pub(super) fn target(&mut self, index: StepIndex, node: &Node, what: &str) -> Option<Target> {
        let before = self.sheet.parts.count();
        let target = self.sheet.parts.text(node, what).and_then(|name| self.target_named(index, node, &name));
        self.is_whole &= before == self.sheet.parts.count() && target.is_some();
        target
    }

    fn target_named(&mut self, index: StepIndex, node: &Node, name: &str) -> Option<Target> {
        let parent = self.raw[index].parent;
        if let Some((word, target)) = RESERVED.iter().find(|(word, _)| *word == name) {
            if matches!(target, Some(Target::Break | Target::Continue)) && parent.is_none() {
                let message = format!("`{word}` outside of a loop");
                self.sheet.problem(node.at, message, "lead to a step, or use end or fail");
                return None;
            }
            return Some(target.unwrap_or_else(|| self.raw[index].next.map_or(Target::End, Target::Step)));
        }
        match self.sheet.scope.steps.get(name).copied() {
            Some(to) if self.raw[to].parent == parent => Some(Target::Step(to)),
            Some(to) => {
                let (message, hint) = if self.raw[to].parent.is_some() {
                    (
                        format!("step `{name}` is inside of a loop that this step is not in"),
                        "lead to the loop itself",
                    )
                } else {
                    (
                        format!("step `{name}` is outside of the loop that this step is in"),
                        "use break or fail here, and let the loop's own routes lead on",
                    )
                };
                self.sheet.problem(node.at, message, hint);
                None
            }
            // Its id is wrong, which was said there.
            None if self.raw.iter().any(|raw| raw.id == name) => None,
            None => {
                let mut known: Vec<String> = self.raw.iter().map(|raw| raw.id.clone()).collect();
                known.retain(|id| !id.is_empty());
                known.truncate(NAMED_MAX);
                let words = RESERVED.iter().map(|(word, _)| (*word).to_owned());
                let loops =
                    |word: &String| parent.is_some() || !matches!(word.as_str(), "break" | "continue");
                known.extend(words.filter(loops));
                let hint = suggestion::did_you_mean(name, &known, "it may lead to");
                self.sheet.problem(node.at, format!("there is no step `{name}`"), hint);
                None
            }
        }
    }

    /// A route: a target, cases, or a condition with both ways.
    pub(super) fn route(
        &mut self,
        index: StepIndex,
        node: &Node,
        what: &str,
        here: Here<'_>,
    ) -> Option<Route> {
        match &node.content {
            Content::Map(entries) => self.fork(index, node, entries, here),
            Content::List(nodes) if nodes.is_empty() => {
                self.sheet.problem(node.at, format!("`{what}` has no cases"), ROUTE_HINT);
                None
            }
            Content::List(nodes) => {
                let last = nodes.len() - 1;
                let mut cases = Vec::new();
                for (number, node) in nodes.iter().enumerate() {
                    let case = self.case(index, node, what, here);
                    if number < last && case.as_ref().is_some_and(|case| case.when.is_none()) {
                        let hint = "put the case without a condition last";
                        self.sheet.problem(node.at, "no case after this one is ever looked at", hint);
                    }
                    cases.extend(case);
                }
                Some(Route::Cases(cases))
            }
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {
                self.target(index, node, what).map(Route::To)
            }
        }
    }

    fn fork(
        &mut self,
        index: StepIndex,
        node: &Node,
        entries: &[(Key, Node)],
        here: Here<'_>,
    ) -> Option<Route> {
        let (mut when, mut then, mut otherwise) = (None, None, None);
        for (key, value) in entries {
            match key.name.as_str() {
                "condition" => when = self.sheet.condition(value, "condition", here),
                "then" => then = self.target(index, value, "then"),
                "else" => otherwise = self.target(index, value, "else"),
                _ => self.sheet.unknown(key, &["condition", "then", "else"]),
            }
        }
        self.require(node, entries, "condition", "write condition: \"{{ … }}\"");
        self.require(node, entries, "then", "say where it goes if the condition is true");
        self.require(
            node,
            entries,
            "else",
            "say where it goes if the condition is false: else: next, or else: end",
        );
        let first = Case { when: Some(when?), to: then? };
        Some(Route::Cases(vec![first, Case { when: None, to: otherwise? }]))
    }

    fn case(&mut self, index: StepIndex, node: &Node, what: &str, here: Here<'_>) -> Option<Case> {
        let (mut when, mut to) = (None, None);
        let entries = self.sheet.parts.entries(node, what);
        for (key, value) in entries {
            match key.name.as_str() {
                "condition" => when = self.sheet.condition(value, "condition", here),
                "then" | "else" => to = self.target(index, value, &key.name),
                _ => self.sheet.unknown(key, &["condition", "then", "else"]),
            }
        }
        if !entries.iter().any(|(key, _)| matches!(key.name.as_str(), "then" | "else")) {
            self.require(node, entries, "then", "say where it goes");
        }
        Some(Case { when, to: to? })
    }

    /// Says so if a key is not there.
    pub(super) fn require(&mut self, node: &Node, entries: &[(Key, Node)], name: &str, hint: &str) {
        if !entries.iter().any(|(key, _)| key.name == name) {
            self.sheet.problem(node.at, format!("`{name}` is missing"), hint);
        }
    }

    /// Routes by how the step has ended: by an attempt's class, and by classes of a step alone.
    pub(super) fn outcomes(&mut self, index: StepIndex, node: &Node, here: Here<'_>) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (key, value) in self.sheet.parts.entries(node, "onOutcome") {
            let route = self.route(index, value, &key.name, here);
            if let Some(class) =
                OutcomeClass::from_name(&key.name).filter(|class| *class != OutcomeClass::Success)
            {
                outcomes.by_attempt.extend(route.map(|route| (class, route)));
            } else if OWN_CLASSES.contains(&key.name.as_str()) {
                outcomes.by_step.extend(route.map(|route| (key.name.clone(), route)));
            } else if key.name == OutcomeClass::Success.as_str() {
                self.sheet.problem(key.at, "a success leads on by `onSuccess`", "write it there");
            } else {
                let classes = OutcomeClass::ALL.iter().skip(1).map(|class| class.as_str());
                let known: Vec<String> = classes.chain(OWN_CLASSES).map(str::to_owned).collect();
                let hint = suggestion::did_you_mean(&key.name, &known, "outcomes are");
                self.sheet.problem(key.at, format!("there is no outcome `{}`", key.name), hint);
            }
        }
        outcomes
    }

    /// Where it goes after a success that nothing is said about.
    pub(super) fn default_success(&mut self, index: StepIndex) -> Route {
        let Some(node) = self.defaults.on_success else { return Route::To(Target::End) };
        match self.default_target(index, node) {
            Some(Target::Step(to)) if to == index => Route::To(Target::End),
            Some(target) => Route::To(target),
            None => Route::To(Target::End),
        }
    }

    /// Where it goes after a failure that nothing is said about.
    pub(super) fn default_failure(&mut self, index: StepIndex) -> Option<Route> {
        let node = self.defaults.on_failure?;
        self.default_target(index, node).filter(|target| *target != Target::Step(index)).map(Route::To)
    }

    /// A default that leads to a step holds for the steps beside that one.
    fn default_target(&mut self, index: StepIndex, node: &Node) -> Option<Target> {
        if let Content::Text(name) = &node.content {
            let to = self.sheet.scope.steps.get(name);
            if to.is_some_and(|to| self.raw[*to].parent != self.raw[index].parent) {
                return None;
            }
            if matches!(name.as_str(), "break" | "continue") && self.raw[index].parent.is_none() {
                return None;
            }
        }
        self.target(index, node, "defaults")
    }
}
