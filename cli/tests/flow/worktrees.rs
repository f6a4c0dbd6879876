//! Assignments in worktrees of their own, with the real git.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use agents_orchestrator::workspace::{Author, Git};
use serde_json::{Value, json};

use crate::script::{complete, go_on, on, on_attempt, on_nth, on_prompt, pm_blocks, pm_completes, shell};
use crate::stage::{Stage, jobs, story};
use crate::support::{short, text};
use crate::wait::PATIENCE;

pub fn git(folder: &Path, args: &[&str]) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let person = Author { name: "A Person".to_owned(), mail: "person@localhost".to_owned() };
    runtime.block_on(Git::new(folder).by(&person).text(args)).unwrap()
}

pub fn commit_all(folder: &Path, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", message]);
}

/// A real repository in which `file.txt` holds `first`.
pub fn repository(replies: Value) -> Stage {
    let stage = Stage::playing(replies);
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    git(&stage.repo(), &["init", "-q", "-b", "main"]);
    stage.write("shop/.gitignore", ".agents\n");
    stage.write("shop/file.txt", "first\n");
    commit_all(&stage.repo(), "first");
    stage
}

pub fn write(content: &str) -> Value {
    json!({"write": {"path": "file.txt", "content": content}})
}

/// What one implement job writes, after which the PM completes.
pub fn one_job(content: &str) -> (Stage, String) {
    let stage =
        repository(json!([on("implement", json!([write(content), {"text": "Written."}])), pm_completes()]));
    let id = stage.create_work("Write the file!");
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
    (stage, id)
}

pub fn folder(stage: &Stage, id: &str) -> std::path::PathBuf {
    text(&stage.json(&["open", id])["path"]).into()
}

#[test]
fn two_assignments_edit_the_same_file_at_once_and_never_meet() {
    let stage = repository(json!([]));
    let meet = |own: &str, other: &str| {
        let (own, other) = (stage.path(own), stage.path(other));
        json!([
            write(&own.file_name().unwrap().to_string_lossy()),
            shell(&format!("touch {}", own.display())),
            {"waitFor": {"file": other, "timeoutMs": 120_000}},
            shell("cat file.txt"),
            {"text": "Written."},
        ])
    };
    stage.script(json!([
        on_prompt("implement", "ALPHA", meet("alpha", "beta")),
        on_prompt("implement", "BETA", meet("beta", "alpha")),
        pm_completes(),
    ]));
    let (alpha, beta) = (stage.create_work("ALPHA"), stage.create_work("BETA"));
    stage.once();
    for (id, content) in [(&alpha, "alpha"), (&beta, "beta")] {
        assert_eq!(stage.assignment(id)["status"], "complete", "{:#}", stage.assignment(id));
        assert_eq!(std::fs::read_to_string(folder(&stage, id).join("file.txt")).unwrap(), content);
        let diff = stage.json(&["diff", id]);
        assert_eq!([&diff["files"], &diff["insertions"], &diff["deletions"]], [1, 1, 1]);
        let branch = format!("agents/{}-{content}", short(id));
        assert_eq!(git(&stage.repo(), &["show", &format!("{branch}:file.txt")]), content);
    }
    assert_eq!(stage.read("file.txt"), "first\n");
    assert_eq!(git(&stage.repo(), &["status", "--porcelain"]), "");
}

#[test]
fn an_agent_works_in_its_worktree_and_is_told_so_and_what_is_not_committed_is_named_at_create() {
    let stage = repository(json!([
        on(
            "implement",
            json!([shell("pwd -P > where; echo $AGENTS_WORKSPACE $AGENTS_REPOSITORY > told"), {"text": "Seen."}])
        ),
        pm_completes()
    ]));
    stage.write("shop/file.txt", "a person's own\n");
    stage.write("shop/new.txt", "also\n");
    let created = stage.json(&["create", "Look around", "--first", "implement"]);
    let id = text(&created["id"]);
    let warning = format!(
        "2 files are in {} not committed, so not part of the assignment's worktree",
        stage.repo().display()
    );
    let is_told = created["warnings"].as_array().unwrap().iter().any(|one| one == warning.as_str());
    assert!(is_told, "{created:#}");
    let opened = stage.json(&["open", &id]);
    assert_eq!(opened["exists"], false, "it is made when its first job starts");
    stage.once();
    let own = folder(&stage, &id);
    let read = |name: &str| std::fs::read_to_string(own.join(name)).unwrap();
    assert_eq!(read("where").trim(), own.display().to_string());
    assert_eq!(read("told").trim(), format!("{} {}", own.display(), stage.repo().display()));
    assert_eq!(read("file.txt"), "first\n");
    assert_eq!(created["worktree"]["path"], own.display().to_string());
    assert!(stage.prompt(&jobs(&stage.assignment(&id))[0]).contains(&own.display().to_string()));
}

