//! What travels inside an end-to-end session: the plaintext of an opened envelope
//! (`specs/13-node.md`, `NODE-03`).

use alloc::vec::Vec;

use crate::{
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

/// Most preimages in one routed receipt: 512 × 16 bytes.
pub(super) const RECEIPTS_PER_INNER_MAX: usize = 512;

/// The plaintext of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner<'a> {
    /// A user's message; with `proof`, its sender asks for a transferable receipt.
    Message { head: MessageHead, proof: bool, payload: &'a [u8] },
    /// A transferable receipt, as a message of its own.
    Proof(MessageHead, &'a [u8]),
    /// The signature of a transferable receipt that claims no time, and four bits of the id of the
    /// message it is for: whoever asked knows the rest (`NODE-16`).
    ShortProof { hint: u8, signature: &'a [u8; 64] },
    /// Asks for a [`Inner::Pong`] of the same length.
    Ping { nonce: u64, padding: &'a [u8] },
    /// Answers a [`Inner::Ping`].
    Pong { nonce: u64, padding: &'a [u8] },
    /// Preimages of hash-locks, for an origin that the reverse path did not reach.
    Receipts(&'a [u8]),
    /// A mailbox command or answer.
    Mailbox(&'a [u8]),
    /// Whoever accepted an invite of ours, as a message of its own.
    Introduction(MessageHead, &'a [u8]),
    /// What an inviter decided, as a message of its own.
    Answer(MessageHead, &'a [u8]),
    /// The key of passes that the recipient of this may show us in place of work.
    Pass(&'a [u8; 16]),
    /// An envelope that a mailbox node kept for us, as a message of its own.
    Forwarded(MessageHead, &'a [u8]),
}

/// Which message of its sender a message is (`NODE-04`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageHead {
    /// Drawn at random by the sender at each start.
    pub(super) lineage: u64,
    /// Counts the sender's messages to this recipient in this lineage, from 0.
    pub(super) counter: u64,
    /// The smallest counter the sender still cares about: everything below is settled.
    pub(super) floor: u64,
}

const MESSAGE: u8 = 1;
const PING: u8 = 2;
const PONG: u8 = 3;
const RECEIPTS: u8 = 4;
const MAILBOX: u8 = 5;
const FORWARDED: u8 = 6;
const MESSAGE_ASKING: u8 = 7;
const PROOF: u8 = 8;
const INTRODUCTION: u8 = 9;
const ANSWER: u8 = 10;
const PASS: u8 = 11;
/// And the 15 kinds above it, by the hint.
const SHORT_PROOF: u8 = 16;
const SHORT_PROOF_LAST: u8 = SHORT_PROOF + 15;

impl<'a> Inner<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        Ok(match r.u8("inner kind")? {
            kind @ (MESSAGE | MESSAGE_ASKING) => {
                let (head, proof) = (MessageHead::read(&mut r)?, kind == MESSAGE_ASKING);
                Self::Message { head, proof, payload: r.rest() }
            }
            PROOF => Self::Proof(MessageHead::read(&mut r)?, r.rest()),
            kind @ SHORT_PROOF..=SHORT_PROOF_LAST => {
                let signature = r.bytes(64, "receipt signature")?;
                r.finish("receipt signature")?;
                let signature = signature.first_chunk();
                let signature = signature.ok_or(Malformed::MissingData("receipt signature"))?;
                Self::ShortProof { hint: kind - SHORT_PROOF, signature }
            }
            PING => Self::Ping { nonce: r.u64("nonce")?, padding: r.rest() },
            PONG => Self::Pong { nonce: r.u64("nonce")?, padding: r.rest() },
            RECEIPTS => {
                let ids = r.rest();
                if ids.is_empty()
                    || !ids.len().is_multiple_of(16)
                    || ids.len() > 16 * RECEIPTS_PER_INNER_MAX
                {
                    return Err(Malformed::OutOfRange("receipts").into());
                }
                Self::Receipts(ids)
            }
            MAILBOX => Self::Mailbox(r.rest()),
            INTRODUCTION => Self::Introduction(MessageHead::read(&mut r)?, r.rest()),
            ANSWER => Self::Answer(MessageHead::read(&mut r)?, r.rest()),
            PASS => {
                let key = r.bytes(16, "pass")?;
                r.finish("pass")?;
                Self::Pass(key.first_chunk().ok_or(Malformed::MissingData("pass"))?)
            }
            FORWARDED => Self::Forwarded(MessageHead::read(&mut r)?, r.rest()),
            kind => return Err(Unsupported::Kind(kind).into()),
        })
    }

    /// The fields before the last one, and the last one: what is sealed is the two in a row, so
    /// that a long payload is copied once.
    pub(super) fn parts(&self) -> (Vec<u8>, &'a [u8]) {
        let mut head = Vec::with_capacity(32);
        let mut w = Writer::new(&mut head);
        let rest = match self {
            Self::Message { head, proof, payload } => {
                w.u8(if *proof { MESSAGE_ASKING } else { MESSAGE });
                head.write(&mut w);
                payload
            }
            Self::Proof(head, receipt) => {
                w.u8(PROOF);
                head.write(&mut w);
                receipt
            }
            Self::ShortProof { hint, signature } => {
                w.u8(SHORT_PROOF + hint);
                &signature[..]
            }
            Self::Introduction(head, content) => {
                w.u8(INTRODUCTION);
                head.write(&mut w);
                content
            }
            Self::Answer(head, content) => {
                w.u8(ANSWER);
                head.write(&mut w);
                content
            }
            Self::Pass(key) => {
                w.u8(PASS);
                &key[..]
            }
            Self::Forwarded(head, envelope) => {
                w.u8(FORWARDED);
                head.write(&mut w);
                envelope
            }
            Self::Ping { nonce, padding } => {
                w.u8(PING).u64(*nonce);
                padding
            }
            Self::Pong { nonce, padding } => {
                w.u8(PONG).u64(*nonce);
                padding
            }
            Self::Receipts(ids) => {
                w.u8(RECEIPTS);
                ids
            }
            Self::Mailbox(body) => {
                w.u8(MAILBOX);
                body
            }
        };
        (head, rest)
    }

    /// The plaintext in one piece.
    #[cfg(test)]
    fn write(&self) -> Vec<u8> {
        let (mut out, rest) = self.parts();
        out.extend_from_slice(rest);
        out
    }
}

impl MessageHead {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let head = Self {
            lineage: r.u64("lineage")?,
            counter: r.varint("message counter")?,
            floor: r.varint("message floor")?,
        };
        if head.floor > head.counter || head.counter == u64::MAX {
            return Err(Malformed::OutOfRange("message counter"));
        }
        Ok(head)
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.u64(self.lineage);
        w.varint(self.counter);
        w.varint(self.floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Vec<u8>> {
        let head = MessageHead { lineage: 7, counter: 300, floor: 299 };
        [
            Inner::Message { head, proof: false, payload: b"hello" },
            Inner::Message { head, proof: true, payload: b"hello" },
            Inner::Proof(head, &[3; 9]),
            Inner::ShortProof { hint: 0, signature: &[8; 64] },
            Inner::ShortProof { hint: 15, signature: &[8; 64] },
            Inner::Ping { nonce: 9, padding: &[0; 3] },
            Inner::Pong { nonce: 9, padding: &[] },
            Inner::Receipts(&[5; 32]),
            Inner::Mailbox(&[1, 2]),
            Inner::Introduction(head, &[4; 20]),
            Inner::Answer(head, &[5; 17]),
            Inner::Pass(&[6; 16]),
            Inner::Forwarded(head, &[1; 50]),
        ]
        .iter()
        .map(Inner::write)
        .collect()
    }

    #[test]
    fn node_03_round_trip_and_truncation() {
        for bytes in samples() {
            assert_eq!(Inner::read(&bytes).expect("own output").write(), bytes);
            for len in 0..bytes.len() {
                if let Ok(inner) = Inner::read(&bytes[..len]) {
                    assert_eq!(inner.write(), &bytes[..len], "a shorter payload, still exact");
                }
            }
        }
    }

    #[test]
    fn node_03_message_layout() {
        let head = MessageHead { lineage: 1, counter: 300, floor: 2 };
        let bytes = Inner::Message { head, proof: false, payload: &[0xaa] }.write();
        assert_eq!(bytes, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0xac, 0x02, 2, 0xaa]);
    }

    #[test]
    fn node_16_layout() {
        let bytes = Inner::ShortProof { hint: 9, signature: &[7; 64] }.write();
        assert_eq!((bytes.len(), bytes[0], &bytes[1..]), (65, 25, &[7; 64][..]));
        assert!(Inner::read(&[&bytes[..], &[7]].concat()).is_err(), "nothing may follow");
        for len in 0..bytes.len() {
            assert!(Inner::read(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn node_04_floor_beyond_counter_is_refused() {
        let head = MessageHead { lineage: 1, counter: 1, floor: 2 };
        assert!(Inner::read(&Inner::Message { head, proof: true, payload: &[] }.write()).is_err());
    }
}
