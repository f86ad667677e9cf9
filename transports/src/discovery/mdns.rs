//! mDNS by `mdns-sd`, which has a thread and sockets of its own (`DSC-17`). Asked in windows, so that a
//! quiet node sends nothing and the cache is emptied in between.

use std::{collections::HashMap, net::IpAddr, num::NonZeroU16, sync::Arc, time::Duration};

use mdns_sd::{
    IfKind, IfPredicate, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent,
    ServiceInfo,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Inputs, Network, Part, Sighting, StatusCell,
    datagram::Instance,
    interfaces::{Filter, Interface},
    limits::{BROWSE_INTERVAL, BROWSE_LEN, LOOK_INTERVAL, MDNS_VALIDITY, PLACES_MAX},
    place::{Place, mdns_port},
};

const SERVICE: &str = "_quicprochat._udp.local.";

/// What the task works with.
pub(super) struct Task {
    pub(super) filter: Filter,
    pub(super) inputs: watch::Receiver<Inputs>,
    pub(super) network: watch::Receiver<Network>,
    pub(super) sightings: mpsc::Sender<Sighting>,
    pub(super) status: Arc<StatusCell>,
}

impl Task {
    /// Runs until the node leaves.
    pub(super) async fn run(mut self) {
        loop {
            match self.start() {
                Ok(daemon) => {
                    let daemon = EndsWhenDropped(daemon);
                    self.status.update(|status| status.mdns = Part::Works);
                    self.serve(&daemon.0).await;
                    return goodbye(&daemon.0).await;
                }
                Err(error) => {
                    let why = error.to_string();
                    self.status.update(|status| status.mdns = Part::Failed(why));
                }
            }
            tokio::select! {
                () = sleep(LOOK_INTERVAL) => {}
                changed = self.inputs.changed() => {
                    if changed.is_err() || self.inputs.borrow_and_update().is_leaving {
                        return;
                    }
                }
            }
        }
    }

    fn start(&self) -> mdns_sd::Result<ServiceDaemon> {
        let daemon = ServiceDaemon::new()?;
        let filter = self.filter.clone();
        let is_used = IfPredicate::new(move |interface| {
            !interface.is_loopback() && filter.takes(&interface.name)
        });
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::Predicate(is_used))?;
        Ok(daemon)
    }

    /// Registers what is listened on, and asks, in windows, who else is there.
    async fn serve(&mut self, daemon: &ServiceDaemon) {
        let mut registered = None;
        self.register(daemon, &mut registered);
        let mut window = Window::open(daemon);
        loop {
            tokio::select! {
                changed = self.inputs.changed() => {
                    if changed.is_err() || self.inputs.borrow_and_update().is_leaving {
                        return;
                    }
                    self.register(daemon, &mut registered);
                }
                Ok(()) = self.network.changed() => {
                    self.register(daemon, &mut registered);
                    window = Window::open(daemon);
                }
                event = window.next() => match event {
                    Some(event) => self.on_event(event),
                    None => window = window.turn(daemon),
                },
            }
        }
    }

    fn register(&self, daemon: &ServiceDaemon, registered: &mut Option<Service>) {
        let own = self.network.borrow().own;
        let listens = mdns_port(&self.inputs.borrow().listeners);
        let wanted = listens.map(|(port, addresses)| Service { instance: own, port, addresses });
        if *registered == wanted {
            return;
        }
        if let Some(old) = registered.take().filter(|old| old.instance != own || wanted.is_none()) {
            // Its queue is full: the name ends with its time to live.
            let _ = daemon.unregister(&fullname(old.instance));
        }
        // Registering the same name again replaces what was there.
        let service = wanted.as_ref().map(Service::info);
        match service.transpose().and_then(|info| info.map_or(Ok(()), |i| daemon.register(i))) {
            Ok(()) => *registered = wanted,
            Err(error) => {
                self.status.update(|status| status.mdns = Part::Failed(error.to_string()));
            }
        }
    }

    fn on_event(&self, event: ServiceEvent) {
        let sighting = match event {
            ServiceEvent::ServiceResolved(service) => here(&service),
            ServiceEvent::ServiceRemoved(_, name) => {
                instance_of(&name).map(|instance| Sighting::Gone { instance })
            }
            _ => None,
        };
        if let Some(sighting) = sighting {
            // A daemon that is behind finds it in the next window.
            let _ = self.sightings.try_send(sighting);
        }
    }
}

/// The thread of `mdns-sd` outlives its handle; this one ends it, however the task ends.
struct EndsWhenDropped(ServiceDaemon);

impl Drop for EndsWhenDropped {
    fn drop(&mut self) {
        // It has ended already after a goodbye.
        let _ = self.0.shutdown();
    }
}

/// What is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    instance: Instance,
    port: NonZeroU16,
    /// Empty: all that the machine has.
    addresses: Vec<IpAddr>,
}

impl Service {
    /// Names that say nothing but the instance (`DSC-01`).
    fn info(&self) -> mdns_sd::Result<ServiceInfo> {
        let properties = HashMap::from([("v".to_owned(), "1".to_owned())]);
        let (name, host) = (self.instance.to_string(), format!("{}.local.", self.instance));
        let (addresses, port) = (&self.addresses[..], self.port.get());
        let info = ServiceInfo::new(SERVICE, &name, &host, addresses, port, properties)?;
        Ok(if addresses.is_empty() { info.enable_addr_auto() } else { info })
    }
}

