//! What each CLI is started with, for each kind of access, compared as whole values.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::path::PathBuf;

use agents_domain::access::Access;
use agents_domain::harness::{HarnessError, HarnessRequest};
use agents_domain::invocation::{ExtraFile, Invocation, StopSignal};
use agents_domain::usage::MicroUsd;
use agents_harnesses::{HarnessSettings, StreamKind, build};

const ATTEMPT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn request(access: Access) -> HarnessRequest {
    HarnessRequest {
        attempt: ATTEMPT.parse().unwrap(),
        prompt: "Do it.".to_owned(),
        access,
        model: None,
        workspace: PathBuf::from("/repo"),
        project_instructions: None,
        git_folders: vec![PathBuf::from("/main/.git"), PathBuf::from("/main/.git/worktrees/repo")],
        folder: PathBuf::from("/data/attempt"),
        agents_folders: vec![PathBuf::from("/data")],
        agents_program: PathBuf::from("/usr/bin/agents"),
        resume: None,
        max_cost: None,
        answer_schema: None,
        is_root: false,
    }
}

fn started(name: &str, request: &HarnessRequest) -> Invocation {
    build(name, &HarnessSettings::default()).unwrap().invocation(request).unwrap()
}

/// The arguments of an invocation, one a line where they stand together.
fn check_args(name: &str, request: &HarnessRequest, expected: &[&str]) {
    let args = started(name, request).args;
    let expected: Vec<&str> = expected.iter().flat_map(|group| group.split('|')).collect();
    assert_eq!(args, expected, "{name} {:?}", request.access);
}

fn file(path: &str, content: &str) -> ExtraFile {
    ExtraFile { path: PathBuf::from(path), content: content.to_owned() }
}

/// What an agent that may decide can call: no command that writes a file or starts a program.
fn agents_commands() -> impl Iterator<Item = String> {
    const COMMANDS: &str = "insert-job update-assignment assignment assignments history job jobs logs queue";
    let of = |name: &'static str| COMMANDS.split(' ').map(move |command| format!("{name} {command}"));
    of("agents").chain(of("/usr/bin/agents"))
}

const CLAUDE: &str = r#"-p|--output-format|stream-json|--verbose|--setting-sources|user|--strict-mcp-config|--mcp-config|{"mcpServers":{}}"#;
const CLAUDE_WAITING: &str = "AskUserQuestion|ExitPlanMode|ScheduleWakeup|CronCreate|Monitor";

#[test]
fn claude_maps_each_access_to_its_permissions() {
    let id = format!("--session-id|{ATTEMPT}");
    let edit = ["--permission-mode|bypassPermissions|--disallowedTools", CLAUDE_WAITING];
    let no_edit = "--disallowedTools|Edit|Write|NotebookEdit";
    let read = "--permission-mode|dontAsk|--tools|Bash|Read|Grep|Glob|--allowedTools|Read|Grep|Glob";
    let agents = agents_commands().map(|command| format!("Bash({command} *)")).collect::<Vec<_>>().join("|");
    check_args("claude", &request(Access::ReadOnly), &[CLAUDE, read, no_edit, CLAUDE_WAITING, &id]);
    check_args(
        "claude",
        &request(Access::ReadOnlyAndAgents),
        &[CLAUDE, read, &agents, no_edit, CLAUDE_WAITING, &id],
    );
    check_args("claude", &request(Access::Edit), &[CLAUDE, edit[0], edit[1], &id]);
    check_args("claude", &request(Access::Full), &[CLAUDE, edit[0], edit[1], &id]);
}

#[test]
fn claude_takes_a_model_a_session_instructions_and_a_schema() {
    let mut request = request(Access::Edit);
    request.model = Some("opus".to_owned());
    request.resume = Some("s-1".to_owned());
    request.project_instructions = Some(PathBuf::from("/repo/CLAUDE.md"));
    request.answer_schema = Some("{}".to_owned());
    let args = started("claude", &request).args;
    let tail = [
        "--resume",
        "s-1",
        "--model",
        "opus",
        "--append-system-prompt-file",
        "/repo/CLAUDE.md",
        "--json-schema",
        "{}",
    ];
    assert_eq!(args[args.len() - tail.len()..], tail);
}

