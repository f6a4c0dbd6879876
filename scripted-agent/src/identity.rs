//! What the ignored arguments of the CLI still decide: the session, the model, the permission mode, and whether the
//! answer has to follow a schema.

/// Who this run of an agent is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub session_id: String,
    /// `None`: the CLI's own default.
    pub model: Option<String>,
    pub permission_mode: Option<String>,
    pub wants_schema: bool,
    /// The folder that the agent works in.
    pub cwd: String,
}

impl Identity {
    /// Reads the arguments; `fresh_session` is the id of a session that the arguments do not name.
    pub(crate) fn of(args: &[String], fresh_session: String, cwd: String) -> Self {
        let value = |names: &[&str]| value_of(args, names);
        Self {
            session_id: value(&["--session-id", "--resume", "resume"]).unwrap_or(fresh_session),
            model: value(&["--model", "-m"]),
            permission_mode: value(&["--permission-mode"]),
            wants_schema: value(&["--json-schema", "--output-schema"]).is_some(),
            cwd,
        }
    }
}

/// A new id in the form of a UUIDv7, the form of Codex's own: unique as long as a process starts one session.
pub(crate) fn fresh_session_id(now_ms: u64, process: u32) -> String {
    let (high, low) = (now_ms >> 16 & 0xffff_ffff, now_ms & 0xffff);
    format!("{high:08x}-{low:04x}-7000-8000-{process:012x}")
}

/// The word after the first of `names`, or after its `=`. A word that begins with `-` is the next option, not a
/// value; the single `-` that Codex takes for standard input is none either.
fn value_of(args: &[String], names: &[&str]) -> Option<String> {
    args.iter().enumerate().find_map(|(at, arg)| {
        if names.contains(&arg.as_str()) {
            return args.get(at + 1).filter(|value| !value.starts_with('-')).cloned();
        }
        let (name, value) = arg.split_once('=')?;
        (name.starts_with("--") && names.contains(&name)).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(line: &str) -> Identity {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Identity::of(&args, "fresh".to_owned(), "/w".to_owned())
    }

    #[test]
    fn the_session_is_the_one_that_the_arguments_name() {
        let check = |line: &str, session: &str| assert_eq!(identity(line).session_id, session, "{line}");
        check("-p --session-id s1 --model opus", "s1");
        check("-p --resume s2", "s2");
        check("--resume=s3", "s3");
        check("exec --json -m gpt resume s4 -", "s4");
        check("exec --json resume -", "fresh");
        check("exec --json -", "fresh");
    }

    #[test]
    fn the_model_and_the_mode_come_from_the_arguments() {
        let identity = identity("-p --model opus --permission-mode bypassPermissions --json-schema {}");
        assert_eq!(identity.model.as_deref(), Some("opus"));
        assert_eq!(identity.permission_mode.as_deref(), Some("bypassPermissions"));
        assert!(identity.wants_schema);
    }

    #[test]
    fn a_fresh_session_has_the_form_of_a_uuid_of_version_7() {
        assert_eq!(fresh_session_id(1_795_257_424_512, 4711), "01a1fdae-5a80-7000-8000-000000001267");
    }
}
