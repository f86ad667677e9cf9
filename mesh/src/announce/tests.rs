//! The bodies on the wire (`ANN-01` to `ANN-03`).

use alloc::{vec, vec::Vec};
use core::fmt::Write as _;
use std::string::String;

use super::{Advertisement, MeshAnnounce, PathRequest, Retraction, Validity, entries, write_count};
use crate::{
    address::Address, announce::UNREACHABLE, crypto::Mode, error::Malformed,
    identity::Capabilities, identity::MeshIdentity,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("strings take everything");
        text
    })
}

fn advertisement() -> Advertisement {
    let identity = MeshIdentity::from_seeds([3; 32], None);
    let validity = Validity::from_code(12).expect("12 is in range");
    let capabilities = Capabilities::from_bits(0x0102);
    let announce = MeshAnnounce::signed(Mode::Real, &identity, 9, capabilities, validity, 5);
    Advertisement { hops: 2, cost: 0x0001_0203, announce }
}

fn request() -> PathRequest {
    PathRequest {
        destination: Address::from_bytes([0xaa; 16]),
        min_seq: 7,
        nonce: [0xbb; 8],
        ttl: 4,
    }
}

fn body_of_two() -> Vec<u8> {
    let mut body = Vec::new();
    write_count(2, &mut body);
    advertisement().write(&mut body);
    advertisement().write(&mut body);
    body
}

fn read_all(body: &[u8]) -> Result<Vec<Advertisement>, Malformed> {
    entries(body, Advertisement::LEN, "announces")?.map(Advertisement::parse).collect()
}

#[test]
fn ann01_announces_hex_and_round_trip() {
    let mut body = Vec::new();
    write_count(1, &mut body);
    advertisement().write(&mut body);
    assert_eq!(body.len(), 1 + Advertisement::LEN);
    assert_eq!(
        hex(&body[..49]),
        concat!(
            "01",
            "02",
            "03020100",
            "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1",
            "09000000",
            "0201",
            "0c",
            "05000000",
        )
    );
    assert_eq!(read_all(&body), Ok(vec![advertisement()]));
    assert_eq!(read_all(&body_of_two()).map(|list| list.len()), Ok(2));
}

#[test]
fn ann01_retract_hex_and_round_trip() {
    let retraction = Retraction { address: Address::from_bytes([0xcc; 16]), seq: 0x0a0b };
    let mut body = Vec::new();
    write_count(1, &mut body);
    retraction.write(&mut body);
    assert_eq!(hex(&body), "01cccccccccccccccccccccccccccccccc0b0a0000");
    let list: Result<Vec<_>, _> = entries(&body, Retraction::LEN, "retractions")
        .expect("counted")
        .map(Retraction::parse)
        .collect();
    assert_eq!(list, Ok(vec![retraction]));
}

#[test]
fn ann03_path_request_hex_and_round_trip() {
    let mut body = Vec::new();
    request().write(&mut body);
    assert_eq!(hex(&body), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa07000000bbbbbbbbbbbbbbbb04");
    assert_eq!(PathRequest::parse(&body), Ok(request()));
}

#[test]
fn ann01_every_truncation_and_every_addition_is_refused() {
    let body = body_of_two();
    for len in 0..body.len() {
        assert!(read_all(&body[..len]).is_err(), "{len}");
    }
    let mut longer = body;
    longer.push(0);
    assert_eq!(read_all(&longer), Err(Malformed::TrailingData("announces")));
    let mut body = Vec::new();
    request().write(&mut body);
    for len in 0..body.len() {
        assert!(PathRequest::parse(&body[..len]).is_err(), "{len}");
    }
    body.push(0);
    assert!(PathRequest::parse(&body).is_err());
}

#[test]
fn ann01_counts_are_shortest_and_not_zero() {
    assert_eq!(read_all(&[0]), Err(Malformed::OutOfRange("announces")));
    let mut body = vec![0x81, 0x00];
    advertisement().write(&mut body);
    assert_eq!(read_all(&body), Err(Malformed::NonCanonical("announces")));
    // Four billion entries are refused before anything is done about them.
    assert_eq!(read_all(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(Malformed::MissingData("announces")));
}

#[test]
fn ann02_hops_and_cost_have_ranges() {
    let parse = |hops, cost| {
        let mut bytes = Vec::new();
        Advertisement { hops, cost, ..advertisement() }.write(&mut bytes);
        Advertisement::parse(&bytes).is_ok()
    };
    assert!(parse(0, 0) && parse(63, 63) && parse(1, UNREACHABLE - 1));
    assert!(!parse(0, 1) && !parse(64, 64) && !parse(5, 4) && !parse(1, UNREACHABLE));
}

#[test]
fn ann03_ttl_has_a_range() {
    let parse = |ttl| {
        let mut bytes = Vec::new();
        PathRequest { ttl, ..request() }.write(&mut bytes);
        PathRequest::parse(&bytes).is_ok()
    };
    assert!(parse(1) && parse(64));
    assert!(!parse(0) && !parse(65));
}

#[test]
fn flipped_bits_are_refused_or_change_the_value() {
    let mut good = Vec::new();
    advertisement().write(&mut good);
    for bit in 0..8 * good.len() {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(parsed) = Advertisement::parse(&flipped) {
            assert_ne!(parsed, advertisement(), "bit {bit}");
            let mut written = Vec::new();
            parsed.write(&mut written);
            assert_eq!(written, flipped, "one encoding per value");
        }
    }
}
