-- Evidence: where an assignment works, what it must show, and what was measured after each of its jobs.

-- JSON. Null: its agents work in `workspace` itself.
ALTER TABLE assignments ADD COLUMN worktree TEXT;
-- JSON: checks, criteria, and where it stands by its evidence.
ALTER TABLE assignments ADD COLUMN proof TEXT NOT NULL DEFAULT '{}';

-- What each job has changed, as a range of commits of its assignment's branch.
CREATE TABLE checkpoints (
    attempt_id     TEXT PRIMARY KEY REFERENCES attempts (id),
    job_id         TEXT NOT NULL,
    assignment_id  TEXT NOT NULL,
    before_commit  TEXT NOT NULL,
    after_commit   TEXT NOT NULL,
    files          BIGINT NOT NULL CHECK (files >= 0),
    insertions     BIGINT NOT NULL CHECK (insertions >= 0),
    deletions      BIGINT NOT NULL CHECK (deletions >= 0)
);
CREATE INDEX checkpoints_of_assignment ON checkpoints (assignment_id, attempt_id);

-- Runs of checks. `mac` covers all of a row.
CREATE TABLE receipts (
    id             TEXT PRIMARY KEY,
    assignment_id  TEXT NOT NULL,
    job_id         TEXT NOT NULL,
    attempt_id     TEXT NOT NULL REFERENCES attempts (id),
    name           TEXT NOT NULL,
    argv           TEXT NOT NULL,
    tree_commit    TEXT,
    tree_dirty     TEXT,
    end_kind       TEXT NOT NULL CHECK (end_kind IN ('exit', 'signal', 'timeout', 'overflow', 'not_started', 'stopped')),
    end_number     BIGINT,
    started_at     BIGINT NOT NULL,
    duration_ms    BIGINT NOT NULL CHECK (duration_ms >= 0),
    output_hash    TEXT NOT NULL,
    output_bytes   BIGINT NOT NULL CHECK (output_bytes >= 0),
    tail           TEXT NOT NULL,
    passed_tests   BIGINT,
    failed_tests   BIGINT,
    skipped_tests  BIGINT,
    mac            TEXT NOT NULL,
    CHECK (tree_dirty IS NULL OR tree_commit IS NOT NULL),
    CHECK ((end_kind IN ('exit', 'signal')) = (end_number IS NOT NULL))
);
CREATE INDEX receipts_of_assignment ON receipts (assignment_id, id);

-- What guards have seen and reviewers have found.
CREATE TABLE findings (
    id             TEXT PRIMARY KEY,
    assignment_id  TEXT NOT NULL,
    job_id         TEXT NOT NULL,
    attempt_id     TEXT NOT NULL REFERENCES attempts (id),
    -- `reviewer`, or the guard's name.
    source         TEXT NOT NULL,
    severity       TEXT NOT NULL CHECK (severity IN ('note', 'minor', 'major', 'blocker')),
    file           TEXT,
    line           BIGINT,
    citation       TEXT NOT NULL CHECK (citation IN ('none', 'holds', 'wrong')),
    criterion      BIGINT,
    text           TEXT NOT NULL
);
CREATE INDEX findings_of_assignment ON findings (assignment_id, id);
