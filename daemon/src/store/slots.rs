//! Key slots: one small file that is overwritten in place (`DSK-10` to `DSK-12`).
//!
//! The log never overwrites anything, and file systems and flash keep old blocks. What must be
//! unreadable once it is gone is therefore encrypted under a key of its own, and only the keys
//! live in a place that is overwritten.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use zeroize::{Zeroize, Zeroizing};

use super::disk::sync_dir;

/// Bytes of a slot: key 32, generation 8, CRC 4, rest zero. A divisor of every sector size, so
/// that no slot is written half.
const SLOT_LEN: usize = 64;

/// Slots the file grows by: one page.
const SLOTS_STEP: u32 = 64;

/// Most slots: 4 MiB of them. Sessions, pre-keys and channels together stay below 17,000.
const SLOTS_MAX: u32 = 1 << 16;

/// Where the key of a value is: slot and generation. A slot that was reused has another
/// generation, 64 random bits, so that an old value never meets a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotRef {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
}

/// The slot file.
#[derive(Debug)]
pub(crate) struct Slots {
    file: File,
    /// Slots in the file.
    count: u32,
    free: BTreeSet<u32>,
    /// Slots whose keys must be overwritten with the next [`Slots::flush`].
    doomed: Vec<u32>,
    /// New keys that the next flush writes.
    fresh: Vec<(u32, Zeroizing<[u8; SLOT_LEN]>)>,
}

impl Slots {
    /// Opens or creates the file; returns it with the keys found in it, for reading the rows that
    /// need them. Every slot counts as free until [`Slots::claim`].
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or read.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, SlotKeys)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        let count = u32::try_from(file.metadata()?.len() / SLOT_LEN as u64)
            .unwrap_or(SLOTS_MAX)
            .min(SLOTS_MAX);
        let mut bytes = Zeroizing::new(vec![0; count as usize * SLOT_LEN]);
        file.read_exact_at(&mut bytes, 0)?;
        let keys = SlotKeys(bytes);
        let slots =
            Self { file, count, free: (0..count).collect(), doomed: Vec::new(), fresh: Vec::new() };
        Ok((slots, keys))
    }

    /// Marks a slot as used by a stored row.
    pub(crate) fn claim(&mut self, slot: u32) {
        self.free.remove(&slot);
    }

    /// Dooms every slot that nobody claimed and that is not blank: keys of rows whose deletion was
    /// durable when the process ended before it could overwrite them.
    pub(crate) fn doom_unclaimed(&mut self, keys: &SlotKeys) {
        let stale: Vec<u32> =
            self.free.iter().copied().filter(|slot| !keys.is_blank(*slot)).collect();
        stale.iter().for_each(|slot| self.doom(*slot));
    }

    /// Takes a free slot and fills it with a new random key, written by the next flush.
    ///
    /// # Errors
    ///
    /// When there is no slot or no randomness.
    pub(crate) fn allocate(&mut self) -> io::Result<(SlotRef, Zeroizing<[u8; 32]>)> {
        if self.free.is_empty() {
            if self.count >= SLOTS_MAX {
                return Err(io::Error::other("all key slots are in use"));
            }
            self.free.extend(self.count..self.count + SLOTS_STEP);
            self.count += SLOTS_STEP;
            self.file.set_len(u64::from(self.count) * SLOT_LEN as u64)?;
        }
        let slot = self.free.pop_first().ok_or(io::ErrorKind::NotFound)?;
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(io::Error::other)?;
        let generation = getrandom::u64().map_err(io::Error::other)?;
        self.fresh.push((slot, Zeroizing::new(encode(&key, generation))));
        Ok((SlotRef { slot, generation }, key))
    }

    /// Has a slot overwritten by the next flush; then it is free.
    pub(crate) fn doom(&mut self, slot: u32) {
        self.free.remove(&slot);
        self.doomed.push(slot);
    }

    /// Whether keys wait to be overwritten.
    pub(crate) fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// Writes new keys, overwrites doomed ones, and syncs. Does nothing when there are neither.
    ///
    /// # Errors
    ///
    /// What failed is tried again by the next flush.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.fresh.is_empty() && self.doomed.is_empty() {
            return Ok(());
        }
        for slot in &self.doomed {
            self.file.write_all_at(&[0; SLOT_LEN], offset(*slot))?;
        }
        for (slot, bytes) in &self.fresh {
            self.file.write_all_at(&bytes[..], offset(*slot))?;
        }
        self.file.sync_data()?;
        self.fresh.clear();
        self.free.extend(self.doomed.drain(..));
        Ok(())
    }
}

