//! Showing things to people and to programs: streams, tables, colours, JSON.

mod console;
pub mod json;
pub mod table;
pub mod text;

pub use console::{Console, Paint, Painted};
