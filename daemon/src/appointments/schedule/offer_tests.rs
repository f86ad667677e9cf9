//! The offer as it follows the schedule.

use fapp::{
    announce::{Profile, SlotAnnounce},
    calendar::{BerlinTime, Span, import},
    plz::Plz,
    reservation::SlotState,
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Leistung, Modalitaet},
};
use mesh::{Config, Instant, MeshIdentity, Node};

use super::{ScheduleError, Weekly};
use crate::appointments::{Appointments, NotOffered, Offer, OfferError, Published};

fn at(text: &str) -> fapp::UnixSeconds {
    BerlinTime::parse(text).expect("a time")
}

struct Office {
    machine: Appointments,
    node: Node,
}

impl Office {
    fn new() -> Self {
        let identity = || MeshIdentity::from_seeds([1; 32], Some([2; 32]));
        let node = Node::new(Instant::default(), Config::default(), identity(), [3; 32]);
        Self { machine: Appointments::new(identity(), false, [4; 32]), node }
    }

    fn publish(&mut self, now: &str, slots: &[Slot]) -> Result<Published, OfferError> {
        let profile = Profile {
            fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
            modalitaeten: Modalitaet::Praxis.into(),
            kostentraeger: Kostentraeger::Gkv.into(),
            ..Profile::default()
        };
        let plz = Some(Plz::parse("80331").expect("a postal code"));
        let offer = Offer { plz, profile, slots: slots.to_vec(), mailboxes: Vec::new() };
        self.machine.publish(&self.node, at(now), offer)
    }

    fn pattern(&mut self, now: &str, text: &str) -> u32 {
        let pattern = text.parse().expect("a pattern");
        let weekly = Weekly { pattern, leistung: Leistung::Sprechstunde };
        self.machine.add_pattern(at(now), weekly).expect("room")
    }

    /// Beginnings of the slots that are announced.
    fn offered(&self) -> Vec<String> {
        let slots = self.machine.own().map(|own| own.slots().to_vec()).unwrap_or_default();
        let text = |slot: &Slot| BerlinTime::from_unix(slot.start).rfc3339()[5..16].to_owned();
        slots.iter().map(text).collect()
    }

    fn sequence(&self) -> u32 {
        self.machine.own().map_or(0, SlotAnnounce::sequence)
    }

    fn state(&self, start: &str) -> Option<SlotState> {
        let id = Slot::new(at(start), 50).id(&self.machine.therapist());
        self.machine.practice().slot(&id)
    }
}

/// A Monday.
const NOW: &str = "2027-01-11T08:00";

#[test]
fn cal_64_the_offer_follows_the_schedule() {
    let mut office = Office::new();
    let id = office.pattern(NOW, "Di 09:00/50m");
    assert!(office.offered().is_empty());
    // What the practice is, once; there is nothing to name.
    office.publish(NOW, &[]).expect("a practice");
    let tuesdays = ["01-12T09:00", "01-19T09:00", "01-26T09:00", "02-02T09:00"];
    assert_eq!(office.offered(), tuesdays);
    let sequence = office.sequence();
    office.machine.follow_schedule(at(NOW));
    assert_eq!(office.sequence(), sequence, "nothing is new");
    // A pause over all of it withdraws the announce, and its end brings everything back.
    let pause = office.machine.pause(at(NOW), "2027-01-11..2027-02-20".parse().expect("days"));
    assert!(office.machine.own().is_none());
    assert_eq!(office.state("2027-01-12T09:00"), Some(SlotState::Resting));
    office.machine.remove_pause(at(NOW), pause.expect("room")).expect("it is there");
    assert_eq!(office.offered(), tuesdays);
    assert!(office.sequence() > sequence);
    assert_eq!(office.state("2027-01-12T09:00"), Some(SlotState::Free));
    // Each day what is four weeks ahead by then, and not before.
    office.machine.follow_schedule(at("2027-01-11T20:00"));
    assert_eq!(office.offered(), tuesdays);
    office.machine.follow_schedule(at("2027-01-13T08:00"));
    assert_eq!(office.offered(), ["01-19T09:00", "01-26T09:00", "02-02T09:00", "02-09T09:00"]);
    // What was withdrawn does not come back.
    let gone = Slot::new(at("2027-01-19T09:00"), 50).id(&office.machine.therapist());
    office.machine.withdraw(at("2027-01-13T09:00"), Some(gone)).expect("offered");
    office.machine.follow_schedule(at("2027-01-14T10:00"));
    assert_eq!(office.offered(), ["01-26T09:00", "02-02T09:00", "02-09T09:00"]);
    office.machine.remove_pattern(at("2027-01-14T10:00"), id).expect("it is there");
    assert!(office.machine.own().is_none());
    assert_eq!(
        office.machine.remove_pattern(at("2027-01-14T10:00"), id),
        Err(ScheduleError::Unknown)
    );
}

