//! Reads a reviewer's findings out of its final answer, and checks each place that it cites against the tree.
//!
//! The answer ends with a JSON object; where it does not, each line that cites `path:line` is a finding. What a reviewer
//! says of a criterion counts only from the JSON. An answer that can't be read is never taken for one without findings.

use std::path::Path;

use agents_domain::evidence::{Finding, FindingSource, Severity};
use agents_domain::id::{AssignmentId, AttemptId, FindingId, IdSource, JobId};
use agents_domain::store::Claimed;
use serde::Deserialize;

use super::citation;
use super::json_block::candidate;

/// So many findings of one review count. Nobody acts on more.
const FINDINGS_MOST: usize = 100;
/// The longest text of one, in characters.
const TEXT_MOST: usize = 1_000;

/// The review that is read.
#[derive(Debug, Clone, Copy)]
pub struct Review<'a> {
    pub assignment: AssignmentId,
    pub job: JobId,
    pub attempt: AttemptId,
    /// The tree that it is about.
    pub folder: &'a Path,
}

impl<'a> Review<'a> {
    /// The review that this attempt is.
    pub fn of(claimed: &'a Claimed) -> Self {
        Self {
            assignment: claimed.assignment.id,
            job: claimed.job.id,
            attempt: claimed.attempt.id,
            folder: Path::new(claimed.assignment.folder()),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    verdict: Option<String>,
    #[serde(default)]
    findings: Option<Vec<FindingAnswer>>,
    #[serde(default)]
    criteria: Option<Vec<CriterionAnswer>>,
}

#[derive(Deserialize)]
struct FindingAnswer {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct CriterionAnswer {
    number: u32,
    met: bool,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    text: String,
}

/// What a reviewer says, before it is checked.
struct Said {
    severity: Severity,
    file: Option<String>,
    line: Option<u32>,
    criterion: Option<u32>,
    text: String,
}

/// What could be read of a review.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    pub findings: Vec<Finding>,
    /// Why it could not be read, or not as a whole.
    pub trouble: Option<String>,
}

/// The findings of a review that has ended well. Reads files of the tree, so it may block for some milliseconds.
pub fn read(answer: &str, review: Review<'_>, ids: &dyn IdSource) -> Read {
    let (said, trouble) = match closing(answer) {
        Ok(answer) => (structured(answer), None),
        Err(why) => {
            let said = lines(answer);
            let trouble = trouble(&why, said.len());
            (said, trouble)
        }
    };
    let found = |said: Said| Finding {
        id: FindingId::new(ids.next()),
        assignment: review.assignment,
        job: review.job,
        attempt: review.attempt,
        source: FindingSource::Reviewer,
        severity: said.severity,
        citation: citation::check(review.folder, said.file.as_deref(), said.line),
        file: said.file,
        line: said.line,
        criterion: said.criterion,
        text: said.text.trim().chars().take(TEXT_MOST).collect(),
    };
    Read { findings: said.into_iter().take(FINDINGS_MOST).map(found).collect(), trouble }
}

/// Why there is no closing JSON of a review.
enum Missing {
    /// There is no JSON at all: a type of the user's own may ask for lines.
    All,
    /// This is wrong with what is there.
    Form(String),
}

/// The JSON that the answer ends with, if it is one of a review.
fn closing(answer: &str) -> Result<Answer, Missing> {
    let json = candidate(answer).ok_or(Missing::All)?;
    let read: Answer = serde_json::from_str(json).map_err(|error| Missing::Form(error.to_string()))?;
    if read.verdict.is_none() && read.findings.is_none() && read.criteria.is_none() {
        return Err(Missing::Form("it has no verdict, no findings and no criteria".to_owned()));
    }
    Ok(read)
}

/// What is to be told of an answer without its JSON, of which so many lines cite a place.
fn trouble(why: &Missing, lines: usize) -> Option<String> {
    match (why, lines) {
        (Missing::All, 0) => Some(
            "it does not end with the JSON object that was asked for, and no line of it cites a place; nothing that it says \
             counts"
                .to_owned(),
        ),
        (Missing::All, _) => None,
        (Missing::Form(why), 0) => Some(format!("the JSON that it ends with is wrong: {why}; nothing that it says counts")),
        (Missing::Form(why), _) => Some(format!(
            "the JSON that it ends with is wrong: {why}; its lines that cite a place were taken for findings, and nothing that \
             it says of a criterion counts"
        )),
    }
}

fn structured(answer: Answer) -> Vec<Said> {
    let criteria = answer.criteria.unwrap_or_default().into_iter().map(of_criterion);
    let named = answer.findings.unwrap_or_default().into_iter().map(of_finding);
    // What is said of criteria comes first: it must not be lost behind a hundred remarks.
    let mut said: Vec<Said> = criteria.chain(named).collect();
    let wants_changes = answer.verdict.is_some_and(|verdict| verdict.trim().eq_ignore_ascii_case("changes"));
    if wants_changes && said.iter().all(|one| one.severity == Severity::Note) {
        said.push(Said {
            severity: Severity::Major,
            file: None,
            line: None,
            criterion: None,
            text: "the reviewer wants changes and names none".to_owned(),
        });
    }
    said
}

fn of_criterion(answer: CriterionAnswer) -> Said {
    let CriterionAnswer { number, met, file, line, text } = answer;
    let file = file.filter(|file| !file.trim().is_empty());
    if met {
        return Said { severity: Severity::Note, file, line, criterion: Some(number), text };
    }
    let text = format!("criterion {number} is not met: {text}");
    Said { severity: Severity::Major, file, line, criterion: None, text }
}

fn of_finding(answer: FindingAnswer) -> Said {
    let FindingAnswer { severity, file, line, text } = answer;
    let severity = severity.as_deref().and_then(severity_named).unwrap_or(Severity::Major);
    Said { severity, file: file.filter(|file| !file.trim().is_empty()), line, criterion: None, text }
}

fn severity_named(name: &str) -> Option<Severity> {
    let name = name.trim().to_ascii_lowercase();
    let by_other_name = match name.as_str() {
        "critical" => Some(Severity::Blocker),
        "high" => Some(Severity::Major),
        "medium" | "low" => Some(Severity::Minor),
        "nit" | "info" => Some(Severity::Note),
        _ => None,
    };
    Severity::from_name(&name).or(by_other_name)
}

/// Each line that cites a place. How bad it is says the worst word of the line; without one it is a remark.
fn lines(answer: &str) -> Vec<Said> {
    let said = |line: &str| {
        let (file, number) =
            line.split(|c: char| c.is_whitespace() || "()[]`,;'\"*".contains(c)).find_map(cited)?;
        let word = |severity: &Severity| line.to_ascii_lowercase().contains(severity.as_str());
        let severity = Severity::ALL.into_iter().rev().find(word).unwrap_or(Severity::Note);
        let text = line.trim_matches(|c: char| c.is_whitespace() || "-*#>".contains(c)).to_owned();
        Some(Said { severity, file: Some(file.to_owned()), line: Some(number), criterion: None, text })
    };
    answer.lines().filter_map(said).collect()
}

/// `src/a.rs:12`, also `src/a.rs:12:5` and `src/a.rs:12-20`.
fn cited(word: &str) -> Option<(&str, u32)> {
    let (file, rest) = word.split_once(':')?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_path = file.contains(['.', '/']) && !file.ends_with('/') && !rest.starts_with("//");
    let after = &rest[digits..];
    let ends = after.is_empty() || after.starts_with([':', '-', '.']);
    if !is_path || !ends {
        return None;
    }
    Some((file, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use agents_domain::evidence::Citation;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;

    struct Ids(AtomicU64);

    impl IdSource for Ids {
        fn next(&self) -> Uuid {
            Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
        }
    }

    fn tree() -> TempDir {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("src")).unwrap();
        std::fs::write(temp.path().join("src/a.rs"), "1\n2\n3\n").unwrap();
        temp
    }

    type Row = (Severity, Option<String>, Option<u32>, Citation, Option<u32>, String);

    fn found(answer: &str) -> Vec<Row> {
        let tree = tree();
        let review = Review {
            assignment: AssignmentId::new(Uuid::from_u128(100)),
            job: JobId::new(Uuid::from_u128(101)),
            attempt: AttemptId::new(Uuid::from_u128(102)),
            folder: tree.path(),
        };
        let found = read(answer, review, &Ids(AtomicU64::new(0))).findings;
        for (place, finding) in found.iter().enumerate() {
            assert_eq!(finding.id, FindingId::new(Uuid::from_u128(place as u128 + 1)));
            assert_eq!(finding.source, FindingSource::Reviewer);
            assert_eq!(
                (finding.assignment, finding.job, finding.attempt),
                (review.assignment, review.job, review.attempt)
            );
        }
        let row = |one: Finding| (one.severity, one.file, one.line, one.citation, one.criterion, one.text);
        found.into_iter().map(row).collect()
    }

    fn row(
        severity: Severity,
        place: Option<(&str, u32)>,
        citation: Citation,
        criterion: Option<u32>,
        text: &str,
    ) -> Row {
        let (file, line) = (place.map(|(file, _)| file.to_owned()), place.map(|(_, line)| line));
        (severity, file, line, citation, criterion, text.to_owned())
    }

    #[test]
    fn findings_are_read_from_the_closing_json_and_their_citations_are_checked() {
        let answer = r#"All in all fine; see src/a.rs:1.
```json
{"verdict":"changes","findings":[
 {"severity":"blocker","file":"src/a.rs","line":2,"text":"it panics"},
 {"severity":"Minor","file":"src/a.rs","line":99,"text":"a typo"},
 {"severity":"awful","file":null,"line":null,"text":"no tests"}],
 "criteria":[
 {"number":1,"met":true,"file":"src/a.rs","line":3,"text":"there"},
 {"number":2,"met":true,"file":"src/b.rs","line":1,"text":"there too"},
 {"number":3,"met":true,"text":"trust me"},
 {"number":4,"met":false,"file":"src/a.rs","line":1,"text":"no flag"}]}
```"#;
        assert_eq!(
            found(answer),
            [
                row(Severity::Note, Some(("src/a.rs", 3)), Citation::Holds, Some(1), "there"),
                row(Severity::Note, Some(("src/b.rs", 1)), Citation::Wrong, Some(2), "there too"),
                row(Severity::Note, None, Citation::None, Some(3), "trust me"),
                row(
                    Severity::Major,
                    Some(("src/a.rs", 1)),
                    Citation::Holds,
                    None,
                    "criterion 4 is not met: no flag"
                ),
                row(Severity::Blocker, Some(("src/a.rs", 2)), Citation::Holds, None, "it panics"),
                row(Severity::Minor, Some(("src/a.rs", 99)), Citation::Wrong, None, "a typo"),
                row(Severity::Major, None, Citation::None, None, "no tests"),
            ]
        );
    }

    #[test]
    fn without_json_each_line_that_cites_a_place_is_a_finding_and_no_criterion_is_met_by_it() {
        let answer = "CHANGES NEEDED\n- blocker: `src/a.rs:2` panics\n* src/a.rs:7-9: a minor thing\n\
                      see http://localhost:80/x at 12:30\ncriterion 1 is met at src/a.rs:1.\n(src/a.rs:3:14)";
        assert_eq!(
            found(answer),
            [
                row(
                    Severity::Blocker,
                    Some(("src/a.rs", 2)),
                    Citation::Holds,
                    None,
                    "blocker: `src/a.rs:2` panics"
                ),
                row(
                    Severity::Minor,
                    Some(("src/a.rs", 7)),
                    Citation::Wrong,
                    None,
                    "src/a.rs:7-9: a minor thing"
                ),
                row(
                    Severity::Note,
                    Some(("src/a.rs", 1)),
                    Citation::Holds,
                    None,
                    "criterion 1 is met at src/a.rs:1."
                ),
                row(Severity::Note, Some(("src/a.rs", 3)), Citation::Holds, None, "(src/a.rs:3:14)"),
            ]
        );
        assert_eq!(found("APPROVE"), []);
    }

    #[test]
    fn a_reviewer_that_wants_changes_and_names_none_is_heard() {
        let expected =
            [row(Severity::Major, None, Citation::None, None, "the reviewer wants changes and names none")];
        assert_eq!(found(r#"{"verdict":"changes","findings":[],"criteria":null}"#), expected);
        assert_eq!(found(r#"{"verdict":"approve"}"#), []);
    }

    #[test]
    fn json_that_is_no_review_is_read_line_by_line() {
        let answer = "major: src/a.rs:2\n```json\n{\"criteria\":[{\"number\":1,\"met\":\"yes\"}]}\n```";
        let expected =
            row(Severity::Major, Some(("src/a.rs", 2)), Citation::Holds, None, "major: src/a.rs:2");
        assert_eq!(found(answer), [expected]);
    }

    #[test]
    fn an_answer_that_can_not_be_read_is_told_apart_from_one_that_finds_nothing() {
        let check = |answer: &str, expected: Option<&str>| {
            let tree = tree();
            let nil = Uuid::nil();
            let review = Review {
                assignment: AssignmentId::new(nil),
                job: JobId::new(nil),
                attempt: AttemptId::new(nil),
                folder: tree.path(),
            };
            let told = read(answer, review, &Ids(AtomicU64::new(0))).trouble;
            let is_right = match (&told, expected) {
                (Some(told), Some(expected)) => told.contains(expected),
                (told, expected) => told.is_none() && expected.is_none(),
            };
            assert!(is_right, "{answer}: {told:?}");
        };
        check(r#"{"verdict":"approve","findings":[]}"#, None);
        check(r#"{"findings":null,"criteria":[]}"#, None);
        check("minor: src/a.rs:2 is terse", None);
        check("APPROVE", Some("does not end with the JSON object"));
        check("", Some("nothing that it says counts"));
        check(
            "{\"verdict\":\"approve\",\"findings\":[}",
            Some("the JSON that it ends with is wrong: expected value"),
        );
        check("{\"result\":\"fine\"}", Some("it has no verdict, no findings and no criteria"));
        let partly = "major: src/a.rs:2\n```json\n{\"criteria\":[{\"number\":1,\"met\":\"yes\"}]}\n```";
        check(partly, Some("expected a boolean"));
        check(partly, Some("its lines that cite a place were taken for findings"));
    }

    #[test]
    fn a_flood_of_findings_is_cut_and_what_is_said_of_criteria_is_kept() {
        let remark = r#"{"severity":"note","text":"x"}"#;
        let findings = vec![remark; 5_000].join(",");
        let answer = format!(
            r#"{{"findings":[{findings}],"criteria":[{{"number":1,"met":true,"file":"src/a.rs","line":1,"text":"{}"}}]}}"#,
            "y".repeat(5_000)
        );
        let found = found(&answer);
        assert_eq!(found.len(), FINDINGS_MOST);
        let expected =
            row(Severity::Note, Some(("src/a.rs", 1)), Citation::Holds, Some(1), &"y".repeat(TEXT_MOST));
        assert_eq!(found[0], expected);
    }
}
