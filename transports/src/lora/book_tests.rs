use core::time::Duration;

use alloc::vec::Vec;
use mesh::{Instant, radio::AirClass};

use super::{Ledger, Lost, Stamp, Verdict, book};

const P: &str = "EU868/P";
const SHARE_US: u64 = 360_000_000;

fn stamp(machine: u8, since_secs: u64, unix_secs: Option<u64>) -> Stamp {
    let since_start = Duration::from_secs(since_secs);
    Stamp { machine_start: [machine; 16], since_start, unix_secs }
}

/// Written ten seconds after the node's start, with a second of air time and half of one reserved.
fn kept() -> Vec<u8> {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    ledger.charge(Instant::from_secs(10), P, 1_000_000);
    ledger.open("EU868/M", 36_000_000);
    ledger.reserve("EU868/M", 500_000);
    book::encode(&mut ledger, Instant::from_secs(10), &stamp(7, 1_000, Some(1_700_000_000))).1
}

fn used(ledger: &Ledger, secs: u64) -> Option<u64> {
    ledger.balance(Instant::from_secs(secs), P).map(|balance| balance.used_us)
}

#[test]
fn air_27_layout() {
    let hex: Vec<u8> = kept();
    let mut expected = Vec::new();
    expected.extend(b"QPCAT\0\x01\n");
    expected.extend([7; 16]);
    expected.extend(1_000_000_000_u64.to_le_bytes());
    expected.extend(1_700_000_000_u64.to_le_bytes());
    expected.push(2);
    expected.extend(b"\x07EU868/M");
    expected.extend(36_000_000_u64.to_le_bytes());
    expected.extend(600_000_u64.to_le_bytes());
    expected.push(0);
    expected.extend(b"\x07EU868/P");
    expected.extend(SHARE_US.to_le_bytes());
    expected.extend(0_u64.to_le_bytes());
    expected.push(1);
    // To the end of its minute, an hour, and a minute.
    expected.extend(3_710_000_000_u64.to_le_bytes());
    expected.extend(1_000_000_u64.to_le_bytes());
    assert_eq!(hex[..hex.len() - 8], expected);
    let sum = [0x00_u8; 8];
    assert_ne!(hex[hex.len() - 8..], sum);
}

#[test]
fn air_25_which_clock_counts() {
    let bytes = kept();
    let restore = |stamp| book::restore(&bytes, Instant::ZERO, &stamp);
    // The machine was not started again: whatever its wall clock says.
    for wall in [None, Some(0), Some(1_700_100_000)] {
        let (ledger, lost) = restore(stamp(7, 1_600, wall));
        assert_eq!(lost, None);
        assert_eq!((used(&ledger, 3_109), used(&ledger, 3_110)), (Some(1_000_000), Some(0)));
    }
    // It was: then the wall clock, of which the last second is not certain.
    let (ledger, lost) = restore(stamp(8, 5, Some(1_700_000_600)));
    assert_eq!(lost, None);
    assert_eq!((used(&ledger, 3_110), used(&ledger, 3_111)), (Some(1_000_000), Some(0)));
    let (ledger, lost) = restore(stamp(8, 5, Some(1_700_010_000)));
    assert_eq!((used(&ledger, 0), lost), (Some(0), None));
}

#[test]
fn air_26_what_is_lost_was_used() {
    let bytes = kept();
    let cases = [
        (&bytes[..], stamp(8, 5, None), Lost::Clock),
        (&bytes, stamp(8, 5, Some(1_699_999_999)), Lost::Clock),
        (&bytes, stamp(7, 999, Some(1_700_000_600)), Lost::Clock),
        (&[], stamp(7, 1_600, None), Lost::Damaged),
        (b"QPCAT", stamp(7, 1_600, None), Lost::Damaged),
    ];
    for (bytes, stamp, why) in cases {
        let now = Instant::from_secs(50);
        let (mut ledger, lost) = book::restore(bytes, now, &stamp);
        assert_eq!(lost, Some(why));
        // Whatever sub-band is used first, and whenever.
        ledger.open(P, SHARE_US);
        assert_eq!(used(&ledger, 50), Some(SHARE_US));
        assert!(matches!(ledger.ask(now, P, AirClass::Control, 1), Verdict::At(_)));
        assert_eq!((used(&ledger, 3_719), used(&ledger, 3_720)), (Some(SHARE_US), Some(0)));
    }
    // A clock that nobody knows when it is written is of no use when it is read.
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    ledger.charge(Instant::ZERO, P, 1);
    let (_, bytes) = book::encode(&mut ledger, Instant::ZERO, &stamp(7, 5, None));
    let (_, lost) = book::restore(&bytes, Instant::ZERO, &stamp(8, 5, Some(1_700_000_000)));
    assert_eq!(lost, Some(Lost::Clock));
    // Where nothing was sent there is nothing to forget.
    let (_, empty) = book::encode(&mut Ledger::new(), Instant::ZERO, &stamp(7, 5, None));
    assert_eq!(book::restore(&empty, Instant::ZERO, &stamp(8, 1, None)).1, None);
    // A machine that does not say which start it is in.
    let (_, bytes) = book::encode(&mut ledger, Instant::ZERO, &stamp(0, 5, None));
    assert_eq!(book::restore(&bytes, Instant::ZERO, &stamp(0, 9, None)).1, Some(Lost::Clock));
}

#[test]
fn air_27_damage_is_noticed() {
    let bytes = kept();
    let stamp = stamp(7, 1_600, None);
    for len in 0..bytes.len() {
        let (_, lost) = book::restore(&bytes[..len], Instant::ZERO, &stamp);
        assert_eq!(lost, Some(Lost::Damaged), "{len}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (_, lost) = book::restore(&flipped, Instant::ZERO, &stamp);
        assert_eq!(lost, Some(Lost::Damaged), "{bit}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(book::restore(&longer, Instant::ZERO, &stamp).1, Some(Lost::Damaged));
}
