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

/// Longest frame of a program beside the node to that of a neighbour (`BSD-01`): a quarter of a TCP
/// frame, so that envelopes do not wait long behind it.
pub const BESIDE_FRAME_LEN_MAX: usize = 16 << 10;

/// Longest row of a program beside the node (`BSD-20`).
pub const BESIDE_ROW_LEN_MAX: usize = 64 << 10;

/// Longest question of an exchange (`BSD-10`): a sealed letter of 2.9 kB, and room.
pub const EXCHANGE_REQUEST_LEN_MAX: usize = 4 << 10;

/// Longest answer of an exchange (`BSD-10`): sixteen letters of 1,664 B, and room.
pub const EXCHANGE_RESPONSE_LEN_MAX: usize = 32 << 10;

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

/// Hops of our own envelopes unless said otherwise: as many as a route may have, so that whoever has a
/// route can be reached.
pub const HOPS_DEFAULT: u8 = HOPS_MAX;

/// Longest life of an envelope: 30 days. In milliseconds 2.6e9, which fits a `u32`.
pub const LIFETIME_MAX: Duration = Duration::from_secs(30 * 86_400);

const _: () = assert!(LIFETIME_MAX.as_millis() < u32::MAX as u128);

/// Life of our own envelopes unless said otherwise: a week.
pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// Tries remembered for `why`.
pub const TRIES_KEPT: usize = 8;

// Fragments (specs/06-fragment.md).

/// Longest frame: an envelope with its frame header and room to spare.
pub const FRAME_LEN_MAX: usize = ENVELOPE_LEN_MAX + 64;

/// Most pieces of one frame. The longest frame needs 5,805 on the narrowest link, where a piece
/// has 192 − 11 bytes.
pub const FRAGMENT_COUNT_MAX: u16 = 6_144;

/// Most frames one link may have under way in pieces.
pub const FRAGMENT_FRAMES_PER_LINK_MAX: usize = 16;

/// Most memory for pieces from one link: the longest frame in the smallest pieces is
/// 1,050,688 + 5,805 × 64 B of bookkeeping = 1.4 MB, and another can begin beside it.
pub const FRAGMENT_LINK_BYTES_MAX: usize = 5 << 19;

/// Most memory for pieces from all links: six links at their limit, hundreds in ordinary use.
pub const FRAGMENT_TOTAL_BYTES_MAX: usize = 16 << 20;

/// A frame that got no new piece for so long is discarded. On the slowest radio (293 bit/s) a
/// piece of 255 bytes takes 9 s.
pub const FRAGMENT_TIMEOUT: Duration = Duration::from_secs(60);

// Compact frames (specs/27-compact.md).

/// Longest compact body: a full frame of the largest MTU, and a byte for its kind.
pub const COMPACT_BODY_LEN_MAX: usize = LINK_MTU_MAX as usize + 1;

/// Labels for destinations a neighbour may have, and we with it.
pub const COMPACT_LABELS_MAX: usize = 1_024;

/// Envelopes sent to a neighbour that its answers may name by four bytes: two of 256 begin alike
/// once in 2^17 times, and are then named in full.
pub const COMPACT_SENT_MAX: usize = 256;

/// Envelopes of a neighbour that our answers name by four bytes: fewer than it remembers, so that
/// what we name it still knows.
pub const COMPACT_HEARD_MAX: usize = 128;

/// Announces a neighbour may refer to, and we with it: 256 × 126 B = 32 kB.
pub const COMPACT_ANNOUNCES_MAX: usize = 256;

/// Most announces, updates or retractions in one compact body: of 8 bytes each, 512 make a frame of
/// 57 kB.
pub const COMPACT_ENTRIES_MAX: usize = 512;

/// Most pieces of one message: the longest compact body in bodies of at least 73 bytes.
pub const COMPACT_PIECES_MAX: u16 = 1_024;

/// Messages of one neighbour under way in pieces.
pub const COMPACT_PARTIALS_MAX: usize = 4;

/// Bytes of them: one of the longest, 68 KiB and 286 pieces × 64 B, and as much again.
pub const COMPACT_PARTIAL_BYTES_MAX: usize = 192 << 10;

/// The same of all neighbours.
pub const COMPACT_PARTIAL_TOTAL_BYTES_MAX: usize = 2 << 20;

/// Complete messages remembered per neighbour, so that a repeated piece is answered with "all here".
/// Ids go round after 256.
pub const COMPACT_DONE_MAX: usize = 16;

