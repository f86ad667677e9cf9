//! Key encapsulation: X-Wing (X25519 + ML-KEM-768), and X25519 alone for links that cannot carry
//! 1,120 bytes (`SES-01`).
//!
//! A shared X25519 value of zero (a non-contributory exchange) is refused in both.

use alloc::boxed::Box;
use core::fmt;

use x_wing::{
    DecapsulationKeyRejectNonContrib, Decapsulator, EncapsulationKey, KeyExport, TryDecapsulate,
    TryKeyInit,
};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

#[cfg(feature = "simulation")]
use super::hash::{Domain, digest32};
use super::{Mode, kdf::Secret, rng::NodeRng};
use crate::error::PeerMisbehaved;

/// Length of an X-Wing public key.
pub const XWING_PUBLIC_LEN: usize = x_wing::ENCAPSULATION_KEY_SIZE;

/// Length of an X-Wing ciphertext.
pub const XWING_CIPHERTEXT_LEN: usize = x_wing::CIPHERTEXT_SIZE;

/// Length of an X25519 public key, which is also its ciphertext.
pub const X25519_LEN: usize = 32;

/// A private X-Wing key: the 32-byte seed from which the rest is expanded. Wiped when dropped.
#[derive(Clone)]
pub struct XWingKey {
    seed: Secret,
    // Expanded once: it costs as much as a third of a decapsulation. Boxed: 9 kB.
    expanded: Expanded,
}

#[derive(Clone)]
enum Expanded {
    Real(Box<DecapsulationKeyRejectNonContrib>),
    #[cfg(feature = "simulation")]
    Transparent,
}

impl XWingKey {
    /// The key of this seed.
    pub fn from_seed(mode: Mode, seed: [u8; 32]) -> Self {
        let expanded = match mode {
            Mode::Real => Expanded::Real(Box::new(DecapsulationKeyRejectNonContrib::from(seed))),
            #[cfg(feature = "simulation")]
            Mode::Transparent => Expanded::Transparent,
        };
        Self { seed: Zeroizing::new(seed), expanded }
    }

    /// The seed, for storage.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public key.
    pub fn public(&self) -> Box<[u8; XWING_PUBLIC_LEN]> {
        match &self.expanded {
            Expanded::Real(key) => Box::new(key.encapsulation_key().to_bytes().0),
            #[cfg(feature = "simulation")]
            Expanded::Transparent => {
                let mut public = Box::new([0; XWING_PUBLIC_LEN]);
                public[..32].copy_from_slice(&digest32(Domain::TransparentKem, &[&*self.seed]));
                public
            }
        }
    }

    /// The secret inside a ciphertext. A ciphertext made for another key gives another secret, not
    /// an error; the encryption under it then fails.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] when the X25519 part is non-contributory.
    pub fn decapsulate(
        &self,
        ciphertext: &[u8; XWING_CIPHERTEXT_LEN],
    ) -> Result<Secret, PeerMisbehaved> {
        match &self.expanded {
            Expanded::Real(key) => key
                .try_decapsulate(&(*ciphertext).into())
                .map(|secret| Zeroizing::new(secret.0))
                .map_err(|_| PeerMisbehaved::WeakKey),
            #[cfg(feature = "simulation")]
            Expanded::Transparent => Ok(transparent(&*self.public(), ciphertext)),
        }
    }
}

impl fmt::Debug for XWingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XWingKey")
    }
}

/// Encapsulates a fresh secret to an X-Wing public key.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] when the public key's ML-KEM part is not reduced or its X25519 part
/// is of small order.
pub fn encapsulate_xwing(
    mode: Mode,
    public: &[u8; XWING_PUBLIC_LEN],
    rng: &mut NodeRng,
) -> Result<Encapsulated, PeerMisbehaved> {
    match mode {
        Mode::Real => encapsulate_xwing_from(public, &Zeroizing::new(rng.array())),
        #[cfg(feature = "simulation")]
        Mode::Transparent => {
            let mut ciphertext = Box::new([0; XWING_CIPHERTEXT_LEN]);
            rng.fill(&mut ciphertext[..32]);
            let secret = transparent(public, &*ciphertext);
            Ok((ciphertext, secret))
        }
    }
}

type Encapsulated = (Box<[u8; XWING_CIPHERTEXT_LEN]>, Secret);

pub(super) fn encapsulate_xwing_from(
    public: &[u8; XWING_PUBLIC_LEN],
    random: &[u8; x_wing::ENCAPSULATION_RANDOMNESS_SIZE],
) -> Result<Encapsulated, PeerMisbehaved> {
    // X-Wing's own encapsulation does not look at the X25519 result, ours must (`SES-02`).
    let x25519_part =
        public.last_chunk::<X25519_LEN>().expect("the key is longer than its last part");
    if !is_contributory(x25519_part) {
        return Err(PeerMisbehaved::WeakKey);
    }
    let key = EncapsulationKey::new(&(*public).into()).map_err(|_| PeerMisbehaved::WeakKey)?;
    let (ciphertext, secret) = key.encapsulate_deterministic(&(*random).into());
    Ok((Box::new(ciphertext.0), Zeroizing::new(secret.0)))
}

/// A private X25519 key. Wiped when dropped.
#[derive(Clone)]
pub struct X25519Key(StaticSecret);

impl X25519Key {
    /// The key of these bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(StaticSecret::from(seed))
    }

    /// The bytes, for storage.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public key.
    pub fn public(&self) -> [u8; X25519_LEN] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The secret shared with a public key (RFC 7748).
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] when it is zero whatever our key (`SES-02`).
    pub fn agree(&self, public: &[u8; X25519_LEN]) -> Result<Secret, PeerMisbehaved> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*public));
        if shared.was_contributory() {
            Ok(Zeroizing::new(*shared.as_bytes()))
        } else {
            Err(PeerMisbehaved::WeakKey)
        }
    }
}

impl fmt::Debug for X25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519Key")
    }
}

/// Encapsulates to an X25519 public key: an ephemeral key and the shared secret.
///
/// The secret is the raw RFC 7748 value; the session's key schedule hashes it together with both
/// public keys.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for a public key of small order.
pub fn encapsulate_x25519(
    public: &[u8; X25519_LEN],
    rng: &mut NodeRng,
) -> Result<([u8; X25519_LEN], Secret), PeerMisbehaved> {
    let ephemeral = X25519Key::from_seed(rng.array());
    let secret = ephemeral.agree(public)?;
    Ok((ephemeral.public(), secret))
}

fn is_contributory(public: &[u8; X25519_LEN]) -> bool {
    // The product with a clamped scalar is zero exactly for the points of small order, whatever
    // the scalar.
    X25519Key::from_seed([0; 32]).agree(public).is_ok()
}

#[cfg(feature = "simulation")]
fn transparent(public: &[u8], ciphertext: &[u8]) -> Secret {
    Zeroizing::new(digest32(Domain::TransparentKem, &[public, ciphertext]))
}
