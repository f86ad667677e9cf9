//! Agreeing on keys in two frames, and a first message in one (`MLL-16` to `MLL-18`).
//!
//! ```text
//! h     = digest(1, recipient's pre-key id, recipient's pre-key, e, recipient's node key)
//! k1    = extract(h, e × recipient's pre-key)           hides who writes
//! k2    = extract(k1, sender's pre-key × recipient's)   proves it: only the two can compute it
//! first frame:  tag 0 0 1 | low byte of recipient's pre-key id | e 32
//!               | (sender's node key 32 | low byte of its pre-key id) under k1 | text under k2 | rest 8
//! k3    = extract(extract(k2, e × f), f × sender's pre-key)
//! second frame: tag 0 0 2 | f 32 | text under k3 | rest 8
//! ```
//!
//! Every key is an X25519 pre-key of a bundle that its owner's node key signs, so nothing is signed
//! here, and neither end can prove to others what the other said. The tag of 16 bytes is the lock's
//! eight and the rest's.

use alloc::vec::Vec;
use core::fmt;

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};

use super::{
    seed::LiteSeed,
    short::{ShortKey, ShortPreimage, ShortTag},
};
use crate::{
    crypto::{
        hash::{self, Domain},
        kdf::{self, Secret},
        kem::{X25519_LEN, X25519Key},
        rng::NodeRng,
    },
    envelope::SessionTag,
    error::{Malformed, PeerMisbehaved},
    wire::{Reader, Writer},
};

/// In place of a session tag: a first frame.
pub const FIRST: SessionTag = [0, 0, 1];

/// In place of a session tag: a second frame.
pub const SECOND: SessionTag = [0, 0, 2];

/// Bytes that a first frame adds to its text, the session tag's three aside.
pub const FIRST_OVERHEAD: usize = 1 + X25519_LEN + NAME_LEN + REST_LEN;

/// Bytes that a second frame adds to its text, the session tag's three aside.
pub const SECOND_OVERHEAD: usize = X25519_LEN + REST_LEN;

const NAME_LEN: usize = 32 + 1;
const REST_LEN: usize = 8;

/// A pre-key of somebody, from its bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKeys<'a> {
    /// The node key that signed the bundle.
    pub node_key: &'a [u8; 32],
    /// The pre-key's id.
    pub id: u32,
    /// The X25519 pre-key.
    pub prekey: &'a [u8; X25519_LEN],
}

/// Our own pre-key.
#[derive(Clone, Copy, Debug)]
pub struct OwnKeys<'a> {
    /// Our node key.
    pub node_key: &'a [u8; 32],
    /// The pre-key's id.
    pub id: u32,
    /// Its private half.
    pub prekey: &'a X25519Key,
}

/// A frame's body after its session tag, and what its envelope needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The body.
    pub body: Vec<u8>,
    /// The tag, for the lock.
    pub tag: ShortTag,
    /// What opens it.
    pub preimage: ShortPreimage,
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: Vec<u8>,
    /// What opens the lock: the receipt.
    pub preimage: ShortPreimage,
}

/// What both ends know after the first frame.
struct Shared {
    handshake: [u8; 32],
    initiator: [u8; 32],
    prekey: [u8; X25519_LEN],
    k2: Secret,
}

/// A first frame of ours that waits for the second.
pub struct Waiting {
    shared: Shared,
    ephemeral: X25519Key,
    /// Whom it went to.
    pub peer: [u8; 32],
    /// Our pre-key in it.
    pub prekey_id: u32,
}

/// A first frame, read; its sender is claimed.
pub struct Claimed<'a> {
    handshake: [u8; 32],
    k1: Secret,
    /// The node key of who says it wrote this.
    pub sender: [u8; 32],
    /// The low byte of the id of its pre-key.
    pub prekey_low: u8,
    text: &'a [u8],
    rest: [u8; REST_LEN],
}

/// A first frame that was opened, as far as a second needs it.
pub struct Answering(Shared);

