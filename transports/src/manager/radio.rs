//! Modems among the handles: their neighbours come up as links, and who may send is asked here.

use std::{collections::BTreeMap, fmt, sync::Arc, task::Context, task::Poll, time::Duration};

use mesh::{
    LinkId, PublicIdentity, Transmit,
    radio::{NeighbourId, RadioCounters},
};
use tokio::time::{Instant, sleep};

use super::{
    AddError, Backoff, Entry, Handle, HandleId, LinkEvent, LinkState, RnodeTarget,
    RnodeTargetError, Target, TransportManager,
};
use crate::{
    link::DownReason,
    lora::{
        self, Airtime, Balance, Found, Keeper, Lost, Radio, ScanRow, Stats,
        link::{Inbox, RadioLink},
        modem::{Modem, ModemState},
        scan,
        station::StationEvent,
    },
};

/// All modems of a manager, and the one ledger of their node.
pub(super) struct Radios {
    epoch: Instant,
    keeper: Keeper,
    slots: BTreeMap<HandleId, Slot>,
}

struct Slot {
    modem: Arc<Modem>,
    links: BTreeMap<NeighbourId, (LinkId, Arc<Inbox>)>,
}

impl Radios {
    pub(super) fn new(airtime: Airtime) -> Self {
        let is_found = matches!(&airtime, Airtime::Kept { found: Found::Bytes(_), .. });
        let keeper = Keeper::new(mesh::Instant::ZERO, airtime);
        if !is_found || keeper.lost().is_some() {
            // A disk that fails now says so before the first transmission.
            let _ = keeper.begin_file(mesh::Instant::ZERO);
        }
        Self { epoch: Instant::now(), keeper, slots: BTreeMap::new() }
    }
}

/// A modem as people see it.
#[derive(Clone, Debug)]
pub struct RadioStatus {
    /// Its handle.
    pub id: HandleId,
    /// Its address, with everything it is set to.
    pub uri: String,
    /// What it does now.
    pub state: LinkState,
    /// What is wrong with it, or was last.
    pub error: Option<String>,
    /// What it is set to, and where.
    pub radio: Radio,
    /// The sub-band it sends in.
    pub band: &'static lora::Band,
    /// What the modem reports.
    pub stats: Option<Stats>,
    /// Every account of the node's ledger in its region.
    pub airtime: Vec<(&'static str, Balance)>,
    /// In what time the law lets the next message out; zero at once.
    pub message_wait: Duration,
    /// Who is heard.
    pub neighbours: Vec<RadioNeighbour>,
    /// What the radio port counted.
    pub counters: RadioCounters,
}

/// A neighbour on the radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadioNeighbour {
    /// Its node key.
    pub peer: PublicIdentity,
    /// Its link.
    pub link: Option<LinkId>,
    /// How well it is heard.
    pub signal: mesh::radio::Signal,
    /// Acknowledged frames per frame sent to it, in 1/255.
    pub success: u8,
    /// When it was heard last.
    pub heard_ago: Duration,
    /// Air time spent on it.
    pub air: Duration,
}

/// Why a radio was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetRadioError {
    /// There is no such modem.
    Unknown,
    /// The change is none, or not a lawful one.
    Settings(RnodeTargetError),
    /// Not while it is offline, or listens around already.
    NotNow,
}

impl fmt::Display for SetRadioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such modem"),
            Self::Settings(error) => error.fmt(f),
            Self::NotNow => f.write_str("the modem is not online, or listens around already"),
        }
    }
}

impl std::error::Error for SetRadioError {}

impl TransportManager {
    /// Sends what is next on a radio: the answer to [`LinkEvent::Air`]. `pull` is asked for the
    /// next frame of a link, as in [`TransportManager::send`].
    pub fn send_air(
        &mut self,
        radio: HandleId,
        mut pull: impl FnMut(LinkId, &mut Vec<u8>) -> Option<Transmit>,
    ) {
        // Neighbours that went since must not be asked for.
        self.drain_radio(radio, None);
        let Some(slot) = self.radios.slots.get(&radio) else { return };
        let links = &mut self.links;
        slot.modem.clone().send_air(&mut |neighbour, buf| {
            let (link, _) = slot.links.get(&neighbour)?;
            let before = buf.len();
            let transmit = pull(*link, buf)?;
            if let Some(entry) = links.get_mut(link) {
                entry.traffic.sent_frames += 1;
                entry.traffic.sent_bytes += (buf.len() - before) as u64;
            }
            Some(transmit)
        });
    }

