//! Everything that follows from a channel's secret (`CH-01`).

use core::fmt;

use zeroize::Zeroizing;

use super::ChannelId;
use crate::{
    crypto::{
        aead::OneTimeKey,
        kdf::{self, Secret},
        rng::NodeRng,
        sign::SigningKey,
    },
    lite::group::GroupKeys,
};

/// Length of a channel's secret and of its access key in bytes.
pub(super) const KEY_LEN: usize = 32;

/// Length of a message's nonce in bytes.
pub(super) const NONCE_LEN: usize = 24;

/// The keys of a channel. All are wiped when dropped.
pub(super) struct ChannelKeys {
    secret: Secret,
    access: SigningKey,
    access_key: [u8; KEY_LEN],
    id: ChannelId,
    content: Secret,
    presence: Secret,
    group: GroupKeys,
}

impl ChannelKeys {
    /// A new channel.
    pub(super) fn generate(rng: &mut NodeRng) -> Self {
        Self::from_secret(Zeroizing::new(rng.array()))
    }

    /// The channel of this secret.
    pub(super) fn from_secret(secret: Secret) -> Self {
        let root = kdf::extract(b"qpc channel 1", secret.as_slice());
        let access = SigningKey::from_seed(&kdf::expand(&root, b"access"));
        let access_key = access.public();
        let id = ChannelId::derive(&access_key);
        Self {
            id,
            group: GroupKeys::new(id.label(), &kdf::expand(&root, b"lite")),
            content: kdf::expand(&root, b"content"),
            presence: kdf::expand(&root, b"presence"),
            secret,
            access,
            access_key,
        }
    }

    /// What the invite carries.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The key whose signature proves membership.
    pub(super) const fn access(&self) -> &SigningKey {
        &self.access
    }

    /// Its public half: how relays know the channel.
    pub(super) const fn access_key(&self) -> &[u8; KEY_LEN] {
        &self.access_key
    }

    pub(super) const fn id(&self) -> ChannelId {
        self.id
    }

    /// The keys of lite messages (`MLG-05`).
    pub(super) const fn group(&self) -> &GroupKeys {
        &self.group
    }

    /// The nonce of a message: depends on everything in it, so that two different messages have
    /// different ones even when `random` repeats (`CH-18`).
    pub(super) fn nonce(&self, random: &[u8; 32], message: &[u8; 32]) -> [u8; NONCE_LEN] {
        let mac = kdf::extract(self.content.as_slice(), &[*random, *message].concat());
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&mac[..NONCE_LEN]);
        nonce
    }

    /// The key that encrypts the message with this nonce.
    pub(super) fn message_key(&self, nonce: &[u8; NONCE_LEN]) -> OneTimeKey {
        let key = kdf::expand::<44>(&kdf::extract(nonce, self.content.as_slice()), b"message");
        let (mut out, (first, last)) =
            (OneTimeKey { key: [0; 32], nonce: [0; 12] }, key.split_at(32));
        out.key.copy_from_slice(first);
        out.nonce.copy_from_slice(last);
        out
    }

    /// A value only members can compute: 16 bytes for what two neighbours are about to do.
    pub(super) fn presence_tag(&self, input: &[u8]) -> [u8; 16] {
        let mac = kdf::extract(self.presence.as_slice(), input);
        let (head, _) = mac.split_first_chunk().expect("16 is less than 32");
        *head
    }
}

impl fmt::Debug for ChannelKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelKeys({})", self.id)
    }
}
