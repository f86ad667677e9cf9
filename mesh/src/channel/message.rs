//! A channel message on the wire. What was checked is in the type: [`Incoming`] is well-formed,
//! [`Admitted`] was written by a member and may be forwarded, [`Opened`] says by whom.

use alloc::{boxed::Box, vec::Vec};

use super::{
    ChannelId,
    keys::{ChannelKeys, KEY_LEN, NONCE_LEN},
};
use crate::{
    crypto::{
        Mode,
        aead::TAG_LEN,
        hash::{Domain, digest16, digest32, sha256},
        rng::NodeRng,
        sign,
    },
    envelope::MessageId,
    error::{Error, Malformed, PeerMisbehaved},
    identity::MeshIdentity,
    limits::{CHANNEL_PAYLOAD_LEN_MAX, HOPS_MAX, LIFETIME_MAX},
    time::WallClock,
    wire::{
        self, Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// Names a channel message in the flood: what the access key signs.
pub(super) type Digest = [u8; 32];

const HOPS_LEFT_AT: usize = KEY_LEN;
const AGE_AT: usize = HOPS_LEFT_AT + 1;
const HOPS_MAX_AT: usize = AGE_AT + 4;
const LIFETIME_AT: usize = HOPS_MAX_AT + 1;
const NONCE_AT: usize = LIFETIME_AT + 4;
/// The bytes of a channel frame's body that every hop rewrites.
pub(crate) const MUTABLE: core::ops::Range<usize> = HOPS_LEFT_AT..HOPS_MAX_AT;
const CIPHERTEXT_AT: usize = NONCE_AT + NONCE_LEN;
const SIGNATURE_LEN: usize = 64;

/// Sender key, lineage, counter and wall clock at their shortest, signature.
const INNER_LEN_MIN: usize = 32 + 8 + 1 + 1 + SIGNATURE_LEN;

/// The same at their longest, and the longest payload.
const INNER_LEN_MAX: usize = INNER_LEN_MIN + 9 + 10 + CHANNEL_PAYLOAD_LEN_MAX;

/// Shortest body of a channel frame.
pub(super) const BODY_LEN_MIN: usize = CIPHERTEXT_AT + INNER_LEN_MIN + TAG_LEN + SIGNATURE_LEN;

/// Longest body of a channel frame.
pub(super) const BODY_LEN_MAX: usize = CIPHERTEXT_AT + INNER_LEN_MAX + TAG_LEN + SIGNATURE_LEN;

/// A well-formed channel message of unknown origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    bytes: &'a [u8],
    digest: Digest,
}

/// The sender's and the relays' part of a message's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) access_key: [u8; KEY_LEN],
    pub(super) hops_left: u8,
    pub(super) age_ms: u32,
    pub(super) hops_max: u8,
    pub(super) lifetime_s: u32,
    pub(super) nonce: [u8; NONCE_LEN],
}

