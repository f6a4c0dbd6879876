//! What can only be said of all steps together: circles, what can't be reached, what can't be known yet, and what each step
//! needs.

use std::collections::BTreeSet;

use super::Reading;
use super::sheet::User;
use crate::check::graph::{Graph, Groups, Order};
use crate::check::needs::{self, Names};
use crate::workflow::{Route, Step, Target};

impl Reading<'_> {
    pub(super) fn finish(&mut self, steps: &mut [Step]) {
        if !self.is_whole || steps.is_empty() {
            return;
        }
        self.spare_handlers(steps);
        self.own_failures(steps);
        let graph = Graph::of(steps);
        self.bound(steps, &graph);
        for index in graph.unreachable() {
            let message = format!("step `{}` can never be reached", steps[index].id);
            let hint = "lead to it, by onSuccess of another step for example, or leave it out";
            self.sheet.problem(steps[index].at, message, hint);
        }
        let order = Order::of(&graph.ways);
        let mut names = vec![Names::default(); steps.len()];
        let mut ending = BTreeSet::new();
        for used in std::mem::take(&mut self.sheet.uses) {
            let user = match used.user {
                User::Nobody => continue,
                User::Ending => {
                    ending.insert(used.step);
                    continue;
                }
                User::Entering(user) => {
                    names[user].entering.insert(used.step);
                    user
                }
                User::Leaving(user) => {
                    names[user].leaving.insert(used.step);
                    if user == used.step {
                        continue;
                    }
                    user
                }
            };
            if !order.is_before(used.step, user) {
                let (named, user) = (&steps[used.step].id, &steps[user].id);
                let message = if named == user {
                    format!("step `{named}` has put out nothing before it is executed")
                } else {
                    format!("step `{named}` is never executed before `{user}`")
                };
                self.sheet.problem(used.at, message, "name a step that leads to this one");
            }
        }
        for (step, needs) in needs::needs(steps, &names, &ending).into_iter().enumerate() {
            steps[step].needs = needs;
        }
    }

    /// A default for failures doesn't hold for what it leads to, or that would be led to itself.
    fn spare_handlers(&mut self, steps: &mut [Step]) {
        let Some(node) = self.defaults.on_failure else { return };
        let Some(first) = node.json().as_str().and_then(|id| self.sheet.scope.steps.get(id)).copied() else {
            return;
        };
        let is_default = |reading: &Self, index: usize| reading.raw[index].node("onFailure").is_none();
        let (mut open, mut seen) = (vec![first], BTreeSet::from([first]));
        while let Some(index) = open.pop() {
            if is_default(self, index) {
                steps[index].on_failure = None;
            }
            for target in crate::check::graph::targets(&steps[index]) {
                if let Target::Step(next) = target
                    && seen.insert(next)
                {
                    open.push(next);
                }
            }
        }
    }

    /// A step is never entered as the handler of its own failure.
    fn own_failures(&mut self, steps: &[Step]) {
        for (index, step) in steps.iter().enumerate() {
            let by_name = [("onFailure", &step.on_failure), ("onTimeout", &step.on_timeout)];
            let direct = by_name
                .into_iter()
                .filter(|(_, route)| route.as_ref().is_some_and(|route| leads_to(route, index)));
            let mut places: Vec<_> = direct.filter_map(|(name, _)| self.raw[index].entry(name)).collect();
            let outcomes = step.on_outcome.values().chain(step.on_class.values());
            if outcomes.into_iter().any(|route| leads_to(route, index)) {
                places.extend(self.raw[index].entry("onOutcome"));
            }
            for (_, node) in places {
                let message = format!("step `{}` leads to itself when it has failed", step.id);
                self.sheet.problem(
                    node.at,
                    message,
                    "maxRetries: 2 tries it again; lead to another step here",
                );
            }
        }
    }

    /// Circles must have a bound. `maxRetries` of a step in one is it.
    fn bound(&mut self, steps: &mut [Step], graph: &Graph) {
        let groups = Groups::of(&graph.routes);
        for (index, step) in steps.iter_mut().enumerate() {
            let members = &groups.members[groups.of[index]];
            let is_circular = members.len() > 1 || graph.routes[index].contains(&index);
            let is_said =
                self.raw[index].node("maxRetries").is_some() || self.raw[index].node("retry").is_some();
            if is_circular && is_said && step.retry.max > 0 && step.max_visits.is_none() {
                step.max_visits = Some(step.retry.max);
            }
        }
        let own_failure =
            |index: usize| steps[index].on_failure.as_ref().is_some_and(|route| leads_to(route, index));
        for circle in graph.circles(&|index| steps[index].max_visits.is_some()) {
            let first = circle[0];
            if circle.len() == 1 && own_failure(first) {
                // It was said already.
                continue;
            }
            let ids: Vec<&str> =
                circle.iter().chain([&first]).map(|index| steps[*index].id.as_str()).collect();
            let message = format!("these steps go in a circle without a bound: {}", ids.join(" -> "));
            let hint = "give one of them maxVisits: 3 (or maxRetries: 3), so that it ends";
            self.sheet.problem(steps[first].at, message, hint);
        }
    }
}

fn leads_to(route: &Route, index: usize) -> bool {
    let is_it = |target: &Target| *target == Target::Step(index);
    match route {
        Route::To(target) => is_it(target),
        Route::Cases(cases) => cases.iter().any(|case| is_it(&case.to)),
    }
}
