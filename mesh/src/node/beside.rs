//! Programs beside the node: frames to the same program of a neighbour, and exchanges with that of a
//! node further away, which learns nobody's name by them (`specs/32-beside.md`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::Node;
use crate::{
    address::Address,
    bundle::PreKeyPublic,
    command::{CommandError, Outcome},
    crypto::kem::{X25519Key, XWingKey},
    error::{DropReason, Error, Malformed, PeerMisbehaved},
    event::Event,
    identity::Capabilities,
    limits::{
        self, BESIDE_FRAME_LEN_MAX, BESIDE_ROW_LEN_MAX, EXCHANGE_REQUEST_LEN_MAX,
        EXCHANGE_RESPONSE_LEN_MAX,
    },
    link::LinkId,
    record::{Record, Table},
    time::Instant,
    wire::{
        Reader,
        frame::{self, FrameKind},
    },
};

/// Bytes that wait for one link: two responses of the greatest length.
const LANE_BYTES_MAX: usize = 2 * EXCHANGE_RESPONSE_LEN_MAX;
/// Exchanges of our own under way: 64 × 4 kB.
const ASKING_MAX: usize = 64;
/// Exchanges of others whose way back is remembered: 1,024 × 40 B.
const PASSED_MAX: usize = 1_024;
/// Questions that the program here has yet to answer.
const ASKED_MAX: usize = 256;
/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A first repetition; the next waits twice as long.
const REPEAT: Duration = Duration::from_secs(10);
/// Wait for a route that is being looked for.
const ROUTE_WAIT: Duration = Duration::from_secs(2);
/// Requests a neighbour may send at once; the account refills by [`REFILL_PER_S`].
const BUDGET: u32 = 32;
const REFILL_PER_S: u64 = 4;

/// What waits for one link, and how much the neighbour there may still ask.
#[derive(Debug)]
struct Lane {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    budget: u32,
    budget_at: Instant,
}

impl Lane {
    const fn new(now: Instant) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, budget: BUDGET, budget_at: now }
    }

    fn push(&mut self, frame: Vec<u8>) -> bool {
        let has_room = self.bytes + frame.len() <= LANE_BYTES_MAX;
        if has_room {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
        has_room
    }

    fn spend(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_since(self.budget_at).as_secs();
        if seconds > 0 {
            let refill = seconds.saturating_mul(REFILL_PER_S).min(u64::from(BUDGET)) as u32;
            self.budget = (self.budget + refill).min(BUDGET);
            self.budget_at = now;
        }
        let granted = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        granted
    }
}

/// An exchange that the program here began.
#[derive(Debug)]
struct Asking {
    to: Address,
    token: u64,
    body: Vec<u8>,
    /// The link it left over; `None` while there is no route.
    via: Option<LinkId>,
    /// Wait after the next try.
    wait: Duration,
    next_at: Instant,
    expires_at: Instant,
}

/// An exchange of others: where its response has to come from and go to.
#[derive(Clone, Copy, Debug)]
struct Passed {
    back: LinkId,
    onward: LinkId,
    at: Instant,
}

type ExchangeId = [u8; 8];

/// Lanes and exchanges.
#[derive(Debug, Default)]
pub(super) struct Beside {
    lanes: BTreeMap<LinkId, Lane>,
    asking: BTreeMap<ExchangeId, Asking>,
    passed: BTreeMap<ExchangeId, Passed>,
    passed_order: VecDeque<ExchangeId>,
    asked: BTreeMap<u64, (LinkId, ExchangeId)>,
    next_token: u64,
    /// Rows of programs, until the next drain.
    records: Vec<Record>,
}

impl Beside {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.asking.values().map(|asking| asking.next_at.min(asking.expires_at)).min()
    }

    pub(super) fn has_output(&self, link: LinkId) -> bool {
        self.lanes.get(&link).is_some_and(|lane| !lane.frames.is_empty())
    }

    pub(super) fn on_link_down(&mut self, link: LinkId) {
        self.lanes.remove(&link);
        self.asked.retain(|_, (from, _)| *from != link);
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }

    fn remember(&mut self, id: ExchangeId, passed: Passed) {
        if self.passed.insert(id, passed).is_none() {
            self.passed_order.push_back(id);
        }
        while self.passed_order.len() > PASSED_MAX
            || self.passed_order.front().is_some_and(|id| self.is_over(id, passed.at))
        {
            let Some(old) = self.passed_order.pop_front() else { return };
            self.passed.remove(&old);
        }
    }

    fn is_over(&self, id: &ExchangeId, now: Instant) -> bool {
        self.passed.get(id).is_none_or(|passed| passed.at + PATIENCE <= now)
    }

    /// A token for a question; beyond [`ASKED_MAX`] the oldest question has no answer.
    fn ask(&mut self, link: LinkId, id: ExchangeId) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.asked.insert(token, (link, id));
        if self.asked.len() > ASKED_MAX {
            self.asked.pop_first();
        }
        token
    }
}

