//! Types, every transition, policy and ports. No I/O, no clock, no async runtime, no wire format.

pub mod access;
pub mod agent_event;
pub mod harness;
pub mod id;
pub mod invocation;
pub mod outcome;
pub mod timestamp;
pub mod usage;
