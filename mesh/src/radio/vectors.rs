//! Which way leads where, told to all neighbours at once in eight bytes a destination (`RAD-20`).
//!
//! The node offers what it publishes for each of its neighbours. An announce itself floods once for
//! each sequence; what a way over us costs is said for many destinations in one payload, at a pace
//! the channel can bear, again when it changed, and now and then for those who missed it.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::{AirClass, NeighbourId, RadioPort, Signal, keys::tag, wire::BODY_MAX, wire::kind};
use crate::{
    address::Address,
    announce::{Advertisement, MeshAnnounce, Retraction, write_count},
    compact::{self, CompactType, DecodeError, Labels, Unknown},
    error::{Error, Malformed},
    time::Instant,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// What was, or is to be, said of one destination.
#[derive(Debug)]
struct Row {
    /// The last word: hops and cost, or that there is no way any more.
    way: Option<(u8, u32)>,
    announce: MeshAnnounce,
    /// When this was said last.
    said: Option<Instant>,
    /// When it is to be said.
    due: Instant,
}

/// What all neighbours are told of ways.
#[derive(Debug)]
pub(super) struct Vectors {
    rows: BTreeMap<Address, Row>,
    /// Announces, whoever said them: what updates refer to.
    book: Labels,
    /// Announces that were referred to and are not here: whom to ask, when, and how often it was
    /// asked.
    missing: BTreeMap<[u8; 4], (NeighbourId, Instant, u8)>,
    /// No update before.
    not_before: Instant,
    /// All was made due for a newcomer.
    told_all: Option<Instant>,
}

impl Vectors {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            rows: BTreeMap::new(),
            book: Labels::new(),
            missing: BTreeMap::new(),
            not_before: now,
            told_all: None,
        }
    }

    /// The node publishes a way. Whether its announce has to be said in full.
    fn offer(&mut self, now: Instant, wait: Duration, entry: &Advertisement) -> bool {
        let address = entry.announce.address();
        let way = Some((entry.hops, entry.cost));
        let full = self.rows.len() >= ROWS_MAX;
        match self.rows.get_mut(&address) {
            Some(row) if row.announce == entry.announce => {
                if row.way != way {
                    (row.way, row.due) = (way, row.due.min(now + wait));
                } else if let Some(said) = row.said
                    && (entry.hops == 0 || said + ASKED_AFTER <= now)
                {
                    // Somebody asked; for ourselves perhaps because what we just said was lost.
                    row.due = row.due.min((said + ASKED_AFTER).max(now + wait));
                }
                false
            }
            None if full => true,
            _ => {
                let row = Row { way, announce: entry.announce, said: None, due: now + wait };
                self.rows.insert(address, row);
                true
            }
        }
    }

    fn withdraw(&mut self, now: Instant, retraction: &Retraction) {
        if let Some(row) = self.rows.get_mut(&retraction.address)
            && row.announce.seq <= retraction.seq
            && row.way.is_some()
        {
            row.way = None;
            row.due = row.due.min(now + RETRACT_WAIT);
        }
    }

    /// An announce was said in full.
    fn on_said(&mut self, now: Instant, refresh: Instant, entry: &Advertisement) {
        if let Some(row) = self.rows.get_mut(&entry.announce.address())
            && row.announce == entry.announce
        {
            row.said = Some(now);
            if row.way == Some((entry.hops, entry.cost)) {
                row.due = refresh;
            }
        }
    }

    pub(super) const fn book_mut(&mut self) -> &mut Labels {
        &mut self.book
    }

    /// A newcomer has to be told everything, soon and once for all newcomers.
    pub(super) fn tell_all(&mut self, now: Instant, wait: Duration, neighbours: usize) {
        let pause = (NEWCOMER * u32::try_from(neighbours).unwrap_or(u32::MAX)).min(NEWCOMERS);
        let soon = now + wait;
        let due = match self.told_all {
            // Already on the way.
            Some(at) if at > now => return,
            Some(at) => soon.max(at + pause),
            None => soon,
        };
        self.told_all = Some(due);
        for row in self.rows.values_mut() {
            row.due = row.due.min(due);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let said = self.rows.values().map(|row| row.due).min();
        let asked = self.missing.values().map(|(_, at, _)| *at).min();
        [said, asked].into_iter().flatten().min().map(|due| due.max(self.not_before))
    }

    /// What is due, and what soon will be, as far as it fits.
    fn gather(&mut self, now: Instant, withdrawn: bool, len: usize) -> Vec<Address> {
        let rows = self.rows.iter().filter(|(_, row)| row.way.is_none() == withdrawn);
        let soon = rows.filter(|(_, row)| row.due <= now + TOGETHER);
        let mut soon: Vec<_> = soon.map(|(address, row)| (row.due, *address)).collect();
        soon.sort_unstable();
        soon.truncate(BODY_MAX / len);
        soon.into_iter().map(|(_, address)| address).collect()
    }
}

