//! Carrier sense (`VIR-07`).

use mesh::radio::Modulation;

use super::{Air, AirEvent, Decibel, RadioId, flight::spread_over, receiver};

impl Air {
    /// Whether [`AirEvent::Channel`] is said of this radio. It costs a look at the whole air for
    /// each change, so simulators rather ask [`Self::is_busy`].
    pub fn watch(&mut self, radio: RadioId, watched: bool) {
        if let Some(radio) = self.radios.get_mut(radio.0 as usize) {
            radio.watched = watched;
        }
    }

    /// Whether a frame in the radio's own modulation has been in the air
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

    /// Tells the watched radios whose channel has become busy or free.
    pub(super) fn sense(&mut self, at_us: u64) {
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

    /// Noise and signals together.
    fn energy(&self, now_us: u64, radio: RadioId, tuning: &Modulation) -> Decibel {
        let present = self.flights.iter().filter(|flight| {
            flight.from != radio && (flight.start_us..flight.end_us).contains(&now_us)
        });
        let levels = present
            .map(|flight| self.level(flight, radio) - spread_over(&flight.modulation, tuning));
        Decibel::total(levels.chain([receiver::noise_floor(tuning.bandwidth_hz)]))
    }
}
