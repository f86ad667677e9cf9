//! Who a node is: its keys, its public identity, what it can do.
//!
//! A *node key* routes and signs; a *root key* stands for a person and certifies node keys; neither
//! is ever converted for another purpose (`ID-01`, `ID-05`).

use core::fmt;

use zeroize::Zeroizing;

use crate::{
    address::Address,
    crypto::{Mode, hash, rng::NodeRng, sign::SigningKey},
    error::PeerMisbehaved,
};

/// The long-term private keys of this node. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct MeshIdentity {
    node: SigningKey,
    root: Option<SigningKey>,
    public: PublicIdentity,
}

impl MeshIdentity {
    /// New keys; with a root key for a node that belongs to a person, without for a router.
    pub fn generate(rng: &mut NodeRng, with_root: bool) -> Self {
        let node = Zeroizing::new(rng.array());
        let root = with_root.then(|| Zeroizing::new(rng.array()));
        Self::build(&node, root.as_deref())
    }

    /// The identity of stored seeds.
    pub fn from_seeds(node: [u8; 32], root: Option<[u8; 32]>) -> Self {
        let (node, root) = (Zeroizing::new(node), root.map(Zeroizing::new));
        Self::build(&node, root.as_deref())
    }

    fn build(node: &[u8; 32], root: Option<&[u8; 32]>) -> Self {
        let node = SigningKey::from_seed(node);
        let public = PublicIdentity::new(node.public());
        Self { node, root: root.map(SigningKey::from_seed), public }
    }

    /// The node key's seed, for storage.
    pub fn node_seed(&self) -> Zeroizing<[u8; 32]> {
        self.node.to_seed()
    }

    /// The root key's seed, for storage.
    pub fn root_seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.root.as_ref().map(SigningKey::to_seed)
    }

    /// What others know of this node.
    pub const fn public(&self) -> PublicIdentity {
        self.public
    }

    /// This node's address.
    pub const fn address(&self) -> Address {
        self.public.address
    }

    /// The public root key.
    pub fn root_key(&self) -> Option<[u8; 32]> {
        self.root.as_ref().map(SigningKey::public)
    }

    /// Signs a digest of [`hash`] with the node key.
    pub fn sign(&self, mode: Mode, digest: &[u8; 32]) -> [u8; 64] {
        self.node.sign(mode, digest)
    }

    /// The root key's certificate over the node key; `None` without a root key (`ID-07`).
    pub fn certify(&self, mode: Mode, epoch: u32, not_after_unix_s: u64) -> Option<Certificate> {
        let root = self.root.as_ref()?;
        let root_key = root.public();
        let digest = Certificate::digest(&self.public.node_key, epoch, not_after_unix_s);
        let signature = root.sign(mode, &digest);
        Some(Certificate { root_key, epoch, not_after_unix_s, signature })
    }
}

impl fmt::Debug for MeshIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeshIdentity({})", self.public.address)
    }
}

/// What others know of a node: its key and the address that follows from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicIdentity {
    address: Address,
    node_key: [u8; 32],
}

impl PublicIdentity {
    /// The identity of the node with this Ed25519 node key.
    pub fn new(node_key: [u8; 32]) -> Self {
        Self { address: Address::derive(&node_key), node_key }
    }

    /// The Ed25519 node key.
    pub const fn node_key(&self) -> &[u8; 32] {
        &self.node_key
    }

    /// The address.
    pub const fn address(&self) -> Address {
        self.address
    }
}

impl fmt::Debug for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicIdentity({})", self.address)
    }
}

/// A root key's word that a node key is its own (`ID-07`).
///
/// Signed is domain ‖ node key ‖ epoch ‖ expiry. A certificate of a higher epoch replaces one of a
/// lower.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// The Ed25519 root key.
    pub root_key: [u8; 32],
    /// Counts the certificates of this root key for this node.
    pub epoch: u32,
    /// Unix seconds after which it must not be relied on, for those whose clock is right;
    /// `u64::MAX` without end.
    pub not_after_unix_s: u64,
    /// The root key's signature.
    pub signature: [u8; 64],
}

impl Certificate {
    /// Length on the wire: key 32, epoch 4, expiry 8, signature 64.
    pub const LEN: usize = 108;

    /// What the root key signs.
    pub fn digest(node_key: &[u8; 32], epoch: u32, not_after_unix_s: u64) -> [u8; 32] {
        let (epoch, not_after) = (epoch.to_le_bytes(), not_after_unix_s.to_le_bytes());
        hash::digest32(hash::Domain::Certificate, &[node_key, &epoch, &not_after])
    }

    /// Checks that the root key signed this for `node_key`.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadSignature`] or [`PeerMisbehaved::WeakKey`].
    pub fn verify(&self, mode: Mode, node_key: &[u8; 32]) -> Result<(), PeerMisbehaved> {
        let digest = Self::digest(node_key, self.epoch, self.not_after_unix_s);
        crate::crypto::sign::verify(mode, &self.root_key, &digest, &self.signature)
    }

    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        crate::wire::Writer::new(out)
            .array(&self.root_key)
            .u32(self.epoch)
            .u64(self.not_after_unix_s)
            .array(&self.signature);
    }

    pub(crate) fn read(
        reader: &mut crate::wire::Reader<'_>,
    ) -> Result<Self, crate::error::Malformed> {
        Ok(Self {
            root_key: reader.array("certificate root key")?,
            epoch: reader.u32("certificate epoch")?,
            not_after_unix_s: reader.u64("certificate expiry")?,
            signature: reader.array("certificate signature")?,
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(epoch {})", self.epoch)
    }
}

/// A cryptographic suite for key agreement, ordered by strength (`SES-01`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Suite {
    /// X25519 alone: classical.
    X25519 = 1,
    /// X-Wing, a hybrid of X25519 and ML-KEM-768: post-quantum.
    XWing = 2,
}

impl Suite {
    /// The suite's number on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The suite of a number on the wire.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::X25519),
            2 => Some(Self::XWing),
            _ => None,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X25519 => "X25519",
            Self::XWing => "X-Wing (X25519 + ML-KEM-768)",
        })
    }
}

/// What a node says it can do. Unknown bits survive a round trip.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capabilities(u16);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, $text),)*];
        }
    };
}

capabilities! {
    /// Forwards envelopes of others.
    RELAY = 0, "relay";
    /// Takes envelopes of others into custody.
    STORE = 1, "store";
    /// Caches and answers appointment objects.
    FAPP = 2, "fapp";
    /// Has a LoRa radio.
    LORA = 3, "lora";
    /// Connects meshes over the internet.
    GATEWAY = 4, "gateway";
    /// Reachable by iroh.
    IROH = 5, "iroh";
    /// Reachable by TCP.
    TCP = 6, "tcp";
    /// Takes sealed mail for labels registered with it.
    MAILBOX = 7, "mailbox";
    /// A router that answers ping and trace for everyone.
    ROUTER_DIAGNOSTICS = 8, "router-diagnostics";
}

impl Capabilities {
    /// No capability.
    pub const NONE: Self = Self(0);

    /// The capabilities of these bits, unknown ones included.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits on the wire.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds all of `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the known ones, as in JSON.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| *name)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({:#06x})", self.0)
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
