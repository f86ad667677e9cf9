use std::vec::Vec;

use super::{Bundle, MailboxHint, PreKeys};
use crate::{
    address::Address,
    crypto::{Mode, hash, rng::NodeRng},
    envelope::WORK_BITS_MAX,
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    identity::{MeshIdentity, Suite},
    limits::{BUNDLE_LEN_MAX, PREKEY_RETENTION, PREKEY_ROTATION, PREKEYS_MAX},
    record::{Record, Table},
    time::Instant,
};

const DAY_S: u64 = PREKEY_ROTATION.as_secs();

struct Owner {
    identity: MeshIdentity,
    rng: NodeRng,
    prekeys: PreKeys,
    rows: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Owner {
    fn new(root: bool) -> Self {
        let mut rng = NodeRng::from_seed([5; 32]);
        let identity = MeshIdentity::generate(&mut rng, root);
        let mut owner =
            Self { identity, rng, prekeys: PreKeys::new(Mode::Real), rows: Default::default() };
        assert!(owner.tick(0));
        owner
    }

    fn tick(&mut self, at_s: u64) -> bool {
        let mut records = Vec::new();
        let now = Instant::from_secs(at_s);
        let changed = self.prekeys.handle_timeout(now, &mut self.rng, &mut records);
        for Record { table, key, value } in records {
            assert_eq!(table, Table::PreKeys);
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        changed
    }

    fn restart(&mut self) {
        self.prekeys = PreKeys::new(Mode::Real);
        for (key, value) in &self.rows {
            self.prekeys.restore(key, value).expect("a row we wrote");
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.prekeys.bundle(&self.identity, 9, Some(mailbox()))
    }

    fn current(&self) -> u32 {
        let bytes = self.prekeys.bundle(&self.identity, 1, None);
        Bundle::parse_verified(Mode::Real, &bytes).expect("ours").prekeys[0].id
    }
}

fn mailbox() -> MailboxHint {
    MailboxHint { node: Address::from_bytes([6; 16]), label: [7; 16], pow_bits: 12 }
}

/// ID-09: what is written is what is read, with and without the optional parts.
#[test]
fn id_09_round_trip() {
    for (root, hint) in
        [(false, None), (true, None), (false, Some(mailbox())), (true, Some(mailbox()))]
    {
        let owner = Owner::new(root);
        let bytes = owner.prekeys.bundle(&owner.identity, 9, hint);
        assert!(bytes.len() <= BUNDLE_LEN_MAX);
        let bundle = Bundle::parse_verified(Mode::Real, &bytes).unwrap();
        assert_eq!(bundle.bytes(), bytes);
        assert_eq!(bundle.identity, owner.identity.public());
        assert_eq!(bundle.root_key, owner.identity.root_key());
        assert_eq!((bundle.version, bundle.mailbox), (9, hint));
        assert_eq!(bundle.prekeys.len(), 1);
        assert_eq!(u64::from(bundle.prekeys[0].valid_s), PREKEY_RETENTION.as_secs());
        let (_, public) = owner.prekeys.private(bundle.prekeys[0].id).unwrap();
        assert_eq!(*public, bundle.prekeys[0]);
        assert_eq!(public.for_suite(Suite::XWing).len(), 1_216);
    }
}

/// ID-09: what the node key signs, put together by hand from the layout.
#[test]
fn id_09_the_digest_by_hand() {
    let owner = Owner::new(true);
    let bytes = owner.bytes();
    let (head, rest) = bytes.split_at(39);
    let (prekey, rest) = rest.split_at(1_256);
    let (certificate, rest) = rest.split_at(108);
    let (mailbox, signature) = rest.split_at(33);
    let prekey = hash::digest32(
        hash::Domain::PreKey,
        &[&prekey[..4], &prekey[4..8], &prekey[8..40], &prekey[40..]],
    );
    let digest = hash::digest32(
        hash::Domain::Bundle,
        &[
            &[head[0], head[37], head[38]],
            &head[1..33],
            &head[33..37],
            &prekey,
            certificate,
            mailbox,
        ],
    );
    assert_eq!(owner.identity.sign(Mode::Real, &digest)[..], *signature);
}

/// ID-09: every truncation and every flipped bit is refused.
#[test]
fn id_09_damage_is_refused() {
    let bytes = Owner::new(true).bytes();
    for len in 0..bytes.len() {
        let error = Bundle::parse_verified(Mode::Real, &bytes[..len]).expect_err("cut");
        assert!(matches!(error, Error::Malformed(Malformed::MissingData(_))), "{len}: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    let trailing = Error::Malformed(Malformed::TrailingData("bundle"));
    assert_eq!(Bundle::parse_verified(Mode::Real, &longer), Err(trailing));
    for bit in (0..8 * bytes.len()).filter(|bit| bit % 5 == 0 || *bit < 320) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Bundle::parse_verified(Mode::Real, &damaged).is_err(), "bit {bit}");
    }
}

/// ID-09: values without a meaning are refused before the signature is looked at.
#[test]
fn id_09_unknown_values() {
    let bytes = Owner::new(true).bytes();
    let patched = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        Bundle::parse_verified(Mode::Real, &bytes).expect_err("patched")
    };
    assert_eq!(patched(0, 2), Error::Unsupported(Unsupported::Version(2)));
    assert_eq!(patched(37, 11), Malformed::OutOfRange("bundle flags").into());
    assert_eq!(patched(38, 0), Malformed::OutOfRange("bundle pre-key count").into());
    assert_eq!(patched(38, 3), Malformed::OutOfRange("bundle pre-key count").into());
    let pow_at = bytes.len() - 65;
    let hard = patched(pow_at, WORK_BITS_MAX + 1);
    assert_eq!(hard, Malformed::OutOfRange("mailbox proof of work").into());
    let long = std::vec![0; BUNDLE_LEN_MAX + 1];
    let error = Bundle::parse_verified(Mode::Real, &long).expect_err("long");
    assert_eq!(error, Malformed::TooLong("bundle").into());
}

/// ID-09, MEET-20: what is asked of strangers is signed, bounded, and absent when nothing is.
#[test]
fn id_09_work_asked_of_strangers() {
    let owner = Owner::new(true);
    let asking = |bits| owner.prekeys.bundle_asking(&owner.identity, 9, Some(mailbox()), bits);
    assert_eq!(asking(0), owner.bytes());
    let bytes = asking(16);
    assert_eq!(Bundle::parse_verified(Mode::Real, &bytes).expect("ours").work_bits, 16);
    assert_eq!(Bundle::parse_verified(Mode::Real, &asking(255)).expect("ours").work_bits, 24);
    let at = bytes.len() - 65;
    for (bits, error) in [
        (0, Malformed::OutOfRange("bundle work").into()),
        (25, Malformed::OutOfRange("bundle work").into()),
        (15, Error::PeerMisbehaved(PeerMisbehaved::BadSignature)),
    ] {
        let mut patched = bytes.clone();
        patched[at] = bits;
        assert_eq!(Bundle::parse_verified(Mode::Real, &patched), Err(error), "{bits}");
    }
    for len in 0..bytes.len() {
        assert!(Bundle::parse_verified(Mode::Real, &bytes[..len]).is_err());
    }
}

/// ID-07: the certificate in a bundle must be over this very node key.
#[test]
fn id_07_foreign_certificates_are_refused() {
    let owner = Owner::new(true);
    let foreign = MeshIdentity::from_seeds([1; 32], Some([2; 32]));
    let certificate = foreign.certify(Mode::Real, 1, u64::MAX).unwrap();
    let node_key = *owner.identity.public().node_key();
    assert!(certificate.verify(Mode::Real, foreign.public().node_key()).is_ok());
    let refused = certificate.verify(Mode::Real, &node_key);
    assert_eq!(refused, Err(PeerMisbehaved::BadSignature));
    for (epoch, not_after) in [(2, u64::MAX), (1, 0)] {
        let mut changed = certificate;
        (changed.epoch, changed.not_after_unix_s) = (epoch, not_after);
        assert!(changed.verify(Mode::Real, foreign.public().node_key()).is_err());
    }
}

/// ID-11: a new pre-key a day; each is kept while an envelope can use it, then erased, row and
/// all.
#[test]
fn id_11_rotation_and_erasure() {
    let mut owner = Owner::new(false);
    let first = owner.current();
    assert!(!owner.tick(DAY_S - 1));
    assert_eq!(owner.current(), first);
    let keep_s = DAY_S + PREKEY_RETENTION.as_secs();
    for day in 1..=60 {
        assert!(owner.tick(day * DAY_S));
        assert_eq!(owner.current(), first + day as u32);
        assert_eq!(owner.prekeys.private(first).is_some(), day * DAY_S < keep_s, "day {day}");
        assert!(owner.rows.len() <= PREKEYS_MAX + 1);
    }
    assert_eq!(owner.prekeys.oldest(), Some(first + 60 - 31));
}

/// ID-11: the deadline is when there is something to do.
#[test]
fn id_11_deadlines() {
    let mut owner = Owner::new(false);
    assert_eq!(PreKeys::new(Mode::Real).poll_timeout(), Some(Instant::ZERO));
    let mut at = Instant::ZERO;
    let mut rotations = 0;
    while rotations < 3 {
        let next = owner.prekeys.poll_timeout().expect("always one");
        assert!(next > at, "no busy loop");
        at = next;
        rotations += u32::from(owner.tick(at.as_micros() / 1_000_000));
    }
    assert_eq!(at, Instant::from_secs(3 * DAY_S));
}

/// ID-12: running time adds up over restarts, whatever each life's clock begins with; what a crash
/// loses is at most an hour, and only delays.
#[test]
fn id_12_age_survives_restarts() {
    let mut owner = Owner::new(false);
    let first = owner.current();
    let (mut lived_s, mut lives) = (0, 0);
    while owner.current() == first {
        lives += 1;
        owner.restart();
        // Each life lasts two hours and 50 minutes and begins anywhere.
        let begin_s = 1_000_000 * lives;
        for minute in 0..=170 {
            owner.tick(begin_s + 60 * minute);
        }
        lived_s += 170 * 60;
    }
    assert!(lived_s >= DAY_S);
    assert!(lived_s <= DAY_S + lives * 3_600, "{lived_s} s in {lives} lives");
}

/// ID-12: an idle node writes its clock once an hour and nothing else.
#[test]
fn id_12_idle_writes() {
    let mut owner = Owner::new(false);
    let mut written = 0;
    for minute in 1..=600 {
        let mut records = Vec::new();
        owner.prekeys.handle_timeout(Instant::from_secs(60 * minute), &mut owner.rng, &mut records);
        written += records.len();
    }
    assert_eq!(written, 10);
}

/// ID-14: rows come back as they were, and damaged ones are refused.
#[test]
fn id_14_rows() {
    let mut owner = Owner::new(true);
    owner.tick(DAY_S);
    let before = owner.bytes();
    owner.restart();
    owner.tick(0);
    assert_eq!(owner.bytes(), before);
    let (key, row) = owner.rows.iter().find(|(key, _)| key.len() == 4).expect("a pre-key");
    let mut fresh = PreKeys::new(Mode::Real);
    for len in 0..row.len() {
        assert!(fresh.restore(key, &row[..len]).is_err());
    }
    let longer = [&row[..], &[0]].concat();
    assert!(fresh.restore(key, &longer).is_err());
    assert!(fresh.restore(&[1, 2, 3], row).is_err());
    assert!(fresh.restore(&[0xff; 4], row).is_err());
    assert!(fresh.restore(b"t", &[0xff; 8]).is_err());
    assert!(fresh.restore(key, row).is_ok());
}

/// ID-10: private keys do not show in debug output.
#[test]
fn id_10_debug_hides_secrets() {
    let owner = Owner::new(true);
    let id = owner.current();
    let (private, _) = owner.prekeys.private(id).unwrap();
    let shown = std::format!("{:?} {private:?} {:?}", owner.identity, owner.prekeys);
    for secret in [owner.identity.node_seed(), owner.identity.root_seed().unwrap()] {
        let hex: std::string::String =
            secret.iter().map(|byte| std::format!("{byte:02x}")).collect();
        assert!(!shown.contains(&hex));
    }
    assert!(shown.len() < 120, "{shown}");
}
