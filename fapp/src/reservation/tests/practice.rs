//! The practice's machine.

use std::{collections::BTreeSet, vec::Vec};

use super::{
    super::{
        DecisionError, Reason, SlotState,
        limits::{
            AFTERWARDS_S, ANSWERS_PER_RUN_MAX, HOLD_KEPT_S, HOLD_ONLINE_S, QUEUE_MAX,
            REMEMBERED_PER_SLOT_MAX, SKEW_S, WORK_BITS_MIN,
        },
    },
    *,
};

fn requested(received: Result<Received, Refused>) -> RequestId {
    match received {
        Ok(Received::Requested(id)) => id,
        other => panic!("{other:?}"),
    }
}

fn view(office: &Office, hours: u8) -> SlotState {
    office.practice.slot(&slot(hours)).expect("offered")
}

#[test]
fn rsv_40_slots() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    assert_eq!(office.practice.slot(&slot(99)), None);
    assert_eq!(view(&office, 30), SlotState::Free);
    let (id, letter) = person.ask(NOW, office.wanted(30));
    assert_eq!(requested(office.receive(NOW, &letter)), id);
    assert_eq!(view(&office, 30), SlotState::Held);
    office.practice.decline(NOW, &id).expect("waits");
    assert_eq!(view(&office, 30), SlotState::Free);
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.practice.confirm(NOW, &id).expect("waits");
    assert_eq!(view(&office, 30), SlotState::Confirmed);
    office.practice.cancel(NOW, &id).expect("confirmed");
    assert_eq!(view(&office, 30), SlotState::Cancelled);
    // Named again in the next announce: it stays with nobody.
    let again = About { announce: AnnounceId([9; 32]), slot: slot(30) };
    office.practice.offer(NOW, again, hours(30), 50).expect("known");
    assert_eq!(view(&office, 30), SlotState::Cancelled);
    let (_, letter) = person.ask(NOW, office.wanted(30));
    let received = office.receive(NOW, &letter).expect("ours");
    assert!(matches!(received, Received::Declined(_, Reason::Gone)));
}

#[test]
fn rsv_40_withdrawn_slots_are_gone_for_who_waits() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.practice.withdraw(NOW, &slot(30)).expect("offered");
    assert_eq!(view(&office, 30), SlotState::Cancelled);
    let answer = only(office.drain());
    assert_eq!(person.patient.receive(NOW, &answer), Ok(Some(id)));
    assert_eq!(person.state(id), State::Declined { reason: Reason::Gone, work_bits: 0 });
    assert_eq!(office.practice.withdraw(NOW, &slot(99)), Err(DecisionError::Unknown));
}

#[test]
fn rsv_46_a_slot_that_rests_can_be_offered_again() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.practice.rest(&slot(30));
    assert_eq!(view(&office, 30), SlotState::Resting);
    office.drain();
    office.crash(NOW);
    assert_eq!(view(&office, 30), SlotState::Resting);
    // Who comes now is told that it is gone; who waited before is for the practice to decide.
    let (_, letter) = person.ask(NOW, office.wanted(30));
    let received = office.receive(NOW, &letter).expect("ours");
    assert!(matches!(received, Received::Declined(_, Reason::Gone)));
    let again = About { announce: AnnounceId([9; 32]), slot: slot(30) };
    office.practice.offer(NOW, again, hours(30), 50).expect("known");
    assert_eq!(view(&office, 30), SlotState::Held);
    office.practice.rest(&slot(30));
    office.practice.confirm(NOW, &id).expect("waits");
    assert_eq!(view(&office, 30), SlotState::Confirmed);
    // What was withdrawn does not rest: that is the end.
    office.practice.cancel(NOW, &id).expect("confirmed");
    office.practice.rest(&slot(30));
    office.practice.offer(NOW, again, hours(30), 50).expect("known");
    assert_eq!(view(&office, 30), SlotState::Cancelled);
}

#[test]
fn rsv_41_decisions_have_an_order() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    assert_eq!(office.practice.confirm(NOW, &id), Err(DecisionError::Unknown));
    requested(office.receive(NOW, &letter));
    assert_eq!(office.practice.cancel(NOW, &id), Err(DecisionError::Decided));
    office.practice.confirm(NOW, &id).expect("waits");
    assert_eq!(office.practice.confirm(NOW, &id), Err(DecisionError::Decided));
    assert_eq!(office.practice.decline(NOW, &id), Err(DecisionError::Decided));
    office.practice.cancel(NOW, &id).expect("confirmed");
    assert_eq!(office.practice.cancel(NOW, &id), Err(DecisionError::Decided));
}