#[test]
fn claude_is_told_the_most_that_it_may_cost_and_nothing_that_it_would_refuse() {
    let check = |micros: i64, tail: &[&str]| {
        let mut request = request(Access::Edit);
        request.max_cost = Some(MicroUsd::from_micros(micros));
        let args = started("claude", &request).args;
        let id = ["--session-id".to_owned(), request.attempt.to_string()];
        let expected = id.into_iter().chain(tail.iter().map(|arg| (*arg).to_owned()));
        assert_eq!(args[args.len() - 2 - tail.len()..], expected.collect::<Vec<_>>());
    };
    check(1_500_000, &["--max-budget-usd", "1.500000"]);
    check(0, &[]);
}

#[test]
fn a_prompt_that_claude_would_take_for_a_command_gets_a_line_feed() {
    for (prompt, expected) in [("/cost", "\n/cost"), (" /cost", "\n /cost"), ("Do /it", "Do /it")] {
        let mut request = request(Access::Edit);
        request.prompt = prompt.to_owned();
        assert_eq!(started("claude", &request).stdin, expected);
    }
}

#[test]
fn each_cli_has_its_own_way_to_stop_and_to_print() {
    let check = |name: &str, stop: StopSignal| {
        let invocation = started(name, &request(Access::Edit));
        assert_eq!(invocation.stop, stop, "{name}");
        assert_eq!((&*invocation.program, invocation.cwd), (name, PathBuf::from("/repo")));
        assert_eq!(invocation.stdin, "Do it.");
    };
    check("claude", StopSignal::Terminate);
    check("codex", StopSignal::Interrupt);
    check("gemini", StopSignal::TerminateGroup);
}

#[test]
fn claude_is_told_that_it_may_run_as_root_only_when_it_does() {
    let sandbox = |request: &HarnessRequest| {
        started("claude", request).env.iter().any(|(name, _)| name == "IS_SANDBOX")
    };
    let mut request = request(Access::Edit);
    assert!(!sandbox(&request));
    request.is_root = true;
    assert!(sandbox(&request));
}

const CODEX: &str = "exec|--json|--color|never|--ignore-user-config|--skip-git-repo-check|-c|\
                     check_for_update_on_startup=false|-c|analytics.enabled=false|-c|allow_login_shell=false";
const CODEX_NETWORK: &str = "-s|workspace-write|-c|sandbox_workspace_write.network_access=true";

#[test]
fn codex_maps_each_access_to_its_sandbox() {
    check_args("codex", &request(Access::ReadOnly), &[CODEX, "-C|/repo|-s|read-only", "-"]);
    let git = "--add-dir|/main/.git|--add-dir|/main/.git/worktrees/repo";
    check_args("codex", &request(Access::Edit), &[CODEX, "-C|/repo", CODEX_NETWORK, git, "-"]);
    let full = "-C|/repo|--dangerously-bypass-approvals-and-sandbox";
    check_args("codex", &request(Access::Full), &[CODEX, full, "-"]);
}

#[test]
fn codex_decides_from_a_folder_of_the_attempt_so_that_the_workspace_stays_as_it_is() {
    let request = request(Access::ReadOnlyAndAgents);
    let no_tmp = "-c|sandbox_workspace_write.exclude_slash_tmp=true|-c|sandbox_workspace_write.exclude_tmpdir_env_var=true";
    check_args(
        "codex",
        &request,
        &[CODEX, "-C|/data/attempt/codex", CODEX_NETWORK, no_tmp, "--add-dir|/data", "-"],
    );
    let files = started("codex", &request).files;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].path, PathBuf::from("/data/attempt/codex/AGENTS.md"));
    assert!(files[0].content.starts_with("The repository of your task is at /repo."), "{}", files[0].content);
}

