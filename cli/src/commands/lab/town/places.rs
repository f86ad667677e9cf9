//! Who lives where, when no map says it (`VIR-14`).

use transports::lora::air::{
    Position, RadioSite,
    map::{Map, Place},
};

/// A map of `count` nodes, each within reach of another and few within reach of all: the same for
/// the same count.
pub(super) fn village(count: usize, reach_m: f64) -> Map {
    let mut map = Map { seed: 1, ..Map::default() };
    let mut dice = Dice(count as u64);
    while map.places.len() < count {
        let position = next(&map.places, &mut dice, reach_m);
        let site = RadioSite { position, ..RadioSite::default() };
        map.places.push(Place { name: name(map.places.len()), site });
    }
    map
}

/// Near one of those who came last, and not too near to anybody.
fn next(places: &[Place], dice: &mut Dice, reach_m: f64) -> Position {
    let mut found = Position::default();
    for _ in 0..TRIES {
        let Some(index) = places.len().checked_sub(1 + dice.below(places.len().clamp(1, 2))) else {
            break;
        };
        let near = places[index].site.position;
        let angle = dice.below(360) as f64 / 180.0 * std::f64::consts::PI;
        let far = reach_m * (55 + dice.below(30)) as f64 / 100.0;
        found = Position::new(
            (near.x_m + far * angle.cos()).round(),
            (near.y_m + far * angle.sin()).round(),
        );
        let crowded = |place: &Place| place.site.position.distance_m(&found) < reach_m * 0.5;
        if !places.iter().any(crowded) {
            break;
        }
    }
    found
}

fn name(index: usize) -> String {
    let name = NAMES[index % NAMES.len()];
    match index / NAMES.len() {
        0 => name.to_owned(),
        round => format!("{name}{}", round + 1),
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

const TRIES: usize = 100;

const NAMES: [&str; 16] = [
    "anna", "ben", "carla", "david", "emma", "felix", "greta", "hugo", "ida", "jan", "klara",
    "leo", "mia", "noah", "olga", "paul",
];

#[cfg(test)]
mod tests {
    use super::*;

    // VIR-14
    #[test]
    fn everybody_has_a_neighbour_and_nobody_the_same_name() {
        for count in 2..=32 {
            let map = village(count, 4_000.0);
            assert_eq!(map, village(count, 4_000.0));
            assert_eq!(map.places.len(), count);
            for (index, place) in map.places.iter().enumerate() {
                let others = map.places.iter().enumerate().filter(|(other, _)| *other != index);
                let near = others.clone().filter(|(_, other)| {
                    place.site.position.distance_m(&other.site.position) < 3_500.0
                });
                assert!(near.count() >= 1, "{} of {count} is alone", place.name);
                assert!(others.clone().all(|(_, other)| other.name != place.name));
            }
        }
    }
}
