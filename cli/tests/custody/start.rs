//! How an agent is started: what it reads, what it inherits, what is said when it can't be.

use std::os::unix::fs::PermissionsExt;

use agents_domain::harness::ProcessEnd;
use agents_domain::invocation::{ExtraFile, Invocation};
use agents_orchestrator::process::keeper::mark;
use agents_orchestrator::process::{AttemptFiles, start};

use super::bench::{Bench, ended};

/// The small program that keeps attempts.
const SMALL: &str = env!("CARGO_BIN_EXE_agents-keeper-1");

#[tokio::test]
async fn the_small_program_keeps_attempts_and_a_program_that_lies_alone_keeps_its_own() {
    let real = |path: &str| format!("{}\n", std::fs::canonicalize(path).unwrap().display());
    let line = "readlink /proc/$PPID/exe";
    let bench = Bench::new();
    assert_eq!(bench.run(&bench.shell(line)).await, (ProcessEnd::Exited(0), real(SMALL)));
    let mut alone = Bench::new();
    let own = alone.path("agents");
    let whole = std::mem::replace(&mut alone.terms.keeper, own);
    std::os::unix::fs::symlink(&whole, &alone.terms.keeper).unwrap();
    let kept = alone.run(&alone.shell(line)).await;
    assert_eq!(kept, (ProcessEnd::Exited(0), real(&whole.display().to_string())));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "it is run by hand")]
fn the_small_program_says_that_nobody_runs_it_by_hand() {
    let run = |args: &[&str]| {
        let ended = std::process::Command::new(SMALL).args(args).output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap(), ended.stdout)
    };
    let why = "error: this is started by `agents`, to watch over an agent; there is nothing to run by hand\n";
    for args in [&[][..], &["--help"], &["runner"]] {
        assert_eq!(run(args), (Some(2), why.to_owned(), Vec::new()), "{args:?}");
    }
}

#[tokio::test]
async fn an_agent_reads_all_of_a_large_prompt_and_then_the_end() {
    let bench = Bench::new();
    let stdin = "0123456789".repeat(500_000);
    let invocation = Invocation { stdin: stdin.clone(), ..bench.shell("cat; cat; echo '|'") };
    assert_eq!(bench.run(&invocation).await, (ProcessEnd::Exited(0), format!("{stdin}|\n")));
}

#[tokio::test]
async fn an_agent_that_reads_nothing_ends_as_it_likes() {
    let bench = Bench::new();
    let invocation = Invocation { stdin: "x".repeat(1 << 20), ..bench.shell("exit 7") };
    assert_eq!(bench.run(&invocation).await.0, ProcessEnd::Exited(7));
    let bench = Bench::new();
    assert_eq!(bench.run(&bench.shell("kill -9 $$")).await.0, ProcessEnd::Signaled(9));
}

#[tokio::test]
async fn an_agent_has_a_session_of_its_own_and_no_descriptor_of_ours() {
    let bench = Bench::new();
    let line = "read stat < /proc/self/stat; echo $stat; ls -l /proc/$$/fd";
    let (_, said) = bench.run(&bench.shell(line)).await;
    let fields: Vec<&str> = said.lines().next().unwrap().split(' ').collect();
    assert_eq!((fields[0], fields[0]), (fields[4], fields[5]), "it leads its group and its session: {said}");
    assert!(said.contains("prompt.md") && said.contains("stdout") && said.contains("stderr"), "{said}");
    assert!(
        !said.contains("keeper.lock") && !said.contains("control"),
        "the lock would outlive its keeper: {said}"
    );
}

#[tokio::test]
async fn the_environment_is_the_inherited_one_without_what_is_removed_and_with_what_is_set() {
    let bench = Bench::new();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let invocation = Invocation {
        env: vec![("ADDED".to_owned(), "a=b".to_owned()), ("CARGO_PKG_VERSION".to_owned(), "own".to_owned())],
        env_remove: names(&["CARGO_*"]),
        env_keep: names(&["CARGO_PKG_NAME"]),
        ..bench.shell("echo $ADDED $CARGO_PKG_VERSION $CARGO_PKG_NAME ${CARGO_MANIFEST_DIR-gone}")
    };
    let (_, said) = bench.run(&invocation).await;
    assert_eq!(said, "a=b own agents-cli gone\n");
}

#[tokio::test]
async fn what_can_not_be_started_says_why() {
    let bench = Bench::new();
    let shell = bench.shell("true");
    let script = bench.path("agent");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let program = script.display().to_string();
    let missing = Invocation { program: "no-such-agent".to_owned(), ..shell.clone() };
    assert_eq!(bench.refusal(&missing), "`no-such-agent` is not installed or not on PATH");
    let plain = Invocation { program: program.clone(), ..shell.clone() };
    assert_eq!(bench.refusal(&plain), format!("`{program}` can't be run: it is no executable file"));
    let nowhere = Invocation { cwd: bench.path("gone"), ..Bench::new().shell("true") };
    let said = bench.refusal(&nowhere);
    assert!(said.contains("the folder to work in") && said.ends_with("gone, is not there"), "{said}");
    let no_files = AttemptFiles { folder: bench.path("not/made") };
    let said = start(&shell, &no_files, bench.terms.clone()).err().unwrap().to_string();
    assert!(said.contains("not/made/prompt.md"), "{said}");
}

#[tokio::test]
async fn a_script_whose_interpreter_is_gone_tells_the_systems_error() {
    let bench = Bench::new();
    let script = bench.path("agent");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let invocation = Invocation { program: script.display().to_string(), ..bench.shell("") };
    let exit = ended(&mut bench.start(&invocation)).await;
    let not_found = rustix::io::Errno::NOENT.raw_os_error();
    assert_eq!(exit.not_started.map(|not_started| not_started.errno), Some(not_found));
    assert_eq!(exit.exit_code, Some(127));
}

#[tokio::test]
async fn files_that_a_cli_wants_are_there_before_it_starts() {
    let bench = Bench::new();
    let extra = ExtraFile { path: bench.path("deep/settings.json"), content: "{}".to_owned() };
    let invocation = Invocation { files: vec![extra], ..bench.shell("cat deep/settings.json") };
    assert_eq!(bench.run(&invocation).await, (ProcessEnd::Exited(0), "{}".to_owned()));
}

#[tokio::test]
async fn an_attempt_is_started_once_and_never_after_it_was_given_up() {
    let bench = Bench::new();
    let shell = bench.shell("echo once");
    bench.run(&shell).await;
    assert_eq!(bench.refusal(&shell), "the attempt was given up before its agent was started");
    let bench = Bench::new();
    assert!(mark::revoke(&bench.files().lock()).unwrap());
    assert_eq!(bench.refusal(&shell), "the attempt was given up before its agent was started");
    assert_eq!(bench.said(), "");
}