#[test]
fn codex_takes_its_flags_before_resume_and_the_schema_as_a_file() {
    let mut request = request(Access::Full);
    request.model = Some("m".to_owned());
    request.resume = Some("t-1".to_owned());
    request.answer_schema = Some("{}".to_owned());
    let settings = HarnessSettings { args: vec!["--ephemeral".to_owned()], ..HarnessSettings::default() };
    let invocation = build("codex", &settings).unwrap().invocation(&request).unwrap();
    let tail = [
        "-m",
        "m",
        "--output-schema",
        "/data/attempt/answer-schema.json",
        "--ephemeral",
        "resume",
        "t-1",
        "-",
    ];
    assert_eq!(invocation.args[invocation.args.len() - tail.len()..], tail);
    assert_eq!(invocation.files, [file("/data/attempt/answer-schema.json", "{}")]);
}

const GEMINI: &str = "--output-format|stream-json|--skip-trust|--approval-mode";
const GEMINI_GIT: &str = r#"[[rule]]
toolName = "run_shell_command"
commandRegex = "git (status|log|diff|show)[ A-Za-z0-9_./:@^~=%,+-]*\""
decision = "allow"
priority = 500

[[rule]]
toolName = "run_shell_command"
commandRegex = "git .*--ou"
decision = "deny"
priority = 600
"#;

#[test]
fn gemini_maps_each_access_to_a_mode_and_rules() {
    let rest = format!("-m|gemini-2.5-pro|--session-id|{ATTEMPT}");
    for access in [Access::Edit, Access::Full] {
        check_args("gemini", &request(access), &[GEMINI, "yolo", &rest]);
        assert_eq!(started("gemini", &request(access)).files, []);
    }
    for access in [Access::ReadOnly, Access::ReadOnlyAndAgents] {
        check_args(
            "gemini",
            &request(access),
            &[GEMINI, "default|--policy|/data/attempt/gemini-policy.toml", &rest],
        );
    }
    assert_eq!(
        started("gemini", &request(Access::ReadOnly)).files,
        [file("/data/attempt/gemini-policy.toml", GEMINI_GIT)]
    );
    let agents = agents_commands().map(|command| {
        format!(
            "[[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"{command}\"\ndecision = \"allow\"\npriority = 500\n\n"
        )
    });
    let rules = agents.collect::<String>() + GEMINI_GIT;
    assert_eq!(
        started("gemini", &request(Access::ReadOnlyAndAgents)).files,
        [file("/data/attempt/gemini-policy.toml", &rules)]
    );
}

#[test]
fn gemini_resumes_with_another_flag_and_the_jobs_model_wins_over_the_configs() {
    let mut request = request(Access::Edit);
    request.resume = Some("s-1".to_owned());
    request.model = Some("of-the-job".to_owned());
    let settings = HarnessSettings { model: Some("of-the-config".to_owned()), ..HarnessSettings::default() };
    let args = build("gemini", &settings).unwrap().invocation(&request).unwrap().args;
    assert_eq!(args[args.len() - 4..], ["-m", "of-the-job", "--resume", "s-1"]);
}

#[test]
fn a_prompt_that_a_cli_would_refuse_or_cut_is_refused_before_the_start() {
    let check = |name: &str, length: usize, is_taken: bool| {
        let mut request = request(Access::Edit);
        request.prompt = "x".repeat(length);
        let result = build(name, &HarnessSettings::default()).unwrap().invocation(&request);
        match result {
            Ok(_) => assert!(is_taken, "{name} {length}"),
            Err(HarnessError::PromptTooLong { harness, bytes, .. }) => {
                assert_eq!((&*harness, bytes, is_taken), (name, length, false));
            }
            Err(other) => panic!("{other}"),
        }
    };
    for (name, limit) in [("claude", 10 * 1024 * 1024), ("codex", 1_048_576), ("gemini", 8 * 1024 * 1024)] {
        check(name, limit, true);
        check(name, limit + 1, false);
    }
}

#[test]
fn the_configs_command_arguments_and_variables_go_around_the_built_in_ones() {
    let settings = HarnessSettings {
        command: Some(vec!["nice".to_owned(), "claude".to_owned()]),
        args: vec!["--effort".to_owned(), "high".to_owned()],
        env: [("TERM".to_owned(), None), ("ANTHROPIC_API_KEY".to_owned(), Some("k".to_owned()))].into(),
        ..HarnessSettings::default()
    };
    let harness = build("claude", &settings).unwrap();
    let invocation = harness.invocation(&request(Access::Edit)).unwrap();
    assert_eq!((&*invocation.program, &*invocation.args[0], &*invocation.args[1]), ("nice", "claude", "-p"));
    assert_eq!(invocation.args[invocation.args.len() - 2..], ["--effort", "high"]);
    assert_eq!(invocation.env.last(), Some(&("ANTHROPIC_API_KEY".to_owned(), "k".to_owned())));
    assert!(invocation.env.iter().all(|(name, _)| name != "TERM"));
    assert_eq!(invocation.env_remove.last().map(String::as_str), Some("TERM"));
}

