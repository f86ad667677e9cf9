//! A practice's sub-keys (`RSV-02`, `RSV-08`): one a week, deleted when nothing can be on its way
//! to it any more.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::fmt;

use mesh::{
    crypto::{
        Mode,
        hash::{Domain, digest32},
        kdf::{self, Secret},
        kem::{X25519Key, XWING_PUBLIC_LEN, XWingKey},
        sign::{self, SigningKey},
    },
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};
use zeroize::Zeroizing;

use super::{
    letter::XWingPublic,
    limits::{HOLD_KEPT_S, SKEW_S, SUBKEY_LIFE_S, SUBKEYS_MAX},
    rows::Row,
};
use crate::UnixSeconds;

/// The public sub-key of a practice, as its patients have it.
#[derive(Clone, PartialEq, Eq)]
pub struct SubKey {
    x25519: [u8; 32],
    xwing: Option<XWingPublic>,
}

impl SubKey {
    /// The key of an announce.
    pub const fn new(x25519: [u8; 32]) -> Self {
        Self { x25519, xwing: None }
    }

    /// The same key with an offer's X-Wing key, if that is of this practice and for this sub-key.
    #[must_use]
    pub fn with_offer(mut self, root_key: &[u8; 32], offer: &Offer) -> Self {
        if offer.root_key == *root_key && offer.sub_key == self.x25519 {
            self.xwing = Some(offer.xwing.clone());
        }
        self
    }

    /// The X25519 key.
    pub const fn x25519(&self) -> &[u8; 32] {
        &self.x25519
    }

    /// The X-Wing key, if it is known.
    pub fn xwing(&self) -> Option<&[u8; XWING_PUBLIC_LEN]> {
        self.xwing.as_deref()
    }
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubKey(X-Wing: {})", self.xwing.is_some())
    }
}

/// An X-Wing key beside a sub-key, signed by the practice's root key; its signature was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    root_key: [u8; 32],
    sub_key: [u8; 32],
    xwing: XWingPublic,
    signature: [u8; 64],
}

impl Offer {
    /// Length on the wire: format 1, root key 32, sub-key 32, X-Wing 1,216, signature 64.
    pub const LEN: usize = 1 + 32 + 32 + XWING_PUBLIC_LEN + 64;

    /// The offer of a practice's key.
    pub fn signed(root: &SigningKey, pair: &SubKeyPair) -> Self {
        let (sub_key, xwing) = (pair.x25519().public(), pair.xwing().public());
        let signature = root.sign(Mode::Real, &Self::digest(&sub_key, &xwing));
        Self { root_key: root.public(), sub_key, xwing, signature }
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        Writer::new(&mut out)
            .u8(FORMAT)
            .array(&self.root_key)
            .array(&self.sub_key)
            .array(&self.xwing)
            .array(&self.signature);
        out
    }

    /// Reads an offer and verifies its signature.
    ///
    /// # Errors
    /// [`Malformed`], [`Unsupported::Version`], or a signature that does not hold.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let format = r.u8("offer format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let root_key = r.array("offer root key")?;
        let sub_key = r.array("offer sub-key")?;
        let xwing = Box::new(r.array("offer X-Wing key")?);
        let signature = r.array("offer signature")?;
        r.finish("offer")?;
        sign::verify(Mode::Real, &root_key, &Self::digest(&sub_key, &xwing), &signature)?;
        Ok(Self { root_key, sub_key, xwing, signature })
    }

    fn digest(sub_key: &[u8; 32], xwing: &[u8; XWING_PUBLIC_LEN]) -> [u8; 32] {
        digest32(Domain::FappReservation, &[b"subkey", sub_key, xwing])
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// The private halves of a sub-key. Wiped when dropped.
#[derive(Clone, Debug)]
pub struct SubKeyPair {
    x25519: X25519Key,
    xwing: XWingKey,
}

impl SubKeyPair {
    /// The pair of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            x25519: X25519Key::from_seed(*kdf::expand(seed, b"qpc fapp sub-key x25519")),
            xwing: XWingKey::from_seed(Mode::Real, *kdf::expand(seed, b"qpc fapp sub-key x-wing")),
        }
    }

    /// The X25519 key.
    pub const fn x25519(&self) -> &X25519Key {
        &self.x25519
    }

    /// The X-Wing key.
    pub const fn xwing(&self) -> &XWingKey {
        &self.xwing
    }

    /// What patients may have of it.
    pub fn public(&self) -> SubKey {
        SubKey { x25519: self.x25519.public(), xwing: Some(self.xwing.public()) }
    }
}

