//! SHA-256 with domain separation and injective framing (`WIRE-12`).
//!
//! What is hashed is `label ‖ (length ‖ part)*`: a 16-byte label names the purpose, each part
//! follows its length as a little-endian `u32`. No two different lists of parts, and no two
//! purposes, give the same input.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What a digest is for. A digest of one domain never equals one of another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Domain { $($(#[$doc])* $name,)* }

        impl Domain {
            /// Every domain.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The 16 bytes that start every input of this domain.
            pub const fn label(self) -> &'static [u8; 16] {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

domains! {
    /// A node's address (`ID-02`).
    Address = b"qpc address    1",
    /// What an envelope's id and signature are made of (`ENV-04`).
    Envelope = b"qpc envelope   1",
    /// A user message's end-to-end id.
    Message = b"qpc message    1",
    /// What an announce's signature is made of.
    Announce = b"qpc announce   1",
    /// What a bundle's signature is made of (`ID-09`).
    Bundle = b"qpc bundle     1",
    /// A pre-key inside a bundle.
    PreKey = b"qpc pre-key    1",
    /// A root key's certificate over a node key (`ID-07`).
    Certificate = b"qpc certificate1",
    /// A transport's certificate that binds a link key to a node key.
    LinkCertificate = b"qpc link cert  1",
    /// A receipt's hash-lock (`ENV-10`).
    Lock = b"qpc lock       1",
    /// A sender's proof of work for a stranger's mailbox (`ENV-12`).
    Work = b"qpc work       1",
    /// The first, unauthenticated part of a first contact's transcript (`SES-03`).
    Contact = b"qpc contact    1",
    /// A first contact's whole transcript (`SES-04`).
    Transcript = b"qpc transcript 1",
    /// The salt of a session's sending half.
    Salt = b"qpc salt       1",
    /// A channel's id.
    Channel = b"qpc channel    1",
    /// A channel message's id and signature.
    ChannelMessage = b"qpc chan msg   1",
    /// Who sent a channel message, for its members.
    ChannelSender = b"qpc chan sender1",
    /// Names a lite channel object (`MLG-02`).
    ChannelLite = b"qpc chan lite  1",
    /// What a sender says it sent (`MLG-10`).
    ChannelCheckpoint = b"qpc chan check 1",
    /// A channel's invite string.
    ChannelInvite = b"qpc chan invite1",
    /// A member's sign of life in a channel.
    ChannelPresence = b"qpc chan presen1",
    /// Proof of membership in a channel.
    ChannelAccess = b"qpc chan access1",
    /// Ids blinded for one run of reconciliation.
    Reconcile = b"qpc reconcile  1",
    /// Fingerprint of a set for reconciliation.
    Set = b"qpc set        1",
    /// A transferable receipt (`NODE-12`).
    Receipt = b"qpc receipt    1",
    /// A mailbox token.
    Token = b"qpc token      1",
    /// What an invite says of a bundle, its checksum and its name (`MEET-02`).
    Invite = b"qpc invite     1",
    /// What is shown in place of work by somebody who is expected (`MEET-21`).
    Pass = b"qpc pass       1",
    /// What a lite handshake is about (`MLL-16`).
    LiteHandshake = b"qpc lite hshake1",
    /// A radio port's hello, the name of one start of a port, and what it broadcasts (`RAD-04`).
    RadioHello = b"qpc radio hello1",
    /// The tag of a payload on a radio (`RAD-05`).
    HopTag = b"qpc hop tag    1",
    /// What a practice signs of its offers (`FAP-32`).
    FappAnnounce = b"qpc fapp offer 1",
    /// What a practice signs when it takes them back (`FAP-40`).
    FappTombstone = b"qpc fapp tomb  1",
    /// What neighbours compare of their announces (`FAP-71`).
    FappSync = b"qpc fapp sync  1",
    /// Names a slot (`FAP-21`).
    FappSlot = b"qpc fapp slot  1",
    /// Labels, hints and work of reservations (`RSV-05`).
    FappReservation = b"qpc fapp resv  1",
    /// What observers, colleagues and issuers sign about a practice (`TRU-02`).
    FappTrust = b"qpc fapp trust 1",
    /// What a node signs of the page that it gives away as a file (`WEB-08`).
    Page = b"qpc page       1",
    /// Simulated signatures (feature `simulation`).
    TransparentSign = b"qpc fake sign  1",
    /// Simulated encryption (feature `simulation`).
    TransparentAead = b"qpc fake aead  1",
    /// Simulated key exchange (feature `simulation`).
    TransparentKem = b"qpc fake kem   1",
}

/// The SHA-256 of `parts` in `domain`.
///
/// # Panics
/// If a part has 4 GiB or more; [`crate::limits`] bounds every input far below.
pub fn digest32(domain: Domain, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(domain.label());
    for part in parts {
        let len = u32::try_from(part.len()).expect("limits.rs keeps every input below 4 GiB");
        hasher.update(len.to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first 16 bytes of [`digest32`].
pub fn digest16(domain: Domain, parts: &[&[u8]]) -> [u8; 16] {
    truncate(&digest32(domain, parts))
}

/// The SHA-256 of the bytes alone, for use as a part of a framed digest.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The first 16 bytes of a digest.
pub const fn truncate(digest: &[u8; 32]) -> [u8; 16] {
    let (head, _) = digest.split_first_chunk::<16>().expect("16 is less than 32");
    *head
}

/// The bytes [`digest32`] hashes, for vectors and other implementations.
pub fn framed(domain: Domain, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = domain.label().to_vec();
    for part in parts {
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}
