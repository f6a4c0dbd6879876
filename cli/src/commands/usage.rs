//! `agents usage`: what agents have used, summed up.

use agents_domain::store::{Store, UsageBy, UsageFilter, UsageLine};
use agents_domain::timestamp::Timestamp;
use agents_domain::usage::{MicroUsd, TokenUsage};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output::json::UsageView;
use crate::output::table::Table;
use crate::output::{self, budget, time};

/// Show what agents have used: money, tokens, time, tool calls
///
/// A sum that leaves attempts out whose cost nobody knows says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  agents usage
  agents usage --by job-type --since 7d
  agents usage --by day --since 2026-11-01 --all-namespaces
  agents usage --by assignment --json | jq '.usage[] | {key, costUsd}'")]
pub struct Usage {
    /// One line for each: assignment, job-type, harness, model or day (UTC)
    #[arg(long, value_name = "WHAT", value_parser = by_parser())]
    by: Option<UsageBy>,
    /// Only attempts that began since then: 12h, 7d, 8w, or a day like 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Those of every repository
    #[arg(long, conflicts_with = "namespace")]
    all_namespaces: bool,
}

/// A moment, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Ago(std::time::Duration),
    At(Timestamp),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineView<'a> {
    /// What it is the sum of; of a model that no CLI has told, null.
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    north_star: Option<&'a str>,
    attempts: u64,
    /// As far as it is known.
    cost_usd: f64,
    unknown_cost_attempts: u64,
    usage: UsageView,
    unknown_usage_attempts: u64,
    time_ms: u64,
    tool_calls: u64,
}

impl<'a> LineView<'a> {
    fn of(line: &'a UsageLine, by: Option<UsageBy>) -> Self {
        Self {
            key: Some(line.key.as_str()).filter(|key| !key.is_empty()),
            north_star: (by == Some(UsageBy::Assignment)).then_some(&line.north_star),
            attempts: line.attempts,
            cost_usd: line.cost.as_dollars(),
            unknown_cost_attempts: line.unknown_cost,
            usage: (&line.tokens).into(),
            unknown_usage_attempts: line.unknown_tokens,
            time_ms: u64::try_from(line.wall.as_millis()).unwrap_or(u64::MAX),
            tool_calls: line.tool_calls,
        }
    }
}

fn by_parser() -> impl TypedValueParser<Value = UsageBy> {
    PossibleValuesParser::new(UsageBy::ALL.map(UsageBy::as_str))
        .try_map(|name| UsageBy::from_name(&name).ok_or("no such sum"))
}

impl Since {
    /// The moment that is meant.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Since::At(at) => at,
            Since::Ago(span) => {
                let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_sub(millis))
            }
        }
    }
}

/// A time before now, or a day.
pub fn since(text: &str) -> Result<Since, String> {
    let wrong = || format!("`{text}` is neither a time like 12h, 7d, 8w nor a day like 2026-11-01");
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let at = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        return Ok(Since::At(Timestamp::from_millis(at.timestamp().as_millisecond())));
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let hours: u64 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(hours * 3600));
    seconds.map(|seconds| Since::Ago(std::time::Duration::from_secs(seconds))).ok_or_else(wrong)
}

impl Usage {
    /// Shows it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let here = app.here()?;
        let namespace = here.listed_namespace(self.all_namespaces)?;
        let store = app.store(&here).await?;
        let since = self.since.map(|since| since.before(app.now()));
        let filter = UsageFilter { namespace, since, by: self.by };
        let lines = store.usage(&filter).await?;
        let total = store.usage(&UsageFilter { by: None, ..filter }).await?.pop().unwrap_or_default();
        let json = || {
            let views: Vec<_> = lines.iter().map(|line| LineView::of(line, self.by)).collect();
            let lines = if self.by.is_some() { views } else { Vec::new() };
            serde_json::json!({
                "by": self.by.map(UsageBy::as_str),
                "since": since.map(|at| at.to_string()),
                "total": LineView::of(&total, None),
                "usage": lines,
            })
        };
        app.printer.answer(json, || human(&lines, &total, self.by))
    }
}

fn human(lines: &[UsageLine], total: &UsageLine, by: Option<UsageBy>) -> String {
    if total.attempts == 0 {
        return "nothing was used\n".to_owned();
    }
    let name = by.map_or("", UsageBy::title);
    let columns = [name, "ATTEMPTS", "COST", "TOKENS", "TIME", "TOOLS", "NORTH STAR"];
    // Only an assignment has one.
    let shows_star = by == Some(UsageBy::Assignment);
    let mut table = Table::new(&columns[..columns.len() - usize::from(!shows_star)]);
    let by_key = lines.iter().filter(|_| by.is_some()).map(|line| (shown(line, by), line));
    for (key, line) in by_key.chain(std::iter::once(("all".to_owned(), total))) {
        let star = if key == "all" { "" } else { &line.north_star };
        let mut row = vec![
            key.into(),
            line.attempts.to_string().into(),
            cost(line.cost, line.unknown_cost).into(),
            tokens(&line.tokens, line.unknown_tokens).into(),
            time::precise(line.wall).into(),
            line.tool_calls.to_string().into(),
        ];
        row.extend(shows_star.then(|| star.into()));
        table.row(row);
    }
    table.render(output::width(), "")
}

fn shown(line: &UsageLine, by: Option<UsageBy>) -> String {
    match by {
        Some(UsageBy::Assignment) => {
            line.key.rsplit('-').next().map_or(String::new(), |end| {
                end.chars().skip(end.chars().count().saturating_sub(8)).collect()
            })
        }
        Some(UsageBy::Model) if line.key.is_empty() => "(not told)".to_owned(),
        Some(UsageBy::Model | UsageBy::JobType | UsageBy::Harness | UsageBy::Day) | None => line.key.clone(),
    }
}

fn cost(cost: MicroUsd, unknown: u64) -> String {
    budget::known_cost(cost, unknown).unwrap_or_else(|| time::money(cost))
}

fn tokens(tokens: &TokenUsage, unknown: u64) -> String {
    let known = time::tokens(tokens);
    match unknown {
        0 => known,
        1 => format!("≥ {known}, 1 attempt unknown"),
        unknown => format!("≥ {known}, {unknown} attempts unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_span_of_time_or_a_day() {
        let hours = |hours: u64| Ok(Since::Ago(std::time::Duration::from_secs(hours * 3600)));
        assert_eq!(since("12h"), hours(12));
        assert_eq!(since("7d"), hours(168));
        assert_eq!(since("8w"), hours(8 * 168));
        assert_eq!(since("1970-01-02"), Ok(Since::At(Timestamp::from_seconds(86_400))));
        for wrong in ["", "7", "d", "-7d", "7 d", "2026-13-01", "yesterday", "99999999999999999999d", "7é"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
