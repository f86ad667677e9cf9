use crate::error::Malformed;

/// A strict cursor over received bytes.
///
/// Every method names the field it reads (`what`), and the name comes back in the error. A failed
/// read leaves the cursor where it was.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Malformed::MissingData`] at the end of the input, as for every fixed-width read.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A fixed-width little-endian `u16`.
    ///
    /// # Errors
    /// [`Malformed::MissingData`].
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// A fixed-width little-endian `u32`.
    ///
    /// # Errors
    /// [`Malformed::MissingData`].
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// A fixed-width little-endian `u64`.
    ///
    /// # Errors
    /// [`Malformed::MissingData`].
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A varint in its shortest form (`WIRE-05`).
    ///
    /// # Errors
    /// [`Malformed::NonCanonical`] when a shorter encoding exists, [`Malformed::OutOfRange`] beyond
    /// 64 bits, [`Malformed::MissingData`] when it does not end.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, &byte) in self.bytes.iter().take(VARINT_LEN_MAX).enumerate() {
            if index == VARINT_LEN_MAX - 1 && byte > 1 {
                return Err(Malformed::OutOfRange(what));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if byte == 0 && index > 0 {
                    return Err(Malformed::NonCanonical(what));
                }
                self.bytes = &self.bytes[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed::MissingData(what))
    }

    /// A varint that must fit 32 bits.
    ///
    /// # Errors
    /// As [`Reader::varint`], and [`Malformed::OutOfRange`] beyond 32 bits.
    pub fn varint_u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let mut ahead = self.clone();
        let value = u32::try_from(ahead.varint(what)?).map_err(|_| Malformed::OutOfRange(what))?;
        *self = ahead;
        Ok(value)
    }

    /// `N` bytes by value.
    ///
    /// # Errors
    /// [`Malformed::MissingData`].
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.bytes.split_first_chunk().ok_or(Malformed::MissingData(what))?;
        self.bytes = tail;
        Ok(*head)
    }

    /// `len` bytes, borrowed from the input.
    ///
    /// # Errors
    /// [`Malformed::MissingData`].
    pub fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(Malformed::MissingData(what))?;
        self.bytes = tail;
        Ok(head)
    }

    /// A byte string behind its varint length, at most `max` bytes (`WIRE-06`).
    ///
    /// # Errors
    /// [`Malformed::TooLong`] beyond `max`, and as [`Reader::varint`] and [`Reader::bytes`].
    pub fn prefixed(&mut self, max: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let mut ahead = self.clone();
        let len = usize::try_from(ahead.varint(what)?).map_err(|_| Malformed::TooLong(what))?;
        if len > max {
            return Err(Malformed::TooLong(what));
        }
        let bytes = ahead.bytes(len, what)?;
        *self = ahead;
        Ok(bytes)
    }

    /// Everything not yet read.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes;
        self.bytes = &[];
        rest
    }

    /// Ends the reading: nothing may be left (`WIRE-07`).
    ///
    /// # Errors
    /// [`Malformed::TrailingData`].
    pub const fn finish(self, what: &'static str) -> Result<(), Malformed> {
        if self.bytes.is_empty() { Ok(()) } else { Err(Malformed::TrailingData(what)) }
    }
}

/// A `u64` in groups of seven bits: ⌈64 / 7⌉.
const VARINT_LEN_MAX: usize = 10;
