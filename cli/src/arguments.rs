//! The command line as a whole: the options that every command takes, and the commands.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    assignment, assignments, cancel, chat, completions, config, cooldown, create, demo, diff, doctor, emit,
    events, evidence, gc, history, import, init, insert_job, job, jobs, logs, merge, notify, open, pause, pr,
    queue, receipt, resume, retry, rollback, runner, schedule, scripted_agent, serve, skills, subscription,
    template, update_assignment, usage, webhook,
};
use crate::commands::{definition, replay, run, run_show, runs};
use crate::commands::{modules, workflow};
use crate::config::Flags;
use crate::output::Form;

/// Shown below `agents --help`.
const TOUR: &str = "\
A tour in five commands:
  agents init                                    use this repository
  agents doctor                                  is everything there that the agents need?
  agents create \"Add a --dry-run flag to import\" say what you want
  agents runner                                  do it (leave it open in a terminal)
  agents queue                                   what runs, what waits, what is blocked and why

Ids may be shortened to any unique beginning or end of at least 4 digits.
Exit codes and the JSON of --json: docs/cli.md. Configuration: docs/configuration.md.";

/// Queues work for headless coding agents and sees it through: a north star becomes a list of jobs, each done
/// by an agent CLI, each reviewed by a PM that decides what comes next.
#[derive(Debug, Parser)]
#[command(name = "agents", version, after_help = TOUR, disable_help_subcommand = true, max_term_width = 100)]
pub struct Arguments {
    /// Answer in JSON; errors too, on standard error
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// The namespace, instead of the one of the repository we are in
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub namespace: Option<String>,
    /// Where the database is: sqlite:<path>
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub database_url: Option<String>,
    /// One more config file, which wins over those of the repository and the user
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do, one variant and one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::Init),
    Doctor(doctor::Doctor),
    Create(create::Create),
    InsertJob(insert_job::InsertJob),
    UpdateAssignment(update_assignment::UpdateAssignment),
    Cancel(cancel::Cancel),
    Pause(pause::Pause),
    Resume(resume::Resume),
    Retry(retry::Retry),
    Definition(definition::DefinitionCommand),
    Run(run::Run),
    Runs(runs::Runs),
    RunShow(run_show::RunShow),
    Replay(replay::Replay),
    Workflow(workflow::WorkflowArgs),
    Modules(modules::Modules),
    Queue(queue::QueueCommand),
    Assignments(assignments::Assignments),
    Assignment(assignment::Assignment),
    Jobs(jobs::Jobs),
    Job(job::Job),
    Evidence(evidence::Evidence),
    Receipt(receipt::Receipt),
    History(history::History),
    Usage(usage::Usage),
    Logs(logs::LogsArgs),
    Diff(diff::Diff),
    Open(open::Open),
    Merge(merge::Merge),
    Pr(pr::Pr),
    Rollback(rollback::Rollback),
    Gc(gc::Gc),
    Chat(chat::ChatArgs),
    Runner(runner::RunnerArgs),
    Cooldown(cooldown::CooldownArgs),
    Schedule(schedule::ScheduleArgs),
    Emit(emit::Emit),
    Events(events::Events),
    Subscription(subscription::SubscriptionArgs),
    Webhook(webhook::WebhookArgs),
    Serve(serve::Serve),
    Notify(notify::NotifyArgs),
    Import(import::ImportArgs),
    Template(template::TemplateArgs),
    Demo(demo::DemoArgs),
    Config(config::ConfigCommand),
    Completions(completions::Completions),
    Skills(skills::Skills),
    /// Make one request that is read on standard input
    #[command(hide = true)]
    CallHttp,
    /// Call a model as is read on standard input
    #[command(hide = true)]
    CallModel,
    #[command(hide = true)]
    ScriptedAgent(scripted_agent::ScriptedAgentArgs),
}

/// What values are called that people may write with a `-` in front: it is refused as a value, not taken for an option.
const SIGNED: [&str; 5] = ["N", "TIME", "INTERVAL", "USD", "ZONE"];

fn with_signed_values(command: clap::Command) -> clap::Command {
    let is_signed = |arg: &clap::Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| SIGNED.contains(&name.as_str()))
    };
    let command = command.mut_args(|arg| if is_signed(&arg) { arg.allow_hyphen_values(true) } else { arg });
    command.mut_subcommands(with_signed_values)
}

impl Arguments {
    /// Reads the command line of this process.
    pub fn of_process() -> Result<Self, clap::Error> {
        match Self::try_parse() {
            // What looks like an option may be a value with a `-` in front; all commands are made up for that alone.
            Err(error) if error.kind() == ErrorKind::UnknownArgument => {
                let mut command = Self::command();
                command.build();
                Self::from_arg_matches(&with_signed_values(command).try_get_matches()?)
            }
            read => read,
        }
    }

    /// In which form to answer.
    pub fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Human }
    }

    /// The options that are part of the configuration.
    pub fn flags(&self) -> Flags {
        Flags {
            namespace: self.namespace.clone(),
            database_url: self.database_url.clone(),
            config_file: self.config.clone(),
            concurrency: None,
            data_dir: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_teaches_by_an_example() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        command.build();
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("agents "), "{} has no example", subcommand.get_name());
            assert!(subcommand.get_about().is_some(), "{} says nothing", subcommand.get_name());
        }
    }
}
