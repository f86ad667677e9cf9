//! The air: who transmits, who hears it, and why not.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use super::{
    Decibel, Modulation, Position, Propagation, Signal,
    draw::Draw,
    receiver::{self, CAD_SYMBOLS, SYNC_SYMBOLS},
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

/// What happened on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AirEvent {
    /// A radio received a frame.
    Heard {
        /// When it ended.
        at_us: u64,
        /// Who received it.
        radio: RadioId,
        /// Who sent it; the receiver cannot know.
        from: RadioId,
        /// How well.
        signal: Signal,
        /// What it was.
        frame: Vec<u8>,
    },
    /// A radio in reach did not receive a frame.
    Lost {
        /// When that was certain.
        at_us: u64,
        /// Who should have received it.
        radio: RadioId,
        /// Who sent it.
        from: RadioId,
        /// How well it would have been received.
        signal: Signal,
        /// Why not.
        why: Loss,
    },
    /// The last symbol of a radio's frame has left its antenna.
    Sent {
        /// When.
        at_us: u64,
        /// Who sent it.
        radio: RadioId,
    },
    /// What carrier sense says at a radio that is [watched](Air::watch) has changed.
    Channel {
        /// When.
        at_us: u64,
        /// The radio.
        radio: RadioId,
        /// Whether somebody is heard.
        busy: bool,
    },
}

/// Why a radio in reach did not receive a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Others were too strong at the same time.
    Collision,
    /// The oscillators are too far apart for the bandwidth.
    Detuned,
    /// Bad luck ([`Propagation::frame_loss_ppm`]).
    Faded,
    /// The radio itself was transmitting.
    HalfDuplex,
    /// The radio was receiving another frame.
    Occupied,
    /// The radio was switched off or to other settings meanwhile.
    Retuned,
}

/// Why nothing was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitError {
    /// The radio is gone, or never was.
    NoRadio,
    /// Its previous frame is still under way.
    Transmitting,
    /// Empty, or longer than 255 bytes.
    Length,
}

impl fmt::Display for TransmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRadio => "there is no such radio",
            Self::Transmitting => "the radio is transmitting",
            Self::Length => "a frame has 1 to 255 bytes",
        })
    }
}

impl std::error::Error for TransmitError {}

