use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use crate::{
    bundle::{Bundle, MailboxHint, PreKeyPublic},
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
        rng::NodeRng,
        uptime::Uptime,
    },
    error::{Error, Malformed, Unsupported},
    identity::MeshIdentity,
    limits::{PREKEY_RETENTION, PREKEY_ROTATION, PREKEYS_MAX},
    record::{Record, Table},
    time::Instant,
    wire::{Reader, Writer},
};

/// The format number that starts a pre-key's row.
const FORMAT: u8 = 1;

/// Our own pre-keys: made daily, kept while an envelope made with one may be under way, then
/// erased. Their age is running time added up over restarts, never wall time (`ID-11`, `ID-12`).
///
/// One row a pre-key (`Table::PreKeys`, key: id as four big-endian bytes) and one for the clock.
pub struct PreKeys {
    mode: Mode,
    clock: Uptime,
    keys: BTreeMap<u32, Owned>,
}

struct Owned {
    private: PreKeyPrivate,
    public: PreKeyPublic,
    created_s: u64,
}

/// The private halves of a pre-key. Wiped when dropped, never printed.
pub struct PreKeyPrivate {
    pub(crate) xwing: XWingKey,
    pub(crate) x25519: X25519Key,
}

impl fmt::Debug for PreKeyPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreKeyPrivate")
    }
}

impl PreKeys {
    /// No pre-keys yet: the first [`PreKeys::handle_timeout`] makes one.
    pub const fn new(mode: Mode) -> Self {
        Self { mode, clock: Uptime::new(Table::PreKeys), keys: BTreeMap::new() }
    }

