//! The tables of what namespaces have spent on each day, and of what their jobs typically cost.

use std::collections::{BTreeMap, BTreeSet};

use agents_domain::amounts::Amounts;
use agents_domain::limits::{Limits, Measure};
use agents_domain::namespace::Namespace;
use agents_domain::spending::{Day, Spending, Spent};
use agents_domain::store::{DayLine, StoreError};
use agents_domain::timestamp::Timestamp;
use agents_domain::typical::{Told, Typical};
use agents_domain::usage::MicroUsd;
use sqlx::any::AnyRow;

use super::budget_json;
use super::columns::Columns;
use super::connection::Connection;
use super::reservation;
use super::statement::{Statement, Value};

const DAY: [&str; 12] = [
    "namespace",
    "cost_micros",
    "presumed_micros",
    "tokens",
    "wall_ms",
    "tool_calls",
    "jobs",
    "unknown",
    "presumed_tokens",
    "unknown_tokens",
    "day_limit",
    "waits_until",
];

const TYPICAL: [&str; 12] = [
    "namespace",
    "job_type",
    "harness",
    "attempts",
    "cost_micros",
    "unknown",
    "token_attempts",
    "tokens",
    "unknown_tokens",
    "measured",
    "wall_ms",
    "tool_calls",
];

const SELECT_DAY: &str = "SELECT namespace, cost_micros, presumed_micros, tokens, wall_ms, tool_calls, jobs, unknown, \
     presumed_tokens, unknown_tokens, day_limit, waits_until FROM spending WHERE day = ";

fn read_day(row: &AnyRow) -> Result<DayLine, StoreError> {
    let mut columns = Columns::new(row, "spending", &DAY, 0);
    let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
    let spent = Spent {
        cost: MicroUsd::from_micros(columns.integer()?),
        presumed: MicroUsd::from_micros(columns.integer()?),
        tokens: number(columns.integer()?),
        wall: std::time::Duration::from_millis(number(columns.integer()?)),
        tool_calls: number(columns.integer()?),
        jobs: number(columns.integer()?),
        unknown: number(columns.integer()?),
        presumed_tokens: number(columns.integer()?),
        unknown_tokens: number(columns.integer()?),
    };
    let limits = columns.optional_parsed(budget_json::read_limits)?.unwrap_or_default();
    Ok(DayLine { namespace, spent, reserved: Amounts::NONE, limits, waits_until: columns.optional_time()? })
}

/// What these namespaces have spent on that day; nothing of those that have spent nothing.
pub(super) async fn load(
    on: &mut Connection,
    (namespaces, day): (&BTreeSet<Namespace>, Day),
) -> Result<BTreeMap<Namespace, DayLine>, StoreError> {
    let rows = Statement::new(SELECT_DAY)
        .push_bound(day.0.into())
        .push(" AND namespace IN ")
        .push_list(namespaces.iter().map(|namespace| Value::from(namespace.as_str())))
        .fetch(on, "reading what a day has cost")
        .await?;
    rows.iter().map(|row| read_day(row).map(|line| (line.namespace.clone(), line))).collect()
}

/// The namespaces whose jobs nobody looks for now, since their day is spent.
pub(super) async fn waiting(on: &mut Connection, now: Timestamp) -> Result<Vec<DayLine>, StoreError> {
    let rows = Statement::new(SELECT_DAY)
        .push_bound(Day::of(now).0.into())
        .push(" AND waits_until > ")
        .push_bound(now.as_millis().into())
        .push(" ORDER BY namespace")
        .fetch(on, "looking for namespaces whose day is spent")
        .await?;
    rows.iter().map(read_day).collect()
}

