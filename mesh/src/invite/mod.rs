//! Invites: a text that is all two strangers need (`specs/21-meeting.md`).
//!
//! An [`Invite`] says who invites (its keys, and which bundle it had), where it may be reached, until
//! when it holds, and a secret by which the inviter recognises whoever was given the text. This
//! module is the format; what is done with invites is the node's.

mod text;

#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use crate::{
    address::Address,
    crypto::hash::{Domain, digest16},
    error::Malformed,
    identity::PublicIdentity,
    limits,
    wire::{Reader, Writer},
};

/// What whoever holds the code can show.
pub type InviteSecret = Zeroizing<[u8; 16]>;

const FLAG_ROOT: u8 = 1;

/// What an invite says (`MEET-02`).
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// Who invites.
    pub node: PublicIdentity,
    /// The root key that certifies the node; `None`: no root key does.
    pub root_key: Option<[u8; 32]>,
    /// The inviter's keys for first contact when the invite was made.
    pub bundle: BundlePin,
    /// Until when it holds, in seconds since 1970 by the inviter's clock.
    pub expires_at: u64,
    /// By which the inviter recognises its guest.
    pub secret: InviteSecret,
    /// What the inviter would like to be called; may be empty.
    pub name: String,
    /// Links on which the inviter may be reached, as URIs. What they mean is the driver's affair.
    pub hints: Vec<String>,
}

/// Which bundle a node had at some time: older ones, or another one of the same version, are not
/// taken from whoever serves them (`MEET-07`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundlePin {
    /// Its version.
    pub version: u32,
    /// [`BundlePin::hash`] of its bytes.
    pub hash: [u8; 16],
}

/// Names an invite at the node that gave it and at those who accepted it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId(pub [u8; 16]);

/// Why a text is no invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteError {
    /// It does not begin like an invite.
    NotAnInvite,
    /// Its end is missing.
    Cut,
    /// Characters were changed, swapped, lost in the middle or added.
    Altered,
    /// It is complete, in a format of this version, which we do not know.
    Version(u8),
    /// It is complete, but what it says breaks a rule: whoever made it is at fault.
    Invalid(Malformed),
}

impl BundlePin {
    /// What is remembered of a bundle's bytes.
    pub fn hash(bundle: &[u8]) -> [u8; 16] {
        digest16(Domain::Invite, &[b"bundle", bundle])
    }

    /// Whether a verified bundle may be the successor of the one that is pinned, or that one itself.
    pub fn allows(&self, version: u32, bytes: &[u8]) -> bool {
        version > self.version || (version == self.version && Self::hash(bytes) == self.hash)
    }
}

impl Invite {
    /// The inviter's address.
    pub fn address(&self) -> Address {
        self.node.address()
    }

    /// The invite's name.
    pub fn id(&self) -> InviteId {
        InviteId::of(&self.secret)
    }

    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// [`Malformed`] names the field.
    pub fn check(&self) -> Result<(), Malformed> {
        if !is_name(&self.name) {
            return Err(Malformed::OutOfRange("invite name"));
        }
        if self.hints.len() > limits::INVITE_HINTS_MAX || !self.hints.iter().all(|h| is_hint(h)) {
            return Err(Malformed::OutOfRange("invite hint"));
        }
        if self.body_len() > limits::INVITE_BODY_LEN_MAX {
            return Err(Malformed::TooLong("invite"));
        }
        Ok(())
    }

    /// The text, upper case and without spaces: it fits QR codes and double clicks.
    ///
    /// # Errors
    /// As [`Invite::check`].
    pub fn encode(&self) -> Result<String, Malformed> {
        self.check()?;
        let mut body = Zeroizing::new(Vec::with_capacity(self.body_len()));
        self.write(&mut body);
        Ok(text::encode(&body))
    }

    /// Reads a text. Case and white space, line breaks included, do not matter.
    ///
    /// # Errors
    /// [`InviteError`]; nothing is allocated for what is longer than an invite can be.
    pub fn decode(text: &str) -> Result<Self, InviteError> {
        let body = text::decode(text)?;
        let invite = Self::read(&body).map_err(InviteError::Invalid)?;
        invite.check().map_err(InviteError::Invalid)?;
        Ok(invite)
    }

