use std::time::{Duration, Instant};

use super::*;

/// Long enough for a machine that is busy, with code that is not optimised; far from a minute.
const SOON: Duration = Duration::from_secs(20);

fn sample() -> String {
    calendar(&[
        "BEGIN:VTIMEZONE",
        "TZID:Praxis",
        "BEGIN:STANDARD",
        "DTSTART:16011028T030000",
        "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
        "END:STANDARD",
        "BEGIN:DAYLIGHT",
        "DTSTART:16010325T020000",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "END:DAYLIGHT",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
        "UID:1",
        "SUMMARY:Käthe",
        "DTSTART;TZID=Praxis:20270112T090000",
        "DTEND;TZID=Praxis:20270112T095000",
        "RRULE:FREQ=MONTHLY;BYDAY=2TU;BYSETPOS=1;COUNT=6;WKST=SU",
        "EXDATE;TZID=Praxis:20270209T090000",
        "RDATE;VALUE=PERIOD:20270420T070000Z/PT3H",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Praxis:20270413T090000",
        "DTSTART;TZID=Praxis:20270413T100000",
        "DURATION:PT25M",
        "END:VEVENT",
        "BEGIN:VFREEBUSY",
        "FREEBUSY:20270112T080000Z/PT1H,20270112T100000Z/20270112T110000Z",
        "END:VFREEBUSY",
        "BEGIN:VAVAILABILITY",
        "DTSTART:20271201T000000Z",
        "DTEND:20271203T000000Z",
        "BEGIN:AVAILABLE",
        "DTSTART:20271201T080000Z",
        "DURATION:PT8H",
        "RRULE:FREQ=DAILY;COUNT=2",
        "END:AVAILABLE",
        "END:VAVAILABILITY",
    ])
}

#[test]
fn cal_21_cut_off_anywhere() {
    let file = sample();
    let whole = busy(file.as_bytes(), year()).expect("a file");
    assert_eq!((whole.times.len(), whole.left_out.count), (10, 0), "{:?}", times(&file));
    let end = file.rfind("END:VCALENDAR").expect("an end") + "END:VCALENDAR".len();
    for length in 0..file.len() {
        let result = busy(&file.as_bytes()[..length], year());
        if length >= end {
            assert_eq!(result, Ok(whole.clone()));
        } else {
            // No piece passes for a whole.
            assert!(
                matches!(
                    result,
                    Err(ImportError::Truncated
                        | ImportError::NotACalendar
                        | ImportError::Broken { .. })
                ),
                "{length}: {result:?}"
            );
        }
    }
}

#[test]
fn cal_21_changed_anywhere() {
    let file = sample().into_bytes();
    let begun = Instant::now();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let tokens: [&[u8]; 12] = [
        b"\r\n",
        b":",
        b";",
        b",",
        b"\"",
        b"99999999",
        b"-",
        b"\xff",
        b"\0",
        b"=",
        b" ",
        b"BEGIN:VEVENT\r\n",
    ];
    let mut read = 0;
    for _ in 0..4_000 {
        let mut damaged = file.clone();
        for _ in 0..=next(4) {
            let place = next(damaged.len());
            match next(3) {
                0 => damaged[place] = next(256) as u8,
                1 => drop(damaged.splice(place..place, tokens[next(tokens.len())].iter().copied())),
                _ => {
                    drop(
                        damaged.drain(place..(place + 1 + next(6)).min(file.len() / 2).max(place)),
                    );
                }
            }
        }
        read += u32::from(busy(&damaged, year()).is_ok());
        let _ = slots_of(&damaged, at("2027-01-04T12:00"));
    }
    assert!(read > 100, "{read}");
    assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
}

