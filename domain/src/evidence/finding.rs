//! A finding: what a guard has seen in a diff, or what a reviewer says, with the place it cites.

use crate::id::{AssignmentId, AttemptId, FindingId, JobId};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to be mended: a remark, or that something holds.
    Note,
    Minor,
    Major,
    Blocker,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Severity; 4] = [Severity::Note, Severity::Minor, Severity::Major, Severity::Blocker];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Blocker => "blocker",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Severity> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}

/// What a guard looks for. No model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// A file with tests, a test, or an assertion is gone.
    TestsDeleted,
    /// A test is skipped that was not.
    SkipsAdded,
    /// The worker has changed what a check runs or how.
    CheckChanged,
    /// A check has changed files that git does not ignore, so that its receipt is of a tree that is no longer there.
    CheckWrites,
    /// A job that was to change something has ended well and changed nothing.
    EmptyDiff,
    /// A file outside of the workspace was touched.
    OutsideTouched,
    /// What a job has done could not be committed to its assignment's branch.
    WorkNotKept,
    /// The tree has changed, and no job that may edit has done it.
    ChangedUnasked,
    /// A reviewer's answer is not in the form that was asked for, so that it could not be read.
    ReviewUnread,
}

impl Guard {
    /// Every guard, in the order of the docs.
    pub const ALL: [Guard; 9] = [
        Guard::TestsDeleted,
        Guard::SkipsAdded,
        Guard::CheckChanged,
        Guard::CheckWrites,
        Guard::EmptyDiff,
        Guard::OutsideTouched,
        Guard::WorkNotKept,
        Guard::ChangedUnasked,
        Guard::ReviewUnread,
    ];

    /// The name in the config, in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Guard::TestsDeleted => "tests_deleted",
            Guard::SkipsAdded => "skips_added",
            Guard::CheckChanged => "check_changed",
            Guard::CheckWrites => "check_writes",
            Guard::EmptyDiff => "empty_diff",
            Guard::OutsideTouched => "outside_touched",
            Guard::WorkNotKept => "work_not_kept",
            Guard::ChangedUnasked => "changed_unasked",
            Guard::ReviewUnread => "review_unread",
        }
    }

    /// The guard of that name.
    pub fn from_name(name: &str) -> Option<Guard> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == name)
    }
}

/// Who has found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingSource {
    Guard(Guard),
    /// The agent of a review job says so.
    Reviewer,
}

/// Whether the place that a finding cites is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Citation {
    /// It cites none.
    None,
    /// The file is there and has that line.
    Holds,
    /// There is no such file or line.
    Wrong,
}

impl Citation {
    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Citation::None => "none",
            Citation::Holds => "holds",
            Citation::Wrong => "wrong",
        }
    }

    /// The citation of that name.
    pub fn from_name(name: &str) -> Option<Citation> {
        [Citation::None, Citation::Holds, Citation::Wrong].into_iter().find(|one| one.as_str() == name)
    }
}

/// Something that was found in a job's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub id: FindingId,
    pub assignment: AssignmentId,
    /// The job in whose attempt it was found: the worker's for a guard, the reviewer's for a review.
    pub job: JobId,
    pub attempt: AttemptId,
    pub source: FindingSource,
    pub severity: Severity,
    /// Relative to the workspace.
    pub file: Option<String>,
    pub line: Option<u32>,
    pub citation: Citation,
    /// The criterion that a reviewer says is met.
    pub criterion: Option<u32>,
    pub text: String,
}

impl Finding {
    /// Whether a reviewer says that this criterion is met, at a place that is there.
    pub fn shows(&self, criterion: u32) -> bool {
        self.source == FindingSource::Reviewer
            && self.criterion == Some(criterion)
            && self.citation == Citation::Holds
    }
}
