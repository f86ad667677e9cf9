//! Letters to and from mailbox nodes (`RSV-20` to `RSV-25`).

use std::collections::{BTreeMap, VecDeque};

use fapp::{
    UnixSeconds,
    reservation::{
        Ask, LETTER_LEN, LETTER_LEN_XWING, Letter, MailboxKey, Opened, Outgoing, Pending, Pool,
        Said, put_work,
    },
};
use mesh::{Address, Command, Instant, Node, bundle::PreKeyPublic, identity::Suite};

use super::Appointments;

/// What is under way to mailbox nodes.
#[derive(Default)]
pub(super) struct Letters {
    outgoing: VecDeque<Outgoing>,
    asked: BTreeMap<u64, Asked>,
    next_token: u64,
    /// How far the pool of a node was read.
    cursors: BTreeMap<Address, u64>,
    /// When to read each again.
    page_at: BTreeMap<Address, u64>,
    take_at: u64,
}

struct Asked {
    pending: Pending,
    what: What,
}

enum What {
    /// A letter is put; it is tried again by whoever wrote it when there is no answer.
    Put,
    Page(Address),
    Take,
}

/// Letters that wait: each is repeated by its writer.
const OUTGOING_MAX: usize = 256;
/// Between two looks into a pool.
const PAGE_S: u64 = 15;
/// Between two looks for answers.
const TAKE_S: u64 = 10;
/// Nonces tried at once; some milliseconds.
const TRIES: u32 = 65_536;

impl Appointments {
    /// Letters that practice and patient may send now.
    pub(super) fn collect_letters(&mut self) {
        let letters = &mut self.letters.outgoing;
        while letters.len() < OUTGOING_MAX {
            let next = self.practice.poll_outgoing().or_else(|| self.patient.poll_outgoing());
            let Some(outgoing) = next else { break };
            letters.push_back(outgoing);
        }
    }

    /// Sends letters whose mailbox node's key is known; others wait until it was fetched.
    pub(super) fn send_letters(&mut self, node: &mut Node, now: Instant, at: UnixSeconds) {
        for _ in 0..self.letters.outgoing.len() {
            let Some(outgoing) = self.letters.outgoing.pop_front() else { return };
            if !self.put(node, now, at, &outgoing) {
                self.letters.outgoing.push_back(outgoing);
            }
        }
    }

    fn put(&mut self, node: &mut Node, now: Instant, at: UnixSeconds, outgoing: &Outgoing) -> bool {
        let Outgoing { to, letter } = outgoing;
        let Some((hour, nonce)) = work(to, at, letter) else { return true };
        if *to == node.address() {
            if let Some(pool) = &mut self.pool {
                // A full pool of one's own: the letter is repeated later.
                let _ = pool.put(at, letter.clone(), hour, nonce);
            }
            return true;
        }
        let suite = letter.suite();
        self.ask(
            node,
            now,
            *to,
            &Ask::Put { hour, nonce, letter: letter.clone() },
            suite,
            What::Put,
        )
    }

    /// Seals a question to a mailbox node and sends it; `false` when its key is not known yet.
    fn ask(
        &mut self,
        node: &mut Node,
        now: Instant,
        to: Address,
        ask: &Ask,
        suite: Suite,
        what: What,
    ) -> bool {
        let Some(key) = node.sealing_key(now, to) else { return false };
        let PreKeyPublic { id, x25519, xwing, .. } = &key;
        let key = MailboxKey { node: to, id: *id, x25519, xwing };
        let Ok((body, pending)) = ask.seal(suite, &key, &mut self.rng) else { return true };
        let token = self.letters.next_token;
        self.letters.next_token += 1;
        let sent = node.handle_command(now, Command::Exchange { to, token, body });
        tracing::debug!("a question to the mailbox node {to}: {:?}", sent.as_ref().err());
        if sent.is_ok() {
            self.letters.asked.insert(token, Asked { pending, what });
        }
        sent.is_ok()
    }

    /// Looks into pools: a practice for requests, a patient for answers.
    pub(super) fn fetch(&mut self, node: &mut Node, now: Instant, at: UnixSeconds) {
        // Who withdrew everything may still be written to, by those who were confirmed.
        let mailboxes = self.last_said().map(|said| said.mailboxes().to_vec());
        for mailbox in mailboxes.unwrap_or_default() {
            let due = self.letters.page_at.get(&mailbox).is_none_or(|due| *due <= at.0);
            if self.awaits_letters() && due {
                self.letters.page_at.insert(mailbox, at.0 + PAGE_S);
                self.read_page(node, now, at, mailbox);
            }
        }
        if self.letters.take_at <= at.0 {
            self.letters.take_at = at.0 + TAKE_S;
            let wanted: Vec<_> = self.patient.wanted().collect();
            for wanted in wanted {
                if wanted.node == node.address() {
                    let letters = self.pool.as_ref().map(|pool| pool.take(&wanted.labels));
                    self.read_answers(at, &letters.unwrap_or_default());
                } else {
                    let ask = Ask::Take(wanted.labels);
                    self.ask(node, now, wanted.node, &ask, wanted.suite, What::Take);
                }
            }
        }
    }

