-- Definitions that are kept in the store, beside those in files of the repository.

CREATE TABLE definitions (
    namespace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    -- YAML.
    text        TEXT NOT NULL,
    -- The folder that its runs work in.
    workspace   TEXT NOT NULL,
    revision    BIGINT NOT NULL CHECK (revision > 0),
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (namespace, name)
);
