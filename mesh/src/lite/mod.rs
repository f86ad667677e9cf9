//! MLS-Lite: end-to-end encryption for links that carry a few hundred bits a second
//! (`specs/28-mls-lite.md`).

pub mod group;
pub(crate) mod short;

pub use short::{SHORT_PREIMAGE_LEN, SHORT_TAG_LEN, ShortKey, ShortPreimage, ShortTag};
