//! Invites given, and invites of others accepted (`MEET-04` to `MEET-08`).

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    address::Address,
    command::{CommandError, Outcome, SendOptions},
    error::{Error, Malformed},
    invite::{self, BundlePin, Invite, InviteError, InviteId, InviteSecret},
    limits::{
        ACCEPTED_MAX, INVITE_LIFETIME_MAX, INVITE_USES_MAX, INVITES_MAX, LIFETIME_MAX, NAME_LEN_MAX,
    },
    node::{Node, outbox::Kind},
    record::{Record, Table},
    time::{Instant, WallClock},
    view::InviteView,
    wire::{Reader, Writer},
};

/// First byte of a row of an invite this node gave; its id follows.
pub(super) const GIVEN_KEY: u8 = b'i';
/// First byte of a row of an invite this node accepted; the inviter's address follows.
pub(super) const ACCEPTED_KEY: u8 = b'a';

/// What an inviter decides about a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InviteVerdict {
    /// The guest is a contact now.
    Accepted = 0,
    /// Others have accepted this invite as often as it may be.
    Used = 1,
    /// It came too late, by the inviter's clock.
    Expired = 2,
    /// The inviter has no room for another contact.
    Full = 3,
    /// The inviter took the invite back.
    Revoked = 4,
}

impl InviteVerdict {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Full => "full",
            Self::Revoked => "revoked",
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Accepted, Self::Used, Self::Expired, Self::Full, Self::Revoked]
            .into_iter()
            .find(|verdict| *verdict as u8 == code)
    }
}

/// An invite this node gave.
#[derive(Debug)]
struct Given {
    secret: InviteSecret,
    expires_at: u64,
    /// The same by the monotonic clock of this run: a wall clock that is set back does not make an
    /// invite hold for longer.
    deadline: Instant,
    uses_max: u16,
    revoked: bool,
    /// In the order in which invites were given.
    seq: u64,
    guests: Vec<Address>,
}

/// An invite of another node that was accepted here.
#[derive(Debug)]
struct Accepted {
    id: InviteId,
    pin: BundlePin,
    /// What the inviter answered.
    verdict: Option<InviteVerdict>,
    seq: u64,
    /// In place of work, while the inviter expects us. Not stored: the introduction in the outbox
    /// has it, and after a restart some work does as well.
    pass: Option<InviteSecret>,
}

/// Both sides of inviting.
#[derive(Debug, Default)]
pub(super) struct Invites {
    given: BTreeMap<InviteId, Given>,
    accepted: BTreeMap<Address, Accepted>,
    next_seq: u64,
    records: Vec<Record>,
}

impl Given {
    fn is_expired(&self, now: Instant, wall: Option<WallClock>) -> bool {
        now >= self.deadline || wall.is_some_and(|wall| wall.unix_secs >= self.expires_at)
    }

    fn is_open(&self, now: Instant, wall: Option<WallClock>) -> bool {
        !self.revoked
            && self.guests.len() < usize::from(self.uses_max)
            && !self.is_expired(now, wall)
    }

    fn row(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 16 * self.guests.len());
        let mut w = Writer::new(&mut out);
        w.array(&self.secret).varint(self.expires_at).u16(self.uses_max);
        w.u8(u8::from(self.revoked)).varint(self.seq);
        // At most INVITE_USES_MAX.
        w.u8(self.guests.len() as u8);
        for guest in &self.guests {
            w.array(guest.as_bytes());
        }
        out
    }
}

impl Accepted {
    fn row(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let mut w = Writer::new(&mut out);
        w.array(&self.id.0).u32(self.pin.version).array(&self.pin.hash);
        w.u8(self.verdict.map_or(0, |verdict| 1 + verdict as u8)).varint(self.seq);
        out
    }
}

impl Invites {
    /// What is known of a node's bundle, until the node has answered.
    pub(super) fn pin(&self, address: &Address) -> Option<&BundlePin> {
        let accepted = self.accepted.get(address)?;
        accepted.verdict.is_none().then_some(&accepted.pin)
    }

    /// The invite with this secret, and what is to be said to `guest`; `None` when there is none.
    pub(super) fn judge(
        &self,
        now: Instant,
        wall: Option<WallClock>,
        secret: &InviteSecret,
        guest: Address,
    ) -> Option<(InviteId, InviteVerdict)> {
        let id = InviteId::of(secret);
        let given = self.given.get(&id).filter(|g| bool::from(g.secret.ct_eq(&**secret)))?;
        let verdict = match () {
            // It came before; the answer was lost with a disk, perhaps.
            () if given.guests.contains(&guest) => InviteVerdict::Accepted,
            () if given.revoked => InviteVerdict::Revoked,
            () if given.guests.len() >= usize::from(given.uses_max) => InviteVerdict::Used,
            () if given.is_expired(now, wall) => InviteVerdict::Expired,
            () => InviteVerdict::Accepted,
        };
        Some((id, verdict))
    }

