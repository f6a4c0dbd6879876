-- Schedules: what is started when, and what was decided for each due time.

CREATE TABLE schedules (
    id                 TEXT PRIMARY KEY,
    namespace          TEXT NOT NULL,
    name               TEXT NOT NULL,
    pattern_kind       TEXT NOT NULL CHECK (pattern_kind IN ('cron', 'every', 'at')),
    pattern            TEXT NOT NULL,
    zone               TEXT NOT NULL,
    start_kind         TEXT NOT NULL CHECK (start_kind IN ('definition', 'north-star')),
    -- The definition's name, or the text of the north star.
    start              TEXT NOT NULL,
    -- A JSON object.
    params             TEXT NOT NULL,
    missed             TEXT NOT NULL CHECK (missed IN ('catchup', 'last', 'skip')),
    catchup_cap        BIGINT,
    catchup_window_ms  BIGINT,
    overlap            TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'cancel-previous')),
    jitter_ms          BIGINT NOT NULL CHECK (jitter_ms >= 0),
    from_at            BIGINT,
    until_at           BIGINT,
    auto_pause_after   BIGINT,
    standing           TEXT NOT NULL CHECK (standing IN ('on', 'off', 'paused')),
    paused_at          BIGINT,
    paused_reason      TEXT,
    -- Every due time up to and with this moment is decided.
    decided_until      BIGINT NOT NULL,
    next_due_at        BIGINT,
    -- When a runner is to look at it.
    next_run_at        BIGINT,
    last_run_at        BIGINT,
    last_outcome       TEXT CHECK (last_outcome IN ('completed', 'failed', 'cancelled')),
    failures           BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    revision           BIGINT NOT NULL,
    UNIQUE (namespace, name),
    CHECK ((missed = 'catchup') = (catchup_cap IS NOT NULL)),
    CHECK ((standing = 'paused') = (paused_at IS NOT NULL)),
    CHECK ((standing = 'paused') = (paused_reason IS NOT NULL)),
    CHECK (standing = 'on' OR next_run_at IS NULL)
);
-- What is due is one range of one of these, however many schedules there are.
CREATE INDEX schedules_due ON schedules (namespace, next_run_at, id) WHERE next_run_at IS NOT NULL;
CREATE INDEX schedules_due_anywhere ON schedules (next_run_at, id) WHERE next_run_at IS NOT NULL;
-- For people: what comes next.
CREATE INDEX schedules_next ON schedules (namespace, next_due_at, id) WHERE standing = 'on';

CREATE TABLE firings (
    schedule_id  TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at       BIGINT NOT NULL,
    decision     TEXT NOT NULL CHECK (decision IN ('started', 'waiting', 'missed', 'overlap', 'refused', 'dropped')),
    decided_at   BIGINT NOT NULL,
    -- How many due times it stands for; of several that were missed, this is the latest.
    due_times    BIGINT NOT NULL CHECK (due_times >= 1),
    run_id       TEXT,
    outcome      TEXT CHECK (outcome IN ('completed', 'failed', 'cancelled')),
    ended_at     BIGINT,
    reason       TEXT,
    -- It waits, or its run has not ended.
    is_open      BIGINT NOT NULL CHECK (is_open IN (0, 1)),
    -- Each due time of a schedule is decided once.
    PRIMARY KEY (schedule_id, due_at),
    CHECK ((decision = 'started') = (run_id IS NOT NULL)),
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK (is_open = (decision = 'waiting' OR (decision = 'started' AND ended_at IS NULL)))
);
CREATE INDEX firings_open ON firings (schedule_id, due_at) WHERE is_open = 1;
CREATE UNIQUE INDEX firings_of_run ON firings (run_id) WHERE run_id IS NOT NULL;
