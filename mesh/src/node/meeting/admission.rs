//! What strangers show before they are listened to: work, or a pass of somebody who is expected
//! (`MEET-20` to `MEET-23`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Strangers;
use crate::{
    address::Address,
    bundle::Bundle,
    crypto::rng::NodeRng,
    envelope::{self, Admission, Body, Content, EnvelopeIn, SealedBody, Search},
    error::{DropReason, Error, Malformed},
    identity::{MeshIdentity, Suite},
    invite::InviteSecret,
    limits::PASSES_MAX,
    link::LinkId,
    node::{Node, inner::Inner, send::Blocked},
    record::{Record, Table},
    session::{Opened, SealError, Sessions},
    time::Instant,
    wire::frame::{RefuseReason, Refused},
};

/// First byte of a row of passes given; the address follows.
pub(super) const GIVEN_KEY: u8 = b'g';
/// First byte of a row of a pass held; the address follows.
pub(super) const HELD_KEY: u8 = b'h';
/// The row that keeps what the bundle last asked for.
pub(super) const ASKED_KEY: u8 = b'w';

/// Nonces tried in one step: 4,096 hashes of two blocks are 1 to 3 ms of a small core.
const WORK_STEP: u32 = 4_096;
/// Pause between two steps, in which everything else has its turn.
const WORK_PAUSE: Duration = Duration::from_millis(1);
/// Recipients for whom work is done at once; the others wait for their turn.
const WORKS_MAX: usize = 64;
/// A fresh pass for one node at most this often: first contacts come in bursts.
const PASS_PAUSE: Duration = Duration::from_secs(3_600);

/// The keys of a node that need not work. The former one holds until the next was seen.
#[derive(Debug)]
struct Given {
    keys: Vec<Zeroizing<[u8; 16]>>,
    at: Option<Instant>,
}

/// Passes given and held, and work that is being done.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    given: BTreeMap<Address, Given>,
    by_tag: BTreeMap<[u8; 4], BTreeSet<Address>>,
    held: BTreeMap<Address, Zeroizing<[u8; 16]>>,
    works: BTreeMap<Address, Search>,
    work_at: Option<Instant>,
    /// Whose step was the last.
    last: Option<Address>,
    /// What the bundle asks for, as it was last signed.
    asked: u8,
    records: Vec<Record>,
}

impl Admissions {
    /// Whether what the bundle asks for changed.
    fn set_asked(&mut self, bits: u8) -> bool {
        let changed = core::mem::replace(&mut self.asked, bits) != bits;
        if changed {
            let (key, value) = (alloc::vec![ASKED_KEY], Some(alloc::vec![bits]));
            self.records.push(Record { table: Table::Meeting, key, value });
        }
        changed
    }

    /// A new pass for a node; `None` when it got one a moment ago, or there is no room.
    fn give(
        &mut self,
        now: Instant,
        to: Address,
        rng: &mut NodeRng,
    ) -> Option<Zeroizing<[u8; 16]>> {
        let before = self.given.get(&to);
        let recent = before.and_then(|given| given.at);
        let room = before.is_some() || self.given.len() < PASSES_MAX;
        if !room || recent.is_some_and(|at| now.saturating_since(at) < PASS_PAUSE) {
            return None;
        }
        let key = Zeroizing::new(rng.array());
        let former = before.and_then(|given| given.keys.last().cloned());
        self.unindex(&to);
        let keys: Vec<_> = former.into_iter().chain([key.clone()]).collect();
        self.index(to, &keys);
        self.put(GIVEN_KEY, &to, Some(keys.iter().flat_map(|key| **key).collect()));
        self.given.insert(to, Given { keys, at: Some(now) });
        Some(key)
    }

    /// Takes back what a node was given.
    pub(super) fn withdraw(&mut self, from: &Address) {
        self.unindex(from);
        if self.given.remove(from).is_some() {
            self.put(GIVEN_KEY, from, None);
        }
    }

    fn index(&mut self, owner: Address, keys: &[Zeroizing<[u8; 16]>]) {
        for key in keys {
            self.by_tag.entry(envelope::pass_tag(key)).or_default().insert(owner);
        }
    }

    fn unindex(&mut self, owner: &Address) {
        for key in self.given.get(owner).into_iter().flat_map(|given| &given.keys) {
            let tag = envelope::pass_tag(key);
            if let Some(owners) = self.by_tag.get_mut(&tag) {
                owners.remove(owner);
                if owners.is_empty() {
                    self.by_tag.remove(&tag);
                }
            }
        }
    }

