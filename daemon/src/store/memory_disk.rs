//! A disk in memory that loses what was not synced, fills up and fails when told to.

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
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
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
        match state.files.insert(segment, File::default()) {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn append(&mut self, segment: u32, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let room = state.room.map_or(usize::MAX, |room| room.saturating_sub(state.used()));
        let taken = bytes.len().min(room);
        state.file(segment)?.bytes.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, segment: u32) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let file = state.file(segment)?;
        file.synced = file.bytes.len();
        state.syncs += 1;
        Ok(())
    }

    fn truncate(&mut self, segment: u32, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(segment)?;
        file.bytes.truncate(len as usize);
        file.synced = file.bytes.len();
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

const RESERVE_LEN: usize = 4 << 10;
