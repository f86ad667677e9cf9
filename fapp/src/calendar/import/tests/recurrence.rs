use calcard::icalendar::ICalendarComponentType;

use super::{super::event::When, *};
use crate::calendar::{
    export::{self, Status},
    recur::{self, STEPS_MAX, Steps},
};

/// 240 rules made at random, expanded by python-dateutil (`specs/vectors/make_recurrence.py`).
const VECTORS: &str = include_str!("../../../../../specs/vectors/recurrence.json");

#[test]
fn cal_26_rules_as_another_program_expands_them() {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(VECTORS).expect("vectors");
    assert_eq!(vectors.len(), 240);
    let mut found_some = 0;
    for vector in vectors {
        let number = |name: &str| vector[name].as_i64().expect("a number");
        let text = vector["rule"].as_str().expect("a rule");
        let Entry::ICalendar(file) = Parser::new(&event(&[&format!("RRULE:{text}")])).entry()
        else {
            panic!("{text}");
        };
        let read = file.components.iter().find_map(|c| property_rule(c)).expect("a rule");
        let start = When { local: number("start"), zone: zone::Zone::German, all_day: false };
        let rule = rule::rule(read, start).unwrap_or_else(|why| panic!("{text}: {why}"));
        let mut steps = Steps::for_rule(&rule, 50 * STEPS_MAX);
        let window = (number("from"), number("to"));
        let found = recur::expand(&rule, start.local, window, &mut steps).expect("not too many");
        let expected: Vec<_> = vector["first"]
            .as_array()
            .expect("moments")
            .iter()
            .filter_map(serde_json::Value::as_i64)
            .collect();
        assert_eq!(found[..found.len().min(expected.len())], expected, "{text} from {start:?}");
        assert_eq!(found.len() > expected.len(), vector["more"] == true, "{text}");
        found_some += u32::from(!found.is_empty());
    }
    assert!(found_some > 100, "{found_some}");
}

fn property_rule(c: &ICalendarComponent) -> Option<&calcard::icalendar::ICalendarRecurrenceRule> {
    match event::property(c, &ICalendarProperty::Rrule)? {
        ICalendarValue::RecurrenceRule(rule) => Some(rule),
        _ => None,
    }
}

#[test]
fn cal_25_each_week_with_exceptions() {
    let weekly = [
        "UID:1",
        "DTSTART;TZID=Europe/Berlin:20270316T090000",
        "DURATION:PT50M",
        "RRULE:FREQ=WEEKLY;COUNT=4",
    ];
    let on = |days: &[&str]| -> Vec<String> {
        days.iter().map(|day| format!("2027-{day} 09:00 – 2027-{day} 09:50")).collect()
    };
    // Nine o'clock before and after the clocks change.
    assert_eq!(times(&event(&weekly)), on(&["03-16", "03-23", "03-30", "04-06"]));
    let with = |more: &[&str]| times(&event(&[&weekly[..], more].concat()));
    assert_eq!(
        with(&["EXDATE;TZID=Europe/Berlin:20270323T090000"]),
        on(&["03-16", "03-30", "04-06"])
    );
    assert_eq!(with(&["EXDATE:20270323T080000Z,20270330T070000Z"]), on(&["03-16", "04-06"]));
    assert_eq!(with(&["EXDATE;VALUE=DATE:20270316"]), on(&["03-23", "03-30", "04-06"]));
    assert_eq!(
        with(&["RDATE;TZID=Europe/Berlin:20270420T090000"]),
        on(&["03-16", "03-23", "03-30", "04-06", "04-20"])
    );
    let period = with(&["RDATE;VALUE=PERIOD:20270420T070000Z/PT3H"]);
    assert_eq!(period[4], "2027-04-20 09:00 – 2027-04-20 12:00");
    // All-day events, over the change.
    let days =
        event(&["DTSTART;VALUE=DATE:20270326", "RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20270330"]);
    assert_eq!(
        times(&days),
        [
            "2027-03-26 00:00 – 2027-03-27 00:00",
            "2027-03-28 00:00 – 2027-03-29 00:00",
            "2027-03-30 00:00 – 2027-03-31 00:00"
        ]
    );
    // A time that clocks skip is an hour later by the wall, and one they show twice is the first.
    let night = event(&[
        "DTSTART;TZID=Europe/Berlin:20270327T023000",
        "DURATION:PT10M",
        "RRULE:FREQ=DAILY;COUNT=2",
    ]);
    assert_eq!(times(&night)[1], "2027-03-28 03:30 – 2027-03-28 03:40");
}

