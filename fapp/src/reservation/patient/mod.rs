//! The patient's end of reservations (`RSV-50` to `RSV-54`).
//!
//! The driver drains like a practice's: rows, [`Patient::handle_committed`], then letters. It fetches
//! the labels of [`Patient::wanted`] from their mailbox nodes and hands over what comes.

mod draft;
mod entry;

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use mesh::{
    Address,
    error::{Error, Malformed},
    identity::Suite,
};
use zeroize::Zeroizing;

use super::{
    letter::{About, FollowTo, Letter, answer_label},
    limits::{AFTERWARDS_S, FOLLOW_TRIES_MAX, RESERVATIONS_MAX, SKEW_S},
    message::{Alternative, Answer, FollowUp, Reason, RequestId, Verdict},
    practice::Outgoing,
    rows::{Gate, Row},
};
use crate::UnixSeconds;
pub use draft::{Draft, DraftError, Wanted};
pub use entry::State;
use entry::{Entry, row_key};

/// Mailbox nodes an announce may name.
pub const MAILBOXES_MAX: usize = 2;

/// A reservation, for the patient to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationView<'a> {
    /// Its name.
    pub id: RequestId,
    /// What it is about.
    pub about: About,
    /// The practice's root key.
    pub therapist: &'a [u8; 32],
    /// When the slot begins.
    pub start: UnixSeconds,
    /// How long it lasts.
    pub minutes: u16,
    /// When it was asked for.
    pub made_at: UnixSeconds,
    /// What it is.
    pub state: State,
    /// Free slots the practice named when it declined.
    pub alternatives: &'a [Alternative],
    /// Whether contact data was given.
    pub contact_given: bool,
}

/// What is to be fetched for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedLabels {
    /// From which mailbox node.
    pub node: Address,
    /// The labels: exactly as many as are asked for at once (`RSV-25`).
    pub labels: [[u8; 16]; 2],
    /// The suite of the question.
    pub suite: Suite,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientError {
    /// No such reservation.
    Unknown,
    /// The work of the draft is not done.
    Unfinished,
    /// There are as many reservations as are kept.
    Full,
    /// It is not confirmed.
    NotConfirmed,
    /// It is over already.
    Over,
    /// The text may not be contact data.
    Contact(Malformed),
    /// Contact data was given before.
    ContactGiven,
}

/// The machine.
#[derive(Clone, Default)]
pub struct Patient {
    reservations: BTreeMap<RequestId, Entry>,
    expected: BTreeMap<[u8; 16], RequestId>,
    gate: Gate<RequestId>,
}

impl Patient {
    /// Sends a request whose work is done, as soon as it is durable.
    ///
    /// # Errors
    /// [`PatientError::Unfinished`] or [`PatientError::Full`].
    pub fn submit(&mut self, draft: Draft) -> Result<RequestId, PatientError> {
        if !draft.is_done() {
            return Err(PatientError::Unfinished);
        }
        if self.reservations.len() >= RESERVATIONS_MAX {
            return Err(PatientError::Full);
        }
        let (id, entry) = draft.seal();
        let now = entry.made_at;
        self.expect(id, &entry);
        self.reservations.insert(id, entry);
        self.put(&id);
        self.send(now, &id);
        Ok(id)
    }

    /// Tells the practice how to reach the patient. Once.
    ///
    /// # Errors
    /// [`PatientError`]; before a confirmation always (`RSV-52`).
    pub fn contact(
        &mut self,
        now: UnixSeconds,
        id: &RequestId,
        text: &str,
    ) -> Result<(), PatientError> {
        FollowUp::contact(text).map_err(PatientError::Contact)?;
        let entry = self.reservations.get_mut(id).ok_or(PatientError::Unknown)?;
        if entry.state != State::Confirmed {
            return Err(PatientError::NotConfirmed);
        }
        if entry.contact.is_some() {
            return Err(PatientError::ContactGiven);
        }
        entry.contact = Some(Zeroizing::new(text.into()));
        entry.tries = 0;
        self.put(id);
        self.send(now, id);
        Ok(())
    }

    /// Takes a request or a confirmed reservation back.
    ///
    /// # Errors
    /// [`PatientError::Unknown`] or [`PatientError::Over`].
    pub fn cancel(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), PatientError> {
        let entry = self.reservations.get_mut(id).ok_or(PatientError::Unknown)?;
        if !matches!(entry.state, State::Requested | State::Confirmed | State::Expired) {
            return Err(PatientError::Over);
        }
        entry.state = State::Cancelled { reason: Reason::Patient, known: false };
        entry.letter = None;
        entry.tries = 0;
        self.put(id);
        self.send(now, id);
        Ok(())
    }

