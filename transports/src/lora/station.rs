//! One radio of a node: the modem's machine below, the radio port above, the law between them.
//!
//! Still without socket and clock: what the task of a modem drives, and what tests drive without
//! one. Whoever owns it lends it the node's [`Ledger`] with each call.

use std::{collections::VecDeque, time::Duration};

use mesh::{
    Instant, LinkCaps, MeshIdentity, PublicIdentity, Transmit,
    radio::{
        AirClass, NeighbourId, NeighbourView, RadioConfig, RadioCounters, RadioEvent, RadioPort,
        Signal,
    },
};

use super::{
    ledger::{Ledger, Verdict},
    region::{Band, Refusal},
    rnode::{PACKET_MAX, Pace, Rnode, RnodeEvent},
    rnode_stats::Stats,
    scan::{Scan, ScanRow},
    settings::Settings,
    uri::Radio,
};

/// What a station tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StationEvent {
    /// A neighbour came up.
    Up {
        /// The port's name for it.
        neighbour: NeighbourId,
        /// Its node key.
        peer: PublicIdentity,
        /// What the link can carry.
        caps: LinkCaps,
    },
    /// A neighbour is gone, or the modem is.
    Down {
        /// The port's name for it.
        neighbour: NeighbourId,
    },
    /// A frame for the node.
    Frame {
        /// From whom.
        neighbour: NeighbourId,
        /// As the node knows it.
        frame: Vec<u8>,
    },
    /// A frame was acknowledged, or given up.
    Delivery {
        /// To whom.
        neighbour: NeighbourId,
        /// How often it was sent.
        transmissions: u8,
        /// Whether it arrived.
        delivered: bool,
        /// The lock of the envelope that it was.
        lock: Option<[u8; 16]>,
    },
    /// Something may be sent: call [`Station::send_air`].
    Air,
    /// [`Station::is_online`] or a complaint changed.
    Status,
}

/// A radio. See the module.
#[derive(Debug)]
pub struct Station {
    identity: MeshIdentity,
    seed: fn() -> [u8; 32],
    radio: Radio,
    band: &'static Band,
    rnode: Option<Rnode>,
    port: RadioPort,
    /// Neighbours that the owner has as links.
    up: Vec<NeighbourId>,
    events: VecDeque<StationEvent>,
    /// [`StationEvent::Air`] was said and not answered.
    asked: bool,
    /// Nothing is asked for before, by law.
    hold_until: Instant,
    /// Nor before that: the port had nothing after all, or nothing of a class that may be sent.
    nothing_until: Instant,
    /// The ledger has to be written before anything is sent.
    wants_writing: bool,
    complaint: Option<String>,
    scan: Option<Scan>,
}

impl Station {
    /// A station without a modem yet. `seed` draws randomness for the radio port's keys, which are
    /// new whenever the modem is.
    ///
    /// # Errors
    ///
    /// The rule that forbids the settings.
    pub fn new(
        now: Instant,
        identity: MeshIdentity,
        radio: Radio,
        seed: fn() -> [u8; 32],
    ) -> Result<Self, Refusal> {
        let band = radio.check()?;
        let port = RadioPort::new(now, config(&radio), &identity, seed());
        Ok(Self {
            identity,
            seed,
            radio,
            band,
            rnode: None,
            port,
            up: Vec::new(),
            events: VecDeque::new(),
            asked: false,
            hold_until: now,
            nothing_until: now,
            wants_writing: false,
            complaint: None,
            scan: None,
        })
    }

    /// A way to the modem was opened.
    pub fn handle_opened(&mut self, now: Instant, pace: Pace) {
        let limit = self.band.share_centi();
        self.rnode = Some(Rnode::new(now, pace, self.radio.settings, limit));
    }

    /// The way to the modem is gone, and with it all neighbours.
    pub fn handle_closed(&mut self, now: Instant) {
        self.rnode = None;
        self.scan = None;
        self.renew_port(now);
        self.events.push_back(StationEvent::Status);
    }

