//! The graph of a workflow: what can come after what, what can't be reached, and what goes in circles.

use crate::workflow::{Does, Route, Step, StepIndex, Target};

/// What can come after what.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// By routes alone: never out of a loop or into one.
    pub routes: Vec<Vec<StepIndex>>,
    /// With the ways into loops and back.
    pub ways: Vec<Vec<StepIndex>>,
}

/// Everywhere that a step may lead by its own routes.
pub fn targets(step: &Step) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |route: &Route| match route {
        Route::To(target) => targets.push(*target),
        Route::Cases(cases) => targets.extend(cases.iter().map(|case| case.to)),
    };
    add(&step.on_success);
    step.on_failure
        .iter()
        .chain(&step.on_timeout)
        .chain(step.on_outcome.values())
        .chain(step.on_class.values())
        .for_each(add);
    match &step.does {
        Does::Condition { otherwise, .. } => targets.push(*otherwise),
        Does::Switch { cases, otherwise, .. } => {
            targets.extend(cases.iter().map(|(_, target)| *target));
            targets.push(*otherwise);
        }
        Does::Loop(looped) => targets.extend(looped.on_bound.into_iter().chain(looped.on_break)),
        Does::Work(_)
        | Does::Delay { .. }
        | Does::Approval { .. }
        | Does::Assignment { .. }
        | Does::Workflow { .. } => {}
    }
    targets
}

impl Graph {
    /// Of these steps.
    pub fn of(steps: &[Step]) -> Self {
        let step_of = |target: Target| match target {
            Target::Step(index) => Some(index),
            Target::End | Target::Fail | Target::Break | Target::Continue => None,
        };
        let routes: Vec<Vec<StepIndex>> = steps
            .iter()
            .map(|step| {
                let mut next: Vec<StepIndex> = targets(step).into_iter().filter_map(step_of).collect();
                next.sort_unstable();
                next.dedup();
                next
            })
            .collect();
        let mut ways = routes.clone();
        for (index, step) in steps.iter().enumerate() {
            ways[index].extend(step.parent);
            if let Does::Loop(looped) = &step.does {
                ways[index].push(looped.body);
            }
        }
        Self { routes, ways }
    }

    /// The steps that nothing leads to from the first one.
    pub fn unreachable(&self) -> Vec<StepIndex> {
        let mut is_reached = vec![false; self.ways.len()];
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            if let Some(reached) = is_reached.get_mut(index).filter(|reached| !**reached) {
                *reached = true;
                open.extend(&self.ways[index]);
            }
        }
        (0..is_reached.len()).filter(|index| !is_reached[*index]).collect()
    }

    /// The steps of each circle of routes in which no step is bounded, in the order of the circle; the shortest of those that
    /// share steps.
    pub fn circles(&self, is_bounded: &dyn Fn(StepIndex) -> bool) -> Vec<Vec<StepIndex>> {
        let open: Vec<Vec<StepIndex>> = (0..self.routes.len())
            .map(|index| match is_bounded(index) {
                true => Vec::new(),
                false => self.routes[index].iter().copied().filter(|next| !is_bounded(*next)).collect(),
            })
            .collect();
        let groups = Groups::of(&open);
        let circular = groups.members.iter().filter(|members| groups.is_circle(members, &open));
        let mut circles: Vec<Vec<StepIndex>> =
            circular.map(|members| shortest(members, &groups, &open)).collect();
        circles.sort();
        circles
    }
}

/// The shortest way from the first of these steps back to it.
fn shortest(members: &[StepIndex], groups: &Groups, next: &[Vec<StepIndex>]) -> Vec<StepIndex> {
    let first = members.iter().copied().min().unwrap_or_default();
    let mut from = std::collections::HashMap::from([(first, first)]);
    let mut open = std::collections::VecDeque::from([first]);
    while let Some(index) = open.pop_front() {
        if next[index].contains(&first) {
            let mut circle = vec![index];
            while circle[circle.len() - 1] != first {
                circle.push(from[&circle[circle.len() - 1]]);
            }
            circle.reverse();
            return circle;
        }
        for to in next[index].iter().filter(|to| groups.of[**to] == groups.of[first]) {
            from.entry(*to).or_insert_with(|| {
                open.push_back(*to);
                index
            });
        }
    }
    vec![first]
}

