//! Envelopes: what travels end to end (`specs/02-envelope.md`).
//!
//! ```text
//! bytes ──EnvelopeIn::parse→ EnvelopeIn ──admit→ Admitted      may be forwarded and stored
//!                               │ verify_signature              holds: its source key made it (class signed)
//!                               └ session::Sessions::open→ Opened   ours: decrypted, sender known
//! ```
//!
//! All integers are little endian and of fixed width:
//!
//! ```text
//! 0 version=1 | 1 class | 2 hops_left (mutable) | 3 age_ms u32 (mutable)
//! 7 hops_max | 8 flags | 9 lifetime_s u32 | 13 dest 16 | 29 lock 16 | 45 body
//! session body: session_id 8 | counter u32 | boot_salt 8 | ciphertext ‖ tag 16
//! signed body:  source_key 32 | seq u64 | content_kind u8 | content | signature 64
//!               content_kind 0: session body, 1: payload for everyone, 2: sealed body
//! sealed body:  label 16 | admission | suite u8 | prekey_id u32 | KEM ciphertext | ciphertext ‖ tag 16
//!               admission: 0, or 1 ‖ token 16, or 2 ‖ nonce u64
//! lite body:    session tag 3 | ciphertext; its tag is the lock's first half, the other is zero
//! ```
//!
//! A session envelope carries no signature: whoever holds the session could have made it, so nobody
//! can prove to a third party who did. Relays admit it by the neighbour that hands it over.

mod admission;
mod admitted;
mod body;
mod header;
mod ids;
mod parse;

#[cfg(test)]
mod tests;

pub use admission::{
    Admission, DIRECT_WORK_BITS_MAX, Search, WORK_BITS_MAX, pass, pass_tag, puzzle,
};
pub use admitted::Admitted;
pub use body::{Body, Content, KemCiphertext, LiteBody, SealedBody, SessionBody, SessionTag};
pub use header::{Class, HEADER_LEN, Header, Priority};
pub use ids::{EnvelopeId, MessageId, ParseIdError};
pub use parse::EnvelopeIn;
pub(crate) use parse::digest_of_unsigned;

/// The name the project is known by: an envelope that may be forwarded.
pub type MeshEnvelope = Admitted;
