//! How many messages travel through one file descriptor: each as a little-endian `u32` length and
//! that many bytes, until the end of the file.
//!
//! Used by `SendMany` (client writes) and `InboxFd` (daemon writes; each item is the fixed header
//! of [`InboxHeader`] and the payload).

use std::io::{self, Read, Write};

/// Longest item: the core's payload limit of 1 MiB and a header, rounded up.
pub const ITEM_LEN_MAX: usize = (1 << 20) + 1_024;

/// Writes one item.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] for an item longer than [`ITEM_LEN_MAX`], else what `out` says.
pub fn write_item(out: &mut impl Write, item: &[u8]) -> io::Result<()> {
    let len = u32::try_from(item.len())
        .ok()
        .filter(|_| item.len() <= ITEM_LEN_MAX)
        .ok_or(io::ErrorKind::InvalidInput)?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(item)
}

/// Reads the next item, `None` at the end of the file.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] for a length beyond [`ITEM_LEN_MAX`] (nothing is allocated),
/// [`io::ErrorKind::UnexpectedEof`] when the file ends inside an item, else what `input` says.
pub fn read_item(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    let mut filled = 0;
    while filled < len.len() {
        match input.read(&mut len[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > ITEM_LEN_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut item = Vec::with_capacity(len);
    if input.take(len as u64).read_to_end(&mut item)? < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(item))
}

/// What precedes the payload of each message in `InboxFd`, fixed width, little endian: seq 8,
/// id 16, sender 16, received_at 8 (0 when unknown), flags 1 (bit 0 verified, bit 1 sealed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxHeader {
    /// Position in the inbox.
    pub seq: u64,
    /// The message's id.
    pub id: [u8; 16],
    /// The sender's address.
    pub from: [u8; 16],
    /// Our wall clock when it arrived, 0 when we had none.
    pub received_at: u64,
    /// The sender's pinned key certified the session.
    pub verified: bool,
    /// It came sealed.
    pub sealed: bool,
}

impl InboxHeader {
    /// Bytes on the wire.
    pub const LEN: usize = 8 + 16 + 16 + 8 + 1;

    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.seq.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.id);
        bytes[24..40].copy_from_slice(&self.from);
        bytes[40..48].copy_from_slice(&self.received_at.to_le_bytes());
        bytes[48] = u8::from(self.verified) | u8::from(self.sealed) << 1;
        bytes
    }

    /// Splits an item into header and payload; `None` when it is too short or has unknown flags.
    pub fn split(item: &[u8]) -> Option<(Self, &[u8])> {
        let (header, payload) = item.split_first_chunk::<{ Self::LEN }>()?;
        let u64_at = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let id_at = |at: usize| {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&header[at..at + 16]);
            bytes
        };
        let flags = header[48];
        (flags < 4).then_some((
            Self {
                seq: u64_at(0),
                id: id_at(8),
                from: id_at(24),
                received_at: u64_at(40),
                verified: flags & 1 != 0,
                sealed: flags & 2 != 0,
            },
            payload,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_round_trip() {
        let mut file = Vec::new();
        for item in [&b""[..], b"a", &[7; 3_000]] {
            write_item(&mut file, item).expect("a vector takes everything");
        }
        let mut input = &file[..];
        let mut items = Vec::new();
        while let Some(item) = read_item(&mut input).expect("what was written can be read") {
            items.push(item);
        }
        assert_eq!(items, [b"".to_vec(), b"a".to_vec(), vec![7; 3_000]]);
    }

    #[test]
    fn truncated_items_are_errors() {
        let mut file = Vec::new();
        write_item(&mut file, b"hello").expect("a vector takes everything");
        for len in 1..file.len() {
            let error = read_item(&mut &file[..len]).expect_err("cut short");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn long_items_are_refused_before_allocation() {
        let error = read_item(&mut &[0xff; 8][..]).expect_err("4 GiB");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let error = write_item(&mut Vec::new(), &vec![0; ITEM_LEN_MAX + 1]).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn inbox_header_round_trips() {
        let header = InboxHeader {
            seq: 0x0102_0304_0506_0708,
            id: [3; 16],
            from: [4; 16],
            received_at: 9,
            verified: true,
            sealed: false,
        };
        let mut item = header.to_bytes().to_vec();
        item.extend_from_slice(b"text");
        assert_eq!(InboxHeader::split(&item), Some((header, &b"text"[..])));
        for len in 0..InboxHeader::LEN {
            assert_eq!(InboxHeader::split(&item[..len]), None);
        }
        item[48] = 4;
        assert_eq!(InboxHeader::split(&item), None);
    }
}
