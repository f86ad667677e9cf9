//! The air: who transmits, who hears it, and why not.

use std::collections::{BTreeMap, VecDeque};

use mesh::radio::{Modulation, Signal};

use super::{
    AirEvent, Decibel, Loss, Position, Propagation, TransmitError,
    draw::Draw,
    flight::{Flight, is_one_channel, is_readable, signal},
};

/// A radio of an [`Air`]; numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RadioId(pub u32);

/// Where a radio is, and what is particular about it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RadioSite {
    /// Its place.
    pub position: Position,
    /// Its antenna's gain, in both directions.
    pub gain: Decibel,
    /// Millionths by which its oscillator is too fast.
    pub drift_ppm: i32,
}

/// What is transmitted at present, and who receives it.
///
/// Time is given in microseconds and does not run backwards: an earlier instant is taken for the
/// latest that was given. After every input, [`Self::poll`] until it says `None`; call it again
/// at [`Self::poll_timeout`].
#[derive(Debug)]
pub struct Air {
    pub(super) propagation: Propagation,
    pub(super) draw: Draw,
    pub(super) radios: Vec<Radio>,
    /// `losses[from][to]`
    pub(super) losses: Vec<Vec<Decibel>>,
    /// What is in the air, and what was when something that still is began.
    pub(super) flights: Vec<Flight>,
    next_flight: u64,
    agenda: BTreeMap<(u64, Stage, u64), RadioId>,
    pub(super) events: VecDeque<AirEvent>,
    now_us: u64,
}

impl Air {
    /// Silent air without radios.
    pub fn new(propagation: Propagation, seed: u64) -> Self {
        Self {
            propagation,
            draw: Draw::new(seed),
            radios: Vec::new(),
            losses: Vec::new(),
            flights: Vec::new(),
            next_flight: 0,
            agenda: BTreeMap::new(),
            events: VecDeque::new(),
            now_us: 0,
        }
    }

    /// Adds a radio, switched off. Its number is the count of radios added before.
    pub fn add_radio(&mut self, site: RadioSite) -> RadioId {
        let id = RadioId(u32::try_from(self.radios.len()).unwrap_or(u32::MAX));
        self.radios.push(Radio::new(site));
        for row in &mut self.losses {
            row.push(Decibel::NO_WAY);
        }
        self.losses.push(vec![Decibel::NO_WAY; self.radios.len()]);
        self.measure(id);
        id
    }

    /// Takes a radio away; what it was transmitting breaks off unheard.
    pub fn remove_radio(&mut self, now_us: u64, radio: RadioId) {
        self.tune(now_us, radio, None);
        let Some(gone) = self.radios.get_mut(radio.0 as usize) else { return };
        gone.present = false;
        gone.watched = false;
        if let Some(flight) = gone.sending.take() {
            self.abandon(flight);
        }
        self.sense(self.now_us);
    }

    /// Carries a radio to another place. Frames in the air are judged as from there.
    pub fn move_radio(&mut self, radio: RadioId, position: Position) {
        let Some(moved) = self.radios.get_mut(radio.0 as usize) else { return };
        moved.site.position = position;
        self.measure(radio);
    }

    /// Tunes a receiver, or switches it off. What it was receiving is lost.
    pub fn tune(&mut self, now_us: u64, radio: RadioId, to: Option<Modulation>) {
        self.advance(now_us);
        let now_us = self.now_us;
        let Some(tuned) = self.radios.get_mut(radio.0 as usize).filter(|radio| radio.present)
        else {
            return;
        };
        if tuned.tuning != to {
            tuned.tuning = to;
            tuned.tuned_at = now_us;
            if let Some(flight) = tuned.locked.take() {
                self.lose(now_us, flight, radio, Loss::Retuned);
            }
            self.sense(now_us);
        }
    }

    /// Begins to transmit a frame; returns when its last symbol will have left. Receivers must be
    /// tuned to the modulation's frequency, bandwidth and spreading factor.
    ///
    /// # Errors
    ///
    /// Why nothing was transmitted.
    pub fn begin_transmit(
        &mut self,
        now_us: u64,
        radio: RadioId,
        modulation: &Modulation,
        power_dbm: i8,
        frame: &[u8],
    ) -> Result<u64, TransmitError> {
        self.advance(now_us);
        let now_us = self.now_us;
        let id = self.next_flight;
        let sender = self.radios.get_mut(radio.0 as usize).filter(|radio| radio.present);
        let sender = sender.ok_or(TransmitError::NoRadio)?;
        if sender.sending.is_some() {
            return Err(TransmitError::Transmitting);
        }
        if frame.is_empty() || frame.len() > FRAME_LEN_MAX {
            return Err(TransmitError::Length);
        }
        sender.sending = Some(id);
        let power = Decibel::whole(power_dbm.into()) + sender.site.gain;
        if let Some(missed) = sender.locked.take() {
            self.lose(now_us, missed, radio, Loss::HalfDuplex);
        }
        let flight = Flight::new(id, radio, *modulation, power, now_us, frame);
        let end_us = flight.end_us;
        self.next_flight += 1;
        self.agenda.insert((flight.visible_us(), Stage::Visible, id), radio);
        self.agenda.insert((flight.synchronised_us, Stage::Synchronised, id), radio);
        self.agenda.insert((end_us, Stage::End, id), radio);
        self.flights.push(flight);
        self.sense(now_us);
        Ok(end_us)
    }

