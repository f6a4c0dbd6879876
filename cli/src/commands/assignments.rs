//! `agents assignments`: the list of them, the latest first.

use agents_domain::assignment::AssignmentStatus;
use agents_domain::store::{AssignmentFilter, Store};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::App;
use crate::failure::Failure;
use crate::output::assignment;
use crate::output::json::AssignmentLineView;

/// List assignments, the latest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents assignments
  agents assignments --status active,blocked --all-namespaces
  agents assignments --json | jq -r '.assignments[].id'")]
pub struct Assignments {
    /// Only those with this status; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status_parser())]
    status: Vec<AssignmentStatus>,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most that are listed
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// A status by its name.
pub fn status_parser() -> impl TypedValueParser<Value = AssignmentStatus> {
    PossibleValuesParser::new(AssignmentStatus::ALL.map(AssignmentStatus::as_str))
        .try_map(|name| AssignmentStatus::from_name(&name).ok_or("no such status"))
}

impl Assignments {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let namespace = here.listed_namespace(self.all_namespaces)?;
        let store = app.store(&here).await?;
        let filter = AssignmentFilter { namespace, status: self.status, limit: Some(self.limit) };
        let lines = store.assignments(&filter).await?;
        let json = || {
            let views: Vec<_> = lines.iter().map(AssignmentLineView::from).collect();
            serde_json::json!({ "assignments": views })
        };
        let human = || {
            if lines.is_empty() {
                return "no assignments: create one with `agents create \"<what you want>\"`\n".to_owned();
            }
            assignment::list(&lines, app.now(), filter.namespace.is_none())
        };
        app.printer.answer(json, human)
    }
}
