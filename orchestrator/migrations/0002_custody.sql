-- Custody: where an attempt's processes are, wishes of a person that stop it, and harnesses that cool down.

-- Empty: it began before this was known.
ALTER TABLE attempts ADD COLUMN machine_id TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
-- A person wants it stopped and its job pending again.
ALTER TABLE attempts ADD COLUMN pause_requested BIGINT NOT NULL DEFAULT 0 CHECK (pause_requested IN (0, 1));

-- A paused assignment starts no job.
ALTER TABLE assignments ADD COLUMN paused BIGINT NOT NULL DEFAULT 0 CHECK (paused IN (0, 1));
CREATE INDEX assignments_paused ON assignments (namespace, id) WHERE paused = 1;

-- A harness whose provider has named a limit: no job of it starts before `until`.
CREATE TABLE cooldowns (
    harness     TEXT PRIMARY KEY,
    until       BIGINT NOT NULL,
    since       BIGINT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('rate_limit', 'usage_limit')),
    reason      TEXT NOT NULL,
    attempt_id  TEXT NOT NULL
);
-- Ready heads of one harness: what is claimed while another one cools down.
CREATE INDEX jobs_ready_of_harness ON jobs (namespace, harness, ready_at, id) WHERE status = 'pending' AND head = 1;
-- Whose session `resume` is. Null: that of the job's own harness.
ALTER TABLE jobs ADD COLUMN resume_harness TEXT;