impl RadioPort {
    /// The node says a way to one neighbour: all are told. What is to be said in full, if it is.
    pub(super) fn offer_way(&mut self, now: Instant, entry: &[u8]) -> bool {
        let Ok(entry) = Advertisement::parse(entry) else { return false };
        let wait = self.timing.unit * 2 + self.some_units(12);
        self.vectors.offer(now, wait, &entry)
    }

    pub(super) fn withdraw_ways(&mut self, now: Instant, body: &[u8]) {
        let Ok(entries) = crate::announce::entries(body, Retraction::LEN, "retract count") else {
            return;
        };
        for entry in entries {
            if let Ok(retraction) = Retraction::parse(entry) {
                self.vectors.withdraw(now, &retraction);
            }
        }
    }

    /// An announce of ours goes out in full.
    pub(super) fn on_announce_said(&mut self, now: Instant, frame: &[u8]) {
        let Some(entry) = frame.get(3..).and_then(|entry| Advertisement::parse(entry).ok()) else {
            return;
        };
        let refresh = now + REFRESH + self.some_units(REFRESH_JITTER);
        self.vectors.on_said(now, refresh, &entry);
    }

    /// Updates or retractions for everybody, when it is time.
    pub(super) fn take_vectors(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<AirClass> {
        if now < self.vectors.not_before || self.ceiling < AirClass::Broadcast {
            return None;
        }
        self.ask_missing(now);
        if !self.vectors.rows.values().any(|row| row.due <= now) {
            return None;
        }
        for (withdrawn, len) in [(true, RETRACTION_LEN), (false, UPDATE_LEN)] {
            let addresses = self.vectors.gather(now, withdrawn, len);
            if addresses.is_empty() {
                continue;
            }
            let mut body = Vec::with_capacity(BODY_MAX);
            for address in &addresses {
                self.write_way(now, address, &mut body);
            }
            let of = if withdrawn { CompactType::RETRACT_SHORT } else { CompactType::ANNOUNCES };
            let pause = (self.config.air(body.len() + 8) * PACE).max(self.timing.unit * PAUSE_MIN);
            self.vectors.not_before = now + pause + self.some_units(4);
            self.broadcast_body(kind::to_all(of)?, &body, buf);
            return Some(AirClass::Broadcast);
        }
        None
    }

    fn write_way(&mut self, now: Instant, address: &Address, body: &mut Vec<u8>) {
        let refresh = now + REFRESH + self.some_units(REFRESH_JITTER);
        let Some(row) = self.vectors.rows.get_mut(address) else { return };
        let [seq, ..] = row.announce.seq.to_le_bytes();
        let Some(prefix) = address.as_bytes().first_chunk::<4>() else { return };
        let mut w = Writer::new(body);
        match row.way {
            Some((hops, cost)) => {
                row.due = refresh;
                row.said = Some(now);
                if let Some(cost) = compact::cost_code(cost) {
                    w.u8(hops | compact::UPDATE).array(prefix).u8(seq).u16(cost);
                }
            }
            None => {
                w.array(prefix).u8(seq);
                self.vectors.rows.remove(address);
            }
        }
    }

    /// A payload to everybody.
    pub(super) fn broadcast_body(&mut self, of: CompactType, body: &[u8], buf: &mut Vec<u8>) {
        let start = buf.len();
        buf.extend_from_slice(&[of.0, self.me.hint()]);
        let mut counter = 0;
        if kind::from_all(of).is_none_or(kind::is_counted) {
            counter = self.broadcast_counter;
            self.broadcast_counter = counter.wrapping_add(1);
            let [low, ..] = counter.to_le_bytes();
            buf.push(low);
        }
        buf.extend_from_slice(body);
        let tag = tag(self.broadcast_key.as_slice(), counter, &buf[start..]);
        buf.extend_from_slice(&tag);
        self.spend(None, buf.len() - start);
    }

    /// Announces and updates of a neighbour: what is understood goes to the node, what is not is
    /// asked for later.
    pub(super) fn on_ways(
        &mut self,
        now: Instant,
        id: NeighbourId,
        body: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let (mut entries, mut count) = (Vec::new(), 0);
        let mut rest = body;
        while let Some(first) = rest.first() {
            let len = match *first {
                0 => 1 + MeshAnnounce::LEN,
                hops if hops & compact::UPDATE != 0 => UPDATE_LEN,
                _ => Advertisement::LEN,
            };
            let (entry, tail) =
                rest.split_at_checked(len).ok_or(Malformed::MissingData("announce"))?;
            rest = tail;
            let mut one = Vec::new();
            match compact::decode(CompactType::ANNOUNCES, entry, &mut self.vectors.book, &mut one) {
                Ok(()) => {
                    if len != UPDATE_LEN {
                        self.note_broadcast(now, &one, signal);
                        if let Some(prefix) = one.get(8..).and_then(prefix_of_entry) {
                            self.vectors.missing.remove(&prefix);
                        }
                    }
                    entries.extend_from_slice(one.get(3..).unwrap_or_default());
                    count += 1;
                }
                Err(DecodeError::Unknown(Unknown::Announce(prefix))) => {
                    self.miss(now, id, prefix, entry[5]);
                }
                Err(DecodeError::Unknown(_)) => {}
                Err(DecodeError::Error(error)) => return Err(error),
            }
        }
        if count > 0 {
            let mut frame = Vec::with_capacity(4 + entries.len());
            frame::begin(&mut frame, FrameKind::ANNOUNCES);
            write_count(count, &mut frame);
            frame.extend_from_slice(&entries);
            self.events.push_back(super::RadioEvent::Frame { neighbour: id, frame });
        }
        Ok(())
    }

    /// Remembers the announces of a full frame.
    pub(super) fn remember(&mut self, frame: &[u8]) {
        let Ok((FrameKind::ANNOUNCES, body)) = frame::split(frame) else { return };
        let Ok(entries) = crate::announce::entries(body, Advertisement::LEN, "announce count")
        else {
            return;
        };
        for entry in entries {
            if let Ok(entry) = Advertisement::parse(entry) {
                self.vectors.book.know(&entry.announce);
            }
        }
    }

    /// An update refers to an announce that is not here. An older one than ours is not missed.
    fn miss(&mut self, now: Instant, id: NeighbourId, prefix: [u8; 4], seq: u8) {
        let known = self.vectors.book.known_seq(prefix).map(|seq| seq.to_le_bytes()[0]);
        if known.is_some_and(|known| seq.wrapping_sub(known) >= 0x80) {
            return;
        }
        let at = now + self.timing.unit * 16 + self.some_units(48);
        if self.vectors.missing.len() < MISSING_MAX {
            self.vectors.missing.entry(prefix).or_insert((id, at, 0));
        }
    }

    /// Asks for one announce that is missing; again if its answer, which nobody acknowledges, is lost.
    fn ask_missing(&mut self, now: Instant) {
        let due = self.vectors.missing.iter().find(|(_, (_, at, _))| *at <= now);
        let Some((prefix, (id, _, asked))) = due.map(|(prefix, row)| (*prefix, *row)) else {
            return;
        };
        if asked + 1 < ASKED_MAX {
            let again = now + ASKED_AFTER + self.timing.unit * 16 + self.some_units(48);
            self.vectors.missing.insert(prefix, (id, again, asked + 1));
        } else {
            self.vectors.missing.remove(&prefix);
        }
        self.vectors.not_before = now + self.timing.unit * 4 + self.some_units(8);
        self.say_unknown(id, &Unknown::Announce(prefix));
    }

    /// A neighbour lacks an announce: it is said to all.
    pub(super) fn on_missed(&mut self, now: Instant, unknown: &Unknown) {
        let Unknown::Announce(prefix) = unknown else { return };
        let rows = self.vectors.rows.iter();
        let row = rows.filter(|(address, _)| address.as_bytes().starts_with(prefix)).find_map(
            |(_, row)| {
                Some(Advertisement { hops: row.way?.0, cost: row.way?.1, announce: row.announce })
            },
        );
        let Some(entry) = row else { return };
        let mut frame = Vec::with_capacity(3 + Advertisement::LEN);
        frame::begin(&mut frame, FrameKind::ANNOUNCES);
        write_count(1, &mut frame);
        entry.write(&mut frame);
        self.say_to_all(now, frame);
    }
}

/// The first bytes of the address of an announce.
fn prefix_of_entry(announce: &[u8]) -> Option<[u8; 4]> {
    let mut reader = Reader::new(announce);
    let bytes = reader.bytes(MeshAnnounce::LEN, "announce").ok()?;
    let announce = MeshAnnounce::parse(bytes).ok()?;
    announce.address().as_bytes().first_chunk().copied()
}

/// An update, and a short retraction (`CMP-22`, `CMP-23`).
const UPDATE_LEN: usize = 8;
const RETRACTION_LEN: usize = 5;

/// Destinations told in updates: 256 × 170 B = 44 kB. Others are told in full, and found by request.
const ROWS_MAX: usize = 256;

/// Announces missed at once.
const MISSING_MAX: usize = 64;

/// Updates take no more than one part in so many of the time.
const PACE: u32 = 40;

/// However little was said: more comes together.
const PAUSE_MIN: u32 = 64;

/// What is due so soon goes along.
const TOGETHER: Duration = Duration::from_secs(900);

/// Everything is said again after this long, and up to as many units later.
const REFRESH: Duration = Duration::from_secs(1_200);
const REFRESH_JITTER: u32 = 1_024;

/// Newcomers are told everything together, once in so much for each neighbour.
const NEWCOMER: Duration = Duration::from_secs(60);

/// But this often at any rate.
const NEWCOMERS: Duration = Duration::from_secs(600);

/// The same offered after this long was asked for.
const ASKED_AFTER: Duration = Duration::from_secs(10);

/// Times one announce is asked for.
const ASKED_MAX: u8 = 3;

const RETRACT_WAIT: Duration = Duration::from_secs(2);
