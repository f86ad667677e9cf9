//! The append log: batches in numbered segments, newest version of a row wins, oldest segment is
//! cleaned first.

use std::collections::BTreeMap;

use mesh::Table;

use super::{
    disk::Disk,
    error::StoreError,
    format::{self, Row, SEGMENT_HEADER_LEN},
    index::{Fingerprint, Index, Place},
};

/// What opening a log found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's number.
    pub segment: u32,
    /// Bytes that do not hold.
    pub bytes: u64,
    /// Where a copy is kept.
    pub copy: String,
}

/// What opening a log saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Damaged segments; their good rows were moved to a new segment.
    pub damage: Vec<Damage>,
    /// Bytes of a batch that was cut short by a crash, never promised to anyone.
    pub torn_bytes: u64,
    /// Live rows.
    pub rows: usize,
}

/// The log over a disk.
#[derive(Debug)]
pub(crate) struct Log<D> {
    disk: D,
    owner: [u8; 16],
    index: Index,
    segments: BTreeMap<u32, Segment>,
    /// The segment that is appended to; `None` before the first write and after a failed one.
    head: Option<u32>,
    /// What a failed write left behind and could not be cut off: nothing new is written before.
    untrimmed: Option<(u32, u64)>,
    /// The number of the last segment that was begun, whether or not that worked.
    last_number: u32,
    next_batch: u64,
    live_bytes: u64,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    /// Durable length.
    len: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the log of the node `owner` and finds its live rows.
    ///
    /// # Errors
    ///
    /// When files cannot be read, or belong to another node.
    pub(crate) fn open(disk: D, owner: [u8; 16]) -> Result<(Self, OpenReport), StoreError> {
        let mut log = Self {
            disk,
            owner,
            index: Index::default(),
            segments: BTreeMap::new(),
            head: None,
            untrimmed: None,
            last_number: 0,
            next_batch: 1,
            live_bytes: 0,
            buffer: Vec::new(),
        };
        let mut report = OpenReport::default();
        let numbers = log.disk.list()?;
        log.last_number = numbers.last().copied().unwrap_or(0);
        for number in &numbers {
            log.open_segment(*number, numbers.last() == Some(number), &mut report)?;
        }
        for damage in &report.damage {
            log.clean(damage.segment)?;
        }
        if log.segments.is_empty() {
            // A store without rows belongs to somebody as well.
            let head = log.writable_head()?;
            log.disk.sync(head)?;
        }
        // A failed reservation only means that a full disk is felt earlier.
        let _ = log.disk.reserve(true);
        report.rows = log.index.len();
        Ok((log, report))
    }

    fn open_segment(
        &mut self,
        number: u32,
        newest: bool,
        report: &mut OpenReport,
    ) -> Result<(), StoreError> {
        let bytes = self.disk.read(number)?;
        let header_holds = match format::read_segment_header(&bytes) {
            Some((_, owner)) if owner != self.owner => {
                let owner = mesh::Address::from_bytes(owner).to_string();
                return Err(StoreError::OtherOwner { owner });
            }
            header => header.is_some(),
        };
        let (index, live) = (&mut self.index, &mut self.live_bytes);
        let scan = format::scan(&bytes, newest, |found| {
            let row = found.row;
            let len = row.encoded_len() as u32;
            let place = Place::new(number, found.offset as u32, len, row.table);
            let print = index.fingerprint(row.table, row.key);
            let new = row.value.map(|_| place);
            *live += new.map_or(0, Place::len);
            *live -= index.set(print, new).map_or(0, Place::len);
        });
        self.next_batch = self.next_batch.max(scan.last_batch + 1);
        let len = (bytes.len() - scan.torn_bytes) as u64;
        self.segments.insert(number, Segment { len });
        if scan.torn_bytes > 0 {
            // Cut off now: once there are newer segments, what does not hold here is damage.
            self.disk.truncate(number, len)?;
            report.torn_bytes += scan.torn_bytes as u64;
        }
        let damaged = scan.damaged_bytes as u64
            + if header_holds || bytes.len() < SEGMENT_HEADER_LEN { 0 } else { 1 };
        if damaged > 0 {
            let copy = self.disk.keep_copy(number)?;
            report.damage.push(Damage { segment: number, bytes: damaged, copy });
        }
        Ok(())
    }

