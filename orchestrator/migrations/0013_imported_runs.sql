-- Runs that ended in another scheduler, as its records tell. They are no assignments: they have no jobs, no attempts and no history here.

CREATE TABLE imported_runs (
    namespace     TEXT NOT NULL,
    -- What it is called there.
    run_key       TEXT NOT NULL,
    definition    TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled')),
    trigger_kind  TEXT NOT NULL CHECK (trigger_kind IN ('manual', 'api', 'schedule')),
    schedule      TEXT,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT CHECK (ended_at >= started_at),
    -- JSON.
    input         TEXT,
    output        TEXT,
    error         TEXT,
    imported_at   BIGINT NOT NULL,
    PRIMARY KEY (namespace, run_key),
    CHECK (schedule IS NULL OR trigger_kind = 'schedule')
);
CREATE INDEX imported_runs_by_time ON imported_runs (namespace, started_at);
