//! A request that is being made: keys are chosen, its work is still to be done.

use alloc::vec::Vec;
use core::fmt;

use mesh::{
    Address,
    crypto::{kdf::Secret, kem::X25519Key, rng::NodeRng},
    envelope::{Admission, Search},
    error::PeerMisbehaved,
};
use zeroize::Zeroizing;

use super::{
    super::{
        keys::SubKey,
        letter::{About, Unsealed, hour},
        limits::{WORK_BITS_MAX, WORK_BITS_MIN},
        message::{Hold, Request, RequestId},
    },
    entry::{Entry, State},
};
use crate::UnixSeconds;

/// What a reservation needs of an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The announce and the slot.
    pub about: About,
    /// The practice's root key.
    pub therapist: [u8; 32],
    /// Its sub-key.
    pub sub_key: SubKey,
    /// Its mailbox nodes, one or two.
    pub mailboxes: Vec<Address>,
    /// When the slot begins.
    pub start: UnixSeconds,
    /// How long it lasts.
    pub minutes: u16,
}

/// Why a request cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// The announce names no mailbox node, or more than two.
    Mailboxes,
    /// The slot has begun.
    Past,
    /// The sub-key is none.
    WeakKey(PeerMisbehaved),
}

/// A request before it is sent. It is not stored: nobody was told of it.
pub struct Draft {
    wanted: Wanted,
    unsealed: Unsealed,
    request: Request,
    reply_seed: Secret,
    search: Search,
    found: bool,
}

impl Draft {
    /// Chooses keys for a request. Answers come to `mailbox`, which anybody may be but should not be
    /// the practice's own; `work_bits` is what a practice asked for, or 0.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn new(
        now: UnixSeconds,
        wanted: Wanted,
        hold: Hold,
        mailbox: Address,
        work_bits: u8,
        rng: &mut NodeRng,
    ) -> Result<Self, DraftError> {
        if wanted.mailboxes.is_empty() || wanted.mailboxes.len() > super::MAILBOXES_MAX {
            return Err(DraftError::Mailboxes);
        }
        if wanted.start <= now {
            return Err(DraftError::Past);
        }
        let unsealed =
            Unsealed::new(wanted.about, &wanted.sub_key, rng).map_err(DraftError::WeakKey)?;
        let reply_seed = Zeroizing::new(rng.array());
        let request = Request {
            id: RequestId(rng.array()),
            made_at: now,
            hold,
            reply_key: X25519Key::from_seed(*reply_seed).public(),
            mailbox,
            tag: rng.array(),
            work: 0,
        };
        let bits = work_bits.clamp(WORK_BITS_MIN, WORK_BITS_MAX);
        let search = Search::for_puzzle(unsealed.puzzle(hour(now.0)), bits);
        Ok(Self { wanted, unsealed, request, reply_seed, search, found: false })
    }

    /// Tries that many nonces; whether the work is done.
    pub fn step(&mut self, tries: u32) -> bool {
        if !self.found
            && let Some(Admission::Work { nonce }) = self.search.step(tries)
        {
            self.request.work = nonce;
            self.found = true;
        }
        self.found
    }

    /// Whether the work is done.
    pub const fn is_done(&self) -> bool {
        self.found
    }

    /// What somebody could seal who does no work.
    #[cfg(test)]
    pub(in super::super) fn without_work(mut self) -> (super::super::Letter, RequestId) {
        self.request.work = !self.request.work;
        self.named()
    }

    /// The letter, of a draft that is not submitted.
    #[cfg(test)]
    pub(in super::super) fn named(self) -> (super::super::Letter, RequestId) {
        let (id, entry) = self.seal();
        (entry.letter.expect("sealed"), id)
    }

    /// The letter of a request that takes the name of another.
    #[cfg(test)]
    pub(in super::super) fn renamed(mut self, id: RequestId) -> super::super::Letter {
        self.request.id = id;
        self.named().0
    }

    pub(super) fn seal(self) -> (RequestId, Entry) {
        let (letter, psk) = self.unsealed.seal(&self.request);
        let entry = Entry {
            about: self.wanted.about,
            suite: letter.suite(),
            therapist: self.wanted.therapist,
            sub_key: *self.wanted.sub_key.x25519(),
            mailboxes: self.wanted.mailboxes,
            start: self.wanted.start,
            minutes: self.wanted.minutes,
            made_at: self.request.made_at,
            hold: self.request.hold,
            reply_seed: self.reply_seed,
            mailbox: self.request.mailbox,
            tag: self.request.tag,
            psk,
            letter: Some(letter),
            state: State::Requested,
            follow_key: None,
            contact: None,
            alternatives: Vec::new(),
            tries: 0,
            next_try: self.request.made_at,
        };
        (self.request.id, entry)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({:?})", self.request.id)
    }
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mailboxes => "the announce names no mailbox node to write to",
            Self::Past => "the appointment has begun",
            Self::WeakKey(_) => "the announce's sub-key is none",
        })
    }
}

impl core::error::Error for DraftError {}
