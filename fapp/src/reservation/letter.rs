//! Letters: what lies at a mailbox node (`RSV-03` to `RSV-06`).
//!
//! ```text
//! label 16 | X25519 32 | rest            576 bytes, or 1,664 when the request's suite is X-Wing
//! ```
//!
//! Nothing in a letter tells a request from an answer or a follow-up, nor for whom it is.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use mesh::{
    crypto::{
        aead::TAG_LEN,
        hash::{Domain, digest16, digest32},
        kdf::{self, Secret},
        kem::{X25519_LEN, X25519Key, XWING_CIPHERTEXT_LEN, XWING_PUBLIC_LEN},
        rng::NodeRng,
    },
    error::{Error, Malformed, PeerMisbehaved},
    identity::Suite,
};
use zeroize::Zeroizing;

use super::{
    hpke::{self, Context, Psk},
    keys::SubKey,
    limits::CONTENT_LEN,
    message::{Answer, Content, FollowUp, Request, RequestId},
};
use crate::{AnnounceId, SlotId};

/// Length of a letter whose request was sealed with X25519: label 16, key 32, content 512, tag 16.
pub const LETTER_LEN: usize = 16 + X25519_LEN + CONTENT_LEN + TAG_LEN;

/// Length of a letter whose request was sealed with X-Wing.
pub const LETTER_LEN_XWING: usize = 16 + XWING_CIPHERTEXT_LEN + CONTENT_LEN + TAG_LEN;

/// The ML-KEM part of an X-Wing encapsulation, which comes before its X25519 part.
const ML_KEM_LEN: usize = XWING_CIPHERTEXT_LEN - X25519_LEN;

/// A label and ciphertext.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Letter(Vec<u8>);

impl Letter {
    /// Takes bytes of one of the two lengths.
    ///
    /// # Errors
    /// [`Malformed`] for any other.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.len() {
            LETTER_LEN | LETTER_LEN_XWING => Ok(Self(bytes.to_vec())),
            len if len < LETTER_LEN_XWING => Err(Malformed::MissingData("letter")),
            _ => Err(Malformed::TooLong("letter")),
        }
    }

    /// The bytes as they are sent and kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The label under which it is kept.
    pub fn label(&self) -> [u8; 16] {
        *self.0.first_chunk().expect("a letter is longer than its label")
    }

    /// The suite of the request it is or belongs to.
    pub fn suite(&self) -> Suite {
        if self.0.len() == LETTER_LEN { Suite::X25519 } else { Suite::XWing }
    }

    /// Its length for a suite.
    pub const fn len_of(suite: Suite) -> usize {
        match suite {
            Suite::X25519 => LETTER_LEN,
            Suite::XWing => LETTER_LEN_XWING,
        }
    }

    fn put_together(suite: Suite, label: &[u8; 16], enc: &[u8], sealed: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(Self::len_of(suite));
        bytes.extend_from_slice(label);
        bytes.extend_from_slice(enc);
        bytes.extend_from_slice(sealed);
        debug_assert_eq!(bytes.len(), Self::len_of(suite));
        Self(bytes)
    }

    fn x25519_part(&self) -> &[u8; X25519_LEN] {
        self.0[16..].first_chunk().expect("a letter is longer than its key")
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({} B)", self.0.len())
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The announce in which the slot was found.
    pub announce: AnnounceId,
    /// The slot.
    pub slot: SlotId,
}

impl About {
    fn info(&self, what: &[u8], request: Option<&RequestId>) -> Vec<u8> {
        let request = request.map_or(&[][..], |id| &id.0);
        [what, &self.announce.0, &self.slot.0, request].concat()
    }

    /// By which the practice finds the slot before it can open the request.
    pub(crate) fn hint(&self) -> [u8; 4] {
        let parts: &[&[u8]] = &[b"selector", &self.announce.0, &self.slot.0];
        let [a, b, c, d, ..] = digest16(Domain::FappReservation, parts);
        [a, b, c, d]
    }
}

