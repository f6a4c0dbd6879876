//! How a job ends when its provider, its CLI or its time fails it: each way is told apart through the real CLI, and
//! what follows is right.

use agents_scripted_models::{Cli, HttpError, Reply, Rule, Scenario, Turn, When, shell};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Desk, ENGINEER, PM_LATER, blocked, decision};

with_each_cli! {
    a_bad_key_blocks_the_assignment_and_names_the_fix,
    a_short_limit_parks_the_job,
    a_used_up_quota_parks_the_job_until_its_reset,
    a_failing_provider_is_tried_again_later,
    a_cut_connection_is_tried_again_later,
    an_unknown_model_blocks_the_assignment_and_names_the_fix,
    a_missing_program_blocks_the_assignment_and_names_its_installation,
    a_job_that_hangs_ends_at_its_timeout_and_the_pm_is_asked,
    a_cancelled_job_leaves_nothing_of_its_process_tree,
}

/// Lets one implement job meet this turn of its model, for ever. The PM then wants a person. Gives the assignment.
pub async fn meet(desk: &mut Desk, turn: impl Into<Turn>, args: &[&str]) -> Value {
    meet_all(desk, [turn.into().forever()], args).await
}

/// The same with these turns, one after the other.
pub async fn meet_all(desk: &mut Desk, turns: impl IntoIterator<Item = Turn>, args: &[&str]) -> Value {
    let cli = desk.cli;
    let engineer = turns.into_iter().fold(Rule::when(When::prompt(ENGINEER)), Rule::turn);
    desk.serve(
        Scenario::new()
            .rule(engineer)
            .rule(Rule::when(When::prompt(PM_LATER)).turn(decision(cli, &blocked("The job did not work.")))),
    );
    let id = desk.create(&[&["Greet people", "--first", "implement"], args].concat()).await;
    desk.run(&id).await
}

/// The only job's first attempt ended so, and the job waits for a person who mends what is named.
pub fn check_blocked(told: &Value, outcome: &str, fix: &str) {
    let job = &told["jobs"][0];
    assert_eq!(
        [&told["status"], &job["status"], &job["attempts"][0]["outcome"]],
        ["blocked", "pending", outcome],
        "{told:#}"
    );
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("To mend it: ") && reason.contains(fix), "{reason}");
    assert_eq!(told["jobs"].as_array().map(Vec::len), Some(1), "nobody else is asked: {told:#}");
}

/// The only job's only attempt ended so, and the job is tried again by itself. Gives in how long.
pub fn check_waiting(told: &Value, outcome: &str) -> SignedDuration {
    let job = &told["jobs"][0];
    assert_eq!(
        [&told["status"], &job["status"], &job["attempts"][0]["outcome"]],
        ["active", "pending", outcome],
        "{told:#}"
    );
    assert_eq!(job["attempts"].as_array().map(Vec::len), Some(1), "{told:#}");
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let wait = time(&job["readyAt"]).duration_since(time(&job["attempts"][0]["endedAt"]));
    assert!(wait.is_positive(), "{told:#}");
    wait
}

/// The only job's only attempt ended at that limit, and its harness is left alone. Gives for how long.
async fn check_parked(desk: &Desk, told: &Value, outcome: &str) -> SignedDuration {
    let job = &told["jobs"][0];
    assert_eq!(
        [&told["status"], &job["status"], &job["attempts"][0]["outcome"]],
        ["active", "pending", outcome],
        "{told:#}"
    );
    let cooldown = desk.json(&["cooldown", "list"]).await["cooldowns"][0].clone();
    assert_eq!([&cooldown["harness"], &cooldown["outcome"]], [&job["harness"], &json!(outcome)]);
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    time(&cooldown["until"]).duration_since(time(&cooldown["since"]))
}

/// The error of that status as the provider words it; `kind` is Anthropic's type, OpenAI's code and Google's status.
pub fn error(cli: Cli, status: u16, kinds: [&str; 3], message: &str) -> HttpError {
    let body = match cli {
        Cli::Claude => json!({"type": "error", "error": {"type": kinds[0], "message": message}}),
        Cli::Codex => {
            json!({"error": {"message": message, "type": "error", "param": null, "code": kinds[1]}})
        }
        Cli::Gemini => json!({"error": {"code": status, "message": message, "status": kinds[2]}}),
    };
    HttpError::new(status).body(body)
}

