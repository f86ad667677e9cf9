use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    vec::Vec,
};

use crate::{
    error::{Error, Malformed},
    limits::{
        FRAGMENT_COUNT_MAX, FRAGMENT_FRAMES_PER_LINK_MAX, FRAGMENT_LINK_BYTES_MAX,
        FRAGMENT_TIMEOUT, FRAGMENT_TOTAL_BYTES_MAX, FRAME_LEN_MAX,
    },
    link::LinkId,
    time::Instant,
    wire::{
        Reader,
        frame::{self, FrameKind},
    },
};

/// Collects the pieces of all links and gives whole frames back.
#[derive(Debug, Default)]
pub struct Reassembler {
    partial: BTreeMap<(LinkId, u32), Partial>,
    held_bytes: usize,
}

/// A frame of which some pieces are here.
#[derive(Debug)]
struct Partial {
    pieces: BTreeMap<u16, Vec<u8>>,
    count: u16,
    /// Length of every piece but the last, once one of them was seen.
    piece_len: Option<usize>,
    bytes: usize,
    last_progress: Instant,
}

struct Piece<'a> {
    id: u32,
    index: u16,
    count: u16,
    bytes: &'a [u8],
}

impl Reassembler {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the body of a fragment frame; returns the whole frame when this was the last piece.
    ///
    /// # Errors
    /// [`Malformed`] for what the layout forbids (`FRAG-03`, `FRAG-07`) and for a piece that
    /// contradicts earlier ones, whose frame is then discarded (`FRAG-05`).
    pub fn on_fragment(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let piece = Piece::read(body)?;
        let key = (link, piece.id);
        match self.insert(now, key, &piece) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.discard(key);
                return Err(error.into());
            }
        }
        if self.partial[&key].is_complete() {
            return self.complete(key);
        }
        self.make_room(link);
        Ok(None)
    }

    /// Forgets the pieces of a link that is gone.
    pub fn on_link_down(&mut self, link: LinkId) {
        for key in self.keys_of(link) {
            self.discard(key);
        }
    }

    /// Discards the frames that got no new piece for [`FRAGMENT_TIMEOUT`].
    pub fn handle_timeout(&mut self, now: Instant) {
        let stalled: Vec<_> = self
            .partial
            .iter()
            .filter(|(_, partial)| partial.deadline() <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in stalled {
            self.discard(key);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.partial.values().map(Partial::deadline).min()
    }

    /// Memory in use, bookkeeping included.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Adds the piece; `false` when it was there already.
    fn insert(
        &mut self,
        now: Instant,
        key: (LinkId, u32),
        piece: &Piece<'_>,
    ) -> Result<bool, Malformed> {
        let partial = match self.partial.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.held_bytes += PARTIAL_OVERHEAD;
                entry.insert(Partial::new(now, piece.count))
            }
        };
        let added = partial.add(piece)?;
        if added {
            partial.last_progress = now;
            self.held_bytes += piece.bytes.len() + PIECE_OVERHEAD;
        }
        Ok(added)
    }

    fn complete(&mut self, key: (LinkId, u32)) -> Result<Option<Vec<u8>>, Error> {
        let partial = self.discard(key).expect("the caller just looked it up");
        let mut whole = Vec::with_capacity(partial.bytes);
        for piece in partial.pieces.into_values() {
            whole.extend_from_slice(&piece);
        }
        if let Ok((FrameKind::FRAGMENT, _)) = frame::split(&whole) {
            return Err(Malformed::OutOfRange("fragment of a fragment").into());
        }
        Ok(Some(whole))
    }

    /// Discards stalled frames until link and total are within their shares (`FRAG-08`).
    fn make_room(&mut self, link: LinkId) {
        while self.frames_of(link) > FRAGMENT_FRAMES_PER_LINK_MAX
            || self.bytes_of(link) > FRAGMENT_LINK_BYTES_MAX
        {
            self.discard_most_stalled(link);
        }
        while self.held_bytes > FRAGMENT_TOTAL_BYTES_MAX {
            let greediest = self.greediest_link();
            self.discard_most_stalled(greediest);
        }
    }

    fn discard_most_stalled(&mut self, link: LinkId) {
        let stalled = self
            .range_of(link)
            .min_by_key(|(_, partial)| partial.last_progress)
            .map(|(key, _)| *key)
            .expect("a link over its share holds something");
        self.discard(stalled);
    }

    fn greediest_link(&self) -> LinkId {
        let mut bytes_by_link: BTreeMap<LinkId, usize> = BTreeMap::new();
        for ((link, _), partial) in &self.partial {
            *bytes_by_link.entry(*link).or_default() += partial.held_bytes();
        }
        let greediest = bytes_by_link.into_iter().max_by_key(|(_, bytes)| *bytes);
        greediest.expect("bytes are held, so a link holds them").0
    }

    fn discard(&mut self, key: (LinkId, u32)) -> Option<Partial> {
        let partial = self.partial.remove(&key)?;
        self.held_bytes -= partial.held_bytes();
        Some(partial)
    }

    fn range_of(&self, link: LinkId) -> impl Iterator<Item = (&(LinkId, u32), &Partial)> {
        self.partial.range((link, 0)..=(link, u32::MAX))
    }

    fn keys_of(&self, link: LinkId) -> Vec<(LinkId, u32)> {
        self.range_of(link).map(|(key, _)| *key).collect()
    }

    fn frames_of(&self, link: LinkId) -> usize {
        self.range_of(link).count()
    }

    fn bytes_of(&self, link: LinkId) -> usize {
        self.range_of(link).map(|(_, partial)| partial.held_bytes()).sum()
    }
}

