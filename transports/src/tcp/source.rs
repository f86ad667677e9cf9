//! Who is counted as one stranger, and how often one may knock (`LNK-54`).

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use tokio::time::Instant;

use crate::limits::{HANDSHAKE_BURST, HANDSHAKE_INTERVAL, SOURCES_MAX};

/// An IPv4 address, or an IPv6 /64, which is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = u128::from(address) & !u128::from(u64::MAX);
                Self(Ipv6Addr::from(prefix).into())
            }
            v4 => Self(v4),
        }
    }
}

/// How often each source began a handshake of late: a token bucket kept as the moment at which it
/// would be full again.
#[derive(Debug, Default)]
pub(super) struct Rates(BTreeMap<Source, Instant>);

impl Rates {
    /// Counts a handshake of `source`; false when it has begun too many.
    pub(super) fn take(&mut self, source: Source, now: Instant) -> bool {
        let full_at = self.0.get(&source).copied().unwrap_or(now).max(now);
        let after = full_at + HANDSHAKE_INTERVAL;
        if after.duration_since(now) > HANDSHAKE_INTERVAL * HANDSHAKE_BURST {
            return false;
        }
        if self.0.len() >= SOURCES_MAX && !self.0.contains_key(&source) {
            self.forget_some(now);
        }
        self.0.insert(source, after);
        true
    }

    /// Forgets those who are not remembered for anything, or else whoever knocked least.
    fn forget_some(&mut self, now: Instant) {
        self.0.retain(|_, full_at| *full_at > now);
        if self.0.len() >= SOURCES_MAX
            && let Some(source) = self.0.iter().min_by_key(|(_, at)| **at).map(|(s, _)| *s)
        {
            self.0.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> Source {
        Source::from(IpAddr::from(std::net::Ipv4Addr::from(0xc000_0200 + n)))
    }

    #[test]
    fn lnk_54_a_source_that_knocks_too_often_waits() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let taken = (0..1_000).filter(|_| rates.take(source(1), now)).count();
        assert_eq!(taken, HANDSHAKE_BURST as usize);
        assert!(rates.take(source(2), now), "another one is not concerned");
        assert!(rates.take(source(1), now + HANDSHAKE_INTERVAL));
        assert!(!rates.take(source(1), now + HANDSHAKE_INTERVAL));
        let later = now + HANDSHAKE_INTERVAL * HANDSHAKE_BURST * 2;
        assert_eq!(
            (0..1_000).filter(|_| rates.take(source(1), later)).count(),
            HANDSHAKE_BURST as usize
        );
    }

    #[test]
    fn lnk_54_what_is_remembered_of_sources_is_bounded() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        while rates.take(source(0), now) {}
        for n in 1..4 * SOURCES_MAX as u32 {
            assert!(rates.take(source(n), now));
            assert!(rates.0.len() <= SOURCES_MAX);
        }
        assert!(!rates.take(source(0), now), "the worst one is forgotten last");
    }

    #[test]
    fn lnk_54_an_ipv6_prefix_is_one_source() {
        let of = |text: &str| Source::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
