use crate::{
    crypto::{
        aead::TAG_LEN,
        kem::{X25519_LEN, XWING_CIPHERTEXT_LEN},
    },
    envelope::Admission,
    error::{Error, Malformed, Unsupported},
    identity::Suite,
    wire::Reader,
};

/// What follows the header, by class. Borrowed from the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Class session.
    Session(SessionBody<'a>),
    /// Class signed.
    Signed {
        /// The Ed25519 node key that signed.
        source_key: [u8; 32],
        /// The signer's persisted counter.
        seq: u64,
        /// What was signed.
        content: Content<'a>,
        /// Over [`super::EnvelopeIn::digest`].
        signature: [u8; 64],
    },
    /// Class sealed.
    Sealed(SealedBody<'a>),
    /// Class lite.
    Lite(LiteBody<'a>),
}

/// The content of a signed envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Encrypted in a session with the destination.
    Session(SessionBody<'a>),
    /// Readable by everyone.
    Public(&'a [u8]),
    /// Encrypted to a pre-key of the destination: a signed first contact.
    Sealed(SealedBody<'a>),
}

/// A message encrypted in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionBody<'a> {
    /// The receiver's id of the session, per direction.
    pub session_id: [u8; 8],
    /// Which of the direction's message keys.
    pub counter: u32,
    /// Chosen anew at every start of the sender.
    pub boot_salt: [u8; 8],
    /// The encrypted text.
    pub ciphertext: &'a [u8],
    /// Its authentication tag.
    pub tag: [u8; TAG_LEN],
}

/// A message encrypted to a pre-key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedBody<'a> {
    /// The recipient's label at its mailbox node; zero when the envelope goes to it directly.
    pub label: [u8; 16],
    /// What makes the mailbox node keep it.
    pub admission: Admission,
    /// Everything after the admission: what a proof of work is over.
    pub sealed: &'a [u8],
    /// The pre-key used.
    pub prekey_id: u32,
    /// The encapsulated secret, which also names the suite.
    pub kem: KemCiphertext<'a>,
    /// The encrypted text.
    pub ciphertext: &'a [u8],
    /// Its authentication tag.
    pub tag: [u8; TAG_LEN],
}

/// A message encrypted in a lite session; its tag is the header's lock (`MLL-04`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteBody<'a> {
    /// By which the receiver finds session and counter; or what the rest is, if no session.
    pub session_tag: SessionTag,
    /// The encrypted text, at least a byte.
    pub ciphertext: &'a [u8],
}

/// Names session and counter to the receiver of a lite envelope.
pub type SessionTag = [u8; 3];

/// An encapsulated secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KemCiphertext<'a> {
    /// An ephemeral X25519 key.
    X25519(&'a [u8; X25519_LEN]),
    /// An X-Wing ciphertext.
    XWing(&'a [u8; XWING_CIPHERTEXT_LEN]),
}

impl KemCiphertext<'_> {
    /// The suite it belongs to.
    pub const fn suite(&self) -> Suite {
        match self {
            Self::X25519(_) => Suite::X25519,
            Self::XWing(_) => Suite::XWing,
        }
    }

    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::X25519(bytes) => *bytes,
            Self::XWing(bytes) => *bytes,
        }
    }
}

impl<'a> SessionBody<'a> {
    /// Bytes before the ciphertext.
    pub(crate) const PREFIX_LEN: usize = 8 + 4 + 8;

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let session_id = reader.array("session id")?;
        let counter = reader.u32("session counter")?;
        let boot_salt = reader.array("session boot salt")?;
        let (ciphertext, tag) = read_tagged(reader)?;
        Ok(Self { session_id, counter, boot_salt, ciphertext, tag })
    }
}

impl<'a> LiteBody<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let session_tag = reader.array("lite session tag")?;
        let ciphertext = reader.rest();
        if ciphertext.is_empty() {
            return Err(Malformed::MissingData("lite ciphertext").into());
        }
        Ok(Self { session_tag, ciphertext })
    }
}

impl<'a> SealedBody<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let label = reader.array("sealed label")?;
        let admission = Admission::read(reader)?;
        let sealed = reader.clone().rest();
        let suite = reader.u8("sealed suite")?;
        let suite = Suite::from_code(suite).ok_or(Unsupported::Suite(suite))?;
        let prekey_id = reader.u32("sealed pre-key id")?;
        let kem = match suite {
            Suite::X25519 => KemCiphertext::X25519(chunk(reader)?),
            Suite::XWing => KemCiphertext::XWing(chunk(reader)?),
        };
        let (ciphertext, tag) = read_tagged(reader)?;
        Ok(Self { label, admission, sealed, prekey_id, kem, ciphertext, tag })
    }
}

fn chunk<'a, const N: usize>(reader: &mut Reader<'a>) -> Result<&'a [u8; N], Malformed> {
    let bytes = reader.bytes(N, "sealed KEM ciphertext")?;
    Ok(bytes.first_chunk().expect("the reader returned N bytes"))
}

fn read_tagged<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], [u8; TAG_LEN]), Malformed> {
    let (ciphertext, tag) = reader
        .rest()
        .split_last_chunk::<TAG_LEN>()
        .ok_or(Malformed::MissingData("authentication tag"))?;
    Ok((ciphertext, *tag))
}
