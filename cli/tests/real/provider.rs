//! More ways in which a provider fails a job, beside those of `outcomes`: each is told apart through the real CLI. Where
//! a CLI does not show what happened, the test says so by what the job then comes to.

use agents_scripted_models::{Cli, HttpError, Reply, Turn};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::outcomes::{check_blocked, check_waiting, error, meet, meet_all};
use super::{Desk, dump};

with_each_cli! {
    an_overloaded_provider_is_tried_again_later,
    a_provider_that_fails_once_is_asked_again_by_the_cli_itself,
    an_answer_that_breaks_off_is_tried_again_later,
    an_answer_that_stands_still_ends_at_the_timeout_and_the_pm_is_asked,
    a_conversation_that_no_longer_fits_is_tried_once_more_and_fails,
}

/// The job has failed, each of its attempts ended so, and the PM was asked. Gives the attempts' number.
fn check_failed(told: &Value, outcome: &str) -> usize {
    let job = &told["jobs"][0];
    assert_eq!([&job["status"], &job["outcome"]], ["failed", outcome], "{told:#}");
    let attempts = job["attempts"].as_array().unwrap();
    assert!(attempts.iter().all(|attempt| attempt["outcome"] == outcome), "{told:#}");
    assert_eq!([&told["status"], &told["reason"]], ["blocked", "The job did not work."], "{told:#}");
    attempts.len()
}

/// The job's only attempt has succeeded with this answer.
fn check_completed(told: &Value, answer: &str) {
    let job = &told["jobs"][0];
    let attempts = job["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{told:#}");
    assert_eq!(
        [&job["status"], &attempts[0]["outcome"], &job["result"]],
        ["completed", "success", answer],
        "{told:#}"
    );
}

async fn an_overloaded_provider_is_tried_again_later(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let kinds = ["overloaded_error", "server_is_overloaded", "UNAVAILABLE"];
    let turn: Turn = match cli {
        Cli::Claude => error(cli, 529, kinds, "Overloaded").into(),
        Cli::Codex => {
            let full = json!({"code": "server_is_overloaded", "message": "Our servers are overloaded."});
            Reply::text("I").stream_error(full).into()
        }
        Cli::Gemini => error(cli, 503, kinds, "The model is overloaded. Please try again later.").into(),
    };
    check_waiting(&meet(&mut desk, turn, &[]).await, "overloaded");
}

/// With the CLI's own retries: one attempt, which nobody outside has to repeat.
async fn a_provider_that_fails_once_is_asked_again_by_the_cli_itself(cli: Cli) {
    let mut desk = Desk::new(cli);
    let failing = error(cli, 500, ["api_error", "server_error", "INTERNAL"], "Oh no.");
    let told = meet_all(&mut desk, [failing.into(), Reply::text("Done.").into()], &[]).await;
    check_completed(&told, "Done.");
}

async fn an_answer_that_breaks_off_is_tried_again_later(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let told = meet(&mut desk, Reply::text("I begin and").drop_mid_stream(), &[]).await;
    check_waiting(&told, "network");
}

async fn an_answer_that_stands_still_ends_at_the_timeout_and_the_pm_is_asked(cli: Cli) {
    let mut desk = Desk::new(cli);
    let turn = Reply::text("I begin and").hang_mid_stream();
    let told = meet(&mut desk, turn, &["--timeout", "3s"]).await;
    assert_eq!(check_failed(&told, "timeout"), 1);
    assert_eq!(desk.survivors(&told), Vec::<String>::new());
}

async fn a_conversation_that_no_longer_fits_is_tried_once_more_and_fails(cli: Cli) {
    let mut desk = Desk::new(cli).without_retries();
    let kinds = ["invalid_request_error", "context_length_exceeded", "INVALID_ARGUMENT"];
    let turn: Turn = match cli {
        Cli::Claude => error(cli, 400, kinds, "prompt is too long: 1203456 tokens > 1000000 maximum").into(),
        Cli::Codex => {
            let full = json!({"code": "context_length_exceeded",
                "message": "Your input exceeds the context window of this model."});
            Reply::text("I").stream_error(full).into()
        }
        Cli::Gemini => {
            let message =
                "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).";
            error(cli, 400, kinds, message).into()
        }
    };
    assert_eq!(check_failed(&meet(&mut desk, turn, &[]).await, "context_overflow"), 2);
}