    /// All modems.
    pub fn radios(&self) -> Vec<RadioStatus> {
        self.radios.slots.iter().filter_map(|(id, slot)| self.radio_status(*id, slot)).collect()
    }

    /// Changes settings of a modem while it runs: `sf=9&txp=10`, as in its address.
    ///
    /// # Errors
    ///
    /// [`SetRadioError`]; nothing changes then.
    pub fn set_radio(&mut self, id: HandleId, parameters: &str) -> Result<String, SetRadioError> {
        let (slot, handle) = self
            .radios
            .slots
            .get(&id)
            .zip(self.handles.get_mut(&id))
            .ok_or(SetRadioError::Unknown)?;
        let Target::Radio(target) = &handle.target else { return Err(SetRadioError::Unknown) };
        let radio = target.radio().with(parameters).map_err(SetRadioError::Settings)?;
        let new =
            RnodeTarget::new(target.place().clone(), radio).map_err(SetRadioError::Settings)?;
        slot.modem
            .set(radio)
            .map_err(|refusal| SetRadioError::Settings(RnodeTargetError::Refused(refusal)))?;
        let uri = new.to_string();
        handle.target = Target::Radio(Box::new(new));
        self.drain_radio(id, None);
        self.tell_status();
        Ok(uri)
    }

    /// Listens for `dwell` on each lawful speed in turn, and sends nothing meanwhile. The future
    /// does not borrow the manager; it has no rows when the modem went away.
    ///
    /// # Errors
    ///
    /// [`SetRadioError`].
    pub fn scan_radio(
        &mut self,
        id: HandleId,
        dwell: Duration,
    ) -> Result<impl Future<Output = Vec<ScanRow>> + Send + use<>, SetRadioError> {
        let slot = self.radios.slots.get(&id).ok_or(SetRadioError::Unknown)?;
        let radio = slot.modem.with(|station, _, _| *station.radio());
        let answer = slot.modem.scan(scan::plan(&radio), dwell).ok_or(SetRadioError::NotNow)?;
        Ok(async move { answer.await.unwrap_or_default() })
    }

    /// Why the air time of the hour before the start is taken as used up, if it is (`AIR-26`).
    pub const fn airtime_lost(&self) -> Option<Lost> {
        self.radios.keeper.lost()
    }

    pub(super) fn add_radio(&mut self, uri: &str) -> Result<HandleId, AddError> {
        let target = RnodeTarget::parse(uri).map_err(AddError::Radio)?;
        let same = |handle: &Handle| matches!(&handle.target, Target::Radio(t) if t.place() == target.place());
        if let Some((id, _)) = self.handles.iter().find(|(_, handle)| same(handle)) {
            return Err(AddError::Exists(*id));
        }
        let identity = self.config.identity.clone();
        let modem = Modem::new(self.radios.epoch, self.radios.keeper.clone(), &target, identity)
            .map_err(|refusal| AddError::Radio(RnodeTargetError::Refused(refusal)))?;
        let id = self.insert_handle(Target::Radio(Box::new(target)))?;
        let backoff = Backoff::new(self.config.retry_min, self.config.retry_max);
        let task = tokio::spawn(modem.clone().run(backoff)).abort_handle();
        if let Some(handle) = self.handles.get_mut(&id) {
            handle.task = Some(task);
        }
        self.radios.slots.insert(id, Slot { modem, links: BTreeMap::new() });
        Ok(id)
    }

    /// Ends all links of a modem and tells it; false if there is no such modem.
    pub(super) fn remove_radio(&mut self, id: HandleId) -> bool {
        let Some(slot) = self.radios.slots.remove(&id) else { return false };
        slot.modem.leave();
        for (link, _) in slot.links.into_values() {
            self.take_down(link, DownReason::Removed);
        }
        true
    }

    pub(super) fn poll_radios(&mut self, cx: &mut Context<'_>) {
        let ids: Vec<_> = self.radios.slots.keys().copied().collect();
        for id in ids {
            self.drain_radio(id, Some(cx));
        }
    }

    /// Takes what a radio has to say.
    fn drain_radio(&mut self, id: HandleId, cx: Option<&mut Context<'_>>) {
        let mut cx = cx;
        while let Some(slot) = self.radios.slots.get(&id) {
            let event = match &mut cx {
                Some(cx) => slot.modem.poll_event(cx),
                None => slot.modem.try_event().map_or(Poll::Pending, Poll::Ready),
            };
            let Poll::Ready(event) = event else { break };
            self.on_radio(id, event);
        }
    }

