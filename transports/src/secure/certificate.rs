//! The node key's word for the link keys of one handshake (`LNK-31`).
//!
//! ```text
//!  0      highest version this node speaks
//!  1      reserved: sent as 0, ignored
//!  2..6   longest frame this node takes, bytes
//!  6..14  epoch: drawn at random when the node starts
//! 14..18  expiry: seconds the link keys will still be used
//! 18..50  node key
//! 50..114 signature
//! ```
//!
//! Signed is: role ‖ bytes 0 to 49 ‖ X25519 key ‖ ML-KEM key ‖ handshake hash. The handshake hash
//! makes a certificate worthless outside the handshake it was made for, whatever any clock says.

use mesh::{
    crypto::{
        Mode,
        hash::{Domain, digest32},
        sign,
    },
    identity::{MeshIdentity, PublicIdentity},
    limits::LINK_MTU_MIN,
};

use super::{HandshakeError, Role, VERSION};
use crate::limits::LINK_KEY_LIFE;

/// Bytes of a certificate in a handshake payload.
pub const CERTIFICATE_LEN: usize = 114;

/// Bytes before the signature.
const BODY_LEN: usize = 50;

/// A certificate whose signature held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Highest version the peer speaks (`LNK-23`).
    pub version_max: u8,
    /// Longest frame the peer takes, in bytes.
    pub mtu: u32,
    /// Names the run of the peer's process: another value means that it restarted.
    pub epoch: u64,
    /// Seconds the peer's link keys will still be used.
    pub expires_in_s: u32,
    /// The peer.
    pub peer: PublicIdentity,
}

/// The keys and the moment that a certificate is for.
pub(super) struct Subject<'a> {
    /// The signer's role.
    pub role: Role,
    pub dh: &'a [u8],
    pub kem: &'a [u8],
    /// Noise's `h` before the message that carries the certificate.
    pub handshake_hash: &'a [u8],
}

impl Certificate {
    /// Writes and signs. `self.peer` is the signer.
    pub(super) fn issue(&self, identity: &MeshIdentity, subject: &Subject<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CERTIFICATE_LEN);
        bytes.extend_from_slice(&[self.version_max, 0]);
        bytes.extend_from_slice(&self.mtu.to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.expires_in_s.to_le_bytes());
        bytes.extend_from_slice(self.peer.node_key());
        let signature = identity.sign(Mode::Real, &subject.digest(&bytes));
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Reads and verifies (`LNK-32`).
    pub(super) fn verify(
        bytes: &[u8; CERTIFICATE_LEN],
        subject: &Subject<'_>,
    ) -> Result<Self, HandshakeError> {
        let (body, signature) =
            bytes.split_first_chunk::<BODY_LEN>().expect("a certificate is longer than its body");
        let signature = signature.try_into().expect("64 bytes follow the body");
        let this = Self::parse(body);
        sign::verify(Mode::Real, this.peer.node_key(), &subject.digest(body), signature)
            .map_err(|_| HandshakeError::BadCertificate)?;
        if this.expires_in_s == 0 || u64::from(this.expires_in_s) > LINK_KEY_LIFE.as_secs() {
            return Err(HandshakeError::Expired);
        }
        if this.version_max < VERSION || this.mtu < LINK_MTU_MIN {
            return Err(HandshakeError::BadCertificate);
        }
        Ok(this)
    }

    fn parse(body: &[u8; BODY_LEN]) -> Self {
        Self {
            version_max: body[0],
            mtu: u32::from_le_bytes(array(&body[2..6])),
            epoch: u64::from_le_bytes(array(&body[6..14])),
            expires_in_s: u32::from_le_bytes(array(&body[14..18])),
            peer: PublicIdentity::new(array(&body[18..50])),
        }
    }
}

impl Subject<'_> {
    fn digest(&self, body: &[u8]) -> [u8; 32] {
        let role = [match self.role {
            Role::Initiator => 0,
            Role::Responder => 1,
        }];
        digest32(Domain::LinkCertificate, &[&role, body, self.dh, self.kem, self.handshake_hash])
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller slices as many bytes as the field has")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'_> =
        Subject { role: Role::Responder, dh: &[1; 32], kem: &[2; 1_184], handshake_hash: &[3; 32] };

    fn identity() -> MeshIdentity {
        MeshIdentity::from_seeds([7; 32], None)
    }

    fn certificate() -> Certificate {
        Certificate {
            version_max: 1,
            mtu: 69_632,
            epoch: 0x0807_0605_0403_0201,
            expires_in_s: 86_400,
            peer: identity().public(),
        }
    }

    fn issued(certificate: Certificate) -> [u8; CERTIFICATE_LEN] {
        certificate.issue(&identity(), &SUBJECT).try_into().expect("the length of a certificate")
    }

    #[test]
    fn lnk_31_layout() {
        let bytes = issued(certificate());
        let hex: String = bytes[..18].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0100001001000102030405060708".to_owned() + "80510100");
        assert_eq!(bytes[18..50], *identity().public().node_key());
        assert_eq!(Certificate::verify(&bytes, &SUBJECT), Ok(certificate()));
    }

    #[test]
    fn lnk_32_no_flipped_bit_verifies() {
        let bytes = issued(certificate());
        for bit in 0..CERTIFICATE_LEN * 8 {
            let mut bent = bytes;
            bent[bit / 8] ^= 1 << (bit % 8);
            let verdict = Certificate::verify(&bent, &SUBJECT);
            assert_eq!(verdict, Err(HandshakeError::BadCertificate), "bit {bit}");
        }
    }

    #[test]
    fn lnk_32_only_for_its_role_keys_and_handshake() {
        let bytes = issued(certificate());
        for other in [
            Subject { role: Role::Initiator, ..SUBJECT },
            Subject { dh: &[9; 32], ..SUBJECT },
            Subject { kem: &[9; 1_184], ..SUBJECT },
            Subject { handshake_hash: &[9; 32], ..SUBJECT },
        ] {
            assert_eq!(Certificate::verify(&bytes, &other), Err(HandshakeError::BadCertificate));
        }
    }

    #[test]
    fn lnk_32_versions_and_mtus_outside_their_range() {
        for bad in [
            Certificate { version_max: 0, ..certificate() },
            Certificate { mtu: LINK_MTU_MIN - 1, ..certificate() },
        ] {
            let verdict = Certificate::verify(&issued(bad), &SUBJECT);
            assert_eq!(verdict, Err(HandshakeError::BadCertificate));
        }
    }
}
