//! `specs/27-compact.md`, rule by rule; the pieces have their own tests.

use alloc::{vec, vec::Vec};
use std::{format, string::String};

use super::{
    CompactType as T, DecodeError, Encoded, Introduced, Labels, Unknown, decode, encode, life,
    split_type,
};
use crate::{
    address::Address,
    announce::{Advertisement, MeshAnnounce, PathRequest, Retraction, Validity, write_count},
    crypto::rng::NodeRng,
    error::{Error, Malformed, Unsupported},
    identity::Capabilities,
    limits::LITE_LIFETIMES_S,
    wire::{
        Writer,
        frame::{self, FrameKind},
    },
};

mod answers;
mod envelopes;
mod labels;
mod random;
mod routes;

/// Bytes of a payload around a body, the modem's own byte counted: modem 1, type 1, hints 2, tag 4.
const AROUND: usize = 8;

const DEST: [u8; 16] = [0xd0; 16];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A frame of a kind around a body.
fn framed(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::begin(&mut out, kind);
    out.extend_from_slice(body);
    out
}

/// Two neighbours: what one encodes the other decodes.
#[derive(Default)]
struct Two {
    here: Labels,
    there: Labels,
}

impl Two {
    /// Sends a frame; the type and body that were on the air, and what came out of it.
    fn send(&mut self, frame: &[u8]) -> (T, Vec<u8>, Vec<u8>) {
        let mut body = Vec::new();
        let Encoded { kind, introduces } = encode(frame, &mut self.here, &mut body).expect("ours");
        let mut back = Vec::new();
        let result = decode(kind, &body, &mut self.there, &mut back);
        result.unwrap_or_else(|error| panic!("{error:?}: {kind:?} {}", hex(&body)));
        self.here.acknowledged(&introduces);
        (kind, body, back)
    }

    /// The same in the other direction.
    fn answer(&mut self, frame: &[u8]) -> (T, Vec<u8>, Vec<u8>) {
        core::mem::swap(&mut self.here, &mut self.there);
        let result = self.send(frame);
        core::mem::swap(&mut self.here, &mut self.there);
        result
    }

    /// Sends a frame that must come back as it was.
    fn exact(&mut self, frame: &[u8]) -> (T, Vec<u8>) {
        let (kind, body, back) = self.send(frame);
        assert_eq!(hex(&back), hex(frame), "{kind:?}");
        (kind, body)
    }
}

/// The parts of an envelope's header that tests vary.
#[derive(Clone, Copy)]
struct Head {
    class: u8,
    hops_left: u8,
    age_ms: u32,
    hops_max: u8,
    flags: u8,
    lifetime_s: u32,
    dest: [u8; 16],
    lock: [u8; 16],
}

impl Head {
    const SESSION: Self = Self {
        class: 1,
        hops_left: 64,
        age_ms: 0,
        hops_max: 64,
        flags: 5,
        lifetime_s: 604_800,
        dest: DEST,
        lock: [0xee; 16],
    };
    const LITE: Self = Self {
        class: 3,
        lock: [0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0, 0, 0, 0, 0, 0, 0, 0],
        ..Self::SESSION
    };

    fn frame(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, FrameKind::ENVELOPE);
        let mut w = Writer::new(&mut out);
        w.u8(1).u8(self.class).u8(self.hops_left).u32(self.age_ms).u8(self.hops_max).u8(self.flags);
        w.u32(self.lifetime_s).array(&self.dest).array(&self.lock).bytes(body);
        out
    }
}

/// An announce that nobody signed: the codec does not look.
fn announce(of: u8, seq: u32) -> MeshAnnounce {
    MeshAnnounce {
        key: [of; 32],
        seq,
        capabilities: Capabilities::from_bits(3),
        validity: Validity::from_code(12).expect("in range"),
        bundle_version: 7,
        signature: [of ^ seq as u8; 64],
    }
}

fn announces(entries: &[Advertisement]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::begin(&mut out, FrameKind::ANNOUNCES);
    write_count(entries.len(), &mut out);
    entries.iter().for_each(|entry| entry.write(&mut out));
    out
}

/// Every body cut short, lengthened and with one bit flipped is refused or gives a whole frame, and
/// a refusal writes nothing.
fn batter(kind: T, body: &[u8], labels: &Labels) {
    let check = |bytes: &[u8]| {
        let mut out = vec![0xaa; 3];
        match decode(kind, bytes, &mut labels.clone(), &mut out) {
            Ok(()) => assert!(frame::split(&out[3..]).is_ok()),
            Err(_) => assert_eq!(out, [0xaa; 3]),
        }
    };
    (0..body.len()).for_each(|len| check(&body[..len]));
    let mut longer = body.to_vec();
    longer.push(0);
    check(&longer);
    for bit in 0..body.len() * 8 {
        let mut flipped = body.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(&flipped);
    }
}

#[test]
fn cmp_01_the_first_byte_is_version_and_type() {
    assert_eq!(split_type(0x12), Ok(T::CHANNEL));
    for version in 1..4 {
        assert_eq!(split_type(version << 6 | 3), Err(Unsupported::Version(version)));
    }
    for unknown in (0x19..0x1c).chain(0x1d..0x40) {
        let result = decode(T(unknown), &[0; 40], &mut Labels::new(), &mut Vec::new());
        assert_eq!(result, Err(DecodeError::Error(Unsupported::Kind(unknown).into())));
    }
}

#[test]
fn cmp_02_other_frames_travel_as_they_are() {
    let mut two = Two::default();
    for (kind, own_type) in [(0x40, 0x14), (0x30, 0x15), (0x31, 0x16), (0x38, 0x17), (0x39, 0x18)] {
        let (found, body) = two.exact(&framed(FrameKind(kind), b"body"));
        assert_eq!((found, &body[..]), (T(own_type), &b"body"[..]));
    }
    for kind in [0x01, 0x02, 0x21, 0x51, 0xff] {
        let (found, body) = two.exact(&framed(FrameKind(kind), b"body"));
        assert_eq!((found, &body[1..], body[0]), (T::GENERIC, &b"body"[..], kind));
    }
    // What is no body of its kind travels too.
    for kind in 0..=0xff {
        two.exact(&framed(FrameKind(kind), &[]));
        two.exact(&framed(FrameKind(kind), &[0xff; 30]));
    }
}

#[test]
fn cmp_02_what_is_no_frame_is_refused() {
    for bytes in [&[][..], &[1], &[2, 0x20, 1, 2]] {
        let mut out = vec![7];
        assert!(encode(bytes, &mut Labels::new(), &mut out).is_err());
        assert_eq!(out, [7]);
    }
    let long = framed(FrameKind::BUNDLE, &vec![0; 70_000]);
    let result = encode(&long, &mut Labels::new(), &mut Vec::new());
    assert_eq!(result.map(|it| it.kind), Err(Malformed::TooLong("frame").into()));
    let result = decode(T::BUNDLE, &long, &mut Labels::new(), &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Error(Error::from(Malformed::TooLong("compact body")))));
}