/// The keys as they were when the file was opened; wiped when dropped.
pub(crate) struct SlotKeys(Zeroizing<Vec<u8>>);

impl SlotKeys {
    /// The key a value refers to, unless it was overwritten or is damaged.
    pub(crate) fn key(&self, at: SlotRef) -> Option<Zeroizing<[u8; 32]>> {
        let slot = self.slot(at.slot)?;
        (decode_generation(slot) == Some(at.generation)).then(|| {
            let mut key = Zeroizing::new([0; 32]);
            key.copy_from_slice(&slot[..32]);
            key
        })
    }

    fn is_blank(&self, slot: u32) -> bool {
        self.slot(slot).is_none_or(|slot| slot.iter().all(|byte| *byte == 0))
    }

    fn slot(&self, slot: u32) -> Option<&[u8]> {
        self.0.get(slot as usize * SLOT_LEN..)?.get(..SLOT_LEN)
    }
}

fn offset(slot: u32) -> u64 {
    u64::from(slot) * SLOT_LEN as u64
}

fn encode(key: &[u8; 32], generation: u64) -> [u8; SLOT_LEN] {
    let mut slot = [0; SLOT_LEN];
    slot[..32].copy_from_slice(key);
    slot[32..40].copy_from_slice(&generation.to_le_bytes());
    let mut crc = crc32fast::hash(&slot[..40]).to_le_bytes();
    slot[40..44].copy_from_slice(&crc);
    crc.zeroize();
    slot
}

fn decode_generation(slot: &[u8]) -> Option<u64> {
    let mut generation = [0; 8];
    generation.copy_from_slice(slot.get(32..40)?);
    let blank = slot.iter().all(|byte| *byte == 0);
    let holds = !blank && slot.get(40..44)? == crc32fast::hash(&slot[..40]).to_le_bytes();
    holds.then(|| u64::from_le_bytes(generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `DSK-12`: after the flush that follows a deletion the key is nowhere in the file.
    #[test]
    fn doomed_keys_are_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("keys");
        let (mut slots, _) = Slots::open(&path).expect("a new file");
        let (at, key) = slots.allocate().expect("free slots");
        slots.flush().expect("writable");
        let holds = |key: &[u8; 32]| {
            let bytes = std::fs::read(&path).expect("readable");
            bytes.windows(32).any(|window| window == key)
        };
        assert!(holds(&key));
        slots.doom(at.slot);
        slots.flush().expect("writable");
        assert!(!holds(&key));
    }

    /// `DSK-11`: a slot that is used again has another generation.
    #[test]
    fn generations_are_never_reused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("keys");
        let (mut slots, _) = Slots::open(&path).expect("a new file");
        let (first, first_key) = slots.allocate().expect("free slots");
        slots.flush().expect("writable");
        let (mut slots, keys) = Slots::open(&path).expect("the same file");
        assert_eq!(keys.key(first).as_deref(), Some(&*first_key));
        slots.doom_unclaimed(&keys);
        slots.flush().expect("writable");
        let (mut slots, keys) = Slots::open(&path).expect("the same file");
        assert!(keys.key(first).is_none());
        let (second, _) = slots.allocate().expect("free slots");
        assert_ne!(first, second);
    }

    /// `DSK-10`: a damaged slot gives no key.
    #[test]
    fn damaged_slots_give_no_key() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("keys");
        let (mut slots, _) = Slots::open(&path).expect("a new file");
        let (at, _) = slots.allocate().expect("free slots");
        slots.flush().expect("writable");
        let good = std::fs::read(&path).expect("readable");
        for byte in 0..44 {
            let mut bytes = good.clone();
            bytes[byte] ^= 1;
            std::fs::write(&path, bytes).expect("writable");
            let (_, keys) = Slots::open(&path).expect("the file is there");
            assert!(keys.key(at).is_none(), "byte {byte}");
        }
    }
}
