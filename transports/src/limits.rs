//! Every bound of this crate, once, with its arithmetic.

use std::{num::NonZeroU32, time::Duration};

use mesh::limits::LINK_MTU_MAX;

use crate::noise::TAG_LEN;

/// Bytes in front of every record: its length and a flag (`LNK-40`).
pub const RECORD_HEADER_LEN: usize = 4;

/// Longest ciphertext of a record. Checked before anything else happens to a record (`LNK-41`).
pub const RECORD_LEN_MAX: usize = LINK_MTU_MAX as usize + TAG_LEN;

/// What one `read()` may bring: three of the largest records and a bit. One such buffer serves
/// all links of a manager, so an idle link costs no buffer at all.
pub const RECEIVE_BUFFER_LEN: usize = 256 << 10;

const _: () = assert!(RECEIVE_BUFFER_LEN >= 3 * (RECORD_HEADER_LEN + RECORD_LEN_MAX));

/// Frames are pulled from the core until this much is waiting to be written (`LNK-04`). Two 64 KiB
/// frames: enough for full throughput, little enough that an urgent frame is never far behind.
pub const SEND_BATCH_LEN: usize = 128 << 10;

/// Writes of one batch each that a link may do before the other links have their turn.
pub const SEND_ROUNDS_MAX: u32 = 4;

/// A key of the record layer is replaced after this many records (`LNK-44`) …
pub const REKEY_RECORDS: u32 = 1 << 20;

/// … or this many bytes of plaintext, whichever comes first: 4 GiB, 14 s at 2.5 Gbit/s.
pub const REKEY_BYTES: u64 = 4 << 30;

/// A handshake that takes longer is given up, on both sides (`LNK-53`). Four messages of 5.6 kB
/// together: 10 s let a line of 10 kbit/s through.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A TCP connection that is not established by then is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Inbound handshakes at the same time (`LNK-54`). Each holds about 12 kB: 768 kB together.
pub const HALF_OPEN_MAX: usize = 64;

/// Inbound handshakes at the same time from one IPv4 address or one IPv6 /64 (`LNK-54`).
pub const HALF_OPEN_PER_SOURCE_MAX: usize = 16;

/// One source may begin a handshake in each such interval on average (`LNK-54`). An answer costs
/// some 250 µs of one core: 16 a second are 0.4 %.
pub const HANDSHAKE_INTERVAL: Duration = Duration::from_micros(62_500);

/// And so many at once: a neighbourhood behind one address that comes back after a power cut.
pub const HANDSHAKE_BURST: u32 = 256;

/// Sources that are remembered for having knocked: 256 × 48 B = 12 kB.
pub const SOURCES_MAX: usize = 256;

/// Inbound links unless configured otherwise (`LNK-55`).
pub const INBOUND_MAX: u32 = 256;

/// Static peers and listeners together (`LNK-50`).
pub const HANDLES_MAX: usize = 1_024;

/// Results of dials, binds and handshakes that wait for the manager. The tasks wait when it is
/// full; there are at most `HANDLES_MAX + HALF_OPEN_MAX` of them.
pub const OUTCOMES_MAX: usize = 64;

/// Addresses of one host name that are tried in one go (`LNK-51`).
pub const ADDRESSES_PER_NAME_MAX: usize = 8;

/// First delay before a peer is dialled again (`LNK-52`).
pub const RETRY_MIN: Duration = Duration::from_millis(100);

/// Longest delay before a peer is dialled again (`LNK-52`).
pub const RETRY_MAX: Duration = Duration::from_secs(60);

/// Longest first delay after a link that was up, however shortly (`LNK-52`): the peer lives and proved
/// itself, and a handshake every other second costs neither end anything.
pub const RETRY_KNOWN_MAX: Duration = Duration::from_secs(2);

/// A link that was up for this long starts over with the shortest delay (`LNK-52`).
pub const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Link keys are replaced after this time, and a certificate never says more (`LNK-31`).
pub const LINK_KEY_LIFE: Duration = Duration::from_secs(86_400);

/// What a memory link holds in each direction before its sender has to wait.
pub const MEMORY_LINK_LEN_MAX: usize = 1 << 20;

/// What QUIC holds of one link in each direction: sent and not acknowledged, or received and not
/// read. A path of 100 Mbit/s and 80 ms has as much in flight; 256 inbound links that all stall are
/// 512 MiB at worst, where noq's own windows would be 2.8 GiB.
pub const QUIC_WINDOW_LEN: u32 = 1 << 20;

/// A goodbye on a QUIC link waits so long for its acknowledgement before the connection is closed.
pub const LINGER: Duration = Duration::from_secs(1);

/// How long a dial waits for the endpoint to be bound.
pub const BIND_WAIT: Duration = Duration::from_secs(5);

/// Relays of an endpoint, configured or named by links (`IRO-31`). Each costs a connection and a
/// packet every 15 s.
pub const RELAYS_MAX: usize = 8;

/// Clients of an own relay (`IRO-33`): at some 70 kB each, 72 MB.
pub const RELAY_CLIENTS_MAX: usize = 1_024;

/// Keys an own relay has parsed and remembers, 64 bytes each.
pub const RELAY_KEYS_MAX: usize = RELAY_CLIENTS_MAX;

/// What one client may send through an own relay: 8 MiB/s, for conversations and the first second
/// of a file; bulk goes direct.
pub const RELAY_BYTES_PER_S: NonZeroU32 = NonZeroU32::new(8 << 20).unwrap();
