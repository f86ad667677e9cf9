//! When a message of ours is due: its next try, and the end of its life.

use super::{IN_FLIGHT_BYTES_MIN, Kind, Outbox};
use crate::{
    address::Address, envelope::MessageId, event::FailReason, link::LinkId, time::Instant,
    view::TryResult,
};

impl Outbox {
    pub(super) fn set_timer(&mut self, id: MessageId, at: Instant) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        if let Some(before) = message.next_try.replace(at) {
            self.timers.remove(&(before, id));
        }
        self.timers.insert((at, id));
    }

    /// Takes the next message whose time-out or pause is over. A flight that ends here is told.
    pub(in crate::node) fn pop_timer(&mut self, now: Instant) -> Option<TimedOut> {
        let &(at, id) = self.timers.first()?;
        if at > now {
            return None;
        }
        self.timers.pop_first();
        let message = self.messages.get_mut(&id)?;
        message.next_try = None;
        let to = message.to;
        let Some(flight) = message.flight else {
            self.make_ready(id);
            return Some(TimedOut { to, lost_on: None, kept_on: None });
        };
        message.repeats += u32::from(flight.custody);
        if !flight.custody
            && let Some(dest) = self.dests.get_mut(&to)
            && now.saturating_since(dest.shrunk_at) >= dest.rto()
        {
            dest.window_bytes = (dest.window_bytes / 2).max(IN_FLIGHT_BYTES_MIN);
            dest.shrunk_at = now;
        }
        self.abort_flight(now, id, TryResult::TimedOut, None);
        let (lost_on, kept_on) =
            if flight.custody { (None, flight.link) } else { (flight.link, None) };
        Some(TimedOut { to, lost_on, kept_on })
    }

    /// Takes the next message whose life is over.
    pub(in crate::node) fn pop_expired(
        &mut self,
        now: Instant,
    ) -> Option<(MessageId, Kind, FailReason)> {
        let &(at, id) = self.expiries.first()?;
        if at > now {
            return None;
        }
        let message = self.messages.get(&id)?;
        let (durable, kind) = (message.options.durable, message.kind);
        self.fail(now, id);
        Some((id, kind, if durable { FailReason::Expired } else { FailReason::Unreachable }))
    }

    pub(in crate::node) fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|&(at, _)| at);
        let expiry = self.expiries.first().map(|&(at, _)| at);
        let departed = self.departed.front().map(|&(at, _)| at);
        timer.into_iter().chain(expiry).chain(departed).min()
    }
}

/// What [`Outbox::pop_timer`] found.
#[derive(Clone, Copy, Debug)]
pub(in crate::node) struct TimedOut {
    pub(in crate::node) to: Address,
    /// The link by which a try went that was not answered.
    pub(in crate::node) lost_on: Option<LinkId>,
    /// The link to the neighbour that keeps it, as it says, and whose receipt is overdue.
    pub(in crate::node) kept_on: Option<LinkId>,
}
