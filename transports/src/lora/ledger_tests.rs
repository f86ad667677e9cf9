use core::time::Duration;

use alloc::vec::Vec;
use mesh::{Instant, radio::AirClass};

use super::{
    Ledger, Refusal, Region, Settings, Stamp, Verdict, book,
    ledger::{CHARGES_MAX, HOUR},
};

const P: &str = "EU868/P";
const SHARE_US: u64 = 360_000_000;

const CLASSES: [AirClass; 4] =
    [AirClass::Control, AirClass::Conversation, AirClass::Broadcast, AirClass::Bulk];

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

/// A ledger whose disk is fast.
fn written(mut ledger: Ledger, now: Instant, air_us: u64) -> Ledger {
    ledger.reserve(P, air_us);
    let (writing, _) = book::encode(&mut ledger, now, &stamp(0, now));
    ledger.written(writing);
    ledger
}

fn stamp(machine: u8, now: Instant) -> Stamp {
    Stamp {
        machine_start: [machine; 16],
        since_start: Duration::from_micros(now.as_micros()),
        unix_secs: None,
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Below one of three bounds: times of very different sizes.
    fn below_one_of(&mut self, bounds: [u64; 3]) -> u64 {
        let bound = bounds[self.below(3) as usize];
        self.below(bound)
    }
}

/// The law, in its plainest form: a window that ends with a transmission contains as much as any
/// that ends between it and the next, and one that begins with one likewise.
fn worst_hour_us(sent: &[(u64, u64)]) -> u64 {
    let hour = u64::try_from(HOUR.as_micros()).expect("an hour is short");
    let mut worst = 0;
    let overlap = |from: u64, to: u64, (begin, air): (u64, u64)| {
        (begin + air).min(to).saturating_sub(begin.max(from))
    };
    for (begin, air) in sent {
        for from in [*begin, (begin + air).saturating_sub(hour)] {
            let sum = sent.iter().map(|one| overlap(from, from + hour, *one)).sum();
            worst = worst.max(sum);
        }
    }
    worst
}

/// Random traffic for hours of a node that is restarted at random, by crash or in good order, whose
/// modem holds frames back for up to a minute. One that does not obey sends whatever it is told.
fn traffic(seed: u64, restarts: bool, obeys: bool) -> Vec<(u64, u64)> {
    let mut dice = Dice(seed | 1);
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    let mut disk = book::encode(&mut ledger, at(0), &real_stamp(1, 0, 0)).1;
    // True time, which nobody has, and what each clock makes of it.
    let (mut truth, mut epoch, mut machine, mut booted) = (0_u64, 0_u64, 1_u8, 0_u64);
    let mut sent = Vec::new();
    while truth < 4 * 3_600_000_000 {
        truth += dice.below_one_of([200_000, 2_000_000, 60_000_000]);
        let now = Instant::from_micros(truth - epoch);
        let air_us = 20_000 + dice.below_one_of([80_000, 700_000, 9_000_000]);
        let class = CLASSES[dice.below(4) as usize];
        let mut verdict = ledger.ask(now, P, class, air_us);
        if verdict == Verdict::AfterWriting {
            ledger.reserve(P, air_us);
            let (writing, bytes) =
                book::encode(&mut ledger, now, &real_stamp(machine, truth - booted, truth));
            disk = bytes;
            if dice.below(50) != 0 {
                ledger.written(writing);
            }
            verdict = ledger.ask(now, P, class, air_us);
        }
        match verdict {
            _ if !obeys => sent.push((truth, air_us)),
            Verdict::Now => {
                ledger.charge(now, P, air_us);
                let begin = truth + dice.below_one_of([1, 1_000_000, 50_000_000]);
                sent.push((begin, air_us));
            }
            Verdict::At(then) => assert!(then > now),
            Verdict::AfterWriting => {}
            Verdict::Never => assert!(air_us > SHARE_US / 2),
        }
        if restarts && dice.below(150) == 0 {
            if dice.below(2) == 0 {
                ledger.give_back();
                disk =
                    book::encode(&mut ledger, now, &real_stamp(machine, truth - booted, truth)).1;
            }
            truth += dice.below(600_000_000);
            epoch = truth;
            if dice.below(2) == 0 {
                machine = machine.wrapping_add(1).max(1);
                booted = truth;
            }
            let now = Instant::ZERO;
            let (restored, lost) =
                book::restore(&disk, now, &real_stamp(machine, truth - booted, truth));
            assert_eq!(lost, None);
            ledger = restored;
            ledger.open(P, SHARE_US);
        }
    }
    sent
}

fn real_stamp(machine: u8, since_us: u64, truth_us: u64) -> Stamp {
    Stamp {
        machine_start: [machine; 16],
        since_start: Duration::from_micros(since_us),
        unix_secs: Some(1_700_000_000 + truth_us / 1_000_000),
    }
}

#[test]
fn air_20_no_hour_exceeds_its_share() {
    for seed in 1..=6 {
        let sent = traffic(seed * 7_919, false, true);
        let worst = worst_hour_us(&sent);
        assert!(worst <= SHARE_US, "seed {seed}: {worst} µs");
        assert!(worst > SHARE_US / 2, "seed {seed}: it is to be of use, too: {worst} µs");
    }
}

/// The check of the two others can fail: a radio that asks and does not obey is noticed.
#[test]
fn air_20_who_does_not_obey_is_noticed() {
    for seed in 1..=6 {
        let worst = worst_hour_us(&traffic(seed * 7_919, false, false));
        assert!(worst > SHARE_US, "seed {seed}: {worst} µs");
    }
}

#[test]
fn air_20_no_hour_exceeds_its_share_over_restarts() {
    for seed in 1..=12 {
        let worst = worst_hour_us(&traffic(seed * 104_729, true, true));
        assert!(worst <= SHARE_US, "seed {seed}: {worst} µs");
    }
}

#[test]
fn air_20_accounts_do_not_know_each_other() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    ledger.open("EU868/M", SHARE_US / 10);
    let mut ledger = written(ledger, at(0), SHARE_US);
    ledger.charge(at(0), P, SHARE_US);
    assert_eq!(ledger.balance(at(1), "EU868/M").map(|balance| balance.used_us), Some(0));
    assert!(matches!(ledger.ask(at(1), P, AirClass::Control, 1), Verdict::At(_)));
    assert_eq!(ledger.ask(at(1), "EU868/Q", AirClass::Bulk, SHARE_US * 9), Verdict::Now);
    assert_eq!(ledger.balance(at(1), "EU868/Q"), None);
}

