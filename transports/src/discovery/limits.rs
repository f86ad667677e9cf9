//! Every bound of discovery, once, with its arithmetic.

use std::{
    net::{Ipv6Addr, SocketAddrV6},
    time::Duration,
};

/// The own group (`DSC-11`): transient, link-local scope, numbered by the first 32 bits of SHA-256 of
/// `quicprochat discovery group 1`, the highest set as RFC 3307 asks for.
pub const GROUP: SocketAddrV6 =
    SocketAddrV6::new(Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0xeae2, 0x0f4a), 7_744, 0, 0);

/// Interfaces that are served (`DSC-12`): 32 × 120 B = 4 kB.
pub const INTERFACES_MAX: usize = 32;

/// Interfaces that went away and are remembered for having been asked on: 32 × 16 B.
pub const GONE_MAX: usize = 32;

/// Asks on an interface that appeared, and what lies between them (`DSC-13`).
pub const ASK_GAPS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The shortest time between two multicast packets of a quiet node on one interface (`DSC-13`).
pub const INTERVAL_MIN: Duration = Duration::from_secs(30);

/// The longest.
pub const INTERVAL_MAX: Duration = Duration::from_secs(600);

/// What each node that is heard adds to the interval: a network of n nodes has n packets in
/// n × 2 s, one every other second altogether, from 15 nodes on.
pub const INTERVAL_PER_NODE: Duration = Duration::from_secs(2);

/// An interval is longer than its nominal length by at most a third, so that nodes switched on
/// together drift apart.
pub const INTERVAL_JITTER_SHARE: u32 = 3;

/// First packet on an interface: nodes that came up with one switch do not speak at once.
pub const FIRST_JITTER: Duration = Duration::from_millis(50);

/// A packet the system did not take is tried again after this time.
pub const SEND_RETRY: Duration = Duration::from_secs(5);

/// Longest validity of an announcement: 3.5 × (600 + 200) s = 2,800 s fit.
pub const VALIDITY_S_MAX: u16 = 3_600;

/// Longest wait before an answer (`DSC-14`).
pub const ANSWER_JITTER: Duration = Duration::from_millis(50);

/// Answers that wait: 16 × 40 B.
pub const ANSWERS_MAX: usize = 16;

/// Answers at once on one interface, and how many of a crowd answer an ask (`DSC-14`).
pub const ANSWERS_BURST: u32 = 8;

/// Time in which an interface earns one more answer.
pub const ANSWER_INTERVAL: Duration = Duration::from_secs(1);

/// Datagrams of one interface that are looked at in one go …
pub const HEARD_BURST: u32 = 64;

/// … and the time in which it earns one more: 32 a second.
pub const HEARD_INTERVAL: Duration = Duration::from_micros(31_250);

/// Datagrams read in one go before others of the thread have their turn, and the pause after a full
/// batch: a flood costs at most 640 reads a second.
pub const READ_BATCH_MAX: usize = 64;

/// See [`READ_BATCH_MAX`].
pub const READ_PAUSE: Duration = Duration::from_millis(100);

/// How often interfaces are looked at where the kernel does not say that they changed, and how
/// soon a group that cannot be joined or bound is tried again (`DSC-12`, `DSC-26`).
pub const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Changes of interfaces come in bursts: one look after the burst is enough.
pub const LOOK_DELAY: Duration = Duration::from_millis(100);

/// Sightings that wait for the daemon: 64 × 300 B = 19 kB. What does not fit is heard again.
pub const SIGHTINGS_QUEUED_MAX: usize = 64;

/// How long mDNS is asked, and how often (`DSC-17`).
pub const BROWSE_LEN: Duration = Duration::from_secs(20);

/// See [`BROWSE_LEN`].
pub const BROWSE_INTERVAL: Duration = Duration::from_secs(900);

/// How long what mDNS found is believed: two and a half intervals.
pub const MDNS_VALIDITY: Duration = Duration::from_secs(2_400);

/// Neighbours that are remembered (`DSC-21`): 128 × (4 × 120 + 100) B = 74 kB.
pub const FOUND_MAX: usize = 128;

/// Places of one neighbour.
pub const PLACES_MAX: usize = 4;

/// Neighbours at one IP address: several people on one machine.
pub const FOUND_PER_SOURCE_MAX: usize = 4;

/// Neighbours that are dialled or linked because they were found (`DSC-20`). A network of up to 17
/// nodes is linked completely; beyond, everybody has 16 and as many inbound on average.
pub const LINKS_MAX: usize = 16;

/// Tries at one place (`DSC-22`).
pub const TRIES_MAX: u32 = 3;

/// How long the node with the higher instance leaves the dialling to the other (`DSC-20`).
pub const DIAL_GRACE: Duration = Duration::from_millis(500);

/// How long a neighbour is left alone that was never reached (`DSC-22`).
pub const HOLD_MIN: Duration = Duration::from_secs(300);

/// See [`HOLD_MIN`].
pub const HOLD_MAX: Duration = Duration::from_secs(3_600);

/// How long one is left alone that was reached before (`DSC-22`).
pub const HOLD_KNOWN: Duration = Duration::from_secs(15);

/// How long the next node is left alone (`DSC-18`).
pub const NEXT_NODE_HOLD_MIN: Duration = Duration::from_secs(60);

/// See [`NEXT_NODE_HOLD_MIN`].
pub const NEXT_NODE_HOLD_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dsc_11_the_group_is_transient_link_local_and_ours() {
        use sha2::{Digest, Sha256};
        let [prefix, .., high, low] = GROUP.ip().segments();
        assert_eq!(prefix, 0xff12, "transient, link-local");
        let digest = Sha256::digest(b"quicprochat discovery group 1");
        let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) | 1 << 31;
        assert_eq!((u32::from(high) << 16) | u32::from(low), number);
    }

    #[test]
    fn the_longest_validity_fits() {
        let longest = INTERVAL_MAX + INTERVAL_MAX / INTERVAL_JITTER_SHARE;
        assert!(longest * 7 / 2 <= Duration::from_secs(VALIDITY_S_MAX.into()));
    }
}
