//! Mailboxes: mail whose sender no relay learns (`specs/16-mailbox.md`).
//!
//! A node that chose a mailbox node registers labels there, one in its bundle for strangers and
//! one with a token for each contact. A sealed envelope names the mailbox node and a label; the
//! mailbox node checks the token or the proof of work, keeps the envelope as a message of its own
//! to the label's owner, and passes the receipt back the way the envelope came.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use subtle::ConstantTimeEq;

use super::{
    Node, inner::Inner, link_queue::Ingress, outbox::Kind, receipts::Passed, records::After,
    send::Blocked,
};
use crate::{
    address::Address,
    bundle::MailboxHint,
    command::{CommandError, Outcome, SendOptions},
    envelope::{Admission, Body, EnvelopeId, EnvelopeIn, SealedBody},
    error::{DropReason, Error, Malformed, PeerMisbehaved},
    identity::{Capabilities, Suite},
    link::LinkId,
    record::{Record, Table},
    rules::Rule,
    session::{AdmissionAsked, SealError, SealParams, Sealed, Through},
    time::Instant,
    wire::{
        Reader, Writer,
        frame::{RefuseReason, Refused},
    },
};

/// Labels kept for others: about 120 bytes each, 1 MB.
const LABELS_MAX: usize = 8_192;
/// Labels of one owner: its strangers' label and one a contact, for two days.
const LABELS_PER_OWNER_MAX: usize = 256;
/// Bytes that may wait here for one owner.
const OWNER_BYTES_MAX: usize = 4 << 20;
/// Envelopes remembered so that a repeated one is not kept twice.
const RECENT_MAX: usize = 8_192;
/// Offers of contacts remembered.
const OFFERS_MAX: usize = 5_000;
/// How long a label is registered; renewed after half of it.
const LABEL_LIFE: Duration = Duration::from_secs(2 * 86_400);
const RENEW_INTERVAL: Duration = Duration::from_secs(86_400);
/// Pause after a registration that did not get through.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// Work asked of strangers: 2^16 hashes, about 10 ms of one core.
const STRANGER_WORK_BITS: u8 = 16;

const REGISTER: u8 = 1;
const OFFER: u8 = 2;

const OWN_KEY: &[u8] = b"own";
const LABEL_KEY: u8 = b'l';
const OFFER_KEY: u8 = b'o';

/// A label somebody else registered here.
#[derive(Clone, Copy, Debug)]
struct Registered {
    owner: Address,
    token: Option<[u8; 16]>,
    pow_bits: u8,
    expires_at: Instant,
}

/// Where a contact wants sealed mail of ours.
#[derive(Clone, Copy, Debug)]
struct Offer {
    node: Address,
    label: [u8; 16],
    token: [u8; 16],
    expires_at: Instant,
}

/// Both roles of this node: keeping mail for others, and having mail kept.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    labels: BTreeMap<[u8; 16], Registered>,
    offers: BTreeMap<Address, Offer>,
    own: Option<MailboxHint>,
    renew_at: Option<Instant>,
    recent: BTreeSet<EnvelopeId>,
    recent_order: VecDeque<EnvelopeId>,
    records: Vec<Record>,
}

impl Mailboxes {
    /// What our bundle tells strangers.
    pub(super) fn hint(&self) -> Option<MailboxHint> {
        self.own
    }

    /// The way to leave sealed mail for a contact that offered one.
    pub(super) fn offer(&self, now: Instant, to: &Address) -> Option<(MailboxHint, [u8; 16])> {
        let offer = self.offers.get(to).filter(|offer| offer.expires_at > now)?;
        let hint = MailboxHint { node: offer.node, label: offer.label, pow_bits: 0 };
        Some((hint, offer.token))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.renew_at
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }

    fn remember(&mut self, id: EnvelopeId) {
        if self.recent.insert(id) {
            self.recent_order.push_back(id);
        }
        if self.recent_order.len() > RECENT_MAX
            && let Some(old) = self.recent_order.pop_front()
        {
            self.recent.remove(&old);
        }
    }

    fn put_own(&mut self) {
        let value = self.own.map(|hint| {
            let mut value = hint.node.as_bytes().to_vec();
            value.extend_from_slice(&hint.label);
            value.push(hint.pow_bits);
            value
        });
        self.records.push(Record { table: Table::Mailbox, key: OWN_KEY.to_vec(), value });
    }

