//! How ports meet: hellos, keys, ups and downs.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    NeighbourId, RadioEvent, RadioPort, Signal,
    keys::{HopKeys, Incarnation},
    neighbour::Neighbour,
    wire::{HELLO_HEARD_MAX, Hello, KeyEntry, PAYLOAD_LEN_MAX, read_keys, write_keys},
};
use crate::{
    crypto::{hash::Domain, hash::digest32, sign},
    error::{Error, PeerMisbehaved},
    identity::PublicIdentity,
    limits::{LINK_MTU_MAX, RADIO_NEIGHBOURS_MAX, RADIO_STRANGERS_MAX},
    link::{LinkCaps, Medium},
    time::Instant,
};

/// When this port introduces itself.
#[derive(Debug)]
pub(super) struct Introduction {
    pub(super) due: Option<Instant>,
    /// Those it answers.
    pub(super) heard: Vec<u8>,
    /// Nobody needs it: it is only due because nobody was there, or for a long time.
    idle: bool,
    /// Hellos that may still be sent at once; one comes back every [`HELLO_EVERY`] units.
    allowance: u32,
    refilled: Instant,
    /// No keys are handed out before.
    keys_again: Instant,
    /// Tries without anybody there.
    lonely: u32,
}

/// Hellos that may be sent at once because strangers were heard.
const HELLO_BURST: u32 = 8;

/// Then one in so many times the air time of a hello: 0.5 % of the channel.
const HELLO_EVERY: u32 = 800;

/// A port with neighbours introduces itself so often.
const HELLO_REFRESH: Duration = Duration::from_secs(6 * 3_600);

/// A port without neighbours does so after 32, 64, … times the air time of a hello, at most:
const LONELY_MAX: Duration = Duration::from_secs(3_600);

/// A neighbour that was silent for so long is gone.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(12 * 3_600);

/// Keys are handed out, to as many as fit a payload, once in so many times the air time of a hello.
const KEYS_EVERY: u32 = 12;

/// Times a broadcast key is sent to somebody who does not confirm it.
const KEYS_TRIES_MAX: u32 = 6;

impl Introduction {
    pub(super) const fn new(now: Instant, first: Instant) -> Self {
        Self {
            due: Some(first),
            heard: Vec::new(),
            idle: false,
            allowance: HELLO_BURST,
            refilled: now,
            keys_again: now,
            lonely: 0,
        }
    }
}

impl RadioPort {
    /// Time on air of a hello: the unit of everything here.
    pub(super) fn unit(&self) -> Duration {
        self.config.air(150)
    }

    /// A wait between 0 and `units` times the air time of a hello.
    pub(super) fn some_units(&mut self, units: u32) -> Duration {
        let micros = u64::try_from((self.unit() * units).as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.rng.below(micros.max(1)))
    }

    pub(super) fn on_hello(
        &mut self,
        now: Instant,
        payload: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let hello = Hello::read(payload)?;
        let them = Incarnation::new(&hello.node_key, &hello.x25519, hello.boot);
        let peer = PublicIdentity::new(hello.node_key);
        if peer == self.identity.public() {
            return Ok(());
        }
        let heard_us = hello.heard.contains(&self.me.hint());
        let known = self.neighbours.values().any(|neighbour| neighbour.incarnation == them);
        if !known {
            self.meet(now, &hello, peer, them, signal)?;
        }
        let is_up = self.neighbours.values().any(|n| n.up && n.incarnation == them);
        if !heard_us && !is_up {
            self.introduce(now, Some(them.hint()));
        }
        Ok(())
    }

    /// A hello nobody's we know. Whether its sender is there now shows when it hands over a key:
    /// a recording of an old hello never does.
    fn meet(
        &mut self,
        now: Instant,
        hello: &Hello,
        peer: PublicIdentity,
        them: Incarnation,
        signal: Signal,
    ) -> Result<(), Error> {
        let digest = digest32(Domain::RadioHello, &[&hello.signed_part()]);
        sign::verify(self.config.crypto, &hello.node_key, &digest, &hello.signature)?;
        let keys = HopKeys::agree(&self.x25519, &self.me, &hello.x25519, &them)?;
        self.make_room(now);
        let mut neighbour = Neighbour::new(now, peer, them, keys, signal);
        neighbour.keys_due = Some(now + self.unit() * 2 + self.some_units(6));
        let id = self.fresh_id();
        self.neighbours.insert(id, neighbour);
        Ok(())
    }

    pub(super) fn fresh_id(&mut self) -> NeighbourId {
        let id = NeighbourId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// Forgets the stranger heard first, if there are too many.
    fn make_room(&mut self, _now: Instant) {
        let strangers = self.neighbours.iter().filter(|(_, neighbour)| !neighbour.up);
        if strangers.clone().count() < RADIO_STRANGERS_MAX {
            return;
        }
        let oldest = strangers.min_by_key(|(id, neighbour)| (neighbour.last_heard, **id));
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.forget(id);
        }
    }