    /// Whose pass this is.
    fn owner(&self, shown: &[u8; 16], puzzle: &[u8; 32]) -> Option<Address> {
        let owners = self.by_tag.get(&shown[..4])?;
        let holds = |owner: &&Address| {
            let keys = self.given.get(*owner).into_iter().flat_map(|given| &given.keys);
            keys.fold(false, |held, key| held | is_pass(key, shown, puzzle))
        };
        owners.iter().find(holds).copied()
    }

    fn hold(&mut self, from: Address, key: Zeroizing<[u8; 16]>) {
        if self.held.len() < PASSES_MAX || self.held.contains_key(&from) {
            self.put(HELD_KEY, &from, Some(key.to_vec()));
            self.held.insert(from, key);
        }
    }

    fn drop_held(&mut self, from: &Address) {
        if self.held.remove(from).is_some() {
            self.put(HELD_KEY, from, None);
        }
    }

    fn put(&mut self, kind: u8, address: &Address, value: Option<Vec<u8>>) {
        let mut key = alloc::vec![kind];
        key.extend_from_slice(address.as_bytes());
        self.records.push(Record { table: Table::Meeting, key, value });
    }

    /// Begins the work for a recipient, or goes on with it.
    fn work(&mut self, now: Instant, to: Address, puzzle: [u8; 32], bits: u8) {
        let is_under_way = self.works.get(&to).is_some_and(|search| *search.puzzle() == puzzle);
        if !is_under_way && (self.works.len() < WORKS_MAX || self.works.contains_key(&to)) {
            self.works.insert(to, Search::for_puzzle(puzzle, bits));
        }
        self.work_at.get_or_insert(now);
    }

    /// One step for the next recipient in turn; what was found for it, if anything.
    fn step(&mut self, now: Instant) -> Option<(Address, [u8; 32], Admission)> {
        let after = |last: &Address| self.works.keys().find(|to| *to > last);
        let next = self.last.as_ref().and_then(after).or_else(|| self.works.keys().next()).copied();
        let Some(to) = next else {
            self.work_at = None;
            return None;
        };
        self.last = Some(to);
        self.work_at = Some(now + WORK_PAUSE);
        let search = self.works.get_mut(&to)?;
        let found = search.step(WORK_STEP)?;
        let puzzle = *search.puzzle();
        self.works.remove(&to);
        Some((to, puzzle, found))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.work_at
    }

    pub(super) fn restore(&mut self, kind: u8, name: &[u8], value: &[u8]) -> Result<(), Error> {
        if kind == ASKED_KEY {
            let ([bits], []) = (value, name) else {
                return Err(Malformed::OutOfRange("work row").into());
            };
            self.asked = *bits;
            return Ok(());
        }
        let address = name.try_into().map_err(|_| Malformed::OutOfRange("pass row key"))?;
        let address = Address::from_bytes(address);
        let (keys, rest) = value.as_chunks::<16>();
        let wanted = if kind == GIVEN_KEY { 1..=2 } else { 1..=1 };
        let full = self.given.len().max(self.held.len()) >= PASSES_MAX;
        if !rest.is_empty() || !wanted.contains(&keys.len()) || full {
            return Err(Malformed::OutOfRange("pass row").into());
        }
        let mut keys: Vec<_> = keys.iter().map(|key| Zeroizing::new(*key)).collect();
        if kind == GIVEN_KEY {
            self.unindex(&address);
            self.index(address, &keys);
            self.given.insert(address, Given { keys, at: None });
        } else if let Some(key) = keys.pop() {
            self.held.insert(address, key);
        }
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

/// Whether `shown` is the pass of `key` for an encapsulation, in constant time.
fn is_pass(key: &[u8; 16], shown: &[u8; 16], puzzle: &[u8; 32]) -> bool {
    bool::from(envelope::pass(key, puzzle).ct_eq(shown))
}

/// The part of a first contact that goes to its recipient directly.
fn direct_contact<'a>(envelope: &EnvelopeIn<'a>) -> Option<SealedBody<'a>> {
    let body = match envelope.body() {
        Body::Sealed(body) => body,
        Body::Signed { content: Content::Sealed(body), .. } => body,
        _ => return None,
    };
    (body.label == [0; 16]).then_some(body)
}

/// Why an envelope may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) enum Shown {
    /// Nothing is asked of it, it shows work, or the pass of an invite.
    Enough,
    /// The pass of this node: nobody else may use it.
    PassOf(Address),
}

impl Node {
    /// Work that our bundle asks of strangers.
    pub(in crate::node) fn work_asked(&self) -> u8 {
        match self.config.strangers {
            Strangers::Request => self.config.work_bits.min(envelope::DIRECT_WORK_BITS_MAX),
            Strangers::Inbox | Strangers::Refuse => 0,
        }
    }

