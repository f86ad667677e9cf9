//! The loop: one queue, one clock, one channel, any stations.

use super::{
    city::City,
    ether::{Ether, Reception, TxId},
    load::{Load, Offer},
    outcome::{Fate, Outcome},
    phy::Phy,
    scenario::RadioScenario,
    station::Station,
};
use crate::{queue::{Micros, Queue}, rng::Rng};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Offer(usize),
    Ends(TxId),
    /// A transmission has been on the air for as long as a scan needs to see it.
    Noticed(usize),
    Wake(usize),
}

/// A run of stations on one channel.
pub struct Air {
    queue: Queue<What>,
    ether: Ether,
    stations: Vec<Box<dyn Station>>,
    /// Extra bytes that the radio adds to each frame, and its modulation.
    framing: Vec<(usize, Phy)>,
    wake_at: Vec<Option<Micros>>,
    offers: Vec<Offer>,
    fates: Vec<Fate>,
    outcome: Outcome,
    measured: (Micros, Micros),
    deadline_us: Micros,
}

impl std::fmt::Debug for Air {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Air").field("stations", &self.stations.len()).finish_non_exhaustive()
    }
}

impl Air {
    /// Stations on a map, switched on at time zero. `phy` is the modulation of all.
    pub fn new(scenario: &RadioScenario, city: &City, phy: Phy, seed: u64) -> Self {
        let rng = Rng::new(seed).fork("ether");
        Self {
            queue: Queue::new(),
            ether: Ether::new(city, phy, scenario.frame_loss, rng),
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
    pub fn add(&mut self, station: Box<dyn Station>, extra_len: usize, phy: Phy) {
        self.stations.push(station);
        self.framing.push((extra_len, phy));
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
            What::Noticed(from) => self.tell_ears(now, from),
            What::Ends(id) => self.on_end(now, id),
        }
    }

    fn on_end(&mut self, now: Micros, id: TxId) {
        let Some((tx, received)) = self.ether.end(now, id) else { return };
        let air_us = tx.ends - tx.began;
        for (to, reception) in received {
            match reception {
                Reception::Whole(heard) => {
                    self.outcome.received += 1;
                    self.stations[to].handle_heard(now, &tx.frame, heard);
                }
                Reception::Garbled => {
                    self.outcome.garbled += 1;
                    self.stations[to].handle_garbled(now, air_us);
                }
            }
            self.drain(now, to);
        }
        self.stations[tx.from].handle_sent(now);
        self.drain(now, tx.from);
        self.tell_ears(now, tx.from);
    }

    fn tell_ears(&mut self, now: Micros, from: usize) {
        for at in self.ether.audible(from).to_vec() {
            let ear = self.ether.ear(now, at);
            self.stations[at].handle_ear(now, ear);
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
        if !self.ether.sends(at) {
            let (mut frame, ear) = (Vec::new(), self.ether.ear(now, at));
            if self.stations[at].poll_air(now, ear, &mut frame) {
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
        let (extra_len, phy) = self.framing[at];
        let phy_len = frame.len() + extra_len;
        let (id, ends) = self.ether.begin(now, at, phy_len, phy, frame);
        self.queue.push(ends, What::Ends(id));
        self.queue.push(now + self.ether.scan_us(), What::Noticed(at));
        self.outcome.on_air(at, now, ends - now, self.measured);
    }
}
