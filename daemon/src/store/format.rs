//! The bytes of a segment: a header, then batches of rows (`DSK-02` to `DSK-05`). Pure.

use std::fmt;

use mesh::{Table, limits::RECORD_KEY_LEN_MAX};

/// First bytes of a segment: name and version of the format.
const SEGMENT_MAGIC: &[u8; 8] = b"QPCLOG\x01\n";

/// First bytes of a batch; what a search after damage looks for.
const BATCH_MAGIC: &[u8; 4] = b"QPCB";

/// Magic 8, number 4, owner 16, CRC 4.
pub(crate) const SEGMENT_HEADER_LEN: usize = 32;

/// Magic 4, number 8, body length 4, body CRC 4, header CRC 4.
pub(crate) const BATCH_HEADER_LEN: usize = 24;

/// Table 1, kind 1, key length 2, value length 4, CRC 4.
pub(crate) const ROW_HEADER_LEN: usize = 12;

/// Longest value: lengths share a word with the table number in the index. The core's longest
/// record, an envelope of 1 MiB, is far below.
pub(crate) const VALUE_LEN_MAX: usize = (1 << 24) - 1 - ROW_HEADER_LEN - RECORD_KEY_LEN_MAX;

const KIND_PUT: u8 = 1;
const KIND_DELETE: u8 = 2;

/// A row as it is written and read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) table: Table,
    pub(crate) key: &'a [u8],
    /// `None` deletes the row.
    pub(crate) value: Option<&'a [u8]>,
}

impl Row<'_> {
    /// Bytes of the row in a batch.
    pub(crate) fn encoded_len(&self) -> usize {
        ROW_HEADER_LEN + self.key.len() + self.value.map_or(0, <[u8]>::len)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.value.map(<[u8]>::len);
        write!(f, "Row({:?}, {} B key, {len:?} B value)", self.table, self.key.len())
    }
}

/// Writes the header of segment `number`, which belongs to the node `owner`.
pub(crate) fn write_segment_header(number: u32, owner: &[u8; 16], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(SEGMENT_MAGIC);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(owner);
    let crc = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Reads a segment header: number and owner. `None` when it does not hold.
pub(crate) fn read_segment_header(bytes: &[u8]) -> Option<(u32, [u8; 16])> {
    let header = bytes.first_chunk::<SEGMENT_HEADER_LEN>()?;
    let (body, crc) = header.split_at(SEGMENT_HEADER_LEN - 4);
    (body.starts_with(SEGMENT_MAGIC) && u32_at(crc, 0) == crc32fast::hash(body)).then(|| {
        let mut owner = [0; 16];
        owner.copy_from_slice(&body[12..28]);
        (u32_at(body, 8), owner)
    })
}

/// Starts a batch in `out`; returns where it starts, for [`end_batch`].
pub(crate) fn begin_batch(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + BATCH_HEADER_LEN, 0);
    start
}

/// Appends a row to the batch that was begun.
pub(crate) fn write_row(row: &Row<'_>, out: &mut Vec<u8>) {
    let value = row.value.unwrap_or_default();
    debug_assert!(row.key.len() <= RECORD_KEY_LEN_MAX && value.len() <= VALUE_LEN_MAX);
    let start = out.len();
    out.push(row.table as u8);
    out.push(if row.value.is_some() { KIND_PUT } else { KIND_DELETE });
    out.extend_from_slice(&(row.key.len() as u16).to_le_bytes());
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    let crc = row_crc(&out[start..], row.key, value);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(row.key);
    out.extend_from_slice(value);
}

/// Completes the batch that starts at `start`.
pub(crate) fn end_batch(number: u64, start: usize, out: &mut [u8]) {
    let body_len = (out.len() - start - BATCH_HEADER_LEN) as u32;
    let body_crc = crc32fast::hash(&out[start + BATCH_HEADER_LEN..]);
    let header = &mut out[start..start + BATCH_HEADER_LEN];
    header[..4].copy_from_slice(BATCH_MAGIC);
    header[4..12].copy_from_slice(&number.to_le_bytes());
    header[12..16].copy_from_slice(&body_len.to_le_bytes());
    header[16..20].copy_from_slice(&body_crc.to_le_bytes());
    let crc = crc32fast::hash(&header[..20]);
    header[20..].copy_from_slice(&crc.to_le_bytes());
}