#[test]
fn rsv_42_first_accepted_wins_and_others_hear_of_alternatives() {
    let mut office = Office::with_slots(&[29, 30, 31, 54]);
    let mut people: Vec<Person> = (1..=3).map(Person::new).collect();
    let asked: Vec<_> = people.iter_mut().map(|p| p.ask(NOW, office.wanted(30))).collect();
    for (id, letter) in &asked {
        assert_eq!(requested(office.receive(NOW, letter)), *id);
    }
    // The second is accepted first.
    office.practice.confirm(NOW, &asked[1].0).expect("waits");
    let letters = office.drain();
    assert_eq!(letters.len(), 3);
    for (person, (id, _)) in people.iter_mut().zip(&asked) {
        for outgoing in &letters {
            person.patient.receive(NOW, &outgoing.letter).expect("ours or nobody's");
        }
        let view = person.patient.reservations().find(|view| view.id == *id).expect("known");
        let offered: Vec<SlotId> = view.alternatives.iter().map(|a| a.slot).collect();
        if *id == asked[1].0 {
            assert_eq!(view.state, State::Confirmed);
            assert!(offered.is_empty());
        } else {
            assert_eq!(view.state, State::Declined { reason: Reason::Taken, work_bits: 0 });
            assert_eq!(offered, [slot(29), slot(31), slot(54)], "the nearest first");
        }
    }
    // Whoever comes later is told at once.
    let (_, late) = Person::new(9).ask(NOW, office.wanted(30));
    let received = office.receive(NOW, &late).expect("ours");
    assert!(matches!(received, Received::Declined(_, Reason::Taken)));
}

#[test]
fn rsv_42_confirmed_slots_do_not_overlap() {
    let mut office = Office::new();
    let half_past = SlotId([0x55; 16]);
    office.practice.offer(NOW, about(half_past), later(30 * 3_600 + 1_800), 50).expect("room");
    office.drain();
    let overlapping =
        Wanted { about: about(half_past), start: later(30 * 3_600 + 1_800), ..office.wanted(30) };
    let (one, one_letter) = Person::new(1).ask(NOW, office.wanted(30));
    let (two, two_letter) = Person::new(2).ask(NOW, overlapping);
    requested(office.receive(NOW, &one_letter));
    requested(office.receive(NOW, &two_letter));
    office.practice.confirm(NOW, &one).expect("waits");
    assert_eq!(office.practice.confirm(NOW, &two), Err(DecisionError::Overlaps));
    assert_eq!(office.status(two), Some(Status::Requested));
}

#[test]
fn rsv_43_nothing_leaves_before_it_is_durable() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.practice.confirm(NOW, &id).expect("waits");
    assert_eq!(office.practice.poll_outgoing(), None);
    let first = office.practice.poll_row().expect("the request");
    office.practice.handle_committed();
    assert_eq!(office.practice.poll_outgoing(), None, "its confirmation is not durable");
    store(&mut office.disk, first);
    while let Some(row) = office.practice.poll_row() {
        store(&mut office.disk, row);
        assert_eq!(office.practice.poll_outgoing(), None, "polled is not durable");
    }
    office.practice.handle_committed();
    assert!(office.practice.poll_outgoing().is_some());
    // A newer decision takes the place of an answer that has not left.
    office.practice.confirm(NOW, &id).expect_err("is confirmed");
    office.receive(NOW, &letter).expect("again");
    office.practice.cancel(NOW, &id).expect("confirmed");
    assert_eq!(office.practice.poll_outgoing(), None, "neither says what is not on disk");
    let cancelled = only(office.drain());
    person.patient.receive(NOW, &cancelled).expect("ours");
    assert_eq!(person.state(id), State::Cancelled { reason: Reason::Practice, known: true });
}

