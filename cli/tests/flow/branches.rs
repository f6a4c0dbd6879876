//! What people do with the branches of assignments, and what must not happen to them meanwhile.

use serde_json::{Value, json};

use crate::script::{go_on, on, on_nth, pm_blocks, pm_completes};
use crate::stage::{Stage, jobs};
use crate::support::{short, text};
use crate::worktrees::{commit_all, folder, git, one_job, repository, write};

/// Three jobs that have written one, two and three, after which the PM does what the last reply says.
fn three_jobs(last: Value) -> (Stage, String, Vec<String>) {
    let stage = repository(json!([
        on_nth("implement", 1, json!([write("one\n"), {"text": "One."}])),
        on_nth("implement", 2, json!([write("two\n"), {"text": "Two."}])),
        on_nth("implement", 3, json!([write("three\n"), {"text": "Three."}])),
        on_nth("pm", 1, json!([go_on()])),
        on_nth("pm", 2, json!([go_on()])),
        last,
    ]));
    stage.configure(|config| config["checks"] = json!([{"name": "there", "command": "true"}]));
    let id = stage.create_work("Count");
    for _ in 0..2 {
        stage.json(&["insert-job", &id, "--type", "implement", "--context", "Go on."]);
    }
    stage.once();
    let work = jobs(&stage.assignment(&id))
        .iter()
        .filter(|job| job["type"] == "implement")
        .map(|job| text(&job["id"]))
        .collect();
    (stage, id, work)
}

#[test]
fn a_job_that_is_undone_already_is_not_rolled_back_again() {
    let (stage, id, work) = three_jobs(pm_blocks());
    let third = stage.json(&["rollback", &work[2]]);
    assert_eq!((&third["alsoUndone"], &third["status"]), (&json!([]), &json!("blocked")));
    let first = stage.json(&["rollback", &work[0]]);
    assert_eq!(first["alsoUndone"], json!([work[1]]), "the third one was undone before");
    let tip = git(&folder(&stage, &id), &["rev-parse", "HEAD"]);
    for job in &work {
        let said = format!("what job {} did is not part of agents/", short(job));
        stage.agents(&["rollback", job]).fails(5, &[&said, "it is undone already", "agents history"]);
    }
    assert_eq!(git(&folder(&stage, &id), &["rev-parse", "HEAD"]), tip);
    assert_eq!(std::fs::read_to_string(folder(&stage, &id).join("file.txt")).unwrap(), "first\n");
}

#[test]
fn a_complete_assignment_that_is_rolled_back_is_blocked_and_its_receipts_are_of_another_tree() {
    let (stage, id, work) = three_jobs(pm_completes());
    let done = stage.assignment(&id);
    assert_eq!(done["status"], "complete", "{done:#}");
    let back = stage.json(&["rollback", &work[1]]);
    assert_eq!(back["status"], "blocked");
    let now = stage.assignment(&id);
    let kept = text(&back["kept"]);
    let expected = format!(
        "a person has rolled back the work of job {} and of the one after it; it is kept as {kept}",
        short(&work[1])
    );
    assert_eq!((&now["status"], text(&now["reason"])), (&json!("blocked"), expected));
    let evidence = stage.agents(&["evidence", &id]).ok().stdout;
    let line = "the required check `there` was not run on the present tree";
    assert!(evidence.contains("against complete") && evidence.contains(line), "{evidence}");
    assert!(!evidence.contains("[33m"), "a color that is taken apart is shown as text: {evidence}");
    stage.agents(&["update-assignment", &id, "--status", "complete"]).fails(5, &[line]);
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn a_check_of_the_command_line_must_pass_also_where_the_config_has_it_as_an_optional_one() {
    let stage =
        repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_completes()]));
    let optional = |name: &str, command: &str| json!({"name": name, "command": command, "required": false});
    stage.configure(|config| {
        config["checks"] = json!([optional("no", "false"), optional("neither", "exit 3")]);
    });
    let id = stage.create(&["Write", "--first", "implement", "--check", "false"]);
    let checks = stage.json(&["evidence", &id])["checks"].clone();
    let required = |place: usize| (checks[place]["name"].clone(), checks[place]["required"].clone());
    assert_eq!([required(0), required(1)], [(json!("no"), json!(true)), (json!("neither"), json!(false))]);
    assert_eq!(checks.as_array().unwrap().len(), 2, "{checks:#}");
}

#[test]
fn the_branch_of_an_assignment_that_is_not_closed_is_no_place_for_another_ones_work() {
    let (stage, id) = one_job("written\n");
    stage.script(json!([on("implement", json!([write("other\n"), {"text": "Done."}])), pm_blocks()]));
    let other = stage.create_work("Other");
    stage.once();
    let branch = text(&stage.json(&["open", &other])["branch"]);
    let tip = git(&stage.repo(), &["rev-parse", &branch]);
    let said = format!("`{branch}` is the branch of assignment {}, which is blocked", short(&other));
    stage.agents(&["merge", &id, "--squash", "--into", &branch]).fails(5, &[&said, "insert-job"]);
    assert_eq!(git(&stage.repo(), &["rev-parse", &branch]), tip);
    let own = text(&stage.json(&["open", &id])["branch"]);
    stage.agents(&["merge", &id, "--into", &own]).fails(5, &["is the assignment's own branch"]);
    stage.agents(&["merge", &id, "--into", "nope"]).fails(5, &["no branch `nope`", "git branch --list"]);
}

