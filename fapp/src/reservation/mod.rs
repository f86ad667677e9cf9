//! Reserving an appointment (`specs/34-fapp-reservation.md`).
//!
//! ```text
//! patient                     mailbox nodes                       practice
//! Draft ─work→ Patient ─Letter→ Ask::Put ─→ Pool ─→ Ask::Page ─→ Practice ─Letter→ Pool ─→ Ask::Take ─→ Patient
//! ```
//!
//! A [`Letter`] is sealed from end to end; an [`Ask`] seals it once more to the mailbox node, so that
//! nobody on the way sees even its label. [`Patient`] and [`Practice`] are state machines without
//! network, clock and disk; [`Pool`] is what a mailbox node keeps.

pub mod hpke;
mod keys;
mod letter;
pub mod limits;
mod message;
mod outer;
mod patient;
mod pool;
mod practice;
mod rows;

#[cfg(test)]
mod tests;

pub use keys::{Offer, SubKey, SubKeyPair, SubKeys};
pub use letter::{
    About, FollowTo, LETTER_LEN, LETTER_LEN_XWING, Letter, OpenedRequest, Recognised, Thread,
    Unsealed, answer_label, follow_label,
};
pub(crate) use message::misleads;
pub use message::{
    Alternative, Answer, Content, FollowUp, Hold, Reason, Request, RequestId, Verdict,
};
pub use outer::{Ask, MailboxKey, Opened, Pending, Said, outer_len};
pub use patient::{
    Draft, DraftError, MAILBOXES_MAX, Patient, PatientError, ReservationView, State, Wanted,
    WantedLabels,
};
pub use pool::{Pool, PutRefused, put_work};
pub use practice::{
    DecisionError, Outgoing, Practice, Received, Refused, RequestView, SlotState, Status,
};
pub use rows::Row;
