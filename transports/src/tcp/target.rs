//! Addresses of TCP peers: `tcp://HOST:PORT`.

use std::{fmt, net::Ipv6Addr};

/// A host, by name or number, and a port (`LNK-51`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TcpTarget {
    host: String,
    port: u16,
}

impl TcpTarget {
    /// Reads `tcp://HOST:PORT`; an IPv6 number stands in brackets.
    ///
    /// # Errors
    ///
    /// What is wrong with `uri`.
    pub fn parse(uri: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = uri.split_once("://").ok_or(TargetError::NoScheme)?;
        if !scheme.eq_ignore_ascii_case("tcp") {
            return Err(TargetError::UnknownScheme);
        }
        let (host, port) = rest.rsplit_once(':').ok_or(TargetError::NoPort)?;
        let port = match port.parse() {
            // `u16` also reads "+7"; a port has digits only.
            Ok(port @ 1..) if port_is_digits(rest) => port,
            _ => return Err(TargetError::BadPort),
        };
        Ok(Self { host: parse_host(host)?, port })
    }

    /// The host as [`tokio::net::lookup_host`] takes it: without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn port_is_digits(rest: &str) -> bool {
    rest.rsplit(':').next().is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

fn parse_host(host: &str) -> Result<String, TargetError> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(TargetError::BadHost)?;
        let number = inner.split('%').next().unwrap_or_default();
        number.parse::<Ipv6Addr>().map_err(|_| TargetError::BadHost)?;
        return Ok(inner.to_ascii_lowercase());
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    // RFC 1035, section 2.3.4: at most 255 octets.
    if host.is_empty() || host.len() > 255 || !host.bytes().all(allowed) {
        return Err(TargetError::BadHost);
    }
    Ok(host.to_ascii_lowercase())
}

impl fmt::Display for TcpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "tcp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "tcp://{}:{}", self.host, self.port)
        }
    }
}

/// Why an address of a peer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// No `://`.
    NoScheme,
    /// A scheme of no medium.
    UnknownScheme,
    /// No `:PORT` at the end.
    NoPort,
    /// A port outside 1 to 65535.
    BadPort,
    /// An endpoint that is not 64 hexadecimal digits.
    BadEndpoint,
    /// A parameter of an endpoint's address that is none, or one too many.
    BadParameter,
    /// An endpoint without any way to it.
    NoWay,
    /// A host that is neither a name, nor an IPv4 number, nor an IPv6 number in brackets.
    BadHost,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => {
                "an address of a peer looks like tcp://HOST:PORT or iroh://ENDPOINT?…, one of a \
                 modem like rnode:///dev/serial/by-id/NAME?region=EU868"
            }
            Self::UnknownScheme => {
                "the schemes known are tcp://, iroh:// and, for modems, rnode://"
            }
            Self::NoPort => "the port is missing: tcp://HOST:PORT",
            Self::BadPort => "a port is a number from 1 to 65535",
            Self::BadEndpoint => "an endpoint has 64 hexadecimal digits",
            Self::BadParameter => {
                "behind an endpoint come up to 16 of addr=IP:PORT, relay=URL and node=KEY, with & \
                 between them"
            }
            Self::NoWay => "the way to the endpoint is missing: iroh://ENDPOINT?addr=IP:PORT",
            Self::BadHost => {
                "a host is a name, an IPv4 number, or an IPv6 number in brackets: tcp://[::1]:4242"
            }
        })
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnk_51_addresses_round_trip() {
        for (text, host, port) in [
            ("tcp://192.0.2.1:4242", "192.0.2.1", 4242),
            ("tcp://[::1]:1", "::1", 1),
            ("tcp://[fe80::1%eth0]:65535", "fe80::1%eth0", 65_535),
            ("tcp://node-7.ffj.example:4242", "node-7.ffj.example", 4242),
        ] {
            let target = TcpTarget::parse(text).expect(text);
            assert_eq!((target.host(), target.port()), (host, port));
            assert_eq!(target.to_string(), text);
        }
        let shouted = TcpTarget::parse("TCP://Example.ORG:80").expect("case does not matter");
        assert_eq!(shouted.to_string(), "tcp://example.org:80");
    }

    #[test]
    fn lnk_51_bad_addresses_say_what_is_wrong() {
        for (text, error) in [
            ("192.0.2.1:4242", TargetError::NoScheme),
            ("udp://192.0.2.1:4242", TargetError::UnknownScheme),
            ("tcp://192.0.2.1", TargetError::NoPort),
            ("tcp://192.0.2.1:", TargetError::BadPort),
            ("tcp://192.0.2.1:0", TargetError::BadPort),
            ("tcp://192.0.2.1:+7", TargetError::BadPort),
            ("tcp://192.0.2.1:65536", TargetError::BadPort),
            ("tcp://:4242", TargetError::BadHost),
            ("tcp://::1:4242", TargetError::BadHost),
            ("tcp://[::1:4242", TargetError::BadHost),
            ("tcp://[example]:4242", TargetError::BadHost),
            ("tcp://a b:4242", TargetError::BadHost),
            ("tcp://user@host:4242", TargetError::BadHost),
        ] {
            assert_eq!(TcpTarget::parse(text), Err(error), "{text}");
        }
    }
}