/// Questions for missing pieces without progress, the pause before each twice as long: 1 + 4 + 8 +
/// … + 64 pauses.
pub const COMPACT_ASKS_MAX: u32 = 6;

/// Questions for an answer to a message in pieces, the pause before each twice as long up to 64. At a
/// third of all frames lost one of 100 that arrived is given up.
pub const COMPACT_PROBES_MAX: u32 = 6;

// Reconciliation (specs/08-reconcile.md).

/// Most items one run is about.
pub const RECONCILE_SET_MAX: usize = 8_192;

/// Longest round: the smallest limit the protocol allows; 120 ids.
pub const RECONCILE_ROUND_LEN_MAX: usize = 4_096;

/// Longest message of a run after its scope byte: a round and its header.
pub const RECONCILE_MESSAGE_LEN_MAX: usize = RECONCILE_ROUND_LEN_MAX + 64;

/// Blinded ids in one message: 128 × 32 B = 4,096 B.
pub const RECONCILE_WANT_IDS_MAX: usize = 128;

/// Most rounds of a run. Two disjoint full sets need 8,192 × 2 ids at 120 a round: 137.
pub const RECONCILE_ROUNDS_MAX: u32 = 512;

/// Most messages of the answerer to which the opener of a run answers: all rounds and the longest
/// want list, each twice over.
pub const RECONCILE_HEARD_MAX: u32 =
    2 * (RECONCILE_ROUNDS_MAX + (RECONCILE_SET_MAX / RECONCILE_WANT_IDS_MAX) as u32);

/// Most runs on one link opened by one side.
pub const RECONCILE_RUNS_PER_LINK_MAX: usize = 4;

/// Most runs on all links: 16 × 8,192 items × (64 + 40 + 32 B while both differences are
/// collected) = 18 MB, reached only with sixteen full sets at once.
pub const RECONCILE_RUNS_MAX: usize = 16;

/// Runs a neighbour may open in the long run.
pub const RECONCILE_OPENS_PER_S: u64 = 1;

/// Runs a neighbour may open at once: every channel in common when the link comes up.
pub const RECONCILE_OPENS_BURST: u64 = 64;

/// Messages that wait for one link; what is beyond is repeated later.
pub const RECONCILE_OUTGOING_MAX: usize = 64;

/// First repeat of what got no answer; doubles each time.
pub const RECONCILE_REPEAT_AFTER: Duration = Duration::from_secs(2);

/// Repeats before a run is given up: 2 + 4 + … + 128 s = 254 s.
pub const RECONCILE_REPEATS_MAX: u32 = 6;
/// Bytes of user payload waiting for receipts: with its index entries at most 80 MB.
pub const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// Messages waiting for receipts. Their index costs about 400 bytes each: 40 MB.
pub const OUTBOX_MESSAGES_MAX: usize = 100_000;

/// Messages received and not taken. Beyond, senders keep what they send.
pub const INBOX_MESSAGES_MAX: usize = 200_000;

/// Bytes of messages received and not taken.
pub const INBOX_BYTES_MAX: usize = 64 << 20;

/// Transferable receipts kept, the oldest forgotten first: 200 bytes each, 2 MB.
pub const PROOFS_MAX: usize = 10_000;

/// Transferable receipts asked for and not here, the oldest forgotten first: 100 bytes each.
pub const PROOFS_ASKED_MAX: usize = 1_024;

/// Most messages against which one short receipt is held: a sixteenth of all that may be asked for
/// (`NODE-16`). 64 signatures take 4 ms.
pub const PROOF_TRIES_MAX: usize = 64;

/// Pinned contacts: at about 200 bytes each 1 MB.
pub const CONTACTS_MAX: usize = 5_000;

/// Longest petname in bytes.
pub const NAME_LEN_MAX: usize = 64;

/// Links at once. A link's queues hold at most 4,096 control frames of about 64 bytes, 256 kB.
pub const LINKS_MAX: usize = 1_024;

// Keys, bundles and sessions (specs/01-identity.md, specs/03-session.md).

/// Pre-keys in a bundle: the current one, and room for one more.
pub const BUNDLE_PREKEYS_MAX: usize = 2;

/// Longest bundle: version 1, node key 32, version 4, two pre-keys of 1,256, certificate 109,
/// mailbox 34, signature 64: 2,757 bytes, rounded up.
pub const BUNDLE_LEN_MAX: usize = 3_072;

