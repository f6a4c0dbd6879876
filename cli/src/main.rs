//! The program `agents`: reads the command line, runs one command, prints why it failed. The only place that
//! ends the process.

mod app;
mod arguments;
mod caller;
mod check_options;
mod commands;
mod config;
mod engine;
mod failure;
mod job_input;
mod limit_options;
mod live;
mod output;
mod place;
mod proof_input;
mod schedule_file;
mod schedule_options;
mod settings_source;
mod skills;
mod suggestion;
mod target;
mod tree;
mod webhook_server;
mod workspace_choice;

use std::process::ExitCode;

use agents_orchestrator::process::keeper::program;
use clap::error::ErrorKind;

use arguments::Arguments;
use failure::{Failure, FailureKind};
use output::{Form, Printer};

fn main() -> ExitCode {
    // A keeper must be small and start at once: nothing else of the program is set up.
    if let Some(code) = program::obey(std::env::args_os().skip(1)) {
        return ExitCode::from(code);
    }
    let (printer, ended) = match Arguments::of_process() {
        Ok(arguments) => {
            let printer = Printer { form: arguments.form() };
            (printer, commands::run(arguments, printer))
        }
        Err(error) => {
            let is_json = std::env::args_os().any(|argument| argument == "--json");
            let printer = Printer { form: if is_json { Form::Json } else { Form::Human } };
            (printer, refused(&error, printer).map(|()| failure::ExitCode::Ok.number()))
        }
    };
    let code = match ended {
        Ok(code) => code,
        Err(failure) => {
            if failure.kind != FailureKind::OutputClosed {
                printer.failure(&failure);
            }
            failure.kind.exit_code().number()
        }
    };
    ExitCode::from(code)
}

/// Help and the version are answers; everything else is a wrong command line.
fn refused(error: &clap::Error, printer: Printer) -> Result<(), Failure> {
    let kind = error.kind();
    if kind == ErrorKind::DisplayHelp || kind == ErrorKind::DisplayVersion {
        return printer.text(&error.render().ansi().to_string());
    }
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        if printer.form == Form::Human {
            printer.text(&format!("{}\n", error.render().ansi()))?;
        }
        return Err(Failure::usage("no command is given").hint("`agents create --help` teaches one command"));
    }
    let said = error.render().to_string();
    // "error: " is printed before every failure.
    Err(Failure::usage(said.strip_prefix("error: ").unwrap_or(&said).trim_end()))
}