#[tokio::test]
async fn a_refusal_of_codex_fails_the_job_and_the_pm_is_asked() {
    let mut desk = Desk::new(Cli::Codex).without_retries();
    let told = meet(&mut desk, Reply::text("I won't.").stop("content_filter"), &[]).await;
    assert_eq!(check_failed(&told, "refusal"), 1);
}

/// Gemini CLI reports success, and nothing in its output tells.
#[tokio::test]
async fn a_refusal_of_gemini_and_a_cut_do_not_show_and_what_it_said_stands_as_the_answer() {
    for stop in ["SAFETY", "MAX_TOKENS"] {
        let mut desk = Desk::new(Cli::Gemini);
        let told = meet(&mut desk, Reply::text("I won't.").stop(stop), &[]).await;
        check_completed(&told, "I won't.");
    }
}

#[tokio::test]
async fn an_answer_of_claude_that_is_cut_at_the_models_limit_fails_the_job() {
    let mut desk = Desk::new(Cli::Claude).without_retries();
    let told = meet(&mut desk, Reply::text("Endless").stop("max_tokens"), &[]).await;
    assert_eq!(check_failed(&told, "output_limit"), 1);
}

#[tokio::test]
async fn an_answer_of_codex_that_is_cut_at_the_models_limit_fails_the_job() {
    let mut desk = Desk::new(Cli::Codex).without_retries();
    let told = meet(&mut desk, Reply::text("Endless").stop("max_output_tokens"), &[]).await;
    assert_eq!(check_failed(&told, "output_limit"), 1);
}

#[tokio::test]
async fn an_account_of_codex_without_credit_blocks_the_assignment() {
    let mut desk = Desk::new(Cli::Codex).without_retries();
    let kind = "insufficient_quota";
    let body = json!({"error": {"type": kind, "code": kind, "message": "You exceeded your current quota."}});
    check_blocked(&meet(&mut desk, HttpError::new(429).body(body), &[]).await, "billing", "credit");
}

#[tokio::test]
async fn an_account_of_claude_without_credit_blocks_the_assignment() {
    let mut desk = Desk::new(Cli::Claude).without_retries();
    let message = "Your credit balance is too low to access the Anthropic API.";
    let refused = error(Cli::Claude, 400, ["invalid_request_error", "", ""], message);
    check_blocked(&meet(&mut desk, refused, &[]).await, "billing", "credit");
}

/// Only an account that is logged in is told of its limit.
#[tokio::test]
async fn a_warning_that_claudes_limit_is_near_parks_nothing() {
    let desk = Desk::new(Cli::Claude).with_env("ANTHROPIC_API_KEY", Value::Null);
    let mut desk = desk.with_env("CLAUDE_CODE_OAUTH_TOKEN", "scripted");
    let unified = |name: &str| format!("anthropic-ratelimit-unified-{name}");
    let reset = (Timestamp::now().as_second() + 3600).to_string();
    let warned = Reply::text("Done.")
        .header(unified("status"), "allowed_warning")
        .header(unified("reset"), &*reset)
        .header(unified("representative-claim"), "five_hour")
        .header(unified("5h-status"), "allowed_warning")
        .header(unified("5h-reset"), &*reset)
        .header(unified("5h-utilization"), "0.92")
        .header(unified("5h-surpassed-threshold"), "0.9");
    check_completed(&meet(&mut desk, warned, &[]).await, "Done.");
    assert!(dump(&desk.path("home")).contains(r#""status":"allowed_warning""#), "Claude Code has told of it");
}
