//! Behaviour of sessions between two simulated ends.

mod bounds;
mod crash;
mod ends;
mod first_contact;
mod forgeries;
mod lite;
mod messages;
pub(crate) mod mutants;
mod rows;
mod schedule;
mod tree;
mod vectors;