#[test]
fn a_childs_environment_holds_no_mark_of_another_session_and_keeps_its_account() {
    for name in ["claude", "codex", "gemini"] {
        let invocation = started(name, &request(Access::Edit));
        for mark in
            ["CLAUDECODE", "CLAUDE_CODE_*", "CODEX_SESSION_ID", "GEMINI_CLI*", "NODE_OPTIONS", "GIT_DIR"]
        {
            assert!(invocation.env_remove.iter().any(|removed| removed == mark), "{name} {mark}");
        }
        for account in ["CODEX_HOME", "CODEX_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "PATH", "HOME"]
        {
            assert!(invocation.env_remove.iter().all(|removed| removed != account), "{name} {account}");
        }
        assert!(invocation.env_keep.iter().any(|kept| kept == "CLAUDE_CODE_OAUTH_TOKEN"));
    }
}

fn custom(command: &[&str], args: &[&str], model: Option<&str>) -> Vec<String> {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let settings = HarnessSettings {
        command: Some(strings(command)),
        args: strings(args),
        model: model.map(str::to_owned),
        ..HarnessSettings::default()
    };
    build("mine", &settings).unwrap().invocation(&request(Access::Edit)).unwrap().args
}

#[test]
fn a_harness_of_the_config_has_exactly_its_own_arguments_with_the_placeholders_filled() {
    let args = custom(
        &["my-agent", "--at={workspace}", "{access}"],
        &["--model", "{model}", "--id", "{sessionId}", "{other}", "{"],
        Some("m-{access}"),
    );
    assert_eq!(args, ["--at=/repo", "edit", "--model", "m-{access}", "--id", ATTEMPT, "{other}", "{"]);
}

#[test]
fn without_a_model_its_argument_goes_together_with_the_flag_before_it() {
    let with = |args: &[&str]| custom(&["my-agent"], args, None);
    assert_eq!(with(&["run", "--model", "{model}", "-q"]), ["run", "-q"]);
    assert_eq!(with(&["run", "{model}", "-q"]), ["run", "-q"]);
    assert_eq!(with(&["-q", "--model={model}"]), Vec::<String>::new());
    assert_eq!(with(&["--model={model}", "{model}", "x"]), ["x"]);
}

#[test]
fn a_harness_of_the_config_reads_plain_text_unless_it_says_otherwise() {
    let settings = |stream| HarnessSettings {
        command: Some(vec!["my-agent".to_owned()]),
        stream,
        ..HarnessSettings::default()
    };
    let harness = build("mine", &settings(Some(StreamKind::Codex))).unwrap();
    assert!(harness.usage_spans_session());
    let harness = build("mine", &settings(None)).unwrap();
    assert!(!harness.usage_spans_session());
    assert_eq!((harness.name(), &*harness.probe().program), ("mine", "my-agent"));
}

#[test]
fn every_cli_can_be_looked_for_and_installed() {
    let check = |name: &str, install: &str, credential: &str, login: &str| {
        let probe = build(name, &HarnessSettings::default()).unwrap().probe();
        assert_eq!((&*probe.program, &*probe.install, &*probe.login), (name, install, login));
        assert_eq!(probe.args, ["--version"]);
        assert_eq!(probe.credentials[0], credential);
        assert_eq!(probe.login_files.len(), 1);
    };
    check("claude", "npm install -g @anthropic-ai/claude-code", "ANTHROPIC_API_KEY", "claude /login");
    check("codex", "npm install -g @openai/codex", "CODEX_API_KEY", "codex login");
    check("gemini", "npm install -g @google/gemini-cli", "GEMINI_API_KEY", "gemini");
}
