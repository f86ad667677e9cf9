use super::*;

#[test]
fn cal_20_nothing_but_times_comes_out() {
    let file = calendar(&[
        "X-WR-CALNAME:Frau Mustermann",
        "BEGIN:VEVENT",
        "UID:Mustermann-1",
        "SUMMARY;LANGUAGE=de:Erika Mustermann",
        "DESCRIPTION:F32.1 Mustermann\\, zum dritten Mal",
        " DTSTART:20270112T050000Z",
        "LOCATION:Mustermannweg 1",
        "ORGANIZER;CN=Mustermann:mailto:mustermann@example.org",
        "ATTENDEE;CN=\"DTSTART:Mustermann\":mailto:mustermann@example.org",
        "DTSTART:20270112T080000Z",
        "DTEND:20270112T085000Z",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "DURATION:PT15M",
        "DESCRIPTION:Mustermann kommt",
        "END:VALARM",
        "END:VEVENT",
        "BEGIN:VTODO",
        "SUMMARY:Mustermann anrufen",
        "DTSTART:20270113T080000Z",
        "DUE:20270113T090000Z",
        "END:VTODO",
    ]);
    assert_eq!(times(&file), ["2027-01-12 09:00 – 2027-01-12 09:50"]);
    // What a parser of values is given has none of it either, but the name that events are told apart by.
    let mut given = String::new();
    lines::each(
        file.as_bytes(),
        |_| true,
        |component| {
            given.push_str(component.text);
            Ok(())
        },
    )
    .expect("a file");
    assert_eq!(given.matches("Mustermann").count(), given.matches("UID:Mustermann-1").count());
    assert!(!given.contains("F32") && !given.contains("VALARM") && !given.contains("T05"));
    // Two numbers, and nothing behind a pointer.
    assert_eq!(size_of::<Span>(), 16);
    let busy = busy(file.as_bytes(), year()).expect("a file");
    assert!(!format!("{busy:?}").contains("uster"));
}

#[test]
fn cal_22_when_an_event_takes_time() {
    let nine = "DTSTART;TZID=Europe/Berlin:20270112T090000";
    for (lines, expected) in [
        (
            &[nine, "DTEND;TZID=Europe/Berlin:20270112T095000"][..],
            "2027-01-12 09:00 – 2027-01-12 09:50",
        ),
        (&[nine, "DURATION:PT1H30M"], "2027-01-12 09:00 – 2027-01-12 10:30"),
        (&[nine, "DURATION:P1D"], "2027-01-12 09:00 – 2027-01-13 09:00"),
        (
            &["dtstart:20270112T090000", "dtend:20270112T100000"],
            "2027-01-12 09:00 – 2027-01-12 10:00",
        ),
        (
            &["DTSTART:20270112T080000Z", "DTEND:20270112T\r\n 090000Z"],
            "2027-01-12 09:00 – 2027-01-12 10:00",
        ),
        (&["DTSTART;VALUE=DATE:20270112"], "2027-01-12 00:00 – 2027-01-13 00:00"),
        (
            &["DTSTART;VALUE=DATE:20270112", "DTEND;VALUE=DATE:20270112"],
            "2027-01-12 00:00 – 2027-01-13 00:00",
        ),
        (
            &["DTSTART;VALUE=DATE:20270327", "DTEND;VALUE=DATE:20270330"],
            "2027-03-27 00:00 – 2027-03-30 00:00",
        ),
        (&["DTSTART;VALUE=DATE:20270327", "DURATION:P3D"], "2027-03-27 00:00 – 2027-03-30 00:00"),
        (&[nine, "DURATION:PT1H", "STATUS:TENTATIVE"], "2027-01-12 09:00 – 2027-01-12 10:00"),
        (&[nine, "DURATION:PT1H", "TRANSP:OPAQUE"], "2027-01-12 09:00 – 2027-01-12 10:00"),
        // Begun before the window, and over after it.
        (
            &["DTSTART;VALUE=DATE:20261220", "DTEND;VALUE=DATE:20270107"],
            "2027-01-01 00:00 – 2027-01-07 00:00",
        ),
    ] {
        assert_eq!(times(&event(lines)), [expected], "{lines:?}");
    }
    for lines in [
        &[nine][..],
        &[nine, "DURATION:PT1H", "STATUS:CANCELLED"],
        &[nine, "DURATION:PT1H", "TRANSP:TRANSPARENT"],
        &[nine, "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"],
        &["DTSTART;VALUE=DATE:20260112"],
        &["DTSTART;VALUE=DATE:20280101"],
    ] {
        assert_eq!(times(&event(lines)), [""; 0], "{lines:?}");
    }
}