    /// What happened until `now_us`, in order.
    pub fn poll(&mut self, now_us: u64) -> Option<AirEvent> {
        if self.events.is_empty() {
            self.advance(now_us);
        }
        self.events.pop_front()
    }

    /// When something happens next.
    pub fn poll_timeout(&self) -> Option<u64> {
        if !self.events.is_empty() {
            return Some(self.now_us);
        }
        self.agenda.first_key_value().map(|((at_us, ..), _)| *at_us)
    }

    /// How much weaker a signal is at `to` than at `from`'s amplifier: both antennas included.
    pub fn path_loss(&self, from: RadioId, to: RadioId) -> Decibel {
        let loss = self.losses.get(from.0 as usize).and_then(|row| row.get(to.0 as usize));
        let (Some(loss), Some(sender), Some(receiver)) = (loss, self.radio(from), self.radio(to))
        else {
            return Decibel::NO_WAY;
        };
        *loss - sender.site.gain - receiver.site.gain
    }

    /// The signal with which `to` would receive frames of `from`, when it can read them on a
    /// silent channel.
    pub fn reaches(
        &self,
        from: RadioId,
        to: RadioId,
        modulation: &Modulation,
        power_dbm: i8,
    ) -> Option<Signal> {
        let level = Decibel::whole(power_dbm.into()) - self.path_loss(from, to);
        is_readable(level, modulation).then(|| signal(level, modulation))
    }

    /// What is known of a radio.
    pub fn site(&self, radio: RadioId) -> Option<&RadioSite> {
        self.radio(radio).map(|radio| &radio.site)
    }

    /// Every radio that is there.
    pub fn radios(&self) -> impl Iterator<Item = (RadioId, &RadioSite, Option<&Modulation>)> {
        self.radios
            .iter()
            .zip(0..)
            .filter(|(radio, _)| radio.present)
            .map(|(radio, number)| (RadioId(number), &radio.site, radio.tuning.as_ref()))
    }

    pub(super) fn radio(&self, radio: RadioId) -> Option<&Radio> {
        self.radios.get(radio.0 as usize).filter(|radio| radio.present)
    }

    /// Brings the losses from and to a radio up to date.
    fn measure(&mut self, radio: RadioId) {
        let own = radio.0 as usize;
        let here = self.radios[own].site.position;
        for (other, number) in (0..self.radios.len()).zip(0..) {
            let there = self.radios[other].site.position;
            let (this, that) = ((radio, &here), (RadioId(number), &there));
            self.losses[own][other] = self.propagation.loss(self.draw, this, that);
            self.losses[other][own] = self.propagation.loss(self.draw, that, this);
        }
    }

    fn advance(&mut self, now_us: u64) {
        self.now_us = self.now_us.max(now_us);
        while let Some(entry) = self.agenda.first_entry() {
            let (at_us, stage, flight) = *entry.key();
            if at_us > self.now_us {
                return;
            }
            entry.remove();
            match stage {
                Stage::End => self.end(at_us, flight),
                Stage::Synchronised => self.synchronise(at_us, flight),
                Stage::Visible => {}
            }
            self.sense(at_us);
        }
    }

    /// At the end of a preamble, receivers that have followed it stay with the frame (`VIR-04`).
    fn synchronise(&mut self, at_us: u64, flight: u64) {
        let Some(flight) = self.flight(flight).cloned() else { return };
        for (receiver, number) in (0..self.radios.len()).zip(0..) {
            let radio = RadioId(number);
            if radio == flight.from || !self.radios[receiver].is_tuned_to(&flight.modulation) {
                continue;
            }
            let level = self.level(&flight, radio);
            if !is_readable(level, &flight.modulation) {
                continue;
            }
            match self.obstacle(&flight, radio) {
                None => self.radios[receiver].locked = Some(flight.id),
                Some(why) => {
                    let signal = signal(level, &flight.modulation);
                    self.events.push_back(AirEvent::Lost {
                        at_us,
                        radio,
                        from: flight.from,
                        signal,
                        why,
                    });
                }
            }
        }
    }

