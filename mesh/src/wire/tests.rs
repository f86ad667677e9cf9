use std::{vec, vec::Vec};

use super::{Reader, Writer};
use crate::{crypto::rng::NodeRng, error::Malformed};

/// Numbers around every boundary of the varint, and random ones of every width.
fn numbers() -> Vec<u64> {
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut numbers = vec![0, u64::MAX];
    for bits in 0..64 {
        let power = 1_u64 << bits;
        numbers.extend([power - 1, power, power + 1, rng.next_u64() >> bits]);
    }
    numbers
}

fn varint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).varint(value);
    out
}

/// WIRE-05: our varints are postcard's.
#[test]
fn wire_05_varints_are_postcards() {
    for value in numbers() {
        let ours = varint(value);
        assert_eq!(ours, postcard::to_allocvec(&value).unwrap());
        let mut reader = Reader::new(&ours);
        assert_eq!(reader.varint("n"), Ok(value));
        assert_eq!(reader.finish("n"), Ok(()));
        assert_eq!(Reader::new(&ours).varint_u32("n").ok(), u32::try_from(value).ok());
    }
}

/// WIRE-05: whatever we accept, postcard reads as the same number; what we refuse is truncated, too
/// large or longer than needed.
#[test]
fn wire_05_random_bytes_agree_with_postcard() {
    let mut rng = NodeRng::from_seed([2; 32]);
    for _ in 0..20_000 {
        let mut bytes = rng.array::<11>();
        // Long runs of continuation bits are rare by chance.
        let run = rng.below(11) as usize;
        bytes[..run].iter_mut().for_each(|byte| *byte |= 0x80);
        let ours = Reader::new(&bytes).varint("n");
        match (ours, postcard::take_from_bytes::<u64>(&bytes)) {
            (Ok(value), Ok((theirs, rest))) => {
                assert_eq!(value, theirs);
                assert_eq!(varint(value), bytes[..bytes.len() - rest.len()]);
            }
            (Err(Malformed::NonCanonical(_)), Ok((theirs, rest))) => {
                assert!(varint(theirs).len() < bytes.len() - rest.len());
            }
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{bytes:02x?}: {ours:?}, postcard {theirs:?}"),
        }
    }
}

/// WIRE-05: a longer encoding of the same number is refused.
#[test]
fn wire_05_longer_varints_are_refused() {
    for bytes in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0x81, 0x80, 0x80, 0]] {
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.varint("n"), Err(Malformed::NonCanonical("n")));
        assert_eq!(reader.remaining(), bytes.len(), "a failed read moves nothing");
    }
    assert_eq!(Reader::new(&[0xff; 10]).varint("n"), Err(Malformed::OutOfRange("n")));
    assert_eq!(Reader::new(&[0xff; 9]).varint("n"), Err(Malformed::MissingData("n")));
}

/// WIRE-06: byte strings are postcard's; a length beyond the bound or the input is refused first.
#[test]
fn wire_06_byte_strings() {
    for len in [0, 1, 127, 128, 1_000] {
        let bytes = vec![0xa5; len];
        let mut out = Vec::new();
        Writer::new(&mut out).prefixed(&bytes);
        assert_eq!(out, postcard::to_allocvec(&bytes).unwrap());
        let mut reader = Reader::new(&out);
        assert_eq!(reader.prefixed(1_000, "s"), Ok(&bytes[..]));
        assert_eq!(reader.finish("s"), Ok(()));
        for cut in 0..out.len() {
            let mut reader = Reader::new(&out[..cut]);
            assert_eq!(reader.prefixed(1_000, "s"), Err(Malformed::MissingData("s")));
            assert_eq!(reader.remaining(), cut);
        }
    }
    let claimed = varint(u64::MAX);
    assert_eq!(Reader::new(&claimed).prefixed(16, "s"), Err(Malformed::TooLong("s")));
    assert_eq!(Reader::new(&varint(17)).prefixed(16, "s"), Err(Malformed::TooLong("s")));
}

/// WIRE-07: nothing may follow the last field.
#[test]
fn wire_07_trailing_bytes_are_refused() {
    let mut reader = Reader::new(&[1, 2]);
    assert_eq!(reader.u8("a"), Ok(1));
    assert_eq!(reader.finish("all"), Err(Malformed::TrailingData("all")));
}

/// WIRE-08: fixed-width numbers are little endian.
#[test]
fn wire_08_fixed_width_is_little_endian() {
    let mut out = Vec::new();
    Writer::new(&mut out)
        .u8(1)
        .u16(0x0302)
        .u32(0x0706_0504)
        .u64(0x0f0e_0d0c_0b0a_0908)
        .array(&[16]);
    assert_eq!(out, (1..=16).collect::<Vec<u8>>());
    let mut reader = Reader::new(&out);
    assert_eq!(reader.u8("a"), Ok(1));
    assert_eq!(reader.u16("b"), Ok(0x0302));
    assert_eq!(reader.u32("c"), Ok(0x0706_0504));
    assert_eq!(reader.u64("d"), Ok(0x0f0e_0d0c_0b0a_0908));
    assert_eq!(reader.array("e"), Ok([16]));
    assert_eq!(reader.u64("f"), Err(Malformed::MissingData("f")));
}
