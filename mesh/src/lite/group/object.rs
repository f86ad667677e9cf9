//! Layout of a lite channel object (`MLG-01` to `MLG-03`).
//!
//! Body of frame kind `51`. Two fields change under way; everything from `KIND_AT` on stays, is named by
//! the digest and travels by radio byte for byte.
//!
//! ```text
//! hops left 1 | age 4 | form 1 | lifetime code 1 | channel label 2 |
//!     message, dated, signed: voice label 1 | counter 2 | ciphertext | tag 8 or signature 64
//!     checkpoint:                                          ciphertext | signature 64
//! ```

use alloc::{boxed::Box, vec::Vec};

use crate::{
    crypto::hash::{Domain, digest32},
    error::{Error, Malformed, PeerMisbehaved},
    limits::{GROUP_CHECKPOINT_MAX, GROUP_PAYLOAD_LEN_MAX, HOPS_MAX, LITE_LIFETIMES_S},
    lite::SHORT_TAG_LEN,
    wire::{
        self, Writer,
        frame::{self, FrameKind},
    },
};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Form {
    /// A message, proven by a later checkpoint.
    Message = 0,
    /// The same with the sender's wall clock.
    Dated = 1,
    /// A message with its sender's signature.
    Signed = 2,
    /// What a sender signs for messages it sent.
    Checkpoint = 3,
}

impl Form {
    /// The form of a code.
    pub const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Message,
            1 => Self::Dated,
            2 => Self::Signed,
            3 => Self::Checkpoint,
            _ => return None,
        })
    }

    /// Bytes after the lifetime code when nothing is encrypted, and those of the longest object.
    const fn lens(self) -> (usize, usize) {
        let head = LABEL_LEN + if matches!(self, Self::Checkpoint) { 0 } else { VOICE_LEN };
        let (least, most, proof) = match self {
            Self::Message => (0, GROUP_PAYLOAD_LEN_MAX, SHORT_TAG_LEN),
            Self::Dated => (DATE_LEN, DATE_LEN + GROUP_PAYLOAD_LEN_MAX, SHORT_TAG_LEN),
            Self::Signed => (0, GROUP_PAYLOAD_LEN_MAX, SIGNATURE_LEN),
            Self::Checkpoint => (
                CHECKPOINT_FIXED_LEN,
                CHECKPOINT_FIXED_LEN + GROUP_CHECKPOINT_MAX * CLAIM_LEN,
                SIGNATURE_LEN,
            ),
        };
        (head + least + proof, head + most + proof)
    }

    /// Bytes of the tag or signature at the end.
    const fn proof_len(self) -> usize {
        match self {
            Self::Message | Self::Dated => SHORT_TAG_LEN,
            Self::Signed | Self::Checkpoint => SIGNATURE_LEN,
        }
    }
}

/// The code of the longest lifetime that is not longer than this; of the shortest if there is none.
pub fn lifetime_code(lifetime_s: u32) -> u8 {
    let longer = LITE_LIFETIMES_S.partition_point(|known| *known <= lifetime_s);
    longer.saturating_sub(1) as u8
}

/// A well-formed lite object of unknown origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteObject {
    bytes: Box<[u8]>,
    digest: [u8; 32],
    form: Form,
}