    /// Plays back one row of [`Table::Mailbox`]. Remaining lives start anew: the clock that could
    /// tell how long the node was off is not trusted.
    pub(super) fn restore(&mut self, now: Instant, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        let expires_at = now + LABEL_LIFE;
        match key.split_first() {
            _ if key == OWN_KEY => {
                let node = Address::from_bytes(r.array("mailbox node")?);
                let (label, pow_bits) = (r.array("label")?, r.u8("work")?);
                r.finish("own mailbox")?;
                self.own = Some(MailboxHint { node, label, pow_bits });
                self.renew_at = Some(now);
            }
            Some((&LABEL_KEY, label)) => {
                let label = label.try_into().map_err(|_| Malformed::OutOfRange("label"))?;
                let owner = Address::from_bytes(r.array("owner")?);
                let (token, pow_bits) = read_asked(&mut r)?;
                r.finish("label")?;
                self.labels.insert(label, Registered { owner, token, pow_bits, expires_at });
            }
            Some((&OFFER_KEY, to)) => {
                let to: [u8; 16] = to.try_into().map_err(|_| Malformed::OutOfRange("contact"))?;
                let node = Address::from_bytes(r.array("mailbox node")?);
                let (label, token) = (r.array("label")?, r.array("token")?);
                r.finish("offer")?;
                self.offers
                    .insert(Address::from_bytes(to), Offer { node, label, token, expires_at });
            }
            _ => return Err(Malformed::OutOfRange("mailbox row").into()),
        }
        Ok(())
    }

    fn register(&mut self, label: [u8; 16], registered: Registered) -> bool {
        let known = self.labels.get(&label);
        if known.is_some_and(|known| known.owner != registered.owner) {
            return false;
        }
        let of_owner = self.labels.values().filter(|l| l.owner == registered.owner).count();
        let fits = self.labels.len() < LABELS_MAX && of_owner < LABELS_PER_OWNER_MAX;
        if known.is_none() && !fits {
            return false;
        }
        let mut value = Vec::new();
        let mut w = Writer::new(&mut value);
        w.array(registered.owner.as_bytes());
        write_asked(&mut w, registered.token.as_ref(), registered.pow_bits);
        self.put(LABEL_KEY, &label, Some(value));
        self.labels.insert(label, registered);
        true
    }

    fn put(&mut self, kind: u8, key: &[u8; 16], value: Option<Vec<u8>>) {
        let mut row = Vec::with_capacity(17);
        row.push(kind);
        row.extend_from_slice(key);
        self.records.push(Record { table: Table::Mailbox, key: row, value });
    }

    fn expire(&mut self, now: Instant) {
        let over: Vec<_> =
            self.labels.iter().filter(|(_, l)| l.expires_at <= now).map(|(l, _)| *l).collect();
        for label in over {
            self.labels.remove(&label);
            self.put(LABEL_KEY, &label, None);
        }
    }
}

fn write_asked(w: &mut Writer<'_>, token: Option<&[u8; 16]>, pow_bits: u8) {
    w.u8(u8::from(token.is_some()));
    if let Some(token) = token {
        w.array(token);
    }
    w.u8(pow_bits);
}

fn read_asked(r: &mut Reader<'_>) -> Result<(Option<[u8; 16]>, u8), Malformed> {
    let token = match r.u8("token flag")? {
        0 => None,
        1 => Some(r.array("token")?),
        _ => return Err(Malformed::NonCanonical("token flag")),
    };
    let pow_bits = r.u8("work")?;
    if pow_bits > crate::envelope::WORK_BITS_MAX {
        return Err(Malformed::OutOfRange("work"));
    }
    Ok((token, pow_bits))
}

impl Node {
    /// Chooses, changes or gives up this node's mailbox node.
    pub(super) fn mailbox_use(
        &mut self,
        now: Instant,
        node: Option<Address>,
    ) -> Result<Outcome, CommandError> {
        if node == Some(self.public.address()) {
            return Err(CommandError::AddressIsOwn);
        }
        self.mailboxes.own = node.map(|node| {
            let label = self.rng.array();
            MailboxHint { node, label, pow_bits: STRANGER_WORK_BITS }
        });
        self.mailboxes.put_own();
        self.mailboxes.renew_at = node.map(|_| now);
        let version = self.own.bundle_version.saturating_add(1);
        self.own.set_bundle_version(version);
        self.announce_self(now, 0);
        self.on_mailbox_timers(now);
        Ok(Outcome::Done)
    }

