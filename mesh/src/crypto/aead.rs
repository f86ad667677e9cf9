//! ChaCha20-Poly1305, in place (`SES-06`).

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
#[cfg(feature = "simulation")]
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::Mode;
#[cfg(feature = "simulation")]
use super::hash::{Domain, digest16};
use crate::error::PeerMisbehaved;

/// Length of an authentication tag in bytes.
pub const TAG_LEN: usize = 16;

/// A key with the one nonce it is used with. Never used twice: whoever derives it makes sure.
#[derive(ZeroizeOnDrop)]
pub struct OneTimeKey {
    /// The key.
    pub key: [u8; 32],
    /// The nonce.
    pub nonce: [u8; 12],
}

impl OneTimeKey {
    /// Encrypts `text` in place and returns its tag.
    pub fn seal(&self, mode: Mode, associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        #[cfg(test)]
        used::note(self);
        match mode {
            Mode::Real => ChaCha20Poly1305::new(&self.key.into())
                .encrypt_inout_detached(&self.nonce.into(), associated, text.into())
                .expect("an envelope is far below ChaCha20's 256 GiB")
                .into(),
            #[cfg(feature = "simulation")]
            Mode::Transparent => self.transparent_tag(associated, text),
        }
    }

    /// Checks the tag and decrypts `text` in place. On failure `text` must not be used.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`].
    pub fn open(
        &self,
        mode: Mode,
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), PeerMisbehaved> {
        match mode {
            Mode::Real => ChaCha20Poly1305::new(&self.key.into())
                .decrypt_inout_detached(&self.nonce.into(), associated, text.into(), &(*tag).into())
                .map_err(|_| PeerMisbehaved::BadTag),
            #[cfg(feature = "simulation")]
            Mode::Transparent => {
                let holds = self.transparent_tag(associated, text).ct_eq(tag);
                if bool::from(holds) { Ok(()) } else { Err(PeerMisbehaved::BadTag) }
            }
        }
    }

    #[cfg(feature = "simulation")]
    fn transparent_tag(&self, associated: &[u8], text: &[u8]) -> [u8; TAG_LEN] {
        digest16(Domain::TransparentAead, &[&self.key, &self.nonce, associated, text])
    }
}

impl core::fmt::Debug for OneTimeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OneTimeKey")
    }
}

/// Every key and nonce that sealed something in a thread that watches, so that a test sees a second
/// use.
#[cfg(test)]
pub(crate) mod used {
    use core::cell::RefCell;
    use std::{collections::BTreeSet, thread_local};

    type Pairs = BTreeSet<([u8; 32], [u8; 12])>;

    thread_local! {
        static USED: RefCell<Option<Pairs>> = const { RefCell::new(None) };
    }

    /// Watches this thread from now on, beginning with none.
    pub(crate) fn watch() {
        USED.set(Some(Pairs::new()));
    }

    /// Panics when the pair was used before.
    pub(super) fn note(key: &super::OneTimeKey) {
        let new = USED.with_borrow_mut(|used| {
            used.as_mut().is_none_or(|used| used.insert((key.key, key.nonce)))
        });
        assert!(new, "a (key, nonce) pair sealed twice");
    }

    /// How many pairs were used.
    pub(crate) fn count() -> usize {
        USED.with_borrow(|used| used.as_ref().map_or(0, Pairs::len))
    }
}
