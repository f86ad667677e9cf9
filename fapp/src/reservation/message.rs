//! What is inside a letter (`RSV-07`): request, answer, follow-up.

use alloc::{string::String, vec::Vec};
use core::fmt;

use mesh::{
    Address,
    error::Malformed,
    wire::{Reader, Writer},
};
use zeroize::Zeroizing;

use super::limits::{ALTERNATIVES_MAX, CONTACT_LEN_MAX, CONTENT_LEN, HOLD_KEPT_S, HOLD_ONLINE_S};
use crate::{SlotId, UnixSeconds};

/// Names a request at both its ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

/// How long a request is to wait for a decision (`RSV-44`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Both ends are online: 15 min.
    Online,
    /// It may be stored on its way: 24 h.
    Kept,
}

/// A patient's request for one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name, random.
    pub id: RequestId,
    /// When it was made, by the patient's clock.
    pub made_at: UnixSeconds,
    /// How long it waits.
    pub hold: Hold,
    /// The one-time X25519 key for answers.
    pub reply_key: [u8; 32],
    /// The mailbox node at which answers are fetched.
    pub mailbox: Address,
    /// Labels of answers are made of it; random.
    pub tag: [u8; 16],
    /// The nonce of its work (`RSV-30`).
    pub work: u64,
}

/// What a practice says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The slot is the patient's.
    Confirmed,
    /// It is not.
    Declined,
    /// Nobody decided in time.
    Expired,
    /// It was confirmed, and is not any more.
    Cancelled,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// None is given.
    None,
    /// Somebody else has the slot.
    Taken,
    /// The practice says no.
    Practice,
    /// Too many ask; with more work there is room.
    Busy,
    /// The slot is not offered any more.
    Gone,
    /// As the patient asked.
    Patient,
}

/// A free slot of the same practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Its name in the announce.
    pub slot: SlotId,
    /// When it begins.
    pub start: UnixSeconds,
    /// How long it lasts.
    pub minutes: u16,
}

/// A practice's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Zero bits of work with which there would be room; 0 unless the reason is [`Reason::Busy`].
    pub work_bits: u8,
    /// When it was decided, by the practice's clock.
    pub decided_at: UnixSeconds,
    /// The X25519 key for follow-ups; zero unless confirmed.
    pub follow_key: [u8; 32],
    /// Free slots in place of one that is refused, at most [`ALTERNATIVES_MAX`].
    pub alternatives: Vec<Alternative>,
}

/// What a patient says after a request.
#[derive(Clone, PartialEq, Eq)]
pub enum FollowUp {
    /// How the practice reaches the patient.
    Contact(Zeroizing<String>),
    /// The patient does not come.
    Cancel,
}

/// The content of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Patient to practice.
    Request(Request),
    /// Practice to patient.
    Answer(Answer),
    /// Patient to practice, later.
    FollowUp(FollowUp),
}

impl Hold {
    /// Its length in seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Online => HOLD_ONLINE_S,
            Self::Kept => HOLD_KEPT_S,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Online),
            1 => Some(Self::Kept),
            _ => None,
        }
    }
}

impl Verdict {
    /// Counts the answers to one request: each number has a label of its own (`RSV-05`).
    pub const fn number(self) -> u8 {
        match self {
            Self::Cancelled => 1,
            Self::Confirmed | Self::Declined | Self::Expired => 0,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        self as u8 + 1
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Confirmed),
            2 => Some(Self::Declined),
            3 => Some(Self::Expired),
            4 => Some(Self::Cancelled),
            _ => None,
        }
    }
}

impl Reason {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::None),
            1 => Some(Self::Taken),
            2 => Some(Self::Practice),
            3 => Some(Self::Busy),
            4 => Some(Self::Gone),
            5 => Some(Self::Patient),
            _ => None,
        }
    }
}

impl FollowUp {
    /// Contact data, if the text may be one.
    ///
    /// # Errors
    /// [`Malformed`] for an empty or too long text, and one with control or direction characters.
    pub fn contact(text: &str) -> Result<Self, Malformed> {
        if text.len() > CONTACT_LEN_MAX {
            return Err(Malformed::TooLong("contact"));
        }
        if text.is_empty() || text.chars().any(misleads) {
            return Err(Malformed::OutOfRange("contact"));
        }
        Ok(Self::Contact(Zeroizing::new(text.into())))
    }

    pub(crate) const fn what(&self) -> u8 {
        match self {
            Self::Contact(_) => CONTACT,
            Self::Cancel => CANCEL,
        }
    }
}

/// Whether a character can change how others are shown.
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
}

