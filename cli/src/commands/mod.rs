//! The commands, one file each.

pub mod assignment;
pub mod assignments;
pub mod call;
pub mod cancel;
pub mod chat;
pub mod completions;
pub mod config;
pub mod cooldown;
pub mod create;
pub mod definition;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod emit;
mod ending;
pub mod events;
pub mod evidence;
pub mod gc;
mod health;
pub mod history;
pub mod import;
pub mod init;
pub mod insert_job;
pub mod job;
pub mod jobs;
pub mod logs;
pub mod merge;
pub mod modules;
pub mod notify;
pub mod open;
pub mod pause;
pub mod pr;
pub mod queue;
pub mod receipt;
pub mod replay;
pub mod resume;
pub mod retry;
pub mod rollback;
pub mod run;
pub mod run_show;
pub mod runner;
pub mod runs;
pub mod schedule;
mod schedule_checks;
pub mod scripted_agent;
pub mod serve;
pub mod skills;
mod staged;
pub mod subscription;
pub mod template;
pub mod update_assignment;
pub mod usage;
pub mod webhook;
pub mod workflow;
mod worktree_checks;

use std::future::Future;

use crate::app::App;
use crate::arguments::{Arguments, Command};
use crate::failure::{ExitCode, Failure};
use crate::output::Printer;

/// Runs the command. Gives the exit code.
pub fn run(arguments: Arguments, printer: Printer) -> Result<u8, Failure> {
    let app = App::new(printer, arguments.flags());
    let app = &app;
    let ended = match arguments.command {
        Command::Init(command) => block_on(command.run(app)),
        Command::Doctor(command) => block_on(command.run(app)),
        Command::Create(command) => block_on(command.run(app)),
        Command::InsertJob(command) => block_on(command.run(app)),
        Command::UpdateAssignment(command) => block_on(command.run(app)),
        Command::Cancel(command) => block_on(command.run(app)),
        Command::Definition(command) => block_on(command.run(app)),
        Command::Run(command) => block_on(command.run(app)),
        Command::Runs(command) => block_on(command.run(app)),
        Command::RunShow(command) => block_on(command.run(app)),
        Command::Replay(command) => block_on(command.run(app)),
        Command::Workflow(command) => block_on(command.run(app)),
        Command::Modules(command) => block_on(command.run(app)),
        Command::Pause(command) => block_on(command.run(app)),
        Command::Resume(command) => block_on(command.run(app)),
        Command::Retry(command) => block_on(command.run(app)),
        Command::Queue(command) => block_on(command.run(app)),
        Command::Assignments(command) => block_on(command.run(app)),
        Command::Usage(command) => block_on(command.run(app)),
        Command::Assignment(command) => block_on(command.run(app)),
        Command::Jobs(command) => block_on(command.run(app)),
        Command::Job(command) => block_on(command.run(app)),
        Command::Receipt(command) => block_on(command.run(app)),
        Command::Evidence(command) => block_on(command.run(app)),
        Command::History(command) => block_on(command.run(app)),
        Command::Cooldown(command) => block_on(command.run(app)),
        Command::Import(command) => block_on(command.run(app)),
        Command::Schedule(command) => block_on(command.run(app)),
        Command::Emit(command) => block_on(command.run(app)),
        Command::Events(command) => block_on(command.run(app)),
        Command::Subscription(command) => block_on(command.run(app)),
        Command::Webhook(command) => block_on(command.run(app)),
        Command::Notify(command) => block_on(command.run(app)),
        Command::Serve(command) => serve::run(app, &command),
        Command::Diff(command) => block_on(command.run(app)),
        Command::Open(command) => block_on(command.run(app)),
        Command::Merge(command) => block_on(command.run(app)),
        Command::Pr(command) => block_on(command.run(app)),
        Command::Rollback(command) => block_on(command.run(app)),
        Command::Gc(command) => block_on(command.run(app)),
        Command::Config(command) => command.run(app),
        Command::Completions(command) => command.run(app),
        Command::Logs(command) => block_on(logs::run(app, &command)),
        Command::Chat(command) => chat::run(app, &command),
        Command::Template(command) => block_on(template::run(app, &command)),
        Command::Runner(command) => runner::run(app, &command),
        Command::Demo(command) => demo::run(app, &command),
        Command::Skills(command) => command.run(app),
        Command::CallHttp => call::run(call::Call::Http),
        Command::CallModel => call::run(call::Call::Model),
        Command::ScriptedAgent(command) => return scripted_agent::run(command),
    };
    ended.map(|()| ExitCode::Ok.number())
}

/// Runs a command that waits for something, on this thread: a short command needs no others.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed("starting", error))?.block_on(command)
}
