//! The bad line in virtual time.

use super::*;

const FRAMES: u32 = 10_000;

/// Sends numbered frames a millisecond apart; what arrives, and when.
fn run(profile: Profile, seed: u64) -> (Vec<(Instant, Vec<u8>)>, Faults) {
    let mut line = Impairment::new(profile, seed);
    let mut out = Vec::new();
    for number in 0..FRAMES {
        let now = Instant::from_millis(u64::from(number));
        drain(&mut line, now, &mut out);
        line.push(now, &number.to_le_bytes());
    }
    drain(&mut line, Instant::from_secs(1_000), &mut out);
    (out, line.faults())
}

fn drain(line: &mut Impairment, now: Instant, out: &mut Vec<(Instant, Vec<u8>)>) {
    while let Some(at) = line.poll_timeout().filter(|at| *at <= now) {
        let frame = line.pop(at).expect("it has arrived");
        out.push((at, frame));
    }
}

fn bad() -> Profile {
    Profile {
        loss_ppm: 100_000,
        duplicate_ppm: 50_000,
        reorder_ppm: 20_000,
        corrupt_ppm: 10_000,
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(3),
        rate_bps: Some(1_000_000),
    }
}

#[test]
fn lnk_61_equal_seeds_are_equally_bad() {
    assert_eq!(run(bad(), 7), run(bad(), 7));
    assert_ne!(run(bad(), 7), run(bad(), 8));
}

#[test]
fn lnk_61_a_good_line_changes_nothing() {
    let (out, faults) = run(Profile::default(), 1);
    assert_eq!(faults, Faults::default());
    let numbers = (0..FRAMES).map(|n| n.to_le_bytes().to_vec());
    assert!(out.iter().map(|(_, frame)| frame.clone()).eq(numbers));
}

#[test]
fn lnk_61_faults_come_as_often_as_asked_for() {
    let (out, faults) = run(bad(), 3);
    let near = |count: u64, wanted: u64| count.abs_diff(wanted) < wanted / 4;
    assert!(near(faults.lost, 1_000) && near(faults.corrupted, 90), "{faults:?}");
    assert!(near(faults.duplicated, 450) && near(faults.reordered, 200), "{faults:?}");
    assert_eq!(out.len() as u64, u64::from(FRAMES) - faults.lost + faults.duplicated);
    let behind = out.windows(2).filter(|w| w[0].1 > w[1].1).count();
    assert!(behind > 0, "reordered frames arrive behind later ones");
}

#[test]
fn lnk_61_jitter_alone_keeps_the_order() {
    let profile = Profile { jitter: Duration::from_millis(50), ..Profile::default() };
    let (out, _) = run(profile, 5);
    let numbers: Vec<_> = out
        .iter()
        .map(|(_, frame)| u32::from_le_bytes(frame[..].try_into().expect("four bytes")))
        .collect();
    assert!(numbers.is_sorted());
}

#[test]
fn lnk_61_the_rate_holds_and_the_queue_is_bounded() {
    let profile = Profile { rate_bps: Some(8_000), ..Profile::default() };
    let mut line = Impairment::new(profile, 1);
    line.push(Instant::ZERO, &[0; 1_000]);
    line.push(Instant::ZERO, &[0; 1_000]);
    assert_eq!(line.pop(Instant::from_millis(999)), None);
    assert!(line.pop(Instant::from_millis(1_000)).is_some());
    assert_eq!(line.poll_timeout(), Some(Instant::from_secs(2)));
    for _ in 0..2_000 {
        line.push(Instant::ZERO, &[0; 1_000]);
    }
    assert!(line.line_len <= LINE_LEN_MAX);
    assert!(line.faults().overflowed > 0);
}
