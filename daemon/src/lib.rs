//! x
#![forbid(unsafe_code)]
pub mod config;
pub mod identity;
pub mod lock;
pub mod paths;
pub mod store;
