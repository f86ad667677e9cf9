//! Radios: what they sent in the last hour, on disk, and what clients ask of them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};
use transports::{
    HandleId, RadioStatus, SetRadioError,
    lora::{Airtime, AirtimeDisk, Found, ScanRow, Stamp},
};

use super::Actor;
use crate::store::sync_dir;

/// The record of air time in its file (`AIR-24` to `AIR-26`).
#[derive(Debug)]
struct AirtimeFile {
    path: PathBuf,
    /// One writer at a time: they share the name of the new file.
    turn: Mutex<()>,
}

impl AirtimeDisk for AirtimeFile {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    fn stamp(&self) -> Stamp {
        let since = clock_gettime(ClockId::Boottime);
        let secs = u64::try_from(since.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(since.tv_nsec).unwrap_or(0);
        Stamp {
            machine_start: boot_id().unwrap_or_default(),
            since_start: Duration::new(secs, nanos),
            unix_secs: unix_secs(),
        }
    }
}

/// The random name of this start of the machine; zeros are none.
fn boot_id() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 32).then_some(id)
}

/// The wall clock, unless it is one that was never set.
fn unix_secs() -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs()).filter(|secs| *secs >= CLOCK_MIN)
}

/// What is known of the hour before the start. Of a node that is new nothing was ever sent.
pub(super) fn airtime(data_dir: &Path, is_new: bool) -> Airtime {
    let file = data_dir.join("airtime");
    let found = match fs::read(&file) {
        Ok(bytes) => Found::Bytes(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_new => Found::New,
        Err(_) => Found::Nothing,
    };
    Airtime::Kept { disk: Arc::new(AirtimeFile { path: file, turn: Mutex::default() }), found }
}

/// Why a radio did not do what it was asked.
#[derive(Debug)]
pub enum RadioError {
    /// The radio.
    Set(SetRadioError),
    /// It does, but will not after the next start.
    Keep(io::Error),
}

impl Actor {
    /// All modems.
    pub fn radios(&self) -> Vec<RadioStatus> {
        self.transports.radios()
    }

    /// Changes settings of a modem while it runs; its address with them.
    ///
    /// # Errors
    ///
    /// [`RadioError`].
    pub fn set_radio(&mut self, id: &str, parameters: &str) -> Result<String, RadioError> {
        let id = radio_id(id)?;
        let uri = self.transports.set_radio(id, parameters).map_err(RadioError::Set)?;
        self.links_changed = true;
        self.links.changed(id, uri.clone()).map_err(RadioError::Keep)?;
        Ok(uri)
    }

    /// Listens for `dwell` on each lawful speed in turn; the future may run on another thread.
    ///
    /// # Errors
    ///
    /// [`RadioError`].
    pub fn scan_radio(
        &mut self,
        id: &str,
        dwell: Duration,
    ) -> Result<impl Future<Output = Vec<ScanRow>> + Send + use<>, RadioError> {
        let id = radio_id(id)?;
        self.transports.scan_radio(id, dwell).map_err(RadioError::Set)
    }
}

fn radio_id(id: &str) -> Result<HandleId, RadioError> {
    id.parse().map(HandleId).map_err(|_| RadioError::Set(SetRadioError::Unknown))
}

/// The beginning of 2025: a clock before that is a router's that comes up without one.
const CLOCK_MIN: u64 = 1_735_689_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn air_25_and_26_on_a_disk() {
        let dir = tempfile::tempdir().expect("a directory");
        let found = |is_new| match airtime(dir.path(), is_new) {
            Airtime::Kept { found, .. } => found,
            Airtime::Forgotten => panic!("the daemon keeps it"),
        };
        assert_eq!(found(true), Found::New);
        assert_eq!(found(false), Found::Nothing);
        let disk = AirtimeFile { path: dir.path().join("airtime"), turn: Mutex::default() };
        disk.write(b"hour").expect("it can be written");
        assert_eq!(found(false), Found::Bytes(b"hour".to_vec()));
        assert_eq!(found(true), Found::Bytes(b"hour".to_vec()));
        let (one, two) = (disk.stamp(), disk.stamp());
        assert_eq!(one.machine_start, two.machine_start);
        assert_ne!(one.machine_start, [0; 16]);
        assert!(one.since_start <= two.since_start);
    }
}
