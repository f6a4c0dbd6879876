//! The table of harnesses that cool down, one row each. Rows that no longer hold are taken away by the next write.

use agents_domain::cooldown::Cooldown;
use agents_domain::outcome::OutcomeClass;
use agents_domain::retry::LONGEST_PARK;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use sqlx::any::AnyRow;

use super::columns::Columns;
use super::connection::Connection;
use super::statement::Statement;

const COLUMNS: [&str; 6] = ["harness", "until", "since", "outcome", "reason", "attempt_id"];

/// Those that hold at that moment, by the names of their harnesses.
pub(super) async fn load(on: &mut Connection, now: Timestamp) -> Result<Vec<Cooldown>, StoreError> {
    let select = "SELECT harness, until, since, outcome, reason, attempt_id FROM cooldowns ORDER BY harness";
    let rows = Statement::new(select).fetch(on, "reading cool-downs").await?;
    let mut holding = Vec::with_capacity(rows.len());
    for row in &rows {
        let cooldown = read(row)?;
        if cooldown.holds(now) {
            holding.push(cooldown);
        }
    }
    Ok(holding)
}

/// Writes cool-downs that begin now, at most one of each harness. One that ends later than a stored one replaces it.
pub(super) async fn put(
    on: &mut Connection,
    cooldowns: &[&Cooldown],
    now: Timestamp,
) -> Result<(), StoreError> {
    Statement::new("DELETE FROM cooldowns WHERE until <= $1 OR until > $2")
        .bind(now.as_millis())
        .bind(now.after(LONGEST_PARK).as_millis())
        .execute(on, "taking old cool-downs away")
        .await?;
    let rows = cooldowns.iter().map(|cooldown| {
        vec![
            cooldown.harness.as_str().into(),
            cooldown.until.as_millis().into(),
            cooldown.since.as_millis().into(),
            cooldown.class.as_str().into(),
            cooldown.reason.as_str().into(),
            cooldown.attempt.to_string().into(),
        ]
    });
    Statement::new("INSERT INTO cooldowns (harness, until, since, outcome, reason, attempt_id) ")
        .push_rows(rows.collect())
        .push(
            " ON CONFLICT (harness) DO UPDATE SET until = excluded.until, since = excluded.since, \
             outcome = excluded.outcome, reason = excluded.reason, attempt_id = excluded.attempt_id \
             WHERE excluded.until > cooldowns.until",
        )
        .execute(on, "writing cool-downs")
        .await?;
    Ok(())
}

/// Ends the cool-down of a harness; the one that there was.
pub(super) async fn delete(on: &mut Connection, harness: &str) -> Result<Option<Cooldown>, StoreError> {
    let delete = "DELETE FROM cooldowns WHERE harness = $1 \
         RETURNING harness, until, since, outcome, reason, attempt_id";
    let rows = Statement::new(delete).bind(harness).fetch(on, "lifting a cool-down").await?;
    rows.first().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<Cooldown, StoreError> {
    let mut columns = Columns::new(row, "cooldowns", &COLUMNS, 0);
    Ok(Cooldown {
        harness: columns.text()?,
        until: columns.time()?,
        since: columns.time()?,
        class: columns.parsed(OutcomeClass::from_name)?,
        reason: columns.text()?,
        attempt: columns.parsed(|text| text.parse().ok())?,
    })
}
