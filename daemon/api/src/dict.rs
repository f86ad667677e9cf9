//! What calls return (`a{sv}`). Durations carry their unit in the name; addresses, ids and keys
//! are lower-case hexadecimal.

use zbus::{DeserializeDict, SerializeDict, Type};

/// The node in numbers; counters start at zero with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Status {
    /// This node's address.
    pub address: String,
    /// Its name as configured; empty when none is.
    pub name: String,
    /// The daemon's version.
    pub version: String,
    /// Seconds since the daemon started.
    pub uptime_s: u64,
    /// Neighbours on live links.
    pub peers: u32,
    /// Configured links, live or not.
    pub links: u32,
    /// Destinations with a usable route.
    pub routes: u32,
    /// Messages of ours without a receipt.
    pub outbox: u32,
    /// Those of them that a relay keeps.
    pub outbox_in_custody: u32,
    /// Envelopes of others kept here.
    pub custody: u32,
    /// Bytes of those.
    pub custody_bytes: u64,
    /// Messages received and not taken.
    pub inbox: u32,
    /// Our clock minus what most neighbours say, in seconds, when it matters.
    pub clock_skew_s: Option<i64>,
    /// `ok`, `full` (no room; nothing new is kept) or `failed` (the disk refuses writes).
    pub storage: String,
    /// What people should know, as sentences: broken links, a full disk, a wrong clock, a
    /// damaged store that was set aside.
    pub warnings: Vec<String>,
    /// Addresses this daemon listens on, as link URIs.
    pub listening: Vec<String>,
    /// Where the QUIC endpoint can be reached, as a link URI to hand out.
    pub iroh: Option<String>,
    /// Messages of ours accepted.
    pub messages_accepted: u64,
    /// Messages of ours with a receipt.
    pub messages_received: u64,
    /// Messages of ours given up.
    pub messages_failed: u64,
    /// Messages delivered to this node.
    pub messages_delivered: u64,
    /// Envelopes forwarded for others.
    pub envelopes_forwarded: u64,
    /// Envelopes of others taken into custody.
    pub custody_taken: u64,
    /// Duplicates recognised.
    pub duplicates: u64,
    /// Announces verified.
    pub announces_verified: u64,
    /// Announces sent.
    pub announces_sent: u64,
    /// Frames dropped, by reason.
    pub dropped: Vec<Dropped>,
    /// Signals that a slow client did not get.
    pub signals_dropped: u64,
    /// Neighbours that were found on the local network and not forgotten.
    pub discovered: u32,
    /// Multicast packets sent to find them, without mDNS.
    pub multicast_sent: u64,
}

/// How many frames were dropped for one reason: `(reason, count)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, Type)]
pub struct Dropped {
    /// `malformed`, `forged`, `replayed`, … (`mesh::error::DropReason`).
    pub reason: String,
    /// How many since the start.
    pub count: u64,
}

/// A neighbour.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Peer {
    /// Its address.
    pub address: String,
    /// Its petname, when it is a contact.
    pub name: Option<String>,
    /// The id of the link it is on.
    pub link: String,
    /// The link's medium: `tcp` or `iroh`.
    pub medium: String,
    /// Smoothed round trip of the link in microseconds.
    pub rtt_us: Option<u64>,
    /// How long the link has been up, in seconds.
    pub up_s: u64,
    /// Frames received.
    pub frames_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// The neighbour's wall clock minus ours, in seconds.
    pub clock_offset_s: Option<i64>,
    /// How the link gets there: `direct`, or `relayed` through a relay of the medium.
    pub path: Option<String>,
}

/// The best known route to a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Route {
    /// The destination.
    pub address: String,
    /// Its petname, when it is a contact.
    pub name: Option<String>,
    /// Hops; 1 is a neighbour.
    pub hops: u8,
    /// Expected air or wire time of a reference frame in microseconds.
    pub cost: u32,
    /// The neighbour to send to.
    pub next_hop: String,
    /// The id of the link to that neighbour.
    pub link: String,
    /// Seconds since the announce behind the route arrived.
    pub age_s: u64,
    /// Alternatives kept beside it.
    pub alternatives: u8,
    /// Whether receipts came back through it.
    pub proven: bool,
}