    /// Counts a guest; `false` when it was counted before.
    pub(super) fn admit(&mut self, id: &InviteId, guest: Address) -> bool {
        let Some(given) = self.given.get_mut(id).filter(|g| !g.guests.contains(&guest)) else {
            return false;
        };
        given.guests.push(guest);
        self.put_given(*id);
        true
    }

    /// Notes an answer; `false` when nobody asked.
    pub(super) fn on_answer(
        &mut self,
        from: &Address,
        id: InviteId,
        verdict: InviteVerdict,
    ) -> bool {
        let Some(accepted) = self.accepted.get_mut(from).filter(|a| a.id == id) else {
            return false;
        };
        accepted.verdict = Some(verdict);
        accepted.pass = None;
        self.put_accepted(*from);
        true
    }

    pub(super) fn views(&self, now: Instant, wall: Option<WallClock>) -> Vec<InviteView> {
        let mut given: Vec<_> = self.given.iter().collect();
        given.sort_unstable_by_key(|(_, given)| given.seq);
        given
            .into_iter()
            .map(|(id, given)| InviteView {
                id: *id,
                expires_at: given.expires_at,
                is_open: given.is_open(now, wall),
                uses_max: given.uses_max,
                guests: given.guests.clone(),
            })
            .collect()
    }

    /// Secrets of invites that somebody may still accept.
    pub(super) fn expected(
        &self,
        now: Instant,
        wall: Option<WallClock>,
    ) -> impl Iterator<Item = &InviteSecret> {
        self.given.values().filter(move |g| g.is_open(now, wall)).map(|given| &given.secret)
    }

    /// What is shown to an inviter in place of work.
    pub(super) fn pass(&self, inviter: &Address) -> Option<InviteSecret> {
        self.accepted.get(inviter)?.pass.clone()
    }

    /// The inviter did not take it, or has answered.
    pub(super) fn drop_pass(&mut self, inviter: &Address) {
        if let Some(accepted) = self.accepted.get_mut(inviter) {
            accepted.pass = None;
        }
    }

    /// Makes room for one more: the oldest that nobody can accept any more goes.
    fn make_room(&mut self, now: Instant, wall: Option<WallClock>) -> Result<(), CommandError> {
        if self.given.len() < INVITES_MAX {
            return Ok(());
        }
        let closed = self.given.iter().filter(|(_, given)| !given.is_open(now, wall));
        let oldest = closed.min_by_key(|(_, given)| given.seq).map(|(id, _)| *id);
        let id = oldest.ok_or(CommandError::InvitesFull)?;
        self.given.remove(&id);
        self.put_given(id);
        Ok(())
    }

    fn put_given(&mut self, id: InviteId) {
        let mut key = alloc::vec![GIVEN_KEY];
        key.extend_from_slice(&id.0);
        let value = self.given.get(&id).map(Given::row);
        self.records.push(Record { table: Table::Meeting, key, value });
    }

    fn put_accepted(&mut self, inviter: Address) {
        let mut key = alloc::vec![ACCEPTED_KEY];
        key.extend_from_slice(inviter.as_bytes());
        let value = self.accepted.get(&inviter).map(Accepted::row);
        self.records.push(Record { table: Table::Meeting, key, value });
    }

