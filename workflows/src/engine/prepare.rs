//! Makes a workflow's expressions ready: ids with hyphens are written as the language wants them, once, when it is read.

use crate::expression::Hyphens;
use crate::workflow::{Case, Does, From, LoopKind, Route, Step, Test, Workflow};

pub(super) fn prepared(mut workflow: Workflow) -> Workflow {
    let hyphens = Hyphens::new(workflow.steps.iter().map(|step| step.id.as_str()));
    for value in workflow.outputs.values_mut() {
        *value = hyphens.value(value);
    }
    for step in &mut workflow.steps {
        prepare(step, &hyphens);
    }
    workflow
}

fn prepare(step: &mut Step, hyphens: &Hyphens) {
    step.inputs = hyphens.map(&step.inputs);
    does(&mut step.does, hyphens);
    for output in &mut step.outputs {
        if let From::Expression(expression) = &mut output.from {
            *expression = hyphens.expression(expression);
        }
    }
    let failures = step.on_failure.iter_mut().chain(&mut step.on_timeout).chain(step.on_outcome.values_mut());
    for route in failures.chain(step.on_class.values_mut()).chain([&mut step.on_success]) {
        if let Route::Cases(cases) = route {
            for Case { when, to: _ } in cases {
                *when = when.as_deref().map(|when| hyphens.expression(when));
            }
        }
    }
    for validator in &mut step.validators {
        match &mut validator.test {
            Test::Condition(condition) => *condition = hyphens.expression(condition),
            Test::Exec(config) => *config = hyphens.map(config),
        }
        validator.message = validator.message.as_deref().map(|message| hyphens.text(message));
    }
}

fn does(does: &mut Does, hyphens: &Hyphens) {
    match does {
        Does::Work(work) => work.config = hyphens.map(&work.config),
        Does::Condition { when, otherwise: _ } => *when = hyphens.expression(when),
        Does::Switch { on, cases: _, otherwise: _ } => *on = hyphens.expression(on),
        Does::Loop(looped) => match &mut looped.kind {
            LoopKind::ForEach { items, name: _ } => *items = hyphens.expression(items),
            LoopKind::While { condition } | LoopKind::Until { condition } => {
                *condition = hyphens.expression(condition)
            }
            LoopKind::Times { count: _ } => {}
        },
        Does::Delay { span, until } => {
            for text in span.iter_mut().chain(until) {
                *text = hyphens.text(text);
            }
        }
        Does::Approval { question } => *question = hyphens.text(question),
        Does::Assignment { north_star } => *north_star = hyphens.text(north_star),
        Does::Workflow { name, params } => {
            *name = hyphens.text(name);
            *params = hyphens.map(params);
        }
    }
}
