//! The drawing of a workflow in a terminal: its steps in the order of the file, a line down where one follows on the other,
//! and each other way named with its direction.

use agents_workflows::{StepIndex, Workflow};

use super::graph::{Edge, Goal, edges};
use super::step::{depth, does};
use crate::output::text::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW};

/// How far a loop's body stands in.
const INDENT: usize = 3;

/// The lines of the drawing; none is wider than `width`.
pub fn drawing(workflow: &Workflow, width: usize) -> String {
    let mut shown = String::new();
    for (index, step) in workflow.steps.iter().enumerate() {
        let indent = "│  ".repeat(depth(workflow, step));
        let ways = edges(workflow, step);
        let next = index + 1;
        let goes_on =
            ways.iter().any(|edge| edge.is_success() && edge.when.is_none() && leads_to(edge, next));
        let room = width.saturating_sub(text::columns(&indent) + text::columns(&step.id) + 4);
        shown.push_str(&format!(
            "{}{} {}  {}\n",
            text::colored(DIM, &indent),
            text::colored(CYAN, "●"),
            text::colored(BOLD, &step.id),
            text::colored(DIM, &text::fit(&does(step), room))
        ));
        let spine = if goes_on { "│" } else { " " };
        let bars = text::colored(DIM, &format!("{indent}{spine}"));
        for edge in ways.iter().filter(|edge| !(goes_on && is_plain(edge) && leads_to(edge, next))) {
            let room = width.saturating_sub(text::columns(&indent) + INDENT);
            shown.push_str(&format!("{bars}  {}\n", way(edge, index, room)));
        }
        if let Some(bound) = bound(workflow, index) {
            shown.push_str(&format!("{bars}  {}\n", text::colored(DIM, &bound)));
        }
        if goes_on && next < workflow.steps.len() {
            let next_indent = "│  ".repeat(depth(workflow, &workflow.steps[next]));
            shown.push_str(&text::colored(DIM, &format!("{next_indent}▼")));
            shown.push('\n');
        } else {
            shown.push('\n');
        }
    }
    shown
}

fn is_plain(edge: &Edge<'_>) -> bool {
    edge.when.is_none() && matches!(edge.rule.as_str(), "onSuccess" | "body")
}

fn leads_to(edge: &Edge<'_>, index: StepIndex) -> bool {
    matches!(edge.to, Goal::Step(to, _) if to == index)
}

fn way(edge: &Edge<'_>, from: StepIndex, room: usize) -> String {
    let (sign, color) = if edge.is_success() { ("├─▶", GREEN) } else { ("├┄▶", RED) };
    let (direction, goal_color) = match edge.to {
        Goal::Step(to, _) if to <= from => ("↑ ", YELLOW),
        Goal::Step(..) => ("", ""),
        Goal::Word(_) => ("", DIM),
    };
    let goal = edge.to.name();
    let label_room = room.saturating_sub(text::columns(goal) + text::columns(direction) + 5);
    let label = text::fit(&edge.label(), label_room);
    format!(
        "{} {}{}  {}",
        text::colored(color, sign),
        direction,
        text::colored(goal_color, goal),
        text::colored(DIM, &label)
    )
}

/// How often it may be done.
fn bound(workflow: &Workflow, index: StepIndex) -> Option<String> {
    let step = &workflow.steps[index];
    let mut words = Vec::new();
    words.extend(
        (step.retry.max > 0).then(|| format!("tried up to {} times", step.retry.max.saturating_add(1))),
    );
    words.extend(step.max_visits.map(|most| format!("entered at most {most} times")));
    (!words.is_empty()).then(|| words.join(", "))
}
