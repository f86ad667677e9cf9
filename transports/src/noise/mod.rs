//! The Noise protocol of our links: `Noise_hybridXX_25519+MLKEM768_ChaChaPoly_SHA256`, and with a
//! network key `hybridXXpsk0` (`LNK-20`, `LNK-21`).
//!
//! The state machine is clatter's; every primitive it calls is adapted here from the crates the
//! rest of the workspace already builds, so that no second ML-KEM, no second X25519 and no C
//! implementation comes along. The classic subset of these adapters is checked against published
//! vectors and against an independent Noise implementation.

pub(crate) mod cipher;
mod dh;
mod hash;
mod kem;
mod random;

use clatter::{
    HybridHandshakeCore,
    handshakepattern::{HandshakePattern, noise_hybrid_xx},
};

pub use cipher::ChaChaPoly;
pub use dh::X25519;
pub use hash::Sha256;
pub use kem::MlKem768;
pub use random::SystemRandom;

/// The handshake state machine of a link, over the random source `R`.
pub type Hybrid<R> = HybridHandshakeCore<X25519, MlKem768, MlKem768, ChaChaPoly, Sha256, R>;

/// The pattern without a network key (`LNK-20`).
///
/// ```text
/// -> e
/// <- ekem, e, ee, s, es
/// -> skem, s, se
/// <- skem
/// ```
pub fn pattern_open() -> HandshakePattern {
    noise_hybrid_xx()
}

/// The pattern with a network key, mixed in before anything else (`LNK-21`): whoever does not
/// hold it cannot form a first message that is answered.
///
/// ```text
/// -> psk, e
/// <- ekem, e, ee, s, es
/// -> skem, s, se
/// <- skem
/// ```
pub fn pattern_closed() -> HandshakePattern {
    noise_hybrid_xx().add_psks(&[0], "hybridXXpsk0")
}

/// Bytes of an X25519 public key.
pub const DH_LEN: usize = 32;
/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203, table 3).
pub const KEM_PUBLIC_LEN: usize = 1_184;
/// Bytes of an ML-KEM-768 ciphertext (FIPS 203, table 3).
pub const KEM_CIPHERTEXT_LEN: usize = 1_088;
/// Bytes of an AEAD tag.
pub const TAG_LEN: usize = 16;
