//! Definitions end to end: kept, shown, changed, run with what they are given, done again, cancelled.

use serde_json::{Value, json};

use crate::script::on;
use crate::stage::{Stage, jobs};
use crate::support::{short, text};
use crate::wait::{PATIENCE, until};

/// Writes the repository's definition of that name.
fn job(stage: &Stage, name: &str, yaml: &str) {
    stage.write(&format!("shop/.agents/jobs/{name}.yaml"), yaml);
}

fn run_of(stage: &Stage, id: &Value) -> Value {
    stage.json(&["run-show", &text(id)])
}

#[test]
fn a_definition_is_run_with_its_params_and_its_output_is_printed() {
    let stage = Stage::playing(json!([]));
    job(
        &stage,
        "greet",
        "description: Says hello\nexec: { command: \"echo hello {{ params.who }}; echo aside >&2\" }\nparams: { who: { default: world } }\n",
    );
    let _runner = stage.runner(&[]);
    let said = stage.agents(&["run", "greet", "--wait"]).ok();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("hello world\n", ""));
    let run = stage.json(&["run", "greet", "--param", "who=you; echo evil", "--wait"]);
    assert_eq!(
        [
            &run["status"],
            &run["output"],
            &run["definition"],
            &run["worker"],
            &run["trigger"]["kind"],
            &run["params"]
        ],
        [
            &json!("completed"),
            &json!("hello you; echo evil"),
            &json!("greet"),
            &json!("exec"),
            &json!("manual"),
            &json!({"who": "you; echo evil"}),
        ]
    );
    let shown = run_of(&stage, &run["id"]);
    assert_eq!(shown["attempts"][0]["exitCode"], 0);
    assert_eq!(std::fs::read_to_string(text(&shown["files"]["stderr"])).unwrap(), "aside\n");
    assert!(shown["durationMs"].is_u64() && shown["startedAt"].is_string() && shown["endedAt"].is_string());
    let human = stage.agents(&["run-show", short(&text(&run["id"]))]).ok().stdout;
    for part in ["completed", "greet (exec)", "a person", "hello you; echo evil", "params"] {
        assert!(human.contains(part), "`{part}` is not in: {human}");
    }
}

#[test]
fn a_run_that_fails_says_why_and_ends_with_the_code_of_a_failure() {
    let stage = Stage::playing(json!([]));
    job(&stage, "broken", "exec: { command: \"echo so far; echo no such thing >&2; exit 3\" }\n");
    job(&stage, "odd", "exec: { command: \"exit 3\", successExitCodes: [0, 3] }\n");
    job(&stage, "slow", "exec: { argv: [sleep, 600] }\ntimeout: 300ms\n");
    let _runner = stage.runner(&[]);
    stage
        .agents(&["run", "broken", "--wait"])
        .fails(1, &["command_failed", "no such thing", "agents run-show"]);
    stage.agents(&["run", "odd", "--wait"]).ok();
    let slow = stage.agents(&["run", "slow", "--wait", "--json"]).run();
    assert_eq!(
        (slow.code, &slow.json()["status"], &slow.json()["outcome"]),
        (1, &json!("failed"), &json!("timeout"))
    );
    let listed = stage.json(&["runs", "--status", "failed"]);
    let names: Vec<&Value> =
        listed["runs"].as_array().unwrap().iter().map(|run| &run["definition"]).collect();
    assert_eq!(names, ["slow", "broken"]);
    let errors: Vec<bool> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["error"].is_string() && run["output"].is_null())
        .collect();
    assert_eq!(errors, [true, true]);
}

