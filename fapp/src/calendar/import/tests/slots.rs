use super::*;

fn offered(lines: &[&str]) -> Offered {
    slots_of(event(lines).as_bytes(), at("2027-01-04T12:00"))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn cal_30_events_that_are_slots() {
    let nine = "DTSTART;TZID=Europe/Berlin:20270112T090000";
    let one = offered(&[nine, "DURATION:PT50M"]);
    assert_eq!(
        (one.slots.len(), one.slots[0].start, one.slots[0].duration_min),
        (1, at("2027-01-12T09:00"), 50)
    );
    // Calendars mark what is free as free, and what is planned as tentative.
    assert_eq!(offered(&[nine, "DURATION:PT50M", "TRANSP:TRANSPARENT"]), one);
    assert_eq!(offered(&[nine, "DURATION:PT50M", "STATUS:TENTATIVE"]), one);
    assert_eq!(offered(&[nine, "DURATION:PT50M", "STATUS:CANCELLED"]), Offered::default());
    let weekly = offered(&[
        "DTSTART;TZID=Europe/Berlin:20260105T090000",
        "DURATION:PT50M",
        "RRULE:FREQ=WEEKLY",
    ]);
    assert_eq!(weekly.slots.len(), 52);
    assert!(weekly.slots.iter().all(|slot| BerlinTime::from_unix(slot.start).hour == 9));
    assert_eq!(weekly.slots[0].start, at("2027-01-11T09:00"));
    assert_eq!(weekly.left_out.count, 0);
}

#[test]
fn cal_31_events_that_are_none() {
    for (lines, expected) in [
        (&["DTSTART;VALUE=DATE:20270112"][..], Why::AllDay),
        (&["DTSTART:20270112T090000"], Why::Length),
        (&["DTSTART:20270112T090000", "DURATION:PT9M"], Why::Length),
        (&["DTSTART:20270112T090000", "DURATION:PT256M"], Why::Length),
        (&["DTSTART:20270112T090000", "DURATION:PT50M30S"], Why::Length),
        (&["DTSTART:20270112T090000", "DTEND:20290112T090000"], Why::Length),
        (&["DTSTART:20270112T090030", "DURATION:PT50M"], Why::Seconds),
        (&["DTSTART:20270104T120000", "DURATION:PT50M"], Why::Past),
        (&["DTSTART:20200104T120000", "DURATION:PT50M"], Why::Past),
        (&["DTSTART:20280106T120000", "DURATION:PT50M"], Why::TooFar),
        (&["DTSTART:99980106T120000", "DURATION:PT50M"], Why::TooFar),
        (&["DTSTART;TZID=Nirgendwo:20270112T090000", "DURATION:PT50M"], Why::UnknownZone),
        (&["DTSTART:20270112T100000", "DTEND:20270112T090000"], Why::EndBeforeStart),
    ] {
        let offered = offered(lines);
        assert_eq!((offered.slots.len(), offered.left_out.count), (0, 1), "{lines:?}");
        assert_eq!(offered.left_out.first[0].why, expected, "{lines:?}");
    }
    let overlapping = offered(&[
        "DTSTART:20270112T090000",
        "DURATION:PT50M",
        "RDATE:20270112T093000,20270112T095000",
    ]);
    assert_eq!(overlapping.slots.len(), 2);
    assert_eq!(overlapping.left_out.first[0].why, Why::Overlaps);
    assert_eq!(overlapping.left_out.first[0].start, Some(at("2027-01-12T09:30")));
    let many =
        offered(&["DTSTART:20270105T000000", "DURATION:PT10M", "RRULE:FREQ=MINUTELY;INTERVAL=10"]);
    assert_eq!(many.slots.len(), 4_096);
    assert_eq!(many.left_out.first[0].why, Why::TooManySlots);
}
