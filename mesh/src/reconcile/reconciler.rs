use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    Item, Label, Scope,
    answered::{AnsweredRun, Step},
    budget::TokenBucket,
    message::Message,
    opened::{OpenedRun, Wanted},
    set::Set,
};
use crate::{
    crypto::rng::NodeRng,
    error::Error,
    limits::{
        RECONCILE_OPENS_BURST, RECONCILE_OPENS_PER_S, RECONCILE_OUTGOING_MAX,
        RECONCILE_REPEAT_AFTER, RECONCILE_REPEATS_MAX, RECONCILE_RUNS_MAX,
        RECONCILE_RUNS_PER_LINK_MAX,
    },
    link::LinkId,
    time::Instant,
};

/// What a run told its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// The neighbour lacks these items of the set; send them. At most once a run.
    Missing {
        /// The neighbour's link.
        link: LinkId,
        /// The set.
        label: Label,
        /// Ids of items of ours.
        ids: Vec<[u8; 32]>,
    },
    /// A run is over.
    Ended {
        /// The neighbour's link.
        link: LinkId,
        /// The set.
        label: Label,
        /// How it ended.
        end: End,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides have the same items.
    Equal,
    /// Both sides know what the other lacks.
    Reconciled,
    /// The neighbour does not share the set with us.
    Refused,
    /// The neighbour stopped answering, or broke the rules.
    Failed,
}

/// The runs of one scope on all links.
///
/// Feed it with [`Self::open`] and [`Self::on_frame`], drain it with [`Self::poll_event`],
/// [`Self::poll_frame`] and [`Self::poll_timeout`].
pub struct Reconciler {
    scope: Scope,
    next_run: u32,
    opened: BTreeMap<(LinkId, u32), OpenedRun>,
    answered: BTreeMap<(LinkId, u32), AnsweredRun>,
    opens: BTreeMap<LinkId, TokenBucket>,
    outgoing: BTreeMap<LinkId, VecDeque<Vec<u8>>>,
    events: VecDeque<RunEvent>,
}

impl Reconciler {
    /// Without runs.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            next_run: 0,
            opened: BTreeMap::new(),
            answered: BTreeMap::new(),
            opens: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Starts a run over `items`, the first [`crate::limits::RECONCILE_SET_MAX`] of them.
    ///
    /// Returns `false` when the limits of `REC-07` are reached or a run of ours over this set is
    /// going on already.
    pub fn open(
        &mut self,
        now: Instant,
        link: LinkId,
        label: Label,
        items: &[Item],
        rng: &mut NodeRng,
    ) -> bool {
        let runs = self.opened.range((link, 0)..=(link, u32::MAX)).count();
        if runs >= RECONCILE_RUNS_PER_LINK_MAX
            || self.is_running(link, label)
            || !self.make_room(now, link)
        {
            return false;
        }
        let number = self.next_run;
        self.next_run = self.next_run.wrapping_add(1);
        let nonce = rng.array();
        let run = OpenedRun::new(label, nonce, Set::new(&nonce, items), now, repeat_at(now, 0));
        self.queue(link, &run.open_message(number));
        self.opened.insert((link, number), run);
        true
    }

    /// Whether a run of ours over this set is going on.
    pub fn is_running(&self, link: LinkId, label: Label) -> bool {
        let of_link = self.opened.range((link, 0)..=(link, u32::MAX));
        of_link.map(|(_, run)| run.label).any(|running| running == label)
    }

