//! Behaviour of sessions between two simulated ends.

mod ends;

mod crash;
mod first_contact;
mod messages;
