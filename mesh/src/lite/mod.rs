//! MLS-Lite: end-to-end encryption for links that carry a few hundred bits a second
//! (`specs/28-mls-lite.md`).
//!
//! A lite session gives what a full one gives once it is there, in 12 bytes a message instead of 40:
//! a key for every message, forgotten after use; messages in any order; no replays. Its keys follow
//! from a full session, a secret agreed on beforehand, or a handshake of two frames.
//!
//! | module | what |
//! |---|---|
//! | `short` | encryption with a tag of 8 bytes that a receipt opens |
//! | [`group`] | channel messages for radio (`specs/29-lite-group.md`) |
//! | `chain` | counters and windows of the two directions |
//! | `seed` | where keys come from |
//! | `session` | sessions, and the index by which tags find them |
//! | `seal`, `open` | sealing and opening in them |
//! | `form` | what the header says |
//! | `text` | what is inside: messages named by reference |
//! | `rows` | sessions on disk |
//! | [`handshake`] | a first message in one frame, keys in two |

mod chain;
mod form;
pub mod group;
pub mod handshake;
mod open;
mod rows;
mod seal;
mod seed;
mod session;
mod short;
mod text;

pub(crate) use form::lite_tag;
pub use form::{is_lite_lock, lite_lifetime, lite_lock, lite_lock_of};
pub(crate) use seal::LiteError;
pub use seal::LiteMark;
pub use seed::{LiteSeed, SHARED_SECRET_LEN_MAX, SHARED_SECRET_LEN_MIN, SharedSecret};
pub(crate) use session::LiteSessions;
pub use session::{LiteId, LitePeer};
pub use short::{SHORT_PREIMAGE_LEN, SHORT_TAG_LEN, ShortKey, ShortPreimage, ShortTag};
pub(crate) use text::{MessageName, name_of};

#[cfg(test)]
pub(crate) use short::used;
