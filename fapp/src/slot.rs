//! Free appointments (`FAP-20` to `FAP-22`). A slot never changes: it is withdrawn, and another is offered.

use mesh::crypto::hash::{Domain, digest16};

use crate::{
    SlotId, UnixSeconds,
    vocabulary::{Leistung, Modalitaet, Term, Terms},
};

/// One free appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it begins; whole minutes.
    pub start: UnixSeconds,
    /// How long it lasts, in minutes: 10 to 255.
    pub duration_min: u16,
    /// Where and how; empty for whatever the announce says.
    pub modalitaeten: Terms<Modalitaet>,
    /// What it is for, by number; one that is not known is a newer version's.
    pub leistung: u8,
}

/// Shortest slot.
pub const SLOT_MIN: u16 = 10;
/// Longest slot: what fits a byte.
pub const SLOT_MAX: u16 = 255;

impl Slot {
    /// A slot for a first talk, in whatever way the announce says.
    pub const fn new(start: UnixSeconds, duration_min: u16) -> Self {
        Self { start, duration_min, modalitaeten: Terms::NONE, leistung: 0 }
    }

    /// The same for another purpose.
    #[must_use]
    pub fn for_leistung(self, leistung: Leistung) -> Self {
        Self { leistung: leistung.number(), ..self }
    }

    /// What it is for, if this version knows.
    pub fn leistung(&self) -> Option<Leistung> {
        Leistung::ALL.iter().copied().find(|leistung| leistung.number() == self.leistung)
    }

    /// When it ends.
    pub const fn end(&self) -> UnixSeconds {
        UnixSeconds(self.start.0.saturating_add(self.duration_min as u64 * 60))
    }

    /// Names it, over all announces of a practice that offer it.
    pub fn id(&self, therapist: &[u8; 32]) -> SlotId {
        let fields = [
            &self.start.0.to_le_bytes()[..],
            &self.duration_min.to_le_bytes(),
            &[self.modalitaeten.bits() as u8, self.leistung],
        ];
        SlotId(digest16(Domain::FappSlot, &[therapist, fields[0], fields[1], fields[2]]))
    }
}

impl core::fmt::Display for SlotId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::str::FromStr for SlotId {
    type Err = mesh::error::Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = mesh::error::Malformed::OutOfRange("slot id");
        let mut id = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(bad);
        }
        for (place, byte) in id.iter_mut().enumerate() {
            let digits = &text[place * 2..place * 2 + 2];
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(bad);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad)?;
        }
        Ok(Self(id))
    }
}
