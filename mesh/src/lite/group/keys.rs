//! A group's keys, the voices of its members, sealing and opening (`MLG-05` to `MLG-09`).
//!
//! ```text
//! group secret
//!   ├─ "proof"      → proof key: part of everything that is signed
//!   ├─ "checkpoint" → key of checkpoints
//!   ├─ "label"      → key of the voices' labels
//!   └─ "voice" ‖ sender ‖ lineage → root of a tree of keys, one for each counter
//! ```

use alloc::vec::Vec;
use core::fmt;

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};

use zeroize::Zeroize;

use super::object::{DATE_LEN, Form, Head, LABEL_LEN, LiteObject, SIGNATURE_LEN};
use crate::{
    crypto::{
        Mode,
        hash::{Domain, digest32, sha256},
        kdf::{self, Secret},
        sign,
    },
    error::{Error, PeerMisbehaved},
    identity::MeshIdentity,
    lite::ShortKey,
    session::tree::KeyTree,
    time::WallClock,
    wire::{self, Writer},
};

/// The keys of a group from which every message's key follows. Wiped when dropped.
pub struct GroupKeys {
    label: [u8; LABEL_LEN],
    voices: Secret,
    voice_labels: Secret,
    pub(super) proof: Secret,
    pub(super) checkpoint: Secret,
}

/// A member's run in a group: its keys and how it is named on air. Wiped when dropped.
#[derive(Clone)]
pub struct Voice {
    /// The member's node key.
    pub sender: [u8; 32],
    /// Its run.
    pub lineage: u64,
    /// What stands for both on air; others may have the same.
    pub label: u8,
    root: Secret,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Position among the sender's messages of this run, from 1.
    pub counter: u16,
    /// Code of the lifetime.
    pub lifetime: u8,
    /// The sender's wall clock, if it told it.
    pub sent_at: Option<WallClock>,
    /// What was published.
    pub payload: Vec<u8>,
}

impl GroupKeys {
    /// The keys of the group with this name and uniform secret.
    pub fn new(label: [u8; LABEL_LEN], secret: &[u8; 32]) -> Self {
        Self {
            label,
            voices: kdf::expand(secret, b"voice"),
            voice_labels: kdf::expand(secret, b"label"),
            proof: kdf::expand(secret, b"proof"),
            checkpoint: kdf::expand(secret, b"checkpoint"),
        }
    }

    /// Keys with which checkpoints are signed and read, and no message.
    pub(super) fn without_voices(
        label: [u8; LABEL_LEN],
        proof: [u8; 32],
        checkpoint: [u8; 32],
    ) -> Self {
        Self {
            label,
            voices: Secret::default(),
            voice_labels: Secret::default(),
            proof: Secret::new(proof),
            checkpoint: Secret::new(checkpoint),
        }
    }

    /// What stands for the group on air; others may have the same.
    pub const fn label(&self) -> [u8; LABEL_LEN] {
        self.label
    }

    /// The voice of a member's run.
    pub fn voice(&self, sender: &[u8; 32], lineage: u64) -> Voice {
        let name = [&sender[..], &lineage.to_le_bytes()].concat();
        let label = kdf::extract(self.voice_labels.as_slice(), &name);
        let root = kdf::extract(self.voices.as_slice(), &name);
        Voice { sender: *sender, lineage, label: label[0], root }
    }

    /// Seals a message that a checkpoint will prove (`MLG-06`). A wall clock beyond 2106 is left out.
    pub fn seal(&self, voice: &Voice, text: &Text, hops_left: u8) -> LiteObject {
        self.seal_under(&voice.leaf(text.counter), voice, text, hops_left)
    }

    /// [`Self::seal`] under the leaf of the voice's tree.
    pub(super) fn seal_under(
        &self,
        leaf: &Secret,
        voice: &Voice,
        text: &Text,
        hops_left: u8,
    ) -> LiteObject {
        let sent_at = text.sent_at.and_then(date_bytes);
        let form = if sent_at.is_some() { Form::Dated } else { Form::Message };
        let head = self.head(form, voice, text, hops_left);
        let mut bytes = sent_at.map_or_else(Vec::new, |date| date.to_vec());
        bytes.extend_from_slice(&text.payload);
        let (tag, _) = short_key(leaf).seal(&head.associated(), &mut bytes);
        LiteObject::build(&head, &bytes, &tag)
    }

    /// Seals a message that proves its sender at once (`MLG-07`). Its wall clock is left out.
    pub fn seal_signed(
        &self,
        mode: Mode,
        identity: &MeshIdentity,
        voice: &Voice,
        text: &Text,
        hops_left: u8,
    ) -> LiteObject {
        let text = Text { sent_at: None, ..text.clone() };
        let head = self.head(Form::Signed, voice, &text, hops_left);
        let signature = identity.sign(mode, &self.transcript(voice, &text));
        let mut bytes = text.payload;
        stream(&stream_key(&voice.leaf(text.counter)), &signature, &mut bytes);
        LiteObject::build(&head, &bytes, &signature)
    }

