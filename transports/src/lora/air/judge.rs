//! What a receiver can make out of everything that is in the air at once (`VIR-05`).

use super::{
    Air, Decibel, RadioId,
    flight::{Flight, spread_over},
    receiver,
};

impl Air {
    /// The level of a frame at a receiver.
    pub(super) fn level(&self, flight: &Flight, radio: RadioId) -> Decibel {
        let loss = self.losses[flight.from.0 as usize][radio.0 as usize];
        let gain = self.radios[radio.0 as usize].site.gain;
        flight.power + gain - loss - self.propagation.fading(self.draw, flight.id, radio)
    }

    /// Whether others are too strong between the last symbols of the preamble and `until_us`
    /// (`VIR-05`). Their sum is greatest when one of them begins, or at the beginning.
    pub(super) fn is_disturbed(&self, flight: &Flight, radio: RadioId, until_us: u64) -> bool {
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

    pub(super) fn drowns(&self, flight: &Flight, radio: RadioId, others: &[&Flight]) -> bool {
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
}