#[test]
fn cal_25_times_that_others_stand_for() {
    let series = [
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTART;TZID=Europe/Berlin:20270104T090000",
        "DURATION:PT50M",
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "END:VEVENT",
    ];
    let other = |lines: &[&str]| {
        let file = [&["BEGIN:VEVENT", "UID:1"], lines, &["END:VEVENT"], &series].concat();
        times(&calendar(&file))
    };
    let on =
        |day: &str, time: &str, end: &str| format!("2027-01-{day} {time} – 2027-01-{day} {end}");
    let nine = |day: &str| on(day, "09:00", "09:50");
    assert_eq!(
        other(&[
            "RECURRENCE-ID;TZID=Europe/Berlin:20270111T090000",
            "DTSTART:20270112T130000Z",
            "DURATION:PT50M"
        ]),
        [nine("04"), on("12", "14:00", "14:50"), nine("18"), nine("25")]
    );
    assert_eq!(
        other(&[
            "RECURRENCE-ID:20270111T080000Z",
            "DTSTART:20270111T080000Z",
            "DURATION:PT50M",
            "STATUS:CANCELLED"
        ]),
        [nine("04"), nine("18"), nine("25")]
    );
    assert_eq!(
        other(&[
            "RECURRENCE-ID:20270111T080000Z",
            "DTSTART:20270111T080000Z",
            "DURATION:PT50M",
            "TRANSP:TRANSPARENT"
        ]),
        [nine("04"), nine("18"), nine("25")]
    );
    let onward = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270118T090000";
    assert_eq!(
        other(&[onward, "DTSTART;TZID=Europe/Berlin:20270118T100000", "DURATION:PT25M"]),
        [nine("04"), nine("11"), on("18", "10:00", "10:25"), on("25", "10:00", "10:25")]
    );
    assert_eq!(
        other(&[
            onward,
            "DTSTART;TZID=Europe/Berlin:20270118T090000",
            "DURATION:PT25M",
            "STATUS:CANCELLED"
        ]),
        [nine("04"), nine("11")]
    );
    // Another event's time is its own.
    let file = [
        &[
            "BEGIN:VEVENT",
            "UID:2",
            "RECURRENCE-ID:20270111T080000Z",
            "DTSTART:20270111T080000Z",
            "STATUS:CANCELLED",
            "END:VEVENT",
        ][..],
        &series,
    ]
    .concat();
    assert_eq!(times(&calendar(&file)).len(), 4);
}

#[test]
fn cal_40_what_is_written_is_read_back() {
    let entry = |day: u64, status| export::Entry {
        id: [day as u8; 16],
        sequence: 0,
        stamp: at("2027-01-01T00:00"),
        start: UnixSeconds(at("2027-03-20T09:00").0 + day * 86_400),
        duration_min: 50,
        status,
        summary: Some(
            "Käthe; Straße, 7\\ mit einem Titel, der länger ist als eine Zeile und deshalb gefaltet wird",
        ),
        location: None,
        description: Some("BEGIN:VEVENT\nDTSTART:20270101T000000Z"),
    };
    let entries =
        [entry(0, Status::Confirmed), entry(1, Status::Tentative), entry(2, Status::Cancelled)];
    let text = export::file(&entries).expect("a file");
    assert_eq!(
        times(&text),
        ["2027-03-20 09:00 – 2027-03-20 09:50", "2027-03-21 09:00 – 2027-03-21 09:50"]
    );
    let Entry::ICalendar(file) = Parser::new(&text).entry() else { panic!("{text}") };
    let events: Vec<_> = file
        .components
        .iter()
        .filter(|component| component.component_type == ICalendarComponentType::VEvent)
        .collect();
    assert_eq!(events.len(), 3);
    for (read, written) in events.iter().zip(&entries) {
        let text = |name| event::property(read, &name).and_then(ICalendarValue::as_text);
        assert_eq!(text(ICalendarProperty::Summary), written.summary);
        assert_eq!(text(ICalendarProperty::Description), written.description);
        assert_eq!(read.uid().map(str::len), Some(32));
    }
}
