//! Pings and traces: asking them, and answering those of others (`HOP-09`, `NODE-08`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{Audience, Node, inner::Inner, send::Blocked};
use crate::{
    address::Address,
    command::{CommandError, Outcome},
    error::{Error, PeerMisbehaved},
    event::Event,
    identity::PublicIdentity,
    link::{LinkId, Medium},
    time::Instant,
    wire::frame::{TraceEnd, TraceReply, TraceRequest},
};

/// Our own questions under way.
const ASKED_MAX: usize = 4_096;
/// Traces of others whose way back is remembered: about 60 bytes each.
const PASSED_MAX: usize = 4_096;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
struct PendingPing {
    to: Address,
    token: u64,
    payload_len: u16,
    /// When it left; `None` while it waits for keys or a route.
    sent_at: Option<Instant>,
    expires_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct PendingTrace {
    to: Address,
    token: u64,
    ttl: u8,
    /// Of the link it left by.
    medium: Option<Medium>,
    sent_at: Instant,
}

/// Questions under way.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    pings: BTreeMap<u64, PendingPing>,
    traces: BTreeMap<[u8; 8], PendingTrace>,
    passed: BTreeMap<[u8; 8], LinkId>,
    passed_order: VecDeque<[u8; 8]>,
}

impl Diagnosis {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let pings = self.pings.values().map(|ping| ping.expires_at);
        pings.chain(self.traces.values().map(|trace| trace.sent_at + PATIENCE)).min()
    }
}

impl Node {
    pub(super) fn ping(
        &mut self,
        now: Instant,
        to: Address,
        token: u64,
        payload_len: u16,
    ) -> Result<Outcome, CommandError> {
        if to == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        if self.diagnosis.pings.len() >= ASKED_MAX {
            return Err(CommandError::Busy);
        }
        let expires_at = now + PATIENCE;
        let ping = PendingPing { to, token, payload_len, sent_at: None, expires_at };
        let nonce = self.rng.next_u64();
        self.diagnosis.pings.insert(nonce, ping);
        match self.send_ping(now, nonce) {
            Err(Blocked::Floor(floor)) => {
                self.diagnosis.pings.remove(&nonce);
                Err(CommandError::SuiteFloor { floor })
            }
            _ => Ok(Outcome::Done),
        }
    }

    fn send_ping(&mut self, now: Instant, nonce: u64) -> Result<(), Blocked> {
        let Some(ping) = self.diagnosis.pings.get(&nonce).copied() else { return Ok(()) };
        let padding = vec![0; usize::from(ping.payload_len)];
        self.send_inner(now, ping.to, &Inner::Ping { nonce, padding: &padding })?;
        if let Some(ping) = self.diagnosis.pings.get_mut(&nonce) {
            ping.sent_at = Some(now);
        }
        Ok(())
    }

    /// Sends pings that waited for the keys of, or a route to, `to`.
    pub(super) fn resume_pings(&mut self, now: Instant, to: Address) {
        let waiting: Vec<_> = self
            .diagnosis
            .pings
            .iter()
            .filter(|(_, ping)| ping.to == to && ping.sent_at.is_none())
            .map(|(nonce, _)| *nonce)
            .collect();
        for nonce in waiting {
            if self.send_ping(now, nonce).is_err() {
                return;
            }
        }
    }

    fn answers(&self, to: &Address) -> bool {
        self.config.diagnostics == Audience::Everyone || self.contacts.contains(to)
    }

    pub(super) fn on_ping(
        &mut self,
        now: Instant,
        peer: &PublicIdentity,
        nonce: u64,
        padding: &[u8],
    ) {
        if self.answers(&peer.address()) {
            // A lost answer is a lost ping: the asker counts it.
            let _ = self.send_inner(now, peer.address(), &Inner::Pong { nonce, padding });
        }
    }

    pub(super) fn on_pong(
        &mut self,
        now: Instant,
        peer: &PublicIdentity,
        nonce: u64,
    ) -> Result<(), Error> {
        let from = peer.address();
        let ping = self.diagnosis.pings.get(&nonce).filter(|ping| ping.to == from).copied();
        let Some(PendingPing { token, sent_at: Some(sent_at), .. }) = ping else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        self.diagnosis.pings.remove(&nonce);
        let rtt = now.saturating_since(sent_at);
        self.events.push_back(Event::Pong { from, token, rtt });
        Ok(())
    }