#[test]
fn the_job_that_resolves_a_conflict_is_inserted_once() {
    let (stage, id) = one_job("theirs\n");
    stage.write("shop/file.txt", "ours\n");
    commit_all(&stage.repo(), "ours");
    let merge = || stage.json(&["merge", &id, "--squash", "--job"]);
    let (first, second) = (merge(), merge());
    assert_eq!(first["warnings"], json!([]));
    assert_eq!((&second["result"], &second["job"]), (&json!("conflict"), &first["job"]));
    assert_eq!(second["warnings"], json!(["that job waits already; no other one was inserted"]));
    let pending = jobs(&stage.assignment(&id)).iter().filter(|job| job["status"] == "pending").count();
    assert_eq!(pending, 1);
}

#[test]
fn work_that_is_not_complete_is_merged_with_a_warning_that_says_what_stands_against_it() {
    let stage = repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_blocks()]));
    stage.configure(|config| config["checks"] = json!([{"name": "no", "command": "false"}]));
    let id = stage.create_work("Write");
    stage.once();
    let merged = stage.json(&["merge", &id]);
    assert_eq!(merged["result"], "merged");
    let warnings: Vec<String> = merged["warnings"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(warnings[0], format!("assignment {} is blocked, not complete", short(&id)));
    let against = "the evidence stands against it: the required check `no` fails (receipt ";
    assert!(warnings.len() == 2 && warnings[1].starts_with(against), "{warnings:?}");
    std::fs::write(folder(&stage, &id).join("more.txt"), "more").unwrap();
    let nothing = stage.json(&["merge", &id]);
    let word = "what is not committed in the worktree is not part of it: agents diff shows it";
    assert_eq!((&nothing["result"], &nothing["warnings"]), (&json!("nothing"), &json!([word])));
}

#[test]
fn a_repository_whose_branch_is_called_like_a_tag_takes_the_work() {
    let stage =
        repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_completes()]));
    git(&stage.repo(), &["tag", "main"]);
    let id = stage.create_work("Write");
    stage.once();
    let merged = stage.json(&["merge", &id]);
    assert_eq!((&merged["result"], &merged["into"]), (&json!("merged"), &json!("main")));
    assert_eq!(stage.read("file.txt"), "x\n");
}

#[test]
fn a_bare_repository_is_a_place_to_create_assignments_in_worktrees() {
    let stage =
        repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_completes()]));
    let bare = stage.path("bare/goods.git");
    let url = stage.repo().display().to_string();
    git(&stage.path(""), &["clone", "-q", "--bare", &url, &bare.display().to_string()]);
    let in_bare = |args: &[&str]| stage.agents(args).in_folder(&bare).ok();
    in_bare(&["init", "--namespace", "goods", "--harness", "claude"]);
    std::fs::copy(stage.repo().join(".agents/config.json"), bare.join(".agents/config.json")).unwrap();
    let created = in_bare(&["create", "Write", "--first", "implement", "--json"]).json();
    assert_eq!(created["workspace"], bare.display().to_string());
    in_bare(&["runner", "--once"]);
    let id = text(&created["id"]);
    assert_eq!(stage.assignment(&id)["status"], "complete", "{:#}", stage.assignment(&id));
    in_bare(&["merge", &id]);
    assert_eq!(git(&bare, &["show", "main:file.txt"]), "x");
    let shared = stage.agents(&["create", "Write", "--workspace", "shared"]).in_folder(&bare);
    shared.fails(6, &["is a bare repository", "--workspace worktree"]);
}

#[test]
fn a_repository_in_which_no_branch_of_ours_can_be_made_is_refused_at_create() {
    let stage = repository(json!([pm_completes()]));
    git(&stage.repo(), &["branch", "agents"]);
    let said = ["a branch called `agents`", "git branch -m agents", "--workspace shared"];
    stage.agents(&["create", "Write"]).fails(6, &said);
    assert_eq!(stage.json(&["create", "Write", "--workspace", "shared"])["worktree"], json!(null));
}

#[test]
fn an_assignment_that_was_created_in_a_linked_worktree_outlives_it() {
    let stage =
        repository(json!([on("implement", json!([write("x\n"), {"text": "Done."}])), pm_completes()]));
    let linked = stage.path("linked");
    let path = linked.display().to_string();
    git(&stage.repo(), &["worktree", "add", "-q", &path, "-b", "release"]);
    let create = ["create", "Write", "--first", "implement", "--json"];
    let created = stage.agents(&create).in_folder(&linked).ok().json();
    let id = text(&created["id"]);
    assert_eq!(created["workspace"], stage.repo().display().to_string());
    assert_eq!(created["worktree"]["baseBranch"], "release");
    git(&stage.repo(), &["worktree", "remove", &path]);
    stage.once();
    assert_eq!(stage.assignment(&id)["status"], "complete", "{:#}", stage.assignment(&id));
    assert_eq!(stage.json(&["merge", &id])["into"], "release");
    assert_eq!(git(&stage.repo(), &["show", "release:file.txt"]), "x");
}
