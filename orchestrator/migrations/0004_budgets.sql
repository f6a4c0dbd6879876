-- Money: who says what an attempt has cost, what is reserved for those that run, limits, and what was spent.

ALTER TABLE attempts ADD COLUMN cache_write_tokens BIGINT;
ALTER TABLE attempts ADD COLUMN cost_source TEXT CHECK (cost_source IN ('cli', 'prices'));
-- What a running attempt may spend at least; of an ended one it means nothing.
ALTER TABLE attempts ADD COLUMN reserved_micros BIGINT NOT NULL DEFAULT 0 CHECK (reserved_micros >= 0);
UPDATE attempts SET cost_source = 'cli' WHERE cost_micros IS NOT NULL;

-- JSON: limits, what was spent, what each type of job costs here, and which limit is reached.
ALTER TABLE assignments ADD COLUMN budget TEXT NOT NULL DEFAULT '{}';
-- JSON: what its attempts have spent. Null: nothing.
ALTER TABLE jobs ADD COLUMN spent TEXT;

UPDATE assignments
SET budget = (
    SELECT json_object('spent', json_object(
        'cost', coalesce(sum(a.cost_micros), 0),
        'tokens', coalesce(sum(a.input_tokens + a.output_tokens), 0),
        'wallMs', coalesce(sum(max(a.ended_at - a.started_at, 0)), 0),
        'toolCalls', coalesce(sum(a.tool_calls), 0),
        'unknown', sum(a.cost_micros IS NULL)))
    FROM attempts a
    WHERE a.assignment_id = assignments.id AND a.status = 'ended'
)
WHERE id IN (SELECT assignment_id FROM attempts WHERE status = 'ended');

-- What each namespace has spent on each day, in UTC; `day` counts from 1970-01-01.
CREATE TABLE spending (
    namespace        TEXT NOT NULL,
    day              BIGINT NOT NULL,
    cost_micros      BIGINT NOT NULL DEFAULT 0,
    -- What attempts of unknown cost are taken to have cost.
    presumed_micros  BIGINT NOT NULL DEFAULT 0,
    tokens           BIGINT NOT NULL DEFAULT 0,
    wall_ms          BIGINT NOT NULL DEFAULT 0,
    tool_calls       BIGINT NOT NULL DEFAULT 0,
    jobs             BIGINT NOT NULL DEFAULT 0,
    unknown          BIGINT NOT NULL DEFAULT 0,
    -- JSON: the limit that a claim was last held against.
    day_limit        TEXT,
    -- A claim was refused: nobody looks for jobs of the namespace before this moment.
    waits_until      BIGINT,
    PRIMARY KEY (day, namespace)
);

-- What a type of job costs with a harness, in a namespace: the guess for the next one.
CREATE TABLE typical_costs (
    namespace    TEXT NOT NULL,
    job_type     TEXT NOT NULL,
    harness      TEXT NOT NULL,
    attempts     BIGINT NOT NULL,
    cost_micros  BIGINT NOT NULL,
    -- Attempts of unknown cost.
    unknown      BIGINT NOT NULL,
    PRIMARY KEY (namespace, job_type, harness)
);
