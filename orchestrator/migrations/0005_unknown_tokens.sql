-- Tokens that nobody knows are not 0: how many attempts have told none, and what they are taken to have used.

ALTER TABLE spending ADD COLUMN presumed_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN unknown_tokens BIGINT NOT NULL DEFAULT 0;
