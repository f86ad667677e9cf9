//! A run from the side that opened it: it follows.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    Label,
    message::{ID_LEN, Message},
    set::Set,
};
use crate::{
    error::{Error, PeerMisbehaved},
    limits::RECONCILE_HEARD_MAX,
    time::Instant,
};

/// What the opener remembers of a run.
pub(super) struct OpenedRun {
    pub(super) label: Label,
    nonce: [u8; 16],
    set: Set,
    /// Whether the answerer was heard: the Open need not be repeated any more.
    pub(super) heard: bool,
    /// Messages of the answerer, repeats included.
    heard_messages: u32,
    /// Number of the next part of the want list.
    next_want: u32,
    /// Items of ours wanted so far: at most all of them.
    wanted: BTreeSet<[u8; 32]>,
    pub(super) repeats: u32,
    /// When the answerer was heard last, or the run opened.
    pub(super) heard_at: Instant,
    pub(super) deadline: Instant,
}

/// What came of a part of the want list.
pub(super) enum Wanted {
    /// It was the last: these items of ours the answerer lacks.
    All(Vec<[u8; 32]>),
    /// More is to come, or it was here before.
    Part,
    /// It is out of order.
    Ignored,
}

impl OpenedRun {
    pub(super) fn new(
        label: Label,
        nonce: [u8; 16],
        set: Set,
        now: Instant,
        deadline: Instant,
    ) -> Self {
        Self {
            label,
            nonce,
            set,
            heard: false,
            heard_messages: 0,
            next_want: 0,
            wanted: BTreeSet::new(),
            repeats: 0,
            heard_at: now,
            deadline,
        }
    }

    /// The message that opens the run.
    pub(super) fn open_message(&self, run: u32) -> Message<'static> {
        Message::Open {
            run,
            label: self.label,
            nonce: self.nonce,
            items: u32::try_from(self.set.len()).expect("RECONCILE_SET_MAX fits 32 bits"),
            digest: self.set.digest(),
        }
    }

    /// Our side of a round.
    pub(super) fn on_lead(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.hear()?;
        self.set.reply(bytes)
    }

    /// A part of the want list. Ids that are not ours are skipped: at most they were made up.
    pub(super) fn on_want(&mut self, round: u32, last: bool, ids: &[u8]) -> Result<Wanted, Error> {
        self.hear()?;
        if round < self.next_want {
            return Ok(Wanted::Part);
        }
        if round > self.next_want {
            return Ok(Wanted::Ignored);
        }
        self.next_want += 1;
        let (blinded, _) = ids.as_chunks::<ID_LEN>();
        self.wanted.extend(blinded.iter().filter_map(|id| self.set.unblind(id)));
        Ok(if last {
            Wanted::All(core::mem::take(&mut self.wanted).into_iter().collect())
        } else {
            Wanted::Part
        })
    }

    /// An answerer that never comes to an end is no answerer (`REC-06`).
    fn hear(&mut self) -> Result<(), Error> {
        self.heard = true;
        self.heard_messages += 1;
        if self.heard_messages > RECONCILE_HEARD_MAX {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        Ok(())
    }
}
