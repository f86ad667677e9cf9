//! A QUIC connection after its handshake.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use ::iroh::endpoint::{
    Connection, ConnectionError, Path, PathEventStream, ReadError, RecvStream, SendStream, VarInt,
    WriteError,
};
use futures_core::Stream;
use mesh::{
    identity::PublicIdentity,
    link::{LinkCaps, Medium},
};
use tokio::{runtime::Handle, time::timeout};

use super::record;
use crate::{
    limits::{LINGER, RECORD_HEADER_LEN, RECORD_LEN_MAX},
    link::{DownReason, Flow, Goodbye, Link, LinkPath, Receiving, Scratch, Sending},
    manager::{Candidate, Connected},
    outlet::{Outlet, Unsent},
    secure::{CONFIRM, Established, GOODBYE, Opened},
};

/// A link over one stream of a QUIC connection, whose handshake the node keys have signed.
///
/// As a TCP link it owns bytes only while it has to. What QUIC holds for it, sent and not
/// acknowledged or received and not read, is bounded by `QUIC_WINDOW_LEN` each.
pub(crate) struct IrohLink {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    caps: LinkCaps,
    peer: PublicIdentity,
    epoch: u64,
    /// Received and not handed out; empty, and without memory, as long as records come whole.
    rest: Rest,
    unsent: Unsent,
    path: LinkPath,
    path_events: Option<PathEventStream>,
    ending: Option<Ending>,
}

/// A goodbye on its way.
struct Ending {
    code: VarInt,
    /// Done when the peer has acknowledged everything; made when everything is with QUIC.
    acknowledged: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// The start of a record whose end is not here, or what a pause left.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl IrohLink {
    pub(super) fn new(
        connection: Connection,
        send: SendStream,
        recv: RecvStream,
        established: &Established,
    ) -> Self {
        let caps = LinkCaps {
            medium: Medium::Iroh,
            mtu: established.mtu,
            bitrate_bps: NOMINAL_BITRATE_BPS,
            reliable: true,
            shared: false,
        };
        Self {
            caps,
            peer: established.peer(),
            epoch: established.certificate.epoch,
            path: present_path(&connection),
            path_events: Some(connection.path_events()),
            rest: Rest::default(),
            unsent: Unsent::default(),
            ending: None,
            connection,
            send,
            recv,
        }
    }

    /// The peer's endpoint.
    pub(super) fn remote_id(&self) -> [u8; 32] {
        *self.connection.remote_id().as_bytes()
    }

    /// Takes note of path changes; leaves the waker for the next one.
    fn follow_path(&mut self, cx: &mut Context<'_>) {
        let Some(events) = &mut self.path_events else {
            return;
        };
        let mut is_changed = false;
        let is_over = loop {
            match Pin::new(&mut *events).poll_next(cx) {
                Poll::Ready(Some(_)) => is_changed = true,
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        if is_over {
            self.path_events = None;
        }
        if is_changed {
            self.path = present_path(&self.connection);
        }
    }

    /// Reads once, straight to where the records are put together.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let is_fresh = self.rest.is_empty();
        let space = if is_fresh { &mut *scratch } else { self.rest.space() };
        let new = match self.recv.poll_read(cx, space) {
            Poll::Pending => {
                self.rest.settle();
                return Ok(Receiving::Waiting);
            }
            Poll::Ready(result) => result.map_err(|error| read_error(&error))?,
        };
        if new == 0 {
            return Err(if is_fresh { DownReason::Closed } else { DownReason::Truncated });
        }
        let flow = if is_fresh {
            let (done, flow) = hand_out(&scratch[..new], each)?;
            self.rest.keep(&scratch[done..new]);
            flow
        } else {
            self.rest.to += new;
            self.rest.hand_out(each)?
        };
        Ok(if flow == Flow::Pause { Receiving::Paused } else { Receiving::More })
    }

    fn control(&mut self, kind: u8, value: u8) {
        let mut record = Vec::new();
        record::control(&mut record, kind, value);
        self.unsent.append(&record);
        // What does not go out now goes with the next frames; an error shows when reading.
        let _ = self.unsent.flush(&mut Context::from_waker(Waker::noop()), &mut self.send);
    }

    /// A goodbye is sent when the peer has acknowledged what was written.
    fn end(&mut self, cx: &mut Context<'_>) -> Result<Sending, DownReason> {
        if !self.unsent.flush(cx, &mut self.send)? {
            return Ok(Sending::Waiting);
        }
        let Some(ending) = &mut self.ending else {
            return Ok(Sending::Idle);
        };
        let send = &mut self.send;
        let acknowledged = ending.acknowledged.get_or_insert_with(|| {
            // The only error is that it was finished before.
            let _ = send.finish();
            let stopped = send.stopped();
            Box::pin(async move {
                let _ = stopped.await;
            })
        });
        match acknowledged.as_mut().poll(cx) {
            Poll::Pending => Ok(Sending::Waiting),
            Poll::Ready(()) => {
                ending.acknowledged = Some(Box::pin(std::future::ready(())));
                Ok(Sending::Idle)
            }
        }
    }
}

impl Link for IrohLink {
    fn caps(&self) -> LinkCaps {
        self.caps
    }

    fn peer(&self) -> PublicIdentity {
        self.peer
    }

    fn path(&self) -> LinkPath {
        self.path
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        self.follow_path(cx);
        if self.rest.hand_out(each)? == Flow::Pause {
            return Ok(Receiving::Paused);
        }
        self.read(cx, &mut scratch.receive, each)
    }

    fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        if self.ending.is_some() {
            return self.end(cx);
        }
        self.unsent.send(cx, &mut self.send, self.caps.mtu, &mut scratch.send, pull)
    }

