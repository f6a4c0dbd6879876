//! What a clean-up has deleted, or would.

use agents_orchestrator::housekeeping::{GoneOutput, GoneWorktree, Left, SweepReport, Why};
use serde_json::{Value, json};

use super::table::{Cell, Table};
use super::text::{self, RED, counted};

/// A clean-up to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub report: &'a SweepReport,
    pub is_dry_run: bool,
}

impl Shown<'_> {
    fn bytes(&self) -> u64 {
        self.report.folders.iter().map(|folder| folder.bytes).sum()
    }

    fn events(&self) -> u64 {
        self.report.histories.iter().map(|history| history.events).sum()
    }

    /// For scripts.
    pub fn view(&self) -> Value {
        let folders = self.report.folders.iter().map(|folder| {
            json!({
                "attempt": folder.attempt.to_string(),
                "path": folder.path.display().to_string(),
                "bytes": folder.bytes,
                "why": folder.why.as_str(),
            })
        });
        let histories =
            self.report.histories.iter().map(
                |history| json!({ "assignment": history.assignment.to_string(), "events": history.events }),
            );
        json!({
            "dryRun": self.is_dry_run,
            "folders": folders.collect::<Vec<_>>(),
            "bytes": self.bytes(),
            "outputs": self.report.outputs.iter().map(output).collect::<Vec<_>>(),
            "histories": histories.collect::<Vec<_>>(),
            "events": self.events(),
            "workflowRuns": self.report.flows.iter().map(|flow| {
                json!({ "run": flow.assignment.to_string(), "steps": flow.steps })
            }).collect::<Vec<_>>(),
            "worktrees": self.report.worktrees.iter().map(worktree).collect::<Vec<_>>(),
            "worktreesKept": self.report.worktrees_kept.iter().map(left).collect::<Vec<_>>(),
            "left": self.report.left.iter().map(left).collect::<Vec<_>>(),
            "unknownKept": self.report.unknown_kept,
        })
    }

    /// For people: each thing before it goes, totals after.
    pub fn human(&self) -> String {
        let mut shown = if self.is_dry_run { self.list() } else { String::new() };
        shown.push_str(&self.totals());
        if self.report.unknown_kept > 0 {
            let folders = counted(usize::try_from(self.report.unknown_kept).unwrap_or(usize::MAX), "folder");
            shown.push_str(&format!(
                "{folders} of attempts that this database does not know: kept, they may be another database's\n"
            ));
        }
        for kept in &self.report.worktrees_kept {
            shown.push_str(&format!("kept: {}: {}\n", kept.what, kept.why));
        }
        for left in &self.report.left {
            shown.push_str(&text::colored(RED, &format!("left: {}: {}", left.what, left.why)));
            shown.push('\n');
        }
        shown
    }

    fn list(&self) -> String {
        let mut table = Table::new(&[]);
        for folder in &self.report.folders {
            let why = match folder.why {
                Why::Old => "logs",
                Why::Unknown => "unknown logs",
            };
            let path = folder.path.display().to_string();
            table.row(vec![Cell::from(why), Cell::from(size(folder.bytes)), Cell::from(path)]);
        }
        for gone in &self.report.outputs {
            let why = match gone.why {
                Why::Old => "output",
                Why::Unknown => "unknown output",
            };
            let path = gone.path.display().to_string();
            table.row(vec![Cell::from(why), Cell::from(size(gone.bytes)), Cell::from(path)]);
        }
        for gone in &self.report.worktrees {
            let path = gone.path.display().to_string();
            let why = format!("worktree ({})", gone.why.as_str().replace('_', " "));
            table.row(vec![Cell::from(why), Cell::from(size(gone.bytes)), Cell::from(path)]);
        }
        for history in &self.report.histories {
            let events = counted(usize::try_from(history.events).unwrap_or(usize::MAX), "event");
            let of = format!("assignment {}", history.assignment);
            table.row(vec![Cell::from("history"), Cell::from(events), Cell::from(of)]);
        }
        for flow in &self.report.flows {
            let steps = counted(usize::try_from(flow.steps).unwrap_or(usize::MAX), "step");
            let of = format!("run {}", flow.assignment);
            table.row(vec![Cell::from("workflow"), Cell::from(steps), Cell::from(of)]);
        }
        // A path that is cut is of no use.
        table.render(super::width().max(400), "")
    }

    fn totals(&self) -> String {
        let folders = counted(self.report.folders.len(), "folder");
        let events = counted(usize::try_from(self.events()).unwrap_or(usize::MAX), "event");
        let assignments = counted(self.report.histories.len(), "assignment");
        let what = format!("{folders} of logs ({}), {events} of {assignments}", size(self.bytes()));
        let what = match self.report.outputs.as_slice() {
            [] => what,
            gone => {
                let bytes = size(gone.iter().map(|one| one.bytes).sum());
                format!("{what}, {} of runs ({bytes})", counted(gone.len(), "output"))
            }
        };
        let what = match self.report.flows.as_slice() {
            [] => what,
            gone => {
                let steps: u64 = gone.iter().map(|one| one.steps).sum();
                let steps = counted(usize::try_from(steps).unwrap_or(usize::MAX), "step");
                format!("{what}, {steps} of {}", counted(gone.len(), "workflow run"))
            }
        };
        let what = match self.report.worktrees.as_slice() {
            [] => what,
            gone => {
                let bytes = size(gone.iter().map(|one| one.bytes).sum());
                format!("{what}, {} ({bytes})", counted(gone.len(), "worktree"))
            }
        };
        let nothing = self.report.folders.is_empty()
            && self.report.histories.is_empty()
            && self.report.flows.is_empty();
        if nothing && self.report.outputs.is_empty() && self.report.worktrees.is_empty() {
            return "nothing is old enough to go\n".to_owned();
        }
        match self.is_dry_run {
            true => format!("would delete {what}\n"),
            false => format!("deleted {what}\n"),
        }
    }
}

fn output(gone: &GoneOutput) -> Value {
    json!({ "path": gone.path.display().to_string(), "bytes": gone.bytes, "why": gone.why.as_str() })
}

fn worktree(gone: &GoneWorktree) -> Value {
    json!({
        "assignment": gone.assignment.to_string(),
        "path": gone.path.display().to_string(),
        "bytes": gone.bytes,
        "why": gone.why.as_str(),
    })
}

fn left(left: &Left) -> Value {
    json!({ "what": left.what, "why": left.why })
}

/// Bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_largest_unit() {
        let check = |bytes, shown| assert_eq!(size(bytes), shown);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1536, "1.5 KiB");
        check(5 << 20, "5.0 MiB");
        check(3 << 30, "3.0 GiB");
        check(1 << 60, "1048576.0 TiB");
    }
}
