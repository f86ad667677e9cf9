//! Two neighbours find out what one has and the other lacks (`specs/08-reconcile.md`).
//!
//! A [`Reconciler`] manages the runs of one [`Scope`] on all links. Its owner says which sets a
//! neighbour may reconcile and what is in them; when a run ends, each side is told which of *its*
//! items the neighbour lacks ([`RunEvent::Missing`]) and sends them by its own means. Nobody learns
//! the ids of items it does not have: they are blinded per run.
//!
//! ```text
//!  opener                                answerer
//!    ── Open (how many, digest of all) ─→   equal: over in one exchange
//!    ←─ Lead 0 ─────────────────────────    differs: the answerer leads
//!    ── Reply 0 ────────────────────────→   … until it knows both differences
//!    ←─ Want n, last ───────────────────    "these you have and I lack"
//!    ── Closed ─────────────────────────→
//! ```

mod answered;
pub(crate) mod budget;
mod message;
mod opened;
mod reconciler;
mod set;
#[cfg(test)]
mod tests;

pub use message::Scope;
pub use reconciler::{End, Reconciler, RunEvent};

/// Names a set within a scope. Whoever does not share the set must not be able to guess it, or be
/// allowed to know of it (`REC-08`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(pub [u8; 16]);

/// One member of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Groups items that tend to differ together, coarse time for instance; both sides must
    /// compute it alike. 0 when there is no such thing.
    pub bucket: u64,
    /// The item's id: a digest.
    pub id: [u8; 32],
}
