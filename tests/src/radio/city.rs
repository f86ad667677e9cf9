//! Where the radios stand, and who hears whom.

use std::collections::VecDeque;

use mesh::radio::Modulation;
use transports::lora::air::{Air, Decibel, Position, Propagation, RadioId, RadioSite};

use super::scenario::CityModel;
use crate::rng::Rng;

/// Radios on a map.
#[derive(Clone, Debug)]
pub struct City {
    propagation: Propagation,
    air_seed: u64,
    /// Place of each.
    positions: Vec<Position>,
    modulation: Modulation,
    power_dbm: i8,
    hear: Vec<bool>,
}

/// What a map looks like as a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Others that a radio hears, on average.
    pub mean_degree: f64,
    /// Hops of the two farthest.
    pub diameter_hops: usize,
    /// Hops of an average pair.
    pub mean_hops: f64,
}

impl City {
    /// Strews radios over a square until all are connected and the diameter is as asked
    /// (`RSM-01`). Same seed, same city.
    pub fn strew(model: &CityModel, seed: u64) -> Option<Self> {
        let root = Rng::new(seed).fork("city");
        let [low, high] = model.diameter_hops;
        (0..TRIES).find_map(|attempt| {
            let city = Self::draw(model, &root.fork(&attempt.to_string()));
            let shape = city.shape()?;
            (low..=high).contains(&(shape.diameter_hops as u64)).then_some(city)
        })
    }

    fn draw(model: &CityModel, rng: &Rng) -> Self {
        let mut places = rng.fork("places");
        let positions = (0..model.radios)
            .map(|_| {
                let (x, y) = (places.below(model.side_m), places.below(model.side_m));
                Position::new(x as f64, y as f64)
            })
            .collect();
        let air_seed = rng.fork("shadows").next_u64();
        Self::new(model, model.propagation(), positions, air_seed)
    }

    /// Radios one after the other, each hearing its neighbours only, and them well.
    pub fn line(model: &CityModel, seed: u64) -> Self {
        let mut propagation = model.propagation();
        let radios = model.radios as u32;
        for one in 0..radios {
            for other in 0..one {
                let loss = if one - other == 1 { Decibel::whole(110) } else { Decibel::NO_WAY };
                propagation.set_loss(RadioId(one), RadioId(other), loss);
            }
        }
        Self::new(model, propagation, vec![Position::default(); model.radios], seed)
    }

    fn new(
        model: &CityModel,
        propagation: Propagation,
        positions: Vec<Position>,
        air_seed: u64,
    ) -> Self {
        let (modulation, power_dbm) = (model.modulation(), model.power_dbm);
        let mut city =
            Self { propagation, air_seed, positions, modulation, power_dbm, hear: Vec::new() };
        let air = city.air(0.0);
        let radios = city.len() as u32;
        let pairs = (0..radios).flat_map(|a| (0..radios).map(move |b| (RadioId(a), RadioId(b))));
        city.hear = pairs
            .map(|(a, b)| a != b && air.reaches(a, b, &modulation, power_dbm).is_some())
            .collect();
        city
    }

    /// Silent air over this city; all radios listen. A reception fails with probability
    /// `frame_loss` beside what collides.
    pub fn air(&self, frame_loss: f64) -> Air {
        let mut propagation = self.propagation.clone();
        propagation.frame_loss_ppm = (frame_loss * 1e6) as u32;
        let mut air = Air::new(propagation, self.air_seed);
        for &position in &self.positions {
            let radio = air.add_radio(RadioSite { position, ..RadioSite::default() });
            air.tune(0, radio, Some(self.modulation));
        }
        air
    }

    /// How the radios are set, the preamble aside.
    pub fn modulation(&self) -> Modulation {
        self.modulation
    }

    /// With which power they send.
    pub fn power_dbm(&self) -> i8 {
        self.power_dbm
    }

    /// Radios.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Whether they hear each other when nobody else speaks.
    pub fn hear(&self, a: usize, b: usize) -> bool {
        self.hear[a * self.len() + b]
    }

    /// Who hears `from`.
    pub fn audience(&self, from: usize) -> Vec<usize> {
        (0..self.len()).filter(|&to| self.hear(from, to)).collect()
    }

    /// Hops from `start` to everyone; `None` for who is out of reach.
    pub fn hops(&self, start: usize) -> Vec<Option<usize>> {
        let mut hops = vec![None; self.len()];
        let mut next = VecDeque::from([start]);
        hops[start] = Some(0);
        while let Some(at) = next.pop_front() {
            for to in 0..self.len() {
                if self.hear(at, to) && hops[to].is_none() {
                    hops[to] = hops[at].map(|so_far| so_far + 1);
                    next.push_back(to);
                }
            }
        }
        hops
    }

    /// The map as a network; `None` when it is not connected.
    pub fn shape(&self) -> Option<Shape> {
        let (mut diameter_hops, mut hops, mut neighbours) = (0, 0, 0);
        for start in 0..self.len() {
            for (to, reached) in self.hops(start).into_iter().enumerate() {
                let reached = reached?;
                diameter_hops = diameter_hops.max(reached);
                hops += reached;
                neighbours += usize::from(self.hear(start, to));
            }
        }
        let radios = self.len() as f64;
        Some(Shape {
            mean_degree: neighbours as f64 / radios,
            diameter_hops,
            mean_hops: hops as f64 / (radios * (radios - 1.0)).max(1.0),
        })
    }
}

/// Maps that are drawn before a model is given up as impossible.
const TRIES: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `RSM-01`
    #[test]
    fn the_same_seed_strews_the_same_city() {
        let model = CityModel::default();
        let (one, two) = (City::strew(&model, 1), City::strew(&model, 1));
        let (one, two) = (one.expect("a city"), two.expect("a city"));
        assert_eq!((&one.positions, &one.hear), (&two.positions, &two.hear));
        let shape = one.shape().expect("connected");
        assert!((8.0..=12.0).contains(&shape.mean_degree), "{shape:?}");
        assert!((5..=8).contains(&shape.diameter_hops), "{shape:?}");
    }

    #[test]
    fn a_line_is_a_line() {
        let city = City::line(&CityModel { radios: 4, ..CityModel::default() }, 1);
        assert_eq!(city.hops(0), [Some(0), Some(1), Some(2), Some(3)]);
    }
}
