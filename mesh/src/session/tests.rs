//! Behaviour of sessions between two simulated ends.

mod bounds;
mod crash;
mod ends;
mod first_contact;
mod forgeries;
mod messages;
mod rows;
mod schedule;
mod tree;
mod vectors;
