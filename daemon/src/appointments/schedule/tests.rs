use std::str::FromStr;

use fapp::{calendar::BerlinTime, slot::Slot};
use mesh::MeshIdentity;

use super::*;

const KEY: [u8; 32] = [7; 32];

fn at(text: &str) -> UnixSeconds {
    BerlinTime::parse(text).expect("a time")
}

fn span(from: &str, until: &str) -> Span {
    Span { start: at(from), end: at(until) }
}

fn weekly(text: &str, leistung: Leistung) -> Weekly {
    Weekly { pattern: text.parse().expect("a pattern"), leistung }
}

fn with(patterns: &[&str]) -> Schedule {
    let mut schedule = Schedule::default();
    for text in patterns {
        schedule.add_pattern(weekly(text, Leistung::Sprechstunde)).expect("room");
    }
    schedule
}

/// A Monday.
fn now() -> UnixSeconds {
    at("2027-01-11T08:00")
}

fn composed(schedule: &Schedule, named: &[Slot], taken: &[Span]) -> Composed {
    schedule.compose(now(), &KEY, named.to_vec(), taken, |_| false)
}

fn starts(composed: &Composed) -> Vec<String> {
    let text = |slot: &Slot| BerlinTime::from_unix(slot.start).rfc3339()[5..16].to_owned();
    composed.slots.iter().map(text).collect()
}

/// A schedule as its rows have it.
fn restored(schedule: &mut Schedule, disk: &mut BTreeMap<Vec<u8>, Vec<u8>>) -> Schedule {
    for (key, value) in schedule.drain_rows() {
        match value {
            Some(value) => drop(disk.insert(key, value)),
            None => drop(disk.remove(&key)),
        }
    }
    let mut again = Schedule::default();
    for (key, value) in disk {
        assert_eq!(key[0], crate::appointments::kind::SCHEDULE);
        assert!(again.restore(&key[1..], value), "{key:?}");
    }
    again
}

