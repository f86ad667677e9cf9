use alloc::{format, string::ToString, vec, vec::Vec};

use super::*;
use crate::{
    UnixSeconds,
    calendar::{BerlinTime, Span, offset_min},
};

fn at(text: &str) -> UnixSeconds {
    BerlinTime::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn span(from: &str, until: &str) -> Span {
    Span { start: at(from), end: at(until) }
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn starts(free: &Free) -> Vec<alloc::string::String> {
    free.openings.iter().map(|o| BerlinTime::from_unix(o.start).rfc3339()).collect()
}

#[test]
fn cal_10_texts_in_both_languages() {
    let german =
        "Mo,Mi 08:00-12:00/50m+10m ab 2027-01-04 bis 2027-07-30 außer 2027-05-05,2027-05-26";
    let english =
        "Mon,Wed 08:00-12:00/50m+10m from 2027-01-04 until 2027-07-30 except 2027-05-05,2027-05-26";
    assert_eq!(pattern(german), pattern(english));
    assert_eq!(pattern(german).to_string(), german);
    assert_eq!(pattern(german).text(Language::English), english);
    for (text, same) in [
        ("Di 09:00-12:00/50m", "Di 09:00-12:00/50m"),
        ("dienstag  9:00–12:00/50m", "Di 09:00-12:00/50m"),
        ("Tuesday 09:00-12:00/50m", "Di 09:00-12:00/50m"),
        ("Fr-Mo 23:10/50m", "Mo,Fr,Sa,So 23:10-24:00/50m"),
        (
            "Sonnabend 09:00/25m außer 2027-05-26,2027-05-05,2027-05-26",
            "Sa 09:00-09:25/25m außer 2027-05-05,2027-05-26",
        ),
    ] {
        assert_eq!(pattern(text).to_string(), same);
        assert_eq!(pattern(&pattern(text).text(Language::English)), pattern(text));
    }
}

#[test]
fn cal_10_what_is_no_pattern() {
    let many = format!("Di 09:00/50m außer {}2027-01-01", "2027-01-01,".repeat(64));
    for (text, error) in [
        ("", PatternError::Form),
        ("Di", PatternError::Form),
        ("Di 09:00-12:00", PatternError::Form),
        ("Di 09:00-12:00/50", PatternError::Form),
        ("Di 09:00-12:00/50m ab", PatternError::Form),
        ("Di 09:00-12:00/50m ab 2027-01-01 ab 2027-01-02", PatternError::Form),
        ("Di 09:00-12:00/50m nie 2027-01-01", PatternError::Form),
        ("Dx 09:00-12:00/50m", PatternError::Weekday),
        ("Mo- 09:00-12:00/50m", PatternError::Weekday),
        ("Di 09:60-12:00/50m", PatternError::Time),
        ("Di 24:01-24:30/50m", PatternError::Time),
        ("Di ０9:00-12:00/50m", PatternError::Time),
        ("Di 09:00-12:00/9m", PatternError::Duration),
        ("Di 09:00-18:00/256m", PatternError::Duration),
        ("Di 09:00-09:40/50m", PatternError::Duration),
        ("Di 23:30/50m", PatternError::Duration),
        ("Di 09:00-12:00/-50m", PatternError::Duration),
        ("Di 12:00-09:00/50m", PatternError::Order),
        ("Di 09:00-12:00/50m+241m", PatternError::Buffer),
        ("Di 09:00/50m ab 2027-02-29", PatternError::Day),
        ("Di 09:00/50m ab 2027-03-01 bis 2027-02-28", PatternError::Order),
        (&many, PatternError::TooMany),
    ] {
        assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
    }
    assert_eq!("x".repeat(1_025).parse::<Pattern>(), Err(PatternError::Form));
}

#[test]
fn cal_11_a_week_of_a_pattern() {
    let free = expand(
        &[pattern("Di 09:00-12:00/50m"), pattern("Do 16:00-18:00/50m+10m")],
        &[],
        span("2027-01-11T00:00", "2027-01-18T00:00"),
        &[],
        &[],
    );
    let expected = ["12T09:00", "12T09:50", "12T10:40", "14T16:00", "14T17:00"];
    assert_eq!(starts(&free), expected.map(|day| format!("2027-01-{day}:00+01:00")));
    assert!(!free.more && free.left_out.is_empty());
    // What begins before the window, or ends after it, is not in it.
    let narrow = span("2027-01-12T09:10", "2027-01-12T11:00");
    let free = expand(&[pattern("Di 09:00-12:00/50m")], &[], narrow, &[], &[]);
    assert_eq!(starts(&free), ["2027-01-12T09:50:00+01:00"]);
}

#[test]
fn cal_12_nine_o_clock_stays_nine_o_clock() {
    // Both changes of 2027, and every weekday of the year.
    let window = span("2027-01-01T00:00", "2028-01-01T00:00");
    let free = expand(&[pattern("Mo-So 09:00/50m")], &[], window, &[], &[]);
    assert_eq!(free.openings.len(), 365);
    for opening in &free.openings {
        let time = BerlinTime::from_unix(opening.start);
        assert_eq!((time.hour, time.minute), (9, 0));
        assert_eq!(time.offset_min, offset_min(opening.start));
    }
}

#[test]
fn cal_12_times_that_are_skipped_and_times_that_come_twice() {
    let patterns = [pattern("So 01:00-05:00/60m")];
    let spring = expand(&patterns, &[], span("2027-03-28T00:00", "2027-03-29T00:00"), &[], &[]);
    assert_eq!(
        starts(&spring),
        ["2027-03-28T01:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-28T04:00:00+02:00"]
    );
    let skipped = Opening { start: at("2027-03-28T03:00+02:00"), duration_min: 60 };
    assert_eq!(spring.left_out, [LeftOut { opening: skipped, why: Why::Skipped }]);
    let autumn = expand(&patterns, &[], span("2027-10-31T00:00", "2027-11-01T00:00"), &[], &[]);
    assert_eq!(
        starts(&autumn),
        [
            "2027-10-31T01:00:00+02:00",
            "2027-10-31T02:00:00+02:00",
            "2027-10-31T03:00:00+01:00",
            "2027-10-31T04:00:00+01:00"
        ]
    );
}

#[test]
fn cal_13_what_stands_against_a_slot() {
    let busy = [span("2027-01-12T09:30", "2027-01-12T09:45")];
    let taken = [span("2027-01-12T11:00", "2027-01-12T11:50")];
    let window = span("2027-01-12T00:00", "2027-01-13T00:00");
    let patterns = [pattern("Di 09:00-14:00/50m+10m"), pattern("Di 13:20/50m")];
    let free = expand(&patterns, &[], window, &busy, &taken);
    // 10:00 ends ten minutes before what is taken, and 12:00 begins ten minutes after.
    assert_eq!(
        starts(&free),
        ["2027-01-12T10:00:00+01:00", "2027-01-12T12:00:00+01:00", "2027-01-12T13:00:00+01:00"]
    );
    let why: Vec<_> = free.left_out.iter().map(|left| left.why).collect();
    assert_eq!(why, [Why::Busy, Why::Taken, Why::Overlaps]);
    let tight = [span("2027-01-12T10:59", "2027-01-12T11:50")];
    let free = expand(&patterns[..1], &[], window, &[], &tight);
    assert!(!starts(&free).contains(&"2027-01-12T10:00:00+01:00".to_string()));
    // Without a buffer what adjoins is free.
    let adjoins = [span("2027-01-12T09:00", "2027-01-12T09:50")];
    let free = expand(&[pattern("Di 09:50/50m")], &[], window, &adjoins, &adjoins);
    assert_eq!(free.openings.len(), 1);
}

#[test]
fn cal_14_days_without() {
    let window = span("2027-01-04T00:00", "2027-02-15T00:00");
    let patterns = [pattern("Mo 09:00/50m ab 2027-01-11 bis 2027-02-08 außer 2027-01-18")];
    let pause: Pause = "2027-01-25..2027-02-07".parse().expect("a pause");
    let free = expand(&patterns, &[pause], window, &[], &[]);
    assert_eq!(starts(&free), ["2027-01-11T09:00:00+01:00", "2027-02-08T09:00:00+01:00"]);
    assert_eq!(pause.span(), span("2027-01-25T00:00", "2027-02-08T00:00"));
    let spring: Pause = "2027-03-28".parse().expect("a pause");
    assert_eq!(spring.span().end.0 - spring.span().start.0, 23 * 3_600);
    assert_eq!(pause.to_string(), "2027-01-25..2027-02-07");
    assert_eq!("2027-01-25".parse::<Pause>().map(|p| p.from == p.until), Ok(true));
    assert_eq!("2027-01-25..2027-01-24".parse::<Pause>(), Err(PatternError::Order));
    assert_eq!("2027-01-25..".parse::<Pause>(), Err(PatternError::Day));
}

#[test]
fn cal_15_bounds() {
    let all_day = pattern("Mo-So 00:00-24:00/10m");
    let window = span("2027-01-01T00:00", "2030-01-01T00:00");
    let free = expand(std::slice::from_ref(&all_day), &[], window, &[], &[]);
    assert_eq!(free.openings.len(), OPENINGS_MAX);
    assert!(free.more);
    // Everything against everything: 64 patterns over 400 days, all of it busy.
    let free = expand(&vec![all_day; 70], &[], window, &[window], &[]);
    assert!(free.openings.is_empty() && free.more);
    assert_eq!(free.left_out.len(), LEFT_OUT_MAX);
    // 398 days of 24 hours, one of 23 with as many wall-clock times, one of 25 likewise.
    assert_eq!(free.left_out_count, 64 * 400 * 144);
    // A pattern without a length, which no text makes, ends as well.
    let broken = Pattern { duration_min: 0, ..pattern("Mo 09:00/50m") };
    let day = span("2027-01-11T00:00", "2027-01-12T00:00");
    assert_eq!(expand(&[broken], &[], day, &[], &[]).openings.len(), 6);
    assert_eq!(
        expand(&[], &[], Span { start: UnixSeconds(u64::MAX), end: UnixSeconds(0) }, &[], &[])
            .openings,
        []
    );
}
