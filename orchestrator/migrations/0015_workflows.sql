-- Workflows: what is kept of them, the runs that they direct, and the steps of these.

CREATE TABLE workflows (
    namespace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    -- YAML that is not published yet.
    draft       TEXT,
    -- The number of the version that is published.
    published   BIGINT,
    workspace   TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (namespace, name),
    CHECK (published IS NOT NULL OR draft IS NOT NULL)
);

-- Published versions; they never change.
CREATE TABLE workflow_versions (
    namespace     TEXT NOT NULL,
    name          TEXT NOT NULL,
    number        BIGINT NOT NULL CHECK (number >= 1),
    label         TEXT NOT NULL,
    text          TEXT NOT NULL,
    note          TEXT,
    published_at  BIGINT NOT NULL,
    PRIMARY KEY (namespace, name, number)
);

-- What runs have started with, by its SHA-256.
CREATE TABLE workflow_snapshots (
    hash        TEXT PRIMARY KEY,
    text        TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE workflow_runs (
    assignment_id  TEXT PRIMARY KEY,
    namespace      TEXT NOT NULL,
    workflow       TEXT NOT NULL,
    version        TEXT NOT NULL,
    snapshot       TEXT NOT NULL,
    -- JSON: what never changes of it, for its expressions.
    facts          TEXT NOT NULL,
    -- What its workflow wants to be kept.
    state          TEXT NOT NULL,
    at_step        TEXT,
    -- JSON: what it waits for while it has no job.
    wait           TEXT,
    -- When it is to be woken, or at once if it wants a run to be started.
    wake_at        BIGINT,
    child          TEXT,
    parent         TEXT,
    CHECK (wait IS NOT NULL OR (wake_at IS NULL AND child IS NULL))
);
CREATE INDEX workflow_runs_of_workflow ON workflow_runs (namespace, workflow, assignment_id);
CREATE INDEX workflow_runs_to_wake ON workflow_runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX workflow_runs_with_child ON workflow_runs (child) WHERE child IS NOT NULL;
CREATE INDEX workflow_runs_of_parent ON workflow_runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX workflow_runs_of_snapshot ON workflow_runs (snapshot);

-- Each execution of a step.
CREATE TABLE workflow_steps (
    assignment_id  TEXT NOT NULL,
    number         BIGINT NOT NULL CHECK (number >= 1),
    step           TEXT NOT NULL,
    path           TEXT NOT NULL,
    attempt        BIGINT NOT NULL CHECK (attempt >= 1),
    status         TEXT NOT NULL CHECK (status IN ('running', 'waiting', 'completed', 'failed', 'cancelled')),
    -- JSON objects.
    inputs         TEXT NOT NULL,
    outputs        TEXT,
    error          TEXT,
    job_id         TEXT,
    child          TEXT,
    started_at     BIGINT NOT NULL,
    ended_at       BIGINT,
    route          TEXT,
    PRIMARY KEY (assignment_id, number),
    CHECK ((ended_at IS NULL) = (status IN ('running', 'waiting')))
);
CREATE INDEX workflow_steps_of_step ON workflow_steps (assignment_id, step, number);
CREATE INDEX workflow_steps_open ON workflow_steps (assignment_id) WHERE ended_at IS NULL;

-- The jobs of a list that have not ended: a run of a workflow may have very many that have.
CREATE INDEX jobs_open ON jobs (assignment_id) WHERE status IN ('pending', 'running');

-- Schedules and subscriptions may start workflows.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, 'start_kind IN (''definition'', ''north-star'')', 'start_kind IN (''definition'', ''north-star'', ''workflow'')')
WHERE type = 'table' AND name = 'schedules';
UPDATE sqlite_schema
SET sql = replace(sql, 'start_kind IN (''definition'', ''north_star'')', 'start_kind IN (''definition'', ''north_star'', ''workflow'')')
WHERE type = 'table' AND name = 'subscriptions';
PRAGMA writable_schema = RESET;
