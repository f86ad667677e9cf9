//! The own group's socket, and the task that drives the [`Beacon`]: thin, the rules are there.

use std::{
    io,
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::{sleep, sleep_until},
};

use super::{
    Inputs, Network, Part, Sighting, StatusCell,
    beacon::{Beacon, Heard, Outgoing, To},
    datagram::DATAGRAM_LEN,
    draw_instance,
    interfaces::{self, Filter, Interface},
    limits::{LOOK_INTERVAL, READ_BATCH_MAX, READ_PAUSE},
    place::{Place, link_local_port},
    watch::NetworkWatch,
};

/// What the task works with.
pub(super) struct Task {
    pub(super) beacon: Beacon,
    /// `None`: the own group is switched off, and only the interfaces are looked after.
    pub(super) group: Option<SocketAddrV6>,
    pub(super) filter: Filter,
    pub(super) inputs: watch::Receiver<Inputs>,
    pub(super) sightings: mpsc::Sender<Sighting>,
    /// Tells mDNS of changes.
    pub(super) network: watch::Sender<Network>,
    pub(super) status: Arc<StatusCell>,
}

struct Running {
    task: Task,
    socket: Option<UdpSocket>,
    present: Vec<Interface>,
    /// There was a network before the present one, or before there was none.
    was_somewhere: bool,
    /// When the interfaces are looked at without being told to; `None`: never.
    look_at: Option<Instant>,
    /// A flood is left in the socket until then.
    read_at: Instant,
}

impl Task {
    /// Runs until the node leaves.
    pub(super) async fn run(self) {
        let now = Instant::now();
        let mut running = Running {
            task: self,
            socket: None,
            present: Vec::new(),
            was_somewhere: false,
            look_at: None,
            read_at: now,
        };
        let mut watch = NetworkWatch::open();
        running.look();
        loop {
            running.send_due().await;
            running.tell();
            let (due, read_at) = (running.due(), running.read_at);
            tokio::select! {
                changed = running.task.inputs.changed() => {
                    if changed.is_err() || running.follow_inputs() {
                        return running.leave().await;
                    }
                }
                () = watch.changed() => running.look(),
                () = readable(running.socket.as_ref(), read_at) => running.receive(),
                () = wait_until(due) => running.look_if_due(),
            }
        }
    }
}

impl Running {
    fn due(&self) -> Option<Instant> {
        [self.task.beacon.poll_timeout(), self.look_at].into_iter().flatten().min()
    }

    /// Takes over the listeners; true when it is time to leave.
    fn follow_inputs(&mut self) -> bool {
        let (port, is_leaving) = {
            let inputs = self.task.inputs.borrow_and_update();
            (link_local_port(&inputs.listeners), inputs.is_leaving)
        };
        self.task.beacon.handle_port(Instant::now(), port);
        is_leaving
    }

    fn look_if_due(&mut self) {
        if self.look_at.is_some_and(|at| at <= Instant::now()) {
            self.look();
        }
    }

    /// Looks at the interfaces: joins and leaves the group, tells of a change.
    fn look(&mut self) {
        let now = Instant::now();
        self.look_at = None;
        let present = interfaces::read(&self.task.filter).unwrap_or_default();
        let mut own = self.task.network.borrow().own;
        if self.present.is_empty() && !present.is_empty() && self.was_somewhere {
            // Perhaps it is another place: nobody there is to recognise us.
            own = draw_instance();
            self.task.beacon.handle_instance(own);
        }
        self.was_somewhere |= !present.is_empty();
        if let Some(group) = self.task.group {
            self.serve(now, group, &present);
        }
        if self.present != present {
            self.present = present;
            self.task.network.send_modify(|network| {
                *network = Network { own, changes: network.changes.wrapping_add(1) };
            });
            self.hand_over(Sighting::NetworkChanged { own });
        }
    }

