-- What people are told of what has happened.

CREATE TABLE notice_cursors (
    namespace  TEXT PRIMARY KEY,
    seq        BIGINT NOT NULL
);

CREATE TABLE notices (
    id             TEXT PRIMARY KEY,
    namespace      TEXT NOT NULL,
    channel        TEXT NOT NULL,
    happening_id   TEXT NOT NULL,
    event          TEXT NOT NULL,
    text           TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    tries          BIGINT NOT NULL DEFAULT 0,
    due_at         BIGINT NOT NULL,
    -- Until then it is another runner's.
    claimed_until  BIGINT NOT NULL DEFAULT 0,
    error          TEXT,
    at             BIGINT NOT NULL,
    UNIQUE (namespace, channel, happening_id)
);
CREATE INDEX notices_due ON notices (namespace, due_at) WHERE status = 'pending';
CREATE INDEX notices_at ON notices (at);