/// A request whose encapsulation is made, and whose work is to be done for it.
pub struct Unsealed {
    about: About,
    suite: Suite,
    label: [u8; 16],
    /// In the order of a letter: the X25519 part first.
    enc: Vec<u8>,
    context: Context,
    sub_key: [u8; 32],
}

impl Unsealed {
    /// Encapsulates to a practice's sub-key, with X-Wing when that is known.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`].
    pub fn new(about: About, key: &SubKey, rng: &mut NodeRng) -> Result<Self, PeerMisbehaved> {
        let (suite, enc, shared) = match key.xwing() {
            Some(public) => {
                let (enc, shared) = hpke::encapsulate_xwing(public, rng)?;
                (Suite::XWing, rotate_right(&enc), shared)
            }
            None => {
                let ephemeral = X25519Key::from_seed(rng.array());
                let (enc, shared) = hpke::encapsulate_x25519(key.x25519(), &ephemeral)?;
                (Suite::X25519, enc.to_vec(), shared)
            }
        };
        let context = Context::new(suite, &shared, &about.info(REQUEST_INFO, None), None);
        let label = request_label(&shared, &about);
        Ok(Self { about, suite, label, enc, context, sub_key: *key.x25519() })
    }

    /// What the request's work is about, if it is made in this hour (`RSV-30`).
    pub fn puzzle(&self, hour: u32) -> [u8; 32] {
        puzzle(&self.sub_key, &self.about, hour, &self.enc)
    }

    /// Seals. Besides the letter: the key under which answers and follow-ups are sealed.
    pub fn seal(self, request: &Request) -> (Letter, Secret) {
        let psk = self.context.export(b"psk");
        let content = Content::Request(request.clone()).write(CONTENT_LEN);
        let sealed = self.context.seal(&self.label, &content);
        (Letter::put_together(self.suite, &self.label, &self.enc, &sealed), psk)
    }
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsealed({:?})", self.suite)
    }
}

/// A letter that was recognised as a request to a sub-key of ours, and for which slot.
pub struct Recognised<'a> {
    letter: &'a Letter,
    shared: Secret,
    hint: [u8; 4],
    sub_key: [u8; 32],
}

/// An opened request.
pub struct OpenedRequest {
    /// What it says.
    pub request: Request,
    /// The key under which answers and follow-ups are sealed.
    pub psk: Secret,
    /// What its work must be about.
    pub puzzle: [u8; 32],
}

impl<'a> Recognised<'a> {
    /// Tries one sub-key; `None` when the letter is not to it. It costs a decapsulation.
    pub fn by(letter: &'a Letter, keys: &super::keys::SubKeyPair) -> Option<Self> {
        let shared = match letter.suite() {
            Suite::X25519 => hpke::decapsulate_x25519(keys.x25519(), letter.x25519_part()),
            Suite::XWing => {
                let wire = letter.0[16..].first_chunk::<XWING_CIPHERTEXT_LEN>()?;
                hpke::decapsulate_xwing(keys.xwing(), &rotate_left(wire))
            }
        }
        .ok()?;
        let mask = label_mask(&shared);
        let label = letter.label();
        // Not secret any more: whoever made the letter knows both.
        if label[..12] != mask[..12] {
            return None;
        }
        let hint = core::array::from_fn(|i| label[12 + i] ^ mask[12 + i]);
        Some(Self { letter, shared, hint, sub_key: keys.x25519().public() })
    }

    /// Whether it says that it is for this slot of this announce.
    pub fn is_about(&self, about: &About) -> bool {
        self.hint == about.hint()
    }

