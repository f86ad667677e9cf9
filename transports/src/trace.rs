//! Records what crosses a link, as a pcapng file that Wireshark opens.
//!
//! Layout: one section header, one interface with link type 147 (`USER0`, for private use), then
//! an enhanced packet per frame with its direction in `epb_flags` and a time in microseconds.
//! Frames are recorded as the core sees them, decrypted: a trace is as secret as the link.

use std::{
    io::{self, Write},
    task::Context,
    time::{SystemTime, UNIX_EPOCH},
};

use mesh::{LinkCaps, PublicIdentity, limits::LINK_MTU_MAX};

use crate::link::{DownReason, Flow, Goodbye, Link, LinkPath, Receiving, Scratch, Sending};

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// Writes frames as pcapng (`LNK-62`).
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    /// `None` after the first error: a full disk must not stop a link.
    out: Option<W>,
}

impl<W: Write> TraceWriter<W> {
    /// Writes the headers.
    pub fn new(out: W) -> Self {
        let mut this = Self { out: Some(out) };
        let mut section = Vec::new();
        section.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        section.extend_from_slice(&[1, 0, 0, 0]); // version 1.0
        section.extend_from_slice(&u64::MAX.to_le_bytes()); // section length: not known
        this.block(SECTION_HEADER, &section);
        let mut interface = Vec::new();
        interface.extend_from_slice(&LINKTYPE_USER0.to_le_bytes());
        interface.extend_from_slice(&[0; 2]);
        interface.extend_from_slice(&LINK_MTU_MAX.to_le_bytes());
        this.block(INTERFACE, &interface);
        this
    }

    /// Records a frame that passed at `micros` microseconds since 1970.
    pub fn frame(&mut self, micros: u64, way: Way, frame: &[u8]) {
        let mut body = Vec::with_capacity(frame.len() + 40);
        let len = (frame.len() as u32).to_le_bytes();
        body.extend_from_slice(&0_u32.to_le_bytes()); // the one interface
        body.extend_from_slice(&((micros >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(micros as u32).to_le_bytes());
        body.extend_from_slice(&len);
        body.extend_from_slice(&len);
        body.extend_from_slice(frame);
        pad(&mut body);
        body.extend_from_slice(&EPB_FLAGS.to_le_bytes());
        body.extend_from_slice(&4_u16.to_le_bytes());
        let flags: u32 = match way {
            Way::In => 1,
            Way::Out => 2,
        };
        body.extend_from_slice(&flags.to_le_bytes());
        body.extend_from_slice(&[0; 4]); // end of options
        self.block(ENHANCED_PACKET, &body);
    }

    /// Gives the writer back, flushed; `None` when writing failed before.
    pub fn into_inner(mut self) -> Option<W> {
        let mut out = self.out.take()?;
        out.flush().ok()?;
        Some(out)
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        if let Some(out) = &mut self.out
            && write_block(out, kind, body).is_err()
        {
            self.out = None;
        }
    }
}

/// A block's length stands before and behind its body, so that files can be read backwards.
fn write_block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let len = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len)?;
    out.write_all(body)?;
    out.write_all(&len)
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A link whose frames are recorded.
#[derive(Debug)]
pub struct TracedLink<L, W: Write> {
    inner: L,
    trace: TraceWriter<W>,
}

impl<L: Link, W: Write + Send> TracedLink<L, W> {
    /// Records what `inner` carries into `out`.
    pub fn new(inner: L, out: W) -> Self {
        Self { inner, trace: TraceWriter::new(out) }
    }
}

impl<L: Link, W: Write + Send> Link for TracedLink<L, W> {
    fn caps(&self) -> LinkCaps {
        self.inner.caps()
    }

    fn peer(&self) -> PublicIdentity {
        self.inner.peer()
    }

    fn path(&self) -> LinkPath {
        self.inner.path()
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let trace = &mut self.trace;
        self.inner.receive(cx, scratch, &mut |frame| {
            trace.frame(micros_now(), Way::In, frame);
            each(frame)
        })
    }

    fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        let trace = &mut self.trace;
        self.inner.send(cx, scratch, &mut |buf| {
            let start = buf.len();
            let is_frame = pull(buf);
            if is_frame {
                trace.frame(micros_now(), Way::Out, &buf[start..]);
            }
            is_frame
        })
    }

    fn say_goodbye(&mut self, reason: Goodbye) {
        self.inner.say_goodbye(reason);
    }
}

fn micros_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// Block types and option codes of pcapng.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const EPB_FLAGS: u16 = 2;
const LINKTYPE_USER0: u16 = 147;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnk_62_layout() {
        let mut trace = TraceWriter::new(Vec::new());
        trace.frame(0x1_0000_0002, Way::Out, b"\x01\x02abc");
        let bytes = trace.into_inner().expect("memory does not fail");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let wanted = concat!(
            "0a0d0d0a",
            "1c000000",
            "4d3c2b1a",
            "01000000",
            "ffffffffffffffff",
            "1c000000",
            "01000000",
            "14000000",
            "93000000",
            "00100100",
            "14000000",
            "06000000",
            "34000000",
            "00000000",
            "01000000",
            "02000000",
            "05000000",
            "05000000",
            "0102616263000000",
            "02000400",
            "02000000",
            "00000000",
            "34000000",
        );
        assert_eq!(hex, wanted);
    }

    #[test]
    fn lnk_62_a_full_disk_stops_the_trace_alone() {
        let mut room = [0; 60];
        let mut trace = TraceWriter::new(&mut room[..]);
        for _ in 0..3 {
            trace.frame(0, Way::In, b"frame");
        }
        assert!(trace.into_inner().is_none());
    }
}
