//! Runs: a command, a request or a call of a model in the place of an agent's work. The same queue, custody, retry and
//! limits hold for them.

use std::path::Path;

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::decision::NewJob;
use agents_domain::director::Director;
use agents_domain::id::{AssignmentId, IdSource, JobId};
use agents_domain::job_type::JobType;
use agents_domain::namespace::Namespace;
use agents_domain::store::Change;
use agents_orchestrator::system::SystemIds;
use serde_json::{Value, json};

use crate::server::{Server, answer, events};
use crate::stage::{Stage, jobs, story};
use crate::support::{self, text};
use crate::wait::{PATIENCE, until};

/// A new run of that worker; gives the assignment's id.
fn run(stage: &Stage, harness: &str, spec: &Value) -> String {
    let id = AssignmentId::new(SystemIds.next());
    let job = NewJob {
        id: JobId::new(SystemIds.next()),
        job_type: JobType::run(),
        harness: Some(harness.to_owned()),
        model: None,
        context: spec.to_string(),
        timeout_ms: None,
    };
    let new = NewAssignment {
        priority: None,
        id,
        namespace: Namespace::new("shop").unwrap(),
        north_star: "a run".to_owned(),
        director: Director::None,
        workspace: stage.repo().display().to_string(),
        max_jobs: 50,
        run: None,
        limits: Default::default(),
        worktree: None,
        checks: Vec::new(),
        accept: Vec::new(),
        alone: false,
        first: First::Job(job),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(support::execute(stage, Change::Create(new)));
    id.to_string()
}

/// The run's one job, in full.
fn job(stage: &Stage, id: &str) -> Value {
    stage.json(&["job", &text(&jobs(&stage.assignment(id))[0]["id"])])
}

/// How its latest attempt ended, and what that said.
fn outcome(stage: &Stage, id: &str) -> (String, String) {
    let job = job(stage, id);
    let last = job["attempts"].as_array().unwrap().last().unwrap().clone();
    (text(&last["outcome"]), job["result"].as_str().unwrap_or_default().to_owned())
}

/// Files below a folder that have that text in them.
fn with_text(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(with_text(&path, text));
        } else if path.is_file()
            // A keeper's FIFO is no file, and would be waited for.
            && let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_command_runs_with_its_data_and_its_secrets_and_leaves_no_secret_anywhere() {
    let stage = Stage::playing(json!([]));
    stage.write("shop/sub/file", "x");
    let hostile = "$(touch pwned); `touch pwned` \"'\n${secret:TOKEN} && touch pwned";
    let id = run(
        &stage,
        "exec",
        &json!({
            "command": "pwd; cat; printf '%s|' \"$P_NAME\" \"${#TOKEN}\" \"$PLAIN\" \"$AGENTS_JOB_TYPE\"; ls",
            "cwd": "sub",
            "input": "from stdin\n",
            "env": {"TOKEN": "Bearer ${secret:MY_TOKEN}", "PLAIN": "a${dollar}b"},
            "args": {"P_NAME": hostile},
        }),
    );
    let said = stage.agents(&["runner", "--once"]).env("MY_TOKEN", "s3cret-of-mine").ok();
    assert_eq!(story(&stage.assignment(&id)), ["run completed [success]"]);
    let folder = stage.repo().join("sub");
    let expected = format!("{}\nfrom stdin\n{hostile}|21|a$b|run|file", folder.display());
    assert_eq!(outcome(&stage, &id), ("success".to_owned(), expected));
    assert_eq!(stage.assignment(&id)["status"], "complete");
    let shown = [job(&stage, &id), stage.json(&["history", &id]), stage.assignment(&id)];
    for text in shown.iter().map(Value::to_string).chain([said.stdout, said.stderr]) {
        assert!(!text.contains("s3cret-of-mine"), "{text}");
    }
    assert_eq!(with_text(&stage.path("home"), "s3cret-of-mine"), [""; 0]);
    assert_eq!(with_text(&stage.repo(), "s3cret-of-mine"), [""; 0]);
    assert_ne!(with_text(&stage.path("home"), "MY_TOKEN"), [""; 0], "the search finds what is there");
}

#[test]
fn of_many_that_begin_together_each_comes_to_its_own_end() {
    let stage = Stage::playing(json!([]));
    let cases: Vec<_> =
        (0..20).map(|number| (json!({"command": format!("printf {number}")}), number)).collect();
    let ids: Vec<_> = cases.iter().map(|(spec, number)| (run(&stage, "exec", spec), number)).collect();
    // Its folder can't be gone into, so it has no process.
    let not_begun = run(&stage, "exec", &json!({"command": "true", "cwd": "nowhere"}));
    stage.agents(&["runner", "--once", "--concurrency", "21"]).ok();
    for (id, number) in &ids {
        assert_eq!(outcome(&stage, id), ("success".to_owned(), number.to_string()));
    }
    assert_eq!(outcome(&stage, &not_begun).0, "invalid_request");
    assert_eq!(stage.findings(), json!([]));
}

#[test]
fn every_end_of_a_command_has_its_class() {
    let stage = Stage::playing(json!([]));
    let cases = [
        (json!({"argv": ["true"]}), "success", ""),
        (json!({"command": "exit 3", "successExitCodes": [0, 3]}), "success", ""),
        (json!({"command": "echo out; echo why >&2; exit 4"}), "command_failed", "exited with 4: why"),
        (json!({"command": "no-such-program-anywhere"}), "command_failed", "exited with 127"),
        (json!({"argv": ["no-such-program-anywhere"]}), "cli_missing", "no-such-program-anywhere"),
        (json!({"command": "kill -9 $$"}), "crashed", "signal 9"),
        (json!({"command": "true", "cwd": "nowhere"}), "invalid_request", "there is no folder"),
        (
            json!({"command": "true", "env": {"A": "${secret:NOBODY}"}}),
            "auth",
            "the secret NOBODY is not set",
        ),
        (json!({"command": "echo ${secret:A}"}), "invalid_request", "under `env`"),
        (json!({"command": "true", "shell": "none"}), "invalid_request", "`shell`"),
        (json!({"argv": ["true"], "command": "true"}), "invalid_request", "either `command` or `argv`"),
        (json!({"comand": "true"}), "invalid_request", "unknown field `comand`"),
        (json!("not a spec"), "invalid_request", "no exec spec"),
    ];
    let ids = cases.each_ref().map(|(spec, _, _)| run(&stage, "exec", spec));
    let _runner = stage.runner(&["--concurrency", "4"]);
    for ((spec, class, part), id) in cases.iter().zip(&ids) {
        let (seen, said) = until(&format!("the end of {spec}"), PATIENCE, || {
            let assignment = stage.assignment(id);
            let status = &jobs(&assignment)[0];
            let is_tried = status["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty());
            (is_tried && status["status"] != "running" && status["attempts"][0]["outcome"].is_string())
                .then(|| outcome(&stage, id))
        });
        assert_eq!(&seen, class, "{spec}: {said}");
        assert!(said.contains(part), "{spec}: `{part}` is not in: {said}");
    }
}

#[test]
fn a_command_is_cancelled_with_all_that_it_has_started() {
    let stage = Stage::playing(json!([]));
    let id = run(&stage, "exec", &json!({"command": "touch began; sleep 1000 & sleep 1000"}));
    let _runner = stage.runner(&[]);
    stage.until_file("began");
    stage.agents(&["cancel", &id]).ok();
    stage.until_assignment(&id, "cancelled with its command", |assignment| {
        story(assignment) == ["run cancelled [cancelled]"]
    });
}

#[test]
fn a_request_and_a_call_of_a_model_are_runs_too_with_tokens_and_cost() {
    let web = Server::saying(&[answer(200, &[], "pong")]);
    let models = Server::saying(&[events(&crate::chat_stream("Hi there."))]);
    let stage = Stage::playing(json!([]));
    stage.configure(|config| {
        config["aiProviders"] =
            json!({"local": {"api": "openai", "baseUrl": models.url(), "apiKey": "${secret:LOCAL_KEY}", "model": "tiny"}});
        config["prices"] = json!({"ai:local/tiny": {"input": 1_000_000, "cachedInput": 0, "output": 2_000_000}});
    });
    let ping = json!({"url": web.url(), "headers": {"X-Key": "${secret:LOCAL_KEY}"}});
    let asked = run(&stage, "http", &ping);
    let said = run(&stage, "ai:local", &json!({"provider": "local", "prompt": "Say hi."}));
    stage.agents(&["runner", "--once"]).env("LOCAL_KEY", "s3cret-of-mine").ok();
    assert_eq!(outcome(&stage, &asked), ("success".to_owned(), "pong".to_owned()));
    assert_eq!(outcome(&stage, &said), ("success".to_owned(), "Hi there.".to_owned()));
    let attempt = &job(&stage, &said)["attempts"][0];
    assert_eq!((&attempt["model"], &attempt["harness"]), (&json!("tiny"), &json!("ai:local")));
    assert_eq!(
        (&attempt["usage"]["input"], &attempt["usage"]["output"]),
        (&json!(3), &json!(4)),
        "{attempt:#}"
    );
    assert_eq!(attempt["costUsd"], json!(11.0), "{attempt:#}");
    assert_eq!(web.asked()[0].header("x-key"), Some("s3cret-of-mine"));
    assert_eq!(models.asked()[0].header("authorization"), Some("Bearer s3cret-of-mine"));
    assert_eq!(with_text(&stage.path("home"), "s3cret-of-mine"), [""; 0]);
}

#[test]
fn a_limit_cools_down_one_provider_and_another_one_stands_in() {
    let limited = Server::saying(&[answer(429, &[("retry-after", "300")], "{}")]);
    let stage = Stage::playing(json!([]));
    stage.configure(|config| {
        config["aiProviders"] = json!({
            "one": {"api": "openai", "baseUrl": limited.url(), "model": "m"},
        });
    });
    let spec = json!({"provider": "one", "prompt": "Say hi."});
    let id = run(&stage, "ai:one", &spec);
    stage.once();
    assert_eq!(story(&stage.assignment(&id)), ["run pending [rate_limit]"]);
    assert_eq!(stage.json(&["cooldown", "list"])["cooldowns"][0]["harness"], "ai:one");
    stage.configure(|config| {
        config["aiProviders"] = json!({"one": {"api": "openai", "baseUrl": limited.url(), "model": "m"}});
        config["harnessFallback"] = json!({"ai:one": "ai:mock"});
    });
    stage.once();
    assert_eq!(outcome(&stage, &id), ("success".to_owned(), "Say hi.".to_owned()));
    assert_eq!(job(&stage, &id)["attempts"][1]["harness"], "ai:mock");
    assert_eq!(stage.json(&["cooldown", "lift", "ai:one"])["lifted"], true);
}

#[test]
fn nobody_inserts_a_run_and_no_other_job_goes_to_a_worker() {
    let stage = Stage::playing(json!([]));
    let id = stage.create(&["x", "--hold"]);
    let insert = |args: &[&str]| stage.agents(&[&["insert-job", &id], args].concat()).run();
    let refused = insert(&["--type", "run", "--context", "{}"]);
    assert!(refused.code != 0 && refused.stderr.contains("agents run <definition>"), "{refused:?}");
    let refused = insert(&["--type", "implement", "--harness", "exec"]);
    assert!(refused.code != 0 && refused.stderr.contains("exec does runs, and is no agent"), "{refused:?}");
    stage.configure(|config| config["harnessFallback"] = json!({"ai:mock": "claude"}));
    stage.agents(&["queue"]).fails(6, &["harnessFallback.ai:mock", "claude can't do what ai:mock does"]);
}

#[test]
fn the_skills_of_the_repository_and_of_the_home_folder_are_listed() {
    let stage = Stage::playing(json!([]));
    assert_eq!(stage.json(&["skills"]), json!({"skills": []}));
    let pdf = "---\nname: pdf\ndescription: Reads PDFs\n---\n";
    let own = stage.write("shop/.claude/skills/pdf-folder/SKILL.md", pdf);
    let home = stage.write("home/.codex/skills/chart/SKILL.md", "# no head\n");
    let expected = json!({"skills": [
        {"name": "chart", "description": "", "file": home, "harnesses": ["codex"]},
        {"name": "pdf", "description": "Reads PDFs", "file": own, "harnesses": ["claude"]},
    ]});
    assert_eq!(stage.json(&["skills"]), expected);
    let shown = stage.agents(&["skills"]).ok().stdout;
    assert!(shown.contains("Reads PDFs") && shown.contains("SKILL.md"), "{shown}");
}

#[test]
fn a_command_that_prints_without_end_keeps_nobody_waiting() {
    let stage = Stage::playing(json!([]));
    let endless = run(&stage, "exec", &json!({"command": "yes endless"}));
    let short = run(&stage, "exec", &json!({"command": "echo short"}));
    let runner = stage.runner(&[]);
    stage.until_status(&short, "complete");
    stage.until_assignment(&endless, "over", |view| jobs(view)[0]["status"] == "failed");
    drop(runner);
    assert_eq!(outcome(&stage, &short), ("success".to_owned(), "short".to_owned()));
    assert_eq!(outcome(&stage, &endless).0, "output_overflow");
}
