use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use crate::{
    address::Address,
    crypto::{
        Mode,
        hash::{self, Domain},
        kem::{X25519_LEN, XWING_PUBLIC_LEN},
        sign,
    },
    envelope::{DIRECT_WORK_BITS_MAX, WORK_BITS_MAX},
    error::{Error, Malformed, Unsupported},
    identity::{Certificate, MeshIdentity, PublicIdentity, Suite},
    limits::{BUNDLE_LEN_MAX, BUNDLE_PREKEYS_MAX},
    wire::{Reader, Writer},
};

/// The format number that starts a bundle.
const FORMAT: u8 = 1;

const FLAG_CERTIFICATE: u8 = 0b01;
const FLAG_MAILBOX: u8 = 0b10;
const FLAG_WORK: u8 = 0b100;

/// A node's public keys for first contact; its signatures were verified.
///
/// On the wire, fixed-width little endian:
///
/// ```text
/// format=1 | node_key 32 | version u32 | flags u8 | pre-key count u8
/// (pre-key id u32 | valid_s u32 | X25519 32 | X-Wing 1216) × count
/// flag 0: root_key 32 | epoch u32 | not_after u64 | signature 64
/// flag 1: mailbox node 16 | label 16 | pow_bits u8
/// flag 2: work_bits u8
/// signature 64
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The node the bundle is of.
    pub identity: PublicIdentity,
    /// The root key that certifies the node key, if one does.
    pub root_key: Option<[u8; 32]>,
    /// The certificate behind `root_key`.
    pub certificate: Option<Certificate>,
    /// Counts the node's bundles; its announce names the newest.
    pub version: u32,
    /// The pre-keys, the one to use first.
    pub prekeys: Vec<PreKeyPublic>,
    /// Where strangers may leave sealed mail.
    pub mailbox: Option<MailboxHint>,
    /// Zero bits asked of strangers who write to it directly, at most [`DIRECT_WORK_BITS_MAX`];
    /// 0: nothing is asked.
    pub work_bits: u8,
    bytes: Vec<u8>,
}

/// The public halves of a pre-key.
#[derive(Clone, PartialEq, Eq)]
pub struct PreKeyPublic {
    /// Its id, counted by its owner.
    pub id: u32,
    /// Seconds from signing during which the owner keeps the private halves. A holder counts them
    /// from when it got the bundle: without clocks that is the best it can know.
    pub valid_s: u32,
    /// For [`crate::identity::Suite::X25519`].
    pub x25519: [u8; X25519_LEN],
    /// For [`crate::identity::Suite::XWing`].
    pub xwing: Box<[u8; XWING_PUBLIC_LEN]>,
}

/// Where strangers may leave sealed mail for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxHint {
    /// The mailbox node.
    pub node: Address,
    /// The label under which it keeps mail for the bundle's owner; rotates.
    pub label: [u8; 16],
    /// Zero bits asked of a proof of work, at most [`WORK_BITS_MAX`].
    pub pow_bits: u8,
}

impl Bundle {
    /// Reads a bundle and verifies both its signatures.
    ///
    /// # Errors
    /// [`Malformed`] for structure, [`Unsupported::Version`] for an unknown format,
    /// [`crate::error::PeerMisbehaved`] when a signature does not hold.
    pub fn parse_verified(mode: Mode, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BUNDLE_LEN_MAX {
            return Err(Malformed::TooLong("bundle").into());
        }
        let mut reader = Reader::new(bytes);
        let bundle = Self::read(&mut reader, bytes)?;
        let signature = reader.array("bundle signature")?;
        reader.finish("bundle")?;
        let node_key = bundle.identity.node_key();
        sign::verify(mode, node_key, &bundle.digest(), &signature)?;
        if let Some(certificate) = &bundle.certificate {
            certificate.verify(mode, node_key)?;
        }
        Ok(bundle)
    }