#[test]
fn a_job_is_rolled_back_with_those_after_it_and_what_there_was_is_kept() {
    let stage = repository(json!([
        on_nth("implement", 1, json!([write("one\n"), {"text": "One."}])),
        on_nth("implement", 2, json!([write("two\n"), {"text": "Two."}])),
        on_nth("implement", 3, json!([write("three\n"), {"text": "Three."}])),
        on_nth("pm", 1, json!([go_on()])),
        on_nth("pm", 2, json!([go_on()])),
        pm_blocks(),
    ]));
    let id = stage.create_work("Count");
    for _ in 0..2 {
        stage.json(&["insert-job", &id, "--type", "implement", "--context", "Go on."]);
    }
    stage.once();
    let done = stage.assignment(&id);
    let work: Vec<&Value> = jobs(&done).iter().filter(|job| job["type"] == "implement").collect();
    let read = || std::fs::read_to_string(folder(&stage, &id).join("file.txt")).unwrap();
    assert_eq!((work.len(), read()), (3, "three\n".to_owned()), "{done:#}");
    let diff = stage.agents(&["diff", &text(&work[1]["id"])]).ok().stdout;
    assert!(diff.contains("-one\n+two\n"), "{diff}");
    let stat = stage.agents(&["diff", &id, "--stat"]).ok().stdout;
    assert!(stat.contains("file.txt | 2 +-") && stat.contains("1 file changed"), "{stat}");
    let back = stage.json(&["rollback", &text(&work[1]["id"])]);
    assert_eq!((back["alsoUndone"].clone(), read()), (json!([work[2]["id"]]), "one\n".to_owned()));
    let kept = format!("{}:file.txt", text(&back["kept"]));
    assert_eq!(git(&stage.repo(), &["show", &kept]), "three");
    let history = stage.agents(&["history", &id, "--json"]).ok().stdout;
    assert!(history.contains("branch_moved") && history.contains("rolled_back"), "{history}");
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn a_finished_assignment_is_merged_by_a_fast_forward_into_the_clean_tree_that_has_the_branch() {
    let (stage, id) = one_job("written\n");
    let merged = stage.json(&["merge", &id]);
    assert_eq!((&merged["result"], &merged["into"]), (&json!("merged"), &json!("main")));
    assert_eq!(merged["updated"], stage.repo().display().to_string());
    assert_eq!(stage.read("file.txt"), "written\n");
    assert_eq!(stage.json(&["merge", &id])["result"], "nothing");
    let subject = git(&stage.repo(), &["log", "-1", "--format=%an|%s"]);
    assert!(subject.starts_with("agents|implement ") && subject.ends_with(": Written."), "{subject}");
}

#[test]
fn a_branch_that_has_gone_on_takes_it_as_one_commit_with_the_north_star() {
    let (stage, id) = one_job("written\n");
    stage.write("shop/later.txt", "later\n");
    commit_all(&stage.repo(), "later");
    stage.agents(&["merge", &id]).fails(5, &["`main` has gone on", "--squash"]);
    assert_eq!(stage.json(&["merge", &id, "--squash"])["result"], "merged");
    assert_eq!([stage.read("file.txt"), stage.read("later.txt")], ["written\n", "later\n"]);
    assert_eq!(git(&stage.repo(), &["log", "-1", "--format=%s"]), "Write the file!");
}

#[test]
fn a_conflict_leaves_both_sides_as_they_were_and_can_become_a_job() {
    let (stage, id) = one_job("theirs\n");
    stage.write("shop/file.txt", "ours\n");
    commit_all(&stage.repo(), "ours");
    let refs = git(&stage.repo(), &["for-each-ref"]);
    stage
        .agents(&["merge", &id, "--squash"])
        .fails(5, &["1 file that both sides have changed", "file.txt", "--job"]);
    assert_eq!(git(&stage.repo(), &["for-each-ref"]), refs);
    assert_eq!(stage.read("file.txt"), "ours\n");
    let conflict = stage.json(&["merge", &id, "--squash", "--job"]);
    assert_eq!((&conflict["result"], &conflict["conflicts"]), (&json!("conflict"), &json!(["file.txt"])));
    stage.write("home/.gitconfig", "[user]\n\tname = Somebody\n\temail = somebody@localhost\n");
    let resolve = "git merge -q main; printf 'both\\n' > file.txt; git commit -qam both";
    stage.script(json!([on("implement", json!([shell(resolve), {"text": "Resolved."}])), pm_completes()]));
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete", "{done:#}");
    let resolved = jobs(&done).iter().find(|job| job["id"] == conflict["job"]).unwrap();
    assert!(stage.prompt(resolved).contains("git merge main"));
    let diff = stage.agents(&["diff", &id]).ok().stdout;
    assert!(diff.contains("-ours\n+both\n"), "it is what the branch adds to its base: {diff}");
    assert_eq!(stage.json(&["merge", &id])["result"], "merged");
    assert_eq!(stage.read("file.txt"), "both\n");
}

#[test]
fn what_a_crashed_attempt_left_is_kept_and_named_and_not_part_of_the_retry() {
    let half = json!([{"write": {"path": "half.txt", "content": "half"}}, write("broken"), {"die": "KILL"}]);
    let stage = repository(json!([
        on_attempt("implement", 1, half),
        on("implement", json!([shell("ls > seen"), {"text": "Done."}])),
        pm_completes(),
    ]));
    let id = stage.create(&["Write", "--first", "implement", "--harness", "text"]);
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(story(&done)[0], "implement completed [crashed success]", "{done:#}");
    let own = folder(&stage, &id);
    assert_eq!(std::fs::read_to_string(own.join("seen")).unwrap(), "file.txt\nseen\n");
    let name = format!("refs/agents/leftovers/{}", text(&jobs(&done)[0]["attempts"][0]["id"]));
    assert_eq!(git(&stage.repo(), &["show", &format!("{name}:half.txt")]), "half");
    let prompt = stage.prompt(&jobs(&done)[0]);
    assert!(prompt.contains(&format!("it is kept as the commit {name}.")), "{prompt}");
    assert!(!prompt.contains("may have left changes"), "{prompt}");
    let job = text(&jobs(&done)[0]["id"]);
    assert_eq!(stage.json(&["job", &job])["leftovers"], json!([name]));
    let shown = stage.agents(&["job", &job]).ok().stdout;
    assert!(shown.contains(&format!("leftovers of failed attempts\n  {name}\n")), "{shown}");
}

/// The assignment after a job that does this and a PM that wants it complete whatever happens.
fn refused(stage: &Stage) -> String {
    let id = stage.create_work("Write");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "blocked", "{done:#}");
    text(&done["reason"])
}

#[test]
fn a_filter_that_a_worker_sets_up_is_not_run_and_stands_against_complete() {
    let stage = repository(json!([]));
    let trap = stage.path("ran");
    let set = format!(
        "echo '*.txt filter=f' > .gitattributes; git config filter.f.clean 'touch {}; cat'",
        trap.display()
    );
    stage.script(json!([
        on("implement", json!([shell(&set), write("more"), {"text": "Done."}])),
        pm_completes()
    ]));
    let reason = refused(&stage);
    assert!(reason.contains("`filter.f.clean` was set in ") && reason.contains("--unset-all"), "{reason}");
    assert!(!trap.exists());
}

#[test]
fn what_was_changed_inside_of_a_submodule_only_stands_against_complete() {
    let stage = repository(json!([
        on("implement", json!([shell("echo more > sub/file.txt"), {"text": "Done."}])),
        pm_completes()
    ]));
    with_submodule(&stage);
    let reason = refused(&stage);
    assert!(reason.contains("files inside of the submodule `sub`"), "{reason}");
}

#[test]
fn a_setup_that_fails_blocks_with_its_log_and_the_assignment_goes_on_when_it_is_mended() {
    let stage =
        repository(json!([on("implement", json!([shell("cat .env"), {"text": "Done."}])), pm_completes()]));
    stage.write("shop/.gitignore", ".agents\n.env\n");
    commit_all(&stage.repo(), "ignoring");
    stage.write("shop/.env", "SECRET=1");
    let setup = |command: &str| {
        stage.configure(|config| {
            config["copy"] = json!([".env"]);
            config["setup"] = json!([command]);
        });
    };
    setup("cat .env; exit 3");
    let id = stage.create_work("Write");
    stage.once();
    let blocked = stage.assignment(&id);
    assert_eq!(blocked["status"], "blocked", "{blocked:#}");
    assert_eq!(spent(&blocked), [json!(0.0), json!(0), json!(0)], "no agent ran");
    let reason = text(&blocked["reason"]);
    assert!(reason.contains("`cat .env; exit 3` failed (exit status: 3); its output is in "), "{reason}");
    let log = format!("{}.setup.log", folder(&stage, &id).display());
    assert!(reason.contains(&log), "{reason}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "SECRET=1");
    setup("test -f .env");
    stage.json(&["update-assignment", &id, "--status", "active"]);
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete");
}

/// What an assignment has spent: money, attempts of unknown cost, attempts of unknown tokens.
fn spent(assignment: &Value) -> [Value; 3] {
    let spent = &assignment["budget"]["spent"];
    ["costUsd", "unknownCostAttempts", "unknownUsageAttempts"].map(|name| spent[name].clone())
}

#[test]
fn a_runner_that_is_killed_in_a_setup_has_spent_nothing() {
    let stage = repository(json!([
        on("implement", json!([{"result": {"text": "Done.", "costUsd": 0.25}}])),
        on("pm", json!([complete("It is done."), {"result": {"text": "Done.", "costUsd": 0.25}}])),
    ]));
    let at = stage.repo().display().to_string();
    let command = format!("touch {at}/started; until test -f {at}/go; do sleep 0.05; done");
    stage.configure(|config| config["setup"] = json!([command]));
    let id = stage.create_work("Write");
    let mut runner = stage.runner(&[]);
    stage.until_file("started");
    runner.kill();
    stage.touch("go");
    stage.runner(&["--once"]).ended(PATIENCE);
    let done = stage.assignment(&id);
    assert_eq!(story(&done)[0], "implement completed [lost success]", "{done:#}");
    assert_eq!(spent(&done)[1..], [json!(0), json!(0)], "{done:#}");
}

#[test]
fn a_worktree_that_can_not_be_is_refused_with_the_reason_and_without_a_word_agents_work_in_the_folder() {
    let stage = repository(json!([pm_completes()]));
    std::fs::remove_dir_all(stage.repo().join(".git")).unwrap();
    git(&stage.repo(), &["init", "-q"]);
    stage
        .agents(&["create", "Write", "--workspace", "worktree"])
        .fails(6, &["there can be no worktree: the repository has no commit yet", "make a first commit"]);
    let created = stage.json(&["create", "Write"]);
    assert_eq!(created["worktree"], json!(null));
    assert!(
        created["warnings"][0].as_str().unwrap().contains("the repository has no commit yet"),
        "{created:#}"
    );
}

#[test]
fn two_assignments_in_one_shared_tree_are_refused() {
    let stage =
        repository(json!([on("implement", json!([write("shared\n"), {"text": "Done."}])), pm_completes()]));
    stage.configure(|config| config["workspace"] = json!("shared"));
    let first = stage.create_work("One");
    let said = format!("assignment {} works in {} itself", short(&first), stage.repo().display());
    stage.agents(&["create", "Two"]).fails(5, &[&said, "--workspace worktree"]);
    let apart = stage.json(&["create", "Two", "--hold", "--workspace", "worktree"]);
    assert!(apart["worktree"]["path"].is_string());
    stage.once();
    assert_eq!(stage.read("file.txt"), "shared\n");
    assert_eq!(git(&stage.repo(), &["log", "--format=%s"]), "first", "nothing is committed there");
    stage.agents(&["diff", &first]).fails(5, &["works in", "git diff"]);
    stage.json(&["create", "Three", "--hold"]);
}

#[test]
fn of_many_that_are_created_at_once_in_one_shared_tree_one_is() {
    let stage = repository(json!([]));
    stage.configure(|config| config["workspace"] = json!("shared"));
    let create = |number: u32| {
        let args = ["create", &format!("Number {number}"), "--hold"];
        stage.agents(&args).start(std::process::Stdio::null(), std::process::Stdio::null())
    };
    let mut creators: Vec<_> = (0..6).map(create).collect();
    let mut codes: Vec<_> = creators.iter_mut().map(|one| one.wait().unwrap().code()).collect();
    codes.sort();
    assert_eq!(codes, [Some(0), Some(5), Some(5), Some(5), Some(5), Some(5)]);
    assert_eq!(stage.json(&["assignments"])["assignments"].as_array().unwrap().len(), 1);
}

fn with_submodule(stage: &Stage) {
    stage.write("home/.gitconfig", "[protocol \"file\"]\n\tallow = always\n");
    stage.write("inner/file.txt", "inner\n");
    let inner = stage.path("inner");
    git(&inner, &["init", "-q"]);
    commit_all(&inner, "inner");
    let url = inner.display().to_string();
    git(&stage.repo(), &["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "sub"]);
    commit_all(&stage.repo(), "with a submodule");
}

#[test]
fn submodules_are_there_too() {
    let stage = repository(json!([
        on("implement", json!([shell("cat sub/file.txt > seen"), {"text": "Done."}])),
        pm_completes()
    ]));
    with_submodule(&stage);
    let id = stage.create_work("Write");
    stage.once();
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete", "{done:#}");
    assert_eq!(std::fs::read_to_string(folder(&stage, &id).join("seen")).unwrap(), "inner\n");
}

/// A `gh` that writes down what it is given.
fn fake_gh(stage: &Stage) {
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo gh 2 && exit\nprintf '%s\\n' \"$@\" > {0}/argv\ncat > {0}/body\necho https://example.org/pull/1\n",
        stage.path("").display()
    );
    let path = stage.write("bin/gh", script);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_pull_request_has_the_pushed_branch_and_a_body_made_from_the_assignment() {
    let (stage, id) = one_job("written\n");
    stage.agents(&["pr", &id]).fails(5, &["no remote", "git remote add"]);
    let remote = stage.path("remote.git");
    git(&stage.path(""), &["init", "-q", "--bare", &remote.display().to_string()]);
    git(&stage.repo(), &["remote", "add", "origin", &remote.display().to_string()]);
    fake_gh(&stage);
    let told = stage.json(&["pr", &id, "--draft"]);
    assert_eq!(told["url"], "https://example.org/pull/1");
    let branch = format!("agents/{}-write-the-file", short(&id));
    let argv = std::fs::read_to_string(stage.path("argv")).unwrap();
    let expected = format!(
        "pr\ncreate\n--base\nmain\n--head\n{branch}\n--title\nWrite the file!\n--body-file\n-\n--draft\n"
    );
    assert_eq!(argv, expected);
    let body = std::fs::read_to_string(stage.path("body")).unwrap();
    let job = text(&jobs(&stage.assignment(&id))[0]["id"]);
    let line = format!("- **implement** ({}, completed): Written.\n", short(&job));
    assert!(body.starts_with("Write the file!\n\n## What was done\n\n") && body.contains(&line), "{body}");
    assert_eq!(git(&remote, &["show", &format!("{branch}:file.txt")]), "written");
}

#[test]
fn worktrees_of_closed_assignments_go_when_they_are_merged_or_too_large_unless_something_is_only_there() {
    let (stage, merged) = one_job("written\n");
    let (open, dirty, large) =
        (stage.create_work("Open"), stage.create_work("Dirty"), stage.create_work("Large"));
    stage.once();
    stage.json(&["merge", &merged]);
    for id in [&open, &dirty, &large] {
        assert_eq!(stage.assignment(id)["status"], "complete");
    }
    stage.json(&["update-assignment", &open, "--status", "active", "--note", "More."]);
    std::fs::write(folder(&stage, &dirty).join("mine.txt"), "mine").unwrap();
    let gone = |report: &Value| -> Vec<(String, String)> {
        let list = report["worktrees"].as_array().unwrap();
        list.iter().map(|one| (text(&one["assignment"]), text(&one["why"]))).collect()
    };
    let first = stage.json(&["gc"]);
    assert_eq!(gone(&first), [(merged.clone(), "merged".to_owned())], "{first:#}");
    stage.configure(|config| config["worktrees"] = json!({"maxBytes": 1}));
    let branch = text(&stage.json(&["open", &large])["branch"]);
    let would = stage.json(&["gc", "--dry-run"]);
    assert_eq!(gone(&would), [(large.clone(), "too_large".to_owned())], "{would:#}");
    let second = stage.json(&["gc"]);
    assert_eq!(gone(&second), gone(&would));
    assert_eq!(second["worktreesKept"][0]["why"], "it has changes that are not committed");
    let there = [&merged, &large, &dirty, &open].map(|id| stage.json(&["open", id])["exists"].clone());
    assert_eq!(there, [false, false, true, true]);
    assert_eq!(git(&stage.repo(), &["show", &format!("{branch}:file.txt")]), "written");
}

#[test]
fn the_doctor_names_a_worktree_that_is_gone_and_a_folder_that_no_assignment_has() {
    let stage = repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_blocks()]));
    let id = stage.create_work("Write");
    stage.once();
    let said = || {
        let report = stage.agents(&["doctor", "--json"]).run().json();
        let checks = report["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["name"] == "worktrees").unwrap();
        (text(&found["status"]), text(&found["detail"]))
    };
    assert_eq!(said(), ("ok".to_owned(), "1 there".to_owned()));
    let own = folder(&stage, &id);
    std::fs::remove_dir_all(&own).unwrap();
    let gone = format!("gone: {} of assignment {}", own.display(), short(&id));
    assert_eq!(said(), ("note".to_owned(), gone));
    let stray = own.with_file_name("12345678-stray");
    std::fs::create_dir_all(&stray).unwrap();
    let unknown = format!("no assignment of this database has {}", stray.display());
    assert_eq!(said(), ("note".to_owned(), unknown));
}