#[test]
fn cal_21_files_that_are_none() {
    for (file, expected) in [
        ("", ImportError::NotACalendar),
        ("hello\n", ImportError::NotACalendar),
        ("BEGIN:VCARD\r\nEND:VCARD\r\n", ImportError::NotACalendar),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", ImportError::NotACalendar),
        ("END:VCALENDAR\r\n", ImportError::Broken { line: 1 }),
        ("BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", ImportError::Broken { line: 2 }),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", ImportError::Broken { line: 3 }),
        ("BEGIN:VCALENDAR\r\n", ImportError::Truncated),
    ] {
        assert_eq!(busy(file.as_bytes(), year()), Err(expected), "{file:?}");
        assert_eq!(slots_of(file.as_bytes(), UnixSeconds(0)), Err(expected), "{file:?}");
    }
    let deep = format!("BEGIN:VCALENDAR\r\n{}", "BEGIN:VEVENT\r\n".repeat(100_000));
    assert_eq!(busy(deep.as_bytes(), year()), Err(ImportError::Broken { line: 9 }));
    // Two calendars, a mark of the encoding, and lines that end as on Unix.
    let two = format!("\u{feff}{}{}", sample(), sample()).replace("\r\n", "\n");
    assert_eq!(busy(two.as_bytes(), year()), busy(sample().as_bytes(), year()));
}

#[test]
fn cal_28_rules_without_end() {
    let begun = Instant::now();
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=4294967295",
        "FREQ=MINUTELY;BYSECOND=0,1,2,3,4,5,6,7,8,9",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20;BYSECOND=0,1,2,3,4,5,6,7,8,9,10;BYMONTH=1,2,3",
        "FREQ=DAILY;COUNT=1000000;BYHOUR=0,12",
    ] {
        let file = event(&["DTSTART:16010101T000000Z", "DURATION:PT1S", &format!("RRULE:{rule}")]);
        assert_eq!(why(&file), Why::TooMany, "{rule}");
    }
    // Much that adjoins is one.
    let minutes =
        event(&["DTSTART:20270112T080000Z", "DURATION:PT1M", "RRULE:FREQ=MINUTELY;COUNT=100000"]);
    assert_eq!(times(&minutes), ["2027-01-12 09:00 – 2027-03-22 19:40"]);
    // Never, without looking for ever.
    let never = event(&[
        "DTSTART:20200101T000000Z",
        "DURATION:PT1M",
        "RRULE:FREQ=YEARLY;INTERVAL=65535;BYMONTH=2;BYMONTHDAY=30",
    ]);
    assert_eq!(times(&never), [""; 0]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn cal_28_many_events() {
    let begun = Instant::now();
    let one = "BEGIN:VEVENT\r\nDTSTART:20270112T080000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n";
    let many = format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", one.repeat(EVENTS_MAX));
    assert_eq!(times(&many), ["2027-01-12 09:00 – 2027-01-12 10:00"]);
    let more = many.replacen("END:VCALENDAR", &format!("{one}END:VCALENDAR"), 1);
    assert_eq!(busy(more.as_bytes(), year()), Err(ImportError::TooManyEvents));
    // Each a bomb: the file as a whole has its bound as well.
    let bomb = "BEGIN:VEVENT\r\nDTSTART:20270112T080000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY;INTERVAL=100\r\nEND:VEVENT\r\n";
    let bombs = format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", bomb.repeat(1_000));
    assert_eq!(busy(bombs.as_bytes(), year()), Err(ImportError::TooManyTimes));
    assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
}

#[test]
fn cal_28_large_files_and_lines() {
    let begun = Instant::now();
    assert_eq!(busy(&alloc::vec![b' '; FILE_MAX + 1], year()), Err(ImportError::TooLarge));
    assert_eq!(busy(&alloc::vec![b'\n'; FILE_MAX], year()), Err(ImportError::NotACalendar));
    let nine = ["DTSTART:20270112T080000Z", "DURATION:PT1H"];
    // What is not read may be as long as it likes.
    let note = format!("ATTACH:{}", "x".repeat(FILE_MAX / 2));
    assert_eq!(times(&event(&[nine[0], nine[1], &note])).len(), 1);
    let list = format!("EXDATE:{}", "20270101T000000Z,".repeat(LINE_MAX / 16));
    assert_eq!(why(&event(&[nine[0], nine[1], &list])), Why::TooLong);
    let commas = format!("RDATE:{}", ",".repeat(LINE_MAX - 100));
    assert_eq!(why(&event(&[nine[0], nine[1], &commas])), Why::Time);
    let many = alloc::vec![commas.as_str(); 100];
    assert_eq!(why(&event(&many)), Why::TooLong);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