/// What is reserved for the running attempts of these namespaces, with the jobs that have begun by them.
pub(super) async fn running(
    on: &mut Connection,
    namespaces: &BTreeSet<Namespace>,
) -> Result<BTreeMap<Namespace, Amounts>, StoreError> {
    const FOUND: [&str; 6] = [
        "namespace",
        "reserved_micros",
        "reserved_tokens",
        "reserved_wall_ms",
        "reserved_tool_calls",
        "begun",
    ];
    let rows = Statement::new(
        "SELECT s.namespace, sum(a.reserved_micros), sum(a.reserved_tokens), sum(a.reserved_wall_ms), \
         sum(a.reserved_tool_calls), sum(a.number = 1) \
         FROM attempts a JOIN assignments s ON s.id = a.assignment_id \
         WHERE a.status = 'running' AND s.namespace IN ",
    )
    .push_list(namespaces.iter().map(|namespace| Value::from(namespace.as_str())))
    .push(" GROUP BY s.namespace")
    .fetch(on, "reading what is reserved")
    .await?;
    let read = |row: &AnyRow| {
        let mut columns = Columns::new(row, "attempts", &FOUND, 0);
        let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
        let reserved = reservation::read(&mut columns)?;
        Ok((namespace, reserved.with(Measure::Jobs, number(columns.integer()?))))
    };
    rows.iter().map(read).collect()
}

/// Adds what is reserved to what is spent.
pub(super) async fn add_reserved(on: &mut Connection, days: &mut [DayLine]) -> Result<(), StoreError> {
    if days.is_empty() {
        return Ok(());
    }
    let names = days.iter().map(|line| line.namespace.clone()).collect();
    let running = running(on, &names).await?;
    for line in days {
        line.reserved = running.get(&line.namespace).copied().unwrap_or_default();
    }
    Ok(())
}

/// What jobs typically use in these namespaces.
pub(super) async fn typical(
    on: &mut Connection,
    namespaces: &BTreeSet<Namespace>,
) -> Result<BTreeMap<Namespace, Vec<Typical>>, StoreError> {
    let rows = Statement::new(
        "SELECT namespace, job_type, harness, attempts, cost_micros, unknown, token_attempts, tokens, unknown_tokens, \
         measured, wall_ms, tool_calls FROM typical_costs WHERE namespace IN ",
    )
    .push_list(namespaces.iter().map(|namespace| Value::from(namespace.as_str())))
    .fetch(on, "reading what jobs typically use")
    .await?;
    let mut found: BTreeMap<Namespace, Vec<Typical>> = BTreeMap::new();
    for row in &rows {
        let mut columns = Columns::new(row, "typical_costs", &TYPICAL, 0);
        let namespace = columns.parsed(|text| Namespace::new(text).ok())?;
        found.entry(namespace).or_default().push(Typical {
            job_type: columns.text()?,
            harness: columns.text()?,
            cost: read_told(&mut columns)?,
            tokens: read_told(&mut columns)?,
            ..read_measured(&mut columns)?
        });
    }
    Ok(found)
}

fn read_told(columns: &mut Columns<'_>) -> Result<Told, StoreError> {
    let (attempts, sum) = (number(columns.integer()?), number(columns.integer()?));
    Ok(Told { attempts, sum, unknown: number(columns.integer()?) })
}

/// Time and tool calls are always known, of the attempts that were measured.
fn read_measured(columns: &mut Columns<'_>) -> Result<Typical, StoreError> {
    let attempts = number(columns.integer()?);
    let told = |sum| Told { attempts, sum: number(sum), unknown: 0 };
    let (wall, tool_calls) = (told(columns.integer()?), told(columns.integer()?));
    Ok(Typical { wall, tool_calls, ..Typical::default() })
}

/// Adds what attempts have spent. What was waited for may be there now.
pub(super) async fn add(on: &mut Connection, spendings: &[Spending]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(&Namespace, Day), Spent> = BTreeMap::new();
    let mut examples: BTreeMap<&Namespace, Vec<Typical>> = BTreeMap::new();
    for spending in spendings {
        days.entry((&spending.namespace, spending.day)).or_default().add(&spending.spent);
        if let Some(example) = &spending.example {
            Typical::add(examples.entry(&spending.namespace).or_default(), example);
        }
    }
    let rows = days.iter().map(|((namespace, day), spent)| day_row(namespace, *day, spent)).collect();
    Statement::new(
        "INSERT INTO spending (namespace, day, cost_micros, presumed_micros, tokens, wall_ms, tool_calls, jobs, unknown, \
         presumed_tokens, unknown_tokens) ",
    )
    .push_rows(rows)
    .push(
        " ON CONFLICT (day, namespace) DO UPDATE SET cost_micros = spending.cost_micros + excluded.cost_micros, \
         presumed_micros = spending.presumed_micros + excluded.presumed_micros, \
         tokens = spending.tokens + excluded.tokens, wall_ms = spending.wall_ms + excluded.wall_ms, \
         tool_calls = spending.tool_calls + excluded.tool_calls, jobs = spending.jobs + excluded.jobs, \
         unknown = spending.unknown + excluded.unknown, \
         presumed_tokens = spending.presumed_tokens + excluded.presumed_tokens, \
         unknown_tokens = spending.unknown_tokens + excluded.unknown_tokens, waits_until = NULL",
    )
    .execute(on, "writing what a day has cost")
    .await?;
    if examples.is_empty() {
        return Ok(());
    }
    add_examples(on, &examples).await
}