    fn serve(&mut self, now: Instant, group: SocketAddrV6, present: &[Interface]) {
        if self.socket.is_none() {
            match open(group.port()) {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => {
                    let why = format!("UDP port {}: {error}", group.port());
                    self.task.status.update(|status| status.multicast = Part::Failed(why));
                    self.look_at = Some(now + LOOK_INTERVAL);
                    return;
                }
            }
        }
        let Some(socket) = &self.socket else { return };
        let changes = self.task.beacon.handle_interfaces(now, present);
        for index in &changes.gone {
            // The kernel forgets the membership by itself when the interface is gone.
            let _ = socket.leave_multicast_v6(group.ip(), *index);
        }
        for interface in &changes.appeared {
            // Joined already: it was away for so short that the kernel did not notice.
            let joined = socket.join_multicast_v6(group.ip(), interface.index);
            let is_joined = joined.is_ok() || is_in_use(&joined);
            if !is_joined {
                self.task.beacon.handle_not_joined(interface.index);
                self.look_at = Some(now + LOOK_INTERVAL);
            }
        }
        let names = self.task.beacon.interface_names();
        self.task.status.update(|status| {
            status.multicast = if names.is_empty() {
                Part::Failed("no interface has a usable IPv6 link-local address".into())
            } else {
                Part::Works
            };
            status.interfaces = names;
        });
    }

    async fn send_due(&mut self) {
        while let Some(outgoing) = self.task.beacon.poll_outgoing(Instant::now()) {
            let is_sent = self.send(&outgoing).await;
            self.task.beacon.handle_sent(Instant::now(), &outgoing, is_sent);
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> bool {
        let (Some(socket), Some(group)) = (&self.socket, self.task.group) else {
            return false;
        };
        let ip = match outgoing.to {
            To::Group => *group.ip(),
            To::Node(ip) => ip,
        };
        let to = SocketAddrV6::new(ip, group.port(), 0, outgoing.interface);
        socket.send_to(&outgoing.bytes, SocketAddr::V6(to)).await.is_ok()
    }

    fn receive(&mut self) {
        // One byte more than a datagram has, so that a longer one is noticed.
        let mut buffer = [0; DATAGRAM_LEN + 1];
        for _ in 0..READ_BATCH_MAX {
            let Some(socket) = &self.socket else { return };
            let Ok((len, SocketAddr::V6(from))) = socket.try_recv_from(&mut buffer) else {
                return;
            };
            let now = Instant::now();
            if let Some(heard) = self.task.beacon.handle_datagram(now, from, &buffer[..len]) {
                self.hand_over(sighting(heard));
            }
        }
        self.read_at = Instant::now() + READ_PAUSE;
    }

    fn hand_over(&self, sighting: Sighting) {
        // A daemon that is behind hears it with the next announcement.
        let _ = self.task.sightings.try_send(sighting);
    }

    fn tell(&self) {
        let counters = self.task.beacon.counters();
        self.task.status.update(|status| {
            if status.counters != *counters {
                status.counters.clone_from(counters);
            }
        });
    }

    async fn leave(mut self) {
        for outgoing in self.task.beacon.handle_leaving() {
            let is_sent = self.send(&outgoing).await;
            self.task.beacon.handle_sent(Instant::now(), &outgoing, is_sent);
        }
        self.tell();
    }
}

fn sighting(heard: Heard) -> Sighting {
    let Some(here) = heard.here else {
        return Sighting::Gone { instance: heard.instance };
    };
    Sighting::Here {
        instance: heard.instance,
        places: Place::found(heard.from.into(), here.port, &heard.interface).into_iter().collect(),
        valid_for: Duration::from_secs(here.validity_s.into()),
    }
}

fn is_in_use(joined: &io::Result<()>) -> bool {
    joined.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// A socket that shares the port with other daemons of this machine.
fn open(port: u16) -> io::Result<UdpSocket> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, Some(ipproto::UDP))?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Daemons of one machine hear each other, too; a node ignores itself.
    sockopt::set_ipv6_multicast_loop(&socket, true)?;
    bind(&socket, &SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0))?;
    UdpSocket::from_std(socket.into())
}

async fn readable(socket: Option<&UdpSocket>, not_before: Instant) {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    sleep(not_before.saturating_duration_since(Instant::now())).await;
    if socket.readable().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