    /// Handles a letter that was fetched. `None`: it is not for us, or says nothing new.
    ///
    /// # Errors
    /// [`Error`] for one that is not of the practice, or breaks a rule; it changes nothing.
    pub fn receive(
        &mut self,
        now: UnixSeconds,
        letter: &Letter,
    ) -> Result<Option<RequestId>, Error> {
        let Some(id) = self.expected.get(&letter.label()).copied() else { return Ok(None) };
        let Some(entry) = self.reservations.get_mut(&id) else { return Ok(None) };
        let answer = entry.thread(id).open_answer(&entry.reply_key(), letter)?;
        if letter.label() != answer_label(&entry.tag, answer.verdict.number()) {
            return Err(Malformed::OutOfRange("verdict").into());
        }
        let before = entry.state;
        if !entry.hear(answer) {
            return Ok(None);
        }
        let repeat = matches!(entry.state, State::Cancelled { known: false, .. });
        let changed = entry.state != before;
        self.put(&id);
        if repeat {
            self.send(now, &id);
        }
        Ok(changed.then_some(id))
    }

    /// Sends again what is due, ends what nobody answered and forgets what is long over.
    pub fn handle_timeout(&mut self, now: UnixSeconds) {
        let ids: Vec<RequestId> = self.reservations.keys().copied().collect();
        for id in ids {
            let Some(entry) = self.reservations.get_mut(&id) else { continue };
            if entry.forget_at() <= now {
                self.forget(&id);
            } else if entry.expires_at().is_some_and(|at| at <= now) {
                entry.state = State::Expired;
                entry.letter = None;
                self.put(&id);
            } else if entry.due_at().is_some_and(|at| at <= now) {
                self.send(now, &id);
            }
        }
    }

    /// When [`Patient::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<UnixSeconds> {
        let due = |entry: &Entry| {
            [Some(entry.forget_at()), entry.expires_at(), entry.due_at()]
                .into_iter()
                .flatten()
                .min()
        };
        self.reservations.values().filter_map(due).min()
    }

    /// A change that must be durable before anything is sent.
    pub fn poll_row(&mut self) -> Option<Row> {
        self.gate.poll_row()
    }

    /// All rows that were polled are durable.
    pub fn handle_committed(&mut self) {
        self.gate.committed();
    }

    /// A letter to send.
    pub fn poll_outgoing(&mut self) -> Option<Outgoing> {
        loop {
            let id = self.gate.poll()?;
            let Some(entry) = self.reservations.get(&id) else { continue };
            if let Some(letter) = entry.speak(id) {
                // The first try counts as one: it goes to the first mailbox.
                let turn = usize::from(entry.tries.saturating_sub(1)) % entry.mailboxes.len();
                return Some(Outgoing { to: entry.mailboxes[turn], letter });
            }
        }
    }

    /// What is to be fetched, and where.
    pub fn wanted(&self) -> impl Iterator<Item = WantedLabels> {
        self.reservations.values().filter(|entry| entry.listens()).map(|entry| WantedLabels {
            node: entry.mailbox,
            labels: [answer_label(&entry.tag, 0), answer_label(&entry.tag, 1)],
            suite: entry.suite,
        })
    }

    /// All reservations.
    pub fn reservations(&self) -> impl Iterator<Item = ReservationView<'_>> {
        self.reservations.iter().map(|(id, entry)| ReservationView {
            id: *id,
            about: entry.about,
            therapist: &entry.therapist,
            start: entry.start,
            minutes: entry.minutes,
            made_at: entry.made_at,
            state: entry.state,
            alternatives: &entry.alternatives,
            contact_given: entry.contact.is_some(),
        })
    }

    /// Plays a stored row back; what is due is sent at the next [`Patient::handle_timeout`].
    ///
    /// # Errors
    /// [`Malformed`]; the row is then left out.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let Some((&entry::ROW, name)) = key.split_first() else {
            return Err(Malformed::OutOfRange("row kind"));
        };
        let id = RequestId(name.try_into().map_err(|_| Malformed::OutOfRange("row name"))?);
        let entry = Entry::read(value)?;
        self.expect(id, &entry);
        self.reservations.insert(id, entry);
        Ok(())
    }

    fn expect(&mut self, id: RequestId, entry: &Entry) {
        for number in 0..=1 {
            self.expected.insert(answer_label(&entry.tag, number), id);
        }
    }

    fn put(&mut self, id: &RequestId) {
        if let Some(entry) = self.reservations.get(id) {
            self.gate.write(entry.row(id));
        }
    }

    fn send(&mut self, now: UnixSeconds, id: &RequestId) {
        let Some(entry) = self.reservations.get_mut(id) else { return };
        let wait = RETRY_S << entry.tries.min(RETRY_DOUBLINGS);
        entry.next_try = UnixSeconds(now.0.saturating_add(wait));
        entry.tries = entry.tries.saturating_add(1);
        self.gate.hold(*id);
    }

    fn forget(&mut self, id: &RequestId) {
        self.reservations.remove(id);
        self.expected.retain(|_, of| of != id);
        self.gate.write(Row::delete(row_key(id)));
    }
}

