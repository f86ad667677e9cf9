use alloc::vec::Vec;

use super::frame::*;
use crate::{address::Address, crypto::rng::NodeRng, envelope::EnvelopeId};

fn samples() -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        write(&mut frame);
        out.push(frame);
    };
    let address = Address::from_bytes([7; 16]);
    add(&|f| Keepalive { token: 5, unix_secs: 300 }.write(FrameKind::KEEPALIVE, f));
    add(&|f| write_ids(FrameKind::RECEIPTS, &mut [[1; 16], [2; 16]].to_vec(), 1_400, f));
    add(&|f| {
        let refused =
            Refused { id: EnvelopeId([1; 16]), lock: [2; 16], reason: RefuseReason::UnknownKey };
        refused.write(f);
    });
    add(&|f| NoRoute { lock: [3; 16], dest: address }.write(f));
    add(&|f| BundleRequest { address, min_version: 200, hops_left: 9 }.write(f));
    add(&|f| TraceRequest { id: [4; 8], dest: address, hops_left: 3 }.write(f));
    let end = TraceEnd::DeadEnd;
    add(&|f| TraceReply { id: [4; 8], address, end, medium: 4 }.write(f));
    out
}

/// Reads a frame and writes it again.
fn again(frame: &[u8]) -> Option<Vec<u8>> {
    let (kind, body) = split(frame).ok()?;
    let mut out = Vec::new();
    match kind {
        FrameKind::KEEPALIVE => Keepalive::read(body).ok()?.write(kind, &mut out),
        FrameKind::RECEIPTS => {
            write_ids(kind, &mut read_ids(body).ok()?.collect(), u32::MAX, &mut out);
        }
        FrameKind::REFUSED => Refused::read(body).ok()?.write(&mut out),
        FrameKind::NO_ROUTE => NoRoute::read(body).ok()?.write(&mut out),
        FrameKind::BUNDLE_REQUEST => BundleRequest::read(body).ok()?.write(&mut out),
        FrameKind::TRACE_REQUEST => TraceRequest::read(body).ok()?.write(&mut out),
        FrameKind::TRACE_REPLY => TraceReply::read(body).ok()?.write(&mut out),
        _ => return None,
    }
    Some(out)
}

#[test]
fn hop_01_layouts() {
    let hex = |bytes: &[u8]| -> alloc::string::String {
        bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    };
    let samples = samples();
    assert_eq!(hex(&samples[0]), "0102 05000000 ac02".replace(' ', ""));
    assert_eq!(hex(&samples[1]), ["0123", "02", &"01".repeat(16), &"02".repeat(16)].concat());
    assert_eq!(hex(&samples[2]), ["0124", &"01".repeat(16), &"02".repeat(16), "01"].concat());
    assert_eq!(hex(&samples[3]), ["0113", &"03".repeat(16), &"07".repeat(16)].concat());
    assert_eq!(hex(&samples[4]), ["0130", &"07".repeat(16), "c801", "09"].concat());
    assert_eq!(hex(&samples[5]), ["0138", &"04".repeat(8), &"07".repeat(16), "03"].concat());
    assert_eq!(hex(&samples[6]), ["0139", &"04".repeat(8), &"07".repeat(16), "12"].concat());
}

#[test]
fn hop_01_truncation_and_bit_flips() {
    let mut rng = NodeRng::from_seed([1; 32]);
    for frame in samples() {
        assert_eq!(again(&frame).as_ref(), Some(&frame));
        for len in 0..frame.len() {
            assert_eq!(again(&frame[..len]), None, "{len} of {frame:02x?}");
        }
        let mut longer = frame.clone();
        longer.push(0);
        assert_eq!(again(&longer), None, "trailing byte");
        for _ in 0..500 {
            let mut flipped = frame.clone();
            let bit = rng.below(8 * frame.len() as u64) as usize;
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(read) = again(&flipped) {
                assert_eq!(read, flipped, "one value, one encoding");
            }
        }
    }
}

#[test]
fn hop_01_hostile_counts_allocate_nothing() {
    assert!(read_ids(&[0]).is_err());
    assert!(read_ids(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    assert!(read_ids(&[2, 1, 1]).is_err());
}
