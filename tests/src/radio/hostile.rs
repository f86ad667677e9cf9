//! A radio that wants the channel for itself: sends noise that looks like frames, and listens to
//! nobody (`RSM-10`).

use mesh::radio::{Modulation, Signal};

use super::station::{MessageNo, Station};
use crate::{queue::Micros, rng::Rng};

/// The radio.
#[derive(Debug)]
pub struct Hostile {
    modulation: Modulation,
    share: f64,
    next_at: Micros,
    rng: Rng,
    /// What it heard last: it says that again, every second time.
    heard: Vec<u8>,
    sent: u64,
}

impl Hostile {
    /// A radio that sends for `share` of the time.
    pub fn new(modulation: Modulation, share: f64, rng: Rng) -> Self {
        Self { modulation, share, next_at: 0, rng, heard: Vec::new(), sent: 0 }
    }
}

impl Station for Hostile {
    fn submit(&mut self, _now: Micros, _to: usize, _message: MessageNo) {}

    fn handle_heard(&mut self, _now: Micros, frame: &[u8], _signal: Signal) {
        self.heard = frame.to_vec();
    }

    fn handle_sent(&mut self, _now: Micros) {}

    fn handle_timeout(&mut self, _now: Micros) {}

    fn poll_air(&mut self, now: Micros, _busy: bool, frame: &mut Vec<u8>) -> bool {
        if now < self.next_at || self.share <= 0.0 {
            return false;
        }
        self.sent += 1;
        if self.sent.is_multiple_of(2) && !self.heard.is_empty() {
            frame.extend_from_slice(&self.heard);
        } else {
            let len = 40 + self.rng.index(160);
            frame.extend((0..len).map(|_| self.rng.next_u64() as u8));
            // The kinds that peers know, so that it is looked at.
            frame[0] &= 7;
        }
        let air_us = self.modulation.time_on_air_us(frame.len() + 1) as f64;
        let pause_us = air_us * (1.0 - self.share) / self.share * 2.0 * self.rng.unit();
        self.next_at = now + (air_us + pause_us) as Micros;
        true
    }

    fn poll_timeout(&self) -> Option<Micros> {
        (self.share > 0.0).then_some(self.next_at)
    }

    fn poll_shown(&mut self) -> Option<MessageNo> {
        None
    }

    fn poll_confirmed(&mut self) -> Option<MessageNo> {
        None
    }
}