impl Entry {
    /// Takes an answer in; whether anything changed.
    fn hear(&mut self, answer: Answer) -> bool {
        match (answer.verdict, self.state) {
            (Verdict::Confirmed, State::Requested | State::Expired) => {
                self.state = State::Confirmed;
                self.follow_key = Some(answer.follow_key);
                self.tries = 0;
            }
            // It crossed our cancellation, which is said again to the key that lasts.
            (Verdict::Confirmed, State::Cancelled { reason: Reason::Patient, known: false })
                if self.follow_key.is_none() =>
            {
                self.follow_key = Some(answer.follow_key);
                self.tries = 0;
            }
            (Verdict::Declined, State::Requested | State::Expired) => {
                let Answer { reason, work_bits, .. } = answer;
                self.state = State::Declined { reason, work_bits };
                self.alternatives = answer.alternatives;
            }
            (Verdict::Expired, State::Requested) => self.state = State::Expired,
            (Verdict::Cancelled, State::Requested | State::Confirmed | State::Expired) => {
                self.state = State::Cancelled { reason: answer.reason, known: true };
            }
            (
                Verdict::Cancelled | Verdict::Declined | Verdict::Expired,
                State::Cancelled { reason, known: false },
            ) => self.state = State::Cancelled { reason, known: true },
            _ => return false,
        }
        self.letter = None;
        true
    }

    /// What is to be said at present.
    fn speak(&self, id: RequestId) -> Option<Letter> {
        let follow = match (&self.state, &self.contact) {
            (State::Requested, _) => return self.letter.clone(),
            (State::Confirmed, Some(text)) => FollowUp::Contact(text.clone()),
            (State::Cancelled { known: false, .. }, _) => FollowUp::Cancel,
            _ => return None,
        };
        let to =
            self.follow_key.as_ref().map_or(FollowTo::SubKey(&self.sub_key), FollowTo::FollowKey);
        // A follow key that is none cannot be answered to; the slot ends some day.
        self.thread(id).seal_follow_up(to, &follow).ok()
    }

    /// When something is to be said again.
    fn due_at(&self) -> Option<UnixSeconds> {
        let due = match self.state {
            State::Requested => self.letter.is_some() && self.next_try < self.until(),
            State::Confirmed => self.contact.is_some() && self.tries < FOLLOW_TRIES_MAX,
            State::Cancelled { known: false, .. } => self.tries < FOLLOW_TRIES_MAX,
            _ => false,
        };
        due.then_some(self.next_try)
    }

    fn expires_at(&self) -> Option<UnixSeconds> {
        let requested = self.state == State::Requested;
        requested.then(|| UnixSeconds(self.until().0.saturating_add(SKEW_S)))
    }

    /// Answers come while they can matter: late confirmations as well (`RSV-51`).
    const fn listens(&self) -> bool {
        !matches!(self.state, State::Declined { .. } | State::Cancelled { known: true, .. })
    }

    const fn forget_at(&self) -> UnixSeconds {
        let end = self.start.0.saturating_add(self.minutes as u64 * 60);
        UnixSeconds(end.saturating_add(AFTERWARDS_S))
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patient({} reservations)", self.reservations.len())
    }
}

impl fmt::Display for PatientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no such reservation",
            Self::Unfinished => "the work is not done",
            Self::Full => "too many reservations",
            Self::NotConfirmed => "it is not confirmed",
            Self::Over => "it is over already",
            Self::Contact(_) => "this text cannot be contact data",
            Self::ContactGiven => "contact data was given",
        })
    }
}

impl core::error::Error for PatientError {}

/// The first retry (`RSV-51`).
const RETRY_S: u64 = 60;
/// 60 s · 2^6: at most about an hour between two.
const RETRY_DOUBLINGS: u8 = 6;
