//! The loop: one queue, one clock, one channel, any stations.

use mesh::radio::Modulation;
use transports::lora::air::{Air, AirEvent, RadioId};

use super::{
    city::City,
    load::{Load, Offer},
    outcome::{Fate, Outcome},
    scenario::RadioScenario,
    station::Station,
};
use crate::queue::{Micros, Queue};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Offer(usize),
    Air,
    /// A transmission has been on the air for as long as carrier sense needs to see it.
    Noticed(usize),
    Wake(usize),
}

/// A run of stations on one channel.
pub struct Channel {
    queue: Queue<What>,
    air: Air,
    power_dbm: i8,
    audience: Vec<Vec<usize>>,
    sends: Vec<bool>,
    stations: Vec<Box<dyn Station>>,
    /// Extra bytes that the radio adds to each frame, and its modulation.
    framing: Vec<(usize, Modulation)>,
    wake_at: Vec<Option<Micros>>,
    offers: Vec<Offer>,
    fates: Vec<Fate>,
    outcome: Outcome,
    measured: (Micros, Micros),
    deadline_us: Micros,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("stations", &self.stations.len()).finish_non_exhaustive()
    }
}

impl Channel {
    /// Air over a map, without stations.
    pub fn new(scenario: &RadioScenario, city: &City) -> Self {
        Self {
            queue: Queue::new(),
            air: city.air(scenario.frame_loss),
            power_dbm: city.power_dbm(),
            audience: (0..city.len()).map(|at| city.audience(at)).collect(),
            sends: vec![false; city.len()],
            stations: Vec::new(),
            framing: Vec::new(),
            wake_at: Vec::new(),
            offers: Vec::new(),
            fates: Vec::new(),
            outcome: Outcome::new(city.len()),
            measured: scenario.measured_us(),
            deadline_us: scenario.deadline_s * 1_000_000,
        }
    }

    /// Puts the next station onto the map. Its radio adds `extra_len` bytes to each frame.
    pub fn add(&mut self, station: Box<dyn Station>, extra_len: usize, modulation: Modulation) {
        self.stations.push(station);
        self.framing.push((extra_len, modulation));
        self.wake_at.push(None);
    }

    /// Enters the messages.
    pub fn offer(&mut self, load: &Load) {
        self.offers.clone_from(&load.offers);
        self.fates = vec![Fate::default(); load.offers.len()];
        for (message, offer) in load.offers.iter().enumerate() {
            self.queue.push(offer.at, What::Offer(message));
        }
    }

    /// Runs to the end of the load.
    pub fn run(mut self, until: Micros) -> Outcome {
        (0..self.stations.len()).for_each(|at| self.drain(0, at));
        while self.queue.next_at().is_some_and(|at| at <= until) {
            let Some(what) = self.queue.pop() else { break };
            let now = self.queue.now();
            self.handle(now, what);
        }
        self.outcome.count(&self.offers, &self.fates, self.measured, self.deadline_us);
        self.outcome
    }

    fn handle(&mut self, now: Micros, what: What) {
        match what {
            What::Offer(message) => {
                let Offer { from, to, .. } = self.offers[message];
                self.stations[from].submit(now, to, message as u32);
                self.drain(now, from);
            }
            What::Wake(at) => {
                if self.wake_at[at] == Some(now) {
                    self.wake_at[at] = None;
                    self.stations[at].handle_timeout(now);
                    self.drain(now, at);
                }
            }
            What::Noticed(from) => self.tell_channel(now, from),
            What::Air => self.on_air(now),
        }
    }

    fn on_air(&mut self, now: Micros) {
        while let Some(event) = self.air.poll(now) {
            match event {
                AirEvent::Heard { radio, signal, frame, .. } => {
                    let (at, extra_len) = (radio.0 as usize, self.framing[radio.0 as usize].0);
                    self.outcome.received += 1;
                    self.stations[at].handle_heard(now, &frame[extra_len..], signal);
                    self.drain(now, at);
                }
                AirEvent::Lost { why, .. } => *self.outcome.lost.entry(why).or_default() += 1,
                AirEvent::Sent { radio, .. } => {
                    let at = radio.0 as usize;
                    self.sends[at] = false;
                    self.stations[at].handle_sent(now);
                    self.drain(now, at);
                    self.tell_channel(now, at);
                }
                AirEvent::Channel { .. } => {}
            }
        }
    }

    fn busy(&self, now: Micros, at: usize) -> bool {
        self.air.is_busy(now, RadioId(at as u32))
    }

    /// Whoever hears `from` may find the channel changed.
    fn tell_channel(&mut self, now: Micros, from: usize) {
        for listener in 0..self.audience[from].len() {
            let at = self.audience[from][listener];
            let busy = self.busy(now, at);
            self.stations[at].handle_channel(now, busy);
            self.drain(now, at);
        }
    }

    /// Takes everything out of a station and arms its timer.
    fn drain(&mut self, now: Micros, at: usize) {
        while let Some(message) = self.stations[at].poll_shown() {
            if let Some(fate) = self.fates.get_mut(message as usize) {
                fate.shown_at.get_or_insert(now);
            }
        }
        while let Some(message) = self.stations[at].poll_confirmed() {
            if let Some(fate) = self.fates.get_mut(message as usize) {
                fate.confirmed_at.get_or_insert(now);
            }
        }
        if !self.sends[at] {
            let (mut frame, busy) = (Vec::new(), self.busy(now, at));
            if self.stations[at].poll_air(now, busy, &mut frame) {
                self.send(now, at, frame);
            }
        }
        let wanted = self.stations[at].poll_timeout().map(|at| at.max(now));
        if let Some(due) = wanted.filter(|_| wanted != self.wake_at[at]) {
            self.queue.push(due, What::Wake(at));
        }
        self.wake_at[at] = wanted;
    }

    fn send(&mut self, now: Micros, at: usize, frame: Vec<u8>) {
        let (extra_len, modulation) = self.framing[at];
        let framed = [vec![0; extra_len], frame].concat();
        let radio = RadioId(at as u32);
        let sent = self.air.begin_transmit(now, radio, &modulation, self.power_dbm, &framed);
        let ends = sent.expect("a free radio takes a frame of up to 255 bytes");
        self.sends[at] = true;
        self.queue.push(ends, What::Air);
        self.queue.push(now + 2 * modulation.symbol_us(), What::Noticed(at));
        self.outcome.on_air(at, now, ends - now, self.measured);
    }
}
