//! The objects that come and go: neighbours and links.

use zbus::interface;

use crate::actor::LinkRow;

/// One neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer(pub(super) api::Peer);

#[interface(name = "org.quicprochat.Peer1")]
impl Peer {
    /// Its address.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address(&self) -> &str {
        &self.0.address
    }

    /// Its petname; empty when it is no contact.
    #[zbus(property)]
    fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or_default()
    }

    /// The id of the link it is on.
    #[zbus(property)]
    fn link(&self) -> &str {
        &self.0.link
    }

    /// The link's medium.
    #[zbus(property)]
    fn medium(&self) -> &str {
        &self.0.medium
    }

    /// Smoothed round trip of the link in microseconds when the neighbour was last looked at;
    /// 0 when not measured. Peers1.List has the present one.
    #[zbus(property(emits_changed_signal = "false"))]
    fn rtt_us(&self) -> u64 {
        self.0.rtt_us.unwrap_or_default()
    }
}

/// One link.
#[derive(Clone, Debug)]
pub(super) struct Link(pub(super) LinkRow);

#[interface(name = "org.quicprochat.Link1")]
impl Link {
    /// The link's id.
    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> &str {
        &self.0.id
    }

    /// Where it leads.
    #[zbus(property(emits_changed_signal = "const"))]
    fn uri(&self) -> &str {
        &self.0.uri
    }

    /// `listener`, `dialled` or `accepted`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn direction(&self) -> &str {
        self.0.direction
    }

    /// `config`, `api`, `peer` or `discovered`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn origin(&self) -> &str {
        self.0.origin.as_str()
    }

    /// `connecting`, `up`, `backoff`, `standby` or `listening`.
    #[zbus(property)]
    fn state(&self) -> &str {
        self.0.state
    }

    /// The neighbour at the other end; empty while it is down.
    #[zbus(property)]
    fn peer(&self) -> String {
        self.0.peer.map_or_else(String::new, |address| address.to_string())
    }

    /// How it gets to the neighbour: `direct`, or `relayed` through a relay of the medium; empty
    /// while it is down.
    #[zbus(property)]
    fn path(&self) -> &str {
        self.0.path.unwrap_or_default()
    }

    /// What went wrong last; empty when nothing did.
    #[zbus(property)]
    fn error(&self) -> &str {
        self.0.error.as_deref().unwrap_or_default()
    }
}
