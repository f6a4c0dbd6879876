//! What the runner's log says of evidence.

use agents_domain::history::{EventKind, HistoryEvent};

use super::line::Style;

/// The line of an event about evidence; `job` names the job it is about.
#[allow(clippy::wildcard_enum_match_arm, reason = "it is asked for events about evidence only")]
pub fn told(event: &HistoryEvent, job: &str) -> Option<(Style, String)> {
    let detail = |name: &str| event.detail(name).unwrap_or_default();
    let line = match event.kind {
        EventKind::CheckRan if detail("passed") == "true" => {
            (Style::Good, format!("{job}: check `{}` passed", detail("check")))
        }
        EventKind::CheckRan => (Style::Bad, format!("{job}: check `{}` failed", detail("check"))),
        EventKind::CheckpointMade => {
            let (files, more, less) = (detail("files"), detail("insertions"), detail("deletions"));
            let commit: String = detail("commit").chars().take(12).collect();
            (Style::Dim, format!("{job}: {files} file(s) changed (+{more} -{less}), kept as {commit}"))
        }
        EventKind::FindingMade => {
            let style = if detail("severity") == "note" { Style::Dim } else { Style::Attention };
            let place = match (detail("place"), detail("citation")) {
                ("", _) => String::new(),
                (place, "wrong") => format!(" {place} (no such place)"),
                (place, _) => format!(" {place}"),
            };
            (
                style,
                format!("{job}: {} ({}){place}: {}", detail("severity"), detail("source"), detail("text")),
            )
        }
        EventKind::CompletionRefused => {
            (Style::Attention, format!("{job}: complete is refused: {}", detail("reason")))
        }
        EventKind::NothingGained => {
            (Style::Attention, format!("{job} has come to nothing new, {} in a row", detail("repeats")))
        }
        EventKind::BranchMoved => {
            (Style::Plain, format!("the branch was {}", detail("move").replace('_', " ")))
        }
        EventKind::ProofChanged | EventKind::AssignmentCreated => return None,
        _ => return None,
    };
    Some(line)
}
