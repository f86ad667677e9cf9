//! Where the radios stand and how loudly they hear each other.

use std::collections::VecDeque;

use super::scenario::CityModel;
use crate::rng::Rng;

/// Levels are in hundredths of a dBm, so that every comparison is one of integers.
pub type CentiDb = i32;

/// Radios on a map.
#[derive(Clone, Debug)]
pub struct City {
    /// Position of each, in metres.
    pub positions: Vec<(i64, i64)>,
    levels: Vec<CentiDb>,
    hearing: CentiDb,
}

/// What a map looks like as a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Pairs that hear each other, twice, by radios.
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
        (0..TRIES).find_map(|attempt| {
            let city = Self::draw(model, &root.fork(&attempt.to_string()));
            let shape = city.shape()?;
            let [low, high] = model.diameter_hops;
            (low..=high).contains(&(shape.diameter_hops as u64)).then_some(city)
        })
    }

    fn draw(model: &CityModel, rng: &Rng) -> Self {
        let (mut places, mut shadows) = (rng.fork("places"), rng.fork("shadows"));
        let positions: Vec<_> = (0..model.radios)
            .map(|_| (places.below(model.side_m) as i64, places.below(model.side_m) as i64))
            .collect();
        let radios = positions.len();
        let mut levels = vec![CentiDb::MIN / 4; radios * radios];
        for a in 0..radios {
            for b in 0..a {
                let level = model.level(positions[a], positions[b], normal(&mut shadows));
                levels[a * radios + b] = level;
                levels[b * radios + a] = level;
            }
        }
        Self { positions, levels, hearing: model.sensitivity() }
    }

    /// A city where each pair's level is given: for tests and small layouts.
    pub fn of_levels(radios: usize, hearing: CentiDb, level: impl Fn(usize, usize) -> CentiDb) -> Self {
        let levels = (0..radios * radios)
            .map(|cell| {
                let (a, b) = (cell / radios, cell % radios);
                if a == b { CentiDb::MIN / 4 } else { level(a.min(b), a.max(b)) }
            })
            .collect();
        Self { positions: vec![(0, 0); radios], levels, hearing }
    }

    /// Radios.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// How loudly `to` hears `from`.
    pub fn level(&self, from: usize, to: usize) -> CentiDb {
        self.levels[from * self.len() + to]
    }

    /// The weakest level that is heard.
    pub fn hearing(&self) -> CentiDb {
        self.hearing
    }

    /// Whether they hear each other when nobody else speaks.
    pub fn hear(&self, a: usize, b: usize) -> bool {
        a != b && self.level(a, b) >= self.hearing
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

/// A draw of the standard normal distribution: twelve uniform ones, as good as shadowing needs.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0
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
        assert_eq!((&one.positions, &one.levels), (&two.positions, &two.levels));
        let shape = one.shape().expect("connected");
        assert!((8.0..=12.0).contains(&shape.mean_degree), "{shape:?}");
        assert!((5..=8).contains(&shape.diameter_hops), "{shape:?}");
    }
}
