//! The modem's header, and packets that are two frames on the air (`VIR-23`).

use mesh::radio::Signal;

/// The first half of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Half {
    sequence: u8,
    bytes: Vec<u8>,
    signal: Signal,
}

/// What a frame makes of what was there before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// The second half is to come.
    Waiting(Half),
    /// A packet is whole.
    Packet { packet: Vec<u8>, signal: Signal },
    /// Not even a header.
    Nothing,
}

impl Half {
    /// Takes a frame. A frame that is whole, or half of another packet, discards a half.
    pub(super) fn join(half: Option<Self>, frame: &[u8], signal: Signal) -> Joined {
        let Some((header, bytes)) = frame.split_first() else { return Joined::Nothing };
        let sequence = header >> 4;
        if header & SPLIT == 0 {
            return Joined::Packet { packet: bytes.to_vec(), signal };
        }
        match half {
            Some(half) if half.sequence == sequence => {
                let packet = [&half.bytes, bytes].concat();
                Joined::Packet { packet, signal: mean(half.signal, signal) }
            }
            _ => Joined::Waiting(Self { sequence, bytes: bytes.to_vec(), signal }),
        }
    }
}

/// The frames of a packet: one up to 254 bytes, else two with the same header, the first full.
pub(super) fn frames(sequence: u8, packet: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let split = if packet.len() > BODY_MAX { SPLIT } else { 0 };
    let header = (sequence & 0xf0) | split;
    packet.chunks(BODY_MAX).map(move |body| [&[header], body].concat())
}

fn mean(one: Signal, other: Signal) -> Signal {
    Signal {
        rssi_dbm: i16::midpoint(one.rssi_dbm, other.rssi_dbm),
        snr_quarter_db: i16::midpoint(one.snr_quarter_db, other.snr_quarter_db),
    }
}

const SPLIT: u8 = 0x01;
const BODY_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Signal = Signal { rssi_dbm: -60, snr_quarter_db: 40 };
    const BADLY: Signal = Signal { rssi_dbm: -120, snr_quarter_db: -20 };

    /// `VIR-23`
    #[test]
    fn vir_23_packets_above_254_bytes_are_two_frames() {
        for len in [1, 254, 255, 508] {
            let packet: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let frames: Vec<Vec<u8>> = frames(0x7f, &packet).collect();
            let lens: Vec<usize> = frames.iter().map(Vec::len).collect();
            assert_eq!(lens, if len > 254 { vec![255, len - 253] } else { vec![len + 1] });
            assert!(frames.iter().all(|frame| frame[0] == if len > 254 { 0x71 } else { 0x70 }));
            let mut half = None;
            let mut whole = None;
            for frame in &frames {
                match Half::join(half.take(), frame, WELL) {
                    Joined::Waiting(first) => half = Some(first),
                    Joined::Packet { packet, .. } => whole = Some(packet),
                    Joined::Nothing => {}
                }
            }
            assert_eq!((half, whole), (None, Some(packet)));
        }
    }

    /// `VIR-23`
    #[test]
    fn vir_23_a_half_waits_for_its_own_sequence_and_goes_with_any_other_frame() {
        let Joined::Waiting(half) = Half::join(None, &[0x31, 1], WELL) else { panic!("a half") };
        let joined = Half::join(Some(half.clone()), &[0x31, 2], BADLY);
        let signal = Signal { rssi_dbm: -90, snr_quarter_db: 10 };
        assert_eq!(joined, Joined::Packet { packet: vec![1, 2], signal });
        let other = Half::join(Some(half.clone()), &[0x41, 9], WELL);
        assert!(matches!(other, Joined::Waiting(half) if half.bytes == [9]));
        let whole = Half::join(Some(half), &[0x30, 9], WELL);
        assert_eq!(whole, Joined::Packet { packet: vec![9], signal: WELL });
        assert_eq!(Half::join(None, &[], WELL), Joined::Nothing);
    }
}