    /// Schedules our hello, in answer to somebody or because somebody unknown was heard.
    pub(super) fn introduce(&mut self, now: Instant, to: Option<u8>) {
        let every = self.unit() * HELLO_EVERY;
        let intro = &mut self.introduction;
        while intro.allowance < HELLO_BURST && intro.refilled + every <= now {
            (intro.allowance, intro.refilled) = (intro.allowance + 1, intro.refilled + every);
        }
        if let Some(hint) = to
            && !intro.heard.contains(&hint)
            && intro.heard.len() < HELLO_HEARD_MAX
        {
            intro.heard.push(hint);
        }
        if intro.due.is_some_and(|due| due <= now + self.config.air(150) * 8) {
            return;
        }
        // Half of what may be said is kept for answers.
        if to.is_none() && intro.allowance <= HELLO_BURST / 2 {
            return;
        }
        if intro.allowance == HELLO_BURST {
            intro.refilled = now;
        }
        let wait = self.some_units(8);
        let intro = &mut self.introduction;
        match intro.allowance.checked_sub(1) {
            Some(left) => {
                (intro.allowance, intro.idle) = (left, false);
                intro.due = Some(now + wait);
            }
            None => {
                intro.idle = false;
                let due = intro.refilled + every + wait;
                intro.due = Some(intro.due.map_or(due, |before| before.min(due)));
            }
        }
    }

    /// Our hello, if it is due.
    pub(super) fn take_hello(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.introduction.due.take_if(|due| *due <= now)?;
        let heard = core::mem::take(&mut self.introduction.heard);
        let next = self.next_refresh(now);
        (self.introduction.due, self.introduction.idle) = (Some(next), true);
        let (x25519, boot) = (self.x25519.public(), self.boot);
        let node_key = *self.identity.public().node_key();
        let mut hello = Hello { node_key, x25519, boot, heard, signature: [0; 64] };
        let digest = digest32(Domain::RadioHello, &[&hello.signed_part()]);
        hello.signature = self.identity.sign(self.config.crypto, &digest);
        Some(hello.write())
    }

    /// Without neighbours soon, and ever more rarely; with neighbours hardly ever (`RAD-04`).
    fn next_refresh(&mut self, now: Instant) -> Instant {
        let intro = &mut self.introduction;
        let wait = if self.neighbours.values().any(|neighbour| neighbour.up) {
            intro.lonely = 0;
            HELLO_REFRESH
        } else {
            intro.lonely = (intro.lonely + 1).min(16);
            let wait = self.config.air(150).saturating_mul(16 << intro.lonely);
            wait.min(LONELY_MAX)
        };
        now + wait + self.some_units(32)
    }

    pub(super) fn on_keys(
        &mut self,
        now: Instant,
        payload: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let (from, entries) = read_keys(payload)?;
        let to_us = entries.iter().filter(|entry| entry.to == self.me.hint());
        let mut found = None;
        for entry in to_us {
            let covered = entry.covered(from);
            let sender = self.with_hint(from).find(|id| {
                self.neighbours.get(id).is_some_and(|n| n.keys.tag_back(0, &covered) == entry.tag)
            });
            found = found.or_else(|| sender.map(|id| (id, *entry)));
        }
        let Some((id, entry)) = found else {
            if self.with_hint(from).next().is_none() {
                self.introduce(now, None);
            } else if entries.iter().any(|entry| entry.to == self.me.hint()) {
                return Err(PeerMisbehaved::BadTag.into());
            }
            return Ok(());
        };
        let answer = now + self.unit() + self.some_units(6);
        if let Some(neighbour) = self.neighbours.get_mut(&id) {
            neighbour.broadcast_key = Some(neighbour.keys.unwrap(&entry.wrapped));
            neighbour.knows_us |= entry.has_yours;
            if entry.asks {
                let due = neighbour.keys_due.map_or(answer, |due| due.min(answer));
                (neighbour.keys_due, neighbour.keys_tries) = (Some(due), 0);
            } else if neighbour.knows_us {
                neighbour.keys_due = None;
            }
        }
        self.on_genuine(now, id, signal);
        Ok(())
    }

    /// When somebody is to be given our broadcast key.
    pub(super) fn keys_due(&self) -> Option<Instant> {
        let due = self.neighbours.values().filter_map(|n| n.keys_due).min()?;
        Some(due.max(self.introduction.keys_again))
    }

