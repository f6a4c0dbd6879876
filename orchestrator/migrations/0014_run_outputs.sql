-- The whole output of a run, where it is more than what its job keeps.

ALTER TABLE runs ADD COLUMN output_bytes BIGINT CHECK (output_bytes >= 0);
-- The SHA-256 of it: the name of its file.
ALTER TABLE runs ADD COLUMN output_blob TEXT;
-- Why there is no such file.
ALTER TABLE runs ADD COLUMN output_trouble TEXT;
CREATE INDEX runs_of_blob ON runs (output_blob) WHERE output_blob IS NOT NULL;
