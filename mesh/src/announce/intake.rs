//! What neighbours said and nobody looked at yet: a bounded queue in the order of arrival, verified
//! in batches.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Advertisement, MeshAnnounce, Retraction};
use crate::{
    crypto::{Mode, rng::NodeRng, sign},
    link::LinkId,
    time::Instant,
};

/// One thing a neighbour said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) link: LinkId,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Advertised(Advertisement),
    Retracted(Retraction),
}

/// The queue between frames and the table.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    queue: Vec<Heard>,
    flushed: Option<Instant>,
}

impl Intake {
    pub(crate) const fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn push(&mut self, link: LinkId, what: What) {
        self.queue.push(Heard { link, what });
    }

    /// Takes back what was pushed after the queue had this length: its frame was malformed.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.queue.truncate(len);
    }

    /// Forgets what came over a link.
    pub(crate) fn forget(&mut self, link: LinkId) {
        self.queue.retain(|heard| heard.link != link);
    }

    /// When the queue wants to be looked at (`ANN-06`).
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.queue.is_empty() {
            return None;
        }
        match self.flushed {
            Some(flushed) if self.queue.len() < WORTHWHILE => Some(flushed + COLLECT),
            _ => Some(Instant::ZERO),
        }
    }

    /// The queue's entries, to be handed back to [`Intake::recycle`].
    pub(crate) fn take(&mut self, now: Instant) -> Vec<Heard> {
        self.flushed = Some(now);
        core::mem::take(&mut self.queue)
    }

    /// Reuses the memory of what was taken, unless a burst made it large.
    pub(crate) fn recycle(&mut self, mut queue: Vec<Heard>) {
        if self.queue.is_empty() && queue.capacity() <= 4 * BATCH_MAX {
            queue.clear();
            self.queue = queue;
        }
    }
}

/// Verifies the announces at the positions given, identical ones once (`ANN-10`), and hands every
/// position its verdict. Without `rng`, one by one.
pub(crate) fn verify(
    mode: Mode,
    batch: &[Heard],
    positions: &mut [usize],
    rng: Option<&mut NodeRng>,
    mut verdict: impl FnMut(usize, bool),
) {
    let announce = |position: usize| match &batch[position].what {
        What::Advertised(advertisement) => &advertisement.announce,
        What::Retracted(_) => unreachable!("only announces have a signature"),
    };
    positions.sort_unstable_by(|a, b| order(announce(*a)).cmp(&order(announce(*b))).then(a.cmp(b)));
    let same = |a: &usize, b: &usize| announce(*a) == announce(*b);
    let Some(rng) = rng else {
        for group in positions.chunk_by(same) {
            let holds = announce(group[0]).verify(mode).is_ok();
            group.iter().for_each(|position| verdict(*position, holds));
        }
        return;
    };
    let mut signatures = sign::Batch::new(mode);
    for group in positions.chunk_by(same) {
        let announce = announce(group[0]);
        signatures.push(&announce.key, &announce.digest(), &announce.signature);
    }
    let verdicts = signatures.verify(rng);
    for (group, holds) in positions.chunk_by(same).zip(verdicts) {
        group.iter().for_each(|position| verdict(*position, holds));
    }
}

/// Any total order in which identical announces are neighbours.
fn order(announce: &MeshAnnounce) -> (&[u8; 32], u32, &[u8; 64]) {
    (&announce.key, announce.seq, &announce.signature)
}

/// Most entries that wait: 16,384 × 136 bytes are 2.2 MB.
pub(crate) const INTAKE_MAX: usize = 16_384;

const _: () = assert!(INTAKE_MAX * size_of::<Heard>() <= 2_400_000);

/// Most entries of one batch. Beyond it a batch gets hardly faster per signature.
pub(crate) const BATCH_MAX: usize = 512;

/// From this many on a batch has most of its advantage: no reason to wait for more.
const WORTHWHILE: usize = 64;

/// How long announces that stream in are collected.
const COLLECT: Duration = Duration::from_millis(2);