    /// Visits every live row of `table`, in the order in which the rows were last written.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read.
    pub(crate) fn rows(
        &self,
        table: Table,
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), StoreError> {
        let mut segment: Option<(u32, Vec<u8>)> = None;
        for place in self.index.places_of(table) {
            if segment.as_ref().is_none_or(|(number, _)| *number != place.segment) {
                segment = Some((place.segment, self.disk.read(place.segment)?));
            }
            let row = segment
                .as_ref()
                .and_then(|(_, bytes)| format::read_row(bytes, place.offset as usize));
            if let Some(Row { key, value: Some(value), .. }) = row {
                visit(key, value);
            }
        }
        Ok(())
    }

    /// Whether a row is stored.
    pub(crate) fn contains(&self, table: Table, key: &[u8]) -> bool {
        self.index.get(self.index.fingerprint(table, key)).is_some()
    }

    pub(crate) fn fingerprint(&self, table: Table, key: &[u8]) -> Fingerprint {
        self.index.fingerprint(table, key)
    }

    /// Makes rows durable as one batch: after a crash all of them are there, or none.
    ///
    /// # Errors
    ///
    /// On an error nothing was promised; the same rows can be committed again, into a new segment.
    pub(crate) fn commit<'a>(
        &mut self,
        rows: impl Iterator<Item = Row<'a>>,
    ) -> Result<(), StoreError> {
        self.buffer.clear();
        let start = format::begin_batch(&mut self.buffer);
        let mut places = Vec::new();
        for row in rows {
            let print = self.index.fingerprint(row.table, row.key);
            let offset = self.buffer.len() as u32;
            format::write_row(&row, &mut self.buffer);
            let len = row.encoded_len() as u32;
            let place = row.value.map(|_| Place::new(0, offset, len, row.table));
            places.push((print, place));
        }
        if places.is_empty() {
            return Ok(());
        }
        format::end_batch(self.next_batch, start, &mut self.buffer);
        let (segment, base) = self.append()?;
        self.next_batch += 1;
        for (print, place) in places {
            let place = place.map(|place| place.moved(segment, base));
            self.live_bytes += place.map_or(0, Place::len);
            self.live_bytes -= self.index.set(print, place).map_or(0, Place::len);
        }
        self.buffer.shrink_to(BUFFER_KEPT);
        Ok(())
    }

    /// Appends the buffer to the head segment and syncs it; returns where it went.
    fn append(&mut self) -> Result<(u32, u32), StoreError> {
        if let Some((segment, len)) = self.untrimmed {
            self.disk.truncate(segment, len)?;
            self.untrimmed = None;
        }
        let segment = self.writable_head()?;
        let len = self.segments[&segment].len;
        let written =
            self.disk.append(segment, &self.buffer).and_then(|()| self.disk.sync(segment));
        if let Err(error) = written {
            // After a failed write or sync nobody knows what the file holds (`DSK-07`): it is cut
            // back to what was promised, and the next try starts a new file. Were there a newer file
            // before it is cut, a start could take the remains for damage and half of a batch for
            // rows that were promised.
            if self.disk.truncate(segment, len).is_err() {
                self.untrimmed = Some((segment, len));
            }
            self.head = None;
            return Err(error.into());
        }
        self.segments.insert(segment, Segment { len: len + self.buffer.len() as u64 });
        Ok((segment, len as u32))
    }

    fn writable_head(&mut self) -> Result<u32, StoreError> {
        let fits = |segment: &Segment| segment.len + (self.buffer.len() as u64) <= SEGMENT_LEN_MAX;
        if let Some(head) = self.head {
            let segment = self.segments[&head];
            if fits(&segment) || segment.len <= SEGMENT_HEADER_LEN as u64 {
                return Ok(head);
            }
        }
        self.last_number += 1;
        let number = self.last_number;
        let mut header = Vec::with_capacity(SEGMENT_HEADER_LEN);
        format::write_segment_header(number, &self.owner, &mut header);
        let created = self.disk.create(number).and_then(|()| self.disk.append(number, &header));
        if let Err(error) = created {
            let _ = self.disk.remove(number);
            return Err(error.into());
        }
        self.segments.insert(number, Segment { len: header.len() as u64 });
        self.head = Some(number);
        Ok(number)
    }

    /// Whether dead rows take so much room that [`Log::compact`] is worth its writes.
    pub(crate) fn wants_compaction(&self) -> bool {
        let total = self.total_bytes();
        let many = self.segments.len() > SEGMENTS_KEPT
            && total < SEGMENTS_KEPT as u64 * SEGMENT_LEN_MAX / 2;
        many || self.segments.len() > 1 && total > COMPACT_MIN && total > 2 * self.live_bytes
    }

    /// Moves the live rows of the oldest segment to the head and removes it. Tombstones in it need
    /// not move: there is nothing older that they could hide.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`]; the segment stays.
    pub(crate) fn compact(&mut self) -> Result<(), StoreError> {
        match self.segments.first_key_value() {
            Some((&oldest, _)) if Some(oldest) != self.head => self.clean(oldest),
            _ => Ok(()),
        }
    }

    /// Rewrites the live rows of a segment into the head and removes it.
    ///
    /// For any but the oldest segment tombstones have to move as well: older puts may exist.
    fn clean(&mut self, number: u32) -> Result<(), StoreError> {
        if self.head == Some(number) {
            self.head = None;
        }
        let bytes = self.disk.read(number)?;
        let is_oldest = self.segments.first_key_value().is_none_or(|(oldest, _)| *oldest == number);
        let mut moving = Vec::new();
        let index = &self.index;
        format::scan(&bytes, false, |found| {
            let place = index.get(index.fingerprint(found.row.table, found.row.key));
            let is_live =
                place.is_some_and(|p| p.segment == number && p.offset as usize == found.offset);
            let hides = found.row.value.is_none() && !is_oldest && place.is_none();
            if is_live || hides {
                moving.push(found.offset);
            }
        });
        for chunk in moving.chunks(CLEAN_ROWS_MAX) {
            self.move_rows(&bytes, chunk)?;
        }
        self.disk.remove(number)?;
        self.segments.remove(&number);
        Ok(())
    }

    fn move_rows(&mut self, bytes: &[u8], offsets: &[usize]) -> Result<(), StoreError> {
        self.buffer.clear();
        let start = format::begin_batch(&mut self.buffer);
        let mut places = Vec::with_capacity(offsets.len());
        for row in offsets.iter().filter_map(|offset| format::read_row(bytes, *offset)) {
            let offset = self.buffer.len() as u32;
            format::write_row(&row, &mut self.buffer);
            if row.value.is_some() {
                let place = Place::new(0, offset, row.encoded_len() as u32, row.table);
                places.push((self.index.fingerprint(row.table, row.key), place));
            }
        }
        format::end_batch(self.next_batch, start, &mut self.buffer);
        let (segment, base) = self.append()?;
        self.next_batch += 1;
        for (print, place) in places {
            self.index.set(print, Some(place.moved(segment, base)));
        }
        self.buffer.shrink_to(BUFFER_KEPT);
        Ok(())
    }

    /// Gives the reserved space back, so that deletions fit; [`Log::reserve`] takes it again.
    pub(crate) fn release_reserve(&mut self) {
        let _ = self.disk.reserve(false);
    }

    /// Sets space aside again; false while there is none.
    pub(crate) fn reserve(&mut self) -> bool {
        self.disk.reserve(true).is_ok()
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.len).sum()
    }
}

/// Segments are closed at this length: 4 MiB are read at once when one is cleaned.
const SEGMENT_LEN_MAX: u64 = 4 << 20;

/// Below this a log is not cleaned: two segments.
const COMPACT_MIN: u64 = 2 * SEGMENT_LEN_MAX;

/// Many short segments (each start opens one) are cleaned whatever they hold, unless they are many
/// because they are full: 64 × 4 MiB.
const SEGMENTS_KEPT: usize = 64;

/// Rows moved in one batch while cleaning: 256 rows of 16 KiB are a segment.
const CLEAN_ROWS_MAX: usize = 256;

/// Memory the write buffer keeps between batches.
const BUFFER_KEPT: usize = 64 << 10;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