    fn body_len(&self) -> usize {
        let hints: usize = self.hints.iter().map(|hint| 2 + hint.len()).sum();
        let root = if self.root_key.is_some() { 32 } else { 0 };
        1 + 32 + root + 4 + 16 + 10 + 16 + 1 + self.name.len() + 1 + hints
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u8(if self.root_key.is_some() { FLAG_ROOT } else { 0 });
        w.array(self.node.node_key());
        if let Some(root_key) = &self.root_key {
            w.array(root_key);
        }
        w.u32(self.bundle.version).array(&self.bundle.hash);
        w.varint(self.expires_at).array(&self.secret);
        w.prefixed(self.name.as_bytes());
        // At most INVITE_HINTS_MAX.
        w.u8(self.hints.len() as u8);
        for hint in &self.hints {
            w.prefixed(hint.as_bytes());
        }
    }

    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let flags = r.u8("invite flags")?;
        if flags & !FLAG_ROOT != 0 {
            return Err(Malformed::OutOfRange("invite flags"));
        }
        let node = PublicIdentity::new(r.array("invite node key")?);
        let root_key = (flags & FLAG_ROOT != 0).then(|| r.array("invite root key")).transpose()?;
        let version = r.u32("invite bundle version")?;
        let bundle = BundlePin { version, hash: r.array("invite bundle hash")? };
        let expires_at = r.varint("invite expiry")?;
        let secret = Zeroizing::new(r.array("invite secret")?);
        let name = text_of(r.prefixed(limits::NAME_LEN_MAX, "invite name")?)?;
        let count = usize::from(r.u8("invite hints")?);
        if count > limits::INVITE_HINTS_MAX {
            return Err(Malformed::OutOfRange("invite hints"));
        }
        let mut hints = Vec::with_capacity(count);
        for _ in 0..count {
            hints.push(text_of(r.prefixed(limits::INVITE_HINT_LEN_MAX, "invite hint")?)?);
        }
        r.finish("invite")?;
        Ok(Self { node, root_key, bundle, expires_at, secret, name, hints })
    }
}

fn text_of(bytes: &[u8]) -> Result<String, Malformed> {
    core::str::from_utf8(bytes).map(String::from).map_err(|_| Malformed::OutOfRange("invite text"))
}

/// Whether a name may be suggested: at most [`limits::NAME_LEN_MAX`] bytes, no control characters.
/// The empty name suggests none.
pub fn is_name(name: &str) -> bool {
    name.len() <= limits::NAME_LEN_MAX && !name.chars().any(char::is_control)
}

/// Whether a hint is written like a link: printable ASCII with a scheme.
pub fn is_hint(hint: &str) -> bool {
    hint.len() <= limits::INVITE_HINT_LEN_MAX
        && hint.bytes().all(|byte| byte.is_ascii_graphic())
        && hint.split_once("://").is_some_and(|(scheme, rest)| {
            !scheme.is_empty() && !rest.is_empty() && scheme.bytes().all(|b| b.is_ascii_lowercase())
        })
}

impl InviteId {
    /// The name of the invite with this secret. It does not tell the secret.
    pub fn of(secret: &[u8; 16]) -> Self {
        Self(digest16(Domain::Invite, &[b"id", secret]))
    }
}

impl fmt::Display for InviteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InviteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteId({self})")
    }
}

impl core::str::FromStr for InviteId {
    type Err = crate::address::ParseAddressError;

    /// 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|address: Address| Self(*address.as_bytes()))
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invite({} of {}, {} hints)", self.id(), self.address(), self.hints.len())
    }
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnInvite => write!(f, "this is no invite; one begins with {}", text::PREFIX),
            Self::Cut => f.write_str("the invite is cut: its end is missing"),
            Self::Altered => f.write_str("the invite is altered: a character is wrong"),
            Self::Version(version) => {
                write!(f, "the invite is of version {version}, which this node does not know")
            }
            Self::Invalid(what) => write!(f, "the invite breaks a rule: {what:?}"),
        }
    }
}

impl core::error::Error for InviteError {}
