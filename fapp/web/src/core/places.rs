//! Postal codes for the page: where they are, and which regions a search needs (`WEB-21`).

use std::collections::{BTreeMap, BTreeSet};

use fapp::plz::{Place, Plz, PlzPrefix};
use serde_json::{Value, json};

use super::Said;
use crate::message::Query;

/// Radius of a search around a code that names none.
const RADIUS_KM: u16 = fapp::query::RADIUS_DEFAULT_KM;

pub(super) fn plz(text: &str) -> Said {
    let plz = Plz::parse(text).map_err(|error| error.to_string())?;
    let place = plz.place().ok_or("there is no such postal code in Germany")?;
    let region = format!("{:02}", plz.region());
    let (lat, lon) = (place.latitude(), place.longitude());
    super::said(json!({ "plz": plz.to_string(), "region": region, "lat": lat, "lon": lon }))
}

/// One point for each three digits: enough for a map, and less than the table.
pub(super) fn middles() -> Value {
    let mut sums: BTreeMap<u32, (f64, f64, f64)> = BTreeMap::new();
    for (plz, place) in Plz::places() {
        let sum = sums.entry(plz.number() / 100).or_default();
        *sum = (sum.0 + place.latitude(), sum.1 + place.longitude(), sum.2 + 1.0);
    }
    let round = |sum: f64, count: f64| (sum / count * 1_000.0).round() / 1_000.0;
    sums.iter()
        .map(|(digits, (lat, lon, count))| {
            json!([round(*lat, *count), round(*lon, *count), format!("{:02}", digits / 10)])
        })
        .collect()
}

/// The regions a search touches. Around a code they are those within the radius of *any* code of its region: so what
/// is fetched tells the region and the radius, and nothing finer.
pub(super) fn regions(query: &Query) -> Result<Vec<String>, String> {
    query.read()?.check().map_err(|error| error.to_string())?;
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let all = || Plz::places().map(|(plz, _)| plz.region()).collect::<BTreeSet<u8>>();
    let regions = match (filled(&query.plz), filled(&query.plz_prefix)) {
        (Some(plz), _) => {
            let plz = Plz::parse(&plz).map_err(|error| error.to_string())?;
            around(plz.region(), query.radius_km.unwrap_or(RADIUS_KM))
        }
        (None, Some(prefix)) => {
            let prefix = PlzPrefix::parse(&prefix).map_err(|error| error.to_string())?;
            match prefix.region() {
                Some(region) => BTreeSet::from([region]),
                None => Plz::places()
                    .map(|(plz, _)| plz)
                    .filter(|plz| prefix.covers(*plz))
                    .map(Plz::region)
                    .collect(),
            }
        }
        (None, None) => all(),
    };
    Ok(regions.iter().map(|region| format!("{region:02}")).collect())
}

fn around(region: u8, radius_km: u16) -> BTreeSet<u8> {
    let radius_m = u32::from(radius_km) * 1_000;
    let own: Vec<Place> =
        Plz::places().filter(|(plz, _)| plz.region() == region).map(|(_, place)| place).collect();
    let near = |place: &Place| own.iter().any(|mine| mine.distance_m(*place) <= radius_m);
    let mut regions = BTreeSet::from([region]);
    for (plz, place) in Plz::places() {
        if !regions.contains(&plz.region()) && near(&place) {
            regions.insert(plz.region());
        }
    }
    regions
}
