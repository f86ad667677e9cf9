//! First meeting (`specs/21-meeting.md`): invites given and accepted, strangers' first messages, and
//! who is blocked.

mod admission;
mod invites;
mod requests;
mod standing;

use alloc::vec::Vec;

use self::{admission::Admissions, invites::Invites, requests::Requests, standing::Standings};
use super::{
    Node,
    inner::MessageHead,
    ranges::Inserted,
    records::{After, Receipt},
};
use crate::{
    address::Address,
    bundle::Bundle,
    command::{CommandError, Outcome},
    error::{DropReason, Error, Malformed, PeerMisbehaved},
    event::{Event, InboxMessage},
    identity::PublicIdentity,
    invite::InviteId,
    record::{Record, Table},
    session::Opened,
    time::Instant,
    view::{InviteView, RequestView},
    wire::frame::{RefuseReason, Refused},
};

pub(super) use admission::{Shown, earn};
pub use invites::InviteVerdict;
pub(super) use requests::Request;

/// What becomes of messages of nodes that are neither contacts nor let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// They are messages like others.
    #[default]
    Inbox,
    /// They wait in a folder of their own, without a receipt, until the user decides.
    Request,
    /// They are dropped; only invites let strangers in.
    Refuse,
}

/// Everything of this node's first meetings.
#[derive(Debug, Default)]
pub(super) struct Meetings {
    invites: Invites,
    requests: Requests,
    standings: Standings,
    admissions: Admissions,
}

impl Meetings {
    /// Plays back one row of [`Table::Meeting`] or [`Table::Requests`].
    pub(super) fn restore(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if table == Table::Requests {
            return self.requests.restore(key, value);
        }
        let (kind, name) = key.split_first().ok_or(Malformed::MissingData("meeting row key"))?;
        match *kind {
            invites::GIVEN_KEY => self.invites.restore_given(name, value),
            invites::ACCEPTED_KEY => self.invites.restore_accepted(name, value),
            standing::KEY => self.standings.restore(name, value),
            admission::GIVEN_KEY | admission::HELD_KEY | admission::ASKED_KEY => {
                self.admissions.restore(*kind, name, value)
            }
            _ => Err(Malformed::OutOfRange("meeting row key").into()),
        }
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        self.invites.drain_records(out);
        self.requests.drain_records(out);
        self.standings.drain_records(out);
        self.admissions.drain_records(out);
    }

    /// A contact is forgotten.
    pub(super) fn on_contact_removed(&mut self, address: &Address) {
        self.admissions.withdraw(address);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.admissions.poll_timeout()
    }

    pub(super) fn is_blocked(&self, address: &Address) -> bool {
        self.standings.is_blocked(address)
    }

    /// Whether a bundle of this node may be what it says: no accepted invite knows better.
    pub(super) fn allows(&self, bundle: &Bundle) -> bool {
        let pin = self.invites.pin(&bundle.identity.address());
        pin.is_none_or(|pin| pin.allows(bundle.version, bundle.bytes()))
    }
}

impl Node {
    /// Whether the user has yet to decide about this node's messages.
    pub(super) fn is_undecided(&self, from: &Address) -> bool {
        self.config.strangers != Strangers::Inbox
            && !self.contacts.contains(from)
            && !self.meetings.standings.is_let_in(from)
            && self.mailboxes.hint().is_none_or(|hint| hint.node != *from)
    }

    /// Whoever is written to may answer.
    pub(super) fn note_written_to(&mut self, to: Address) {
        if self.is_undecided(&to) && !self.meetings.is_blocked(&to) {
            // With a full list the answer is a request.
            let _ = self.meetings.standings.let_in(to);
            self.release_requests(to);
        }
    }

