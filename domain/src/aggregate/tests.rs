//! What an aggregate decides: scenarios of a few lines each, and random sequences that must keep the invariants.

mod beginning;
mod chat;
mod closing;
mod invariants;
mod pm;
mod random;
mod repair;
mod retries;
mod undirected;
mod world;