/// Adds to what jobs typically use.
async fn add_examples(
    on: &mut Connection,
    examples: &BTreeMap<&Namespace, Vec<Typical>>,
) -> Result<(), StoreError> {
    let each = examples.iter().flat_map(|(namespace, all)| all.iter().map(move |one| (namespace, one)));
    let row = |(namespace, one): (&&Namespace, &Typical)| {
        let mut row: Vec<Value> =
            vec![namespace.as_str().into(), one.job_type.as_str().into(), one.harness.as_str().into()];
        let (cost, tokens) = (one.cost, one.tokens);
        let numbers = [
            [cost.attempts, cost.sum, cost.unknown],
            [tokens.attempts, tokens.sum, tokens.unknown],
            [one.wall.attempts, one.wall.sum, one.tool_calls.sum],
        ];
        row.extend(numbers.into_iter().flatten().map(|number| count(number).into()));
        row
    };
    let sums = &TYPICAL[3..];
    let added: Vec<String> =
        sums.iter().map(|name| format!("{name} = typical_costs.{name} + excluded.{name}")).collect();
    Statement::new(format!("INSERT INTO typical_costs ({}) ", TYPICAL.join(", ")))
        .push_rows(each.map(row).collect())
        .push(" ON CONFLICT (namespace, job_type, harness) DO UPDATE SET ")
        .push(&added.join(", "))
        .execute(on, "writing what jobs typically use")
        .await?;
    Ok(())
}

fn day_row(namespace: &Namespace, day: Day, spent: &Spent) -> Vec<Value> {
    vec![
        namespace.as_str().into(),
        day.0.into(),
        spent.cost.as_micros().into(),
        spent.presumed.as_micros().into(),
        count(spent.tokens).into(),
        i64::try_from(spent.wall.as_millis()).unwrap_or(i64::MAX).into(),
        count(spent.tool_calls).into(),
        count(spent.jobs).into(),
        count(spent.unknown).into(),
        count(spent.presumed_tokens).into(),
        count(spent.unknown_tokens).into(),
    ]
}

/// Writes down that nobody looks for jobs of that namespace until then, and by which limit.
pub(super) async fn wait(
    on: &mut Connection,
    (namespace, day): (&Namespace, Day),
    (limits, until): (&Limits, Timestamp),
) -> Result<(), StoreError> {
    let row = vec![
        namespace.as_str().into(),
        day.0.into(),
        budget_json::write_limits(limits).into(),
        until.as_millis().into(),
    ];
    Statement::new("INSERT INTO spending (namespace, day, day_limit, waits_until) ")
        .push_rows(vec![row])
        .push(
            " ON CONFLICT (day, namespace) DO UPDATE SET day_limit = excluded.day_limit, \
             waits_until = excluded.waits_until",
        )
        .execute(on, "writing that a day is spent")
        .await?;
    Ok(())
}

/// The day of that namespace is not waited for any longer.
pub(super) async fn wait_no_longer(
    on: &mut Connection,
    (namespace, day): (&Namespace, Day),
) -> Result<(), StoreError> {
    Statement::new("UPDATE spending SET waits_until = NULL WHERE day = ")
        .push_bound(day.0.into())
        .push(" AND namespace = ")
        .push_bound(namespace.as_str().into())
        .execute(on, "writing that a day is not spent any longer")
        .await?;
    Ok(())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
