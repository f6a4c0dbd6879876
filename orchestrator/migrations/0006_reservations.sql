-- Whatever can be limited is reserved for a running attempt, and expected of the next one, as money is.

-- Beside `reserved_micros`. How many jobs have begun is told by `number`.
ALTER TABLE attempts ADD COLUMN reserved_tokens BIGINT NOT NULL DEFAULT 0 CHECK (reserved_tokens >= 0);
ALTER TABLE attempts ADD COLUMN reserved_wall_ms BIGINT NOT NULL DEFAULT 0 CHECK (reserved_wall_ms >= 0);
ALTER TABLE attempts ADD COLUMN reserved_tool_calls BIGINT NOT NULL DEFAULT 0 CHECK (reserved_tool_calls >= 0);

-- Attempts that have told their tokens, and those that have not.
ALTER TABLE typical_costs ADD COLUMN token_attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE typical_costs ADD COLUMN tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE typical_costs ADD COLUMN unknown_tokens BIGINT NOT NULL DEFAULT 0;
-- Attempts whose time and tool calls are in the sums: those before this column existed are not.
ALTER TABLE typical_costs ADD COLUMN measured BIGINT NOT NULL DEFAULT 0;
ALTER TABLE typical_costs ADD COLUMN wall_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE typical_costs ADD COLUMN tool_calls BIGINT NOT NULL DEFAULT 0;