/// Everything known about the fate of one message of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Message {
    /// The message's id.
    pub id: String,
    /// Its recipient.
    pub to: String,
    /// The recipient's petname, when it is a contact.
    pub to_name: Option<String>,
    /// `accepting`, `accepted`, `in-custody`, `received` or `failed`.
    pub state: String,
    /// Payload length in bytes.
    pub payload_len: u32,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// Milliseconds since it was handed in.
    pub age_ms: u64,
    /// Milliseconds until it expires.
    pub expires_in_ms: u64,
    /// The last tries, oldest first.
    pub tried: Vec<Try>,
    /// `nothing`, `disk`, `route`, `keys`, `link`, `receipt`, `trust` or `work`.
    pub waiting_for: String,
    /// Milliseconds until it is tried again, if that depends on time.
    pub next_try_ms: Option<u64>,
}

/// One try to get a message on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Try {
    /// Milliseconds ago.
    pub ago_ms: u64,
    /// The neighbour it was handed to; missing when there was no route.
    pub next_hop: Option<String>,
    /// `sent`, `custody`, `no-route`, `refused`, `timed-out` or `link-down`.
    pub result: String,
}

/// A message that reached this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct InboxMessage {
    /// Position in the inbox; grows, is never reused.
    pub seq: u64,
    /// The message's id, the same as at its sender.
    pub id: String,
    /// Who sent it.
    pub from: String,
    /// The sender's petname, when it is a contact.
    pub from_name: Option<String>,
    /// Our wall clock when it arrived, in seconds since 1970, if we had one.
    pub received_at: Option<u64>,
    /// What was sent.
    pub payload: Vec<u8>,
    /// Whether the sender is a contact whose pinned key certified the session.
    pub verified: bool,
    /// Whether it came sealed, through our mailbox node.
    pub sealed: bool,
}

/// The answer to a ping.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct PingReply {
    /// The node that answered.
    pub address: String,
    /// Round trip in microseconds.
    pub rtt_us: u64,
    /// Hops of our route there.
    pub hops: Option<u8>,
    /// The neighbour our route leads through.
    pub next_hop: Option<String>,
    /// The id of our link to that neighbour.
    pub link: Option<String>,
    /// Where that link leads.
    pub uri: Option<String>,
    /// Its medium.
    pub medium: Option<String>,
    /// How that link gets to the neighbour: `direct`, or `relayed` through a relay of the medium.
    pub path: Option<String>,
}

/// What became of dialling an address once.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Probe {
    /// How far it came: `resolve`, `connect`, `handshake` failed, or `done`.
    pub stage: String,
    /// Why it came no further.
    pub error: Option<String>,
    /// The node that answered.
    pub address: Option<String>,
    /// How long it took altogether, in microseconds.
    pub took_us: u64,
}

/// Who answered on one hop of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct TraceHop {
    /// Which hop; 1 is our neighbour.
    pub ttl: u8,
    /// The node there.
    pub address: String,
    /// Its petname, when it is a contact.
    pub name: Option<String>,
    /// The id of our link to it, when it is our neighbour.
    pub link: Option<String>,
    /// Over what it is reached from the node before it, `tcp`, `iroh` or `lora`: known of our own
    /// link, of others as that node says.
    pub medium: Option<String>,
    /// Round trip in microseconds.
    pub rtt_us: u64,
    /// The way ends here: true at the destination, false where no route leads on.
    pub end: Option<bool>,
}

/// A pinned contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Contact {
    /// What the user calls it.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The pinned root key, once known.
    pub root_key: Option<String>,
    /// The weakest suite it may be reached with.
    pub floor: Option<String>,
    /// Its bundle was last seen under another root key; nothing is sent until it is trusted.
    pub key_changed: bool,
    /// The name is what the node wished for or what was made up; the user chose none yet.
    pub suggested: bool,
}

/// An invite that was just made.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct NewInvite {
    /// Its name at this node.
    pub id: String,
    /// The text to hand over; whoever has it can become a contact.
    pub code: String,
    /// Until when it holds, in seconds since 1970.
    pub expires_at: u64,
    /// How many may accept it.
    pub uses: u32,
    /// The links that are in it, as URIs.
    pub hints: Vec<String>,
}

/// An invite this node gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct GivenInvite {
    /// Its name at this node.
    pub id: String,
    /// Until when it holds, in seconds since 1970.
    pub expires_at: u64,
    /// Whether somebody may still accept it.
    pub open: bool,
    /// How many may accept it.
    pub uses: u32,
    /// The addresses of those who did.
    pub guests: Vec<String>,
}