impl LiteObject {
    /// Checks layout and ranges of the body of a frame.
    ///
    /// # Errors
    /// [`Malformed`] bytes, [`PeerMisbehaved::Expired`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let (head, stays) = bytes
            .split_at_checked(FORM_AT)
            .filter(|(_, stays)| stays.len() > LABEL_AT - FORM_AT)
            .ok_or(Malformed::MissingData("lite channel object"))?;
        let form = Form::of(stays[0]).ok_or(Malformed::OutOfRange("form"))?;
        if usize::from(stays[1]) >= LITE_LIFETIMES_S.len() {
            return Err(Malformed::OutOfRange("lifetime").into());
        }
        let len = bytes.len() - LABEL_AT;
        let (least, most) = form.lens();
        if len < least {
            return Err(Malformed::MissingData("lite channel object").into());
        }
        if len > most {
            return Err(Malformed::TooLong("lite channel object").into());
        }
        if form == Form::Checkpoint && !(len - least).is_multiple_of(CLAIM_LEN) {
            return Err(Malformed::OutOfRange("checkpoint").into());
        }
        if head[0] > HOPS_MAX {
            return Err(Malformed::OutOfRange("hops left").into());
        }
        let this = Self { bytes: bytes.into(), digest: digest_of(stays), form };
        if u64::from(this.age_ms()) >= u64::from(this.lifetime_s()) * 1_000 {
            return Err(PeerMisbehaved::Expired.into());
        }
        Ok(this)
    }

    /// Puts an object together. `ciphertext` and `proof` have the lengths of the form.
    pub(super) fn build(head: &Head, ciphertext: &[u8], proof: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(BODY_OVERHEAD + ciphertext.len() + proof.len());
        bytes.push(head.hops_left);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&head.fixed());
        bytes.extend_from_slice(ciphertext);
        bytes.extend_from_slice(proof);
        let digest = digest_of(&bytes[FORM_AT..]);
        Self { bytes: bytes.into(), digest, form: head.form }
    }

    /// What it is.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Names the object in the flood and in reconciliation.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// How many more times the receiver's copy may be forwarded.
    pub fn hops_left(&self) -> u8 {
        self.bytes[0]
    }

    /// Time spent in nodes.
    pub fn age_ms(&self) -> u32 {
        let (age, _) = self.bytes[1..].split_first_chunk().expect("parse() checked the length");
        u32::from_le_bytes(*age)
    }

    /// Its lifetime in seconds.
    pub fn lifetime_s(&self) -> u32 {
        LITE_LIFETIMES_S[usize::from(self.bytes[FORM_AT + 1])]
    }

    /// The code of its lifetime.
    pub fn lifetime_code(&self) -> u8 {
        self.bytes[FORM_AT + 1]
    }

    /// The label of its channel: two bytes that many channels may share.
    pub fn channel_label(&self) -> [u8; LABEL_LEN] {
        [self.bytes[LABEL_AT], self.bytes[LABEL_AT + 1]]
    }

    /// The label of its sender's voice and its counter; `None` for a checkpoint.
    pub fn voice(&self) -> Option<(u8, u16)> {
        let at = LABEL_AT + LABEL_LEN;
        (self.form != Form::Checkpoint)
            .then(|| (self.bytes[at], u16::from_le_bytes([self.bytes[at + 1], self.bytes[at + 2]])))
    }

    /// Length of the body.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: an object has a head.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is authenticated with the text: version and every field before it that stays.
    pub(super) fn associated(&self) -> Vec<u8> {
        associated(&self.bytes[FORM_AT..self.text_at()])
    }

    /// Ciphertext and proof.
    pub(super) fn sealed(&self) -> (&[u8], &[u8]) {
        self.bytes[self.text_at()..]
            .split_at(self.bytes.len() - self.text_at() - self.form.proof_len())
    }

    /// Appends the body with other mutable fields.
    pub fn write_body(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        Writer::new(out).u8(hops_left).u32(age_ms).bytes(&self.bytes[FORM_AT..]);
    }

    /// Appends a whole frame.
    pub fn write_frame(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        frame::begin(out, FrameKind::CHANNEL_LITE);
        self.write_body(hops_left, age_ms, out);
    }

    const fn text_at(&self) -> usize {
        match self.form {
            Form::Checkpoint => LABEL_AT + LABEL_LEN,
            _ => LABEL_AT + LABEL_LEN + VOICE_LEN,
        }
    }
}

/// The fields before the text.
pub(super) struct Head {
    pub(super) hops_left: u8,
    pub(super) form: Form,
    pub(super) lifetime: u8,
    pub(super) label: [u8; LABEL_LEN],
    /// Voice label and counter; `None` for a checkpoint.
    pub(super) voice: Option<(u8, u16)>,
}

impl Head {
    fn fixed(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(BODY_OVERHEAD);
        let mut w = Writer::new(&mut out);
        w.u8(self.form as u8).u8(self.lifetime).array(&self.label);
        if let Some((label, counter)) = self.voice {
            w.u8(label).array(&counter.to_le_bytes());
        }
        out
    }

    /// As [`LiteObject::associated`] will give it.
    pub(super) fn associated(&self) -> Vec<u8> {
        associated(&self.fixed())
    }
}

fn associated(fixed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(BODY_OVERHEAD);
    out.push(wire::VERSION);
    out.extend_from_slice(fixed);
    out
}

fn digest_of(stays: &[u8]) -> [u8; 32] {
    digest32(Domain::ChannelLite, &[&[wire::VERSION], stays])
}

/// Hops left 1, age 4.
pub(super) const FORM_AT: usize = 5;
/// Form 1, lifetime 1.
pub(super) const LABEL_AT: usize = FORM_AT + 2;
/// Length of a channel's label.
pub(super) const LABEL_LEN: usize = 2;
/// Voice label 1, counter 2.
pub(super) const VOICE_LEN: usize = 3;
/// Length of a wall clock: seconds that last until 2106.
pub(super) const DATE_LEN: usize = 4;
/// Length of a signature.
pub(super) const SIGNATURE_LEN: usize = 64;
/// Sender key 32, lineage 8, first counter 2, salt 8.
pub(super) const CHECKPOINT_FIXED_LEN: usize = 32 + 8 + 2 + 8;
/// Length of a claim in a checkpoint.
pub(super) const CLAIM_LEN: usize = 8;
const BODY_OVERHEAD: usize = LABEL_AT + LABEL_LEN + VOICE_LEN;
