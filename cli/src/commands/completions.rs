//! `agents completions`: the shell's completions, made from the command line's own description.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::app::App;
use crate::arguments::Arguments;
use crate::failure::Failure;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents completions bash > ~/.local/share/bash-completion/completions/agents
  agents completions zsh > ~/.zfunc/_agents
  agents completions fish > ~/.config/fish/completions/agents.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(self, app: &App) -> Result<(), Failure> {
        let mut made = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "agents", &mut made);
        app.printer.text(&String::from_utf8_lossy(&made))
    }
}