    /// Takes the body of a reconciliation frame of this scope (scope byte included).
    ///
    /// `shared` gives our items of a set that this neighbour may reconcile, or `None`: it is asked
    /// before anything about the set is said.
    ///
    /// # Errors
    /// Malformed messages, and rounds that make no sense or never end (the run is over then).
    pub fn on_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        shared: impl FnOnce(Label) -> Option<Vec<Item>>,
    ) -> Result<(), Error> {
        let message = Message::read(body.get(1..).unwrap_or_default())?;
        match message {
            Message::Open { run, label, nonce, items, digest } => {
                let theirs = (items as usize, digest);
                return self.on_open(now, (link, run), label, &nonce, theirs, shared);
            }
            Message::Lead { run, round, bytes } => {
                return self.on_lead(now, (link, run), round, bytes);
            }
            Message::Reply { run, round, bytes } => {
                return self.on_reply(now, (link, run), round, bytes);
            }
            Message::Want { run, round, last, ids } => {
                return self.on_want(now, (link, run), round, last, ids);
            }
            Message::Taken { run, round } => self.on_taken(now, (link, run), round),
            Message::Answer { run, refused } => {
                let end = if refused { End::Refused } else { End::Equal };
                self.end_opened((link, run), end);
            }
            Message::Closed { run } => self.end_answered((link, run), End::Reconciled),
        }
        Ok(())
    }

    /// Ends the runs of a link that is gone; nothing is reported.
    pub fn on_link_down(&mut self, link: LinkId) {
        self.opened.retain(|(of, _), _| *of != link);
        self.answered.retain(|(of, _), _| *of != link);
        self.opens.remove(&link);
        self.outgoing.remove(&link);
    }

    /// Whether [`Self::poll_frame`] has something for this link.
    pub fn has_output(&self, link: LinkId) -> bool {
        self.outgoing.contains_key(&link)
    }

    /// Appends the next complete frame for this link.
    pub fn poll_frame(&mut self, link: LinkId, buf: &mut Vec<u8>) -> bool {
        let Some(queue) = self.outgoing.get_mut(&link) else {
            return false;
        };
        let frame = queue.pop_front();
        if queue.is_empty() {
            self.outgoing.remove(&link);
        }
        let Some(frame) = frame else { return false };
        buf.extend_from_slice(&frame);
        true
    }

    /// What the runs found out.
    pub fn poll_event(&mut self) -> Option<RunEvent> {
        self.events.pop_front()
    }

    /// Repeats what got no answer, and gives up where that did not help.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |deadline: Instant| deadline <= now;
        let opened: Vec<_> =
            self.opened.iter().filter(|(_, run)| due(run.deadline)).map(|(key, _)| *key).collect();
        for key in opened {
            self.repeat_opened(now, key);
        }
        let answered: Vec<_> = self
            .answered
            .iter()
            .filter(|(_, run)| due(run.deadline))
            .map(|(key, _)| *key)
            .collect();
        for key in answered {
            self.repeat_answered(now, key);
        }
    }

    /// When [`Self::handle_timeout`] has something to do; `None` without runs.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let opened = self.opened.values().map(|run| run.deadline);
        let answered = self.answered.values().map(|run| run.deadline);
        opened.chain(answered).min()
    }

    /// Runs going on.
    pub fn len(&self) -> usize {
        self.opened.len() + self.answered.len()
    }

    /// Whether no run is going on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn on_open(
        &mut self,
        now: Instant,
        key: (LinkId, u32),
        label: Label,
        nonce: &[u8; 16],
        (their_items, their_digest): (usize, [u8; 16]),
        shared: impl FnOnce(Label) -> Option<Vec<Item>>,
    ) -> Result<(), Error> {
        let (link, number) = key;
        if self.answered.contains_key(&key) {
            return Ok(());
        }
        let opens = self
            .opens
            .entry(link)
            .or_insert_with(|| TokenBucket::new(now, RECONCILE_OPENS_PER_S, RECONCILE_OPENS_BURST));
        if !opens.take(now, 1) {
            // An honest neighbour with many sets may get here; it tries again.
            self.queue(link, &Message::Answer { run: number, refused: true });
            return Ok(());
        }
        let Some(items) = shared(label) else {
            self.queue(link, &Message::Answer { run: number, refused: true });
            return Ok(());
        };
        let set = Set::new(nonce, &items);
        if set.len() == their_items && set.digest() == their_digest {
            self.queue(link, &Message::Answer { run: number, refused: false });
            self.report_end(link, label, End::Equal);
            return Ok(());
        }
        let runs = self.answered.range((link, 0)..=(link, u32::MAX)).count();
        if runs >= RECONCILE_RUNS_PER_LINK_MAX || !self.make_room(now, link) {
            self.queue(link, &Message::Answer { run: number, refused: true });
            return Ok(());
        }
        let run = AnsweredRun::new(label, set, their_items, now, repeat_at(now, 0));
        self.answered.insert(key, run);
        self.send_answered(key);
        Ok(())
    }

    fn on_lead(
        &mut self,
        now: Instant,
        key: (LinkId, u32),
        round: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let (link, number) = key;
        let Some(run) = self.opened.get_mut(&key) else {
            self.queue(link, &Message::Closed { run: number });
            return Ok(());
        };
        match run.on_lead(bytes) {
            Ok(reply) => {
                // The opener is patient: repeating is the answerer's part now.
                run.heard_at = now;
                run.deadline = patience(now);
                self.queue(link, &Message::Reply { run: number, round, bytes: &reply });
                Ok(())
            }
            Err(error) => {
                self.end_opened(key, End::Failed);
                Err(error)
            }
        }
    }

    fn on_want(
        &mut self,
        now: Instant,
        key: (LinkId, u32),
        round: u32,
        last: bool,
        ids: &[u8],
    ) -> Result<(), Error> {
        let (link, number) = key;
        let Some(run) = self.opened.get_mut(&key) else {
            self.queue(link, &Message::Closed { run: number });
            return Ok(());
        };
        run.heard_at = now;
        run.deadline = patience(now);
        let label = run.label;
        match run.on_want(round, last, ids) {
            Ok(Wanted::All(ids)) => {
                if !ids.is_empty() {
                    self.events.push_back(RunEvent::Missing { link, label, ids });
                }
                self.queue(link, &Message::Taken { run: number, round });
                self.end_opened(key, End::Reconciled);
            }
            Ok(Wanted::Part) => self.queue(link, &Message::Taken { run: number, round }),
            Ok(Wanted::Ignored) => {}
            Err(error) => {
                self.end_opened(key, End::Failed);
                return Err(error);
            }
        }
        Ok(())
    }

    fn on_reply(
        &mut self,
        now: Instant,
        key: (LinkId, u32),
        round: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let Some(run) = self.answered.get_mut(&key) else {
            return Ok(());
        };
        match run.on_reply(round, bytes) {
            Ok(step) => {
                self.advance(now, key, step);
                Ok(())
            }
            Err(error) => {
                self.end_answered(key, End::Failed);
                Err(error)
            }
        }
    }

    fn on_taken(&mut self, now: Instant, key: (LinkId, u32), round: u32) {
        let Some(run) = self.answered.get_mut(&key) else {
            return;
        };
        let step = run.on_taken(round);
        self.advance(now, key, step);
    }

    fn advance(&mut self, now: Instant, key: (LinkId, u32), step: Step) {
        match step {
            Step::Ignored => return,
            Step::Complete => return self.end_answered(key, End::Reconciled),
            Step::Send => {}
            Step::Differences(ids) => {
                let label = self.answered[&key].label;
                if !ids.is_empty() {
                    self.events.push_back(RunEvent::Missing { link: key.0, label, ids });
                }
            }
        }
        let run = self.answered.get_mut(&key).expect("the step came from this run");
        run.repeats = 0;
        run.heard_at = now;
        run.deadline = repeat_at(now, 0);
        self.send_answered(key);
    }

    fn repeat_opened(&mut self, now: Instant, key: (LinkId, u32)) {
        let run = self.opened.get_mut(&key).expect("the key was just listed");
        if run.heard || run.repeats >= RECONCILE_REPEATS_MAX {
            return self.end_opened(key, End::Failed);
        }
        run.repeats += 1;
        run.deadline = repeat_at(now, run.repeats);
        let message = run.open_message(key.1);
        self.queue(key.0, &message);
    }

    fn repeat_answered(&mut self, now: Instant, key: (LinkId, u32)) {
        let run = self.answered.get_mut(&key).expect("the key was just listed");
        if run.repeats >= RECONCILE_REPEATS_MAX {
            return self.end_answered(key, End::Failed);
        }
        run.repeats += 1;
        run.deadline = repeat_at(now, run.repeats);
        self.send_answered(key);
    }

    fn send_answered(&mut self, key: (LinkId, u32)) {
        let mut frame = Vec::new();
        self.answered[&key].message(key.1).write(self.scope, &mut frame);
        self.queue_frame(key.0, frame);
    }

    fn queue(&mut self, link: LinkId, message: &Message<'_>) {
        let mut frame = Vec::new();
        message.write(self.scope, &mut frame);
        self.queue_frame(link, frame);
    }

    /// What does not fit is as good as lost on the way: it is repeated.
    fn queue_frame(&mut self, link: LinkId, frame: Vec<u8>) {
        let queue = self.outgoing.entry(link).or_default();
        if queue.len() < RECONCILE_OUTGOING_MAX {
            queue.push_back(frame);
        }
    }

    fn end_opened(&mut self, key: (LinkId, u32), end: End) {
        if let Some(run) = self.opened.remove(&key) {
            self.report_end(key.0, run.label, end);
        }
    }

    fn end_answered(&mut self, key: (LinkId, u32), end: End) {
        if let Some(run) = self.answered.remove(&key) {
            self.report_end(key.0, run.label, end);
        }
    }

    fn report_end(&mut self, link: LinkId, label: Label, end: End) {
        self.events.push_back(RunEvent::Ended { link, label, end });
    }

    /// Room for one more run with this link (`REC-15`). When there is none, the run that has been
    /// silent longest ends; when all of them talk, one of a link that has more than its share.
    fn make_room(&mut self, now: Instant, link: LinkId) -> bool {
        if self.len() < RECONCILE_RUNS_MAX {
            return true;
        }
        let is_silent = |run: &Slot| now.saturating_since(run.heard_at) >= RECONCILE_REPEAT_AFTER;
        let silent = self.slots().filter(is_silent).min();
        let Some(victim) = silent.or_else(|| self.slot_of_greediest(link)) else { return false };
        if victim.opened {
            self.end_opened(victim.key, End::Failed);
        } else {
            self.end_answered(victim.key, End::Failed);
        }
        true
    }

    /// The longest silent run of the link with most runs, if that has two more than `link`.
    fn slot_of_greediest(&self, link: LinkId) -> Option<Slot> {
        let mut counts: BTreeMap<LinkId, usize> = BTreeMap::new();
        for slot in self.slots() {
            *counts.entry(slot.key.0).or_default() += 1;
        }
        let ours = counts.get(&link).copied().unwrap_or(0);
        let (greediest, most) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let of_greediest = self.slots().filter(|slot| slot.key.0 == greediest);
        if most > ours + 1 { of_greediest.min() } else { None }
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        let opened = self.opened.iter().map(|(key, run)| (run.heard_at, true, *key));
        let answered = self.answered.iter().map(|(key, run)| (run.heard_at, false, *key));
        opened.chain(answered).map(|(heard_at, opened, key)| Slot { heard_at, opened, key })
    }
}

/// One of the runs, ordered by how long it has been silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    heard_at: Instant,
    opened: bool,
    key: (LinkId, u32),
}

impl core::fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reconciler({:?}, {} runs)", self.scope, self.len())
    }
}

/// The next repeat: twice as long as the one before.
fn repeat_at(now: Instant, repeats: u32) -> Instant {
    now + RECONCILE_REPEAT_AFTER * (1 << repeats.min(RECONCILE_REPEATS_MAX))
}

/// The answerer has given up by then: the sum of all its pauses is twice its last one.
fn patience(now: Instant) -> Instant {
    repeat_at(now, RECONCILE_REPEATS_MAX) + Duration::from_secs(1)
}
