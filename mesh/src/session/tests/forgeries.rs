//! First contacts whose insides lie, made by somebody who knows the shared secret.

use std::vec::Vec;

use super::ends::{End, PARAMS};
use crate::{
    crypto::{Mode, kdf::Secret, kem, rng::NodeRng},
    envelope::{Admission, Class, EnvelopeIn},
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    identity::{Certificate, MeshIdentity, Suite},
    session::{contact, schedule},
    wire::Writer,
};

/// The preimage inside a message that stands alone.
const INSIDE: [u8; 16] = [9; 16];

const SALT: [u8; 8] = [5; 8];

/// What a first contact says, honest by default.
struct Claims {
    kind: u8,
    label: [u8; 16],
    sender: [u8; 32],
    floor: u8,
    /// The key that signs, and the floor that it signs.
    signer: MeshIdentity,
    signed_floor: u8,
    /// Of the lock; inside only when the message stands alone.
    preimage: Option<[u8; 16]>,
    counter: u32,
    certificate: Option<Certificate>,
    suite: Suite,
}

impl Claims {
    fn of(identity: &MeshIdentity) -> Self {
        Self {
            kind: 1,
            label: [0; 16],
            sender: *identity.public().node_key(),
            floor: 0,
            signer: identity.clone(),
            signed_floor: 0,
            preimage: None,
            counter: 0,
            certificate: identity.certify(Mode::Real, 1, u64::MAX),
            suite: Suite::X25519,
        }
    }

    /// The envelope.
    fn seal(&self, to: &End) -> Vec<u8> {
        let mut rng = NodeRng::from_seed([8; 32]);
        let bundle = to.bundle();
        let prekey = &bundle.prekeys[0];
        let recipient = bundle.identity;
        let (ciphertext, shared) = match self.suite {
            Suite::X25519 => {
                let (public, shared) = kem::encapsulate_x25519(&prekey.x25519, &mut rng).unwrap();
                (public.to_vec(), shared)
            }
            Suite::XWing => {
                let sealed = kem::encapsulate_xwing(Mode::Real, &prekey.xwing, &mut rng).unwrap();
                (sealed.0.to_vec(), sealed.1)
            }
        };
        let public = prekey.for_suite(self.suite);
        let contact = schedule::contact_digest(
            self.suite,
            prekey.id,
            public,
            &ciphertext,
            recipient.node_key(),
        );
        let signed = schedule::transcript(&contact, &self.sender, self.signed_floor);
        let honest = schedule::transcript(&contact, &self.sender, self.floor);
        let receipts = schedule::directions(&honest, &shared).0.receipts;
        let counted = schedule::preimage(&receipts, self.counter, &SALT);
        let lock = schedule::lock(&self.preimage.unwrap_or(counted));
        let header = PARAMS.header(Class::Sealed, recipient.address(), lock);
        let mut text = std::vec![self.kind];
        if self.kind == 0 {
            text.extend_from_slice(&INSIDE);
        } else {
            Writer::new(&mut text).u32(self.counter).array(&SALT);
        }
        Writer::new(&mut text)
            .array(&self.sender)
            .u8(self.floor)
            .array(&self.signer.sign(Mode::Real, &signed))
            .u8(u8::from(self.certificate.is_some()));
        if let Some(certificate) = &self.certificate {
            certificate.write(&mut text);
        }
        text.extend_from_slice(b"inner");
        let secret: Secret = schedule::contact_secret(&contact, &shared);
        let associated = contact::associated(&header.immutable(), &self.label);
        let tag = schedule::contact_key(&secret, &lock).seal(Mode::Real, &associated, &mut text);
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend_from_slice(&self.label);
        Admission::None.write(&mut bytes);
        Writer::new(&mut bytes)
            .u8(self.suite.code())
            .u32(prekey.id)
            .bytes(&ciphertext)
            .bytes(&text)
            .array(&tag);
        bytes
    }

    fn judged(&self) -> Result<Vec<u8>, Error> {
        let mut bob = End::new(2);
        let bytes = self.seal(&bob);
        assert!(EnvelopeIn::parse(&bytes).is_ok());
        bob.commit();
        let opened = bob.open(&bytes);
        assert_eq!(bob.sessions.has_records(), opened.is_ok(), "a refusal changes nothing");
        opened.map(|opened| opened.inner)
    }
}