/// A pre-key is replaced after a day.
pub const PREKEY_ROTATION: Duration = Duration::from_secs(86_400);

/// How long a replaced pre-key can still be used by an envelope under way: the longest life, and a
/// day for bundles cached by others.
pub const PREKEY_RETENTION: Duration =
    Duration::from_secs(LIFETIME_MAX.as_secs() + PREKEY_ROTATION.as_secs());

/// Private pre-keys held at once: one a day over rotation and retention, and two for rounding.
/// 34 × 72 bytes are 2.4 kB.
pub const PREKEYS_MAX: usize =
    (PREKEY_RETENTION.as_secs() / PREKEY_ROTATION.as_secs()) as usize + 3;

/// End-to-end sessions. One takes about 2 kB with nothing lost: 8 MiB.
pub const SESSIONS_MAX: usize = 4_096;

/// Sessions with one peer: both sides opened at once, twice.
pub const SESSIONS_PER_PEER_MAX: usize = 4;

/// Messages of one session and direction, and thus counters: 2^20.
pub const SESSION_MESSAGES_MAX: u32 = 1 << 20;

/// Counters reserved durably at a time.
pub const SESSION_BLOCK: u32 = 1_024;

const _: () = assert!(SESSION_MESSAGES_MAX.is_multiple_of(SESSION_BLOCK));

/// How far behind the newest counter a message may arrive: its key is kept that long.
pub const SESSION_WINDOW: u32 = 2_048;

/// Keys of missing messages kept over all sessions, 40 bytes each: 2.5 MiB. A session that would
/// exceed it loses its oldest ones.
pub const SKIPPED_KEYS_MAX: usize = 65_536;

/// A session is replaced by a new first contact after a day, or half of its messages.
pub const SESSION_REKEY_AGE: Duration = Duration::from_secs(86_400);

/// A session whose peer could not be reached for a new first contact is still sent in for a week.
pub const SESSION_SEND_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// A session is forgotten when it is older than any envelope that could have been sealed in it.
pub const SESSION_AGE_MAX: Duration =
    Duration::from_secs(SESSION_SEND_AGE_MAX.as_secs() + PREKEY_RETENTION.as_secs());

/// Opened first contacts remembered, about 150 bytes each: 9.4 MiB.
pub const REPLAY_MAX: usize = 65_536;

/// Peers whose suite floor is remembered, about 60 bytes each: 1 MiB.
pub const FLOORS_MAX: usize = 16_384;

// MLS-Lite (specs/28-mls-lite.md).

/// The lives a lite envelope may have, so that slow links need four bits for one: a minute to 30 days,
/// each about twice the one before.
pub const LITE_LIFETIMES_S: [u32; 16] = [
    60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 259_200,
    604_800, 1_209_600, 2_592_000,
];

/// Lite sessions. One takes about 3 kB for the tags it listens to and 5 kB with all of its window
/// missing or remembered: 8 MiB at the very most, 3 MiB when every peer has one and nothing is lost.
pub const LITE_SESSIONS_MAX: usize = 1_024;

/// Lite sessions with one peer.
pub const LITE_SESSIONS_PER_PEER_MAX: usize = 4;

/// Counters of a lite session reserved durably at a time.
pub const LITE_BLOCK: u32 = 32;

/// How far above the newest counter a recipient listens, and how far a sender goes beyond the last
/// counter it knows to have arrived.
pub const LITE_AHEAD: u32 = 128;

/// How far below the newest counter a message may arrive, and a copy be recognised.
pub const LITE_BEHIND: u32 = 128;

const _: () = assert!(LITE_AHEAD.is_multiple_of(LITE_BLOCK) && LITE_AHEAD >= 3 * LITE_BLOCK);

/// A way whose reference frame costs as much as one hop of 20 kbit/s is slow: there nodes seal lite.
pub const SLOW_COST_US: u32 = 400_000;

// Channels (specs/07-channel.md).

/// Longest name of a channel, in bytes of UTF-8.
pub const CHANNEL_NAME_LEN_MAX: usize = 64;

/// Most channels joined.
pub const CHANNELS_MAX: usize = 32;

/// Most members of one channel whose messages are told apart from repeats.
pub const CHANNEL_SENDERS_MAX: usize = 512;

/// Newest runs of one member that are told apart; older ones count as shown.
pub const CHANNEL_LINEAGES_MAX: usize = 64;

/// Most ranges of counters per member, all its runs together. In order there is one per run.
pub const CHANNEL_RANGES_PER_SENDER_MAX: usize = 256;