#[test]
fn cal_23_what_is_not_understood_is_told() {
    let nine = "DTSTART;TZID=Europe/Berlin:20270112T090000";
    for (lines, expected) in [
        (&["DURATION:PT1H"][..], Why::NoStart),
        (&["DTSTART:20270230T090000Z", "DURATION:PT1H"], Why::Time),
        (&["DTSTART:20270112T250000Z", "DURATION:PT1H"], Why::Time),
        (&["DTSTART:tomorrow", "DURATION:PT1H"], Why::Time),
        (&[nine, "DTEND:never"], Why::Time),
        (&[nine, "DURATION:long"], Why::Time),
        (&[nine, "DTEND:20270112T070000Z"], Why::EndBeforeStart),
        (&[nine, "DURATION:-PT1H"], Why::EndBeforeStart),
        (&["DTSTART;TZID=Mars/Olympus:20270112T090000", "DURATION:PT1H"], Why::UnknownZone),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=FORTNIGHTLY"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=0"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYMONTHDAY=32"], Why::Rule),
        // What does not fit the parser's types is not taken for something else.
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=65537"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=0"], Why::Rule),
        (&[nine, "DURATION:PT1H", "rrule:FREQ=DAILY;COUNT=4294967297"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYMONTHDAY=257"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY;BYHOUR=-1"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=54MO"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY;UNLESS=RAIN"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L"], Why::Rule),
        (&[nine, "DURATION:PT1H", "RRULE:FREQ=DAILY", "EXDATE:x"], Why::Time),
    ] {
        assert_eq!(why(&event(lines)), expected, "{lines:?}");
    }
    let file = calendar(&[
        "BEGIN:VEVENT",
        "UID:1",
        "END:VEVENT",
        "BEGIN:VEVENT",
        nine,
        "DURATION:PT1H",
        "END:VEVENT",
    ]);
    let busy = busy(file.as_bytes(), year()).expect("a file");
    assert_eq!(busy.left_out.first, [LeftOut { line: 3, start: None, why: Why::NoStart }]);
    assert_eq!(busy.times.len(), 1);
}

#[test]
fn cal_24_zones() {
    let summer = |zone: &str| {
        times(&event(&[&format!("DTSTART;TZID={zone}:20270712T090000"), "DURATION:PT1H"]))
    };
    for zone in [
        "Europe/Berlin",
        "\"Europe/Vienna\"",
        "W. Europe Standard Time",
        "/freeassociation.sourceforge.net/Tzfile/Europe/Berlin",
    ] {
        assert_eq!(summer(zone), ["2027-07-12 09:00 – 2027-07-12 10:00"], "{zone}");
    }
    assert_eq!(summer("America/New_York"), ["2027-07-12 15:00 – 2027-07-12 16:00"]);
    assert_eq!(summer("Etc/UTC"), ["2027-07-12 11:00 – 2027-07-12 12:00"]);
    // A name that tells the offset in winter alone is none.
    let guess = event(&["DTSTART;TZID=\"(UTC+01:00) Irgendwo\":20270712T090000", "DURATION:PT1H"]);
    assert_eq!(why(&guess), Why::UnknownZone);
}

