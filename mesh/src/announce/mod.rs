//! Announces: how nodes make themselves known.

mod object;

pub use object::*;