struct Request<'a> {
    id: ExchangeId,
    dest: Address,
    hops_left: u8,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let id = r.array("exchange id")?;
        let dest = Address::from_bytes(r.array("destination")?);
        let hops_left = r.u8("hops left")?;
        let body = r.rest();
        if hops_left == 0 || hops_left > limits::HOPS_MAX {
            return Err(Malformed::OutOfRange("hops left"));
        }
        if body.len() > EXCHANGE_REQUEST_LEN_MAX {
            return Err(Malformed::OutOfRange("exchange request"));
        }
        Ok(Self { id, dest, hops_left, body })
    }

    fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(frame::FRAME_HEADER_LEN + 25 + self.body.len());
        frame::begin(&mut frame, FrameKind::EXCHANGE_REQUEST);
        frame.extend_from_slice(&self.id);
        frame.extend_from_slice(self.dest.as_bytes());
        frame.push(self.hops_left);
        frame.extend_from_slice(self.body);
        frame
    }
}

fn response_frame(id: &ExchangeId, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(frame::FRAME_HEADER_LEN + id.len() + body.len());
    frame::begin(&mut frame, FrameKind::EXCHANGE_RESPONSE);
    frame.extend_from_slice(id);
    frame.extend_from_slice(body);
    frame
}

impl Node {
    /// The pre-key to seal something to another node with; it is asked for when it is not known, so
    /// that a later call has it.
    pub fn sealing_key(&mut self, now: Instant, address: Address) -> Option<PreKeyPublic> {
        self.begin(now);
        let known = self.bundles.get(&address, None).and_then(|bundle| bundle.prekeys.first());
        let key = known.cloned();
        if key.is_none() && address != self.public.address() {
            self.want_bundle(now, address);
        }
        key
    }

    /// A node's bundle as it is sent, for a program that seals elsewhere; it is asked for when it is not
    /// known, so that a later call has it.
    pub fn bundle_bytes(&mut self, now: Instant, address: Address) -> Option<Vec<u8>> {
        if address == self.public.address() {
            return Some(self.own_bundle());
        }
        self.begin(now);
        let known = self.bundles.get(&address, None).map(|bundle| bundle.bytes().to_vec());
        if known.is_none() {
            self.want_bundle(now, address);
        }
        known
    }

