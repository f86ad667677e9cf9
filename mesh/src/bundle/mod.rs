//! Bundles: the keys with which a stranger can write to a node that is not there
//! (`specs/01-identity.md`, `ID-09` to `ID-14`).
//!
//! A [`Bundle`] is public, signed by the node key and served by any node that has it; the announce
//! names its newest version. [`PreKeys`] holds the private halves of our own: a new pair of
//! pre-keys a day, each kept as long as an envelope made with it may still be under way. Pre-keys
//! are spread to everyone, so they are never used only once; what that costs in replay protection,
//! the session module's cache of opened first contacts pays.

mod object;
mod prekeys;

#[cfg(test)]
mod tests;

pub use object::{Bundle, MailboxHint, PreKeyPublic};
pub use prekeys::{PreKeyPrivate, PreKeys};
