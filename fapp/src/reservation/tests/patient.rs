//! The patient's machine.

use super::{
    super::{
        DraftError, PatientError, Reason,
        limits::{AFTERWARDS_S, FOLLOW_TRIES_MAX, HOLD_KEPT_S, RESERVATIONS_MAX, SKEW_S},
    },
    *,
};

/// A request that was confirmed, with its answer not yet delivered.
fn confirmed(office: &mut Office, person: &mut Person) -> (RequestId, Letter) {
    let (id, letter) = person.ask(NOW, office.wanted(30));
    office.receive(NOW, &letter).expect("ours");
    office.practice.confirm(NOW, &id).expect("waits");
    (id, only(office.drain()))
}

#[test]
fn rsv_50_confirmed_is_what_the_practice_said() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, answer) = confirmed(&mut office, &mut person);
    assert_eq!(person.state(id), State::Requested);
    for byte in 0..answer.bytes().len() {
        let mut altered = answer.bytes().to_vec();
        altered[byte] ^= 4;
        let altered = Letter::parse(&altered).expect("the length is right");
        assert!(!matches!(person.patient.receive(NOW, &altered), Ok(Some(_))), "byte {byte}");
    }
    assert_eq!(person.state(id), State::Requested);
    assert_eq!(person.patient.receive(NOW, &answer), Ok(Some(id)));
    assert_eq!(person.state(id), State::Confirmed);
    assert_eq!(person.patient.receive(NOW, &answer), Ok(None), "once");
    assert_eq!(Person::new(2).patient.receive(NOW, &answer), Ok(None), "nobody else's");
}

#[test]
fn rsv_50_with_x_wing() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted_xwing(30));
    office.receive(NOW, &letter).expect("ours");
    office.practice.confirm(NOW, &id).expect("waits");
    let answer = only(office.drain());
    assert_eq!(answer.bytes().len(), letter.bytes().len());
    person.patient.receive(NOW, &answer).expect("ours");
    person.patient.contact(NOW, &id, "Anna").expect("confirmed");
    let contact = person.drain().remove(0).letter;
    assert_eq!(contact.bytes().len(), letter.bytes().len());
    assert_eq!(office.receive(NOW, &contact), Ok(Received::Contact(id)));
}

#[test]
fn rsv_51_a_request_is_repeated_to_each_mailbox() {
    let (office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    let mut now = NOW;
    let mut sent = Vec::new();
    while person.state(id) == State::Requested {
        now = person.patient.poll_timeout().expect("something is due").max(now);
        person.patient.handle_timeout(now);
        sent.extend(person.drain().into_iter().map(|outgoing| {
            assert_eq!(outgoing.letter, letter, "the same letter");
            (now.0 - NOW.0, outgoing.to)
        }));
    }
    assert_eq!(sent[..4].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [60, 180, 420, 900]);
    assert_eq!(
        sent[..3].iter().map(|(_, to)| *to).collect::<Vec<_>>(),
        [SECOND_MAILBOX, MAILBOX, SECOND_MAILBOX]
    );
    assert!(sent.iter().all(|(at, _)| *at < HOLD_KEPT_S));
    assert!(sent.len() < 40, "{}", sent.len());
    assert_eq!((person.state(id), now), (State::Expired, later(HOLD_KEPT_S + SKEW_S)));
}

#[test]
fn rsv_51_a_late_confirmation_counts() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, answer) = confirmed(&mut office, &mut person);
    person.patient.handle_timeout(later(HOLD_KEPT_S + SKEW_S));
    assert_eq!(person.state(id), State::Expired);
    assert_eq!(person.patient.wanted().count(), 1, "it still listens");
    assert_eq!(person.patient.receive(hours(26), &answer), Ok(Some(id)));
    assert_eq!(person.state(id), State::Confirmed);
}

#[test]
fn rsv_52_contact_only_when_confirmed_and_once() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, answer) = confirmed(&mut office, &mut person);
    assert_eq!(person.patient.contact(NOW, &id, "Anna"), Err(PatientError::NotConfirmed));
    person.patient.receive(NOW, &answer).expect("ours");
    let bad = person.patient.contact(NOW, &id, "");
    assert!(matches!(bad, Err(PatientError::Contact(_))));
    person.patient.contact(NOW, &id, "Anna").expect("confirmed");
    assert_eq!(person.patient.contact(NOW, &id, "Berta"), Err(PatientError::ContactGiven));
    assert_eq!(person.patient.contact(NOW, &RequestId([0; 16]), "A"), Err(PatientError::Unknown));
    let first = person.drain().remove(0).letter;
    let mut sent = 1;
    let mut now = NOW;
    while let Some(at) = person.patient.poll_timeout().filter(|at| *at < hours(30)) {
        now = now.max(at);
        person.patient.handle_timeout(now);
        for outgoing in person.drain() {
            assert_eq!(outgoing.letter, first, "the same bytes");
            sent += 1;
        }
    }
    assert_eq!(sent, usize::from(FOLLOW_TRIES_MAX));
}

