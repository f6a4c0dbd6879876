//! Repositories with large files, with the real git-lfs (`.ci/install-git-lfs`) and a folder as the remote.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agents_orchestrator::process::tool::Tool;
use serde_json::{Value, json};

use crate::script::{on_prompt, pm_completes, shell};
use crate::stage::{Stage, jobs};
use crate::support::text;
use crate::worktrees::folder;

/// How every pointer begins.
const POINTER: &str = "version https://git-lfs";

fn git_lfs() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/git-lfs/bin/git-lfs");
    path.canonicalize().unwrap_or_else(|_| panic!("{} is missing; run .ci/install-git-lfs", path.display()))
}

/// A line of shell in the repository, as a person types it. Gives what it prints.
fn person(stage: &Stage, line: &str) -> String {
    let path = format!("{}:{}", stage.path("bin").display(), std::env::var("PATH").unwrap());
    let identity = [("NAME", "A Person"), ("EMAIL", "person@localhost")];
    let mut tool = Tool::new("sh", &["-ec", line], stage.repo(), Duration::from_secs(120));
    tool.env = vec![("PATH".to_owned(), path), ("HOME".to_owned(), stage.path("home").display().to_string())];
    for (what, value) in identity {
        tool.env.extend(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_{what}"), value.to_owned())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(tool.run()).unwrap();
    assert!(ended.is_success(), "{line}: {} {}", ended.text(), ended.complaint());
    ended.text()
}

/// A repository whose `big.bin` holds `first` and is in the store of a remote only. Each hook of git-lfs tells that it ran.
fn repository(replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    std::fs::create_dir_all(stage.path("bin")).unwrap();
    symlink(git_lfs(), stage.path("bin/git-lfs")).unwrap();
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    let remote = stage.path("remote.git");
    person(&stage, "git init -q -b main; git lfs install >/dev/null; echo .agents > .gitignore");
    person(
        &stage,
        "git lfs track '*.bin' >/dev/null; printf first > big.bin; git add -A; git commit -qm first",
    );
    person(&stage, &format!("git init -q --bare {0}; git remote add origin file://{0}", remote.display()));
    person(&stage, "git push -q origin main 2>&1; rm -r .git/lfs/objects");
    let ran = stage.path("hook-ran");
    let tell = format!("for hook in .git/hooks/*; do echo 'echo $0 >> {}' >> $hook; done", ran.display());
    person(&stage, &format!("rm -f .git/hooks/*.sample; {tell}; git lfs env >/dev/null"));
    stage
}

fn write(content: &str) -> Value {
    json!({"write": {"path": "big.bin", "content": content}})
}

#[test]
fn a_large_file_is_fetched_for_the_agent_kept_as_a_pointer_and_merged_and_rolled_back_with_its_content() {
    let stage = repository(json!([]));
    let seen = stage.path("seen");
    stage.script(json!([
        on_prompt(
            "implement",
            "ALPHA",
            json!([
                shell(&format!("cp big.bin {}", seen.display())), write("second"), {"text": "Second."}
            ])
        ),
        on_prompt("implement", "BETA", json!([write("third"), {"text": "Third."}])),
        pm_completes(),
    ]));
    let first = stage.create_work("ALPHA");
    stage.once();
    let done = stage.assignment(&first);
    assert_eq!(done["status"], "complete", "{done:#}");
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "first", "fetched from the remote");
    let branch = text(&stage.json(&["open", &first])["branch"]);
    let pointer = person(&stage, &format!("git show {branch}:big.bin"));
    assert!(pointer.starts_with(POINTER), "{pointer}");
    assert_eq!(person(&stage, &format!("git show {branch}:big.bin | git lfs smudge")), "second");
    let diff = stage.json(&["diff", &first]);
    assert_eq!([&diff["files"], &diff["insertions"], &diff["deletions"]], [1, 2, 2], "{diff:#}");
    stage.agents(&["merge", &first]).ok();
    let content = || std::fs::read_to_string(stage.repo().join("big.bin")).unwrap();
    assert_eq!((content(), person(&stage, "git status --porcelain")), ("second".to_owned(), String::new()));
    // Its store is the repository's own: a new clone of the data is not needed for what is kept there.
    let second = stage.create_work("BETA");
    stage.once();
    let own = folder(&stage, &second).join("big.bin");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "third");
    let job = text(&jobs(&stage.assignment(&second))[0]["id"]);
    let back = stage.json(&["rollback", &job]);
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "second");
    let kept = format!("git show {}:big.bin | git lfs smudge", text(&back["kept"]));
    assert_eq!(person(&stage, &kept), "third");
    assert!(!stage.path("hook-ran").exists(), "{}", std::fs::read_to_string(stage.path("hook-ran")).unwrap());
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn an_agent_may_install_the_filter_that_its_person_has_and_no_other() {
    let stage = repository(json!([]));
    let trap = stage.path("trap");
    let other = format!("git config filter.lfs.process 'touch {}; git-lfs filter-process'", trap.display());
    stage.script(json!([
        on_prompt(
            "implement",
            "ALPHA",
            json!([shell("git lfs install --local"), write("second"), {"text": "Second."}])
        ),
        on_prompt("implement", "BETA", json!([shell(&other), write("third"), {"text": "Third."}])),
        pm_completes(),
    ]));
    let first = stage.create_work("ALPHA");
    stage.once();
    assert_eq!(stage.assignment(&first)["status"], "complete", "{:#}", stage.assignment(&first));
    let second = stage.create_work("BETA");
    stage.once();
    let told = stage.agents(&["evidence", &second]).ok().stdout;
    assert!(told.contains("`filter.lfs.process` was set in "), "{told}");
    for command in ["diff", "merge"] {
        stage.agents(&[command, &second]).fails(6, &["`filter.lfs.process` was set in ", "counts as known"]);
    }
    assert!(!trap.exists());
}