    fn accept(&mut self, invite: &Invite) {
        let (inviter, id, pin) = (invite.address(), invite.id(), invite.bundle);
        if self.accepted.len() >= ACCEPTED_MAX && !self.accepted.contains_key(&inviter) {
            // One that was answered before one that was not, then the oldest.
            let first = self.accepted.iter().min_by_key(|(_, a)| (a.verdict.is_none(), a.seq));
            if let Some(first) = first.map(|(inviter, _)| *inviter) {
                self.accepted.remove(&first);
                self.put_accepted(first);
            }
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let pass = Some(invite.secret.clone());
        self.accepted.insert(inviter, Accepted { id, pin, verdict: None, seq, pass });
        self.put_accepted(inviter);
    }

    pub(super) fn restore_given(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        let secret = Zeroizing::new(r.array("invite secret")?);
        let (expires_at, uses_max) = (r.varint("invite expiry")?, r.u16("invite uses")?);
        let revoked = match r.u8("invite flags")? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::OutOfRange("invite flags").into()),
        };
        let seq = r.varint("invite order")?;
        let count = r.u8("invite guests")?;
        if u16::from(count) > INVITE_USES_MAX || seq == u64::MAX {
            return Err(Malformed::OutOfRange("invite guests").into());
        }
        let mut guests = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            guests.push(Address::from_bytes(r.array("invite guest")?));
        }
        r.finish("invite row")?;
        let id = InviteId::of(&secret);
        if name != id.0 || self.given.len() >= INVITES_MAX {
            return Err(Malformed::OutOfRange("invite row key").into());
        }
        self.next_seq = self.next_seq.max(seq + 1);
        // How long the node was off only the wall clock can tell.
        let deadline = Instant::from_micros(u64::MAX);
        let given = Given { secret, expires_at, deadline, uses_max, revoked, seq, guests };
        self.given.insert(id, given);
        Ok(())
    }

    pub(super) fn restore_accepted(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let inviter = name.try_into().map_err(|_| Malformed::OutOfRange("accepted row key"))?;
        let mut r = Reader::new(value);
        let id = InviteId(r.array("accepted invite")?);
        let pin = BundlePin { version: r.u32("bundle version")?, hash: r.array("bundle hash")? };
        let verdict = match r.u8("verdict")? {
            0 => None,
            code => {
                Some(InviteVerdict::from_code(code - 1).ok_or(Malformed::OutOfRange("verdict"))?)
            }
        };
        let seq = r.varint("accepted order")?;
        r.finish("accepted row")?;
        if seq == u64::MAX || self.accepted.len() >= ACCEPTED_MAX {
            return Err(Malformed::OutOfRange("accepted row").into());
        }
        self.next_seq = self.next_seq.max(seq + 1);
        let accepted = Accepted { id, pin, verdict, seq, pass: None };
        self.accepted.insert(Address::from_bytes(inviter), accepted);
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

impl Node {
    pub(in crate::node) fn invite_create(
        &mut self,
        now: Instant,
        name: String,
        lifetime: Duration,
        uses: u16,
        hints: Vec<String>,
    ) -> Result<Outcome, CommandError> {
        if lifetime.as_secs() == 0 || lifetime > INVITE_LIFETIME_MAX {
            return Err(CommandError::InviteLifetime);
        }
        if uses == 0 || uses > INVITE_USES_MAX {
            return Err(CommandError::InviteUses);
        }
        if !invite::is_name(&name) {
            return Err(CommandError::NameOutOfRange);
        }
        let wall = self.wall_now().ok_or(CommandError::NoClock)?;
        let bundle = self.own_bundle();
        let pin = BundlePin { version: self.own.bundle_version, hash: BundlePin::hash(&bundle) };
        let invite = Invite {
            node: self.public,
            root_key: self.identity.root_key(),
            bundle: pin,
            expires_at: wall.unix_secs.saturating_add(lifetime.as_secs()),
            secret: Zeroizing::new(self.rng.array()),
            name,
            hints,
        };
        let code = invite.encode().map_err(|_| CommandError::InviteHints)?;
        let invites = &mut self.meetings.invites;
        invites.make_room(now, Some(wall))?;
        let (id, seq) = (invite.id(), invites.next_seq);
        invites.next_seq += 1;
        let given = Given {
            secret: invite.secret.clone(),
            expires_at: invite.expires_at,
            deadline: now + lifetime,
            uses_max: uses,
            revoked: false,
            seq,
            guests: Vec::new(),
        };
        invites.given.insert(id, given);
        invites.put_given(id);
        Ok(Outcome::Invite { id, code, expires_at: invite.expires_at })
    }

    pub(in crate::node) fn invite_revoke(&mut self, id: InviteId) -> Result<Outcome, CommandError> {
        let given = self.meetings.invites.given.get_mut(&id);
        given.ok_or(CommandError::UnknownInvite)?.revoked = true;
        self.meetings.invites.put_given(id);
        Ok(Outcome::Done)
    }

    pub(in crate::node) fn invite_accept(
        &mut self,
        now: Instant,
        code: &str,
        name: Option<String>,
        introduce_as: &str,
    ) -> Result<Outcome, CommandError> {
        let invite = Invite::decode(code).map_err(explain)?;
        let (address, id) = (invite.address(), invite.id());
        if address == self.public.address() {
            return Err(CommandError::InviteOwn);
        }
        if !invite::is_name(introduce_as) {
            return Err(CommandError::NameOutOfRange);
        }
        self.check_not_accepted(&address, id)?;
        let lifetime = self.life_left(&invite)?;
        if !self.outbox.has_room(INTRODUCTION_LEN_MAX) || self.storage_full {
            return Err(CommandError::OutboxFull);
        }
        let (name, hints) = self.meet_inviter(&invite, name)?;
        self.meetings.invites.accept(&invite);
        self.judge_known_bundle(now, address);
        let content = write_introduction(&invite.secret, introduce_as);
        let options = SendOptions { lifetime, ..SendOptions::default() };
        self.send_system(now, address, Kind::Introduction, content, options);
        self.release_requests(address);
        Ok(Outcome::Met { invite: id, address, name, hints })
    }

    fn check_not_accepted(&self, address: &Address, id: InviteId) -> Result<(), CommandError> {
        let before = self.meetings.invites.accepted.get(address).filter(|a| a.id == id);
        // Whoever removed the contact may meet it again.
        if before.is_some() && self.contacts.contains(address) {
            Err(CommandError::InviteAcceptedBefore)
        } else {
            Ok(())
        }
    }

    /// How long an introduction may try: as long as the invite holds. Without a clock the inviter
    /// decides.
    fn life_left(&self, invite: &Invite) -> Result<Duration, CommandError> {
        let Some(wall) = self.wall_now() else { return Ok(LIFETIME_MAX) };
        let left_s = invite.expires_at.saturating_sub(wall.unix_secs);
        if left_s == 0 {
            let (expires_at, now) = (invite.expires_at, wall.unix_secs);
            return Err(CommandError::InviteExpired { expires_at, now });
        }
        Ok(Duration::from_secs(left_s).min(LIFETIME_MAX))
    }

    /// Pins the inviter under a name.
    fn meet_inviter(
        &mut self,
        invite: &Invite,
        name: Option<String>,
    ) -> Result<(String, Vec<String>), CommandError> {
        let address = invite.address();
        if self.contacts.is_pinned_to_another(&address, invite.root_key.as_ref()) {
            return Err(CommandError::InviteKeyDiffers);
        }
        if let Some(name) = &name {
            self.contacts.check_name(name, Some(&address))?;
        }
        let name = self
            .contact_meet(address, invite.root_key, name, &invite.name)
            .ok_or(CommandError::ContactsFull)?;
        Ok((name, invite.hints.clone()))
    }

    /// A bundle that is here already is judged as one that comes.
    fn judge_known_bundle(&mut self, now: Instant, address: Address) {
        let known = self.bundles.get(&address, None);
        match known.map(|bundle| (self.meetings.allows(bundle), bundle.root_key)) {
            Some((true, root_key)) => self.note_root_key(now, address, root_key),
            Some((false, _)) => self.bundles.refresh(&address),
            None => {}
        }
    }

    pub(super) fn send_answer(
        &mut self,
        now: Instant,
        to: Address,
        invite: InviteId,
        verdict: InviteVerdict,
    ) {
        if !self.outbox.has_room(ANSWER_LEN) || self.storage_full {
            // The guest is a contact here, or is not; it learns by what follows.
            return;
        }
        let mut content = invite.0.to_vec();
        content.push(verdict as u8);
        self.send_system(now, to, Kind::Answer, content, SendOptions::default());
    }
}

fn explain(error: InviteError) -> CommandError {
    match error {
        InviteError::NotAnInvite => CommandError::NotAnInvite,
        InviteError::Cut => CommandError::InviteCut,
        InviteError::Altered => CommandError::InviteAltered,
        InviteError::Version(version) => CommandError::InviteVersion { version },
        InviteError::Invalid(_) => CommandError::InviteInvalid,
    }
}

/// An introduction: secret 16 | name.
fn write_introduction(secret: &InviteSecret, name: &str) -> Vec<u8> {
    let mut content = secret.to_vec();
    content.extend_from_slice(name.as_bytes());
    content
}

pub(super) fn read_introduction(content: &[u8]) -> Result<(InviteSecret, String), Error> {
    let mut r = Reader::new(content);
    let secret = Zeroizing::new(r.array("introduction secret")?);
    let name = core::str::from_utf8(r.rest()).ok().filter(|name| invite::is_name(name));
    let name = name.ok_or(Malformed::OutOfRange("introduction name"))?;
    Ok((secret, name.to_string()))
}

pub(super) fn read_answer(content: &[u8]) -> Result<(InviteId, InviteVerdict), Error> {
    let mut r = Reader::new(content);
    let id = InviteId(r.array("answer invite")?);
    let verdict =
        InviteVerdict::from_code(r.u8("verdict")?).ok_or(Malformed::OutOfRange("verdict"))?;
    r.finish("answer")?;
    Ok((id, verdict))
}

const INTRODUCTION_LEN_MAX: usize = 16 + NAME_LEN_MAX;

/// Invite 16, verdict 1.
const ANSWER_LEN: usize = 17;
