-- The core: namespaces, assignments, their jobs, the attempts at them, and the history.
-- Times are milliseconds since the Unix epoch, UTC. Ids are UUIDv7 as text. The CHECKs repeat the state machine.

CREATE TABLE namespaces (
    name        TEXT PRIMARY KEY,
    root        TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE assignments (
    id           TEXT PRIMARY KEY,
    id_reversed  TEXT NOT NULL,
    namespace    TEXT NOT NULL REFERENCES namespaces (name),
    north_star   TEXT NOT NULL CHECK (north_star <> ''),
    director     TEXT NOT NULL CHECK (director IN ('pm', 'none')),
    workspace    TEXT NOT NULL,
    max_jobs     BIGINT NOT NULL CHECK (max_jobs >= 0),
    status       TEXT NOT NULL CHECK (status IN ('active', 'blocked', 'complete', 'cancelled')),
    held         BIGINT NOT NULL CHECK (held IN (0, 1)),
    reason       TEXT,
    question     TEXT,
    note         TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    revision     BIGINT NOT NULL,
    CHECK (held = 0 OR status = 'active'),
    CHECK (status <> 'blocked' OR reason IS NOT NULL),
    CHECK (question IS NULL OR status = 'blocked')
);
CREATE INDEX assignments_of_namespace ON assignments (namespace, id);
CREATE INDEX assignments_reversed ON assignments (id_reversed);
CREATE INDEX assignments_blocked ON assignments (namespace, id) WHERE status = 'blocked';
CREATE INDEX assignments_held ON assignments (namespace, id) WHERE held = 1;

CREATE TABLE jobs (
    id             TEXT PRIMARY KEY,
    id_reversed    TEXT NOT NULL,
    assignment_id  TEXT NOT NULL REFERENCES assignments (id),
    namespace      TEXT NOT NULL,
    position       BIGINT NOT NULL,
    job_type       TEXT NOT NULL,
    harness        TEXT NOT NULL,
    model          TEXT,
    timeout_ms     BIGINT CHECK (timeout_ms >= 0),
    shadow         BIGINT NOT NULL CHECK (shadow IN (0, 1)),
    created_at     BIGINT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    head           BIGINT NOT NULL CHECK (head IN (0, 1)),
    ready_at       BIGINT,
    attempt_id     TEXT,
    ended_at       BIGINT,
    attempts       BIGINT NOT NULL CHECK (attempts >= 0),
    tries          BIGINT NOT NULL CHECK (tries >= 0 AND tries <= attempts),
    asks           BIGINT NOT NULL CHECK (asks >= 0 AND asks <= attempts),
    outcome        TEXT,
    resume         TEXT,
    revision       BIGINT NOT NULL,
    result         TEXT,
    CHECK ((status = 'pending') = (ready_at IS NOT NULL)),
    CHECK ((status = 'running') = (attempt_id IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK (head = 0 OR status = 'pending'),
    -- A comparison with NULL is no refusal: where a value is needed, it is asked for.
    CHECK (status <> 'completed' OR (outcome IS NOT NULL AND outcome = 'success' AND result IS NOT NULL)),
    CHECK (status <> 'failed' OR (outcome IS NOT NULL AND outcome <> 'success')),
    CHECK (status <> 'cancelled' OR (outcome IS NOT NULL AND outcome = 'cancelled')),
    CHECK (status NOT IN ('running', 'completed', 'failed') OR attempts >= 1)
);
CREATE INDEX jobs_of_assignment ON jobs (assignment_id, position);
CREATE INDEX jobs_of_namespace ON jobs (namespace, id);
CREATE INDEX jobs_reversed ON jobs (id_reversed);
CREATE INDEX jobs_ready ON jobs (namespace, ready_at, id) WHERE status = 'pending' AND head = 1;
CREATE INDEX jobs_waiting ON jobs (namespace, ready_at, id) WHERE status = 'pending' AND head = 0;
CREATE INDEX jobs_running ON jobs (namespace, id) WHERE status = 'running';
-- At most one job of an assignment's line runs at a time. Questions stand beside the line.
CREATE UNIQUE INDEX jobs_one_running ON jobs (assignment_id) WHERE status = 'running' AND job_type <> 'chat';

-- What a job is told. Apart from the job, because it may be megabytes and the job's row is written often.
CREATE TABLE job_contexts (
    job_id   TEXT PRIMARY KEY REFERENCES jobs (id),
    context  TEXT NOT NULL
);

CREATE TABLE attempts (
    id                   TEXT PRIMARY KEY,
    job_id               TEXT NOT NULL REFERENCES jobs (id),
    assignment_id        TEXT NOT NULL,
    number               BIGINT NOT NULL CHECK (number >= 1),
    runner_id            TEXT NOT NULL,
    harness              TEXT NOT NULL,
    started_at           BIGINT NOT NULL,
    lease_until          BIGINT NOT NULL,
    resumes              TEXT,
    cancel_requested     BIGINT NOT NULL CHECK (cancel_requested IN (0, 1)),
    decision             TEXT,
    status               TEXT NOT NULL CHECK (status IN ('running', 'ended')),
    ended_at             BIGINT,
    outcome              TEXT,
    message              TEXT,
    exit_code            BIGINT,
    signal               BIGINT,
    session_id           TEXT,
    model                TEXT,
    cli_version          TEXT,
    input_tokens         BIGINT CHECK (input_tokens >= 0),
    cached_tokens        BIGINT CHECK (cached_tokens >= 0),
    output_tokens        BIGINT CHECK (output_tokens >= 0),
    reasoning_tokens     BIGINT CHECK (reasoning_tokens >= 0),
    cost_micros          BIGINT,
    tool_calls           BIGINT NOT NULL CHECK (tool_calls >= 0),
    last_activity        TEXT,
    unknown_lines        BIGINT NOT NULL CHECK (unknown_lines >= 0),
    bad_lines            BIGINT NOT NULL CHECK (bad_lines >= 0),
    UNIQUE (job_id, number),
    CHECK ((status = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((status = 'ended') = (outcome IS NOT NULL)),
    CHECK (exit_code IS NULL OR signal IS NULL)
);
-- At most one attempt of a job is alive at a time, questions included.
CREATE UNIQUE INDEX attempts_one_running ON attempts (job_id) WHERE status = 'running';
CREATE INDEX attempts_running ON attempts (runner_id) WHERE status = 'running';
CREATE INDEX attempts_running_of_assignment ON attempts (assignment_id) WHERE status = 'running';

-- Append-only. `seq` orders it.
CREATE TABLE events (
    seq            INTEGER PRIMARY KEY,
    at             BIGINT NOT NULL,
    kind           TEXT NOT NULL,
    assignment_id  TEXT NOT NULL,
    job_id         TEXT,
    attempt_id     TEXT,
    details        TEXT NOT NULL
);
CREATE INDEX events_of_assignment ON events (assignment_id, seq);

CREATE TABLE runners (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    pid           BIGINT NOT NULL,
    start_time    BIGINT NOT NULL,
    boot_id       TEXT NOT NULL,
    namespace     TEXT,
    concurrency   BIGINT NOT NULL,
    version       TEXT NOT NULL,
    started_at    BIGINT NOT NULL,
    heartbeat_at  BIGINT NOT NULL
);