fn mallory() -> MeshIdentity {
    MeshIdentity::from_seeds([66; 32], Some([67; 32]))
}

/// SES-03: the layout inside, put together by hand, opens.
#[test]
fn ses_03_layout_by_hand() {
    for suite in [Suite::X25519, Suite::XWing] {
        let claims = Claims { suite, ..Claims::of(&mallory()) };
        assert_eq!(claims.judged(), Ok(b"inner".to_vec()));
    }
    let certificate = None;
    let preimage = Some(INSIDE);
    let alone = Claims { kind: 0, label: [1; 16], preimage, certificate, ..Claims::of(&mallory()) };
    assert_eq!(alone.judged(), Ok(b"inner".to_vec()));
}

/// SES-04: nobody speaks for another node's key.
#[test]
fn ses_04_the_sender_must_sign() {
    let alice = MeshIdentity::from_seeds([1; 32], None);
    let sender = *alice.public().node_key();
    let claims = Claims { sender, certificate: None, ..Claims::of(&mallory()) };
    assert_eq!(claims.judged(), Err(PeerMisbehaved::BadSignature.into()));
    // The neutral element as sender: a signature would hold for everything.
    let mut weak = [0; 32];
    weak[0] = 1;
    let claims = Claims { sender: weak, certificate: None, ..Claims::of(&mallory()) };
    assert_eq!(claims.judged(), Err(PeerMisbehaved::WeakKey.into()));
}

/// ID-07: nobody borrows another's root key.
#[test]
fn id_07_a_borrowed_certificate_is_refused() {
    let alice = MeshIdentity::from_seeds([1; 32], Some([2; 32]));
    let certificate = alice.certify(Mode::Real, 1, u64::MAX);
    let claims = Claims { certificate, ..Claims::of(&mallory()) };
    assert_eq!(claims.judged(), Err(PeerMisbehaved::BadSignature.into()));
}

/// SES-14: the floor is signed, and a sender that knows a stronger suite may not use a weaker.
#[test]
fn ses_14_the_floor_is_signed() {
    let changed = Claims { signed_floor: 2, ..Claims::of(&mallory()) };
    assert_eq!(changed.judged(), Err(PeerMisbehaved::BadSignature.into()));
    let below = Claims { floor: 2, signed_floor: 2, ..Claims::of(&mallory()) };
    assert_eq!(below.judged(), Err(Error::Unsupported(Unsupported::Suite(1))));
    let at = Claims { floor: 1, signed_floor: 1, ..Claims::of(&mallory()) };
    assert!(at.judged().is_ok());
}

/// ENV-10: what the recipient will reveal must open the lock outside, or the receipt would be
/// worthless. Otherwise no session is opened either.
#[test]
fn env_10_the_preimage_must_open_the_lock() {
    let preimage = Some([8; 16]);
    let refused = Err(PeerMisbehaved::BadTag.into());
    assert_eq!(Claims { preimage, ..Claims::of(&mallory()) }.judged(), refused);
    let alone = Claims { kind: 0, label: [1; 16], preimage, ..Claims::of(&mallory()) };
    assert_eq!(alone.judged(), refused);
}

/// SES-16: directly a message counts in a session, through a mailbox it stands alone.
#[test]
fn ses_16_kinds_have_their_ways() {
    let refused = Err(PeerMisbehaved::BadTag.into());
    let direct = Claims { kind: 0, preimage: Some(INSIDE), ..Claims::of(&mallory()) };
    assert_eq!(direct.judged(), refused);
    let sealed = Claims { label: [1; 16], ..Claims::of(&mallory()) };
    assert_eq!(sealed.judged(), refused);
}

/// SES-10: a first contact's counter has the session's bound.
#[test]
fn ses_10_contact_counters_are_bounded() {
    let claims = Claims { counter: 1 << 20, ..Claims::of(&mallory()) };
    assert_eq!(claims.judged(), Err(Malformed::OutOfRange("session counter").into()));
    let last = Claims { counter: (1 << 20) - 1, ..Claims::of(&mallory()) };
    assert!(last.judged().is_ok());
}

/// SES-03: values without a meaning are refused inside as outside.
#[test]
fn ses_03_unknown_kinds_are_refused() {
    let claims = Claims { kind: 2, ..Claims::of(&mallory()) };
    assert_eq!(claims.judged(), Err(Malformed::OutOfRange("contact kind").into()));
}