#[test]
fn rsv_43_a_restart_answers_what_was_decided_with_the_same_bytes() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.crash(NOW);
    assert_eq!(office.status(id), None, "it was not durable, and nothing was said");
    requested(office.receive(NOW, &letter));
    office.drain();
    office.crash(NOW);
    assert_eq!(office.status(id), Some(Status::Requested));
    assert!(office.drain().is_empty());
    office.practice.confirm(NOW, &id).expect("waits");
    let said = only(office.drain());
    office.crash(hours(1));
    assert_eq!(only(office.drain()), said);
    office.crash(hours(27));
    assert!(office.drain().is_empty(), "a day later the patient has asked again or knows");
    assert_eq!(office.receive(hours(27), &letter), Ok(Received::Repeated(id)));
    assert_eq!(only(office.drain()), said);
}

#[test]
fn rsv_44_holds_end() {
    for (hold, seconds) in [(Hold::Online, HOLD_ONLINE_S), (Hold::Kept, HOLD_KEPT_S)] {
        let (mut office, mut person) = (Office::new(), Person::new(1));
        let (id, letter) = person.ask_with(NOW, office.wanted(30), hold, 0);
        requested(office.receive(later(60), &letter));
        assert_eq!(office.practice.poll_timeout(), Some(later(seconds)));
        office.practice.handle_timeout(later(seconds - 1));
        assert_eq!(office.status(id), Some(Status::Requested));
        office.practice.handle_timeout(later(seconds));
        assert_eq!(office.status(id), Some(Status::Expired { at: later(seconds) }));
        assert_eq!(office.practice.confirm(later(seconds), &id), Err(DecisionError::Decided));
        assert_eq!(view(&office, 30), SlotState::Free);
        let answer = only(office.drain());
        person.patient.receive(later(seconds), &answer).expect("ours");
        assert_eq!(person.state(id), State::Expired);
    }
}

#[test]
fn rsv_44_over_without_a_timeout_and_never_beyond_the_start() {
    let (mut office, mut person) = (Office::with_slots(&[2]), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(2));
    requested(office.receive(NOW, &letter));
    assert_eq!(office.practice.poll_timeout(), Some(hours(2)));
    assert_eq!(office.practice.confirm(hours(2), &id), Err(DecisionError::Over));
    assert_eq!(office.status(id), Some(Status::Expired { at: hours(2) }));
    // Late on its way.
    let (_, letter) = person.ask_with(NOW, office.wanted(2), Hold::Online, 0);
    assert_eq!(office.receive(later(HOLD_ONLINE_S), &letter), Err(Refused::Over));
}

#[test]
fn rsv_34_clocks_may_be_wrong_by_minutes() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (_, ahead) = person.ask(later(SKEW_S), office.wanted(30));
    let (_, too_far) = person.ask(later(SKEW_S + 1), office.wanted(30));
    let (_, a_day) = person.ask(later(DAY), office.wanted(30));
    let yesterday = UnixSeconds(NOW.0 - DAY);
    let (_, old) = person.ask(yesterday, office.wanted(30));
    requested(office.receive(NOW, &ahead));
    assert_eq!(office.receive(NOW, &too_far), Err(Refused::Future));
    assert_eq!(office.receive(NOW, &a_day), Err(Refused::Future));
    assert_eq!(office.receive(NOW, &old), Err(Refused::Over));
    // A clock ahead gains no hold.
    assert_eq!(office.practice.poll_timeout(), Some(later(HOLD_KEPT_S)));
}

#[test]
fn rsv_45_contact_is_kept_after_a_confirmation_alone() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.practice.confirm(NOW, &id).expect("waits");
    let confirmed = only(office.drain());
    person.patient.receive(NOW, &confirmed).expect("ours");
    person.patient.contact(NOW, &id, "Anna, 0151").expect("confirmed");
    let [contact] = <[Outgoing; 1]>::try_from(person.drain()).expect("one");
    assert_eq!(contact.to, MAILBOX);
    // A practice that forgot the confirmation, as none does, would not take it.
    let mut early = Office::new();
    requested(early.receive(NOW, &letter));
    assert!(early.receive(NOW, &contact.letter).is_err());
    for _ in 0..2 {
        assert_eq!(office.receive(NOW, &contact.letter), Ok(Received::Contact(id)));
    }
    office.drain();
    office.crash(NOW);
    let shown = office.practice.requests().next().expect("one");
    assert_eq!(shown.contact, Some("Anna, 0151"));
    office.practice.cancel(NOW, &id).expect("confirmed");
    assert_eq!(office.receive(NOW, &contact.letter), Err(Refused::NotConfirmed));
}