impl Content {
    /// Writes the content and zeros up to `area`, which is at least [`CONTENT_LEN`].
    pub(crate) fn write(&self, area: usize) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(area));
        let mut w = Writer::new(&mut out);
        w.u16(0);
        match self {
            Self::Request(request) => request.write(w.u8(REQUEST)),
            Self::Answer(answer) => answer.write(w.u8(ANSWER)),
            Self::FollowUp(follow) => follow.write(w.u8(FOLLOW_UP)),
        }
        // What limits.rs bounds fits CONTENT_LEN.
        let len = (out.len() - 2) as u16;
        out[..2].copy_from_slice(&len.to_le_bytes());
        debug_assert!(out.len() <= CONTENT_LEN);
        out.resize(area, 0);
        out
    }

    /// Reads a padded content, and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] names the field.
    pub fn read(area: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::new(area);
        let len = usize::from(outer.u16("content length")?);
        if len > CONTENT_LEN - 2 {
            return Err(Malformed::TooLong("content"));
        }
        let mut r = Reader::new(outer.bytes(len, "content")?);
        if outer.rest().iter().any(|&byte| byte != 0) {
            return Err(Malformed::NonCanonical("padding"));
        }
        let content = match r.u8("content kind")? {
            REQUEST => Self::Request(Request::read(&mut r)?),
            ANSWER => Self::Answer(Answer::read(&mut r)?),
            FOLLOW_UP => Self::FollowUp(FollowUp::read(&mut r)?),
            _ => return Err(Malformed::OutOfRange("content kind")),
        };
        r.finish("content")?;
        Ok(content)
    }
}

impl Request {
    fn write(&self, w: &mut Writer<'_>) {
        w.array(&self.id.0).u64(self.made_at.0).u8(self.hold.code());
        w.array(&self.reply_key).array(self.mailbox.as_bytes()).array(&self.tag).u64(self.work);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: RequestId(r.array("request id")?),
            made_at: UnixSeconds(r.u64("request time")?),
            hold: Hold::from_code(r.u8("hold")?).ok_or(Malformed::OutOfRange("hold"))?,
            reply_key: r.array("reply key")?,
            mailbox: Address::from_bytes(r.array("reply mailbox")?),
            tag: r.array("tag")?,
            work: r.u64("work")?,
        })
    }
}

impl Answer {
    fn write(&self, w: &mut Writer<'_>) {
        w.u8(self.verdict.code()).u8(self.reason.code()).u8(self.work_bits);
        w.u64(self.decided_at.0).array(&self.follow_key);
        // Who makes answers keeps to the limit.
        let alternatives = &self.alternatives[..self.alternatives.len().min(ALTERNATIVES_MAX)];
        w.u8(alternatives.len() as u8);
        for alternative in alternatives {
            w.array(&alternative.slot.0).u64(alternative.start.0).u16(alternative.minutes);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let verdict =
            Verdict::from_code(r.u8("verdict")?).ok_or(Malformed::OutOfRange("verdict"))?;
        let reason = Reason::from_code(r.u8("reason")?).ok_or(Malformed::OutOfRange("reason"))?;
        let work_bits = r.u8("work bits")?;
        let decided_at = UnixSeconds(r.u64("decision time")?);
        let follow_key = r.array("follow key")?;
        let count = usize::from(r.u8("alternatives")?);
        if count > ALTERNATIVES_MAX {
            return Err(Malformed::OutOfRange("alternatives"));
        }
        let mut alternatives = Vec::with_capacity(count);
        for _ in 0..count {
            alternatives.push(Alternative {
                slot: SlotId(r.array("alternative")?),
                start: UnixSeconds(r.u64("alternative start")?),
                minutes: r.u16("alternative length")?,
            });
        }
        let answer = Self { verdict, reason, work_bits, decided_at, follow_key, alternatives };
        answer.check()?;
        Ok(answer)
    }

    fn check(&self) -> Result<(), Malformed> {
        let confirmed = self.verdict == Verdict::Confirmed;
        if !confirmed && self.follow_key != [0; 32] {
            return Err(Malformed::NonCanonical("follow key"));
        }
        if confirmed && self.reason != Reason::None {
            return Err(Malformed::OutOfRange("reason"));
        }
        if self.reason != Reason::Busy && self.work_bits != 0 {
            return Err(Malformed::NonCanonical("work bits"));
        }
        if confirmed && !self.alternatives.is_empty() {
            return Err(Malformed::OutOfRange("alternatives"));
        }
        Ok(())
    }
}

impl FollowUp {
    fn write(&self, w: &mut Writer<'_>) {
        let text = match self {
            Self::Contact(text) => text.as_bytes(),
            Self::Cancel => &[],
        };
        w.u8(self.what()).prefixed(text);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let what = r.u8("follow-up")?;
        let text = r.prefixed(CONTACT_LEN_MAX, "contact")?;
        match what {
            CONTACT => core::str::from_utf8(text)
                .map_err(|_| Malformed::OutOfRange("contact"))
                .and_then(Self::contact),
            CANCEL if text.is_empty() => Ok(Self::Cancel),
            _ => Err(Malformed::OutOfRange("follow-up")),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl fmt::Debug for FollowUp {
    /// Without the text, which is nobody else's affair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact(_) => "Contact(..)",
            Self::Cancel => "Cancel",
        })
    }
}

const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const FOLLOW_UP: u8 = 3;
pub(crate) const CONTACT: u8 = 1;
pub(crate) const CANCEL: u8 = 2;
