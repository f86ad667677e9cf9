//! The one thread that waits for the disk.
//!
//! Whatever arrives while a batch is being written becomes the next batch: one sync serves
//! everybody who waits. The actor hears through [`Writer::changed`] that something became durable
//! or that the disk's health changed.

use std::{
    io, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use mesh::{Record, RecordSeq};
use tokio::sync::Notify;

use super::{disk::Disk, error::StoreError, vault::Store};

/// How the disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It takes what it is given.
    #[default]
    Ok,
    /// It has no room. Nothing new is promised; what is there is kept.
    Full,
    /// It fails. Nothing new is promised.
    Failed,
}

impl Health {
    /// The word used in the API and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}

/// Hands records to the thread that writes them.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    changed: Notify,
    progress: Mutex<Progress>,
    waiting_bytes: AtomicUsize,
}

/// What the thread has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Everything up to and including this record is durable.
    pub committed: RecordSeq,
    /// How the disk is.
    pub health: Health,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Commits.
    pub commits: u64,
    /// The time they took together.
    pub commit_time: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    through: u64,
    bytes: usize,
    stop: bool,
}

impl Writer {
    /// Starts the thread over a store.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start<D: Disk + 'static>(store: Store<D>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.progress().store_bytes = store.bytes();
        let worker = Worker { store, shared: Arc::clone(&shared), batch: Vec::new(), bytes: 0 };
        let thread = thread::Builder::new().name("store".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Queues the records up to and including `through`; `records` is left empty.
    pub fn push(&self, through: RecordSeq, records: &mut Vec<Record>) {
        let bytes: usize = records.iter().map(cost).sum();
        let mut queue = self.shared.lock();
        if queue.records.is_empty() {
            mem::swap(&mut queue.records, records);
        } else {
            queue.records.append(records);
        }
        queue.through = through.0;
        queue.bytes += bytes;
        self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// What was done so far.
    pub fn progress(&self) -> Progress {
        *self.shared.progress()
    }

    /// Resolves after [`Writer::progress`] changed since the last time.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Whether so much waits for the disk that no more input should be taken (`DSK-14`).
    pub fn is_behind(&self) -> bool {
        self.shared.waiting_bytes.load(Ordering::Relaxed) > WAITING_BYTES_MAX
    }

    /// Writes what is queued and ends the thread. A disk that fails is given up on.
    pub fn stop(mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between any two statements, so a panic elsewhere does not spoil it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> Health {
        self.progress().health
    }

    fn set_health(&self, health: Health) {
        if mem::replace(&mut self.progress().health, health) != health {
            self.changed.notify_one();
        }
    }
}

struct Worker<D> {
    store: Store<D>,
    shared: Arc<Shared>,
    batch: Vec<Record>,
    bytes: usize,
}

impl<D: Disk> Worker<D> {
    fn run(mut self) {
        loop {
            let (through, stop) = self.wait();
            while !self.batch.is_empty() {
                match self.commit(through) {
                    Ok(()) => break,
                    Err(error) => {
                        self.report(&error);
                        if stop || self.shared.lock().stop {
                            tracing::error!("{} changes are not on disk", self.batch.len());
                            return;
                        }
                        self.sleep(RETRY);
                    }
                }
            }
            if stop {
                return self.last_steps();
            }
            self.tidy();
        }
    }

    /// Waits for records or the end; takes all that is queued.
    fn wait(&mut self) -> (u64, bool) {
        let full = self.shared.health() != Health::Ok;
        let mut queue = self.shared.lock();
        while queue.records.is_empty() && !queue.stop {
            if full {
                let (again, timeout) = self
                    .shared
                    .wake
                    .wait_timeout(queue, RESERVE_RETRY)
                    .unwrap_or_else(PoisonError::into_inner);
                queue = again;
                if timeout.timed_out() {
                    break;
                }
            } else {
                queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
        self.batch.clear();
        mem::swap(&mut self.batch, &mut queue.records);
        self.bytes = mem::take(&mut queue.bytes);
        (queue.through, queue.stop)
    }

    fn commit(&mut self, through: u64) -> Result<(), StoreError> {
        let started = Instant::now();
        let mut done = self.store.commit(&self.batch);
        if let Err(StoreError::Full(_)) = done {
            self.store.release_reserve();
            done = self.store.commit(&self.batch);
            if done.is_ok() {
                self.shared.set_health(Health::Full);
            }
        } else if done.is_ok() && self.shared.health() == Health::Failed {
            self.shared.set_health(Health::Ok);
        }
        done?;
        self.batch.clear();
        self.batch.shrink_to(BATCH_KEPT);
        let shared = &self.shared;
        shared.waiting_bytes.fetch_sub(mem::take(&mut self.bytes), Ordering::Relaxed);
        let mut progress = shared.progress();
        progress.committed = RecordSeq(through);
        progress.store_bytes = self.store.bytes();
        progress.commits += 1;
        progress.commit_time += started.elapsed();
        drop(progress);
        shared.changed.notify_one();
        Ok(())
    }

    /// What can be done when nothing waits: forget keys, clean, take the reserve again.
    fn tidy(&mut self) {
        let idle = self.shared.lock().records.is_empty();
        if idle && let Err(error) = self.store.forget() {
            self.report(&error);
        }
        if let Err(error) = self.store.clean() {
            self.report(&error);
        }
        if self.shared.health() == Health::Full && self.store.reserve() {
            tracing::info!("the disk has room again");
            self.shared.set_health(Health::Ok);
        }
    }

    fn last_steps(&mut self) {
        if let Err(error) = self.store.forget() {
            tracing::warn!("keys of deleted rows are overwritten at the next start: {error}");
        }
    }

    fn report(&self, error: &StoreError) {
        let health =
            if matches!(error, StoreError::Full(_)) { Health::Full } else { Health::Failed };
        if self.shared.health() != health {
            tracing::error!("{error}; nothing new is kept until it is written");
        }
        self.shared.set_health(health);
    }

    /// Sleeps, but not through the order to stop.
    fn sleep(&self, time: Duration) {
        let queue = self.shared.lock();
        if !queue.stop {
            let _ = self.shared.wake.wait_timeout(queue, time);
        }
    }
}

fn cost(record: &Record) -> usize {
    RECORD_COST + record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}

/// Memory of a queued record besides its bytes.
const RECORD_COST: usize = 96;

/// Bytes that may wait for the disk before links are no longer read: sixteen of the largest
/// messages, half a second of a slow disk.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Records whose room is kept between batches.
const BATCH_KEPT: usize = 256;

/// Pause before a failed commit is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Pause between looks whether a full disk has room again.
const RESERVE_RETRY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory_disk::MemoryDisk;
    use mesh::Table;

    fn record(key: u8, len: usize) -> Record {
        Record { table: Table::Custody, key: vec![key], value: Some(vec![key; len]) }
    }

    fn writer(disk: &MemoryDisk) -> (Writer, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (store, _) =
            Store::open_on(disk.clone(), &dir.path().join("keys"), [1; 16]).expect("opens");
        (Writer::start(store).expect("a thread"), dir)
    }

    async fn until(writer: &Writer, through: u64) {
        while writer.progress().committed < RecordSeq(through) {
            writer.changed().await;
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
            .block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await })
            .expect("in time")
    }

    /// `DSK-01`
    #[test]
    fn commits_are_grouped() {
        let disk = MemoryDisk::default();
        let (writer, _dir) = writer(&disk);
        block_on(async {
            for through in 1..=500 {
                writer.push(RecordSeq(through), &mut vec![record(through as u8, 10)]);
            }
            until(&writer, 500).await;
        });
        assert!(disk.syncs() <= 500);
        writer.stop();
        disk.cut_power(|_| 0);
        assert!(disk.used() > 0);
    }

    /// `DSK-09`: a full disk is reported, what waits is written once there is room.
    #[test]
    fn full_disk_is_reported_and_retried() {
        let disk = MemoryDisk::default();
        disk.set_room(Some(20_000));
        let (writer, _dir) = writer(&disk);
        block_on(async {
            writer.push(RecordSeq(1), &mut vec![record(1, 30_000)]);
            while writer.progress().health != Health::Full {
                writer.changed().await;
            }
            assert_eq!(writer.progress().committed, RecordSeq(0));
            disk.set_room(None);
            until(&writer, 1).await;
            while writer.progress().health != Health::Ok {
                writer.changed().await;
            }
        });
        writer.stop();
    }

    /// `DSK-07`: a device that fails once is tried again.
    #[test]
    fn failing_device_is_retried() {
        let disk = MemoryDisk::default();
        let (writer, _dir) = writer(&disk);
        disk.fail_after(1);
        block_on(async {
            writer.push(RecordSeq(1), &mut vec![record(1, 100)]);
            until(&writer, 1).await;
            assert_eq!(writer.progress().health, Health::Ok);
        });
        writer.stop();
    }

    /// `DSK-14`
    #[test]
    fn a_slow_disk_is_noticed() {
        let disk = MemoryDisk::default();
        let (writer, _dir) = writer(&disk);
        disk.set_room(Some(0));
        assert!(!writer.is_behind());
        writer.push(RecordSeq(1), &mut vec![record(1, WAITING_BYTES_MAX / 2)]);
        assert!(!writer.is_behind());
        writer.push(RecordSeq(2), &mut vec![record(2, WAITING_BYTES_MAX / 2)]);
        assert!(writer.is_behind());
        disk.set_room(None);
        block_on(until(&writer, 2));
        assert!(!writer.is_behind());
        writer.stop();
    }
}
