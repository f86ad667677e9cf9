//! Makes any link a bad one, the same bad one every time: loss, duplicates, reordering, flipped
//! bits, delay and a bit rate, all decided by a seed.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use mesh::{Instant, LinkCaps, PublicIdentity};
use tokio::time::{Sleep, sleep_until};

use crate::link::{DownReason, Flow, Goodbye, Link, LinkPath, Receiving, Scratch, Sending};

/// How bad a link is. Shares are in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Share of frames that never arrive.
    pub loss_ppm: u32,
    /// Share of frames that arrive twice.
    pub duplicate_ppm: u32,
    /// Share of frames that arrive behind later ones.
    pub reorder_ppm: u32,
    /// Share of frames with one bit flipped.
    pub corrupt_ppm: u32,
    /// What every frame is late.
    pub delay: Duration,
    /// What a frame is late in addition, at most. Alone it does not reorder.
    pub jitter: Duration,
    /// Bit rate of the line; `None` for no limit.
    pub rate_bps: Option<u64>,
}

/// What an [`Impairment`] did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames dropped by chance.
    pub lost: u64,
    /// Frames delivered twice.
    pub duplicated: u64,
    /// Frames held back behind later ones.
    pub reordered: u64,
    /// Frames with a flipped bit.
    pub corrupted: u64,
    /// Frames dropped because the line's queue was full.
    pub overflowed: u64,
}

/// A bad line as a state machine: frames and time go in, frames come out later, or never
/// (`LNK-61`).
#[derive(Debug)]
pub struct Impairment {
    profile: Profile,
    random: SplitMix,
    /// Frames under way, by arrival; the counter keeps equal times in order.
    line: BTreeMap<(Instant, u64), Vec<u8>>,
    line_len: usize,
    sent: u64,
    /// When the line has sent what it was given.
    free_at: Instant,
    /// Arrival of the last frame that was not held back.
    last_arrival: Instant,
    faults: Faults,
}

impl Impairment {
    /// A line with this profile; equal seeds and equal input give equal output.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            random: SplitMix(seed),
            line: BTreeMap::new(),
            line_len: 0,
            sent: 0,
            free_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            faults: Faults::default(),
        }
    }

    /// What was done to the frames so far.
    pub const fn faults(&self) -> Faults {
        self.faults
    }

    /// A frame enters the line.
    pub fn push(&mut self, now: Instant, frame: &[u8]) {
        if self.line_len + frame.len() > LINE_LEN_MAX {
            self.faults.overflowed += 1;
            return;
        }
        let arrival = self.arrival(now, frame.len());
        if self.happens(self.profile.loss_ppm) {
            self.faults.lost += 1;
            return;
        }
        let mut frame = frame.to_vec();
        if self.happens(self.profile.corrupt_ppm) && !frame.is_empty() {
            self.faults.corrupted += 1;
            let bit = self.random.below(frame.len() as u64 * 8) as usize;
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        if self.happens(self.profile.duplicate_ppm) {
            self.faults.duplicated += 1;
            self.insert(arrival, frame.clone());
        }
        self.insert(arrival, frame);
    }

    /// The next frame that has arrived by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        let first = self.line.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let frame = first.remove();
        self.line_len -= frame.len();
        Some(frame)
    }

    /// When the next frame arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.line.first_key_value().map(|((at, _), _)| *at)
    }

    fn arrival(&mut self, now: Instant, len: usize) -> Instant {
        let start = now.max(self.free_at);
        self.free_at = start + self.time_on_line(len);
        let jitter_us = self.profile.jitter.as_micros() as u64;
        let late = self.profile.delay + Duration::from_micros(self.random.below(jitter_us + 1));
        let arrival = (self.free_at + late).max(self.last_arrival);
        if self.happens(self.profile.reorder_ppm) {
            self.faults.reordered += 1;
            return arrival + 2 * (self.profile.delay + self.profile.jitter) + HOLD_BACK;
        }
        self.last_arrival = arrival;
        arrival
    }

    fn time_on_line(&self, len: usize) -> Duration {
        let micros = |rate: u64| (len as u64 * 8_000_000).div_ceil(rate.max(1));
        Duration::from_micros(self.profile.rate_bps.map_or(0, micros))
    }

    fn insert(&mut self, arrival: Instant, frame: Vec<u8>) {
        self.line_len += frame.len();
        self.line.insert((arrival, self.sent), frame);
        self.sent += 1;
    }

    fn happens(&mut self, share_ppm: u32) -> bool {
        // Drawn even when it cannot happen: switching one fault off leaves the others in place.
        self.random.below(1_000_000) < u64::from(share_ppm)
    }
}