impl Partial {
    fn new(now: Instant, count: u16) -> Self {
        Self { pieces: BTreeMap::new(), count, piece_len: None, bytes: 0, last_progress: now }
    }

    fn add(&mut self, piece: &Piece<'_>) -> Result<bool, Malformed> {
        if piece.count != self.count {
            return Err(Malformed::OutOfRange("fragment count"));
        }
        if let Some(known) = self.pieces.get(&piece.index) {
            return if known == piece.bytes {
                Ok(false)
            } else {
                Err(Malformed::NonCanonical("fragment piece"))
            };
        }
        self.check_len(piece)?;
        self.pieces.insert(piece.index, piece.bytes.to_vec());
        self.bytes += piece.bytes.len();
        Ok(true)
    }

    /// `FRAG-02` and `FRAG-07` for one more piece.
    fn check_len(&mut self, piece: &Piece<'_>) -> Result<(), Malformed> {
        let last = piece.index + 1 == self.count;
        let len = piece.bytes.len();
        if last {
            if self.piece_len.is_some_and(|piece_len| len > piece_len) {
                return Err(Malformed::OutOfRange("fragment length"));
            }
            return Ok(());
        }
        if self.piece_len.is_some_and(|piece_len| piece_len != len) {
            return Err(Malformed::OutOfRange("fragment length"));
        }
        let last_piece = self.pieces.get(&(self.count - 1));
        if last_piece.is_some_and(|last_piece| last_piece.len() > len) {
            return Err(Malformed::OutOfRange("fragment length"));
        }
        if len * usize::from(self.count - 1) >= FRAME_LEN_MAX {
            return Err(Malformed::TooLong("fragmented frame"));
        }
        self.piece_len = Some(len);
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.pieces.len() == usize::from(self.count)
    }

    fn deadline(&self) -> Instant {
        self.last_progress + FRAGMENT_TIMEOUT
    }

    fn held_bytes(&self) -> usize {
        self.bytes + self.pieces.len() * PIECE_OVERHEAD + PARTIAL_OVERHEAD
    }
}

impl<'a> Piece<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = r.varint_u32("fragment id")?;
        let index = r.varint("fragment index")?;
        let count = r.varint("fragment count")?;
        let bytes = r.rest();
        let count = u16::try_from(count)
            .ok()
            .filter(|count| (2..=FRAGMENT_COUNT_MAX).contains(count))
            .ok_or(Malformed::OutOfRange("fragment count"))?;
        let index = u16::try_from(index)
            .ok()
            .filter(|index| *index < count)
            .ok_or(Malformed::OutOfRange("fragment index"))?;
        if bytes.is_empty() {
            return Err(Malformed::MissingData("fragment piece"));
        }
        if bytes.len() >= FRAME_LEN_MAX {
            return Err(Malformed::TooLong("fragment piece"));
        }
        Ok(Self { id, index, count, bytes })
    }
}

/// What a piece costs beside its bytes: allocation header and a share of a map node.
const PIECE_OVERHEAD: usize = 64;

/// What a frame under way costs beside its pieces.
const PARTIAL_OVERHEAD: usize = 192;
