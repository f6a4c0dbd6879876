-- What has happened, what answers it, and what webhooks have received.

CREATE TABLE happenings (
    -- The order in which they were committed; a number is never used again.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    -- JSON.
    data       TEXT NOT NULL,
    source     TEXT NOT NULL CHECK (source IN ('person', 'agent', 'webhook', 'orchestrator')),
    -- The attempt of an agent, the delivery of a webhook, the assignment that is told of.
    cause_id   TEXT,
    depth      BIGINT NOT NULL CHECK (depth >= 0),
    at         BIGINT NOT NULL
);
CREATE INDEX happenings_of_namespace ON happenings (namespace, seq);
CREATE INDEX happenings_at ON happenings (at);

CREATE TABLE subscriptions (
    id          TEXT PRIMARY KEY,
    namespace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    pattern     TEXT NOT NULL,
    filter      TEXT,
    -- A JSON object of templates.
    mapping     TEXT NOT NULL,
    start_kind  TEXT NOT NULL CHECK (start_kind IN ('definition', 'north_star')),
    -- The name of the definition, or the text.
    start_text  TEXT NOT NULL,
    -- A JSON object.
    params      TEXT NOT NULL,
    enabled     BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    -- It answers nothing up to this place.
    after_seq   BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (namespace, name)
);
CREATE INDEX subscriptions_enabled ON subscriptions (namespace) WHERE enabled = 1;

-- How far each namespace has been looked at.
CREATE TABLE reaction_cursors (
    namespace  TEXT PRIMARY KEY,
    seq        BIGINT NOT NULL
);

-- Each happening is answered once by each subscription.
CREATE TABLE reactions (
    subscription_id  TEXT NOT NULL,
    happening_id     TEXT NOT NULL,
    outcome          TEXT NOT NULL CHECK (outcome IN ('started', 'refused', 'failed')),
    assignment_id    TEXT,
    why              TEXT,
    at               BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, happening_id),
    CHECK ((outcome = 'started') = (assignment_id IS NOT NULL)),
    CHECK ((outcome = 'started') = (why IS NULL))
);
CREATE INDEX reactions_at ON reactions (subscription_id, at);

CREATE TABLE webhooks (
    id                TEXT PRIMARY KEY,
    namespace         TEXT NOT NULL,
    name              TEXT NOT NULL,
    path              TEXT NOT NULL UNIQUE,
    -- The variable that holds the secret.
    secret_env        TEXT NOT NULL,
    scheme            TEXT NOT NULL CHECK (scheme IN ('github', 'generic')),
    event             TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    received          BIGINT NOT NULL DEFAULT 0,
    refused           BIGINT NOT NULL DEFAULT 0,
    last_received_at  BIGINT,
    last_refused_at   BIGINT,
    UNIQUE (namespace, name)
);

CREATE TABLE deliveries (
    id            TEXT PRIMARY KEY,
    webhook_id    TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- What the sender calls it.
    key           TEXT NOT NULL,
    digest        TEXT,
    -- A JSON object.
    headers       TEXT NOT NULL,
    body          TEXT NOT NULL,
    happening_id  TEXT NOT NULL,
    replays       TEXT,
    at            BIGINT NOT NULL,
    UNIQUE (webhook_id, key)
);
CREATE UNIQUE INDEX deliveries_of_content ON deliveries (webhook_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX deliveries_at ON deliveries (at);