async fn a_bad_key_blocks_the_assignment_and_names_the_fix(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let kinds = ["authentication_error", "invalid_api_key", "UNAUTHENTICATED"];
    let told = meet(&mut desk, error(cli, 401, kinds, "That key is not valid."), &[]).await;
    let fix = match cli {
        Cli::Claude => "ANTHROPIC_API_KEY",
        Cli::Codex => "codex login",
        Cli::Gemini => "GEMINI_API_KEY",
    };
    check_blocked(&told, "auth", fix);
}

/// With an API key it would try for 190 s.
#[tokio::test]
async fn a_bad_key_that_claude_would_try_again_and_again_blocks_within_seconds() {
    let mut desk = Desk::new(Cli::Claude);
    let kinds = ["authentication_error", "invalid_api_key", "UNAUTHENTICATED"];
    let told = meet(&mut desk, error(Cli::Claude, 401, kinds, "That key is not valid."), &[]).await;
    check_blocked(&told, "auth", "ANTHROPIC_API_KEY");
    let attempt = &told["jobs"][0]["attempts"][0];
    let time = |name: &str| attempt[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let took = time("endedAt").duration_since(time("startedAt"));
    assert!(took < SignedDuration::from_secs(60), "it took {took:#}");
}

async fn a_short_limit_parks_the_job(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let kinds = ["rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"];
    let told = meet(&mut desk, error(cli, 429, kinds, "Too many requests a minute."), &[]).await;
    check_parked(&desk, &told, "rate_limit").await;
}

async fn a_used_up_quota_parks_the_job_until_its_reset(cli: Cli) {
    let reset = Timestamp::now().as_second() + 3600;
    let kinds = ["rate_limit_error", "", "RESOURCE_EXHAUSTED"];
    let refused = error(cli, 429, kinds, "You exceeded your current quota.");
    let (mut desk, refused) = match cli {
        // Only an account that is logged in has such a limit.
        Cli::Claude => {
            let desk = Desk::new(cli).with_env("ANTHROPIC_API_KEY", Value::Null);
            let unified = |name: &str| format!("anthropic-ratelimit-unified-{name}");
            let refused = refused
                .header(unified("status"), "rejected")
                .header(unified("reset"), reset.to_string())
                .header(unified("representative-claim"), "five_hour");
            (desk.with_env("CLAUDE_CODE_OAUTH_TOKEN", "scripted"), refused)
        }
        Cli::Codex => {
            let limit = json!({"type": "usage_limit_reached", "message": "x", "plan_type": "plus", "resets_at": reset});
            (Desk::new(cli), refused.body(json!({"error": limit})))
        }
        Cli::Gemini => {
            let details = json!([
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                    {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600s"},
            ]);
            let mut body = json!({"error": {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED"}});
            body["error"]["details"] = details;
            (Desk::new(cli), refused.body(body))
        }
    };
    let told = meet(&mut desk, refused, &[]).await;
    let wait = check_parked(&desk, &told, "usage_limit").await.as_mins();
    // Gemini does not say when a day's quota is over; then it is looked at again after a while.
    let expected = if cli == Cli::Gemini { 10..=20 } else { 58..=62 };
    assert!(expected.contains(&wait), "{wait} minutes: {told:#}");
}

/// It says so on standard error only and would sleep for hours.
#[tokio::test]
async fn a_quota_that_gemini_would_sleep_for_parks_the_job_at_once() {
    let mut desk = Desk::new(Cli::Gemini);
    let details = json!([
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "QUOTA_EXHAUSTED",
            "domain": "generativelanguage.googleapis.com"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7200s"},
    ]);
    let message = "You have exhausted your capacity on this model. Your quota will reset after 2h0m.";
    let error = json!({"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details});
    let refused = HttpError::new(429).body(json!({"error": error}));
    let told = meet(&mut desk, refused, &[]).await;
    let wait = check_parked(&desk, &told, "usage_limit").await.as_mins();
    assert!((119..=122).contains(&wait), "{wait} minutes: {told:#}");
}

async fn a_failing_provider_is_tried_again_later(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let told =
        meet(&mut desk, error(cli, 500, ["api_error", "server_error", "INTERNAL"], "Oh no."), &[]).await;
    check_waiting(&told, "server_error");
}

async fn a_cut_connection_is_tried_again_later(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let told = meet(&mut desk, Turn::drop_connection(), &[]).await;
    check_waiting(&told, "network");
}

async fn an_unknown_model_blocks_the_assignment_and_names_the_fix(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let message = match cli {
        Cli::Claude => "model: no-such",
        Cli::Codex => "The model `no-such` does not exist or you do not have access to it.",
        Cli::Gemini => "models/no-such is not found for API version v1beta",
    };
    let told =
        meet(&mut desk, error(cli, 404, ["not_found_error", "model_not_found", "NOT_FOUND"], message), &[])
            .await;
    check_blocked(&told, "model_unavailable", &format!("harnesses.{}.model", cli.name()));
}

#[tokio::test]
async fn a_refusal_of_claude_fails_the_job_and_the_pm_is_asked() {
    let mut desk = Desk::new(Cli::Claude);
    let told = meet(&mut desk, Reply::text("I won't.").stop("refusal"), &[]).await;
    let jobs = told["jobs"].as_array().unwrap();
    assert_eq!([&jobs[0]["status"], &jobs[0]["outcome"]], ["failed", "refusal"], "{told:#}");
    assert_eq!([&told["status"], &told["reason"]], ["blocked", "The job did not work."], "{told:#}");
}

async fn a_missing_program_blocks_the_assignment_and_names_its_installation(cli: Cli) {
    let mut desk = Desk::new(cli).with_program(format!("no-such-{cli}"));
    let told = meet(&mut desk, Reply::text("unheard"), &[]).await;
    check_blocked(&told, "cli_missing", "npm install -g @");
    assert!(
        told["reason"].as_str().unwrap().contains(&format!("`no-such-{cli}` is not installed")),
        "{told:#}"
    );
}

async fn a_job_that_hangs_ends_at_its_timeout_and_the_pm_is_asked(cli: Cli) {
    let mut desk = Desk::new(cli);
    let told = meet(&mut desk, Turn::hang(), &["--timeout", "3s"]).await;
    let jobs = told["jobs"].as_array().unwrap();
    assert_eq!([&jobs[0]["status"], &jobs[0]["outcome"]], ["failed", "timeout"], "{told:#}");
    assert_eq!([&told["status"], &told["reason"]], ["blocked", "The job did not work."], "{told:#}");
    assert_eq!(desk.survivors(&told), Vec::<String>::new());
}

async fn a_cancelled_job_leaves_nothing_of_its_process_tree(cli: Cli) {
    let mut desk = Desk::new(cli);
    let mut bell = desk.hang_bell("started");
    let command = "(setsid sleep 1000 &) ; sleep 1001 & echo > started; sleep 1002";
    desk.serve(
        Scenario::new().rule(Rule::when(When::prompt(ENGINEER)).turn(Reply::tool(shell(cli, command)))),
    );
    let id = desk.create(&["Greet people", "--first", "implement"]).await;
    let cancelled = async {
        bell.rung().await;
        let told = desk.json(&["assignment", &id]).await;
        assert!(desk.survivors(&told).len() > 3, "the tool and its children run: {told:#}");
        desk.ok(&["update-assignment", &id, "--status", "cancelled"]).await;
    };
    let (told, ()) = tokio::join!(desk.run(&id), cancelled);
    let job = &told["jobs"][0];
    assert_eq!(
        [&told["status"], &job["status"], &job["attempts"][0]["outcome"]],
        ["cancelled"; 3],
        "{told:#}"
    );
    assert_eq!(desk.survivors(&told), Vec::<String>::new());
}
