//! What survives a restart (`CH-13`, `CH-19`, `CH-28`).
//!
//! | table | key | value |
//! |---|---|---|
//! | channels | `c` ‖ id 16 | 1 ‖ secret 32 ‖ name |
//! | channels | `r` | number of the last run that published, u32 |
//! | channels | `s` ‖ id 16 ‖ sender 32 | counters shown, for messages no longer kept |
//! | history | `m` ‖ digest 32 | 1 ‖ handed u8 ‖ arrival u64 ‖ uptime s u64 ‖ body of the message |
//! | history | `m` ‖ digest 32 | 2 ‖ handed u8 ‖ arrival u64 ‖ uptime s u64 ‖ standing u8 ‖ channel 16 ‖ sender 32 ‖ lineage u64 ‖ body of a lite object |
//! | history | `t` | uptime clock |

use alloc::{collections::BTreeMap, vec::Vec};

use zeroize::Zeroizing;

use super::{
    ChannelId, Channels, Joined,
    carried::Carried,
    history::{Kept, ShownAs, Standing},
    invite,
    keys::ChannelKeys,
    lite::checkpoint_as,
    message::{Digest, Incoming, Opened},
    shown::Verdict,
    shown_as,
};
use crate::{
    address::Address,
    crypto::uptime::Uptime,
    error::{Error, Malformed},
    limits::CHANNELS_MAX,
    lite::group::LiteObject,
    record::{Record, Table},
    time::Instant,
    wire::{Reader, Writer},
};

const ROW_VERSION: u8 = 1;
const LITE_ROW_VERSION: u8 = 2;
const CHANNEL_ROW: u8 = b'c';
const RUN_ROW: &[u8] = b"r";
const SENDER_ROW: u8 = b's';
const MESSAGE_ROW: u8 = b'm';

impl Channels {
    /// Takes back a row of [`Table::Channels`] or [`Table::History`], the former first.
    ///
    /// # Errors
    /// A row that was not written by this machine, or belongs to a channel that is not there.
    /// Nothing is changed then (`CH-28`).
    pub fn restore(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match (table, key) {
            (Table::Channels, RUN_ROW) => self.restore_run(value),
            (Table::Channels, [CHANNEL_ROW, id @ ..]) => self.restore_channel(id, value),
            (Table::Channels, [SENDER_ROW, key @ ..]) => self.restore_sender(key, value),
            (Table::History, Uptime::ROW_KEY) => self.uptime.restore(value),
            (Table::History, [MESSAGE_ROW, digest @ ..]) => self.restore_message(digest, value),
            _ => Err(Malformed::OutOfRange("row key").into()),
        }
    }

    /// Ends restoring: the age of what was kept goes on from here.
    pub fn start(&mut self, now: Instant) {
        self.uptime.start(now);
        let uptime_s = self.uptime.seconds(now);
        let restored = core::mem::take(&mut self.restored);
        self.history.restart(now, |kept| {
            let written_s = restored.get(kept.message.digest()).copied().unwrap_or(uptime_s);
            let passed_ms = uptime_s.saturating_sub(written_s).saturating_mul(1_000);
            let age_ms = u64::from(kept.age_ms).saturating_add(passed_ms);
            u32::try_from(age_ms).unwrap_or(u32::MAX)
        });
        for joined in self.joined.values_mut() {
            let shown = &joined.shown;
            joined.lite.claims.retain(|(sender, lineage, counter)| {
                shown.check(sender, *lineage, *counter) != Verdict::Known
            });
            if !joined.lite.own.pending.is_empty() {
                // The last run ended before it signed for them.
                joined.lite.own.due = Some(now);
            }
        }
        self.expire(now);
    }

    /// Appends what changed. Rows of senders come before the deletions that need them.
    pub fn drain_records(&mut self, out: &mut Vec<Record>) {
        for (channel, sender) in core::mem::take(&mut self.dirty) {
            let Some(joined) = self.joined.get(&channel) else { continue };
            out.push(Record {
                table: Table::Channels,
                key: sender_key(channel, &sender),
                value: Some(joined.shown.write(&sender)),
            });
        }
        out.append(&mut self.records);
    }

    pub(super) fn write_channel_row(&mut self, keys: &ChannelKeys, name: &str) {
        let mut value = Vec::with_capacity(33 + name.len());
        value.push(ROW_VERSION);
        value.extend_from_slice(keys.secret().as_slice());
        value.extend_from_slice(name.as_bytes());
        self.put(Table::Channels, channel_key(keys.id()), value);
    }

