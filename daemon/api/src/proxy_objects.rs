//! Client proxies of the objects that come and go: neighbours and links.
#![allow(missing_docs, reason = "the derive puts its own, and the XML files carry the contract")]

use zbus::proxy;

use crate::Error;

/// One neighbour, at `/org/quicprochat/peers/<address>`.
#[proxy(interface = "org.quicprochat.Peer1", default_service = "org.quicprochat.Daemon1")]
pub trait Peer {
    /// Its address.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address(&self) -> Result<String, Error>;
    /// Its petname; empty when it is no contact.
    #[zbus(property)]
    fn name(&self) -> Result<String, Error>;
    /// The id of the link it is on.
    #[zbus(property)]
    fn link(&self) -> Result<String, Error>;
    /// The link's medium.
    #[zbus(property)]
    fn medium(&self) -> Result<String, Error>;
    /// Smoothed round trip of the link in microseconds; 0 when not measured.
    #[zbus(property(emits_changed_signal = "false"))]
    fn rtt_us(&self) -> Result<u64, Error>;
}

/// One link, at `/org/quicprochat/links/<id>`.
#[proxy(interface = "org.quicprochat.Link1", default_service = "org.quicprochat.Daemon1")]
pub trait Link {
    /// The link's id.
    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> Result<String, Error>;
    /// Where it leads.
    #[zbus(property(emits_changed_signal = "const"))]
    fn uri(&self) -> Result<String, Error>;
    /// `listener`, `dialled` or `accepted`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn direction(&self) -> Result<String, Error>;
    /// `config`, `api` or `peer`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn origin(&self) -> Result<String, Error>;
    /// `connecting`, `up`, `backoff`, `standby` or `listening`.
    #[zbus(property)]
    fn state(&self) -> Result<String, Error>;
    /// The neighbour at the other end; empty while it is down.
    #[zbus(property)]
    fn peer(&self) -> Result<String, Error>;
    /// `direct` or `relayed`; empty while it is down.
    #[zbus(property)]
    fn path(&self) -> Result<String, Error>;
    /// What went wrong last; empty when nothing did.
    #[zbus(property)]
    fn error(&self) -> Result<String, Error>;
}
