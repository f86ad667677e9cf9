//! A TCP connection after its handshake.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use mesh::{
    identity::PublicIdentity,
    link::{LinkCaps, Medium},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    limits::RECEIVE_BUFFER_LEN,
    link::{DownReason, Flow, Goodbye, Link, Receiving, Scratch, Sending},
    manager::{Candidate, Connected},
    outlet::{IDLE_CAPACITY, Outlet, Unsent},
    secure::{CONFIRM, Established, GOODBYE, Opened, Opener, Sealer},
};

/// A link over TCP: Noise records on a connection with `TCP_NODELAY`.
///
/// It owns bytes only while it has to: the rest of a record that was not complete, and the part
/// of a batch that the socket did not take. Everything else happens in the driver's [`Scratch`].
pub struct TcpLink {
    wire: Wire,
    opener: Opener,
    caps: LinkCaps,
    peer: PublicIdentity,
    epoch: u64,
    /// Received, from `opened` on not opened yet: less than [`RECEIVE_BUFFER_LEN`].
    unread: Vec<u8>,
    opened: usize,
    unsent: Unsent,
}

/// The socket, and what seals its records.
struct Wire {
    stream: TcpStream,
    sealer: Sealer,
}

impl TcpLink {
    /// Takes over a connection whose handshake is done.
    pub fn new(stream: TcpStream, established: Established) -> Self {
        let caps = LinkCaps {
            medium: Medium::Tcp,
            mtu: established.mtu,
            bitrate_bps: NOMINAL_BITRATE_BPS,
            reliable: true,
            shared: false,
        };
        Self {
            caps,
            peer: established.peer(),
            epoch: established.certificate.epoch,
            wire: Wire { stream, sealer: established.sealer },
            opener: established.opener,
            unread: Vec::new(),
            opened: 0,
            unsent: Unsent::default(),
        }
    }

    /// Opens what was left over when the consumer paused. Returns whether it paused again.
    fn open_unread(&mut self, each: &mut dyn FnMut(&[u8]) -> Flow) -> Result<Flow, DownReason> {
        let (done, flow) = open(&mut self.opener, &mut self.unread[self.opened..], each)?;
        self.opened += done;
        Ok(flow)
    }

    /// Reads once behind the bytes left over and opens what is complete.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let old = self.unread.len() - self.opened;
        let (kept, free) = buffer.split_at_mut(old);
        let mut into = ReadBuf::new(free);
        match Pin::new(&mut self.wire.stream).poll_read(cx, &mut into) {
            Poll::Pending => return Ok(Receiving::Waiting),
            Poll::Ready(result) => result?,
        }
        let new = into.filled().len();
        if new == 0 {
            return Err(if old == 0 { DownReason::Closed } else { DownReason::Truncated });
        }
        kept.copy_from_slice(&self.unread[self.opened..]);
        let (done, flow) = open(&mut self.opener, &mut buffer[..old + new], each)?;
        self.keep_unread(&buffer[done..old + new]);
        if flow == Flow::Pause {
            return Ok(Receiving::Paused);
        }
        // A read that did not fill its buffer emptied the socket; tokio knows, and answers this
        // without a system call.
        match self.wire.stream.poll_read_ready(cx) {
            Poll::Pending => Ok(Receiving::Waiting),
            Poll::Ready(result) => result.map(|()| Receiving::More).map_err(DownReason::from),
        }
    }

    fn keep_unread(&mut self, rest: &[u8]) {
        self.unread.clear();
        self.opened = 0;
        if rest.is_empty() && self.unread.capacity() > IDLE_CAPACITY {
            self.unread = Vec::new();
        }
        self.unread.extend_from_slice(rest);
    }

    fn control(&mut self, kind: u8, value: u8) {
        let mut record = Vec::new();
        self.wire.sealer.control(&mut record, kind, value);
        self.unsent.append(&record);
        // An error shows when reading.
        self.unsent.offer(|bytes| self.wire.stream.try_write(bytes).ok());
    }
}

impl Link for TcpLink {
    fn caps(&self) -> LinkCaps {
        self.caps
    }

    fn peer(&self) -> PublicIdentity {
        self.peer
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        if self.open_unread(each)? == Flow::Pause {
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
        self.unsent.send(cx, &mut self.wire, self.caps.mtu, &mut scratch.send, pull)
    }

    fn say_goodbye(&mut self, reason: Goodbye) {
        self.control(GOODBYE, reason.0);
    }
}

impl Outlet for Wire {
    fn begin(&self, batch: &mut Vec<u8>) -> usize {
        Sealer::begin(batch)
    }

    fn finish(&mut self, batch: &mut Vec<u8>, start: usize) {
        self.sealer.finish(batch, start);
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<Option<usize>, DownReason> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => Ok(None),
            Poll::Ready(Ok(0)) => Err(DownReason::Closed),
            Poll::Ready(result) => Ok(Some(result?)),
        }
    }
}

impl Candidate for TcpLink {
    fn confirm(&mut self) {
        self.control(CONFIRM, 0);
    }
}

impl From<TcpLink> for Connected {
    fn from(link: TcpLink) -> Self {
        Self { epoch: link.epoch, link: Box::new(link) }
    }
}

/// Opens complete records; a goodbye ends the link after the frames before it.
fn open(
    opener: &mut Opener,
    bytes: &mut [u8],
    each: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<(usize, Flow), DownReason> {
    let mut left = None;
    let end = opener.open_all(bytes, |opened| match opened {
        Opened::Frame(frame) => each(frame),
        Opened::Goodbye(why) => {
            left = Some(why);
            Flow::Pause
        }
        Opened::Confirm | Opened::Unknown => Flow::Continue,
    })?;
    match left {
        Some(why) => Err(DownReason::PeerLeft(why)),
        None => Ok(end),
    }
}

/// Nominal bit rate of a TCP link: what the medium is capable of is not known, 100 Mbit/s is what
/// a Freifunk backbone or a home uplink has. Costs use measured times where there are any.
const NOMINAL_BITRATE_BPS: u64 = 100_000_000;

const _: () = assert!(IDLE_CAPACITY < RECEIVE_BUFFER_LEN);