/// Writes a first frame. `fields` are the envelope's immutable fields without the lock.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for a pre-key of small order.
pub fn first(
    ours: OwnKeys<'_>,
    theirs: PeerKeys<'_>,
    fields: &[u8; 24],
    text: &[&[u8]],
    rng: &mut NodeRng,
) -> Result<(Frame, Waiting), PeerMisbehaved> {
    let ephemeral = X25519Key::from_seed(rng.array());
    let public = ephemeral.public();
    let handshake = handshake(theirs, &public);
    let k1 = kdf::extract(&handshake, &*ephemeral.agree(theirs.prekey)?);
    let k2 = kdf::extract(&*k1, &*ours.prekey.agree(theirs.prekey)?);
    let (initiator, prekey) = (*ours.node_key, ours.prekey.public());
    let shared = Shared { handshake, initiator, prekey, k2 };
    let mut name = [0; NAME_LEN];
    name[..32].copy_from_slice(ours.node_key);
    name[32] = low(ours.id);
    hide(&k1, &mut name);

    let mut body = Vec::with_capacity(FIRST_OVERHEAD + text.iter().map(|t| t.len()).sum::<usize>());
    Writer::new(&mut body).u8(low(theirs.id)).array(&public).array(&name);
    let (tag, preimage) = shared.key_of_first().finish(fields, &[], text, &mut body);
    let (peer, prekey_id) = (*theirs.node_key, ours.id);
    Ok((Frame { body, tag, preimage }, Waiting { shared, ephemeral, peer, prekey_id }))
}

/// The low byte of the id of our pre-key that a first frame is for.
///
/// # Errors
/// [`Malformed`].
pub fn wanted_prekey(body: &[u8]) -> Result<u8, Malformed> {
    Reader::new(body).u8("first pre-key")
}

/// Reads a first frame to `ours`; proves nothing yet.
///
/// # Errors
/// [`Malformed`], or [`PeerMisbehaved::WeakKey`].
pub fn claimed<'a>(ours: OwnKeys<'_>, body: &'a [u8]) -> Result<Claimed<'a>, crate::error::Error> {
    let mut reader = Reader::new(body);
    reader.u8("first pre-key")?;
    let ephemeral = reader.array("first ephemeral key")?;
    let mut name: [u8; NAME_LEN] = reader.array("first name")?;
    let (text, rest) = split_rest(reader.rest())?;
    let prekey = ours.prekey.public();
    let keys = PeerKeys { node_key: ours.node_key, id: ours.id, prekey: &prekey };
    let handshake = handshake(keys, &ephemeral);
    let k1 = kdf::extract(&handshake, &*ours.prekey.agree(&ephemeral)?);
    hide(&k1, &mut name);
    let (sender, [prekey_low]) = name.split_first_chunk().expect("32 is less than 33") else {
        return Err(Malformed::MissingData("first name").into());
    };
    Ok(Claimed { handshake, k1, sender: *sender, prekey_low: *prekey_low, text, rest })
}

impl Claimed<'_> {
    /// Opens it, if who it says wrote it with the private half of `prekey`.
    ///
    /// # Errors
    /// [`PeerMisbehaved`].
    pub fn open(
        self,
        ours: OwnKeys<'_>,
        prekey: &[u8; X25519_LEN],
        fields: &[u8; 24],
        tag: &ShortTag,
    ) -> Result<(Text, Answering), PeerMisbehaved> {
        let k2 = kdf::extract(&*self.k1, &*ours.prekey.agree(prekey)?);
        let (handshake, initiator) = (self.handshake, self.sender);
        let shared = Shared { handshake, initiator, prekey: *prekey, k2 };
        let opened = shared.key_of_first().open(fields, &[], self.text, (tag, &self.rest))?;
        Ok((opened, Answering(shared)))
    }
}

impl Answering {
    /// Writes the second frame, and gives the keys that both ends then have.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`].
    pub fn second(
        self,
        first_ephemeral: &[u8; X25519_LEN],
        fields: &[u8; 24],
        text: &[&[u8]],
        rng: &mut NodeRng,
    ) -> Result<(Frame, LiteSeed), PeerMisbehaved> {
        let Self(shared) = self;
        let ephemeral = X25519Key::from_seed(rng.array());
        let public = ephemeral.public();
        let (ee, se) = (ephemeral.agree(first_ephemeral)?, ephemeral.agree(&shared.prekey)?);
        let k3 = k3(&shared.k2, &ee, &se);
        let mut body = public.to_vec();
        let (tag, preimage) = shared.key_of_second(&k3).finish(fields, &public, text, &mut body);
        Ok((Frame { body, tag, preimage }, seed(&k3, false)))
    }
}