impl<'a> Incoming<'a> {
    /// Checks the layout and the ranges of the body of a channel frame (`CH-05`).
    ///
    /// # Errors
    /// [`Malformed`] bytes, [`PeerMisbehaved::BeyondMaxima`] and [`PeerMisbehaved::Expired`].
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() < BODY_LEN_MIN {
            return Err(Malformed::MissingData("channel message").into());
        }
        if bytes.len() > BODY_LEN_MAX {
            return Err(Malformed::TooLong("channel message").into());
        }
        let header = Header::read(bytes);
        if !(1..=HOPS_MAX).contains(&header.hops_max) {
            return Err(Malformed::OutOfRange("hops max").into());
        }
        if header.lifetime_s == 0 || u64::from(header.lifetime_s) > LIFETIME_MAX.as_secs() {
            return Err(Malformed::OutOfRange("lifetime").into());
        }
        if header.hops_left > header.hops_max {
            return Err(PeerMisbehaved::BeyondMaxima.into());
        }
        if u64::from(header.age_ms) >= u64::from(header.lifetime_s) * 1_000 {
            return Err(PeerMisbehaved::Expired.into());
        }
        let digest = header.digest(&bytes[CIPHERTEXT_AT..bytes.len() - SIGNATURE_LEN]);
        Ok(Self { bytes, digest })
    }

    pub(super) const fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) fn header(&self) -> Header {
        Header::read(self.bytes)
    }

    /// Checks that a member wrote it (`CH-06`).
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadSignature`], [`PeerMisbehaved::WeakKey`].
    pub(super) fn admit(&self, mode: Mode) -> Result<Admitted, PeerMisbehaved> {
        let header = self.header();
        let (_, signature) =
            self.bytes.split_last_chunk().expect("parse() checked that the signature is there");
        sign::verify(mode, &header.access_key, &self.digest, signature)?;
        Ok(Admitted { header, digest: self.digest, bytes: self.bytes.into() })
    }

    /// Takes it without checking the signature: it comes from our own disk, where only what was
    /// admitted is written.
    pub(super) fn admit_stored(&self) -> Admitted {
        Admitted { header: self.header(), digest: self.digest, bytes: self.bytes.into() }
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Self {
        let mut r = Reader::new(bytes);
        let mut read = || {
            Ok::<_, Malformed>(Self {
                access_key: r.array("access key")?,
                hops_left: r.u8("hops left")?,
                age_ms: r.u32("age")?,
                hops_max: r.u8("hops max")?,
                lifetime_s: r.u32("lifetime")?,
                nonce: r.array("nonce")?,
            })
        };
        read().expect("parse() checked that the header is there")
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.array(&self.access_key);
        w.u8(self.hops_left).u32(self.age_ms).u8(self.hops_max).u32(self.lifetime_s);
        w.array(&self.nonce);
    }

    pub(super) fn channel(&self) -> ChannelId {
        ChannelId::derive(&self.access_key)
    }

    /// The fields that stay, at fixed width.
    fn immutable(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(KEY_LEN + NONCE_LEN + 6);
        let mut w = Writer::new(&mut out);
        w.u8(wire::VERSION).array(&self.access_key).u8(self.hops_max).u32(self.lifetime_s);
        w.array(&self.nonce);
        out
    }

    fn digest(&self, ciphertext: &[u8]) -> Digest {
        digest32(Domain::ChannelMessage, &[&self.immutable(), &sha256(ciphertext)])
    }
}

/// A message that a member wrote. It may be forwarded and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    header: Header,
    digest: Digest,
    bytes: Box<[u8]>,
}

impl Admitted {
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    pub(super) const fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the body with other mutable fields.
    pub(super) fn write_body(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        Header { hops_left, age_ms, ..self.header }.write(out);
        out.extend_from_slice(&self.bytes[CIPHERTEXT_AT..]);
    }

    /// Appends a whole frame.
    pub(super) fn write_frame(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        frame::begin(out, FrameKind::CHANNEL);
        self.write_body(hops_left, age_ms, out);
    }

    /// Decrypts it and checks who sent it (`CH-12`).
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`], [`PeerMisbehaved::BadSignature`], [`PeerMisbehaved::WeakKey`],
    /// or [`Malformed`] when a member wrote nonsense.
    pub(super) fn open(&self, mode: Mode, keys: &ChannelKeys) -> Result<Opened, Error> {
        let opened = self.decrypt(mode, keys)?;
        let transcript = opened.transcript(keys.id(), &self.header);
        sign::verify(mode, &opened.sender, &transcript, &opened.signature)?;
        Ok(opened)
    }

    /// [`Self::open`] for what was opened before it was kept: the signature held then.
    pub(super) fn decrypt(&self, mode: Mode, keys: &ChannelKeys) -> Result<Opened, Error> {
        let sealed = &self.bytes[CIPHERTEXT_AT..self.bytes.len() - SIGNATURE_LEN];
        let (ciphertext, tag) =
            sealed.split_last_chunk::<TAG_LEN>().expect("parse() checked that a tag is there");
        let mut inner = ciphertext.to_vec();
        let key = keys.message_key(&self.header.nonce);
        key.open(mode, &self.header.immutable(), &mut inner, tag)?;
        Ok(Opened::read(&inner)?)
    }
}

/// A message that was decrypted; after [`Admitted::open`] its sender's signature held, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) sender: [u8; 32],
    pub(super) lineage: u64,
    pub(super) counter: u64,
    pub(super) sent_at: Option<WallClock>,
    signature: [u8; SIGNATURE_LEN],
    pub(super) payload: Vec<u8>,
}

