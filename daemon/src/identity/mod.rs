//! The node's keys on disk: made once, never lost silently, never in anybody's backup unencrypted.
//!
//! - [`mod@file`]: the identity file, mode 0600, replaced only as a whole.
//! - [`backup`]: export and import under a passphrase.

pub mod backup;
pub mod file;