    /// Takes back a stored row.
    ///
    /// # Errors
    /// [`Malformed`] or [`Unsupported::Version`] for a damaged or foreign row; nothing changed.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if key == Uptime::ROW_KEY {
            return self.clock.restore(value);
        }
        let id = key.try_into().map_err(|_| Malformed::OutOfRange("pre-key row key"))?;
        if self.keys.len() >= PREKEYS_MAX {
            return Err(Malformed::TooLong("pre-keys").into());
        }
        let id = u32::from_be_bytes(id);
        // At one a day it takes 11 million years to get there; a damaged row must not be the last.
        if id == u32::MAX {
            return Err(Malformed::OutOfRange("pre-key row key").into());
        }
        self.keys.insert(id, Owned::read(self.mode, id, value)?);
        Ok(())
    }

    /// Makes a pre-key when the newest is a day old, erases those that nothing under way can use
    /// any more, and saves the clock. Returns whether the bundle changed.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        rng: &mut NodeRng,
        records: &mut Vec<Record>,
    ) -> bool {
        self.clock.start(now);
        let now_s = self.clock.seconds(now);
        self.erase_expired(now_s, records);
        let due = self.rotate_at_s().is_none_or(|at_s| now_s >= at_s);
        if due {
            self.make(now_s, rng, records);
        }
        self.clock.save(now, records);
        due
    }

    /// When [`PreKeys::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Some(rotate_at_s) = self.rotate_at_s() else { return Some(Instant::ZERO) };
        // Erasing needs no deadline of its own: pre-keys are made a day apart, so the oldest
        // expires when the next one is due, give or take the restarts.
        Some(self.clock.when(rotate_at_s).min(self.clock.save_at()))
    }

    /// Our bundle, signed, as it is served. Empty before the first [`PreKeys::handle_timeout`].
    pub fn bundle(
        &self,
        identity: &MeshIdentity,
        version: u32,
        mailbox: Option<MailboxHint>,
    ) -> Vec<u8> {
        self.bundle_asking(identity, version, mailbox, 0)
    }

    /// The same, asking strangers who write directly for work of so many zero bits.
    pub fn bundle_asking(
        &self,
        identity: &MeshIdentity,
        version: u32,
        mailbox: Option<MailboxHint>,
        work_bits: u8,
    ) -> Vec<u8> {
        let Some((_, newest)) = self.keys.last_key_value() else { return Vec::new() };
        let prekeys = vec![newest.public.clone()];
        Bundle::signed(self.mode, identity, version, prekeys, mailbox, work_bits).into_bytes()
    }

    /// The private halves of pre-key `id`, if it is still ours.
    pub(crate) fn private(&self, id: u32) -> Option<(&PreKeyPrivate, &PreKeyPublic)> {
        self.keys.get(&id).map(|key| (&key.private, &key.public))
    }

    /// The pre-key whose id ends with `low`: those kept at once have ids in a row, fewer than 256.
    pub(crate) fn private_by_low_byte(
        &self,
        low: u8,
    ) -> Option<(u32, &PreKeyPrivate, &PreKeyPublic)> {
        let (id, owned) = self.keys.iter().rev().find(|(id, _)| id.to_le_bytes()[0] == low)?;
        Some((*id, &owned.private, &owned.public))
    }

    /// The pre-key that the bundle tells.
    pub(crate) fn newest(&self) -> Option<(u32, &PreKeyPrivate)> {
        self.keys.last_key_value().map(|(id, owned)| (*id, &owned.private))
    }

    /// The id of the oldest pre-key we still have; opened first contacts to older ones need not be
    /// remembered.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.keys.keys().next().copied()
    }

    /// Uptime at which the newest pre-key is to be replaced; `None` without any.
    fn rotate_at_s(&self) -> Option<u64> {
        let (_, newest) = self.keys.last_key_value()?;
        Some(newest.created_s + PREKEY_ROTATION.as_secs())
    }

    fn make(&mut self, now_s: u64, rng: &mut NodeRng, records: &mut Vec<Record>) {
        let id = self.keys.last_key_value().map_or(1, |(id, _)| id + 1);
        let private = PreKeyPrivate {
            xwing: XWingKey::from_seed(self.mode, rng.array()),
            x25519: X25519Key::from_seed(rng.array()),
        };
        let key = Owned::new(id, private, now_s);
        records.push(Record {
            table: Table::PreKeys,
            key: id.to_be_bytes().to_vec(),
            value: Some(key.row()),
        });
        self.keys.insert(id, key);
    }

    fn erase_expired(&mut self, now_s: u64, records: &mut Vec<Record>) {
        let keep_s = (PREKEY_ROTATION + PREKEY_RETENTION).as_secs();
        while let Some(entry) = self.keys.first_entry() {
            let expired = now_s >= entry.get().created_s + keep_s;
            // A clock row that was lost makes restored keys look younger than they are; their
            // number is bounded all the same.
            if !expired && self.keys.len() < PREKEYS_MAX {
                return;
            }
            let (id, _) = self.keys.pop_first().expect("it was just looked at");
            records.push(Record {
                table: Table::PreKeys,
                key: id.to_be_bytes().to_vec(),
                value: None,
            });
        }
    }
}

impl fmt::Debug for PreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreKeys({:?})", self.keys.keys())
    }
}

impl Owned {
    fn new(id: u32, private: PreKeyPrivate, created_s: u64) -> Self {
        let public = PreKeyPublic {
            id,
            // It is signed into bundles until it is replaced, a day from now.
            valid_s: PREKEY_RETENTION.as_secs() as u32,
            x25519: private.x25519.public(),
            xwing: private.xwing.public(),
        };
        Self { private, public, created_s }
    }

    /// The row: format u8, created_s u64, X-Wing seed 32, X25519 key 32.
    fn row(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 8 + 32 + 32);
        Writer::new(&mut out)
            .u8(FORMAT)
            .u64(self.created_s)
            .array(self.private.xwing.seed())
            .array(self.private.x25519.seed());
        out
    }

    fn read(mode: Mode, id: u32, row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let format = reader.u8("pre-key format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let created_s = Uptime::read(&mut reader)?;
        let xwing = Zeroizing::new(reader.array("pre-key X-Wing seed")?);
        let x25519 = Zeroizing::new(reader.array("pre-key X25519")?);
        reader.finish("pre-key row")?;
        let private = PreKeyPrivate {
            xwing: XWingKey::from_seed(mode, *xwing),
            x25519: X25519Key::from_seed(*x25519),
        };
        Ok(Self::new(id, private, created_s))
    }
}
