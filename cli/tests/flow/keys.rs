//! The key that receipts are signed with: agents can't read it, and what it has not signed is found and counts nothing.

use agents_domain::evidence::{CheckEnd, CheckReceipt, ReceiptMark};
use agents_domain::history::EventKind;
use agents_domain::id::{IdSource, ReceiptId, RunnerId};
use agents_domain::timestamp::Timestamp;
use agents_orchestrator::evidence::key::SigningKey;
use agents_orchestrator::system::SystemIds;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::evidence_stage::*;
use crate::script::{blocked, complete, on, on_nth, pm_blocks, wait_for};
use crate::stage::Stage;
use crate::wait::{PATIENCE, until};

/// Tells of two processes whether their memory can be read: of the one that is named in a file, and of one of its own,
/// which is closed to nobody.
#[cfg(target_os = "linux")]
const LOOK_INTO: &str = "
look() {
    if true < /proc/$2/mem; then echo $1 memory open; else echo $1 memory closed; fi
}
sleep 60 &
twin=$!
{ look runner $(cat runner.pid); look twin $twin; } 2> /dev/null > seen.new
kill $twin
mv seen.new seen";

#[cfg(target_os = "linux")]
#[test]
fn an_agent_can_not_look_into_its_runner_as_it_can_into_other_processes_of_its_user() {
    let look = || {
        let agent = json!([wait_for("go"), {"run": {"argv": ["sh", "-c", LOOK_INTO]}}, {"text": "Looked."}]);
        let stage = Stage::playing(json!([on("implement", agent), pm_blocks()]));
        let id = stage.create(&["Look around", "--first", "implement"]);
        let runner = stage.runner(&[]);
        std::fs::write(stage.repo().join("runner.pid"), runner.pid().to_string()).unwrap();
        stage.touch("go");
        stage.until_status(&id, "blocked");
        stage.read("seen")
    };
    // The runner and its agent are the same user, and have the same powers.
    let seen = crate::processes::without(&[rustix::thread::CapabilitySet::SYS_PTRACE], look);
    assert_eq!(seen.lines().collect::<Vec<_>>(), ["runner memory closed", "twin memory open"]);
}

/// Writes into the store behind everybody's back, as an agent that works without a sandbox can.
fn forge(stage: &Stage, statements: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", stage.database().display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        for statement in statements {
            let done = connection.execute(AssertSqlSafe(statement.clone())).await.unwrap();
            assert_eq!(done.rows_affected(), 1, "{statement}");
        }
    });
}

/// Puts a copy of a receipt that is there under this one's id, end, key and signature.
fn insert(of: &CheckReceipt, forged: &CheckReceipt) -> String {
    let signature = forged.signature.as_ref().unwrap();
    let CheckEnd::Exit(code) = forged.end else { panic!("{forged:?}") };
    format!(
        "INSERT INTO receipts SELECT '{}', assignment_id, job_id, attempt_id, name, argv, tree_commit, tree_dirty, end_kind, {code}, \
         started_at, duration_ms, output_hash, output_bytes, tail, passed_tests, failed_tests, skipped_tests, '{}', '{}' \
         FROM receipts WHERE id = '{}'",
        forged.id, signature.key, signature.value, of.id
    )
}

/// A pass in the place of this one, under an id of its own.
fn pass(of: &CheckReceipt) -> CheckReceipt {
    CheckReceipt { id: ReceiptId::new(SystemIds.next()), end: CheckEnd::Exit(0), ..of.clone() }
}

fn signed(receipt: CheckReceipt, key: &SigningKey) -> CheckReceipt {
    CheckReceipt { signature: Some(key.sign(&receipt)), ..receipt }
}

/// What `receipt verify` says of each that is wrong: its id, and what.
fn wrong(stage: &Stage) -> Vec<(String, String)> {
    let said = stage.agents(&["receipt", "verify", "--all", "--json"]).run();
    let said = said.json();
    let of = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    said["wrong"].as_array().unwrap().iter().map(|one| (of(one, "id"), of(one, "what"))).collect()
}

