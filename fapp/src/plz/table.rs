//! The packed table of postal codes (`FAP-13`).
//!
//! Blocks of 16 codes: the first is `plz u24 | latitude u16 | longitude u16`, the others follow as the differences to
//! the one before, a column after the other: 15 bytes of codes, of the low and high bytes of latitudes, and of those of
//! longitudes, all little endian. A block that ends early, because a code is more than 255 away, is filled with zeros.

use super::{Place, Plz};

const TABLE: &[u8] = include_bytes!("../../data/plz-de.bin");
/// Codes of a block after its first.
const MORE: usize = 15;
const HEAD: usize = 7;
const BLOCK: usize = HEAD + 5 * MORE;

/// Every code with its place, in order.
pub(super) fn places() -> impl Iterator<Item = (Plz, Place)> {
    TABLE.chunks_exact(BLOCK).flat_map(block)
}

/// Where a code is.
pub(super) fn place(plz: Plz) -> Option<Place> {
    let (mut low, mut high) = (0, TABLE.len() / BLOCK);
    while low < high {
        let middle = low.midpoint(high);
        if first(&TABLE[middle * BLOCK..]).0 <= plz {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let start = low.checked_sub(1)? * BLOCK;
    block(&TABLE[start..start + BLOCK]).find(|(code, _)| *code == plz).map(|(_, place)| place)
}

fn first(block: &[u8]) -> (Plz, Place) {
    let code = u32::from_le_bytes([block[0], block[1], block[2], 0]);
    let lat = u16::from_le_bytes([block[3], block[4]]);
    let lon = u16::from_le_bytes([block[5], block[6]]);
    (Plz(code), Place { lat, lon })
}

fn block(block: &'static [u8]) -> impl Iterator<Item = (Plz, Place)> {
    let mut next = 0;
    core::iter::successors(Some(first(block)), move |(code, place)| {
        let column = |column: usize| block[HEAD + column * MORE + next];
        if next == MORE || column(0) == 0 {
            return None;
        }
        let code = Plz(code.0 + u32::from(column(0)));
        let lat = place.lat.wrapping_add(u16::from_le_bytes([column(1), column(2)]));
        let lon = place.lon.wrapping_add(u16::from_le_bytes([column(3), column(4)]));
        next += 1;
        Some((code, Place { lat, lon }))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::pack, *};

    #[test]
    fn fap_13_the_table_is_made_from_its_source() {
        assert_eq!((TABLE.len() % BLOCK, places().count()), (0, 8_307));
        assert!(places().is_sorted_by_key(|(plz, _)| plz));
        for (plz, at) in places() {
            assert_eq!(place(plz), Some(at), "{plz}");
        }
        let Some(path) = std::env::var_os("QPC_PLZ_CSV") else {
            std::eprintln!("not compared with its source: QPC_PLZ_CSV is not set");
            return;
        };
        let csv = std::fs::read_to_string(path).expect("the source");
        assert!(pack::pack(&csv) == TABLE, "run the example pack_plz");
    }

    #[test]
    fn fap_13_codes_between_blocks_are_unknown() {
        for code in [0, 999, 1_001, 99_999, u32::MAX] {
            assert_eq!(place(Plz(code)), None, "{code}");
        }
    }
}
