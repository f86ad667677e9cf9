//! Where this daemon can be reached, for invites; and links out of invites of others (`MEET-09`).

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use mesh::limits::{INVITE_HINT_LEN_MAX, INVITE_HINTS_MAX};
use transports::iroh::IrohInfo;

use super::Actor;

impl Actor {
    /// Links on which others may reach this daemon, for an invite.
    pub fn invite_hints(&self) -> Vec<String> {
        let rows = self.link_rows();
        let listening = rows.iter().filter(|row| row.state == "listening");
        let bound: Vec<SocketAddr> =
            listening.filter_map(|row| row.uri.strip_prefix("tcp://")?.parse().ok()).collect();
        let mut hints = tcp_hints(&bound, &own_addresses());
        // First, because it leads through NATs.
        let iroh = self.iroh().map(|info| with_relays(info, &self.config.iroh_relays));
        if let Some(iroh) = iroh.and_then(iroh_hint) {
            hints.insert(0, iroh);
        }
        hints.truncate(INVITE_HINTS_MAX);
        hints
    }

    /// Adds the links of an accepted invite and keeps them over restarts. Returns those, and what
    /// this daemon cannot use: an unknown medium, or one link too many.
    pub fn follow_hints(&mut self, hints: Vec<String>) -> (Vec<String>, Vec<String>) {
        hints.into_iter().partition(|uri| match self.add_link(uri) {
            Ok(_) => true,
            Err(error) => {
                tracing::info!("the hint {uri} of an invite is of no use here: {error:?}");
                false
            }
        })
    }
}

/// Before it is connected to a relay the endpoint has none to tell; it will be by the time somebody has
/// typed the code.
fn with_relays(mut info: IrohInfo, configured: &[String]) -> IrohInfo {
    if info.relays.is_empty() {
        info.relays = configured.to_vec();
    }
    info
}

/// The hint of the QUIC endpoint, with as many of its addresses as a hint has room for; `None` when
/// it leads nowhere.
fn iroh_hint(mut info: IrohInfo) -> Option<String> {
    while info.uri().len() > INVITE_HINT_LEN_MAX {
        info.addresses.pop()?;
    }
    let leads = !info.addresses.is_empty() || !info.relays.is_empty();
    leads.then(|| info.uri())
}