    /// Bytes from the modem.
    pub fn handle_bytes(&mut self, now: Instant, ledger: &mut Ledger, bytes: &[u8]) {
        if let Some(rnode) = &mut self.rnode {
            rnode.handle_bytes(now, bytes);
        }
        self.settle(now, ledger);
    }

    /// Time passed, or the ledger was written, or a neighbour's link has something.
    pub fn handle_timeout(&mut self, now: Instant, ledger: &mut Ledger) {
        if let Some(rnode) = &mut self.rnode
            && rnode.poll_timeout().is_some_and(|due| due <= now)
        {
            rnode.handle_timeout(now);
        }
        self.settle(now, ledger);
    }

    /// The node has something for a neighbour.
    pub fn handle_ready(&mut self, now: Instant, ledger: &mut Ledger, neighbour: NeighbourId) {
        self.port.handle_ready(now, neighbour);
        self.nothing_until = now;
        self.settle(now, ledger);
    }

    /// Sends what is next, if it is this node's turn: the answer to [`StationEvent::Air`].
    pub fn send_air(
        &mut self,
        now: Instant,
        ledger: &mut Ledger,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> Option<Transmit>,
    ) {
        self.asked = false;
        if self.is_allowed(now, ledger) {
            let mut payload = Vec::with_capacity(PACKET_MAX);
            match self.port.poll_air(now, &mut *pull, &mut payload) {
                Some(_) => self.hand_over(now, ledger, &payload),
                None => self.nothing_until = now + NOTHING_WAIT,
            }
        }
        self.settle(now, ledger);
    }

    /// Charged first (`AIR-21`): what the modem makes of it is beyond us.
    fn hand_over(&mut self, now: Instant, ledger: &mut Ledger, payload: &[u8]) {
        let air = self.air(payload.len());
        ledger.charge(now, self.band.name, micros(air));
        let taken = self.rnode.as_mut().map(|rnode| rnode.send(now, payload, air));
        if taken != Some(Ok(())) {
            // It was asked before; should it ever refuse, the port repeats what is worth it.
            self.port.handle_sent(now);
        }
    }

    /// Appends what is to be written to the modem in one go; false if nothing is.
    pub fn poll_write(&mut self, out: &mut Vec<u8>) -> bool {
        self.rnode.as_mut().is_some_and(|rnode| rnode.poll_write(out))
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<StationEvent> {
        self.events.pop_front()
    }

    /// Whether the ledger has to be written before anything is sent; asked once.
    pub fn take_wants_writing(&mut self) -> bool {
        std::mem::take(&mut self.wants_writing)
    }

    /// When time alone changes something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rnode = self.rnode.as_ref()?;
        let scan = self.scan.as_ref().and_then(Scan::poll_timeout);
        let port = if rnode.is_free() && !self.asked && self.scan.is_none() {
            let held = self.hold_until.max(self.nothing_until);
            self.port.poll_timeout().map(|due| due.max(held))
        } else {
            None
        };
        [rnode.poll_timeout(), scan, port].into_iter().flatten().min()
    }

    /// Says goodbye to the modem.
    pub fn leave(&mut self) {
        if let Some(rnode) = &mut self.rnode {
            rnode.leave();
        }
    }

    /// Sets the radio to something else. Neighbours there are others: those of before go down.
    ///
    /// # Errors
    ///
    /// The rule that forbids it; nothing changes then.
    pub fn set(&mut self, now: Instant, ledger: &mut Ledger, radio: Radio) -> Result<(), Refusal> {
        let band = radio.check()?;
        (self.radio, self.band) = (radio, band);
        self.scan = None;
        self.renew_port(now);
        open_account(ledger, band);
        if let Some(rnode) = &mut self.rnode {
            rnode.set(now, radio.settings, band.share_centi());
        }
        self.settle(now, ledger);
        Ok(())
    }

    /// Listens on each of `steps` in turn and then goes back; sends nothing meanwhile. False if
    /// there is no modem to do it.
    pub fn scan(&mut self, now: Instant, steps: Vec<Settings>, dwell: Duration) -> bool {
        let is_online = self.is_online();
        if let Some(rnode) = self.rnode.as_mut().filter(|_| is_online && !steps.is_empty()) {
            let scan = Scan::new(steps, dwell);
            // A modem that was told 0 hears and keeps no account; nothing is sent.
            rnode.set(now, scan.settings(), 0);
            self.scan = Some(scan);
        }
        self.scan.is_some()
    }

