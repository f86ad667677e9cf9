//! How much of the last hour was sent, and whether more may be (`AIR-20` … `AIR-24`).
//!
//! Pure: time comes in with every call, and what is to be kept goes out as bytes ([`super::book`]).
//! Nothing here is ever generous: a charge counts longer than an hour, what was reserved and
//! perhaps not sent counts as sent, and what is not known was used.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, VecDeque},
    string::String,
};
use core::time::Duration;

use mesh::{Instant, radio::AirClass};

/// All accounts of a node: one for each sub-band it ever sent in (`AIR-20`).
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub(super) accounts: BTreeMap<String, Account>,
    /// When the past was lost: accounts that are opened later begin with it.
    pub(super) lost_at: Option<Instant>,
    /// The last writing that was asked for.
    writing: u32,
}

/// The hour of one sub-band.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) share_us: u64,
    /// What was charged and when it ends to count, oldest first; at most [`CHARGES_MAX`].
    pub(super) charges: VecDeque<Charge>,
    /// What the disk has as sent in advance and was not charged yet.
    pub(super) reserve_us: u64,
    pending: Option<Pending>,
    wants_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) until: Instant,
    pub(super) air_us: u64,
}

/// A writing on its way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    writing: u32,
    reserve_us: u64,
    /// Charged since it was put together, and so not in it.
    charged_us: u64,
}

/// Whether a transmission may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes: charge it and hand it over.
    Now,
    /// After the ledger was written, see [`Ledger::reserve`].
    AfterWriting,
    /// Then, if nothing else is sent before.
    At(Instant),
    /// It is longer than what this class ever gets.
    Never,
}

/// What an account says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What counts at present.
    pub used_us: u64,
    /// What may count.
    pub share_us: u64,
}

/// Names a writing of the ledger until it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing(pub(super) u32);

impl Ledger {
    /// The ledger of a node that is made in this moment: nothing was ever sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// What conversations may use of a share (`AIR-22`).
    pub const fn for_conversation_us(share_us: u64) -> u64 {
        share_us / 100 * CONVERSATION_PERCENT
    }

    /// A ledger whose past is lost: every account begins used up (`AIR-26`).
    pub fn lost(now: Instant) -> Self {
        Self { lost_at: Some(now), ..Self::default() }
    }

    /// Makes sure that there is an account. `share_us` of every hour is what the sub-band allows.
    pub fn open(&mut self, name: &str, share_us: u64) {
        if let Some(account) = self.accounts.get_mut(name) {
            account.share_us = share_us;
            return;
        }
        let mut account = Account::new(share_us);
        if let Some(lost_at) = self.lost_at {
            account.charge(lost_at, share_us);
        }
        self.accounts.insert(name.to_owned(), account);
    }

    /// Whether a transmission of `air_us` may begin `now`. Sub-bands without an account are those
    /// where nobody counts.
    pub fn ask(&self, now: Instant, name: &str, class: AirClass, air_us: u64) -> Verdict {
        let Some(account) = self.accounts.get(name) else { return Verdict::Now };
        match account.room_at(now, account.limit_us(class), air_us) {
            None => Verdict::Never,
            Some(at) if at > now => Verdict::At(at),
            Some(_) if account.reserve_us < air_us => Verdict::AfterWriting,
            Some(_) => Verdict::Now,
        }
    }

    /// In what time a transmission of `air_us` may begin, if nothing else is sent before
    /// (`AIR-29`).
    pub fn wait(&self, now: Instant, name: &str, class: AirClass, air_us: u64) -> Duration {
        match self.ask(now, name, class, air_us) {
            Verdict::Now | Verdict::AfterWriting => Duration::ZERO,
            Verdict::At(then) => then.saturating_since(now),
            Verdict::Never => HOUR,
        }
    }

    /// A transmission is handed over (`AIR-21`). It counts even if nobody asked.
    pub fn charge(&mut self, now: Instant, name: &str, air_us: u64) {
        if let Some(account) = self.accounts.get_mut(name) {
            account.forget_past(now);
            account.charge(now, air_us);
            account.reserve_us = account.reserve_us.saturating_sub(air_us);
            if let Some(pending) = &mut account.pending {
                pending.charged_us = pending.charged_us.saturating_add(air_us);
            }
        }
    }

    /// Wants the next writing to have room in advance for `air_us` and some more (`AIR-24`).
    pub fn reserve(&mut self, name: &str, air_us: u64) {
        if let Some(account) = self.accounts.get_mut(name) {
            account.wants_us =
                account.wants_us.max(air_us).max(account.share_us / RESERVES_PER_SHARE);
        }
    }

    /// What one account says.
    pub fn balance(&self, now: Instant, name: &str) -> Option<Balance> {
        let account = self.accounts.get(name)?;
        let used_us = account.used_us(now);
        Some(Balance { used_us, share_us: account.share_us })
    }