#[test]
fn receipts_that_no_runner_has_signed_are_found_when_their_runners_are_gone() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([on("implement", writes("wrong\n")), pm_blocks()]),
    );
    let [id, other] = ["Make it right", "Make another right"].map(|star| {
        let id = stage.create_work(star);
        stage.once();
        id
    });
    assert_eq!(wrong(&stage), []);
    let (ours, theirs) = (receipts(&stage, &id).remove(0), receipts(&stage, &other).remove(0));
    let keys = evidence(&stage, &id).keys;
    assert_ne!(ours.signature.as_ref().unwrap().key, theirs.signature.as_ref().unwrap().key);
    let made_up = SigningKey::draw().unwrap();
    let known = stored(&stage, async |store| store.runners().await.unwrap());
    assert_eq!(known, [], "the runners are gone, and their keys are there");
    assert_eq!(keys.len(), 1);
    // A key that nobody knows; the key of another runner; a signature that belongs to another receipt.
    let unknown = signed(pass(&ours), &made_up);
    let borrowed = CheckReceipt { signature: theirs.signature.clone(), ..pass(&ours) };
    let replayed = CheckReceipt { signature: ours.signature.clone(), ..pass(&ours) };
    forge(&stage, &[&unknown, &borrowed, &replayed].map(|forged| insert(&ours, forged)));
    let expected = [(&unknown, "foreign_key"), (&borrowed, "foreign_key"), (&replayed, "altered")];
    let expected = expected.map(|(receipt, what)| (receipt.id.to_string(), what.to_owned()));
    assert_eq!(wrong(&stage), expected);
    // Made known for a runner of its own, it is not the one of the attempt's runner.
    let published =
        made_up.published(RunnerId::new(SystemIds.next()), String::new(), Timestamp::from_millis(1));
    stored(&stage, async |store| store.publish(&published).await.unwrap());
    assert_eq!(wrong(&stage), expected);
    let shown = stage.agents(&["receipt", &unknown.id.to_string()]).ok().stdout;
    assert!(shown.contains("NOT with the key of the runner"), "{shown}");
    let doctor = stage.agents(&["doctor"]).run().stdout;
    assert!(doctor.contains("3 of 5 not as signed"), "{doctor}");
}

#[test]
fn a_pass_that_the_runner_has_not_signed_is_run_again_even_if_the_store_vouches_for_it() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([
            on("implement", writes("wrong\n")),
            on_nth("pm", 1, json!([{"touch": "thinking"}, wait_for("go"), complete("It is done.")])),
            on("pm", json!([blocked("It was found out.")])),
        ]),
    );
    std::fs::write(stage.repo().join(".gitignore"), ".agents/\ngo\nthinking\n").unwrap();
    commit(&stage.repo(), "what tests need is ignored");
    let id = stage.create_work("Make it right");
    let _runner = stage.runner(&[]);
    let folder = || std::path::PathBuf::from(assignment(&stage, &id).folder());
    until("the PM thinks", PATIENCE, || folder().join("thinking").exists().then_some(()));
    let (honest, made_up) = (receipts(&stage, &id).remove(0), SigningKey::draw().unwrap());
    let forged = signed(pass(&honest), &made_up);
    let key =
        made_up.published(evidence(&stage, &id).keys[0].runner, String::new(), Timestamp::from_millis(1));
    let (failed, passed) = (ReceiptMark::of(&honest), ReceiptMark::of(&forged));
    assert_eq!((failed.passed, passed.passed), (false, true));
    forge(
        &stage,
        &[
            insert(&honest, &forged),
            format!("DELETE FROM receipts WHERE id = '{}'", honest.id),
            format!("UPDATE verification_keys SET id = '{}', public_key = '{}'", key.id, key.public),
            format!(
                "UPDATE assignments SET proof = replace(replace(proof, '{}', '{}'), '\"passed\":false', '\"passed\":true') \
             WHERE id = '{id}' AND proof LIKE '%\"passed\":false%'",
                honest.id, forged.id
            ),
        ],
    );
    assert_eq!(assignment(&stage, &id).standing().receipts, [passed], "the store says that it has passed");
    assert_eq!(wrong(&stage), [], "and vouches for it");
    std::fs::write(folder().join("go"), "").unwrap();
    stage.until_status(&id, "blocked");
    let refusals = history(&stage, &id, EventKind::CompletionRefused);
    let reason = refusals.first().and_then(|event| event.detail("reason")).unwrap_or_default();
    assert!(reason.contains("the required check `grep -q right work.txt` fails"), "{reason}");
    assert_eq!(ends(&stage, &id), [CheckEnd::Exit(0), CheckEnd::Exit(1)]);
}

#[test]
fn a_person_does_not_complete_by_a_pass_that_nobody_has_signed_unless_by_force() {
    let stage = with_checks(
        json!(["grep -q right work.txt"]),
        json!([on("implement", writes("wrong\n")), pm_blocks()]),
    );
    let id = stage.create_work("Make it right");
    stage.once();
    forge(
        &stage,
        &["UPDATE assignments SET proof = replace(proof, '\"passed\":false', '\"passed\":true')".to_owned()],
    );
    let mark = assignment(&stage, &id).standing().receipts[0].clone();
    assert!(mark.passed);
    assert_eq!(wrong(&stage), [(mark.id.to_string(), "unfounded".to_owned())]);
    let complete = ["update-assignment", &id, "--status", "complete", "--reason", "It passes"];
    stage.agents(&complete).fails(5, &["no runner has signed that", "agents receipt verify"]);
    assert_eq!(stage.assignment(&id)["status"], "blocked");
    stage.agents(&[&complete[..], &["--force"]].concat()).ok();
}
