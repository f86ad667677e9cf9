//! The security of a link over a byte stream: a hybrid post-quantum Noise handshake that proves
//! both node keys, then records under the keys it leaves behind. Bytes in, bytes out; no socket.

mod certificate;
mod handshake;
mod keys;
mod record;

pub use certificate::{CERTIFICATE_LEN, Certificate};
pub use handshake::{Established, Handshake, HandshakeError, Local, Role};
pub use keys::{LinkKeys, NetworkKey, NetworkKeyError, PASSPHRASE_LEN_MIN};
pub(crate) use record::{CONFIRM, CONTROL_RECORD_LEN, GOODBYE};
pub use record::{Opened, Opener, RecordError, Sealer};

/// The version of handshake and records that this build speaks (`LNK-23`).
pub const VERSION: u8 = 1;