#[test]
fn hostile_params_and_input_come_out_as_they_went_in() {
    let stage = Stage::playing(json!([]));
    job(
        &stage,
        "print",
        "exec:\n  command: |\n    printf '%s' {{ params.x }} \"{{ params.x }}\" '{{ params.x }}'\n    cat\n  env: { COPY: \"{{ params.x }}\" }\n  input: \"{{ input }}\"\nparams: { x: {} }\n",
    );
    let _runner = stage.runner(&[]);
    let hostile = [
        "$(touch canary)",
        "`touch canary`",
        "'; touch canary; '",
        "\"; touch canary; \"",
        "a\nb",
        "a\r\nb",
        "-rf *",
        "${secret:HOME}",
        "${HOME}",
        "\\",
        "%PATH%",
        "é 漢 🦀",
        "{{ params.x }}",
        "{% raw %}",
        "../../x",
    ];
    for value in hostile {
        // As JSON: a text that looks like JSON is taken for that.
        let input = json!(value).to_string();
        let run =
            stage.json(&["run", "print", "--param", &format!("x={value}"), "--input", &input, "--wait"]);
        let printed = std::fs::read_to_string(text(&run_of(&stage, &run["id"])["files"]["stdout"])).unwrap();
        assert_eq!(printed, value.repeat(4), "{value:?}");
        assert_eq!((&run["params"]["x"], &run["input"]), (&json!(value), &json!(value)));
    }
    assert!(!stage.repo().join("canary").exists());
    let argument = "exec: { argv: [printf, '%s', \"{{ params.x }}\"] }\nparams: { x: {} }\n";
    job(&stage, "argument", argument);
    let run = stage.json(&["run", "argument", "--param", "x=${secret:HOME}", "--wait"]);
    assert_eq!(run["output"], "${secret:HOME}");
}

#[test]
fn a_large_output_is_kept_as_a_file_and_its_end_is_shown() {
    let stage = Stage::playing(json!([]));
    job(&stage, "large", "exec: { command: \"seq 1 50000\" }\n");
    let _runner = stage.runner(&[]);
    let said = stage.agents(&["run", "large", "--wait"]).ok();
    assert!(
        said.stdout.ends_with("\n49999\n50000\n") && said.stdout.len() <= 65_537,
        "{}",
        said.stdout.len()
    );
    assert!(said.stderr.contains("this is the end of 288894 bytes"), "{}", said.stderr);
    let run = stage.json(&["runs"])["runs"][0].clone();
    let shown = run_of(&stage, &run["id"]);
    let whole = std::fs::read_to_string(text(&shown["outputFile"])).unwrap();
    assert_eq!((whole.lines().count(), whole.lines().next()), (50_000, Some("1")));
}

#[test]
fn a_run_is_cancelled_and_what_it_has_started_is_gone() {
    let stage = Stage::playing(json!([]));
    job(&stage, "long", "exec: { command: \"echo begun > begun; sleep 600\" }\n");
    let _runner = stage.runner(&[]);
    let id = text(&stage.json(&["run", "long"])["id"]);
    stage.until_file("begun");
    assert_eq!(run_of(&stage, &json!(id))["status"], "running");
    stage.agents(&["cancel", &id]).ok();
    until("the run's end", PATIENCE, || {
        let run = run_of(&stage, &json!(id));
        (run["status"] == "cancelled" && run["attempts"][0]["outcome"] == "cancelled").then_some(())
    });
    assert_eq!(stage.json(&["runs", "--status", "cancelled"])["runs"][0]["id"], id);
}

#[test]
fn a_run_is_done_again_as_it_was_or_as_its_definition_is_now() {
    let stage = Stage::playing(json!([]));
    let yaml = |word: &str| {
        format!(
            "exec: {{ command: \"echo {word} {{{{ params.x }}}} {{{{ input }}}}\" }}\nparams: {{ x: {{}} }}\n"
        )
    };
    job(&stage, "say", &yaml("first"));
    let _runner = stage.runner(&[]);
    let first = stage.json(&["run", "say", "--param", "x=a b", "--input", "in", "--wait"]);
    assert_eq!(first["output"], "first a b in");
    job(&stage, "say", &yaml("second"));
    let again = stage.json(&["replay", &text(&first["id"]), "--wait"]);
    assert_eq!(
        [&again["output"], &again["replays"], &again["params"]],
        [&first["output"], &first["id"], &first["params"]]
    );
    let latest = stage.json(&["replay", &text(&first["id"]), "--latest", "--wait"]);
    assert_eq!((&latest["output"], &latest["replays"]), (&json!("second a b in"), &first["id"]));
    std::fs::remove_file(stage.repo().join(".agents/jobs/say.yaml")).unwrap();
    let gone = stage.json(&["replay", &text(&first["id"]), "--wait"]);
    assert_eq!(gone["output"], first["output"]);
    stage.agents(&["replay", &text(&first["id"]), "--latest"]).fails(3, &["there is no definition `say`"]);
}

