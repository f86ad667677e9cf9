//! The task that keeps a modem open and moves its bytes, and what it shares with the manager.
//!
//! All decisions are the [`Station`]'s. Opening, waiting and writing are here; whatever fails ends in
//! a sentence and another try (`RND-16`, `RND-41`).

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use mesh::{Instant, Transmit, radio::NeighbourId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::{sleep, sleep_until, timeout},
};

use super::{
    Place, Radio, Refusal, RnodeTarget, ScanRow, Settings,
    keeper::Keeper,
    rnode::Pace,
    serial::SerialPort,
    station::{Station, StationEvent},
};
use crate::{
    limits::{RETRY_MIN, STABLE_AFTER},
    manager::{Backoff, Credentials},
    tcp::connect,
};

/// A modem's state as its handle shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModemState {
    /// Opening, asking, setting.
    Connecting,
    /// The radio does what it was told.
    Online,
    /// Tried again then.
    Backoff { next_try: tokio::time::Instant },
}

/// What the manager and the task of a modem share. Every lock is held for one step.
#[derive(Debug)]
pub(crate) struct Modem {
    place: Place,
    epoch: tokio::time::Instant,
    keeper: Keeper,
    inner: Mutex<Inner>,
    /// Tells the task that there is something to write, or another time to wait for.
    turn: Notify,
}

#[derive(Debug)]
struct Inner {
    station: Station,
    state: ModemState,
    error: Option<String>,
    tries: u32,
    /// Nobody wants it any more: the task ends when the last words are written.
    left: bool,
    waker: Option<Waker>,
    scan: VecDeque<tokio::sync::oneshot::Sender<Vec<ScanRow>>>,
}

impl Inner {
    fn wake(&self) {
        if self.station.has_events()
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }
}

