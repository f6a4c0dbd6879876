//! `exec`: a command of the user's own, without any agent.

mod reader;
mod spec;

use agents_domain::harness::{Harness, HarnessError, HarnessRequest, Probe, StreamReader};
use agents_domain::invocation::{Invocation, StopSignal};
use agents_domain::secret;

use crate::launch::Environment;
use crate::registry::HarnessSettings;

pub use reader::ExecReader;
pub use spec::{ExecSpec, Shell};

/// The name in jobs.
pub const NAME: &str = "exec";

/// The harness of commands.
#[derive(Debug, Default)]
pub struct Exec;

impl Harness for Exec {
    fn name(&self) -> &str {
        NAME
    }

    /// The values of `env` still have their references: whoever starts it resolves them. Those of `args` are escaped, so
    /// that they come out as they were.
    fn invocation(&self, request: &HarnessRequest) -> Result<Invocation, HarnessError> {
        let spec = ExecSpec::read(&request.prompt)?;
        let (program, args) = spec.words()?;
        let environment = Environment::new(&[], &HarnessSettings::default());
        let mut env = environment.set;
        env.extend(spec.env);
        env.extend(spec.args.into_iter().map(|(name, value)| (name, secret::escape(&value))));
        Ok(Invocation {
            program,
            args,
            env,
            env_remove: environment.remove,
            env_keep: environment.keep,
            cwd: spec.cwd.map_or_else(|| request.workspace.clone(), |cwd| request.workspace.join(cwd)),
            stdin: spec.input.unwrap_or_default(),
            files: Vec::new(),
            stop: StopSignal::TerminateGroup,
        })
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(ExecReader::new(vec![0]))
    }

    fn reader_of(&self, context: &str) -> Box<dyn StreamReader> {
        // A spec that can't be read has started nothing.
        let success = ExecSpec::read(context).map_or_else(|_| vec![0], |spec| spec.success_exit_codes);
        Box::new(ExecReader::new(success))
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn speaks_while_it_works(&self) -> bool {
        false
    }

    fn prints_its_answer(&self) -> bool {
        true
    }

    fn is_agent(&self) -> bool {
        false
    }

    fn probe(&self) -> Probe {
        Probe {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), "true".to_owned()],
            install: "put the program on the PATH of the runner, or name it by its path".to_owned(),
            credentials: Vec::new(),
            login_files: Vec::new(),
            login: String::new(),
        }
    }
}