#[test]
fn rsv_53_cancelled_stays_and_the_slot_is_free_again() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, answer) = confirmed(&mut office, &mut person);
    person.patient.cancel(NOW, &id).expect("requested");
    assert_eq!(person.patient.poll_outgoing(), None, "durable first");
    let early = person.drain().remove(0).letter;
    // The confirmation crossed it.
    assert_eq!(person.patient.receive(NOW, &answer), Ok(None));
    assert_eq!(person.state(id), State::Cancelled { reason: Reason::Patient, known: false });
    let again = person.drain().remove(0).letter;
    assert_ne!(early.label(), again.label(), "now to the follow key");
    assert_eq!(office.receive(NOW, &again), Ok(Received::Cancelled(id)));
    assert_eq!(office.practice.slot(&slot(30)), Some(super::super::SlotState::Free));
    assert_eq!(office.receive(NOW, &early), Ok(Received::Repeated(id)));
    let known = only(office.drain());
    person.patient.receive(NOW, &known).expect("ours");
    assert_eq!(person.state(id), State::Cancelled { reason: Reason::Patient, known: true });
    assert_eq!(person.patient.wanted().count(), 0);
    assert_eq!(person.patient.cancel(NOW, &id), Err(PatientError::Over));
}

#[test]
fn rsv_53_cancelled_before_an_answer() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    person.patient.cancel(NOW, &id).expect("requested");
    let cancel = person.drain().remove(0).letter;
    // It overtakes the request: nobody knows it yet, and the patient says it again.
    assert_eq!(office.receive(NOW, &cancel), Err(Refused::NotOurs));
    office.receive(NOW, &letter).expect("ours");
    assert_eq!(office.receive(NOW, &cancel), Ok(Received::Cancelled(id)));
    // A request that comes back does not wake up.
    assert_eq!(office.receive(NOW, &letter), Ok(Received::Repeated(id)));
    assert!(matches!(office.status(id), Some(Status::Cancelled { .. })));
}

#[test]
fn rsv_54_bounded_and_forgotten() {
    let (office, mut person) = (Office::new(), Person::new(1));
    for _ in 0..RESERVATIONS_MAX {
        person.ask(NOW, office.wanted(30));
    }
    let draft = person.draft(NOW, office.wanted(30), Hold::Kept, 0);
    assert_eq!(person.patient.submit(draft), Err(PatientError::Full));
    let end = 30 * 3_600 + 50 * 60;
    person.patient.handle_timeout(later(end + AFTERWARDS_S));
    person.drain();
    assert!(person.disk.is_empty() && person.patient.poll_timeout().is_none());
}

#[test]
fn rsv_54_every_state_survives_a_restart() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    person.crash(NOW);
    assert_eq!(person.state(id), State::Requested);
    assert_eq!(person.drain().remove(0).letter, letter);
    office.receive(NOW, &letter).expect("ours");
    office.practice.confirm(NOW, &id).expect("waits");
    let answer = only(office.drain());
    person.patient.receive(NOW, &answer).expect("ours");
    person.crash(NOW);
    assert_eq!(person.state(id), State::Requested, "it was not durable");
    person.patient.receive(NOW, &answer).expect("ours");
    person.drain();
    person.crash(NOW);
    assert_eq!(person.state(id), State::Confirmed);
    assert!(person.drain().is_empty());
    person.patient.contact(NOW, &id, "Anna").expect("confirmed");
    let contact = person.drain().remove(0).letter;
    person.crash(NOW);
    assert_eq!(person.drain().remove(0).letter, contact);
    person.patient.cancel(NOW, &id).expect("confirmed");
    person.drain();
    person.crash(NOW);
    assert_eq!(person.state(id), State::Cancelled { reason: Reason::Patient, known: false });
    assert_eq!(person.drain().len(), 1);
}

#[test]
fn rsv_50_drafts_that_cannot_be() {
    let office = Office::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut draft = |now, wanted| Draft::new(now, wanted, Hold::Kept, REPLIES, 0, &mut rng).err();
    assert_eq!(draft(NOW, office.wanted(30)), None);
    assert_eq!(draft(hours(30), office.wanted(30)), Some(DraftError::Past));
    let nowhere = Wanted { mailboxes: Vec::new(), ..office.wanted(30) };
    assert_eq!(draft(NOW, nowhere), Some(DraftError::Mailboxes));
    let weak = Wanted { sub_key: SubKey::new([0; 32]), ..office.wanted(30) };
    assert!(matches!(draft(NOW, weak), Some(DraftError::WeakKey(_))));
    let unfinished =
        Draft::new(NOW, office.wanted(30), Hold::Kept, REPLIES, 20, &mut rng).expect("sound");
    assert_eq!(Patient::default().submit(unfinished), Err(PatientError::Unfinished));
}
