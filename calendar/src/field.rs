//! The five fields of a cron pattern: what each is called and which values and names it knows.

use std::fmt;

/// One of the five fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 0 to 7, or SUN to SAT; 0 and 7 are Sunday.
    DayOfWeek,
}

impl Field {
    /// All five, in the order in which they are written.
    pub const ALL: [Field; 5] =
        [Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::DayOfWeek];

    /// Which one it is, counted from 1.
    pub fn number(self) -> usize {
        match self {
            Field::Minute => 1,
            Field::Hour => 2,
            Field::DayOfMonth => 3,
            Field::Month => 4,
            Field::DayOfWeek => 5,
        }
    }

    /// The least value.
    pub fn min(self) -> u8 {
        match self {
            Field::Minute | Field::Hour | Field::DayOfWeek => 0,
            Field::DayOfMonth | Field::Month => 1,
        }
    }

    /// The greatest value, without the 7 that is Sunday again.
    pub fn max(self) -> u8 {
        match self {
            Field::Minute => 59,
            Field::Hour => 23,
            Field::DayOfMonth => 31,
            Field::Month => 12,
            Field::DayOfWeek => 6,
        }
    }

    /// The greatest value that may be written.
    pub(crate) fn greatest_written(self) -> u8 {
        match self {
            Field::DayOfWeek => 7,
            Field::Minute | Field::Hour | Field::DayOfMonth | Field::Month => self.max(),
        }
    }

    /// The names that may stand for its values, the first for the least value.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Field::Month => {
                &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
            }
            Field::DayOfWeek => &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
            Field::Minute | Field::Hour | Field::DayOfMonth => &[],
        }
    }

    /// What may be written, for an error.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Field::Minute => "minutes are 0 to 59",
            Field::Hour => "hours are 0 to 23",
            Field::DayOfMonth => "days of the month are 1 to 31, `L` (the last), `LW` and `15W`",
            Field::Month => "months are 1 to 12 or JAN to DEC",
            Field::DayOfWeek => {
                "days of the week are 0 to 7 (0 and 7 are Sunday) or SUN to SAT, `TUE#2` and `FRIL` (the last)"
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day of month",
            Field::Month => "month",
            Field::DayOfWeek => "day of week",
        })
    }
}
