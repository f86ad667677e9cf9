//! Addresses of iroh peers: `iroh://ENDPOINT?addr=…&relay=…` (`IRO-01`).

use std::{fmt, net::SocketAddr};

use crate::tcp::TargetError;

/// An endpoint and how to get to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct IrohTarget {
    /// The endpoint's public key: what the QUIC handshake has to prove.
    pub endpoint_id: [u8; 32],
    /// Where it can be tried directly.
    pub addresses: Vec<SocketAddr>,
    /// Relays through which it can be reached, `http://` or `https://`.
    pub relays: Vec<String>,
    /// The node key that has to be at the other end, when the link is to one node only (`IRO-07`).
    pub node: Option<[u8; 32]>,
}

impl IrohTarget {
    /// An endpoint without any way to it.
    pub const fn new(endpoint_id: [u8; 32]) -> Self {
        Self { endpoint_id, addresses: Vec::new(), relays: Vec::new(), node: None }
    }

    /// Reads `iroh://ENDPOINT[?addr=IP:PORT&addr=…&relay=URL&node=KEY]`.
    ///
    /// # Errors
    ///
    /// What is wrong with `uri`.
    pub fn parse(uri: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = uri.split_once("://").ok_or(TargetError::NoScheme)?;
        if !scheme.eq_ignore_ascii_case("iroh") {
            return Err(TargetError::UnknownScheme);
        }
        let (id, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let mut target = Self::new(key(id).ok_or(TargetError::BadEndpoint)?);
        if parameters.split('&').count() > PARAMETERS_MAX {
            return Err(TargetError::BadParameter);
        }
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            target.take(parameter).ok_or(TargetError::BadParameter)?;
        }
        if target.addresses.is_empty() && target.relays.is_empty() {
            return Err(TargetError::NoWay);
        }
        Ok(target)
    }

    fn take(&mut self, parameter: &str) -> Option<()> {
        let (name, value) = parameter.split_once('=')?;
        match name {
            "addr" => {
                let address: SocketAddr = value.parse().ok()?;
                let leads = address.port() != 0 && !address.ip().is_unspecified();
                push_once(&mut self.addresses, leads.then_some(address)?);
            }
            "relay" => push_once(&mut self.relays, is_relay(value).then(|| value.to_owned())?),
            "node" if self.node.is_none() => self.node = Some(key(value)?),
            _ => return None,
        }
        Some(())
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Whether a text is a relay's URL: `http://HOST[:PORT]` or `https://HOST[:PORT]`, with at most a
/// slash behind.
pub fn is_relay(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host)).unwrap_or_default();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    // RFC 1035, section 2.3.4, and a port.
    (1..=255 + 6).contains(&host.len()) && host.bytes().all(fits) && !host.starts_with(':')
}

/// 32 bytes from 64 hexadecimal digits.
fn key(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8)).collect();
    bytes?.try_into().ok()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for IrohTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "iroh://{}", hex(&self.endpoint_id))?;
        let addresses = self.addresses.iter().map(|address| format!("addr={address}"));
        let relays = self.relays.iter().map(|relay| format!("relay={relay}"));
        let node = self.node.iter().map(|key| format!("node={}", hex(key)));
        for (position, parameter) in addresses.chain(relays).chain(node).enumerate() {
            write!(f, "{}{parameter}", if position == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

/// Parameters of one address. A home has a few addresses of each family and a relay or two.
pub const PARAMETERS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn iro_01_addresses_round_trip() {
        for parameters in [
            "addr=192.0.2.1:7743",
            "addr=192.0.2.1:7743&addr=[2001:db8::1]:9",
            "relay=https://relay.example.org/",
            "addr=192.0.2.1:7743&relay=http://192.0.2.9:3340",
            &format!("relay=http://[2001:db8::9]:3340&node={ID}"),
        ] {
            let text = format!("iroh://{ID}?{parameters}");
            let target = IrohTarget::parse(&text).expect(&text);
            assert_eq!(target.to_string(), text);
            assert_eq!(target.endpoint_id[..3], [0, 0x11, 0x22]);
            assert_eq!(IrohTarget::parse(&text.replacen("iroh", "IROH", 1)), Ok(target));
        }
        let twice = format!("iroh://{ID}?addr=192.0.2.1:1&addr=192.0.2.1:1");
        assert_eq!(IrohTarget::parse(&twice).map(|target| target.addresses.len()), Ok(1));
    }

    #[test]
    fn iro_01_bad_addresses_say_what_is_wrong() {
        let at = |parameters: &str| format!("iroh://{ID}?{parameters}");
        let many = vec!["addr=192.0.2.1:1"; PARAMETERS_MAX + 1].join("&");
        for (text, error) in [
            (ID.to_owned(), TargetError::NoScheme),
            (format!("quic://{ID}?addr=192.0.2.1:1"), TargetError::UnknownScheme),
            (format!("iroh://{}?addr=192.0.2.1:1", &ID[1..]), TargetError::BadEndpoint),
            (format!("iroh://{ID}0?addr=192.0.2.1:1"), TargetError::BadEndpoint),
            (format!("iroh://g{}?addr=192.0.2.1:1", &ID[1..]), TargetError::BadEndpoint),
            (format!("iroh://{ID}"), TargetError::NoWay),
            (at(""), TargetError::NoWay),
            (at(&format!("node={ID}")), TargetError::NoWay),
            (at("addr=192.0.2.1"), TargetError::BadParameter),
            (at("addr=192.0.2.1:0"), TargetError::BadParameter),
            (at("addr=0.0.0.0:1"), TargetError::BadParameter),
            (at("addr=example.org:1"), TargetError::BadParameter),
            (at("relay=relay.example.org"), TargetError::BadParameter),
            (at("relay=ftp://relay.example.org"), TargetError::BadParameter),
            (at("relay=https://"), TargetError::BadParameter),
            (at("relay=https://a/b"), TargetError::BadParameter),
            (at("relay=https://u@a"), TargetError::BadParameter),
            (at("colour=red"), TargetError::BadParameter),
            (at(&format!("addr=192.0.2.1:1&node={ID}&node={ID}")), TargetError::BadParameter),
            (at(&many), TargetError::BadParameter),
        ] {
            assert_eq!(IrohTarget::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn iro_01_no_cut_or_bent_address_panics() {
        let text = format!("iroh://{ID}?addr=192.0.2.1:7743&relay=http://192.0.2.9:3340");
        for len in 0..text.len() {
            if let Ok(target) = IrohTarget::parse(&text[..len]) {
                assert_eq!(IrohTarget::parse(&target.to_string()), Ok(target));
            }
            let mut bent = text.clone().into_bytes();
            bent[len] ^= 1;
            let bent = String::from_utf8(bent).expect("ASCII stays ASCII");
            if let Ok(target) = IrohTarget::parse(&bent) {
                assert_eq!(IrohTarget::parse(&target.to_string()), Ok(target));
            }
        }
    }
}