impl Opened {
    fn read(inner: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(inner);
        let this = Self {
            sender: r.array("sender key")?,
            lineage: r.u64("lineage")?,
            counter: r.varint("counter")?,
            sent_at: match r.u8("wall clock")? {
                0 => None,
                1 => Some(WallClock { unix_secs: r.varint("wall clock")? }),
                _ => return Err(Malformed::OutOfRange("wall clock")),
            },
            signature: r.array("sender signature")?,
            payload: r.rest().to_vec(),
        };
        if this.payload.len() > CHANNEL_PAYLOAD_LEN_MAX {
            return Err(Malformed::TooLong("channel payload"));
        }
        if this.counter == 0 || this.counter == u64::MAX {
            return Err(Malformed::OutOfRange("counter"));
        }
        Ok(this)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(INNER_LEN_MIN + 19 + self.payload.len() + TAG_LEN);
        let mut w = Writer::new(&mut out);
        w.array(&self.sender).u64(self.lineage).varint(self.counter);
        match self.sent_at {
            None => w.u8(0),
            Some(wall) => w.u8(1).varint(wall.unix_secs),
        };
        w.array(&self.signature).bytes(&self.payload);
        out
    }

    /// What the sender signs.
    fn transcript(&self, channel: ChannelId, header: &Header) -> [u8; 32] {
        let mut fixed = Vec::with_capacity(64);
        let mut w = Writer::new(&mut fixed);
        w.u8(wire::VERSION).u8(header.hops_max).u32(header.lifetime_s).array(&header.nonce);
        w.u64(self.lineage).u64(self.counter);
        let (dated, unix_secs) = match self.sent_at {
            None => (0, 0),
            Some(wall) => (1, wall.unix_secs),
        };
        w.u8(dated).u64(unix_secs);
        digest32(Domain::ChannelSender, &[&channel.0, &self.sender, &fixed, &sha256(&self.payload)])
    }

    /// The id the application knows the message by.
    pub(super) fn message_id(&self, channel: ChannelId) -> MessageId {
        MessageId(digest16(
            Domain::Message,
            &[
                b"channel",
                &self.sender,
                &channel.0,
                &self.lineage.to_le_bytes(),
                &self.counter.to_le_bytes(),
            ],
        ))
    }
}

/// What a new message says and how far it goes.
pub(super) struct Draft {
    pub(super) hops_max: u8,
    pub(super) lifetime_s: u32,
    pub(super) lineage: u64,
    pub(super) counter: u64,
    pub(super) sent_at: Option<WallClock>,
    pub(super) payload: Vec<u8>,
}

impl Draft {
    /// Signs and encrypts it.
    pub(super) fn seal(
        self,
        mode: Mode,
        keys: &ChannelKeys,
        identity: &MeshIdentity,
        rng: &mut NodeRng,
    ) -> (Admitted, Opened) {
        let sender = *identity.public().node_key();
        self.seal_claiming(mode, keys, identity, sender, rng)
    }

    /// [`Self::seal`], claiming a sender: honest when it is the identity's own key.
    pub(super) fn seal_claiming(
        self,
        mode: Mode,
        keys: &ChannelKeys,
        identity: &MeshIdentity,
        sender: [u8; 32],
        rng: &mut NodeRng,
    ) -> (Admitted, Opened) {
        let mut header = Header {
            access_key: *keys.access_key(),
            hops_left: self.hops_max,
            age_ms: 0,
            hops_max: self.hops_max,
            lifetime_s: self.lifetime_s,
            nonce: [0; NONCE_LEN],
        };
        let mut opened = Opened {
            sender,
            lineage: self.lineage,
            counter: self.counter,
            sent_at: self.sent_at,
            signature: [0; SIGNATURE_LEN],
            payload: self.payload,
        };
        header.nonce = keys.nonce(&rng.array(), &opened.transcript(keys.id(), &header));
        opened.signature = identity.sign(mode, &opened.transcript(keys.id(), &header));

        let mut inner = opened.write();
        let tag = keys.message_key(&header.nonce).seal(mode, &header.immutable(), &mut inner);
        inner.extend_from_slice(&tag);
        let digest = header.digest(&inner);
        let mut bytes = Vec::with_capacity(CIPHERTEXT_AT + inner.len() + SIGNATURE_LEN);
        header.write(&mut bytes);
        bytes.extend_from_slice(&inner);
        bytes.extend_from_slice(&keys.access().sign(mode, &digest));
        (Admitted { header, digest, bytes: bytes.into() }, opened)
    }
}