    pub(super) fn on_mailbox_timers(&mut self, now: Instant) {
        self.mailboxes.expire(now);
        if self.mailboxes.renew_at.is_some_and(|at| at <= now) {
            let renewed = self.renew_labels(now);
            let pause = if renewed { RENEW_INTERVAL } else { RETRY_INTERVAL };
            self.mailboxes.renew_at = Some(now + pause);
        }
    }

    /// Our mailbox node, or its keys, came within reach: labels that did not get through go now.
    pub(super) fn on_mailbox_reachable(&mut self, now: Instant, address: &Address) {
        let waits = self.mailboxes.own.is_some_and(|hint| hint.node == *address)
            && self.mailboxes.renew_at.is_some_and(|at| at <= now + RETRY_INTERVAL);
        if waits {
            self.mailboxes.renew_at = Some(now);
            self.on_mailbox_timers(now);
        }
    }

    /// Registers the strangers' label, and a fresh label with a token for each contact, which is
    /// told to it. `false` when the mailbox node is out of reach.
    fn renew_labels(&mut self, now: Instant) -> bool {
        let Some(hint) = self.mailboxes.own else { return true };
        if self.send_mailbox_op(now, hint.node, REGISTER, &hint.label, None, hint.pow_bits).is_err()
        {
            return false;
        }
        let contacts: Vec<_> = self.contacts.iter().map(|(address, _)| *address).collect();
        let room = LABELS_PER_OWNER_MAX / 2 - 1;
        for contact in contacts.into_iter().filter(|a| *a != hint.node).take(room) {
            let (label, token): ([u8; 16], [u8; 16]) = (self.rng.array(), self.rng.array());
            let registered =
                self.send_mailbox_op(now, hint.node, REGISTER, &label, Some(&token), 0);
            if registered.is_ok() {
                let mut body = alloc::vec![OFFER];
                body.extend_from_slice(hint.node.as_bytes());
                body.extend_from_slice(&label);
                body.extend_from_slice(&token);
                // A contact out of reach keeps the strangers' way.
                let _ = self.send_inner(now, contact, &Inner::Mailbox(&body));
            }
        }
        true
    }

    fn send_mailbox_op(
        &mut self,
        now: Instant,
        node: Address,
        op: u8,
        label: &[u8; 16],
        token: Option<&[u8; 16]>,
        pow_bits: u8,
    ) -> Result<(), Blocked> {
        let mut body = alloc::vec![op];
        let mut w = Writer::new(&mut body);
        w.array(label);
        write_asked(&mut w, token, pow_bits);
        self.send_inner(now, node, &Inner::Mailbox(&body))
    }

    #[cfg(test)]
    pub(super) fn own_mailbox_label(&self) -> Option<[u8; 16]> {
        self.mailboxes.own.map(|hint| hint.label)
    }

    /// Whether there is a way to send sealed to `to`, as far as known.
    pub(super) fn check_sealed(&self, now: Instant, to: &Address) -> Result<(), CommandError> {
        let known = self.bundles.get(to, None).map(|bundle| bundle.mailbox);
        match (self.mailboxes.offer(now, to), known) {
            (None, Some(None)) => Err(CommandError::NoMailbox),
            _ => Ok(()),
        }
    }

