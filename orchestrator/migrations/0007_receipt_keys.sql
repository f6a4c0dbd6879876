-- Receipts are signed with a key that only the runner's memory has; what verifies them is here.

-- Of each runner, and it stays when the runner is gone.
CREATE TABLE verification_keys (
    -- SHA-256 over the public half.
    id          TEXT PRIMARY KEY,
    public_key  TEXT NOT NULL,
    runner_id   TEXT NOT NULL UNIQUE,
    machine_id  TEXT NOT NULL,
    since       BIGINT NOT NULL
);

-- The codes were made with a key in a file that agents could read, so they show nothing.
ALTER TABLE receipts DROP COLUMN mac;
ALTER TABLE receipts ADD COLUMN key_id TEXT;
ALTER TABLE receipts ADD COLUMN signature TEXT CHECK ((signature IS NULL) = (key_id IS NULL));