/// A row found in a segment, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) row: Row<'a>,
    /// Offset of the row in the segment.
    pub(crate) offset: usize,
}

/// What a scan of a segment saw besides good rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanReport {
    /// Largest batch number seen.
    pub(crate) last_batch: u64,
    /// Bytes up to the end of the last good batch.
    pub(crate) good_len: usize,
    /// Bytes at the end that belong to a batch whose writing was cut short.
    pub(crate) torn_bytes: usize,
    /// Bytes in the middle that do not hold.
    pub(crate) damaged_bytes: usize,
}

/// Visits every good row of a segment in order. A damaged batch gives the rows whose own checksum
/// holds (`DSK-05`), unless it is the last thing in the `newest` segment: then it was being
/// written when the machine stopped, nothing of it was promised, and all of it is left out
/// (`DSK-04`).
pub(crate) fn scan(bytes: &[u8], newest: bool, mut visit: impl FnMut(Found<'_>)) -> ScanReport {
    let mut report = ScanReport { good_len: SEGMENT_HEADER_LEN, ..ScanReport::default() };
    let mut at = SEGMENT_HEADER_LEN;
    while at < bytes.len() {
        if let Some((number, end)) = whole_batch(bytes, at) {
            report.last_batch = report.last_batch.max(number);
            visit_rows(bytes, at + BATCH_HEADER_LEN, end, &mut visit);
            report.good_len = end;
            at = end;
            continue;
        }
        let next = next_batch(bytes, at + 1);
        if next.is_none() && newest {
            report.torn_bytes = bytes.len() - at;
            break;
        }
        let end = next.unwrap_or(bytes.len());
        report.damaged_bytes += end - at - visit_rows(bytes, at, end, &mut visit);
        at = end;
    }
    report
}

/// Number and end of the batch at `at`, when all of it holds.
fn whole_batch(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let batch = BatchHeader::read(&bytes[at..])?;
    let body_at = at + BATCH_HEADER_LEN;
    let body = bytes.get(body_at..)?.get(..batch.body_len)?;
    (crc32fast::hash(body) == batch.body_crc).then_some((batch.number, body_at + batch.body_len))
}

/// Reads the row at `offset`, when its checksum holds.
pub(crate) fn read_row(bytes: &[u8], offset: usize) -> Option<Row<'_>> {
    let header = bytes.get(offset..)?.first_chunk::<ROW_HEADER_LEN>()?;
    let table = Table::ALL.iter().copied().find(|table| *table as u8 == header[0])?;
    let key_len = usize::from(u16::from_le_bytes([header[2], header[3]]));
    let value_len = u32_at(header, 4) as usize;
    let kind = header[1];
    let shape = key_len <= RECORD_KEY_LEN_MAX
        && value_len <= VALUE_LEN_MAX
        && (kind == KIND_PUT || kind == KIND_DELETE && value_len == 0);
    let start = offset + ROW_HEADER_LEN;
    let (key, value) = bytes.get(start..)?.get(..key_len + value_len)?.split_at(key_len);
    (shape && row_crc(&header[..8], key, value) == u32_at(header, 8)).then_some(Row {
        table,
        key,
        value: (kind == KIND_PUT).then_some(value),
    })
}

struct BatchHeader {
    number: u64,
    body_len: usize,
    body_crc: u32,
}

impl BatchHeader {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<BATCH_HEADER_LEN>()?;
        let holds =
            header.starts_with(BATCH_MAGIC) && crc32fast::hash(&header[..20]) == u32_at(header, 20);
        let mut number = [0; 8];
        number.copy_from_slice(&header[4..12]);
        holds.then(|| Self {
            number: u64::from_le_bytes(number),
            body_len: u32_at(header, 12) as usize,
            body_crc: u32_at(header, 16),
        })
    }
}

/// Where the next batch header that holds starts, at or after `from`.
fn next_batch(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    tail.windows(BATCH_MAGIC.len())
        .enumerate()
        .filter(|(_, window)| *window == BATCH_MAGIC)
        .map(|(at, _)| from + at)
        .find(|at| BatchHeader::read(&bytes[*at..]).is_some())
}