    /// Seals for the recipient's mailbox node and finds the link towards that.
    pub(super) fn seal_to_mailbox(
        &mut self,
        now: Instant,
        to: Address,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<(LinkId, Sealed), Blocked> {
        if self.contacts.is_blocked(&to) {
            return Err(Blocked::Trust);
        }
        let announced = self.routing.bundle_version(&to);
        let Some(bundle) = self.bundles.get(&to, announced) else {
            self.want_bundle(now, to);
            return Err(Blocked::Bundle);
        };
        let (hint, admission) = match (self.mailboxes.offer(now, &to), bundle.mailbox) {
            (Some((hint, token)), _) => (hint, AdmissionAsked::Token(token)),
            (None, Some(hint)) => (hint, AdmissionAsked::Work),
            (None, None) => return Err(Blocked::Bundle),
        };
        let (identity, rng) = (&self.identity, &mut self.rng);
        let through = Through { mailbox: &hint, admission };
        let sealed = self
            .sessions
            .initiate_sealed(now, identity, bundle, Suite::XWing, through, params, inner, rng)
            .map_err(|error| match error {
                SealError::SuiteFloor { floor } => Blocked::Floor(floor),
                _ => Blocked::Bundle,
            })?;
        // The route is looked for last, so that bundles are fetched meanwhile.
        let link = self.route_to(now, &hint.node)?;
        Ok((link, sealed))
    }

    /// A mailbox command or offer, inside a session with `from`.
    pub(super) fn on_mailbox_op(
        &mut self,
        now: Instant,
        from: Address,
        body: &[u8],
    ) -> Result<(), Error> {
        let mut r = Reader::new(body);
        match r.u8("mailbox command")? {
            REGISTER => {
                let label = r.array("label")?;
                let (token, pow_bits) = read_asked(&mut r)?;
                r.finish("mailbox command")?;
                if label == [0; 16] || !self.has(Capabilities::MAILBOX) {
                    return Err(PeerMisbehaved::Unsolicited.into());
                }
                let expires_at = now + LABEL_LIFE;
                let registered = Registered { owner: from, token, pow_bits, expires_at };
                if !self.mailboxes.register(label, registered) {
                    return Err(PeerMisbehaved::OverBudget.into());
                }
            }
            OFFER => {
                let node = Address::from_bytes(r.array("mailbox node")?);
                let (label, token) = (r.array("label")?, r.array("token")?);
                r.finish("offer")?;
                let room = self.mailboxes.offers.len() < OFFERS_MAX;
                if self.contacts.contains(&from) && room {
                    let offer = Offer { node, label, token, expires_at: now + LABEL_LIFE };
                    self.mailboxes.offers.insert(from, offer);
                    let mut value = node.as_bytes().to_vec();
                    value.extend_from_slice(&label);
                    value.extend_from_slice(&token);
                    self.mailboxes.put(OFFER_KEY, from.as_bytes(), Some(value));
                }
            }
            _ => return Err(Malformed::OutOfRange("mailbox command").into()),
        }
        Ok(())
    }

    /// A sealed envelope for a label kept here. `None` when it is not one: we are its recipient.
    pub(super) fn keep_sealed(
        &mut self,
        now: Instant,
        link: LinkId,
        envelope: &EnvelopeIn<'_>,
    ) -> Option<Result<(), Error>> {
        let Body::Sealed(body) = envelope.body() else { return None };
        if body.label == [0; 16] {
            return None;
        }
        Some(self.keep_labelled(now, link, envelope, &body))
    }

    fn keep_labelled(
        &mut self,
        now: Instant,
        link: LinkId,
        envelope: &EnvelopeIn<'_>,
        body: &SealedBody<'_>,
    ) -> Result<(), Error> {
        let (header, id) = (*envelope.header(), envelope.id());
        let refused = Refused { id, lock: header.lock, reason: RefuseReason::Full };
        let registered = self.mailboxes.labels.get(&body.label).copied();
        let Some(registered) = registered.filter(|label| label.expires_at > now) else {
            self.refuse(link, Refused { reason: RefuseReason::UnknownKey, ..refused });
            self.drop_frame(DropReason::UnknownKey);
            return Ok(());
        };
        match (registered.token, body.admission) {
            (Some(token), Admission::Token(shown)) if bool::from(token.ct_eq(&shown)) => {}
            (Some(_), _) => return Err(PeerMisbehaved::OverBudget.into()),
            (None, _) if !self.holds(Rule::ContactAdmission) => {}
            (None, admission) => {
                admission.check_work(&body.label, body.sealed, registered.pow_bits)?;
            }
        }
        if self.mailboxes.recent.contains(&id) {
            self.counters.duplicates += 1;
            self.commit.after(After::CustodyAck { link, id });
            return Ok(());
        }
        let len = envelope.bytes().len();
        let full = self.storage_full
            || !self.outbox.has_room(len)
            || self.outbox.waiting_bytes(&registered.owner) + len > OWNER_BYTES_MAX;
        if full {
            self.drop_frame(DropReason::Full);
            self.refuse(link, refused);
            return Ok(());
        }
        self.mailboxes.remember(id);
        self.counters.custody_taken += 1;
        let (ingress, dest) = (Ingress::Link(link), self.public.address());
        let from = self.neighbour(link);
        let passed = Passed { ingress, from, egress: link, dest, id: None, at: now };
        self.locks.insert(header.lock, passed);
        let lifetime = header.remaining_life().max(Duration::from_secs(1));
        let options = SendOptions { lifetime, priority: header.priority, ..SendOptions::default() };
        let content = envelope.bytes().to_vec();
        self.send_system(now, registered.owner, Kind::Forwarded, content, options);
        self.commit.after(After::CustodyAck { link, id });
        Ok(())
    }
}