    /// Opens it for a slot.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it was made for another, [`Malformed`] when what is inside is
    /// no request.
    pub fn open(&self, about: &About) -> Result<OpenedRequest, Error> {
        let suite = self.letter.suite();
        let context = Context::new(suite, &self.shared, &about.info(REQUEST_INFO, None), None);
        let enc_len = match suite {
            Suite::X25519 => X25519_LEN,
            Suite::XWing => XWING_CIPHERTEXT_LEN,
        };
        let (enc, sealed) = self.letter.0[16..].split_at(enc_len);
        let content = context.open(&self.letter.label(), sealed)?;
        let Content::Request(request) = Content::read(&content)? else {
            return Err(Malformed::OutOfRange("content kind").into());
        };
        let puzzle = puzzle(&self.sub_key, about, hour(request.made_at.0), enc);
        Ok(OpenedRequest { request, psk: context.export(b"psk"), puzzle })
    }
}

impl fmt::Debug for Recognised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recognised")
    }
}

impl fmt::Debug for OpenedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedRequest({:?})", self.request.id)
    }
}

/// What both ends of a request know: its letters are sealed under it.
pub struct Thread<'a> {
    /// What the request is about.
    pub about: About,
    /// Its name.
    pub id: RequestId,
    /// Its suite.
    pub suite: Suite,
    /// The key that came out of it.
    pub psk: &'a [u8; 32],
}

impl Thread<'_> {
    /// Seals an answer to the patient's one-time key.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] when that is none.
    pub fn seal_answer(
        &self,
        reply_key: &[u8; 32],
        tag: &[u8; 16],
        answer: &Answer,
    ) -> Result<Letter, PeerMisbehaved> {
        let label = answer_label(tag, answer.verdict.number());
        self.seal(ANSWER_INFO, reply_key, &label, &Content::Answer(answer.clone()))
    }

    /// Opens an answer.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it is not of the practice that opened the request.
    pub fn open_answer(&self, own: &X25519Key, letter: &Letter) -> Result<Answer, Error> {
        match self.open(ANSWER_INFO, own, letter)? {
            Content::Answer(answer) => Ok(answer),
            _ => Err(Malformed::OutOfRange("content kind").into()),
        }
    }

    /// Seals a follow-up to the sub-key of the request or, once confirmed, to the follow key.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] when that is none.
    pub fn seal_follow_up(
        &self,
        to: FollowTo<'_>,
        follow: &FollowUp,
    ) -> Result<Letter, PeerMisbehaved> {
        let label = follow_label(self.psk, follow.what(), to.code());
        self.seal(FOLLOW_INFO, to.key(), &label, &Content::FollowUp(follow.clone()))
    }

    /// Opens a follow-up.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it is not of who made the request.
    pub fn open_follow_up(&self, own: &X25519Key, letter: &Letter) -> Result<FollowUp, Error> {
        match self.open(FOLLOW_INFO, own, letter)? {
            Content::FollowUp(follow) => Ok(follow),
            _ => Err(Malformed::OutOfRange("content kind").into()),
        }
    }

    fn seal(
        &self,
        info: &[u8],
        to: &[u8; 32],
        label: &[u8; 16],
        content: &Content,
    ) -> Result<Letter, PeerMisbehaved> {
        let text = content.write(area(self.suite));
        // The same content is the same letter, another content has another key (`RSV-06`).
        let digest = digest32(Domain::FappReservation, &[b"ephemeral", label, &text]);
        let seed = kdf::expand(&kdf::extract(EPHEMERAL_SALT, self.psk), &digest);
        let (enc, shared) = hpke::encapsulate_x25519(to, &X25519Key::from_seed(*seed))?;
        let sealed = self.context(info, &shared).seal(label, &text);
        Ok(Letter::put_together(self.suite, label, &enc, &sealed))
    }

    fn open(&self, info: &[u8], own: &X25519Key, letter: &Letter) -> Result<Content, Error> {
        if letter.suite() != self.suite {
            return Err(PeerMisbehaved::BadTag.into());
        }
        let shared = hpke::decapsulate_x25519(own, letter.x25519_part())?;
        let sealed = &letter.0[16 + X25519_LEN..];
        let content = self.context(info, &shared).open(&letter.label(), sealed)?;
        Ok(Content::read(&content)?)
    }

    fn context(&self, info: &[u8], shared: &[u8; 32]) -> Context {
        let psk = Psk { key: self.psk, id: PSK_ID };
        Context::new(Suite::X25519, shared, &self.about.info(info, Some(&self.id)), Some(psk))
    }
}