    /// Opens a message in a voice. What comes back was written by a member; by that very one if the
    /// form is [`Form::Signed`].
    ///
    /// # Errors
    /// [`PeerMisbehaved`]: another voice, another group, or damaged.
    pub fn open(&self, mode: Mode, object: &LiteObject, voice: &Voice) -> Result<Text, Error> {
        let counter = self.counter_in(object, voice)?;
        self.open_under(&voice.leaf(counter), mode, object, voice)
    }

    /// The counter of an object that may be of this voice.
    pub(super) fn counter_in(
        &self,
        object: &LiteObject,
        voice: &Voice,
    ) -> Result<u16, PeerMisbehaved> {
        match object.voice() {
            Some((label, counter))
                if label == voice.label && counter != 0 && object.channel_label() == self.label =>
            {
                Ok(counter)
            }
            _ => Err(PeerMisbehaved::BadTag),
        }
    }

    /// [`Self::open`] under the leaf of the voice's tree.
    pub(super) fn open_under(
        &self,
        leaf: &Secret,
        mode: Mode,
        object: &LiteObject,
        voice: &Voice,
    ) -> Result<Text, Error> {
        let counter = self.counter_in(object, voice)?;
        let (ciphertext, proof) = object.sealed();
        let mut payload = ciphertext.to_vec();
        let mut text =
            Text { counter, lifetime: object.lifetime_code(), sent_at: None, payload: Vec::new() };
        if let Ok(signature) = <&[u8; SIGNATURE_LEN]>::try_from(proof) {
            stream(&stream_key(leaf), signature, &mut payload);
            text.payload = payload;
            sign::verify(mode, &voice.sender, &self.transcript(voice, &text), signature)?;
            return Ok(text);
        }
        let tag = proof.try_into().expect("a proof is a tag or a signature");
        short_key(leaf).open(&object.associated(), &mut payload, tag)?;
        if object.form() == Form::Dated {
            let rest = payload.split_off(DATE_LEN);
            let date = payload.as_slice().try_into().expect("parse() checked that a date is there");
            text.sent_at = Some(WallClock { unix_secs: u32::from_le_bytes(date).into() });
            payload = rest;
        }
        text.payload = payload;
        Ok(text)
    }

    /// What a sender signs for a message, at once or in a checkpoint. Whoever has no key of the group
    /// cannot compute it, not even from a guess of the text.
    pub fn transcript(&self, voice: &Voice, text: &Text) -> [u8; 32] {
        let mut fixed = Vec::with_capacity(21);
        let mut w = Writer::new(&mut fixed);
        w.u8(wire::VERSION).u8(text.lifetime).u64(voice.lineage).array(&text.counter.to_le_bytes());
        let date = text.sent_at.and_then(date_bytes);
        w.u8(u8::from(date.is_some())).array(&date.unwrap_or_default());
        let payload = sha256(&text.payload);
        let parts = [b"lite", self.proof.as_slice(), &voice.sender, &fixed, &payload];
        digest32(Domain::ChannelSender, &parts)
    }

    /// Forgets what voices follow from: those that were derived are all there will be.
    pub(super) fn forget_voices(&mut self) {
        self.voices.zeroize();
        self.voice_labels.zeroize();
    }

    fn head(&self, form: Form, voice: &Voice, text: &Text, hops_left: u8) -> Head {
        let voice = Some((voice.label, text.counter));
        Head { hops_left, form, lifetime: text.lifetime, label: self.label, voice }
    }
}

impl Voice {
    fn leaf(&self, counter: u16) -> Secret {
        let tree = KeyTree::new(&self.root);
        tree.derive(counter.into()).expect("a whole tree has every counter").key
    }

    /// Takes the tree of keys out: what this voice said can be read with the tree alone.
    pub(super) fn take_tree(&mut self) -> KeyTree {
        let tree = KeyTree::new(&self.root);
        self.root.zeroize();
        tree
    }

    /// A voice without its tree.
    pub(super) fn bare(sender: [u8; 32], lineage: u64, label: u8) -> Self {
        Self { sender, lineage, label, root: Secret::default() }
    }
}

impl fmt::Debug for GroupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKeys")
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voice({:02x})", self.label)
    }
}

fn stream_key(leaf: &Secret) -> Secret {
    kdf::expand(leaf, b"qpc lite signed")
}

/// The key of a message from its leaf of the tree.
fn short_key(leaf: &Secret) -> ShortKey {
    ShortKey::derive(leaf, b"qpc lite group")
}

/// Encrypts or decrypts in place. The nonce is the start of a signature over the text: another text
/// has another one.
pub(super) fn stream(key: &Secret, signature: &[u8; SIGNATURE_LEN], text: &mut [u8]) {
    let (nonce, _) = signature.split_first_chunk::<12>().expect("12 is less than 64");
    ChaCha20::new(&(**key).into(), &(*nonce).into()).apply_keystream(text);
}

fn date_bytes(at: WallClock) -> Option<[u8; DATE_LEN]> {
    u32::try_from(at.unix_secs).ok().map(u32::to_le_bytes)
}
