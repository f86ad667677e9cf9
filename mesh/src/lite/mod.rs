//! MLS-Lite: end-to-end encryption for links that carry a few hundred bits a second
//! (`specs/28-mls-lite.md`).
//!
//! A lite session gives what a full one gives once it is there, in 12 bytes a message instead of 40:
//! a key for every message, forgotten after use; messages in any order; no replays. Its keys follow
//! from a full session, a secret agreed on beforehand, or a handshake of two frames.
//!
//! | module | what |
//! |---|---|
//! | [`short`] | encryption with a tag of 8 bytes that a receipt opens |
//! | [`chain`] | counters and windows of the two directions |
//! | [`session`] | sessions, and the index by which tags find them |
//! | [`text`] | what is inside: messages named by reference |
//! | [`rows`] | sessions on disk |

mod chain;
mod rows;
mod session;
mod short;
mod text;

pub(crate) use session::{LiteError, LiteSessions};
pub use session::{LiteId, LiteMark, LitePeer, LiteSeed, lite_lifetime, lite_lock, lite_lock_of};
pub use short::{SHORT_PREIMAGE_LEN, SHORT_TAG_LEN, ShortKey, ShortPreimage, ShortTag};

#[cfg(test)]
pub(crate) use short::used;
