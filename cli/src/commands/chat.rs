//! `agents chat`: asks an agent about an assignment's history.

use std::sync::Arc;

use agents_domain::actor::Actor;
use agents_domain::decision::NewJob;
use agents_domain::id::{AttemptId, JobId};
use agents_domain::job_type::JobType;
use agents_domain::store::{Change, Command, JobDetail, Store};
use agents_orchestrator::runner::{Board, Listener, Runner, RunnerEvent};
use clap::Args;

use crate::app::{App, Here};
use crate::caller::Caller;
use crate::engine::{self, Leaving, Wanted};
use crate::failure::Failure;
use crate::job_input;
use crate::output::text::plain;
use crate::target;

/// Ask about an assignment: what was done, why, what is missing
///
/// An agent answers from the assignment's history and the repository. It changes nothing. The question is a job of
/// the assignment like the others, beside the line: it waits for nothing and nothing waits for it, and this command
/// runs it itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents chat 099a8057 \"why was the second implement job needed?\"\n  \
                        agents chat 099a8057 --harness codex \"what is still missing?\"")]
pub struct ChatArgs {
    /// The assignment: its id, or a beginning or end of it
    pub assignment: String,
    /// The question; `-` reads standard input
    pub question: String,
    /// The agent that answers
    #[arg(long, value_name = "NAME")]
    pub harness: Option<String>,
    /// The model that answers
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
}

/// Runs the command.
pub fn run(app: &App, args: &ChatArgs) -> Result<(), Failure> {
    Caller::of_process()?.person_only("ask questions")?;
    let here = app.here()?;
    let question = job_input::text_or_standard_input(&args.question, "the question")?;
    if question.trim().is_empty() {
        return Err(Failure::bad_input("the question is empty"));
    }
    engine::runtime()?.block_on(ask(app, &here, args, question))
}

async fn ask(app: &App, here: &Here, args: &ChatArgs, question: String) -> Result<(), Failure> {
    let store = Arc::new(app.store(here).await?);
    let assignment = target::assignment(&*store, &args.assignment).await?;
    if let Some(name) = &args.harness {
        job_input::check_harness(here, name)?;
    }
    let job = app.new_job_id();
    let wanted = Wanted { namespace: None, concurrency: 0, once: true };
    let options = engine::options(app, here, wanted)?;
    let new = NewJob {
        id: job,
        job_type: JobType::chat(),
        harness: args.harness.clone(),
        model: args.model.clone(),
        context: question,
        timeout_ms: None,
    };
    let attempt = AttemptId::new(app.ids.next());
    let change = Change::Ask { assignment, question: new, holder: options.holder(), attempt };
    let command = Command { actor: Actor::Person, harness_defaults: here.config.harness_defaults(), change };
    let around = engine::surroundings(app, here, Arc::clone(&store))?;
    let runner = Runner::new(options, around, Board::default(), Arc::new(Silent) as Arc<dyn Listener>);
    runner.announce().await?;
    let claimed = store.take(command).await?;
    app.printer.note(&format!("asking {} …", claimed.attempt.harness));
    runner.run_one(claimed, engine::listen_to_signals(Leaving::default())?).await?;
    answer(app, &*store, job).await
}

async fn answer(app: &App, store: &dyn Store, job: JobId) -> Result<(), Failure> {
    let Some((assignment, detail)) = store.job(job).await? else {
        return Err(Failure::failed("reading the answer", format!("job {job} is gone")));
    };
    let text = detail.job.progress().result.clone().unwrap_or_default();
    if !is_answered(&detail) {
        let outcome = detail.job.progress().outcome.map_or("unknown", |class| class.as_str());
        return Err(Failure::failed("the question", format!("{text} ({outcome})"))
            .hint(format!("agents logs {}", job.short())));
    }
    let json = || {
        serde_json::json!({
            "id": job.to_string(),
            "assignmentId": assignment.id.to_string(),
            "answer": text,
            "harness": detail.job.harness,
        })
    };
    app.printer.answer(json, || format!("{}\n", plain(text.trim_end())))
}

fn is_answered(detail: &JobDetail) -> bool {
    detail.job.status() == agents_domain::job::JobStatus::Completed
}

/// The answer is all that is shown.
struct Silent;

impl Listener for Silent {
    fn hear(&self, _: &RunnerEvent) {}
}
