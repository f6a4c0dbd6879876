//! `agents jobs`: the list of them, the latest first.

use agents_domain::job::JobStatus;
use agents_domain::store::{JobFilter, Store};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::App;
use crate::failure::Failure;
use crate::output::job;
use crate::output::json::JobLineView;
use crate::settings_source;
use crate::suggestion;
use crate::target;

/// List jobs, the latest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents jobs
  agents jobs --status failed --type review
  agents jobs --assignment 099a8057 --json")]
pub struct Jobs {
    /// Only those of this assignment
    #[arg(long, value_name = "ID", conflicts_with = "all_namespaces")]
    assignment: Option<String>,
    /// Only those with this status; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status_parser())]
    status: Vec<JobStatus>,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE")]
    job_type: Option<String>,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The most that are listed
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

fn status_parser() -> impl TypedValueParser<Value = JobStatus> {
    PossibleValuesParser::new(JobStatus::ALL.map(JobStatus::as_str))
        .try_map(|name| JobStatus::from_name(&name).ok_or("no such status"))
}

impl Jobs {
    /// Lists them.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let of_one = self.assignment.is_some();
        let namespace = here.listed_namespace(self.all_namespaces || of_one)?;
        let store = app.store(&here).await?;
        let assignment = match &self.assignment {
            Some(text) => Some(target::assignment(&store, text).await?),
            None => None,
        };
        let filter = JobFilter {
            namespace,
            assignment,
            status: self.status,
            job_type: self.job_type,
            limit: Some(self.limit),
        };
        let lines = store.jobs(&filter).await?;
        if let Some(job_type) = filter.job_type.as_deref().filter(|_| lines.is_empty()) {
            // Jobs of a type whose template is gone can still be listed; a type that never was is a typo.
            let known = settings_source::job_types(here.place.as_ref());
            if job_type != "run" && !known.iter().any(|name| name == job_type) {
                return Err(Failure::usage(format!("there is no job type `{job_type}`"))
                    .hint(suggestion::did_you_mean(job_type, &known, "the types are")));
            }
        }
        let json = || {
            let views: Vec<_> = lines.iter().map(JobLineView::from).collect();
            serde_json::json!({ "jobs": views })
        };
        let human = || {
            if lines.is_empty() {
                return "no jobs\n".to_owned();
            }
            job::list(&lines, app.now(), self.all_namespaces)
        };
        app.printer.answer(json, human)
    }
}
