//! The packed table, written: shared by the program that makes it and the test that checks it.

use std::vec::Vec;

/// Packs lines `plz,lat,lon,…` into blocks of 16 codes; their layout is described where they are read.
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
    rows.dedup_by_key(|row| row.0);
    let mut table = Vec::new();
    let mut rest = &rows[..];
    while let [first, more @ ..] = rest {
        let near = rest.windows(2).take(15).take_while(|pair| pair[1].0 - pair[0].0 < 256).count();
        let (lat, lon) = (first.1.to_le_bytes(), first.2.to_le_bytes());
        table.extend_from_slice(&first.0.to_le_bytes()[..3]);
        table.extend_from_slice(&[lat, lon].concat());
        let mut columns = [[0; 15]; 5];
        for (place, pair) in rest.windows(2).take(near).enumerate() {
            let lat = pair[1].1.wrapping_sub(pair[0].1).to_le_bytes();
            let lon = pair[1].2.wrapping_sub(pair[0].2).to_le_bytes();
            let code = (pair[1].0 - pair[0].0) as u8;
            for (column, byte) in columns.iter_mut().zip([code, lat[0], lat[1], lon[0], lon[1]]) {
                column[place] = byte;
            }
        }
        table.extend_from_slice(&columns.concat());
        rest = &more[near..];
    }
    table
}
