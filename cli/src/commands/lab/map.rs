//! Maps as files (`VIR-11`).

use std::{fs, path::Path};

use serde::Deserialize;
use transports::lora::air::{
    Decibel, Position, Propagation, RadioSite,
    map::{Map, Place, RADIOS_MAX},
};

use crate::failure::Failure;

/// Reads a map.
pub(super) fn read(path: &Path) -> Result<Map, Failure> {
    let wrong = |why: String| Failure::failed(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].lines().count().max(1));
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        wrong(format!("{line}{}", error.message()))
    })?;
    file.into_map().map_err(wrong)
}

/// The file, key by key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    seed: u64,
    exponent: f64,
    reference_loss_db: f64,
    reference_distance_m: f64,
    shadowing_db: f64,
    fading_db: f64,
    frame_loss: f64,
    radio: Vec<Radio>,
    path: Vec<Way>,
}

/// A place for a radio.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Radio {
    name: String,
    at: [f64; 2],
    #[serde(default)]
    gain_db: f64,
    #[serde(default)]
    drift_ppm: i32,
}

/// What is between two places, in both directions: a loss, or nothing gets through.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Way {
    between: [String; 2],
    loss_db: Option<f64>,
    #[serde(default)]
    blocked: bool,
}

impl Default for File {
    fn default() -> Self {
        let village = Propagation::default();
        Self {
            seed: 0,
            exponent: village.exponent,
            reference_loss_db: village.reference_loss.as_f64(),
            reference_distance_m: village.reference_distance_m,
            shadowing_db: 0.0,
            fading_db: 0.0,
            frame_loss: 0.0,
            radio: Vec::new(),
            path: Vec::new(),
        }
    }
}

impl File {
    fn into_map(self) -> Result<Map, String> {
        self.check()?;
        let propagation = Propagation {
            exponent: self.exponent,
            reference_loss: Decibel::from_f64(self.reference_loss_db),
            reference_distance_m: self.reference_distance_m,
            shadowing: Decibel::from_f64(self.shadowing_db),
            fading: Decibel::from_f64(self.fading_db),
            frame_loss_ppm: (self.frame_loss * 1e6) as u32,
            ..Propagation::default()
        };
        let places = self.radio.into_iter().map(|radio| {
            let [x, y] = radio.at;
            let site = RadioSite {
                position: Position::new(x, y),
                gain: Decibel::from_f64(radio.gain_db),
                drift_ppm: radio.drift_ppm,
            };
            Place { name: radio.name, site }
        });
        let mut map = Map { propagation, seed: self.seed, places: places.collect() };
        for way in self.path {
            let [one, other] = &way.between;
            let radio =
                |name: &String| map.radio(name).ok_or_else(|| format!("there is no radio {name}"));
            let (one, other) = (radio(one)?, radio(other)?);
            let loss = match (way.loss_db, way.blocked) {
                (Some(loss), false) => Decibel::from_f64(loss),
                (None, true) => Decibel::NO_WAY,
                _ => return Err("a path has either loss_db or blocked = true".to_owned()),
            };
            map.set_loss(one, other, loss);
        }
        Ok(map)
    }

    fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            let fine = (low..=high).contains(&value);
            if fine { Ok(()) } else { Err(format!("{name} is {low} to {high}, not {value}")) }
        };
        within("exponent", self.exponent, 1.0, 10.0)?;
        within("reference_loss_db", self.reference_loss_db, 0.0, 200.0)?;
        within("reference_distance_m", self.reference_distance_m, 0.01, 10_000.0)?;
        within("shadowing_db", self.shadowing_db, 0.0, 50.0)?;
        within("fading_db", self.fading_db, 0.0, 50.0)?;
        within("frame_loss", self.frame_loss, 0.0, 1.0)?;
        if self.radio.len() > RADIOS_MAX {
            return Err(format!("there may be {RADIOS_MAX} radios"));
        }
        for (index, radio) in self.radio.iter().enumerate() {
            for metres in radio.at {
                within("at", metres, -1e7, 1e7)?;
            }
            within("gain_db", radio.gain_db, -100.0, 100.0)?;
            within("drift_ppm", radio.drift_ppm.into(), -1_000.0, 1_000.0)?;
            if self.radio[..index].iter().any(|other| other.name == radio.name) {
                return Err(format!("there are two radios {}", radio.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Map, String> {
        toml::from_str::<File>(text).map_err(|error| error.message().to_owned())?.into_map()
    }

    const VALLEY: &str = r#"
        seed = 7
        exponent = 2.8
        frame_loss = 0.1
        [[radio]]
        name = "anna"
        at = [0, 0]
        [[radio]]
        name = "ben"
        at = [1500, -20.5]
        gain_db = 3
        drift_ppm = -8
        [[path]]
        between = ["anna", "ben"]
        loss_db = 130
    "#;

    // VIR-11
    #[test]
    fn a_map_says_where_radios_are_and_what_is_between_them() {
        let map = parsed(VALLEY).expect("it is right");
        assert_eq!((map.seed, map.places.len()), (7, 2));
        assert_eq!(map.propagation.frame_loss_ppm, 100_000);
        assert_eq!(map.places[1].site.position, Position::new(1_500.0, -20.5));
        assert_eq!(map.places[1].site.drift_ppm, -8);
        let (anna, ben) = (map.radio("anna").expect("there"), map.radio("ben").expect("there"));
        let air = map.air();
        assert_eq!(air.path_loss(anna, ben), Decibel::whole(127));
        let blocked = VALLEY.replace("loss_db = 130", "blocked = true");
        let air = parsed(&blocked).expect("it is right").air();
        assert_eq!(air.path_loss(anna, ben), Decibel::NO_WAY - Decibel::whole(3));
        assert_eq!(parsed("").map(|map| map.places.len()), Ok(0));
    }

    // VIR-11
    #[test]
    fn unknown_keys_and_impossible_values_are_refused_by_name() {
        for (from, to, named) in [
            ("seed = 7", "sead = 7", "sead"),
            ("exponent = 2.8", "exponent = 0", "exponent"),
            ("frame_loss = 0.1", "frame_loss = 2", "frame_loss"),
            ("gain_db = 3", "gain_db = nan", "gain_db"),
            ("loss_db = 130", "", "loss_db"),
            ("loss_db = 130", "loss_db = 130\nblocked = true", "blocked"),
            ("\"anna\", \"ben\"", "\"anna\", \"carla\"", "carla"),
            ("name = \"ben\"", "name = \"anna\"", "anna"),
        ] {
            let why = parsed(&VALLEY.replace(from, to)).expect_err(to);
            assert!(why.contains(named), "{to}: {why}");
        }
    }
}