    /// Gives the bundle a new version when it asks for another amount of work than before.
    pub(in crate::node) fn refresh_work_asked(&mut self) {
        let bits = self.work_asked();
        if self.meetings.admissions.set_asked(bits) {
            let version = self.own.bundle_version.saturating_add(1);
            self.own.set_bundle_version(version);
        }
    }

    /// Judges what a first contact shows, before anything is decrypted. One that shows too little
    /// is refused as if its keys were unknown: a sender whose bundle does not say what is asked
    /// fetches the one that does.
    pub(in crate::node) fn judge_admission(
        &mut self,
        now: Instant,
        link: LinkId,
        envelope: &EnvelopeIn<'_>,
    ) -> Option<Shown> {
        let bits = self.work_asked();
        let Some(body) = direct_contact(envelope).filter(|_| bits > 0) else {
            return Some(Shown::Enough);
        };
        let puzzle = envelope::puzzle(
            &self.public.address(),
            body.kem.suite(),
            body.prekey_id,
            body.kem.as_bytes(),
        );
        let shown = match body.admission {
            Admission::None => None,
            Admission::Work { .. } => {
                body.admission.check_puzzle(&puzzle, bits).ok().map(|()| Shown::Enough)
            }
            Admission::Token(shown) => self.judge_pass(now, &shown, &puzzle),
        };
        if shown.is_none() {
            self.drop_frame(DropReason::OverBudget);
            let (id, lock) = (envelope.id(), envelope.header().lock);
            self.refuse(link, Refused { id, lock, reason: RefuseReason::UnknownKey });
        }
        shown
    }

    fn judge_pass(&self, now: Instant, shown: &[u8; 16], puzzle: &[u8; 32]) -> Option<Shown> {
        if let Some(owner) = self.meetings.admissions.owner(shown, puzzle) {
            return Some(Shown::PassOf(owner));
        }
        let wall = self.wall_now();
        let mut secrets = self.meetings.invites.expected(now, wall);
        secrets.any(|secret| is_pass(secret, shown, puzzle)).then_some(Shown::Enough)
    }

    /// A decided node opened a session by a first contact: it need not work for the next one.
    pub(in crate::node) fn renew_pass(&mut self, now: Instant, opened: &Opened) {
        let to = opened.peer.address();
        if !opened.first_contact || self.work_asked() == 0 || self.is_undecided(&to) {
            return;
        }
        if let Some(key) = self.meetings.admissions.give(now, to, &mut self.rng) {
            // Lost, it costs the node some work.
            let _ = self.send_inner(now, to, &Inner::Pass(&key));
        }
    }

    /// A node tells us that we need not work for it.
    pub(in crate::node) fn on_pass(&mut self, from: Address, key: [u8; 16]) {
        if !self.contacts.contains(&from) {
            // Strangers may fill no list of ours; it costs us some work.
            return;
        }
        self.meetings.admissions.hold(from, Zeroizing::new(key));
    }

    /// A recipient refused what we showed.
    pub(in crate::node) fn on_admission_refused(&mut self, to: &Address) {
        self.meetings.admissions.drop_held(to);
        self.meetings.invites.drop_pass(to);
    }

    pub(in crate::node) fn on_work_timers(&mut self, now: Instant) {
        if self.meetings.admissions.work_at.is_none_or(|at| at > now) {
            return;
        }
        if let Some((to, puzzle, found)) = self.meetings.admissions.step(now) {
            self.sessions.admit(&to, &puzzle, found);
            self.pump(now, to);
            self.resume_pings(now, to);
            self.on_mailbox_reachable(now, &to);
        }
    }
}

/// Sees to it that the next first contact to a recipient shows what its bundle asks for.
pub(in crate::node) fn earn(
    now: Instant,
    meetings: &mut super::Meetings,
    sessions: &mut Sessions,
    identity: &MeshIdentity,
    bundle: &Bundle,
    suite: Suite,
    rng: &mut NodeRng,
) -> Result<(), Blocked> {
    if bundle.work_bits == 0 {
        return Ok(());
    }
    let to = bundle.identity.address();
    let puzzle = match sessions.puzzle(now, identity, bundle, suite, rng) {
        Ok(Some(puzzle)) => puzzle,
        Ok(None) => return Ok(()),
        Err(SealError::SuiteFloor { floor }) => return Err(Blocked::Floor(floor)),
        Err(_) => return Err(Blocked::Bundle),
    };
    let held = meetings.admissions.held.get(&to);
    let key: Option<InviteSecret> = held.cloned().or_else(|| meetings.invites.pass(&to));
    match key {
        Some(key) => {
            sessions.admit(&to, &puzzle, Admission::Token(envelope::pass(&key, &puzzle)));
            Ok(())
        }
        None => {
            meetings.admissions.work(now, to, puzzle, bundle.work_bits);
            Err(Blocked::Work)
        }
    }
}
