//! Acceptance criteria and what shows them, as the command line names them.

use agents_domain::aggregate::CriterionEdit;
use agents_domain::evidence::Ties;
use clap::Args;

use crate::failure::Failure;

/// Options that change the criteria of an assignment.
#[derive(Debug, Clone, Default, Args)]
pub struct CriteriaOptions {
    /// Another criterion that must hold before it is complete (repeatable), with --status active
    #[arg(long, value_name = "CRITERION", allow_hyphen_values = true)]
    pub accept: Vec<String>,
    /// Drop the criterion of that number (repeatable), with --status active
    #[arg(long, value_name = "N")]
    pub drop_accept: Vec<u32>,
    /// Let the criterion of that number say this instead (repeatable), with --status active
    #[arg(long, value_names = ["N", "CRITERION"], num_args = 2, allow_hyphen_values = true)]
    pub edit_accept: Vec<String>,
}

impl CriteriaOptions {
    /// The name of one that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let Self { accept, drop_accept, edit_accept } = self;
        let given = [
            ("--accept", accept.is_empty()),
            ("--drop-accept", drop_accept.is_empty()),
            ("--edit-accept", edit_accept.is_empty()),
        ];
        given.into_iter().find(|(_, is_empty)| !is_empty).map(|(name, _)| name)
    }

    /// What they change: first what is there, then what is new.
    pub fn edits(&self) -> Result<Vec<CriterionEdit>, Failure> {
        let mut edits = Vec::new();
        for pair in self.edit_accept.chunks(2) {
            let [number, text] = pair else { continue };
            let number = number.parse().map_err(|_| {
                Failure::usage(format!("`{number}` is no number of a criterion"))
                    .hint("--edit-accept 2 \"what it is to say\"; `agents evidence <assignment>` lists them")
            })?;
            edits.push(CriterionEdit::Reword(number, text.clone()));
        }
        edits.extend(self.drop_accept.iter().map(|number| CriterionEdit::Drop(*number)));
        edits.extend(self.accept.iter().map(|text| CriterionEdit::Add(text.clone())));
        Ok(edits)
    }
}

/// What shows which criterion: `1=4d3f21aa`.
pub fn ties(given: &[String]) -> Result<Ties, Failure> {
    let mut ties = Ties::new();
    for text in given {
        let (number, evidence) = tie(text).ok_or_else(|| {
            Failure::usage(format!("`{text}` ties no criterion to anything"))
                .hint("--tie <criterion>=<receipt or finding>, for example --tie 1=4d3f21aa")
                .hint("`agents evidence <assignment>` lists them")
        })?;
        if ties.insert(number, evidence).is_some() {
            return Err(Failure::usage(format!("criterion {number} is tied twice")));
        }
    }
    Ok(ties)
}

fn tie(text: &str) -> Option<(u32, String)> {
    let (number, evidence) = text.split_once('=')?;
    let evidence = evidence.trim();
    let number = number.trim().parse().ok().filter(|number| *number > 0)?;
    (!evidence.is_empty()).then(|| (number, evidence.to_owned()))
}