    pub(super) fn trace(
        &mut self,
        now: Instant,
        to: Address,
        token: u64,
        ttl: u8,
    ) -> Result<Outcome, CommandError> {
        if to == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        if self.diagnosis.traces.len() >= ASKED_MAX {
            return Err(CommandError::Busy);
        }
        let Some(link) = self.routing.choose(now, &to, &[]) else {
            self.routing.find(now, &to, None, &mut self.rng);
            let address = self.public.address();
            let (rtt, medium, end) = (Duration::ZERO, None, Some(false));
            self.events.push_back(Event::Hop { to, token, ttl: 0, address, medium, rtt, end });
            return Ok(Outcome::Done);
        };
        let mut id = [0; 8];
        self.rng.fill(&mut id);
        let ttl = ttl.clamp(1, crate::limits::HOPS_MAX);
        let trace = PendingTrace { to, token, ttl, medium: self.medium(link), sent_at: now };
        self.diagnosis.traces.insert(id, trace);
        let mut question = Vec::new();
        TraceRequest { id, dest: to, hops_left: ttl }.write(&mut question);
        self.push_control(link, question);
        Ok(Outcome::Done)
    }

    pub(super) fn on_trace_request(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let request = TraceRequest::read(body)?;
        let here = request.dest == self.public.address();
        let next = if here { None } else { self.routing.choose(now, &request.dest, &[link]) };
        let end = match (here, next) {
            (true, _) => TraceEnd::Destination,
            (false, None) => TraceEnd::DeadEnd,
            (false, Some(_)) => TraceEnd::Onward,
        };
        if let (Some(next), true) = (next, request.hops_left > 1) {
            self.remember_trace(request.id, link);
            let mut onward = Vec::new();
            TraceRequest { hops_left: request.hops_left - 1, ..request }.write(&mut onward);
            self.push_control(next, onward);
            return Ok(());
        }
        let neighbour = self.neighbour(link);
        if neighbour.is_some_and(|address| self.answers(&address)) {
            let mut answer = Vec::new();
            let (id, address) = (request.id, self.public.address());
            let medium = self.medium(link).map_or(0, Medium::code);
            TraceReply { id, address, end, medium }.write(&mut answer);
            self.push_control(link, answer);
        }
        Ok(())
    }

    fn medium(&self, link: LinkId) -> Option<Medium> {
        self.links.get(&link).map(|state| state.up.caps.medium)
    }

    fn remember_trace(&mut self, id: [u8; 8], link: LinkId) {
        if self.diagnosis.passed.insert(id, link).is_none() {
            self.diagnosis.passed_order.push_back(id);
        }
        if self.diagnosis.passed_order.len() > PASSED_MAX
            && let Some(old) = self.diagnosis.passed_order.pop_front()
        {
            self.diagnosis.passed.remove(&old);
        }
    }

    pub(super) fn on_trace_reply(
        &mut self,
        now: Instant,
        _link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let reply = TraceReply::read(body)?;
        if let Some(trace) = self.diagnosis.traces.remove(&reply.id) {
            let end = match reply.end {
                TraceEnd::Onward => None,
                TraceEnd::Destination => Some(true),
                TraceEnd::DeadEnd => Some(false),
            };
            let PendingTrace { to, token, ttl, medium, sent_at } = trace;
            // Of our own link we need no one's word.
            let medium = if ttl == 1 { medium } else { Medium::from_code(reply.medium) };
            let (address, rtt) = (reply.address, now.saturating_since(sent_at));
            self.events.push_back(Event::Hop { to, token, ttl, address, medium, rtt, end });
            return Ok(());
        }
        let Some(back) = self.diagnosis.passed.remove(&reply.id) else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        let mut answer = Vec::new();
        reply.write(&mut answer);
        self.push_control(back, answer);
        Ok(())
    }

    pub(super) fn on_diagnosis_timers(&mut self, now: Instant) {
        self.diagnosis.pings.retain(|_, ping| ping.expires_at > now);
        self.diagnosis.traces.retain(|_, trace| trace.sent_at + PATIENCE > now);
    }
}
