//! What is remembered of one recipient: counters, window, round trips.

use alloc::collections::{BTreeSet, VecDeque};
use core::time::Duration;

use super::{IN_FLIGHT_BYTES_MAX, RTO_MAX, RTO_MIN};
use crate::{
    crypto::rng::NodeRng,
    envelope::{MessageId, Priority},
    time::Instant,
    view::WaitingFor,
};

/// First pause after a neighbour had no room.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is remembered of one recipient.
#[derive(Debug)]
pub(super) struct Dest {
    pub(super) lineage: u64,
    pub(super) next_counter: u64,
    pub(super) unsettled: BTreeSet<(u64, u64)>,
    pub(super) ready: [VecDeque<MessageId>; Priority::ALL.len()],
    /// Payload bytes without a receipt.
    pub(super) bytes: usize,
    /// Why what is ready cannot go.
    pub(super) blocked: Option<WaitingFor>,
    /// Set when a neighbour had no room for us: nothing leaves before.
    pub(super) paused_until: Option<Instant>,
    /// The last such pause; doubles until something gets through.
    pause: Duration,
    pub(super) in_flight: usize,
    pub(super) in_flight_bytes: usize,
    pub(super) window_bytes: usize,
    pub(super) shrunk_at: Instant,
    srtt: Option<Duration>,
    rttvar: Duration,
}

impl Dest {
    pub(super) fn new(rng: &mut NodeRng) -> Self {
        Self {
            lineage: rng.next_u64(),
            next_counter: 0,
            unsettled: BTreeSet::new(),
            ready: Default::default(),
            bytes: 0,
            blocked: None,
            paused_until: None,
            pause: Duration::ZERO,
            in_flight: 0,
            in_flight_bytes: 0,
            window_bytes: IN_FLIGHT_BYTES_MAX,
            shrunk_at: Instant::ZERO,
            srtt: None,
            rttvar: Duration::ZERO,
        }
    }

    pub(super) fn rto(&self) -> Duration {
        let measured = self.srtt.map_or(RTO_MIN, |srtt| srtt + 4 * self.rttvar);
        measured.clamp(RTO_MIN, RTO_MAX)
    }

    /// RFC 6298, section 2.
    pub(super) fn on_rtt(&mut self, rtt: Duration) {
        let Some(srtt) = self.srtt else {
            (self.srtt, self.rttvar) = (Some(rtt), rtt / 2);
            return;
        };
        self.rttvar = (self.rttvar * 3 + srtt.abs_diff(rtt)) / 4;
        self.srtt = Some((srtt * 7 + rtt) / 8);
    }

    /// A neighbour's store is full: how long nothing more is offered to it (`NODE-07`).
    pub(super) fn pause(&mut self, now: Instant) -> Instant {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return until;
        }
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        let until = now + self.pause;
        self.paused_until = Some(until);
        until
    }

    /// Something got through.
    pub(super) fn resume(&mut self) {
        (self.paused_until, self.pause) = (None, Duration::ZERO);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.unsettled.is_empty()
    }
}
