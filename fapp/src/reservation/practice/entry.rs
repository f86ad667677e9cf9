//! A request as the practice keeps it, and its row.

use alloc::{string::String, vec::Vec};

use mesh::{
    Address,
    crypto::{
        kdf::{self, Secret},
        kem::X25519Key,
    },
    error::Malformed,
    identity::Suite,
    wire::{Reader, Writer},
};
use zeroize::Zeroizing;

use super::super::{
    letter::{About, Thread},
    limits::CONTACT_LEN_MAX,
    message::{FollowUp, Reason, RequestId},
    rows::Row,
};
use crate::{AnnounceId, SlotId, UnixSeconds};

/// What became of a request (`RSV-41`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits.
    Requested,
    /// The slot is the patient's.
    Confirmed {
        /// Since when.
        at: UnixSeconds,
    },
    /// It is not.
    Declined {
        /// Since when.
        at: UnixSeconds,
        /// Why.
        reason: Reason,
        /// Bits with which there would have been room.
        work_bits: u8,
    },
    /// Nobody decided in time.
    Expired {
        /// Since when.
        at: UnixSeconds,
    },
    /// One of both took it back.
    Cancelled {
        /// Since when.
        at: UnixSeconds,
        /// [`Reason::Patient`] or [`Reason::Practice`].
        reason: Reason,
    },
}

/// A request and what is needed to answer it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) about: About,
    pub(crate) suite: Suite,
    /// The sub-key the request was sealed to.
    pub(crate) sub_key: [u8; 32],
    pub(crate) made_at: UnixSeconds,
    pub(crate) until: UnixSeconds,
    /// Counts requests in the order of their arrival.
    pub(crate) arrived: u64,
    pub(crate) bits: u8,
    pub(crate) reply_key: [u8; 32],
    pub(crate) mailbox: Address,
    pub(crate) tag: [u8; 16],
    pub(crate) psk: Secret,
    pub(crate) follow_seed: Secret,
    pub(crate) status: Status,
    pub(crate) contact: Option<Zeroizing<String>>,
}

impl Status {
    /// Since when it is decided; `None` while it waits.
    pub const fn at(&self) -> Option<UnixSeconds> {
        match self {
            Self::Requested => None,
            Self::Confirmed { at }
            | Self::Declined { at, .. }
            | Self::Expired { at }
            | Self::Cancelled { at, .. } => Some(*at),
        }
    }

    const fn fields(&self) -> (u8, Reason, u8, UnixSeconds) {
        match *self {
            Self::Requested => (0, Reason::None, 0, UnixSeconds(0)),
            Self::Confirmed { at } => (1, Reason::None, 0, at),
            Self::Declined { at, reason, work_bits } => (2, reason, work_bits, at),
            Self::Expired { at } => (3, Reason::None, 0, at),
            Self::Cancelled { at, reason } => (4, reason, 0, at),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code = r.u8("status")?;
        let reason = Reason::from_code(r.u8("reason")?).ok_or(Malformed::OutOfRange("reason"))?;
        let (work_bits, at) = (r.u8("work bits")?, UnixSeconds(r.u64("decision time")?));
        match code {
            0 => Ok(Self::Requested),
            1 => Ok(Self::Confirmed { at }),
            2 => Ok(Self::Declined { at, reason, work_bits }),
            3 => Ok(Self::Expired { at }),
            4 => Ok(Self::Cancelled { at, reason }),
            _ => Err(Malformed::OutOfRange("status")),
        }
    }
}

impl Entry {
    pub(crate) const fn waits(&self) -> bool {
        matches!(self.status, Status::Requested)
    }

    pub(crate) const fn confirmed(&self) -> bool {
        matches!(self.status, Status::Confirmed { .. })
    }

    pub(crate) fn thread(&self, id: RequestId) -> Thread<'_> {
        Thread { about: self.about, id, suite: self.suite, psk: &self.psk }
    }

    /// The private half of the follow key.
    pub(crate) fn follow_key(&self) -> X25519Key {
        X25519Key::from_seed(*kdf::expand(&self.follow_seed, b"qpc fapp follow key 1"))
    }

    pub(crate) fn row(&self, id: &RequestId) -> Row {
        let mut value = Vec::with_capacity(300);
        let mut w = Writer::new(&mut value);
        w.u8(FORMAT).array(&self.about.announce.0).array(&self.about.slot.0);
        w.u8(self.suite.code()).array(&self.sub_key);
        w.u64(self.made_at.0).u64(self.until.0).u64(self.arrived).u8(self.bits);
        w.array(&self.reply_key).array(self.mailbox.as_bytes()).array(&self.tag);
        w.array(&self.psk).array(&self.follow_seed);
        let (status, reason, work_bits, at) = self.status.fields();
        w.u8(status).u8(reason.code()).u8(work_bits).u64(at.0);
        w.prefixed(self.contact.as_ref().map_or("", |text| text.as_str()).as_bytes());
        Row::put(row_key(id), value)
    }

    pub(crate) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(value);
        if r.u8("request format")? != FORMAT {
            return Err(Malformed::OutOfRange("request format"));
        }
        let announce = AnnounceId(r.array("announce")?);
        let about = About { announce, slot: SlotId(r.array("slot")?) };
        let suite = Suite::from_code(r.u8("suite")?).ok_or(Malformed::OutOfRange("suite"))?;
        let entry = Self {
            about,
            suite,
            sub_key: r.array("sub-key")?,
            made_at: UnixSeconds(r.u64("request time")?),
            until: UnixSeconds(r.u64("hold")?),
            arrived: r.u64("arrival")?,
            bits: r.u8("bits")?,
            reply_key: r.array("reply key")?,
            mailbox: Address::from_bytes(r.array("reply mailbox")?),
            tag: r.array("tag")?,
            psk: Zeroizing::new(r.array("psk")?),
            follow_seed: Zeroizing::new(r.array("follow seed")?),
            status: Status::read(&mut r)?,
            contact: read_contact(&mut r)?,
        };
        r.finish("request row")?;
        Ok(entry)
    }
}

fn read_contact(r: &mut Reader<'_>) -> Result<Option<Zeroizing<String>>, Malformed> {
    let bytes = r.prefixed(CONTACT_LEN_MAX, "contact")?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| Malformed::OutOfRange("contact"))?;
    match FollowUp::contact(text)? {
        FollowUp::Contact(text) => Ok(Some(text)),
        FollowUp::Cancel => Ok(None),
    }
}

pub(crate) fn row_key(id: &RequestId) -> Vec<u8> {
    [&[ROW][..], &id.0].concat()
}

pub(crate) const ROW: u8 = b'r';
const FORMAT: u8 = 1;
