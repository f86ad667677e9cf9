//! `org.quicprochat.Discovery1`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use api::Error;
use zbus::interface;

use super::{Context, convert};

/// Neighbours on the local network.
#[derive(Debug)]
pub(super) struct Discovery(pub(super) Context);

#[interface(name = "org.quicprochat.Discovery1")]
impl Discovery {
    /// How neighbours are looked for, and who was found.
    async fn state(&self) -> Result<api::Discovery, Error> {
        let numbers = self.0.handle.ask(|actor| actor.discovery()).await?;
        let ipv4 = has_route(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
        let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        let ipv6 = has_route(Ipv6Addr::UNSPECIFIED.into(), documentation.into());
        Ok(api::Discovery { ipv4, ipv6, ..convert::discovery(numbers) })
    }
}

/// Whether the kernel knows a way to an address; nothing is sent to find out.
fn has_route(from: IpAddr, to: IpAddr) -> bool {
    UdpSocket::bind((from, 0)).and_then(|socket| socket.connect((to, DISCARD_PORT))).is_ok()
}

/// Any port does: a connected UDP socket says nothing.
const DISCARD_PORT: u16 = 9;