impl Waiting {
    /// Opens the second frame, and gives the keys. `prekey` is the private half of our pre-key in
    /// the first one. Whoever sent another frame changes nothing.
    ///
    /// # Errors
    /// [`Malformed`] or [`PeerMisbehaved`].
    pub fn finish(
        &self,
        prekey: &X25519Key,
        fields: &[u8; 24],
        tag: &ShortTag,
        body: &[u8],
    ) -> Result<(Text, LiteSeed), crate::error::Error> {
        let mut reader = Reader::new(body);
        let public: [u8; X25519_LEN] = reader.array("second ephemeral key")?;
        let (text, rest) = split_rest(reader.rest())?;
        let k3 = k3(&self.shared.k2, &self.ephemeral.agree(&public)?, &prekey.agree(&public)?);
        let key = self.shared.key_of_second(&k3);
        let opened = key.open(fields, &public, text, (tag, &rest))?;
        Ok((opened, seed(&k3, true)))
    }
}

/// The ephemeral key in a first frame.
///
/// # Errors
/// [`Malformed`].
pub fn ephemeral_of(body: &[u8]) -> Result<[u8; X25519_LEN], Malformed> {
    let mut reader = Reader::new(body);
    reader.u8("first pre-key")?;
    reader.array("first ephemeral key")
}

/// The key of one frame, with what is authenticated in both.
struct FrameKey<'a> {
    key: ShortKey,
    shared: &'a Shared,
}

impl Shared {
    fn key_of_first(&self) -> FrameKey<'_> {
        FrameKey { key: ShortKey::derive(&self.k2, b"qpc lite first"), shared: self }
    }

    fn key_of_second(&self, k3: &Secret) -> FrameKey<'_> {
        FrameKey { key: ShortKey::derive(k3, b"qpc lite second"), shared: self }
    }
}

impl FrameKey<'_> {
    fn associated(&self, fields: &[u8; 24], second: &[u8]) -> Vec<u8> {
        let Shared { handshake, initiator, prekey, .. } = self.shared;
        [&fields[..], handshake, initiator, prekey, second].concat()
    }

    /// Appends the text and the rest of its tag.
    fn finish(
        &self,
        fields: &[u8; 24],
        second: &[u8],
        text: &[&[u8]],
        body: &mut Vec<u8>,
    ) -> (ShortTag, ShortPreimage) {
        let at = body.len();
        text.iter().for_each(|part| body.extend_from_slice(part));
        let associated = self.associated(fields, second);
        let (tag, preimage, rest) = self.key.seal_long(&associated, &mut body[at..]);
        body.extend_from_slice(&rest);
        (tag, preimage)
    }

    fn open(
        &self,
        fields: &[u8; 24],
        second: &[u8],
        text: &[u8],
        tag: (&ShortTag, &[u8; REST_LEN]),
    ) -> Result<Text, PeerMisbehaved> {
        let mut text = text.to_vec();
        let associated = self.associated(fields, second);
        let preimage = self.key.open_long(&associated, &mut text, tag)?;
        Ok(Text { text, preimage })
    }
}

fn handshake(recipient: PeerKeys<'_>, ephemeral: &[u8; X25519_LEN]) -> [u8; 32] {
    let PeerKeys { node_key, id, prekey } = recipient;
    hash::digest32(Domain::LiteHandshake, &[&[1], &id.to_le_bytes(), prekey, ephemeral, node_key])
}

fn k3(k2: &Secret, ee: &Secret, se: &Secret) -> Secret {
    kdf::extract(&*kdf::extract(&**k2, &**ee), &**se)
}

fn seed(k3: &Secret, initiator: bool) -> LiteSeed {
    let exported = kdf::expand::<32>(k3, b"qpc lite export");
    LiteSeed::from_exporter(&exported, b"qpc lite handshake", initiator)
}

/// Encrypts or decrypts the sender's name; the tag of the frame authenticates it.
fn hide(k1: &Secret, name: &mut [u8; NAME_LEN]) {
    let key = kdf::expand::<32>(k1, b"qpc lite name");
    ChaCha20::new(&(*key).into(), &[0; 12].into()).apply_keystream(name);
}

fn split_rest(bytes: &[u8]) -> Result<(&[u8], [u8; REST_LEN]), Malformed> {
    let (text, rest) = bytes.split_last_chunk().ok_or(Malformed::MissingData("handshake tag"))?;
    if text.is_empty() {
        return Err(Malformed::MissingData("handshake text"));
    }
    Ok((text, *rest))
}

const fn low(id: u32) -> u8 {
    id.to_le_bytes()[0]
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting")
    }
}

impl fmt::Debug for Claimed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claimed")
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
