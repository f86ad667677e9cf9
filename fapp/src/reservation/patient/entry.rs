//! A reservation as the patient keeps it, and its row.

use alloc::{string::String, vec::Vec};

use mesh::{
    Address,
    crypto::{kdf::Secret, kem::X25519Key},
    error::Malformed,
    identity::Suite,
    wire::{Reader, Writer},
};
use zeroize::Zeroizing;

use super::super::{
    letter::{About, LETTER_LEN_XWING, Letter, Thread},
    limits::{ALTERNATIVES_MAX, CONTACT_LEN_MAX},
    message::{Alternative, Hold, Reason, RequestId},
    rows::Row,
};
use super::MAILBOXES_MAX;
use crate::{AnnounceId, SlotId, UnixSeconds};

/// What a reservation is, as far as the patient knows (`RSV-50`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Asked for. That is not booked.
    Requested,
    /// The practice said yes.
    Confirmed,
    /// It said no.
    Declined {
        /// Why.
        reason: Reason,
        /// Bits with which there would be room.
        work_bits: u8,
    },
    /// Nobody decided in time, or nothing was heard.
    Expired,
    /// One of both took it back.
    Cancelled {
        /// [`Reason::Patient`] or another, which is the practice's.
        reason: Reason,
        /// The practice knows.
        known: bool,
    },
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) about: About,
    pub(crate) suite: Suite,
    pub(crate) therapist: [u8; 32],
    pub(crate) sub_key: [u8; 32],
    pub(crate) mailboxes: Vec<Address>,
    pub(crate) start: UnixSeconds,
    pub(crate) minutes: u16,
    pub(crate) made_at: UnixSeconds,
    pub(crate) hold: Hold,
    pub(crate) reply_seed: Secret,
    pub(crate) mailbox: Address,
    pub(crate) tag: [u8; 16],
    pub(crate) psk: Secret,
    /// The request, until it is answered.
    pub(crate) letter: Option<Letter>,
    pub(crate) state: State,
    pub(crate) follow_key: Option<[u8; 32]>,
    pub(crate) contact: Option<Zeroizing<String>>,
    pub(crate) alternatives: Vec<Alternative>,
    /// How often it was sent in this run, and when again.
    pub(crate) tries: u8,
    pub(crate) next_try: UnixSeconds,
}

impl State {
    const fn fields(self) -> (u8, Reason, u8) {
        match self {
            Self::Requested => (0, Reason::None, 0),
            Self::Confirmed => (1, Reason::None, 0),
            Self::Declined { reason, work_bits } => (2, reason, work_bits),
            Self::Expired => (3, Reason::None, 0),
            Self::Cancelled { reason, known } => (4, reason, known as u8),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code = r.u8("state")?;
        let reason = Reason::from_code(r.u8("reason")?).ok_or(Malformed::OutOfRange("reason"))?;
        let more = r.u8("state detail")?;
        match code {
            0 => Ok(Self::Requested),
            1 => Ok(Self::Confirmed),
            2 => Ok(Self::Declined { reason, work_bits: more }),
            3 => Ok(Self::Expired),
            4 => Ok(Self::Cancelled { reason, known: more != 0 }),
            _ => Err(Malformed::OutOfRange("state")),
        }
    }
}

impl Entry {
    pub(crate) fn thread(&self, id: RequestId) -> Thread<'_> {
        Thread { about: self.about, id, suite: self.suite, psk: &self.psk }
    }

    pub(crate) fn reply_key(&self) -> X25519Key {
        X25519Key::from_seed(*self.reply_seed)
    }

    /// Until when the practice may confirm, by the clock that made the request.
    pub(crate) fn until(&self) -> UnixSeconds {
        UnixSeconds(self.made_at.0.saturating_add(self.hold.seconds())).min(self.start)
    }

