//! Types, every transition, policy and ports. No I/O, no clock, no async runtime, no wire format.

pub mod access;
pub mod actor;
pub mod agent_event;
pub mod aggregate;
pub mod assignment;
pub mod attempt;
pub mod audit;
pub mod cooldown;
pub mod decision;
pub mod director;
pub mod fallback;
pub mod harness;
pub mod history;
pub mod id;
pub mod invocation;
pub mod job;
mod job_list;
pub mod job_type;
pub mod namespace;
pub mod outcome;
pub mod retention;
pub mod retry;
pub mod session;
pub mod store;
pub mod timestamp;
pub mod upkeep;
pub mod usage;
