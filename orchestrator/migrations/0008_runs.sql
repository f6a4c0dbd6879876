-- Runs: assignments that were started from a description, by somebody or something.

-- An assignment may have failed, and may be led by a workflow. A CHECK that becomes wider changes nothing that is stored: SQLite's documents
-- have it done so (lang_altertable, "other kinds of table schema changes"). The ALTER TABLE after it makes every connection read the schema anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(replace(sql,
    'status IN (''active'', ''blocked'', ''complete'', ''cancelled'')',
    'status IN (''active'', ''blocked'', ''complete'', ''failed'', ''cancelled'')'),
    'director IN (''pm'', ''none'')',
    'director IN (''pm'', ''none'', ''workflow'')')
WHERE type = 'table' AND name = 'assignments';
PRAGMA writable_schema = RESET;

ALTER TABLE assignments ADD COLUMN is_run BIGINT NOT NULL DEFAULT 0 CHECK (is_run IN (0, 1));

CREATE TABLE runs (
    assignment_id  TEXT PRIMARY KEY REFERENCES assignments (id),
    namespace      TEXT NOT NULL,
    -- Null: a north star.
    definition     TEXT,
    worker         TEXT NOT NULL,
    trigger_kind   TEXT NOT NULL CHECK (trigger_kind IN ('manual', 'api', 'schedule', 'event', 'webhook')),
    -- The schedule or the subscription that has started it.
    trigger_id     TEXT,
    -- The happening or the delivery that it answers.
    cause_id       TEXT,
    due_at         BIGINT,
    -- A JSON object.
    params         TEXT NOT NULL,
    -- JSON.
    input          TEXT,
    depth          BIGINT NOT NULL CHECK (depth >= 0),
    replays        TEXT,
    CHECK ((trigger_kind = 'schedule') = (due_at IS NOT NULL)),
    CHECK ((trigger_kind IN ('schedule', 'event', 'webhook')) = (trigger_id IS NOT NULL)),
    CHECK ((trigger_kind IN ('event', 'webhook')) = (cause_id IS NOT NULL))
);
CREATE INDEX runs_of_namespace ON runs (namespace, assignment_id);
CREATE INDEX runs_of_definition ON runs (namespace, definition, assignment_id);
CREATE INDEX runs_of_trigger ON runs (trigger_id, assignment_id) WHERE trigger_id IS NOT NULL;
-- Each due time of a schedule starts one run at most.
CREATE UNIQUE INDEX runs_of_due_time ON runs (trigger_id, due_at) WHERE due_at IS NOT NULL;
