//! One direction of a link: how long a frame takes, and what may happen to it on the way.

use crate::{queue::Micros, rng::Rng, scenario::LinkModel};

/// The properties a link drew from the scenario's ranges; the same in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// One-way latency.
    pub latency_us: u64,
    /// Bits per second.
    pub bitrate_bps: u64,
    /// Largest frame in bytes.
    pub mtu: u32,
    /// Delivers in order or goes down.
    pub reliable: bool,
}

impl Traits {
    /// Draws a link's properties.
    pub fn draw(model: &LinkModel, rng: &mut Rng) -> Self {
        Self {
            latency_us: rng.within(&model.latency_us.range()),
            bitrate_bps: rng.within(&model.bitrate_bps.range()),
            mtu: model.mtu[rng.index(model.mtu.len())],
            reliable: rng.chance(model.reliable_share),
        }
    }

    /// How long the link is busy with a frame of `len` bytes.
    pub fn serialization_us(&self, len: usize) -> Micros {
        (len as u64 * 8).saturating_mul(1_000_000) / self.bitrate_bps
    }
}

/// What a fate may hold for a frame, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// Frames lost.
    pub lost: u64,
    /// Frames delivered twice.
    pub duplicated: u64,
    /// Frames delayed past their successors.
    pub reordered: u64,
    /// Frames with flipped bits.
    pub corrupted: u64,
}

/// A copy of a frame that arrives.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Micros,
    /// What.
    pub frame: Vec<u8>,
}

/// One direction of a link.
#[derive(Debug)]
pub struct Medium {
    traits: Traits,
    /// A reliable link never overtakes itself: no frame arrives before this.
    ordered_after: Micros,
}

impl Medium {
    /// An empty direction of a link.
    pub fn new(traits: Traits) -> Self {
        Self { traits, ordered_after: 0 }
    }

    /// Sends a frame whose last bit leaves at `sent_at`; tells what arrives when.
    pub fn carry(
        &mut self,
        sent_at: Micros,
        frame: Vec<u8>,
        model: &LinkModel,
        rng: &mut Rng,
        injected: &mut Injected,
    ) -> Vec<Arrival> {
        let at = sent_at + self.traits.latency_us + rng.below(model.jitter_us + 1);
        if self.traits.reliable {
            let at = at.max(self.ordered_after);
            self.ordered_after = at;
            return vec![Arrival { at, frame }];
        }
        self.carry_unreliably(at, frame, model, rng, injected)
    }

    fn carry_unreliably(
        &mut self,
        mut at: Micros,
        mut frame: Vec<u8>,
        model: &LinkModel,
        rng: &mut Rng,
        injected: &mut Injected,
    ) -> Vec<Arrival> {
        if rng.chance(model.loss) {
            injected.lost += 1;
            return Vec::new();
        }
        if rng.chance(model.corrupt) {
            injected.corrupted += 1;
            if !model.corrupt_reaches_core {
                return Vec::new();
            }
            flip_bits(&mut frame, rng);
        }
        if rng.chance(model.reorder) {
            injected.reordered += 1;
            at += rng.below(10 * self.traits.latency_us + 10_000);
        }
        let mut arrivals = Vec::with_capacity(1);
        if rng.chance(model.duplicate) {
            injected.duplicated += 1;
            let echo = at + rng.below(10 * self.traits.latency_us + 10_000);
            arrivals.push(Arrival { at: echo, frame: frame.clone() });
        }
        arrivals.push(Arrival { at, frame });
        arrivals
    }
}

/// Flips one to three bits.
fn flip_bits(frame: &mut [u8], rng: &mut Rng) {
    for _ in 0..=rng.below(3) {
        let index = rng.index(frame.len());
        if let Some(byte) = frame.get_mut(index) {
            *byte ^= 1 << rng.below(8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAITS: Traits =
        Traits { latency_us: 1_000, bitrate_bps: 1_000_000, mtu: 1_500, reliable: false };

    fn carry(traits: Traits, model: &LinkModel, frames: u64) -> (Vec<Arrival>, Injected) {
        let (mut medium, mut rng) = (Medium::new(traits), Rng::new(5));
        let mut injected = Injected::default();
        let arrivals = (0..frames)
            .flat_map(|n| medium.carry(n * 10, vec![0; 8], model, &mut rng, &mut injected))
            .collect();
        (arrivals, injected)
    }

    /// `SIM-04`
    #[test]
    fn bit_rate_decides_how_long_a_link_is_busy() {
        assert_eq!(TRAITS.serialization_us(125), 1_000);
    }

    /// `SIM-05`
    #[test]
    fn every_impairment_happens_about_as_often_as_asked() {
        let model = LinkModel {
            loss: 0.1,
            duplicate: 0.05,
            reorder: 0.05,
            corrupt: 0.02,
            corrupt_reaches_core: true,
            ..LinkModel::default()
        };
        let (arrivals, injected) = carry(TRAITS, &model, 10_000);
        assert!((800..1_200).contains(&injected.lost), "{injected:?}");
        assert!((350..550).contains(&injected.duplicated), "{injected:?}");
        assert!((350..550).contains(&injected.reordered), "{injected:?}");
        assert!((120..240).contains(&injected.corrupted), "{injected:?}");
        assert_eq!(arrivals.len() as u64, 10_000 - injected.lost + injected.duplicated);
        let flipped = arrivals.iter().filter(|arrival| arrival.frame != [0; 8]).count() as u64;
        assert!(flipped + 20 >= injected.corrupted, "{flipped} of {injected:?}");
    }

    /// `SIM-05`
    #[test]
    fn an_authenticated_link_drops_flipped_frames() {
        let model = LinkModel { corrupt: 1.0, ..LinkModel::default() };
        let (arrivals, injected) = carry(TRAITS, &model, 10);
        assert_eq!((arrivals.len(), injected.corrupted), (0, 10));
    }

    /// `SIM-04`
    #[test]
    fn a_reliable_link_delivers_everything_in_order() {
        let model =
            LinkModel { loss: 1.0, reorder: 1.0, jitter_us: 50_000, ..LinkModel::default() };
        let (arrivals, injected) = carry(Traits { reliable: true, ..TRAITS }, &model, 100);
        assert_eq!((arrivals.len(), injected), (100, Injected::default()));
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
    }
}
