//! What an aggregate decides: scenarios of a few lines each, and random sequences that must keep the invariants.

mod beginning;
mod branch;
mod cancelling;
mod chat;
mod closing;
mod invariants;
mod pausing;
mod pm;
mod random;
mod repair;
mod repeating;
mod retries;
mod undirected;
mod world;