    /// A message of a node about which the user has yet to decide (`MEET-11`).
    pub(super) fn on_request(
        &mut self,
        opened: &Opened,
        head: MessageHead,
        payload: &[u8],
        receipt: Receipt,
    ) {
        let from = opened.peer.address();
        let Some(envelope) = receipt.custody else {
            self.drop_frame(DropReason::Unsolicited);
            return;
        };
        let request = self.request(opened, head, payload, from, false);
        if self.config.strangers == Strangers::Refuse {
            self.give_up_on(&from, DropReason::Unsolicited);
            return;
        }
        if self.keep_request(request, Some((receipt.link, envelope))) {
            self.sessions.keep(&from);
            return;
        }
        let Some(lock) = super::receipts::locks_of(&receipt.preimage).next() else { return };
        let reason = RefuseReason::Full;
        self.refuse(receipt.link, Refused { id: envelope, lock, reason });
    }

    /// The same for a message that our mailbox node kept. `false`: it was not kept.
    pub(super) fn on_sealed_request(
        &mut self,
        opened: &Opened,
        head: MessageHead,
        payload: &[u8],
        mailbox: Address,
    ) -> bool {
        if self.config.strangers == Strangers::Refuse {
            self.drop_frame(DropReason::Unsolicited);
            return false;
        }
        let request = self.request(opened, head, payload, mailbox, true);
        self.keep_request(request, None)
    }

    fn request(
        &self,
        opened: &Opened,
        head: MessageHead,
        payload: &[u8],
        receipt_to: Address,
        sealed: bool,
    ) -> Request {
        Request {
            sender: *opened.peer.node_key(),
            head,
            preimage: opened.preimage,
            receipt_to,
            received_at: self.wall_now(),
            sealed,
            payload: payload.into(),
        }
    }

    fn keep_request(
        &mut self,
        request: Request,
        custody: Option<(crate::link::LinkId, crate::envelope::EnvelopeId)>,
    ) -> bool {
        let (from, id) = (request.from(), request.id(&self.public.address()));
        match self.meetings.requests.insert(id, request) {
            requests::Kept::New { evicted } => {
                if let Some(evicted) = evicted {
                    self.give_up_on(&evicted, DropReason::Full);
                }
                self.commit.after(After::Requested { from, id, custody });
                true
            }
            requests::Kept::Again => {
                self.counters.duplicates += 1;
                self.commit.after(After::CustodyOf(custody));
                true
            }
            requests::Kept::NoRoom => {
                self.give_up_on(&from, DropReason::Full);
                false
            }
        }
    }

    /// Something of this stranger was opened and is not kept: no copy of it may ever be taken for
    /// one that was, so what could recognise a copy goes (`MEET-13`).
    fn give_up_on(&mut self, from: &Address, reason: DropReason) {
        self.drop_frame(reason);
        self.sessions.forget(from);
    }

    /// Everything that a node sent while it was a stranger becomes ordinary messages.
    pub(super) fn release_requests(&mut self, from: Address) {
        for request in self.meetings.requests.take(&from) {
            let Request { sender, head, preimage, receipt_to, received_at, sealed, payload } =
                request;
            if self.inbox.mark(sender, &head) == Inserted::New {
                let id = super::outbox::message_id(
                    &sender,
                    &self.public.address(),
                    head.lineage,
                    head.counter,
                );
                let verified = false;
                let message =
                    InboxMessage { seq: 0, id, from, received_at, payload, verified, sealed };
                let message = self.inbox.insert(message, true);
                self.commit.after(After::Shown(message));
            }
            self.commit.after(After::RoutedReceipt { to: receipt_to, preimage });
        }
    }

    pub(super) fn request_accept(
        &mut self,
        now: Instant,
        from: Address,
        name: Option<alloc::string::String>,
    ) -> Result<Outcome, CommandError> {
        let (count, bytes) = self.meetings.requests.of(&from);
        if count == 0 && !self.meetings.is_blocked(&from) {
            return Err(CommandError::UnknownRequest);
        }
        if !self.inbox.has_room(bytes) {
            return Err(CommandError::Busy);
        }
        match name {
            Some(name) => {
                self.contact_add(now, name, from, None)?;
            }
            None if self.contacts.contains(&from) => {}
            None => self.meetings.standings.let_in(from)?,
        }
        self.unblock(&from);
        self.release_requests(from);
        Ok(Outcome::Done)
    }