struct Kept {
    seed: Secret,
    pair: SubKeyPair,
    made_at: u64,
    keep_until: u64,
}

/// The sub-keys that letters may still be sealed to. Rows hold secrets.
#[derive(Default)]
pub struct SubKeys {
    keys: BTreeMap<u32, Kept>,
    rows: Vec<Row>,
}

impl SubKeys {
    /// Makes a new key when there is none, or the newest has had its week, and deletes those whose
    /// time is over. Whether there is a new one to announce.
    pub fn rotate(&mut self, now: UnixSeconds, seed: [u8; 32]) -> bool {
        self.expire(now);
        let newest = self.keys.last_key_value();
        // A key from the future was made under a wrong clock: it is not trusted to end.
        let fresh = newest.is_some_and(|(_, key)| {
            now.0 < key.made_at.saturating_add(SUBKEY_LIFE_S) && key.made_at <= now.0 + SKEW_S
        });
        if fresh {
            return false;
        }
        let epoch = newest.map_or(0, |(epoch, _)| epoch.wrapping_add(1));
        let kept = Kept {
            pair: SubKeyPair::from_seed(&seed),
            seed: Zeroizing::new(seed),
            made_at: now.0,
            keep_until: now.0.saturating_add(SUBKEY_LIFE_S + LINGER_S),
        };
        self.put(epoch, &kept);
        self.keys.insert(epoch, kept);
        if self.keys.len() > SUBKEYS_MAX
            && let Some((epoch, _)) = self.keys.pop_first()
        {
            self.rows.push(Row::delete(row_key(epoch)));
        }
        true
    }

    /// The newest key, for the next announce.
    pub fn current(&self) -> Option<&SubKeyPair> {
        self.keys.last_key_value().map(|(_, kept)| &kept.pair)
    }

    /// An announce with the newest key lasts until then: the key is kept as long, and for what may
    /// be on its way.
    pub fn announced(&mut self, expires: UnixSeconds) {
        let Some((epoch, mut kept)) = self.keys.pop_last() else { return };
        let until = expires.0.saturating_add(LINGER_S);
        if until > kept.keep_until {
            kept.keep_until = until;
            self.put(epoch, &kept);
        }
        self.keys.insert(epoch, kept);
    }

    /// Deletes keys whose time is over.
    pub fn expire(&mut self, now: UnixSeconds) {
        let over: Vec<u32> =
            self.keys.iter().filter(|(_, key)| key.keep_until < now.0).map(|(e, _)| *e).collect();
        for epoch in over {
            self.keys.remove(&epoch);
            self.rows.push(Row::delete(row_key(epoch)));
        }
    }

    /// All that letters may be sealed to, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &SubKeyPair> {
        self.keys.values().rev().map(|kept| &kept.pair)
    }

    /// What is to be stored, in order. A key must be durable before it is announced.
    pub fn poll_row(&mut self) -> Option<Row> {
        (!self.rows.is_empty()).then(|| self.rows.remove(0))
    }

    /// Plays a stored row back.
    ///
    /// # Errors
    /// [`Malformed`]; the row is then left out.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let Some((&ROW, epoch)) = key.split_first() else {
            return Err(Malformed::OutOfRange("sub-key row"));
        };
        let epoch = epoch.try_into().map_err(|_| Malformed::OutOfRange("sub-key epoch"))?;
        let mut r = Reader::new(value);
        let (made_at, keep_until) = (r.u64("sub-key time")?, r.u64("sub-key end")?);
        let seed = Zeroizing::new(r.array("sub-key seed")?);
        r.finish("sub-key row")?;
        let pair = SubKeyPair::from_seed(&seed);
        let kept = Kept { seed, pair, made_at, keep_until };
        if self.keys.len() < SUBKEYS_MAX {
            self.keys.insert(u32::from_be_bytes(epoch), kept);
        }
        Ok(())
    }

    fn put(&mut self, epoch: u32, kept: &Kept) {
        let mut value = Vec::with_capacity(48);
        Writer::new(&mut value).u64(kept.made_at).u64(kept.keep_until).array(&kept.seed);
        self.rows.push(Row::put(row_key(epoch), value));
    }
}

impl fmt::Debug for SubKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubKeys({})", self.keys.len())
    }
}

fn row_key(epoch: u32) -> Vec<u8> {
    [&[ROW][..], &epoch.to_be_bytes()].concat()
}

const ROW: u8 = b'k';
const FORMAT: u8 = 1;

/// How long a letter may be on its way to a key that no announce names any more.
const LINGER_S: u64 = HOLD_KEPT_S + SKEW_S;
