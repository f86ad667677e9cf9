//! What is known about one destination: its newest announce and up to three neighbours that lead
//! there. Rows are kept small; a table holds a hundred thousand of them (`RT-41`).

use core::time::Duration;

use crate::{
    address::Address,
    announce::{MeshAnnounce, UNREACHABLE, Validity},
    identity::Capabilities,
    time::Instant,
};

/// Index of a neighbour in [`super::neighbours::Neighbours`].
pub(super) type Slot = u16;

/// No neighbour.
pub(super) const NOBODY: Slot = Slot::MAX;

/// Next hops kept per destination.
pub(super) const HOPS_KEPT: usize = 3;

/// A point in time in tenths of a second: half the size of an [`Instant`], and good for 13 years
/// of uptime before it saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(u32);

impl Tick {
    pub(super) const ZERO: Self = Self(0);

    pub(super) fn at(instant: Instant) -> Self {
        Self(u32::try_from(instant.as_millis() / 100).unwrap_or(u32::MAX))
    }

    /// The first tick that is not before `instant`.
    pub(super) fn not_before(instant: Instant) -> Self {
        Self::at(instant + Duration::from_micros(99_999))
    }

    pub(super) const fn instant(self) -> Instant {
        Instant::from_millis(self.0 as u64 * 100)
    }
}

/// Yes/no facts about a row or a next hop, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    pub(super) const fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}

/// An announce is known (a neighbour's row may have none, `RT-35`).
pub(super) const ANNOUNCED: Flags = Flags(1 << 0);
/// The announce is too old to be passed on (`RT-42`).
pub(super) const EXPIRED: Flags = Flags(1 << 1);
/// A receipt came back through some next hop, once.
pub(super) const EVER_PROVEN: Flags = Flags(1 << 2);
/// A contact: never evicted.
pub(super) const PINNED: Flags = Flags(1 << 3);
/// Changed since it was stored.
pub(super) const DIRTY: Flags = Flags(1 << 4);
/// There is a row on disk.
pub(super) const STORED: Flags = Flags(1 << 5);
/// Waits in the queue of changed rows.
pub(super) const CHANGED: Flags = Flags(1 << 6);
/// Waits for its changes to settle.
pub(super) const SETTLING: Flags = Flags(1 << 7);
/// Waits for the end of a back-off.
pub(super) const RESTING: Flags = Flags(1 << 8);
/// Was used for an envelope since its sequence was adopted.
pub(super) const USED: Flags = Flags(1 << 9);
/// The last publication changed nothing but the sequence.
pub(super) const REFRESH: Flags = Flags(1 << 10);
/// Holds no destination.
pub(super) const FREE: Flags = Flags(1 << 11);

/// The neighbour advertised the row's sequence.
pub(super) const CURRENT: Flags = Flags(1 << 0);
/// Receipts come back through it.
pub(super) const PROVEN: Flags = Flags(1 << 1);
/// The neighbour is the destination.
pub(super) const DIRECT: Flags = Flags(1 << 2);

/// A neighbour that leads, or led, to the row's destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// What it advertised.
    pub(super) cost: u32,
    /// Until when it is not chosen.
    pub(super) rest_until: Tick,
    pub(super) slot: Slot,
    pub(super) flags: Flags,
    /// Hops from it to the destination.
    pub(super) hops: u8,
    /// Receipts per packet in 1/255, averaged.
    pub(super) success: u8,
    /// Receipts missing in a row.
    pub(super) misses: u8,
    /// How often it was rested in a row.
    pub(super) rests: u8,
}

impl Hop {
    pub(super) const EMPTY: Self = Self {
        cost: UNREACHABLE,
        rest_until: Tick::ZERO,
        slot: NOBODY,
        flags: Flags::NONE,
        hops: 0,
        success: SUCCESS_UNKNOWN,
        misses: 0,
        rests: 0,
    };

    pub(super) const fn new(slot: Slot) -> Self {
        Self { slot, ..Self::EMPTY }
    }

    pub(super) fn is_resting(&self, now: Tick) -> bool {
        now < self.rest_until
    }

