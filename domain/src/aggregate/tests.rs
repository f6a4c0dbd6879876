//! What an aggregate decides: scenarios of a few lines each, and random sequences that must keep the invariants.

mod beginning;
mod branch;
mod budget;
mod budget_property;
mod cancelling;
mod chat;
mod checks;
mod closing;
mod criteria;
mod gate;
mod gate_random;
mod invariants;
mod measured;
mod pausing;
mod pm;
mod progress;
mod random;
mod repair;
mod repeating;
mod retries;
mod reviewer;
mod runs;
mod undirected;
mod world;
