//! A run from the side that was asked: it leads.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Label, message::Message, set::Set};
use crate::{
    error::{Error, PeerMisbehaved},
    limits::{RECONCILE_ROUNDS_MAX, RECONCILE_WANT_IDS_MAX},
    time::Instant,
};

/// What the answerer remembers of a run.
pub(super) struct AnsweredRun {
    pub(super) label: Label,
    set: Set,
    /// How many items the opener says it has: more cannot be wanted.
    their_items: usize,
    have: BTreeSet<[u8; 32]>,
    need: BTreeSet<[u8; 32]>,
    phase: Phase,
    pub(super) repeats: u32,
    /// When the opener was heard last.
    pub(super) heard_at: Instant,
    pub(super) deadline: Instant,
}

enum Phase {
    Leading { round: u32, bytes: Vec<u8> },
    Wanting { round: u32, chunks: Vec<Vec<u8>> },
}

/// What came of a message of the opener.
pub(super) enum Step {
    /// The next message of ours is to be sent.
    Send,
    /// The rounds are over: these items of ours the opener lacks. The want list is to be sent.
    Differences(Vec<[u8; 32]>),
    /// Everything was said.
    Complete,
    /// Not an answer to what was asked last.
    Ignored,
}

impl AnsweredRun {
    pub(super) fn new(
        label: Label,
        mut set: Set,
        their_items: usize,
        now: Instant,
        deadline: Instant,
    ) -> Self {
        let bytes = set.lead();
        let (have, need) = (BTreeSet::new(), BTreeSet::new());
        let phase = Phase::Leading { round: 0, bytes };
        Self { label, set, their_items, have, need, phase, repeats: 0, heard_at: now, deadline }
    }

    /// What the opener has to answer next.
    pub(super) fn message(&self, run: u32) -> Message<'_> {
        match &self.phase {
            Phase::Leading { round, bytes } => Message::Lead { run, round: *round, bytes },
            Phase::Wanting { round, chunks } => Message::Want {
                run,
                round: *round,
                last: *round as usize + 1 == chunks.len(),
                ids: &chunks[*round as usize],
            },
        }
    }

    /// The opener's side of a round.
    pub(super) fn on_reply(&mut self, reply_to: u32, reply: &[u8]) -> Result<Step, Error> {
        let Phase::Leading { round, .. } = self.phase else {
            return Ok(Step::Ignored);
        };
        if reply_to != round {
            return Ok(Step::Ignored);
        }
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = self.set.lead_on(reply, &mut have, &mut need)?;
        self.have.extend(have.iter().map(|id| id.to_bytes()));
        self.need.extend(need.iter().map(|id| id.to_bytes()));
        if self.need.len() > self.their_items || round >= RECONCILE_ROUNDS_MAX {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        let Some(bytes) = next else {
            return Ok(self.start_wanting());
        };
        self.phase = Phase::Leading { round: round + 1, bytes };
        Ok(Step::Send)
    }

    /// The opener has a part of the want list.
    pub(super) fn on_taken(&mut self, taken: u32) -> Step {
        let Phase::Wanting { round, chunks } = &mut self.phase else {
            return Step::Ignored;
        };
        if taken != *round {
            return Step::Ignored;
        }
        if *round as usize + 1 >= chunks.len() {
            return Step::Complete;
        }
        *round += 1;
        Step::Send
    }

    fn start_wanting(&mut self) -> Step {
        let need: Vec<_> = core::mem::take(&mut self.need).into_iter().collect();
        let mut chunks: Vec<Vec<u8>> =
            need.chunks(RECONCILE_WANT_IDS_MAX).map(<[[u8; 32]]>::concat).collect();
        if chunks.is_empty() {
            // "Nothing" has to be said as well, or the opener would wait.
            chunks.push(Vec::new());
        }
        self.phase = Phase::Wanting { round: 0, chunks };
        let have = core::mem::take(&mut self.have);
        Step::Differences(have.iter().filter_map(|id| self.set.unblind(id)).collect())
    }
}
