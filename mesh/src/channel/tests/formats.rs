//! Bytes: keys, invites, messages, handshake.

use alloc::{format, string::String, vec, vec::Vec};

use zeroize::Zeroizing;

use crate::{
    channel::{
        ChannelId,
        handshake::{Challenge, Message},
        invite::Invite,
        keys::ChannelKeys,
        message::{BODY_LEN_MAX, Draft, Incoming},
    },
    crypto::{Mode, rng::NodeRng},
    error::{Error, Malformed, PeerMisbehaved},
    identity::MeshIdentity,
    limits::CHANNEL_PAYLOAD_LEN_MAX,
    time::WallClock,
};

fn keys(seed: u8) -> ChannelKeys {
    ChannelKeys::from_secret(Zeroizing::new([seed; 32]))
}

fn author() -> MeshIdentity {
    MeshIdentity::from_seeds([3; 32], None)
}

fn draft(payload: &[u8]) -> Draft {
    Draft {
        hops_max: 32,
        lifetime_s: 86_400,
        lineage: 1 << 32 | 5,
        counter: 300,
        sent_at: Some(WallClock { unix_secs: 1_700_000_000 }),
        payload: payload.to_vec(),
    }
}

fn body(payload: &[u8]) -> Vec<u8> {
    let mut rng = NodeRng::from_seed([8; 32]);
    let (message, _) = draft(payload).seal(Mode::Real, &keys(1), &author(), &mut rng);
    let mut body = Vec::new();
    message.write_body(32, 0, &mut body);
    body
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn ch_01_everything_follows_from_the_secret() {
    let (one, same, other) = (keys(1), keys(1), keys(2));
    assert_eq!(one.access_key(), same.access_key());
    assert_eq!(one.id(), same.id());
    assert_eq!(one.id(), ChannelId::derive(one.access_key()));
    assert_ne!(one.id(), other.id());
    assert_eq!(one.presence_tag(b"x"), same.presence_tag(b"x"));
    assert_ne!(one.presence_tag(b"x"), other.presence_tag(b"x"));
    assert_eq!(one.message_key(&[0; 24]).key, same.message_key(&[0; 24]).key);
    assert_ne!(one.message_key(&[0; 24]).key, one.message_key(&[1; 24]).key);
    assert_eq!(hex(one.access_key()), ACCESS_KEY_OF_ONES);
    assert_eq!(format!("{}", one.id()), ID_OF_ONES);
    assert_eq!(ID_OF_ONES.parse(), Ok(one.id()));
    assert!("zz".parse::<ChannelId>().is_err());
}

#[test]
fn ch_02_invites_round_trip() {
    for name in ["a", "Bäckerei am Eck", &"n".repeat(64)] {
        let text = Invite::encode(keys(1).secret(), name);
        let invite = Invite::decode(&text).expect("what was written");
        assert_eq!((*invite.secret, invite.name.as_str()), ([1; 32], name));
        let shouted = format!("  {}\n", text.to_uppercase());
        assert_eq!(Invite::decode(&shouted).map(|invite| invite.name).as_deref(), Ok(name));
    }
    assert_eq!(Invite::encode(keys(1).secret(), "bakery"), INVITE_OF_ONES);
}

#[test]
fn ch_02_damaged_invites_are_refused() {
    let text = Invite::encode(keys(1).secret(), "bakery");
    for at in 0..text.len() {
        for replacement in ['a', 'b', '7', '1', '=', 'é'] {
            let mut damaged: Vec<char> = text.chars().collect();
            if damaged[at] == replacement {
                continue;
            }
            damaged[at] = replacement;
            let damaged: String = damaged.into_iter().collect();
            assert!(Invite::decode(&damaged).is_err(), "{damaged}");
        }
        assert!(Invite::decode(&text[..at]).is_err(), "cut to {at}");
        let mut swapped = text.clone().into_bytes();
        if at + 1 < swapped.len() && swapped[at] != swapped[at + 1] {
            swapped.swap(at, at + 1);
            let swapped = String::from_utf8(swapped).expect("ascii");
            assert!(Invite::decode(&swapped).is_err(), "{swapped}");
        }
    }
    for extra in ["a", "aa", "aaaaaaaa", "="] {
        assert!(Invite::decode(&format!("{text}{extra}")).is_err());
    }
    assert!(Invite::decode(&"a".repeat(100_000)).is_err());
    // Well-formed but of another version, or with a name out of range.
    assert!(Invite::decode(&Invite::encode(keys(1).secret(), "")).is_err());
    assert!(Invite::decode(&Invite::encode(keys(1).secret(), &"n".repeat(65))).is_err());
}

#[test]
fn ch_05_layout_snapshot() {
    let body = body(b"fresh rolls");
    assert_eq!(hex(&body[..32]), ACCESS_KEY_OF_ONES);
    assert_eq!(hex(&body[32..42]), "20000000002080510100");
    assert_eq!(body.len(), 66 + (32 + 8 + 2 + 6 + 64 + 11) + 16 + 64);
    assert_eq!(hex(&crate::crypto::hash::sha256(&body)), BODY_DIGEST);
}

#[test]
fn ch_05_round_trip() {
    for payload in [&b""[..], b"x", &vec![9; CHANNEL_PAYLOAD_LEN_MAX]] {
        let body = body(payload);
        assert!(body.len() <= BODY_LEN_MAX);
        let incoming = Incoming::parse(&body).expect("what was written");
        let message = incoming.admit(Mode::Real).expect("a member wrote it");
        assert_eq!(message.len(), body.len());
        let opened = message.open(Mode::Real, &keys(1)).expect("ours");
        assert_eq!(opened.payload, payload);
        assert_eq!(opened.sender, *author().public().node_key());
        assert_eq!((opened.lineage, opened.counter), (1 << 32 | 5, 300));
        assert_eq!(opened.sent_at, Some(WallClock { unix_secs: 1_700_000_000 }));
        // Mutable fields change neither id nor validity.
        let mut forwarded = Vec::new();
        message.write_body(3, 77_000, &mut forwarded);
        let again = Incoming::parse(&forwarded).expect("still well-formed");
        assert_eq!(again.digest(), incoming.digest());
        assert_eq!((again.header().hops_left, again.header().age_ms), (3, 77_000));
        assert!(again.admit(Mode::Real).is_ok());
    }
}

#[test]
fn ch_05_truncated_at_every_length() {
    let body = body(b"fresh rolls");
    for len in 0..body.len() {
        let admitted =
            Incoming::parse(&body[..len]).and_then(|incoming| Ok(incoming.admit(Mode::Real)?));
        assert!(admitted.is_err(), "{len}");
    }
    let mut longer = body.clone();
    longer.push(0);
    assert!(Incoming::parse(&longer).expect("longer payload").admit(Mode::Real).is_err());
    longer.resize(BODY_LEN_MAX + 1, 0);
    assert_eq!(
        Incoming::parse(&longer).map(|_| ()),
        Err(Malformed::TooLong("channel message").into())
    );
}

#[test]
fn ch_06_every_flipped_bit_is_noticed() {
    let body = body(b"fresh rolls");
    for at in (0..body.len()).filter(|at| !(32..37).contains(at)) {
        let mut flipped = body.clone();
        flipped[at] ^= 1 << (at % 8);
        let admitted =
            Incoming::parse(&flipped).and_then(|incoming| Ok(incoming.admit(Mode::Real)?));
        assert!(admitted.is_err(), "byte {at}");
    }
}

#[test]
fn ch_12_the_senders_signature_binds_everything() {
    let mut rng = NodeRng::from_seed([8; 32]);
    let (message, opened) = draft(b"mine").seal(Mode::Real, &keys(1), &author(), &mut rng);
    assert_eq!(message.open(Mode::Real, &keys(1)), Ok(opened));
    // Another member cannot read it as its own: wrong channel keys do not decrypt.
    assert_eq!(
        message.open(Mode::Real, &keys(2)),
        Err(Error::PeerMisbehaved(PeerMisbehaved::BadTag))
    );
    // A message sealed by one member in the name of another: its own key signs, the other's is
    // claimed.
    let mallory = MeshIdentity::from_seeds([66; 32], None);
    let (forged, _) = crate::channel::tests::membership::seal_in_the_name_of(
        &keys(1),
        author().public().node_key(),
        &mallory,
        &mut rng,
    );
    let mut body = Vec::new();
    forged.write_body(9, 0, &mut body);
    let admitted = Incoming::parse(&body).expect("well-formed").admit(Mode::Real);
    let admitted = admitted.expect("a member wrote it");
    assert_eq!(
        admitted.open(Mode::Real, &keys(1)),
        Err(Error::PeerMisbehaved(PeerMisbehaved::BadSignature))
    );
}

#[test]
fn ch_18_rolled_back_randomness_repeats_no_nonce() {
    let nonce = |payload: &[u8], counter, seed| {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let draft = Draft { counter, ..draft(payload) };
        draft.seal(Mode::Real, &keys(1), &author(), &mut rng).0.header().nonce
    };
    let all = [nonce(b"one", 1, 8), nonce(b"two", 1, 8), nonce(b"one", 2, 8), nonce(b"one", 1, 9)];
    for (at, one) in all.iter().enumerate() {
        assert!(all[at + 1..].iter().all(|other| other != one));
    }
    // The same message once more is the same bytes: nothing is revealed.
    assert_eq!(nonce(b"one", 1, 8), all[0]);
}

#[test]
fn ch_22_handshake_layout() {
    let challenge =
        Challenge { nonce: [5; 32], keeps_for_others: true, has_tags: false, has_yours: true };
    let tags = [[1; 16], [2; 16]];
    for (message, expected) in [
        (Message::Challenge(challenge), format!("01400001{}05", "05".repeat(32))),
        (Message::Tags(&tags), format!("01400002{}{}", "01".repeat(16), "02".repeat(16))),
        (
            Message::Prove { access_key: [7; 32], signature: [8; 64] },
            format!("01400003{}{}", "07".repeat(32), "08".repeat(64)),
        ),
    ] {
        let frame = message.frame();
        assert_eq!(hex(&frame), expected);
        assert_eq!(Message::read(&frame[3..]).as_ref(), Ok(&message));
        for len in 0..frame.len() - 3 {
            let read = Message::read(&frame[3..3 + len]);
            assert!(read.is_err() || len == 17, "{message:?} cut to {len}");
        }
        let mut longer = frame.clone();
        longer.push(0);
        assert!(Message::read(&longer[3..]).is_err());
    }
    let mut flags = vec![1; 34];
    flags[33] = 8;
    assert!(Message::read(&flags).is_err(), "unknown flags");
    assert!(Message::read(&[2]).is_err(), "no tags");
    assert!(Message::read(&[&[2][..], &[0; 33 * 16]].concat()).is_err(), "too many tags");
    assert!(matches!(Message::read(&[9]), Err(Error::Unsupported(_))));
}

const ACCESS_KEY_OF_ONES: &str = "b39dcba7c25470fa7f9394a54428aa1fdf47692545f58a96bb7fb086db677980";
const ID_OF_ONES: &str = "d992d54c5a8a8fb8665b07dea0011a3b";
const INVITE_OF_ONES: &str =
    "qpc-channel:aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcytbnnsxe6kwhgeakjqq";
const BODY_DIGEST: &str = "4efe3b8bb79bd3aa2d462b71b436dc0c1b35cf651f7bf599b5069d447d450aaa";
