//! Places and what is between them (`VIR-02`).

use std::collections::BTreeMap;

use super::{Decibel, RadioId, draw::Draw};

/// A place, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// Eastwards.
    pub x_m: f64,
    /// Northwards.
    pub y_m: f64,
}

impl Position {
    /// A place on the map.
    pub const fn new(x_m: f64, y_m: f64) -> Self {
        Self { x_m, y_m }
    }

    /// Distance in a straight line.
    pub fn distance_m(&self, other: &Self) -> f64 {
        // Not `hypot`: square roots are exact everywhere.
        let (dx, dy) = (self.x_m - other.x_m, self.y_m - other.y_m);
        (dx * dx + dy * dy).sqrt()
    }
}

/// How signals weaken on their way.
///
/// The loss over a distance is `reference_loss + 10 · exponent · log10(distance / reference)`, plus
/// what the seed says of each pair of radios, and of each frame. Pairs may be given a loss of
/// their own instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Propagation {
    /// 2 in free space, 2.7 to 3.5 in towns.
    pub exponent: f64,
    /// Loss at the reference distance.
    pub reference_loss: Decibel,
    /// Nearer than this the loss does not fall any more.
    pub reference_distance_m: f64,
    /// Deviation of the loss between pairs, the same in both directions, for as long as they live.
    pub shadowing: Decibel,
    /// Deviation of the loss from frame to frame, different at each receiver.
    pub fading: Decibel,
    /// Frames that a receiver loses for no reason of the model, in millionths.
    pub frame_loss_ppm: u32,
    /// Losses from one radio to another that replace the computed ones; [`Decibel::NO_WAY`] for
    /// a mountain.
    pub explicit: BTreeMap<(RadioId, RadioId), Decibel>,
}

impl Default for Propagation {
    /// A village at 868 MHz: 31.2 dB over the first metre as in free space, then an exponent of 3.
    fn default() -> Self {
        Self {
            exponent: 3.0,
            reference_loss: Decibel::hundredths(3_120),
            reference_distance_m: 1.0,
            shadowing: Decibel::whole(0),
            fading: Decibel::whole(0),
            frame_loss_ppm: 0,
            explicit: BTreeMap::new(),
        }
    }
}

impl Propagation {
    /// The loss over a distance, without shadowing.
    pub fn path_loss(&self, distance_m: f64) -> Decibel {
        let ratio = (distance_m / self.reference_distance_m).max(1.0);
        self.reference_loss + Decibel::from_f64(10.0 * self.exponent * ratio.log10())
    }

    /// The same loss in both directions.
    pub fn set_loss(&mut self, one: RadioId, other: RadioId, loss: Decibel) {
        self.explicit.insert((one, other), loss);
        self.explicit.insert((other, one), loss);
    }

    /// The distance at which a signal is `loss` weaker, without shadowing.
    pub fn reach_m(&self, loss: Decibel) -> f64 {
        let beyond = (loss - self.reference_loss).as_f64();
        self.reference_distance_m * 10_f64.powf(beyond.max(0.0) / (10.0 * self.exponent))
    }

    pub(super) fn loss(
        &self,
        draw: Draw,
        (from, from_at): (RadioId, &Position),
        (to, to_at): (RadioId, &Position),
    ) -> Decibel {
        if let Some(loss) = self.explicit.get(&(from, to)) {
            return *loss;
        }
        let (low, high) = (from.min(to), from.max(to));
        let thousandths = draw.normal_thousandths(SHADOWING, low.0.into(), high.0.into());
        self.path_loss(from_at.distance_m(to_at)) + deviation(self.shadowing, thousandths)
    }

    /// What this frame loses more, or less, than others on its way to this receiver.
    pub(super) fn fading(&self, draw: Draw, flight: u64, to: RadioId) -> Decibel {
        if self.fading == Decibel::whole(0) {
            return Decibel::whole(0);
        }
        deviation(self.fading, draw.normal_thousandths(FADING, flight, to.0.into()))
    }

    /// Whether this receiver loses this frame for no reason of the model.
    pub(super) const fn loses(&self, draw: Draw, flight: u64, to: RadioId) -> bool {
        draw.chance(self.frame_loss_ppm, FRAME_LOSS, flight, to.0 as u64)
    }
}

fn deviation(one: Decibel, thousandths: i64) -> Decibel {
    let hundredths = i64::from(one.in_hundredths()) * thousandths / 1_000;
    Decibel::hundredths(i32::try_from(hundredths).unwrap_or(0))
}

const SHADOWING: u64 = 1;
const FADING: u64 = 2;
const FRAME_LOSS: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// `VIR-02`
    #[test]
    fn vir_02_loss_grows_with_the_logarithm_of_the_distance() {
        let village = Propagation::default();
        assert_eq!(village.path_loss(0.0), Decibel::hundredths(3_120));
        assert_eq!(village.path_loss(10.0), Decibel::hundredths(6_120));
        assert_eq!(village.path_loss(1_000.0), Decibel::hundredths(12_120));
        assert!((village.reach_m(Decibel::hundredths(12_120)) - 1_000.0).abs() < 0.01);
        assert!((Position::new(3.0, 4.0).distance_m(&Position::default()) - 5.0).abs() < 1e-9);
    }

    /// `VIR-02`
    #[test]
    fn vir_02_shadowing_is_of_the_pair_and_explicit_losses_replace_it() {
        let (one, other) = (RadioId(3), RadioId(9));
        let (here, there) = (Position::default(), Position::new(100.0, 0.0));
        let mut town = Propagation { shadowing: Decibel::whole(8), ..Propagation::default() };
        let loss = |town: &Propagation, seed| {
            let draw = Draw::new(seed);
            let to_there = town.loss(draw, (one, &here), (other, &there));
            (to_there, town.loss(draw, (other, &there), (one, &here)))
        };
        let (forth, back) = loss(&town, 1);
        assert_eq!(forth, back);
        assert_ne!(forth, town.path_loss(100.0));
        assert_ne!(forth, loss(&town, 2).0);
        town.explicit.insert((one, other), Decibel::whole(90));
        assert_eq!(loss(&town, 1), (Decibel::whole(90), back));
        town.set_loss(one, other, Decibel::NO_WAY);
        assert_eq!(loss(&town, 1), (Decibel::NO_WAY, Decibel::NO_WAY));
    }
}
