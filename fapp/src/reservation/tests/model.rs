//! Two patients want one slot: every order of deliveries, losses, repetitions, decisions and crashes
//! (`RSV-40` to `RSV-43`).
//!
//! A state is what is on three disks and which letters lie at mailbox nodes. A letter that lies there
//! may be delivered at any time, any number of times, or never; those of the two patients go by
//! different nodes, so neither waits for the other. After every event the rows are durable and the
//! letters leave, or the rows are durable and the letters are lost with the process, or nothing is
//! durable and nothing leaves. All states that can be reached are visited.

use std::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use super::{super::limits::HOLD_KEPT_S, *};

#[derive(Clone)]
struct World {
    practice: Practice,
    office_disk: Disk,
    patients: [Patient; 2],
    disks: [Disk; 2],
    /// Letters at mailbox nodes, and whether they are the practice's to fetch.
    lying: BTreeSet<(bool, Letter)>,
}

type Key = (Disk, [Disk; 2], BTreeSet<(bool, Letter)>);

#[derive(Clone, Debug)]
enum Event {
    Deliver(bool, Letter),
    RestartPractice,
    /// And what is due is sent.
    RestartPatient(usize),
    Confirm(usize),
    Decline(usize),
    PracticeCancels(usize),
    PatientCancels(usize),
    HoldsEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    DurableAndSent,
    /// What a machine that answers before its disk is done would do. No rule allows it.
    SentAndLost,
}

/// What may happen in a model beside deliveries, confirmations and restarts.
#[derive(Clone, Copy, Default)]
struct Scope {
    declines: bool,
    practice_cancels: bool,
    patient_cancels: bool,
    holds_end: bool,
    broken: bool,
}

struct Model {
    keys: SubKeys,
    ids: [RequestId; 2],
    scope: Scope,
}

impl Model {
    fn new(scope: Scope) -> (Self, World) {
        let mut office = Office::with_slots(&[30]);
        let mut people = [Person::new(1), Person::new(2)];
        let ids = core::array::from_fn(|i| people[i].ask(NOW, office.wanted(30)).0);
        office.drain();
        let [one, two] = people;
        let world = World {
            practice: office.practice,
            office_disk: office.disk,
            disks: [one.disk, two.disk],
            patients: [one.patient, two.patient],
            lying: BTreeSet::new(),
        };
        (Self { keys: office.keys, ids, scope }, world)
    }

    fn events(&self, world: &World) -> Vec<Event> {
        let mut events: Vec<Event> = world
            .lying
            .iter()
            .map(|(ours, letter)| Event::Deliver(*ours, letter.clone()))
            .collect();
        events.push(Event::RestartPractice);
        for i in 0..2 {
            events.extend([Event::RestartPatient(i), Event::Confirm(i)]);
            if self.scope.declines {
                events.push(Event::Decline(i));
            }
            if self.scope.practice_cancels {
                events.push(Event::PracticeCancels(i));
            }
            if self.scope.patient_cancels {
                events.push(Event::PatientCancels(i));
            }
        }
        if self.scope.holds_end {
            events.push(Event::HoldsEnd);
        }
        events
    }

    fn step(&self, world: &mut World, event: &Event, then: Then) {
        let practice = &mut world.practice;
        match event {
            Event::Deliver(true, letter) => {
                let seed = mesh::crypto::hash::sha256(letter.bytes());
                let _ = practice.receive(NOW, letter, &self.keys, seed);
            }
            Event::Deliver(false, letter) => world.patients.iter_mut().for_each(|patient| {
                patient.receive(NOW, letter).expect("of the practice, or somebody else's");
            }),
            Event::RestartPractice => *practice = restored_practice(&world.office_disk, NOW),
            Event::RestartPatient(i) => {
                world.patients[*i] = restored_patient(&world.disks[*i], NOW);
            }
            Event::Confirm(i) => drop(practice.confirm(NOW, &self.ids[*i])),
            Event::Decline(i) => drop(practice.decline(NOW, &self.ids[*i])),
            Event::PracticeCancels(i) => drop(practice.cancel(NOW, &self.ids[*i])),
            Event::PatientCancels(i) => drop(world.patients[*i].cancel(NOW, &self.ids[*i])),
            Event::HoldsEnd => practice.handle_timeout(later(HOLD_KEPT_S)),
        }
        let mut forgotten = Disk::new();
        let disk = if then == Then::SentAndLost { &mut forgotten } else { &mut world.office_disk };
        let mut leaving: Vec<_> = drain_practice(&mut world.practice, disk)
            .into_iter()
            .map(|o| (false, o.letter))
            .collect();
        for (patient, disk) in world.patients.iter_mut().zip(&mut world.disks) {
            leaving.extend(drain_patient(patient, disk).into_iter().map(|o| (true, o.letter)));
        }
        world.lying.extend(leaving);
        if then == Then::SentAndLost {
            world.practice = restored_practice(&world.office_disk, NOW);
        }
    }

    fn state(&self, world: &World, i: usize) -> State {
        let mut views = world.patients[i].reservations();
        views.find(|view| view.id == self.ids[i]).expect("asked").state
    }

    fn status(&self, world: &World, i: usize) -> Option<Status> {
        let disk = restored_practice(&world.office_disk, NOW);
        let status = disk.requests().find(|view| view.id == self.ids[i])?.status;
        Some(status)
    }

