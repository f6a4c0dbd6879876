//! What is reserved for attempts, as the columns of their table.

use agents_domain::amounts::Amounts;
use agents_domain::limits::Measure;
use agents_domain::store::StoreError;

use super::columns::Columns;
use super::statement::Value;

/// The columns and their measures. A job that has begun is told by the attempt's number.
const COLUMNS: [Measure; 4] = [Measure::Cost, Measure::Tokens, Measure::Wall, Measure::ToolCalls];

/// The most that is written: a thousand of it can be summed up by a database without passing what it can hold.
const MOST: u64 = 1 << 53;

/// Reads what is reserved from the next columns.
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Amounts, StoreError> {
    let mut reserved = Amounts::NONE;
    for measure in COLUMNS {
        reserved = reserved.with(measure, u64::try_from(columns.integer()?).unwrap_or(0));
    }
    Ok(reserved)
}

/// The values of the columns.
pub(super) fn values(reserved: &Amounts) -> impl Iterator<Item = Value> {
    COLUMNS.map(|measure| i64::try_from(reserved.of(measure).min(MOST)).unwrap_or(0).into()).into_iter()
}