/// A time of asking, or the time between two of them.
struct Window {
    events: Option<Receiver<ServiceEvent>>,
    until: Instant,
    /// Answers that are still listened to.
    left: u32,
}

impl Window {
    fn open(daemon: &ServiceDaemon) -> Self {
        let now = Instant::now();
        match daemon.browse(SERVICE) {
            Ok(events) => Self { events: Some(events), until: now + BROWSE_LEN, left: ANSWERS_MAX },
            // Its queue is full: soon again.
            Err(_) => Self { events: None, until: now + BROWSE_LEN, left: 0 },
        }
    }

    fn turn(self, daemon: &ServiceDaemon) -> Self {
        if self.events.is_none() {
            return Self::open(daemon);
        }
        // When its queue is full it goes on asking, less and less often, until the next window.
        let _ = daemon.stop_browse(SERVICE);
        Self { events: None, until: Instant::now() + BROWSE_INTERVAL, left: 0 }
    }

    /// What was found; `None` when the time is over, or when there were so many answers that
    /// somebody makes them up: `mdns-sd` forgets them all when it is no longer asked.
    async fn next(&mut self) -> Option<ServiceEvent> {
        let Some(events) = self.events.as_ref().filter(|_| self.left > 0) else {
            if self.events.is_none() {
                sleep_until(self.until).await;
            }
            return None;
        };
        let event = tokio::select! {
            event = events.recv_async() => event.ok(),
            () = sleep_until(self.until) => None,
        };
        self.left -= 1;
        event
    }
}

/// Tells the neighbours, and waits a moment for that to be sent.
async fn goodbye(daemon: &ServiceDaemon) {
    if let Ok(done) = daemon.shutdown() {
        let _ = timeout(GOODBYE_WAIT, done.recv_async()).await;
    }
}

fn fullname(instance: Instance) -> String {
    format!("{instance}.{SERVICE}")
}

fn instance_of(fullname: &str) -> Option<Instance> {
    fullname.strip_suffix(SERVICE)?.strip_suffix('.')?.parse().ok()
}

fn here(service: &ResolvedService) -> Option<Sighting> {
    let instance = instance_of(&service.fullname)?;
    if service.txt_properties.get_property_val_str("v") != Some("1") {
        return None;
    }
    let port = NonZeroU16::new(service.port)?;
    let mut places: Vec<Place> = service
        .addresses
        .iter()
        .filter_map(|address| Place::found(address.to_ip_addr(), port, &heard_on(address)))
        .collect();
    places.sort_unstable_by(|a, b| a.uri.cmp(&b.uri));
    places.truncate(PLACES_MAX);
    Some(Sighting::Here { instance, places, valid_for: MDNS_VALIDITY })
}

fn heard_on(address: &ScopedIp) -> Interface {
    match address {
        ScopedIp::V6(v6) => {
            let scope = v6.scope_id();
            Interface { index: scope.index, name: scope.name.clone() }
        }
        _ => Interface { index: 0, name: String::new() },
    }
}

/// Events of one window: found and resolved on each of a few interfaces, 128 neighbours.
const ANSWERS_MAX: u32 = 1_024;

/// Long enough for a packet on each interface.
const GOODBYE_WAIT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dsc_17_names_are_instances_and_nothing_else() {
        let instance = Instance([0, 1, 2, 3, 4, 5, 6, 0xff]);
        let port = NonZeroU16::new(7_743).expect("not 0");
        let service = Service { instance, port, addresses: Vec::new() };
        let service = service.info().expect("a service");
        assert_eq!(service.get_fullname(), "00010203040506ff._quicprochat._udp.local.");
        assert_eq!(service.get_hostname(), "00010203040506ff.local.");
        assert_eq!(service.get_property_val_str("v"), Some("1"));
        assert_eq!(instance_of(service.get_fullname()), Some(instance));
        for name in ["", "x", SERVICE, "._quicprochat._udp.local.", "printer._ipp._tcp.local."] {
            assert_eq!(instance_of(name), None, "{name}");
        }
    }

    #[test]
    fn dsc_17_what_is_found_becomes_places_of_the_own_network() {
        let instance = Instance([9; 8]);
        let port = NonZeroU16::new(7_743).expect("not 0");
        let found = |ips: &[&str]| {
            let addresses = ips.iter().map(|ip| ip.parse().expect("valid")).collect();
            let service = Service { instance, port, addresses };
            here(&service.info().expect("a service").as_resolved_service())
        };
        let Some(Sighting::Here { places, valid_for, .. }) =
            found(&["192.168.1.9", "198.51.100.9", "fd00::9"])
        else {
            panic!("a sighting");
        };
        let uris: Vec<_> = places.iter().map(|place| place.uri.as_str()).collect();
        assert_eq!(uris, ["tcp://192.168.1.9:7743", "tcp://[fd00::9]:7743"]);
        assert_eq!(valid_for, MDNS_VALIDITY);
        let many: Vec<String> = (0..100).map(|n| format!("10.0.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let Some(Sighting::Here { places, .. }) = found(&many) else { panic!("a sighting") };
        assert_eq!(places.len(), PLACES_MAX);
    }
}