/// A link whose incoming frames pass an [`Impairment`].
pub struct ImpairedLink<L> {
    inner: L,
    incoming: Impairment,
    epoch: tokio::time::Instant,
    timer: Option<Pin<Box<Sleep>>>,
    end: Option<DownReason>,
}

impl<L: Link> ImpairedLink<L> {
    /// Impairs what `inner` receives. To impair both directions wrap both ends.
    pub fn new(inner: L, profile: Profile, seed: u64) -> Self {
        Self {
            inner,
            incoming: Impairment::new(profile, seed),
            epoch: tokio::time::Instant::now(),
            timer: None,
            end: None,
        }
    }

    /// What was done to the frames so far.
    pub const fn faults(&self) -> Faults {
        self.incoming.faults()
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.epoch.elapsed().as_micros() as u64)
    }

    /// Moves what the inner link has into the line.
    fn fetch(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Receiving {
        // With frames under way the timer brings us back here, so a line that is half full can
        // leave the rest with the inner link instead of dropping it.
        if self.end.is_some() || self.incoming.line_len > LINE_LEN_MAX / 2 {
            return Receiving::Waiting;
        }
        let now = self.now();
        let line = &mut self.incoming;
        let result = self.inner.receive(cx, scratch, &mut |frame| {
            line.push(now, frame);
            Flow::Continue
        });
        result.unwrap_or_else(|reason| {
            self.end = Some(reason);
            Receiving::Waiting
        })
    }

    /// Whether the next arrival is to be waited for; if so the timer wakes `cx`.
    fn is_waiting(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.incoming.poll_timeout() else { return true };
        let at = self.epoch + Duration::from_micros(at.as_micros());
        let timer = self.timer.insert(Box::pin(sleep_until(at)));
        timer.as_mut().poll(cx) == Poll::Pending
    }
}

impl<L: Link> Link for ImpairedLink<L> {
    fn caps(&self) -> LinkCaps {
        let profile = &self.incoming.profile;
        let loses = profile.loss_ppm > 0 || profile.corrupt_ppm > 0 || profile.rate_bps.is_some();
        let caps = self.inner.caps();
        LinkCaps {
            reliable: caps.reliable && !loses,
            bitrate_bps: profile.rate_bps.unwrap_or(caps.bitrate_bps),
            ..caps
        }
    }

    fn peer(&self) -> PublicIdentity {
        self.inner.peer()
    }

    fn path(&self) -> LinkPath {
        self.inner.path()
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let fetched = self.fetch(cx, scratch);
        loop {
            let now = self.now();
            while let Some(frame) = self.incoming.pop(now) {
                if each(&frame) == Flow::Pause {
                    return Ok(Receiving::Paused);
                }
            }
            if let (Some(reason), None) = (self.end, self.incoming.poll_timeout()) {
                return Err(reason);
            }
            if self.is_waiting(cx) {
                return Ok(fetched);
            }
        }
    }

    fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        self.inner.send(cx, scratch, pull)
    }

    fn say_goodbye(&mut self, reason: Goodbye) {
        self.inner.say_goodbye(reason);
    }
}

/// Steele, Lea and Flood's SplitMix64: eight bytes of state, good enough for dice, no more.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0. The bias is below 2⁻³² for the ends used here.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

/// What a line holds before it drops: a second at 8 Mbit/s.
const LINE_LEN_MAX: usize = 1 << 20;

/// What a reordered frame is held back beyond twice the delay.
const HOLD_BACK: Duration = Duration::from_millis(1);

#[cfg(test)]
#[path = "impaired_tests.rs"]
mod tests;
