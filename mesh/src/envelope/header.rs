use alloc::vec::Vec;
use core::{fmt, time::Duration};

use crate::{
    address::Address,
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    limits::{HOPS_MAX, LIFETIME_MAX, LITE_LIFETIMES_S},
    lite::SHORT_TAG_LEN,
    wire::{Reader, VERSION, Writer},
};

/// Bytes before an envelope's body.
pub const HEADER_LEN: usize = 45;

/// Where the two fields lie that every hop rewrites.
pub(super) const HOPS_LEFT_AT: usize = 2;
pub(super) const AGE_AT: core::ops::Range<usize> = 3..7;

const FLAG_PRIORITY: u8 = 0b011;
const FLAG_DURABLE: u8 = 0b100;

/// What authenticates an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// A signature, verifiable by everyone.
    Signed = 0,
    /// A session, verifiable by its two ends alone.
    Session = 1,
    /// An ephemeral key exchange with the recipient's pre-key; the sender is inside.
    Sealed = 2,
    /// A lite session: what every hop reads is so regular that slow links leave most of it out.
    Lite = 3,
}

impl Class {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Signed),
            1 => Some(Self::Session),
            2 => Some(Self::Sealed),
            3 => Some(Self::Lite),
            _ => None,
        }
    }
}

/// Which of several waiting envelopes goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// When nothing else waits.
    Low = 0,
    /// What people write.
    #[default]
    Normal = 1,
    /// Before what people write.
    High = 2,
    /// Before everything: emergencies.
    Urgent = 3,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; Self::COUNT] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// How many there are.
    pub const COUNT: usize = 4;

    /// The priority of a number on the wire or on disk.
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Low),
            1 => Some(Self::Normal),
            2 => Some(Self::High),
            3 => Some(Self::Urgent),
            _ => None,
        }
    }

    /// The name used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every hop reads of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What authenticates it.
    pub class: Class,
    /// Hops it may still take; rewritten by every hop, never above `hops_max`.
    pub hops_left: u8,
    /// Time it spent in nodes and on links; rewritten by every hop.
    pub age_ms: u32,
    /// Hops it was given.
    pub hops_max: u8,
    /// Which of several waiting envelopes goes first.
    pub priority: Priority,
    /// Whether relays should take it into custody.
    pub durable: bool,
    /// Its life in seconds, at least 1.
    pub lifetime_s: u32,
    /// The node that can open it, or the mailbox node that keeps it.
    pub dest: Address,
    /// The hash-lock that the recipient's receipt opens (`ENV-10`).
    pub lock: [u8; 16],
}

impl Header {
    /// Life that is left when the envelope arrived with `age_ms`.
    pub const fn remaining_life(&self) -> Duration {
        let lifetime = Duration::from_secs(self.lifetime_s as u64);
        lifetime.saturating_sub(Duration::from_millis(self.age_ms as u64))
    }

    /// The fields no hop may change, at fixed width: class, version, hops_max, flags, lifetime,
    /// dest, lock. They are hashed into the id and authenticated with the ciphertext (`ENV-03`).
    pub(crate) fn immutable(&self) -> [u8; 40] {
        let mut out = [0; 40];
        out[0] = self.class as u8;
        out[1] = VERSION;
        out[2] = self.hops_max;
        out[3] = self.flags();
        out[4..8].copy_from_slice(&self.lifetime_s.to_le_bytes());
        out[8..24].copy_from_slice(self.dest.as_bytes());
        out[24..40].copy_from_slice(&self.lock);
        out
    }

    /// What is authenticated of a lite envelope: the fields no hop may change without the lock, which
    /// is its tag (`MLL-02`).
    pub(crate) fn immutable_without_lock(&self) -> [u8; 24] {
        let immutable = self.immutable();
        let (fields, _) = immutable.split_first_chunk().expect("24 is less than 40");
        *fields
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .u8(VERSION)
            .u8(self.class as u8)
            .u8(self.hops_left)
            .u32(self.age_ms)
            .u8(self.hops_max)
            .u8(self.flags())
            .u32(self.lifetime_s)
            .array(self.dest.as_bytes())
            .array(&self.lock);
    }

    const fn flags(&self) -> u8 {
        self.priority as u8 | if self.durable { FLAG_DURABLE } else { 0 }
    }

    /// Reads a header and judges its structure and its maxima (`ENV-02`), not its expiry.
    /// The header of an envelope whose body is of no interest.
    ///
    /// # Errors
    /// As [`super::parse`].
    pub(crate) fn peek(envelope: &[u8]) -> Result<Self, Error> {
        Self::read(&mut Reader::new(envelope))
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let version = reader.u8("envelope version")?;
        if version != VERSION {
            return Err(Unsupported::Version(version).into());
        }
        let class = Class::from_code(reader.u8("envelope class")?)
            .ok_or(Malformed::OutOfRange("envelope class"))?;
        let hops_left = reader.u8("envelope hops left")?;
        let age_ms = reader.u32("envelope age")?;
        let hops_max = reader.u8("envelope hops max")?;
        let flags = reader.u8("envelope flags")?;
        if flags & !(FLAG_PRIORITY | FLAG_DURABLE) != 0 {
            return Err(Malformed::OutOfRange("envelope flags").into());
        }
        let header = Self {
            class,
            hops_left,
            age_ms,
            hops_max,
            priority: Priority::ALL[usize::from(flags & FLAG_PRIORITY)],
            durable: flags & FLAG_DURABLE != 0,
            lifetime_s: reader.u32("envelope lifetime")?,
            dest: Address::from_bytes(reader.array("envelope dest")?),
            lock: reader.array("envelope lock")?,
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), Error> {
        let lifetime_max_s = LIFETIME_MAX.as_secs() as u32;
        if self.lifetime_s == 0 || self.lifetime_s > lifetime_max_s {
            return Err(Malformed::OutOfRange("envelope lifetime").into());
        }
        if self.hops_max == 0 || self.hops_max > HOPS_MAX {
            return Err(Malformed::OutOfRange("envelope hops max").into());
        }
        if self.hops_left > self.hops_max {
            return Err(PeerMisbehaved::BeyondMaxima.into());
        }
        if self.class == Class::Lite { self.check_lite() } else { Ok(()) }
    }

    /// The header of a lite envelope has one form: slow links leave out what follows from it.
    fn check_lite(&self) -> Result<(), Error> {
        if self.hops_max != HOPS_MAX {
            return Err(Malformed::OutOfRange("lite hops max").into());
        }
        if !LITE_LIFETIMES_S.contains(&self.lifetime_s) {
            return Err(Malformed::OutOfRange("lite lifetime").into());
        }
        if self.lock[SHORT_TAG_LEN..] != [0; 16 - SHORT_TAG_LEN] {
            return Err(Malformed::OutOfRange("lite lock").into());
        }
        Ok(())
    }
}
