//! Keys of others: fetched with a bundle, which any node may serve (`HOP-08`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use super::{Node, links::Link};
use crate::{
    address::Address,
    bundle::Bundle,
    crypto::Mode,
    error::{DropReason, Error, PeerMisbehaved},
    limits,
    link::LinkId,
    record::{Record, Table},
    time::Instant,
    wire::frame::{self, BundleRequest, FrameKind},
};

/// Bundles remembered: at most 4 kB each, 2 MB.
const BUNDLES_MAX: usize = 512;
/// Bundles kept over a restart, because we asked for them ourselves.
const BUNDLES_STORED_MAX: usize = 128;
/// Questions under way, our own and those passed on.
const WANTED_MAX: usize = 1_024;
/// Neighbours told about one answer.
const ASKERS_MAX: usize = 32;
/// First pause before a question is repeated; doubles up to [`ASK_PAUSE_MAX`].
const ASK_PAUSE: Duration = Duration::from_secs(2);
const ASK_PAUSE_MAX: Duration = Duration::from_secs(300);
/// A question passed on for others is forgotten after this time: over a few hops of radio the answer
/// takes minutes.
const WANTED_LIFE: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct Wanted {
    /// We want it ourselves.
    own: bool,
    askers: BTreeSet<LinkId>,
    min_version: u32,
    tries: u32,
    /// `None`: waits for a route.
    next_try: Option<Instant>,
    forget_at: Instant,
}

/// Known bundles, and questions for unknown ones.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    known: BTreeMap<Address, Known>,
    wanted: BTreeMap<Address, Wanted>,
    next_use: u64,
    stored: usize,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Known {
    bundle: Bundle,
    used: u64,
    stored: bool,
    /// Too old: an answer must bring a newer one if there is any.
    stale: bool,
}

impl Bundles {
    pub(super) fn restore(&mut self, mode: Mode, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let bundle = Bundle::parse_verified(mode, value)?;
        let address = bundle.identity.address();
        if key != address.as_bytes() {
            return Err(crate::error::Malformed::OutOfRange("bundle row key").into());
        }
        self.stored += 1;
        self.known.insert(address, Known { bundle, used: 0, stored: true, stale: false });
        Ok(())
    }

    /// The bundle of a node, unless the node announces a newer one.
    pub(super) fn get(&self, address: &Address, announced: Option<u32>) -> Option<&Bundle> {
        let known = self.known.get(address)?;
        let newer = announced.is_some_and(|version| version > known.bundle.version);
        (!newer && !known.stale).then_some(&known.bundle)
    }

    /// The next use asks for a bundle again.
    pub(super) fn refresh(&mut self, address: &Address) {
        if let Some(known) = self.known.get_mut(address) {
            known.stale = true;
        }
    }