/// Visits the rows between `at` and `end` as far as they hold; returns their bytes.
fn visit_rows(bytes: &[u8], start: usize, end: usize, visit: &mut impl FnMut(Found<'_>)) -> usize {
    let mut at = start;
    let mut good = 0;
    while at < end {
        if let Some(row) = read_row(&bytes[..end], at) {
            visit(Found { row, offset: at });
            at += row.encoded_len();
            good += row.encoded_len();
        } else {
            // A row whose lengths cannot be trusted: try every offset, the checksum decides.
            at += 1;
        }
    }
    good
}

fn row_crc(header: &[u8], key: &[u8], value: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(key);
    crc.update(value);
    crc.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(table: Table, key: &'a [u8], value: Option<&'a [u8]>) -> Row<'a> {
        Row { table, key, value }
    }

    fn segment(batches: &[&[Row<'_>]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_segment_header(7, &[9; 16], &mut bytes);
        for (number, rows) in batches.iter().enumerate() {
            let start = begin_batch(&mut bytes);
            rows.iter().for_each(|row| write_row(row, &mut bytes));
            end_batch(number as u64 + 1, start, &mut bytes);
        }
        bytes
    }

    type Plain = (u8, Vec<u8>, Option<Vec<u8>>);

    fn rows_of(bytes: &[u8]) -> (Vec<Plain>, ScanReport) {
        let mut rows = Vec::new();
        let report = scan(bytes, true, |found| {
            let row = found.row;
            rows.push((row.table as u8, row.key.to_vec(), row.value.map(<[u8]>::to_vec)));
        });
        (rows, report)
    }

    fn sample() -> Vec<u8> {
        segment(&[
            &[row(Table::Meta, b"boot", Some(b"1")), row(Table::Inbox, b"a", Some(b"hello"))],
            &[row(Table::Inbox, b"a", None)],
            &[row(Table::Outbox, b"b", Some(&[0x51; 40]))],
        ])
    }

    /// `DSK-02`, `DSK-03`
    #[test]
    fn segment_bytes_are_fixed() {
        let bytes =
            segment(&[&[row(Table::Meta, b"k", Some(b"v")), row(Table::Inbox, b"d", None)]]);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, HEX);
        assert_eq!(read_segment_header(&bytes), Some((7, [9; 16])));
    }

    const HEX: &str = concat!(
        "5150434c4f47010a",
        "07000000",
        "09090909090909090909090909090909",
        "c501539e",
        "51504342",
        "0100000000000000",
        "1b000000",
        "6eb8e320",
        "783787e9",
        "00",
        "01",
        "0100",
        "01000000",
        "6bc968cc",
        "6b",
        "76",
        "07",
        "02",
        "0100",
        "00000000",
        "efd0e52c",
        "64",
    );

    #[test]
    fn scan_returns_what_was_written() {
        let bytes = sample();
        let (rows, report) = rows_of(&bytes);
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[2], (Table::Inbox as u8, b"a".to_vec(), None));
        assert_eq!(report.good_len, bytes.len());
        assert_eq!((report.torn_bytes, report.damaged_bytes, report.last_batch), (0, 0, 3));
    }

    /// `DSK-04`
    #[test]
    fn truncated_at_every_length_gives_whole_batches() {
        let bytes = sample();
        let (all, _) = rows_of(&bytes);
        for len in SEGMENT_HEADER_LEN..bytes.len() {
            let (rows, report) = rows_of(&bytes[..len]);
            assert!([0, 2, 3].contains(&rows.len()), "{} rows of {len} B", rows.len());
            assert_eq!(rows[..], all[..rows.len()]);
            assert_eq!(report.good_len + report.torn_bytes, len);
            assert_eq!(report.damaged_bytes, 0);
        }
    }

    /// `DSK-05`
    #[test]
    fn bit_flips_lose_at_most_the_row_they_hit() {
        let bytes = sample();
        let (all, _) = rows_of(&bytes);
        let last_batch_at = bytes.len() - (BATCH_HEADER_LEN + ROW_HEADER_LEN + 1 + 40);
        for at in SEGMENT_HEADER_LEN..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let (rows, report) = rows_of(&flipped);
                assert!(rows.len() + 2 >= all.len(), "byte {at} bit {bit}");
                assert!(rows.iter().all(|row| all.contains(row)), "byte {at} bit {bit}");
                let torn = at >= last_batch_at;
                assert_eq!(report.torn_bytes > 0, torn, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn headers_that_do_not_hold_are_refused() {
        let bytes = sample();
        for at in 0..SEGMENT_HEADER_LEN {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(read_segment_header(&flipped), None);
            assert_eq!(read_segment_header(&bytes[..at]), None);
        }
    }
}