/// Most ranges per channel: 8,192 × 16 B = 128 KiB, and 512 members × 64 lineages are never all
/// full. Of 32 channels: 4 MiB and as much again of map nodes.
pub const CHANNEL_RANGES_MAX: usize = 8_192;

/// Most messages kept of a joined channel.
pub const CHANNEL_HISTORY_MESSAGES_MAX: usize = 4_096;

/// Most bytes kept of a joined channel.
pub const CHANNEL_HISTORY_BYTES_MAX: usize = 8 << 20;

/// Most bytes kept of all joined channels: four full ones, since few are busy.
pub const CHANNEL_HISTORY_TOTAL_BYTES_MAX: usize = 32 << 20;

/// Most bytes kept of one channel of others.
pub const CHANNEL_FOREIGN_BYTES_MAX: usize = 1 << 20;

/// Most bytes kept of all channels of others.
pub const CHANNEL_FOREIGN_TOTAL_BYTES_MAX: usize = 8 << 20;

/// Links on which a kept message is remembered to be known: 32 × 24 B = 768 B. A forgotten one
/// costs a copy that the neighbour recognises.
pub const CHANNEL_COPIES_MAX: usize = 32;

/// What a kept message costs beside its bytes, counted into the quotas above: five map entries of
/// 32-byte ids, and a few links it is known on.
pub const CHANNEL_MESSAGE_OVERHEAD: usize = 1_024;

/// Ids of messages that are not kept any more but must not come again: 16,384 × 100 B = 1.6 MiB.
pub const CHANNEL_GONE_MAX: usize = 16_384;

/// Messages waiting for one link: 4,096 × 64 B = 256 KiB.
pub const CHANNEL_QUEUE_MAX: usize = 4_096;

/// Messages waiting for all links, shared evenly when there are more than 16: 65,536 × 64 B =
/// 4 MiB. With [`LINKS_MAX`] links each gets 64.
pub const CHANNEL_QUEUES_MAX: usize = 16 * CHANNEL_QUEUE_MAX;

const _: () = assert!(CHANNEL_QUEUES_MAX / LINKS_MAX >= 64);

/// Messages looked at per second and neighbour: a signature costs 28 µs, so 1.4 % of a core.
pub const CHANNEL_INGRESS_PER_S: u64 = 500;

/// The same at once.
pub const CHANNEL_INGRESS_BURST: u64 = 1_000;

/// Bytes looked at per second and neighbour.
pub const CHANNEL_INGRESS_BYTES_PER_S: u64 = 8 << 20;

/// The same at once.
pub const CHANNEL_INGRESS_BYTES_BURST: u64 = 16 << 20;

/// Messages sent per second and neighbour: a fifth below what the neighbour looks at, so that
/// jitter on the way does not lose any.
pub const CHANNEL_EGRESS_PER_S: u64 = 400;

/// The same at once.
pub const CHANNEL_EGRESS_BURST: u64 = 800;

/// Bytes sent per second and neighbour.
pub const CHANNEL_EGRESS_BYTES_PER_S: u64 = 6 << 20;

/// The same at once.
pub const CHANNEL_EGRESS_BYTES_BURST: u64 = 12 << 20;

/// Messages admitted per second and channel.
pub const CHANNEL_ADMIT_PER_S: u64 = 250;

/// The same at once: a history of catching up.
pub const CHANNEL_ADMIT_BURST: u64 = 4_096;

/// Handshake frames waiting for one link: a challenge, tags and a proof for each channel. What is
/// beyond is lost, and asked for again. 256 × 130 B = 33 KiB.
pub const CHANNEL_CONTROL_MAX: usize = 8 * CHANNELS_MAX;

/// How long after its arrival a message is still handed to a neighbour that just appeared.
pub const CHANNEL_CARRY: Duration = Duration::from_secs(3_600);

// Lite channel messages (specs/29-lite-group.md).

/// Longest payload of a lite channel message: what is longer is published in full, where 64 bytes
/// more hardly matter.
pub const GROUP_PAYLOAD_LEN_MAX: usize = 512;

/// Messages that one checkpoint covers.
pub const GROUP_CHECKPOINT_MAX: usize = 16;

/// Counters a voice may have: two bytes on air. A sender that used them up publishes in full.
pub const GROUP_COUNTER_MAX: u32 = 65_535;