    fn on_radio(&mut self, id: HandleId, event: StationEvent) {
        match event {
            StationEvent::Up { neighbour, peer, caps } => {
                let Some(slot) = self.radios.slots.get(&id) else { return };
                let (modem, inbox) = (slot.modem.clone(), Arc::<Inbox>::default());
                let link = RadioLink { modem, neighbour, peer, caps, inbox: inbox.clone() };
                let uri = self.handles.get(&id).map(Handle::uri).unwrap_or_default();
                let link = self.insert_link(Entry::new(uri, Box::new(link), None, None));
                if let Some(slot) = self.radios.slots.get_mut(&id) {
                    slot.links.insert(neighbour, (link, inbox));
                }
                self.tell_status();
            }
            StationEvent::Down { neighbour } => {
                let slot = self.radios.slots.get_mut(&id);
                if let Some((link, _)) = slot.and_then(|slot| slot.links.remove(&neighbour)) {
                    self.take_down(link, DownReason::Silent);
                }
            }
            StationEvent::Frame { neighbour, frame } => {
                let slot = self.radios.slots.get(&id);
                if let Some((_, inbox)) = slot.and_then(|slot| slot.links.get(&neighbour)) {
                    inbox.push(frame);
                }
            }
            StationEvent::Delivery { neighbour, transmissions, delivered, lock } => {
                let slot = self.radios.slots.get(&id);
                if let Some((link, _)) = slot.and_then(|slot| slot.links.get(&neighbour)) {
                    let link = *link;
                    let event = LinkEvent::Delivery { link, transmissions, delivered, lock };
                    self.events.push_back(event);
                }
            }
            StationEvent::Air => self.events.push_back(LinkEvent::Air(id)),
            StationEvent::Status => self.on_radio_status(id),
        }
    }

    fn on_radio_status(&mut self, id: HandleId) {
        let Some((slot, handle)) = self.radios.slots.get(&id).zip(self.handles.get_mut(&id)) else {
            return;
        };
        let (state, error, tries) = slot.modem.status();
        let state = match state {
            ModemState::Connecting => LinkState::Connecting,
            ModemState::Online => LinkState::Up,
            ModemState::Backoff { next_try } => LinkState::Backoff { next_try },
        };
        if state != handle.state {
            handle.enter(state);
        }
        (handle.last_error, handle.tries) = (error, tries);
        self.tell_status();
    }

    fn radio_status(&self, id: HandleId, slot: &Slot) -> Option<RadioStatus> {
        let handle = self.handles.get(&id)?;
        Some(slot.modem.with(|station, now, ledger| {
            let bands = station.radio().region.bands().iter();
            let airtime = bands
                .filter_map(|band| Some((band.name, ledger.balance(now, band.name)?)))
                .filter(|(name, balance)| *name == station.band().name || balance.used_us > 0);
            let neighbours = station.neighbours().map(|view| RadioNeighbour {
                peer: view.peer,
                link: slot.links.get(&view.neighbour).map(|(link, _)| *link),
                signal: view.signal,
                success: view.success,
                heard_ago: now.saturating_since(view.last_heard),
                air: view.air,
            });
            RadioStatus {
                id,
                uri: handle.uri(),
                state: handle.state,
                error: handle.last_error.clone(),
                radio: *station.radio(),
                band: station.band(),
                stats: station.stats().copied(),
                airtime: airtime.collect(),
                message_wait: station.message_wait(now, ledger),
                neighbours: neighbours.collect(),
                counters: *station.counters(),
            }
        }))
    }

    /// Says goodbye to the modems; their tasks write it.
    pub(super) async fn leave_radios(&mut self, deadline: Duration) {
        if self.radios.slots.is_empty() {
            return;
        }
        for slot in self.radios.slots.values() {
            slot.modem.leave();
        }
        sleep(deadline.min(lora::LEAVE_WAIT)).await;
    }

    /// What was reserved and not sent is given back, once nobody sends any more.
    pub(super) fn close_radios(&mut self) {
        let now = mesh::Instant::ZERO + self.radios.epoch.elapsed();
        if !self.radios.slots.is_empty() {
            // A disk that fails now costs the reserve, no more.
            let _ = self.radios.keeper.close(now);
        }
        self.radios.slots.clear();
    }
}