impl fmt::Debug for Thread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thread({:?})", self.id)
    }
}

/// To which key of the practice a follow-up is sealed.
#[derive(Clone, Copy, Debug)]
pub enum FollowTo<'a> {
    /// The sub-key of the request: it is not confirmed yet.
    SubKey(&'a [u8; 32]),
    /// The follow key of the confirmation.
    FollowKey(&'a [u8; 32]),
}

impl FollowTo<'_> {
    const fn code(&self) -> u8 {
        match self {
            Self::SubKey(_) => TO_SUB_KEY,
            Self::FollowKey(_) => TO_FOLLOW_KEY,
        }
    }

    const fn key(&self) -> &[u8; 32] {
        match self {
            Self::SubKey(key) | Self::FollowKey(key) => key,
        }
    }
}

/// The label of an answer.
pub fn answer_label(tag: &[u8; 16], number: u8) -> [u8; 16] {
    digest16(Domain::FappReservation, &[b"answer", tag, &[number]])
}

/// The label of a follow-up.
pub fn follow_label(psk: &[u8; 32], what: u8, key: u8) -> [u8; 16] {
    digest16(Domain::FappReservation, &[b"follow", psk, &[what, key]])
}

/// Hours since 1970 of a time in seconds: the epoch of work. It wraps in the year 490,000.
pub(super) const fn hour(seconds: u64) -> u32 {
    (seconds / 3_600) as u32
}

fn puzzle(sub_key: &[u8; 32], about: &About, hour: u32, enc: &[u8]) -> [u8; 32] {
    let enc = mesh::crypto::hash::sha256(enc);
    let hour = hour.to_le_bytes();
    let parts: &[&[u8]] = &[b"work", sub_key, &about.announce.0, &about.slot.0, &hour, &enc];
    digest32(Domain::FappReservation, parts)
}

fn label_mask(shared: &[u8; 32]) -> Zeroizing<[u8; 16]> {
    kdf::expand(&kdf::extract(LABEL_SALT, shared), b"label")
}

fn request_label(shared: &[u8; 32], about: &About) -> [u8; 16] {
    let mut label = *label_mask(shared);
    label[12..].iter_mut().zip(about.hint()).for_each(|(byte, hint)| *byte ^= hint);
    label
}

/// Bytes of an answer's or follow-up's content: what fills the letter.
const fn area(suite: Suite) -> usize {
    Letter::len_of(suite) - 16 - X25519_LEN - TAG_LEN
}

/// X-Wing's order, ML-KEM then X25519, in the order of letters.
fn rotate_right(enc: &[u8; XWING_CIPHERTEXT_LEN]) -> Vec<u8> {
    [&enc[ML_KEM_LEN..], &enc[..ML_KEM_LEN]].concat()
}

fn rotate_left(wire: &[u8; XWING_CIPHERTEXT_LEN]) -> Box<[u8; XWING_CIPHERTEXT_LEN]> {
    let mut enc = Box::new(*wire);
    enc.rotate_left(X25519_LEN);
    enc
}

/// An X-Wing public key, on the heap.
pub(crate) type XWingPublic = Box<[u8; XWING_PUBLIC_LEN]>;

pub(crate) const TO_SUB_KEY: u8 = 0;
pub(crate) const TO_FOLLOW_KEY: u8 = 1;
const REQUEST_INFO: &[u8] = b"qpc fapp request 1";
const ANSWER_INFO: &[u8] = b"qpc fapp answer 1";
const FOLLOW_INFO: &[u8] = b"qpc fapp follow 1";
const PSK_ID: &[u8] = b"qpc fapp psk 1";
const LABEL_SALT: &[u8] = b"qpc fapp label 1";
const EPHEMERAL_SALT: &[u8] = b"qpc fapp ephemeral 1";