    fn say_goodbye(&mut self, reason: Goodbye) {
        if self.ending.is_some() {
            return;
        }
        self.control(GOODBYE, reason.0);
        let code = VarInt::from_u32(CODE_GOODBYE + u32::from(reason.0));
        self.ending = Some(Ending { code, acknowledged: None });
    }
}

impl Candidate for IrohLink {
    fn confirm(&mut self) {
        self.control(CONFIRM, 0);
    }
}

impl From<IrohLink> for Connected {
    fn from(link: IrohLink) -> Self {
        Self { epoch: link.epoch, link: Box::new(link) }
    }
}

impl Drop for IrohLink {
    fn drop(&mut self) {
        let Some(mut ending) = self.ending.take() else {
            return self.connection.close(CODE_DROPPED, b"");
        };
        let Ok(runtime) = Handle::try_current() else {
            return self.connection.close(ending.code, b"");
        };
        // Closing at once would overtake the goodbye and what was sent before it.
        let _ = self.send.finish();
        let stopped = self.send.stopped();
        let connection = self.connection.clone();
        let linger = async move {
            let said = async {
                match ending.acknowledged.take() {
                    Some(acknowledged) => acknowledged.await,
                    None => drop(stopped.await),
                }
            };
            // Who does not acknowledge in time learns it from the closed connection.
            let _ = timeout(LINGER, said).await;
            connection.close(ending.code, b"");
        };
        drop(runtime.spawn(linger));
    }
}

impl Rest {
    const fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Keeps the bytes that were left over in somebody else's buffer.
    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.bytes.len() < bytes.len().max(REST_LEN) {
            // A pause may leave a whole read; the start of a record is never longer than one.
            self.bytes = vec![0; bytes.len().max(REST_LEN)];
        }
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        (self.from, self.to) = (0, bytes.len());
    }

    /// Where to read on: there is always room for the record that has begun.
    fn space(&mut self) -> &mut [u8] {
        if self.from > 0 {
            self.bytes.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        &mut self.bytes[self.to..]
    }

    fn hand_out(&mut self, each: &mut dyn FnMut(&[u8]) -> Flow) -> Result<Flow, DownReason> {
        if self.is_empty() {
            return Ok(Flow::Continue);
        }
        let (done, flow) = hand_out(&self.bytes[self.from..self.to], each)?;
        self.from += done;
        Ok(flow)
    }

    /// Gives the memory of an idle link back.
    fn settle(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Hands out complete records; a goodbye ends the link after the frames before it.
fn hand_out(
    bytes: &[u8],
    each: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<(usize, Flow), DownReason> {
    let mut left = None;
    let end = record::read_all(bytes, |opened| match opened {
        Opened::Frame(frame) => each(frame),
        Opened::Goodbye(why) => {
            left = Some(why);
            Flow::Pause
        }
        Opened::Confirm | Opened::Unknown => Flow::Continue,
    })?;
    left.map_or(Ok(end), |why| Err(DownReason::PeerLeft(why)))
}

impl Outlet for SendStream {
    fn begin(&self, batch: &mut Vec<u8>) -> usize {
        record::begin(batch)
    }

    fn finish(&mut self, batch: &mut Vec<u8>, start: usize) {
        record::finish(batch, start);
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<Option<usize>, DownReason> {
        match Pin::new(self).poll_write(cx, bytes) {
            Poll::Pending => Ok(None),
            Poll::Ready(Ok(written)) => Ok(Some(written)),
            // The peer reads no more: why, the goodbye says that is about to be read here.
            Poll::Ready(Err(WriteError::Stopped(_))) => Ok(None),
            Poll::Ready(Err(WriteError::ConnectionLost(error))) => Err(lost(&error)),
            Poll::Ready(Err(_)) => Err(DownReason::Closed),
        }
    }
}

fn read_error(error: &ReadError) -> DownReason {
    match error {
        ReadError::ConnectionLost(error) => lost(error),
        _ => DownReason::Closed,
    }
}

fn lost(error: &ConnectionError) -> DownReason {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            match u64::from(close.error_code).checked_sub(u64::from(CODE_GOODBYE)) {
                Some(code) => DownReason::PeerLeft(Goodbye(u8::try_from(code).unwrap_or(u8::MAX))),
                None => DownReason::Closed,
            }
        }
        ConnectionError::TimedOut => DownReason::Silent,
        ConnectionError::Reset => DownReason::Io(std::io::ErrorKind::ConnectionReset),
        ConnectionError::ConnectionClosed(_) | ConnectionError::LocallyClosed => DownReason::Closed,
        _ => DownReason::Io(std::io::ErrorKind::Other),
    }
}

/// How packets go now. Before a path is selected it is the one that the handshake came over.
fn present_path(connection: &Connection) -> LinkPath {
    let paths = connection.paths();
    let selected = paths.iter().find(Path::is_selected).or_else(|| paths.iter().next());
    if selected.is_some_and(|path| path.is_relay()) { LinkPath::Relayed } else { LinkPath::Direct }
}

/// The same as for TCP: costs use measured times where there are any.
const NOMINAL_BITRATE_BPS: u64 = 100_000_000;

/// Close code of a link that went without a word.
const CODE_DROPPED: VarInt = VarInt::from_u32(0);

/// Close code of goodbye 0; the others follow (`IRO-13`).
const CODE_GOODBYE: u32 = 16;

/// Room for the longest record and as much again, so that reads stay large.
const REST_LEN: usize = 2 * (RECORD_HEADER_LEN + RECORD_LEN_MAX);
