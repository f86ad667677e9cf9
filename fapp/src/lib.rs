//! FAPP: free appointments of psychotherapists, announced, found and reserved without a registry.
//!
//! No network, no clock, no disk: a driver hands in time, randomness and bytes, and takes frames, letters and
//! rows out. A tour:
//!
//! 1. [`vocabulary`], [`plz`], [`slot`], [`calendar`]: the words of the domain.
//! 2. [`announce`], [`tombstone`]: what a practice signs.
//! 3. [`cache`], [`query`]: what a node knows, and how it is searched without a packet.
//!    [`alert`]: a search that stays.
//! 4. [`router`]: how announces spread, and how two neighbours compare what they have.
//! 5. [`reservation`]: asking for a slot so that nobody between can tell.
//! 6. [`trust`]: who a practice is, shown for what it is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alert;
pub mod announce;
pub mod cache;
pub mod calendar;
pub mod plz;
pub mod query;
pub mod reservation;
pub mod router;
pub mod slot;
pub mod tombstone;
pub mod trust;
pub mod vocabulary;

/// Seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub u64);

/// Hash of an announce's signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnnounceId(pub [u8; 32]);

/// Names a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub [u8; 16]);
