//! One step: what all steps have.

use std::collections::BTreeMap;

use agents_definitions::Worker;
use agents_definitions::node::{Content, Node};
use agents_definitions::parts::keys as worker_keys;
use serde_json::{Map, Value};

use super::Reading;
use super::collect::DOES;
use super::route::Outcomes;
use super::sheet::User;
use crate::check::scope::Here;
use crate::workflow::{Action, Does, Kind, Output, Retry, Route, Step, StepIndex, Test, Validator};

/// The keys of every step.
pub(crate) const KEYS: [&str; 16] = [
    "id",
    "description",
    "inputs",
    "outputs",
    "onSuccess",
    "onFailure",
    "onTimeout",
    "onOutcome",
    "maxRetries",
    "retry",
    "cooldown",
    "maxVisits",
    "timeout",
    "validators",
    "limits",
    "failsRun",
];
/// The keys of a step that names an action.
pub(crate) const ACTION_KEYS: [&str; 1] = ["action"];
/// The keys of a loop that stand beside it.
pub(crate) const LOOP_KEYS: [&str; 6] = ["as", "steps", "maxIterations", "maxCost", "onBound", "onBreak"];

const RETRIES_MAX: u32 = 1_000;
const FACTOR_MAX: f64 = 100.0;

impl Reading<'_> {
    pub(super) fn step(&mut self, index: StepIndex) -> Step {
        self.enter_loop(index);
        self.known_keys(index);
        let outer = self.outer_locals(index);
        self.sheet.user = User::Entering(index);
        let inputs = self.step_inputs(index, Here { locals: &outer, ..Here::default() });
        let does = self.does(index, &inputs.1, &outer);
        self.sheet.user = User::Leaving(index);
        let takes = self.takes_inputs(index);
        let here = Here { locals: &outer, inputs: takes.then_some(&inputs.1), ..Here::default() };
        let outputs = self.step_outputs(index, here);
        let raw = &self.raw[index];
        let (id, at, parent, action) = (raw.id.clone(), raw.at, raw.parent, raw.action);
        let node = |name: &str| self.raw[index].node(name);
        let (description, success, failure, timeout_route, outcome) =
            (node("description"), node("onSuccess"), node("onFailure"), node("onTimeout"), node("onOutcome"));
        let (timeout, validators, limits, fails) =
            (node("timeout"), node("validators"), node("limits"), node("failsRun"));
        let on_success = match success {
            Some(node) => self.route(index, node, "onSuccess", here),
            None => None,
        };
        let on_success = on_success.unwrap_or_else(|| self.default_success(index));
        let on_success = self.success_of(index, &does, on_success);
        let on_failure = match failure {
            Some(node) => self.route(index, node, "onFailure", here),
            None => self.default_failure(index),
        };
        let outcomes = outcome.map_or_else(Outcomes::default, |node| self.outcomes(index, node, here));
        let on_timeout = timeout_route.and_then(|node| self.route(index, node, "onTimeout", here));
        let validators = validators.map_or_else(Vec::new, |node| self.validators(node, here));
        let parts = &mut self.sheet.parts;
        let said_timeout = timeout.and_then(|node| parts.span(node, "timeout"));
        // A person or another run may take longer than a job.
        let default_timeout = self.defaults.timeout_ms.filter(|_| matches!(does, Does::Work(_)));
        let timeout_ms = said_timeout.or(action.and_then(|action| action.timeout_ms)).or(default_timeout);
        let fails_run = match fails {
            Some(node) => self.sheet.flag(node, "failsRun").unwrap_or(false),
            None => action.is_some_and(|action| action.fails_run),
        };
        Step {
            id,
            at,
            description: description.and_then(|node| self.sheet.parts.text(node, "description")),
            parent,
            retry: self.retry(index, &does),
            max_visits: self.visits(index),
            // A loop has one of its own.
            timeout_ms: timeout_ms.filter(|_| !matches!(does, Does::Loop(_))),
            does,
            inputs: inputs.0,
            outputs,
            on_success,
            on_failure,
            on_timeout,
            on_outcome: outcomes.by_attempt,
            on_class: outcomes.by_step,
            validators,
            limits: limits.map_or_else(Vec::new, |node| self.sheet.parts.limits(node)),
            fails_run,
            needs: Vec::new(),
        }
    }

    fn known_keys(&mut self, index: StepIndex) {
        let does = self.raw[index].does();
        let more: &[&str] = match does {
            "module" => &ACTION_KEYS,
            "loop" | "forEach" => &LOOP_KEYS,
            _ => &[],
        };
        let known: Vec<&str> = KEYS.into_iter().chain(more.iter().copied()).chain(DOES).collect();
        for (key, _) in self.raw[index].entries {
            if known.contains(&key.name.as_str()) {
                continue;
            }
            let name = key.name.as_str();
            let worker = Worker::ALL.into_iter().find(|worker| worker.as_str() == does);
            if name == "action" {
                self.sheet.problem(
                    key.at,
                    "`action` without `module`",
                    "add module: the one that has the action",
                );
            } else if LOOP_KEYS.contains(&name) {
                let message = format!("`{name}` means nothing here: the step is no loop");
                self.sheet.problem(key.at, message, "write it beside loop: or forEach:");
            } else if worker.is_some_and(|worker| worker_keys(worker).iter().any(|known| known == name)) {
                self.sheet.problem(
                    key.at,
                    format!("unknown key `{name}`"),
                    format!("write it inside of `{does}`"),
                );
            } else {
                self.sheet.unknown(key, &known);
            }
        }
    }

    /// What it is given, and the types of that.
    fn step_inputs(
        &mut self,
        index: StepIndex,
        here: Here<'_>,
    ) -> (Map<String, Value>, BTreeMap<String, Kind>) {
        let (mut values, mut kinds) = (Map::new(), BTreeMap::new());
        let raw = &self.raw[index];
        let (does, action) = (raw.does(), raw.action);
        let at = raw.entry("action").map_or(raw.at, |(key, _)| key.at);
        let entry = raw.entry("inputs");
        if let Some((key, _)) = entry.filter(|_| !self.takes_inputs(index) && !does.is_empty()) {
            let message = format!("`inputs` means nothing to `{does}`");
            self.sheet.problem(key.at, message, "name params and steps in its own texts");
        }
        let entries = entry.map_or(&[][..], |(_, node)| self.sheet.parts.entries(node, "inputs"));
        for (key, node) in entries {
            let field = action.and_then(|action| action.inputs.iter().find(|field| field.name == key.name));
            let is_text = field.is_some_and(|field| field.kind == Kind::String);
            let (value, kind) = match (&node.content, &node.raw) {
                // A number or a boolean is a text as it is written, where a text is wanted.
                (Content::Bool(_) | Content::Number(_), Some(raw)) if is_text => {
                    (Value::String(raw.clone()), Kind::String)
                }
                _ => self.sheet.value(node, here),
            };
            self.refuse_secret(node, &value);
            match (field, action) {
                (Some(field), _) => self.sheet.fit(node.at, field, &kind),
                (None, Some(action)) => {
                    let known: Vec<String> = action.inputs.iter().map(|field| field.name.clone()).collect();
                    let hint = match known.is_empty() {
                        true => "it takes none".to_owned(),
                        false => {
                            agents_definitions::suggestion::did_you_mean(&key.name, &known, "its inputs are")
                        }
                    };
                    let message = format!("action `{}` has no input `{}`", action.name, key.name);
                    self.sheet.problem(key.at, message, hint);
                }
                (None, None) => {}
            }
            values.insert(key.name.clone(), value);
            kinds.insert(key.name.clone(), kind);
        }
        for field in action.into_iter().flat_map(|action| &action.inputs) {
            if field.is_required && field.default.is_none() && !values.contains_key(&field.name) {
                let message = format!("input `{}` is missing: the action wants {}", field.name, field.kind);
                self.sheet.problem(at, message, format!("add inputs: {{ {}: … }}", field.name));
            }
        }
        kinds.extend(action.map(Action::input_kinds).unwrap_or_default());
        (values, kinds)
    }

    /// Whether a step is a worker's, by itself or by an action.
    fn takes_inputs(&self, index: StepIndex) -> bool {
        let does = self.raw[index].does();
        does == "module" || Worker::from_name(does).is_some()
    }

    pub(super) fn refuse_secret(&mut self, node: &Node, value: &Value) {
        if value.to_string().contains("${secret:") {
            let hint = "name it where it is used: in env of exec, or in headers of http";
            self.sheet.problem(node.at, "a secret can't be an input: inputs are kept with the run", hint);
        }
    }

    fn step_outputs(&mut self, index: StepIndex, here: Here<'_>) -> Vec<Output> {
        let mut outputs = self.all_outputs(index);
        let reads = std::mem::take(&mut self.raw[index].outputs);
        let raw = &self.raw[index];
        let (does, action) = (raw.does(), raw.action);
        let answers = matches!(does, "module" | "workflow" | "assignment" | "approval")
            || Worker::from_name(does).is_some();
        for read in reads {
            let (at, name) = (read.at, read.output.field.name.clone());
            if !answers && read.value.is_none() && !does.is_empty() {
                let message = format!("output `{name}` is never set: `{does}` answers nothing");
                self.sheet.problem(
                    at,
                    message,
                    "say what it is: value: \"{{ … }}\", or declare it at the step that answers",
                );
            }
            let known =
                action.and_then(|action| action.outputs.iter().find(|output| output.field.name == name));
            if let Some(known) = known.filter(|known| !known.field.kind.may_be(&read.output.field.kind)) {
                let message = format!(
                    "the action puts out {} as `{name}`, and this is {}",
                    known.field.kind, read.output.field.kind
                );
                self.sheet.problem(
                    at,
                    message,
                    "correct the type, or leave it out: the action declares it already",
                );
            }
            let checked = self.sheet.output_value(read, here);
            let place = outputs.iter_mut().find(|output| output.field.name == name);
            if let Some(place) =
                place.filter(|_| matches!(checked.from, crate::workflow::From::Expression(_)))
            {
                *place = checked;
            }
        }
        outputs
    }

    fn retry(&mut self, index: StepIndex, does: &Does) -> Retry {
        let raw = &self.raw[index];
        let (simple, long, cooldown) = (raw.entry("maxRetries"), raw.entry("retry"), raw.entry("cooldown"));
        let mut retry = Retry::default();
        if matches!(does, Does::Work(_)) {
            retry.max = self.defaults.max_retries.unwrap_or(0);
        }
        if let Some((_, node)) = simple {
            retry.max = self.retries(node, "maxRetries");
        }
        if let Some((_, node)) = cooldown {
            retry.backoff_ms = self.sheet.parts.span(node, "cooldown").unwrap_or(retry.backoff_ms);
            retry.max_backoff_ms = retry.max_backoff_ms.max(retry.backoff_ms);
        }
        let Some((_, node)) = long else { return retry };
        let mut most = None;
        for (key, node) in self.sheet.parts.entries(node, "retry") {
            match key.name.as_str() {
                "max" => {
                    retry.max = self.retries(node, "max");
                    if let Some((_, first)) = simple {
                        let hint =
                            format!("`maxRetries` in line {} says it too; keep one of them", first.at.line);
                        self.sheet.problem(key.at, "it is said twice how often it is tried again", hint);
                    }
                }
                "backoff" => {
                    retry.backoff_ms = self.sheet.parts.span(node, "backoff").unwrap_or(retry.backoff_ms)
                }
                "maxBackoff" => most = self.sheet.parts.span(node, "maxBackoff"),
                "factor" => match node.json().as_f64().filter(|factor| (1.0..=FACTOR_MAX).contains(factor)) {
                    Some(factor) => retry.factor = factor,
                    None => {
                        let message = format!("`factor` is a number from 1 to {FACTOR_MAX}");
                        self.sheet.problem(node.at, message, "2 waits twice as long each time");
                    }
                },
                _ => self.sheet.unknown(key, &["max", "backoff", "factor", "maxBackoff"]),
            }
        }
        retry.max_backoff_ms = most.unwrap_or(retry.max_backoff_ms.max(retry.backoff_ms));
        retry
    }

    fn retries(&mut self, node: &Node, what: &str) -> u32 {
        let count = self.sheet.count(node, what, 0).unwrap_or(0);
        if count > RETRIES_MAX {
            let message = format!("`{what}` is {RETRIES_MAX} at most");
            self.sheet.problem(node.at, message, "a loop with a delay waits for longer things");
        }
        count
    }

    fn visits(&mut self, index: StepIndex) -> Option<u32> {
        let node = self.raw[index].node("maxVisits")?;
        self.sheet.count(node, "maxVisits", 1)
    }

    fn validators(&mut self, node: &Node, here: Here<'_>) -> Vec<Validator> {
        let nodes =
            self.sheet.list(node, "validators", "write - condition: \"{{ … }}\", or - exec: { command: … }");
        nodes.iter().enumerate().filter_map(|(number, node)| self.validator(number, node, here)).collect()
    }

    fn validator(&mut self, number: usize, node: &Node, here: Here<'_>) -> Option<Validator> {
        let mut validator = Validator {
            at: node.at,
            name: format!("validator {}", number + 1),
            test: Test::Condition(String::new()),
            retries: 0,
            cooldown_ms: Retry::default().backoff_ms,
            message: None,
        };
        let mut tests = Vec::new();
        for (key, value) in self.sheet.parts.entries(node, "validators") {
            match key.name.as_str() {
                "name" => validator.name = self.sheet.parts.text(value, "name")?,
                "condition" => {
                    tests.push(self.sheet.condition(value, "condition", here).map(Test::Condition))
                }
                "exec" => tests.push(Some(Test::Exec(self.sheet.config(Worker::Exec, value, here)))),
                "maxRetries" => validator.retries = self.retries(value, "maxRetries"),
                "cooldown" => {
                    validator.cooldown_ms =
                        self.sheet.parts.span(value, "cooldown").unwrap_or(validator.cooldown_ms);
                }
                "message" => {
                    let text = self.sheet.parts.text(value, "message")?;
                    validator.message = Some(self.sheet.template(value, &text, here).0);
                }
                _ => {
                    self.sheet
                        .unknown(key, &["name", "condition", "exec", "maxRetries", "cooldown", "message"]);
                }
            }
        }
        if tests.len() != 1 {
            let message = "a validator has either `condition` or `exec`";
            self.sheet.problem(node.at, message, "write condition: \"{{ … }}\", or exec: { command: … }");
        }
        validator.test = tests.pop()??;
        Some(validator)
    }

    /// A condition leads on by its own word where it is true.
    fn success_of(&mut self, index: StepIndex, does: &Does, route: Route) -> Route {
        match (does, self.then.take()) {
            (Does::Condition { .. }, Some(target)) => {
                if let Some((key, _)) = self.raw[index].entry("onSuccess") {
                    self.sheet.problem(
                        key.at,
                        "the condition says where it goes already",
                        "leave `onSuccess` out",
                    );
                }
                Route::To(target)
            }
            _ => route,
        }
    }
}