/// The hints of TCP listeners. One that is bound to an address is reached there, even if that is
/// loopback; one that is bound to all of them on those that lead out of this machine.
fn tcp_hints(bound: &[SocketAddr], own: &[IpAddr]) -> Vec<String> {
    let mut hints = Vec::new();
    for address in bound {
        let any = address.ip().is_unspecified();
        // A listener on every IPv6 address takes IPv4 as well.
        let serves = |ip: &&IpAddr| address.is_ipv6() || ip.is_ipv4();
        let ips: Vec<IpAddr> = match any {
            true => own.iter().filter(serves).copied().collect(),
            false => vec![address.ip()],
        };
        for ip in ips {
            let hint = format!("tcp://{}", SocketAddr::new(ip, address.port()));
            if hints.len() < INVITE_HINTS_MAX && !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    hints
}

/// This machine's addresses that others may reach, as the kernel lists them: IPv4 first, which
/// home networks know best.
fn own_addresses() -> Vec<IpAddr> {
    let v4 = ipv4_of(&fs::read_to_string("/proc/net/fib_trie").unwrap_or_default());
    let v6 = ipv6_of(&fs::read_to_string("/proc/net/if_inet6").unwrap_or_default());
    v4.into_iter().map(IpAddr::V4).chain(v6.into_iter().map(IpAddr::V6)).collect()
}

/// Local addresses in the kernel's routing trie: a leaf (`|-- ADDRESS`) and, below it, a line that
/// says `/32 host LOCAL`. The trie is listed once a table.
fn ipv4_of(trie: &str) -> Vec<Ipv4Addr> {
    let mut leaf = None;
    let mut found = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf
            && !address.is_loopback()
            && !address.is_link_local()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// Global and unique local addresses: lines of `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`. Temporary
/// and tentative ones are gone before an invite is.
fn ipv6_of(list: &str) -> Vec<Ipv6Addr> {
    let parse = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let (scope, flags) = (fields.nth(2)?, u8::from_str_radix(fields.next()?, 16).ok()?);
        (scope == "00" && flags & (TEMPORARY | TENTATIVE | DEPRECATED) == 0)
            .then(|| Ipv6Addr::from(address))
    };
    list.lines().filter_map(parse).collect()
}

/// Flags of `linux/if_addr.h`.
const TEMPORARY: u8 = 0x01;
const DEPRECATED: u8 = 0x20;
const TENTATIVE: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 192.168.1.0/24 2 0 1
        |-- 192.168.1.0
           /24 link UNICAST
        |-- 192.168.1.7
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
Local:
        |-- 192.168.1.7
           /32 host LOCAL
        |-- 169.254.3.4
           /32 host LOCAL
";

    const INET6: &str = "\
00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000021122fffe334455 02 40 20 80     eth0
20010db8000000000000000000000007 02 40 00 80     eth0
20010db80000000012345678abcdef01 02 40 00 01     eth0
fd000000000000000000000000000007 02 40 00 80     eth0
";

    /// `MEET-09`
    #[test]
    fn meet_09_addresses_that_lead_out_of_the_machine() {
        assert_eq!(ipv4_of(TRIE), [Ipv4Addr::new(192, 168, 1, 7)]);
        let v6: Vec<String> = ipv6_of(INET6).iter().map(ToString::to_string).collect();
        assert_eq!(v6, ["2001:db8::7", "fd00::7"]);
        assert!(ipv4_of("nonsense\n|-- nonsense\n/32 host LOCAL").is_empty());
        assert!(ipv6_of("nonsense\n00 11\n").is_empty());
    }

    /// `MEET-09`
    #[test]
    fn meet_09_hints_of_listeners() {
        let own: Vec<IpAddr> =
            ["192.168.1.7", "2001:db8::7"].iter().map(|ip| ip.parse().expect("an IP")).collect();
        let hints = |bound: &str| tcp_hints(&[bound.parse().expect("an address")], &own);
        assert_eq!(hints("127.0.0.1:7"), ["tcp://127.0.0.1:7"]);
        assert_eq!(hints("0.0.0.0:7"), ["tcp://192.168.1.7:7"]);
        assert_eq!(hints("[::]:7"), ["tcp://192.168.1.7:7", "tcp://[2001:db8::7]:7"]);
        let many: Vec<IpAddr> = (0..20).map(|n| Ipv4Addr::new(10, 0, 0, n).into()).collect();
        let bound = ["[::]:7".parse().expect("an address")];
        assert_eq!(tcp_hints(&bound, &many).len(), INVITE_HINTS_MAX);
    }

    /// `MEET-09`
    #[test]
    fn endpoint_hints_have_room_or_are_left_out() {
        let far = |n| {
            SocketAddr::from(([0x2001, 0xdb8, 0xaaaa, 0xbbbb, 0xcccc, 0xdddd, 0xeeee, n], 7_743))
        };
        let info = |count| IrohInfo {
            endpoint_id: [7; 32],
            addresses: (0..count).map(far).collect(),
            relays: vec!["http://192.0.2.1:3340/".into()],
        };
        let short = iroh_hint(info(2)).expect("room");
        assert_eq!(short, info(2).uri());
        let long = iroh_hint(info(40)).expect("room for some");
        assert!(
            long.len() <= INVITE_HINT_LEN_MAX && long.contains("addr=") && long.contains("relay=")
        );
        let lost = IrohInfo { relays: Vec::new(), ..info(0) };
        assert_eq!(iroh_hint(lost.clone()), None);
        let configured = ["http://192.0.2.7:3340/".to_owned()];
        assert_eq!(with_relays(lost, &configured).relays, configured);
        assert_eq!(with_relays(info(1), &configured), info(1), "the one it has is the one to tell");
    }
}
