-- Which ready job goes first: 0 immediate, 1 scheduled, 2 deferred. A job has the class of its assignment.

ALTER TABLE assignments ADD COLUMN priority BIGINT NOT NULL DEFAULT 0 CHECK (priority IN (0, 1, 2));
ALTER TABLE jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0 CHECK (priority IN (0, 1, 2));

-- The same indexes with the class before the time: a claim is a range of one class.
DROP INDEX jobs_ready;
CREATE INDEX jobs_ready ON jobs (namespace, priority, ready_at, id) WHERE status = 'pending' AND head = 1;
DROP INDEX jobs_ready_of_harness;
CREATE INDEX jobs_ready_of_harness ON jobs (namespace, harness, priority, ready_at, id) WHERE status = 'pending' AND head = 1;
