//! The machine itself: what goes in and what comes out.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use zeroize::Zeroizing;

use super::{
    AirClass, AirFrame, NeighbourId, NeighbourView, Pulled, RadioConfig, RadioEvent, Signal,
    keys::{BroadcastKey, Incarnation, tag},
    meeting::{Introduction, SILENCE_MAX},
    neighbour::Neighbour,
    outgoing::Broadcasts,
    turn::{Timing, Turn},
    vectors::Vectors,
    wire::{PAYLOAD_LEN_MAX, kind, split_broadcast},
};
use crate::{
    compact::{self, CompactType, DecodeError, Labels, pieces::Incoming},
    crypto::{kem::X25519Key, rng::NodeRng},
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    identity::MeshIdentity,
    time::Instant,
};

/// One radio. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct RadioPort {
    pub(super) config: RadioConfig,
    pub(super) timing: Timing,
    pub(super) identity: MeshIdentity,
    pub(super) rng: NodeRng,
    pub(super) x25519: X25519Key,
    pub(super) boot: u32,
    pub(super) me: Incarnation,
    pub(super) broadcast_key: BroadcastKey,
    pub(super) broadcast_counter: u32,
    pub(super) broadcast_labels: Labels,
    pub(super) incoming: Incoming,
    pub(super) neighbours: BTreeMap<NeighbourId, Neighbour>,
    pub(super) next_id: u32,
    pub(super) introduction: Introduction,
    pub(super) broadcasts: Broadcasts,
    pub(super) vectors: Vectors,
    pub(super) turn: Turn,
    /// The least urgent class that the law leaves room for at present.
    pub(super) ceiling: AirClass,
    /// What was handed over and not yet sent; inside, for whom.
    pub(super) in_air: Option<Option<NeighbourId>>,
    /// Its time on air.
    sent_air: Duration,
    pub(super) events: VecDeque<RadioEvent>,
    pub(super) counters: RadioCounters,
}

/// What a port counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RadioCounters {
    /// Payloads heard.
    pub heard: u64,
    /// Payloads handed to the modem.
    pub sent: u64,
    /// Time on air of those.
    pub air: Duration,
    /// Payloads sent again.
    pub repeated: u64,
    /// Payloads never acknowledged.
    pub given_up: u64,
    /// Payloads whose forwarding was their acknowledgement.
    pub overheard: u64,
    /// Payloads that came again.
    pub duplicates: u64,
    /// Payloads that are none.
    pub malformed: u64,
    /// Payloads of another version or an unknown kind.
    pub unsupported: u64,
    /// Tags and signatures that do not hold.
    pub forged: u64,
    /// Counters seen before.
    pub replayed: u64,
    /// References a neighbour did not understand.
    pub unknown: u64,
    /// Neighbours there was no room for.
    pub full: u64,
}

impl RadioPort {
    /// A port with its own keys for this start. `rng_seed` must be fresh each time.
    pub fn new(
        now: Instant,
        config: RadioConfig,
        identity: &MeshIdentity,
        rng_seed: [u8; 32],
    ) -> Self {
        let mut rng = NodeRng::from_seed(rng_seed);
        let x25519 = X25519Key::from_seed(rng.array());
        let boot = rng.next_u32();
        let me = Incarnation::new(identity.public().node_key(), &x25519.public(), boot);
        let unit = u64::try_from(config.air(150).as_micros()).unwrap_or(u64::MAX);
        let first = now + Duration::from_micros(rng.below(unit.saturating_mul(8).max(1)));
        Self {
            timing: Timing::new(&config),
            identity: identity.clone(),
            x25519,
            boot,
            me,
            broadcast_key: Zeroizing::new(rng.array()),
            broadcast_counter: 0,
            broadcast_labels: Labels::for_broadcast(),
            incoming: Incoming::new(),
            neighbours: BTreeMap::new(),
            next_id: 0,
            introduction: Introduction::new(now, first),
            broadcasts: Broadcasts::default(),
            vectors: Vectors::new(now),
            turn: Turn::new(now),
            ceiling: AirClass::Bulk,
            in_air: None,
            sent_air: Duration::ZERO,
            events: VecDeque::new(),
            counters: RadioCounters::default(),
            config,
            rng,
        }
    }

    /// Forgets a neighbour.
    pub(super) fn forget(&mut self, id: NeighbourId) {
        self.neighbours.remove(&id);
        self.incoming.forget(id.0);
    }

