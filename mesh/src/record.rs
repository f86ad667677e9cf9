//! What must survive a crash: an ordered stream of changes to a few small tables.
//!
//! The core writes [`Record`]s, the driver stores them and says how far it got
//! ([`crate::Node::handle_committed`]). All records polled until `None` are one atomic change: a
//! crash leaves all of them or none (`STO-01`). At start the driver plays every stored row back through
//! [`crate::Node::restore`]. The driver never looks inside a value.

use alloc::vec::Vec;

/// Position in a node's stream of records, counted from 1 at every start.
///
/// A `u64` at a million records a second lasts 584,000 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordSeq(pub u64);

/// A row to put (`value` is `Some`) or to delete (`None`).
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The table the row lives in.
    pub table: Table,
    /// The row's key, at most [`crate::limits::RECORD_KEY_LEN_MAX`] bytes.
    pub key: Vec<u8>,
    /// The new value, or `None` to delete the row.
    pub value: Option<Vec<u8>>,
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let len = self.value.as_ref().map(Vec::len);
        write!(f, "Record({:?}, {} B key, {len:?} B value)", self.table, self.key.len())
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $text:literal, secret $secret:literal;)*) => {
        /// The tables of a node's durable state. Numbers are part of the on-disk format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table { $($(#[$doc])* $name = $id,)* }

        impl Table {
            /// Every table, in the order in which it must be restored.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The table's name on disk.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether values hold keys that must be unreadable once the row is gone: the driver
            /// wraps them under a key slot that it overwrites (`STO-12`).
            pub const fn is_secret(self) -> bool {
                match self { $(Self::$name => $secret,)* }
            }
        }
    };
}

tables! {
    /// Counters, boot number, own announce sequence.
    Meta = 0, "meta", secret false;
    /// Pinned contacts with petnames and suite floors.
    Contacts = 1, "contacts", secret false;
    /// Own pre-keys, private halves included.
    PreKeys = 2, "prekeys", secret true;
    /// End-to-end sessions: ratchet state, one row a session.
    Sessions = 3, "sessions", secret true;
    /// Known destinations: last announce, feasibility distance.
    Routes = 4, "routes", secret false;
    /// Messages of our own that have no receipt yet.
    Outbox = 5, "outbox", secret false;
    /// Envelopes of others in our custody.
    Custody = 6, "custody", secret false;
    /// Messages received and not yet taken by the application.
    Inbox = 7, "inbox", secret false;
    /// Ids of opened first-contact envelopes, kept as long as their pre-key.
    Replay = 8, "replay", secret false;
    /// Joined channels with their keys.
    Channels = 9, "channels", secret true;
    /// Channel messages kept for members that catch up.
    History = 10, "history", secret false;
    /// Labels and tokens registered here by nodes for which we are the mailbox.
    Mailbox = 11, "mailbox", secret false;
    /// Bundles of other nodes.
    Bundles = 12, "bundles", secret false;
    /// Which message counters of a sender were shown, one row a sender and lineage.
    Windows = 13, "windows", secret false;
    /// Transferable receipts for messages of ours.
    Proofs = 14, "proofs", secret false;
    /// Which messages of our own a relay keeps, and what their receipts will look like.
    Departed = 15, "departed", secret false;
    /// Invites given and accepted, and what was decided about strangers.
    Meeting = 16, "meeting", secret true;
    /// First messages of strangers, until somebody decides about them.
    Requests = 17, "requests", secret false;
    /// Rows of programs beside the node; it never looks at them (`BSD-20`).
    Beside = 18, "beside", secret false;
    /// The same, with secrets in them.
    BesideSecrets = 19, "beside-secrets", secret true;
}
