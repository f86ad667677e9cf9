//! The cryptography of the core: thin, typed layers over published implementations.
//!
//! | module | what | rule |
//! |---|---|---|
//! | [`hash`] | SHA-256 with domain separation and injective framing | `WIRE-12` |
//! | [`sign`] | Ed25519 by the ZIP-215 criteria, one by one and in batches | `ID-04` |
//! | [`kem`] | X-Wing (X25519 + ML-KEM-768), and X25519 alone | `SES-01` |
//! | [`kdf`] | HKDF-SHA256 | `SES-05` |
//! | [`aead`] | ChaCha20-Poly1305 in place | `SES-06` |
//! | [`rng`] | the node's ChaCha20 random numbers, seeded by the driver | `ID-08` |
//! | [`uptime`] | time a node has been running, added up over restarts | `ID-12` |
//!
//! Keys are wiped when they are dropped and never printed. An Ed25519 key is never converted into
//! an X25519 key: each purpose has its own (`ID-05`).

pub mod aead;
pub mod hash;
pub mod kdf;
pub mod kem;
pub mod rng;
pub mod sign;
pub mod uptime;

#[cfg(test)]
mod tests;

/// Whether cryptography is real.
///
/// `Mode::Transparent` exists only under the feature `simulation`. Everything keeps its size and
/// its verdict on honest and on damaged bytes, so that ten thousand simulated nodes exercise the
/// same code paths; it protects nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The algorithms named above.
    #[default]
    Real,
    /// Hashes in place of signatures, key exchange and encryption.
    #[cfg(feature = "simulation")]
    Transparent,
}
