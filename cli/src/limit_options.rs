//! The options that limit what an assignment may spend.

use agents_domain::limits::{LimitChange, Measure, OwnLimits, Scope};
use agents_domain::usage::MicroUsd;
use clap::Args;

use crate::job_input::milliseconds;

/// Limits, as options.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitOptions {
    /// The most US dollars that it may cost [default: limits.assignment of the config]
    #[arg(long, value_name = "USD", value_parser = dollars)]
    max_cost: Option<u64>,
    /// The most tokens that it may use
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_tokens: Option<u64>,
    /// The longest time that its attempts may run, all in all: 90s, 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    max_time: Option<u64>,
    /// The most tool calls that its agents may make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_tool_calls: Option<u64>,
    /// Any limit: attempt, job or assignment; cost, tokens, time or tool-calls; `none` takes it away
    #[arg(long, value_name = "SCOPE.WHAT=VALUE", value_parser = change)]
    limit: Vec<LimitChange>,
}

impl LimitOptions {
    /// Those limits with what the options change.
    pub fn over(&self, mut limits: OwnLimits) -> OwnLimits {
        limits.change(&self.changes());
        limits
    }

    /// What they change.
    pub fn changes(&self) -> Vec<LimitChange> {
        let of = |measure, limit: Option<u64>| {
            limit.map(|limit| LimitChange { scope: Scope::Assignment, measure, limit: Some(limit) })
        };
        let named = [
            of(Measure::Cost, self.max_cost),
            of(Measure::Tokens, self.max_tokens),
            of(Measure::Wall, self.max_time),
            of(Measure::ToolCalls, self.max_tool_calls),
        ];
        named.into_iter().flatten().chain(self.limit.iter().copied()).collect()
    }
}

fn dollars(text: &str) -> Result<u64, String> {
    let dollars: Option<f64> = text.strip_prefix('$').unwrap_or(text).parse().ok();
    let micros =
        dollars.and_then(MicroUsd::from_dollars).and_then(|cost| u64::try_from(cost.as_micros()).ok());
    micros.filter(|micros| *micros > 0).ok_or_else(|| format!("`{text}` is no amount of US dollars above 0"))
}

fn change(text: &str) -> Result<LimitChange, String> {
    let (path, value) = text.split_once('=').ok_or("it is written SCOPE.WHAT=VALUE: attempt.cost=2")?;
    let (scope, measure) = path.split_once('.').ok_or("it is written SCOPE.WHAT=VALUE: attempt.cost=2")?;
    let scope = Scope::from_name(scope).filter(|scope| *scope != Scope::Day).ok_or_else(|| {
        format!("`{scope}` is none of attempt, job, assignment (the day's limit is in the config)")
    })?;
    let measure = Measure::from_name(measure)
        .filter(|measure| *measure != Measure::Jobs)
        .ok_or_else(|| format!("`{measure}` is none of cost, tokens, time, tool-calls"))?;
    if value == "none" {
        return Ok(LimitChange { scope, measure, limit: None });
    }
    let limit = match measure {
        Measure::Cost => dollars(value)?,
        Measure::Wall => milliseconds(value)?,
        Measure::Tokens | Measure::ToolCalls | Measure::Jobs => value
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| format!("`{value}` is no whole number above 0"))?,
    };
    Ok(LimitChange { scope, measure, limit: Some(limit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_by_its_scope_and_what_it_limits() {
        let check = |text: &str, scope, measure, limit| {
            assert_eq!(change(text), Ok(LimitChange { scope, measure, limit }), "{text}");
        };
        check("attempt.cost=2", Scope::Attempt, Measure::Cost, Some(2_000_000));
        check("attempt.cost=$0.5", Scope::Attempt, Measure::Cost, Some(500_000));
        check("job.time=90s", Scope::Job, Measure::Wall, Some(90_000));
        check("assignment.tool-calls=3", Scope::Assignment, Measure::ToolCalls, Some(3));
        check("job.tokens=none", Scope::Job, Measure::Tokens, None);
        for wrong in ["2", "cost=2", "day.cost=2", "job.jobs=2", "job.cost=0", "job.cost=-1", "job.tokens=x"]
        {
            assert!(change(wrong).is_err(), "{wrong}");
        }
    }
}
