//! Options that change the checks of an assignment.

use agents_domain::aggregate::{CheckEdit, Rejection};
use agents_domain::evidence::Check;
use clap::Args;

use crate::config::checks;
use crate::failure::Failure;

/// More checks, or fewer.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckOptions {
    /// One more command that must pass before it is complete (repeatable), with --status active
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub add_check: Vec<String>,
    /// Drop the check of that name (repeatable), with --status active
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub drop_check: Vec<String>,
}

impl CheckOptions {
    /// The name of one that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        match (self.add_check.is_empty(), self.drop_check.is_empty()) {
            (false, _) => Some("--add-check"),
            (true, false) => Some("--drop-check"),
            (true, true) => None,
        }
    }

    /// What they change: first what goes, then what comes.
    pub fn edits(&self) -> Result<Vec<CheckEdit>, Failure> {
        let mut edits: Vec<CheckEdit> =
            self.drop_check.iter().map(|name| CheckEdit::Drop(name.trim().to_owned())).collect();
        for command in &self.add_check {
            let check = Check::of_command(command.trim());
            if check.command.is_empty() {
                return Err(Rejection::EmptyCheck.into());
            }
            checks::refuse(std::slice::from_ref(&check))
                .map_err(|why| Failure::usage(format!("--add-check: {why}")))?;
            edits.push(CheckEdit::Add(check));
        }
        Ok(edits)
    }
}
