//! Transferable receipts: a signature of the recipient that a third party can check
//! (`specs/13-node.md`, `NODE-12`).

use alloc::vec::Vec;

use crate::{
    crypto::{
        Mode,
        hash::{self, Domain},
        sign,
    },
    envelope::MessageId,
    error::{Error, PeerMisbehaved},
    identity::MeshIdentity,
    wire::{Reader, Writer},
};

/// "I received this", signed by the recipient's node key.
///
/// It names the sender's key, so that nobody else can claim to have been receipted, and the
/// payload by its SHA-256, so that whoever is shown the payload can check that it is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferableReceipt {
    /// The message, as both ends name it.
    pub message: MessageId,
    /// The sender's node key.
    pub sender: [u8; 32],
    /// The recipient's node key, which signed.
    pub recipient: [u8; 32],
    /// SHA-256 of the payload.
    pub payload_sha256: [u8; 32],
    /// The recipient's wall clock in seconds, as it claims; 0 when it had none.
    pub unix_secs: u64,
    signature: [u8; 64],
}

impl TransferableReceipt {
    /// Bytes of a receipt in full.
    pub const LEN: usize = 184;

    /// Signs a receipt.
    pub(crate) fn sign(
        mode: Mode,
        identity: &MeshIdentity,
        message: MessageId,
        sender: [u8; 32],
        payload: &[u8],
        unix_secs: u64,
    ) -> Self {
        let mut this = Self {
            message,
            sender,
            recipient: *identity.public().node_key(),
            payload_sha256: hash::sha256(payload),
            unix_secs,
            signature: [0; 64],
        };
        this.signature = identity.sign(mode, &this.digest());
        this
    }

    /// The receipt that a short form stands for, if it is for this message: its signature alone is
    /// on the way, the rest is what the sender of the message knows (`NODE-16`). The words that are
    /// signed are the same in both forms.
    pub(crate) fn from_signature(
        mode: Mode,
        message: MessageId,
        (sender, recipient): (&[u8; 32], &[u8; 32]),
        payload_sha256: [u8; 32],
        signature: &[u8; 64],
    ) -> Result<Self, PeerMisbehaved> {
        let (sender, recipient) = (*sender, *recipient);
        let this = Self {
            message,
            sender,
            recipient,
            payload_sha256,
            unix_secs: 0,
            signature: *signature,
        };
        this.verify_signature(mode).map(|()| this)
    }

    /// Four bits of the message's id and the signature, which are the short form. A receipt that
    /// claims a time has none.
    pub(crate) fn short(&self) -> Option<(u8, [u8; 64])> {
        (self.unix_secs == 0).then_some((Self::hint(&self.message), self.signature))
    }

    /// Four bits of a message's id.
    pub(crate) const fn hint(message: &MessageId) -> u8 {
        message.0[0] & 15
    }

    fn digest(&self) -> [u8; 32] {
        let secs = self.unix_secs.to_le_bytes();
        let parts: [&[u8]; 5] =
            [&self.message.0, &self.sender, &self.recipient, &self.payload_sha256, &secs];
        hash::digest32(Domain::Receipt, &parts)
    }

    /// Checks the signature, and that it is about this payload.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadSignature`] when it does not hold, [`PeerMisbehaved::Unsolicited`] when
    /// it is about another payload.
    pub fn verify(&self, payload: &[u8]) -> Result<(), PeerMisbehaved> {
        self.verify_signature(Mode::Real)?;
        let same = hash::sha256(payload) == self.payload_sha256;
        if same { Ok(()) } else { Err(PeerMisbehaved::Unsolicited) }
    }

    pub(crate) fn verify_signature(&self, mode: Mode) -> Result<(), PeerMisbehaved> {
        sign::verify(mode, &self.recipient, &self.digest(), &self.signature)
    }

    /// The receipt as it is stored and shown, [`Self::LEN`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        let mut w = Writer::new(&mut out);
        w.array(&self.message.0).array(&self.sender).array(&self.recipient);
        w.array(&self.payload_sha256).u64(self.unix_secs).array(&self.signature);
        out
    }

    /// Reads a receipt. Nothing is verified yet.
    ///
    /// # Errors
    /// Malformed bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let this = Self {
            message: MessageId(r.array("message id")?),
            sender: r.array("sender key")?,
            recipient: r.array("recipient key")?,
            payload_sha256: r.array("payload digest")?,
            unix_secs: r.u64("wall clock")?,
            signature: r.array("signature")?,
        };
        r.finish("receipt")?;
        Ok(this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rng::NodeRng;

    fn sample() -> TransferableReceipt {
        let identity = MeshIdentity::generate(&mut NodeRng::from_seed([4; 32]), false);
        let message = MessageId([1; 16]);
        TransferableReceipt::sign(Mode::Real, &identity, message, [2; 32], b"paid", 1_700_000_000)
    }

    #[test]
    fn node_16_both_forms_verify_alike() {
        let identity = MeshIdentity::generate(&mut NodeRng::from_seed([4; 32]), false);
        let (message, sender) = (MessageId([0x2b; 16]), [2; 32]);
        let full = TransferableReceipt::sign(Mode::Real, &identity, message, sender, b"paid", 0);
        let (hint, signature) = full.short().expect("it claims no time");
        assert_eq!(hint, 0xb);
        let recipient = *identity.public().node_key();
        let from = |message, sender: &[u8; 32], paid: &[u8], signature: &[u8; 64]| {
            let ends = (sender, &recipient);
            let digest = hash::sha256(paid);
            TransferableReceipt::from_signature(Mode::Real, message, ends, digest, signature)
        };
        assert_eq!(from(message, &sender, b"paid", &signature), Ok(full));
        assert_eq!(full.verify(b"paid"), Ok(()));
        assert!(from(MessageId([0x2c; 16]), &sender, b"paid", &signature).is_err());
        assert!(from(message, &[3; 32], b"paid", &signature).is_err());
        assert!(from(message, &sender, b"owed", &signature).is_err());
        for bit in 0..8 * signature.len() {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(from(message, &sender, b"paid", &flipped).is_err(), "bit {bit}");
        }
        let timed = TransferableReceipt::sign(Mode::Real, &identity, message, sender, b"paid", 9);
        assert_eq!(timed.short(), None, "the time would be lost");
    }

    #[test]
    fn node_12_round_trip_truncation_and_bit_flips() {
        let receipt = sample();
        let bytes = receipt.to_bytes();
        assert_eq!(bytes.len(), TransferableReceipt::LEN);
        assert_eq!(TransferableReceipt::parse(&bytes), Ok(receipt));
        assert_eq!(receipt.verify(b"paid"), Ok(()));
        assert_eq!(receipt.verify(b"paid!"), Err(PeerMisbehaved::Unsolicited));
        for len in 0..bytes.len() {
            assert!(TransferableReceipt::parse(&bytes[..len]).is_err());
        }
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = TransferableReceipt::parse(&flipped).expect("fixed width");
            assert!(flipped.verify(b"paid").is_err(), "bit {bit}");
        }
    }
}