    /// What keeps a receiver from following a preamble.
    fn obstacle(&self, flight: &Flight, radio: RadioId) -> Option<Loss> {
        let receiver = self.radio(radio)?;
        let sync_us = flight.sync_us();
        if receiver.sending.is_some() || receiver.sent_until > sync_us {
            return Some(Loss::HalfDuplex);
        }
        if receiver.tuned_at > sync_us {
            return Some(Loss::Retuned);
        }
        if receiver.locked.is_some() {
            return Some(Loss::Occupied);
        }
        let sender_ppm = self.radios[flight.from.0 as usize].site.drift_ppm;
        let apart_ppm = i64::from(sender_ppm) - i64::from(receiver.site.drift_ppm);
        let frequency = i64::from(flight.modulation.frequency_hz);
        if apart_ppm.abs() * frequency / 1_000_000 > i64::from(flight.modulation.bandwidth_hz / 4) {
            return Some(Loss::Detuned);
        }
        self.is_disturbed(flight, radio, flight.synchronised_us).then_some(Loss::Collision)
    }

    fn end(&mut self, at_us: u64, id: u64) {
        let Some(flight) = self.flight(id).cloned() else { return };
        for (receiver, number) in (0..self.radios.len()).zip(0..) {
            if self.radios[receiver].locked != Some(id) {
                continue;
            }
            self.radios[receiver].locked = None;
            let radio = RadioId(number);
            if self.is_disturbed(&flight, radio, at_us) {
                self.lose(at_us, id, radio, Loss::Collision);
            } else if self.propagation.loses(self.draw, id, radio) {
                self.lose(at_us, id, radio, Loss::Faded);
            } else {
                let signal = signal(self.level(&flight, radio), &flight.modulation);
                let (from, frame) = (flight.from, flight.frame.clone());
                self.events.push_back(AirEvent::Heard { at_us, radio, from, signal, frame });
            }
        }
        let sender = &mut self.radios[flight.from.0 as usize];
        sender.sending = None;
        sender.sent_until = at_us;
        self.events.push_back(AirEvent::Sent { at_us, radio: flight.from });
        self.forget(id);
    }

    /// Ends a frame before its time: its sender is gone.
    fn abandon(&mut self, id: u64) {
        for receiver in 0..self.radios.len() {
            if self.radios[receiver].locked == Some(id) {
                self.radios[receiver].locked = None;
                let radio = RadioId(u32::try_from(receiver).unwrap_or(u32::MAX));
                self.lose(self.now_us, id, radio, Loss::Faded);
            }
        }
        self.agenda.retain(|(_, _, flight), _| *flight != id);
        let now_us = self.now_us;
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) {
            flight.end_us = now_us;
        }
        self.forget(id);
    }

    /// Drops frames that nothing still in the air has met.
    fn forget(&mut self, id: u64) {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) {
            flight.ended = true;
        }
        let in_the_air = self.flights.iter().filter(|flight| !flight.ended);
        let oldest = in_the_air.map(|flight| flight.start_us).min().unwrap_or(u64::MAX);
        self.flights.retain(|flight| !flight.ended || flight.end_us > oldest);
    }

    fn lose(&mut self, at_us: u64, flight: u64, radio: RadioId, why: Loss) {
        let Some(flight) = self.flight(flight) else { return };
        let signal = signal(self.level(flight, radio), &flight.modulation);
        let from = flight.from;
        self.events.push_back(AirEvent::Lost { at_us, radio, from, signal, why });
    }

    fn flight(&self, id: u64) -> Option<&Flight> {
        self.flights.iter().find(|flight| flight.id == id)
    }
}

/// Longest frame of the physical layer.
pub const FRAME_LEN_MAX: usize = 255;

/// What happens to a frame, in the order in which it happens at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    End,
    Synchronised,
    Visible,
}

#[derive(Debug)]
pub(super) struct Radio {
    pub(super) site: RadioSite,
    pub(super) present: bool,
    pub(super) tuning: Option<Modulation>,
    tuned_at: u64,
    pub(super) sending: Option<u64>,
    sent_until: u64,
    /// The frame it is receiving.
    locked: Option<u64>,
    pub(super) watched: bool,
    pub(super) busy: bool,
}

impl Radio {
    const fn new(site: RadioSite) -> Self {
        Self {
            site,
            present: true,
            tuning: None,
            tuned_at: 0,
            sending: None,
            sent_until: 0,
            locked: None,
            watched: false,
            busy: true,
        }
    }

    fn is_tuned_to(&self, modulation: &Modulation) -> bool {
        self.present && self.tuning.is_some_and(|tuning| is_one_channel(&tuning, modulation))
    }
}