    /// Whether somebody may write to this practice.
    pub(super) fn awaits_letters(&self) -> bool {
        self.own().is_some() || self.practice.poll_timeout().is_some()
    }

    fn read_page(&mut self, node: &mut Node, now: Instant, at: UnixSeconds, mailbox: Address) {
        let cursor = self.letters.cursors.get(&mailbox).copied().unwrap_or(0);
        if mailbox == node.address() {
            if let Some(pool) = &self.pool {
                let (cursor, letters) = pool.page(cursor, LETTER_LEN);
                self.read_requests(at, mailbox, cursor, &letters);
            }
            return;
        }
        self.ask(node, now, mailbox, &Ask::Page(cursor), Suite::X25519, What::Page(mailbox));
    }

    /// A mailbox node answered, or did not.
    pub(super) fn on_response(&mut self, at: UnixSeconds, token: u64, body: Option<&[u8]>) {
        let Some(Asked { pending, what }) = self.letters.asked.remove(&token) else { return };
        let Some(said) = body.and_then(|body| pending.open(body).ok()) else {
            tracing::debug!("a mailbox node does not answer ({} B)", body.map_or(0, <[u8]>::len));
            return;
        };
        tracing::debug!("a mailbox node answered with {} letters", said.letters.len());
        match what {
            What::Put if said.kept => {}
            What::Put => tracing::debug!("a letter was not kept: {} bits are asked", said.put_bits),
            What::Page(mailbox) => self.read_requests(at, mailbox, said.cursor, &said.letters),
            What::Take => self.read_answers(at, &said.letters),
        }
    }

    fn read_requests(
        &mut self,
        at: UnixSeconds,
        mailbox: Address,
        cursor: u64,
        letters: &[Letter],
    ) {
        self.letters.cursors.insert(mailbox, cursor);
        if !letters.is_empty() {
            // There may be more.
            self.letters.page_at.insert(mailbox, at.0);
        }
        for letter in letters {
            let seed = self.rng.array();
            match self.practice.receive(at, letter, &self.sub_keys, seed) {
                Ok(received) => tracing::info!("a letter for the practice: {received:?}"),
                Err(refused) => tracing::debug!("a letter of a pool: {refused:?}"),
            }
        }
    }

    fn read_answers(&mut self, at: UnixSeconds, letters: &[Letter]) {
        for letter in letters {
            // Most are for others, or known.
            let _ = self.patient.receive(at, letter);
        }
        self.give_contacts(at);
    }

    /// Somebody asks this node as a mailbox node.
    pub(super) fn on_question(
        &mut self,
        node: &mut Node,
        now: Instant,
        at: UnixSeconds,
        token: u64,
        body: &[u8],
    ) {
        let Some(body) = self.answer_as_mailbox(node, at, body) else { return };
        // Who does not wait any more asks again.
        let _ = node.handle_command(now, Command::ExchangeAnswer { token, body });
    }

    /// What this node answers as a mailbox node; nothing, when it is none or the question is not for it.
    pub(super) fn answer_as_mailbox(
        &mut self,
        node: &Node,
        at: UnixSeconds,
        body: &[u8],
    ) -> Option<Vec<u8>> {
        let pool = self.pool.as_mut()?;
        let opened = Opened::prekey_id(body).ok().and_then(|id| {
            let (x25519, xwing) = node.opening_key(id)?;
            Opened::open(&node.address(), x25519, xwing, body).ok()
        });
        let Some(opened) = opened else {
            tracing::debug!("a question that this node cannot open");
            return None;
        };
        let said = serve(pool, at, opened.ask.clone(), opened.suite());
        tracing::debug!("a question is answered with {} letters", said.letters.len());
        Some(opened.respond(&said, &mut self.rng))
    }
}

fn serve(pool: &mut Pool, at: UnixSeconds, ask: Ask, suite: Suite) -> Said {
    let (kept, cursor, letters) = match ask {
        Ask::Put { hour, nonce, letter } => {
            (pool.put(at, letter, hour, nonce).is_ok(), 0, Vec::new())
        }
        Ask::Take(labels) => (false, 0, pool.take(&labels)),
        Ask::Page(cursor) => {
            let (cursor, letters) = pool.page(cursor, len_of(suite));
            (false, cursor, letters)
        }
    };
    Said { kept, put_bits: pool.put_bits(), cursor, letters }
}

const fn len_of(suite: Suite) -> usize {
    match suite {
        Suite::X25519 => LETTER_LEN,
        Suite::XWing => LETTER_LEN_XWING,
    }
}

/// The work for a put: 2^12 hashes on average, a millisecond.
fn work(node: &Address, at: UnixSeconds, letter: &Letter) -> Option<(u32, u64)> {
    let bits = fapp::reservation::limits::PUT_BITS_MIN;
    let (hour, mut search) = put_work(node, at, letter, bits);
    for _ in 0..64 {
        if let Some(mesh::envelope::Admission::Work { nonce }) = search.step(TRIES) {
            return Some((hour, nonce));
        }
    }
    None
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letters({} waiting, {} asked)", self.outgoing.len(), self.asked.len())
    }
}