    /// The modem received a payload, just now to its end. Whatever is wrong with it is counted.
    pub fn handle_heard(&mut self, now: Instant, payload: &[u8], signal: Signal) {
        self.counters.heard += 1;
        let air = self.config.air(payload.len());
        self.turn.on_heard(now, air);
        self.turn.on_free(now, &self.timing, &mut self.rng);
        self.postpone(now, air);
        if let Err(error) = self.on_payload(now, payload, signal) {
            self.count(error);
        }
    }

    fn on_payload(&mut self, now: Instant, payload: &[u8], signal: Signal) -> Result<(), Error> {
        if payload.len() > PAYLOAD_LEN_MAX {
            return Err(Malformed::TooLong("radio payload").into());
        }
        let first = payload.first().ok_or(Malformed::MissingData("radio kind"))?;
        match compact::split_type(*first)? {
            kind::HELLO => self.on_hello(now, payload, signal),
            kind::KEYS => self.on_keys(now, payload, signal),
            of if of.0 < PORT_TYPES || of == kind::ACK => self.on_unicast(now, of, payload, signal),
            of => match kind::from_all(of) {
                Some(of) => self.on_broadcast(now, of, payload, signal),
                None => Err(Unsupported::Kind(of.0).into()),
            },
        }
    }

    fn on_broadcast(
        &mut self,
        now: Instant,
        of: CompactType,
        payload: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let broadcast = split_broadcast(of, payload)?;
        let mut has_key = false;
        let mut found = None;
        for (id, neighbour) in self.neighbours.iter_mut() {
            let Some(key) = neighbour.broadcast_key.as_ref().filter(|_| neighbour.up) else {
                continue;
            };
            if neighbour.incarnation.hint() != broadcast.from {
                continue;
            }
            has_key = true;
            let holds = |n: &u32| tag(key.as_slice(), *n, broadcast.covered) == broadcast.tag;
            let Some(low) = broadcast.counter else {
                if holds(&0) {
                    found = Some(*id);
                    break;
                }
                continue;
            };
            if let Some(counter) = neighbour.broadcast_seen.candidates(low).find(holds) {
                neighbour.broadcast_seen.accept(counter);
                found = Some(*id);
                break;
            }
        }
        let Some(neighbour) = found.and_then(|id| self.neighbours.get_mut(&id)) else {
            if has_key {
                return Err(PeerMisbehaved::BadTag.into());
            }
            self.note_stranger(now, broadcast.from);
            return Ok(());
        };
        neighbour.on_heard(now, signal);
        let Some(id) = found else { return Ok(()) };
        if of == CompactType::ANNOUNCES {
            return self.on_ways(now, id, broadcast.body, signal);
        }
        let mut frame = Vec::new();
        let labels = match of {
            CompactType::RETRACT_SHORT => self.vectors.book_mut(),
            _ => &mut neighbour.labels,
        };
        match compact::decode(of, broadcast.body, labels, &mut frame) {
            Ok(()) => {
                self.note_broadcast(now, &frame, signal);
                self.events.push_back(RadioEvent::Frame { neighbour: id, frame });
            }
            // Of a way that is not known nothing has to be taken back.
            Err(DecodeError::Unknown(_)) if of == CompactType::RETRACT_SHORT => {}
            Err(DecodeError::Unknown(unknown)) => self.say_unknown(id, &unknown),
            Err(DecodeError::Error(error)) => return Err(error),
        }
        Ok(())
    }

    fn count(&mut self, error: Error) {
        let counters = &mut self.counters;
        match error {
            Error::Malformed(_) => counters.malformed += 1,
            Error::Unsupported(_) => counters.unsupported += 1,
            Error::PeerMisbehaved(PeerMisbehaved::Replayed) => counters.replayed += 1,
            Error::PeerMisbehaved(_) => counters.forged += 1,
        }
    }

    /// Others could not answer while somebody spoke: all waits for answers are longer by that.
    fn postpone(&mut self, now: Instant, air: Duration) {
        let outstanding = self.neighbours.values_mut().filter_map(|n| n.outstanding.as_mut());
        for due in outstanding.filter_map(|o| o.due.as_mut()).filter(|due| **due > now) {
            *due += air;
        }
    }

    /// The payload of the last [`Self::poll_air`] left the antenna, or, where the modem does not
    /// tell, was taken by it.
    pub fn handle_sent(&mut self, now: Instant) {
        let Some(to) = self.in_air.take() else { return };
        let air = core::mem::take(&mut self.sent_air);
        let neighbours = self.neighbours.values().filter(|n| n.up).count();
        self.turn.on_sent(now, air, u32::try_from(neighbours).unwrap_or(u32::MAX).min(64));
        self.turn.on_free(now, &self.timing, &mut self.rng);
        if let Some(id) = to {
            self.on_unicast_sent(now, id);
        }
    }