    pub(super) fn write_run_row(&mut self) {
        self.put(Table::Channels, RUN_ROW.to_vec(), self.run.to_le_bytes().to_vec());
    }

    pub(super) fn write_message_row(&mut self, kept: &Kept) {
        if kept.durable {
            self.put(Table::History, message_key(kept.message.digest()), self.message_row(kept));
            self.uptime.save(kept.since, &mut self.records);
        }
    }

    /// Writes a row again: the message was handed to a neighbour.
    pub(super) fn rewrite_message_row(&mut self, digest: &Digest) {
        if let Some(kept) = self.history.get(digest).filter(|kept| kept.durable) {
            let row = self.message_row(kept);
            self.put(Table::History, message_key(digest), row);
        }
    }

    fn message_row(&self, kept: &Kept) -> Vec<u8> {
        let mut value = Vec::with_capacity(18 + kept.message.len());
        let uptime_s = self.uptime.seconds(kept.since);
        let mut w = Writer::new(&mut value);
        let lite = kept.shown.filter(|_| kept.message.lite().is_some());
        let version = if lite.is_some() { LITE_ROW_VERSION } else { ROW_VERSION };
        w.u8(version).u8(u8::from(kept.handed)).u64(kept.arrival).u64(uptime_s);
        if let Some(shown) = lite {
            w.u8(shown.standing as u8).array(&kept.channel.0);
            w.array(&shown.sender).u64(shown.lineage);
        }
        kept.message.write_body(kept.hops_left, kept.arrival_age_ms, &mut value);
        value
    }

    pub(super) fn erase_message_row(&mut self, kept: &Kept) {
        if kept.durable {
            self.delete(Table::History, message_key(kept.message.digest()));
        }
    }

    /// Saves the clock by which what is kept ages, when that is due.
    pub(super) fn save_uptime(&mut self, now: Instant) {
        if !self.history.is_empty() {
            self.uptime.save(now, &mut self.records);
        }
    }

