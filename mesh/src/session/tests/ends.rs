//! Two nodes with nothing but their keys, a disk each, and a wire the test plays.

use std::{collections::BTreeMap, vec::Vec};

use crate::{
    bundle::{Bundle, PreKeys},
    crypto::{Mode, aead::used, rng::NodeRng},
    envelope::{EnvelopeIn, Priority},
    error::Error,
    identity::{MeshIdentity, Suite},
    record::{Record, Table},
    rules::Rules,
    session::{Opened, SealError, SealParams, Sealed, Sessions},
    time::Instant,
};

pub(super) const PARAMS: SealParams = SealParams {
    hops_max: 8,
    priority: Priority::Normal,
    durable: true,
    lifetime_s: 86_400,
    signed: None,
};

pub(super) type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

pub(super) struct End {
    mode: Mode,
    pub(super) rules: Rules,
    pub(super) now: Instant,
    pub(super) identity: MeshIdentity,
    pub(super) rng: NodeRng,
    pub(super) prekeys: PreKeys,
    pub(super) sessions: Sessions,
    /// What would survive a crash.
    pub(super) disk: Rows,
}

impl End {
    pub(super) fn new(seed: u8) -> Self {
        Self::with_root(seed, true)
    }

    pub(super) fn with_root(seed: u8, root: bool) -> Self {
        Self::in_mode(seed, root, Mode::Real)
    }

    pub(super) fn in_mode(seed: u8, root: bool, mode: Mode) -> Self {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let identity = MeshIdentity::generate(&mut rng, root);
        let sessions = Sessions::new(mode, rng.array());
        let prekeys = PreKeys::new(mode);
        let now = Instant::from_secs(1_000);
        let rules = Rules::ALL;
        let mut end =
            Self { mode, rules, now, identity, rng, prekeys, sessions, disk: Rows::new() };
        end.tick();
        end
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Lets the timers run and commits everything.
    pub(super) fn tick(&mut self) {
        let mut records = Vec::new();
        self.prekeys.handle_timeout(self.now, &mut self.rng, &mut records);
        self.sessions.handle_timeout(self.now);
        self.store(records);
        self.commit();
    }

    /// Makes all waiting rows durable.
    pub(super) fn commit(&mut self) {
        let mut records = Vec::new();
        let generation = self.sessions.drain_records(&mut records);
        self.store(records);
        self.sessions.on_committed(generation);
    }

    pub(super) fn store(&mut self, records: Vec<Record>) {
        for Record { table, key, value } in records {
            match value {
                Some(value) => self.disk.insert((table, key), value),
                None => self.disk.remove(&(table, key)),
            };
        }
    }

    /// Dies and starts again with `disk`, fresh entropy and a clock of its own.
    pub(super) fn restart(&mut self, disk: Rows, entropy: u64) {
        let mut seed = [0xee; 32];
        seed[..8].copy_from_slice(&entropy.to_le_bytes());
        self.rng = NodeRng::from_seed(seed);
        let sessions = Sessions::new(self.mode, self.rng.array());
        self.sessions = sessions.with_rules(self.rules);
        self.prekeys = PreKeys::new(self.mode);
        for ((table, key), value) in &disk {
            match table {
                Table::PreKeys => self.prekeys.restore(key, value),
                _ => self.sessions.restore(*table, key, value),
            }
            .expect("a row we wrote");
        }
        self.disk = disk;
        self.now = Instant::from_secs(5);
        self.tick();
    }

    pub(super) fn bundle(&self) -> Bundle {
        let bytes = self.prekeys.bundle(&self.identity, 1, None);
        Bundle::parse_verified(self.mode, &bytes).expect("our own bundle")
    }

    pub(super) fn initiate(&mut self, to: &Self, inner: &[u8]) -> Sealed {
        self.initiate_with(to, Suite::XWing, inner).expect("a first contact")
    }

    pub(super) fn initiate_with(
        &mut self,
        to: &Self,
        suite: Suite,
        inner: &[u8],
    ) -> Result<Sealed, SealError> {
        let Self { now, identity, rng, sessions, .. } = self;
        sessions.initiate(*now, identity, &to.bundle(), suite, &PARAMS, &[inner], rng)
    }

    pub(super) fn try_seal(&mut self, to: &Self, inner: &[u8]) -> Result<Sealed, SealError> {
        let to = to.identity.address();
        self.sessions.seal(self.now, &self.identity, &to, &PARAMS, &[inner])
    }

    pub(super) fn seal(&mut self, to: &Self, inner: &[u8]) -> Sealed {
        self.try_seal(to, inner).expect("a session")
    }

    pub(super) fn open(&mut self, bytes: &[u8]) -> Result<Opened, Error> {
        let envelope = EnvelopeIn::parse(bytes)?;
        self.sessions.open(self.now, &self.identity, &self.prekeys, &envelope)
    }
}

/// Two ends with a session that both have used; always the same two.
pub(super) fn acquainted() -> (End, End) {
    used::watch();
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    bob.open(hello.bytes()).expect("hello");
    let answer = bob.seal(&alice, b"answer");
    alice.open(answer.bytes()).expect("answer");
    alice.sessions.keep(&bob.identity.address());
    bob.sessions.keep(&alice.identity.address());
    alice.commit();
    bob.commit();
    (alice, bob)
}