    /// Broadcast keys for those who lack ours, as many as fit one payload (`RAD-06`).
    pub(super) fn take_keys(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.keys_due().filter(|due| *due <= now)?;
        self.introduction.keys_again = now + self.unit() * KEYS_EVERY;
        let mut due: Vec<_> =
            self.neighbours.iter().filter_map(|(id, n)| n.keys_due.map(|due| (due, *id))).collect();
        due.sort_unstable();
        due.truncate(KeyEntry::MAX);
        let mut entries = Vec::with_capacity(due.len());
        for (_, id) in due {
            let again = self.unit() * 24 + self.some_units(24);
            let (from, bkey) = (self.me.hint(), &self.broadcast_key);
            let Some(neighbour) = self.neighbours.get_mut(&id) else { continue };
            let (to, has_yours) = (neighbour.hint(), neighbour.broadcast_key.is_some());
            let (asks, wrapped) = (!neighbour.knows_us, neighbour.keys.wrap(bkey));
            let mut entry = KeyEntry { to, has_yours, asks, wrapped, tag: [0; 4] };
            entry.tag = neighbour.keys.tag_out(0, &entry.covered(from));
            entries.push(entry);
            neighbour.keys_tries += 1;
            let rest = again * (1 << neighbour.keys_tries.min(KEYS_TRIES_MAX));
            // Once both have everything nobody answers any more; what got lost shows by traffic.
            let most = if neighbour.up { KEYS_TRIES_MAX } else { KEYS_TRIES_MAX / 2 };
            let done = neighbour.keys_tries >= most || (has_yours && neighbour.knows_us);
            neighbour.keys_due = (!done).then_some(now + rest);
        }
        let payload = write_keys(self.me.hint(), &entries);
        debug_assert!(payload.len() <= PAYLOAD_LEN_MAX);
        Some(payload)
    }

    /// Something under the keys of a neighbour arrived: it hears us, and is there.
    pub(super) fn on_genuine(&mut self, now: Instant, id: NeighbourId, signal: Signal) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.on_heard(now, signal);
        if !neighbour.up {
            self.bring_up(now, id);
        }
    }

    fn bring_up(&mut self, now: Instant, id: NeighbourId) {
        let Some(peer) = self.neighbours.get(&id).map(|neighbour| neighbour.peer) else { return };
        let former =
            self.neighbours.iter().find(|(_, n)| n.up && n.peer == peer).map(|(id, _)| *id);
        if let Some(former) = former {
            self.forget(former);
            self.events.push_back(RadioEvent::Down { neighbour: former });
        }
        if self.neighbours.values().filter(|n| n.up).count() >= RADIO_NEIGHBOURS_MAX {
            self.counters.full += 1;
            return;
        }
        let turn = self.neighbours.values().filter(|n| n.up).map(|n| n.turn).min();
        let caps = self.link_caps();
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.up = true;
        if self.introduction.idle {
            let next = self.next_refresh(now);
            self.introduction.due = Some(next);
        }
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.turn = turn.unwrap_or_default();
        let wait = self.unit() * 64 + self.some_units(32);
        self.vectors.tell_all(now, wait, self.neighbours.len());
        self.events.push_back(RadioEvent::Up { neighbour: id, peer, caps });
        let transmissions = self.transmissions_expected(id);
        if transmissions > 1 {
            let (neighbour, delivered, lock) = (id, true, None);
            let event = RadioEvent::Delivery { neighbour, transmissions, delivered, lock };
            self.events.extend((0..3).map(|_| event.clone()));
        }
    }

    /// What a link is worth beside others that speak: whom we hardly hear is drowned by any of them,
    /// however well it goes while they are silent (`RAD-20`). As transmissions of a payload.
    pub(super) fn transmissions_expected(&self, id: NeighbourId) -> u8 {
        let steps = i16::from(self.config.modulation.spreading_factor.max(5) - 5);
        let floor = -10 - 10 * steps;
        match self.neighbours.get(&id).map(|n| n.signal.snr_quarter_db - floor) {
            Some(..16) => 8,
            Some(16..32) => 6,
            Some(32..48) => 3,
            _ => 1,
        }
    }

    /// What a link over this radio can carry.
    pub fn link_caps(&self) -> LinkCaps {
        LinkCaps {
            medium: Medium::Lora,
            mtu: LINK_MTU_MAX,
            bitrate_bps: self.config.modulation.bitrate_bps(),
            reliable: false,
            shared: true,
        }
    }

    /// A neighbour does not answer. Its keys are kept under a new name: should it be heard again,
    /// nobody has to be introduced.
    pub(super) fn bring_down(&mut self, id: NeighbourId) {
        let Some(mut neighbour) = self.neighbours.remove(&id) else { return };
        self.incoming.forget(id.0);
        neighbour.forget_traffic();
        if core::mem::take(&mut neighbour.up) {
            self.events.push_back(RadioEvent::Down { neighbour: id });
        }
        let fresh = self.fresh_id();
        self.neighbours.insert(fresh, neighbour);
    }

    /// The neighbours a hint may mean.
    pub(super) fn with_hint(&self, hint: u8) -> impl Iterator<Item = NeighbourId> + '_ {
        self.neighbours.iter().filter(move |(_, n)| n.hint() == hint).map(|(id, _)| *id)
    }
}
