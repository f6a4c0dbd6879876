//! Everything before the start of a run: its context is what its worker gets, word for word. No template, no worktree that
//! is made or mended; secrets of a command are put in here, and go nowhere but into its environment.

use agents_domain::invocation::Invocation;
use agents_domain::outcome::{Outcome, OutcomeClass};
use agents_domain::secret::{self, SecretError, SecretName};
use agents_domain::store::Claimed;

use super::{Prepared, Rules, Surroundings, environment, make_folder, not_asked, request, terms};
use crate::settings::Settings;

/// Prepares an attempt of a run; what stands in the way is its outcome.
pub(super) fn prepare(
    claimed: &Claimed,
    around: &Surroundings,
    (rules, settings): (Rules, &Settings),
) -> Result<Prepared, Outcome> {
    let folder = &rules.files.folder;
    make_folder(folder)?;
    let request = request(claimed, around, settings, (claimed.context.clone(), folder));
    let mut invocation = rules.harness.invocation(&request).map_err(|error| not_asked(&error))?;
    if !rules.harness.is_agent() {
        resolve(&mut invocation, &|name| {
            std::env::var(name.as_str()).ok().filter(|value| !value.is_empty())
        })?;
    }
    refuse_missing_folder(&invocation)?;
    // What a run says of its own environment holds, but for what leads back to this store.
    let mut env = environment(claimed, around, settings);
    let is_ours = |name: &str| name != "PATH" && env.iter().any(|(own, _)| own == name);
    let own: Vec<_> = invocation.env.iter().filter(|(name, _)| !is_ours(name)).cloned().collect();
    env.extend(own);
    invocation.env = env;
    Ok(Prepared { invocation, terms: terms(around, settings), rules })
}

/// Puts secrets into the environment of what is started.
fn resolve(
    invocation: &mut Invocation,
    variable: &dyn Fn(&SecretName) -> Option<String>,
) -> Result<(), Outcome> {
    for (_, value) in &mut invocation.env {
        *value = secret::resolve(value, variable).map_err(|error| match error {
            SecretError::Missing(name) => {
                Outcome::failure(OutcomeClass::Auth, format!("the secret {name} is not set"))
                    .with_fix(format!("set {name} in the environment of the runner, and start it again"))
            }
            SecretError::Bad(bad) => Outcome::failure(OutcomeClass::InvalidRequest, bad.to_string()),
        })?;
    }
    Ok(())
}

fn refuse_missing_folder(invocation: &Invocation) -> Result<(), Outcome> {
    if invocation.cwd.is_dir() {
        return Ok(());
    }
    let why = format!("there is no folder {} to run in", invocation.cwd.display());
    Err(Outcome::failure(OutcomeClass::InvalidRequest, why)
        .with_fix("make the folder, or correct `cwd`, which is seen from the workspace"))
}
