//! A disk in memory that loses what was not synced, in any order and in part, fills up, and fails when
//! told to or at random.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use super::disk::Disk;

/// A shared handle: the test keeps one, the log gets another.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u32, File>,
    copies: Vec<(u32, Vec<u8>)>,
    /// Room in bytes; `None` is endless.
    room: Option<usize>,
    /// Operations until one fails; `None` never.
    fail_after: Option<u32>,
    reserved: bool,
    syncs: u64,
    /// Fails one operation in so many, by its own numbers.
    unreliable: Option<(u64, Numbers)>,
    /// Operations until the machine is off and none works any more.
    dies_after: Option<u32>,
    /// Says that it synced, and did not.
    lazy: bool,
}

/// A small generator of numbers (Knuth's MMIX), for faults that a seed decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
    /// From where on a sync failed: what lies between was dropped from the cache and will not be
    /// written, although later syncs succeed.
    doubtful: Option<usize>,
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("a panicking test ends the test")
    }

    /// Power is cut: of what was not synced, `keep(unsynced bytes)` bytes survive in each file.
    pub(super) fn cut_power(&self, mut keep: impl FnMut(usize) -> usize) {
        for file in self.state().files.values_mut() {
            let unsynced = file.bytes.len() - file.synced;
            file.bytes.truncate(file.synced + keep(unsynced).min(unsynced));
            file.synced = file.bytes.len();
        }
    }

    /// Power is cut: of what was not synced each sector made it, is still as it was (zero), or is
    /// torn in two, whatever its place in the order. A file may be as long as it was, or as it is.
    pub(super) fn tear(&self, numbers: &mut Numbers) {
        let mut state = self.state();
        state.dies_after = None;
        for file in state.files.values_mut() {
            let safe = file.synced.min(file.doubtful.unwrap_or(usize::MAX));
            // Sectors are those of the medium; the first may hold bytes that are safe.
            let mut at = safe;
            while at < file.bytes.len() {
                let end = ((at / SECTOR_LEN + 1) * SECTOR_LEN).min(file.bytes.len());
                let keep = match numbers.below(4) {
                    0 => at,
                    1 => at + numbers.below((end - at) as u64 + 1) as usize,
                    _ => end,
                };
                file.bytes[keep..end].fill(0);
                at = end;
            }
            if numbers.below(4) == 0 {
                file.bytes.truncate(safe);
            }
            (file.synced, file.doubtful) = (file.bytes.len(), None);
        }
    }

    /// The machine goes off amid the operation after `operations` more; [`Self::tear`] is what that
    /// leaves.
    pub(super) fn die_after(&self, operations: u32) {
        self.state().dies_after = Some(operations);
    }

    /// From now on one operation in `every` fails: a write after part of it, a sync without saying
    /// what it wrote. `None` heals it.
    pub(super) fn set_unreliable(&self, every: Option<u64>, seed: u64) {
        self.state().unreliable = every.map(|every| (every, Numbers(seed)));
    }

    /// Lets syncs do nothing and say that they did: the mutant that the checks must notice.
    pub(super) fn leave_sync_out(&self) {
        self.state().lazy = true;
    }

    /// Room for `bytes` in all; `None` is endless.
    pub(super) fn set_room(&self, bytes: Option<usize>) {
        self.state().room = bytes;
    }

    /// Lets the operation after `operations` more fail with an I/O error.
    pub(super) fn fail_after(&self, operations: u32) {
        self.state().fail_after = Some(operations);
    }

    /// Changes a segment's bytes behind the log's back.
    pub(super) fn tamper(&self, segment: u32, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(file) = self.state().files.get_mut(&segment) {
            change(&mut file.bytes);
            file.synced = file.bytes.len();
        }
    }

    /// A disk with the same files that shares nothing with this one.
    pub(super) fn snapshot(&self) -> Self {
        let files = self.state().files.clone();
        Self(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    /// Bytes of all segments.
    pub(super) fn used(&self) -> usize {
        self.state().used()
    }

    /// Copies kept of damaged segments.
    pub(super) fn copies(&self) -> Vec<(u32, Vec<u8>)> {
        self.state().copies.clone()
    }

    /// Successful syncs so far.
    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }
}

impl State {
    fn used(&self) -> usize {
        self.files.values().map(|file| file.bytes.len()).sum::<usize>()
            + if self.reserved { RESERVE_LEN } else { 0 }
    }

    fn operate(&mut self) -> io::Result<()> {
        match &mut self.dies_after {
            Some(0) => return Err(io::Error::other("off")),
            Some(left) => *left -= 1,
            None => {}
        }
        if let Some((every, numbers)) = &mut self.unreliable
            && numbers.below(*every) == 0
        {
            return Err(io::Error::other("input/output error"));
        }
        match &mut self.fail_after {
            Some(0) => {
                self.fail_after = None;
                Err(io::Error::other("injected"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&mut self, segment: u32) -> io::Result<&mut File> {
        self.files.get_mut(&segment).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<u32>> {
        Ok(self.state().files.keys().copied().collect())
    }

    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        self.state().file(segment).map(|file| file.bytes.clone())
    }

    fn create(&mut self, segment: u32) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        if state.files.contains_key(&segment) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.insert(segment, File::default());
        Ok(())
    }

    fn append(&mut self, segment: u32, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if let Err(error) = state.operate() {
            // Some of it is there.
            let (len, dead) = (bytes.len(), state.dies_after.is_some());
            let some = match &mut state.unreliable {
                Some((_, numbers)) => numbers.below(len as u64 + 1) as usize,
                None if dead => len,
                None => 0,
            };
            state.file(segment)?.bytes.extend_from_slice(&bytes[..some]);
            return Err(error);
        }
        let room = state.room.map_or(usize::MAX, |room| room.saturating_sub(state.used()));
        let taken = bytes.len().min(room);
        state.file(segment)?.bytes.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, segment: u32) -> io::Result<()> {
        let mut state = self.state();
        if let Err(error) = state.operate() {
            let file = state.file(segment)?;
            file.doubtful.get_or_insert(file.synced);
            return Err(error);
        }
        if state.lazy {
            return Ok(());
        }
        let file = state.file(segment)?;
        file.synced = file.bytes.len();
        state.syncs += 1;
        Ok(())
    }

    fn truncate(&mut self, segment: u32, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.unreliable.is_some() || state.dies_after.is_some() {
            state.operate()?;
        }
        let file = state.file(segment)?;
        file.bytes.truncate(len as usize);
        file.synced = file.bytes.len();
        file.doubtful = file.doubtful.filter(|from| *from < file.bytes.len());
        Ok(())
    }

    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.state().files.remove(&segment);
        Ok(())
    }

    fn keep_copy(&mut self, segment: u32) -> io::Result<String> {
        let mut state = self.state();
        let bytes = state.file(segment)?.bytes.clone();
        state.copies.push((segment, bytes));
        Ok(format!("copy of {segment}"))
    }

    fn reserve(&mut self, hold: bool) -> io::Result<()> {
        let mut state = self.state();
        let fits = state.room.is_none_or(|room| room >= state.used() + RESERVE_LEN);
        if hold && !state.reserved && !fits {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.reserved = hold;
        Ok(())
    }
}

/// What a medium writes whole or not at all; torn when power goes amid it.
const SECTOR_LEN: usize = 512;

const RESERVE_LEN: usize = 4 << 10;