#[test]
fn rsv_45_everything_is_deleted_a_day_after_the_slot() {
    let (mut office, mut person) = (Office::with_slots(&[30]), Person::new(1));
    let (_, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    office.drain();
    let end = 30 * 3_600 + 50 * 60;
    office.practice.handle_timeout(later(end + AFTERWARDS_S - 1));
    assert_eq!(office.practice.requests().count(), 1);
    office.practice.handle_timeout(later(end + AFTERWARDS_S));
    office.drain();
    assert!(office.disk.is_empty());
    assert_eq!(office.practice.poll_timeout(), None);
    assert_eq!(office.receive(later(end + AFTERWARDS_S), &letter), Err(Refused::UnknownSlot));
}

#[test]
fn rsv_30_work_belongs_to_one_request() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    // The nonce of another request: fourteen bits by chance once in 2^14.
    let draft = person.draft(NOW, office.wanted(30), Hold::Kept, 0);
    let (unworked, _) = draft.without_work();
    assert_eq!(office.receive(NOW, &unworked), Err(Refused::Work));
    assert!(office.drain().is_empty(), "no answer");
}

#[test]
fn rsv_31_more_work_is_asked_where_many_ask() {
    let mut office = Office::new();
    for number in 0..4 {
        let (id, letter) = Person::new(number).ask(NOW, office.wanted(30));
        requested(office.receive(NOW, &letter));
        office.practice.decline(NOW, &id).expect("waits");
    }
    // Fourteen and no more: half of all requests of fourteen bits.
    let (mut person, mut tries) = (Person::new(100), 0);
    let busy = loop {
        let (id, letter) = person.ask(NOW, office.wanted(30));
        tries += 1;
        match office.receive(NOW, &letter).expect("answered") {
            Received::Declined(_, Reason::Busy) => break id,
            Received::Requested(id) => office.practice.decline(NOW, &id).expect("waits"),
            other => panic!("{other:?}"),
        }
        assert!(tries < 64);
    };
    for outgoing in office.drain() {
        person.patient.receive(NOW, &outgoing.letter).expect("ours or nobody's");
    }
    let State::Declined { reason: Reason::Busy, work_bits } = person.state(busy) else {
        panic!("{:?}", person.state(busy));
    };
    assert!(work_bits > WORK_BITS_MIN);
    let (_, letter) = person.ask_with(NOW, office.wanted(30), Hold::Kept, work_bits + 1);
    requested(office.receive(NOW, &letter));
    // The other slots ask for no more than before.
    let (_, elsewhere) = Person::new(120).ask(NOW, office.wanted(31));
    requested(office.receive(NOW, &elsewhere));
}

#[test]
fn rsv_32_a_queue_is_bounded_and_its_first_stays() {
    let mut office = Office::new();
    let mut waiting = Vec::new();
    for number in 0..QUEUE_MAX as u8 {
        let (id, letter) = Person::new(number).ask_with(
            NOW,
            office.wanted(30),
            Hold::Kept,
            if number == 0 { 0 } else { 16 },
        );
        if matches!(office.receive(NOW, &letter), Ok(Received::Requested(_))) {
            waiting.push(id);
        }
    }
    assert_eq!(waiting.len(), QUEUE_MAX);
    office.drain();
    // As much as the least is too little, more displaces the least that is not the first.
    let mut eager = Person::new(200);
    let (id, letter) = eager.ask_with(NOW, office.wanted(30), Hold::Kept, 20);
    assert_eq!(requested(office.receive(NOW, &letter)), id);
    let declined: Vec<RequestId> = office
        .practice
        .requests()
        .filter(|view| matches!(view.status, Status::Declined { reason: Reason::Busy, .. }))
        .map(|view| view.id)
        .collect();
    assert_eq!(declined.len(), 1);
    assert_ne!(declined[0], waiting[0]);
    assert_eq!(office.status(waiting[0]), Some(Status::Requested));
    let live = office.practice.requests().filter(|v| v.status == Status::Requested).count();
    assert_eq!(live, QUEUE_MAX);
}

