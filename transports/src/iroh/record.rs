//! Records on a QUIC stream (`IRO-10`): those of TCP links without the encryption, which QUIC does.
//!
//! ```text
//! 0..4  length of what follows in bits 0 to 30, control flag in bit 31, little endian
//! 4..   a frame; or kind and value of a control record
//! ```

use mesh::limits::LINK_MTU_MAX;

use crate::{
    limits::RECORD_HEADER_LEN,
    link::{Flow, Goodbye},
    secure::{CONFIRM, GOODBYE, Opened, RecordError},
};

/// Starts a record at the end of `buf`: append its frame, then call [`finish`] with the value
/// returned.
pub fn begin(buf: &mut Vec<u8>) -> usize {
    let start = buf.len();
    buf.extend_from_slice(&[0; RECORD_HEADER_LEN]);
    start
}

/// Completes the record of what was appended since [`begin`].
///
/// # Panics
///
/// When the frame is longer than `LINK_MTU_MAX`, which the caller has to rule out.
pub fn finish(buf: &mut [u8], start: usize) {
    let text_at = start + RECORD_HEADER_LEN;
    let len = buf.len() - text_at;
    assert!(len <= LINK_MTU_MAX as usize, "the caller keeps frames within the MTU");
    buf[start..text_at].copy_from_slice(&(len as u32).to_le_bytes());
}

/// Appends a control record (`LNK-43`).
pub fn control(buf: &mut Vec<u8>, kind: u8, value: u8) {
    buf.extend_from_slice(&(2 | CONTROL).to_le_bytes());
    buf.extend_from_slice(&[kind, value]);
}

/// Hands out the complete records at the start of `bytes`, until the bytes end or `each` pauses.
/// Returns how many bytes are done with and whether it paused.
///
/// # Errors
///
/// [`RecordError::BadLength`] before anything of the record is looked at (`IRO-11`).
pub fn read_all(
    bytes: &[u8],
    mut each: impl FnMut(Opened<'_>) -> Flow,
) -> Result<(usize, Flow), RecordError> {
    let mut done = 0;
    while let Some((header, rest)) = bytes[done..].split_first_chunk() {
        let (len, is_control) = parse_header(*header)?;
        let Some(text) = rest.get(..len) else {
            break;
        };
        let flow = each(match (is_control, text) {
            (false, frame) => Opened::Frame(frame),
            (true, [CONFIRM, ..]) => Opened::Confirm,
            (true, [GOODBYE, why, ..]) => Opened::Goodbye(Goodbye(*why)),
            (true, _) => Opened::Unknown,
        });
        done += RECORD_HEADER_LEN + len;
        if flow == Flow::Pause {
            return Ok((done, flow));
        }
    }
    Ok((done, Flow::Continue))
}

/// Length and control flag, with the length inside its limits.
fn parse_header(header: [u8; RECORD_HEADER_LEN]) -> Result<(usize, bool), RecordError> {
    let word = u32::from_le_bytes(header);
    let len = word & !CONTROL;
    if (1..=LINK_MTU_MAX).contains(&len) {
        Ok((len as usize, word & CONTROL != 0))
    } else {
        Err(RecordError::BadLength)
    }
}

/// Bit 31 of a record's header: the record is for the link layer, not for the core.
const CONTROL: u32 = 1 << 31;

/// Bytes of a control record.
pub const CONTROL_LEN: usize = RECORD_HEADER_LEN + 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(frame: &[u8]) -> Vec<u8> {
        let mut buf = Vec::new();
        let start = begin(&mut buf);
        buf.extend_from_slice(frame);
        finish(&mut buf, start);
        buf
    }

    fn frames(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, usize), RecordError> {
        let mut frames = Vec::new();
        let (done, _) = read_all(bytes, |opened| {
            if let Opened::Frame(frame) = opened {
                frames.push(frame.to_vec());
            }
            Flow::Continue
        })?;
        Ok((frames, done))
    }

    #[test]
    fn iro_10_layout() {
        assert_eq!(record(&[0xaa, 0xbb, 0xcc]), [3, 0, 0, 0, 0xaa, 0xbb, 0xcc]);
        let mut goodbye = Vec::new();
        control(&mut goodbye, GOODBYE, 4);
        assert_eq!(goodbye, [2, 0, 0, 0x80, 1, 4]);
        assert_eq!(goodbye.len(), CONTROL_LEN);
    }

    #[test]
    fn iro_10_any_length_round_trips_and_many_in_one_read() {
        for len in [1, 2, 1_400, 65_535, LINK_MTU_MAX as usize] {
            let frame = vec![7; len];
            let bytes = [record(&frame), record(&[1]), record(&frame)].concat();
            assert_eq!(frames(&bytes), Ok((vec![frame.clone(), vec![1], frame], bytes.len())));
        }
    }

    #[test]
    fn iro_10_an_incomplete_record_waits() {
        let bytes = [record(b"whole"), record(b"cut off")].concat();
        for len in 0..bytes.len() {
            let (frames, done) = frames(&bytes[..len]).expect("nothing is wrong so far");
            assert_eq!(frames.len(), usize::from(len >= 9));
            assert_eq!(done, if len >= 9 { 9 } else { 0 });
        }
    }

    #[test]
    fn iro_10_a_pause_leaves_the_rest() {
        let bytes = [record(b"one"), record(b"two")].concat();
        assert_eq!(read_all(&bytes, |_| Flow::Pause), Ok((7, Flow::Pause)));
    }

    #[test]
    fn iro_11_lengths_outside_the_limits_are_refused() {
        for len in [0, LINK_MTU_MAX + 1, u32::MAX >> 1] {
            for flag in [0, CONTROL] {
                let header = (len | flag).to_le_bytes();
                assert_eq!(frames(&header), Err(RecordError::BadLength), "{len}");
            }
        }
    }

    #[test]
    fn iro_10_control_records_of_newer_nodes_are_passed_over() {
        let mut bytes = vec![1, 0, 0, 0x80, GOODBYE];
        control(&mut bytes, 9, 9);
        control(&mut bytes, CONFIRM, 0);
        let mut seen = Vec::new();
        let read = read_all(&bytes, |opened| {
            seen.push(opened == Opened::Confirm);
            Flow::Continue
        });
        assert_eq!(read, Ok((bytes.len(), Flow::Continue)));
        assert_eq!(seen, [false, false, true]);
    }
}