    pub(super) fn request_block(&mut self, address: Address) -> Result<Outcome, CommandError> {
        if address == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        self.meetings.standings.block(address)?;
        // Its sessions stay: they recognise what comes, and nothing is ever said about it.
        self.meetings.requests.take(&address);
        self.meetings.admissions.withdraw(&address);
        Ok(Outcome::Done)
    }

    pub(super) fn request_unblock(&mut self, address: Address) -> Result<Outcome, CommandError> {
        if !self.unblock(&address) {
            return Err(CommandError::NotBlocked);
        }
        Ok(Outcome::Done)
    }

    fn unblock(&mut self, address: &Address) -> bool {
        let was_blocked = self.meetings.standings.unblock(address);
        if was_blocked {
            // Copies of what was dropped must not be taken for messages that were shown.
            self.sessions.forget(address);
        }
        was_blocked
    }

    pub(super) fn show_request(&mut self, from: Address, id: crate::envelope::MessageId) {
        if self.meetings.requests.show(&id) {
            self.events.push_back(Event::Request { from, id });
        }
    }

    /// First messages of strangers that wait for a decision, oldest first.
    pub fn requests(&self) -> Vec<RequestView> {
        self.meetings.requests.views()
    }

    /// Nodes whose messages are dropped.
    pub fn blocked(&self) -> Vec<Address> {
        self.meetings.standings.blocked().collect()
    }

    /// Invites this node gave, used up and expired ones among them while they are remembered.
    pub fn invites(&self) -> Vec<InviteView> {
        self.meetings.invites.views(self.now, self.wall_now())
    }

    /// An accepted invite's first message: its secret, and what the guest would like to be called.
    pub(super) fn on_introduction(
        &mut self,
        now: Instant,
        opened: &Opened,
        head: MessageHead,
        content: &[u8],
        receipt: Receipt,
    ) -> Result<(), Error> {
        if !self.settle_system(opened, head, receipt) {
            return Ok(());
        }
        let (secret, wanted) = invites::read_introduction(content)?;
        let guest = opened.peer.address();
        let wall = self.wall_now();
        let Some((invite, verdict)) = self.meetings.invites.judge(now, wall, &secret, guest) else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        let verdict = match verdict {
            InviteVerdict::Accepted => self.welcome(invite, &opened.peer, opened.root_key, &wanted),
            refused => refused,
        };
        self.send_answer(now, guest, invite, verdict);
        Ok(())
    }

    /// Makes a guest a contact, unless there is no room for one more.
    fn welcome(
        &mut self,
        invite: InviteId,
        guest: &PublicIdentity,
        root_key: Option<[u8; 32]>,
        wanted: &str,
    ) -> InviteVerdict {
        let address = guest.address();
        let Some(name) = self.contact_meet(address, root_key, None, wanted) else {
            return InviteVerdict::Full;
        };
        let is_new = self.meetings.invites.admit(&invite, address);
        self.release_requests(address);
        if is_new {
            self.events.push_back(Event::InviteUsed { invite, address, name });
        }
        InviteVerdict::Accepted
    }

    /// Notes a durable system message; `false` when it came before.
    fn settle_system(&mut self, opened: &Opened, head: MessageHead, receipt: Receipt) -> bool {
        self.sessions.keep(&opened.peer.address());
        let new = self.inbox.mark(*opened.peer.node_key(), &head) == Inserted::New;
        self.commit.after(After::Receipt(receipt));
        new
    }

    /// What the inviter decided about our introduction.
    pub(super) fn on_answer(
        &mut self,
        opened: &Opened,
        head: MessageHead,
        content: &[u8],
        receipt: Receipt,
    ) -> Result<(), Error> {
        if !self.settle_system(opened, head, receipt) {
            return Ok(());
        }
        let (invite, verdict) = invites::read_answer(content)?;
        let address = opened.peer.address();
        if !self.meetings.invites.on_answer(&address, invite, verdict) {
            return Err(PeerMisbehaved::Unsolicited.into());
        }
        self.events.push_back(Event::InviteAnswered { invite, address, verdict });
        Ok(())
    }
}
