//! What a sender signs for messages it sent without a signature (`MLG-10` to `MLG-12`).

use alloc::vec::Vec;

use subtle::ConstantTimeEq;

use super::{
    keys::{GroupKeys, Voice, stream},
    object::{CHECKPOINT_FIXED_LEN, CLAIM_LEN, Form, Head, LiteObject, SIGNATURE_LEN},
};
use crate::{
    crypto::{
        Mode,
        hash::{Domain, digest32},
        sign,
    },
    error::{Error, Malformed, PeerMisbehaved},
    identity::MeshIdentity,
    limits::{GROUP_CHECKPOINT_MAX, GROUP_COUNTER_MAX},
    rules::{Rule, Rules},
    wire::{Reader, Writer},
};

/// A sender's word on messages of one run with consecutive counters. Its signature held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Who signed it.
    pub sender: [u8; 32],
    /// The run.
    pub lineage: u64,
    /// Counter of the first message.
    pub first: u16,
    /// One claim for each message; none when it only introduces the sender.
    pub claims: Vec<Claim>,
}

/// What a checkpoint says of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    salt: [u8; SALT_LEN],
    digest: [u8; CLAIM_LEN],
}

impl Claim {
    fn new(salt: [u8; SALT_LEN], transcript: &[u8; 32]) -> Self {
        let whole = digest32(Domain::ChannelCheckpoint, &[b"claim", &salt, transcript]);
        let (digest, _) = whole.split_first_chunk().expect("8 is less than 32");
        Self { salt, digest: *digest }
    }

    /// Whether it is about the message with this transcript ([`GroupKeys::transcript`]).
    pub fn fits(&self, transcript: &[u8; 32]) -> bool {
        Self::new(self.salt, transcript).digest.ct_eq(&self.digest).into()
    }
}

impl GroupKeys {
    /// Signs for at most [`GROUP_CHECKPOINT_MAX`] messages with consecutive counters. `salt` is fresh
    /// randomness, chosen after the messages were sent: until then nobody could aim at their claims.
    pub fn seal_checkpoint(
        &self,
        mode: Mode,
        identity: &MeshIdentity,
        voice: &Voice,
        (first, transcripts): (u16, &[[u8; 32]]),
        (lifetime, hops_left): (u8, u8),
        salt: [u8; SALT_LEN],
    ) -> LiteObject {
        let covered = &transcripts[..transcripts.len().min(GROUP_CHECKPOINT_MAX)];
        let mut text = Vec::with_capacity(CHECKPOINT_FIXED_LEN + covered.len() * CLAIM_LEN);
        let mut w = Writer::new(&mut text);
        w.array(&voice.sender).u64(voice.lineage).array(&first.to_le_bytes()).array(&salt);
        for transcript in covered {
            w.array(&Claim::new(salt, transcript).digest);
        }
        let head =
            Head { hops_left, form: Form::Checkpoint, lifetime, label: self.label(), voice: None };
        let signature = identity.sign(mode, &self.checkpoint_digest(&head.associated(), &text));
        stream(&self.checkpoint, &signature, &mut text);
        LiteObject::build(&head, &text, &signature)
    }

    /// Opens a checkpoint and verifies its signature.
    ///
    /// # Errors
    /// [`PeerMisbehaved`] when it is of another group or forged, [`Malformed`] when a member signed
    /// nonsense.
    pub fn open_checkpoint(&self, mode: Mode, object: &LiteObject) -> Result<Checkpoint, Error> {
        self.read_checkpoint(Rules::ALL, mode, object)
    }

    /// The same, with a rule broken if a test says so.
    pub(crate) fn read_checkpoint(
        &self,
        rules: Rules,
        mode: Mode,
        object: &LiteObject,
    ) -> Result<Checkpoint, Error> {
        let (ciphertext, proof) = object.sealed();
        let Ok(signature) = <&[u8; SIGNATURE_LEN]>::try_from(proof) else {
            return Err(PeerMisbehaved::BadTag.into());
        };
        if object.form() != Form::Checkpoint || object.channel_label() != self.label() {
            return Err(PeerMisbehaved::BadTag.into());
        }
        let mut text = ciphertext.to_vec();
        stream(&self.checkpoint, signature, &mut text);
        let mut r = Reader::new(&text);
        let (sender, lineage) = (r.array("sender key")?, r.u64("lineage")?);
        if rules.holds(Rule::CheckpointSigned) {
            let digest = self.checkpoint_digest(&object.associated(), &text);
            sign::verify(mode, &sender, &digest, signature)?;
        }
        let first = u16::from_le_bytes(r.array("first counter")?);
        let salt = r.array("salt")?;
        let (digests, _) = r.rest().as_chunks();
        let claims: Vec<_> = digests.iter().map(|digest| Claim { salt, digest: *digest }).collect();
        let last = u32::from(first) + claims.len() as u32;
        if first == 0 || last > GROUP_COUNTER_MAX + 1 {
            return Err(Malformed::OutOfRange("first counter").into());
        }
        Ok(Checkpoint { sender, lineage, first, claims })
    }

    fn checkpoint_digest(&self, associated: &[u8], text: &[u8]) -> [u8; 32] {
        let parts = [b"sign", self.proof.as_slice(), associated, text];
        digest32(Domain::ChannelCheckpoint, &parts)
    }
}

/// Length of a checkpoint's salt.
pub(super) const SALT_LEN: usize = 8;
