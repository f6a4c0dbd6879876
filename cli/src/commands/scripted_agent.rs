//! `agents scripted-agent` (hidden): a scripted stand-in for an agent CLI, for the demo and for tests.

use std::path::PathBuf;

use agents_domain::timestamp::Clock;
use agents_orchestrator::system::SystemClock;
use agents_scripted_agent::{Io, Options, StreamKind};
use clap::Args;

use crate::failure::Failure;

/// Play an agent's part from a script
#[derive(Debug, Args)]
pub struct ScriptedAgentArgs {
    /// The stream to print: claude, codex, gemini or text
    #[arg(long)]
    pub stream: StreamKind,
    /// The script (docs/scripted-agent.md)
    #[arg(long)]
    pub script: PathBuf,
    /// Whatever the real CLI is given; mostly ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<String>,
}

/// Runs the command; gives the exit code that the agent ends with.
pub fn run(args: ScriptedAgentArgs) -> Result<u8, Failure> {
    let cwd = crate::place::current_folder()?;
    let code = agents_scripted_agent::run(
        Options { stream: args.stream, script: args.script, args: args.rest },
        Io {
            stdin: &mut std::io::stdin().lock(),
            stdout: &mut std::io::stdout().lock(),
            stderr: &mut std::io::stderr().lock(),
            env: &|name| std::env::var(name).ok(),
            now_ms: &|| u64::try_from(SystemClock.now().as_millis()).unwrap_or(0),
            cwd: &cwd,
        },
    );
    Ok(u8::try_from(code & 0xff).unwrap_or(1))
}
