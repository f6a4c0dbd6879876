//! What a store promises, written against the port, and tried on every engine that there is.

/// Makes a test of each case for each engine. In one thread, so that what a case sends with `join!` waits for the
/// writer together and becomes one transaction; the engine has threads of its own.
macro_rules! on_every_engine {
    ($($case:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Env::on_sqlite().await).await;
                }
            )*
        }
    };
}

mod budget_races;
mod budgets;
mod claims;
mod commands;
mod cooldowns;
mod damage;
mod definitions;
mod env;
mod faults;
mod find;
mod happenings;
mod imports;
mod leases;
mod lists;
mod lying_workers;
mod notices;
mod old_steps;
mod round_trip;
mod runs;
mod schedules;
mod sqlite;
mod stored_workflows;
mod subscriptions;
mod upkeep;
mod webhooks;
mod wishes;
