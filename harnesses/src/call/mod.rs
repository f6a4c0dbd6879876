//! What the hidden commands behind `http` and `ai` say on standard output: JSON lines, the last of which tells how the
//! call has ended. The one form for who writes them and who reads them.

mod reader;
mod saying;

pub use reader::CallReader;
pub use saying::{Saying, Tokens};

use agents_domain::harness::{HarnessRequest, Probe};
use agents_domain::invocation::{Invocation, StopSignal};

use crate::launch::Environment;
use crate::registry::HarnessSettings;

/// The hidden command that makes one request.
pub const CALL_HTTP: &str = "call-http";
/// The hidden command that calls a model.
pub const CALL_MODEL: &str = "call-model";

/// `agents` itself with that hidden command, which reads `stdin`.
pub(crate) fn invocation(request: &HarnessRequest, command: &str, stdin: String) -> Invocation {
    let environment = Environment::new(&[], &HarnessSettings::default());
    Invocation {
        program: request.agents_program.to_string_lossy().into_owned(),
        args: vec![command.to_owned()],
        env: environment.set,
        env_remove: environment.remove,
        env_keep: environment.keep,
        cwd: request.workspace.clone(),
        stdin,
        files: Vec::new(),
        stop: StopSignal::Terminate,
    }
}

/// It is part of `agents`, so it is always there; what it needs is in `credentials`.
pub(crate) fn probe(credentials: Vec<String>) -> Probe {
    Probe {
        program: "agents".to_owned(),
        args: vec!["--version".to_owned()],
        install: "it is part of agents; start the runner again".to_owned(),
        credentials,
        login_files: Vec::new(),
        login: String::new(),
    }
}
