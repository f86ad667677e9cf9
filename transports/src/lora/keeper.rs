//! The node's one ledger, and its way to the disk.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mesh::Instant;

use super::{
    book::{self, Lost, Stamp},
    ledger::{Ledger, Writing},
    region::Region,
};

/// Where the ledger is kept; its driver's business.
pub trait AirtimeDisk: fmt::Debug + Send + Sync {
    /// Writes all of it, durably, instead of what was there.
    ///
    /// # Errors
    ///
    /// The system's: nothing is sent then.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;

    /// What the machine's clocks say now.
    fn stamp(&self) -> Stamp;
}

/// What a node knows of its past hour when it starts.
#[derive(Clone, Debug, Default)]
pub enum Airtime {
    /// Nothing was ever sent, and nothing is kept: for tests.
    #[default]
    Forgotten,
    /// Kept on a disk.
    Kept {
        /// Where.
        disk: Arc<dyn AirtimeDisk>,
        /// What was there.
        found: Found,
    },
}

/// What was found on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, and nothing was to be there: the node is made in this moment.
    New,
    /// Nothing, and there should have been.
    Nothing,
    /// This.
    Bytes(Vec<u8>),
}

/// Shared by all radios of a node.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    ledger: Arc<Mutex<Ledger>>,
    disk: Option<Arc<dyn AirtimeDisk>>,
    lost: Option<Lost>,
    /// One writing at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Keeper {
    pub(crate) fn new(now: Instant, airtime: Airtime) -> Self {
        let (ledger, lost, disk) = match airtime {
            Airtime::Forgotten => (Ledger::new(), None, None),
            Airtime::Kept { disk, found } => {
                let (ledger, lost) = match found {
                    Found::New => (Ledger::new(), None),
                    Found::Nothing => (Ledger::lost(now), Some(Lost::Missing)),
                    Found::Bytes(bytes) => book::restore(&bytes, now, &disk.stamp()),
                };
                (ledger, lost, Some(disk))
            }
        };
        let mut ledger = ledger;
        if lost.is_some() {
            // Here and not when it is first used: a restart in between must not forget the loss.
            let bands = Region::ALL.iter().flat_map(|region| region.bands());
            for (name, share_us) in bands.filter_map(|band| Some((band.name, band.share_us()?))) {
                ledger.open(name, share_us);
            }
        }
        Self { ledger: Arc::new(Mutex::new(ledger)), disk, lost, turn: Arc::default() }
    }

    /// Why the past is not known, if it is not.
    pub(crate) const fn lost(&self) -> Option<Lost> {
        self.lost
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing panics while it holds the lock; the accounts stay whole if it did.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was reserved (`AIR-24`). Nobody's lock is held while the disk works.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(crate) async fn write(&self, now: Instant) -> io::Result<()> {
        let _turn = self.turn.lock().await;
        let (writing, bytes) = self.begin(now);
        let result = match self.disk.clone() {
            None => Ok(()),
            Some(disk) => tokio::task::spawn_blocking(move || disk.write(&bytes))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error))),
        };
        match &result {
            Ok(()) => self.ledger().written(writing),
            Err(_) => self.ledger().not_written(),
        }
        result
    }

    /// The first writing of a node: from then on a file that is missing was lost.
    pub(crate) fn begin_file(&self, now: Instant) -> io::Result<()> {
        let (writing, bytes) = self.begin(now);
        let result = self.disk.as_ref().map_or(Ok(()), |disk| disk.write(&bytes));
        match &result {
            Ok(()) => self.ledger().written(writing),
            Err(_) => self.ledger().not_written(),
        }
        result
    }

    /// The last writing of a node that stops: what was reserved and not used is given back.
    pub(crate) fn close(&self, now: Instant) -> io::Result<()> {
        self.ledger().give_back();
        let (_, bytes) = self.begin(now);
        self.disk.as_ref().map_or(Ok(()), |disk| disk.write(&bytes))
    }

    fn begin(&self, now: Instant) -> (Writing, Vec<u8>) {
        let stamp = self.disk.as_ref().map_or(NO_STAMP, |disk| disk.stamp());
        book::encode(&mut self.ledger(), now, &stamp)
    }
}

const NO_STAMP: Stamp =
    Stamp { machine_start: [0; 16], since_start: std::time::Duration::ZERO, unix_secs: None };
