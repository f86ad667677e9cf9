//! Tests of reservations; each is named after the rule it shows.

mod formats;
mod journey;
mod mailbox;
mod model;
mod patient;
mod practice;
mod sealing;
mod subkeys;
mod vectors;

use std::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use mesh::{Address, crypto::rng::NodeRng};

use super::{
    About, Draft, Hold, Letter, Outgoing, Patient, Practice, Received, Refused, RequestId, Row,
    State, Status, SubKey, SubKeys, Wanted,
};
use crate::{AnnounceId, SlotId, UnixSeconds};

/// A Monday morning: 7 December 2026, 08:00 UTC.
const NOW: UnixSeconds = UnixSeconds(1_796_630_400);
const DAY: u64 = 86_400;
const MAILBOX: Address = Address::from_bytes([0x11; 16]);
const SECOND_MAILBOX: Address = Address::from_bytes([0x12; 16]);
const REPLIES: Address = Address::from_bytes([0x22; 16]);
const THERAPIST: [u8; 32] = [0x77; 32];
const ANNOUNCE: AnnounceId = AnnounceId([0xa1; 32]);

/// The slot that begins so many hours from [`NOW`], and lasts 50 minutes.
fn slot(hours: u8) -> SlotId {
    SlotId([hours; 16])
}

const fn about(slot: SlotId) -> About {
    About { announce: ANNOUNCE, slot }
}

const fn later(seconds: u64) -> UnixSeconds {
    UnixSeconds(NOW.0 + seconds)
}

fn hours(n: u64) -> UnixSeconds {
    later(n * 3_600)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// What is on a disk.
type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

fn store(disk: &mut Disk, row: Row) {
    match row.value {
        Some(value) => disk.insert(row.key, value.to_vec()),
        None => disk.remove(&row.key),
    };
}

/// Everything is durable, everything leaves.
fn drain_practice(practice: &mut Practice, disk: &mut Disk) -> Vec<Outgoing> {
    while let Some(row) = practice.poll_row() {
        store(disk, row);
    }
    practice.handle_committed();
    std::iter::from_fn(|| practice.poll_outgoing()).collect()
}

fn drain_patient(patient: &mut Patient, disk: &mut Disk) -> Vec<Outgoing> {
    while let Some(row) = patient.poll_row() {
        store(disk, row);
    }
    patient.handle_committed();
    std::iter::from_fn(|| patient.poll_outgoing()).collect()
}

fn restored_practice(disk: &Disk, now: UnixSeconds) -> Practice {
    let mut practice = Practice::default();
    disk.iter().for_each(|(key, value)| practice.restore(key, value).expect("our own row"));
    practice.resume(now);
    practice
}

fn restored_patient(disk: &Disk, now: UnixSeconds) -> Patient {
    let mut patient = Patient::default();
    disk.iter().for_each(|(key, value)| patient.restore(key, value).expect("our own row"));
    patient.handle_timeout(now);
    patient
}

/// A practice with its keys and disk.
struct Office {
    practice: Practice,
    keys: SubKeys,
    disk: Disk,
}

impl Office {
    /// Slots 30, 31 and 54 hours from now.
    fn new() -> Self {
        Self::with_slots(&[30, 31, 54])
    }

    fn with_slots(starts: &[u8]) -> Self {
        let mut keys = SubKeys::default();
        assert!(keys.rotate(NOW, [7; 32]));
        let mut office = Self { practice: Practice::default(), keys, disk: Disk::new() };
        for &start in starts {
            let begins = hours(u64::from(start));
            office.practice.offer(NOW, about(slot(start)), begins, 50).expect("in the future");
        }
        assert!(office.drain().is_empty());
        office
    }

    fn drain(&mut self) -> Vec<Outgoing> {
        drain_practice(&mut self.practice, &mut self.disk)
    }

    fn receive(&mut self, now: UnixSeconds, letter: &Letter) -> Result<Received, Refused> {
        let seed = mesh::crypto::hash::sha256(letter.bytes());
        self.practice.receive(now, letter, &self.keys, seed)
    }

    fn crash(&mut self, now: UnixSeconds) {
        self.practice = restored_practice(&self.disk, now);
    }

    fn sub_key(&self) -> SubKey {
        self.keys.current().expect("rotated").public()
    }

    /// With X25519 alone.
    fn wanted(&self, start: u8) -> Wanted {
        let key = SubKey::new(*self.sub_key().x25519());
        Wanted { sub_key: key, ..self.wanted_xwing(start) }
    }

    fn wanted_xwing(&self, start: u8) -> Wanted {
        Wanted {
            about: about(slot(start)),
            therapist: THERAPIST,
            sub_key: self.sub_key(),
            mailboxes: vec![MAILBOX, SECOND_MAILBOX],
            start: hours(u64::from(start)),
            minutes: 50,
        }
    }

    fn status(&self, id: RequestId) -> Option<Status> {
        self.practice.requests().find(|view| view.id == id).map(|view| view.status)
    }
}

/// A patient with a disk.
struct Person {
    patient: Patient,
    disk: Disk,
    rng: NodeRng,
}

impl Person {
    fn new(number: u8) -> Self {
        Self {
            patient: Patient::default(),
            disk: Disk::new(),
            rng: NodeRng::from_seed([number; 32]),
        }
    }

    fn draft(&mut self, now: UnixSeconds, wanted: Wanted, hold: Hold, bits: u8) -> Draft {
        let mut draft = Draft::new(now, wanted, hold, REPLIES, bits, &mut self.rng).expect("sound");
        while !draft.step(4_096) {}
        draft
    }

    /// Asks, and gives the letter that leaves.
    fn ask(&mut self, now: UnixSeconds, wanted: Wanted) -> (RequestId, Letter) {
        self.ask_with(now, wanted, Hold::Kept, 0)
    }

    fn ask_with(
        &mut self,
        now: UnixSeconds,
        wanted: Wanted,
        hold: Hold,
        bits: u8,
    ) -> (RequestId, Letter) {
        let draft = self.draft(now, wanted, hold, bits);
        let id = self.patient.submit(draft).expect("room");
        let [outgoing] = <[Outgoing; 1]>::try_from(self.drain()).expect("one letter");
        (id, outgoing.letter)
    }

    fn drain(&mut self) -> Vec<Outgoing> {
        drain_patient(&mut self.patient, &mut self.disk)
    }

    fn crash(&mut self, now: UnixSeconds) {
        self.patient = restored_patient(&self.disk, now);
    }

    fn state(&self, id: RequestId) -> State {
        self.patient.reservations().find(|view| view.id == id).expect("known").state
    }
}

/// One answer, to where answers go.
fn only(outgoing: Vec<Outgoing>) -> Letter {
    let [outgoing] = <[Outgoing; 1]>::try_from(outgoing).expect("one letter");
    assert_eq!(outgoing.to, REPLIES);
    outgoing.letter
}