    pub(crate) fn row(&self, id: &RequestId) -> Row {
        let letter = self.letter.as_ref().map_or(&[][..], Letter::bytes);
        let mut value = Vec::with_capacity(400 + letter.len());
        let mut w = Writer::new(&mut value);
        w.u8(FORMAT).array(&self.about.announce.0).array(&self.about.slot.0);
        w.u8(self.suite.code()).array(&self.therapist).array(&self.sub_key);
        // At most MAILBOXES_MAX.
        w.u8(self.mailboxes.len() as u8);
        self.mailboxes.iter().for_each(|node| {
            w.array(node.as_bytes());
        });
        w.u64(self.start.0).u16(self.minutes).u64(self.made_at.0).u8(self.hold.code());
        w.array(&self.reply_seed).array(self.mailbox.as_bytes()).array(&self.tag);
        w.array(&self.psk).prefixed(letter);
        let (state, reason, more) = self.state.fields();
        w.u8(state).u8(reason.code()).u8(more);
        w.array(&self.follow_key.unwrap_or_default());
        w.prefixed(self.contact.as_ref().map_or("", |text| text.as_str()).as_bytes());
        // At most ALTERNATIVES_MAX.
        w.u8(self.alternatives.len() as u8);
        self.alternatives.iter().for_each(|offered| {
            w.array(&offered.slot.0).u64(offered.start.0).u16(offered.minutes);
        });
        Row::put(row_key(id), value)
    }

    pub(crate) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(value);
        if r.u8("reservation format")? != FORMAT {
            return Err(Malformed::OutOfRange("reservation format"));
        }
        let announce = AnnounceId(r.array("announce")?);
        let entry = Self {
            about: About { announce, slot: SlotId(r.array("slot")?) },
            suite: Suite::from_code(r.u8("suite")?).ok_or(Malformed::OutOfRange("suite"))?,
            therapist: r.array("therapist")?,
            sub_key: r.array("sub-key")?,
            mailboxes: read_mailboxes(&mut r)?,
            start: UnixSeconds(r.u64("slot start")?),
            minutes: r.u16("slot length")?,
            made_at: UnixSeconds(r.u64("request time")?),
            hold: Hold::from_code(r.u8("hold")?).ok_or(Malformed::OutOfRange("hold"))?,
            reply_seed: Zeroizing::new(r.array("reply seed")?),
            mailbox: Address::from_bytes(r.array("reply mailbox")?),
            tag: r.array("tag")?,
            psk: Zeroizing::new(r.array("psk")?),
            letter: read_letter(&mut r)?,
            state: State::read(&mut r)?,
            follow_key: Some(r.array("follow key")?).filter(|key| *key != [0; 32]),
            contact: read_text(&mut r)?,
            alternatives: read_alternatives(&mut r)?,
            tries: 0,
            next_try: UnixSeconds(0),
        };
        r.finish("reservation row")?;
        Ok(entry)
    }
}

fn read_mailboxes(r: &mut Reader<'_>) -> Result<Vec<Address>, Malformed> {
    let count = usize::from(r.u8("mailboxes")?);
    if count == 0 || count > MAILBOXES_MAX {
        return Err(Malformed::OutOfRange("mailboxes"));
    }
    (0..count).map(|_| r.array("mailbox").map(Address::from_bytes)).collect()
}

fn read_letter(r: &mut Reader<'_>) -> Result<Option<Letter>, Malformed> {
    let bytes = r.prefixed(LETTER_LEN_XWING, "letter")?;
    if bytes.is_empty() { Ok(None) } else { Letter::parse(bytes).map(Some) }
}

fn read_text(r: &mut Reader<'_>) -> Result<Option<Zeroizing<String>>, Malformed> {
    let bytes = r.prefixed(CONTACT_LEN_MAX, "contact")?;
    let text = core::str::from_utf8(bytes).map_err(|_| Malformed::OutOfRange("contact"))?;
    Ok((!text.is_empty()).then(|| Zeroizing::new(text.into())))
}

fn read_alternatives(r: &mut Reader<'_>) -> Result<Vec<Alternative>, Malformed> {
    let count = usize::from(r.u8("alternatives")?);
    if count > ALTERNATIVES_MAX {
        return Err(Malformed::OutOfRange("alternatives"));
    }
    let mut alternatives = Vec::with_capacity(count);
    for _ in 0..count {
        let slot = SlotId(r.array("alternative")?);
        let start = UnixSeconds(r.u64("alternative start")?);
        alternatives.push(Alternative { slot, start, minutes: r.u16("alternative length")? });
    }
    Ok(alternatives)
}

pub(crate) fn row_key(id: &RequestId) -> Vec<u8> {
    [&[ROW][..], &id.0].concat()
}

pub(crate) const ROW: u8 = b'p';
const FORMAT: u8 = 1;
