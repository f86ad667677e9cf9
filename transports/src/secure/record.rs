//! Records: what travels after the handshake (`LNK-40` to `LNK-44`).
//!
//! ```text
//! 0..4  length of what follows in bits 0 to 30, control flag in bit 31, little endian
//! 4..   ciphertext ‖ tag, the four bytes before as associated data
//! ```

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{
    limits::{RECORD_HEADER_LEN, RECORD_LEN_MAX, REKEY_BYTES, REKEY_RECORDS},
    link::{DownReason, Flow, Goodbye},
    noise::TAG_LEN,
};

/// Seals frames into records, in place.
pub struct Sealer(Direction);

impl Sealer {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Direction::new(key))
    }

    /// Starts a record at the end of `buf`: append its frame, then call [`Sealer::finish`] with
    /// the value returned.
    pub fn begin(buf: &mut Vec<u8>) -> usize {
        let start = buf.len();
        buf.extend_from_slice(&[0; RECORD_HEADER_LEN]);
        start
    }

    /// Encrypts what was appended since [`Sealer::begin`] and completes the record.
    ///
    /// # Panics
    ///
    /// When the frame is longer than `LINK_MTU_MAX`, which the caller has to rule out.
    pub fn finish(&mut self, buf: &mut Vec<u8>, start: usize) {
        self.seal(buf, start, 0);
    }

    /// Appends a control record (`LNK-43`).
    pub fn control(&mut self, buf: &mut Vec<u8>, kind: u8, value: u8) {
        let start = Self::begin(buf);
        buf.extend_from_slice(&[kind, value]);
        self.seal(buf, start, CONTROL);
    }

    fn seal(&mut self, buf: &mut Vec<u8>, start: usize, flag: u32) {
        let text_at = start + RECORD_HEADER_LEN;
        let len = buf.len() - text_at + TAG_LEN;
        assert!(len <= RECORD_LEN_MAX, "the caller keeps frames within the MTU");
        let header = (len as u32 | flag).to_le_bytes();
        buf[start..text_at].copy_from_slice(&header);
        let text = &mut buf[text_at..];
        let text_len = text.len();
        let tag = self
            .0
            .key
            .seal_in_place_separate_tag(self.0.nonce(), Aad::from(header), text)
            .expect("a record is far below ChaCha20's length limit");
        buf.extend_from_slice(tag.as_ref());
        self.0.advance(text_len);
    }
}

/// Opens records, in place.
pub struct Opener(Direction);

/// What a record held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// A frame for the core.
    Frame(&'a [u8]),
    /// The initiator has the fourth handshake message: the link is up on both sides (`LNK-27`).
    Confirm,
    /// The peer ends the link.
    Goodbye(Goodbye),
    /// A control record that this version does not know; ignored (`LNK-43`).
    Unknown,
}

/// Why a record, and with it the link, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Shorter than a tag or longer than the limit (`LNK-41`).
    BadLength,
    /// Does not authenticate (`LNK-42`).
    BadTag,
}

impl From<RecordError> for DownReason {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::BadLength => Self::BadLength,
            RecordError::BadTag => Self::BadTag,
        }
    }
}

impl Opener {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Direction::new(key))
    }

    /// Opens the complete records at the start of `bytes`, one after the other, until the bytes
    /// end or `each` pauses. Returns how many bytes are done with and whether it paused.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the link is to be closed; nothing after the bad record is looked at.
    pub fn open_all(
        &mut self,
        bytes: &mut [u8],
        mut each: impl FnMut(Opened<'_>) -> Flow,
    ) -> Result<(usize, Flow), RecordError> {
        let mut done = 0;
        while let Some((header, rest)) = bytes[done..].split_first_chunk_mut() {
            let (len, control) = parse_header(*header)?;
            let Some(sealed) = rest.get_mut(..len) else {
                break;
            };
            let opened = self.open(*header, control, sealed)?;
            let flow = each(opened);
            done += RECORD_HEADER_LEN + len;
            if flow == Flow::Pause {
                return Ok((done, flow));
            }
        }
        Ok((done, Flow::Continue))
    }

    fn open<'a>(
        &mut self,
        header: [u8; RECORD_HEADER_LEN],
        control: bool,
        sealed: &'a mut [u8],
    ) -> Result<Opened<'a>, RecordError> {
        let text = self
            .0
            .key
            .open_in_place(self.0.nonce(), Aad::from(header), sealed)
            .map_err(|_| RecordError::BadTag)?;
        self.0.advance(text.len());
        Ok(match (control, &*text) {
            (false, frame) => Opened::Frame(frame),
            (true, [CONFIRM, ..]) => Opened::Confirm,
            (true, [GOODBYE, why, ..]) => Opened::Goodbye(Goodbye(*why)),
            (true, _) => Opened::Unknown,
        })
    }
}

/// Length and control flag, with the length inside its limits (`LNK-41`).
fn parse_header(header: [u8; RECORD_HEADER_LEN]) -> Result<(usize, bool), RecordError> {
    let word = u32::from_le_bytes(header);
    let len = (word & !CONTROL) as usize;
    if (TAG_LEN + 1..=RECORD_LEN_MAX).contains(&len) {
        Ok((len, word & CONTROL != 0))
    } else {
        Err(RecordError::BadLength)
    }
}

/// The key of one direction, its counter, and what is left before it is replaced.
struct Direction {
    key: LessSafeKey,
    counter: u64,
    records_left: u32,
    bytes_left: u64,
    period: (u32, u64),
}

impl Direction {
    fn new(key: &[u8; 32]) -> Self {
        Self {
            key: crate::noise::cipher::key(key),
            counter: 0,
            records_left: REKEY_RECORDS,
            bytes_left: REKEY_BYTES,
            period: (REKEY_RECORDS, REKEY_BYTES),
        }
    }

    fn nonce(&self) -> Nonce {
        crate::noise::cipher::noise_nonce(self.counter)
    }

    /// Counts a record. Both ends count the same, so both replace the key after the same record.
    fn advance(&mut self, text_len: usize) {
        self.counter += 1;
        self.records_left -= 1;
        self.bytes_left = self.bytes_left.saturating_sub(text_len as u64);
        if self.records_left == 0 || self.bytes_left == 0 {
            self.rekey();
        }
    }

    /// Noise's REKEY (specification, section 4.2): the first 32 bytes of an encryption of 32 zero
    /// bytes with the highest nonce, which no record uses. The counter goes on.
    fn rekey(&mut self) {
        let mut fresh = Zeroizing::new([0; 32]);
        let _tag = self
            .key
            .seal_in_place_separate_tag(
                crate::noise::cipher::noise_nonce(u64::MAX),
                Aad::empty(),
                &mut *fresh,
            )
            .expect("32 bytes are below ChaCha20's length limit");
        self.key = LessSafeKey::new(
            UnboundKey::new(&CHACHA20_POLY1305, &*fresh).expect("a key has 32 bytes"),
        );
        (self.records_left, self.bytes_left) = self.period;
    }
}

/// Bit 31 of a record's header: the record is for the link layer, not for the core.
const CONTROL: u32 = 1 << 31;
/// Bytes of a control record: header, kind, value, tag.
pub(crate) const CONTROL_RECORD_LEN: usize = RECORD_HEADER_LEN + 2 + TAG_LEN;
/// Control kind: the handshake is complete (`LNK-27`).
pub(crate) const CONFIRM: u8 = 0;
/// Control kind: the link ends; the reason follows.
pub(crate) const GOODBYE: u8 = 1;

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
