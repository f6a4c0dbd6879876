//! What a run puts out and is longer than what its job keeps: a file of its own, as long as the run's logs are kept.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use crate::server::{Server, answer};
use crate::stage::Stage;
use crate::support::text;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// 200,000 bytes.
const COMMAND: &str = "exec: { command: \"seq -f %09.0f 1 20000\" }\n";
const KEPT: usize = 64 * 1024;

fn printed() -> String {
    (1..=20_000).map(|number| format!("{number:09}\n")).collect()
}

fn job(stage: &Stage, name: &str, yaml: &str) {
    stage.write(&format!("shop/.agents/jobs/{name}.yaml"), yaml);
}

fn blobs(stage: &Stage) -> PathBuf {
    stage.database().parent().unwrap().join("blobs")
}

fn shown(stage: &Stage, run: &Value) -> Value {
    stage.json(&["run-show", &text(&run["id"])])
}

/// Makes everything that has happened, and this file, two days older.
fn two_days_pass(stage: &Stage, file: &Path) {
    let back = 2 * i64::try_from(DAY.as_millis()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", stage.database().display());
        let mut on = SqliteConnection::connect(&url).await.unwrap();
        for sql in [
            format!(
                "UPDATE assignments SET created_at = created_at - {back}, updated_at = updated_at - {back}"
            ),
            format!("UPDATE attempts SET started_at = started_at - {back}, ended_at = ended_at - {back}"),
        ] {
            on.execute(AssertSqlSafe(sql)).await.unwrap();
        }
    });
    let data = File::open(file).unwrap();
    data.set_modified(data.metadata().unwrap().modified().unwrap() - 2 * DAY).unwrap();
}

#[test]
fn a_long_output_is_kept_whole_and_once_until_no_run_that_is_kept_has_it() {
    let stage = Stage::playing(json!([]));
    job(&stage, "long", COMMAND);
    job(&stage, "short", "exec: { command: \"echo hello\" }\n");
    let mut runner = stage.runner(&[]);
    let run = stage.json(&["run", "long", "--wait"]);
    let file = PathBuf::from(text(&run["outputFile"]));
    assert!(file.starts_with(blobs(&stage)), "{}", file.display());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed());
    let seen = shown(&stage, &run);
    assert_eq!((&seen["outputFile"], &seen["outputBytes"]), (&run["outputFile"], &json!(200_000)));
    let whole = printed();
    let answer = whole.trim_end();
    assert!(text(&seen["output"]) == answer[answer.len() - KEPT..], "its end, without the last line feed");
    let said = stage.agents(&["run-show", &text(&run["id"])]).ok().stdout;
    let note = format!("this is the end of 200000 bytes; all of it is in {}", file.display());
    assert!(said.contains(&note), "{}", &said[said.len() - 300..]);
    let again = stage.json(&["replay", &text(&run["id"]), "--wait"]);
    assert_eq!(again["outputFile"], run["outputFile"]);
    let short = stage.json(&["run", "short", "--wait"]);
    assert_eq!((&short["outputFile"], &short["outputBytes"]), (&Value::Null, &Value::Null));

    stage.configure(|config| config["retention"] = json!({"logs": "3d"}));
    two_days_pass(&stage, &file);
    assert_eq!(stage.json(&["gc"])["outputs"], json!([]));
    stage.configure(|config| config["retention"] = json!({"logs": "1d"}));
    let third = stage.json(&["run", "long", "--wait"]);
    assert_eq!(stage.json(&["gc"])["outputs"], json!([]), "a run that is kept has it");
    assert_eq!(std::fs::read_to_string(text(&third["outputFile"])).unwrap(), printed());
    runner.kill();

    two_days_pass(&stage, &file);
    let gone = json!([{"path": file, "bytes": 200_000, "why": "old"}]);
    assert_eq!(stage.json(&["gc", "--dry-run"])["outputs"], gone);
    assert!(stage.agents(&["gc", "--dry-run"]).ok().stdout.contains(&file.display().to_string()));
    assert!(file.exists());
    assert_eq!(stage.json(&["gc"])["outputs"], gone);
    assert!(!file.exists());
    let seen = shown(&stage, &run);
    assert_eq!((&seen["outputFile"], &seen["outputBytes"]), (&Value::Null, &json!(200_000)));
    let said = stage.agents(&["run-show", &text(&run["id"])]).ok().stdout;
    assert!(said.contains("this is the end of 200000 bytes; the rest is not there any more"));
}

#[test]
fn the_body_of_a_response_is_kept_whole_too() {
    let body = "0123456789".repeat(20_000);
    let web = Server::saying(&[answer(200, &[], &body)]);
    let stage = Stage::playing(json!([]));
    job(&stage, "fetch", &format!("http: {{ url: \"{}\" }}\n", web.url()));
    let _runner = stage.runner(&[]);
    let run = stage.json(&["run", "fetch", "--wait"]);
    assert_eq!(std::fs::read_to_string(text(&run["outputFile"])).unwrap(), body);
    assert_eq!(
        (text(&run["output"]), &run["outputBytes"]),
        (body[200_000 - KEPT..].to_owned(), &json!(200_000))
    );
}

#[test]
fn a_run_whose_output_can_not_be_kept_is_completed_and_says_so() {
    let stage = Stage::playing(json!([]));
    job(&stage, "long", COMMAND);
    std::fs::create_dir_all(blobs(&stage).parent().unwrap()).unwrap();
    std::fs::write(blobs(&stage), "a file where a folder should be").unwrap();
    let _runner = stage.runner(&[]);
    let run = stage.json(&["run", "long", "--wait"]);
    assert_eq!((&run["status"], &run["outputBytes"]), (&json!("completed"), &json!(200_000)));
    assert!(!text(&run["outputNotKept"]).is_empty(), "{run:#}");
    assert_eq!(run["outputFile"], shown(&stage, &run)["files"]["stdout"], "its log is still there");
    let said = stage.agents(&["run-show", &text(&run["id"])]).ok().stdout;
    assert!(said.contains("as long as logs are kept; the output could not be kept: "));
}

#[test]
fn a_blob_that_no_run_names_goes_after_a_day() {
    let stage = Stage::playing(json!([]));
    job(&stage, "short", "exec: { command: \"echo hello\" }\n");
    let mut runner = stage.runner(&[]);
    stage.json(&["run", "short", "--wait"]);
    runner.kill();
    let file = blobs(&stage).join("aa").join("a".repeat(64));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "left by a runner that died").unwrap();
    assert_eq!(stage.json(&["gc"])["outputs"], json!([]));
    two_days_pass(&stage, &file);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", stage.database().display());
        let mut on = SqliteConnection::connect(&url).await.unwrap();
        on.execute("UPDATE namespaces SET created_at = 0").await.unwrap();
    });
    assert_eq!(stage.json(&["gc"])["outputs"], json!([{"path": file, "bytes": 26, "why": "unknown"}]));
    assert!(!file.exists());
}