    /// Erases what belongs to a channel that is left, its messages excepted.
    pub(super) fn erase_rows(&mut self, channel: ChannelId, joined: &Joined) {
        self.delete(Table::Channels, channel_key(channel));
        for sender in joined.shown.senders() {
            self.delete(Table::Channels, sender_key(channel, sender));
        }
    }

    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.records.push(Record { table, key, value: Some(value) });
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.records.push(Record { table, key, value: None });
    }

    fn restore_run(&mut self, value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        let run = r.u32("run")?;
        r.finish("run")?;
        self.run = run;
        Ok(())
    }

    fn restore_channel(&mut self, id: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        if r.u8("row version")? != ROW_VERSION {
            return Err(Malformed::OutOfRange("row version").into());
        }
        let keys = ChannelKeys::from_secret(Zeroizing::new(r.array("secret")?));
        let name = core::str::from_utf8(r.rest())
            .ok()
            .filter(|name| invite::is_name(name))
            .ok_or(Malformed::OutOfRange("channel name"))?;
        if keys.id().0 != *id || self.joined.len() >= CHANNELS_MAX {
            return Err(Malformed::OutOfRange("channel row").into());
        }
        self.joined.insert(keys.id(), Joined::new(keys, name.into()));
        Ok(())
    }

    fn restore_sender(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(key);
        let channel = ChannelId(r.array("channel id")?);
        let sender = r.array("sender key")?;
        r.finish("sender row key")?;
        let joined =
            self.joined.get_mut(&channel).ok_or(Malformed::OutOfRange("channel of a row"))?;
        Ok(joined.shown.restore(&sender, value)?)
    }

    fn restore_message(&mut self, digest: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        let version = r.u8("row version")?;
        if version != ROW_VERSION && version != LITE_ROW_VERSION {
            return Err(Malformed::OutOfRange("row version").into());
        }
        let handed = match r.u8("handed")? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::OutOfRange("handed").into()),
        };
        let (arrival, uptime_s) = (r.u64("arrival")?, r.u64("uptime")?);
        if version == LITE_ROW_VERSION {
            return self.restore_lite(&mut r, digest, (handed, arrival, uptime_s));
        }
        let incoming = Incoming::parse(r.rest())?;
        if incoming.digest() != digest || self.history.get(incoming.digest()).is_some() {
            return Err(Malformed::OutOfRange("message row").into());
        }
        let message = incoming.admit_stored();
        let header = *message.header();
        let channel = header.channel();
        let mut shown = None;
        if let Some(joined) = self.joined.get_mut(&channel) {
            let opened = message.decrypt(self.mode, &joined.keys)?;
            // Its sender's row may be older than this one, or know it already: both are fine.
            if joined.shown.check(&opened.sender, opened.lineage, opened.counter) == Verdict::NoRoom
            {
                return Err(Malformed::OutOfRange("message row").into());
            }
            joined.shown.insert(&opened.sender, opened.lineage, opened.counter);
            shown = Some(shown_as(channel, &opened, Standing::Proven));
        }
        let message = Carried::Full(message);
        self.restore_kept(message, (channel, shown), (handed, arrival, uptime_s));
        Ok(())
    }

    /// Takes back a lite object of a joined channel.
    fn restore_lite(
        &mut self,
        r: &mut Reader<'_>,
        digest: &[u8],
        position: (bool, u64, u64),
    ) -> Result<(), Error> {
        let standing = Standing::of(r.u8("standing")?).ok_or(Malformed::OutOfRange("standing"))?;
        let channel = ChannelId(r.array("channel id")?);
        let (sender, lineage) = (r.array("sender key")?, r.u64("lineage")?);
        let object = LiteObject::parse(r.rest())?;
        if object.digest() != digest || self.history.get(object.digest()).is_some() {
            return Err(Malformed::OutOfRange("message row").into());
        }
        let joined =
            self.joined.get_mut(&channel).ok_or(Malformed::OutOfRange("channel of a row"))?;
        let keys = joined.keys.group();
        let shown = if standing == Standing::Checkpoint {
            let checkpoint = keys.open_checkpoint(self.mode, &object)?;
            joined.lite.voices.learn(keys, &checkpoint.sender, checkpoint.lineage);
            for (claim, counter) in checkpoint.claims.iter().zip(u64::from(checkpoint.first)..) {
                if joined.shown.check(&sender, lineage, counter) != Verdict::Known {
                    joined.lite.claims.insert((sender, lineage, counter), *claim);
                }
            }
            checkpoint_as(&checkpoint)
        } else {
            let voice = keys.voice(&sender, lineage);
            let text = keys.open(self.mode, &object, &voice)?;
            let opened = Opened::of_lite(&voice, text);
            joined.restore_shown(&opened, standing, object.digest(), self.own)?;
            shown_as(channel, &opened, standing)
        };
        self.restore_kept(Carried::Lite(object), (channel, Some(shown)), position);
        Ok(())
    }

    fn restore_kept(
        &mut self,
        message: Carried,
        (channel, shown): (ChannelId, Option<ShownAs>),
        (handed, arrival, uptime_s): (bool, u64, u64),
    ) {
        self.next_arrival = self.next_arrival.max(arrival.saturating_add(1));
        self.restored.insert(*message.digest(), uptime_s);
        let kept = Kept {
            channel,
            arrival,
            hops_left: message.hops_left(),
            arrival_age_ms: message.age_ms(),
            age_ms: message.age_ms(),
            since: Instant::ZERO,
            ingress: self.own,
            copies: BTreeMap::new(),
            shown,
            handed,
            durable: true,
            message,
        };
        for dropped in self.history.insert(kept) {
            self.erase_dropped(&dropped);
        }
    }
}

impl Joined {
    /// Notes a lite message from disk under its name.
    fn restore_shown(
        &mut self,
        opened: &Opened,
        standing: Standing,
        digest: &Digest,
        own: Address,
    ) -> Result<(), Error> {
        let name = (opened.sender, opened.lineage, opened.counter);
        if self.shown.check(&name.0, name.1, name.2) == Verdict::NoRoom {
            return Err(Malformed::OutOfRange("message row").into());
        }
        self.shown.insert(&name.0, name.1, name.2);
        match standing {
            Standing::Unproven if Address::derive(&opened.sender) == own => {
                let pending = self.lite.own.pending.entry(opened.lineage).or_default();
                pending.push((opened.counter, *digest));
            }
            Standing::Unproven | Standing::Rival => {
                self.lite.unproven.entry(name).or_default().push(*digest);
            }
            Standing::Proven | Standing::Checkpoint => self.lite.claims.remove(&name),
        }
        Ok(())
    }
}

fn channel_key(channel: ChannelId) -> Vec<u8> {
    [&[CHANNEL_ROW][..], &channel.0].concat()
}

fn sender_key(channel: ChannelId, sender: &[u8; 32]) -> Vec<u8> {
    [&[SENDER_ROW][..], &channel.0, sender].concat()
}

fn message_key(digest: &[u8; 32]) -> Vec<u8> {
    [&[MESSAGE_ROW][..], digest].concat()
}