    /// The modem senses that somebody sends (`true`), or that nobody does any more. Where it
    /// cannot, this is never called.
    pub fn handle_channel(&mut self, now: Instant, busy: bool) {
        if self.turn.is_busy() && !busy {
            self.turn.on_free(now, &self.timing, &mut self.rng);
        }
        self.turn.set_busy(busy);
    }

    /// What of the hour's air time is left is for `class` and what goes before it: nothing else is
    /// handed over until this is said again.
    pub fn handle_allowance(&mut self, class: AirClass) {
        self.ceiling = class;
    }

    /// The node has something for the link of this neighbour.
    pub fn handle_ready(&mut self, _now: Instant, neighbour: NeighbourId) {
        self.set_ready(neighbour, true);
    }

    pub(super) fn set_ready(&mut self, id: NeighbourId, ready: bool) {
        if let Some(neighbour) = self.neighbours.get_mut(&id) {
            neighbour.ready = ready && neighbour.up;
        }
    }

    /// The time of [`Self::poll_timeout`] has come. Calling early or late does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.on_piece_timers(now);
        let silent = |n: &Neighbour| n.last_heard + SILENCE_MAX <= now;
        let gone = self.neighbours.iter().filter(|(_, n)| silent(n)).map(|(id, n)| (*id, n.up));
        for (id, up) in gone.collect::<Vec<_>>() {
            self.forget(id);
            if up {
                self.events.push_back(RadioEvent::Down { neighbour: id });
            }
        }
    }

    /// Appends the next payload for the air to `buf`; `None` when it is nobody's turn here, as
    /// [`Self::poll_timeout`] says until when. To be called only when the modem is free and the law
    /// allows a payload of [`PAYLOAD_LEN_MAX`]. `pull` is [`crate::Node::poll_transmit`] of the
    /// neighbour's link: it appends a frame and gives what that function gave, or, where nothing is
    /// known of turns, whether there was one.
    pub fn poll_air<R: Into<Pulled>>(
        &mut self,
        now: Instant,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> R,
        buf: &mut Vec<u8>,
    ) -> Option<AirFrame> {
        if self.in_air.is_some() || self.turn.is_busy() {
            return None;
        }
        let mut pull = |id: NeighbourId, frame: &mut Vec<u8>| pull(id, frame).into();
        let frame = self.next_payload(now, &mut pull, buf)?;
        self.in_air.get_or_insert(None);
        Some(frame)
    }

    /// Counts a payload as sent, and for whom.
    pub(super) fn spend(&mut self, to: Option<NeighbourId>, len: usize) {
        let air = self.config.air(len);
        self.counters.sent += 1;
        self.sent_air = air;
        self.counters.air += air;
        if let Some(neighbour) = to.and_then(|id| self.neighbours.get_mut(&id)) {
            neighbour.air += air;
            neighbour.turn += air;
        }
    }

    /// Next event for the driver.
    pub fn poll_event(&mut self) -> Option<RadioEvent> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`] and [`Self::poll_air`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let silent = self.neighbours.values().map(|n| n.last_heard + SILENCE_MAX).min();
        if self.in_air.is_some() || self.turn.is_busy() {
            return silent;
        }
        let at = self.turn.at();
        let acks = self.neighbours.values().flat_map(|n| n.acks.iter().map(|ack| ack.due)).min();
        let ready = self.neighbours.values().any(Neighbour::has_something);
        let silences = self.neighbours.values().filter_map(|n| n.outgoing.as_ref());
        let silences = silences.filter_map(|long| long.pieces.poll_timeout()).min();
        let repeats = self.neighbours.values().filter_map(|n| n.outstanding.as_ref()?.due).min();
        [
            silent,
            silences,
            self.incoming.poll_timeout().map(|due| due.max(at)),
            acks.map(|due| due.max(self.turn.ack_at())),
            ready.then_some(at),
            repeats.map(|due| due.max(at)),
            self.keys_due().map(|due| due.max(at)),
            self.introduction.due.map(|due| due.max(at)),
            self.broadcasts.poll_timeout().map(|due| due.max(at)),
            self.vectors.poll_timeout().map(|due| due.max(at)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The neighbours the node knows of.
    pub fn neighbours(&self) -> impl Iterator<Item = NeighbourView> + '_ {
        self.neighbours.iter().filter(|(_, n)| n.up).map(|(id, n)| n.view(*id))
    }

    /// What this port counted since it began.
    pub const fn counters(&self) -> &RadioCounters {
        &self.counters
    }

    /// How the radio is set.
    pub const fn config(&self) -> &RadioConfig {
        &self.config
    }
}

/// Types from here on are the port's own.
const PORT_TYPES: u8 = 0x20;