    /// Begins a writing: [`super::book::encode`] puts together what [`Account::reserve_us`] says.
    pub(super) fn begin_writing(&mut self, now: Instant) -> Writing {
        self.writing = self.writing.wrapping_add(1);
        for account in self.accounts.values_mut() {
            account.forget_past(now);
            let reserve_us = account.reserve_us.max(core::mem::take(&mut account.wants_us));
            account.pending = Some(Pending { writing: self.writing, reserve_us, charged_us: 0 });
        }
        Writing(self.writing)
    }

    /// A writing is on disk: what it had in advance may be sent.
    pub fn written(&mut self, writing: Writing) {
        for account in self.accounts.values_mut() {
            if let Some(pending) = account.pending.take_if(|pending| pending.writing == writing.0) {
                account.reserve_us = pending.reserve_us.saturating_sub(pending.charged_us);
            }
        }
    }

    /// Whether a writing is on its way.
    pub fn is_writing(&self) -> bool {
        self.accounts.values().any(|account| account.pending.is_some())
    }

    /// A writing failed: what the disk has is what it had.
    pub fn not_written(&mut self) {
        for account in self.accounts.values_mut() {
            account.pending = None;
        }
    }

    /// Gives back what was reserved and not used: the last writing of a node that stops.
    pub fn give_back(&mut self) {
        for account in self.accounts.values_mut() {
            (account.reserve_us, account.wants_us, account.pending) = (0, 0, None);
        }
    }
}

impl Account {
    /// An account that nothing was charged to.
    pub(super) fn new(share_us: u64) -> Self {
        Self { share_us, ..Self::default() }
    }

    /// What the writing that is being put together has in advance.
    pub(super) fn pending_us(&self) -> u64 {
        self.pending.map_or(self.reserve_us, |pending| pending.reserve_us)
    }

    pub(super) fn used_us(&self, now: Instant) -> u64 {
        self.charges
            .iter()
            .filter(|charge| charge.until > now)
            .fold(0, |sum, charge| charge.air_us.saturating_add(sum))
    }

    fn limit_us(&self, class: AirClass) -> u64 {
        let percent = match class {
            AirClass::Control => 100,
            AirClass::Conversation => CONVERSATION_PERCENT,
            AirClass::Broadcast => BROADCAST_PERCENT,
            AirClass::Bulk => BULK_PERCENT,
        };
        self.share_us / 100 * percent
    }

    /// When `air_us` more stay within `limit_us`, if nothing else is sent before.
    fn room_at(&self, now: Instant, limit_us: u64, air_us: u64) -> Option<Instant> {
        let room_us = limit_us.checked_sub(air_us)?;
        let mut used_us = self.used_us(now);
        if used_us <= room_us {
            return Some(now);
        }
        for charge in self.charges.iter().filter(|charge| charge.until > now) {
            used_us = used_us.saturating_sub(charge.air_us);
            if used_us <= room_us {
                return Some(charge.until);
            }
        }
        None
    }

    /// Charges of one minute are one entry, which counts until the last of them is old.
    pub(super) fn charge(&mut self, now: Instant, air_us: u64) {
        let minute_us = u64::try_from(MINUTE.as_micros()).unwrap_or(u64::MAX);
        let end = Instant::from_micros((now.as_micros() / minute_us + 1).saturating_mul(minute_us));
        self.insert(Charge { until: end + HOUR + HELD_BACK, air_us });
    }

    /// Keeps entries in order and their number bounded: two that become one count as long as the
    /// later of them.
    pub(super) fn insert(&mut self, new: Charge) {
        let at = self.charges.partition_point(|charge| charge.until < new.until);
        match self.charges.get_mut(at) {
            Some(charge) if charge.until == new.until => {
                charge.air_us = charge.air_us.saturating_add(new.air_us);
            }
            _ => self.charges.insert(at, new),
        }
        while self.charges.len() > CHARGES_MAX {
            let Some(first) = self.charges.pop_front() else { break };
            if let Some(next) = self.charges.front_mut() {
                next.air_us = next.air_us.saturating_add(first.air_us);
            }
        }
    }

    fn forget_past(&mut self, now: Instant) {
        while self.charges.front().is_some_and(|charge| charge.until <= now) {
            self.charges.pop_front();
        }
    }
}

/// The window that the law is about.
pub const HOUR: Duration = Duration::from_secs(3_600);

/// The grain of the account.
const MINUTE: Duration = Duration::from_secs(60);

/// How long a modem may hold a frame back after it was handed over, and a frame may last: on a
/// busy channel the contention window of stock firmware is below 5 s, the longest frame 15 s.
pub(super) const HELD_BACK: Duration = Duration::from_secs(60);

/// Entries of an account: the minutes of an hour and of what is added to it are 62.
pub(super) const CHARGES_MAX: usize = 64;

/// What bulk may use of the share (`AIR-22`).
const BULK_PERCENT: u64 = 60;

/// What broadcasts may use of the share.
const BROADCAST_PERCENT: u64 = 80;

/// What conversations may use of the share; the rest is for control and receipts.
const CONVERSATION_PERCENT: u64 = 95;

/// A reserve on disk is so much of the share: a node that uses all of it writes 60 times an hour.
const RESERVES_PER_SHARE: u64 = 60;