#[test]
fn an_agent_s_prompt_and_a_skill_are_runs_of_a_harness() {
    let stage = Stage::playing(json!([on("run", json!([{"text": "Nothing is wrong."}]))]));
    job(
        &stage,
        "look",
        "agent: { prompt: \"Look at {{ params.what }}\" }\nparams: { what: { required: true } }\n",
    );
    job(
        &stage,
        "use",
        "skill: { skill: pdf, action: extract, params: { file: \"{{ params.file }}\" } }\nparams: { file: {} }\n",
    );
    stage.write("shop/.claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDFs\n---\n");
    let _runner = stage.runner(&[]);
    let look = stage.json(&["run", "look", "--param", "what=it all", "--wait"]);
    assert_eq!((&look["output"], &look["worker"]), (&json!("Nothing is wrong."), &json!("agent")));
    let shown = stage.assignment(&text(&look["id"]));
    assert_eq!(stage.prompt(&jobs(&shown)[0]), "Look at it all");
    let used = stage.json(&["run", "use", "--param", "file=a.pdf", "--wait"]);
    let told = stage.prompt(&jobs(&stage.assignment(&text(&used["id"])))[0]);
    for part in ["Use the skill `pdf`", "extract", "{\"file\":\"a.pdf\"}"] {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
    job(&stage, "use", "skill: { skill: pfd }\n");
    stage.agents(&["run", "use"]).fails(6, &["there is no skill `pfd`", "`pdf`"]);
}

#[test]
fn a_definition_is_kept_in_the_store_changed_and_taken_away() {
    let stage = Stage::playing(json!([]));
    stage.write("given.yaml", "name: greet\nexec: { command: \"echo one\" }\n");
    let given = stage.path("given.yaml").display().to_string();
    let created = stage.json(&["definition", "create", &given]);
    assert_eq!(
        (&created["name"], &created["revision"], &created["origin"]),
        (&json!("greet"), &json!(1), &json!("store"))
    );
    stage
        .agents(&["definition", "create", &given])
        .fails(5, &["there is a definition `greet` in the store already"]);
    stage.write("next.yaml", "exec: { command: \"echo two\" }\n");
    let next = stage.path("next.yaml").display().to_string();
    assert_eq!(stage.json(&["definition", "edit", "greet", "--from", &next])["revision"], 2);
    let _runner = stage.runner(&[]);
    assert_eq!(stage.agents(&["run", "greet", "--wait"]).ok().stdout, "two\n");
    let shown = stage.json(&["definition", "show", "greet"]);
    assert_eq!(
        (&shown["text"], &shown["worker"]),
        (&json!("exec: { command: \"echo two\" }\n"), &json!("exec"))
    );
    assert_eq!(
        stage.agents(&["definition", "export", "greet"]).ok().stdout,
        "exec: { command: \"echo two\" }\n"
    );
    let file = stage.repo().join(".agents/jobs/greet.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    stage.agents(&["definition", "export", "greet", "--output", &file.display().to_string()]).ok();
    stage
        .agents(&["definition", "export", "greet", "--output", &file.display().to_string()])
        .fails(5, &["is there already"]);
    job(&stage, "greet", "exec: { command: \"echo file\" }\n");
    let said = stage.agents(&["run", "greet", "--wait"]).ok();
    assert_eq!(said.stdout, "file\n");
    assert!(said.stderr.contains("in a file and in the store"), "{}", said.stderr);
    let listed = stage.json(&["definition", "list"]);
    assert_eq!(
        (&listed["definitions"][0]["origin"], &listed["definitions"][0]["hidesStored"]),
        (&json!("file"), &json!(true))
    );
    stage.agents(&["definition", "delete", "greet"]).ok();
    stage.agents(&["definition", "delete", "greet"]).fails(3, &["it is a file: rm "]);
    stage.agents(&["definition", "create", &given]).fails(5, &["greet.yaml already"]);
}

#[test]
fn a_draft_that_is_wrong_is_kept_and_gone_on_with() {
    let stage = Stage::playing(json!([]));
    stage.write("given.yaml", "exec: { command: \"echo one\" }\n");
    let given = stage.path("given.yaml").display().to_string();
    stage.agents(&["definition", "create", &given, "--name", "greet"]).ok();
    let edit =
        |script: &str| stage.agents(&["definition", "edit", "greet"]).env("VISUAL", "").env("EDITOR", script);
    edit("sed -i s/command/comand/")
        .fails(6, &["greet:1:9: unknown key `comand`", "did you mean `command`?", "the draft is kept in"]);
    assert_eq!(stage.json(&["definition", "show", "greet"])["revision"], 1);
    edit("false").fails(1, &["the editor `false`", "what was written is in"]);
    let mended = edit("sed -i s/comand:.*one/command:\\ \\\"echo\\ two/").ok();
    assert!(mended.stderr.contains("going on with the draft"), "{}", mended.stderr);
    let shown = stage.json(&["definition", "show", "greet"]);
    assert_eq!(
        (&shown["revision"], &shown["text"]),
        (&json!(2), &json!("exec: { command: \"echo two\" }\n"))
    );
    assert!(edit("true").ok().stdout.contains("unchanged"));
    stage
        .agents(&["definition", "edit", "greet"])
        .env("VISUAL", "")
        .env("EDITOR", "")
        .fails(2, &["no editor is named"]);
}

#[test]
fn a_file_that_no_run_could_find_is_told_of_by_check_list_and_run() {
    let stage = Stage::playing(json!([]));
    let yaml = "exec: { command: \"echo one\" }\n";
    job(&stage, "Deploy", yaml);
    job(&stage, "twin", yaml);
    stage.write("shop/.agents/jobs/twin.yml", yaml);
    job(&stage, "good", yaml);
    let folder = stage.repo().join(".agents/jobs");
    std::os::unix::fs::symlink("nowhere", folder.join("lost.yaml")).unwrap();
    std::fs::create_dir(folder.join("folder.yaml")).unwrap();
    std::fs::write(folder.join("latin.yaml"), b"description: \xe9\n").unwrap();
    let checked = stage.agents(&["definition", "check", "--json"]).run();
    assert_eq!(checked.code, 6);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let said: Vec<(String, usize)> = checked["definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["source"]), one["problems"].as_array().unwrap().len()))
        .collect();
    let expected = [
        (".agents/jobs/Deploy.yaml", 1),
        (".agents/jobs/folder.yaml", 1),
        (".agents/jobs/good.yaml", 0),
        (".agents/jobs/latin.yaml", 1),
        (".agents/jobs/lost.yaml", 1),
        (".agents/jobs/twin.yaml", 1),
        (".agents/jobs/twin.yml", 1),
    ];
    assert_eq!(said, expected.map(|(source, problems)| (source.to_owned(), problems)));
    let all =
        ["`Deploy` can't be the name", "is no file", "is not UTF-8", "can't be read", "defines `twin` too"];
    let human = stage.agents(&["definition", "check"]).run();
    for part in all {
        assert!(human.stdout.contains(part), "`{part}` is not in: {}", human.stdout);
    }
    let listed = stage.agents(&["definition", "list"]).ok().stdout;
    assert_eq!(listed.matches("1 problem(s)").count(), 6, "{listed}");
    let file = folder.join("Deploy.yaml").display().to_string();
    assert_eq!(stage.agents(&["definition", "check", &file]).run().code, 6);
    let run = stage.agents(&["run", "Deploy"]).run();
    assert_eq!(run.code, 6);
    assert!(run.stderr.contains("rename the file") && !run.stderr.contains("did you mean"), "{}", run.stderr);
    stage.agents(&["definition", "edit", "twin"]).fails(5, &["two files of one name"]);
}

#[test]
fn what_a_definition_names_and_is_not_there_is_found_by_check() {
    let stage = Stage::playing(json!([]));
    job(
        &stage,
        "ask",
        "ai:\n  provider: opnai\n  prompt: hello\n  schema: { type: objekt }\n  temperature: 3\n",
    );
    job(&stage, "do", "agent: { prompt: Do it, harness: cluade }\n");
    job(&stage, "use", "skill: { skill: pfd }\n");
    let checked = stage.agents(&["definition", "check", "--json"]).run();
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let said = |index: usize| {
        let problems = checked["definitions"][index]["problems"].as_array().unwrap().clone();
        problems.iter().map(|one| (one["line"].as_u64().unwrap(), text(&one["message"]))).collect::<Vec<_>>()
    };
    let places: Vec<u64> = said(0).iter().map(|(line, _)| *line).collect();
    assert_eq!(places, [2, 4, 5], "{:?}", said(0));
    assert_eq!(said(0)[0].1, "there is no provider `opnai`");
    assert!(said(0)[1].1.starts_with("`schema` is no JSON Schema"), "{:?}", said(0));
    assert_eq!(checked["definitions"][0]["problems"][0]["text"], "  provider: opnai");
    assert_eq!(said(1), [(1, "there is no harness `cluade`".to_owned())]);
    assert_eq!(said(2), [], "a skill may be elsewhere");
    let warning = text(&checked["warnings"][0]);
    assert!(warning.starts_with(".agents/jobs/use.yaml:1:17: there is no skill `pfd` here"), "{warning}");
}

#[test]
fn a_file_changes_only_when_its_new_text_is_right() {
    let stage = Stage::playing(json!([]));
    stage.write("given.yaml", "exec: { command: \"echo store\" }\n");
    let given = stage.path("given.yaml").display().to_string();
    stage.agents(&["definition", "create", &given, "--name", "greet"]).ok();
    let before = "exec: { command: \"echo one\" }\n";
    job(&stage, "greet", before);
    let file = stage.repo().join(".agents/jobs/greet.yaml");
    let edit =
        |script: &str| stage.agents(&["definition", "edit", "greet"]).env("VISUAL", "").env("EDITOR", script);
    edit("sed -i s/command/comand/").fails(
        6,
        &[
            "greet.yaml:1:9: unknown key `comand`",
            "the draft is kept in",
            "the store has a definition `greet` too",
        ],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let mended = edit("sed -i s/comand:.*one/command:\\ \\\"echo\\ two/").ok();
    assert!(mended.stderr.contains("going on with the draft"), "{}", mended.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "exec: { command: \"echo two\" }\n");
    assert!(edit("true").ok().stdout.contains("unchanged"));
}

#[test]
fn a_run_is_found_by_its_own_id_and_by_its_job_s_and_the_runner_names_the_run() {
    let stage = Stage::playing(json!([]));
    job(&stage, "greet", "exec: { command: \"echo hello\" }\n");
    let run = stage.json(&["run", "greet"]);
    let log = stage.agents(&["runner", "--once"]).ok().stdout;
    let id = text(&run["id"]);
    assert!(log.contains(&format!("run {} completed", short(&id))), "{log}");
    let shown = run_of(&stage, &run["id"]);
    let job_id = text(&shown["jobs"][0]);
    assert_eq!(stage.json(&["run-show", &job_id])["id"], run["id"]);
    assert_eq!(stage.json(&["replay", short(&job_id)])["replays"], run["id"]);
}

#[test]
fn bad_input_is_refused_before_anything_is_stored() {
    let stage = Stage::playing(json!([]));
    job(
        &stage,
        "deploy",
        "exec: { command: \"echo {{ params.target }}\" }\nparams: { target: { choices: [test, live], required: true }, n: { type: integer } }\n",
    );
    job(&stage, "wrong", "exec:\n  comand: ls\n");
    job(&stage, "typed", "exec: { argv: [ls] }\nparams: { j: { type: json } }\n");
    job(&stage, "nobody", "agent: { prompt: Do it, harness: cluade }\n");
    let check = |args: &[&str], code: i32, said: &[&str]| stage.agents(args).fails(code, said);
    check(
        &["run", "deplo"],
        3,
        &["there is no definition `deplo`", "did you mean `deploy`?", "definition list"],
    );
    check(&["run", "deploy"], 6, &["param `target` is missing"]);
    check(
        &["run", "deploy", "--param", "targt=test"],
        6,
        &["there is no param `targt`: did you mean `target`?"],
    );
    check(&["run", "deploy", "--param", "target=prod"], 6, &["can't be `prod`: use `test`, `live`"]);
    check(
        &["run", "deploy", "--param", "target=test", "--param", "n=x"],
        6,
        &["param `n` must be a whole number"],
    );
    check(&["run", "deploy", "--param", "target"], 2, &["--param target has no value"]);
    check(
        &["run", "deploy", "--param", "target=test", "--param", "target=live"],
        2,
        &["--param target is given twice"],
    );
    check(
        &["run", "typed", "--param", "j={\"a\": 1,}"],
        6,
        &["param `j` must be JSON", "line 1 column 9", "in quotes"],
    );
    check(
        &["schedule", "create", "s", "--every", "1h", "--run", "deplo"],
        3,
        &["there is no definition `deplo`", "did you mean `deploy`?"],
    );
    check(&["run", "deploy", "--params-json", "[1]"], 6, &["is JSON and no object"]);
    check(&["run", "deploy", "--params-json", "{"], 6, &["is no JSON"]);
    check(&["run", "deploy", "--params-json", "@none.json"], 6, &["none.json"]);
    check(&["run", "deploy", "--params-json", "-", "--input", "-"], 2, &["can't both be standard input"]);
    check(
        &["run", "wrong"],
        6,
        &[".agents/jobs/wrong.yaml:2:3: unknown key `comand`", "2 |   comand: ls", "did you mean `command`?"],
    );
    check(&["run", "nobody"], 6, &["there is no harness `cluade`: did you mean `claude`?"]);
    check(&["run-show", "ffffffff"], 3, &["agents runs"]);
    check(&["replay", "zz"], 3, &["zz"]);
    check(&["definition", "show", "x"], 3, &["there is no definition `x`"]);
    check(&["definition", "edit", "x"], 3, &["there is no definition `x`"]);
    let id = stage.create(&["The star", "--hold"]);
    check(&["run-show", &id], 3, &["is no run", "agents assignment"]);
    assert_eq!(stage.json(&["runs"])["runs"], json!([]));
    let checked = stage.agents(&["definition", "check", "--json"]).run();
    assert_eq!(checked.code, 6);
    let problems: Vec<usize> = checked.json()["definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["problems"].as_array().unwrap().len())
        .collect();
    assert_eq!(problems, [0, 1, 0, 1]);
}

#[test]
fn who_is_not_served_by_a_runner_is_told_and_agents_start_no_runs() {
    let ask = json!([{"run": {"argv": ["agents", "run", "greet"]}}, {"text": "Asked."}]);
    let stage = Stage::playing(json!([on("implement", ask)]));
    job(&stage, "greet", "exec: { command: \"echo hi\" }\n");
    let said = stage.agents(&["run", "greet"]).ok();
    assert!(said.stderr.contains("no runner is alive"), "{}", said.stderr);
    assert_eq!(
        stage.json(&["runs", "--status", "pending", "--definition", "greet"])["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let id = stage.create(&["The star", "--first", "implement", "--max-jobs", "1"]);
    stage.once();
    assert_eq!(stage.json(&["runs"])["runs"].as_array().unwrap().len(), 1, "the agent's was refused");
    assert_eq!(stage.json(&["runs", "--since", "1h", "--trigger", "schedule"])["runs"], json!([]));
    assert!(
        stage
            .agents(&["logs", &text(&jobs(&stage.assignment(&id))[0]["id"])])
            .ok()
            .stdout
            .contains("only the PM and people")
    );
}

#[test]
fn the_examples_of_the_docs_are_right_and_run() {
    let stage = Stage::playing(json!([on("run", json!([{"text": "All is well."}]))]));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/jobs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        job(&stage, &name, &std::fs::read_to_string(&path).unwrap());
    }
    let checked = stage.json(&["definition", "check"]);
    assert_eq!(checked["definitions"].as_array().unwrap().len(), 6, "{checked:#}");
    stage.write("shop/things/one", "1");
    let _runner = stage.runner(&[]);
    let output = |args: &[&str]| stage.json(&[&["run"], args, &["--wait"]].concat())["output"].clone();
    assert_eq!(output(&["backup", "--param", "folder=things"]), "copied things");
    assert!(text(&output(&["disk-report", "--param", "folder=things"])).ends_with("things"));
    assert!(text(&output(&["summarize", "--input", "A long text."])).contains("A long text."));
    assert_eq!(output(&["weekly-review"]), "All is well.");
    stage.write("shop/.claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDFs\n---\n");
    assert_eq!(output(&["extract-pdf", "--param", "file=a.pdf"]), "All is well.");
    let sent = stage.json(&["run", "notify", "--param", "text=Done"]);
    let told: Value =
        serde_json::from_str(&text(&jobs(&stage.assignment(&text(&sent["id"])))[0]["context"])).unwrap();
    assert_eq!(
        (&told["url"], &told["body"]["text"]),
        (&json!("https://chat.example.com/rooms/general/messages"), &json!("Done"))
    );
}
