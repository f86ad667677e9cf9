//! Dictionaries of `org.quicprochat.Trust1`.

use zbus::{DeserializeDict, SerializeDict, Type};

/// What is known about a practice.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Standing {
    /// The practice's key, 64 hexadecimal digits.
    pub therapist: String,
    /// 0 nothing, 1 its domain, 2 colleagues, 3 an issuer.
    pub trust: u8,
    /// The same in a few German words.
    pub trust_label: String,
    /// What that means, and what it does not, in German.
    pub explanation: String,
    /// Until when, in seconds since 1970.
    pub until: Option<u64>,
    /// The profession that is vouched for.
    pub beruf: Option<String>,
    /// The chamber that is vouched for, by its short name.
    pub kammer: Option<String>,
    /// The domain that names the key.
    pub domain: Option<String>,
    /// Whether an announce of the practice is known.
    pub announced: bool,
    /// Whether it is this node's own practice.
    pub own: bool,
    /// The domain that this node's practice named as its own.
    pub own_domain: Option<String>,
    /// Signed statements about it that are held here, as text to hand on, whether they count or not.
    pub statements: Vec<String>,
}

/// How a colleague is vouched for.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct EndorseOptions {
    /// Their profession; default what their announce says.
    pub beruf: Option<String>,
    /// Their chamber, by its short name.
    pub kammer: String,
}
