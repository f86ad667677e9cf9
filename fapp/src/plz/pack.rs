//! The packed table, written: shared by the program that makes it and the test that checks it.

use std::vec::Vec;

/// Packs lines `plz,lat,lon,…`: per code `plz u24 | latitude u16 | longitude u16`, little endian, by code.
/// A degree of latitude from 47° on is 8,000 steps, one of longitude from 5° on is 6,000.
pub(crate) fn pack(csv: &str) -> Vec<u8> {
    let mut rows: Vec<(u32, u16, u16)> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            let mut next = || fields.next().expect("a field");
            let plz = next().parse().expect("a number");
            let mut degrees = || next().parse::<f64>().expect("degrees");
            let (lat, lon) = (degrees(), degrees());
            (plz, ((lat - 47.0) * 8_000.0).round() as u16, ((lon - 5.0) * 6_000.0).round() as u16)
        })
        .collect();
    rows.sort_unstable();
    rows.iter()
        .flat_map(|(plz, lat, lon)| {
            let [a, b, c, _] = plz.to_le_bytes();
            let ([d, e], [f, g]) = (lat.to_le_bytes(), lon.to_le_bytes());
            [a, b, c, d, e, f, g]
        })
        .collect()
}