    /// Neighbours that keep mail for others.
    pub fn mailbox_neighbours(&self) -> impl Iterator<Item = Address> + '_ {
        let offers = |address: &Address| {
            let known = self.routing.capabilities(address);
            known.is_some_and(|capabilities| capabilities.contains(Capabilities::MAILBOX))
        };
        self.links.values().map(|link| link.up.peer.address()).filter(offers)
    }

    /// The newest pre-key of this node, as others have it.
    pub fn own_sealing_key(&self) -> Option<PreKeyPublic> {
        let (id, _) = self.prekeys.newest()?;
        self.prekeys.private(id).map(|(_, public)| public.clone())
    }

    /// The private halves of a pre-key of ours, to open what was sealed to it: X25519 and X-Wing.
    pub fn opening_key(&self, id: u32) -> Option<(&X25519Key, &XWingKey)> {
        self.prekeys.private(id).map(|(private, _)| (&private.x25519, &private.xwing))
    }

    pub(super) fn beside_row(
        &mut self,
        secret: bool,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<Outcome, CommandError> {
        let len = value.as_ref().map_or(0, Vec::len);
        if len > BESIDE_ROW_LEN_MAX || key.len() > limits::RECORD_KEY_LEN_MAX {
            let limit_bytes = BESIDE_ROW_LEN_MAX as u32;
            return Err(CommandError::PayloadTooLarge { limit_bytes });
        }
        let table = if secret { Table::BesideSecrets } else { Table::Beside };
        self.beside.records.push(Record { table, key, value });
        Ok(Outcome::Done)
    }

    pub(super) fn beside_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<Outcome, CommandError> {
        if body.len() > BESIDE_FRAME_LEN_MAX {
            let limit_bytes = BESIDE_FRAME_LEN_MAX as u32;
            return Err(CommandError::PayloadTooLarge { limit_bytes });
        }
        let mut whole = Vec::with_capacity(frame::FRAME_HEADER_LEN + body.len());
        frame::begin(&mut whole, FrameKind::BESIDE);
        whole.extend_from_slice(body);
        if self.push_beside(now, link, whole) { Ok(Outcome::Done) } else { Err(CommandError::Busy) }
    }

    fn push_beside(&mut self, now: Instant, link: LinkId, frame: Vec<u8>) -> bool {
        self.links.contains_key(&link)
            && self.beside.lanes.entry(link).or_insert_with(|| Lane::new(now)).push(frame)
    }

    pub(super) fn write_beside(&mut self, link: LinkId, buf: &mut Vec<u8>) -> bool {
        let Some(lane) = self.beside.lanes.get_mut(&link) else { return false };
        let Some(frame) = lane.frames.pop_front() else { return false };
        lane.bytes -= frame.len();
        if lane.frames.is_empty() {
            self.events.push_back(Event::BesideRoom { link });
        }
        buf.extend_from_slice(&frame);
        true
    }

    pub(super) fn on_beside(&mut self, link: LinkId, body: &[u8]) -> Result<(), Error> {
        if body.len() > BESIDE_FRAME_LEN_MAX {
            return Err(Malformed::OutOfRange("frame of a program").into());
        }
        self.events.push_back(Event::BesideFrame { link, body: body.to_vec() });
        Ok(())
    }

    pub(super) fn exchange(
        &mut self,
        now: Instant,
        to: Address,
        token: u64,
        body: Vec<u8>,
    ) -> Result<Outcome, CommandError> {
        if to == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        if body.len() > EXCHANGE_REQUEST_LEN_MAX {
            let limit_bytes = EXCHANGE_REQUEST_LEN_MAX as u32;
            return Err(CommandError::PayloadTooLarge { limit_bytes });
        }
        if self.beside.asking.len() >= ASKING_MAX {
            return Err(CommandError::Busy);
        }
        let expires_at = now + PATIENCE;
        let asking = Asking { to, token, body, via: None, wait: REPEAT, next_at: now, expires_at };
        self.try_exchange(now, asking);
        Ok(Outcome::Done)
    }

    /// Sends it over the best way there is, under an id of its own: a response to an earlier try is
    /// not waited for any more, and no relay can tell that the two belong together.
    fn try_exchange(&mut self, now: Instant, mut asking: Asking) {
        let mut id = [0; 8];
        self.rng.fill(&mut id);
        asking.via = self.routing.choose(now, &asking.to, &[]);
        match asking.via {
            Some(link) => {
                let hops_left = limits::HOPS_MAX;
                let request = Request { id, dest: asking.to, hops_left, body: &asking.body };
                let frame = request.frame();
                self.push_beside(now, link, frame);
                asking.next_at = now + asking.wait;
                asking.wait *= 2;
            }
            None => {
                self.routing.find(now, &asking.to, None, &mut self.rng);
                asking.next_at = now + ROUTE_WAIT;
            }
        }
        self.beside.asking.insert(id, asking);
    }

    pub(super) fn exchange_answer(
        &mut self,
        now: Instant,
        token: u64,
        body: &[u8],
    ) -> Result<Outcome, CommandError> {
        if body.len() > EXCHANGE_RESPONSE_LEN_MAX {
            let limit_bytes = EXCHANGE_RESPONSE_LEN_MAX as u32;
            return Err(CommandError::PayloadTooLarge { limit_bytes });
        }
        let Some((link, id)) = self.beside.asked.remove(&token) else {
            return Err(CommandError::UnknownRequest);
        };
        if self.push_beside(now, link, response_frame(&id, body)) {
            Ok(Outcome::Done)
        } else {
            Err(CommandError::Busy)
        }
    }

    pub(super) fn on_exchange_request(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let request = Request::read(body)?;
        if !self.beside.lanes.entry(link).or_insert_with(|| Lane::new(now)).spend(now) {
            self.drop_frame(DropReason::OverBudget);
            return Ok(());
        }
        if request.dest == self.public.address() {
            let token = self.beside.ask(link, request.id);
            self.events.push_back(Event::ExchangeAsked { token, body: request.body.to_vec() });
            return Ok(());
        }
        let is_known = self.beside.passed.contains_key(&request.id);
        let onward = self.routing.choose(now, &request.dest, &[link]);
        if let (Some(onward), false, true) = (onward, is_known, request.hops_left > 1) {
            self.beside.remember(request.id, Passed { back: link, onward, at: now });
            let frame = Request { hops_left: request.hops_left - 1, ..request }.frame();
            if !self.push_beside(now, onward, frame) {
                self.drop_frame(DropReason::Full);
            }
        }
        Ok(())
    }

    pub(super) fn on_exchange_response(
        &mut self,
        now: Instant,
        link: LinkId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let mut r = Reader::new(bytes);
        let id: ExchangeId = r.array("exchange id")?;
        let body = r.rest();
        if body.len() > EXCHANGE_RESPONSE_LEN_MAX {
            return Err(Malformed::OutOfRange("exchange response").into());
        }
        if self.beside.asking.get(&id).is_some_and(|asking| asking.via == Some(link)) {
            if let Some(Asking { token, .. }) = self.beside.asking.remove(&id) {
                let body = Some(body.to_vec());
                self.events.push_back(Event::ExchangeAnswered { token, body });
            }
            return Ok(());
        }
        let Some(passed) = self.beside.passed.get(&id).filter(|passed| passed.onward == link)
        else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        let back = passed.back;
        self.beside.passed.remove(&id);
        if !self.push_beside(now, back, response_frame(&id, body)) {
            self.drop_frame(DropReason::Full);
        }
        Ok(())
    }

    pub(super) fn on_beside_timers(&mut self, now: Instant) {
        let due: Vec<ExchangeId> = self
            .beside
            .asking
            .iter()
            .filter(|(_, asking)| asking.next_at.min(asking.expires_at) <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(asking) = self.beside.asking.remove(&id) else { continue };
            if asking.expires_at <= now {
                let token = asking.token;
                self.events.push_back(Event::ExchangeAnswered { token, body: None });
            } else {
                self.try_exchange(now, asking);
            }
        }
    }
}