#[test]
fn air_21_a_charge_counts_until_it_is_certainly_old() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    let mut ledger = written(ledger, at(0), SHARE_US);
    ledger.charge(at(61), P, 100);
    ledger.charge(at(119), P, 200);
    ledger.charge(at(120), P, 1_000);
    let used = |secs| ledger.balance(at(secs), P).map(|balance| balance.used_us);
    assert_eq!(used(120 + 3_659), Some(1_300));
    assert_eq!(used(120 + 3_660), Some(1_000));
    assert_eq!(used(180 + 3_659), Some(1_000));
    assert_eq!(used(180 + 3_660), Some(0));
    let wait = ledger.ask(at(200), P, AirClass::Control, SHARE_US - 500);
    assert_eq!(wait, Verdict::At(at(180 + 3_660)));
}

#[test]
fn air_22_the_last_part_is_kept() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    for (percent, class) in [
        (60, AirClass::Bulk),
        (80, AirClass::Broadcast),
        (95, AirClass::Conversation),
        (100, AirClass::Control),
    ] {
        let mut ledger = written(ledger.clone(), at(0), SHARE_US);
        ledger.charge(at(0), P, SHARE_US / 100 * percent - 1);
        assert_eq!(ledger.ask(at(0), P, class, 1), Verdict::Now, "{class:?}");
        assert!(matches!(ledger.ask(at(0), P, class, 2), Verdict::At(_)), "{class:?}");
        assert_eq!(ledger.ask(at(0), P, class, SHARE_US / 100 * percent + 1), Verdict::Never);
    }
}

#[test]
fn air_29_the_wait_is_what_it_takes() {
    let mut dice = Dice(29);
    for _ in 0..200 {
        let mut ledger = Ledger::new();
        ledger.open(P, SHARE_US);
        let mut ledger = written(ledger, at(0), SHARE_US);
        for _ in 0..dice.below(40) {
            ledger.charge(at(dice.below(3_000)), P, dice.below(SHARE_US / 20));
        }
        let (now, air_us) = (at(3_000), 1 + dice.below(SHARE_US / 20));
        let ask = |ledger: &Ledger, now| ledger.ask(now, P, AirClass::Conversation, air_us);
        let wait = ledger.wait(now, P, AirClass::Conversation, air_us);
        assert!(!matches!(ask(&ledger, now + wait), Verdict::At(_)), "it may go then");
        if let Some(before) = wait.checked_sub(Duration::from_micros(1)) {
            let verdict = ask(&ledger, now + before);
            assert_eq!(verdict, Verdict::At(now + wait), "and not before");
        }
    }
    let lost = {
        let mut ledger = Ledger::lost(at(0));
        ledger.open(P, SHARE_US);
        ledger
    };
    let wait = lost.wait(at(10), P, AirClass::Conversation, 1);
    assert_eq!(wait, Duration::from_secs(60 + 3_660 - 10), "what is not known was used");
}