    /// Whether it rests again without a receipt in between: what goes there is lost (`RT-37`). A
    /// direct neighbour is there, whatever it does with packets.
    pub(super) fn is_dead_end(&self, now: Tick) -> bool {
        self.is_resting(now) && self.rests >= RESTS_BELIEVED && !self.flags.has(DIRECT)
    }

    /// A direct neighbour needs no receipt: its link proved who it is (`RT-35`).
    pub(super) const fn is_proven(&self) -> bool {
        self.flags.has(PROVEN) || self.flags.has(DIRECT)
    }

    /// A receipt came back (`RT-31`). Whether that is its first proof.
    pub(super) fn on_receipt(&mut self) -> bool {
        let new = !self.flags.has(PROVEN);
        self.success = self.success.saturating_add((u8::MAX - self.success).div_ceil(8));
        (self.misses, self.rests, self.rest_until) = (0, 0, Tick::ZERO);
        self.flags.set(PROVEN, true);
        new
    }

    /// A receipt is missing (`RT-33`). Whether the hop rests now.
    pub(super) fn on_missing(&mut self, now: Instant) -> bool {
        self.success = (self.success - self.success / 8).max(1);
        self.misses += 1;
        if self.misses < MISSES_MAX {
            return false;
        }
        let pause = BACKOFF * (1 << self.rests.min(BACKOFF_DOUBLINGS));
        self.rest_until = Tick::not_before(now + pause);
        self.rests = self.rests.saturating_add(1);
        self.misses = 0;
        self.flags.set(PROVEN, false);
        true
    }

    /// The neighbour says it has no route (`RT-34`).
    pub(super) fn on_no_route(&mut self, now: Instant) {
        self.success = (self.success - self.success / 4).max(1);
        self.rest_until = self.rest_until.max(Tick::not_before(now + NO_ROUTE_PAUSE));
    }
}

/// Everything known about one destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Position in the order of publications; 0 when never published (`ANN-11`).
    pub(super) version: u64,
    pub(super) address: Address,
    key: [u8; 32],
    signature: [u8; 64],
    pub(super) seq: u32,
    bundle_version: u32,
    /// Feasibility distance (`RT-10`).
    pub(super) fd: u32,
    /// The cost neighbours were told last; [`UNREACHABLE`] when retracted or never told.
    pub(super) published_cost: u32,
    /// When the sequence arrived.
    pub(super) heard: Tick,
    pub(super) hops: [Hop; HOPS_KEPT],
    pub(super) flags: Flags,
    capabilities: Capabilities,
    /// The neighbour packets go to first, if any is usable.
    pub(super) primary: Slot,
    /// What the application was told about [`Row::primary`].
    pub(super) reported: Slot,
    /// The neighbour in whose share of the table the row counts (`RT-40`).
    pub(super) sponsor: Slot,
    validity: Validity,
    pub(super) published_hops: u8,
    /// Counts packets, for the share of unproven next hops.
    pub(super) turn: u8,
}

impl Row {
    /// A destination of which only the key is known.
    pub(super) const fn new(address: Address, key: [u8; 32], now: Tick) -> Self {
        Self {
            version: 0,
            address,
            key,
            signature: [0; 64],
            seq: 0,
            bundle_version: 0,
            fd: UNREACHABLE,
            published_cost: UNREACHABLE,
            heard: now,
            hops: [Hop::EMPTY; HOPS_KEPT],
            flags: Flags::NONE,
            capabilities: Capabilities::NONE,
            primary: NOBODY,
            reported: NOBODY,
            sponsor: NOBODY,
            validity: SHORTEST,
            published_hops: 0,
            turn: 0,
        }
    }

    pub(super) const fn is(&self, flag: Flags) -> bool {
        self.flags.has(flag)
    }

    pub(super) const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The announce, if one is known.
    pub(super) fn announce(&self) -> Option<MeshAnnounce> {
        self.is(ANNOUNCED).then_some(MeshAnnounce {
            key: self.key,
            seq: self.seq,
            capabilities: self.capabilities,
            validity: self.validity,
            bundle_version: self.bundle_version,
            signature: self.signature,
        })
    }

