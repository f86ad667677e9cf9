//! KISS frames of RNode-compatible modems: bytes in, frames out, and back (`RND-01` … `RND-04`).
//!
//! Pure, and with no more than `core` and `alloc`: host, firmware and virtual modem share it. It
//! knows no command but that the first byte of a frame is one; [`super::command`] names them.
//!
//! There is no checksum. What the line garbles may come out as a frame, and it is for the layer
//! above to doubt what it says; here it is only kept bounded, and in step: every [`FEND`] is a
//! fresh start.

use alloc::vec::Vec;

/// A command and what came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The command byte, which is never escaped.
    pub command: u8,
    /// Its payload, unescaped; may be empty.
    pub payload: &'a [u8],
}

/// Finds frames in a stream of bytes. Owns [`PAYLOAD_MAX`] bytes and never more.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    command: u8,
    payload: [u8; PAYLOAD_MAX],
    len: usize,
    discarded: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for a [`FEND`]; what comes before belongs to nothing.
    Hunting,
    /// After a [`FEND`]: the next byte is a command.
    Command,
    Payload,
    /// After a [`FESC`].
    Escaped,
}

impl Decoder {
    /// A decoder that waits for the first [`FEND`].
    pub const fn new() -> Self {
        Self { state: State::Hunting, command: 0, payload: [0; PAYLOAD_MAX], len: 0, discarded: 0 }
    }

