//! The node's keys on disk: made once, never lost silently, never in anybody's backup unencrypted.
//!
//! - [`mod@file`]: the identity file, mode 0600, replaced only as a whole.
//! - [`iroh_key`]: the QUIC endpoint's key, likewise.
//! - [`backup`]: export and import under a passphrase.

pub mod backup;
pub mod file;
pub mod iroh_key;