/// What is transmitted at present, and who receives it.
///
/// Time is given in microseconds and does not run backwards: an earlier instant is taken for the
/// latest that was given. After every input, [`Self::poll`] until it says `None`; call it again
/// at [`Self::poll_timeout`].
#[derive(Debug)]
pub struct Air {
    propagation: Propagation,
    draw: Draw,
    radios: Vec<Radio>,
    /// `losses[from][to]`
    losses: Vec<Vec<Decibel>>,
    /// What is in the air, and what was when something that still is began.
    flights: Vec<Flight>,
    next_flight: u64,
    agenda: BTreeMap<(u64, Stage, u64), RadioId>,
    events: VecDeque<AirEvent>,
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
                self.lose(flight, radio, Loss::Retuned);
            }
            self.sense(now_us);
        }
    }

    /// Whether [`AirEvent::Channel`] is said of this radio. It costs a look at the whole air for
    /// each change, so simulators rather ask [`Self::is_busy`].
    pub fn watch(&mut self, radio: RadioId, watched: bool) {
        if let Some(radio) = self.radios.get_mut(radio.0 as usize) {
            radio.watched = watched;
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
            self.lose(missed, radio, Loss::HalfDuplex);
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

    /// Carrier sense (`VIR-07`): whether a frame in the radio's own modulation has been in the air
    /// for two symbols, or there is 11 dB more energy than noise. A radio that is off, or that
    /// transmits itself, senses a busy channel.
    pub fn is_busy(&self, now_us: u64, radio: RadioId) -> bool {
        let Some(listener) = self.radio(radio) else { return true };
        let Some(tuning) = listener.tuning.filter(|_| listener.sending.is_none()) else {
            return true;
        };
        let readable = receiver::sensitivity(&tuning);
        let detected = self.flights.iter().any(|flight| {
            flight.is_read_with(&tuning)
                && (flight.visible_us()..flight.end_us).contains(&now_us)
                && self.level(flight, radio) >= readable
        });
        let noise = receiver::noise_floor(tuning.bandwidth_hz);
        detected || self.energy(now_us, radio, &tuning) > noise + receiver::BUSY_ABOVE_NOISE
    }

    /// What the radio's signal meter shows; `None` when it is off.
    pub fn rssi(&self, now_us: u64, radio: RadioId) -> Option<Decibel> {
        let tuning = self.radio(radio)?.tuning?;
        Some(self.energy(now_us, radio, &tuning))
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

    fn radio(&self, radio: RadioId) -> Option<&Radio> {
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
                self.lose(id, radio, Loss::Collision);
            } else if self.propagation.loses(self.draw, id, radio) {
                self.lose(id, radio, Loss::Faded);
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
        self.forget(at_us);
    }

    /// Ends a frame before its time: its sender is gone.
    fn abandon(&mut self, id: u64) {
        for receiver in 0..self.radios.len() {
            if self.radios[receiver].locked == Some(id) {
                self.radios[receiver].locked = None;
                let radio = RadioId(u32::try_from(receiver).unwrap_or(u32::MAX));
                self.lose(id, radio, Loss::Faded);
            }
        }
        self.agenda.retain(|(_, _, flight), _| *flight != id);
        let now_us = self.now_us;
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) {
            flight.end_us = now_us;
        }
        self.forget(now_us);
    }

    /// Drops frames that nothing still in the air has met.
    fn forget(&mut self, now_us: u64) {
        let in_the_air = self.flights.iter().filter(|flight| flight.end_us > now_us);
        let oldest = in_the_air.map(|flight| flight.start_us).min().unwrap_or(now_us);
        self.flights.retain(|flight| flight.end_us > oldest);
    }

    fn lose(&mut self, flight: u64, radio: RadioId, why: Loss) {
        let Some(flight) = self.flight(flight) else { return };
        let signal = signal(self.level(flight, radio), &flight.modulation);
        let (at_us, from) = (self.now_us, flight.from);
        self.events.push_back(AirEvent::Lost { at_us, radio, from, signal, why });
    }

    fn flight(&self, id: u64) -> Option<&Flight> {
        self.flights.iter().find(|flight| flight.id == id)
    }

    /// The level of a frame at a receiver.
    fn level(&self, flight: &Flight, radio: RadioId) -> Decibel {
        let loss = self.losses[flight.from.0 as usize][radio.0 as usize];
        let gain = self.radios[radio.0 as usize].site.gain;
        flight.power + gain - loss - self.propagation.fading(self.draw, flight.id, radio)
    }

    /// Noise and signals together.
    fn energy(&self, now_us: u64, radio: RadioId, tuning: &Modulation) -> Decibel {
        let present = self.flights.iter().filter(|flight| {
            flight.from != radio && (flight.start_us..flight.end_us).contains(&now_us)
        });
        let levels = present
            .map(|flight| self.level(flight, radio) - spread_over(&flight.modulation, tuning));
        Decibel::total(levels.chain([receiver::noise_floor(tuning.bandwidth_hz)]))
    }

    /// Whether others are too strong between the last symbols of the preamble and `until_us`
    /// (`VIR-05`). Their sum is greatest when one of them begins, or at the beginning.
    fn is_disturbed(&self, flight: &Flight, radio: RadioId, until_us: u64) -> bool {
        let since_us = flight.sync_us();
        let meets = |other: &&Flight| {
            other.id != flight.id
                && other.from != radio
                && other.start_us < until_us
                && other.end_us > since_us
        };
        let others: Vec<&Flight> = self.flights.iter().filter(meets).collect();
        let moments = others.iter().map(|other| other.start_us.max(since_us));
        moments.into_iter().any(|moment| {
            let present = |other: &&&Flight| (other.start_us..other.end_us).contains(&moment);
            let present: Vec<&Flight> = others.iter().filter(present).copied().collect();
            self.drowns(flight, radio, &present)
        })
    }

    fn drowns(&self, flight: &Flight, radio: RadioId, others: &[&Flight]) -> bool {
        let own = &flight.modulation;
        let level = self.level(flight, radio);
        let beside = |other: &&&Flight| other.is_beside(own);
        let total = |spreading_factor: u8| {
            let same = others.iter().filter(beside);
            let same = same.filter(|other| other.modulation.spreading_factor == spreading_factor);
            Decibel::total(same.map(|other| self.level(other, radio)))
        };
        let too_strong = |other: &Flight| {
            let factor = other.modulation.spreading_factor;
            level - total(factor) < receiver::rejection(own.spreading_factor, factor)
        };
        if others.iter().filter(beside).any(|other| too_strong(other)) {
            return true;
        }
        // On another channel, or another bandwidth: what of it falls into ours is noise.
        let strangers = others.iter().filter(|other| !other.is_beside(own));
        let noise =
            strangers.map(|other| self.level(other, radio) - spread_over(&other.modulation, own));
        let noise = Decibel::total(noise.chain([receiver::noise_floor(own.bandwidth_hz)]));
        level - noise < receiver::snr_floor(own.spreading_factor)
    }

    /// Tells the watched radios whose channel has become busy or free.
    fn sense(&mut self, at_us: u64) {
        for (index, number) in (0..self.radios.len()).zip(0..) {
            if !self.radios[index].watched {
                continue;
            }
            let radio = RadioId(number);
            let busy = self.is_busy(at_us, radio);
            if std::mem::replace(&mut self.radios[index].busy, busy) != busy {
                self.events.push_back(AirEvent::Channel { at_us, radio, busy });
            }
        }
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
struct Radio {
    site: RadioSite,
    present: bool,
    tuning: Option<Modulation>,
    tuned_at: u64,
    sending: Option<u64>,
    sent_until: u64,
    /// The frame it is receiving.
    locked: Option<u64>,
    watched: bool,
    busy: bool,
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

#[derive(Clone, Debug)]
struct Flight {
    id: u64,
    from: RadioId,
    modulation: Modulation,
    /// What the antenna radiates.
    power: Decibel,
    start_us: u64,
    synchronised_us: u64,
    end_us: u64,
    frame: Vec<u8>,
}

impl Flight {
    fn new(
        id: u64,
        from: RadioId,
        modulation: Modulation,
        power: Decibel,
        start_us: u64,
        frame: &[u8],
    ) -> Self {
        let synchronised_us = start_us + modulation.preamble_us();
        let end_us = start_us + modulation.time_on_air_us(frame.len());
        let frame = frame.to_vec();
        Self { id, from, modulation, power, start_us, synchronised_us, end_us, frame }
    }

    /// From here on carrier sense sees it.
    const fn visible_us(&self) -> u64 {
        self.start_us + CAD_SYMBOLS * self.modulation.symbol_us()
    }

    /// From here on a receiver must not be disturbed.
    fn sync_us(&self) -> u64 {
        let symbols = SYNC_SYMBOLS * self.modulation.symbol_us();
        self.synchronised_us.saturating_sub(symbols).max(self.start_us)
    }

    fn is_read_with(&self, tuning: &Modulation) -> bool {
        is_one_channel(&self.modulation, tuning)
    }

    /// On the same channel, with whatever spreading factor.
    const fn is_beside(&self, own: &Modulation) -> bool {
        self.modulation.frequency_hz == own.frequency_hz
            && self.modulation.bandwidth_hz == own.bandwidth_hz
    }
}

const fn is_one_channel(one: &Modulation, other: &Modulation) -> bool {
    one.frequency_hz == other.frequency_hz
        && one.bandwidth_hz == other.bandwidth_hz
        && one.spreading_factor == other.spreading_factor
}

fn is_readable(level: Decibel, modulation: &Modulation) -> bool {
    let noise = receiver::noise_floor(modulation.bandwidth_hz);
    let snr = level - noise;
    level >= receiver::sensitivity(modulation)
        && snr >= receiver::snr_floor(modulation.spreading_factor)
}

/// How much of `signal` falls into the channel of `own`, as a loss.
fn spread_over(signal: &Modulation, own: &Modulation) -> Decibel {
    let edges = |modulation: &Modulation| {
        let half = i64::from(modulation.bandwidth_hz / 2);
        let centre = i64::from(modulation.frequency_hz);
        (centre - half, centre + half)
    };
    let ((low, high), (own_low, own_high)) = (edges(signal), edges(own));
    let common = high.min(own_high) - low.max(own_low);
    if common <= 0 {
        return Decibel::NO_WAY;
    }
    if common >= high - low {
        return Decibel::whole(0);
    }
    Decibel::from_f64(-10.0 * (common as f64 / (high - low) as f64).log10())
}

/// What a receiver reports.
fn signal(level: Decibel, modulation: &Modulation) -> Signal {
    let snr = level - receiver::noise_floor(modulation.bandwidth_hz);
    let narrow =
        |value: i32| i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX });
    Signal {
        rssi_dbm: narrow(level.floor()),
        snr_quarter_db: narrow(snr.in_hundredths().div_euclid(25)),
    }
}
