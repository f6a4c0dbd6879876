//! Real children that misbehave.

use std::time::{Duration, Instant};

use agents_domain::id::{AttemptId, IdSource};
use agents_domain::invocation::StopSignal;
use tempfile::TempDir;

use super::*;
use crate::system::SystemIds;

/// How long a child may take for what it does at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder for one attempt, which is also the folder that its child works in.
struct Bench {
    temp: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn files(&self) -> AttemptFiles {
        AttemptFiles { folder: self.temp.path().to_owned() }
    }

    fn shell(&self, line: &str) -> Invocation {
        Invocation {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), line.to_owned()],
            env: Vec::new(),
            env_remove: Vec::new(),
            env_keep: Vec::new(),
            cwd: self.temp.path().to_owned(),
            stdin: String::new(),
            files: Vec::new(),
            stop: StopSignal::Terminate,
        }
    }

    async fn run(&self, invocation: &Invocation) -> (ProcessEnd, String) {
        let (mut running, _streams) = start(invocation, &self.files()).unwrap();
        let end = tokio::time::timeout(PATIENCE, running.ended()).await.unwrap();
        (end, std::fs::read_to_string(self.files().stdout()).unwrap())
    }

    /// Waits until the child has written something.
    async fn until_it_says(&self, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(self.files().stdout()).unwrap().contains(word) {
            assert!(Instant::now() < deadline, "the child never said `{word}`");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn refusal(&self, invocation: &Invocation) -> String {
        start(invocation, &self.files()).unwrap_err().to_string()
    }
}

#[tokio::test]
async fn a_child_reads_all_of_a_large_prompt_and_then_the_end() {
    let bench = Bench::new();
    let stdin = "0123456789".repeat(500_000);
    let invocation = Invocation { stdin: stdin.clone(), ..bench.shell("cat; cat; echo '|'") };
    assert_eq!(bench.run(&invocation).await, (ProcessEnd::Exited(0), format!("{stdin}|\n")));
}

#[tokio::test]
async fn a_child_that_reads_nothing_ends_as_it_likes() {
    let bench = Bench::new();
    let invocation = Invocation { stdin: "x".repeat(1 << 20), ..bench.shell("exit 7") };
    assert_eq!(bench.run(&invocation).await.0, ProcessEnd::Exited(7));
    assert_eq!(bench.run(&bench.shell("kill -9 $$")).await.0, ProcessEnd::Signaled(9));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_output_open_delays_nobody_and_overwrites_nothing() {
    let bench = Bench::new();
    let line = "(while [ ! -e go ]; do sleep 0.01; done; echo late) & echo early";
    let (mut running, _streams) = start(&bench.shell(line), &bench.files()).unwrap();
    let end = tokio::time::timeout(PATIENCE, running.ended()).await.unwrap();
    assert_eq!(end, ProcessEnd::Exited(0));
    std::fs::write(bench.temp.path().join("go"), "").unwrap();
    bench.until_it_says("late").await;
    assert_eq!(std::fs::read_to_string(bench.files().stdout()).unwrap(), "early\nlate\n");
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
    assert_eq!(said, "a=b own agents-orchestrator gone\n");
}

#[tokio::test]
async fn what_can_not_be_started_says_why() {
    let bench = Bench::new();
    let shell = bench.shell("true");
    let script = bench.temp.path().join("agent");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let program = script.display().to_string();
    let missing = Invocation { program: "no-such-agent".to_owned(), ..shell.clone() };
    assert_eq!(bench.refusal(&missing), "`no-such-agent` is not installed or not on PATH");
    let plain = Invocation { program: program.clone(), ..shell.clone() };
    assert_eq!(bench.refusal(&plain), format!("`{program}` can't be run: it is no executable file"));
    let nowhere = Invocation { cwd: bench.temp.path().join("gone"), ..shell.clone() };
    let said = bench.refusal(&nowhere);
    assert!(said.contains("the folder to work in") && said.ends_with("gone, is not there"), "{said}");
    let no_files = AttemptFiles { folder: bench.temp.path().join("not/made") };
    let said = start(&shell, &no_files).unwrap_err().to_string();
    assert!(said.contains("not/made/prompt.md"), "{said}");
}

#[tokio::test]
async fn a_script_whose_interpreter_is_gone_is_not_called_missing() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let script = bench.temp.path().join("agent");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let invocation = Invocation { program: script.display().to_string(), ..bench.shell("") };
    let said = bench.refusal(&invocation);
    assert!(said.contains("can't be run") && said.contains("interpreter"), "{said}");
}

#[tokio::test]
async fn files_that_a_cli_wants_are_there_before_it_starts() {
    let bench = Bench::new();
    let path = bench.temp.path().join("deep/settings.json");
    let extra = ExtraFile { path, content: "{}".to_owned() };
    let invocation = Invocation { files: vec![extra], ..bench.shell("cat deep/settings.json") };
    assert_eq!(bench.run(&invocation).await, (ProcessEnd::Exited(0), "{}".to_owned()));
}

#[tokio::test]
async fn each_way_to_ask_reaches_whom_it_should() {
    let check = async |how: StopSignal, line: &str, expected: ProcessEnd| {
        let bench = Bench::new();
        let (mut running, _streams) = start(&bench.shell(line), &bench.files()).unwrap();
        bench.until_it_says("ready").await;
        stop::ask(running.pid, how);
        let end = tokio::time::timeout(PATIENCE, running.ended()).await.unwrap();
        assert_eq!(end, expected, "{how:?}: {line}");
        stop::kill_group(running.pid);
    };
    // A shell runs its trap when the command that it waits for has ended; `wait` ends at once.
    let trapping = |signal: &str| format!("trap 'exit 3' {signal}; sleep 600 & echo ready; wait");
    check(StopSignal::Terminate, &trapping("TERM"), ProcessEnd::Exited(3)).await;
    check(StopSignal::Interrupt, &trapping("INT"), ProcessEnd::Exited(3)).await;
    check(StopSignal::TerminateGroup, "sleep 600 & echo ready; wait $!; exit 4", ProcessEnd::Signaled(15))
        .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_has_left_the_group_is_found_by_its_mark_and_ended() {
    let bench = Bench::new();
    let attempt = AttemptId::new(SystemIds.next());
    let invocation = Invocation {
        env: vec![(stop::MARKER.to_owned(), attempt.to_string())],
        ..bench.shell("trap '' TERM INT HUP; setsid sleep 600 & sleep 600 & echo ready; wait")
    };
    let (mut running, _streams) = start(&invocation, &bench.files()).unwrap();
    bench.until_it_says("ready").await;
    let deadline = Instant::now() + PATIENCE;
    while stop::marked(attempt).len() < 3 {
        assert!(Instant::now() < deadline, "the shell and its two children");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop::ask(running.pid, StopSignal::Terminate);
    stop::kill_group(running.pid);
    assert_eq!(running.ended().await, ProcessEnd::Signaled(9));
    stop::kill_marked(attempt);
    while !stop::marked(attempt).is_empty() {
        assert!(Instant::now() < deadline, "a process is left: {:?}", stop::marked(attempt));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stop::kill_marked(attempt), 0, "to end what has ended is harmless");
    stop::kill_group(running.pid);
}
