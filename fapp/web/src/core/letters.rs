//! Letters to and from mailbox nodes (`RSV-20` to `RSV-25`). The page carries questions to its node, which carries
//! them on; both see bytes for a mailbox node.

use std::collections::{BTreeMap, VecDeque};

use fapp::{
    UnixSeconds,
    reservation::{Ask, MailboxKey, Outgoing, Pending, put_work},
};
use mesh::{
    Address,
    bundle::{Bundle, PreKeyPublic},
    crypto::Mode,
    envelope::Admission,
    identity::Suite,
};
use serde_json::{Value, json};

use super::{Core, Said, said};
use crate::message::{hex, unhex_array};

/// Questions under way, and what they need.
#[derive(Default)]
pub(super) struct Letters {
    waiting: VecDeque<(Address, Wish)>,
    asked: BTreeMap<u64, Pending>,
    next_token: u64,
    keys: BTreeMap<Address, PreKeyPublic>,
    /// Nodes whose key was asked for and did not come in this round.
    unknown: Vec<Address>,
}

/// What a mailbox node is to be asked.
enum Wish {
    Put(Outgoing),
    Take([[u8; 16]; 2], Suite),
}

/// Letters and questions that wait: each of 64 reservations puts one letter and takes one answer.
const WAITING_MAX: usize = 128;
/// Questions without an answer yet.
const ASKED_MAX: usize = 64;
/// Nonces tried at once.
const TRIES: u32 = 65_536;

impl Core {
    /// Does what is due: letters are written, answers looked for. Call it every few seconds, then take questions.
    pub(super) fn tick(&mut self, now: UnixSeconds) -> Said {
        self.patient.handle_timeout(now);
        self.give_contacts(now);
        self.letters.unknown.clear();
        let takes: Vec<_> = self.patient.wanted().collect();
        for wanted in takes {
            let is_there = |(to, wish): &(Address, Wish)| {
                *to == wanted.node
                    && matches!(wish, Wish::Take(labels, _) if *labels == wanted.labels)
            };
            if self.letters.waiting.len() < WAITING_MAX
                && !self.letters.waiting.iter().any(is_there)
            {
                let take = Wish::Take(wanted.labels, wanted.suite);
                self.letters.waiting.push_back((wanted.node, take));
            }
        }
        said(json!({ "waiting": self.patient.wanted().count() }))
    }

    /// The next thing the page is to fetch: `{"want": "bundle", "address"}`, or `{"want": "exchange",
    /// "address", "token"}` with the question's bytes, or null.
    pub(super) fn question(&mut self, now: UnixSeconds) -> Said {
        while self.letters.waiting.len() < WAITING_MAX {
            let Some(outgoing) = self.patient.poll_outgoing() else { break };
            self.letters.waiting.push_front((outgoing.to, Wish::Put(outgoing)));
        }
        for _ in 0..self.letters.waiting.len() {
            let Some((to, wish)) = self.letters.waiting.pop_front() else { break };
            if self.letters.unknown.contains(&to) || self.letters.asked.len() >= ASKED_MAX {
                self.letters.waiting.push_back((to, wish));
                continue;
            }
            let Some(key) = self.letters.keys.get(&to).cloned() else {
                self.letters.waiting.push_front((to, wish));
                return said(json!({ "want": "bundle", "address": hex(to.as_bytes()) }));
            };
            if let Some((token, body)) = self.seal(now, to, &key, &wish) {
                let what =
                    json!({ "want": "exchange", "address": hex(to.as_bytes()), "token": token });
                return Ok((what, body));
            }
        }
        said(Value::Null)
    }

    fn seal(
        &mut self,
        now: UnixSeconds,
        to: Address,
        key: &PreKeyPublic,
        wish: &Wish,
    ) -> Option<(u64, Vec<u8>)> {
        let (ask, suite) = match wish {
            Wish::Put(Outgoing { letter, .. }) => {
                let (hour, mut search) =
                    put_work(&to, now, letter, fapp::reservation::limits::PUT_BITS_MIN);
                let nonce = (0..64).find_map(|_| match search.step(TRIES) {
                    Some(Admission::Work { nonce }) => Some(nonce),
                    _ => None,
                })?;
                (Ask::Put { hour, nonce, letter: letter.clone() }, letter.suite())
            }
            Wish::Take(labels, suite) => (Ask::Take(*labels), *suite),
        };
        let PreKeyPublic { id, x25519, xwing, .. } = key;
        let key = MailboxKey { node: to, id: *id, x25519, xwing };
        let (body, pending) = ask.seal(suite, &key, self.rng.as_mut()?).ok()?;
        let token = self.letters.next_token;
        self.letters.next_token += 1;
        self.letters.asked.insert(token, pending);
        Some((token, body))
    }

    /// What the node says are a mailbox node's keys: they are taken when the mailbox node signed them, and its
    /// address is that of the key that signed. Nothing, when the node does not know them yet.
    pub(super) fn bundle(&mut self, address: &str, bytes: &[u8]) -> Said {
        let address = Address::from_bytes(unhex_array(address)?);
        let bundle = Bundle::parse_verified(Mode::Real, bytes).ok();
        let key = bundle
            .filter(|bundle| bundle.identity.address() == address)
            .and_then(|bundle| bundle.prekeys.into_iter().next());
        let known = key.is_some();
        match key {
            Some(key) => {
                self.letters.keys.insert(address, key);
            }
            None => self.letters.unknown.push(address),
        }
        said(json!(known))
    }

    /// A mailbox node's answer, or nothing when there was none. Says whether a reservation changed.
    pub(super) fn answer(&mut self, now: UnixSeconds, token: u64, bytes: &[u8]) -> Said {
        let Some(pending) = self.letters.asked.remove(&token) else { return said(json!(false)) };
        let Ok(told) = pending.open(bytes) else {
            // The key may be an old one: it is asked for again.
            self.letters.keys.clear();
            return said(json!(false));
        };
        let mut changed = false;
        for letter in &told.letters {
            // Most are for others, or known.
            changed |= matches!(self.patient.receive(now, letter), Ok(Some(_)));
        }
        self.give_contacts(now);
        said(json!(changed))
    }
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letters({} waiting, {} asked)", self.waiting.len(), self.asked.len())
    }
}
