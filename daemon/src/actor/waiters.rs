//! Who waits for what: acceptance, a final state, a pong, a hop.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mesh::{Address, Event, Medium, MessageId, event::FailReason};
use tokio::sync::oneshot;

/// The end of a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {
    /// The recipient's receipt is here.
    Received,
    /// It will not be tried again.
    Failed(FailReason),
}

/// The answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Round trip.
    pub rtt: Duration,
}

/// The answer to a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Which hop answered.
    pub ttl: u8,
    /// Who it is.
    pub address: Address,
    /// Over what it is reached from the node before it.
    pub medium: Option<Medium>,
    /// Round trip.
    pub rtt: Duration,
    /// Whether the way ends there.
    pub end: Option<bool>,
}

/// Everybody who waits for something that the core will say later.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    next_token: u64,
    accepting: BTreeMap<MessageId, u64>,
    batches: BTreeMap<u64, Batch>,
    finals: BTreeMap<MessageId, Vec<oneshot::Sender<Final>>>,
    pongs: BTreeMap<u64, oneshot::Sender<Pong>>,
    hops: BTreeMap<u64, oneshot::Sender<Hop>>,
    ended: BTreeMap<MessageId, Final>,
    ended_order: VecDeque<MessageId>,
}

#[derive(Debug)]
struct Batch {
    left: usize,
    failed: Option<FailReason>,
    done: Option<oneshot::Sender<Result<(), FailReason>>>,
}

impl Waiters {
    /// Waits until all of `ids` are accepted, or one of them fails.
    pub(super) fn accepted(
        &mut self,
        ids: &[MessageId],
    ) -> oneshot::Receiver<Result<(), FailReason>> {
        let (done, wait) = oneshot::channel();
        if ids.is_empty() {
            let _ = done.send(Ok(()));
            return wait;
        }
        let batch = self.token();
        self.accepting.extend(ids.iter().map(|id| (*id, batch)));
        self.batches.insert(batch, Batch { left: ids.len(), failed: None, done: Some(done) });
        wait
    }

    /// Waits for the end of a message's way.
    pub(super) fn ended(&mut self, id: MessageId) -> oneshot::Receiver<Final> {
        let (done, wait) = oneshot::channel();
        self.finals.entry(id).or_default().push(done);
        wait
    }

    /// How a message ended that the core no longer knows.
    pub(super) fn end_of(&self, id: &MessageId) -> Option<Final> {
        self.ended.get(id).copied()
    }

    pub(super) fn pong(&mut self) -> (u64, oneshot::Receiver<Pong>) {
        let (done, wait) = oneshot::channel();
        let token = self.token();
        self.pongs.insert(token, done);
        (token, wait)
    }

    pub(super) fn hop(&mut self) -> (u64, oneshot::Receiver<Hop>) {
        let (done, wait) = oneshot::channel();
        let token = self.token();
        self.hops.insert(token, done);
        (token, wait)
    }

    /// Whether one more may wait for an answer.
    pub(super) fn has_room(&self) -> bool {
        self.pongs.len() + self.hops.len() + self.finals.len() < WAITING_MAX
    }

    pub(super) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Accepted { id } => self.accept(id, None),
            Event::Received { id, .. } => self.end(*id, Final::Received),
            Event::Failed { id, reason } => {
                self.accept(id, Some(*reason));
                self.end(*id, Final::Failed(*reason));
            }
            Event::Pong { token, rtt, .. } => {
                if let Some(waiter) = self.pongs.remove(token) {
                    let _ = waiter.send(Pong { rtt: *rtt });
                }
            }
            Event::Hop { token, ttl, address, medium, rtt, end, .. } => {
                if let Some(waiter) = self.hops.remove(token) {
                    let (ttl, address, medium) = (*ttl, *address, *medium);
                    let _ = waiter.send(Hop { ttl, address, medium, rtt: *rtt, end: *end });
                }
            }
            _ => {}
        }
    }

    /// Forgets those whose askers gave up.
    pub(super) fn forget_gone(&mut self) {
        self.pongs.retain(|_, waiter| !waiter.is_closed());
        self.hops.retain(|_, waiter| !waiter.is_closed());
        self.finals.retain(|_, waiters| {
            waiters.retain(|waiter| !waiter.is_closed());
            !waiters.is_empty()
        });
    }

    fn accept(&mut self, id: &MessageId, failed: Option<FailReason>) {
        let Some(number) = self.accepting.remove(id) else { return };
        let Some(batch) = self.batches.get_mut(&number) else { return };
        batch.left -= 1;
        batch.failed = batch.failed.or(failed);
        if batch.left == 0 {
            if let Some(done) = batch.done.take() {
                let _ = done.send(batch.failed.map_or(Ok(()), Err));
            }
            self.batches.remove(&number);
        }
    }

    fn end(&mut self, id: MessageId, end: Final) {
        for waiter in self.finals.remove(&id).unwrap_or_default() {
            let _ = waiter.send(end);
        }
        if self.ended.insert(id, end).is_none() {
            self.ended_order.push_back(id);
        }
        if self.ended_order.len() > ENDED_MAX
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }
}

/// Pings, traces and waits that may be open at once, some 100 bytes each.
const WAITING_MAX: usize = 16_384;

/// Ends remembered for those who ask late, some 60 bytes each.
const ENDED_MAX: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId([n; 16])
    }

    #[test]
    fn a_batch_is_accepted_when_its_last_message_is() {
        let mut waiters = Waiters::default();
        let mut wait = waiters.accepted(&[id(1), id(2)]);
        waiters.on_event(&Event::Accepted { id: id(2) });
        assert!(wait.try_recv().is_err());
        waiters.on_event(&Event::Accepted { id: id(1) });
        assert_eq!(wait.try_recv(), Ok(Ok(())));
        assert!(waiters.accepting.is_empty() && waiters.batches.is_empty());
    }

    #[test]
    fn failure_before_acceptance_is_told() {
        let mut waiters = Waiters::default();
        let mut wait = waiters.accepted(&[id(1)]);
        waiters.on_event(&Event::Failed { id: id(1), reason: FailReason::Cancelled });
        assert_eq!(wait.try_recv(), Ok(Err(FailReason::Cancelled)));
        assert_eq!(waiters.end_of(&id(1)), Some(Final::Failed(FailReason::Cancelled)));
    }

    #[test]
    fn those_who_gave_up_are_forgotten() {
        let mut waiters = Waiters::default();
        drop(waiters.pong());
        drop(waiters.ended(id(1)));
        waiters.forget_gone();
        assert!(waiters.pongs.is_empty() && waiters.finals.is_empty());
    }
}
