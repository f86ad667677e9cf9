//! What radio neighbours send each other: compact bodies, and pieces of long ones.

use std::time::Duration;

use mesh::{
    compact::{
        CompactType, DecodeError, Encoded, Labels, Unknown, decode, encode,
        pieces::{Incoming, MESSAGE_LEN_MAX, Outgoing, Progress, Verdict},
    },
    limits,
    wire::frame::{self, FrameKind},
};

use super::{Choices, START};

/// Two neighbours that remember what passes between them.
#[derive(Default)]
struct Two {
    here: Labels,
    there: Labels,
}

impl Two {
    /// A frame through both codecs; what comes out.
    fn pass(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let Encoded { kind, introduces } = encode(frame, &mut self.here, &mut body).ok()?;
        assert!(body.len() < frame.len(), "never longer");
        let mut back = Vec::new();
        match decode(kind, &body, &mut self.there, &mut back) {
            Ok(()) => self.here.acknowledged(&introduces),
            Err(DecodeError::Unknown(unknown)) => {
                // One side was told things that the other never heard of.
                self.here.on_unknown(&unknown);
                return None;
            }
            Err(DecodeError::Error(error)) => panic!("{error}: a body of our own"),
        }
        assert_eq!(back.len(), frame.len());
        assert_eq!(back[..2], frame[..2]);
        Some(back)
    }
}

/// Bodies from the air and frames for it, in any order: what is read is a frame, and a frame comes
/// back as it was once what may be rounded is round.
pub fn compact(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut two = Two::default();
    while !choices.is_empty() {
        let what = choices.byte();
        if what & 1 == 0 {
            let mut out = Vec::new();
            let kind = CompactType(what >> 1 & 0x3f);
            if decode(kind, choices.chunk(), &mut two.there, &mut out).is_ok() {
                assert!(out.len() <= limits::FRAME_LEN_MAX);
                assert!(frame::split(&out).is_ok());
                let _ = two.pass(&out);
            } else {
                assert!(out.is_empty());
            }
        } else if what == 0xff {
            if let Ok(unknown) = Unknown::read(choices.chunk()) {
                two.here.on_unknown(&unknown);
            }
        } else if what == 0xfd {
            std::mem::swap(&mut two.here, &mut two.there);
        } else if let Some(once) = two.pass(choices.chunk())
            && let Some(twice) = two.pass(&once)
            && once[1] != FrameKind::ANNOUNCES.0
        {
            assert_eq!(twice, once);
        }
    }
}

const PAUSE: Duration = Duration::from_secs(2);

/// Pieces of hostile neighbours: memory stays bounded, everything ends, and an honest message
/// passes although a third of it and of the answers is lost.
pub fn compact_pieces(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut incoming = Incoming::new();
    let mut outgoing = Outgoing::new(START, 1, vec![7; 2_000], 100, 1, PAUSE).expect("long");
    let mut now = START;
    while !choices.is_empty() {
        match choices.byte() {
            0 => now += Duration::from_secs(u64::from(choices.byte())),
            1 => incoming.handle_timeout(now),
            2 => incoming.forget(u32::from(choices.byte() & 3)),
            3 => drop(outgoing.on_repair(now, choices.chunk())),
            4 => drop(outgoing.poll(now, &mut Vec::new())),
            5 => outgoing.handle_timeout(now),
            6 => drop(incoming.poll(now, &mut Vec::new())),
            from => {
                let piece = incoming.on_piece(now, u32::from(from & 3), choices.chunk(), PAUSE);
                if let Ok(Progress::Whole(whole)) = piece {
                    assert!(whole.len() <= MESSAGE_LEN_MAX);
                }
            }
        }
        assert!(incoming.held_bytes() <= limits::COMPACT_PARTIAL_TOTAL_BYTES_MAX);
    }
    assert!(outgoing.counts().0 < 500, "whoever asks for ever is left");
    honest(&mut incoming, now, data.len() as u32);
    while let Some(due) = incoming.poll_timeout() {
        now = now.max(due);
        incoming.handle_timeout(now);
        incoming.poll(now, &mut Vec::new());
    }
    assert_eq!(incoming.held_bytes(), 0);
}

/// A message of a neighbour whose frames are lost now and then.
fn honest(incoming: &mut Incoming, mut now: mesh::Instant, seed: u32) {
    const HONEST: u32 = 1_000;
    let message: Vec<u8> = (0..3_000_u32).map(|i| ((i * 7) >> 2) as u8).collect();
    let mut outgoing =
        Outgoing::new(now, 9, message.clone(), 247, (seed % 3) as u8, PAUSE).expect("long");
    let (mut whole, mut frames) = (None, seed);
    while outgoing.verdict() == Verdict::UnderWay {
        now += Duration::from_millis(400);
        frames = frames.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let is_lost = frames >> 16 & 3 == 0;
        incoming.handle_timeout(now);
        outgoing.handle_timeout(now);
        let mut body = Vec::new();
        match incoming.poll(now, &mut body) {
            Some(HONEST) if !is_lost => outgoing.on_repair(now, &body).expect("honest"),
            Some(_) => {}
            None if outgoing.poll(now, &mut body) && !is_lost => {
                let piece = incoming.on_piece(now, HONEST, &body, PAUSE).expect("honest");
                if let Progress::Whole(bytes) = piece {
                    whole = Some(bytes);
                }
            }
            None => {}
        }
    }
    assert!(whole.is_none_or(|whole| whole == message), "whole or not at all");
}
