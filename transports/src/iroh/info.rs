//! What others need to reach this node's endpoint, and what it is made of.

use std::{fmt, net::SocketAddr};

use zeroize::Zeroizing;

use super::{IrohTarget, target::PARAMETERS_MAX};

/// How the endpoint is set up.
#[derive(Clone)]
pub struct IrohConfig {
    /// The endpoint's secret key: of its own, never the node key (`IRO-02`).
    pub secret: Zeroizing<[u8; 32]>,
    /// Where it is bound; `None`: on every address, port [`super::PORT`] if it is free. An
    /// unspecified address stands for both families.
    pub bind: Option<SocketAddr>,
    /// Relays to be reachable through. Nobody's unless named here or in a link's address.
    pub relays: Vec<String>,
}

impl fmt::Debug for IrohConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IrohConfig")
            .field("bind", &self.bind)
            .field("relays", &self.relays)
            .finish_non_exhaustive()
    }
}

/// Where this node's endpoint can be reached at present (`IRO-20`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrohInfo {
    /// The endpoint's public key.
    pub endpoint_id: [u8; 32],
    /// Its addresses: those of this machine, and those that relays saw.
    pub addresses: Vec<SocketAddr>,
    /// The relays it is connected to.
    pub relays: Vec<String>,
}

impl IrohInfo {
    /// The address to hand out. Without any way to the endpoint it is the bare `iroh://ENDPOINT`,
    /// which nobody can dial.
    pub fn uri(&self) -> String {
        let mut target = IrohTarget::new(self.endpoint_id);
        target.relays.clone_from(&self.relays);
        target.relays.truncate(PARAMETERS_MAX / 4);
        target.addresses.clone_from(&self.addresses);
        target.addresses.truncate(PARAMETERS_MAX - target.relays.len());
        target.to_string()
    }

    /// The endpoint alone, `iroh://ENDPOINT`: the same as long as the key is.
    pub fn name(&self) -> String {
        IrohTarget::new(self.endpoint_id).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iro_20_what_is_handed_out_can_be_dialled() {
        let addresses: Vec<SocketAddr> =
            (1..=40).map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect();
        let relays: Vec<String> = (1..=9).map(|n| format!("https://relay{n}.example/")).collect();
        let info = IrohInfo { endpoint_id: [7; 32], addresses, relays };
        let target = IrohTarget::parse(&info.uri()).expect("an address");
        assert_eq!((target.addresses.len(), target.relays.len()), (12, 4));
        assert!(info.uri().starts_with(&info.name()));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config =
            IrohConfig { secret: Zeroizing::new([0xab; 32]), bind: None, relays: Vec::new() };
        assert!(!format!("{config:?}").contains("171"), "{config:?}");
    }
}