    /// The bytes as they are sent and stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as they are sent and stored, by value.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Everything but the signature.
    fn read(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<Self, Error> {
        let format = reader.u8("bundle format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let node_key = reader.array("bundle node key")?;
        let version = reader.u32("bundle version")?;
        let flags = reader.u8("bundle flags")?;
        if flags & !(FLAG_CERTIFICATE | FLAG_MAILBOX | FLAG_WORK) != 0 {
            return Err(Malformed::OutOfRange("bundle flags").into());
        }
        let count = usize::from(reader.u8("bundle pre-key count")?);
        if count == 0 || count > BUNDLE_PREKEYS_MAX {
            return Err(Malformed::OutOfRange("bundle pre-key count").into());
        }
        let prekeys =
            (0..count).map(|_| PreKeyPublic::read(reader)).collect::<Result<Vec<_>, _>>()?;
        let certificate =
            (flags & FLAG_CERTIFICATE != 0).then(|| Certificate::read(reader)).transpose()?;
        let mailbox = (flags & FLAG_MAILBOX != 0).then(|| MailboxHint::read(reader)).transpose()?;
        let work_bits = if flags & FLAG_WORK != 0 { reader.u8("bundle work")? } else { 0 };
        // Nothing is asked by leaving it out; more than the bound would stall the sender.
        if flags & FLAG_WORK != 0 && !(1..=DIRECT_WORK_BITS_MAX).contains(&work_bits) {
            return Err(Malformed::OutOfRange("bundle work").into());
        }
        Ok(Self {
            identity: PublicIdentity::new(node_key),
            root_key: certificate.map(|certificate| certificate.root_key),
            certificate,
            version,
            prekeys,
            mailbox,
            work_bits,
            bytes: bytes.to_vec(),
        })
    }

    /// Signs and encodes our own bundle.
    pub(super) fn signed(
        mode: Mode,
        identity: &MeshIdentity,
        version: u32,
        prekeys: Vec<PreKeyPublic>,
        mailbox: Option<MailboxHint>,
        work_bits: u8,
    ) -> Self {
        let certificate = identity.certify(mode, CERTIFICATE_EPOCH, u64::MAX);
        let mut bundle = Self {
            identity: identity.public(),
            root_key: identity.root_key(),
            certificate,
            version,
            prekeys,
            mailbox,
            work_bits: work_bits.min(DIRECT_WORK_BITS_MAX),
            bytes: Vec::with_capacity(BUNDLE_LEN_MAX),
        };
        let signature = identity.sign(mode, &bundle.digest());
        let mut bytes = core::mem::take(&mut bundle.bytes);
        bundle.write(&mut bytes);
        bytes.extend_from_slice(&signature);
        bundle.bytes = bytes;
        bundle
    }

    fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .u8(FORMAT)
            .array(self.identity.node_key())
            .u32(self.version)
            .u8(self.flags())
            .u8(self.prekeys.len() as u8);
        for prekey in &self.prekeys {
            prekey.write(out);
        }
        if let Some(certificate) = &self.certificate {
            certificate.write(out);
        }
        if let Some(mailbox) = &self.mailbox {
            mailbox.write(out);
        }
        if self.work_bits != 0 {
            out.push(self.work_bits);
        }
    }

    const fn flags(&self) -> u8 {
        let certificate = if self.certificate.is_some() { FLAG_CERTIFICATE } else { 0 };
        let mailbox = if self.mailbox.is_some() { FLAG_MAILBOX } else { 0 };
        let work = if self.work_bits != 0 { FLAG_WORK } else { 0 };
        certificate | mailbox | work
    }

    /// What the node key signs: domain ‖ format ‖ node key ‖ version ‖ flags ‖ one part per
    /// pre-key ‖ certificate ‖ mailbox, the absent ones empty. Work, if any is asked, follows the
    /// pre-key count in the part of the flags, which say whether it is there.
    fn digest(&self) -> [u8; 32] {
        let mut prekeys = [[0; 32]; BUNDLE_PREKEYS_MAX];
        for (digest, prekey) in prekeys.iter_mut().zip(&self.prekeys) {
            *digest = prekey.fingerprint();
        }
        let mut certificate = Vec::new();
        if let Some(present) = &self.certificate {
            present.write(&mut certificate);
        }
        let mut mailbox = Vec::new();
        if let Some(present) = &self.mailbox {
            present.write(&mut mailbox);
        }
        let head = [FORMAT, self.flags(), self.prekeys.len() as u8, self.work_bits];
        let head = if self.work_bits != 0 { &head[..] } else { &head[..3] };
        hash::digest32(
            Domain::Bundle,
            &[
                head,
                self.identity.node_key(),
                &self.version.to_le_bytes(),
                prekeys[..self.prekeys.len()].as_flattened(),
                &certificate,
                &mailbox,
            ],
        )
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({}, version {})", self.identity.address(), self.version)
    }
}

impl PreKeyPublic {
    /// The public key of one suite.
    pub(crate) fn for_suite(&self, suite: Suite) -> &[u8] {
        match suite {
            Suite::X25519 => &self.x25519,
            Suite::XWing => &*self.xwing,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: reader.u32("pre-key id")?,
            valid_s: reader.u32("pre-key validity")?,
            x25519: reader.array("pre-key X25519")?,
            xwing: Box::new(reader.array("pre-key X-Wing")?),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out).u32(self.id).u32(self.valid_s).array(&self.x25519).array(&self.xwing);
    }

    fn fingerprint(&self) -> [u8; 32] {
        let (id, valid_s) = (self.id.to_le_bytes(), self.valid_s.to_le_bytes());
        hash::digest32(Domain::PreKey, &[&id, &valid_s, &self.x25519, &*self.xwing])
    }
}

impl fmt::Debug for PreKeyPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreKeyPublic({}, {} s)", self.id, self.valid_s)
    }
}

impl MailboxHint {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let hint = Self {
            node: Address::from_bytes(reader.array("mailbox node")?),
            label: reader.array("mailbox label")?,
            pow_bits: reader.u8("mailbox proof of work")?,
        };
        // A label of zero means "direct"; work beyond the bound would stall the sender.
        if hint.label == [0; 16] {
            return Err(Malformed::OutOfRange("mailbox label"));
        }
        if hint.pow_bits > WORK_BITS_MAX {
            return Err(Malformed::OutOfRange("mailbox proof of work"));
        }
        Ok(hint)
    }

    fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out).array(self.node.as_bytes()).array(&self.label).u8(self.pow_bits);
    }
}

/// The node that holds its root key certifies itself anew with every bundle and never needs to
/// replace a certificate.
const CERTIFICATE_EPOCH: u32 = 1;