    /// What must hold whatever happened.
    fn check(&self, world: &World) -> Result<(), &'static str> {
        let given = (0..2)
            .filter(|i| matches!(self.status(world, *i), Some(Status::Confirmed { .. })))
            .count();
        if given > 1 {
            return Err("the practice gave the slot away twice");
        }
        let believe: Vec<usize> =
            (0..2).filter(|i| self.state(world, *i) == State::Confirmed).collect();
        if believe.len() > 1 {
            return Err("two patients believe to have the slot");
        }
        let sound = |i: &usize| {
            matches!(
                self.status(world, *i),
                Some(Status::Confirmed { .. } | Status::Cancelled { .. })
            )
        };
        if !believe.iter().all(sound) {
            return Err("shown as booked, and is not");
        }
        Ok(())
    }

    /// From here on nothing is lost: everybody starts anew, and everything arrives.
    fn settle(&self, world: &World) -> World {
        let mut world = world.clone();
        self.step(&mut world, &Event::RestartPractice, Then::DurableAndSent);
        for _ in 0..3 {
            for i in 0..2 {
                self.step(&mut world, &Event::RestartPatient(i), Then::DurableAndSent);
            }
            for to_practice in [true, false] {
                for (ours, letter) in world.lying.clone() {
                    if ours == to_practice {
                        let event = Event::Deliver(ours, letter);
                        self.step(&mut world, &event, Then::DurableAndSent);
                    }
                }
                for i in 0..2 {
                    self.step(&mut world, &Event::Confirm(i), Then::DurableAndSent);
                }
            }
        }
        world
    }

    /// Visits every state, and gives how many there are, or what went wrong. What it settles to costs
    /// more than the visit: it is looked at for every so manieth.
    fn explore(
        &self,
        start: World,
        settle_every: usize,
        settled: impl Fn(&World) -> Result<(), &'static str>,
    ) -> Result<usize, &'static str> {
        let key = |w: &World| -> Key { (w.office_disk.clone(), w.disks.clone(), w.lying.clone()) };
        let mut seen = BTreeSet::from([key(&start)]);
        let mut queue = VecDeque::from([start]);
        let mut visited = 0;
        while let Some(world) = queue.pop_front() {
            self.check(&world)?;
            visited += 1;
            if visited % settle_every == 0 {
                settled(&self.settle(&world))?;
            }
            for event in self.events(&world) {
                let mut next = world.clone();
                let before = next.lying.clone();
                self.step(&mut next, &event, Then::DurableAndSent);
                let mut found = vec![];
                if next.lying != before {
                    found.push(World { lying: before, ..next.clone() });
                }
                found.push(next);
                if self.scope.broken {
                    let mut next = world.clone();
                    self.step(&mut next, &event, Then::SentAndLost);
                    found.push(next);
                }
                for next in found {
                    if seen.insert(key(&next)) {
                        queue.push_back(next);
                    }
                }
            }
            assert!(seen.len() < STATES_MAX, "the model is too large to be searched");
        }
        Ok(seen.len())
    }

    /// One has the slot, the other knows that it has not.
    fn one_has_it(&self, world: &World) -> Result<(), &'static str> {
        match (self.state(world, 0), self.state(world, 1)) {
            (State::Confirmed, State::Declined { .. })
            | (State::Declined { .. }, State::Confirmed) => Ok(()),
            _ => Err("in the end not exactly one has the slot"),
        }
    }

    /// Everybody knows what is, and both ends say the same.
    fn all_agree(&self, world: &World) -> Result<(), &'static str> {
        for i in 0..2 {
            let agree = match (self.state(world, i), self.status(world, i)) {
                (State::Requested, _) => false,
                (State::Confirmed, status) => matches!(status, Some(Status::Confirmed { .. })),
                (_, status) => !matches!(status, Some(Status::Confirmed { .. })),
            };
            if !agree {
                return Err("in the end the two ends of a reservation differ");
            }
        }
        Ok(())
    }
}

const STATES_MAX: usize = 200_000;

#[test]
fn rsv_42_every_interleaving_confirms_exactly_one() {
    let (model, start) = Model::new(Scope::default());
    let states =
        model.explore(start, 1, |world| model.one_has_it(world)).expect("holds everywhere");
    std::println!("{states} states");
    assert!(states > 50);
}

#[test]
fn rsv_42_with_refusals_and_ends_of_holds() {
    let scope = Scope { declines: true, holds_end: true, ..Scope::default() };
    let (model, start) = Model::new(scope);
    let states = model.explore(start, 1, |world| model.all_agree(world)).expect("holds everywhere");
    std::println!("{states} states");
    assert!(states > 50);
}

#[test]
fn rsv_40_with_cancellations() {
    for (practice_cancels, patient_cancels) in [(true, false), (false, true)] {
        let scope = Scope { practice_cancels, patient_cancels, ..Scope::default() };
        let (model, start) = Model::new(scope);
        let states =
            model.explore(start, 8, |world| model.all_agree(world)).expect("holds everywhere");
        std::println!("{states} states");
        assert!(states > 50);
    }
}

#[test]
fn rsv_42_with_both_cancellations() {
    let scope = Scope { practice_cancels: true, patient_cancels: true, ..Scope::default() };
    let (model, start) = Model::new(scope);
    let states =
        model.explore(start, 64, |world| model.all_agree(world)).expect("holds everywhere");
    std::println!("{states} states");
    assert!(states > 1_000);
}

/// The search notices: a practice that answers before its disk is done confirms two.
#[test]
fn rsv_43_the_search_finds_a_practice_that_answers_too_early() {
    let scope = Scope { broken: true, ..Scope::default() };
    let (model, start) = Model::new(scope);
    let found = model.explore(start, 1, |_| Ok(())).expect_err("it breaks the rule");
    assert!(
        ["shown as booked, and is not", "two patients believe to have the slot"].contains(&found),
        "{found}"
    );
}
