//! Options of calls (`a{sv}`). Every key may be missing; an unknown key is refused.

use zbus::{DeserializeDict, SerializeDict, Type};

/// How a message is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct SendOptions {
    /// `low`, `normal` (default), `high` or `urgent`.
    pub priority: Option<String>,
    /// How long it may be under way, in seconds; default a week, at most 30 days.
    pub lifetime_s: Option<u32>,
    /// Whether it must survive crashes; default true. A volatile message is never on a disk.
    pub durable: Option<bool>,
    /// Whether the envelope carries our signature; default false.
    pub signed: Option<bool>,
    /// Whether it goes through the recipient's mailbox node; default false.
    pub sealed: Option<bool>,
    /// Whether the recipient is asked for a signed receipt that third parties can verify; default
    /// false.
    pub proof: Option<bool>,
}

/// Which messages of the inbox are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct InboxOptions {
    /// Only messages that arrived after the one with this id.
    pub since: Option<String>,
    /// Only messages whose `seq` is greater.
    pub after_seq: Option<u64>,
    /// Forget the returned messages, and everything before them, in the daemon.
    pub take: Option<bool>,
    /// At most this many; default 1,000. A reply also ends before 4 MiB of payloads.
    pub limit: Option<u32>,
}

/// How to ping.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct PingOptions {
    /// How long to wait for the answer, in milliseconds; default 5,000.
    pub timeout_ms: Option<u32>,
    /// Bytes of padding in request and answer; default 64.
    pub payload_len: Option<u16>,
}

/// Which routes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct RouteOptions {
    /// Only the route to this address or contact.
    pub address: Option<String>,
    /// Only destinations whose address sorts after this one: the next page.
    pub after: Option<String>,
    /// At most this many; default 10,000.
    pub limit: Option<u32>,
}

/// What is known about a new contact beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct ContactOptions {
    /// The root key that must certify it, 64 hexadecimal digits. Without, the first verified
    /// bundle is pinned.
    pub root_key: Option<String>,
}

/// Which messages of a channel are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct HistoryOptions {
    /// At most this many, the newest ones; default 1,000.
    pub limit: Option<u32>,
}

/// How an identity is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct ImportOptions {
    /// Set the present identity and its store aside at the next start; default false.
    pub replace: Option<bool>,
}

/// What an invite is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct InviteOptions {
    /// What this node would like to be called; default nothing.
    pub name: Option<String>,
    /// How long it holds, in seconds; default a week, at most 90 days.
    pub lifetime_s: Option<u32>,
    /// How many may accept it; default 1, at most 100.
    pub uses: Option<u32>,
    /// Links to put into it, as URIs, in place of those on which this daemon can be reached.
    pub hints: Option<Vec<String>>,
}

/// How an invite is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct AcceptOptions {
    /// What to call the inviter; default what it wished for, marked as suggested.
    pub name: Option<String>,
    /// What this node would like to be called there; default nothing.
    pub introduce_as: Option<String>,
}

/// How a stranger is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct RequestOptions {
    /// Make it a contact of this name; without, its messages are let in and that is all.
    pub name: Option<String>,
}