#[test]
fn cal_62_a_calendar_takes_slots_and_refuses_them() {
    let mut office = Office::new();
    let named = Slot::new(at("2027-01-13T10:00"), 50);
    office.publish(NOW, &[named]).expect("published");
    office.pattern(NOW, "Mi 09:00-12:00/50m");
    let window = Span { start: at(NOW), end: at("2027-12-01T00:00") };
    let file = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:E. M.\nDTSTART:20270113T100000\nDURATION:PT10M\nEND:VEVENT\nEND:VCALENDAR\n";
    assert_eq!(office.offered()[..3], ["01-13T09:00", "01-13T10:00", "01-20T09:00"]);
    let busy = import::busy(file, window).expect("a calendar");
    office.machine.take_busy(at(NOW), "praxis", busy).expect("kept");
    // The named one is gone, and the pattern has what it was in the way of.
    assert_eq!(office.offered()[..3], ["01-13T09:00", "01-13T10:40", "01-20T09:00"]);
    let refused = office.publish(NOW, &[named]).expect_err("busy");
    assert!(matches!(refused, OfferError::Busy(start) if start == named.start), "{refused}");
    assert!(refused.to_string().contains("2027-01-13T10:00:00+01:00"));
}

#[test]
fn cal_65_a_file_is_published_again_and_again() {
    let mut office = Office::new();
    office.publish(NOW, &[Slot::new(at("2027-01-14T09:20"), 50)]).expect("published");
    let file = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270112T090000\nDURATION:PT50M\nRRULE:FREQ=DAILY;COUNT=80\nEND:VEVENT\nEND:VCALENDAR\n";
    let slots = import::slots_of(file, at(NOW)).expect("a calendar");
    assert_eq!(slots.slots.len(), 80);
    office.machine.pause(at(NOW), "2027-01-13".parse().expect("a day")).expect("room");
    let Office { machine, node } = &mut office;
    let mut publish = |now: &str| {
        let offer = Offer::default();
        machine.publish_file(node, at(now), &slots, Leistung::Sprechstunde, offer)
    };
    let first = publish(NOW).expect("published");
    assert_eq!((first.added, first.published.slots.len()), (63, 64));
    let why: Vec<_> = first.left_out.iter().map(|(_, why)| *why).collect();
    assert_eq!(why[..2], [NotOffered::Busy, NotOffered::Overlaps]);
    assert!(why[2..].iter().all(|why| *why == NotOffered::Full));
    assert_eq!(why.len(), 80 - 63);
    let again = publish(NOW).expect("published again");
    assert_eq!((again.added, again.published.slots.len()), (0, 64));
    let gone = first.published.slots[0].0;
    office.machine.withdraw(at(NOW), Some(gone)).expect("offered");
    let Office { machine, node } = &mut office;
    let offer = Offer::default();
    let last =
        machine.publish_file(node, at(NOW), &slots, Leistung::Sprechstunde, offer).expect("again");
    assert_eq!(last.left_out[0].1, NotOffered::Withdrawn);
    assert_eq!((last.added, last.published.slots.len()), (1, 64));
}

#[test]
fn cal_60_everything_is_there_after_a_restart() {
    let mut office = Office::new();
    office.publish(NOW, &[Slot::new(at("2027-01-14T09:00"), 50)]).expect("published");
    office.pattern(NOW, "Di 09:00/50m");
    office.machine.pause(at(NOW), "2027-01-19".parse().expect("a day")).expect("room");
    let before = office.offered();
    let mut records = Vec::new();
    for (key, value) in office.machine.schedule.drain_rows() {
        records.retain(|record: &mesh::Record| record.key != key);
        records.push(mesh::Record { table: mesh::Table::BesideSecrets, key, value });
    }
    let mut again = Office::new();
    again.machine.restore(at(NOW), records);
    assert_eq!(again.machine.patterns().count(), 1);
    assert_eq!(again.machine.pauses().count(), 1);
    // Without the router's own rows the announce is made anew; the slot that was named was in it alone.
    again.machine.follow_schedule(at(NOW));
    let made: Vec<_> = before.iter().filter(|start| !start.starts_with("01-14")).cloned().collect();
    assert_eq!(again.offered(), made);
    assert!(again.sequence() > office.sequence());
}