/// Runs of members whose lite messages can be read, per channel: 512 × 100 B = 50 KiB, of 32
/// channels 1.6 MiB. The one heard longest ago is forgotten first, and learnt again from its next
/// checkpoint.
pub const GROUP_VOICES_MAX: usize = 512;

/// Messages that a checkpoint named and that are not here yet, per channel: 1,024 × 120 B =
/// 120 KiB, of 32 channels 3.8 MiB.
pub const GROUP_CLAIMS_MAX: usize = 1_024;

/// Messages kept that claim the same sender, run and counter, until a checkpoint decides.
pub const GROUP_RIVALS_MAX: usize = 4;

/// Bytes a second of one neighbour's lite messages that a node cannot open and yet passes on. Radio at
/// SF8 and a duty cycle of 10 % carries 39 B/s in all; several such neighbours meet at a node.
pub const GROUP_STRANGER_BYTES_PER_S: u64 = 100;

/// The same at once: fifty messages and their checkpoints.
pub const GROUP_STRANGER_BYTES_BURST: u64 = 8 << 10;

/// Below this bit rate a link counts as radio: LoRa reaches 37.5 kbit/s.
pub const GROUP_BITRATE_MAX: u64 = 64_000;

/// After so long without another message of ours, what we sent is signed.
pub const GROUP_PAUSE: Duration = Duration::from_secs(60);

/// After so long what we sent is signed, pause or not.
pub const GROUP_UNPROVEN_MAX: Duration = Duration::from_secs(600);

/// How much longer a doubt waits for a run of reconciliation by radio. A run that finds nothing costs two
/// frames of about 60 bytes, 400 ms at SF8: with six neighbours 0.4 % of the time.
pub const GROUP_RADIO_PATIENCE: Duration = Duration::from_secs(600);

/// How long after the last lite message a channel counts as one that reaches radios.
pub const GROUP_RADIO_AFTER: Duration = Duration::from_secs(86_400);

// First meeting (specs/21-meeting.md).

/// Link hints in an invite.
pub const INVITE_HINTS_MAX: usize = 8;

/// Longest hint: an iroh link with a relay and a dozen addresses.
pub const INVITE_HINT_LEN_MAX: usize = 512;

/// Longest content of an invite: flags 1, keys 64, bundle 20, expiry 10, secret 16, name 65 and 1,024
/// bytes of hints with their lengths. As text 1,940 characters, which a QR code still holds.
pub const INVITE_BODY_LEN_MAX: usize = 1_200;

/// Longest life of an invite.
pub const INVITE_LIFETIME_MAX: Duration = Duration::from_secs(90 * 86_400);

/// Life of an invite unless said otherwise: a week.
pub const INVITE_LIFETIME_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// How many may accept one invite.
pub const INVITE_USES_MAX: u16 = 100;

/// Invites remembered, used up or expired ones among them: 64 × (200 B + 100 users × 16 B) = 115 kB.
pub const INVITES_MAX: usize = 64;

/// Accepted invites of others remembered: 256 × 200 B = 51 kB.
pub const ACCEPTED_MAX: usize = 256;

/// Nodes that are blocked, about 60 bytes each: 600 kB.
pub const BLOCKED_MAX: usize = 10_000;

/// Nodes whose messages were let in without making them contacts: 600 kB.
pub const LET_IN_MAX: usize = 10_000;

/// Nodes that were given a pass, and nodes whose pass is held: 5,000 × 200 B each, 2 MB.
pub const PASSES_MAX: usize = 5_000;

/// Requests of one stranger.
pub const REQUESTS_PER_SENDER_MAX: usize = 8;

/// Payload bytes of one stranger's requests.
pub const REQUEST_BYTES_PER_SENDER_MAX: usize = 64 << 10;

/// Requests of all strangers: with 300 bytes of bookkeeping each 300 kB.
pub const REQUESTS_MAX: usize = 1_024;

/// Payload bytes of all requests.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

const _: () = assert!(REQUEST_BYTES_PER_SENDER_MAX < REQUEST_BYTES_MAX);

// Radio (specs/26-radio.md).

/// Neighbours of a radio port that the node knows of. Each holds at most 64 payloads answered (22 kB)
/// and a frame on its way in and one on its way out (124 kB): 37 MB if all are full at once, which at
/// three frames a second takes a day.
pub const RADIO_NEIGHBOURS_MAX: usize = 256;

/// Strangers whose hello was heard and who have not proven yet that they are there: 64 × 400 B.
pub const RADIO_STRANGERS_MAX: usize = 64;