#[test]
fn cal_60_rows_survive_and_those_that_do_not_hold_are_told() {
    let mut disk = BTreeMap::new();
    let mut schedule = with(&["Di 09:00-12:00/50m", "Do 16:00/50m ab 2027-01-14"]);
    schedule.add_pattern(weekly("Fr 09:00/25m", Leistung::Probatorik)).expect("room");
    schedule.pause("2027-08-02..2027-08-20".parse().expect("a pause")).expect("room");
    let times = vec![span("2027-01-12T09:00", "2027-01-12T10:00"); 1];
    schedule.take_busy("praxis", times.clone()).expect("a calendar");
    schedule.remove_pattern(2).expect("it is there");
    schedule.made = [SlotId([1; 16]), SlotId([2; 16])].into();
    schedule.rows.push(rows::made(&schedule.made));
    let identity = MeshIdentity::from_seeds([1; 32], Some([2; 32]));
    let plz = fapp::plz::Plz::parse("80331").expect("a postal code");
    let profile = fapp::announce::Profile {
        fachrichtungen: fapp::vocabulary::Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: fapp::vocabulary::Modalitaet::Praxis.into(),
        kostentraeger: fapp::vocabulary::Kostentraeger::Gkv.into(),
        ..Default::default()
    };
    let announce = fapp::announce::Draft::new(plz, profile, now(), 1).sign(&identity);
    let announce = announce.expect("an announce without slots");
    schedule.keep(&announce, schedule.made.clone());
    let again = restored(&mut schedule, &mut disk);
    assert_eq!(again.patterns.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(again.patterns, schedule.patterns);
    assert_eq!((&again.pauses, &again.busy), (&schedule.pauses, &schedule.busy));
    assert_eq!((&again.made, &again.base), (&schedule.made, &Some(announce)));
    // Cut off anywhere, and of another format, a row is none.
    for (key, value) in &disk {
        for length in 0..value.len() {
            let mut broken = Schedule::default();
            let holds = broken.restore(&key[1..], &value[..length]);
            // Lists without what was cut off are lists; texts may be shorter ones.
            assert!(!holds || matches!(key[1], b'm' | b'b' | b'p' | b'u'), "{key:?} {length}");
        }
        let mut other = value.clone();
        other[0] = 9;
        assert!(!Schedule::default().restore(&key[1..], &other));
    }
    assert!(!Schedule::default().restore(b"p\0\0\0\x01", b"\x01\xffDi 09:00/50m"));
    assert!(!Schedule::default().restore(b"bp/r", b"\x01"));
    assert!(!Schedule::default().restore(b"x", b"\x01"));
    // A number that is free again is given again.
    assert_eq!(schedule.add_pattern(weekly("Mo 09:00/50m", Leistung::Sprechstunde)), Ok(2));
    assert_eq!(schedule.remove_pause(9), Err(ScheduleError::Unknown));
    schedule.take_busy("praxis", Vec::new()).expect("forgotten");
    assert!(restored(&mut schedule, &mut disk).busy.is_empty());
}

#[test]
fn cal_61_patterns_make_slots_for_four_weeks_beside_those_that_are_named() {
    let schedule = with(&["Di 09:00-11:00/50m"]);
    let all = composed(&schedule, &[], &[]);
    let days = ["01-12", "01-19", "01-26", "02-02"];
    let expected: Vec<String> =
        days.iter().flat_map(|day| [format!("{day}T09:00"), format!("{day}T09:50")]).collect();
    assert_eq!(starts(&all), expected);
    assert_eq!(all.made.len(), 8);
    // One that is named takes the place of a pattern's, and is none of its slots.
    let named = Slot::new(at("2027-01-12T09:30"), 50);
    let beside = composed(&schedule, &[named], &[]);
    assert_eq!((starts(&beside)[0].as_str(), starts(&beside).len()), ("01-12T09:30", 7));
    assert_eq!(beside.made.len(), 6);
    // 64 in all, the soonest; named ones first.
    let many = with(&["Mo-So 08:00-20:00/10m"]);
    let far = Slot::new(at("2027-03-01T09:00"), 50);
    let full = composed(&many, &[far], &[]);
    assert_eq!((full.slots.len(), full.made.len()), (64, 63));
    assert_eq!(starts(&full)[0], "01-11T08:10");
    assert_eq!(full.slots[63], far);
    // What was withdrawn for good is not made again.
    let gone = all.slots[0].id(&KEY);
    let left = schedule.compose(now(), &KEY, Vec::new(), &[], |id| *id == gone);
    assert_eq!(starts(&left)[..], expected[1..]);
    // For different things: the first in the list of Leistungen stays.
    let mut both = with(&["Di 09:00/50m"]);
    both.add_pattern(weekly("Di 09:30-10:50/50m", Leistung::Probatorik)).expect("room");
    both.add_pattern(weekly("Mi 09:00/50m", Leistung::Probatorik)).expect("room");
    let both = composed(&both, &[], &[]);
    assert_eq!(starts(&both)[..2], ["01-12T09:00", "01-13T09:00"]);
    assert_eq!(both.slots[1].leistung(), Some(Leistung::Probatorik));
}

#[test]
fn cal_62_nothing_is_offered_against_a_calendar_or_a_pause() {
    let mut schedule = with(&["Di 09:00-11:00/50m+10m"]);
    let named = [Slot::new(at("2027-01-13T09:00"), 50), Slot::new(at("2027-01-20T09:00"), 50)];
    schedule
        .take_busy(
            "praxis",
            vec![
                span("2027-01-12T09:10", "2027-01-12T09:20"),
                span("2027-01-13T09:49", "2027-01-13T12:00"),
            ],
        )
        .expect("a calendar");
    schedule.pause(Pause::from_str("2027-01-20..2027-01-26").expect("a pause")).expect("room");
    let left = composed(&schedule, &named, &[]);
    assert_eq!(
        starts(&left),
        ["01-12T10:00", "01-19T09:00", "01-19T10:00", "02-02T09:00", "02-02T10:00"]
    );
    // Somebody has ten o'clock: it is not offered to anybody else.
    let taken = [span("2027-01-12T10:00", "2027-01-12T10:50")];
    assert_eq!(starts(&composed(&schedule, &[], &taken))[0], "01-19T09:00");
    // A calendar that is read again takes the place of itself, not of another.
    schedule.take_busy("privat", vec![span("2027-01-19T09:00", "2027-01-19T10:00")]).expect("two");
    schedule.take_busy("praxis", Vec::new()).expect("without times");
    let left = composed(&schedule, &named, &[]);
    assert_eq!(starts(&left)[..4], ["01-12T09:00", "01-12T10:00", "01-13T09:00", "01-19T10:00"]);
}

#[test]
fn cal_63_bounds_and_what_is_over() {
    let mut schedule = Schedule::default();
    for _ in 0..PATTERNS_MAX {
        schedule.add_pattern(weekly("Di 09:00/50m", Leistung::Sprechstunde)).expect("room");
        schedule.pause("2027-01-01..2027-01-10".parse().expect("a pause")).expect("room");
    }
    let more = schedule.add_pattern(weekly("Di 09:00/50m", Leistung::Sprechstunde));
    assert_eq!(more, Err(ScheduleError::Full("patterns")));
    let pause: Pause = "2027-02-01".parse().expect("a pause");
    assert_eq!(schedule.pause(pause), Err(ScheduleError::Full("pauses")));
    let time = |n: usize| {
        let start = now().0 + n as u64 * 100;
        Span { start: UnixSeconds(start), end: UnixSeconds(start + 50) }
    };
    for n in 0..CALENDARS_MAX {
        schedule.take_busy(&format!("k{n}"), vec![time(n)]).expect("room");
    }
    assert_eq!(schedule.take_busy("k8", vec![time(0)]), Err(ScheduleError::Full("calendars")));
    let times: Vec<Span> = (0..=TIMES_MAX).map(time).collect();
    assert_eq!(schedule.take_busy("k0", times.clone()), Err(ScheduleError::TooManyTimes));
    schedule.take_busy("k0", times[1..].to_vec()).expect("as many as fit");
    let (_, row) = rows::busy("k0", &schedule.busy["k0"]);
    assert!(row.is_some_and(|row| row.len() <= 64 << 10));
    for name in ["", "a/b", "a b", &"x".repeat(65)] {
        assert_eq!(schedule.take_busy(name, Vec::new()), Err(ScheduleError::Name), "{name}");
    }
    let mut disk = BTreeMap::new();
    restored(&mut schedule, &mut disk);
    // Pauses were over yesterday, and all but k0's times soon are.
    schedule.forget(UnixSeconds(now().0 + 1_000));
    assert!(schedule.pauses.is_empty());
    assert_eq!(schedule.busy.keys().collect::<Vec<_>>(), ["k0"]);
    let again = restored(&mut schedule, &mut disk);
    assert_eq!((again.pauses.len(), &again.busy), (0, &schedule.busy));
}