/// What came of accepting an invite. What the inviter says to it is an event, `invite-answered`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Met {
    /// The invite's name at the inviter.
    pub invite: String,
    /// The inviter's address.
    pub address: String,
    /// The inviter's petname now.
    pub name: String,
    /// Links that were added from the invite, as URIs.
    pub links: Vec<String>,
    /// Hints in the invite that this daemon cannot use.
    pub unused: Vec<String>,
}

/// A stranger's message that waits for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Request {
    /// The message's id.
    pub id: String,
    /// The stranger.
    pub from: String,
    /// Our wall clock when it arrived, in seconds since 1970, if we had one.
    pub received_at: Option<u64>,
    /// What was sent.
    pub payload: Vec<u8>,
    /// Whether it came sealed, through our mailbox node.
    pub sealed: bool,
}

/// A joined channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Channel {
    /// The channel's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The string with which others join; whoever has it can read and publish.
    pub invite: String,
    /// Messages kept.
    pub messages: u32,
}

/// A message published on a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct ChannelMessage {
    /// The channel's id.
    pub channel: String,
    /// The message's id.
    pub id: String,
    /// The member that sent it.
    pub from: String,
    /// The member's petname, when it is a contact.
    pub from_name: Option<String>,
    /// The sender's wall clock in seconds since 1970, as the sender claims it.
    pub sent_at: Option<u64>,
    /// Whether the sender signed it. Until then any member may have written it; the events
    /// `channel-proven` and `channel-withdrawn` say later which.
    pub proven: bool,
    /// What was published.
    pub payload: Vec<u8>,
}

/// A configured link, or one that a neighbour opened to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Link {
    /// The link's id.
    pub id: String,
    /// Where it leads, `tcp://HOST:PORT`, `iroh://ENDPOINT?…` or, of a modem and of what it hears,
    /// `rnode://…`.
    pub uri: String,
    /// `listener`, `dialled`, `accepted` or `radio`.
    pub direction: String,
    /// `config`, `api` or `peer`: who wanted it; `discovered`: nobody, the neighbour was found.
    /// What came through the API is kept over restarts.
    pub origin: String,
    /// `connecting`, `up`, `backoff` (until the next try), `standby` (another link to the same
    /// neighbour is up) or `listening`.
    pub state: String,
    /// The neighbour at the other end, while it is up.
    pub peer: Option<String>,
    /// What went wrong last, as a sentence.
    pub error: Option<String>,
    /// Milliseconds until it is tried again.
    pub next_try_ms: Option<u64>,
    /// How it gets to the neighbour, while it is up: `direct`, or `relayed` through a relay of the
    /// medium.
    pub path: Option<String>,
}

/// A LoRa modem. What it does not report is missing.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Radio {
    /// The link's id.
    pub id: String,
    /// Its address, everything it is set to spelled out.
    pub uri: String,
    /// `connecting`, `up` or `backoff`.
    pub state: String,
    /// What is wrong with it, or was last, as a sentence.
    pub error: Option<String>,
    /// What it is set to.
    pub settings: RadioSettings,
    /// What it runs, `major.minor`.
    pub firmware: Option<String>,
    /// Air time of the last hour in each sub-band of the region that this node used.
    pub airtime: Vec<RadioAirtime>,
    /// Milliseconds until the law lets the next message go out, if nothing else is sent before.
    pub message_wait_ms: u64,
    /// The share of time the channel was busy of late, by the modem's own measure.
    pub channel_load: Option<f64>,
    /// The same of the last hour.
    pub channel_load_hour: Option<f64>,
    /// The noise on the channel.
    pub noise_floor_dbm: Option<i32>,
    /// Who is heard.
    pub neighbours: Vec<RadioNeighbour>,
    /// Packets handed to the modem since it was plugged in.
    pub sent: u64,
    /// Packets it received.
    pub heard: u64,
    /// Packets that were sent again.
    pub repeated: u64,
    /// Packets that nobody acknowledged.
    pub given_up: u64,
    /// Errors the modem reported.
    pub complaints: u32,
}

