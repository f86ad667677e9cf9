//! The bounds of reservations, with their arithmetic (`specs/34-fapp-reservation.md`).

/// Room for the content of a request, and most bytes of any content (`RSV-04`).
pub const CONTENT_LEN: usize = 512;

/// Longest contact text (`RSV-07`): with its frame far below [`CONTENT_LEN`].
pub const CONTACT_LEN_MAX: usize = 400;

/// Alternatives in an answer (`RSV-07`): 8 × 26 B and 45 B before them.
pub const ALTERNATIVES_MAX: usize = 8;

const _: () = assert!(3 + 44 + 1 + ALTERNATIVES_MAX * 26 <= CONTENT_LEN);

/// Requests that wait for one slot (`RSV-32`).
pub const QUEUE_MAX: usize = 8;

/// Requests of one slot that are remembered until its end (`RSV-32`).
pub const REMEMBERED_PER_SLOT_MAX: usize = 64;

/// Requests a practice remembers: 1,024 × (450 B + at most 400 B of contact) < 1 MB.
pub const REQUESTS_MAX: usize = 1_024;

/// Slots a practice offers: eight announces of 64.
pub const SLOTS_MAX: usize = 512;

/// Announces that may name a slot at the same time, the newest ones.
pub const ANNOUNCES_PER_SLOT_MAX: usize = 4;

/// Reservations of a patient: 64 × (1,664 B + 400 B + 500 B) < 200 kB.
pub const RESERVATIONS_MAX: usize = 64;

/// Sub-keys kept (`RSV-08`): announces last less than seven weeks.
pub const SUBKEYS_MAX: usize = 8;

/// Letters in a mailbox node's pool (`RSV-23`): 4,096 × 1,664 B = 6.8 MB.
pub const POOL_MAX: usize = 4_096;

/// Letters on one page (`RSV-24`): 16 × 1,664 B = 27 kB.
pub const PAGE_MAX: usize = 16;

/// Labels in one question, always that many (`RSV-25`).
pub const TAKE_LABELS: usize = 2;

/// How often a request that is repeated is answered in one run (`RSV-33`).
pub const ANSWERS_PER_RUN_MAX: u8 = 32;

/// How often a follow-up is sent (`RSV-52`).
pub const FOLLOW_TRIES_MAX: u8 = 8;

/// How long an online request waits, in seconds (`RSV-44`).
pub const HOLD_ONLINE_S: u64 = 15 * 60;

/// How long a request waits that may be stored on its way, in seconds (`RSV-44`).
pub const HOLD_KEPT_S: u64 = 24 * 3_600;

/// By how much clocks may differ, in seconds (`RSV-34`).
pub const SKEW_S: u64 = 15 * 60;

/// How long a letter lies in a pool, in seconds (`RSV-23`): the longest hold, and the skew twice,
/// rounded up to hours.
pub const POOL_LIFE_S: u64 = 26 * 3_600;

/// For how long a sub-key is used for new announces, in seconds (`RSV-08`).
pub const SUBKEY_LIFE_S: u64 = 7 * 86_400;

/// How long what belonged to a slot is kept after its end, in seconds (`RSV-45`).
pub const AFTERWARDS_S: u64 = 86_400;

/// Zero bits of a request's work at least (`RSV-31`): 2^14 hashes are 1.4 ms of a fast core in the
/// median.
pub const WORK_BITS_MIN: u8 = 14;

/// Zero bits of a request's work at most (`RSV-31`): 2^20 hashes are some 0.3 s of a core.
pub const WORK_BITS_MAX: u8 = 20;

/// Zero bits of the work for a put into an empty pool (`RSV-22`): 2^12 hashes, 1 ms.
pub const PUT_BITS_MIN: u8 = 12;
