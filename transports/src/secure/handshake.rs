//! The handshake of a link as a state machine (`LNK-20` to `LNK-27`): messages of fixed length,
//! written and read in turn.

use std::{fmt, io, sync::Arc, time::Instant};

use clatter::{
    HybridHandshakeParams,
    bytearray::ByteArray,
    traits::{Handshaker, Rng},
};
use mesh::identity::{MeshIdentity, PublicIdentity};

use super::{
    CERTIFICATE_LEN, Certificate, LinkKeys, NetworkKey, Opener, Sealer, VERSION,
    certificate::Subject,
};
use crate::{
    limits::LINK_KEY_LIFE,
    link::Goodbye,
    noise::{Hybrid, SystemRandom, TAG_LEN, pattern_closed, pattern_open},
};

/// What this node brings into its handshakes.
#[derive(Clone, Debug)]
pub struct Local {
    /// The node key that certifies the link keys.
    pub identity: MeshIdentity,
    /// The link keys.
    pub keys: LinkKeys,
    /// Names this run of the process.
    pub epoch: u64,
    /// The network's key, if the network is closed.
    pub network_key: Option<NetworkKey>,
    /// Longest frame this node takes, in bytes.
    pub mtu: u32,
}

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This node dialled.
    Initiator,
    /// The peer dialled.
    Responder,
}

impl Role {
    const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// A handshake in progress.
#[cfg_attr(test, derive(Clone))]
pub struct Handshake<R: Rng = SystemRandom> {
    noise: Hybrid<R>,
    local: Arc<Local>,
    role: Role,
    /// How many of the four messages are done.
    done: u8,
    expires_in_s: u32,
    peer: Option<Certificate>,
}

/// What a completed handshake leaves behind.
pub struct Established {
    /// The peer and what it says of itself.
    pub certificate: Certificate,
    /// Seals what this side sends.
    pub sealer: Sealer,
    /// Opens what the peer sends.
    pub opener: Opener,
    /// Longest frame both sides take, in bytes.
    pub mtu: u32,
    /// Who dialled.
    pub role: Role,
}

impl Established {
    /// The node at the other end.
    pub const fn peer(&self) -> PublicIdentity {
        self.certificate.peer
    }
}

impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Established")
            .field("certificate", &self.certificate)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl<R: Rng> Handshake<R> {
    /// Starts a handshake.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Expired`] when our own link keys are too old.
    pub fn new(local: Arc<Local>, role: Role, now: Instant) -> Result<Self, HandshakeError> {
        Self::bound(local, role, now, PROLOGUE)
    }

    /// Starts a handshake that completes only between two sides that gave the same `prologue`:
    /// what it holds is authenticated by everything that follows (`IRO-04`).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Expired`] when our own link keys are too old.
    pub fn bound(
        local: Arc<Local>,
        role: Role,
        now: Instant,
        prologue: &[u8],
    ) -> Result<Self, HandshakeError> {
        let expires_in = local.keys.expires_in(now).min(LINK_KEY_LIFE).as_secs();
        let Some(expires_in_s @ 1..) = u32::try_from(expires_in).ok() else {
            return Err(HandshakeError::Expired);
        };
        let pattern = if local.network_key.is_some() { pattern_closed() } else { pattern_open() };
        let params = HybridHandshakeParams::new(pattern, role == Role::Initiator)
            .with_prologue(prologue)
            .with_s(local.keys.dh.clone())
            .with_s_kem(local.keys.kem.clone());
        let mut noise = Hybrid::<R>::new(params)?;
        if let Some(key) = &local.network_key {
            noise.push_psk(key.as_bytes());
        }
        Ok(Self { noise, local, role, done: 0, expires_in_s, peer: None })
    }

    /// Whether it is this side's turn to write.
    pub fn is_write_turn(&self) -> bool {
        self.done < MESSAGES && self.done.is_multiple_of(2) == (self.role == Role::Initiator)
    }

    /// Whether all four messages are done.
    pub const fn is_done(&self) -> bool {
        self.done == MESSAGES
    }

    /// Bytes of the next message. Every message has one possible length (`LNK-24`).
    pub fn next_len(&self) -> usize {
        let overhead = self.noise.get_next_message_overhead().unwrap_or(0);
        overhead + self.payload_len() + self.version_len()
    }

    /// Appends the next message.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when the peer's keys are unusable.
    pub fn write(&mut self, out: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let start = out.len();
        let payload = match self.payload_len() {
            CERTIFICATE_LEN => self.certificate(),
            filler => vec![0; filler],
        };
        out.resize(start + self.next_len(), 0);
        let mut message = &mut out[start..];
        if self.version_len() == 1 {
            message[0] = VERSION;
            message = &mut message[1..];
        }
        self.noise.write_message(&payload, message)?;
        self.done += 1;
        Ok(())
    }

    /// Reads the peer's next message.
    ///
    /// # Errors
    ///
    /// What is wrong with it. The handshake is over then; nothing is answered (`LNK-26`).
    pub fn read(&mut self, message: &[u8]) -> Result<(), HandshakeError> {
        if message.len() != self.next_len() {
            return Err(HandshakeError::BadLength);
        }
        let message = self.check_version(message)?;
        let hash = self.noise.get_state().get_hash();
        let mut payload = [0; CERTIFICATE_LEN];
        let len = self.noise.read_message(message, &mut payload)?;
        if len == CERTIFICATE_LEN {
            self.check_certificate(&payload, hash.as_slice())?;
        } else if payload != [0; CERTIFICATE_LEN] {
            // A member of a closed network knocks at an open one.
            return Err(HandshakeError::Refused);
        }
        self.done += 1;
        Ok(())
    }

    /// The version byte in front of the first message (`LNK-23`).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Version`] for a version that this build does not speak.
    pub fn check_version<'a>(&self, message: &'a [u8]) -> Result<&'a [u8], HandshakeError> {
        if self.version_len() == 0 {
            return Ok(message);
        }
        match message.split_first() {
            Some((&VERSION, rest)) => Ok(rest),
            Some((&version, _)) => Err(HandshakeError::Version(version)),
            None => Err(HandshakeError::BadLength),
        }
    }

    /// Ends the handshake with the keys for records.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] before the last message.
    pub fn finish(self) -> Result<Established, HandshakeError> {
        let certificate = self.peer.ok_or(HandshakeError::Refused)?;
        let keys = self.noise.finalize()?.take();
        let (to_responder, _) = keys.initiator_to_responder.take();
        let (to_initiator, _) = keys.responder_to_initiator.take();
        let (ours, theirs) = match self.role {
            Role::Initiator => (&to_responder, &to_initiator),
            Role::Responder => (&to_initiator, &to_responder),
        };
        Ok(Established {
            certificate,
            sealer: Sealer::new(ours),
            opener: Opener::new(theirs),
            mtu: certificate.mtu.min(self.local.mtu),
            role: self.role,
        })
    }

    /// Messages two and three carry a certificate. The first one of an open network carries as
    /// many zero bytes as a closed network's has tag: of the same length, the two are told apart
    /// at once and not by waiting (`LNK-24`).
    fn payload_len(&self) -> usize {
        match self.done {
            0 if self.local.network_key.is_none() => TAG_LEN,
            1 | 2 => CERTIFICATE_LEN,
            _ => 0,
        }
    }

    const fn version_len(&self) -> usize {
        if self.done == 0 { 1 } else { 0 }
    }

    fn certificate(&self) -> Vec<u8> {
        let Local { identity, keys, epoch, mtu, .. } = &*self.local;
        let certificate = Certificate {
            version_max: VERSION,
            mtu: *mtu,
            epoch: *epoch,
            expires_in_s: self.expires_in_s,
            peer: identity.public(),
        };
        let hash = self.noise.get_state().get_hash();
        let subject = Subject {
            role: self.role,
            dh: keys.dh.public.as_slice(),
            kem: keys.kem.public.as_slice(),
            handshake_hash: hash.as_slice(),
        };
        certificate.issue(identity, &subject)
    }

    fn check_certificate(
        &mut self,
        payload: &[u8; CERTIFICATE_LEN],
        hash: &[u8],
    ) -> Result<(), HandshakeError> {
        let keys = self.noise.get_remote_static().ok_or(HandshakeError::Refused)?;
        let subject = Subject {
            role: self.role.other(),
            dh: keys.dh().as_slice(),
            kem: keys.kem().as_slice(),
            handshake_hash: hash,
        };
        let certificate = Certificate::verify(payload, &subject)?;
        if certificate.peer == self.local.identity.public() {
            return Err(HandshakeError::OurOwnKey);
        }
        // VERSION is the highest version there is; when a second one comes, a handshake below
        // min(version_max, our highest) is refused here as a downgrade (LNK-23).
        self.peer = Some(certificate);
        Ok(())
    }
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer speaks another version, or another protocol.
    Version(u8),
    /// A message of the wrong length.
    BadLength,
    /// A message does not authenticate: another network key, another protocol, or tampering.
    Refused,
    /// The node key did not sign these link keys for this handshake.
    BadCertificate,
    /// The link keys are past their time.
    Expired,
    /// The peer is this node: we dialled ourselves.
    OurOwnKey,
    /// The operating system gave no randomness.
    NoRandomness,
    /// The peer does not want this link.
    TurnedDown(Goodbye),
    /// Not complete in time.
    Timeout,
    /// The peer closed the connection; a closed network does so with strangers.
    Closed,
    /// The connection failed.
    Io(io::ErrorKind),
}