/// What a radio is set to.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RadioSettings {
    /// Whose rules hold.
    pub region: String,
    /// The sub-band whose rules count.
    pub band: String,
    /// The name of its speed, if it has one.
    pub preset: Option<String>,
    /// Hz.
    pub frequency_hz: u32,
    /// Hz.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u32,
    /// 5 to 8.
    pub coding_rate: u32,
    /// At the antenna's connector.
    pub tx_power_dbm: u32,
    /// Of the antenna, less the cable.
    pub antenna_gain_dbi: f64,
    /// Nominal bits a second.
    pub bitrate_bps: u64,
}

/// An account of air time.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RadioAirtime {
    /// The sub-band.
    pub band: String,
    /// What counts of what this node's radios sent there.
    pub used_ms: u64,
    /// What may.
    pub limit_ms: u64,
    /// In so many seconds.
    pub window_s: u32,
}

/// A neighbour on the radio.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RadioNeighbour {
    /// Its address.
    pub address: String,
    /// Its petname, when it is a contact.
    pub name: Option<String>,
    /// Its link's id.
    pub link: Option<String>,
    /// How strong it is heard.
    pub rssi_dbm: i32,
    /// How far above the noise.
    pub snr_db: f64,
    /// The share of packets to it that were acknowledged.
    pub success: f64,
    /// Milliseconds since it was heard.
    pub heard_ago_ms: u64,
    /// Air time spent on it since the modem was plugged in.
    pub airtime_ms: u64,
}

/// What was heard at one speed.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RadioScan {
    /// The name of the speed, if it has one.
    pub preset: Option<String>,
    /// Hz.
    pub frequency_hz: u32,
    /// Hz.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u32,
    /// Packets, of whomever.
    pub heard: u32,
    /// The strongest of them.
    pub rssi_dbm: Option<i32>,
    /// The share of time the channel was busy.
    pub channel_load: Option<f64>,
    /// The noise on the channel.
    pub noise_floor_dbm: Option<i32>,
}

/// How neighbours on the local network are looked for, and who was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Discovery {
    /// `off`, `starting`, `works`, or `failed: ` and why.
    pub mdns: String,
    /// The same of the own multicast group.
    pub multicast: String,
    /// The own group, `[GROUP]:PORT`.
    pub group: String,
    /// Interfaces on which the own group is joined.
    pub interfaces: Vec<String>,
    /// Whether this machine has a way to the IPv4 Internet.
    pub ipv4: bool,
    /// Whether it has one to the IPv6 Internet.
    pub ipv6: bool,
    /// Multicast packets sent to the own group since the start.
    pub sent: u64,
    /// Answers sent to nodes that asked.
    pub answered: u64,
    /// Packets that the system did not take.
    pub failed: u64,
    /// Packets received that counted.
    pub received: u64,
    /// Packets and findings that did not, by reason.
    pub ignored: Vec<Dropped>,
    /// Who was found.
    pub found: Vec<Found>,
}

/// A neighbour that was found: `(instance, uri, state, link, held_for_ms)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, Type)]
pub struct Found {
    /// 16 hexadecimal digits that it drew at its start, or `next-node`.
    pub instance: String,
    /// Where it can be dialled.
    pub uri: String,
    /// The state of the link to it; `held` while it is left alone because it could not be reached,
    /// `seen` while it is not dialled: it dialled us, or there are enough links.
    pub state: String,
    /// The id of that link; empty when there is none.
    pub link: String,
    /// Milliseconds until it is tried again; 0 when it is not left alone.
    pub held_for_ms: u64,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct EventEntry {
    /// Position; grows by one with every event of this process.
    pub seq: u64,
    /// Wall clock in seconds since 1970.
    pub at: u64,
    /// `accepted`, `in-custody`, `received`, `proven`, `failed`, `message`, `channel-message`,
    /// `channel-proven`, `channel-withdrawn`, `peer-up`,
    /// `peer-down`, `route`, `contact-key-changed`, `invite-used`, `invite-answered`, `request`,
    /// `clock-skew`, `links`, `path`, `storage`, `config`, `alert`.
    pub kind: String,
    /// The node it is about.
    pub address: Option<String>,
    /// The message it is about.
    pub message: Option<String>,
    /// The link it is about.
    pub link: Option<String>,
    /// The channel it is about.
    pub channel: Option<String>,
    /// The reason or the new value.
    pub detail: Option<String>,
    /// A duration that belongs to it, in milliseconds.
    pub after_ms: Option<u64>,
}
