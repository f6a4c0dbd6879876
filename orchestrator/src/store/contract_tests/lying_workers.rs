//! Thirty assignments whose PM believes a lie, and their honest twins: played through the real store, with evidence as it
//! is measured after each job. A lie is refused, its twin is accepted.

use std::collections::BTreeMap;

use agents_domain::aggregate::{First, NewAssignment};
use agents_domain::decision::{Decision, Place};
use agents_domain::evidence::{
    Check, CheckEnd, CheckReceipt, Checkpoint, Citation, Evidence, Finding, FindingSource, Guard, Severity,
    Ties, TreeState,
};
use agents_domain::id::{AssignmentId, FindingId, IdSource, ReceiptId};
use agents_domain::outcome::Outcome;
use agents_domain::store::{Change, Claimed};
use serde::Deserialize;

use super::env::{Env, report};

on_every_engine!(thirty_lies_are_refused_and_their_honest_twins_are_accepted);

#[derive(Deserialize)]
struct Case {
    name: String,
    lie: Transcript,
    /// A part of what the PM is told.
    refused: String,
    honest: Transcript,
}

#[derive(Deserialize)]
struct Transcript {
    checks: Vec<String>,
    accept: Vec<String>,
    jobs: Vec<Played>,
    complete: Completed,
}

/// A job: what its agent says, and what is true.
#[derive(Deserialize)]
struct Played {
    #[serde(rename = "type")]
    job_type: String,
    says: String,
    tree: String,
    #[serde(default)]
    ran: BTreeMap<String, bool>,
    #[serde(default)]
    met: Vec<Met>,
    #[serde(default)]
    gate: Option<String>,
    /// It has changed files. Not said: a worker has.
    #[serde(default)]
    wrote: Option<bool>,
}

#[derive(Deserialize)]
struct Met {
    criterion: u32,
    citation: String,
}

/// The PM's decision, and what is true then.
#[derive(Deserialize)]
struct Completed {
    tree: String,
    #[serde(default)]
    ran: BTreeMap<String, bool>,
    /// What the PM names: `receipt <job> <check>`, `finding <job> <place>`, or how it gets that wrong.
    #[serde(default)]
    tie: BTreeMap<u32, String>,
}

/// `a`, or `a+dirty` with changes that are not committed.
fn tree(name: &str) -> TreeState {
    let (commit, dirty) = name.split_once('+').map_or((name, None), |(commit, dirty)| (commit, Some(dirty)));
    TreeState { commit: commit.to_owned(), dirty: dirty.map(str::to_owned) }
}

fn receipt(env: &Env, claimed: &Claimed, (check, passed): (&str, bool), of: &str) -> CheckReceipt {
    CheckReceipt {
        id: ReceiptId::new(env.ids.next()),
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        check: check.to_owned(),
        argv: Check::of_command(check).argv(),
        tree: Some(tree(of)),
        end: CheckEnd::Exit(if passed { 0 } else { 1 }),
        started_at: env.now(),
        duration_ms: 1,
        output_hash: String::new(),
        output_bytes: 0,
        tail: String::new(),
        counts: None,
        signature: None,
    }
}

fn finding(env: &Env, claimed: &Claimed, source: FindingSource) -> Finding {
    Finding {
        id: FindingId::new(env.ids.next()),
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        source,
        severity: Severity::Note,
        file: Some("src/greet.rs".to_owned()),
        line: Some(12),
        citation: Citation::Holds,
        criterion: None,
        text: "it greets".to_owned(),
    }
}

fn measured(env: &Env, claimed: &Claimed, played: &Played) -> Evidence {
    let receipts =
        played.ran.iter().map(|(check, passed)| receipt(env, claimed, (check, *passed), &played.tree));
    let met = played.met.iter().map(|met| Finding {
        citation: Citation::from_name(&met.citation).unwrap(),
        criterion: Some(met.criterion),
        ..finding(env, claimed, FindingSource::Reviewer)
    });
    let gate = played.gate.iter().map(|text| Finding {
        severity: Severity::Blocker,
        text: text.clone(),
        ..finding(env, claimed, FindingSource::Guard(Guard::TestsDeleted))
    });
    let files = u32::from(played.wrote.unwrap_or(played.job_type != "review"));
    let checkpoint = Checkpoint {
        assignment: claimed.assignment.id,
        job: claimed.job.id,
        attempt: claimed.attempt.id,
        before: "before".to_owned(),
        after: played.tree.clone(),
        files,
        insertions: files,
        deletions: 0,
    };
    Evidence {
        content: None,
        tree: Some(tree(&played.tree)),
        checkpoint: Some(checkpoint),
        receipts: receipts.collect(),
        findings: met.chain(gate).collect(),
        founded: None,
    }
}

/// One assignment, and what was measured after each of its jobs.
struct Stage {
    env: Env,
    id: AssignmentId,
    measured: Vec<Evidence>,
}

