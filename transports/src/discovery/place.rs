//! Places to dial: an address of the own network, as a link's URI (`DSC-02`, `DSC-25`).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU16,
};

use super::interfaces::Interface;

/// Where a neighbour can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As [`crate::TransportManager::add`] takes it.
    pub uri: String,
    /// Its address, to recognise a link that came in from there. `None` for a host name.
    pub ip: Option<IpAddr>,
}

impl Place {
    /// A place that was announced; `None` when it is not of the own network. `interface` is where
    /// it was heard; link-local addresses mean nothing without it.
    pub fn found(ip: IpAddr, port: NonZeroU16, interface: &Interface) -> Option<Self> {
        let ip = ip.to_canonical();
        if !is_local(ip) {
            return None;
        }
        let uri = match ip {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                format!("tcp://[{v6}%{}]:{port}", scope(interface))
            }
            ip => format!("tcp://{}", SocketAddr::new(ip, port.get())),
        };
        Some(Self { uri, ip: Some(ip) })
    }

    /// A place that was configured (`DSC-18`).
    pub fn configured(uri: &str) -> Self {
        Self { uri: uri.to_owned(), ip: None }
    }
}

/// The name where it can stand in a URI, which knows no capitals; else the number.
fn scope(interface: &Interface) -> String {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let is_name = !interface.name.is_empty() && interface.name.bytes().all(is_plain);
    if is_name { interface.name.clone() } else { interface.index.to_string() }
}

/// Private, link-local or unique local addresses; the shared ones of carriers, which some meshes use.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_unique_local(),
    }
}

/// The port that link-local neighbours reach, of a node that listens on `listeners` (`DSC-25`).
pub fn link_local_port(listeners: &[SocketAddr]) -> Option<NonZeroU16> {
    let any = |address: &&SocketAddr| address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    NonZeroU16::new(listeners.iter().find(any)?.port())
}

/// What mDNS announces of a node that listens on `listeners`: a port, and the addresses it holds for;
/// none: all that the machine has (`DSC-25`).
pub fn mdns_port(listeners: &[SocketAddr]) -> Option<(NonZeroU16, Vec<IpAddr>)> {
    let all = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    if let Some(any) = listeners.iter().find(|address| all.contains(&address.ip())) {
        return Some((NonZeroU16::new(any.port())?, Vec::new()));
    }
    let local: Vec<_> = listeners.iter().filter(|address| is_local(address.ip())).collect();
    let port = local.first()?.port();
    let addresses = local.iter().filter(|address| address.port() == port).map(|a| a.ip());
    Some((NonZeroU16::new(port)?, addresses.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str) -> Interface {
        Interface { index: 3, name: name.to_owned() }
    }

    fn uri(ip: &str, name: &str) -> Option<String> {
        let port = NonZeroU16::new(7_743).expect("not 0");
        Place::found(ip.parse().expect(ip), port, &interface(name)).map(|place| place.uri)
    }

    #[test]
    fn dsc_02_only_places_of_the_own_network_are_dialled() {
        for (ip, expected) in [
            ("fe80::1", "tcp://[fe80::1%eth0]:7743"),
            ("fd00::1", "tcp://[fd00::1]:7743"),
            ("10.1.2.3", "tcp://10.1.2.3:7743"),
            ("100.64.0.1", "tcp://100.64.0.1:7743"),
            ("169.254.1.1", "tcp://169.254.1.1:7743"),
            ("::ffff:192.168.1.1", "tcp://192.168.1.1:7743"),
        ] {
            assert_eq!(uri(ip, "eth0").as_deref(), Some(expected));
            crate::tcp::TcpTarget::parse(expected).expect("a target");
        }
        for ip in [
            "127.0.0.1",
            "::1",
            "::",
            "0.0.0.0",
            "224.0.0.251",
            "ff02::fb",
            "198.51.100.1",
            "2001:db8::1",
            "::ffff:198.51.100.1",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(uri(ip, "eth0"), None, "{ip}");
        }
        assert_eq!(uri("fe80::1", "Ethernet 1").as_deref(), Some("tcp://[fe80::1%3]:7743"));
    }

    #[test]
    fn dsc_25_the_listener_that_neighbours_reach() {
        let at = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect(text)).collect()
        };
        let port = |n| NonZeroU16::new(n).expect("not 0");
        assert_eq!(link_local_port(&at(&["127.0.0.1:1", "[::]:7743"])), Some(port(7_743)));
        assert_eq!(link_local_port(&at(&["0.0.0.0:1", "[::1]:2", "[fd00::1]:3"])), None);
        assert_eq!(mdns_port(&at(&["127.0.0.1:1", "0.0.0.0:9"])), Some((port(9), vec![])));
        let some = at(&["127.0.0.1:1", "192.168.1.5:9", "192.168.2.5:9", "[fd00::1]:10"]);
        let ips: Vec<IpAddr> = vec![some[1].ip(), some[2].ip()];
        assert_eq!(mdns_port(&some), Some((port(9), ips)));
        assert_eq!(mdns_port(&at(&["127.0.0.1:1", "[::1]:2"])), None);
        assert_eq!(mdns_port(&[]), None);
    }
}