/// A file that describes its zone by the name "Praxis".
fn described(winter: &[&str], summer: &[&str]) -> String {
    let mut lines = alloc::vec![
        "BEGIN:VEVENT",
        "DTSTART;TZID=Praxis:20270712T090000",
        "DURATION:PT1H",
        "END:VEVENT"
    ];
    lines.extend(["BEGIN:VTIMEZONE", "TZID:Praxis"]);
    for (name, part) in [("STANDARD", winter), ("DAYLIGHT", summer)] {
        if !part.is_empty() {
            lines.extend([if name == "STANDARD" { "BEGIN:STANDARD" } else { "BEGIN:DAYLIGHT" }]);
            lines.extend(part);
            lines.extend([if name == "STANDARD" { "END:STANDARD" } else { "END:DAYLIGHT" }]);
        }
    }
    lines.push("END:VTIMEZONE");
    calendar(&lines)
}

#[test]
fn cal_24_zones_that_a_file_describes() {
    let winter =
        ["DTSTART:16011028T030000", "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"];
    let summer =
        ["DTSTART:16010325T020000", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"];
    assert_eq!(times(&described(&winter, &summer)), ["2027-07-12 09:00 – 2027-07-12 10:00"]);
    let fixed = ["DTSTART:16010101T000000", "TZOFFSETTO:+0530"];
    assert_eq!(times(&described(&fixed, &[])), ["2027-07-12 05:30 – 2027-07-12 06:30"]);
    let located = described(&fixed, &[])
        .replace("TZID:Praxis", "TZID:Praxis\r\nX-LIC-LOCATION:Europe/Berlin");
    assert_eq!(times(&located), ["2027-07-12 09:00 – 2027-07-12 10:00"]);
    // Other rules than Germany's, rules that have ended, and none at all.
    let later =
        ["DTSTART:16010325T020000", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"];
    let ended = [
        "DTSTART:16010325T020000",
        "TZOFFSETTO:+0200",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3;UNTIL=20200101T000000Z",
    ];
    let eastern =
        ["DTSTART:16010325T020000", "TZOFFSETTO:+0300", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"];
    for summer in [later, ended, eastern] {
        assert_eq!(why(&described(&winter, &summer)), Why::UnknownZone, "{summer:?}");
    }
    assert_eq!(why(&described(&[], &[])), Why::UnknownZone);
}

#[test]
fn cal_27_lists_of_busy_times_and_hours() {
    let file = calendar(&[
        "BEGIN:VFREEBUSY",
        "DTSTART:20270101T000000Z",
        "FREEBUSY:20270112T080000Z/PT1H,20270112T100000Z/20270112T110000Z",
        "FREEBUSY;FBTYPE=FREE:20270112T120000Z/PT1H",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20270112T140000Z/PT1H",
        "END:VFREEBUSY",
    ]);
    assert_eq!(
        times(&file),
        [
            "2027-01-12 09:00 – 2027-01-12 10:00",
            "2027-01-12 11:00 – 2027-01-12 12:00",
            "2027-01-12 15:00 – 2027-01-12 16:00"
        ]
    );
    let file = calendar(&[
        "BEGIN:VAVAILABILITY",
        "DTSTART;TZID=Europe/Berlin:20270111T000000",
        "DTEND;TZID=Europe/Berlin:20270114T000000",
        "BEGIN:AVAILABLE",
        "DTSTART;TZID=Europe/Berlin:20270104T090000",
        "DTEND;TZID=Europe/Berlin:20270104T170000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU",
        "END:AVAILABLE",
        "END:VAVAILABILITY",
    ]);
    assert_eq!(
        times(&file),
        [
            "2027-01-11 00:00 – 2027-01-11 09:00",
            "2027-01-11 17:00 – 2027-01-12 09:00",
            "2027-01-12 17:00 – 2027-01-14 00:00"
        ]
    );
    let always = calendar(&["BEGIN:VAVAILABILITY", "END:VAVAILABILITY"]);
    assert_eq!(times(&always), ["2027-01-01 00:00 – 2028-01-01 00:00"]);
}