    /// Whether this is the announce the row is built on, byte for byte.
    pub(super) fn holds(&self, announce: &MeshAnnounce) -> bool {
        self.is(ANNOUNCED)
            && self.seq == announce.seq
            && self.signature == announce.signature
            && self.key == announce.key
            && self.capabilities == announce.capabilities
            && self.validity == announce.validity
            && self.bundle_version == announce.bundle_version
    }

    /// Adopts a newer sequence (`RT-11`).
    pub(super) fn adopt(&mut self, announce: &MeshAnnounce, now: Tick) {
        self.seq = announce.seq;
        self.signature = announce.signature;
        self.capabilities = announce.capabilities;
        self.validity = announce.validity;
        self.bundle_version = announce.bundle_version;
        self.fd = UNREACHABLE;
        self.heard = now;
        self.flags.set(ANNOUNCED, true);
        self.flags.set(EXPIRED, false);
        self.flags.set(USED, false);
        self.hops.iter_mut().for_each(|hop| hop.flags.set(CURRENT, false));
    }

    /// How long the announce says it is good.
    pub(super) const fn validity_s(&self) -> u64 {
        self.validity.duration().as_secs()
    }

    /// When the announce is too old to use: 3.5 × validity after it arrived (`RT-42`).
    pub(super) fn expires(&self) -> Instant {
        let validity = self.validity.duration();
        self.heard.instant() + validity * 3 + validity / 2
    }

    /// When an expired row is forgotten.
    pub(super) fn forgotten(&self) -> Instant {
        self.expires() + FORGET_PAUSE
    }

    /// Whether packets may be sent to this next hop without risking a loop (`RT-10`).
    pub(super) const fn is_feasible(&self, hop: &Hop) -> bool {
        hop.flags.has(DIRECT) || (hop.flags.has(CURRENT) && hop.cost < self.fd && !self.is(EXPIRED))
    }

    pub(super) fn hop(&self, slot: Slot) -> Option<&Hop> {
        self.hops.iter().find(|hop| hop.slot == slot && slot != NOBODY)
    }

    pub(super) fn hop_mut(&mut self, slot: Slot) -> Option<&mut Hop> {
        self.hops.iter_mut().find(|hop| hop.slot == slot && slot != NOBODY)
    }

    /// The neighbours that lead, or led, to the destination.
    pub(super) fn known_hops(&self) -> impl Iterator<Item = &Hop> {
        self.hops.iter().filter(|hop| hop.slot != NOBODY)
    }

    pub(super) fn is_direct(&self) -> bool {
        self.hops.iter().any(|hop| hop.flags.has(DIRECT))
    }

    /// Whether the row counts against its sponsor's share of the table.
    pub(super) fn is_counted(&self) -> bool {
        !self.is(EVER_PROVEN) && !self.is(PINNED) && !self.is_direct()
    }
}

/// What a row without an announce says.
const SHORTEST: Validity = match Validity::from_code(0) {
    Some(validity) => validity,
    None => panic!("code 0 is one second"),
};

/// Success before the first receipt: 1/2.
const SUCCESS_UNKNOWN: u8 = 128;

/// Missing receipts in a row after which a next hop rests.
const MISSES_MAX: u8 = 3;

/// The first rest; doubles up to 640 s.
const BACKOFF: Duration = Duration::from_secs(10);
const BACKOFF_DOUBLINGS: u8 = 6;

/// Rests in a row after which a next hop that rests is not told to others any more.
const RESTS_BELIEVED: u8 = 2;

/// The rest after a no-route.
const NO_ROUTE_PAUSE: Duration = Duration::from_secs(2);

/// How long an expired or evicted destination's feasibility distance is remembered: longer than a
/// retraction needs to reach those who still route through us.
pub(super) const FORGET_PAUSE: Duration = Duration::from_secs(60);

// The row, 20 bytes of address and index in a B-tree filled to two thirds (33), 12 bytes of version
// and index in one filled to a half (27).
const _: () = assert!(size_of::<Row>() + 33 + 27 <= 300);
