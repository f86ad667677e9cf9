//! Records: layout, limits, tampering, new keys.

use clatter::cipherstate::CipherState;
use mesh::limits::LINK_MTU_MAX;

use super::*;

const KEY: [u8; 32] = [9; 32];

fn record(sealer: &mut Sealer, frame: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let start = Sealer::begin(&mut wire);
    wire.extend_from_slice(frame);
    sealer.finish(&mut wire, start);
    wire
}

/// Everything `opener` finds in `wire`, frames only.
fn frames(opener: &mut Opener, wire: &mut [u8]) -> Result<Vec<Vec<u8>>, RecordError> {
    let mut out = Vec::new();
    opener.open_all(wire, |opened| {
        if let Opened::Frame(frame) = opened {
            out.push(frame.to_vec());
        }
        Flow::Continue
    })?;
    Ok(out)
}

#[test]
fn lnk_40_layout() {
    let wire = record(&mut Sealer::new(&KEY), b"frame");
    let hex: String = wire.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "15000000f876df95f680f72d2279f7877d3d0ef3dceb4e7707");
    let mut wire = Vec::new();
    Sealer::new(&KEY).control(&mut wire, GOODBYE, 1);
    let hex: String = wire.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "120000809f05612e650dc4302abde9a9d24e16855833");
}

#[test]
fn lnk_40_any_length_round_trips_and_many_in_one_read() {
    let (mut sealer, mut opener) = (Sealer::new(&KEY), Opener::new(&KEY));
    let sent: Vec<_> = [1, 2, 100, 1_500, 65_536, LINK_MTU_MAX as usize]
        .map(|len| vec![len as u8; len])
        .into_iter()
        .collect();
    let mut wire: Vec<u8> = sent.iter().flat_map(|frame| record(&mut sealer, frame)).collect();
    assert_eq!(frames(&mut opener, &mut wire), Ok(sent));
}

#[test]
fn lnk_41_lengths_outside_the_limits_close_the_link() {
    for len in [0, 1, TAG_LEN, RECORD_LEN_MAX + 1, 0x7fff_ffff] {
        for flag in [0, CONTROL] {
            let mut wire = (len as u32 | flag).to_le_bytes();
            let result = frames(&mut Opener::new(&KEY), &mut wire);
            assert_eq!(result, Err(RecordError::BadLength), "{len}");
        }
    }
}

#[test]
fn lnk_41_an_incomplete_record_waits() {
    let wire = record(&mut Sealer::new(&KEY), &[5; 40]);
    let mut opener = Opener::new(&KEY);
    for len in 0..wire.len() {
        let mut cut = wire[..len].to_vec();
        assert_eq!(opener.open_all(&mut cut, |_| Flow::Continue), Ok((0, Flow::Continue)));
        assert_eq!(cut, &wire[..len], "nothing is touched before it is complete");
    }
    assert_eq!(frames(&mut opener, &mut wire.clone()), Ok(vec![vec![5; 40]]));
}

#[test]
fn lnk_42_no_flipped_bit_gives_a_frame() {
    let wire = record(&mut Sealer::new(&KEY), &[5; 40]);
    for bit in 0..wire.len() * 8 {
        let mut bent = wire.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        // A length that grew waits for more; what comes then does not authenticate.
        bent.extend_from_slice(&[0; 1 << 8]);
        let result = frames(&mut Opener::new(&KEY), &mut bent);
        assert!(result.is_err() || result == Ok(Vec::new()), "bit {bit}");
    }
}

#[test]
fn lnk_42_replayed_reordered_and_reflected_records_are_refused() {
    let mut sealer = Sealer::new(&KEY);
    let (one, two) = (record(&mut sealer, b"one"), record(&mut sealer, b"two"));
    let mut twice = [one.clone(), one.clone()].concat();
    assert_eq!(frames(&mut Opener::new(&KEY), &mut twice), Err(RecordError::BadTag));
    let mut swapped = [two, one.clone()].concat();
    assert_eq!(frames(&mut Opener::new(&KEY), &mut swapped), Err(RecordError::BadTag));
    let mut as_control = one;
    as_control[3] |= 0x80;
    assert_eq!(frames(&mut Opener::new(&KEY), &mut as_control), Err(RecordError::BadTag));
}