    /// What the last scan found, once it is over.
    pub fn scanned(&mut self) -> Option<Vec<ScanRow>> {
        if self.scan.as_ref()?.is_over() { self.scan.take().map(Scan::into_rows) } else { None }
    }

    /// Whether a scan goes on, or its result was not fetched.
    pub const fn is_scanning(&self) -> bool {
        self.scan.is_some()
    }

    /// Whether the modem does what it was told.
    pub fn is_online(&self) -> bool {
        self.rnode.as_ref().is_some_and(Rnode::is_online)
    }

    /// Whether the conversation with the modem is over: close the port.
    pub fn is_failed(&self) -> bool {
        self.rnode.as_ref().is_some_and(Rnode::is_failed)
    }

    /// Whether [`Station::poll_event`] has something.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Has the owner look at it again.
    pub(crate) fn tell_status(&mut self) {
        if self.events.back() != Some(&StationEvent::Status) {
            self.events.push_back(StationEvent::Status);
        }
    }

    /// What the modem complained of last.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// What the radio is set to.
    pub const fn radio(&self) -> &Radio {
        &self.radio
    }

    /// The sub-band whose rules count.
    pub const fn band(&self) -> &'static Band {
        self.band
    }

    /// In what time the law lets the next message out, if nothing else is sent before (`AIR-29`).
    pub fn message_wait(&self, now: Instant, ledger: &Ledger) -> Duration {
        let air_us = micros(self.air(PACKET_MAX));
        ledger.wait(now, self.band.name, AirClass::Conversation, air_us)
    }

    /// What the modem reports.
    pub fn stats(&self) -> Option<&Stats> {
        self.rnode.as_ref().map(Rnode::stats)
    }

    /// The neighbours that are up.
    pub fn neighbours(&self) -> impl Iterator<Item = NeighbourView> + '_ {
        self.port.neighbours()
    }

    /// What the port counted since the modem was plugged in.
    pub const fn counters(&self) -> &RadioCounters {
        self.port.counters()
    }

    /// Lets everything act on what happened, and says whether something may be sent.
    fn settle(&mut self, now: Instant, ledger: &mut Ledger) {
        while let Some(event) = self.rnode.as_mut().and_then(Rnode::poll_event) {
            self.on_rnode(now, event);
        }
        self.advance_scan(now);
        if self.port.poll_timeout().is_some_and(|due| due <= now) {
            self.port.handle_timeout(now);
        }
        while let Some(event) = self.port.poll_event() {
            self.on_port(event);
        }
        if !self.asked && self.is_due(now) && self.is_allowed(now, ledger) {
            self.asked = true;
            self.events.push_back(StationEvent::Air);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.hold_until.max(self.nothing_until) <= now
            && self.port.poll_timeout().is_some_and(|due| due <= now)
    }

    /// Whether the modem is free and the law allows the longest frame of some class, which the port
    /// is told (`AIR-20` … `AIR-24`).
    fn is_allowed(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        if self.scan.is_some() || !self.rnode.as_ref().is_some_and(Rnode::is_free) {
            return false;
        }
        let air_us = micros(self.air(PACKET_MAX));
        let name = self.band.name;
        open_account(ledger, self.band);
        for class in CLASSES {
            match ledger.ask(now, name, class, air_us) {
                Verdict::Now => {
                    self.port.handle_allowance(class);
                    return true;
                }
                Verdict::AfterWriting => {
                    ledger.reserve(name, air_us);
                    self.wants_writing = true;
                    self.hold_until = now + WRITING_WAIT;
                    return false;
                }
                // The next class may use more of the hour.
                Verdict::At(then) => self.hold_until = then,
                Verdict::Never => self.hold_until = now + super::ledger::HOUR,
            }
        }
        false
    }

    /// The ledger was written: what waited for it goes on.
    pub fn handle_written(&mut self, now: Instant, ledger: &mut Ledger) {
        self.hold_until = self.hold_until.min(now);
        self.settle(now, ledger);
    }

    fn on_rnode(&mut self, now: Instant, event: RnodeEvent) {
        match event {
            RnodeEvent::Online => {
                self.complaint = None;
                if let Some(scan) = &mut self.scan {
                    scan.on_online(now);
                } else {
                    self.events.push_back(StationEvent::Status);
                }
            }
            RnodeEvent::Heard { payload, signal } => {
                let signal = signal.map_or(UNKNOWN_SIGNAL, |signal| Signal {
                    rssi_dbm: signal.rssi_dbm,
                    snr_quarter_db: signal.snr_quarter_db,
                });
                match &mut self.scan {
                    Some(scan) => scan.on_heard(signal),
                    None => {
                        self.port.handle_heard(now, &payload, signal);
                        self.nothing_until = now;
                    }
                }
            }
            RnodeEvent::Sent => self.port.handle_sent(now),
            RnodeEvent::Offline(why) => {
                // What was with the modem is lost, and repeated if it is worth it.
                self.port.handle_sent(now);
                if self.scan.is_none() {
                    self.complain(why.to_owned());
                }
            }
            RnodeEvent::Complaint(error) => self.complain(error.to_string()),
            RnodeEvent::Failed(error) => self.complain(error.to_string()),
        }
    }

    fn complain(&mut self, what: String) {
        self.complaint = Some(what);
        self.events.push_back(StationEvent::Status);
    }

    fn on_port(&mut self, event: RadioEvent) {
        match event {
            RadioEvent::Up { neighbour, peer, caps } => {
                self.up.push(neighbour);
                self.events.push_back(StationEvent::Up { neighbour, peer, caps });
            }
            RadioEvent::Down { neighbour } => {
                self.up.retain(|other| *other != neighbour);
                self.events.push_back(StationEvent::Down { neighbour });
            }
            RadioEvent::Frame { neighbour, frame } => {
                self.events.push_back(StationEvent::Frame { neighbour, frame });
            }
            RadioEvent::Delivery { neighbour, transmissions, delivered, lock } => {
                self.events.push_back(StationEvent::Delivery {
                    neighbour,
                    transmissions,
                    delivered,
                    lock,
                });
            }
            _ => {}
        }
    }

    fn advance_scan(&mut self, now: Instant) {
        let (Some(scan), Some(rnode)) = (&mut self.scan, &mut self.rnode) else { return };
        match scan.advance(now, rnode.stats()) {
            Some(Some(settings)) => rnode.set(now, settings, 0),
            Some(None) => {
                rnode.set(now, self.radio.settings, self.band.share_centi());
                self.events.push_back(StationEvent::Status);
            }
            None => {}
        }
    }

    /// Other keys, no neighbours.
    fn renew_port(&mut self, now: Instant) {
        for neighbour in std::mem::take(&mut self.up) {
            self.events.push_back(StationEvent::Down { neighbour });
        }
        self.port = RadioPort::new(now, config(&self.radio), &self.identity, (self.seed)());
        self.asked = false;
        self.hold_until = now;
    }

    fn air(&self, len: usize) -> Duration {
        self.port.config().air(len)
    }
}

fn config(radio: &Radio) -> RadioConfig {
    RadioConfig::new(radio.settings.modulation())
}

fn open_account(ledger: &mut Ledger, band: &Band) {
    if let Some(share_us) = band.share_us() {
        ledger.open(band.name, share_us);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What a modem does not say is taken as just heard: nobody is taken for near without reason.
const UNKNOWN_SIGNAL: Signal = Signal { rssi_dbm: -120, snr_quarter_db: 0 };

/// What may be sent, least urgent first: the first that may is the ceiling.
const CLASSES: [AirClass; 4] =
    [AirClass::Bulk, AirClass::Broadcast, AirClass::Conversation, AirClass::Control];

/// A port that said it had something and had nothing is asked again after that, or as soon as it
/// hears something or the node has something.
const NOTHING_WAIT: Duration = Duration::from_millis(100);

/// A disk that does not answer is asked again after that.
const WRITING_WAIT: Duration = Duration::from_secs(10);