impl Modem {
    pub(crate) fn new(
        epoch: tokio::time::Instant,
        keeper: Keeper,
        target: &RnodeTarget,
        identity: mesh::MeshIdentity,
    ) -> Result<Arc<Self>, Refusal> {
        let now = Instant::ZERO + epoch.elapsed();
        let station = Station::new(now, identity, *target.radio(), Credentials::seed)?;
        Ok(Arc::new(Self {
            place: target.place().clone(),
            epoch,
            keeper,
            inner: Mutex::new(Inner {
                station,
                state: ModemState::Connecting,
                error: None,
                tries: 0,
                left: false,
                waker: None,
                scan: VecDeque::new(),
            }),
            turn: Notify::new(),
        }))
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    fn to_tokio(&self, at: Instant) -> tokio::time::Instant {
        self.epoch + Duration::from_micros(at.as_micros())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; the machines stay whole if it did.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of the station, and whoever waits is woken by what it brought.
    fn step<T>(&self, act: impl FnOnce(&mut Station, Instant, &mut super::Ledger) -> T) -> T {
        let now = self.now();
        let mut inner = self.lock();
        let result = act(&mut inner.station, now, &mut self.keeper.ledger());
        if let Some(rows) = inner.station.scanned() {
            for asker in inner.scan.drain(..) {
                // Who asked may be gone.
                let _ = asker.send(rows.clone());
            }
        }
        inner.wake();
        result
    }

    /// The next event, for the manager.
    pub(crate) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<StationEvent> {
        let mut inner = self.lock();
        if let Some(event) = inner.station.poll_event() {
            return Poll::Ready(event);
        }
        match &inner.waker {
            Some(old) if old.will_wake(cx.waker()) => {}
            _ => inner.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The next event that is there already.
    pub(crate) fn try_event(&self) -> Option<StationEvent> {
        self.lock().station.poll_event()
    }

    /// The node has something for a neighbour.
    pub(crate) fn ready(&self, neighbour: NeighbourId) {
        self.step(|station, now, ledger| station.handle_ready(now, ledger, neighbour));
        self.turn.notify_one();
    }

    /// Sends what is next.
    pub(crate) fn send_air(
        &self,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> Option<Transmit>,
    ) {
        self.step(|station, now, ledger| station.send_air(now, ledger, pull));
        self.turn.notify_one();
    }

    /// Sets the radio to something else while it runs.
    pub(crate) fn set(&self, radio: Radio) -> Result<(), Refusal> {
        let result = self.step(|station, now, ledger| station.set(now, ledger, radio));
        self.look_at_state();
        self.turn.notify_one();
        result
    }

    /// Listens around; `None` if the modem is not online, or does so already.
    pub(crate) fn scan(
        &self,
        steps: Vec<Settings>,
        dwell: Duration,
    ) -> Option<tokio::sync::oneshot::Receiver<Vec<ScanRow>>> {
        if self.lock().station.is_scanning() {
            return None;
        }
        if !self.step(|station, now, _| station.scan(now, steps, dwell)) {
            return None;
        }
        let (asker, answer) = tokio::sync::oneshot::channel();
        self.lock().scan.push_back(asker);
        self.turn.notify_one();
        Some(answer)
    }

    /// Looks at the station.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Station, Instant, &super::Ledger) -> T) -> T {
        let inner = self.lock();
        look(&inner.station, self.now(), &self.keeper.ledger())
    }

    /// State, error and tries, for the handle.
    pub(crate) fn status(&self) -> (ModemState, Option<String>, u32) {
        let inner = self.lock();
        (inner.state.clone(), inner.error.clone(), inner.tries)
    }

    /// Keeps the modem open until the task is stopped.
    pub(crate) async fn run(self: Arc<Self>, mut backoff: Backoff) {
        loop {
            self.enter(ModemState::Connecting);
            let begin = tokio::time::Instant::now();
            let why = match self.open().await {
                Ok((port, pace)) => self.drive(port, pace).await,
                Err(error) => cannot_open(&error),
            };
            let was_online = self.lock().state == ModemState::Online;
            self.step(|station, now, _| station.handle_closed(now));
            if self.lock().left {
                return;
            }
            if was_online && begin.elapsed() >= STABLE_AFTER {
                backoff.reset();
            }
            let delay = backoff.next_delay(Credentials::random());
            {
                let mut inner = self.lock();
                inner.tries = inner.tries.saturating_add(1);
                inner.error = Some(why);
            }
            self.enter(ModemState::Backoff { next_try: tokio::time::Instant::now() + delay });
            // Whoever plugs a modem in again does not want to wait a minute.
            sleep(delay.min(OPEN_RETRY_MAX)).await;
        }
    }

    fn enter(&self, state: ModemState) {
        let mut inner = self.lock();
        if inner.state != state {
            inner.state = state;
            inner.station.tell_status();
            inner.wake();
        }
    }

    async fn open(&self) -> io::Result<(Port, Pace)> {
        match &self.place {
            Place::Serial(path) => Ok((Port::Serial(SerialPort::open(path)?), Pace::SERIAL)),
            Place::Tcp(target) => {
                let stream = connect(target).await.map_err(io::Error::other)?;
                stream.set_nodelay(true)?;
                Ok((Port::Tcp(stream), Pace::TCP))
            }
        }
    }

    /// Until the port or the modem fails; says why.
    async fn drive(&self, mut port: Port, pace: Pace) -> String {
        self.step(|station, now, _| station.handle_opened(now, pace));
        let mut buf = vec![0; READ_LEN];
        let mut out = Vec::new();
        loop {
            match self.flush(&mut port, &mut out).await {
                Ok(Some(why)) => return why,
                Ok(None) => {}
                Err(error) => return lost(&error),
            }
            let due = self.lock().station.poll_timeout();
            let due =
                due.map_or_else(|| tokio::time::Instant::now() + IDLE_MAX, |at| self.to_tokio(at));
            tokio::select! {
                biased;
                read = port.read(&mut buf) => match read {
                    Ok(0) => return "the modem was unplugged, or closed the connection".to_owned(),
                    Ok(len) => self.step(|station, now, ledger| {
                        station.handle_bytes(now, ledger, buf.get(..len).unwrap_or_default());
                    }),
                    Err(error) => return lost(&error),
                },
                () = self.turn.notified() => {}
                () = sleep_until(due) => {
                    self.step(Station::handle_timeout);
                }
            }
        }
    }

    /// Writes what there is, the ledger before the frame that it is for. A sentence if the modem
    /// is of no use any more.
    async fn flush(&self, port: &mut Port, out: &mut Vec<u8>) -> io::Result<Option<String>> {
        self.look_at_state();
        if self.step(|station, _, _| station.take_wants_writing()) {
            match self.keeper.write(self.now()).await {
                Ok(()) => self.step(Station::handle_written),
                Err(error) => self.note(format!("the record of air time is not kept: {error}")),
            }
        }
        loop {
            out.clear();
            if !self.step(|station, _, _| station.poll_write(out)) {
                break;
            }
            timeout(WRITE_TIMEOUT, port.write_all(out))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        let inner = self.lock();
        Ok(inner
            .station
            .is_failed()
            .then(|| inner.station.complaint().unwrap_or("the modem failed").to_owned()))
    }

    fn note(&self, error: String) {
        let mut inner = self.lock();
        inner.error = Some(error);
        inner.station.tell_status();
        inner.wake();
    }

    fn look_at_state(&self) {
        let (is_online, is_scanning, complaint) = {
            let inner = self.lock();
            let station = &inner.station;
            (station.is_online(), station.is_scanning(), station.complaint().map(str::to_owned))
        };
        let was_online = self.lock().state == ModemState::Online;
        if is_online && !was_online {
            let mut inner = self.lock();
            (inner.error, inner.tries) = (None, 0);
            drop(inner);
            self.enter(ModemState::Online);
        } else if !is_online && was_online && !is_scanning {
            self.lock().error = complaint;
            self.enter(ModemState::Connecting);
        }
    }

    /// The last words to a modem (`RND-25`).
    pub(crate) fn leave(&self) {
        self.lock().left = true;
        self.step(|station, _, _| station.leave());
        self.turn.notify_one();
    }
}

/// A way to a modem.
enum Port {
    Serial(SerialPort),
    Tcp(TcpStream),
}

impl Port {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Serial(port) => port.read(buf).await,
            Self::Tcp(stream) => stream.read(buf).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Serial(port) => port.write_all(bytes).await,
            Self::Tcp(stream) => stream.write_all(bytes).await,
        }
    }
}

fn cannot_open(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no modem is plugged in there".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the port may not be opened: is this user in the group dialout?".to_owned()
        }
        io::ErrorKind::ResourceBusy => "another program has the port".to_owned(),
        _ => format!("the modem cannot be opened: {error}"),
    }
}

fn lost(error: &io::Error) -> String {
    format!("the modem was unplugged: {error}")
}

/// One read: longer than the longest frame with every byte escaped.
const READ_LEN: usize = 2_048;

/// A modem that takes no bytes for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A port that is not there is looked for at least that often.
const OPEN_RETRY_MAX: Duration = Duration::from_secs(5);

/// Nothing to wait for: only a modem that is over has no timeout.
const IDLE_MAX: Duration = Duration::from_secs(1);

const _: () = assert!(RETRY_MIN.as_millis() < OPEN_RETRY_MAX.as_millis());
