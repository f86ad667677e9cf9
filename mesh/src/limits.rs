//! Every bound of the core, once, with its arithmetic. What a node under attack can be made to
//! hold is the sum of this page.

use core::time::Duration;

/// Longest user payload of one message: 1 MiB. A 64 MB router that relays sixteen of them at once
/// spends 16 MiB on them.
pub const PAYLOAD_LEN_MAX: usize = 1 << 20;

/// Room for everything an envelope adds to its payload: header 64, X-Wing ciphertext 1,120,
/// identity and signatures 512, tags 48, rounded up.
pub const ENVELOPE_OVERHEAD_MAX: usize = 2_048;

/// Longest envelope.
pub const ENVELOPE_LEN_MAX: usize = PAYLOAD_LEN_MAX + ENVELOPE_OVERHEAD_MAX;

/// Longest channel message payload: it is flooded, so it stays below one TCP frame.
pub const CHANNEL_PAYLOAD_LEN_MAX: usize = 32 << 10;

/// Smallest MTU a link may have: an announce (117 bytes and its hop fields) and a fragment
/// header with 64 useful bytes must fit.
pub const LINK_MTU_MIN: u32 = 192;

/// Largest MTU a link may have. A 64 KiB message with its overhead travels in one frame.
pub const LINK_MTU_MAX: u32 = 68 << 10;

const _: () = assert!(LINK_MTU_MAX as usize >= (64 << 10) + ENVELOPE_OVERHEAD_MAX);

/// Longest key of a [`crate::Record`].
pub const RECORD_KEY_LEN_MAX: usize = 64;

/// Most hops an envelope may be given.
pub const HOPS_MAX: u8 = 64;

/// Hops of our own envelopes unless said otherwise.
pub const HOPS_DEFAULT: u8 = 32;

/// Longest life of an envelope: 30 days. In milliseconds 2.6e9, which fits a `u32`.
pub const LIFETIME_MAX: Duration = Duration::from_secs(30 * 86_400);

const _: () = assert!(LIFETIME_MAX.as_millis() < u32::MAX as u128);

/// Life of our own envelopes unless said otherwise: a week.
pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// Tries remembered for `why`.
pub const TRIES_KEPT: usize = 8;
