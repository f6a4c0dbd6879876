//! What attempts have used, summed up by what people ask for.

use std::time::Duration;

use agents_domain::store::{StoreError, UsageBy, UsageFilter, UsageLine};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{MicroUsd, TokenUsage};
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

const SUMS: [&str; 13] = [
    "key",
    "north_star",
    "attempts",
    "cost_micros",
    "unknown_cost",
    "unknown_tokens",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "wall_ms",
    "tool_calls",
];

/// The sums, the most expensive first; days in their order.
pub(super) async fn sums(
    on: &mut Connection,
    filter: &UsageFilter,
    now: Timestamp,
) -> Result<Vec<UsageLine>, StoreError> {
    let (key, order) = match filter.by {
        None => ("''", "1"),
        Some(UsageBy::Assignment) => ("a.assignment_id", "4 DESC, 1"),
        Some(UsageBy::JobType) => ("j.job_type", "4 DESC, 1"),
        Some(UsageBy::Harness) => ("a.harness", "4 DESC, 1"),
        Some(UsageBy::Model) => ("coalesce(a.model, '')", "4 DESC, 1"),
        Some(UsageBy::Day) => ("strftime('%Y-%m-%d', a.started_at / 1000, 'unixepoch')", "1"),
    };
    // What runs may still tell what it costs, so that is not unknown.
    let mut statement = Statement::new(format!("SELECT {key}, "))
        .push(
            "max(s.north_star), count(*), coalesce(sum(a.cost_micros), 0), \
             sum(a.status = 'ended' AND a.cost_micros IS NULL), \
             sum(a.status = 'ended' AND a.input_tokens IS NULL), coalesce(sum(a.input_tokens), 0), \
             coalesce(sum(a.cached_tokens), 0), coalesce(sum(a.cache_write_tokens), 0), \
             coalesce(sum(a.output_tokens), 0), sum(a.reasoning_tokens), sum(max(coalesce(a.ended_at, ",
        )
        .push_bound(now.as_millis().into())
        .push(
            ") - a.started_at, 0)), sum(a.tool_calls) \
             FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN assignments s ON s.id = a.assignment_id \
             WHERE a.started_at >= ",
        )
        .push_bound(filter.since.map_or(i64::MIN, Timestamp::as_millis).into());
    if let Some(namespace) = &filter.namespace {
        statement = statement.push(" AND s.namespace = ").push_bound(namespace.as_str().into());
    }
    let statement = statement.push(" GROUP BY 1 ORDER BY ").push(order);
    let rows = statement.fetch(on, "summing up what attempts have used").await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<UsageLine, StoreError> {
    let mut columns = Columns::new(row, "attempts", &SUMS, 0);
    let key = columns.text()?;
    let north_star = columns.text()?;
    let attempts = number(columns.integer()?);
    let cost = MicroUsd::from_micros(columns.integer()?);
    let unknown_cost = number(columns.integer()?);
    let unknown_tokens = number(columns.integer()?);
    let tokens = TokenUsage {
        input: number(columns.integer()?),
        cached: number(columns.integer()?),
        written: number(columns.integer()?),
        output: number(columns.integer()?),
        reasoning: columns.optional_integer()?.map(number),
    };
    let wall = Duration::from_millis(number(columns.integer()?));
    let tool_calls = number(columns.integer()?);
    Ok(UsageLine { key, north_star, attempts, cost, unknown_cost, unknown_tokens, tokens, wall, tool_calls })
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
