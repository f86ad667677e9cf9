//! A reservation from end to end, as the first hop and the mailbox node see it (`RSV-20`).

use std::{collections::BTreeSet, vec::Vec};

use mesh::{
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
    },
    envelope::Admission,
    identity::Suite,
};

use super::{
    super::{Ask, MailboxKey, Opened, Pool, Said, put_work},
    *,
};

/// A mailbox node, with all that its operator and the hop before it see.
struct Node {
    x25519: X25519Key,
    xwing: XWingKey,
    pool: Pool,
    rng: NodeRng,
    questions: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    letters: Vec<Letter>,
}

impl Node {
    fn new() -> Self {
        Self {
            x25519: X25519Key::from_seed([1; 32]),
            xwing: XWingKey::from_seed(Mode::Real, [2; 32]),
            pool: Pool::new(MAILBOX, 1_000),
            rng: NodeRng::from_seed([3; 32]),
            questions: Vec::new(),
            responses: Vec::new(),
            letters: Vec::new(),
        }
    }

    /// Asks over the network, and gives what the asker reads.
    fn ask(&mut self, suite: Suite, ask: &Ask) -> Said {
        let (x25519, xwing) = (self.x25519.public(), self.xwing.public());
        let key = MailboxKey { node: MAILBOX, id: 1, x25519: &x25519, xwing: &xwing };
        let (question, pending) = ask.seal(suite, &key, &mut self.rng).expect("sound");
        let response = self.respond(&question);
        self.questions.push(question);
        let said = pending.open(&response).expect("to this question");
        self.responses.push(response);
        said
    }

    fn respond(&mut self, question: &[u8]) -> Vec<u8> {
        let opened = Opened::open(&MAILBOX, &self.x25519, &self.xwing, question).expect("to us");
        let len = Letter::len_of(opened.suite());
        let mut said = Said { kept: false, put_bits: 0, cursor: 0, letters: Vec::new() };
        match &opened.ask {
            Ask::Put { hour, nonce, letter } => {
                self.letters.push(letter.clone());
                said.kept = self.pool.put(NOW, letter.clone(), *hour, *nonce).is_ok();
            }
            Ask::Take(labels) => said.letters = self.pool.take(labels),
            Ask::Page(cursor) => (said.cursor, said.letters) = self.pool.page(*cursor, len),
        }
        said.put_bits = self.pool.put_bits();
        opened.respond(&said, &mut self.rng)
    }

    fn put(&mut self, letter: &Letter) {
        let (hour, mut search) = put_work(&MAILBOX, NOW, letter, self.pool.put_bits());
        let Some(Admission::Work { nonce }) = search.step(u32::MAX) else { panic!("found") };
        let said = self.ask(letter.suite(), &Ask::Put { hour, nonce, letter: letter.clone() });
        assert!(said.kept);
    }

    /// What a practice does every few minutes.
    fn page(&mut self, suite: Suite, cursor: &mut u64) -> Vec<Letter> {
        let said = self.ask(suite, &Ask::Page(*cursor));
        *cursor = said.cursor;
        said.letters
    }

    /// What a patient does who waits.
    fn take(&mut self, person: &Person) -> Vec<Letter> {
        let wanted = person.patient.wanted().next().expect("waits");
        self.ask(wanted.suite, &Ask::Take(wanted.labels)).letters
    }
}

fn journey(suite: Suite) -> Node {
    let (mut node, mut office, mut person) = (Node::new(), Office::new(), Person::new(1));
    let mut cursor = 0;
    let wanted = match suite {
        Suite::X25519 => office.wanted(30),
        Suite::XWing => office.wanted_xwing(30),
    };
    let (id, request) = person.ask(NOW, wanted);
    node.put(&request);
    for letter in node.page(suite, &mut cursor) {
        assert_eq!(office.receive(NOW, &letter), Ok(Received::Requested(id)));
    }
    office.practice.confirm(NOW, &id).expect("waits");
    node.put(&only(office.drain()));
    for letter in node.take(&person) {
        person.patient.receive(NOW, &letter).expect("ours");
    }
    assert_eq!(person.state(id), State::Confirmed);
    person.patient.contact(NOW, &id, "Anna, 0151").expect("confirmed");
    node.put(&person.drain().remove(0).letter);
    // The practice's own answer lies in the pool as well, and is nobody's it knows.
    let heard: Vec<_> =
        node.page(suite, &mut cursor).iter().map(|letter| office.receive(NOW, letter)).collect();
    assert_eq!(heard, [Err(Refused::NotOurs), Ok(Received::Contact(id))]);
    person.patient.cancel(NOW, &id).expect("confirmed");
    node.put(&person.drain().remove(0).letter);
    for letter in node.page(suite, &mut cursor) {
        assert_eq!(office.receive(NOW, &letter), Ok(Received::Cancelled(id)));
    }
    node.put(&only(office.drain()));
    for letter in node.take(&person) {
        person.patient.receive(NOW, &letter).expect("ours");
    }
    assert!(matches!(person.state(id), State::Cancelled { known: true, .. }));
    node
}

/// The first hop: every question is one length, has six bytes in common with every other, and no
/// label in it.
#[test]
fn rsv_20_the_first_hop_sees_bytes_for_a_mailbox_node() {
    for suite in [Suite::X25519, Suite::XWing] {
        let node = journey(suite);
        assert_eq!(node.questions.len(), 10);
        let lengths: BTreeSet<usize> = node.questions.iter().map(Vec::len).collect();
        assert_eq!(lengths.len(), 1);
        nothing_in_common(node.questions.iter().map(|question| &question[6..]));
        for letter in &node.letters {
            let inside = |question: &Vec<u8>| question.windows(16).any(|w| w == letter.label());
            assert!(!node.questions.iter().any(inside) && !node.responses.iter().any(inside));
        }
    }
}

/// The mailbox node: request, answer, contact and cancellation are of one length and nothing in one
/// is in another, or in what is public of the practice.
#[test]
fn rsv_20_the_mailbox_node_sees_letters_that_are_all_alike() {
    for suite in [Suite::X25519, Suite::XWing] {
        let node = journey(suite);
        assert_eq!(node.letters.len(), 5);
        let lengths: BTreeSet<usize> = node.letters.iter().map(|l| l.bytes().len()).collect();
        assert_eq!(lengths.len(), 1);
        let office = Office::new();
        let sub_key = office.sub_key();
        let public: [&[u8]; 3] = [sub_key.x25519(), &THERAPIST[..6], &ANNOUNCE.0[..6]];
        nothing_in_common(node.letters.iter().map(Letter::bytes).chain(public));
        // Each begins with a label and then a number below 2^255, as X25519 keys are.
        assert!(node.letters.iter().all(|letter| letter.bytes()[47] < 0x80));
    }
}

/// No six bytes are in two of them.
fn nothing_in_common<'a>(all: impl Iterator<Item = &'a [u8]>) {
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for bytes in all {
        let windows: BTreeSet<&[u8]> = bytes.windows(6).collect();
        assert!(seen.is_disjoint(&windows));
        seen.extend(windows);
    }
}