    /// Takes the next byte of the line; a frame when it was the last one of it.
    pub fn push(&mut self, byte: u8) -> Option<Frame<'_>> {
        if byte == FEND {
            return self.close();
        }
        match self.state {
            State::Hunting => {}
            State::Command => {
                self.command = byte;
                self.len = 0;
                self.state = State::Payload;
            }
            State::Payload if byte == FESC => self.state = State::Escaped,
            State::Payload => self.store(byte),
            State::Escaped => match byte {
                TFEND => self.unescape(FEND),
                TFESC => self.unescape(FESC),
                _ => self.discard(),
            },
        }
        None
    }

    /// Forgets the frame that has begun: the line was silent inside of it, or was opened anew.
    pub fn reset(&mut self) {
        if self.is_inside() {
            self.discarded = self.discarded.wrapping_add(1);
        }
        self.state = State::Hunting;
    }

    /// Whether a frame has begun whose end is still to come.
    pub fn is_inside(&self) -> bool {
        matches!(self.state, State::Payload | State::Escaped)
    }

    /// Frames that were too long, wrongly escaped or given up half-way.
    pub const fn discarded(&self) -> u32 {
        self.discarded
    }

    /// One [`FEND`] ends a frame and begins the next (`RND-02`).
    fn close(&mut self) -> Option<Frame<'_>> {
        let state = core::mem::replace(&mut self.state, State::Command);
        match state {
            State::Hunting | State::Command => None,
            State::Payload => {
                Some(Frame { command: self.command, payload: &self.payload[..self.len] })
            }
            State::Escaped => {
                self.discarded = self.discarded.wrapping_add(1);
                None
            }
        }
    }

    fn unescape(&mut self, byte: u8) {
        self.state = State::Payload;
        self.store(byte);
    }

    fn store(&mut self, byte: u8) {
        match self.payload.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.discard(),
        }
    }

    fn discard(&mut self) {
        self.discarded = self.discarded.wrapping_add(1);
        self.state = State::Hunting;
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Appends a frame to `out`, with both its [`FEND`]s.
///
/// Receivers drop frames above [`PAYLOAD_MAX`]; none that the protocol knows is that long.
pub fn encode_into(command: u8, payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(payload.len() <= PAYLOAD_MAX, "no command has so long a payload");
    out.reserve(payload.len() + 3);
    out.push(FEND);
    out.push(command);
    for &byte in payload {
        match byte {
            FEND => out.extend([FESC, TFEND]),
            FESC => out.extend([FESC, TFESC]),
            _ => out.push(byte),
        }
    }
    out.push(FEND);
}

/// Ends a frame and begins the next.
pub const FEND: u8 = 0xc0;

/// Begins an escape.
pub const FESC: u8 = 0xdb;

/// After [`FESC`]: a [`FEND`] in the payload.
pub const TFEND: u8 = 0xdc;

/// After [`FESC`]: a [`FESC`] in the payload.
pub const TFESC: u8 = 0xdd;

/// The longest payload, in bytes: a packet that a modem sends as two frames on the air, 2 × 254.
pub const PAYLOAD_MAX: usize = 508;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(decoder: &mut Decoder, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        for &byte in bytes {
            if let Some(frame) = decoder.push(byte) {
                found.push((frame.command, frame.payload.to_vec()));
            }
        }
        found
    }

    fn encoded(command: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_into(command, payload, &mut out);
        out
    }

    #[test]
    fn rnd_01_layout() {
        assert_eq!(encoded(0x08, &[0x73]), [0xc0, 0x08, 0x73, 0xc0]);
        assert_eq!(
            encoded(0x00, &[0xc0, 0xdb, 0x00, 0xdc]),
            [0xc0, 0x00, 0xdb, 0xdc, 0xdb, 0xdd, 0x00, 0xdc, 0xc0]
        );
        for command in [0x00, 0x01, 0x90, 0xff] {
            for len in [0, 1, 2, 254, 255, 507, PAYLOAD_MAX] {
                let payload: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
                let mut decoder = Decoder::new();
                let found = frames(&mut decoder, &encoded(command, &payload));
                assert_eq!(found, [(command, payload)]);
            }
        }
    }

    #[test]
    fn rnd_02_one_delimiter_between_two_frames() {
        // A host's first words as they are on the line.
        let line = [
            0xc0, 0x08, 0x73, 0xc0, 0x50, 0x00, 0xc0, 0x48, 0x00, 0xc0, 0x49, 0x00, 0xc0, 0xc0,
            0xc0,
        ];
        let found = frames(&mut Decoder::new(), &line);
        assert_eq!(
            found,
            [(0x08, vec![0x73]), (0x50, vec![0x00]), (0x48, vec![0x00]), (0x49, vec![0x00])]
        );
    }

    #[test]
    fn rnd_03_rubbish_costs_no_more_than_the_frame_it_hits() {
        let mut decoder = Decoder::new();
        assert!(frames(&mut decoder, b"rst:0x1 (POWERON)\r\n\xdb\xdc").is_empty());
        let good = encoded(0x00, b"hello");
        assert_eq!(frames(&mut decoder, &good), [(0x00, b"hello".to_vec())]);
        // A wrong escape, an escape cut short by the end, and one byte too many.
        for bad in [&[0xc0, 0x00, 0xdb, 0x01, 0x02, 0xc0][..], &[0xc0, 0x00, 1, 0xdb, 0xc0]] {
            let before = decoder.discarded();
            assert!(frames(&mut decoder, bad).is_empty());
            assert_eq!(decoder.discarded(), before + 1);
            assert_eq!(frames(&mut decoder, &good), [(0x00, b"hello".to_vec())]);
        }
        let mut long = vec![0xc0, 0x00];
        long.extend([0x55; PAYLOAD_MAX + 1]);
        long.push(0xc0);
        assert!(frames(&mut decoder, &long).is_empty());
        assert_eq!(frames(&mut decoder, &good).len(), 1);
    }

    #[test]
    fn rnd_03_any_rubbish_is_survived() {
        let mut state = 0x2545_f491_u32;
        let mut decoder = Decoder::new();
        for _ in 0..200_000 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // A quarter of the bytes mean something.
            let byte = match state >> 28 {
                0 | 1 => FEND,
                2 => FESC,
                3 => TFEND,
                _ => state as u8,
            };
            if let Some(frame) = decoder.push(byte) {
                assert!(frame.payload.len() <= PAYLOAD_MAX);
            }
        }
        decoder.reset();
        assert_eq!(frames(&mut decoder, &encoded(0x00, b"hello")).len(), 1);
    }

    #[test]
    fn rnd_04_a_frame_that_broke_off_is_forgotten() {
        let mut decoder = Decoder::new();
        assert!(frames(&mut decoder, &[0xc0, 0x00, 1, 2]).is_empty());
        assert!(decoder.is_inside());
        decoder.reset();
        assert_eq!((decoder.is_inside(), decoder.discarded()), (false, 1));
        assert_eq!(frames(&mut decoder, &[3, 4, 0xc0, 0x23, 0x50, 0xc0]), [(0x23, vec![0x50])]);
    }

    #[test]
    fn rnd_03_every_truncation_waits() {
        let whole = encoded(0x00, &[1, 0xc0, 2, 0xdb, 3]);
        for len in 0..whole.len() {
            assert!(frames(&mut Decoder::new(), &whole[..len]).is_empty(), "{len}");
        }
    }
}
