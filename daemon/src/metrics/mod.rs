//! Metrics for Prometheus (`specs/11-api.md`): no identities, no addresses, fixed label values.
//! Off unless configured.

mod exposition;
mod serve;

pub use exposition::expose;
pub use serve::{serve, write_textfile};