#[test]
fn lnk_43_control_records() {
    let (mut sealer, mut opener) = (Sealer::new(&KEY), Opener::new(&KEY));
    let mut wire = Vec::new();
    sealer.control(&mut wire, CONFIRM, 0);
    sealer.control(&mut wire, 0xee, 0);
    sealer.control(&mut wire, GOODBYE, 1);
    assert_eq!(wire.len(), 3 * CONTROL_RECORD_LEN);
    let mut seen = Vec::new();
    let end = opener.open_all(&mut wire, |opened| {
        seen.push(match opened {
            Opened::Frame(_) => "frame",
            Opened::Confirm => "confirm",
            Opened::Goodbye(Goodbye::DUPLICATE) => "duplicate",
            Opened::Goodbye(_) => "goodbye",
            Opened::Unknown => "unknown",
        });
        Flow::Continue
    });
    assert_eq!(end, Ok((3 * CONTROL_RECORD_LEN, Flow::Continue)));
    assert_eq!(seen, ["confirm", "unknown", "duplicate"]);
}

#[test]
fn lnk_03_a_pause_leaves_the_rest_untouched() {
    let (mut sealer, mut opener) = (Sealer::new(&KEY), Opener::new(&KEY));
    let one = record(&mut sealer, b"one");
    let mut wire = [one.clone(), record(&mut sealer, b"two")].concat();
    assert_eq!(opener.open_all(&mut wire, |_| Flow::Pause), Ok((one.len(), Flow::Pause)));
    assert_eq!(frames(&mut opener, &mut wire[one.len()..]), Ok(vec![b"two".to_vec()]));
}

fn with_period(mut direction: Direction, period: (u32, u64)) -> Direction {
    direction.period = period;
    (direction.records_left, direction.bytes_left) = period;
    direction
}

#[test]
fn lnk_44_both_sides_replace_the_key_after_the_same_record() {
    for period in [(3, u64::MAX), (u32::MAX, 10)] {
        let mut sealer = Sealer(with_period(Direction::new(&KEY), period));
        let mut opener = Opener(with_period(Direction::new(&KEY), period));
        for n in 0..50_u8 {
            let mut wire = record(&mut sealer, &[n; 4]);
            assert_eq!(frames(&mut opener, &mut wire), Ok(vec![vec![n; 4]]));
        }
    }
}

#[test]
fn lnk_44_without_the_new_key_nothing_opens() {
    let mut sealer = Sealer(with_period(Direction::new(&KEY), (3, u64::MAX)));
    let mut wire: Vec<u8> = (0..4).flat_map(|_| record(&mut sealer, b"frame")).collect();
    let mut opened = 0;
    let result = Opener::new(&KEY).open_all(&mut wire, |_| {
        opened += 1;
        Flow::Continue
    });
    assert_eq!((opened, result), (3, Err(RecordError::BadTag)));
}

/// The record keys develop as Noise's own REKEY does.
#[test]
fn lnk_44_is_the_rekey_of_noise() {
    let mut sealer = Sealer(with_period(Direction::new(&KEY), (1, u64::MAX)));
    record(&mut sealer, b"x");
    let ours = record(&mut sealer, b"frame");
    let mut theirs = CipherState::<crate::noise::ChaChaPoly>::new(&KEY, 1);
    theirs.rekey().expect("a key");
    let mut text = [0; 5 + TAG_LEN];
    theirs.encrypt_with_ad(&ours[..4], b"frame", &mut text).expect("room for it");
    assert_eq!(ours[4..], text);
}

#[test]
fn lnk_44_the_periods_are_the_ones_written_down() {
    assert_eq!(Direction::new(&KEY).period, (1 << 20, 4 << 30));
}