impl HandshakeError {
    /// The name used in logs, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::BadLength => "bad-length",
            Self::Refused => "refused",
            Self::BadCertificate => "bad-certificate",
            Self::Expired => "expired",
            Self::OurOwnKey => "our-own-key",
            Self::NoRandomness => "no-randomness",
            Self::TurnedDown(_) => "turned-down",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Io(_) => "io",
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "the peer's first byte is {version:#04x}: another version or protocol")
            }
            Self::BadLength => f.write_str("a handshake message has the wrong length"),
            Self::Refused => {
                f.write_str("the handshake does not authenticate: is the network key the same?")
            }
            Self::BadCertificate => f.write_str("the peer's certificate does not hold"),
            Self::Expired => f.write_str("the link keys are past their time"),
            Self::OurOwnKey => f.write_str("this address leads to this node itself"),
            Self::NoRandomness => f.write_str("the operating system gives no randomness"),
            Self::TurnedDown(why) => write!(f, "the peer does not want the link: {}", why.as_str()),
            Self::Timeout => f.write_str("the handshake was not complete in time"),
            Self::Closed => {
                f.write_str("the peer closed during the handshake: is the network key the same?")
            }
            Self::Io(kind) => write!(f, "{kind} during the handshake"),
        }
    }
}

impl std::error::Error for HandshakeError {}

impl From<clatter::error::HandshakeError> for HandshakeError {
    fn from(_: clatter::error::HandshakeError) -> Self {
        // What exactly did not hold is of use to an attacker alone.
        Self::Refused
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Self::Closed,
            kind => Self::Io(kind),
        }
    }
}

/// Binds every handshake to this protocol and version (`LNK-23`).
const PROLOGUE: &[u8] = b"quicprochat link 1";

const _: () = assert!(PROLOGUE[PROLOGUE.len() - 1] == b'0' + VERSION);

/// Messages of the pattern.
const MESSAGES: u8 = 4;

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