impl Stage {
    async fn play(transcript: &Transcript) -> Self {
        let env = Env::on_sqlite().await;
        let new = NewAssignment {
            checks: transcript.checks.iter().map(|check| Check::of_command(check)).collect(),
            accept: transcript.accept.clone(),
            ..env.new_assignment(First::Job(env.job(&transcript.jobs[0].job_type)))
        };
        let mut stage = Self { id: new.id, env, measured: Vec::new() };
        stage.env.execute(Change::Create(new)).await.unwrap();
        for (place, played) in transcript.jobs.iter().enumerate() {
            if place > 0 {
                let pm = stage.env.claim_one().await;
                let jobs = vec![(stage.env.job(&played.job_type), Place::First)];
                stage
                    .env
                    .decide(&pm, Decision::InsertJobs { reason: String::new(), jobs, accept: Vec::new() })
                    .await;
            }
            let claimed = stage.env.claim_one().await;
            let evidence = measured(&stage.env, &claimed, played);
            stage.measured.push(evidence.clone());
            stage.end(&claimed, Outcome::success(&played.says), (None, evidence)).await;
        }
        stage
    }

    async fn end(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
        (decision, evidence): (Option<Decision>, Evidence),
    ) {
        let mut report = report(claimed.attempt.id, outcome);
        report.answer = decision.map(Ok);
        report.evidence = evidence;
        self.env.execute(Change::Finish { assignment: self.id, report: Box::new(report) }).await.unwrap();
    }

    /// The PM believes what it was told. Gives why it was refused, if it was.
    async fn complete(&self, completed: &Completed) -> Result<(), String> {
        let pm = self.env.claim_one().await;
        let mut ties = Ties::new();
        for (number, named) in &completed.tie {
            ties.insert(*number, self.named(named).await);
        }
        let receipts = completed
            .ran
            .iter()
            .map(|(check, passed)| receipt(&self.env, &pm, (check, *passed), &completed.tree));
        let evidence = Evidence {
            tree: Some(tree(&completed.tree)),
            receipts: receipts.collect(),
            ..Evidence::default()
        };
        let decision = Decision::Complete { reason: "The worker says so.".to_owned(), ties };
        self.end(&pm, Outcome::success("I am convinced."), (Some(decision), evidence)).await;
        let stored = self.env.store.assignment(self.id).await.unwrap().unwrap();
        match stored.reason() {
            Some("The worker says so.") => Ok(()),
            _ => Err(stored.standing().refusal.clone().unwrap_or_else(|| panic!("neither: {stored:?}"))),
        }
    }

    /// The id that the PM writes down.
    async fn named(&self, named: &str) -> String {
        let words: Vec<&str> = named.split(' ').collect();
        let receipt = |job: &str, check: &str| {
            let evidence = &self.measured[job.parse::<usize>().unwrap()];
            evidence.receipts.iter().find(|receipt| receipt.check == check).unwrap().id.to_string()
        };
        match words.as_slice() {
            ["receipt", job, check] => receipt(job, check),
            ["short", "receipt", job, check] => end(&receipt(job, check), 8),
            ["seven", "receipt", job, check] => end(&receipt(job, check), 7),
            ["beginning", "receipt", job, check] => receipt(job, check)[..13].to_owned(),
            ["finding", job, place] => {
                let evidence = &self.measured[job.parse::<usize>().unwrap()];
                evidence.findings[place.parse::<usize>().unwrap()].id.to_string()
            }
            ["elsewhere", "receipt", check] => self.elsewhere(check).await,
            ["text", text] => (*text).to_owned(),
            _ => panic!("nobody knows what `{named}` is"),
        }
    }

    /// A receipt of another assignment: it has passed there, on a tree of the same name.
    async fn elsewhere(&self, check: &str) -> String {
        let (other, _) = self.env.create("implement").await;
        let claimed = self.env.claim(10).await.into_iter().find(|one| one.assignment.id == other).unwrap();
        let receipt = receipt(&self.env, &claimed, (check, true), "a");
        let id = receipt.id.to_string();
        let mut report = report(claimed.attempt.id, Outcome::success("done"));
        report.evidence = Evidence { tree: Some(tree("a")), receipts: vec![receipt], ..Evidence::default() };
        self.env.execute(Change::Finish { assignment: other, report: Box::new(report) }).await.unwrap();
        id
    }
}

fn end(id: &str, length: usize) -> String {
    id[id.len() - length..].to_owned()
}

async fn thirty_lies_are_refused_and_their_honest_twins_are_accepted(_: Env) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("lying_workers.json")).unwrap();
    assert_eq!(cases.len(), 30);
    for Case { name, lie, refused, honest } in &cases {
        let stage = Stage::play(lie).await;
        let why = stage.complete(&lie.complete).await.expect_err(name);
        assert!(why.contains(refused), "{name}: {why}");
        let stage = Stage::play(honest).await;
        assert_eq!(stage.complete(&honest.complete).await, Ok(()), "the honest twin of: {name}");
    }
}
