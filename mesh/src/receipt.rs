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
    /// Bytes of a receipt.
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
