//! The ledger as bytes, and what a clock says about them (`AIR-25` … `AIR-27`).

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt, time::Duration};

use mesh::Instant;
use sha2::{Digest, Sha256};

use super::ledger::{Account, CHARGES_MAX, Charge, HELD_BACK, HOUR, Ledger, Writing};

/// When a book was written, in the machine's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Names the start of the machine: random, new with each.
    pub machine_start: [u8; 16],
    /// Time since then, counted through sleep.
    pub since_start: Duration,
    /// The wall clock, if anybody knows.
    pub unix_secs: Option<u64>,
}

impl Stamp {
    /// The time that certainly passed from `self` to `now`; `None` when nobody can tell (`AIR-25`).
    fn until(&self, now: &Self) -> Option<Duration> {
        if self.machine_start == now.machine_start && self.machine_start != [0; 16] {
            return now.since_start.checked_sub(self.since_start);
        }
        let passed = now.unix_secs?.checked_sub(self.unix_secs?)?;
        // Both were rounded down.
        Some(Duration::from_secs(passed.saturating_sub(1)))
    }
}

/// Puts a ledger together for the disk; [`Ledger::written`] says that it is there.
pub fn encode(ledger: &mut Ledger, now: Instant, stamp: &Stamp) -> (Writing, Vec<u8>) {
    let writing = ledger.begin_writing(now);
    let mut out = Vec::with_capacity(512);
    out.extend(MAGIC);
    out.extend(stamp.machine_start);
    out.extend(micros(stamp.since_start).to_le_bytes());
    out.extend(stamp.unix_secs.unwrap_or(0).to_le_bytes());
    // What is beyond the bound is what nobody has sent in for the longest time, or nothing.
    let accounts =
        ledger.accounts.iter().filter(|(_, account)| !account.is_blank()).take(ACCOUNTS_MAX);
    let count = accounts.clone().count();
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
    for (name, account) in accounts {
        encode_account(name, account, now, &mut out);
    }
    let sum = Sha256::digest(&out);
    out.extend(&sum[..SUM_LEN]);
    (writing, out)
}

fn encode_account(name: &str, account: &Account, now: Instant, out: &mut Vec<u8>) {
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend(name.as_bytes());
    out.extend(account.share_us.to_le_bytes());
    out.extend(account.pending_us().to_le_bytes());
    out.push(u8::try_from(account.charges.len()).unwrap_or(u8::MAX));
    for charge in &account.charges {
        out.extend(micros(charge.until.saturating_since(now)).to_le_bytes());
        out.extend(charge.air_us.to_le_bytes());
    }
}

impl Account {
    /// Nothing in it that the future would want to know.
    fn is_blank(&self) -> bool {
        self.charges.is_empty() && self.pending_us() == 0
    }
}

/// The ledger that was kept, as of `now`. Whatever is wrong with it, there is one: used up then,
/// and the reason beside it.
pub fn restore(bytes: &[u8], now: Instant, stamp: &Stamp) -> (Ledger, Option<Lost>) {
    match decode(bytes, now, stamp) {
        Ok(ledger) => (ledger, None),
        Err(lost) => (Ledger::lost(now), Some(lost)),
    }
}

fn decode(bytes: &[u8], now: Instant, stamp: &Stamp) -> Result<Ledger, Lost> {
    let (body, sum) =
        bytes.split_at_checked(bytes.len().saturating_sub(SUM_LEN)).ok_or(Lost::Damaged)?;
    if bytes.len() > BYTES_MAX || Sha256::digest(body)[..SUM_LEN] != *sum {
        return Err(Lost::Damaged);
    }
    let mut reader = Reader(body);
    if reader.array()? != MAGIC {
        return Err(Lost::Version);
    }
    let then = Stamp {
        machine_start: reader.array()?,
        since_start: Duration::from_micros(reader.u64()?),
        unix_secs: Some(reader.u64()?).filter(|secs| *secs != 0),
    };
    let mut ledger = Ledger::new();
    let count = reader.byte()?;
    if count == 0 && reader.0.is_empty() {
        // Nothing was sent for an hour before it was written, however long ago that is.
        return Ok(ledger);
    }
    let passed = then.until(stamp).ok_or(Lost::Clock)?;
    if usize::from(count) > ACCOUNTS_MAX {
        return Err(Lost::Damaged);
    }
    for _ in 0..count {
        let (name, account) = decode_account(&mut reader, now, passed)?;
        ledger.accounts.insert(name, account);
    }
    if reader.0.is_empty() { Ok(ledger) } else { Err(Lost::Damaged) }
}

fn decode_account(
    reader: &mut Reader<'_>,
    now: Instant,
    passed: Duration,
) -> Result<(String, Account), Lost> {
    let len = reader.byte()?;
    let name = core::str::from_utf8(reader.take(len.into())?).map_err(|_| Lost::Damaged)?;
    let mut account = Account::new(reader.u64()?);
    let reserve_us = reader.u64()?;
    let count = reader.byte()?;
    if usize::from(count) > CHARGES_MAX {
        return Err(Lost::Damaged);
    }
    for _ in 0..count {
        let left = Duration::from_micros(reader.u64()?);
        let air_us = reader.u64()?;
        if left > HOUR + HELD_BACK + HELD_BACK {
            return Err(Lost::Damaged);
        }
        if let Some(left) = left.checked_sub(passed).filter(|left| !left.is_zero()) {
            account.insert(Charge { until: now + left, air_us });
        }
    }
    if reserve_us > 0 {
        // Whatever of it was sent, it was before now.
        account.charge(now, reserve_us);
    }
    Ok((name.to_owned(), account))
}

/// Why the past is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There is no file, in a node that had one.
    Missing,
    /// Not what was written.
    Damaged,
    /// Written by another version.
    Version,
    /// Nobody knows how long ago it was written.
    Clock,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the record of air time is missing",
            Self::Damaged => "the record of air time is damaged",
            Self::Version => "the record of air time is of another version",
            Self::Clock => "the clock does not say how old the record of air time is",
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Lost> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(Lost::Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Lost> {
        self.take(N)?.try_into().map_err(|_| Lost::Damaged)
    }

    fn byte(&mut self) -> Result<u8, Lost> {
        self.array().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Result<u64, Lost> {
        self.array().map(u64::from_le_bytes)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

const MAGIC: [u8; 8] = *b"QPCAT\0\x01\n";

const SUM_LEN: usize = 8;

/// Regions have seven sub-bands at most; a node that moves through all of them has fewer than that.
const ACCOUNTS_MAX: usize = 32;

/// Thirty-two accounts with names of 255 bytes and 64 charges each: 41,096 and the frame around.
const BYTES_MAX: usize = 48 * 1_024;