#[test]
fn rsv_32_remembered_requests_are_bounded() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let mut full = false;
    for number in 0..REMEMBERED_PER_SLOT_MAX + 8 {
        let draft = person.draft(NOW, office.wanted(30), Hold::Kept, 14);
        let id = person.patient.submit(draft);
        let Ok(id) = id else {
            // The patient's own bound: a new one goes on.
            person = Person::new(number as u8);
            continue;
        };
        let [outgoing] = <[Outgoing; 1]>::try_from(person.drain()).expect("one letter");
        match office.receive(NOW, &outgoing.letter) {
            Err(Refused::Full) => full = true,
            Ok(Received::Requested(_)) => office.practice.decline(NOW, &id).expect("waits"),
            Ok(_) => {}
            Err(refused) => panic!("{refused:?}"),
        }
    }
    assert!(full);
    assert_eq!(office.practice.requests().count(), REMEMBERED_PER_SLOT_MAX);
    // The other slot is open.
    let (_, letter) = Person::new(201).ask(NOW, office.wanted(31));
    requested(office.receive(NOW, &letter));
}

#[test]
fn rsv_33_a_repeated_request_changes_nothing() {
    let (mut office, mut person) = (Office::new(), Person::new(1));
    let (id, letter) = person.ask(NOW, office.wanted(30));
    requested(office.receive(NOW, &letter));
    assert_eq!(office.receive(NOW, &letter), Ok(Received::Repeated(id)));
    assert!(office.drain().is_empty());
    office.practice.confirm(NOW, &id).expect("waits");
    let disk = {
        office.drain();
        office.disk.clone()
    };
    let mut answers = BTreeSet::new();
    for time in 1..200 {
        assert_eq!(office.receive(hours(time % 29), &letter), Ok(Received::Repeated(id)));
        answers.extend(office.drain().into_iter().map(|out| (time, out.letter)));
    }
    assert!(answers.len() < usize::from(ANSWERS_PER_RUN_MAX));
    assert_eq!(answers.iter().map(|(_, letter)| letter).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(office.disk, disk);
}

#[test]
fn rsv_33_a_request_is_for_no_other_practice_slot_or_announce() {
    let office = Office::new();
    let (_, letter) = Person::new(1).ask(NOW, office.wanted(30));
    let mut other = Office::new();
    other.keys = SubKeys::default();
    other.keys.rotate(NOW, [8; 32]);
    assert_eq!(other.receive(NOW, &letter), Err(Refused::NotOurs));
    let mut elsewhere = Office::with_slots(&[31]);
    assert_eq!(elsewhere.receive(NOW, &letter), Err(Refused::UnknownSlot));
    // The slot in another announce alone: whose sub-key is the same this week.
    let mut reissued = Office::with_slots(&[]);
    let next = About { announce: AnnounceId([9; 32]), slot: slot(30) };
    reissued.practice.offer(NOW, next, hours(30), 50).expect("room");
    assert_eq!(reissued.receive(NOW, &letter), Err(Refused::UnknownSlot));
    // In both it is found.
    reissued.practice.offer(NOW, about(slot(30)), hours(30), 50).expect("room");
    requested(reissued.receive(NOW, &letter));
}

#[test]
fn rsv_33_another_request_under_a_known_name_is_refused() {
    let mut office = Office::new();
    let draft = Person::new(1).draft(NOW, office.wanted(30), Hold::Kept, 0);
    let (_, id) = draft.named();
    let first = Person::new(1).ask(NOW, office.wanted(30)).1;
    assert_eq!(requested(office.receive(NOW, &first)), id, "the same random numbers");
    let forged = Person::new(2).draft(NOW, office.wanted(30), Hold::Kept, 0).renamed(id);
    assert_eq!(office.receive(NOW, &forged), Err(Refused::Conflict));
}

#[test]
fn rsv_40_offers_are_bounded() {
    let mut office = Office::with_slots(&[]);
    let past = office.practice.offer(hours(31), about(slot(30)), hours(30), 50);
    assert_eq!(past, Err(DecisionError::NotOffered));
    for number in 0..600_u32 {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&number.to_le_bytes());
        let start = hours(30 + u64::from(number));
        let offered = office.practice.offer(NOW, about(SlotId(name)), start, 50);
        assert_eq!(offered.is_ok(), number < 512);
    }
}