    fn insert(&mut self, bundle: Bundle, store: bool) {
        let address = bundle.identity.address();
        self.next_use += 1;
        let before = self.known.remove(&address);
        let was_stored = before.as_ref().is_some_and(|known| known.stored);
        let keep = was_stored || (store && self.stored < BUNDLES_STORED_MAX);
        if keep {
            let (key, value) = (address.as_bytes().to_vec(), Some(bundle.bytes().to_vec()));
            self.records.push(Record { table: Table::Bundles, key, value });
            self.stored += usize::from(!was_stored);
        }
        let known = Known { bundle, used: self.next_use, stored: keep, stale: false };
        self.known.insert(address, known);
        if self.known.len() > BUNDLES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(a, _)| *a);
        if let Some(address) = oldest
            && let Some(known) = self.known.remove(&address)
            && known.stored
        {
            self.stored -= 1;
            let key = address.as_bytes().to_vec();
            self.records.push(Record { table: Table::Bundles, key, value: None });
        }
    }

    fn want(&mut self, now: Instant, address: Address, min_version: u32) -> Option<&mut Wanted> {
        if self.wanted.len() >= WANTED_MAX && !self.wanted.contains_key(&address) {
            return None;
        }
        let wanted = self.wanted.entry(address).or_insert_with(|| Wanted {
            next_try: Some(now),
            forget_at: now + WANTED_LIFE,
            ..Wanted::default()
        });
        wanted.min_version = wanted.min_version.max(min_version);
        Some(wanted)
    }

    pub(super) fn on_reachable(&mut self, address: &Address) {
        if let Some(wanted) = self.wanted.get_mut(address) {
            wanted.next_try = Some(Instant::ZERO);
            wanted.tries = 0;
        }
    }

    pub(super) fn on_link_down(&mut self, link: LinkId) {
        for wanted in self.wanted.values_mut() {
            wanted.askers.remove(&link);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let due = |wanted: &Wanted| {
            let forget = (!wanted.own).then_some(wanted.forget_at);
            wanted.next_try.into_iter().chain(forget).min()
        };
        self.wanted.values().filter_map(due).min()
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

impl Node {
    pub(super) fn want_bundle(&mut self, now: Instant, address: Address) {
        let min_version = self.routing.bundle_version(&address).unwrap_or(0);
        if let Some(wanted) = self.bundles.want(now, address, min_version)
            && !wanted.own
        {
            // A question passed on for others is not repeated; our own is.
            wanted.own = true;
            wanted.next_try = Some(now);
        }
        self.ask_for_bundles(now);
    }

    /// Asks for every wanted bundle whose time has come.
    pub(super) fn ask_for_bundles(&mut self, now: Instant) {
        let due: Vec<_> = self
            .bundles
            .wanted
            .iter()
            .filter(|(_, wanted)| wanted.next_try.is_some_and(|at| at <= now))
            .map(|(address, wanted)| (*address, wanted.min_version, wanted.askers.clone()))
            .collect();
        for (address, min_version, askers) in due {
            let exclude: Vec<_> = askers.into_iter().collect();
            let link = self.routing.choose(now, &address, &exclude);
            if let Some(link) = link {
                let request =
                    BundleRequest { address, min_version, hops_left: limits::HOPS_DEFAULT };
                let mut question = Vec::new();
                request.write(&mut question);
                self.push_control(link, question);
            } else {
                self.routing.find(now, &address, None, &mut self.rng);
            }
            // Where an answer takes long it is given long: a bundle is a dozen pieces on a radio.
            let slow = self.links.values().map(Link::hop_time).max().unwrap_or_default();
            if let Some(wanted) = self.bundles.wanted.get_mut(&address) {
                let pause = ASK_PAUSE.max(slow * 40) * (1 << wanted.tries.min(8));
                wanted.tries += 1;
                wanted.next_try = Some(now + pause.min(ASK_PAUSE_MAX));
            }
        }
    }

    pub(super) fn on_bundle_timers(&mut self, now: Instant) {
        self.bundles.wanted.retain(|_, wanted| wanted.own || wanted.forget_at > now);
        self.ask_for_bundles(now);
    }

    pub(super) fn on_bundle_request(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let request = BundleRequest::read(body)?;
        let known = if request.address == self.public.address() {
            Some(self.own_bundle())
        } else {
            self.bundles
                .get(&request.address, Some(request.min_version))
                .map(|b| b.bytes().to_vec())
        };
        if let Some(bytes) = known {
            self.answer_bundle(link, &bytes);
            return Ok(());
        }
        let Some(hops_left) = request.hops_left.checked_sub(1) else { return Ok(()) };
        let Some(next) = self.routing.choose(now, &request.address, &[link]) else {
            return Ok(());
        };
        let Some(wanted) = self.bundles.want(now, request.address, request.min_version) else {
            return Ok(());
        };
        if wanted.askers.len() < ASKERS_MAX {
            wanted.askers.insert(link);
        }
        // The asker repeats its question; we only pass on.
        if !wanted.own {
            wanted.next_try = None;
        }
        let mut question = Vec::new();
        BundleRequest { hops_left, ..request }.write(&mut question);
        self.push_control(next, question);
        Ok(())
    }

    fn answer_bundle(&mut self, link: LinkId, bytes: &[u8]) {
        let mut answer = Vec::with_capacity(frame::FRAME_HEADER_LEN + bytes.len());
        frame::begin(&mut answer, FrameKind::BUNDLE);
        answer.extend_from_slice(bytes);
        self.push_control(link, answer);
    }

    pub(super) fn on_bundle(
        &mut self,
        now: Instant,
        _link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        if self.bundles.wanted.is_empty() {
            return Err(PeerMisbehaved::Unsolicited.into());
        }
        let bundle = Bundle::parse_verified(self.config.crypto, body)?;
        let address = bundle.identity.address();
        let current = self.bundles.known.get(&address).map_or(0, |known| known.bundle.version);
        if bundle.version < current {
            return Ok(());
        }
        if !self.meetings.allows(&bundle) {
            // An invite knows better; whoever served it may only be behind.
            self.drop_frame(DropReason::Forged);
            return Ok(());
        }
        let Some(wanted) = self.bundles.wanted.remove(&address) else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        for asker in wanted.askers {
            self.answer_bundle(asker, body);
        }
        let root_key = bundle.root_key;
        self.bundles.insert(bundle, wanted.own);
        if wanted.own {
            self.note_root_key(now, address, root_key);
            self.pump(now, address);
            self.resume_pings(now, address);
            self.on_mailbox_reachable(now, &address);
        }
        Ok(())
    }
}