/// Where a transmission may be too long, the settings at which one could be are refused.
#[test]
fn air_23_a_transmission_that_is_too_long() {
    let defaults = Region::As923.defaults();
    for (bandwidth_hz, spreading_factor, coding_rate, good) in [
        (250_000, 8, 5, true),
        (125_000, 7, 5, false),
        (125_000, 8, 5, false),
        (500_000, 9, 5, true),
        (250_000, 8, 6, false),
    ] {
        let settings = Settings { bandwidth_hz, spreading_factor, coding_rate, ..defaults };
        let air_us = settings.modulation().time_on_air_us(255);
        assert_eq!(air_us <= 400_000, good, "{settings}: {air_us} µs");
        assert_eq!(Region::As923.check(&settings, 215).is_ok(), good, "{settings}");
    }
    // 3.6 s in an hour, and 9 s a frame.
    let slow = Settings {
        frequency_hz: 864_000_000,
        bandwidth_hz: 125_000,
        spreading_factor: 12,
        coding_rate: 5,
        tx_power_dbm: 14,
    };
    let refused = Region::Eu868.check(&slow, 215);
    assert!(matches!(refused, Err(Refusal::Share { .. })), "{refused:?}");
}

#[test]
fn air_24_nothing_is_sent_before_it_is_written() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    let air_us = 400_000;
    let ask = |ledger: &Ledger| ledger.ask(at(5), P, AirClass::Conversation, air_us);
    assert_eq!(ask(&ledger), Verdict::AfterWriting);
    ledger.reserve(P, air_us);
    let (first, bytes) = book::encode(&mut ledger, at(5), &stamp(1, at(5)));
    assert_eq!(ask(&ledger), Verdict::AfterWriting, "it is on its way");
    assert!(ledger.is_writing());
    ledger.not_written();
    assert_eq!(ask(&ledger), Verdict::AfterWriting);
    ledger.reserve(P, air_us);
    let (second, _) = book::encode(&mut ledger, at(5), &stamp(1, at(5)));
    ledger.written(first);
    assert_eq!(ask(&ledger), Verdict::AfterWriting, "another one was");
    ledger.written(second);
    // A sixtieth of the share: fifteen of these.
    for _ in 0..15 {
        assert_eq!(ask(&ledger), Verdict::Now);
        ledger.charge(at(5), P, air_us);
    }
    assert_eq!(ask(&ledger), Verdict::AfterWriting);
    // After a crash the reserve was sent, in the last moment.
    let (restored, lost) = book::restore(&bytes, at(0), &stamp(1, at(600)));
    assert_eq!(lost, None);
    let used = |secs| restored.balance(at(secs), P).map(|balance| balance.used_us);
    assert_eq!((used(0), used(3_719), used(3_720)), (Some(6_000_000), Some(6_000_000), Some(0)));
}

#[test]
fn air_24_what_is_charged_while_it_is_written_is_not_in_it() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    let mut ledger = written(ledger, at(0), 6_000_000);
    ledger.charge(at(0), P, 5_900_000);
    ledger.reserve(P, 400_000);
    let (writing, _) = book::encode(&mut ledger, at(1), &stamp(1, at(1)));
    ledger.charge(at(1), P, 100_000);
    ledger.written(writing);
    assert_eq!(ledger.ask(at(1), P, AirClass::Control, 5_900_000), Verdict::Now);
    assert_eq!(ledger.ask(at(1), P, AirClass::Control, 5_900_001), Verdict::AfterWriting);
}

#[test]
fn air_20_the_number_of_entries_is_bounded() {
    let mut ledger = Ledger::new();
    ledger.open(P, SHARE_US);
    let mut now = 0;
    for round in 0..50 {
        for minute in 0..5 {
            ledger.charge(at(now + minute * 60 + round % 7), P, 10);
        }
        now += 300;
        // Restarted at a moment that no minute begins with.
        let bytes = book::encode(&mut ledger, at(now), &stamp(1, at(now))).1;
        now += 7;
        ledger = book::restore(&bytes, at(now), &stamp(1, at(now))).0;
        assert!(ledger.accounts[P].charges.len() <= CHARGES_MAX);
    }
    assert!(ledger.balance(at(now), P).is_some_and(|balance| balance.used_us >= 580));
}