/// Steps that lead to each other, in groups: first those that lead to no other group.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// The group of each step.
    pub of: Vec<usize>,
    pub members: Vec<Vec<StepIndex>>,
}

impl Groups {
    /// Tarjan's algorithm, without recursion: a chain of steps is as deep as the file is long.
    pub fn of(next: &[Vec<StepIndex>]) -> Self {
        let unseen = usize::MAX;
        let (mut order, mut low) = (vec![unseen; next.len()], vec![0; next.len()]);
        let mut groups = Groups { of: vec![unseen; next.len()], members: Vec::new() };
        let (mut stack, mut count) = (Vec::new(), 0);
        for root in 0..next.len() {
            let mut calls = if order[root] == unseen { vec![(root, 0)] } else { Vec::new() };
            while let Some((index, edge)) = calls.pop() {
                if edge == 0 {
                    (order[index], low[index]) = (count, count);
                    count += 1;
                    stack.push(index);
                }
                if let Some(to) = next[index].get(edge).copied() {
                    calls.push((index, edge + 1));
                    if order[to] == unseen {
                        calls.push((to, 0));
                    } else if groups.of[to] == unseen {
                        low[index] = low[index].min(order[to]);
                    }
                    continue;
                }
                if low[index] == order[index] {
                    let start = stack.iter().rposition(|step| *step == index).unwrap_or(0);
                    let members = stack.split_off(start);
                    members.iter().for_each(|step| groups.of[*step] = groups.members.len());
                    groups.members.push(members);
                }
                if let Some((caller, _)) = calls.last() {
                    low[*caller] = low[*caller].min(low[index]);
                }
            }
        }
        groups
    }

    fn is_circle(&self, members: &[StepIndex], next: &[Vec<StepIndex>]) -> bool {
        members.len() > 1 || members.iter().any(|step| next[*step].contains(step))
    }
}

/// Which step can have been executed before which.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    groups: Groups,
    is_circle: Vec<bool>,
    /// By group: a bit for each group that it leads to.
    reach: Vec<Vec<u64>>,
}

impl Order {
    /// By these ways.
    pub fn of(next: &[Vec<StepIndex>]) -> Self {
        let groups = Groups::of(next);
        let words = groups.members.len().div_ceil(64);
        let mut reach: Vec<Vec<u64>> = Vec::with_capacity(groups.members.len());
        for (number, members) in groups.members.iter().enumerate() {
            let mut bits = vec![0_u64; words];
            for to in members.iter().flat_map(|step| &next[*step]).map(|to| groups.of[*to]) {
                // What it leads to was done before it.
                if to != number && bits[to / 64] >> (to % 64) & 1 == 0 {
                    bits[to / 64] |= 1 << (to % 64);
                    bits.iter_mut().zip(&reach[to]).for_each(|(bit, other)| *bit |= other);
                }
            }
            reach.push(bits);
        }
        let is_circle = groups.members.iter().map(|members| groups.is_circle(members, next)).collect();
        Self { groups, is_circle, reach }
    }

    /// Whether `one` can have been executed when `other` begins.
    pub fn is_before(&self, one: StepIndex, other: StepIndex) -> bool {
        let (from, to) = (self.groups.of[one], self.groups.of[other]);
        if from == to { self.is_circle[from] } else { self.reach[from][to / 64] >> (to % 64) & 1 == 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_lead_to_each_other_are_a_group_and_order_is_known_between_groups() {
        // 0 -> 1 -> 2 -> 1, 2 -> 3, 4 -> 3.
        let next = [vec![1], vec![2], vec![1, 3], vec![], vec![3]];
        let order = Order::of(&next);
        let before = |one, other| order.is_before(one, other);
        assert_eq!([before(0, 3), before(1, 2), before(2, 1), before(1, 1)], [true; 4]);
        assert_eq!([before(3, 0), before(0, 0), before(0, 4), before(4, 1)], [false; 4]);
    }

    #[test]
    fn a_circle_is_named_by_its_shortest_way_unless_a_step_of_it_has_a_bound() {
        let next = vec![vec![1], vec![2, 3], vec![0], vec![0], vec![4]];
        let graph = Graph { routes: next.clone(), ways: next };
        assert_eq!(graph.circles(&|_| false), [vec![0, 1, 2], vec![4]]);
        assert_eq!(graph.circles(&|index| index == 1), [vec![4]]);
        assert_eq!(graph.unreachable(), [4]);
    }
}
