//! Errors, split by culprit: the bytes, the peer, a missing overlap. Callers' mistakes are
//! [`crate::CommandError`].

use core::fmt;

/// The bytes are not a frame of this protocol. The parameter says what was wrong where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Fewer bytes than the named field needs.
    MissingData(&'static str),
    /// Bytes follow the last field.
    TrailingData(&'static str),
    /// A length is beyond its limit; nothing was allocated.
    TooLong(&'static str),
    /// A value has more than one encoding and this is not the shortest.
    NonCanonical(&'static str),
    /// A value outside its range.
    OutOfRange(&'static str),
}

/// Well-formed, but against the rules. The peer is at fault, or an attacker between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A signature does not hold.
    BadSignature,
    /// An authentication tag does not hold.
    BadTag,
    /// The lifetime is over.
    Expired,
    /// Remaining hops or age beyond the authenticated maxima.
    BeyondMaxima,
    /// Seen before.
    Replayed,
    /// A key of small order, or a non-contributory key exchange.
    WeakKey,
    /// More than the sender's share.
    OverBudget,
    /// An answer that nobody asked for.
    Unsolicited,
}

/// Fine, but nothing this node can handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// A version byte we do not know (`WIRE-03`).
    Version(u8),
    /// A frame kind we do not know (`WIRE-04`).
    Kind(u8),
    /// A cryptographic suite we do not know.
    Suite(u8),
    /// Encrypted to a pre-key that is not ours any more.
    PreKeyGone,
    /// A session we do not know.
    UnknownSession,
}

/// Why input was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes are at fault.
    Malformed(Malformed),
    /// The peer is at fault.
    PeerMisbehaved(PeerMisbehaved),
    /// No overlap.
    Unsupported(Unsupported),
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<PeerMisbehaved> for Error {
    fn from(error: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(error)
    }
}

impl From<Unsupported> for Error {
    fn from(error: Unsupported) -> Self {
        Self::Unsupported(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "malformed input: {error:?}"),
            Self::PeerMisbehaved(error) => write!(f, "peer misbehaved: {error:?}"),
            Self::Unsupported(error) => write!(f, "unsupported: {error:?}"),
        }
    }
}

impl core::error::Error for Error {}

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a frame or envelope was dropped: the label of a counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// Every reason, in the order of the counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name used in metrics labels and JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

drop_reasons! {
    /// The bytes are no frame.
    Malformed => "malformed",
    /// A signature or tag does not hold.
    Forged => "forged",
    /// Seen before.
    Replayed => "replayed",
    /// The lifetime or the hops are used up.
    Expired => "expired",
    /// The sender is over its budget.
    OverBudget => "over-budget",
    /// A version, kind or suite we do not know.
    Unsupported => "unsupported",
    /// No route, and not to be stored.
    NoRoute => "no-route",
    /// A queue or quota is full.
    Full => "full",
    /// Nobody asked for it.
    Unsolicited => "unsolicited",
    /// A session or pre-key we do not have.
    UnknownKey => "unknown-key",
    /// Its sender is blocked.
    Blocked => "blocked",
}

impl From<Error> for DropReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Malformed(_) => Self::Malformed,
            Error::PeerMisbehaved(error) => match error {
                PeerMisbehaved::Expired | PeerMisbehaved::BeyondMaxima => Self::Expired,
                PeerMisbehaved::Replayed => Self::Replayed,
                PeerMisbehaved::OverBudget => Self::OverBudget,
                PeerMisbehaved::Unsolicited => Self::Unsolicited,
                PeerMisbehaved::BadSignature | PeerMisbehaved::BadTag | PeerMisbehaved::WeakKey => {
                    Self::Forged
                }
            },
            Error::Unsupported(error) => match error {
                Unsupported::PreKeyGone | Unsupported::UnknownSession => Self::UnknownKey,
                Unsupported::Version(_) | Unsupported::Kind(_) | Unsupported::Suite(_) => {
                    Self::Unsupported
                }
            },
        }
    }
}
